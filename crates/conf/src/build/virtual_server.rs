//! `virtual_server`: what is written.

use super::argument::set;
use super::real_server::RealServerDraft;
use super::recovery::RecoveryDraft;
use super::{Argument, Builder, Item};
use crate::config::{
    AddressFamily, ForwardingMethod, Protocol, Scheduler, SchedulerFlags, Script, Tunnel, TunnelChecksum, TunnelKind,
    VirtualServerName,
};
use crate::diagnostic::{Diagnostic, findings};
use crate::grammar::Word;
use crate::keywords::{self, Context};
use crate::source::{Span, Spanned};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

/// What checkers inherit from their real server, and real servers from their virtual server.
#[derive(Clone, Debug, Default)]
pub(super) struct Inherited {
    pub(super) retry: Option<u32>,
    pub(super) delay_before_retry: Option<Duration>,
    pub(super) warmup: Option<Duration>,
    pub(super) connect_timeout: Option<Duration>,
    pub(super) delay_loop: Option<Duration>,
    pub(super) rise: Option<u32>,
    pub(super) jitter: Option<u32>,
    pub(super) check_timeout: Option<Duration>,
    pub(super) alpha: Option<bool>,
    pub(super) virtualhost: Option<String>,
}

impl Inherited {
    /// Takes a setting that may stand in a virtual server, a real server or a checker.
    pub(super) fn take(&mut self, item: &Item<'_>) -> bool {
        let argument = &item.argument;
        match item.keyword.name {
            "retry" => self.retry = argument.number(),
            "delay_before_retry" => self.delay_before_retry = argument.duration(),
            "warmup" => self.warmup = argument.duration(),
            "connect_timeout" => self.connect_timeout = argument.duration(),
            "delay_loop" => self.delay_loop = argument.duration(),
            "rise" => self.rise = argument.number(),
            "jitter" => self.jitter = argument.number(),
            "check_timeout" => self.check_timeout = argument.duration(),
            // A flag in virtual servers, else a boolean.
            "alpha" => self.alpha = Some(argument.bool().unwrap_or(true)),
            "virtualhost" => self.virtualhost = argument.string(),
            _ => return false,
        }
        true
    }

    /// What is not set comes from outside.
    pub(super) fn or(self, outer: &Self) -> Self {
        Self {
            retry: self.retry.or(outer.retry),
            delay_before_retry: self.delay_before_retry.or(outer.delay_before_retry),
            warmup: self.warmup.or(outer.warmup),
            connect_timeout: self.connect_timeout.or(outer.connect_timeout),
            delay_loop: self.delay_loop.or(outer.delay_loop),
            rise: self.rise.or(outer.rise),
            jitter: self.jitter.or(outer.jitter),
            check_timeout: self.check_timeout.or(outer.check_timeout),
            alpha: self.alpha.or(outer.alpha),
            virtualhost: self.virtualhost.or_else(|| outer.virtualhost.clone()),
        }
    }
}

/// A virtual server as it is written.
pub(super) struct VirtualServerDraft {
    pub(super) name: Spanned<VirtualServerName>,
    pub(super) ip_family: Option<Spanned<AddressFamily>>,
    pub(super) inherited: Inherited,
    pub(super) recovery: RecoveryDraft,
    pub(super) inhibit_on_failure: bool,
    pub(super) lb_algo: Option<Scheduler>,
    pub(super) flags: SchedulerFlags,
    pub(super) ops: Option<Span>,
    pub(super) lb_kind: Option<ForwardingMethod>,
    pub(super) persistence_engine: Option<String>,
    pub(super) persistence_timeout: Option<Duration>,
    pub(super) persistence_granularity: Option<u8>,
    pub(super) protocol: Option<Spanned<Protocol>>,
    pub(super) ha_suspend: Option<Span>,
    pub(super) omega: bool,
    pub(super) quorum_up: Option<Box<Script>>,
    pub(super) quorum_down: Option<Box<Script>>,
    pub(super) quorum: Spanned<u32>,
    pub(super) hysteresis: Spanned<u32>,
    pub(super) weight: u32,
    pub(super) sorry_server: Option<SorryDraft>,
    pub(super) smtp_alert: Option<bool>,
    pub(super) snmp_name: Option<String>,
    pub(super) real_servers: Vec<RealServerDraft>,
}

/// The sorry server as it is written.
pub(super) struct SorryDraft {
    pub(super) address: Spanned<IpAddr>,
    /// 0: the port of the service.
    pub(super) port: u16,
    pub(super) written_port: Option<u16>,
    pub(super) lvs_method: Option<ForwardingMethod>,
    pub(super) inhibit: bool,
}

impl<'a> Builder<'a> {
    pub(super) fn virtual_server(&mut self, block: &Item<'a>) {
        let Some(name) = self.service_name(block) else { return };
        let mut draft = VirtualServerDraft {
            quorum: Spanned::new(1, name.span),
            hysteresis: Spanned::new(0, name.span),
            name,
            ip_family: None,
            inherited: Inherited::default(),
            recovery: RecoveryDraft::default(),
            inhibit_on_failure: false,
            lb_algo: None,
            flags: SchedulerFlags::default(),
            ops: None,
            lb_kind: None,
            persistence_engine: None,
            persistence_timeout: None,
            persistence_granularity: None,
            protocol: None,
            ha_suspend: None,
            omega: false,
            quorum_up: None,
            quorum_down: None,
            weight: 1,
            sorry_server: None,
            smtp_alert: None,
            snmp_name: None,
            real_servers: Vec::new(),
        };
        for item in self.items(block.node, Context::VirtualServer) {
            if !draft.inherited.take(&item)
                && !draft.recovery.take(&item)
                && !self.scheduling(&mut draft, &item)
                && !self.sorry_server(&mut draft, &item)
            {
                self.server_setting(&mut draft, item);
            }
        }
        self.virtual_server_read(draft);
    }

    fn scheduling(&mut self, draft: &mut VirtualServerDraft, item: &Item<'_>) -> bool {
        match item.keyword.name {
            "lb_algo" => {
                let name = item.argument.one_of();
                draft.lb_algo = Scheduler::ALL
                    .into_iter()
                    .find(|scheduler| Some(scheduler.name()) == name);
            }
            "flag-1" => draft.flags.flag_1 = true,
            "flag-2" => draft.flags.flag_2 = true,
            "flag-3" => draft.flags.flag_3 = true,
            "sh-port" | "sh-fallback" | "mh-port" | "mh-fallback" | "hashed" => self.hash_flag(draft, item),
            "lb_kind" => set(&mut draft.lb_kind, self.method(item).map(Some)),
            _ => return false,
        }
        true
    }

    /// keepalived takes the flags of sh and mh after either scheduler, and keeps silent about the wrong one.
    fn hash_flag(&mut self, draft: &mut VirtualServerDraft, item: &Item<'_>) {
        let name = item.keyword.name;
        let own = match draft.lb_algo {
            Some(Scheduler::Sh) => name.starts_with("sh-"),
            Some(Scheduler::Mh) => name.starts_with("mh-"),
            _ => {
                let message = format!("'{name}' has no meaning before 'lb_algo sh' or 'lb_algo mh'; it is ignored");
                self.report(Diagnostic::new(findings::SCHEDULER_FLAG, message, Some(item.span)));
                false
            }
        };
        match name {
            "sh-port" | "mh-port" if own => draft.flags.flag_2 = true,
            "sh-fallback" | "mh-fallback" if own => draft.flags.flag_1 = true,
            _ => {}
        }
    }

    /// `NAT | DR | TUN [type ipip|gue port N|gre] [nocsum|csum|remcsum]`.
    pub(super) fn method(&mut self, item: &Item<'_>) -> Option<ForwardingMethod> {
        let mut rest = item.words.get(2..).unwrap_or_default().iter().copied();
        let first = item.word(1);
        match first.map(|word| word.text) {
            Some("NAT") => return Some(ForwardingMethod::Nat),
            Some("DR") => return Some(ForwardingMethod::Dr),
            Some("TUN") => {}
            _ => return self.bad_method(item, first),
        }
        let mut tunnel = Tunnel::default();
        while let Some(word) = rest.next() {
            let number = |port: Option<Word<'_>>| port.and_then(|port| port.text.parse().ok());
            match (word.text, tunnel.kind) {
                ("type", _) => match rest.next().map(|kind| kind.text) {
                    Some("ipip") => tunnel.kind = TunnelKind::Ipip,
                    Some("gre") => tunnel.kind = TunnelKind::Gre,
                    Some("gue") => tunnel.kind = TunnelKind::Gue { port: 0 },
                    _ => return self.bad_method(item, Some(word)),
                },
                // 0 where it is no number: that is not sound, see below.
                ("port", TunnelKind::Gue { .. }) => {
                    tunnel.kind = TunnelKind::Gue {
                        port: number(rest.next()).unwrap_or(0),
                    };
                }
                ("nocsum", _) => tunnel.checksum = TunnelChecksum::None,
                ("csum", _) => tunnel.checksum = TunnelChecksum::Checksum,
                ("remcsum", _) => tunnel.checksum = TunnelChecksum::Remote,
                _ => return self.bad_method(item, Some(word)),
            }
        }
        let sound = match (tunnel.kind, tunnel.checksum) {
            (TunnelKind::Gue { port }, _) => port != 0,
            (TunnelKind::Ipip, checksum) => checksum == TunnelChecksum::None,
            (TunnelKind::Gre, checksum) => checksum != TunnelChecksum::Remote,
        };
        if sound {
            Some(ForwardingMethod::Tun(tunnel))
        } else {
            self.bad_method(item, first)
        }
    }

    fn bad_method<T>(&mut self, item: &Item<'_>, word: Option<Word<'_>>) -> Option<T> {
        let shown = word.map_or("", |word| word.text);
        let message = format!(
            "'{shown}' is no forwarding method here; '{}' is ignored",
            item.keyword.name
        );
        let span = word.map_or(item.span, |word| word.span(self.text));
        self.report(
            Diagnostic::new(findings::INVALID_VALUE, message, Some(span))
                .hint("NAT, DR, TUN, TUN type gue port N [csum|remcsum], or TUN type gre [csum]"),
        );
        None
    }

    fn sorry_server(&mut self, draft: &mut VirtualServerDraft, item: &Item<'_>) -> bool {
        let name = item.keyword.name;
        match name {
            "sorry_server" => {
                if let Some((address, port)) = self.server_address(item) {
                    draft.sorry_server = Some(SorryDraft {
                        address,
                        port,
                        written_port: Some(port).filter(|port| *port != 0),
                        lvs_method: None,
                        inhibit: false,
                    });
                }
                return true;
            }
            "sorry_server_inhibit" | "sorry_server_lvs_method" => {}
            _ => return false,
        }
        let method = if name == "sorry_server_lvs_method" {
            self.method(item)
        } else {
            None
        };
        match &mut draft.sorry_server {
            Some(sorry) if name == "sorry_server_inhibit" => sorry.inhibit = true,
            Some(sorry) => sorry.lvs_method = method.or(sorry.lvs_method),
            None => {
                let message = format!("'{name}' must follow sorry_server; it is ignored");
                self.report(Diagnostic::new(findings::ORDER, message, Some(item.span)));
            }
        }
        true
    }

    fn server_setting(&mut self, draft: &mut VirtualServerDraft, item: Item<'a>) {
        let span = item.span;
        let argument = &item.argument;
        match item.keyword.name {
            "ip_family" => {
                let family = argument.one_of().map(|it| {
                    if it == "inet" {
                        AddressFamily::Inet
                    } else {
                        AddressFamily::Inet6
                    }
                });
                draft.ip_family = family.map(|family| Spanned::new(family, span));
            }
            "inhibit_on_failure" => draft.inhibit_on_failure = true,
            "ops" => draft.ops = Some(span),
            "protocol" => self.protocol(draft, &item),
            "persistence_engine" => draft.persistence_engine = self.short_name(&item),
            "persistence_timeout" => {
                // A bare keyword means six minutes.
                let bare = (*argument == Argument::None).then_some(Duration::from_mins(6));
                draft.persistence_timeout = argument.duration().or(bare);
            }
            "persistence_granularity" => self.granularity(draft, &item),
            "ha_suspend" => draft.ha_suspend = Some(span),
            "omega" => draft.omega = true,
            "smtp_alert" => draft.smtp_alert = argument.bool(),
            "snmp_name" => draft.snmp_name = argument.string(),
            "quorum" => set(
                &mut draft.quorum,
                argument.number().map(|quorum| Spanned::new(quorum, span)),
            ),
            "hysteresis" => set(
                &mut draft.hysteresis,
                argument.number().map(|value| Spanned::new(value, span)),
            ),
            "weight" => set(&mut draft.weight, argument.number()),
            "quorum_up" => self.set_script(&mut draft.quorum_up, item),
            "quorum_down" => self.set_script(&mut draft.quorum_down, item),
            "real_server" => self.real_server(draft, &item),
            _ => {}
        }
    }

    fn protocol(&mut self, draft: &mut VirtualServerDraft, item: &Item<'_>) {
        let Some(word) = item.word(1) else { return };
        let names = ["TCP", "UDP", "SCTP"];
        let protocol = match word.text.to_ascii_uppercase().as_str() {
            "TCP" => Protocol::Tcp,
            "UDP" => Protocol::Udp,
            "SCTP" => Protocol::Sctp,
            other => {
                let hint = keywords::nearest(other, names.into_iter())
                    .map_or("TCP, UDP or SCTP".to_owned(), |name| format!("did you mean {name}?"));
                let message = format!("'{}' is no protocol; the line is ignored", word.text);
                self.invalid(findings::INVALID_VALUE, message, word)
                    .hint(hint)
                    .send(self);
                return;
            }
        };
        draft.protocol = Some(Spanned::new(protocol, item.span));
    }

    /// A dotted IPv4 mask or an IPv6 prefix length. keepalived takes masks with holes, and `0` for 0.0.0.0.
    fn granularity(&mut self, draft: &mut VirtualServerDraft, item: &Item<'_>) {
        let Some(word) = item.word(1) else { return };
        let length = word.text.parse().ok().filter(|length| *length <= 128);
        let mask = word.text.parse::<Ipv4Addr>().ok().map(u32::from);
        let network = mask.filter(|mask| mask.leading_ones() == mask.count_ones());
        let bits = network.and_then(|mask| u8::try_from(mask.leading_ones()).ok());
        if let Some(length) = length.or(bits) {
            draft.persistence_granularity = Some(length);
            return;
        }
        let hint = "an IPv4 mask such as 255.255.255.0, or an IPv6 prefix length from 1 to 128";
        let (finding, message) = if is_short_address(word.text) {
            (
                findings::MASK_WITH_HOLES,
                format!("The mask {} names no network; clients are not grouped", word.text),
            )
        } else {
            (
                findings::INVALID_VALUE,
                format!("'{}' is no mask; the line is ignored", word.text),
            )
        };
        self.invalid(finding, message, word).hint(hint).send(self);
    }
}

/// One to four numbers with dots between them, all that C takes for an IPv4 address in decimal digits.
fn is_short_address(text: &str) -> bool {
    let numbers: Option<Vec<u32>> = text.split('.').map(|number| number.parse().ok()).collect();
    let Some((last, first)) = numbers.as_deref().and_then(<[u32]>::split_last) else {
        return false;
    };
    let most = u32::MAX.checked_shr(8 * u32::try_from(first.len()).unwrap_or(4));
    first.iter().all(|number| *number <= 255) && most.is_some_and(|most| *last <= most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_may_have_fewer_numbers() {
        for text in ["0", "1.5", "1.2.3", "1.2.3.4", "4294967295", "1.16777215"] {
            assert!(is_short_address(text), "{text}");
        }
        for text in [
            "",
            "zzz",
            "-1",
            "4294967296",
            "1.16777216",
            "256.1",
            "1.2.3.256",
            "1.2.3.4.5",
            "1.2.3.",
        ] {
            assert!(!is_short_address(text), "{text}");
        }
    }
}
