//! Real servers, quorum, hysteresis and the sorry server.

use holdfast_health::Event;
use holdfast_health::settings::VirtualServer;

use crate::bench::{Bench, real_server, seconds, settings, sorry, virtual_server};

const RS: &str = "[198.51.100.11]:tcp:80";
const VS: &str = "[192.0.2.1]:tcp:80";

fn no_destinations() -> Vec<String> {
    Vec::new()
}

#[test]
fn a_change_is_logged_done_notified_and_then_weighed() {
    let mut server = virtual_server(1, vec![real_server(11, 1)]);
    server.sorry_server = Some(sorry(99));
    let mut bench = Bench::new(settings([server]));
    bench.run(seconds(1));
    assert_eq!(bench.pool(1), ["11:1"]);
    bench.transcript();
    bench.kill(11);
    bench.run(seconds(11));
    assert_eq!(
        bench.transcript(),
        [
            format!("TCP_CHECK on service {RS} failed after 1 retries. (connection refused)"),
            format!("Removing service {RS} from VS {VS}"),
            format!("table {VS}"),
            format!("RS {RS} {VS} DOWN"),
            format!("Lost quorum 1-0=1 > 0 for VS {VS}"),
            format!("Adding sorry server [198.51.100.99]:tcp:80 to VS {VS}"),
            format!("Removing alive servers from the pool for VS {VS}"),
            format!("VS {VS} DOWN"),
            format!("CHECK TCP_CHECK {RS} Err(\"connection refused\")"),
        ]
    );
    assert_eq!(bench.pool(1), ["99:1"]);
    bench.revive(11);
    bench.run(seconds(10));
    assert_eq!(
        bench.transcript(),
        [
            format!("Adding service {RS} to VS {VS}"),
            format!("RS {RS} {VS} UP"),
            format!("Gained quorum 1+0=1 <= 1 for VS {VS}"),
            format!("Removing sorry server [198.51.100.99]:tcp:80 from VS {VS}"),
            format!("Adding alive servers to the pool for VS {VS}"),
            format!("table {VS}"),
            format!("VS {VS} UP"),
            format!("CHECK TCP_CHECK {RS} Ok(())"),
        ]
    );
    assert_eq!(bench.pool(1), ["11:1"]);
}

#[test]
fn inhibit_on_failure_sets_the_weight_to_zero() {
    let mut server = real_server(11, 5);
    server.inhibit_on_failure = true;
    let mut bench = Bench::new(settings([virtual_server(1, vec![server, real_server(12, 2)])]));
    bench.kill(11);
    bench.run(seconds(0));
    assert_eq!(bench.pool(1), ["11:0", "12:2"]);
    let transcript = bench.transcript();
    assert!(
        transcript.contains(&format!("Disabling service {RS} of VS {VS}")),
        "{transcript:?}"
    );
    bench.revive(11);
    bench.run(seconds(10));
    assert_eq!(bench.pool(1), ["11:5", "12:2"]);
    let transcript = bench.transcript();
    assert!(
        transcript.contains(&format!("Enabling service {RS} of VS {VS}")),
        "{transcript:?}"
    );
}

#[test]
fn without_a_sorry_server_a_lost_quorum_changes_nothing_in_the_table() {
    let mut server = virtual_server(1, vec![real_server(11, 1), real_server(12, 1), real_server(13, 1)]);
    server.quorum = 3;
    let mut bench = Bench::new(settings([server]));
    bench.run(seconds(1));
    bench.kill(11);
    bench.run(seconds(20));
    assert_eq!(bench.pool(1), ["12:1", "13:1"]);
    let transcript = bench.transcript();
    assert!(
        transcript.contains(&format!("Lost quorum 3-0=3 > 2 for VS {VS}")),
        "{transcript:?}"
    );
    assert!(transcript.contains(&format!("VS {VS} DOWN")));
}

/// keepalived's formulas, for four real servers of weight 1 that go down one by one and come back one by one: gained
/// at quorum + hysteresis or more, lost below quorum - hysteresis or at nothing.
#[test]
fn truth_table_of_quorum_and_hysteresis() {
    // (quorum, hysteresis, states while 4 3 2 1 0 live, states while 1 2 3 4 live)
    let table = [
        (1, 0, "UUUUD", "UUUU"),
        (2, 0, "UUUDD", "DUUU"),
        (4, 0, "UDDDD", "DDDU"),
        (2, 1, "UUUUD", "DDUU"),
        (3, 1, "UUUDD", "DDDU"),
        (2, 2, "UUUUD", "DDDU"),
        // More than all of them can give: down from the start.
        (4, 1, "DDDDD", "DDDD"),
        (3, 2, "DDDDD", "DDDD"),
    ];
    for (quorum, hysteresis, falling, rising) in table {
        for (with_sorry, sorry_inhibit, inhibit) in [
            (false, false, false),
            (true, false, false),
            (true, true, false),
            (true, false, true),
            (true, true, true),
        ] {
            let mut server = virtual_server(1, (11..=14).map(|last| real_server(last, 1)).collect());
            server.quorum = quorum;
            server.hysteresis = hysteresis;
            server
                .real_servers
                .iter_mut()
                .for_each(|it| it.inhibit_on_failure = inhibit);
            server.sorry_server = with_sorry.then(|| sorry(99));
            server.sorry_server.iter_mut().for_each(|it| it.inhibit = sorry_inhibit);
            let row = format!("quorum {quorum} hysteresis {hysteresis} {with_sorry} {sorry_inhibit} {inhibit}");
            walk(&server, falling, rising, &row);
        }
    }
}

fn walk(server: &VirtualServer, falling: &str, rising: &str, row: &str) {
    let mut bench = Bench::new(settings([server.clone()]));
    bench.run(seconds(1));
    for (dead, expected) in falling.chars().enumerate() {
        (11..).take(dead).for_each(|last| bench.kill(last));
        bench.run(seconds(20));
        look(&bench, server, 4 - dead, expected, row);
    }
    for (live, expected) in (1..).zip(rising.chars()) {
        (11..=14).rev().take(live).for_each(|last| bench.revive(last));
        bench.run(seconds(20));
        look(&bench, server, live, expected, row);
    }
}

/// The last `live` of the four servers are up.
fn look(bench: &Bench, server: &VirtualServer, live: usize, expected: char, row: &str) {
    let quorum_up = expected == 'U';
    assert_eq!(
        bench.health.status().virtual_servers[0].quorum_up,
        quorum_up,
        "{row}, {live} live"
    );
    let sorry_active = server.sorry_server.is_some() && !quorum_up;
    let mut pool = Vec::new();
    for (place, real_server) in server.real_servers.iter().enumerate() {
        let up = place >= 4 - live;
        if up && !sorry_active {
            pool.push(format!("{}:1", 11 + place));
        } else if real_server.inhibit_on_failure {
            pool.push(format!("{}:0", 11 + place));
        }
    }
    match &server.sorry_server {
        Some(_) if sorry_active => pool.push("99:1".to_owned()),
        Some(sorry) if sorry.inhibit => pool.push("99:0".to_owned()),
        _ => {}
    }
    assert_eq!(bench.pool(1), pool, "{row}, {live} live");
}

#[test]
fn alpha_starts_down_and_shows_its_sorry_server_at_once() {
    let mut real = real_server(11, 1);
    real.checkers[0].alpha = true;
    real.checkers[0].warmup = seconds(5);
    let mut server = virtual_server(1, vec![real]);
    server.sorry_server = Some(sorry(99));
    let mut bench = Bench::new(settings([server]));
    assert_eq!(bench.pool(1), ["99:1"]);
    assert_eq!(
        bench.transcript(),
        [
            format!("table {VS}"),
            format!("Starting with quorum down 1+0=1 > 0 for VS {VS}"),
            format!("Adding sorry server [198.51.100.99]:tcp:80 to VS {VS}"),
            format!("Removing alive servers from the pool for VS {VS}"),
            format!("VS {VS} DOWN"),
        ]
    );
    bench.run(seconds(5));
    assert_eq!(bench.pool(1), ["11:1"]);
}

#[test]
fn alpha_that_fails_stays_down_without_a_notification() {
    let mut real = real_server(11, 1);
    real.checkers[0].alpha = true;
    let mut bench = Bench::new(settings([virtual_server(1, vec![real.clone()])]));
    bench.kill(11);
    bench.run(seconds(15));
    assert_eq!(bench.pool(1), no_destinations());
    assert!(!bench.transcript().iter().any(|line| line.starts_with("RS")));
    // With rs_init_notifies the first state is told, once.
    let mut with = settings([virtual_server(1, vec![real, real_server(12, 1)])]);
    with.notify_first_state = true;
    let mut bench = Bench::new(with);
    bench.kill(11);
    bench.run(seconds(35));
    let told: Vec<_> = bench
        .transcript()
        .into_iter()
        .filter(|line| line.starts_with("RS"))
        .collect();
    assert_eq!(
        told,
        [
            format!("RS {RS} {VS} DOWN"),
            format!("RS [198.51.100.12]:tcp:80 {VS} UP")
        ]
    );
}

#[test]
fn every_check_of_a_real_server_must_pass() {
    let mut real = real_server(11, 1);
    let mut second = crate::bench::tcp_check(12);
    second.retry = 0;
    real.checkers.push(second);
    let mut bench = Bench::new(settings([virtual_server(1, vec![real])]));
    bench.run(seconds(1));
    bench.kill(12);
    bench.run(seconds(10));
    assert_eq!(bench.pool(1), no_destinations());
    bench.kill(11);
    bench.run(seconds(10));
    bench.revive(12);
    bench.run(seconds(10));
    assert_eq!(bench.pool(1), no_destinations());
    bench.revive(11);
    bench.run(seconds(10));
    assert_eq!(bench.pool(1), ["11:1"]);
}

#[test]
fn weight_zero_lives_but_does_not_count() {
    let mut server = virtual_server(1, vec![real_server(11, 0), real_server(12, 3)]);
    server.sorry_server = Some(sorry(99));
    let mut bench = Bench::new(settings([server]));
    bench.run(seconds(1));
    assert_eq!(bench.pool(1), ["11:0", "12:3"]);
    bench.kill(12);
    bench.run(seconds(20));
    assert_eq!(bench.pool(1), ["99:1"]);
}

#[test]
fn a_sorry_server_that_is_a_real_server_too_has_one_entry() {
    let mut server = virtual_server(1, vec![real_server(11, 5), real_server(12, 5)]);
    server.quorum = 10;
    let mut both = sorry(12);
    both.inhibit = true;
    server.sorry_server = Some(both);
    let mut bench = Bench::new(settings([server]));
    bench.run(seconds(1));
    assert_eq!(bench.pool(1), ["11:5", "12:5"]);
    bench.kill(11);
    bench.run(seconds(20));
    assert_eq!(
        bench.pool(1),
        ["12:1"],
        "as sorry server, with its weight as sorry server"
    );
}

#[test]
fn the_end_empties_the_table_and_tells_only_with_omega() {
    for omega in [false, true] {
        let mut server = virtual_server(1, vec![real_server(11, 1), real_server(12, 1)]);
        server.omega = omega;
        let mut bench = Bench::new(settings([server]));
        bench.run(seconds(1));
        bench.kill(12);
        bench.run(seconds(20));
        bench.transcript();
        bench.handle(Event::Shutdown);
        let mut expected = vec![
            format!("Shutting down service {RS} from VS {VS}"),
            format!("Shutting down service [198.51.100.12]:tcp:80 from VS {VS}"),
            format!("table {VS}"),
        ];
        if omega {
            expected.extend([format!("RS {RS} {VS} DOWN"), format!("VS {VS} DOWN")]);
        }
        assert_eq!(bench.transcript(), expected);
        assert_eq!(bench.pool(1), ["absent"]);
        assert_eq!(bench.health.next_deadline(), None);
    }
}

#[test]
fn every_failure_that_counts_is_logged_on_request() {
    let mut real = real_server(11, 1);
    real.checkers[0].retry = 2;
    real.checkers[0].log_all_failures = true;
    let mut bench = Bench::new(settings([virtual_server(1, vec![real])]));
    bench.run(seconds(1));
    bench.kill(11);
    bench.run(seconds(60));
    let lines = bench.whole_transcript();
    let count = |start: &str| lines.iter().filter(|line| line.starts_with(start)).count();
    // Two retries and the last one, and none of those while it is down.
    assert_eq!(
        count(&format!("TCP connection to {RS} failed. (connection refused)")),
        3
    );
    assert_eq!(count("TCP_CHECK on service"), 1);
}
