//! Flap damping and slow start.

use std::time::Duration;

use holdfast_health::Event;
use holdfast_health::settings::{FlapDamping, RealServer, Recovery, Settings};

use crate::bench::{Bench, name, real, real_server, seconds, settings, sorry, virtual_server};

const VS: &str = "[192.0.2.1]:tcp:80";

fn damped(threshold: u32) -> Recovery {
    Recovery {
        damping: Some(FlapDamping {
            threshold,
            window: seconds(100),
            hold: seconds(30),
            hold_max: seconds(100),
        }),
        slow_start: Duration::ZERO,
    }
}

fn slow(length: u64) -> Recovery {
    Recovery {
        damping: None,
        slow_start: seconds(length),
    }
}

/// `198.51.100.LAST`, checked each 10 s; one failure takes it down.
fn server(last: u8, weight: u32, recovery: Recovery) -> RealServer {
    let mut server = real_server(last, weight);
    server.checkers[0].retry = 0;
    server.recovery = recovery;
    server
}

fn pool(recovery: &Recovery, lasts: &[u8], weight: u32) -> Settings {
    let servers = lasts.iter().map(|last| server(*last, weight, recovery.clone()));
    settings([virtual_server(1, servers.collect())])
}

fn up(bench: &Bench, last: u8) -> bool {
    let status = bench.health.status();
    let servers = &status.virtual_servers[0].real_servers;
    servers.iter().find(|it| it.key == real(last)).unwrap().up
}

/// Down at one check, back at the next: 20 s in which the checks come at the 10th and the 20th.
fn flap(bench: &mut Bench, last: u8) {
    bench.kill(last);
    bench.run(seconds(10));
    bench.revive(last);
    bench.run(seconds(10));
}

#[test]
fn a_server_that_flaps_is_held_down_for_longer_and_longer() {
    let mut bench = Bench::new(pool(&damped(3), &[11, 12], 1));
    bench.run(seconds(1));
    flap(&mut bench, 11);
    flap(&mut bench, 11);
    assert_eq!(bench.pool(1), ["11:1", "12:1"]);
    bench.transcript();
    flap(&mut bench, 11);
    let mut words = bench.transcript();
    words.retain(|it| !it.starts_with("TCP_CHECK on"));
    assert_eq!(
        words,
        [
            format!("Removing service {} from VS {VS}", name(11)),
            format!(
                "Holding service {} of VS {VS} down for 30s: it went down too often",
                name(11)
            ),
            format!("table {VS}"),
            format!("RS {} {VS} DOWN", name(11)),
            format!("CHECK TCP_CHECK {} Err(\"connection refused\")", name(11)),
            // It passes, and that is all.
            format!("CHECK TCP_CHECK {} Ok(())", name(11)),
        ]
    );
    let status = bench.health.status().virtual_servers[0].real_servers[0].clone();
    assert!(!status.up && status.checkers[0].up);
    // It went down at 50 s; now it is 61 s.
    assert_eq!(status.held_until.unwrap().since(bench.now), seconds(19));
    bench.run(seconds(18));
    assert_eq!(bench.pool(1), ["12:1"]);
    bench.run(seconds(1));
    assert_eq!(bench.pool(1), ["11:1", "12:1"]);
    assert_eq!(
        bench.transcript(),
        [
            format!("Service {} of VS {VS} is held down no longer", name(11)),
            format!("Adding service {} to VS {VS}", name(11)),
            format!("table {VS}"),
            format!("RS {} {VS} UP", name(11)),
        ]
    );
    // Once more is enough now: it goes down at 90 s, for a minute.
    bench.run(seconds(1));
    flap(&mut bench, 11);
    assert_eq!(bench.pool(1), ["12:1"]);
    bench.run(seconds(49));
    assert!(up(&bench, 11), "{:?}", bench.now);
}

#[test]
fn who_still_fails_when_the_hold_is_over_comes_back_with_its_next_success() {
    let mut bench = Bench::new(pool(&damped(1), &[11, 12], 1));
    bench.run(seconds(1));
    bench.kill(11);
    bench.run(seconds(45));
    assert!(!up(&bench, 11));
    bench.revive(11);
    bench.run(seconds(4));
    assert!(up(&bench, 11));
}

/// The last ones that live are not held, whoever is the last.
#[test]
fn a_hold_never_costs_the_quorum() {
    let mut with = pool(&damped(1), &[11, 12], 1);
    with.virtual_servers[0].sorry_server = Some(sorry(99));
    let mut bench = Bench::new(with);
    bench.run(seconds(1));
    // One is held, and alive again; then the other one dies.
    flap(&mut bench, 11);
    assert_eq!(bench.pool(1), ["12:1"]);
    bench.transcript();
    bench.kill(12);
    bench.run(seconds(10));
    assert_eq!(bench.pool(1), ["11:1"]);
    let words = bench.transcript();
    let needed = format!(
        "Service {} of VS {VS} is held down no longer: the quorum needs it",
        name(11)
    );
    assert!(words.contains(&needed), "{words:?}");
    assert!(
        !words.iter().any(|it| it.contains("quorum 1") || it.starts_with("VS ")),
        "{words:?}"
    );
    // Both die; the first one that lives again takes the clients, hold or not.
    bench.kill(11);
    bench.run(seconds(10));
    assert_eq!(bench.pool(1), ["99:1"]);
    bench.revive(12);
    bench.run(seconds(10));
    assert_eq!(bench.pool(1), ["12:1"]);
    assert!(up(&bench, 12));
}

#[test]
fn a_reload_keeps_the_hold_and_another_quorum_can_end_it() {
    let mut with = pool(&damped(1), &[11, 12], 1);
    let mut bench = Bench::new(with.clone());
    bench.run(seconds(1));
    flap(&mut bench, 11);
    bench.transcript();
    bench.handle(Event::Reload(with.clone()));
    assert_eq!(bench.transcript(), Vec::<String>::new());
    assert_eq!(bench.pool(1), ["12:1"]);
    with.virtual_servers[0].quorum = 2;
    bench.handle(Event::Reload(with.clone()));
    assert_eq!(bench.pool(1), ["11:1", "12:1"]);
    assert!(bench.health.status().virtual_servers[0].quorum_up);
    // Its past is not forgotten: the second hold is twice as long.
    with.virtual_servers[0].quorum = 1;
    bench.handle(Event::Reload(with.clone()));
    bench.kill(11);
    bench.run(seconds(10));
    let held_until = |bench: &Bench| bench.health.status().virtual_servers[0].real_servers[0].held_until;
    let rest = held_until(&bench).unwrap().since(bench.now);
    assert!(rest > seconds(50) && rest <= seconds(60), "{rest:?}");
    // Without damping there is no hold.
    bench.revive(11);
    bench.run(seconds(10));
    assert!(!up(&bench, 11));
    bench.handle(Event::Reload(pool(&Recovery::default(), &[11, 12], 1)));
    assert!(up(&bench, 11));
}

/// The weights of the first real server in the kernel, with the times at which they came.
fn weights(bench: &mut Bench, length: u64) -> Vec<(u64, String)> {
    let mut seen: Vec<(u64, String)> = Vec::new();
    for _ in 0..length * 10 {
        let weight = bench.pool(1).first().cloned().unwrap_or_default();
        if seen.last().is_none_or(|(_, last)| *last != weight) {
            seen.push((bench.now.as_nanos() / 1_000_000, weight));
        }
        bench.run(Duration::from_millis(100));
    }
    seen
}

#[test]
fn a_server_that_comes_back_takes_its_weight_in_steps() {
    let mut bench = Bench::new(pool(&slow(10), &[11, 12], 100));
    bench.run(seconds(1));
    assert_eq!(bench.pool(1), ["11:100", "12:100"], "nobody comes back at the start");
    flap(&mut bench, 11);
    let words = bench.transcript();
    let begin = format!(
        "Slow start of service {} of VS {VS}: weight 10, and 100 after 10s",
        name(11)
    );
    assert!(words.contains(&begin), "{words:?}");
    let expected = [
        (21_000, "11:19"),
        (22_000, "11:28"),
        (23_000, "11:37"),
        (24_000, "11:46"),
        (25_000, "11:55"),
        (26_000, "11:64"),
        (27_000, "11:73"),
        (28_000, "11:82"),
        (29_000, "11:91"),
        (30_000, "11:100"),
    ];
    let expected = expected.map(|(at, weight)| (at, weight.to_owned()));
    assert_eq!(weights(&mut bench, 20), expected);
    let words = bench.transcript();
    let tables = words.iter().filter(|it| it.starts_with("table")).count();
    assert_eq!(tables, 9, "one edit for each step, and the first one is past");
    let end = format!("Slow start of service {} of VS {VS} is over: weight 100", name(11));
    assert_eq!(words.iter().filter(|it| **it == end).count(), 1);
    assert_eq!(bench.health.next_deadline().unwrap().as_nanos() % 10_000_000_000, 0);
}

#[test]
fn with_alpha_the_first_success_is_no_recovery_but_one_after_a_failure_is() {
    let mut with = pool(&slow(10), &[11, 12], 100);
    for server in &mut with.virtual_servers[0].real_servers {
        server.checkers[0].alpha = true;
    }
    let mut bench = Bench::new(with);
    bench.kill(12);
    bench.run(seconds(1));
    assert_eq!(bench.pool(1), ["11:100"]);
    bench.revive(12);
    bench.run(seconds(9));
    assert_eq!(bench.pool(1), ["11:100", "12:10"]);
}

/// The share is a part of the weight that checks ask for; the quorum counts whole weights.
#[test]
fn dynamic_weights_are_shared_and_the_quorum_counts_whole_ones() {
    let mut with = pool(&slow(10), &[11], 100);
    with.virtual_servers[0].quorum = 100;
    with.virtual_servers[0].sorry_server = Some(sorry(99));
    let mut bench = Bench::new(with);
    bench.run(seconds(1));
    bench.kill(11);
    bench.run(seconds(10));
    assert_eq!(bench.pool(1), ["99:1"]);
    bench.revive(11);
    bench.asked_weight = Some(1_000);
    bench.run(seconds(9));
    assert_eq!(bench.pool(1), ["11:100"], "a tenth of what it asks for");
    let status = &bench.health.status().virtual_servers[0];
    assert_eq!(status.live_weight, 1_000);
    assert_eq!(
        (status.real_servers[0].weight, status.real_servers[0].full_weight),
        (100, 1_000)
    );
    bench.run(seconds(5));
    assert_eq!(bench.pool(1), ["11:550"]);
    bench.run(seconds(5));
    assert_eq!(bench.pool(1), ["11:1000"]);
}

#[test]
fn a_server_at_weight_0_rises_from_there() {
    let mut with = pool(&slow(10), &[11, 12], 100);
    with.virtual_servers[0].real_servers[0].inhibit_on_failure = true;
    let mut bench = Bench::new(with);
    bench.run(seconds(1));
    bench.kill(11);
    bench.run(seconds(10));
    assert_eq!(bench.pool(1), ["11:0", "12:100"]);
    bench.revive(11);
    bench.run(seconds(9));
    assert_eq!(bench.pool(1), ["11:10", "12:100"]);
    // It dies within its slow start, and begins again.
    bench.run(seconds(5));
    bench.kill(11);
    bench.run(seconds(6));
    assert_eq!(bench.pool(1), ["11:0", "12:100"]);
    bench.revive(11);
    bench.run(seconds(8));
    assert_eq!(bench.pool(1), ["11:0", "12:100"]);
    bench.run(seconds(1));
    assert_eq!(bench.pool(1), ["11:10", "12:100"]);
}

#[test]
fn a_reload_goes_on_with_the_slow_start() {
    let mut bench = Bench::new(pool(&slow(10), &[11, 12], 100));
    bench.run(seconds(1));
    flap(&mut bench, 11);
    bench.run(seconds(4));
    assert_eq!(bench.pool(1), ["11:55", "12:100"]);
    bench.transcript();
    bench.handle(Event::Reload(pool(&slow(10), &[11, 12], 100)));
    assert_eq!(bench.transcript(), Vec::<String>::new());
    bench.handle(Event::Reload(pool(&slow(10), &[11, 12], 200)));
    assert_eq!(bench.pool(1), ["11:110", "12:200"]);
    bench.run(seconds(1));
    assert_eq!(bench.pool(1), ["11:128", "12:200"]);
    bench.handle(Event::Reload(pool(&Recovery::default(), &[11, 12], 200)));
    assert_eq!(bench.pool(1), ["11:200", "12:200"]);
}

#[test]
fn a_restart_goes_on_with_the_slow_start() {
    let with = || pool(&slow(10), &[11, 12], 100);
    let mut old = Bench::new(with());
    old.run(seconds(1));
    flap(&mut old, 11);
    old.run(seconds(4));
    assert_eq!(old.pool(1), ["11:55", "12:100"]);
    let mut new = Bench::with_kernel(with(), old.kernel.clone(), Some(&old.kernel));
    assert_eq!(new.pool(1), ["11:55", "12:100"]);
    new.run(seconds(1));
    assert_eq!(new.pool(1), ["11:64", "12:100"]);
    new.run(seconds(4));
    assert_eq!(new.pool(1), ["11:100", "12:100"]);
}
