//! Lines of addresses, interfaces and peers.
#![deny(clippy::arithmetic_side_effects)]

use super::Builder;
use crate::config::{AddressFamily, TrackInterface, UnicastPeer, VirtualAddress};
use crate::diagnostic::{Diagnostic, findings};
use crate::grammar::Word;
use crate::keywords::{self, Context};
use crate::source::Spanned;
use std::net::{IpAddr, Ipv4Addr};

/// The most that a tracked interface may weigh.
const MOST_WEIGHT: i64 = 253;

impl<'a> Builder<'a> {
    /// A line of `virtual_ipaddress`. `dev` is filled in with an empty name when none is written.
    pub(super) fn virtual_address(&mut self, line: &[Word<'a>]) -> Option<VirtualAddress> {
        let first = *line.first()?;
        let (address, length) = match first.text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (first.text, None),
        };
        let Ok(address) = address.parse::<IpAddr>() else {
            let message = format!("'{address}' is not an IP address; the line is ignored");
            let misplaced = keywords::homes(first.text).map(Context::title).next();
            let hint = misplaced.map(|home| format!("'{}' is a keyword of {home}: is a }} missing?", first.text));
            let complaint = self.invalid(findings::INVALID_ADDRESS, message, first);
            match hint {
                Some(hint) => complaint.hint(hint).send(self),
                None => complaint.send(self),
            }
            return None;
        };
        let span = first.span(self.text);
        let family = AddressFamily::of(address);
        let full = if family == AddressFamily::Inet { 32 } else { 128 };
        let prefix_length = match length {
            None => full,
            Some(length) => length.parse().ok().filter(|length| *length <= full).unwrap_or_else(|| {
                let message = format!("'{length}' is not a prefix length from 0 to {full}; {full} is used");
                self.invalid(findings::OUT_OF_RANGE, message, first).send(self);
                full
            }),
        };
        let mut it = VirtualAddress {
            address: Spanned::new(address, span),
            prefix_length,
            dev: Spanned::new(String::new(), span),
            scope: 0,
            broadcast: None,
            label: None,
            peer: None,
            home: false,
            nodad: family == AddressFamily::Inet6,
            mngtmpaddr: false,
            noprefixroute: false,
            autojoin: false,
            no_track: false,
            preferred_lft: (family == AddressFamily::Inet6 && prefix_length == 128).then_some(0),
        };
        let mut at = 1;
        while at < line.len() {
            at = at.saturating_add(self.address_option(&mut it, line, at)?);
        }
        Some(it)
    }

    /// Takes one option; the number of words that it has, or `None` when the line is to be left out.
    fn address_option(&mut self, it: &mut VirtualAddress, line: &[Word<'a>], at: usize) -> Option<usize> {
        let option = *line.get(at)?;
        let value = line.get(at.saturating_add(1)).copied();
        let takes_value = matches!(
            option.text,
            "dev" | "scope" | "broadcast" | "brd" | "label" | "peer" | "preferred_lft"
        );
        let Some(value) = value.or(if takes_value { None } else { Some(option) }) else {
            let message = format!("'{}' lacks its value; the line is ignored", option.text);
            self.invalid(findings::MISSING_ARGUMENT, message, option).send(self);
            return None;
        };
        let ipv4 = it.address.is_ipv4();
        match option.text {
            "dev" => it.dev = self.spanned(value),
            "scope" if ipv4 => self.scope(it, value),
            "broadcast" | "brd" if ipv4 => it.broadcast = Some(self.broadcast(it, value)?),
            "label" if ipv4 => it.label = Some(self.label(value)?),
            "scope" | "label" | "broadcast" | "brd" => {
                let message = format!("'{}' is for IPv4 addresses; it is ignored", option.text);
                self.invalid(findings::FAMILY_MISMATCH, message, option).send(self);
            }
            "peer" => self.peer(it, value),
            "preferred_lft" => self.preferred_lft(it, value),
            "home" => it.home = true,
            "-nodad" => it.nodad = false,
            "mngtmpaddr" => it.mngtmpaddr = true,
            "noprefixroute" => it.noprefixroute = true,
            "autojoin" => it.autojoin = true,
            "no_track" => it.no_track = true,
            "use_vmac" => {
                if let Some(keyword) = Context::VirtualIpaddress.find("use_vmac") {
                    self.not_in_effect(keyword, Context::VirtualIpaddress, option.span(self.text));
                }
            }
            _ => self.unknown_option(option, Context::VirtualIpaddress),
        }
        Some(if takes_value { 2 } else { 1 })
    }

    pub(super) fn unknown_option(&mut self, option: Word<'_>, context: Context) {
        let message = format!("'{}' is no option in {}; it is ignored", option.text, context.title());
        let near = keywords::nearest(option.text, context.keywords().map(|keyword| keyword.name));
        let complaint = self.invalid(findings::UNKNOWN_OPTION, message, option);
        let hint = if option.text.parse::<IpAddr>().is_ok() {
            Some("write one address on a line".to_owned())
        } else {
            near.map(|name| format!("did you mean '{name}'?"))
        };
        match hint {
            Some(hint) => complaint.hint(hint).send(self),
            None => complaint.send(self),
        }
    }

    fn scope(&mut self, it: &mut VirtualAddress, value: Word<'_>) {
        let scope = match value.text {
            "global" => Some(0),
            "site" => Some(200),
            "link" => Some(253),
            "host" => Some(254),
            "nowhere" => Some(255),
            number => number.parse().ok(),
        };
        match scope {
            Some(scope) => it.scope = scope,
            None => self
                .invalid(
                    findings::INVALID_VALUE,
                    format!("'{}' is no scope; it is ignored", value.text),
                    value,
                )
                .hint("global, site, link, host, nowhere or 0 to 255")
                .send(self),
        }
    }

    fn broadcast(&mut self, it: &VirtualAddress, value: Word<'_>) -> Option<Ipv4Addr> {
        let host_bits = u32::MAX.checked_shr(u32::from(it.prefix_length)).unwrap_or(0);
        let address = match (value.text, it.address.value) {
            ("+", IpAddr::V4(address)) if it.prefix_length <= 30 => {
                Some(Ipv4Addr::from(u32::from(address) | host_bits))
            }
            ("-", IpAddr::V4(address)) if it.prefix_length <= 30 => {
                Some(Ipv4Addr::from(u32::from(address) & !host_bits))
            }
            (text, _) => text.parse().ok(),
        };
        if address.is_none() {
            let message = format!("'{}' is no broadcast address here; the line is ignored", value.text);
            self.invalid(findings::INVALID_ADDRESS, message, value).send(self);
        }
        address
    }

    fn label(&mut self, value: Word<'_>) -> Option<String> {
        if value.text.len() > 15 {
            let message = format!("The label '{}' has more than 15 bytes; the line is ignored", value.text);
            self.invalid(findings::INVALID_VALUE, message, value).send(self);
            return None;
        }
        Some(value.text.to_owned())
    }

    fn peer(&mut self, it: &mut VirtualAddress, value: Word<'_>) {
        let address = value.text.split('/').next().unwrap_or_default().parse::<IpAddr>().ok();
        it.peer = address.filter(|peer| peer.is_ipv4() == it.address.is_ipv4());
        if it.peer.is_none() {
            let message = format!("'{}' is no address of the same family; 'peer' is ignored", value.text);
            self.invalid(findings::INVALID_ADDRESS, message, value).send(self);
        }
    }

    fn preferred_lft(&mut self, it: &mut VirtualAddress, value: Word<'_>) {
        if value.text == "forever" {
            it.preferred_lft = None;
        } else if let Some(seconds) = self.integer("preferred_lft", value, 0, i64::from(u32::MAX)) {
            it.preferred_lft = u32::try_from(seconds).ok();
        }
    }

    /// A line of `unicast_peer`.
    pub(super) fn peer_line(&mut self, line: &[Word<'a>]) -> Option<UnicastPeer> {
        let first = *line.first()?;
        let Ok(address) = first.text.parse::<IpAddr>() else {
            let message = format!("'{}' is not an IP address; the line is ignored", first.text);
            self.invalid(findings::INVALID_ADDRESS, message, first).send(self);
            return None;
        };
        let mut peer = UnicastPeer {
            address: Spanned::new(address, first.span(self.text)),
            min_ttl: 0,
            max_ttl: 255,
        };
        let mut at = 1;
        while let Some(option) = line.get(at).copied() {
            match option.text {
                "min_ttl" | "max_ttl" => {
                    let value = self
                        .option_number(line, at, Context::UnicastPeer)
                        .and_then(|ttl| u8::try_from(ttl).ok());
                    let target = if option.text == "min_ttl" {
                        &mut peer.min_ttl
                    } else {
                        &mut peer.max_ttl
                    };
                    super::argument::set(target, value);
                    at = at.saturating_add(2);
                }
                _ => {
                    self.unknown_option(option, Context::UnicastPeer);
                    at = at.saturating_add(1);
                }
            }
        }
        if peer.min_ttl > peer.max_ttl {
            let message = format!(
                "min_ttl {} is larger than max_ttl {}: no advert passes",
                peer.min_ttl, peer.max_ttl
            );
            self.invalid(findings::OUT_OF_RANGE, message, first).send(self);
        }
        Some(peer)
    }

    /// The lines of `track_interface`, added to those there are.
    pub(super) fn track_interfaces(&mut self, block: usize, tracked: &mut Vec<TrackInterface>) {
        for line in self.lines(block) {
            let Some(track) = self.track_line(&line) else { continue };
            if let Some(first) = tracked.iter().find(|known| known.name == track.name) {
                let message = format!("{} is tracked twice; the second line is ignored", track.name);
                let first = first.name.span;
                self.report(
                    Diagnostic::new(findings::GIVEN_TWICE, message, Some(track.name.span))
                        .note("the first is here", Some(first)),
                );
            } else {
                tracked.push(track);
            }
        }
    }

    fn track_line(&mut self, line: &[Word<'a>]) -> Option<TrackInterface> {
        let mut track = TrackInterface {
            name: self.spanned(*line.first()?),
            weight: 0,
            reverse: false,
        };
        let mut rest = line.get(1..).unwrap_or_default().iter().copied();
        while let Some(option) = rest.next() {
            match option.text {
                "weight" => {
                    let Some(word) = rest.next() else {
                        let message = "'weight' lacks its number".to_owned();
                        self.invalid(findings::MISSING_ARGUMENT, message, option).send(self);
                        break;
                    };
                    let weight = self.integer("weight", word, -MOST_WEIGHT - 1, MOST_WEIGHT + 1);
                    let Some(weight) = weight else { continue };
                    if weight.abs() > MOST_WEIGHT {
                        let message =
                            format!("The largest weight is {MOST_WEIGHT}, which is used in place of {weight}");
                        self.invalid(findings::OUT_OF_RANGE, message, word).send(self);
                    }
                    track.weight = i16::try_from(weight.clamp(-MOST_WEIGHT, MOST_WEIGHT)).unwrap_or(0);
                }
                "reverse" => track.reverse = true,
                "noreverse" => track.reverse = false,
                _ => self.unknown_option(option, Context::TrackInterface),
            }
        }
        Some(track)
    }
}
