//! `real_server`: what is written.

use super::argument::set;
use super::checker::CheckerDraft;
use super::recovery::RecoveryDraft;
use super::virtual_server::{Inherited, VirtualServerDraft};
use super::{Builder, Item};
use crate::config::{ForwardingMethod, Script};
use crate::keywords::Context;
use crate::source::{Span, Spanned};
use std::net::IpAddr;

/// A real server as it is written.
pub(super) struct RealServerDraft {
    pub(super) address: Spanned<IpAddr>,
    /// 0: the port of the service.
    pub(super) port: u16,
    pub(super) lvs_method: Option<ForwardingMethod>,
    pub(super) weight: Option<u32>,
    pub(super) inhibit_on_failure: Option<bool>,
    pub(super) uthreshold: u32,
    pub(super) lthreshold: u32,
    pub(super) notify_up: Option<Box<Script>>,
    pub(super) notify_down: Option<Box<Script>>,
    pub(super) smtp_alert: Option<bool>,
    pub(super) snmp_name: Option<String>,
    pub(super) inherited: Inherited,
    pub(super) recovery: RecoveryDraft,
    pub(super) checkers: Vec<CheckerDraft>,
    pub(super) span: Span,
}

impl<'a> Builder<'a> {
    pub(super) fn real_server(&mut self, virtual_server: &mut VirtualServerDraft, block: &Item<'a>) {
        let Some((address, port)) = self.server_address(block) else {
            return;
        };
        let mut draft = RealServerDraft {
            address,
            port,
            lvs_method: virtual_server.lb_kind,
            weight: None,
            inhibit_on_failure: None,
            uthreshold: 0,
            lthreshold: 0,
            notify_up: None,
            notify_down: None,
            smtp_alert: None,
            snmp_name: None,
            inherited: Inherited::default(),
            recovery: RecoveryDraft::default(),
            checkers: Vec::new(),
            span: block.span,
        };
        for item in self.items(block.node, Context::RealServer) {
            if !draft.inherited.take(&item) && !draft.recovery.take(&item) {
                self.real_server_setting(&mut draft, item);
            }
        }
        draft.checkers.shrink_to_fit();
        virtual_server.real_servers.push(draft);
    }

    fn real_server_setting(&mut self, draft: &mut RealServerDraft, item: Item<'a>) {
        let argument = &item.argument;
        match item.keyword.name {
            "lvs_method" => set(&mut draft.lvs_method, self.method(&item).map(Some)),
            "weight" => draft.weight = argument.number(),
            "inhibit_on_failure" => draft.inhibit_on_failure = argument.bool(),
            "uthreshold" => set(&mut draft.uthreshold, argument.number()),
            "lthreshold" => set(&mut draft.lthreshold, argument.number()),
            "smtp_alert" => draft.smtp_alert = argument.bool(),
            "snmp_name" => draft.snmp_name = argument.string(),
            "notify_up" => self.set_script(&mut draft.notify_up, item),
            "notify_down" => self.set_script(&mut draft.notify_down, item),
            _ => draft.checkers.extend(self.checkers(&item)),
        }
    }
}
