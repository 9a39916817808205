//! `global_defs`.

use super::argument::set;
use super::{Builder, Item};
use crate::config::{GlobalDefs, ScriptUser, SmtpServer, VrrpVersion};
use crate::diagnostic::{Diagnostic, findings};
use crate::keywords::Context;
use crate::source::Spanned;
use std::net::IpAddr;
use std::time::Duration;

/// `global_defs`, and what matters only while reading.
#[derive(Default)]
pub(super) struct GlobalDraft {
    pub(super) global_defs: GlobalDefs,
    /// `vrrp_min_garp`: fewer gratuitous ARPs where nothing else is written.
    pub(super) vrrp_min_garp: bool,
    /// Which of the values that it changes were written.
    pub(super) garp_written: GarpWritten,
}

/// Which numbers of gratuitous ARPs were written, here or in an instance.
#[derive(Clone, Copy, Default)]
pub(super) struct GarpWritten {
    pub(super) delay: bool,
    pub(super) repeat: bool,
}

impl Builder<'_> {
    pub(super) fn global_defs(&mut self, block: &Item<'_>) {
        for item in self.items(block.node, Context::GlobalDefs) {
            if !self.vrrp_default(&item) {
                self.global_setting(&item);
            }
        }
    }

    fn global_setting(&mut self, item: &Item<'_>) {
        if item.keyword.name == "notification_email" {
            let names = self.names(item.node).into_iter().map(|name| name.value);
            self.global.global_defs.notification_email.extend(names);
            return;
        }
        let text = self.text;
        let word = |index| {
            item.word(index)
                .map(|word| Spanned::new(word.text.to_owned(), word.span(text)))
        };
        let global = &mut self.global.global_defs;
        let argument = &item.argument;
        match item.keyword.name {
            "router_id" => global.router_id = argument.string(),
            "notification_email_from" => {
                global.notification_email_from = argument.string();
                self.one_word(item);
            }
            "smtp_server" => self.smtp_server(item),
            "smtp_helo_name" => set(&mut global.smtp_helo_name, word(1).map(|name| Some(name.value))),
            "smtp_connect_timeout" => self.smtp_connect_timeout(item),
            "smtp_alert" => global.smtp_alert = argument.bool(),
            "checker_log_all_failures" => set(&mut global.checker_log_all_failures, argument.bool()),
            "default_interface" => global.default_interface = word(1),
            "script_user" => {
                let group = word(2).map(|group| group.value);
                global.script_user = word(1).map(|user| {
                    Spanned::new(
                        ScriptUser {
                            user: user.value,
                            group,
                        },
                        user.span,
                    )
                });
            }
            "enable_script_security" => global.enable_script_security = true,
            "vrrp_startup_delay" => set(&mut global.vrrp_startup_delay, argument.duration()),
            "lvs_flush" => global.lvs_flush = true,
            _ => {}
        }
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
            _ => return false,
        }
        true
    }

    fn multicast_group(&mut self, item: &Item<'_>) -> bool {
        let global = &mut self.global.global_defs;
        match item.argument.address().filter(IpAddr::is_multicast) {
            Some(IpAddr::V4(group)) => global.vrrp_mcast_group4 = group,
            Some(IpAddr::V6(group)) => global.vrrp_mcast_group6 = group,
            None => {
                if let Some(word) = item.word(1) {
                    let message = format!("{} is not a multicast address; it is ignored", word.text);
                    self.invalid(findings::INVALID_ADDRESS, message, word).send(self);
                }
            }
        }
        true
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

    fn one_word(&mut self, item: &Item<'_>) {
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
