//! `BFD_CHECK`: a check that follows a session. The words and the order are keepalived's.

use holdfast_health::Event;
use holdfast_health::probe::{Probe, Verdict};
use holdfast_health::settings::{Checker, RealServer};

use crate::bench::{Bench, real_server, seconds, settings, tcp_check, virtual_server};

fn follow(last: u8, session: &str) -> Checker {
    Checker {
        probe: Probe::Bfd(session.to_owned()),
        ..tcp_check(last)
    }
}

fn following(last: u8, session: &str) -> RealServer {
    RealServer {
        checkers: vec![follow(last, session)],
        ..real_server(last, 1)
    }
}

fn word(session: &str, up: bool) -> Event {
    Event::SessionChanged {
        session: session.to_owned(),
        up,
    }
}

#[test]
fn a_server_is_as_its_session_is_and_nobody_asks_it() {
    let servers = vec![following(11, "a"), following(12, "b"), real_server(13, 1)];
    let mut bench = Bench::new(settings([virtual_server(1, servers)]));
    assert_eq!(bench.pool(1), ["11:1", "12:1", "13:1"], "nothing is known yet");
    let start = bench.whole_transcript();
    let activated = start.iter().filter(|line| line.starts_with("Activating"));
    assert_eq!(activated.count(), 1, "{start:?}");
    bench.handle(word("a", false));
    assert_eq!(
        bench.transcript(),
        [
            "BFD check of [a] RS([198.51.100.11]:tcp:80) is DOWN",
            "Removing service [198.51.100.11]:tcp:80 from VS [192.0.2.1]:tcp:80",
            "table [192.0.2.1]:tcp:80",
            "RS [198.51.100.11]:tcp:80 [192.0.2.1]:tcp:80 DOWN",
            "CHECK BFD_CHECK a [198.51.100.11]:tcp:80 Err(\"BFD session down\")",
        ]
    );
    bench.handle(word("b", true));
    assert_eq!(
        bench.transcript(),
        [
            "BFD check of [b] RS([198.51.100.12]:tcp:80) is UP",
            "CHECK BFD_CHECK b [198.51.100.12]:tcp:80 Ok(())",
        ],
        "the first word is told although it changes nothing"
    );
    for event in [word("a", false), word("b", true), word("stranger", false)] {
        bench.handle(event);
    }
    assert_eq!(bench.transcript(), Vec::<String>::new());
    bench.run(seconds(60));
    assert_eq!(bench.pool(1), ["12:1", "13:1"]);
    assert!(
        bench
            .probes
            .iter()
            .all(|(_, target)| target.to_string() == "198.51.100.13")
    );
    bench.handle(word("a", true));
    assert_eq!(bench.pool(1), ["11:1", "12:1", "13:1"]);
    let shown = &bench.health.status().virtual_servers[0].real_servers[0].checkers[0];
    assert_eq!((shown.keyword.as_str(), shown.up), ("BFD_CHECK", true));
    assert_eq!(shown.last.as_ref().map(|last| &last.verdict), Some(&Verdict::Success));
}

#[test]
fn it_is_one_check_among_others_and_alpha_waits_for_a_word() {
    let mut server = real_server(11, 1);
    server.checkers.push(follow(11, "a"));
    let mut alpha = following(12, "a");
    alpha.checkers[0].alpha = true;
    let mut bench = Bench::new(settings([virtual_server(1, vec![server, alpha])]));
    assert_eq!(bench.pool(1), ["11:1"]);
    bench.handle(word("a", true));
    assert_eq!(bench.pool(1), ["11:1", "12:1"]);
    bench.handle(word("a", false));
    assert_eq!(bench.pool(1), Vec::<String>::new());
    bench.handle(word("a", true));
    bench.kill(11);
    bench.run(seconds(30));
    assert_eq!(bench.pool(1), ["12:1"], "the session alone is not enough");
}

#[test]
fn a_reload_keeps_what_is_known_and_new_checks_know_it_at_once() {
    let mut bench = Bench::new(settings([virtual_server(
        1,
        vec![following(11, "a"), following(12, "b")],
    )]));
    bench.handle(word("a", false));
    bench.handle(word("b", true));
    bench.transcript();
    let later = [
        virtual_server(1, vec![following(11, "a"), following(12, "b")]),
        virtual_server(2, vec![following(13, "a"), following(14, "b"), following(15, "new")]),
    ];
    bench.handle(Event::Reload(settings(later)));
    assert_eq!(bench.pool(1), ["12:1"]);
    assert_eq!(bench.pool(2), ["14:1", "15:1"]);
    let swapped = [virtual_server(1, vec![following(11, "b"), real_server(12, 1)])];
    bench.handle(Event::Reload(settings(swapped)));
    assert_eq!(bench.pool(1), ["11:1", "12:1"]);
    bench.handle(word("a", true));
    bench.handle(word("b", false));
    assert_eq!(bench.pool(1), ["12:1"]);
}

#[test]
fn a_rest_of_the_checks_does_not_stop_it() {
    let mut server = virtual_server(1, vec![following(11, "a")]);
    server.ha_suspend = true;
    let mut bench = Bench::new(settings([server]));
    bench.handle(word("a", false));
    assert_eq!(bench.pool(1), Vec::<String>::new());
    let present = Event::AddressChanged {
        address: "192.0.2.1".parse().unwrap(),
        present: true,
    };
    bench.handle(present);
    bench.run(seconds(60));
    assert!(bench.probes.is_empty());
    bench.handle(word("a", true));
    assert_eq!(bench.pool(1), ["11:1"]);
}

#[test]
fn a_restarted_process_keeps_the_table_until_it_is_told() {
    let all = || settings([virtual_server(1, vec![following(11, "a"), following(12, "b")])]);
    let mut first = Bench::new(all());
    first.handle(word("a", true));
    first.handle(word("b", false));
    let table = first.kernel.clone();
    let mut second = Bench::with_kernel(all(), table.clone(), Some(&table));
    assert_eq!(second.pool(1), ["11:1"]);
    second.run(seconds(60));
    assert!(second.probes.is_empty());
    second.handle(word("a", true));
    second.handle(word("b", false));
    assert_eq!(second.pool(1), ["11:1"]);
    second.handle(word("b", true));
    assert_eq!(second.pool(1), ["11:1", "12:1"]);
}
