//! New settings: what stays the same virtual router keeps its state, its timers and its counters.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::transitions::{Held, Keep, Move, Step};
use super::{Node, Unit, Watched};
use crate::action::{Reason, State};
use crate::instance::{Holding, Instance, Routed};
use crate::settings::{Family, GroupSettings, InstanceSettings, NodeSettings, RoutingEntry, RoutingKind, Transmission};
use crate::timers::InstanceId;

/// What makes an instance the same one after a reload. Its name is not part of it, nor is anything that only tunes it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Identity {
    interface: String,
    family: Family,
    vrid: u8,
    path: Path,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Path {
    Group(IpAddr),
    UnicastFrom(Option<IpAddr>),
}

impl Identity {
    fn of(settings: &InstanceSettings) -> Self {
        let path = match &settings.transmission {
            Transmission::Multicast { group } => Path::Group(*group),
            Transmission::Unicast { .. } => Path::UnicastFrom(settings.source),
        };
        Self {
            interface: settings.interface.clone(),
            family: settings.family,
            vrid: settings.vrid,
            path,
        }
    }
}

/// A master that goes on with other settings.
struct Changed {
    id: InstanceId,
    held: Vec<Holding>,
    routed: Vec<Routed>,
}

impl Node {
    /// Takes over new settings; also used for the first ones.
    ///
    /// What all masters hold before and after is compared over the whole node, so an address that moves from one instance to
    /// another never leaves its interface.
    pub(super) fn reload(&mut self, settings: NodeSettings) {
        self.unknown.log_each_once(settings.log_unknown_vrids);
        self.out.rfc_traps = settings.rfc_traps;
        let before = self.held_by_masters(|_| true);
        let (changed, removed) = self.match_instances(settings.instances);
        self.regroup(settings.groups);
        for unit in 0..self.units.len() {
            self.look(unit);
        }
        let after = self.held_by_masters(|id| !removed.contains(&id));

        for changed in &changed {
            self.with(changed.id, |instance, out| {
                instance.send_advertisement(instance.priority, out);
            });
        }
        let steps: Vec<Step> = removed.iter().filter_map(|id| self.removal_of(*id)).collect();
        self.take_steps(steps.iter(), &Keep::Held(&after));
        for changed in &changed {
            let routed = changed.routed.iter().filter(|routed| !after.routed.contains(*routed));
            let gone = changed
                .held
                .iter()
                .filter(|holding| !after.addresses.contains(*holding));
            self.with(changed.id, |instance, out| {
                instance.remove_routed(routed.cloned(), out);
                instance.remove(gone.cloned(), out);
            });
        }
        for changed in &changed {
            self.with(changed.id, |instance, out| {
                let new: Vec<Holding> = instance
                    .holdings()
                    .filter(|holding| !before.addresses.contains(holding))
                    .collect();
                instance.add(new.iter().cloned(), out);
                for kind in [RoutingKind::Route, RoutingKind::Rule] {
                    let is_new = |entry: &RoutingEntry| !before.routed.contains(&(kind, entry.text.clone()));
                    instance.add_entries(kind, is_new, out);
                }
                instance.announce(new.into_iter(), instance.settings.announce.master_repeat, out);
            });
        }
        self.report(steps);
        for id in removed {
            // Leaving its state has ended its timers.
            self.instances.remove(&id);
        }
        let moves: Vec<Move> = (0..self.units.len()).filter_map(|unit| self.review(unit)).collect();
        self.carry_out(moves);
    }

    pub(super) fn held_by_masters(&self, counts: impl Fn(InstanceId) -> bool) -> Held {
        let mut held = Held::default();
        let is_master = |instance: &&Instance| instance.state == State::Master && counts(instance.id);
        for master in self.instances.values().map(AsRef::as_ref).filter(is_master) {
            held.addresses.extend(master.holdings());
            held.routed.extend(master.routed());
        }
        held
    }

    /// Gives the new settings to the instances that stay and makes the new ones. Returns the masters whose settings changed,
    /// and the instances that are no longer configured.
    fn match_instances(&mut self, settings: Vec<InstanceSettings>) -> (Vec<Changed>, BTreeSet<InstanceId>) {
        let identity = |instance: &Instance| (Identity::of(&instance.settings), instance.id);
        let mut left: BTreeMap<Identity, InstanceId> =
            self.instances.values().map(AsRef::as_ref).map(identity).collect();
        let mut changed = Vec::new();
        self.order.clear();
        self.routers = super::Routers::default();
        self.holders.clear();
        for settings in settings {
            let kept = left.remove(&Identity::of(&settings));
            let id = kept.unwrap_or(self.next_id);
            self.order.push(id);
            self.routers.insert(&settings, id);
            for address in settings.held_addresses() {
                self.holders.push((address.address, id));
            }
            if let Some(instance) = kept.and_then(|id| self.instances.get_mut(&id)) {
                let held = instance.holdings().collect();
                let routed = instance.routed().collect();
                if instance.adopt(settings, &mut self.out) && instance.state == State::Master {
                    changed.push(Changed { id, held, routed });
                }
            } else {
                self.instances
                    .insert(id, Box::new(Instance::new(id, settings, self.out.now)));
                self.next_id = self.next_id.saturating_add(1);
            }
        }
        self.routers.settle();
        self.holders.sort_unstable();
        self.holders.dedup();
        self.holders.shrink_to_fit();
        (changed, left.into_values().collect())
    }

    /// Sorts the instances into units; a group that was there before keeps the state it last reported.
    fn regroup(&mut self, groups: Vec<GroupSettings>) {
        let state_of = |unit: Unit| unit.group.map(|group| (group.name, unit.state));
        let states: BTreeMap<String, State> = self.units.drain(..).filter_map(state_of).collect();
        self.unit_of.clear();
        self.watchers.clear();
        let by_name: BTreeMap<String, InstanceId> = self
            .order
            .iter()
            .filter_map(|id| {
                self.instances
                    .get(id)
                    .map(|instance| (instance.settings.name.clone(), *id))
            })
            .collect();
        let mut free: BTreeSet<InstanceId> = self.order.iter().copied().collect();
        for group in groups {
            let named = group.members.iter().filter_map(|name| by_name.get(name).copied());
            let members: Vec<InstanceId> = named.filter(|id| free.remove(id)).collect();
            if !members.is_empty() {
                let state = states.get(&group.name).copied().unwrap_or(State::Init);
                self.add_unit(Unit {
                    group: Some(Box::new(group)),
                    members,
                    state,
                });
            }
        }
        self.units.reserve_exact(free.len());
        for id in self.order.clone().into_iter().filter(|id| free.contains(id)) {
            self.add_unit(Unit {
                group: None,
                members: vec![id],
                state: State::Init,
            });
        }
    }

    fn add_unit(&mut self, unit: Unit) {
        let id = self.units.len();
        let group = || unit.group.iter();
        let members = || {
            let instances = unit.members.iter().filter_map(|member| self.instances.get(member));
            instances.map(|instance| &instance.settings)
        };
        let own = members().map(|member| member.interface.clone());
        let needed = members()
            .flat_map(InstanceSettings::needed_interfaces)
            .map(str::to_owned);
        let interfaces = members().flat_map(|member| &member.tracked_interfaces);
        let interfaces = interfaces.chain(group().flat_map(|group| &group.tracked_interfaces));
        let scripts = members().flat_map(|member| &member.tracked_scripts);
        let scripts = scripts.chain(group().flat_map(|group| &group.tracked_scripts));
        let files = members().flat_map(|member| &member.tracked_files);
        let files = files.chain(group().flat_map(|group| &group.tracked_files));
        let processes = members().flat_map(|member| &member.tracked_processes);
        let processes = processes.chain(group().flat_map(|group| &group.tracked_processes));
        let sessions = members().flat_map(|member| &member.tracked_bfds);
        let sessions = sessions.chain(group().flat_map(|group| &group.tracked_bfds));
        let watched = interfaces
            .map(|tracked| tracked.interface.clone())
            .chain(own)
            .chain(needed)
            .map(Watched::Interface)
            .chain(scripts.map(|tracked| Watched::Script(tracked.script.clone())))
            .chain(files.map(|tracked| Watched::File(tracked.file.clone())))
            .chain(processes.map(|tracked| Watched::Process(tracked.process.clone())))
            .chain(sessions.map(|tracked| Watched::Bfd(tracked.session.clone())));
        for watched in watched {
            self.watchers.entry(watched).or_default().insert(id);
        }
        self.unit_of.extend(unit.members.iter().map(|member| (*member, id)));
        self.units.push(unit);
    }

    fn removal_of(&self, id: InstanceId) -> Option<Step> {
        let from = self.instances.get(&id)?.state;
        Some(Step {
            id,
            from,
            to: State::Deleted,
            reason: Reason::Removed,
        })
    }
}
