//! The first words of a machine, and what it takes over from its predecessor.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use holdfast_ipvs::table::{DestinationKey, Forwarding, ServiceEntry, ServiceKey, Table};
use holdfast_time::Timestamp;

use super::check::{Check, Standing};
use super::outbox::Outbox;
use super::pool::{RealServer, VirtualServer, key_within};
use super::{Health, Phase, activation, wake_at};
use crate::action::Cause;
use crate::event::CheckerId;
use crate::messages::Message;
use crate::probe::Source;

/// Within which time a real server that was found down is probed.
const SECOND_LOOK: Duration = Duration::from_secs(1);

impl Health {
    /// Says and asks for what belongs to the start, once.
    pub(super) fn begin(&mut self) {
        if self.phase != Phase::New {
            return;
        }
        self.phase = Phase::Running;
        for server in &self.servers {
            server.start(self.notify_first_state, &mut self.out);
        }
    }

    /// Goes on where the process before this one ended, as far as the kernel's table shows it.
    ///
    /// A real server that takes connections was up. One that is missing or has weight 0 was down, and comes back with
    /// its first success; but a weight of 0 that a check may have asked for says so only where a server that is down has it
    /// as well (`inhibit_on_failure`). While the sorry server has the clients, no real server shows whether it is alive: all
    /// of them wait for a success, for a change back to servers that may be dead would be worse. What a file says is known
    /// without the kernel, a real server without checks is up in any case, and a service that the kernel does not have
    /// starts as always.
    pub(super) fn adopt(&mut self, now: Timestamp, observed: &Table) {
        if self.phase != Phase::New {
            return;
        }
        let mut adopted = Vec::new();
        // Checks that share probes stay on their common grid.
        let mut second_looks = HashMap::new();
        for (place, server) in self.servers.iter_mut().enumerate() {
            let remains = Remains::of(server, observed);
            if remains.services.is_empty() {
                continue;
            }
            server.adopted = true;
            server.sorry_adopted = remains.sorry_active(server);
            let down = server.adopt_real_servers(&remains, &self.words, now);
            server.count_live_weight();
            // Live servers that had the clients had quorum, so the lower threshold counts for them.
            server.quorum_up = !server.sorry_adopted && server.live_weight > 0;
            server.evaluate_quorum(now, &mut Outbox::default());
            for check in server.real_servers.iter_mut().flat_map(|it| &mut it.checks) {
                if !check.standing.up && check.asks() {
                    // It may well live: the sooner it is asked, the better.
                    let mut at = now + self.spread.next(check.settings.warmup.min(SECOND_LOOK));
                    if self.share_checks {
                        at = *second_looks.entry(check.question()).or_insert(at);
                    } else {
                        check.origin = at;
                    }
                    let wake = (!server.suspended).then_some(at);
                    wake_at(&mut self.deadlines, check, wake);
                }
            }
            let of = server.real_servers.len();
            adopted.push(place);
            self.out.log(Message::Adopted {
                virtual_server: server.name.clone(),
                down,
                of,
            });
        }
        for place in adopted {
            self.await_recoveries(place);
        }
    }
}

/// What the kernel still has of one virtual server.
struct Remains<'a> {
    services: Vec<(ServiceKey, &'a ServiceEntry)>,
}

impl<'a> Remains<'a> {
    fn of(server: &VirtualServer, observed: &'a Table) -> Self {
        let services = server
            .services
            .iter()
            .filter_map(|key| Some((*key, observed.services.get(key)?)));
        Self {
            services: services.collect(),
        }
    }

    /// The highest weight of a server in any of the services; `None`: it is in none.
    fn weight(&self, key: DestinationKey, forwarding: Forwarding) -> Option<u32> {
        let found = self
            .services
            .iter()
            .filter_map(|(service, entry)| entry.destinations.get(&key_within(service, key, forwarding)));
        found.map(|destination| destination.weight).max()
    }

    /// Whether the sorry server has the clients. A sorry server that is a real server as well does not tell.
    fn sorry_active(&self, server: &VirtualServer) -> bool {
        server.sorry_server.as_ref().is_some_and(|sorry| {
            let tells = server.real_servers.iter().all(|it| it.key != sorry.key);
            tells
                && self
                    .weight(sorry.key, sorry.destination.forwarding)
                    .is_some_and(|weight| weight > 0)
        })
    }
}

impl RealServer {
    /// Whether weight 0 in the table is no sign that it is down.
    fn may_weigh_nothing(&self) -> bool {
        if self.checks.iter().any(|it| it.settings.probe.may_change_weight()) {
            !self.inhibit
        } else {
            self.destination.weight == 0
        }
    }

    /// The weight that it was found with is a part of its slow start, or what a check asked for, until that one asks again.
    fn adopt_weight(&mut self, found: u32, now: Timestamp) {
        self.recovery.adopt(found, self.weight(), now);
        if self.recovery.slow_start().is_none() {
            self.adopt_asked_weight(found);
        }
        self.told_weight = self.weight();
    }

    fn adopt_asked_weight(&mut self, found: u32) {
        let added = self.checks.iter().map(|it| it.added_weight);
        let added = added.fold(0, i64::saturating_add);
        let asking = |it: &&mut Check| it.asks() && it.settings.probe.may_change_weight();
        if let Some(check) = self.checks.iter_mut().find(asking) {
            check.asked_weight = u32::try_from(i64::from(found).saturating_sub(added)).ok();
        }
    }
}

impl VirtualServer {
    /// Takes the states of real servers from what is left of them, and what is told from the words that are known; how many
    /// of them are down.
    fn adopt_real_servers(&mut self, remains: &Remains<'_>, words: &BTreeMap<Source, i64>, now: Timestamp) -> usize {
        let mut down = 0;
        for server in self.real_servers.iter_mut().filter(|it| !it.checks.is_empty()) {
            let weight = remains.weight(server.key, server.destination.forwarding);
            let up = weight.is_some_and(|weight| weight > 0 || server.may_weigh_nothing());
            server.first_state_told = true;
            for check in &mut server.checks {
                let is_known = check.settings.probe.source().is_some_and(|it| words.contains_key(&it));
                if !is_known {
                    check.standing = Standing::adopted(up);
                }
            }
            server.up = server.passes();
            if let Some(weight) = weight.filter(|_| server.up) {
                server.adopt_weight(weight, now);
            }
            down += usize::from(!server.up);
        }
        down
    }

    /// What a virtual server without a past in this process says and asks for.
    pub(super) fn start(&self, notify_first_state: bool, out: &mut Outbox) {
        self.announce(CheckerId(0), out);
        self.services_changed(out);
        if notify_first_state {
            for real_server in self.real_servers.iter().filter(|it| it.checks.is_empty()) {
                out.notify(self.complete(real_server.notification(&self.name, true, Cause::Start)));
            }
        }
        if self.sorry_active() && !self.sorry_adopted {
            self.announce_quorum_down(out);
        } else if self.quorum_up && !self.adopted {
            self.announce_quorum_up(out);
        }
    }

    /// Says of each check from this one on that it starts, or rests.
    pub(super) fn announce(&self, first: CheckerId, out: &mut Outbox) {
        for real_server in &self.real_servers {
            let asking = real_server.checks.iter().filter(|check| check.asks());
            for _ in asking.filter(|check| check.id >= first) {
                out.log(activation(self.suspended, self.member(&real_server.name)));
            }
        }
    }
}
