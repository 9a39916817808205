//! When checks are made.

use std::time::Duration;

use holdfast_health::Event;
use holdfast_health::event::Generation;
use holdfast_health::probe::{Failure, NotTried, Outcome, Probe, TcpProbe, UdpProbe, UdpReply, Verdict};
use holdfast_time::Timestamp;

use crate::bench::{Bench, real, real_server, seconds, settings, virtual_server};

fn moments(bench: &Bench, last: u8) -> Vec<u64> {
    let at = |(at, address): &(Timestamp, _)| (*address == real(last).address).then(|| at.as_nanos() / 1_000_000);
    bench.probes.iter().filter_map(at).collect()
}

#[test]
fn checks_keep_to_their_grid_whatever_happens_between() {
    let mut bench = Bench::new(settings([virtual_server(1, vec![real_server(11, 1)])]));
    bench.run(seconds(25));
    bench.kill(11);
    bench.run(seconds(10));
    bench.revive(11);
    bench.run(seconds(20));
    assert_eq!(moments(&bench, 11), [0, 10_000, 20_000, 30_000, 31_000, 40_000, 50_000]);
}

#[test]
fn a_late_answer_skips_the_grid_points_that_have_passed() {
    let mut bench = Bench::new(settings([virtual_server(1, vec![real_server(11, 1)])]));
    bench.silent.insert(real(11).address);
    bench.run(Duration::from_millis(9_900));
    // The driver was asleep for a while: the deadline of 0 s came at once, the answer comes at 23 s.
    let checker = *bench.in_flight.keys().next().unwrap();
    bench.now = Timestamp::ZERO + seconds(23);
    bench.answer(checker, Verdict::Success);
    bench.silent.clear();
    bench.run(seconds(20));
    assert_eq!(moments(&bench, 11), [0, 30_000, 40_000]);
}

#[test]
fn first_checks_lie_within_the_warm_up_and_none_is_forgotten() {
    let servers = (1..=100).map(|last| {
        let mut server = real_server(last, 1);
        server.checkers[0].warmup = seconds(10);
        server
    });
    let mut bench = Bench::new(settings([virtual_server(1, servers.collect())]));
    bench.run(seconds(10));
    assert_eq!(bench.probes.len(), 100);
    for second in 0..10 {
        let within = |(at, _): &&(Timestamp, _)| at.as_nanos() / 1_000_000_000 == second;
        assert!(
            (9..=11).contains(&bench.probes.iter().filter(within).count()),
            "second {second}"
        );
    }
    bench.run(seconds(90));
    assert_eq!(bench.probes.len(), 1_000);
}

#[test]
fn a_probe_that_never_answers_is_given_up_and_made_again() {
    let mut bench = Bench::new(settings([virtual_server(1, vec![real_server(11, 1)])]));
    bench.silent.insert(real(11).address);
    bench.whole_transcript();
    bench.run(seconds(10));
    // The time limit of 5 s and 5 s more.
    assert_eq!(
        bench.whole_transcript(),
        [
            "TCP_CHECK on service [198.51.100.11]:tcp:80 for VS [192.0.2.1]:tcp:80: the probe gave no result. \
          Rescheduling, next in 10.0 s"
        ]
    );
    assert!(bench.in_flight.is_empty());
    bench.run(seconds(50));
    assert!(bench.whole_transcript().is_empty(), "the same trouble is told once");
    assert_eq!(bench.pool(1), ["11:1"], "nothing was learned of the server");
    assert_eq!(moments(&bench, 11), [0, 20_000, 40_000, 60_000]);
}

#[test]
fn answers_of_forgotten_and_unknown_probes_do_not_count() {
    let mut bench = Bench::new(settings([virtual_server(1, vec![real_server(11, 1)])]));
    bench.silent.insert(real(11).address);
    bench.run(seconds(1));
    let (checker, generation) = bench
        .in_flight
        .iter()
        .map(|(id, generation)| (*id, *generation))
        .next()
        .unwrap();
    let failure = || Outcome::new(Verdict::Failure(Failure::Refused), Duration::ZERO);
    let stale = Generation(generation.0 + 1);
    bench.handle(Event::ProbeDone {
        checker,
        generation: stale,
        outcome: failure(),
    });
    let unknown = holdfast_health::event::CheckerId(99);
    bench.handle(Event::ProbeDone {
        checker: unknown,
        generation,
        outcome: failure(),
    });
    assert_eq!(bench.pool(1), ["11:1"]);
    bench.handle(Event::ProbeDone {
        checker,
        generation,
        outcome: failure(),
    });
    assert_eq!(bench.pool(1), Vec::<String>::new());
}

#[test]
fn a_probe_that_was_not_tried_changes_nothing() {
    let mut bench = Bench::new(settings([virtual_server(1, vec![real_server(11, 1)])]));
    bench.silent.insert(real(11).address);
    for _ in 0..5 {
        bench.run(seconds(9));
        let checker = *bench.in_flight.keys().next().unwrap();
        bench.answer(checker, Verdict::NotTried(NotTried::Bind { errno: 99 }));
    }
    assert_eq!(bench.pool(1), ["11:1"]);
    let status = bench.health.status();
    let check = &status.virtual_servers[0].real_servers[0].checkers[0];
    assert!(!check.has_run && check.up);
}

/// `check_timeout`: for whatever asks and must be answered.
#[test]
fn a_check_can_have_a_time_limit_as_a_whole() {
    let limited = |limit: Option<Duration>, reply: Option<UdpReply>| {
        let mut tcp = real_server(11, 1);
        tcp.checkers[0].time_limit = limit;
        let mut udp = real_server(12, 1);
        udp.checkers[0].time_limit = limit;
        let Probe::Tcp(TcpProbe { connection }) = udp.checkers[0].probe.clone() else {
            unreachable!()
        };
        udp.checkers[0].probe = Probe::Udp(UdpProbe {
            connection,
            payload: Vec::new(),
            reply,
        });
        let mut bench = Bench::new(settings([virtual_server(1, vec![tcp, udp])]));
        bench.run(seconds(1));
        bench.time_limits
    };
    let any = Some(UdpReply::Any);
    assert_eq!(limited(None, any.clone()), [seconds(5), seconds(10)]);
    assert_eq!(limited(Some(seconds(2)), any.clone()), [seconds(2), seconds(2)]);
    assert_eq!(limited(Some(seconds(60)), any), [seconds(60), seconds(60)]);
    // Silence is its success, and takes as long as it takes.
    assert_eq!(limited(Some(seconds(2)), None), [seconds(2), seconds(10)]);
}

#[test]
fn a_reload_keeps_the_successes_that_rise_counts() {
    let mut server = virtual_server(1, vec![real_server(11, 1)]);
    server.real_servers[0].checkers[0].rise = 3;
    let mut bench = Bench::new(settings([server.clone()]));
    bench.kill(11);
    bench.run(seconds(1));
    bench.revive(11);
    // 10 s and 11 s; the third success is due at 12 s.
    bench.run(Duration::from_millis(10_500));
    bench.handle(Event::Reload(settings([server.clone()])));
    assert_eq!(bench.pool(1), Vec::<String>::new());
    bench.run(seconds(1));
    assert_eq!(moments(&bench, 11), [0, 10_000, 11_000, 12_000]);
    assert_eq!(bench.pool(1), ["11:1"]);
}

/// `machine/punctuality.rs` has the rules.
#[test]
fn checks_that_are_made_too_late_are_told() {
    let mut bench = Bench::new(settings([virtual_server(1, vec![real_server(11, 1)])]));
    bench.run(seconds(5));
    // The driver had other things to do when the check of 10 s was due.
    bench.now = Timestamp::ZERO + seconds(13);
    bench.handle(Event::Deadline);
    bench.run(seconds(20));
    let mut late = bench.whole_transcript();
    late.retain(|line| line.contains("keep"));
    assert_eq!(
        late,
        [
            "The checker cannot keep up: of the last 2 checks 1 were made half a second too late or more, one of them 3.0 s"
        ]
    );
}
