//! `global_defs`.

mod files;
mod firewall;
mod lvs;
mod process;
mod tell;

use super::argument::set;
use super::{Builder, Item};
use crate::config::{DynamicInterfaces, GarpExtraIf, GlobalDefs, ScriptUser, SmtpServer, VrrpVersion};
use crate::diagnostic::{Diagnostic, findings};
use crate::keywords::Context;
use crate::source::{Span, Spanned};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

/// Longest `garp_extra_if`: a day.
const MOST_GARP_EXTRA_S: i64 = 86_400;

/// `global_defs`, and what matters only while reading.
#[derive(Default)]
pub(super) struct GlobalDraft {
    pub(super) global_defs: GlobalDefs,
    /// `vrrp_min_garp`: fewer gratuitous ARPs where nothing else is written.
    pub(super) vrrp_min_garp: bool,
    /// Which of the values that it changes were written.
    pub(super) garp_written: GarpWritten,
    /// Where a keyword stands that may be given once.
    first_given: HashMap<&'static str, Span>,
}

/// Which numbers of gratuitous ARPs were written, here or in an instance.
#[derive(Clone, Copy, Default)]
pub(super) struct GarpWritten {
    pub(super) delay: bool,
    pub(super) repeat: bool,
}

impl<'a> Builder<'a> {
    pub(super) fn global_defs(&mut self, block: &Item<'a>) {
        for item in self.items(block.node, Context::GlobalDefs) {
            let taken = self.vrrp_default(&item)
                || self.mail_setting(&item)
                || self.process_setting(&item)
                || self.buffer_setting(&item)
                || self.lvs_setting(&item)
                || self.firewall_setting(&item)
                || self.snmp_setting(&item)
                || self.file_setting(&item);
            if let Some(item) = Some(item).filter(|_| !taken).and_then(|item| self.fifo_setting(item)) {
                self.global_setting(item);
            }
        }
    }

    /// Is it the first of its kind? The others are ignored.
    pub(super) fn is_first(&mut self, item: &Item<'_>) -> bool {
        let name = item.keyword.name;
        let first = match self.global.first_given.entry(name) {
            Entry::Vacant(entry) => {
                entry.insert(item.span);
                return true;
            }
            Entry::Occupied(first) => *first.get(),
        };
        let message = format!("{name} is given twice; the second one is ignored");
        self.report(
            Diagnostic::new(findings::GIVEN_TWICE, message, Some(item.span)).note("the first is here", Some(first)),
        );
        false
    }

    fn mail_setting(&mut self, item: &Item<'_>) -> bool {
        let global = &mut self.global.global_defs;
        let argument = &item.argument;
        match item.keyword.name {
            "router_id" => global.router_id = argument.string(),
            "notification_email" => {
                let names: Vec<String> = self.names(item.node).into_iter().map(|name| name.value).collect();
                if names.is_empty() {
                    let message = "notification_email names nobody; no mail is sent";
                    self.report(Diagnostic::new(findings::EMPTY_LIST, message, Some(item.span)));
                }
                self.global.global_defs.notification_email.extend(names);
            }
            "notification_email_from" => {
                global.notification_email_from = argument.string();
                self.sender_is_one_word(item);
            }
            "smtp_server" => self.smtp_server(item),
            "smtp_helo_name" => set(
                &mut global.smtp_helo_name,
                item.word(1).map(|name| Some(name.text.to_owned())),
            ),
            "smtp_connect_timeout" => self.smtp_connect_timeout(item),
            "smtp_alert" => global.smtp_alert = argument.bool(),
            "smtp_alert_vrrp" => global.smtp_alert_vrrp = argument.bool(),
            "smtp_alert_checker" => global.smtp_alert_checker = argument.bool(),
            "no_email_faults" => global.no_email_faults = true,
            "no_checker_emails" => set(&mut global.no_checker_emails, argument.bool()),
            _ => return false,
        }
        true
    }

    fn global_setting(&mut self, item: Item<'a>) {
        let word = item.word(1).map(|word| self.spanned(word));
        let global = &mut self.global.global_defs;
        let argument = &item.argument;
        match item.keyword.name {
            "default_interface" => global.default_interface = word,
            "disable_local_igmp" => global.disable_local_igmp = true,
            "dynamic_interfaces" => self.dynamic_interfaces(&item),
            "script_user" => {
                let group = item.word(2).map(|group| group.text.to_owned());
                global.script_user = word.map(|user| {
                    let (user, span) = (user.value, user.span);
                    Spanned::new(ScriptUser { user, group }, span)
                });
            }
            "enable_script_security" => global.enable_script_security = true,
            "use_symlink_paths" => set(&mut global.use_symlink_paths, argument.bool()),
            "set_supplementary_groups" => set(&mut global.set_supplementary_groups, argument.bool()),
            "startup_script_timeout" => set(&mut global.startup_script_timeout, argument.duration()),
            "shutdown_script_timeout" => set(&mut global.shutdown_script_timeout, argument.duration()),
            "startup_script" => {
                let mut script = global.startup_script.take();
                self.set_script(&mut script, item);
                self.global.global_defs.startup_script = script;
            }
            "shutdown_script" => {
                let mut script = global.shutdown_script.take();
                self.set_script(&mut script, item);
                self.global.global_defs.shutdown_script = script;
            }
            _ => {}
        }
    }

    fn dynamic_interfaces(&mut self, item: &Item<'_>) {
        self.global.global_defs.dynamic_interfaces = match item.word(1) {
            None => DynamicInterfaces::Yes,
            Some(word) => match self.one_of(item.keyword.name, word, &["allow_if_changes"]) {
                Some(_) => DynamicInterfaces::AllowIfChanges,
                None => DynamicInterfaces::Yes,
            },
        };
    }

    /// The defaults of instances.
    fn vrrp_default(&mut self, item: &Item<'_>) -> bool {
        let draft = &mut self.global;
        let global = &mut draft.global_defs;
        let argument = &item.argument;
        match item.keyword.name {
            "vrrp_version" => set(&mut global.vrrp_version, version(argument.number())),
            "vrrp_mcast_group4" | "vrrp_mcast_group6" => return self.multicast_group(item),
            "vrrp_garp_master_delay" => {
                draft.garp_written.delay = true;
                set(&mut global.vrrp_garp_master_delay, argument.duration());
            }
            "vrrp_garp_master_repeat" => {
                draft.garp_written.repeat = true;
                set(&mut global.vrrp_garp_master_repeat, argument.number());
            }
            "vrrp_garp_master_refresh" => set(&mut global.vrrp_garp_master_refresh, argument.duration()),
            "vrrp_garp_master_refresh_repeat" => set(&mut global.vrrp_garp_master_refresh_repeat, argument.number()),
            "vrrp_garp_lower_prio_delay" => global.vrrp_garp_lower_prio_delay = argument.duration(),
            "vrrp_garp_lower_prio_repeat" => global.vrrp_garp_lower_prio_repeat = argument.number(),
            "vrrp_garp_interval" => set(&mut global.vrrp_garp_interval, argument.duration()),
            "vrrp_gna_interval" => set(&mut global.vrrp_gna_interval, argument.duration()),
            "vrrp_min_garp" => draft.vrrp_min_garp |= argument.bool().unwrap_or(false),
            "vrrp_down_timer_adverts" => set(&mut global.vrrp_down_timer_adverts, argument.number()),
            "vrrp_lower_prio_no_advert" => set(&mut global.vrrp_lower_prio_no_advert, argument.bool()),
            "vrrp_higher_prio_send_advert" => set(&mut global.vrrp_higher_prio_send_advert, argument.bool()),
            "vrrp_skip_check_adv_addr" => set(&mut global.vrrp_skip_check_adv_addr, argument.bool()),
            "vrrp_check_unicast_src" => global.vrrp_check_unicast_src = true,
            "vrrp_startup_delay" => set(&mut global.vrrp_startup_delay, argument.duration()),
            "vrrp_delay_after_boot" => set(&mut global.vrrp_delay_after_boot, argument.duration()),
            "vrrp_garp_extra_if" => {
                if let Some(extra) = self.garp_extra_if(item) {
                    self.global.global_defs.vrrp_garp_extra_if = Some(extra);
                }
            }
            "vrrp_strict" => set(&mut global.vrrp_strict, argument.bool()),
            "vrrp_owner_ignore_adverts" => set(&mut global.vrrp_owner_ignore_adverts, argument.bool()),
            "vrrp_notify_priority_changes" => set(&mut global.vrrp_notify_priority_changes, argument.bool()),
            "v3_checksum_as_v2" => global.v3_checksum_as_v2 = true,
            "log_unknown_vrids" => global.log_unknown_vrids = true,
            "fifo_write_vrrp_states_on_reload" => global.fifo_write_vrrp_states_on_reload = true,
            _ => return false,
        }
        true
    }

    /// `[all] SECONDS`, also in instances, where 0 turns it off.
    pub(super) fn garp_extra_if(&mut self, item: &Item<'_>) -> Option<GarpExtraIf> {
        let name = item.keyword.name;
        let all = item.word(1).is_some_and(|word| word.text == "all");
        let Some(word) = item.word(1 + usize::from(all)) else {
            let message = format!("'{name}' lacks its number of seconds; the line is ignored");
            self.report(
                Diagnostic::new(findings::MISSING_ARGUMENT, message, Some(item.span)).hint(format!("{name} [all] 60")),
            );
            return None;
        };
        let least = i64::from(name == "vrrp_garp_extra_if");
        let seconds = u64::try_from(self.integer(name, word, least, MOST_GARP_EXTRA_S)?).ok()?;
        Some(GarpExtraIf {
            all,
            interval: Duration::from_secs(seconds),
        })
    }

    fn multicast_group(&mut self, item: &Item<'_>) -> bool {
        let global = &mut self.global.global_defs;
        match item.argument.address().filter(IpAddr::is_multicast) {
            Some(IpAddr::V4(group)) => global.vrrp_mcast_group4 = group,
            Some(IpAddr::V6(group)) => {
                global.vrrp_mcast_group6 = group;
                self.multicast_scope(item, group);
            }
            None => {
                if let Some(word) = item.word(1) {
                    let message = format!("{} is not a multicast address; it is ignored", word.text);
                    self.invalid(findings::INVALID_ADDRESS, message, word).send(self);
                }
            }
        }
        true
    }

    /// Adverts are for one link.
    fn multicast_scope(&mut self, item: &Item<'_>, group: Ipv6Addr) {
        let [flags_and_scope, ..] = group.segments();
        if flags_and_scope & 0xf != 2 {
            let message = format!("{group} is not of link-local scope; it is used all the same");
            self.report(
                Diagnostic::new(findings::MULTICAST_SCOPE, message, Some(item.span))
                    .hint("a group that begins with ff02:"),
            );
        }
    }

    fn smtp_connect_timeout(&mut self, item: &Item<'_>) {
        let Some(timeout) = item.argument.duration() else {
            return;
        };
        if timeout.is_zero() {
            let message = "smtp_connect_timeout cannot be 0; 1 is used";
            self.report(Diagnostic::new(findings::OUT_OF_RANGE, message, Some(item.span)));
        }
        self.global.global_defs.smtp_connect_timeout = timeout.max(Duration::from_secs(1));
    }

    fn sender_is_one_word(&mut self, item: &Item<'_>) {
        if let Some(extra) = item.word(2) {
            let message = format!("'{}' and what follows it are ignored", extra.text);
            let hint = "write a name and address in quotes: \"Name <user@example>\"";
            self.invalid(findings::INVALID_VALUE, message, extra)
                .hint(hint)
                .send(self);
        }
    }

    fn smtp_server(&mut self, item: &Item<'_>) {
        let Some(host) = item.word(1) else { return };
        let port = match item.word(2) {
            None => Some(25),
            Some(port) => self.integer("smtp_server", port, 1, 65535),
        };
        let Some(port) = port.and_then(|port| u16::try_from(port).ok()) else {
            return;
        };
        self.global.global_defs.smtp_server = Some(SmtpServer {
            host: host.text.to_owned(),
            port,
        });
        if let Some(extra) = item.word(3) {
            let message = format!("'{}' is ignored: smtp_server takes a host and a port", extra.text);
            let span = extra.span(self.text);
            self.report(Diagnostic::new(findings::EXTRA_WORDS, message, Some(span)));
        }
    }
}

/// 2 or 3.
pub(super) fn version(number: Option<u8>) -> Option<VrrpVersion> {
    match number? {
        2 => Some(VrrpVersion::V2),
        3 => Some(VrrpVersion::V3),
        _ => None,
    }
}
