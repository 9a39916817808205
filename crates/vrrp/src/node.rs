//! The election of all instances of a node.
//!
//! The unit of the election is a sync group, or an instance alone: a unit's members always move together, so every change
//! of state goes through `transitions`. All that becomes due at one moment is carried out together, step by step over all
//! instances: with 250 takeovers at once the last advertisement does not wait for the first address.

mod reload;
mod routers;
mod transitions;
mod unknown;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use holdfast_time::Timestamp;

use crate::action::{Action, Reason, State};
use crate::event::{Event, ReceivedPacket};
use crate::facts::Facts;
use crate::instance::{Heard, Instance, Routed};
use crate::lateness::Lateness;
use crate::outbox::Outbox;
use crate::settings::{Family, GroupSettings, NodeSettings};
use crate::status::{GroupStatus, InstanceStatus, NodeStatus, TrackerFacts};
use crate::timers::{InstanceId, Key, Timer};
use routers::{Router, Routers};
use transitions::{Keep, Move};
use unknown::UnknownRouters;

/// All virtual routers of this machine.
///
/// ```text
/// loop: read the clock once; handle every waiting packet and message; handle DeadlineReached if next_deadline() <= now;
///       carry out next_action() until it is empty; arm one alarm for next_deadline()
/// ```
#[derive(Clone, Debug)]
pub struct Node {
    /// Boxed, because a tree leaves half of its places free.
    instances: BTreeMap<InstanceId, Box<Instance>>,
    next_id: InstanceId,
    /// Instances as configured, for reports.
    order: Vec<InstanceId>,
    units: Vec<Unit>,
    unit_of: BTreeMap<InstanceId, UnitId>,
    routers: Routers,
    /// Units that have to be reviewed when something changes.
    watchers: BTreeMap<Watched, BTreeSet<UnitId>>,
    /// Who holds an address while it is master, in order.
    holders: Vec<(IpAddr, InstanceId)>,
    facts: Facts,
    /// The startup delay is over.
    started: bool,
    stopped: bool,
    lateness: Lateness,
    unknown: UnknownRouters,
    out: Outbox,
}

/// Place in `Node::units`, until the next reload.
type UnitId = usize;

/// What a unit's place in the election depends on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Watched {
    Interface(String),
    Script(String),
    File(String),
    Process(String),
    Bfd(String),
}

/// What moves together: a sync group, or one instance without a group.
#[derive(Clone, Debug)]
struct Unit {
    group: Option<Box<GroupSettings>>,
    members: Vec<InstanceId>,
    /// State last reported for the group.
    state: State,
}

impl Node {
    /// A node with these settings, started at `now`. Every instance waits in INIT until the driver has reported the
    /// interfaces of [`NodeSettings::interfaces`].
    pub fn new(now: Timestamp, settings: NodeSettings) -> Self {
        let mut node = Self {
            instances: BTreeMap::new(),
            next_id: 0,
            order: Vec::new(),
            units: Vec::new(),
            unit_of: BTreeMap::new(),
            routers: Routers::default(),
            watchers: BTreeMap::new(),
            holders: Vec::new(),
            facts: Facts::default(),
            started: settings.startup_delay.is_zero(),
            stopped: false,
            lateness: Lateness::default(),
            unknown: UnknownRouters::default(),
            out: Outbox {
                now,
                ..Outbox::default()
            },
        };
        if !node.started {
            node.out.deadlines.set(Key::Start, now + settings.startup_delay);
        }
        node.reload(settings);
        node
    }

    /// Takes notice of something that happened at `now`.
    pub fn handle(&mut self, now: Timestamp, event: Event) {
        if self.stopped {
            return;
        }
        self.out.now = now;
        match event {
            Event::Received(packet) => self.hear(&packet),
            Event::LinkChanged { interface, up } => {
                if self.facts.set_link(interface.clone(), up) {
                    for instance in self.instances.values() {
                        instance.interface_came_back(&interface, &mut self.out);
                    }
                }
                self.review_watchers(&Watched::Interface(interface));
            }
            Event::SourceAddress {
                interface,
                family,
                address,
            } => {
                let address = address.filter(|address| Family::of(*address) == family);
                self.facts.set_source(interface.clone(), family, address);
                self.review_watchers(&Watched::Interface(interface));
            }
            Event::SourcePlace {
                interface,
                address,
                place,
            } => {
                self.facts.set_source_place(interface.clone(), address, place);
                self.review_watchers(&Watched::Interface(interface));
            }
            Event::AddressLost { interface, address } => self.address_lost(&interface, address),
            Event::RoutingLost { kind, text } => {
                self.with_routed(&(kind, text), Instance::routing_lost);
            }
            Event::RoutingFailed { kind, text, problem } => self.with_routed(&(kind, text), |instance, failed, out| {
                instance.routing_failed(failed, problem.clone(), out);
            }),
            Event::ScriptResult { script, up } => {
                self.facts.set_script(script.clone(), up);
                self.review_watchers(&Watched::Script(script));
            }
            Event::FileValue { file, value } => {
                self.facts.set_file(file.clone(), value);
                self.review_watchers(&Watched::File(file));
            }
            Event::ProcessResult { process, up } => {
                self.facts.set_process(process.clone(), up);
                self.review_watchers(&Watched::Process(process));
            }
            Event::BfdState { session, up } => {
                self.facts.set_bfd(session.clone(), up);
                self.review_watchers(&Watched::Bfd(session));
            }
            Event::Stalled { length } => {
                for instance in self.instances.values_mut() {
                    instance.listen_once_more(length, &mut self.out);
                }
            }
            Event::ClearCounters => {
                for instance in self.instances.values_mut() {
                    instance.counters = crate::counters::Counters::default();
                }
            }
            Event::Announce { instance } => self.announce_on_request(&instance),
            Event::WallClock { since_1970 } => self.out.wall_clock = (now, since_1970),
            Event::Adjust { instance, adjustment } => {
                let mut instances = self.instances.values_mut();
                if let Some(instance) = instances.find(|known| known.settings.name == instance) {
                    instance.adjust(adjustment, &mut self.out);
                }
            }
            Event::DeadlineReached => self.fire_deadlines(),
            Event::Reload(settings) => self.reload(*settings),
            Event::Shutdown { keep_addresses } => self.shut_down(keep_addresses),
        }
    }

    /// When to deliver [`Event::DeadlineReached`]; `None` while nothing is planned.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.out.deadlines.earliest()
    }

    /// The next thing to be done; `None` when all is done.
    pub fn next_action(&mut self) -> Option<Action> {
        self.out.take_action()
    }

    /// How many actions wait.
    pub fn waiting_actions(&self) -> usize {
        self.out.actions.len()
    }

    /// Takes the advertisements out of the actions from this place on. For a driver that was at work for long: what has
    /// come due meanwhile is advertised before the work goes on, since advertisements tell the peers who is master, and
    /// nothing that an instance has waiting from before has to come before its next one.
    pub fn take_advertisements_from(&mut self, place: usize) -> Vec<Action> {
        self.out.take_advertisements_from(place)
    }

    /// A copy of the state of everything.
    pub fn status(&self) -> NodeStatus {
        let instances = self.status_of(|_| true).collect();
        NodeStatus {
            instances,
            groups: self.group_status().collect(),
            unknown_vrid: self.unknown.heard,
            lateness: self.lateness,
        }
    }

    /// The state of the instances whose names are wanted, in configured order.
    pub fn status_of<'a>(&'a self, wanted: impl Fn(&str) -> bool + 'a) -> impl Iterator<Item = InstanceStatus> + 'a {
        let instances = self.order.iter().filter_map(|id| self.instances.get(id));
        instances
            .filter(move |instance| wanted(&instance.settings.name))
            .map(|instance| instance.status())
    }

    /// What the driver has said of scripts, files, processes and BFD sessions.
    pub fn tracker_facts(&self) -> TrackerFacts {
        self.facts.of_trackers()
    }

    /// The state of the sync groups.
    pub fn group_status(&self) -> impl Iterator<Item = GroupStatus> {
        let groups = self
            .units
            .iter()
            .filter_map(|unit| Some((unit.group.as_ref()?, unit.state)));
        groups.map(|(group, state)| GroupStatus {
            name: group.name.clone(),
            state,
        })
    }

    /// The virtual addresses of all instances, whoever holds them now, with their interfaces.
    pub fn virtual_addresses(&self) -> impl Iterator<Item = (&str, IpAddr)> {
        self.instances.values().flat_map(|instance| {
            let settings = &instance.settings;
            settings
                .held_addresses()
                .map(|held| (settings.interface_of(held), held.address))
        })
    }

    /// The interface of an instance.
    pub fn interface_of(&self, instance: &str) -> Option<&str> {
        let settings = self.instances.values().map(|known| &known.settings);
        let mut of_name = settings.filter(|settings| settings.name == instance);
        of_name.next().map(|settings| settings.interface.as_str())
    }

    /// The virtual addresses of each instance, as [`Self::status`] orders them: those advertised, then the excluded ones, each
    /// with its interface.
    pub fn addresses_of_instances(&self) -> impl Iterator<Item = Vec<(&str, IpAddr)>> {
        let instances = self.order.iter().filter_map(|id| self.instances.get(id));
        instances.map(|instance| {
            let settings = &instance.settings;
            let held = settings.held_addresses();
            held.map(|held| (settings.interface_of(held), held.address)).collect()
        })
    }

    /// How late deadlines have been delivered so far.
    pub const fn lateness(&self) -> Lateness {
        self.lateness
    }

    fn hear(&mut self, packet: &ReceivedPacket) {
        // Not everything that has an authentication header is ours.
        if packet.vrrp().is_none() {
            return;
        }
        let routers = self.routers.find(packet);
        let instances = &self.instances;
        let is_sent_to = |(_, id): &&Router| {
            instances
                .get(id)
                .is_some_and(|instance| instance.settings.is_sent_to(packet.destination))
        };
        let Some((_, id)) = routers.iter().find(is_sent_to).or(routers.first()).copied() else {
            self.unknown.hear(packet, &mut self.out);
            return;
        };
        self.give_way_if_unheard(id);
        let Some(instance) = self.instances.get_mut(&id) else {
            return;
        };
        let out = &mut self.out;
        match instance.state {
            State::Backup => {
                if let Some(advertisement) = instance.receive(packet, out) {
                    instance.hear_as_backup(&advertisement, packet.source, out);
                }
            }
            State::Master => {
                let Some(advertisement) = instance.receive(packet, out) else {
                    return;
                };
                match instance.hear_as_master(&advertisement, packet.source, out) {
                    Heard::GoOn => {}
                    Heard::AnnounceAgain => self.announce_unit(id),
                    Heard::GiveWay(reason) => self.carry_out(self.led_by(id, State::Backup, reason)),
                }
            }
            // RFC 9568 section 6.4.1: whoever takes no part in the election does not listen.
            State::Init | State::Fault | State::Deleted | State::Stopped => {}
        }
    }

    /// Before it takes part again, a master that could not be heard for too long gives way.
    fn give_way_if_unheard(&mut self, id: InstanceId) {
        let instance = self.instances.get(&id);
        if instance.is_some_and(|instance| instance.is_unheard(&self.out)) {
            self.carry_out(self.led_by(id, State::Backup, Reason::Unheard));
        }
    }

    /// All members announce: the neighbours' caches of the whole group are in doubt.
    fn announce_unit(&mut self, id: InstanceId) {
        for member in self.members_with(id) {
            if let Some(instance) = self.instances.get_mut(&member) {
                instance.announce_in_conflict(&mut self.out);
            }
        }
    }

    fn announce_on_request(&mut self, name: &str) {
        let named = self.instances.values().find(|instance| instance.settings.name == name);
        if let Some(instance) = named {
            instance.announce_on_request(&mut self.out);
        }
    }

    fn address_lost(&mut self, interface: &str, address: IpAddr) {
        let first = self.holders.partition_point(|(held, _)| *held < address);
        let holders = self.holders.iter().skip(first);
        let holders: Vec<InstanceId> = holders
            .take_while(|(held, _)| *held == address)
            .map(|(_, id)| *id)
            .collect();
        for id in holders {
            self.with(id, |instance, out| instance.address_lost(interface, address, out));
        }
    }

    /// Tells every instance of a route or a rule; those that do not have it pass it over.
    fn with_routed(&mut self, routed: &Routed, tell: impl Fn(&mut Instance, &Routed, &mut Outbox)) {
        for instance in self.instances.values_mut() {
            tell(instance, routed, &mut self.out);
        }
    }

    fn fire_deadlines(&mut self) {
        let mut moves = Vec::new();
        while let Some((due, key)) = self.out.deadlines.pop_due(self.out.now) {
            self.lateness.count(self.out.now.since(due));
            match key {
                Key::Start => {
                    self.started = true;
                    moves.extend((0..self.units.len()).filter_map(|unit| self.review(unit)));
                }
                Key::Instance(id, timer) => moves.extend(self.fire(id, timer, due)),
            }
        }
        self.carry_out(moves);
    }

    fn fire(&mut self, id: InstanceId, timer: Timer, due: Timestamp) -> Option<Move> {
        let instance = self.instances.get_mut(&id)?;
        let out = &mut self.out;
        match timer {
            Timer::Election => {
                instance.check_lateness(due, out);
                match instance.state {
                    State::Master if instance.is_unheard(out) => {
                        return self.led_by(id, State::Backup, Reason::Unheard);
                    }
                    State::Master => instance.advertise(due, out),
                    State::Backup => {
                        let reason = instance.hear_nothing(out)?;
                        return self.claim(id, reason);
                    }
                    State::Init | State::Fault | State::Deleted | State::Stopped => {}
                }
            }
            Timer::SecondBurst => instance.second_burst(out),
            Timer::Refresh => instance.refresh_announcements(out),
            Timer::ExtraAnnouncement => instance.announce_extra(out),
            Timer::RivalSilent => {
                if instance.is_rival_silent() {
                    self.announce_unit(id);
                }
            }
            Timer::ConflictOver => {
                if instance.end_conflict(out) {
                    self.announce_unit(id);
                }
            }
            Timer::Restore => instance.restore_addresses(out),
            Timer::RestoreRouting => instance.restore_routing(out),
        }
        None
    }

    /// A member wants to be master: the unit moves when all its members do.
    fn claim(&self, id: InstanceId, reason: Reason) -> Option<Move> {
        let wants = |member: &InstanceId| self.instances.get(member).is_some_and(|instance| instance.wants_master);
        self.members_with(id)
            .iter()
            .all(wants)
            .then(|| self.led_by(id, State::Master, reason))
            .flatten()
    }

    fn review_watchers(&mut self, changed: &Watched) {
        let units = self.watchers.get(changed).cloned().unwrap_or_default();
        let moves: Vec<Move> = units.into_iter().filter_map(|unit| self.review(unit)).collect();
        self.carry_out(moves);
    }

    /// Tells the members of a unit what is known about their interfaces and trackers.
    fn look(&mut self, id: UnitId) {
        let Some(unit) = self.units.get(id) else { return };
        for member in &unit.members {
            if let Some(instance) = self.instances.get_mut(member) {
                let standing = self.facts.standing(&instance.settings, unit.group.as_deref());
                instance.set_standing(standing, &mut self.out);
            }
        }
    }

    /// Looks at a unit after its interfaces, trackers, members or settings changed: the move that follows.
    fn review(&mut self, id: UnitId) -> Option<Move> {
        self.look(id);
        let planned = if self.started { self.planned(id) } else { None };
        if planned.is_none() {
            let members = self.units.get(id).map(|unit| unit.members.iter()).into_iter().flatten();
            let waits = |id: &&InstanceId| {
                let instance = self.instances.get(id);
                instance.is_some_and(|instance| instance.state == State::Init && instance.known)
            };
            self.remove_leftovers(members.filter(waits).copied().collect(), &Keep::Nothing);
        }
        planned
    }

    /// The state that a unit belongs in, if that is another one.
    fn planned(&self, id: UnitId) -> Option<Move> {
        let unit = self.units.get(id)?;
        let members: Vec<&Instance> = unit
            .members
            .iter()
            .filter_map(|member| self.instances.get(member).map(AsRef::as_ref))
            .collect();
        let (leader, to, reason) = verdict(&members)?;
        let group_lags = unit.group.is_some() && unit.state != to;
        let differs = members.iter().any(|member| member.state != to);
        (differs || group_lags).then_some(Move {
            unit: id,
            to,
            leader,
            reason,
        })
    }

    fn shut_down(&mut self, keep_addresses: bool) {
        let moves = (0..self.units.len())
            .map(|unit| Move {
                unit,
                to: State::Stopped,
                leader: None,
                reason: Reason::Shutdown,
            })
            .collect::<Vec<_>>();
        self.carry_out_keeping(
            moves,
            if keep_addresses {
                &Keep::Everything
            } else {
                &Keep::Nothing
            },
        );
        self.out.deadlines.clear_all();
        self.stopped = true;
    }

    fn members_with(&self, id: InstanceId) -> Vec<InstanceId> {
        let unit = self.unit_of.get(&id).and_then(|unit| self.units.get(*unit));
        unit.map(|unit| unit.members.clone()).unwrap_or_default()
    }

    fn led_by(&self, leader: InstanceId, to: State, reason: Reason) -> Option<Move> {
        let unit = *self.unit_of.get(&leader)?;
        Some(Move {
            unit,
            to,
            leader: Some(leader),
            reason,
        })
    }
}

/// Where the members of a unit belong, judged by what is known about them; `None` while too little is known.
fn verdict(members: &[&Instance]) -> Option<(Option<InstanceId>, State, Reason)> {
    let is_new = |member: &Instance| member.state == State::Init;
    let all = |test: &dyn Fn(&Instance) -> bool| members.iter().all(|member| test(member));
    let any = |test: &dyn Fn(&Instance) -> bool| members.iter().any(|member| test(member));
    let all_known = all(&|member| member.known || !is_new(member));

    let of_faulty = |member: &&Instance| Some((member.id, member.faults.first()?.clone()));
    let may_count = |member: &&&Instance| all_known || !is_new(member);
    if let Some((leader, fault)) = members.iter().filter(may_count).find_map(of_faulty) {
        return Some((Some(leader), State::Fault, Reason::Fault(fault)));
    }
    // Who runs already goes on until a new tracker speaks; who does not run waits for it.
    let is_out = |member: &Instance| matches!(member.state, State::Init | State::Fault);
    if !all_known || any(&|member| member.awaits_tracker && is_out(member)) {
        return None;
    }
    let to = if any(&|member| member.state == State::Master)
        && all(&|member| member.state == State::Master || is_new(member))
    {
        // A new member of a group that is master here joins it: the peer's group is backup.
        (State::Master, Reason::Regrouped)
    } else if all(&|member| (is_new(member) || member.state == State::Fault) && member.is_master_by_right()) {
        (State::Master, Reason::Owner)
    } else if all(&|member| member.wants_master) {
        // A reload took away the member that the others waited for.
        (State::Master, Reason::MasterSilent)
    } else if all(&is_new) {
        (State::Backup, Reason::Started)
    } else if any(&|member| member.state == State::Fault) {
        (State::Backup, Reason::FaultCleared)
    } else {
        (State::Backup, Reason::Regrouped)
    };
    Some((None, to.0, to.1))
}
