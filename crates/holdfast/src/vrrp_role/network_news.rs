//! What the kernel tells of interfaces, addresses, routes and rules, and what of it the machine is told.

use holdfast_net::{DeadlineTimer, InterfaceAddress, NetworkEvent};
use holdfast_vrrp::Event;

use super::Driver;
use super::interfaces::Interfaces;

impl Driver {
    pub(super) async fn network_events(&mut self, events: Vec<NetworkEvent>) {
        for event in events {
            let by_us = self.is_own_doing(&event);
            if !by_us {
                let now = DeadlineTimer::now();
                for lost in self.routing.network_event(&event, &self.interfaces, now) {
                    self.handle(lost);
                }
            }
            match event {
                NetworkEvent::LinkChanged(link) => {
                    let name = link.name.clone();
                    let former = self.interfaces.name_of(link.index).map(str::to_owned);
                    let was_up = self.interfaces.is_up(&name);
                    self.interfaces.link_changed(link);
                    if !was_up && self.interfaces.is_up(&name) {
                        self.routing
                            .interface_came_back(&name, &self.interfaces, DeadlineTimer::now());
                    }
                    self.open_sockets();
                    // A renamed interface is gone under its former name.
                    if let Some(former) = former.filter(|former| *former != name) {
                        self.report_if_known(&former);
                    }
                    self.report_if_known(&name);
                }
                NetworkEvent::LinkRemoved { index, name } => {
                    self.interfaces.link_removed(index);
                    self.open_sockets();
                    self.report_configured_sources();
                    self.report_if_known(&name);
                }
                NetworkEvent::AddressAdded { address, .. } => {
                    self.interfaces.address_added(&address);
                    if !self.is_on_own(&address) {
                        self.address_changed(&address);
                    }
                }
                NetworkEvent::AddressRemoved { address, .. } => {
                    self.interfaces.address_removed(&address);
                    // Of those on interfaces of ours is told when the interface itself has been looked after.
                    let on_own = self.is_on_own(&address);
                    if let (false, Some(name)) = (by_us || on_own, self.interfaces.name_of(address.interface_index)) {
                        let interface = name.to_owned();
                        self.handle(Event::AddressLost {
                            interface,
                            address: address.address,
                        });
                    }
                    if !(by_us && on_own) {
                        self.address_changed(&address);
                    }
                }
                NetworkEvent::RouteRemoved { .. } | NetworkEvent::RuleRemoved { .. } => {}
                NetworkEvent::Lost => self.read_again().await,
            }
        }
    }

    /// Whether an event only echoes our own request. Who removed an address the event does not say: without
    /// `promote_secondaries` the kernel removes others of the same prefix together with the one we asked for.
    fn is_own_doing(&mut self, event: &NetworkEvent) -> bool {
        match event {
            NetworkEvent::RouteRemoved { changed_by, .. } | NetworkEvent::RuleRemoved { changed_by, .. } => {
                *changed_by == self.requests.port()
            }
            NetworkEvent::AddressRemoved { address, .. } => self.interfaces.was_our_removal(address),
            _ => false,
        }
    }

    /// One of our own is looked after, and then reported, when all events have been heard.
    pub(super) fn report_if_known(&mut self, name: &str) {
        self.tended.own.note(name);
        if !self.tended.own.is_ours(name) {
            self.report_interface(name);
        }
    }

    /// Tells the machine what is new of an interface that it has asked about.
    pub(super) fn report_interface(&mut self, name: &str) {
        let up = || self.links.is_up(name, &self.interfaces);
        for news in self.watched.news(name, up, &self.interfaces) {
            self.handle(news);
        }
    }

    /// Before what is said of interfaces: an instance must not begin with an address that is not there.
    pub(super) fn report_configured_sources(&mut self) {
        for (interface, address) in self.watched.sources() {
            let place = self.interfaces.place_of(address, &interface);
            let now = DeadlineTimer::now();
            self.node.handle(
                now,
                Event::SourcePlace {
                    interface,
                    address,
                    place,
                },
            );
        }
    }

    fn address_changed(&mut self, address: &InterfaceAddress) {
        if self.watched.is_source(address.address) {
            self.report_configured_sources();
        }
        if let Some(name) = self.interfaces.name_of(address.interface_index).map(str::to_owned) {
            self.report_if_known(&name);
        }
    }

    /// The kernel dropped events: everything is read again and told again; what the machine knows already does no harm.
    async fn read_again(&mut self) {
        tracing::warn!("network events were lost; reading all interfaces and addresses again");
        match Interfaces::dump(&mut self.requests).await {
            Ok(interfaces) => {
                self.interfaces.read_again(interfaces);
                self.tended.own.note_all();
                self.watched.forget_what_was_said();
                self.tell_everything();
                for (interface, address) in self.interfaces.missing_virtual_addresses(&self.node) {
                    self.handle(Event::AddressLost { interface, address });
                }
            }
            Err(error) => tracing::error!("{error}"),
        }
        let now = DeadlineTimer::now();
        match self.routing.read_again(&mut self.requests, &self.interfaces, now).await {
            Ok(lost) => lost.into_iter().for_each(|lost| self.handle(lost)),
            Err(error) => tracing::error!("{error}"),
        }
    }
}
