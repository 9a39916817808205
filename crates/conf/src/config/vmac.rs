//! `use_vmac` and `use_ipvlan`: the interfaces that an instance makes for itself.

use crate::source::Spanned;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// The MAC address of a [`Vmac`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum VmacAddress {
    /// 00:00:5e:00:01:VRID for IPv4, 00:00:5e:00:02:VRID for IPv6 (RFC 5798 section 7.3).
    #[default]
    Virtual,
    /// These five octets, and the VRID.
    Prefix([u8; 5]),
    /// These six octets.
    Fixed([u8; 6]),
}

/// `use_vmac`: a macvlan interface with the MAC address of the virtual router.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vmac {
    /// The name of the interface; `None`: `vrrp.VRID`, or the next name that is free.
    pub name: Option<Spanned<String>>,
    /// Its MAC address.
    pub address: VmacAddress,
    /// `netlink_notify_msg`: say that the link is up once more when it is.
    pub netlink_notify_msg: bool,
    /// Number of the group of the interface.
    pub group: Option<u32>,
}

/// How interfaces over the same one reach each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum IpvlanMode {
    /// Directly.
    #[default]
    Bridge,
    /// Not at all.
    Private,
    /// Through the switch outside.
    Vepa,
}

/// `use_ipvlan`: an ipvlan interface of layer 2.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ipvlan {
    /// The name of the interface; `None`: `vrrp.VRID`, or the next name that is free.
    pub name: Option<Spanned<String>>,
    /// Its address, of the family of the instance, and the prefix length.
    pub address: Option<(IpAddr, u8)>,
    /// How it reaches its siblings.
    pub mode: IpvlanMode,
    /// Number of the group of the interface.
    pub group: Option<u32>,
}
