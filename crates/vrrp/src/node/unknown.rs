//! Packets for virtual routers that are not configured where they came in.

use std::collections::BTreeSet;

use crate::event::ReceivedPacket;
use crate::messages::LogEvent;
use crate::outbox::Outbox;
use crate::settings::Family;

/// Counts them, and names each router once if it is told to.
#[derive(Clone, Debug, Default)]
pub(super) struct UnknownRouters {
    pub(super) heard: u64,
    log: bool,
    logged: BTreeSet<(String, Family, u8)>,
}

impl UnknownRouters {
    /// `log_unknown_vrids`. What was logged may be logged again: the settings are new.
    pub(super) fn log_each_once(&mut self, log: bool) {
        self.log = log;
        self.logged.clear();
    }

    pub(super) fn hear(&mut self, packet: &ReceivedPacket, out: &mut Outbox) {
        self.heard = self.heard.saturating_add(1);
        let Some(vrid) = packet.vrrp().and_then(|vrrp| vrrp.get(1)).copied().filter(|_| self.log) else {
            return;
        };
        let router = (packet.interface.clone(), Family::of(packet.source), vrid);
        if self.logged.insert(router) {
            out.log(LogEvent::UnknownVrid {
                vrid,
                interface: packet.interface.clone(),
                from: packet.source,
            });
        }
    }
}
