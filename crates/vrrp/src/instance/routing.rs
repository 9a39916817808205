//! The routes and rules of the master: putting them in, taking them out, putting back what others removed, and trying
//! again what does not work yet.

use std::collections::BTreeSet;

use super::Instance;
use crate::action::{Action, State};
use crate::backoff::Backoff;
use crate::messages::LogEvent;
use crate::outbox::Outbox;
use crate::settings::{RoutingEntry, RoutingKind};
use crate::timers::{Key, Timer};

/// A route or a rule by its words.
pub(crate) type Routed = (RoutingKind, String);

/// What is to be put in again, and the back-off of doing so.
#[derive(Clone, Debug, Default)]
pub(super) struct Restore {
    missing: BTreeSet<Routed>,
    backoff: Backoff,
}

impl Instance {
    fn entries(&self, kind: RoutingKind) -> &[RoutingEntry] {
        match kind {
            RoutingKind::Route => &self.settings.routes,
            RoutingKind::Rule => &self.settings.rules,
        }
    }

    /// What a master should have in the kernel and has not.
    pub(crate) fn missing_routing(&self) -> Vec<Routed> {
        let missing = self.routing.iter().flat_map(|routing| &routing.missing);
        missing.cloned().collect()
    }

    /// All routes and rules that a master has.
    pub(crate) fn routed(&self) -> impl Iterator<Item = Routed> + '_ {
        let of = |kind| self.entries(kind).iter().map(move |entry| (kind, entry.text.clone()));
        of(RoutingKind::Route).chain(of(RoutingKind::Rule))
    }

    /// Puts in the entries that `wanted` names.
    pub(crate) fn add_entries(&self, kind: RoutingKind, wanted: impl Fn(&RoutingEntry) -> bool, out: &mut Outbox) {
        let entries = self.entries(kind).iter().filter(|entry| wanted(entry));
        let entries: Vec<String> = entries.map(|entry| entry.text.clone()).collect();
        if entries.is_empty() {
            return;
        }
        let instance = self.settings.name.clone();
        out.push(match kind {
            RoutingKind::Route => Action::AddRoutes {
                instance,
                routes: entries,
            },
            RoutingKind::Rule => Action::AddRules {
                instance,
                rules: entries,
            },
        });
    }

    /// Takes entries out, rules first.
    pub(crate) fn remove_routed(&self, gone: impl Iterator<Item = Routed>, out: &mut Outbox) {
        let (routes, rules): (Vec<Routed>, Vec<Routed>) = gone.partition(|(kind, _)| *kind == RoutingKind::Route);
        let texts = |entries: Vec<Routed>| entries.into_iter().map(|(_, text)| text).collect();
        let instance = || self.settings.name.clone();
        if !rules.is_empty() {
            out.push(Action::RemoveRules {
                instance: instance(),
                rules: texts(rules),
            });
        }
        if !routes.is_empty() {
            out.push(Action::RemoveRoutes {
                instance: instance(),
                routes: texts(routes),
            });
        }
    }

    /// Somebody removed a route or a rule. A master puts it back, with growing waits.
    pub(crate) fn routing_lost(&mut self, lost: &Routed, out: &mut Outbox) {
        let (kind, text) = lost;
        let ours = |entry: &RoutingEntry| entry.track && entry.text == *text;
        if self.state != State::Master || !self.entries(*kind).iter().any(ours) {
            return;
        }
        let routing = self.routing.get_or_insert_default();
        if !routing.missing.insert(lost.clone()) {
            return;
        }
        let due = routing.backoff.after_loss(out.now);
        out.log(LogEvent::RoutingLost {
            instance: self.settings.name.clone(),
            kind: *kind,
            text: text.clone(),
            wait: due.since(out.now),
        });
        if due == out.now {
            self.restore_routing(out);
        } else {
            out.deadlines.set(Key::Instance(self.id, Timer::RestoreRouting), due);
        }
    }

    /// The kernel refused a route or a rule: it is tried again until it works, and mastership does not depend on it.
    pub(crate) fn routing_failed(&mut self, failed: &Routed, problem: String, out: &mut Outbox) {
        let (kind, text) = failed;
        if self.state != State::Master || !self.entries(*kind).iter().any(|entry| entry.text == *text) {
            return;
        }
        let routing = self.routing.get_or_insert_default();
        routing.missing.insert(failed.clone());
        let due = routing.backoff.after_failure(out.now);
        out.log(LogEvent::RoutingFailed {
            instance: self.settings.name.clone(),
            kind: *kind,
            text: text.clone(),
            problem,
            wait: due.since(out.now),
        });
        out.deadlines.set(Key::Instance(self.id, Timer::RestoreRouting), due);
    }

    /// Puts in again what is missing.
    pub(crate) fn restore_routing(&mut self, out: &mut Outbox) {
        let routing = self.routing.get_or_insert_default();
        let mut missing = std::mem::take(&mut routing.missing);
        routing.backoff.put_back(out.now);
        // A reload may have taken some away.
        let all: BTreeSet<Routed> = self.routed().collect();
        missing.retain(|routed| all.contains(routed));
        for kind in [RoutingKind::Route, RoutingKind::Rule] {
            let is_missing = |entry: &RoutingEntry| missing.contains(&(kind, entry.text.clone()));
            self.add_entries(kind, is_missing, out);
        }
        for (kind, text) in missing {
            let instance = self.settings.name.clone();
            out.log(LogEvent::RoutingRestored { instance, kind, text });
        }
    }

    /// An interface came back: the kernel has dropped the routes over it, and of those over IPv4 it says nothing.
    pub(crate) fn interface_came_back(&self, interface: &str, out: &mut Outbox) {
        if self.state != State::Master {
            return;
        }
        let names_it = |entry: &RoutingEntry| entry.track && entry.interfaces.iter().any(|name| name == interface);
        self.add_entries(RoutingKind::Route, names_it, out);
    }

    pub(super) fn forget_missing_routing(&mut self, out: &mut Outbox) {
        if let Some(routing) = &mut self.routing {
            routing.missing.clear();
        }
        out.clear(self.id, Timer::RestoreRouting);
    }
}
