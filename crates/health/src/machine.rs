//! The machine: it joins the checks with their schedule, the real servers with their checks, and the virtual servers
//! with their quorum.
//!
//! - `schedule`: when checks are made;
//! - `check`: what an answer means for one check;
//! - `punctuality`: whether they are made in time;
//! - `pool`: what it means for a virtual server and its table;
//! - `recovery`: flap damping and slow start of a real server;
//! - `sharing`: one probe for several checks;
//! - `start`: the first words, and what a restarted process takes over from the kernel;
//! - `agent`: what agents said of their servers;
//! - `told`: checks that follow a BFD session or a file;
//! - `reload`: other settings, the same state;
//! - `outbox`: actions in their order.

mod agent;
mod check;
mod outbox;
mod pool;
mod punctuality;
mod recovery;
mod reload;
mod schedule;
mod sharing;
mod start;
mod told;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use holdfast_ipvs::table::{ServiceEntry, ServiceKey, Table};
use holdfast_time::Timestamp;

use crate::action::{Action, Cause, Notification};
use crate::event::{CheckerId, Event, Generation};
use crate::messages::{Member, Message};
use crate::probe::{NotTried, Outcome, Source, Verdict};
use crate::settings::Settings;
use crate::status::{CheckerStatus, RealServerStatus, SorryServerStatus, Status, VirtualServerStatus};

use check::Check;
use outbox::Outbox;
pub use pool::key_within;
use pool::{RealServer, VirtualServer};
use punctuality::Punctuality;
use schedule::{Deadlines, Spread};
use sharing::Shared;

/// How long after its time limit a probe is given up: the driver has lost it.
const LOST_AFTER: Duration = Duration::from_secs(5);

/// The health machine. See the [crate] for its manners.
#[derive(Debug)]
pub struct Health {
    servers: Vec<VirtualServer>,
    notify_first_state: bool,
    tell_managers_of_the_end: bool,
    share_checks: bool,
    /// Whose a service is, by the position of the virtual server.
    owners: BTreeMap<ServiceKey, usize>,
    /// Virtual servers that look at an address for `ha_suspend`.
    watchers: BTreeMap<IpAddr, Vec<usize>>,
    /// Addresses on this host.
    local: BTreeSet<IpAddr>,
    /// What was last said of each session and file.
    words: BTreeMap<Source, i64>,
    places: BTreeMap<CheckerId, Place>,
    deadlines: Deadlines<CheckerId>,
    punctuality: Punctuality,
    /// When to look at the recovery of real servers.
    recoveries: Deadlines<ServerPlace>,
    shared: Shared,
    out: Outbox,
    spread: Spread,
    next_id: u64,
    phase: Phase,
}

/// Where a real server is: the positions of its virtual server and of itself.
type ServerPlace = (usize, usize);

/// Where a check is.
#[derive(Clone, Copy, Debug)]
struct Place {
    virtual_server: usize,
    real_server: usize,
    check: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Nothing has been said or done: the table of a predecessor can still be adopted.
    New,
    Running,
    /// Nothing more is wanted in the table.
    Stopped,
}

impl Health {
    /// A machine at its start. `seed` decides at which moments the first checks are made.
    pub fn new(now: Timestamp, settings: Settings, seed: u64) -> Self {
        let mut health = Self {
            servers: Vec::new(),
            notify_first_state: false,
            tell_managers_of_the_end: false,
            share_checks: false,
            owners: BTreeMap::new(),
            watchers: BTreeMap::new(),
            local: BTreeSet::new(),
            words: BTreeMap::new(),
            places: BTreeMap::new(),
            deadlines: Deadlines::default(),
            punctuality: Punctuality::default(),
            recoveries: Deadlines::default(),
            shared: Shared::default(),
            out: Outbox::default(),
            spread: Spread::new(seed),
            next_id: 0,
            phase: Phase::New,
        };
        let report = health.replace_settings(now, settings);
        health.out.append(report.first_words());
        health
    }

    /// Something happened at this moment.
    pub fn handle(&mut self, now: Timestamp, event: Event) {
        if self.phase == Phase::Stopped {
            return;
        }
        match event {
            // These two complete the start, so they come before its first words.
            Event::Adopt(observed) => return self.adopt(now, &observed),
            Event::AddressChanged { address, present } => return self.address_changed(now, address, present),
            _ => self.begin(),
        }
        match event {
            Event::Deadline => self.deadline(now),
            Event::ProbeDone {
                checker,
                generation,
                outcome,
            } => self.probe_done(now, checker, generation, outcome),
            Event::SessionChanged { session, up } => self.told(now, Source::Session(session), i64::from(up)),
            Event::FileChanged { file, number } => self.told(now, Source::File(file), number),
            Event::Reload(settings) => self.reload(now, settings),
            Event::Shutdown => self.shutdown(),
            Event::Adopt(_) | Event::AddressChanged { .. } => {}
        }
    }

    /// When to come back with [`Event::Deadline`]; `None`: nothing is due ever.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        let due = [self.deadlines.first(), self.recoveries.first()];
        due.into_iter().flatten().min()
    }

    /// The next thing to do; `None`: all is done.
    pub fn next_action(&mut self) -> Option<Action> {
        self.begin();
        self.out.next()
    }

    /// The whole table as it ought to be now; empty after [`Event::Shutdown`].
    pub fn wanted(&self) -> Table {
        let services = self
            .owners
            .keys()
            .filter_map(|key| Some((*key, self.wanted_service(key)?)))
            .collect();
        Table { services }
    }

    /// One service of the table as it ought to be now; `None`: it ought not to be there.
    pub fn wanted_service(&self, key: &ServiceKey) -> Option<ServiceEntry> {
        if self.phase == Phase::Stopped {
            return None;
        }
        let server = self.servers.get(*self.owners.get(key)?)?;
        Some(server.entry(key))
    }

    /// What the machine knows.
    pub fn status(&self) -> Status {
        Status {
            virtual_servers: self.servers.iter().map(virtual_server_status).collect(),
        }
    }

    fn deadline(&mut self, now: Timestamp) {
        while let Some((virtual_server, real_server)) = self.recoveries.take_due(now) {
            if let Some(server) = self.servers.get_mut(virtual_server) {
                if let Some(real_server) = server.real_servers.get_mut(real_server) {
                    real_server.wake = None;
                }
                server.recovery_due(real_server, now, &mut self.out);
            }
            self.await_recoveries(virtual_server);
        }
        while let Some(id) = self.deadlines.take_due(now) {
            let Some(check) = find(&mut self.servers, &self.places, id) else {
                continue;
            };
            let due = check.wake.take();
            if check.in_flight {
                let outcome = Outcome::new(Verdict::NotTried(NotTried::Lost), Duration::ZERO);
                let generation = check.generation;
                if let Some(probe) = check.drop_probe(&mut self.shared) {
                    self.out.push(Action::ForgetProbe(probe));
                }
                check.in_flight = true;
                self.judge(now, id, generation, outcome);
            } else {
                if let Some(message) = due.and_then(|due| self.punctuality.count(due, now)) {
                    self.out.log(message);
                }
                self.start_probe(now, id);
            }
        }
    }

    fn start_probe(&mut self, now: Timestamp, id: CheckerId) {
        let Some(check) = find(&mut self.servers, &self.places, id) else {
            return;
        };
        check.generation = Generation(check.generation.0 + 1);
        check.in_flight = true;
        let Some(request) = check.settings.probe.request(check.standing.step) else {
            // An HTTP_GET without a URL: nothing is asked, so nothing can fail.
            let outcome = Outcome::new(Verdict::Success, Duration::ZERO);
            let generation = check.generation;
            return self.judge(now, id, generation, outcome);
        };
        let deadline = check.settings.deadline(&request);
        self.ask(now, id, request, deadline);
    }

    fn probe_done(&mut self, now: Timestamp, id: CheckerId, generation: Generation, outcome: Outcome) {
        if !self.shared_probe_done(now, id, &outcome) {
            self.judge(now, id, generation, outcome);
        }
    }

    /// The outcome of a check's probe.
    fn judge(&mut self, now: Timestamp, id: CheckerId, generation: Generation, mut outcome: Outcome) {
        let Some(place) = self.places.get(&id).copied() else {
            return;
        };
        let Some(server) = self.servers.get_mut(place.virtual_server) else {
            return;
        };
        let virtual_server = server.name.clone();
        let Some(real_server) = server.real_servers.get_mut(place.real_server) else {
            return;
        };
        let member = Member {
            server: real_server.name.clone(),
            virtual_server,
        };
        let Some(check) = real_server.checks.get_mut(place.check) else {
            return;
        };
        if !check.in_flight || check.generation != generation {
            return;
        }
        let mut heard = check.hear(&mut outcome);
        let said_before = check.last.as_ref().is_some_and(|last| last.verdict == outcome.verdict);
        let judgement = check.take_in(outcome, now);
        let due = check.due(judgement.next, now);
        wake_at(&mut self.deadlines, check, Some(due));
        for message in check.words(judgement, said_before, now, &member) {
            self.out.log(message);
        }
        if let Some(message) = heard.message(&member) {
            self.out.log(message);
        }
        // Before a server comes back, so that it does with its new weight.
        self.reweigh(now, place);
        if heard.limit_changed
            && let Some(server) = self.servers.get(place.virtual_server)
        {
            server.services_changed(&mut self.out);
        }
        let Some(check) = find(&mut self.servers, &self.places, id) else {
            return;
        };
        if judgement.decision.is_some() {
            let keyword = check.settings.probe.keyword();
            let outcome = check.outcome();
            let real_server_changed = self.decided(now, place);
            self.out.notify(Notification::Check {
                virtual_server: member.virtual_server.to_string(),
                real_server: member.server.to_string(),
                keyword: keyword.to_owned(),
                outcome,
                real_server_changed,
            });
        }
    }

    /// A check may ask for another weight now.
    fn reweigh(&mut self, now: Timestamp, place: Place) {
        if let Some(server) = self.servers.get_mut(place.virtual_server)
            && server.reweigh(place.real_server, now, &mut self.out)
        {
            self.await_recoveries(place.virtual_server);
        }
    }

    /// Sets the moments at which the recovery of its real servers goes on.
    fn await_recoveries(&mut self, virtual_server: usize) {
        let Some(server) = self.servers.get_mut(virtual_server) else {
            return;
        };
        for (place, real_server) in server.real_servers.iter_mut().enumerate() {
            let next = real_server.recovery.next();
            let former = std::mem::replace(&mut real_server.wake, next);
            if former != next {
                self.recoveries.set((virtual_server, place), former, next);
            }
        }
    }

    /// A check passed or failed: what that means for its real server. True: that one changed its state.
    fn decided(&mut self, now: Timestamp, place: Place) -> bool {
        let Some(server) = self.servers.get_mut(place.virtual_server) else {
            return false;
        };
        let Some(real_server) = server.real_servers.get_mut(place.real_server) else {
            return false;
        };
        let (was_up, up) = (real_server.up, real_server.takes_part());
        if was_up != up {
            server.turn(place.real_server, up, now, &mut self.out);
            self.await_recoveries(place.virtual_server);
            return true;
        }
        if !up && real_server.passes() {
            // Held, unless it is needed.
            server.evaluate_quorum(now, &mut self.out);
            self.await_recoveries(place.virtual_server);
            let server = self.servers.get(place.virtual_server);
            let real_server = server.and_then(|it| it.real_servers.get(place.real_server));
            return real_server.is_some_and(|it| it.up);
        }
        let settled = !up || real_server.checks.iter().all(|check| check.standing.has_run);
        if settled && !std::mem::replace(&mut real_server.first_state_told, true) && self.notify_first_state {
            let notification = real_server.notification(&server.name, up, Cause::Start);
            self.out.notify(server.complete(notification));
        }
        false
    }

    fn address_changed(&mut self, now: Timestamp, address: IpAddr, present: bool) {
        let changed = if present {
            self.local.insert(address)
        } else {
            self.local.remove(&address)
        };
        if changed {
            for place in self.watchers.get(&address).cloned().unwrap_or_default() {
                self.review_suspension(now, place);
            }
        }
    }

    /// Lets the checks of a virtual server rest or go on, as its addresses say.
    fn review_suspension(&mut self, now: Timestamp, place: usize) {
        let Some(server) = self.servers.get_mut(place) else {
            return;
        };
        let suspended = self.phase != Phase::Stopped && server.wants_suspension(&self.local);
        if std::mem::replace(&mut server.suspended, suspended) == suspended {
            return;
        }
        let virtual_server = server.name.clone();
        for real_server in &mut server.real_servers {
            for check in real_server.checks.iter_mut().filter(|check| check.asks()) {
                if let Some(probe) = check.drop_probe(&mut self.shared) {
                    self.out.push(Action::ForgetProbe(probe));
                }
                let wake = (!suspended).then(|| check.due(check::Next::Loop, now));
                wake_at(&mut self.deadlines, check, wake);
                if self.phase == Phase::Running {
                    let member = Member {
                        server: real_server.name.clone(),
                        virtual_server: virtual_server.clone(),
                    };
                    self.out.log(activation(suspended, member));
                }
            }
        }
    }

    fn shutdown(&mut self) {
        self.phase = Phase::Stopped;
        self.deadlines = Deadlines::default();
        self.recoveries = Deadlines::default();
        for server in &mut self.servers {
            let quietly = self.tell_managers_of_the_end.then_some(Cause::StoppingQuietly);
            let cause = if server.omega { Some(Cause::Stopping) } else { quietly };
            server.depart(true, cause, &mut self.out);
            for check in server.real_servers.iter_mut().flat_map(|it| &mut it.checks) {
                if let Some(probe) = check.drop_probe(&mut self.shared) {
                    self.out.push(Action::ForgetProbe(probe));
                }
            }
        }
    }
}

/// A check by its identity.
fn find<'a>(
    servers: &'a mut [VirtualServer],
    places: &BTreeMap<CheckerId, Place>,
    id: CheckerId,
) -> Option<&'a mut Check> {
    let place = places.get(&id)?;
    let real_server = servers
        .get_mut(place.virtual_server)?
        .real_servers
        .get_mut(place.real_server)?;
    real_server.checks.get_mut(place.check)
}

fn wake_at(deadlines: &mut Deadlines<CheckerId>, check: &mut Check, at: Option<Timestamp>) {
    deadlines.set(check.id, check.wake, at);
    check.wake = at;
}

/// What is said of a check that starts, goes on or rests.
const fn activation(suspended: bool, member: Member) -> Message {
    if suspended {
        Message::Suspending(member)
    } else {
        Message::Activating(member)
    }
}

fn virtual_server_status(server: &VirtualServer) -> VirtualServerStatus {
    VirtualServerStatus {
        name: server.name.to_string(),
        services: server.services.clone(),
        quorum_up: server.quorum_up,
        quorum: server.quorum,
        hysteresis: server.hysteresis,
        live_weight: server.live_weight,
        sorry_server_active: server.sorry_active(),
        sorry_server: server.sorry_server.as_ref().map(|sorry| SorryServerStatus {
            name: sorry.name.to_string(),
            key: sorry.key,
            forwarding: sorry.destination.forwarding,
        }),
        suspended: server.suspended,
        real_servers: server.real_servers.iter().map(real_server_status).collect(),
    }
}

fn real_server_status(server: &RealServer) -> RealServerStatus {
    RealServerStatus {
        name: server.name.to_string(),
        key: server.key,
        forwarding: server.destination.forwarding,
        up: server.up,
        since: server.since,
        weight: server.weight_in_table(),
        full_weight: server.weight(),
        held_until: server.recovery.held_until(),
        checkers: server.checks.iter().map(checker_status).collect(),
    }
}

fn checker_status(check: &Check) -> CheckerStatus {
    CheckerStatus {
        keyword: check.settings.probe.keyword().to_owned(),
        up: check.standing.up,
        has_run: check.standing.has_run,
        failed_tries: check.standing.failed_tries,
        successes: check.standing.successes,
        last: check.last.clone(),
    }
}
