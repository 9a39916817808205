//! What stands in the tables, without IO: one table for each family, in it a map and a rule for each protocol. Names and
//! rules are keepalived's, so that who looks at them finds what he knows.

use std::collections::BTreeSet;
use std::net::IpAddr;

use holdfast_ipvs::table::{Family, Protocol};
use holdfast_net::nftables::{
    Batch, Chain, DataType, Element, Expression, Hook, MetaKey, PayloadBase, Register, Set, SetFlags, Table,
    TableFamily, Verdict,
};

use crate::plan::mark_ranges::MarkRange;
use crate::plan::marks::MarkSettings;

const CHAIN: &str = "in";

/// A map and its rule.
type Place = (Family, Protocol);

/// The difference between tables, as changes of elements: batches to apply one after the other. `None`: the tables have to be
/// made anew.
pub(super) fn change(held: Option<&MarkSettings>, wanted: Option<&MarkSettings>) -> Option<Vec<Batch>> {
    let (held, wanted) = (held?, wanted?);
    let frame = |it: &MarkSettings| (it.table.clone(), it.priority, it.counters);
    let (known, needed) = (places(held), places(wanted));
    // Nothing is left behind that a start with these settings would not make.
    if frame(held) != frame(wanted) || !known.is_subset(&needed) {
        return None;
    }
    let mut batch = Batch::default();
    make(wanted, &known, &needed, &mut batch);
    let only = |of: &MarkSettings, other: &MarkSettings| {
        let other: BTreeSet<&MarkRange> = other.ranges.iter().collect();
        let ranges = of.ranges.iter().filter(|range| !other.contains(range));
        ranges.copied().collect::<Vec<_>>()
    };
    let (gone, new) = (only(held, wanted), only(wanted, held));
    for place in &needed {
        let table = table(place.0, &wanted.table);
        batch.remove_elements(&table, map_name(place.1), &elements(&gone, *place));
        batch.add_elements(&table, map_name(place.1), &elements(&new, *place));
    }
    Some(if gone.is_empty() || new.is_empty() {
        vec![batch]
    } else {
        guarded(wanted, batch)
    })
}

/// Tables made anew in the place of those that are there: batches to apply one after the other.
pub(super) fn replace(held: Option<&MarkSettings>, wanted: Option<&MarkSettings>) -> Vec<Batch> {
    let batch = anew(held, wanted);
    match wanted {
        Some(wanted) => guarded(wanted, batch),
        None => vec![batch],
    }
}

/// The kernel changes to new rules at once, but to new elements of such maps a moment later: what was in an old one and is in
/// a new one would be in none meanwhile. So other tables give the same marks while a change is made.
fn guarded(wanted: &MarkSettings, change: Batch) -> Vec<Batch> {
    let guard = MarkSettings {
        table: guard_name(&wanted.table),
        ..wanted.clone()
    };
    vec![anew(Some(&guard), Some(&guard)), change, one_less(&guard.table)]
}

fn guard_name(table: &str) -> String {
    format!("{table}_next")
}

fn anew(held: Option<&MarkSettings>, wanted: Option<&MarkSettings>) -> Batch {
    let mut batch = Batch::default();
    let names: BTreeSet<&str> = held.iter().chain(&wanted).map(|it| it.table.as_str()).collect();
    for name in names {
        remove_into(name, &mut batch);
    }
    if let Some(wanted) = wanted {
        let needed = places(wanted);
        make(wanted, &BTreeSet::new(), &needed, &mut batch);
        for place in needed {
            let table = table(place.0, &wanted.table);
            batch.add_elements(&table, map_name(place.1), &elements(&wanted.ranges, place));
        }
    }
    batch
}

/// No tables of this name any more, nor what a change that was cut short left.
pub(super) fn remove(name: &str) -> Batch {
    let mut batch = one_less(name);
    remove_into(&guard_name(name), &mut batch);
    batch
}

fn one_less(name: &str) -> Batch {
    let mut batch = Batch::default();
    remove_into(name, &mut batch);
    batch
}

fn remove_into(name: &str, batch: &mut Batch) {
    for family in [Family::Inet, Family::Inet6] {
        batch.remove_table(&table(family, name));
    }
}

/// Makes what is needed and not known yet: tables with their chains, maps with their rules.
fn make(settings: &MarkSettings, known: &BTreeSet<Place>, needed: &BTreeSet<Place>, batch: &mut Batch) {
    let mut made: BTreeSet<Family> = known.iter().map(|(family, _)| *family).collect();
    for (id, (family, protocol)) in (1..).zip(needed.difference(known)) {
        let table = table(*family, &settings.table);
        if made.insert(*family) {
            batch.add_table(&table);
            let chain = Chain {
                name: CHAIN.to_owned(),
                hook: Some((Hook::Input, settings.priority)),
            };
            batch.add_chain(&table, &chain);
        }
        batch.add_set(&table, &map(*family, *protocol, settings.counters, id));
        batch.add_rule(&table, CHAIN, &rule(*family, *protocol));
    }
}

fn map(family: Family, protocol: Protocol, counters: bool, id: u32) -> Set {
    let (address, bytes) = match family {
        Family::Inet => (DataType::IPV4_ADDRESS, 4),
        Family::Inet6 => (DataType::IPV6_ADDRESS, 16),
    };
    Set {
        name: map_name(protocol).to_owned(),
        key: DataType::concatenated(&[address, DataType::INET_SERVICE]),
        // A port fills four bytes.
        key_bytes: bytes + 4,
        data: Some((DataType::MARK, 4)),
        flags: SetFlags::default(),
        interval_parts: vec![bytes, 2],
        counters,
        id,
    }
}

/// `meta l4proto tcp meta mark set ip daddr . tcp dport map @tcp_map counter return`
fn rule(family: Family, protocol: Protocol) -> [Expression; 8] {
    // Behind the address comes the port: at the second of the short registers, or at the second of the long ones.
    let (offset, length, port) = match family {
        Family::Inet => (16, 4, Register::word(1)),
        Family::Inet6 => (24, 16, Register::SECOND),
    };
    [
        Expression::Meta {
            key: MetaKey::TransportProtocol,
            to: Register::FIRST,
        },
        Expression::equal(Register::FIRST, &[number(protocol)]),
        Expression::network(offset, length, Register::FIRST),
        Expression::Payload {
            base: PayloadBase::Transport,
            offset: 2,
            length: 2,
            to: port,
        },
        Expression::Lookup {
            set: map_name(protocol).to_owned(),
            from: Register::FIRST,
            to: Some(Register::FIRST),
        },
        Expression::SetMeta {
            key: MetaKey::Mark,
            from: Register::FIRST,
        },
        Expression::Counter,
        Expression::Verdict(Verdict::Return),
    ]
}

fn elements(ranges: &[MarkRange], (family, protocol): Place) -> Vec<Element> {
    let of_place = |range: &&MarkRange| range.protocol == protocol && Family::of(range.first) == family;
    let element = |range: &MarkRange| {
        let (first, last) = range.ports;
        Element::of_interval_map(
            key(range.first, first),
            key(range.last, last),
            range.mark.to_ne_bytes().to_vec(),
        )
    };
    ranges.iter().filter(of_place).map(element).collect()
}

/// Address and port, filled up to four bytes.
fn key(address: IpAddr, port: u16) -> Vec<u8> {
    let mut key = match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    };
    key.extend(port.to_be_bytes());
    key.extend([0, 0]);
    key
}

fn places(settings: &MarkSettings) -> BTreeSet<Place> {
    let ranges = settings.ranges.iter();
    ranges.map(|it| (Family::of(it.first), it.protocol)).collect()
}

fn table(family: Family, name: &str) -> Table {
    Table {
        family: match family {
            Family::Inet => TableFamily::Ip,
            Family::Inet6 => TableFamily::Ip6,
        },
        name: name.to_owned(),
    }
}

const fn map_name(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Tcp => "tcp_map",
        Protocol::Udp => "udp_map",
        Protocol::Sctp => "sctp_map",
    }
}

/// IANA's number.
const fn number(protocol: Protocol) -> u8 {
    match protocol {
        Protocol::Tcp => 6,
        Protocol::Udp => 17,
        Protocol::Sctp => 132,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(ranges: &[(&str, Protocol, u32)]) -> MarkSettings {
        let range = |(address, protocol, mark): &(&str, Protocol, u32)| MarkRange {
            protocol: *protocol,
            first: address.parse().unwrap(),
            last: address.parse().unwrap(),
            ports: (80, 80),
            mark: *mark,
        };
        MarkSettings {
            table: "keepalived_ipvs".into(),
            priority: -1,
            counters: false,
            ranges: ranges.iter().map(range).collect(),
        }
    }

    #[test]
    fn keys_are_filled_up() {
        assert_eq!(
            key("192.0.2.1".parse().unwrap(), 8080),
            [192, 0, 2, 1, 0x1f, 0x90, 0, 0]
        );
        assert_eq!(key("2001:db8::1".parse().unwrap(), 80).len(), 20);
    }

    #[test]
    fn what_is_the_same_changes_nothing() {
        let both = settings(&[("192.0.2.1", Protocol::Tcp, 1000), ("2001:db8::1", Protocol::Udp, 1001)]);
        let batches = change(Some(&both), Some(&both)).unwrap();
        assert!(batches.iter().all(Batch::is_empty));
        let other = settings(&[("192.0.2.2", Protocol::Tcp, 1000), ("2001:db8::1", Protocol::Udp, 1001)]);
        let batches = change(Some(&both), Some(&other)).unwrap();
        assert_eq!(batches.len(), 3, "one goes and another comes: guarded");
        assert!(batches.iter().all(|batch| !batch.is_empty()));
        let more = settings(&[
            ("192.0.2.1", Protocol::Tcp, 1000),
            ("192.0.2.2", Protocol::Tcp, 1000),
            ("2001:db8::1", Protocol::Udp, 1001),
        ]);
        assert_eq!(change(Some(&both), Some(&more)).unwrap().len(), 1);
        assert_eq!(change(Some(&more), Some(&both)).unwrap().len(), 1);
        assert_eq!(
            replace(None, Some(&both)).len(),
            3,
            "somebody may have left such tables"
        );
        assert_eq!(replace(Some(&both), None).len(), 1);
    }

    #[test]
    fn what_is_not_a_change_of_elements_is_made_anew() {
        let both = settings(&[("192.0.2.1", Protocol::Tcp, 1000), ("2001:db8::1", Protocol::Udp, 1001)]);
        let one = settings(&[("192.0.2.1", Protocol::Tcp, 1000)]);
        assert!(change(None, Some(&one)).is_none());
        assert!(change(Some(&one), None).is_none());
        assert!(change(Some(&both), Some(&one)).is_none(), "a map would be left empty");
        assert!(change(Some(&one), Some(&both)).is_some());
        let renamed = MarkSettings {
            table: "marks".into(),
            ..one.clone()
        };
        assert!(change(Some(&one), Some(&renamed)).is_none());
        let elsewhere = MarkSettings {
            priority: -2,
            ..one.clone()
        };
        assert!(change(Some(&one), Some(&elsewhere)).is_none());
    }
}
