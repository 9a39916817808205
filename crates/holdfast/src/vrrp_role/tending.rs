//! Interfaces of our own and the packet filter: when the driver looks after them.

use holdfast_net::{DeadlineTimer, InterfaceAddress, Requests};
use holdfast_vrrp::{Event, NodeSettings};

use super::Driver;
use super::interfaces::Interfaces;
use super::own_interfaces::OwnInterfaces;
use super::packet_filter::PacketFilter;
use crate::host_changes::HostChanges;
use crate::ipc::{FromVrrp, HostNews};

/// What settings ask the driver for beside the machine.
#[derive(Debug, Default)]
pub(super) struct Tended {
    pub(super) own: OwnInterfaces,
    pub(super) filter: PacketFilter,
    /// The tables that the supervisor knows of
    told_table: Option<String>,
}

impl Tended {
    /// Makes the interfaces that the settings ask for, blocks what they block, and returns the settings for the machine.
    pub(super) async fn prepare(
        &mut self,
        settings: &NodeSettings,
        requests: &mut Requests,
        interfaces: &mut Interfaces,
    ) -> NodeSettings {
        let resolved = self.own.plan(settings, interfaces);
        interfaces.set_own(self.own.stand_ins());
        interfaces.set_virtual_addresses(&resolved);
        self.filter.prepare(&resolved, self.own.has_macvlans()).await;
        self.ensure(requests, interfaces).await;
        self.filter.block_held(interfaces).await;
        resolved
    }

    /// What is changed on the host now, if that is not what was told last.
    fn news(&mut self) -> Option<HostNews> {
        let table = self.filter.table();
        let has_other_table = table != self.told_table.as_deref();
        if has_other_table {
            self.told_table = table.map(str::to_owned);
        }
        let sysctls = self.own.news_of_settings();
        let interfaces = self.own.news_of_interfaces();
        (has_other_table || sysctls.is_some() || interfaces.is_some()).then(|| HostNews {
            sysctls,
            interfaces,
            filter_table: self.told_table.clone(),
        })
    }

    /// Takes over what a predecessor changed on the host before it was killed.
    pub(super) async fn inherit(&mut self, changes: &HostChanges, requests: &mut Requests, interfaces: &Interfaces) {
        self.own.inherit(changes, requests, interfaces).await;
        if let Some(table) = &changes.filter_table {
            self.filter.remove_left_behind(table).await;
        }
    }

    /// True if anything was done.
    async fn ensure(&mut self, requests: &mut Requests, interfaces: &mut Interfaces) -> bool {
        let now = DeadlineTimer::now();
        let made = self.own.make(now, requests, interfaces).await;
        if made.is_empty() {
            return false;
        }
        read_again(requests, interfaces).await;
        self.filter.add_macvlans(&self.own.macvlans(interfaces)).await;
        self.own.set_up(made, now, requests).await;
        read_again(requests, interfaces).await;
        true
    }
}

async fn read_again(requests: &mut Requests, interfaces: &mut Interfaces) {
    if let Err(error) = interfaces.refresh(requests).await {
        tracing::error!("{error}");
    }
}

impl Driver {
    /// After a reload, when the machine has left the interfaces that are not wanted any more.
    pub(super) async fn clear_up(&mut self) {
        self.tended.own.remove_unused(&mut self.requests).await;
        let macvlans = self.tended.own.macvlans(&self.interfaces);
        self.tended.filter.tidy(macvlans).await;
    }

    /// Makes again what somebody deleted or changed. The machine does not hear of an interface that was away for a moment,
    /// only of the addresses that went with it, which it puts back.
    pub(super) async fn tend(&mut self) {
        if let Some(news) = self.tended.news() {
            self.send(&FromVrrp::ChangedHost(news));
        }
        if !self.tended.own.is_due(DeadlineTimer::now()) {
            return;
        }
        // Events may be older than what was read last: one of many that were just made is told of as it was before it was
        // switched on, and would be taken for one that went down.
        let is_down = |name: &String| !self.interfaces.is_up(name);
        if self.tended.own.names().iter().any(is_down) {
            read_again(&mut self.requests, &mut self.interfaces).await;
        }
        let changed = self.tended.ensure(&mut self.requests, &mut self.interfaces).await;
        if changed {
            let macvlans = self.tended.own.macvlans(&self.interfaces);
            self.tended.filter.tidy(macvlans).await;
            self.open_sockets();
        }
        let own = self.tended.own.names();
        let known: Vec<String> = {
            let known = self.watched.names();
            own.into_iter().filter(|name| known.contains(name)).collect()
        };
        for name in &known {
            self.report_interface(name);
        }
        for (interface, address) in self.interfaces.missing_virtual_addresses(&self.node) {
            if self.tended.own.is_ours(&interface) {
                self.handle(Event::AddressLost { interface, address });
            }
        }
        self.run_actions().await;
    }

    /// Whether an address is on an interface of ours.
    pub(super) fn is_on_own(&self, address: &InterfaceAddress) -> bool {
        let name = self.interfaces.name_of(address.interface_index);
        name.is_some_and(|name| self.tended.own.is_ours(name))
    }

    /// At the end: nothing of ours stays, unless the addresses do.
    pub(super) async fn remove_tended(&mut self, keep_addresses: bool) {
        if !keep_addresses {
            self.tended.own.remove_all(&mut self.requests).await;
            self.tended.filter.remove().await;
        }
    }
}
