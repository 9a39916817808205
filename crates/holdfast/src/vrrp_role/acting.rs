//! What the machine asks is done: packets, addresses, routes and rules, announcements, reports.

use holdfast_net::{AddressFlags, AddressScope, Applied, DeadlineTimer, InterfaceAddress};
use holdfast_vrrp::{Action, Event, NotifyState, RoutingKind, Subject, VirtualAddress};

use super::Driver;
use super::batch::{Advert, Batch};
use crate::ipc::{FromVrrp, VrrpNotification, VrrpTrapEvent};

impl Driver {
    /// Runs an action, or puts it into the batch.
    pub(super) fn run_action(&mut self, action: Action, batch: &mut Batch) {
        self.announcing.follow(&action);
        match action {
            Action::SendAdvertisement {
                interface,
                source,
                destinations,
                ttl,
                bytes,
                authenticated,
                ..
            } => batch.advertise(destinations.into_iter().map(|destination| Advert {
                interface: interface.clone(),
                source,
                destination,
                ttl,
                bytes: bytes.clone(),
                authenticated,
            })),
            Action::AddAddresses {
                interface, addresses, ..
            } => {
                self.tended.filter.note_additions(&interface, &addresses);
                batch.add(self.for_kernel(&interface, &addresses));
            }
            Action::RemoveAddresses {
                interface, addresses, ..
            } => {
                self.tended.filter.note_removals(&interface, &addresses);
                batch.remove(self.for_kernel(&interface, &addresses));
            }
            Action::AddRoutes { routes, .. } => batch.add_routing(RoutingKind::Route, routes),
            Action::RemoveRoutes { routes, .. } => batch.remove_routing(RoutingKind::Route, routes),
            Action::AddRules { rules, .. } => batch.add_routing(RoutingKind::Rule, rules),
            Action::RemoveRules { rules, .. } => batch.remove_routing(RoutingKind::Rule, rules),
            Action::Announce {
                instance,
                interface,
                addresses,
                count,
            } => {
                self.announcing
                    .announce(&self.interfaces, &instance, &interface, &addresses, count);
                *batch = Batch::Announcements;
            }
            Action::Transition {
                instance,
                from,
                to,
                reason,
                ..
            } => {
                tracing::debug!("({instance}) {from} -> {to}: {reason}");
                self.reporting.note_transition(instance, &reason);
            }
            Action::GroupTransition {
                group,
                from,
                to,
                reason,
            } => {
                tracing::debug!("sync group {group}: {from} -> {to}: {reason}");
                self.reporting.note_group();
            }
            Action::Notify {
                subject,
                name,
                state,
                priority,
                new_master,
            } => {
                let new_master = new_master.filter(|_| self.rfc_traps);
                self.notify(subject, name.clone(), state, priority);
                if let Some(new_master) = new_master {
                    self.trap(name, VrrpTrapEvent::NewMaster(new_master));
                }
            }
            Action::Refused {
                instance,
                from,
                refusal,
            } => self.trap(instance, VrrpTrapEvent::Refused { from, refusal }),
            // Kept by the caller.
            Action::Log(_) => {}
        }
    }

    pub(super) async fn carry_out(&mut self, batch: Batch) {
        self.tended.filter.block_coming(&self.interfaces).await;
        match batch {
            Batch::Empty => {}
            Batch::Adverts(adverts) => self.sockets.send(&adverts),
            Batch::Additions(addresses) => self.add(&addresses).await,
            Batch::Removals(addresses) => self.remove(&addresses).await,
            Batch::RoutingAdditions(kind, texts) => {
                let Self { requests, routing, .. } = self;
                for (text, problem) in routing.add(kind, &texts, requests, &self.interfaces).await {
                    self.handle(Event::RoutingFailed { kind, text, problem });
                }
            }
            Batch::RoutingRemovals(kind, texts) => {
                let Self { requests, routing, .. } = self;
                routing.remove(kind, &texts, requests, &self.interfaces).await;
            }
            Batch::Announcements => self.announcing.send_due(&self.interfaces, DeadlineTimer::now()),
        }
        self.tended.filter.release_gone().await;
    }

    async fn add(&mut self, addresses: &[InterfaceAddress]) {
        for (address, outcome) in addresses.iter().zip(self.requests.add_addresses(addresses).await) {
            match outcome {
                Ok(_) => self.interfaces.address_added(address),
                Err(error) => tracing::error!("{error}"),
            }
        }
    }

    async fn remove(&mut self, addresses: &[InterfaceAddress]) {
        for (address, outcome) in addresses.iter().zip(self.requests.remove_addresses(addresses).await) {
            match outcome {
                Ok(Applied::Changed) => self.interfaces.removed_by_us(address),
                Ok(Applied::AlreadySo) => {}
                Err(error) => tracing::error!("{error}"),
            }
        }
    }

    /// Addresses as the kernel takes them; none where the interface is not there.
    fn for_kernel(&self, interface: &str, addresses: &[VirtualAddress]) -> std::vec::IntoIter<InterfaceAddress> {
        let index = self.interfaces.index_of(interface);
        let addresses: Vec<_> = index
            .into_iter()
            .flat_map(|index| addresses.iter().map(move |address| for_kernel(index, address)))
            .collect();
        addresses.into_iter()
    }

    fn notify(&self, subject: Subject, name: String, state: NotifyState, priority: u8) {
        let change = VrrpNotification {
            is_group: subject == Subject::Group,
            name,
            state: state.to_string(),
            priority,
        };
        self.send(&FromVrrp::Notify(change));
    }
}

/// An address as the kernel takes it.
pub(super) fn for_kernel(interface_index: u32, address: &VirtualAddress) -> InterfaceAddress {
    let flags = [
        (
            !address.duplicate_detection && address.address.is_ipv6(),
            AddressFlags::NODAD,
        ),
        (address.home, AddressFlags::HOMEADDRESS),
        (address.mngtmpaddr, AddressFlags::MANAGETEMPADDR),
        (address.noprefixroute, AddressFlags::NOPREFIXROUTE),
        (address.autojoin, AddressFlags::MCAUTOJOIN),
    ];
    InterfaceAddress {
        peer: address.peer,
        broadcast: address.broadcast,
        scope: AddressScope(address.scope),
        label: address.label.clone(),
        flags: flags
            .into_iter()
            .filter(|(set, _)| *set)
            .fold(AddressFlags::NONE, |all, (_, flag)| all | flag),
        preferred_lifetime_s: address
            .preferred_lifetime
            .map(|length| u32::try_from(length.as_secs()).unwrap_or(u32::MAX)),
        ..InterfaceAddress::new(interface_index, address.address, address.prefix_len)
    }
}
