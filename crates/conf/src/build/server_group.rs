//! `virtual_server_group`: addresses, ranges of addresses and firewall marks that share one virtual server.
#![deny(clippy::arithmetic_side_effects)]

use super::{Builder, Item};
use crate::config::{AddressFamily, GroupEntry, VirtualServerGroup};
use crate::diagnostic::{Diagnostic, findings};
use crate::grammar::Word;
use crate::source::Span;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Services that one group may stand for.
const MOST_SERVICES: u128 = 65_536;

/// An entry of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    Address(IpAddr, u16),
    /// Without a family it follows the real servers.
    Fwmark(u32, Option<AddressFamily>),
}

impl<'a> Builder<'a> {
    pub(super) fn virtual_server_group(&mut self, block: &Item<'_>) {
        let Some(name) = self.block_name(block) else { return };
        let mut entries = Vec::new();
        let mut lines = Vec::new();
        for line in self.lines(block.node) {
            match line.first() {
                Some(first) if first.text == "fwmark" => {
                    if let Some((mark, family)) = self.fwmark_entry(*first, &line) {
                        entries.push(Entry::Fwmark(mark, family));
                        lines.push(GroupEntry::Fwmark { mark, family });
                    }
                }
                Some(first) => lines.extend(self.address_entries(*first, &line, &mut entries)),
                None => {}
            }
        }
        let has = |family: AddressFamily| {
            entries.iter().any(|entry| match entry {
                Entry::Address(address, _) => AddressFamily::of(*address) == family,
                Entry::Fwmark(_, of) => *of == Some(family),
            })
        };
        let undecided = entries.iter().any(|entry| matches!(entry, Entry::Fwmark(_, None)));
        if entries.is_empty() {
            let message = format!("virtual_server_group {name} has no entries; it is left out");
            let hint = "write lines such as 192.0.2.1 80, 192.0.2.1-9 80 or fwmark 1";
            self.report(Diagnostic::new(findings::EMPTY_GROUP, message, Some(name.span)).hint(hint));
        } else if undecided && has(AddressFamily::Inet) && has(AddressFamily::Inet6) {
            let message =
                format!("virtual_server_group {name} has IPv4, IPv6 and a fwmark without family; it is left out");
            self.report(
                Diagnostic::new(findings::FAMILY_MISMATCH, message, Some(name.span)).hint("fwmark N inet, or inet6"),
            );
        } else {
            // Of two with one name the later one counts.
            if self.server_groups.contains_key(&name.value) {
                self.config
                    .virtual_server_groups
                    .retain(|group| group.name != name.value);
            }
            self.config.virtual_server_groups.push(VirtualServerGroup {
                name: name.value.clone(),
                entries: lines,
            });
            self.server_groups.insert(name.value, entries);
        }
    }

    fn fwmark_entry(&mut self, first: Word<'a>, line: &[Word<'a>]) -> Option<(u32, Option<AddressFamily>)> {
        let Some(word) = line.get(1).copied() else {
            self.invalid(
                findings::MISSING_ARGUMENT,
                "'fwmark' lacks its number; the line is ignored".into(),
                first,
            )
            .send(self);
            return None;
        };
        let mark = u32::try_from(self.integer("fwmark", word, 0, i64::from(u32::MAX))?).ok()?;
        let family = match line.get(2).map(|word| (word.text, *word)) {
            None => None,
            Some(("inet", _)) => Some(AddressFamily::Inet),
            Some(("inet6", _)) => Some(AddressFamily::Inet6),
            Some((other, word)) => {
                let message = format!("'{other}' is no address family; the line is ignored");
                self.invalid(findings::INVALID_VALUE, message, word)
                    .hint("inet or inet6")
                    .send(self);
                return None;
            }
        };
        Some((mark, family))
    }

    fn address_entries(&mut self, first: Word<'a>, line: &[Word<'a>], entries: &mut Vec<Entry>) -> Option<GroupEntry> {
        let port = match line.get(1) {
            None => 0,
            Some(word) => {
                let number = self
                    .integer("port", *word, 0, 65535)
                    .and_then(|port| u16::try_from(port).ok());
                number?
            }
        };
        if let Some(extra) = line.get(2) {
            let message = format!("'{}' is ignored: a line has an address and a port", extra.text);
            let span = extra.span(self.text);
            self.report(Diagnostic::new(findings::EXTRA_WORDS, message, Some(span)));
        }
        match range(first.text) {
            Ok(range) => self.push_range(range, port, first.span(self.text), entries),
            Err(reason) => {
                let message = format!("'{}' {reason}; the line is ignored", first.text);
                self.invalid(findings::INVALID_ADDRESS, message, first)
                    .hint("ADDRESS, ADDRESS-LAST or ADDRESS/LENGTH")
                    .send(self);
                None
            }
        }
    }

    fn push_range(&mut self, range: Range, port: u16, span: Span, entries: &mut Vec<Entry>) -> Option<GroupEntry> {
        let count = range.last.saturating_sub(range.first);
        if count.saturating_add(entries.len() as u128) >= MOST_SERVICES {
            let message = format!("A virtual_server_group may stand for {MOST_SERVICES} services; the line is ignored");
            self.report(Diagnostic::new(findings::GROUP_LIMIT, message, Some(span)));
            return None;
        }
        entries.extend((range.first..=range.last).map(|bits| Entry::Address(range.address(bits), port)));
        Some(GroupEntry::Addresses {
            first: range.address(range.first),
            last: range.address(range.last),
            port,
        })
    }
}

/// First and last address as numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Range {
    first: u128,
    last: u128,
    family: AddressFamily,
}

impl Range {
    fn address(self, bits: u128) -> IpAddr {
        match self.family {
            AddressFamily::Inet => IpAddr::V4(Ipv4Addr::from(u32::try_from(bits).unwrap_or(u32::MAX))),
            AddressFamily::Inet6 => IpAddr::V6(Ipv6Addr::from(bits)),
        }
    }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(u32::from(address)),
        IpAddr::V6(address) => u128::from(address),
    }
}

/// `ADDRESS`, `ADDRESS-LAST` (a whole address, or the last octet or group), `ADDRESS/LENGTH`.
fn range(text: &str) -> Result<Range, &'static str> {
    let parse = |text: &str| text.parse::<IpAddr>().map_err(|_| "is not an address");
    if let Some((address, length)) = text.split_once('/') {
        let address = parse(address)?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let length: u32 = length
            .parse()
            .ok()
            .filter(|length| *length <= width)
            .ok_or("has no valid prefix length")?;
        let host = u128::MAX
            .checked_shl(width.saturating_sub(length))
            .map_or(u128::MAX, |network| !network);
        let first = bits(address);
        if first & host != 0 {
            return Err("has bits set beyond its prefix length");
        }
        return Ok(Range {
            first,
            last: first | host,
            family: AddressFamily::of(address),
        });
    }
    let Some((first, last)) = text.split_once('-') else {
        let address = parse(text)?;
        return Ok(Range {
            first: bits(address),
            last: bits(address),
            family: AddressFamily::of(address),
        });
    };
    let first = parse(first)?;
    let last = match (first, last.parse::<IpAddr>()) {
        (_, Ok(last)) if last.is_ipv4() == first.is_ipv4() => bits(last),
        (_, Ok(_)) => return Err("is a range from one family to the other"),
        (IpAddr::V4(_), Err(_)) => {
            bits(first) & !0xff | u128::from(last.parse::<u8>().map_err(|_| "has no valid last octet")?)
        }
        (IpAddr::V6(_), Err(_)) => {
            let group = u16::from_str_radix(last, 16).map_err(|_| "has no valid last group")?;
            bits(first) & !0xffff | u128::from(group)
        }
    };
    if last < bits(first) {
        return Err("is a range that ends before it begins");
    }
    Ok(Range {
        first: bits(first),
        last,
        family: AddressFamily::of(first),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(text: &str) -> Option<(String, String)> {
        let range = range(text).ok()?;
        Some((
            range.address(range.first).to_string(),
            range.address(range.last).to_string(),
        ))
    }

    #[test]
    fn ranges_are_read() {
        let both = |first: &str, last: &str| Some((first.to_owned(), last.to_owned()));
        assert_eq!(ends("192.0.2.1"), both("192.0.2.1", "192.0.2.1"));
        assert_eq!(ends("192.0.2.1-9"), both("192.0.2.1", "192.0.2.9"));
        assert_eq!(ends("192.0.2.250-192.0.3.5"), both("192.0.2.250", "192.0.3.5"));
        assert_eq!(ends("192.0.2.0/30"), both("192.0.2.0", "192.0.2.3"));
        assert_eq!(ends("2001:db8::1-ff"), both("2001:db8::1", "2001:db8::ff"));
        for wrong in [
            "192.0.2.9-1",
            "192.0.2.1/30",
            "192.0.2.1-300",
            "x",
            "192.0.2.1-2001:db8::1",
            "192.0.2.0/33",
        ] {
            assert!(range(wrong).is_err(), "{wrong}");
        }
        assert_eq!(ends("::/0").map(|ends| ends.0), Some("::".to_owned()));
    }
}
