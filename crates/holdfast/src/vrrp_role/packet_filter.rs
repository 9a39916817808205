//! `no_accept`: packets to and from virtual addresses that this router only forwards for are dropped. And what macvlans
//! would say about group memberships is said by the interface below, which is the one that hears the groups.

mod tables;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use holdfast_net::nftables::{Batch, Nftables};
use holdfast_vrrp::settings::PacketFilterSettings;
use holdfast_vrrp::{NodeSettings, VirtualAddress};

use self::tables::{At, Blocked, Tables};
use super::interfaces::Interfaces;
use super::own_interfaces::Macvlan;

const WHAT: &str = "the packet filter";

/// An address on an interface.
type Place = (String, IpAddr);

/// The tables of ours in nftables.
#[derive(Debug, Default)]
pub struct PacketFilter {
    /// As long as anything needs it.
    active: Option<Active>,
    /// Addresses that are blocked while they are held; whether the interface of link-local ones goes by name.
    droppers: BTreeMap<Place, bool>,
    /// Packets are dropped, or there are macvlans.
    is_needed: bool,
    /// Macvlans that are there, those that will go with them.
    macvlans: Vec<Macvlan>,
    /// Addresses about to be added.
    coming: BTreeSet<Place>,
    /// Addresses that have been removed.
    going: BTreeSet<Place>,
}

#[derive(Debug)]
struct Active {
    socket: Nftables,
    tables: Tables,
    /// What stands in the tables for the addresses that are blocked.
    held: BTreeMap<Place, Blocked>,
}

impl PacketFilter {
    /// Takes over settings, in which own interfaces have been put already. [`Self::block_held`] has to follow when these are
    /// there, and [`Self::tidy`] when those that nobody wants any more are gone.
    pub async fn prepare(&mut self, settings: &NodeSettings, has_macvlans: bool) {
        self.droppers = droppers(settings);
        self.is_needed = !self.droppers.is_empty() || has_macvlans;
        let has_changed = |active: &Active| active.tables.settings() != &settings.packet_filter;
        if self.active.as_ref().is_some_and(has_changed) {
            self.remove().await;
        }
        if self.is_needed && self.active.is_none() {
            self.active = Active::open(settings.packet_filter.clone()).await;
        }
    }

    /// These macvlans are there, and perhaps others that were there before.
    pub async fn add_macvlans(&mut self, macvlans: &[Macvlan]) {
        let is_new = |known: &&Macvlan| macvlans.iter().all(|new| new.index != known.index);
        let all = self.macvlans.iter().filter(is_new).chain(macvlans).copied();
        self.set_macvlans(all.collect()).await;
    }

    async fn set_macvlans(&mut self, macvlans: Vec<Macvlan>) {
        if let Some(active) = &mut self.active {
            active.change(|tables| tables.set_vmacs(&macvlans)).await;
        }
        self.macvlans = macvlans;
    }

    /// Blocks addresses that are held already and were not blocked so far, and the other way round.
    pub async fn block_held(&mut self, interfaces: &Interfaces) {
        let is_there = |(interface, address): &Place| {
            let index = interfaces.index_of(interface);
            index.is_some_and(|index| interfaces.has_address(index, *address))
        };
        self.coming
            .extend(self.droppers.keys().filter(|place| is_there(place)).cloned());
        let held = self.active.iter().flat_map(|active| active.held.keys());
        let gone: Vec<Place> = held
            .filter(|place| !self.droppers.contains_key(*place))
            .cloned()
            .collect();
        self.going.extend(gone);
        self.block_coming(interfaces).await;
        self.release_gone().await;
    }

    /// Exactly these macvlans are there: what nothing needs any more goes.
    pub async fn tidy(&mut self, macvlans: Vec<Macvlan>) {
        if !self.is_needed {
            self.remove().await;
        }
        self.set_macvlans(macvlans).await;
        let places = self.droppers.iter().map(|((_, address), by_name)| {
            let at = if *by_name {
                At::Name(String::new())
            } else {
                At::Index(0)
            };
            Blocked::new(*address, at).place()
        });
        let places: BTreeSet<_> = places.collect();
        if let Some(active) = &mut self.active {
            active.change(|tables| tables.tidy(&places)).await;
        }
    }

    /// These addresses are about to be added: [`Self::block_coming`] comes first.
    pub fn note_additions(&mut self, interface: &str, addresses: &[VirtualAddress]) {
        let places = addresses.iter().map(|held| (interface.to_owned(), held.address));
        self.coming
            .extend(places.filter(|place| self.droppers.contains_key(place)));
    }

    /// These addresses are about to be removed: [`Self::release_gone`] comes afterwards.
    pub fn note_removals(&mut self, interface: &str, addresses: &[VirtualAddress]) {
        if let Some(active) = &self.active {
            let places = addresses.iter().map(|held| (interface.to_owned(), held.address));
            self.going
                .extend(places.filter(|place| active.held.contains_key(place)));
        }
    }

    /// Blocks what is about to be added, all in one change.
    pub async fn block_coming(&mut self, interfaces: &Interfaces) {
        let coming = std::mem::take(&mut self.coming);
        let Some(active) = self.active.as_mut().filter(|_| !coming.is_empty()) else {
            return;
        };
        let mut new = BTreeMap::new();
        for place in coming {
            let (interface, address) = &place;
            let at = if self.droppers.get(&place).copied().unwrap_or(false) {
                At::Name(interface.clone())
            } else {
                At::Index(interfaces.index_of(interface).unwrap_or(0))
            };
            new.insert(place.clone(), Blocked::new(*address, at));
        }
        active.hold(new).await;
    }

    /// Releases what has been removed, all in one change.
    pub async fn release_gone(&mut self) {
        let going = std::mem::take(&mut self.going);
        if let Some(active) = self.active.as_mut().filter(|_| !going.is_empty()) {
            active.release(&going).await;
        }
    }

    /// The name of the tables, while there are any.
    pub fn table(&self) -> Option<&str> {
        self.active
            .as_ref()
            .map(|active| active.tables.settings().table.as_str())
    }

    /// Removes tables that a predecessor left, unless they are ours now.
    pub async fn remove_left_behind(&mut self, table: &str) {
        if self.table() == Some(table) {
            return;
        }
        let settings = PacketFilterSettings {
            table: table.to_owned(),
            ..PacketFilterSettings::default()
        };
        // Opening takes out what is there.
        Active::open(settings).await;
    }

    /// Removes the tables.
    pub async fn remove(&mut self) {
        if let Some(mut active) = self.active.take() {
            let batch = active.tables.remove();
            active.apply(batch).await;
        }
    }
}

/// Addresses of instances with `no_accept`.
fn droppers(settings: &NodeSettings) -> BTreeMap<Place, bool> {
    let instances = settings.instances.iter().filter(|instance| instance.drops_packets());
    let places = instances.flat_map(|instance| {
        let by_name = !instance.track_primary && !settings.packet_filter.ifindex;
        let held = instance.held_addresses();
        held.map(move |held| ((instance.interface_of(held).to_owned(), held.address), by_name))
    });
    places.collect()
}

impl Active {
    /// Leftovers of a daemon that was killed go first. Nothing if this kernel cannot filter, which is said.
    async fn open(settings: PacketFilterSettings) -> Option<Self> {
        let socket = match Nftables::open() {
            Ok(socket) => socket,
            Err(error) => {
                tracing::error!("{error}; packets to virtual addresses are not dropped");
                return None;
            }
        };
        let mut active = Self {
            socket,
            tables: Tables::new(settings),
            held: BTreeMap::new(),
        };
        let batch = active.tables.remove();
        active.apply(batch).await;
        Some(active)
    }

    async fn apply(&mut self, batch: Batch) -> bool {
        match self.socket.apply(WHAT, batch).await {
            Ok(()) => true,
            Err(error) => {
                tracing::error!("{error}");
                false
            }
        }
    }

    /// A change that the kernel refuses is as if it had never been asked for.
    async fn change(&mut self, change: impl FnOnce(&mut Tables) -> Batch) -> bool {
        let mut tables = self.tables.clone();
        let batch = change(&mut tables);
        let done = self.apply(batch).await;
        if done {
            self.tables = tables;
        }
        done
    }

    async fn hold(&mut self, mut new: BTreeMap<Place, Blocked>) {
        // An interface that was made anew has another number.
        let stale: BTreeSet<Place> = new
            .iter()
            .filter(|(place, blocked)| self.held.get(*place).is_some_and(|held| held != *blocked))
            .map(|(place, _)| place.clone())
            .collect();
        self.release(&stale).await;
        let wanted: BTreeSet<Blocked> = new.values().cloned().collect();
        if self.change(|tables| tables.block(&wanted)).await {
            self.held.append(&mut new);
        }
    }

    async fn release(&mut self, going: &BTreeSet<Place>) {
        let gone: BTreeSet<Blocked> = going.iter().filter_map(|place| self.held.remove(place)).collect();
        // The same address may be held on another interface.
        let gone: BTreeSet<Blocked> = gone
            .into_iter()
            .filter(|blocked| !self.held.values().any(|held| held == blocked))
            .collect();
        if !gone.is_empty() {
            self.change(|tables| tables.unblock(&gone)).await;
        }
    }
}
