//! Lines of addresses and peers.
#![deny(clippy::arithmetic_side_effects)]

use super::route::names::Names;
use super::{Builder, Item};
use crate::config::{UnicastPeer, VirtualAddress};
use crate::diagnostic::{Diagnostic, findings};
use crate::grammar::Word;
use crate::keywords::{self, Context};
use crate::source::Spanned;
use std::net::{IpAddr, Ipv4Addr};

/// `default_interface` of files without one.
const DEFAULT_INTERFACE: &str = "eth0";

impl<'a> Builder<'a> {
    /// A line of `virtual_ipaddress` or `static_ipaddress`. `dev` is filled in with an empty name when none is written.
    pub(super) fn virtual_address(&mut self, line: &[Word<'a>], context: Context) -> Option<VirtualAddress> {
        let mut it = self.new_address(*line.first()?)?;
        let written_length = it.prefix_length;
        let has_length = line.first().is_some_and(|word| word.text.contains('/'));
        let mut at = 1;
        while at < line.len() {
            at = at.saturating_add(self.address_option(&mut it, line, at, context)?);
        }
        if it.peer.is_some() {
            self.check_peer(&mut it, has_length.then_some(written_length));
        }
        Some(it)
    }

    /// The first word of a line, and what holds without options.
    fn new_address(&mut self, first: Word<'a>) -> Option<VirtualAddress> {
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
        let ipv4 = address.is_ipv4();
        let full = if ipv4 { 32 } else { 128 };
        let prefix_length = length.map_or(full, |length| self.prefix_length(first, length, full));
        Some(VirtualAddress {
            address: Spanned::new(address, span),
            prefix_length,
            dev: Spanned::new(String::new(), span),
            scope: 0,
            broadcast: None,
            label: None,
            peer: None,
            home: false,
            nodad: !ipv4,
            mngtmpaddr: false,
            noprefixroute: false,
            autojoin: false,
            no_track: false,
            preferred_lft: (!ipv4 && prefix_length == 128).then_some(0),
            use_vmac: false,
            track_group: None,
        })
    }

    /// Takes one option; the number of words that it has, or `None` when the line is to be left out.
    fn address_option(
        &mut self,
        it: &mut VirtualAddress,
        line: &[Word<'a>],
        at: usize,
        context: Context,
    ) -> Option<usize> {
        let option = *line.get(at)?;
        let is_static = context == Context::StaticIpaddress;
        match option.text {
            "home" => it.home = true,
            "-nodad" => it.nodad = false,
            "mngtmpaddr" => it.mngtmpaddr = true,
            "noprefixroute" => it.noprefixroute = true,
            "autojoin" => it.autojoin = true,
            "no_track" => it.no_track = true,
            "use_vmac" if !is_static => {
                it.use_vmac = true;
                if let Some(keyword) = context.find("use_vmac") {
                    self.not_in_effect(keyword, context, option.span(self.text));
                }
            }
            "dev" | "scope" | "broadcast" | "brd" | "label" | "peer" | "preferred_lft" => {
                let value = self.address_value(line, at)?;
                self.valued_option(it, option, value)?;
                return Some(2);
            }
            "track_group" if is_static => {
                let value = self.address_value(line, at)?;
                if it.track_group.is_some() {
                    let message = "'track_group' is given twice; the rest of the line is ignored".to_owned();
                    self.invalid(findings::GIVEN_TWICE, message, option).send(self);
                    return Some(line.len());
                }
                it.track_group = self.known_track_group(value);
                return Some(2);
            }
            _ => self.unknown_option(option, context),
        }
        Some(1)
    }

    fn address_value(&mut self, line: &[Word<'a>], at: usize) -> Option<Word<'a>> {
        let value = line.get(at.saturating_add(1)).copied();
        if let (None, Some(option)) = (value, line.get(at)) {
            let message = format!("'{}' lacks its value; the line is ignored", option.text);
            self.invalid(findings::MISSING_ARGUMENT, message, *option).send(self);
        }
        value
    }

    /// An option with a value; `None` when the line is to be left out.
    fn valued_option(&mut self, it: &mut VirtualAddress, option: Word<'a>, value: Word<'a>) -> Option<()> {
        let ipv4 = it.address.is_ipv4();
        match option.text {
            "dev" if !it.dev.is_empty() => {
                let message = format!("{} has two interfaces; the line is ignored", it.address);
                self.invalid(findings::GIVEN_TWICE, message, option).send(self);
                return None;
            }
            "dev" => it.dev = self.spanned(value),
            "scope" if ipv4 => self.scope(it, value),
            "broadcast" | "brd" if ipv4 => self.broadcast(it, value)?,
            "label" if ipv4 => it.label = Some(self.label(value)?),
            "scope" | "label" => {
                let message = format!("'{}' is for IPv4 addresses; it is ignored", option.text);
                self.invalid(findings::FAMILY_MISMATCH, message, option).send(self);
            }
            "broadcast" | "brd" => {
                let message = "IPv6 has no broadcast addresses; the line is ignored".to_owned();
                self.invalid(findings::FAMILY_MISMATCH, message, option).send(self);
                return None;
            }
            "peer" => self.peer(it, value),
            _ => self.preferred_lft(it, value),
        }
        Some(())
    }

    /// The address of a point-to-point link is alone in its network, and there is nobody else to broadcast to.
    fn check_peer(&mut self, it: &mut VirtualAddress, written_length: Option<u8>) {
        let full = if it.address.is_ipv4() { 32 } else { 128 };
        let mut complain = |what: &str| {
            let message = format!("{} has a peer, so {what}", it.address);
            let diagnostic = Diagnostic::new(findings::PEER_CONFLICT, message, Some(it.address.span));
            self.diagnostics.push(diagnostic);
        };
        if written_length.is_some() {
            complain("it cannot have a prefix length, which is ignored");
        }
        if it.broadcast.take().is_some() {
            complain("it cannot have a broadcast address, which is ignored");
        }
        it.prefix_length = full;
    }

    /// The lines of a `static_ipaddress` block.
    pub(super) fn static_addresses(&mut self, block: &Item<'_>) {
        for line in self.lines(block.node) {
            let Some(address) = self.virtual_address(&line, Context::StaticIpaddress) else {
                continue;
            };
            self.config.static_ipaddress.push(address);
        }
    }

    /// Where no interface is written, `default_interface` holds them; it may come later in the file.
    pub(super) fn finish_static_addresses(&mut self) {
        let default = self.global.global_defs.default_interface.clone();
        for address in &mut self.config.static_ipaddress {
            if !address.dev.is_empty() {
                continue;
            }
            if let Some(interface) = &default {
                address.dev = interface.clone();
                continue;
            }
            DEFAULT_INTERFACE.clone_into(&mut address.dev.value);
            let message = format!(
                "The static address {} names no interface; {DEFAULT_INTERFACE} is used",
                address.address
            );
            self.diagnostics.push(
                Diagnostic::new(findings::STATIC_NO_INTERFACE, message, Some(address.address.span))
                    .hint("dev INTERFACE, or default_interface in global_defs"),
            );
        }
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
        let number = self.number_of(Names::Scope, value.text);
        match number.and_then(|scope| u8::try_from(scope).ok()) {
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

    /// `None`: the line is to be left out.
    fn broadcast(&mut self, it: &mut VirtualAddress, value: Word<'_>) -> Option<()> {
        if matches!(value.text, "+" | "-") && it.prefix_length > 30 {
            let message = format!(
                "A network of prefix length {} has no broadcast address",
                it.prefix_length
            );
            self.invalid(findings::INVALID_ADDRESS, message, value).send(self);
            return Some(());
        }
        let host_bits = u32::MAX.checked_shr(u32::from(it.prefix_length)).unwrap_or(0);
        it.broadcast = match (value.text, it.address.value) {
            ("+", IpAddr::V4(address)) => Some(Ipv4Addr::from(u32::from(address) | host_bits)),
            ("-", IpAddr::V4(address)) => Some(Ipv4Addr::from(u32::from(address) & !host_bits)),
            (text, _) => text.parse().ok(),
        };
        if it.broadcast.is_none() {
            let message = format!("'{}' is no broadcast address here; the line is ignored", value.text);
            self.invalid(findings::INVALID_ADDRESS, message, value).send(self);
            return None;
        }
        Some(())
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
        let address = value.text.parse::<IpAddr>().ok();
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
        let Ok(address) = super::argument::without_length(first.text).parse::<IpAddr>() else {
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
}
