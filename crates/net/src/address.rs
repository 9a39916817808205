//! Addresses of interfaces as plain data.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::ops::BitOr;

use serde::{Deserialize, Serialize};

/// The mark (`IFA_PROTO`, Linux 5.18 and later) on every address that Holdfast adds, by which it knows its own leftovers
/// after a crash. The kernel itself uses 1 to 3; 112 is VRRP's number among the IP protocols. Older kernels ignore the mark
/// and report 0.
pub const ADDRESS_PROTOCOL: u8 = 112;

/// `IFA_F_*` of `linux/if_addr.h`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AddressFlags(pub u32);

impl AddressFlags {
    /// No flag.
    pub const NONE: Self = Self(0);
    /// IPv4: not the first address of its prefix; deleted with the first one unless `promote_secondaries` is set.
    pub const SECONDARY: Self = Self(libc::IFA_F_SECONDARY);
    /// IPv6: no duplicate address detection, usable at once.
    pub const NODAD: Self = Self(libc::IFA_F_NODAD);
    /// IPv6: duplicate address detection found another owner.
    pub const DADFAILED: Self = Self(libc::IFA_F_DADFAILED);
    /// IPv6: Mobile IPv6 home address.
    pub const HOMEADDRESS: Self = Self(libc::IFA_F_HOMEADDRESS);
    /// IPv6: not preferred for new connections.
    pub const DEPRECATED: Self = Self(libc::IFA_F_DEPRECATED);
    /// IPv6: duplicate address detection still runs, not usable as a source.
    pub const TENTATIVE: Self = Self(libc::IFA_F_TENTATIVE);
    /// Never expires.
    pub const PERMANENT: Self = Self(libc::IFA_F_PERMANENT);
    /// IPv6: temporary addresses are made from this one.
    pub const MANAGETEMPADDR: Self = Self(libc::IFA_F_MANAGETEMPADDR);
    /// No connected route for the prefix.
    pub const NOPREFIXROUTE: Self = Self(libc::IFA_F_NOPREFIXROUTE);
    /// The kernel joins this multicast address.
    pub const MCAUTOJOIN: Self = Self(libc::IFA_F_MCAUTOJOIN);

    /// Whether all of `flags` are set.
    pub const fn contains(self, flags: Self) -> bool {
        self.0 & flags.0 == flags.0
    }

    /// Without any of `flags`.
    #[must_use]
    pub const fn without(self, flags: Self) -> Self {
        Self(self.0 & !flags.0)
    }
}

impl BitOr for AddressFlags {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// How far an address is valid (`rtnetlink(7)`, the numbers of `/etc/iproute2/rt_scopes`). IPv6 ignores it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AddressScope(pub u8);

impl AddressScope {
    /// Everywhere.
    pub const GLOBAL: Self = Self(0);
    /// Inside the site.
    pub const SITE: Self = Self(200);
    /// On this link.
    pub const LINK: Self = Self(253);
    /// On this host.
    pub const HOST: Self = Self(254);
    /// Nowhere.
    pub const NOWHERE: Self = Self(255);
}

/// An address on an interface, wanted or observed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct InterfaceAddress {
    /// The interface that carries it.
    pub interface_index: u32,
    /// The address of this host.
    pub address: IpAddr,
    /// Bits of the prefix: of `peer` if there is one, of `address` otherwise. 0 to 32 or 128.
    pub prefix_length: u8,
    /// The other end of a point-to-point link, same family.
    pub peer: Option<IpAddr>,
    /// IPv4 only.
    pub broadcast: Option<Ipv4Addr>,
    /// IPv4 only; what is observed for IPv6 follows from the address.
    pub scope: AddressScope,
    /// IPv4 only, at most 15 bytes. The kernel reports the interface's name where none was given.
    pub label: Option<String>,
    /// What is asked for, or what is observed.
    pub flags: AddressFlags,
    /// Seconds for which the address is preferred for new connections; absent: forever. The address itself never expires.
    pub preferred_lifetime_s: Option<u32>,
    /// Who says to have added it ([`ADDRESS_PROTOCOL`] for Holdfast); 0: not said, or a kernel before 5.18.
    pub protocol: u8,
}

impl InterfaceAddress {
    /// An address as Holdfast adds them: global, marked as ours, IPv6 without duplicate address detection (the former master
    /// may still hold it for a moment).
    pub fn new(interface_index: u32, address: IpAddr, prefix_length: u8) -> Self {
        Self {
            interface_index,
            address,
            prefix_length,
            peer: None,
            broadcast: None,
            scope: AddressScope::GLOBAL,
            label: None,
            flags: if address.is_ipv6() {
                AddressFlags::NODAD
            } else {
                AddressFlags::NONE
            },
            preferred_lifetime_s: None,
            protocol: ADDRESS_PROTOCOL,
        }
    }

    /// Same address on the same interface with the same prefix and peer: what the kernel takes for the same address.
    pub fn is_same_address(&self, other: &Self) -> bool {
        (self.interface_index, self.address, self.prefix_length, self.peer)
            == (other.interface_index, other.address, other.prefix_length, other.peer)
    }
}

/// As in `192.0.2.10/24 on interface 3`.
impl fmt::Display for InterfaceAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.address)?;
        if let Some(peer) = self.peer {
            write!(f, " peer {peer}")?;
        }
        write!(f, "/{} on interface {}", self.prefix_length, self.interface_index)
    }
}
