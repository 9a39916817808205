//! Random servers, random settings, random times: the machine against a model of a page, and reload against start.

use std::collections::BTreeMap;

use holdfast_health::Event;
use holdfast_health::settings::{FlapDamping, RealServer, Recovery, Settings, VirtualServer};
use holdfast_ipvs::table::{DestinationKey, Table};
use proptest::prelude::*;

use crate::bench::{Bench, destination, real_server, seconds, service, settings, sorry, virtual_server};

#[derive(Clone, Debug)]
enum Step {
    Kill(u8),
    Revive(u8),
    Wait(u64),
    Reload(Settings),
}

/// No hold is longer than 40 s, and no slow start than 20 s.
fn any_recovery() -> impl Strategy<Value = Recovery> {
    (prop::option::of(1..4_u32), prop::sample::select(vec![0, 20])).prop_map(|(threshold, slow_start)| Recovery {
        damping: threshold.map(|threshold| FlapDamping {
            threshold,
            window: seconds(60),
            hold: seconds(7),
            hold_max: seconds(40),
        }),
        slow_start: seconds(slow_start),
    })
}

fn any_real_server() -> impl Strategy<Value = RealServer> {
    (
        11..=16_u8,
        0..4_u32,
        any::<bool>(),
        0..3_u32,
        any::<bool>(),
        any::<bool>(),
        (1..=3_u32, 0..4_u64),
        any_recovery(),
    )
        .prop_map(
            |(last, weight, inhibit, retry, alpha, checked, (rise, jitter), recovery)| {
                let mut server = real_server(last, weight);
                server.inhibit_on_failure = inhibit;
                server.checkers[0].retry = retry;
                server.checkers[0].alpha = alpha;
                server.checkers[0].rise = rise;
                server.checkers[0].jitter = seconds(jitter);
                server.recovery = recovery;
                server.checkers[0].warmup = seconds(5);
                if !checked {
                    server.checkers.clear();
                }
                server
            },
        )
}

fn any_virtual_server(last: u8) -> impl Strategy<Value = VirtualServer> {
    (
        prop::collection::vec(any_real_server(), 0..5),
        1..6_u32,
        0..3_u32,
        prop::option::of((17..=18_u8, any::<bool>())),
        prop::collection::btree_set(3..6_u8, 0..3),
    )
        .prop_map(move |(mut servers, quorum, hysteresis, sorry_server, more)| {
            let mut seen = std::collections::BTreeSet::new();
            servers.retain(|it| seen.insert(it.key));
            let mut server = virtual_server(last, servers);
            server.services.extend(more.into_iter().map(service));
            server.quorum = quorum;
            server.hysteresis = hysteresis.min(quorum - 1);
            server.sorry_server = sorry_server.map(|(last, inhibit)| {
                let mut it = sorry(last);
                it.inhibit = inhibit;
                it
            });
            server
        })
}

fn any_settings() -> impl Strategy<Value = Settings> {
    (
        prop::option::of(any_virtual_server(1)),
        prop::option::of(any_virtual_server(2)),
        any::<bool>(),
    )
        .prop_map(|(first, second, share_checks)| Settings {
            share_checks,
            ..settings(first.into_iter().chain(second))
        })
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (11..=16_u8).prop_map(Step::Kill),
        3 => (11..=16_u8).prop_map(Step::Revive),
        6 => (0..25_u64).prop_map(Step::Wait),
        1 => any_settings().prop_map(Step::Reload),
    ]
}

/// The table by the rules alone: who is up, with which share of its weight, and whether the quorum is up come from the
/// status, everything else from here.
fn model_table(settings: &Settings, bench: &Bench) -> Table {
    let status = bench.health.status();
    let mut table = Table::default();
    for (server, seen) in settings.virtual_servers.iter().zip(&status.virtual_servers) {
        let sorry_active = !seen.quorum_up && server.sorry_server.is_some();
        let mut destinations = BTreeMap::new();
        let mut put = |key: DestinationKey, weight: u32| destinations.insert(key, destination(weight));
        for (real_server, seen) in server.real_servers.iter().zip(&seen.real_servers) {
            match (seen.up && !sorry_active, real_server.inhibit_on_failure) {
                (true, _) => put(real_server.key, seen.weight),
                (false, true) => put(real_server.key, 0),
                (false, false) => None,
            };
        }
        if let Some(sorry) = &server.sorry_server {
            // Sorry servers have addresses of their own here.
            match (sorry_active, sorry.inhibit) {
                (true, _) => put(sorry.key, sorry.destination.weight),
                (false, true) => put(sorry.key, 0),
                (false, false) => None,
            };
        }
        for key in &server.services {
            let entry = holdfast_ipvs::table::ServiceEntry {
                service: server.service.clone(),
                destinations: destinations.clone(),
            };
            table.services.entry(*key).or_insert(entry);
        }
    }
    table
}

fn check_invariants(settings: &Settings, bench: &Bench) {
    assert_eq!(bench.kernel, model_table(settings, bench));
    for (server, seen) in settings
        .virtual_servers
        .iter()
        .zip(&bench.health.status().virtual_servers)
    {
        let live: u64 = server
            .real_servers
            .iter()
            .zip(&seen.real_servers)
            .filter(|(_, seen)| seen.up)
            .map(|(it, _)| u64::from(it.destination.weight))
            .sum();
        assert_eq!(seen.live_weight, live);
        let (quorum, hysteresis) = (u64::from(server.quorum), u64::from(server.hysteresis));
        if live >= quorum + hysteresis {
            assert!(seen.quorum_up);
        }
        if live == 0 || live < quorum - hysteresis {
            assert!(!seen.quorum_up);
        }
        let has_quorum = seen.quorum_up;
        for (real_server, seen) in server.real_servers.iter().zip(&seen.real_servers) {
            let passes = seen.checkers.iter().all(|it| it.up);
            assert_eq!(seen.up, passes && seen.held_until.is_none());
            assert!(
                !passes || seen.held_until.is_none() || has_quorum,
                "held although it is needed"
            );
            let full = real_server.destination.weight;
            assert_eq!(seen.full_weight, full);
            assert!(seen.weight <= full && (seen.weight > 0 || full == 0));
            assert!(seen.weight == full || !real_server.recovery.slow_start.is_zero());
            assert!(real_server.checkers.len() == seen.checkers.len());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// The kernel's table, kept by the actions alone, is the model's at every moment; after a quiet time each real server
    /// is what it is.
    #[test]
    fn the_table_follows_the_model(first in any_settings(), steps in prop::collection::vec(any_step(), 1..40)) {
        let mut now = first.clone();
        let mut bench = Bench::new(first);
        check_invariants(&now, &bench);
        for step in steps {
            match step {
                Step::Kill(last) => bench.kill(last),
                Step::Revive(last) => bench.revive(last),
                Step::Wait(length) => bench.run(seconds(length)),
                Step::Reload(other) => {
                    now = other.clone();
                    bench.handle(Event::Reload(other));
                }
            }
            check_invariants(&now, &bench);
        }
        bench.run(seconds(120));
        check_invariants(&now, &bench);
        for (server, seen) in now.virtual_servers.iter().zip(&bench.health.status().virtual_servers) {
            for (real_server, seen) in server.real_servers.iter().zip(&seen.real_servers) {
                let alive = real_server.checkers.is_empty() || !bench.dead.contains(&real_server.key.address);
                prop_assert_eq!(seen.up, alive);
            }
        }
    }

    /// reload(A -> B) ends in the table of start(B), and services that stay the same see no action.
    #[test]
    fn a_reload_ends_where_a_start_ends(a in any_settings(), b in any_settings(), dead in prop::collection::btree_set(11..=16_u8, 0..6)) {
        let mut bench = Bench::new(a);
        for last in &dead { bench.kill(*last); }
        bench.run(seconds(120));
        let before = bench.kernel.clone();
        bench.transcript();
        bench.handle(Event::Reload(b.clone()));
        for line in bench.transcript() {
            if let Some(key) = line.strip_prefix("table ") {
                let changed = |key: &holdfast_ipvs::table::ServiceKey| {
                    before.services.get(key) != bench.kernel.services.get(key)
                };
                let all = before.services.keys().chain(bench.kernel.services.keys());
                prop_assert!(all.filter(|it| it.to_string() == key).any(changed), "{key} did not change");
            }
        }
        bench.run(seconds(120));

        let mut fresh = Bench::new(b.clone());
        for last in &dead { fresh.kill(*last); }
        fresh.run(seconds(60));
        // Between the two thresholds the past decides about quorum; without hysteresis there is no between.
        if b.virtual_servers.iter().all(|it| it.hysteresis == 0) {
            prop_assert_eq!(&bench.kernel, &fresh.kernel);
        }
        let ups = |bench: &Bench| {
            let status = bench.health.status();
            let real_servers = status.virtual_servers.into_iter().flat_map(|it| it.real_servers);
            real_servers.map(|it| (it.key, it.up, it.weight)).collect::<Vec<_>>()
        };
        prop_assert_eq!(ups(&bench), ups(&fresh));
    }

    /// A process that adopts the table of one that ran with the same settings changes nothing.
    #[test]
    fn a_restart_changes_nothing(with in any_settings(), dead in prop::collection::btree_set(11..=16_u8, 0..6)) {
        let mut old = Bench::new(with.clone());
        for last in &dead { old.kill(*last); }
        old.run(seconds(60));
        let mut new = Bench::with_kernel(with.clone(), old.kernel.clone(), Some(&old.kernel));
        new.dead.clone_from(&old.dead);
        // A sorry server hides who is alive, so the weight of the living may be below the upper threshold at first.
        prop_assert_eq!(&new.kernel, &old.kernel);
        new.run(seconds(60));
        if with.virtual_servers.iter().all(|it| it.hysteresis == 0) {
            prop_assert_eq!(&new.kernel, &old.kernel);
        }
    }
}

/// 500 virtual servers with 20 real servers each: a second of probes costs no walk over all of them.
#[test]
fn ten_thousand_real_servers() {
    let key = |place: u16, server: u16| {
        let [high, low] = place.to_be_bytes();
        DestinationKey {
            address: std::net::Ipv4Addr::new(10, high, low, server.to_be_bytes()[1]).into(),
            port: 80,
        }
    };
    let servers = (0..500_u16).map(|place| {
        let real_servers = (1..=20).map(|last| {
            let mut it = real_server(1, 1);
            it.key = key(place, last);
            it.name = it.key.to_string();
            it.checkers[0].warmup = seconds(10);
            let holdfast_health::probe::Probe::Tcp(probe) = &mut it.checkers[0].probe else {
                unreachable!()
            };
            probe.connection.address = it.key.address;
            it
        });
        let mut server = virtual_server(1, real_servers.collect());
        server.services = vec![holdfast_ipvs::table::ServiceKey::Fwmark {
            family: holdfast_ipvs::table::Family::Inet,
            mark: u32::from(place) + 1,
        }];
        server.name = server.services[0].to_string();
        server
    });
    let with = settings(servers);
    let mut health = holdfast_health::Health::new(holdfast_time::Timestamp::ZERO, with.clone(), 1);
    let mut probes = 0;
    let mut changes = 0;
    let mut now = holdfast_time::Timestamp::ZERO;
    let end = now + seconds(60);
    loop {
        while let Some(action) = health.next_action() {
            match action {
                holdfast_health::Action::StartProbe {
                    checker, generation, ..
                } => {
                    probes += 1;
                    // Each is up for 20 s and then down for 20 s.
                    let dead = now.as_nanos() / 1_000_000_000 / 20 % 2 == 1;
                    let verdict = if dead {
                        holdfast_health::probe::Verdict::Failure(holdfast_health::probe::Failure::Refused)
                    } else {
                        holdfast_health::probe::Verdict::Success
                    };
                    let outcome = holdfast_health::probe::Outcome::new(verdict, std::time::Duration::ZERO);
                    health.handle(
                        now,
                        Event::ProbeDone {
                            checker,
                            generation,
                            outcome,
                        },
                    );
                }
                holdfast_health::Action::ServiceChanged(key) => {
                    changes += 1;
                    assert!(health.wanted_service(&key).is_some());
                }
                _ => {}
            }
        }
        let Some(next) = health.next_deadline().filter(|next| *next < end) else {
            break;
        };
        now = next;
        health.handle(now, Event::Deadline);
    }
    // 10,000 each 10 s for 60 s, and one retry for each that died.
    assert_eq!(probes, 70_000);
    assert_eq!(changes, 500 + 20_000);
    health.handle(now, Event::Reload(with));
    assert_eq!(health.next_action(), None);
}
