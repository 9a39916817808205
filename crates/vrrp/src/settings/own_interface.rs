//! Interfaces that virtual routers make for themselves, and packet filters. The election does not look at them: a driver
//! makes the interfaces, and hands in settings in which they stand in the place of those below.

use std::collections::BTreeSet;
use std::net::IpAddr;

use holdfast_time::Duration;
use serde::{Deserialize, Serialize};

use super::{InstanceSettings, VirtualAddress};

/// `use_vmac` or `use_ipvlan` of an instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnInterface {
    /// Its configured name; `None`: made of [`Self::prefix`] and the VRID.
    pub name: Option<String>,
    /// `vmac_prefix`.
    pub prefix: String,
    /// What it is.
    pub kind: OwnInterfaceKind,
    /// `group`: the number of its interface group.
    pub group: Option<u32>,
    /// `vmac_xmit_base`: advertisements are sent and received on the interface below.
    pub transmit_on_base: bool,
}

/// What an own interface is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OwnInterfaceKind {
    /// `use_vmac`: a macvlan.
    Vmac {
        /// Its hardware address.
        mac: [u8; 6],
        /// `netlink_notify_msg`: tell those who listen to links of it once more when it is ready.
        notify: bool,
    },
    /// `use_ipvlan`: an ipvlan of layer 2.
    Ipvlan {
        /// How it reaches its siblings.
        mode: IpvlanMode,
        /// Its own address with the length of its prefix; advertisements are sent from it.
        address: Option<(IpAddr, u8)>,
    },
}

/// How the ipvlans over one interface reach each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum IpvlanMode {
    /// Directly.
    #[default]
    Bridge,
    /// Not at all.
    Private,
    /// Through the switch outside.
    Vepa,
}

/// `use_vmac` of an address, or `use_vmac_addr` of its instance: it lies on a macvlan over its interface.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AddressVmac {
    /// `vmac_addr_prefix`.
    pub prefix: String,
    /// The hardware address of the macvlan.
    pub mac: [u8; 6],
}

/// `garp_extra_if`: announcements that keep switches from forgetting a hardware address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExtraAnnouncements {
    /// Time from one to the next.
    pub interval: Duration,
    /// `all`: not only on own interfaces.
    pub all: bool,
    /// Where to announce. The driver fills it in when it knows the names of the own interfaces.
    pub interfaces: BTreeSet<String>,
}

/// How packets to virtual addresses are kept away from this host (`no_accept`), and group memberships of own interfaces are
/// reported by the interface below.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PacketFilterSettings {
    /// `nftables TABLE`: the name of the tables of both families.
    pub table: String,
    /// `nftables_priority`.
    pub priority: i32,
    /// `nftables_counters`.
    pub counters: bool,
    /// `nftables_ifindex`: link-local addresses go with the numbers of interfaces even where an instance does not track
    /// its own.
    pub ifindex: bool,
    /// Packets from the addresses are dropped as well; off with `vrrp_iptables INCHAIN`.
    pub drop_output: bool,
}

impl Default for PacketFilterSettings {
    fn default() -> Self {
        Self {
            table: "keepalived".into(),
            priority: -1,
            counters: false,
            ifindex: false,
            drop_output: true,
        }
    }
}

impl InstanceSettings {
    /// Whether packets to the addresses are to be dropped: `no_accept`, unless they are this router's own.
    pub const fn drops_packets(&self) -> bool {
        !self.accept && !self.is_owner()
    }

    /// Addresses that [`ExtraAnnouncements`] are about, without regard to the interface they lie on now.
    pub(crate) fn is_announced_extra(&self, address: &VirtualAddress) -> bool {
        let interface = self.interface_of(address);
        self.extra_announcements
            .as_ref()
            .is_some_and(|extra| extra.interfaces.contains(interface))
    }
}
