//! One probe for several checks that ask the same at the same moment (`share_checks`).
//!
//! Each check keeps its own place in time, its own counters and its own verdicts; only the probe is one. Checks with the
//! same question and the same period are put on the same grid, so that they come due together: when one of them starts a
//! probe, those that come due at that moment wait for its outcome too, and each judges it for itself. A check that comes
//! due at another moment asks by itself, so the outcome that it takes in is never older than its own probe would be.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use holdfast_time::Timestamp;

use super::check::Check;
use super::outbox::Outbox;
use super::pool::VirtualServer;
use super::{Health, find, wake_at};
use crate::action::Action;
use crate::event::{CheckerId, Generation};
use crate::probe::{Outcome, Probe, Request};

/// What is asked, and how often.
pub(super) type Question = (Probe, Duration, Duration);

/// The probes that several checks may wait for.
#[derive(Debug, Default)]
pub(super) struct Shared {
    /// By the identity that the driver knows each by.
    probes: BTreeMap<CheckerId, BTreeSet<CheckerId>>,
    /// The questions that were asked at this moment.
    fresh: HashMap<(Request, Duration), CheckerId>,
    asked_at: Timestamp,
}

impl Shared {
    /// A check asks at this moment: the probe that it waits for, and whether that is a new one, to be started under the
    /// identity `next_id`.
    fn join(
        &mut self,
        now: Timestamp,
        request: &Request,
        deadline: Duration,
        checker: CheckerId,
        next_id: CheckerId,
    ) -> (CheckerId, bool) {
        if self.asked_at != now {
            self.fresh.clear();
            self.asked_at = now;
        }
        let question = (request.clone(), deadline);
        if let Some(probe) = self.fresh.get(&question)
            && let Some(waiting) = self.probes.get_mut(probe)
        {
            waiting.insert(checker);
            return (*probe, false);
        }
        self.fresh.insert(question, next_id);
        self.probes.insert(next_id, BTreeSet::from([checker]));
        (next_id, true)
    }

    /// This check waits no longer. True: nobody does, so the probe is to be forgotten.
    pub(super) fn leave(&mut self, probe: CheckerId, checker: CheckerId) -> bool {
        let Entry::Occupied(mut waiting) = self.probes.entry(probe) else {
            return false;
        };
        waiting.get_mut().remove(&checker);
        let abandoned = waiting.get().is_empty();
        if abandoned {
            waiting.remove();
        }
        abandoned
    }
}

impl Check {
    /// What asks the same at the same moments.
    pub(super) fn question(&self) -> Question {
        let settings = &self.settings;
        (settings.probe.clone(), settings.delay_loop, settings.jitter)
    }

    /// Its probe is over for it. What is to be forgotten by the driver, if anything.
    pub(super) fn drop_probe(&mut self, shared: &mut Shared) -> Option<CheckerId> {
        if !std::mem::replace(&mut self.in_flight, false) {
            return None;
        }
        match self.shared_probe.take() {
            None => Some(self.id),
            Some(probe) => shared.leave(probe, self.id).then_some(probe),
        }
    }
}

/// Puts checks with the same question on the same grid: that of the first one. Those that have never asked begin together,
/// others keep the moment of their next probe.
pub(super) fn align(servers: &mut [VirtualServer]) {
    let mut grids: HashMap<Question, Grid> = HashMap::new();
    let real_servers = servers.iter_mut().flat_map(|server| &mut server.real_servers);
    for check in real_servers.flat_map(|it| &mut it.checks).filter(|it| it.asks()) {
        let is_new = check.generation == Generation::default();
        let own = Grid {
            origin: check.origin,
            salt: check.salt,
            first: check.wake.filter(|_| is_new),
        };
        let grid = *grids.entry(check.question()).or_insert(own);
        check.origin = grid.origin;
        check.salt = grid.salt;
        if own.first.is_some() && grid.first.is_some() {
            check.wake = grid.first;
        }
    }
}

/// The moments at which checks are made.
#[derive(Clone, Copy)]
struct Grid {
    origin: Timestamp,
    salt: u64,
    /// When the first probe is due, while it is still to come.
    first: Option<Timestamp>,
}

impl Health {
    /// Starts a probe for this check, or lets it wait for one that has just been started.
    pub(super) fn ask(&mut self, now: Timestamp, id: CheckerId, request: Request, deadline: Duration) {
        let Some(check) = find(&mut self.servers, &self.places, id) else {
            return;
        };
        wake_at(&mut self.deadlines, check, Some(now + deadline + super::LOST_AFTER));
        let (mut checker, mut generation) = (id, check.generation);
        if self.share_checks {
            let next_id = CheckerId(self.next_id);
            let (probe, is_new) = self.shared.join(now, &request, deadline, id, next_id);
            check.shared_probe = Some(probe);
            if !is_new {
                return;
            }
            self.next_id += 1;
            (checker, generation) = (probe, Generation::default());
        }
        self.out.push(Action::StartProbe {
            checker,
            generation,
            request: Box::new(request),
            deadline,
        });
    }

    /// The outcome of a shared probe is for all who wait for it, in their order.
    pub(super) fn shared_probe_done(&mut self, now: Timestamp, probe: CheckerId, outcome: &Outcome) -> bool {
        let Some(waiting) = self.shared.probes.remove(&probe) else {
            return false;
        };
        for id in waiting {
            let Some(check) = find(&mut self.servers, &self.places, id) else {
                continue;
            };
            if check.shared_probe.take_if(|it| *it == probe).is_some() {
                let generation = check.generation;
                self.judge(now, id, generation, outcome.clone());
            }
        }
        true
    }

    /// Forgets the probes for which only checks waited that are gone.
    pub(super) fn drop_abandoned_probes(&mut self, out: &mut Outbox) {
        let (servers, places) = (&mut self.servers, &self.places);
        self.shared.probes.retain(|probe, waiting| {
            waiting.retain(|id| {
                find(servers, places, *id).is_some_and(|check| check.in_flight && check.shared_probe == Some(*probe))
            });
            if waiting.is_empty() {
                out.push(Action::ForgetProbe(*probe));
            }
            !waiting.is_empty()
        });
    }
}
