//! What a reload and a restart must be, for any two configurations and any results of checks: the table of a start that
//! knows what was known, and nothing done to what stays.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use holdfast_health::probe::{FileProbe, MiscProbe, Outcome, Probe, Verdict};
use holdfast_health::settings::{Checker, RealServer, Settings, VirtualServer};
use holdfast_health::status::{RealServerStatus, VirtualServerStatus};
use holdfast_health::{Action, Event, Health};
use holdfast_ipvs::reconcile::{Change, reconcile};
use holdfast_ipvs::table::{DestinationKey, Family, Forwarding, ServiceEntry, ServiceFlags, ServiceKey, Table, Tunnel};
use holdfast_time::Timestamp;
use proptest::prelude::*;

use crate::bench::{Bench, real_server, seconds, service, settings, sorry, target, tcp_check, virtual_server};

/// Virtual servers of a configuration, at most.
const POOLS: u8 = 3;
/// Real servers have the addresses 11 to 14, sorry servers 17 and 18.
const SERVERS: std::ops::RangeInclusive<u8> = 11..=14;

/// What a check looks at: an address that no other has, so that each may answer as it likes.
fn looks_at(pool: u8, server: u8, kind: u8) -> IpAddr {
    IpAddr::from([10, pool, server, kind])
}

/// All that the checks of kinds 0 and 1 look at.
fn everything() -> impl Iterator<Item = IpAddr> {
    (1..=POOLS).flat_map(|pool| SERVERS.flat_map(move |server| (0..2).map(move |kind| looks_at(pool, server, kind))))
}

fn checker(pool: u8, server: u8, kind: u8, alpha: bool, slow: bool) -> Checker {
    let mut check = tcp_check(server);
    check.warmup = seconds(5);
    // What is told at any time, is told at once.
    check.alpha = alpha && kind < 2;
    check.delay_loop = seconds(if slow { 30 } else { 10 });
    check.rise = if slow { 2 } else { 1 };
    match (kind, &mut check.probe) {
        (0, Probe::Tcp(probe)) => probe.connection.address = looks_at(pool, server, kind),
        (1, probe) => {
            *probe = Probe::Misc(MiscProbe {
                script: looks_at(pool, server, kind).to_string(),
                timeout: seconds(5),
                dynamic: true,
            });
        }
        (2, probe) => *probe = Probe::Bfd(format!("session{}", server % 2)),
        (_, probe) => {
            *probe = Probe::File(FileProbe {
                file: format!("file{}", server % 2),
                weight: i32::from(kind) - 3,
                reverse: false,
            });
        }
    }
    check
}

fn any_real_server(pool: u8) -> impl Strategy<Value = RealServer> {
    let kinds = prop_oneof![
        1 => Just(BTreeSet::new()),
        4 => prop::collection::btree_set(0..2_u8, 1..=2),
        3 => prop::collection::btree_set(0..5_u8, 1..=3),
    ];
    (SERVERS, 0..4_u32, any::<bool>(), 0..3_u8, kinds, any::<[bool; 2]>()).prop_map(
        move |(last, weight, inhibit, forwarding, kinds, [alpha, slow])| {
            let mut server = real_server(last, weight);
            server.inhibit_on_failure = inhibit;
            server.destination.forwarding = [
                Forwarding::Masquerade,
                Forwarding::Route,
                Forwarding::Tunnel(Tunnel::Ipip),
            ][usize::from(forwarding)];
            // A file is followed once.
            let kinds = kinds.iter().filter(|kind| **kind < 4 || !kinds.contains(&3));
            server.checkers = kinds.map(|kind| checker(pool, last, *kind, alpha, slow)).collect();
            server
        },
    )
}

/// The services of a pool: one or two addresses and a firewall mark of its own, and one that others may claim as well.
fn any_services(pool: u8) -> impl Strategy<Value = Vec<ServiceKey>> {
    let mark = ServiceKey::Fwmark {
        family: Family::Inet,
        mark: u32::from(pool),
    };
    let choices = vec![service(pool * 10), service(pool * 10 + 1), mark, service(99)];
    prop::sample::subsequence(choices, 1..=3)
}

fn any_virtual_server(pool: u8) -> impl Strategy<Value = VirtualServer> {
    (
        any_services(pool),
        prop::collection::vec(any_real_server(pool), 0..5),
        (1..6_u32, prop_oneof![2 => Just(0), 1 => 1..3_u32]),
        prop::option::of((17..=18_u8, any::<bool>())),
        (any::<bool>(), any::<bool>(), any::<bool>()),
    )
        .prop_map(
            move |(services, mut servers, (quorum, hysteresis), sorry_server, (other_name, mh, persistent))| {
                let mut seen = BTreeSet::new();
                servers.retain(|it| seen.insert(it.key));
                let mut server = virtual_server(pool, servers);
                server.name = format!("{}{pool}", if other_name { "other" } else { "pool" });
                server.services = services;
                server.quorum = quorum;
                server.hysteresis = hysteresis.min(quorum - 1);
                if mh {
                    "mh".clone_into(&mut server.service.scheduler);
                    server.service.flags = ServiceFlags(ServiceFlags::SCHED1);
                }
                server.service.persistence_timeout_s = persistent.then_some(300);
                server.sorry_server = sorry_server.map(|(last, inhibit)| {
                    let mut it = sorry(last);
                    it.inhibit = inhibit;
                    it
                });
                server
            },
        )
}

fn any_pools() -> impl Strategy<Value = Vec<Option<VirtualServer>>> {
    (1..=POOLS)
        .map(|pool| prop::option::weighted(0.8, any_virtual_server(pool)))
        .collect::<Vec<_>>()
}

/// Two configurations that have much in common: of each pool and of each real server B may have what A has, or its own.
fn any_two() -> impl Strategy<Value = (Settings, Settings)> {
    (
        any_pools(),
        any_pools(),
        prop::collection::vec(any::<u16>(), usize::from(POOLS)),
        any::<bool>(),
    )
        .prop_map(|(a, b, mixes, reversed)| {
            let mixed = a.iter().zip(b).zip(mixes).map(|((a, b), mix)| match (a, b) {
                (Some(a), Some(b)) => Some(mixed(a, b, mix)),
                (a, b) => {
                    if mix.is_multiple_of(3) {
                        b
                    } else {
                        a.clone()
                    }
                }
            });
            let mut mixed: Vec<_> = mixed.flatten().collect();
            if reversed {
                mixed.reverse();
            }
            (settings(a.into_iter().flatten()), settings(mixed))
        })
}

/// Each bit of `mix` decides about one thing; a third of all virtual servers stay as they are.
fn mixed(a: &VirtualServer, b: VirtualServer, mix: u16) -> VirtualServer {
    if mix.is_multiple_of(3) {
        return a.clone();
    }
    let from_b = |bit: u8| mix >> bit & 1 == 1;
    let mut server = a.clone();
    if from_b(2) {
        server.name = b.name;
    }
    if from_b(3) {
        server.services = b.services;
    }
    if from_b(4) {
        server.service = b.service;
    }
    if from_b(5) {
        (server.quorum, server.hysteresis) = (b.quorum, b.hysteresis);
    }
    if from_b(6) {
        server.sorry_server = b.sorry_server;
    }
    for other in b.real_servers {
        let found = server.real_servers.iter().position(|it| it.key == other.key);
        match found {
            Some(place) if from_b(8) => server.real_servers[place] = other,
            Some(place) if from_b(9) => {
                server.real_servers[place].destination = other.destination;
                server.real_servers[place].inhibit_on_failure = other.inhibit_on_failure;
            }
            Some(place) if from_b(10) => {
                server.real_servers.remove(place);
            }
            None if from_b(11) => server.real_servers.push(other),
            _ => {}
        }
    }
    server
}

#[derive(Clone, Copy, Debug)]
enum Step {
    /// Those of [`everything`] whose bit is set are dead, the others alive.
    Dead(u32),
    Wait(u64),
    Session(u8, bool),
    File(u8, i64),
    /// What those commands ask for whose bit is set.
    Weight(u32, u32),
}

fn any_steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (any::<u32>(), any::<u32>()).prop_map(|(some, more)| Step::Dead(some & more)),
        6 => (0..25_u64).prop_map(Step::Wait),
        2 => (0..2_u8, any::<bool>()).prop_map(|(session, up)| Step::Session(session, up)),
        2 => (0..2_u8, -2..4_i64).prop_map(|(file, number)| Step::File(file, number)),
        2 => (any::<u32>(), 0..6_u32).prop_map(|(which, weight)| Step::Weight(which, weight)),
    ];
    prop::collection::vec(step, 1..14)
}

fn chosen(bits: u32) -> impl Iterator<Item = IpAddr> {
    everything()
        .enumerate()
        .filter(move |(place, _)| bits >> place & 1 == 1)
        .map(|(_, address)| address)
}

/// A machine in the world that the steps make.
struct World {
    bench: Bench,
    sessions: BTreeMap<String, bool>,
    files: BTreeMap<String, i64>,
}

impl World {
    fn new(settings: Settings) -> Self {
        Self {
            bench: Bench::new(settings),
            sessions: BTreeMap::new(),
            files: BTreeMap::new(),
        }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Dead(bits) => self.bench.dead = chosen(bits).collect(),
            Step::Wait(length) => self.bench.run(seconds(length)),
            Step::Session(number, up) => {
                let session = format!("session{number}");
                self.sessions.insert(session.clone(), up);
                self.bench.handle(Event::SessionChanged { session, up });
            }
            Step::File(file, number) => {
                let file = format!("file{file}");
                self.files.insert(file.clone(), number);
                self.bench.handle(Event::FileChanged { file, number });
            }
            Step::Weight(bits, weight) => {
                self.bench
                    .asked_by_commands
                    .extend(chosen(bits).map(|address| (address, weight)));
            }
        }
    }

    /// The settings as the supervisor sends them: with what is in the files.
    fn with_files(&self, settings: &Settings) -> Settings {
        Settings {
            files: self.files.clone(),
            ..settings.clone()
        }
    }
}

/// What is known of a configuration's parts before a reload, found by the rules of identity alone.
struct Known<'a> {
    a: &'a Settings,
    before: &'a [VirtualServerStatus],
    /// Of which virtual server of A each of B's is the successor.
    former: Vec<Option<usize>>,
}

impl<'a> Known<'a> {
    /// A virtual server is known by its name, else by a service that it had, if nobody else has its name now.
    fn new(a: &'a Settings, before: &'a [VirtualServerStatus], b: &Settings) -> Self {
        let names: BTreeSet<_> = b.virtual_servers.iter().map(|it| &it.name).collect();
        let mut taken = BTreeSet::new();
        let former = b.virtual_servers.iter().map(|server| {
            let place = |status: &VirtualServerStatus| before.iter().position(|it| it.name == status.name);
            let by_name = before.iter().find(|it| it.name == server.name).and_then(place);
            let by_service = || {
                let owners = server
                    .services
                    .iter()
                    .filter_map(|key| before.iter().find(|it| it.services.contains(key)));
                owners
                    .filter(|it| !names.contains(&it.name))
                    .filter_map(place)
                    .find(|it| !taken.contains(it))
            };
            let found = by_name.or_else(by_service);
            taken.extend(found);
            found
        });
        let former = former.collect();
        Self { a, before, former }
    }

    fn virtual_server(&self, place: usize) -> Option<&'a VirtualServerStatus> {
        self.before.get(self.former[place]?)
    }

    fn real_server(&self, place: usize, key: DestinationKey) -> Option<(&'a RealServer, &'a RealServerStatus)> {
        let former = self.former[place]?;
        let settings = &self.a.virtual_servers[former].real_servers;
        let number = settings.iter().position(|it| it.key == key)?;
        Some((&settings[number], &self.before[former].real_servers[number]))
    }

    /// Whether the check was up; `None`: it is new.
    fn check(&self, place: usize, key: DestinationKey, probe: &Probe) -> Option<bool> {
        let (settings, status) = self.real_server(place, key)?;
        let number = settings.checkers.iter().position(|it| it.probe == *probe)?;
        Some(status.checkers[number].up)
    }
}

/// What a check answers in a fresh start so that it ends up knowing what was known; `None`: nothing is known.
fn answers(known: &Known<'_>, b: &Settings) -> BTreeMap<IpAddr, bool> {
    let mut answers = BTreeMap::new();
    for (place, server) in b.virtual_servers.iter().enumerate() {
        for real in &server.real_servers {
            let was_up = known.real_server(place, real.key).is_some_and(|(_, status)| status.up);
            for check in &real.checkers {
                let Some(request) = check.probe.request(0) else {
                    continue;
                };
                let up = known.check(place, real.key, &check.probe);
                // A new check says nothing against a server that is known to be up.
                let up = up.or((check.alpha && was_up).then_some(true));
                answers.extend(up.map(|up| (target(&request), up)));
            }
        }
    }
    answers
}

/// start(B), fed what is known.
fn fed_start(b: Settings, world: &World, answers: &BTreeMap<IpAddr, bool>, asked: &BTreeMap<IpAddr, u32>) -> Health {
    let mut health = Health::new(Timestamp::ZERO, b, 1);
    for (session, up) in &world.sessions {
        health.handle(
            Timestamp::ZERO,
            Event::SessionChanged {
                session: session.clone(),
                up: *up,
            },
        );
    }
    // Past all warm-up times, and not so far that a probe without an answer is given up.
    let end = Timestamp::ZERO + seconds(6);
    let mut now = Timestamp::ZERO;
    loop {
        while let Some(action) = health.next_action() {
            if let Action::StartProbe {
                checker,
                generation,
                request,
                ..
            } = action
            {
                let target = target(&request);
                let Some(up) = answers.get(&target) else { continue };
                let verdict = if *up {
                    Verdict::Success
                } else {
                    Verdict::Failure(holdfast_health::probe::Failure::Refused)
                };
                let outcome = Outcome {
                    weight: asked.get(&target).copied(),
                    ..Outcome::new(verdict, seconds(0))
                };
                health.handle(
                    now,
                    Event::ProbeDone {
                        checker,
                        generation,
                        outcome,
                    },
                );
            }
        }
        match health.next_deadline().filter(|next| *next <= end) {
            Some(next) => now = next,
            None => return health,
        }
        health.handle(now, Event::Deadline);
    }
}

fn apply(table: &mut Table, change: &Change) {
    let entry = table.services.get_mut(change.service());
    match change {
        Change::AddService { key, service } => {
            let service = service.clone();
            let entry = ServiceEntry {
                service,
                destinations: BTreeMap::new(),
            };
            assert!(table.services.insert(*key, entry).is_none());
        }
        Change::EditService { service, .. } => entry.unwrap().service = service.clone(),
        Change::RemoveService { key } => assert!(table.services.remove(key).is_some()),
        Change::AddDestination { key, destination, .. } => {
            assert!(entry.unwrap().destinations.insert(*key, *destination).is_none());
        }
        Change::EditDestination { key, destination, .. } => {
            assert!(entry.unwrap().destinations.insert(*key, *destination).is_some());
        }
        Change::RemoveDestination { key, .. } => assert!(entry.unwrap().destinations.remove(key).is_some()),
    }
}

/// Takes the way from one table to another step by step: what is the same on both ends is never touched, and who has
/// servers on both ends has some all the way.
fn ensure_quiet_way(before: &Table, after: &Table) {
    let owned = before.services.keys().copied().collect();
    let mut table = before.clone();
    for change in reconcile(after, before, &owned) {
        let key = change.service();
        assert_ne!(before.services.get(key), after.services.get(key), "{change}");
        apply(&mut table, &change);
        for (key, before) in &before.services {
            let Some(after) = after.services.get(key) else { continue };
            let now = &table.services[key];
            let takes = |entry: &ServiceEntry| entry.destinations.values().any(|it| it.weight > 0);
            assert!(
                takes(now) || !takes(before) || !takes(after),
                "{key} takes nobody after {change}"
            );
            let some = |entry: &ServiceEntry| !entry.destinations.is_empty();
            assert!(
                some(now) || !some(before) || !some(after),
                "{key} is empty after {change}"
            );
        }
    }
    assert_eq!(table, *after);
}

fn differing(before: &Table, after: &Table) -> BTreeSet<String> {
    let all = before.services.keys().chain(after.services.keys());
    let differing = all.filter(|key| before.services.get(key) != after.services.get(key));
    differing.map(|key| format!("table {key}")).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    /// reload(A -> B) gives at once the table of start(B) fed with the health that survives, by the rules of identity
    /// alone, and the way there disturbs nobody.
    #[test]
    fn a_reload_is_a_start_that_knows((a, b) in any_two(), steps in any_steps(), more in any_steps()) {
        let mut world = World::new(a.clone());
        for step in steps {
            world.take(step);
        }
        let before = world.bench.health.status().virtual_servers;
        let known = Known::new(&a, &before, &b);
        let table = world.bench.kernel.clone();
        // Commands that passed asked for what they last asked for; it is in the weight of a server that is up.
        let asked = world.bench.last_asked.clone();
        world.bench.transcript();
        let b = world.with_files(&b);
        world.bench.handle(Event::Reload(b.clone()));

        let touched: BTreeSet<_> = world.bench.transcript().into_iter().filter(|line| line.starts_with("table ")).collect();
        prop_assert_eq!(touched, differing(&table, &world.bench.kernel));
        ensure_quiet_way(&table, &world.bench.kernel);

        let fresh = fed_start(b.clone(), &world, &answers(&known, &b), &asked);
        let (now, start) = (world.bench.health.status(), fresh.status());
        for (place, (now, start)) in now.virtual_servers.iter().zip(&start.virtual_servers).enumerate() {
            let facts = |it: &VirtualServerStatus| it.real_servers.iter().map(|it| (it.key, it.up, it.weight * u32::from(it.up))).collect::<Vec<_>>();
            prop_assert_eq!(facts(now), facts(start), "{}", now.name);
            // Between the thresholds the past decides about the quorum, and a start has another past.
            let band = u64::from(now.quorum - now.hysteresis)..u64::from(now.quorum + now.hysteresis);
            let past = known.virtual_server(place).map(|it| it.quorum_up);
            let quorum_up = match past {
                Some(past) if now.live_weight > 0 && band.contains(&now.live_weight) => past,
                _ => now.live_weight >= band.end,
            };
            prop_assert_eq!(now.quorum_up, quorum_up, "{}", now.name);
            if now.sorry_server_active == start.sorry_server_active {
                for key in &now.services {
                    prop_assert_eq!(world.bench.kernel.services.get(key).cloned(), fresh.wanted_service(key));
                }
            }
        }

        // And it goes on like one: the same results lead to the same table.
        for step in more {
            world.take(step);
        }
        world.bench.run(seconds(120));
        let mut other = World::new(world.with_files(&b));
        (other.bench.dead, other.bench.asked_by_commands) = (world.bench.dead.clone(), world.bench.asked_by_commands.clone());
        for (session, up) in world.sessions.clone() {
            other.bench.handle(Event::SessionChanged { session, up });
        }
        other.bench.run(seconds(120));
        if b.virtual_servers.iter().all(|it| it.hysteresis == 0) {
            prop_assert_eq!(&world.bench.kernel, &other.bench.kernel);
        }
    }

    /// A process that adopts its predecessor's table leaves it as it is while the world stays as it is: at once, at its
    /// checks, and after them.
    #[test]
    fn a_restart_changes_nothing_at_any_moment((a, _) in any_two(), steps in any_steps()) {
        let mut world = World::new(a.clone());
        for step in steps {
            world.take(step);
        }
        world.bench.run(seconds(120));
        let table = world.bench.kernel.clone();
        let mut new = Bench::with_kernel(world.with_files(&a), table.clone(), Some(&table));
        prop_assert_eq!(&new.kernel, &table, "at once");
        (new.dead, new.asked_by_commands) = (world.bench.dead.clone(), world.bench.asked_by_commands.clone());
        for (session, up) in world.sessions {
            new.handle(Event::SessionChanged { session: session.clone(), up });
            prop_assert_eq!(&new.kernel, &table, "{}", session);
        }
        let end = new.now + seconds(120);
        while let Some(next) = new.health.next_deadline().filter(|next| *next < end) {
            new.run(next.since(new.now));
            prop_assert_eq!(&new.kernel, &table, "at {:?}", next);
        }
    }
}
