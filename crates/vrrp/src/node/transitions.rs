//! Changing states, of many instances at once and in the promised order: advertisements, removals, additions,
//! announcements, reports.

use std::collections::BTreeSet;

use super::{Node, UnitId};
use crate::action::{Action, NotifyState, Reason, State, Subject};
use crate::instance::{Holding, Instance, Routed};
use crate::messages::LogEvent;
use crate::settings::RoutingKind;
use crate::timers::InstanceId;

/// What masters that leave do not take away.
pub(super) enum Keep<'a> {
    Nothing,
    Everything,
    /// What these masters have.
    Held(&'a Held),
}

impl Keep<'_> {
    fn keeps_address(&self, holding: &Holding) -> bool {
        match self {
            Self::Nothing => false,
            Self::Everything => true,
            Self::Held(held) => held.addresses.contains(holding),
        }
    }

    fn keeps_routed(&self, routed: &Routed) -> bool {
        match self {
            Self::Nothing => false,
            Self::Everything => true,
            Self::Held(held) => held.routed.contains(routed),
        }
    }
}

/// What masters have in the kernel.
#[derive(Default)]
pub(super) struct Held {
    pub(super) addresses: BTreeSet<Holding>,
    pub(super) routed: BTreeSet<Routed>,
}

/// A unit goes to another state.
#[derive(Clone, Debug)]
pub(super) struct Move {
    pub(super) unit: UnitId,
    pub(super) to: State,
    /// The member that it starts from; the others follow.
    pub(super) leader: Option<InstanceId>,
    pub(super) reason: Reason,
}

/// One instance goes to another state.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) id: InstanceId,
    pub(super) from: State,
    pub(super) to: State,
    pub(super) reason: Reason,
}

impl Step {
    fn leaves_master(&self) -> bool {
        self.from == State::Master
    }

    fn becomes_master(&self) -> bool {
        self.to == State::Master
    }
}

impl Node {
    pub(super) fn carry_out(&mut self, moves: impl IntoIterator<Item = Move>) {
        self.carry_out_keeping(moves.into_iter().collect(), &Keep::Nothing);
    }

    /// As `carry_out`; what `keep` names stays in the kernel.
    pub(super) fn carry_out_keeping(&mut self, moves: Vec<Move>, keep: &Keep<'_>) {
        let mut seen = BTreeSet::new();
        let moves: Vec<Move> = moves.into_iter().filter(|planned| seen.insert(planned.unit)).collect();
        let steps: Vec<Vec<Step>> = moves.iter().map(|planned| self.steps_of(planned)).collect();
        self.take_steps(steps.iter().flatten(), keep);
        for (planned, steps) in moves.iter().zip(steps) {
            self.report(steps);
            self.report_group(planned);
        }
    }

    fn steps_of(&self, planned: &Move) -> Vec<Step> {
        let Some(unit) = self.units.get(planned.unit) else {
            return Vec::new();
        };
        let reason_of = |member: InstanceId| match (&unit.group, planned.leader) {
            (Some(group), Some(leader)) if leader != member => Reason::Group {
                group: group.name.clone(),
                cause: Box::new(planned.reason.clone()),
            },
            _ => planned.reason.clone(),
        };
        let step_of = |instance: &Instance| Step {
            id: instance.id,
            from: instance.state,
            to: planned.to,
            reason: reason_of(instance.id),
        };
        let members = unit.members.iter().filter_map(|member| self.instances.get(member));
        members
            .filter(|instance| instance.state != planned.to)
            .map(|instance| step_of(instance))
            .collect()
    }

    /// All but the reports, one kind of thing after the other.
    pub(super) fn take_steps<'a>(&mut self, steps: impl Iterator<Item = &'a Step> + Clone, keep: &Keep<'_>) {
        // The peers take over as soon as they hear of it, so this comes before everything that takes time.
        for step in steps
            .clone()
            .filter(|step| step.leaves_master() && step.to != State::Backup)
        {
            self.with(step.id, |instance, out| instance.send_advertisement(0, out));
        }
        for step in steps.clone() {
            self.with(step.id, |instance, out| {
                instance.leave(out);
                instance.enter(step.to, out);
            });
        }
        let started = steps
            .clone()
            .filter(|step| step.from == State::Init && step.to != State::Master);
        self.remove_leftovers(started.map(|step| step.id).collect(), keep);
        // Other masters may have the same routes and rules; to ask all of them takes time, and most have none.
        let has_routed = |step: &Step| {
            let instance = self.instances.get(&step.id);
            step.leaves_master() && instance.is_some_and(|instance| instance.routed().next().is_some())
        };
        let elsewhere = if steps.clone().any(has_routed) {
            self.held_by_masters(|_| true).routed
        } else {
            BTreeSet::new()
        };
        for step in steps.clone().filter(|step| step.leaves_master()) {
            self.with(step.id, |instance, out| {
                let stays = |routed: &Routed| keep.keeps_routed(routed) || elsewhere.contains(routed);
                instance.remove_routed(instance.routed().filter(|routed| !stays(routed)), out);
            });
        }
        for step in steps.clone().filter(|step| step.leaves_master()) {
            self.with(step.id, |instance, out| {
                let gone = instance.holdings().filter(|holding| !keep.keeps_address(holding));
                instance.remove(gone, out);
            });
        }
        for step in steps.clone().filter(|step| step.becomes_master()) {
            self.with(step.id, |instance, out| instance.add(instance.holdings(), out));
        }
        for kind in [RoutingKind::Route, RoutingKind::Rule] {
            for step in steps.clone().filter(|step| step.becomes_master()) {
                self.with(step.id, |instance, out| instance.add_entries(kind, |_| true, out));
            }
        }
        for step in steps.clone().filter(|step| step.becomes_master()) {
            self.with(step.id, Instance::announce_as_new_master);
        }
        // The master may not know its way back to a unicast peer that was away for long.
        for step in steps.filter(|step| step.to == State::Backup) {
            self.with(step.id, |instance, out| {
                if step.from == State::Fault || (step.from == State::Init && instance.waited_for_script) {
                    instance.announce_source(out);
                }
            });
        }
    }

    /// A daemon that was killed leaves its addresses, routes and rules behind, and nobody but a master may have them. They
    /// are removed once, as soon as an instance is told of its interfaces: it may have to wait long for its first state.
    pub(super) fn remove_leftovers(&mut self, ids: Vec<InstanceId>, keep: &Keep<'_>) {
        if ids.is_empty() {
            return;
        }
        let place = |(interface, held): &Holding| (interface.clone(), held.address);
        let held = self.held_by_masters(|_| true);
        let routed = held.routed;
        let held: BTreeSet<_> = held.addresses.iter().map(place).collect();
        for id in ids {
            self.with(id, |instance, out| {
                if std::mem::replace(&mut instance.leftovers_gone, true) {
                    return;
                }
                let stays = |left: &Routed| routed.contains(left) || keep.keeps_routed(left);
                instance.remove_routed(instance.routed().filter(|left| !stays(left)), out);
                let left: Vec<Holding> = instance
                    .holdings()
                    .filter(|left| !held.contains(&place(left)) && !keep.keeps_address(left))
                    .collect();
                instance.remove(left.into_iter(), out);
            });
        }
    }

    pub(super) fn report(&mut self, steps: Vec<Step>) {
        for step in steps {
            self.with(step.id, |instance, out| instance.report(step.from, step.reason, out));
        }
    }

    /// After the members, so that a group's script finds everything in place.
    fn report_group(&mut self, planned: &Move) {
        let Some(unit) = self.units.get_mut(planned.unit) else {
            return;
        };
        let from = std::mem::replace(&mut unit.state, planned.to);
        let Some(group) = unit.group.as_ref().filter(|_| from != planned.to) else {
            return;
        };
        let (group, to, reason) = (group.name.clone(), planned.to, planned.reason.clone());
        self.out.push(Action::GroupTransition {
            group: group.clone(),
            from,
            to,
            reason,
        });
        self.out.log(LogEvent::GroupEntering {
            group: group.clone(),
            state: to,
        });
        let state = match to {
            State::Master => NotifyState::Master,
            State::Backup => NotifyState::Backup,
            State::Fault => NotifyState::Fault,
            State::Stopped => NotifyState::Stop,
            State::Init | State::Deleted => return,
        };
        self.out.push(Action::Notify {
            subject: Subject::Group,
            name: group,
            state,
            priority: 0,
            new_master: None,
        });
    }

    pub(super) fn with(&mut self, id: InstanceId, act: impl FnOnce(&mut Instance, &mut crate::outbox::Outbox)) {
        if let Some(instance) = self.instances.get_mut(&id) {
            act(instance, &mut self.out);
        }
    }
}
