//! The settings of an instance.

use super::Draft;
use crate::build::argument::{Argument, set};
use crate::build::global::version;
use crate::build::{Builder, Item};
use crate::config::{AddressFamily, InitialState, Notify, NotifyDeleted, OldUnicastChecksum, VrrpVersion};
use crate::diagnostic::{Diagnostic, findings};
use crate::keywords::Context;
use crate::source::Spanned;

/// Bytes of the name of an interface.
const LONGEST_NAME: usize = 15;

impl<'a> Builder<'a> {
    pub(super) fn instance_setting(&mut self, draft: &mut Draft, item: Item<'_>) {
        let span = item.span;
        let argument = &item.argument;
        match item.keyword.name {
            "state" => self.state(draft, &item),
            "virtual_router_id" => draft.virtual_router_id = argument.number().map(|id| Spanned::new(id, span)),
            "priority" => draft.priority = argument.number(),
            "version" => self.version(draft, &item),
            "advert_int" => draft.advert_int = argument.duration().map(|it| Spanned::new(it, span)),
            "authentication" => self.authentication(draft, &item),
            "auth_hmac" => self.auth_hmac(draft, &item),
            "nopreempt" => draft.nopreempt = Some(span),
            "preempt" => draft.nopreempt = None,
            "preempt_delay" => draft.preempt_delay = argument.duration().map(|it| Spanned::new(it, span)),
            "no_virtual_ipaddress" => draft.no_virtual_ipaddress = true,
            "dont_track_primary" => draft.dont_track_primary = true,
            "track_src_ip" => draft.track_src_ip = true,
            "promote_secondaries" => draft.promote_secondaries = true,
            "linkbeat_use_polling" => draft.linkbeat_use_polling = true,
            "down_timer_adverts" => set(&mut draft.down_timer_adverts, argument.number()),
            "higher_prio_send_advert" => set(&mut draft.higher_prio_send_advert, argument.bool()),
            "lower_prio_no_advert" => set(&mut draft.lower_prio_no_advert, argument.bool()),
            "owner_ignore_adverts" => set(&mut draft.owner_ignore_adverts, argument.bool()),
            "skip_check_adv_addr" => set(&mut draft.skip_check_adv_addr, argument.bool()),
            "v3_checksum_as_v2" => set(&mut draft.v3_checksum_as_v2, argument.bool()),
            "strict_mode" => set(&mut draft.strict_mode, argument.bool()),
            "accept" => draft.accept = Some(true),
            "no_accept" => draft.accept = Some(false),
            "debug" => set(&mut draft.debug, argument.number()),
            "smtp_alert" => draft.smtp_alert = argument.bool().or(draft.smtp_alert),
            "notify_priority_changes" => {
                draft.notify_priority_changes = argument.bool().or(draft.notify_priority_changes);
            }
            "virtual_routes" => {
                let routes = self.routes(item.node, Context::VirtualRoutes);
                draft.virtual_routes.extend(routes);
            }
            "virtual_rules" => {
                let rules = self.rules(item.node, Context::VirtualRules);
                draft.virtual_rules.extend(rules);
            }
            "timer_expired_backup" => {
                let priority = argument.number().unwrap_or(super::OWNER - 1);
                draft.timer_expired_backup = Some(Spanned::new(priority, span));
            }
            "garp_extra_if" => draft.garp_extra_if = self.garp_extra_if(&item).or(draft.garp_extra_if),
            "kernel_rx_buf_size" => self.receive_buffer(draft, &item),
            "lvs_sync_daemon_interface" => {
                draft.lvs_sync_daemon_interface = item.word(1).map(|word| self.spanned(word));
            }
            _ => self.notify(&mut draft.notify, item),
        }
    }

    /// Interfaces, and how unicast uses them; false for other keywords.
    pub(super) fn own_interfaces(&mut self, draft: &mut Draft, item: &Item<'a>) -> bool {
        let span = item.span;
        match item.keyword.name {
            "interface" => self.interface(draft, item),
            "vrf" => self.vrf(draft, item),
            "use_vmac" => self.use_vmac(draft, item),
            "use_vmac_addr" => draft.use_vmac_addr = true,
            "vmac_xmit_base" => draft.vmac_xmit_base = Some(span),
            "use_ipvlan" => self.use_ipvlan(draft, item),
            "unicast_ttl" => draft.unicast_ttl = item.argument.number().map(|ttl| Spanned::new(ttl, span)),
            "check_unicast_src" => {
                draft.check_unicast_src = true;
                draft.unicast.get_or_insert(span);
            }
            "unicast_fault_no_peer" => draft.unicast_fault_no_peer = true,
            "old_unicast_checksum" => self.old_unicast_checksum(draft, item),
            _ => return false,
        }
        true
    }

    pub(in crate::build) fn notify(&mut self, notify: &mut Notify, item: Item<'_>) {
        let target = match item.keyword.name {
            "notify_master" => &mut notify.notify_master,
            "notify_backup" => &mut notify.notify_backup,
            "notify_fault" => &mut notify.notify_fault,
            "notify_stop" => &mut notify.notify_stop,
            "notify_master_rx_lower_pri" => &mut notify.notify_master_rx_lower_pri,
            "notify" => &mut notify.notify,
            "notify_deleted" => return self.notify_deleted(notify, item),
            _ => return,
        };
        self.set_script(target, item);
    }

    fn notify_deleted(&mut self, notify: &mut Notify, item: Item<'_>) {
        if notify.notify_deleted.is_some() {
            let message = "notify_deleted is given twice; the second one is ignored";
            self.report(Diagnostic::new(findings::GIVEN_TWICE, message, Some(item.span)));
            return;
        }
        notify.notify_deleted = Some(match item.argument {
            Argument::Script(script) => NotifyDeleted::Script(Box::new(script)),
            _ => NotifyDeleted::State,
        });
    }

    fn state(&mut self, draft: &mut Draft, item: &Item<'_>) {
        let state = match item.argument.one_of() {
            Some("MASTER") => InitialState::Master,
            Some(_) => InitialState::Backup,
            None => return,
        };
        if let Some(first) = draft
            .state
            .filter(|first| **first == InitialState::Master && **first != state)
        {
            let message = "The state is MASTER already; BACKUP is ignored";
            self.report(
                Diagnostic::new(findings::GIVEN_TWICE, message, Some(item.span)).note("it is here", Some(first.span)),
            );
            return;
        }
        draft.state = Some(Spanned::new(state, item.span));
    }

    fn version(&mut self, draft: &mut Draft, item: &Item<'_>) {
        let Some(version) = version(item.argument.number()) else {
            return;
        };
        let implied = match (draft.version, draft.family) {
            (Some(first), _) => Some((first.value, first.span)),
            (None, Some((AddressFamily::Inet6, span))) => Some((VrrpVersion::V3, span)),
            _ => None,
        };
        if let Some((_, span)) = implied.filter(|(implied, _)| *implied != version) {
            let message = format!(
                "The version of vrrp_instance {} is fixed already; the line is ignored",
                draft.name
            );
            self.report(
                Diagnostic::new(findings::VERSION_CONFLICT, message, Some(item.span))
                    .note("it is fixed here", Some(span)),
            );
            return;
        }
        draft.version = Some(Spanned::new(version, item.span));
    }

    fn interface(&mut self, draft: &mut Draft, item: &Item<'_>) {
        let Some(word) = item.word(1) else { return };
        if word.text.len() > LONGEST_NAME {
            let message = format!("'{}' is no interface: a name has at most 15 bytes", word.text);
            self.invalid(findings::INVALID_VALUE, message, word).send(self);
        } else if word.text == "lo" {
            let message = "VRRP cannot run on the loopback interface; it is ignored".to_owned();
            self.invalid(findings::INVALID_VALUE, message, word)
                .hint("name the interface of the peers")
                .send(self);
        } else if let Some(first) = draft.vrf.as_ref().map(|first| first.span) {
            self.two_interfaces(item, first);
        } else {
            draft.interface = Some(self.spanned(word));
        }
    }

    fn vrf(&mut self, draft: &mut Draft, item: &Item<'_>) {
        let Some(word) = item.word(1) else { return };
        if let Some(first) = draft.interface.as_ref().map(|first| first.span) {
            self.two_interfaces(item, first);
        } else {
            draft.vrf = Some(self.spanned(word));
        }
    }

    fn two_interfaces(&mut self, item: &Item<'_>, first: crate::source::Span) {
        let message = "An instance has an interface or a vrf, not both; this line is ignored";
        self.report(
            Diagnostic::new(findings::GIVEN_TWICE, message, Some(item.span)).note("the first is here", Some(first)),
        );
    }

    fn old_unicast_checksum(&mut self, draft: &mut Draft, item: &Item<'_>) {
        draft.unicast.get_or_insert(item.span);
        draft.old_unicast_checksum = match item.word(1) {
            None => Some(OldUnicastChecksum::Always),
            Some(word) if word.text == "never" => Some(OldUnicastChecksum::Never),
            Some(word) => {
                let message = format!(
                    "'{}' is no value of old_unicast_checksum; the line is ignored",
                    word.text
                );
                self.invalid(findings::INVALID_VALUE, message, word)
                    .hint("never, or nothing")
                    .send(self);
                draft.old_unicast_checksum
            }
        };
    }

    fn receive_buffer(&mut self, draft: &mut Draft, item: &Item<'_>) {
        if let Some(extra) = item.word(2) {
            let message = "kernel_rx_buf_size takes one number; the line is ignored".to_owned();
            self.invalid(findings::INVALID_VALUE, message, extra).send(self);
        } else {
            draft.kernel_rx_buf_size = item.argument.number().or(draft.kernel_rx_buf_size);
        }
    }
}
