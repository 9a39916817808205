//! Which instance a packet is for.

use std::collections::BTreeMap;

use crate::event::ReceivedPacket;
use crate::settings::{Family, InstanceSettings};
use crate::timers::InstanceId;

/// Instances by interface, family and VRID. One VRID may be used by several instances that differ in where they send to.
#[derive(Clone, Debug, Default)]
pub(super) struct Routers(BTreeMap<String, Vec<Router>>);

/// Family, VRID, and whose they are.
pub(super) type Router = ((Family, u8), InstanceId);

impl Routers {
    pub(super) fn insert(&mut self, settings: &InstanceSettings, id: InstanceId) {
        let on_interface = self.0.entry(settings.interface.clone()).or_default();
        on_interface.push(((settings.family, settings.vrid), id));
    }

    /// When all have been inserted.
    pub(super) fn settle(&mut self) {
        for on_interface in self.0.values_mut() {
            // Those of one VRID stay in the order of the configuration.
            on_interface.sort_by_key(|(router, _)| *router);
            on_interface.shrink_to_fit();
        }
    }

    /// Candidates for a packet, by the VRID that stands in its second byte.
    pub(super) fn find(&self, packet: &ReceivedPacket) -> &[Router] {
        let vrid = packet.vrrp().and_then(|vrrp| vrrp.get(1)).copied();
        let wanted = vrid.map(|vrid| (Family::of(packet.source), vrid));
        let on_interface = self.0.get(&packet.interface).map_or(&[][..], Vec::as_slice);
        let first = on_interface.partition_point(|(router, _)| Some(*router) < wanted);
        let (_, candidates) = on_interface.split_at(first);
        let count = candidates.partition_point(|(router, _)| Some(*router) == wanted);
        candidates.get(..count).unwrap_or_default()
    }
}
