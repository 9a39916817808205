//! IPVS as a whole.
#![deny(clippy::arithmetic_side_effects)]

use crate::build::argument::set;
use crate::build::{Builder, Item};
use crate::config::{LvsFlushOnStop, LvsSyncDaemon, LvsSysctl};
use crate::diagnostic::{Diagnostic, findings};
use crate::grammar::Word;
use crate::keywords;
use crate::source::Spanned;
use std::net::IpAddr;
use std::time::Duration;

/// Longest timeout that the kernel takes: 31 days.
const MOST_TIMEOUT_S: i64 = 2_678_400;

/// Longest payload of a UDP datagram.
const MOST_MAXLEN: i64 = 65_507;

/// Longest name of an interface.
const INTERFACE_BYTES: usize = 15;

/// Settings of the kernel that `lvs_sysctl` knows, how many values each has, and the largest one (Linux 6.1,
/// `Documentation/networking/ipvs-sysctl.rst`). The kernel changes those of its defence against floods by itself, so they
/// cannot be put back and are not here.
const SYSCTLS: &[(&str, usize, i64)] = &[
    ("cache_bypass", 1, 1),
    ("conn_reuse_mode", 1, 3),
    ("conntrack", 1, 1),
    ("expire_nodest_conn", 1, 1),
    ("expire_quiescent_template", 1, 1),
    ("ignore_tunneled", 1, 1),
    ("nat_icmp_send", 1, 1),
    ("pmtu_disc", 1, 1),
    ("schedule_icmp", 1, 1),
    ("sloppy_sctp", 1, 1),
    ("sloppy_tcp", 1, 1),
    ("snat_reroute", 1, 1),
    ("sync_persist_mode", 1, 1),
    ("sync_ports", 1, 64),
    ("sync_qlen_max", 1, 2_147_483_647),
    ("sync_refresh_period", 1, 2_147_483_647),
    ("sync_retries", 1, 3),
    ("sync_sock_size", 1, 2_147_483_647),
    ("sync_threshold", 2, 2_147_483_647),
    ("sync_version", 1, 1),
];

impl<'a> Builder<'a> {
    pub(super) fn lvs_setting(&mut self, item: &Item<'a>) -> bool {
        let global = &mut self.global.global_defs;
        match item.keyword.name {
            "checker_log_all_failures" => set(&mut global.checker_log_all_failures, item.argument.bool()),
            "share_checks" => set(&mut global.share_checks, item.argument.bool()),
            "rs_init_notifies" => set(&mut global.rs_init_notifies, item.argument.bool()),
            "lvs_flush" => global.lvs_flush = true,
            "lvs_flush_on_stop" => self.lvs_flush_on_stop(item),
            "lvs_timeouts" => self.lvs_timeouts(item),
            "lvs_sync_daemon" => self.lvs_sync_daemon(item),
            "lvs_sysctl" => self.lvs_sysctl(item),
            _ => return false,
        }
        true
    }

    fn lvs_flush_on_stop(&mut self, item: &Item<'_>) {
        let how = match item.word(1) {
            None => LvsFlushOnStop::All,
            Some(word) => match self.one_of(item.keyword.name, word, &["VS"]) {
                Some(_) => LvsFlushOnStop::VirtualServers,
                None => return,
            },
        };
        self.global.global_defs.lvs_flush_on_stop = how;
    }

    /// `[tcp N] [tcpfin N] [udp N]`; 0 leaves the kernel's value.
    fn lvs_timeouts(&mut self, item: &Item<'_>) {
        let mut words = item.words.iter().skip(1).copied();
        let mut any = false;
        while let Some(kind) = words.next() {
            any = true;
            if !matches!(kind.text, "tcp" | "tcpfin" | "udp") {
                self.unknown_lvs_option(item, kind);
                continue;
            }
            let Some(seconds) = self.lvs_number(kind, words.next(), 0, MOST_TIMEOUT_S) else {
                continue;
            };
            let timeout = Some(Duration::from_secs(seconds)).filter(|timeout| !timeout.is_zero());
            let timeouts = &mut self.global.global_defs.lvs_timeouts;
            match kind.text {
                "tcp" => timeouts.tcp = timeout,
                "tcpfin" => timeouts.tcpfin = timeout,
                _ => timeouts.udp = timeout,
            }
        }
        if !any {
            let message = "'lvs_timeouts' lacks its timeouts; the line is ignored";
            self.report(
                Diagnostic::new(findings::MISSING_ARGUMENT, message, Some(item.span))
                    .hint("lvs_timeouts tcp 900 tcpfin 120 udp 300"),
            );
        }
    }

    /// `NAME VALUE`; the threshold has two values.
    fn lvs_sysctl(&mut self, item: &Item<'a>) {
        let hint = || {
            let names: Vec<&str> = SYSCTLS.iter().map(|(name, ..)| *name).collect();
            format!("one of {}", names.join(", "))
        };
        let Some(name) = item.word(1) else {
            let message = "'lvs_sysctl' lacks the name of a setting; the line is ignored";
            self.report(Diagnostic::new(findings::MISSING_ARGUMENT, message, Some(item.span)).hint(hint()));
            return;
        };
        let plain = name.text.strip_prefix("net.ipv4.vs.").unwrap_or(name.text);
        let Some((_, count, most)) = SYSCTLS.iter().find(|(known, ..)| *known == plain).copied() else {
            let message = format!(
                "'{}' is no setting of IPVS that can be set here; the line is ignored",
                name.text
            );
            let hint = keywords::nearest(plain, SYSCTLS.iter().map(|(known, ..)| *known))
                .map_or_else(hint, |near| format!("did you mean {near}?"));
            self.invalid(findings::INVALID_VALUE, message, name)
                .hint(hint)
                .send(self);
            return;
        };
        let words = item.words.get(2..).unwrap_or_default();
        if words.len() != count {
            let message = format!(
                "'{plain}' takes {count} value{}; the line is ignored",
                if count == 1 { "" } else { "s" }
            );
            self.invalid(findings::MISSING_ARGUMENT, message, name).send(self);
            return;
        }
        let numbers: Option<Vec<i64>> = words.iter().map(|word| self.integer(plain, *word, 0, most)).collect();
        let Some(numbers) = numbers else { return };
        let known = &mut self.global.global_defs.lvs_sysctls;
        if known.iter().any(|it| it.name.value == plain) {
            let message = format!("'{plain}' is set already; the line is ignored");
            self.invalid(findings::CONTRADICTION, message, name).send(self);
            return;
        }
        let value: Vec<String> = numbers.iter().map(ToString::to_string).collect();
        let name = Spanned::new(plain.to_owned(), name.span(self.text));
        known.push(LvsSysctl {
            name,
            // As the kernel shows it.
            value: value.join("\t"),
        });
    }

    /// `IF [[inst] INSTANCE] [id N] [maxlen N] [port N] [ttl N] [group ADDR]`.
    fn lvs_sync_daemon(&mut self, item: &Item<'a>) {
        let Some(interface) = item.word(1).filter(|_| self.is_first(item)) else {
            return;
        };
        if interface.text.len() > INTERFACE_BYTES {
            let message = format!(
                "'{}' is no interface: a name has at most {INTERFACE_BYTES} bytes; the line is ignored",
                interface.text
            );
            self.invalid(findings::INVALID_VALUE, message, interface).send(self);
            return;
        }
        let mut daemon = LvsSyncDaemon {
            interface: self.spanned(interface),
            inst: None,
            id: None,
            maxlen: None,
            port: None,
            ttl: None,
            group: None,
        };
        let mut words = item.words.iter().skip(2).copied().peekable();
        if let Some(name) = words.next_if(|word| !is_option(word.text)) {
            daemon.inst = Some(self.spanned(name));
        }
        if let Some(id) = words.next_if(|word| daemon.inst.is_some() && word.text.parse::<u8>().is_ok()) {
            daemon.id = id.text.parse().ok();
            let message = format!("'id' is missing before '{}', which is taken as one", id.text);
            let hint = format!("id {}", id.text);
            self.invalid(findings::OLD_FORM, message, id).hint(hint).send(self);
        }
        while let Some(option) = words.next() {
            if !is_option(option.text) {
                self.unknown_lvs_option(item, option);
                continue;
            }
            let value = words.next();
            self.sync_option(&mut daemon, option, value);
        }
        self.global.global_defs.lvs_sync_daemon = Some(daemon);
    }

    fn sync_option(&mut self, daemon: &mut LvsSyncDaemon, option: Word<'a>, value: Option<Word<'a>>) {
        match option.text {
            "inst" => match value {
                Some(name) => daemon.inst = Some(self.spanned(name)),
                None => self.option_lacks_value(option),
            },
            "group" => match value {
                Some(word) => daemon.group = self.sync_group_address(word),
                None => self.option_lacks_value(option),
            },
            "id" => daemon.id = self.lvs_number(option, value, 0, 255),
            "maxlen" => daemon.maxlen = self.lvs_number(option, value, 1, MOST_MAXLEN),
            "port" => daemon.port = self.lvs_number(option, value, 1, 65_535),
            _ => daemon.ttl = self.lvs_number(option, value, 1, 255),
        }
    }

    fn sync_group_address(&mut self, word: Word<'_>) -> Option<IpAddr> {
        let group = word.text.parse().ok().filter(IpAddr::is_multicast);
        if group.is_none() {
            let message = format!("'{}' is not a multicast address; it is ignored", word.text);
            self.invalid(findings::INVALID_ADDRESS, message, word).send(self);
        }
        group
    }

    /// The number after an option.
    fn lvs_number<T: TryFrom<i64>>(
        &mut self,
        option: Word<'_>,
        value: Option<Word<'_>>,
        least: i64,
        most: i64,
    ) -> Option<T> {
        let Some(word) = value else {
            self.option_lacks_value(option);
            return None;
        };
        T::try_from(self.integer(option.text, word, least, most)?).ok()
    }

    fn option_lacks_value(&mut self, option: Word<'_>) {
        let message = format!("'{}' lacks its value; it is ignored", option.text);
        self.invalid(findings::MISSING_ARGUMENT, message, option).send(self);
    }

    fn unknown_lvs_option(&mut self, item: &Item<'_>, word: Word<'_>) {
        let message = format!("'{}' is no option of '{}'; it is ignored", word.text, item.keyword.name);
        self.invalid(findings::UNKNOWN_OPTION, message, word)
            .hint(item.keyword.arguments)
            .send(self);
    }
}

fn is_option(word: &str) -> bool {
    matches!(word, "inst" | "id" | "maxlen" | "port" | "ttl" | "group")
}
