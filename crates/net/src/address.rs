//! Addresses of interfaces as plain data, and how rtnetlink writes them.
#![deny(clippy::arithmetic_side_effects)]

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::BitOr;

use serde::{Deserialize, Serialize};

use crate::changes::{Change, Entry};
use crate::netlink::{CREATE, EXCLUSIVE, Message, RequestWriter, attributes, number, text};
use crate::prefix::octets;

/// `RTM_NEWADDR`
pub(crate) const NEW: u16 = 20;
/// `RTM_DELADDR`
pub(crate) const DELETE: u16 = 21;
/// `RTM_GETADDR`
pub(crate) const GET: u16 = 22;

/// Length of `struct ifaddrmsg`: family u8, prefix length u8, flags u8, scope u8, index u32.
const HEADER: usize = 8;
/// IPv6: the address, or the peer if there is one. IPv4: the peer, or the address again.
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
const IFA_LABEL: u16 = 3;
const IFA_BROADCAST: u16 = 4;
const IFA_CACHEINFO: u16 = 6;
const IFA_FLAGS: u16 = 8;
const IFA_PROTO: u16 = 11;
/// Longest label, without the closing zero.
const LABEL_BYTES: usize = 15;
/// A lifetime without end, in seconds.
const FOREVER_S: u32 = u32::MAX;

/// The mark (`IFA_PROTO`, Linux 5.18 and later) on every address that Holdfast adds, by which it knows its own
/// leftovers after a crash. The kernel itself uses 1 to 3; 112 is VRRP's number among the IP protocols. Older kernels
/// ignore the mark and report 0.
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

    /// What may be asked for; the rest is the kernel's to report.
    const REQUESTABLE: Self =
        Self(Self::NODAD.0 | Self::HOMEADDRESS.0 | Self::MANAGETEMPADDR.0 | Self::NOPREFIXROUTE.0 | Self::MCAUTOJOIN.0);

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
    /// What is asked for, or what is observed. Of flags to be asked for, those that only the kernel sets are passed
    /// over.
    pub flags: AddressFlags,
    /// Seconds for which the address is preferred for new connections; absent: forever. The address itself never
    /// expires.
    pub preferred_lifetime_s: Option<u32>,
    /// Who says to have added it ([`ADDRESS_PROTOCOL`] for Holdfast); 0: not said, or a kernel before 5.18.
    pub protocol: u8,
}

impl InterfaceAddress {
    /// An address as Holdfast adds them: global, marked as ours, IPv6 without duplicate address detection (the former
    /// master may still hold it for a moment).
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

/// Payload of a request for all addresses.
pub(crate) fn dump_request() -> Vec<u8> {
    vec![0; HEADER]
}

impl Entry for InterfaceAddress {
    fn operation(change: Change) -> &'static str {
        match change {
            Change::Add => "add address",
            Change::Remove => "remove address",
        }
    }

    fn kind_and_flags(&self, change: Change) -> (u16, u16) {
        match change {
            Change::Add => (NEW, CREATE | EXCLUSIVE),
            Change::Remove => (DELETE, 0),
        }
    }

    fn is_already_so(&self, change: Change, errno: i32) -> bool {
        match change {
            Change::Add => errno == libc::EEXIST,
            // An interface that is gone has taken its addresses along.
            Change::Remove => errno == libc::EADDRNOTAVAIL || errno == libc::ENODEV,
        }
    }

    fn check(&self) -> Result<(), &'static str> {
        let is_ipv4 = self.address.is_ipv4();
        if self.prefix_length > if is_ipv4 { 32 } else { 128 } {
            return Err("the prefix is longer than the address");
        }
        if self.peer.is_some_and(|peer| peer.is_ipv4() != is_ipv4) {
            return Err("the peer's address is of another family");
        }
        if !is_ipv4 && (self.broadcast.is_some() || self.label.is_some()) {
            return Err("broadcast addresses and labels are for IPv4 only");
        }
        match &self.label {
            Some(label) if label.len() > LABEL_BYTES => Err("the label is longer than 15 bytes"),
            Some(label) if label.contains('\0') => Err("the label contains a zero byte"),
            _ => Ok(()),
        }
    }

    fn write(&self, _: Change, body: &mut RequestWriter) {
        let family = if self.address.is_ipv4() {
            libc::AF_INET
        } else {
            libc::AF_INET6
        };
        let mut header = vec![u8::try_from(family).unwrap_or(0), self.prefix_length, 0, self.scope.0];
        header.extend(self.interface_index.to_ne_bytes());
        body.fixed(&header);
        body.attribute(IFA_LOCAL, &octets(self.address));
        body.attribute(IFA_ADDRESS, &octets(self.peer.unwrap_or(self.address)));
        if let Some(broadcast) = self.broadcast {
            body.attribute(IFA_BROADCAST, &broadcast.octets());
        }
        if let Some(label) = &self.label {
            body.name_attribute(IFA_LABEL, label);
        }
        let flags = self.flags.0 & AddressFlags::REQUESTABLE.0;
        body.attribute(IFA_FLAGS, &flags.to_ne_bytes());
        if let Some(preferred) = self.preferred_lifetime_s {
            // struct ifa_cacheinfo: preferred, valid, and two stamps that the kernel sets.
            let lifetimes: Vec<u8> = [preferred, FOREVER_S, 0, 0]
                .iter()
                .flat_map(|value| value.to_ne_bytes())
                .collect();
            body.attribute(IFA_CACHEINFO, &lifetimes);
        }
        if self.protocol != 0 {
            body.attribute(IFA_PROTO, &[self.protocol]);
        }
    }
}

/// The address in a [`NEW`] or [`DELETE`] message; nothing for families other than IPv4 and IPv6.
pub(crate) fn decode(message: &Message<'_>) -> Option<InterfaceAddress> {
    let (header, rest) = message.payload.split_first_chunk::<HEADER>()?;
    let [family, prefix_length, flags, scope, index @ ..] = header;
    if !matches!(i32::from(*family), libc::AF_INET | libc::AF_INET6) {
        return None;
    }
    let mut local = None;
    let mut other = None;
    // The address itself is filled in below, when it is clear which attribute has it.
    let mut address = InterfaceAddress {
        interface_index: number(index)?,
        prefix_length: *prefix_length,
        scope: AddressScope(*scope),
        flags: AddressFlags(u32::from(*flags)),
        protocol: 0,
        ..InterfaceAddress::new(0, IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0)
    };
    for (kind, value) in attributes(rest) {
        match kind {
            IFA_LOCAL => local = ip_address(*family, value),
            IFA_ADDRESS => other = ip_address(*family, value),
            IFA_BROADCAST => address.broadcast = <[u8; 4]>::try_from(value).ok().map(Ipv4Addr::from),
            IFA_LABEL => address.label = Some(text(value)),
            IFA_FLAGS => address.flags = AddressFlags(number(value)?),
            IFA_CACHEINFO => {
                address.preferred_lifetime_s = number(value).filter(|preferred| *preferred != FOREVER_S);
            }
            IFA_PROTO => address.protocol = value.first().copied().unwrap_or(0),
            _ => {}
        }
    }
    address.address = local.or(other)?;
    address.peer = other.filter(|other| *other != address.address);
    Some(address)
}

fn ip_address(family: u8, value: &[u8]) -> Option<IpAddr> {
    if i32::from(family) == libc::AF_INET {
        <[u8; 4]>::try_from(value)
            .ok()
            .map(|octets| Ipv4Addr::from(octets).into())
    } else {
        <[u8; 16]>::try_from(value)
            .ok()
            .map(|octets| Ipv6Addr::from(octets).into())
    }
}

#[cfg(test)]
mod tests;
