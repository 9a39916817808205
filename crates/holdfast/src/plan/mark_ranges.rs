//! From addresses and ports to ranges of which no two overlap, as a map of nftables needs them.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use holdfast_ipvs::table::{Family, Protocol};
use serde::{Deserialize, Serialize};

/// Packets that get a mark: those of a protocol to a range of addresses and a range of ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MarkRange {
    /// The protocol
    pub protocol: Protocol,
    /// The first address
    pub first: IpAddr,
    /// The last one, of the same family
    pub last: IpAddr,
    /// First and last port
    pub ports: (u16, u16),
    /// The mark
    pub mark: u32,
}

/// Addresses as numbers and ports, first and last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Area {
    addresses: (u128, u128),
    ports: (u16, u16),
    /// `None`: belongs to a service of its own
    mark: Option<u32>,
}

const ALL_PORTS: (u16, u16) = (0, u16::MAX);

/// Gathers addresses and ports. A certain port goes before any port (0), as with services by address, and among equals the
/// first one.
#[derive(Debug, Default)]
pub(super) struct Ranges {
    areas: BTreeMap<(Protocol, Family), Vec<Area>>,
}

impl Ranges {
    /// Packets to here get no mark.
    pub(super) fn spare(&mut self, protocol: Protocol, address: IpAddr, port: u16) {
        self.add(protocol, address, port, None);
    }

    /// Packets to here get this mark.
    pub(super) fn mark(&mut self, protocol: Protocol, address: IpAddr, port: u16, mark: u32) {
        self.add(protocol, address, port, Some(mark));
    }

    fn add(&mut self, protocol: Protocol, address: IpAddr, port: u16, mark: Option<u32>) {
        let areas = self.areas.entry((protocol, Family::of(address))).or_default();
        let number = number(address);
        let ports = if port == 0 { ALL_PORTS } else { (port, port) };
        // Lines of a group are read as their addresses, one by one.
        if let Some(last) = areas.last_mut()
            && (last.ports, last.mark) == (ports, mark)
            && last.addresses.1.checked_add(1) == Some(number)
        {
            last.addresses.1 = number;
            return;
        }
        areas.push(Area {
            addresses: (number, number),
            ports,
            mark,
        });
    }

    /// The ranges, in order.
    pub(super) fn resolve(self) -> Vec<MarkRange> {
        let mut ranges = Vec::new();
        for ((protocol, family), areas) in self.areas {
            let (any_port, certain): (Vec<Area>, Vec<Area>) = areas.into_iter().partition(|it| it.ports == ALL_PORTS);
            let mut done: Vec<Area> = Vec::new();
            for area in certain.into_iter().chain(any_port) {
                let rest = done.iter().fold(vec![area], |parts, other| {
                    parts.into_iter().flat_map(|part| part.without(other)).collect()
                });
                done.extend(rest);
            }
            let range = |area: &Area| {
                Some(MarkRange {
                    protocol,
                    first: address(family, area.addresses.0),
                    last: address(family, area.addresses.1),
                    ports: area.ports,
                    mark: area.mark?,
                })
            };
            ranges.extend(done.iter().filter_map(range));
        }
        ranges.sort_unstable();
        ranges
    }
}

impl Area {
    /// What of it is not in the other one: the addresses before and behind that, and beside its ports.
    fn without(self, other: &Self) -> Vec<Self> {
        let addresses = (
            self.addresses.0.max(other.addresses.0),
            self.addresses.1.min(other.addresses.1),
        );
        let ports = (self.ports.0.max(other.ports.0), self.ports.1.min(other.ports.1));
        if addresses.0 > addresses.1 || ports.0 > ports.1 {
            return vec![self];
        }
        let mut rest = Vec::new();
        if self.addresses.0 < addresses.0 {
            rest.push(Self {
                addresses: (self.addresses.0, addresses.0.saturating_sub(1)),
                ..self
            });
        }
        if addresses.1 < self.addresses.1 {
            rest.push(Self {
                addresses: (addresses.1.saturating_add(1), self.addresses.1),
                ..self
            });
        }
        if self.ports.0 < ports.0 {
            let before = (self.ports.0, ports.0.saturating_sub(1));
            rest.push(Self {
                addresses,
                ports: before,
                ..self
            });
        }
        if ports.1 < self.ports.1 {
            let behind = (ports.1.saturating_add(1), self.ports.1);
            rest.push(Self {
                addresses,
                ports: behind,
                ..self
            });
        }
        rest
    }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(u32::from(address)),
        IpAddr::V6(address) => u128::from(address),
    }
}

/// Numbers of a family come from its addresses.
fn address(family: Family, number: u128) -> IpAddr {
    match family {
        Family::Inet => IpAddr::V4(Ipv4Addr::from(u32::try_from(number).unwrap_or(u32::MAX))),
        Family::Inet6 => IpAddr::V6(Ipv6Addr::from(number)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(ranges: Ranges) -> Vec<String> {
        let resolved = ranges.resolve();
        let show = |it: &MarkRange| {
            let (from, to) = it.ports;
            format!("{}-{} {from}-{to} {}", it.first, it.last, it.mark)
        };
        resolved.iter().map(show).collect()
    }

    fn tcp(ranges: &mut Ranges, text: &str, port: u16, mark: u32) {
        ranges.mark(Protocol::Tcp, text.parse().unwrap(), port, mark);
    }

    #[test]
    fn neighbours_become_one_range() {
        let mut ranges = Ranges::default();
        for last in 210..=213 {
            tcp(&mut ranges, &format!("192.0.2.{last}"), 8080, 1000);
        }
        tcp(&mut ranges, "192.0.2.214", 80, 1000);
        tcp(&mut ranges, "192.0.2.215", 80, 1001);
        tcp(&mut ranges, "2001:db8::ff", 80, 1002);
        tcp(&mut ranges, "2001:db8::100", 80, 1002);
        assert_eq!(
            shown(ranges),
            [
                "192.0.2.210-192.0.2.213 8080-8080 1000",
                "192.0.2.214-192.0.2.214 80-80 1000",
                "192.0.2.215-192.0.2.215 80-80 1001",
                "2001:db8::ff-2001:db8::100 80-80 1002",
            ]
        );
    }

    #[test]
    fn a_certain_port_goes_before_any_port_and_the_first_before_the_second() {
        let mut ranges = Ranges::default();
        for last in 1..=3 {
            tcp(&mut ranges, &format!("192.0.2.{last}"), 0, 1000);
        }
        tcp(&mut ranges, "192.0.2.2", 80, 1001);
        tcp(&mut ranges, "192.0.2.2", 80, 1002);
        ranges.spare(Protocol::Tcp, "192.0.2.3".parse().unwrap(), 65535);
        // Of another protocol: in nobody's way.
        ranges.spare(Protocol::Udp, "192.0.2.1".parse().unwrap(), 0);
        assert_eq!(
            shown(ranges),
            [
                "192.0.2.1-192.0.2.1 0-65535 1000",
                "192.0.2.2-192.0.2.2 0-79 1000",
                "192.0.2.2-192.0.2.2 80-80 1001",
                "192.0.2.2-192.0.2.2 81-65535 1000",
                "192.0.2.3-192.0.2.3 0-65534 1000",
            ]
        );
    }

    /// Whatever comes together, each packet gets the mark that the plain rule says, from one range at most.
    #[test]
    fn no_packet_is_lost_and_none_is_in_two_ranges() {
        use proptest::prelude::*;
        let areas = proptest::collection::vec((0_u8..6, 0_u16..4, proptest::option::of(1_u32..5)), 0..14);
        proptest!(|(areas in areas)| {
            let address = |last: u8| IpAddr::from([192, 0, 2, last]);
            let mut ranges = Ranges::default();
            for (last, port, mark) in &areas {
                ranges.add(Protocol::Tcp, address(*last), *port, *mark);
            }
            let resolved = ranges.resolve();
            for last in 0..6 {
                for port in 1_u16..6 {
                    let at = |wanted: u16| areas.iter().find(|(it, of, _)| *it == last && *of == wanted);
                    let expected = at(port).or_else(|| at(0)).and_then(|(_, _, mark)| *mark);
                    let is_in = |it: &&MarkRange| {
                        (it.first..=it.last).contains(&address(last)) && (it.ports.0..=it.ports.1).contains(&port)
                    };
                    let found: Vec<u32> = resolved.iter().filter(is_in).map(|it| it.mark).collect();
                    prop_assert_eq!(found, Vec::from_iter(expected));
                }
            }
        });
    }
}
