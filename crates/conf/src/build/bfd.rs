//! `bfd_instance`.
#![deny(clippy::arithmetic_side_effects)]

use super::argument::set;
use super::track::Kind;
use super::{Builder, Item};
use crate::config::BfdInstance;
use crate::diagnostic::{Diagnostic, findings};
use crate::keywords::Context;
use crate::source::{Span, Spanned};
use std::net::IpAddr;
use std::time::Duration;

/// The longest name, in bytes.
const LONGEST_NAME: usize = 31;

/// An instance as it is written.
#[allow(clippy::struct_excessive_bools)] // one field for one keyword
struct Draft {
    neighbor_ip: Option<Spanned<IpAddr>>,
    source_ip: Option<Spanned<IpAddr>>,
    min_rx: Duration,
    min_tx: Duration,
    idle_tx: Duration,
    multiplier: u8,
    passive: bool,
    ttl: Option<u8>,
    max_hops: Option<Spanned<i64>>,
    multihop: bool,
    weight: (i16, bool),
    vrrp: bool,
    checker: bool,
}

impl Default for Draft {
    fn default() -> Self {
        Self {
            neighbor_ip: None,
            source_ip: None,
            min_rx: Duration::from_millis(10),
            min_tx: Duration::from_millis(10),
            idle_tx: Duration::from_secs(1),
            multiplier: 5,
            passive: false,
            ttl: None,
            max_hops: None,
            multihop: false,
            weight: (0, false),
            vrrp: false,
            checker: false,
        }
    }
}

impl Builder<'_> {
    pub(super) fn bfd_instance(&mut self, block: &Item<'_>) {
        let Some(name) = self.block_name(block) else { return };
        if name.len() > LONGEST_NAME {
            let message = format!("The name of bfd_instance {name} has more than {LONGEST_NAME} bytes; it is left out");
            return self.report(Diagnostic::new(findings::INVALID_VALUE, message, Some(name.span)));
        }
        let mut draft = Draft::default();
        for item in self.items(block.node, Context::BfdInstance) {
            Self::bfd_setting(&mut draft, &item);
        }
        // One that is left out may still be tracked, and is never up: what needs it must not go on without it.
        self.declare(Kind::Bfd, &name, draft.weight, draft.vrrp || !draft.checker);
        if let Some(instance) = self.resolve_bfd(name, &draft) {
            self.config.bfd_instances.push(instance);
        }
    }

    fn bfd_setting(draft: &mut Draft, item: &Item<'_>) {
        let argument = &item.argument;
        let address = argument.address().map(|address| Spanned::new(address, item.span));
        match item.keyword.name {
            "neighbor_ip" => draft.neighbor_ip = address,
            "source_ip" => draft.source_ip = address,
            "min_rx" => set(&mut draft.min_rx, argument.duration()),
            "min_tx" => set(&mut draft.min_tx, argument.duration()),
            "idle_tx" => set(&mut draft.idle_tx, argument.duration()),
            "multiplier" => set(&mut draft.multiplier, argument.number()),
            "passive" => draft.passive = true,
            "ttl" => draft.ttl = argument.number().or(draft.ttl),
            "max_hops" => {
                let hops = argument.number().map(|hops| Spanned::new(hops, item.span));
                draft.max_hops = hops.or(draft.max_hops);
            }
            "multihop" => set(&mut draft.multihop, argument.bool()),
            "weight" => set(&mut draft.weight, argument.weight()),
            "vrrp" => draft.vrrp = true,
            "checker" => draft.checker = true,
            _ => {}
        }
    }

    fn resolve_bfd(&mut self, name: Spanned<String>, draft: &Draft) -> Option<BfdInstance> {
        let Some(neighbor_ip) = draft.neighbor_ip else {
            let message = format!("bfd_instance {name} has no neighbor_ip; it is left out");
            let diagnostic = Diagnostic::new(findings::INCOMPLETE_BFD, message, Some(name.span));
            self.report(diagnostic.hint("neighbor_ip ADDRESS"));
            return None;
        };
        if let Some(source) = draft
            .source_ip
            .filter(|source| source.is_ipv4() != neighbor_ip.is_ipv4())
        {
            let message =
                format!("source_ip {source} is not of the family of {neighbor_ip}; bfd_instance {name} is left out");
            self.report(Diagnostic::new(findings::FAMILY_MISMATCH, message, Some(source.span)));
            return None;
        }
        let source_ip = draft.source_ip.map(|source| source.value);
        self.check_sessions(&name, source_ip, neighbor_ip)?;
        let ttl = draft.ttl.unwrap_or(if neighbor_ip.is_ipv4() { 255 } else { 64 });
        let both = draft.vrrp == draft.checker;
        Some(BfdInstance {
            max_hops: self.resolve_hops(draft.max_hops, ttl),
            name,
            neighbor_ip,
            source_ip,
            min_rx: draft.min_rx,
            min_tx: draft.min_tx,
            idle_tx: draft.idle_tx,
            multiplier: draft.multiplier,
            passive: draft.passive,
            ttl,
            multihop: draft.multihop,
            weight: draft.weight.0,
            reverse: draft.weight.1,
            vrrp: draft.vrrp || both,
            checker: draft.checker || both,
        })
    }

    /// Two sessions cannot run between the same addresses.
    fn check_sessions(
        &mut self,
        name: &Spanned<String>,
        source_ip: Option<IpAddr>,
        neighbor_ip: Spanned<IpAddr>,
    ) -> Option<()> {
        let same = |other: &&BfdInstance| other.neighbor_ip == neighbor_ip && other.source_ip == source_ip;
        let (first, place): (String, Span) = match self.config.bfd_instances.iter().find(same) {
            Some(other) => (other.name.value.clone(), other.neighbor_ip.span),
            None => return Some(()),
        };
        let message = format!("bfd_instance {first} has the same addresses; {name} is left out");
        self.report(
            Diagnostic::new(findings::DUPLICATE_SESSION, message, Some(neighbor_ip.span))
                .note("they are used here", Some(place)),
        );
        None
    }

    /// `None`: any number of hops. A packet cannot have passed more routers than its TTL counts.
    fn resolve_hops(&mut self, written: Option<Spanned<i64>>, ttl: u8) -> Option<u8> {
        let Some(written) = written else {
            return Some(0);
        };
        if *written == -1 || *written == 255 {
            if ttl == 255 {
                return None;
            }
        } else if *written <= i64::from(ttl) {
            return u8::try_from(*written).ok();
        }
        let message = format!("max_hops {written} is more than ttl {ttl} counts; {ttl} is used");
        self.report(Diagnostic::new(findings::OUT_OF_RANGE, message, Some(written.span)));
        Some(ttl)
    }
}
