//! What others may see of this process: everything on request, and news for managers of networks.

use std::time::{SystemTime, UNIX_EPOCH};

use holdfast_net::DeadlineTimer;
use holdfast_vrrp::{Adjustment, Event, State};

use super::Driver;
use crate::ipc::{FromVrrp, VrrpTrap, VrrpTrapEvent};
use crate::snapshot::vrrp::{AddressOnHost, InstanceOnHost, InterfaceSnapshot, VrrpSnapshot};
use crate::status::TrackersStatus;

impl Driver {
    /// Sends everything. Called when neither packets nor deadlines wait.
    pub(super) fn show(&self) {
        self.send(&FromVrrp::Snapshot(Box::new(self.snapshot())));
    }

    /// Sends everything for a state file.
    pub(super) fn show_for_file(&mut self, number: u64, clears_counters: bool) {
        let snapshot = Box::new(self.snapshot());
        self.send(&FromVrrp::ForFile { number, snapshot });
        if clears_counters {
            self.handle(Event::ClearCounters);
        }
    }

    fn snapshot(&self) -> VrrpSnapshot {
        let node = self.node.status();
        let present = self.interfaces.addresses_present();
        let is_present = |(interface, address): (&str, _)| {
            let index = self.interfaces.index_of(interface);
            index.is_some_and(|index| present.contains(&(index, address)))
        };
        let instances = node.instances.iter().zip(self.node.addresses_of_instances());
        let on_host = instances.map(|(instance, addresses)| InstanceOnHost {
            reason: self.reporting.reason_of(&instance.name),
            addresses: addresses
                .into_iter()
                .map(|place| AddressOnHost {
                    interface: place.0.to_owned(),
                    is_set: instance.state == State::Master && is_present(place),
                })
                .collect(),
        });
        VrrpSnapshot {
            at: DeadlineTimer::now(),
            since_1970: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default(),
            started_at: self.started_at,
            on_host: on_host.collect(),
            statics: self
                .routing
                .statics()
                .map(|(entry, there)| (entry.clone(), there))
                .collect(),
            interfaces: self.all_interfaces(),
            known: self.node.tracker_facts(),
            trackers: TrackersStatus::default(),
            node,
        }
    }

    fn all_interfaces(&self) -> Vec<InterfaceSnapshot> {
        let own = self.interfaces.own_addresses();
        let interface = |link: &holdfast_net::Link| {
            let (ipv4, link_local) = own.get(&link.index).copied().unwrap_or_default();
            InterfaceSnapshot {
                index: link.index,
                name: link.name.clone(),
                base_index: self.base_index(&link.name).unwrap_or(link.index),
                mac: link.mac,
                is_up: self.interfaces.is_up(&link.name),
                ipv4,
                link_local,
            }
        };
        self.interfaces.links().map(interface).collect()
    }

    /// The number of the interface that one of ours stands on; else its own.
    fn base_index(&self, name: &str) -> Option<u32> {
        self.interfaces.index_of(self.interfaces.below(name))
    }

    /// A manager changes an instance, which people should hear of.
    pub(super) fn adjust(&mut self, instance: String, adjustment: Adjustment) {
        match adjustment {
            Adjustment::Priority(priority) => {
                tracing::info!("({instance}) base priority changed to {priority} via SNMP");
            }
            Adjustment::Preempt(true) => tracing::info!("({instance}) preemption enabled with SNMP"),
            Adjustment::Preempt(false) => tracing::info!("({instance}) preemption disabled with SNMP"),
        }
        self.handle(Event::Adjust { instance, adjustment });
    }

    /// For managers of networks.
    pub(super) fn trap(&self, instance: String, event: VrrpTrapEvent) {
        let interface = self.node.interface_of(&instance).unwrap_or_default();
        self.send(&FromVrrp::Trap(VrrpTrap {
            interface_index: self.interfaces.index_of(interface).unwrap_or_default(),
            base_index: self.base_index(interface).unwrap_or_default(),
            instance,
            event,
        }));
    }
}
