//! One probe for several checks.

use std::time::Duration;

use holdfast_health::Event;
use holdfast_health::event::CheckerId;
use holdfast_health::probe::{Failure, Outcome, Verdict};
use holdfast_health::settings::Settings;
use holdfast_ipvs::table::Table;
use proptest::prelude::*;

use crate::bench::{Bench, address, name, real, real_server, seconds, settings, sorry, virtual_server};

/// Virtual servers `192.0.2.1` and up, each with the real servers `198.51.100.11` and `.12`.
fn shared(services: u8) -> Settings {
    let service = |last| virtual_server(last, vec![real_server(11, 1), real_server(12, 1)]);
    Settings {
        share_checks: true,
        ..settings((1..=services).map(service))
    }
}

fn moments(bench: &Bench, last: u8) -> Vec<u64> {
    let of = bench
        .probes
        .iter()
        .filter(|(_, address)| *address == real(last).address);
    of.map(|(at, _)| at.as_nanos() / 1_000_000).collect()
}

fn pools(bench: &Bench, services: u8) -> Vec<Vec<String>> {
    (1..=services).map(|last| bench.pool(last)).collect()
}

#[test]
fn all_owners_hear_of_one_probe_in_their_order() {
    let mut bench = Bench::new(shared(3));
    bench.run(seconds(1));
    bench.kill(11);
    bench.whole_transcript();
    bench.run(seconds(25));
    assert_eq!(moments(&bench, 11), [0, 10_000, 11_000, 20_000]);
    assert_eq!(moments(&bench, 12), [0, 10_000, 20_000]);
    let said: Vec<String> = bench.whole_transcript();
    let removed: Vec<&String> = said.iter().filter(|it| it.starts_with("Removing")).collect();
    let expected: Vec<String> = (1..=3)
        .map(|last| format!("Removing service {} from VS [192.0.2.{last}]:tcp:80", name(11)))
        .collect();
    assert_eq!(removed, expected.iter().collect::<Vec<_>>());
    assert_eq!(said.iter().filter(|it| it.starts_with("RS ")).count(), 3);
    assert_eq!(pools(&bench, 3), [["12:1"], ["12:1"], ["12:1"]]);
}

#[test]
fn whatever_differs_is_asked_apart() {
    let mut with = shared(2);
    with.virtual_servers[1].real_servers[0].checkers[0].delay_loop = seconds(20);
    let holdfast_health::probe::Probe::Tcp(probe) = &mut with.virtual_servers[1].real_servers[1].checkers[0].probe
    else {
        unreachable!()
    };
    probe.connection.mark = 1;
    let mut bench = Bench::new(with.clone());
    bench.run(seconds(25));
    // At a moment when both are due they ask together, for what they ask is the same.
    assert_eq!(moments(&bench, 11), [0, 10_000, 20_000]);
    assert_eq!(moments(&bench, 12), [0, 0, 10_000, 10_000, 20_000, 20_000]);
    with.share_checks = false;
    let mut bench = Bench::new(with);
    bench.run(seconds(25));
    assert_eq!(moments(&bench, 11), [0, 0, 10_000, 20_000, 20_000]);
}

/// Each counts for itself: one that retries more often goes on alone, and meets the other at the next point of the grid.
#[test]
fn counters_are_each_owners_own() {
    let mut with = shared(2);
    with.virtual_servers[1].real_servers[0].checkers[0].retry = 3;
    let mut bench = Bench::new(with);
    bench.run(seconds(1));
    bench.kill(11);
    bench.run(Duration::from_millis(10_500));
    assert_eq!(pools(&bench, 2), [vec!["12:1"], vec!["11:1", "12:1"]]);
    bench.run(seconds(20));
    assert_eq!(moments(&bench, 11), [0, 10_000, 11_000, 12_000, 13_000, 20_000, 30_000]);
    assert_eq!(pools(&bench, 2), [["12:1"], ["12:1"]]);
}

#[test]
fn a_probe_lives_as_long_as_somebody_waits_for_it() {
    let mut bench = Bench::new(shared(3));
    bench.silent.insert(real(11).address);
    bench.run(seconds(1));
    assert_eq!(bench.in_flight.len(), 1);
    let (probe, generation) = bench.in_flight.iter().map(|(id, it)| (*id, *it)).next().unwrap();
    // The first owner leaves the configuration, then the second one.
    for gone in 1..=2 {
        let mut with = shared(3);
        with.virtual_servers.drain(..gone);
        bench.handle(Event::Reload(with));
        assert!(bench.in_flight.contains_key(&probe));
    }
    bench.handle(Event::ProbeDone {
        checker: probe,
        generation,
        outcome: Outcome::new(Verdict::Failure(Failure::Refused), Duration::ZERO),
    });
    assert_eq!(bench.pool(3), ["12:1"]);
    bench.in_flight.clear();
    // Nobody waits any more: it is forgotten, and its outcome comes to nothing.
    bench.run(seconds(10));
    let (probe, generation) = bench.in_flight.iter().map(|(id, it)| (*id, *it)).next().unwrap();
    bench.handle(Event::Reload(settings([virtual_server(3, vec![real_server(12, 1)])])));
    assert!(bench.in_flight.is_empty());
    bench.handle(Event::ProbeDone {
        checker: probe,
        generation,
        outcome: Outcome::new(Verdict::Failure(Failure::Refused), Duration::ZERO),
    });
    assert_eq!(bench.pool(3), ["12:1"]);
}

#[test]
fn an_owner_that_rests_hears_nothing_and_the_others_do() {
    let mut with = shared(2);
    with.virtual_servers[0].ha_suspend = true;
    for server in &mut with.virtual_servers {
        server.real_servers[0].checkers[0].retry = 0;
    }
    let local = |present| Event::AddressChanged {
        address: address("192.0.2.1"),
        present,
    };
    let mut bench = Bench::new(with);
    bench.handle(local(true));
    bench.run(seconds(1));
    bench.silent.insert(real(11).address);
    bench.run(seconds(10));
    assert_eq!(moments(&bench, 11), [0, 10_000], "both wait for the second one");
    bench.handle(local(false));
    let probe = *bench.in_flight.keys().next().unwrap();
    bench.answer(probe, Verdict::Failure(Failure::Refused));
    bench.handle(Event::Deadline);
    assert_eq!(pools(&bench, 2), [vec!["11:1", "12:1"], vec!["12:1"]]);
    bench.silent.clear();
    bench.handle(local(true));
    bench.probes.clear();
    bench.run(seconds(20));
    assert_eq!(moments(&bench, 11), [20_000, 30_000], "together again");
}

/// What was asked before would be an answer about the past.
#[test]
fn nobody_waits_for_a_probe_that_is_older_than_his_own_would_be() {
    let mut bench = Bench::new(shared(1));
    bench.silent.insert(real(11).address);
    bench.run(seconds(3));
    bench.handle(Event::Reload(shared(2)));
    bench.run(seconds(1));
    assert_eq!(moments(&bench, 11), [0, 3_000]);
    assert_eq!(bench.in_flight.len(), 2);
}

#[test]
fn jitter_is_the_same_for_all_who_share() {
    let mut with = shared(3);
    for server in &mut with.virtual_servers {
        server.real_servers[0].checkers[0].jitter = seconds(4);
    }
    let mut bench = Bench::new(with);
    bench.run(seconds(9));
    for round in 1..=20 {
        bench.probes.clear();
        bench.run(seconds(10));
        let at = moments(&bench, 11);
        assert!(
            at.len() == 1 && (round * 10_000..round * 10_000 + 4_000).contains(&at[0]),
            "{at:?} in round {round}"
        );
    }
}

#[test]
fn a_probe_without_an_answer_is_forgotten_once() {
    let mut bench = Bench::new(shared(2));
    bench.silent.insert(real(11).address);
    bench.run(seconds(11));
    assert!(bench.in_flight.is_empty());
    let lost = |line: &String| line.contains("the probe gave no result");
    assert_eq!(bench.whole_transcript().into_iter().filter(lost).count(), 2);
    assert_eq!(pools(&bench, 2), [["11:1", "12:1"], ["11:1", "12:1"]]);
    bench.handle(Event::Shutdown);
    assert!(bench.in_flight.is_empty());
}

#[test]
fn who_comes_later_begins_within_its_own_warm_up_and_then_asks_with_the_others() {
    let mut bench = Bench::new(shared(1));
    bench.run(seconds(13));
    bench.handle(Event::Reload(shared(2)));
    bench.run(seconds(20));
    assert_eq!(moments(&bench, 11), [0, 10_000, 13_000, 20_000, 30_000]);
    // Sharing that begins with a reload brings those together that were apart.
    let mut apart = shared(2);
    apart.share_checks = false;
    apart.virtual_servers[1].real_servers[0].checkers[0].warmup = seconds(9);
    let mut bench = Bench::new(apart.clone());
    bench.run(seconds(25));
    assert_eq!(moments(&bench, 11).len(), 6);
    bench.handle(Event::Reload(Settings {
        share_checks: true,
        ..apart
    }));
    bench.run(seconds(30));
    bench.probes.clear();
    bench.run(seconds(30));
    assert_eq!(moments(&bench, 11).len(), 3);
}

#[test]
fn a_restart_asks_together_too() {
    let with = || {
        let mut with = shared(2);
        for server in &mut with.virtual_servers {
            server.real_servers[0].checkers[0].warmup = seconds(10);
            server.sorry_server = Some(sorry(99));
        }
        with
    };
    let mut old = Bench::new(with());
    old.kill(11);
    old.run(seconds(25));
    let mut new = Bench::with_kernel(with(), old.kernel.clone(), Some(&old.kernel));
    assert_eq!(new.kernel, old.kernel);
    new.run(seconds(1));
    assert_eq!(moments(&new, 11).len(), 1, "a second look at who was down");
    assert_eq!(pools(&new, 2), [["11:1", "12:1"], ["11:1", "12:1"]]);
    new.run(seconds(30));
    assert_eq!(moments(&new, 11).len(), 4);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Sharing changes nothing but the number of probes: the same verdicts are said, and the tables are the same.
    #[test]
    fn sharing_changes_nothing_but_the_number_of_probes(
        retries in prop::collection::vec((0..3_u32, 1..3_u32, any::<bool>()), 1..5),
        steps in prop::collection::vec((11..=12_u8, any::<bool>(), 0..15_000_u64), 1..30),
    ) {
        let play = |share_checks: bool| {
            let mut with = Settings { share_checks, ..shared(u8::try_from(retries.len()).unwrap()) };
            for (server, (retry, rise, alpha)) in with.virtual_servers.iter_mut().zip(&retries) {
                for checker in server.real_servers.iter_mut().flat_map(|it| &mut it.checkers) {
                    (checker.retry, checker.rise, checker.alpha) = (*retry, *rise, *alpha);
                }
            }
            let mut bench = Bench::new(with);
            let mut tables: Vec<Table> = Vec::new();
            for (last, dead, wait) in &steps {
                if *dead { bench.kill(*last) } else { bench.revive(*last) }
                bench.run(Duration::from_millis(*wait));
                tables.push(bench.kernel.clone());
            }
            let mut words = bench.whole_transcript();
            // Verdicts of one moment may come in another order, and then a quorum may be lost for that moment.
            words.retain(|line| !line.contains("quorum") && !line.starts_with("VS ") && !line.starts_with("table "));
            words.sort();
            (tables, words, bench.probes.len())
        };
        let (together, apart) = (play(true), play(false));
        prop_assert_eq!(together.0, apart.0);
        prop_assert_eq!(together.1, apart.1);
        prop_assert!(together.2 <= apart.2);
        if retries.len() > 1 && retries.iter().all(|it| *it == retries[0]) {
            prop_assert_eq!(together.2 * retries.len(), apart.2);
        }
    }
}

/// Outcomes of probes that nobody knows.
#[test]
fn an_unknown_probe_changes_nothing() {
    let mut bench = Bench::new(shared(1));
    bench.run(seconds(1));
    bench.handle(Event::ProbeDone {
        checker: CheckerId(1_000),
        generation: holdfast_health::event::Generation(0),
        outcome: Outcome::new(Verdict::Failure(Failure::Refused), Duration::ZERO),
    });
    assert_eq!(bench.pool(1), ["11:1", "12:1"]);
}
