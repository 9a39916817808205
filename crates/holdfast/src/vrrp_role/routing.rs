//! Routes and rules in the kernel: those of the masters, and everything static.

use std::collections::BTreeMap;

use holdfast_net::{
    ADDRESS_PROTOCOL, Applied, InterfaceAddress, NetworkEvent, Outcome, ROUTING_PROTOCOL, Requests, Route, Rule,
    Sysctl, Sysctls,
};
use holdfast_time::Timestamp;
use holdfast_vrrp::{Event, RoutingKind};

use super::acting::for_kernel;
use super::interfaces::Interfaces;
use super::statics::{Changes, Statics};
use crate::plan::routing::{RoutingPlan, StaticEntry};

/// What the words of a route or a rule stand for, and the static objects.
#[derive(Debug, Default)]
pub struct Routing {
    plan: RoutingPlan,
    /// Of the configuration before, for what is taken out at a reload
    former: RoutingPlan,
    statics: Statics,
    kernel_settings: Sysctls,
}

/// Entries that could not be put in, and why.
pub type Failures = Vec<(String, String)>;

impl Routing {
    /// New settings. The static objects change at once, the others when the machine says so.
    pub async fn configure(
        &mut self,
        plan: RoutingPlan,
        requests: &mut Requests,
        interfaces: &mut Interfaces,
        now: Timestamp,
    ) {
        let changes = self.statics.configure(plan.statics.clone());
        self.former = std::mem::replace(&mut self.plan, plan);
        self.set_kernel(interfaces);
        interfaces.set_static_addresses(self.statics.addresses());
        self.change_statics(changes, requests, interfaces, now).await;
    }

    /// Whether removed routes and rules matter.
    pub fn is_watched(&self) -> bool {
        self.plan.watched
    }

    /// The static objects, and whether each is in the kernel as far as we know.
    pub fn statics(&self) -> impl Iterator<Item = (&StaticEntry, bool)> {
        self.statics.standing()
    }

    /// When a static object is to be put in again.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.statics.next_deadline()
    }

    /// Puts in again the static objects that are due.
    pub async fn deadline(&mut self, requests: &mut Requests, interfaces: &mut Interfaces, now: Timestamp) {
        let changes = self.statics.due(now);
        self.change_statics(changes, requests, interfaces, now).await;
    }

    /// An interface came back.
    pub fn interface_came_back(&mut self, interface: &str, interfaces: &Interfaces, now: Timestamp) {
        self.statics.interface_came_back(interface, now);
        self.set_kernel(interfaces);
    }

    /// `promote_secondaries` where it is wanted, and as it was where it is not. An interface that is not there gets it
    /// when it comes.
    fn set_kernel(&mut self, interfaces: &Interfaces) {
        let present = self
            .plan
            .promoted
            .iter()
            .filter(|name| interfaces.index_of(name).is_some());
        let wanted = present.map(|name| (Sysctl::ipv4(name, "promote_secondaries"), "1".to_owned()));
        for error in self.kernel_settings.apply(&wanted.collect()) {
            tracing::error!("{error}");
        }
    }

    /// Takes out the static objects.
    pub async fn stop(&mut self, requests: &mut Requests, interfaces: &mut Interfaces, now: Timestamp) {
        let changes = self.statics.stop();
        self.change_statics(changes, requests, interfaces, now).await;
        for error in self.kernel_settings.restore_all() {
            tracing::error!("{error}");
        }
    }

    /// Puts routes or rules in.
    pub async fn add(
        &self,
        kind: RoutingKind,
        texts: &[String],
        requests: &mut Requests,
        interfaces: &Interfaces,
    ) -> Failures {
        let mut failures = Failures::new();
        let outcomes = self.apply(kind, true, texts, requests, interfaces).await;
        for (text, outcome) in outcomes {
            if let Err(problem) = outcome {
                failures.push((text, problem));
            }
        }
        failures
    }

    /// Takes routes or rules out.
    pub async fn remove(&self, kind: RoutingKind, texts: &[String], requests: &mut Requests, interfaces: &Interfaces) {
        for (_, outcome) in self.apply(kind, false, texts, requests, interfaces).await {
            if let Err(problem) = outcome {
                tracing::error!("{problem}");
            }
        }
    }

    /// Makes changes in one batch, and says what became of each.
    async fn apply(
        &self,
        kind: RoutingKind,
        add: bool,
        texts: &[String],
        requests: &mut Requests,
        interfaces: &Interfaces,
    ) -> Vec<(String, Result<Applied, String>)> {
        match kind {
            RoutingKind::Route => {
                let (names, routes, mut outcomes) = self.resolve(texts, add, interfaces);
                let done = if add {
                    let done = requests.add_routes(&routes).await;
                    recognised(&routes, done, requests).await
                } else {
                    requests.remove_routes(&routes).await
                };
                outcomes.extend(names.into_iter().zip(done.into_iter().map(in_words)));
                outcomes
            }
            RoutingKind::Rule => {
                let known = texts
                    .iter()
                    .filter_map(|text| Some((text.clone(), self.rule(text)?.clone())));
                let (names, rules): (Vec<String>, Vec<Rule>) = known.unzip();
                let done = if add {
                    requests.add_rules(&rules).await
                } else {
                    requests.remove_rules(&rules).await
                };
                names.into_iter().zip(done.into_iter().map(in_words)).collect()
            }
        }
    }

    /// Routes with the numbers of their interfaces. One whose interface is missing cannot be added, and need not be
    /// removed.
    #[allow(clippy::type_complexity, reason = "three lists of one call")]
    fn resolve(
        &self,
        texts: &[String],
        add: bool,
        interfaces: &Interfaces,
    ) -> (Vec<String>, Vec<Route>, Vec<(String, Result<Applied, String>)>) {
        let (mut names, mut routes, mut outcomes) = (Vec::new(), Vec::new(), Vec::new());
        for text in texts {
            let Some(route) = self.route(text) else { continue };
            match route.resolve(|name| interfaces.named_link(name)) {
                Ok(route) => {
                    names.push(text.clone());
                    routes.push(route);
                }
                Err(problem) if add => outcomes.push((text.clone(), Err(problem))),
                Err(_) => outcomes.push((text.clone(), Ok(Applied::AlreadySo))),
            }
        }
        (names, routes, outcomes)
    }

    fn route(&self, text: &str) -> Option<&Route<String>> {
        self.plan.routes.get(text).or_else(|| self.former.routes.get(text))
    }

    fn rule(&self, text: &str) -> Option<&Rule> {
        self.plan.rules.get(text).or_else(|| self.former.rules.get(text))
    }

    /// What somebody else's change means: events for the machine. Static objects are put back when they are due.
    pub fn network_event(&mut self, event: &NetworkEvent, interfaces: &Interfaces, now: Timestamp) -> Vec<Event> {
        let (kind, texts) = match event {
            NetworkEvent::RouteRemoved { route, .. } => (RoutingKind::Route, self.texts_of_route(route, interfaces)),
            NetworkEvent::RuleRemoved { rule, .. } => (RoutingKind::Rule, self.texts_of_rule(rule)),
            NetworkEvent::AddressRemoved { address, .. } => {
                self.static_address_lost(address, interfaces, now);
                return Vec::new();
            }
            NetworkEvent::LinkRemoved { name, .. } => {
                self.kernel_settings.forget_interface(name);
                return Vec::new();
            }
            _ => return Vec::new(),
        };
        self.are_lost(kind, texts, now)
    }

    /// The kernel dropped events: what is missing from its tables is lost.
    pub async fn read_again(
        &mut self,
        requests: &mut Requests,
        interfaces: &Interfaces,
        now: Timestamp,
    ) -> Result<Vec<Event>, holdfast_net::NetError> {
        let is_missing = |entry: &StaticEntry| {
            matches!(entry, StaticEntry::Address { interface, address }
                if interfaces.protocol_of(interface, address.address, address.prefix_len).is_none())
        };
        say_lost(&self.statics.lost(is_missing, now), now);
        if !self.is_watched() {
            return Ok(Vec::new());
        }
        let routes = requests.routes().await?;
        let rules = requests.rules().await?;
        let is_missing = |route: &Route<String>| match route.resolve(|name| interfaces.named_link(name)) {
            Ok(route) => !routes.iter().any(|found| route.is_in_kernel_as(found)),
            Err(_) => true,
        };
        let missing = |found: &Rule| !rules.iter().any(|rule| found.is_in_kernel_as(rule));
        let lost_routes = names_where(&self.plan.routes, is_missing);
        let lost_rules = names_where(&self.plan.rules, missing);
        let mut events = self.are_lost(RoutingKind::Route, lost_routes, now);
        events.extend(self.are_lost(RoutingKind::Rule, lost_rules, now));
        Ok(events)
    }

    fn are_lost(&mut self, kind: RoutingKind, texts: Vec<String>, now: Timestamp) -> Vec<Event> {
        for text in &texts {
            let is_it =
                |entry: &StaticEntry| matches!(entry, StaticEntry::Routing(of, name) if *of == kind && name == text);
            say_lost(&self.statics.lost(is_it, now), now);
        }
        let event = |text| Event::RoutingLost { kind, text };
        texts.into_iter().map(event).collect()
    }

    fn texts_of_route(&self, observed: &Route, interfaces: &Interfaces) -> Vec<String> {
        names_where(&self.plan.routes, |wanted| {
            wanted.protocol == observed.protocol
                && wanted.destination.network() == observed.destination
                && wanted
                    .resolve(|name| interfaces.named_link(name))
                    .is_ok_and(|wanted| wanted.is_in_kernel_as(observed))
        })
    }

    fn texts_of_rule(&self, observed: &Rule) -> Vec<String> {
        names_where(&self.plan.rules, |wanted| wanted.is_in_kernel_as(observed))
    }

    fn static_address_lost(&mut self, lost: &InterfaceAddress, interfaces: &Interfaces, now: Timestamp) {
        let name = interfaces.name_of(lost.interface_index);
        let is_it = |entry: &StaticEntry| {
            matches!(entry, StaticEntry::Address { interface, address }
                if Some(interface.as_str()) == name && address.address == lost.address
                    && address.prefix_len == lost.prefix_length)
        };
        say_lost(&self.statics.lost(is_it, now), now);
    }

    /// Carries out changes of the static objects, one batch for each kind of thing.
    async fn change_statics(
        &mut self,
        changes: Changes,
        requests: &mut Requests,
        interfaces: &mut Interfaces,
        now: Timestamp,
    ) {
        for (add, entries) in [(false, changes.remove), (true, changes.add)] {
            for batch in entries.chunk_by(|one, next| batch_of(one) == batch_of(next)) {
                for (entry, outcome) in self.change_batch(add, batch, requests, interfaces).await {
                    self.static_outcome(&entry, add, outcome, interfaces, now);
                }
            }
        }
    }

    /// All entries are of one kind.
    async fn change_batch(
        &self,
        add: bool,
        entries: &[StaticEntry],
        requests: &mut Requests,
        interfaces: &mut Interfaces,
    ) -> Vec<(StaticEntry, Result<Applied, String>)> {
        if let Some(kind) = entries.first().and_then(batch_of) {
            let text = |entry: &StaticEntry| match entry {
                StaticEntry::Routing(_, text) => Some(text.clone()),
                StaticEntry::Address { .. } => None,
            };
            let texts: Vec<String> = entries.iter().filter_map(text).collect();
            let outcomes = self.apply(kind, add, &texts, requests, interfaces).await;
            let entry = |(text, outcome)| (StaticEntry::Routing(kind, text), outcome);
            return outcomes.into_iter().map(entry).collect();
        }
        let (mut outcomes, mut there, mut addresses) = (Vec::new(), Vec::new(), Vec::new());
        for entry in entries {
            let StaticEntry::Address { interface, address } = entry else {
                continue;
            };
            match interfaces.index_of(interface) {
                Some(index) => {
                    there.push(entry.clone());
                    addresses.push(for_kernel(index, address));
                }
                None if add => outcomes.push((entry.clone(), Err(format!("there is no interface {interface}")))),
                None => outcomes.push((entry.clone(), Ok(Applied::AlreadySo))),
            }
        }
        let done = if add {
            requests.add_addresses(&addresses).await
        } else {
            requests.remove_addresses(&addresses).await
        };
        for ((entry, address), outcome) in there.into_iter().zip(&addresses).zip(done) {
            match &outcome {
                Ok(Applied::Changed) if add => interfaces.address_added(address),
                Ok(Applied::Changed) => interfaces.removed_by_us(address),
                Ok(Applied::AlreadySo) | Err(_) => {}
            }
            outcomes.push((entry, in_words(outcome)));
        }
        outcomes
    }

    fn static_outcome(
        &mut self,
        entry: &StaticEntry,
        added: bool,
        outcome: Result<Applied, String>,
        interfaces: &Interfaces,
        now: Timestamp,
    ) {
        match outcome {
            Ok(applied) if added => {
                let ours = applied == Applied::Changed || self.has_our_mark(entry, interfaces);
                self.statics.is_there(entry, ours);
            }
            Ok(_) => {}
            Err(problem) if added => {
                let due = self.statics.failed(entry, now);
                let wait = due.map_or(0, |due| due.since(now).as_secs());
                tracing::warn!("static {entry} is missing: {problem}; trying again in {wait} s");
            }
            Err(problem) => tracing::error!("{problem}"),
        }
    }

    /// Whether what was there already is a leftover of ours, and not somebody else's.
    fn has_our_mark(&self, entry: &StaticEntry, interfaces: &Interfaces) -> bool {
        match entry {
            StaticEntry::Address { interface, address } => {
                interfaces.protocol_of(interface, address.address, address.prefix_len) == Some(ADDRESS_PROTOCOL)
            }
            StaticEntry::Routing(RoutingKind::Route, text) => {
                self.route(text).is_some_and(|route| route.protocol == ROUTING_PROTOCOL)
            }
            StaticEntry::Routing(RoutingKind::Rule, text) => {
                self.rule(text).is_some_and(|rule| rule.protocol == ROUTING_PROTOCOL)
            }
        }
    }
}

/// A route that must stand alone (`add`) is refused when it is there already, whoever made it: what is ours is fine.
async fn recognised(routes: &[Route], mut outcomes: Vec<Outcome>, requests: &mut Requests) -> Vec<Outcome> {
    let is_there = |outcome: &Outcome| matches!(outcome, Err(error) if error.errno() == Some(libc::EEXIST));
    if !outcomes.iter().any(is_there) {
        return outcomes;
    }
    let found = match requests.routes().await {
        Ok(found) => found,
        Err(error) => {
            tracing::error!("{error}");
            return outcomes;
        }
    };
    for (route, outcome) in routes.iter().zip(&mut outcomes) {
        if is_there(outcome) && found.iter().any(|found| route.is_in_kernel_as(found)) {
            *outcome = Ok(Applied::AlreadySo);
        }
    }
    outcomes
}

/// Addresses go in one batch, routes and rules in others.
fn batch_of(entry: &StaticEntry) -> Option<RoutingKind> {
    match entry {
        StaticEntry::Address { .. } => None,
        StaticEntry::Routing(kind, _) => Some(*kind),
    }
}

fn names_where<T>(table: &BTreeMap<String, T>, is_it: impl Fn(&T) -> bool) -> Vec<String> {
    let matching = table.iter().filter(|(_, entry)| is_it(entry));
    matching.map(|(text, _)| text.clone()).collect()
}

fn in_words(outcome: Outcome) -> Result<Applied, String> {
    outcome.map_err(|error| error.to_string())
}

fn say_lost(lost: &[(StaticEntry, Timestamp)], now: Timestamp) {
    for (entry, due) in lost {
        match due.since(now).as_secs() {
            0 => tracing::warn!("static {entry} was removed by another program, putting it back"),
            wait => tracing::warn!("static {entry} was removed by another program again, putting it back in {wait} s"),
        }
    }
}
