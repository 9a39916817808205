//! Which instance a packet is for.

use std::collections::BTreeMap;

use crate::event::ReceivedPacket;
use crate::settings::{Family, InstanceSettings};
use crate::timers::InstanceId;

/// Instances by interface, family and VRID. One VRID may be used by several instances that differ in where they send to.
#[derive(Clone, Debug, Default)]
pub(super) struct Routers(BTreeMap<String, BTreeMap<(Family, u8), Vec<InstanceId>>>);

impl Routers {
    pub(super) fn insert(&mut self, settings: &InstanceSettings, id: InstanceId) {
        let on_interface = self.0.entry(settings.interface.clone()).or_default();
        on_interface
            .entry((settings.family, settings.vrid))
            .or_default()
            .push(id);
    }

    /// Candidates for a packet, by the VRID that stands in its second byte.
    pub(super) fn find(&self, packet: &ReceivedPacket) -> &[InstanceId] {
        let Some(vrid) = packet.vrrp().and_then(|vrrp| vrrp.get(1)) else {
            return &[];
        };
        let on_interface = self.0.get(&packet.interface);
        on_interface
            .and_then(|routers| routers.get(&(Family::of(packet.source), *vrid)))
            .map_or(&[], Vec::as_slice)
    }
}
