//! Weights that checks ask for: `misc_dynamic`.

use std::time::Duration;

use holdfast_health::Event;
use holdfast_health::probe::{FileProbe, MiscProbe, Probe};
use holdfast_health::settings::{Checker, RealServer};

use crate::bench::{Bench, real_server, seconds, settings, sorry, tcp_check, virtual_server};

const RS: &str = "[198.51.100.11]:tcp:80";
const VS: &str = "[192.0.2.1]:tcp:80";

#[test]
fn a_success_can_ask_for_a_weight_and_give_it_back() {
    let mut bench = Bench::new(settings([virtual_server(1, vec![real_server(11, 5)])]));
    bench.run(seconds(1));
    assert_eq!(bench.pool(1), ["11:5"]);
    bench.transcript();
    bench.asked_weight = Some(40);
    bench.run(seconds(10));
    assert_eq!(
        bench.transcript(),
        [
            format!("Changing weight from 5 to 40 for active service {RS} of VS {VS}"),
            format!("table {VS}"),
        ]
    );
    assert_eq!(bench.pool(1), ["11:40"]);
    bench.asked_weight = None;
    bench.run(seconds(10));
    assert_eq!(bench.pool(1), ["11:5"]);
}

/// Each check asks for a difference; IPVS knows no weight below 0.
#[test]
fn the_differences_of_several_checks_add_up() {
    let mut server = real_server(11, 10);
    let mut second = tcp_check(11);
    second.delay_loop = seconds(11);
    server.checkers.push(second);
    let mut bench = Bench::new(settings([virtual_server(1, vec![server])]));
    bench.asked_weight = Some(8);
    bench.run(seconds(1));
    assert_eq!(bench.pool(1), ["11:6"]);
    bench.asked_weight = Some(2);
    bench.run(seconds(12));
    assert_eq!(bench.pool(1), ["11:0"]);
}

#[test]
fn a_server_comes_back_with_the_weight_it_asks_for_then() {
    let mut bench = Bench::new(settings([virtual_server(1, vec![real_server(11, 5)])]));
    bench.asked_weight = Some(9);
    bench.run(seconds(1));
    bench.kill(11);
    bench.run(seconds(12));
    assert_eq!(bench.pool(1), Vec::<String>::new());
    bench.transcript();
    bench.revive(11);
    bench.asked_weight = Some(3);
    bench.run(seconds(10));
    assert_eq!(bench.pool(1), ["11:3"]);
    let change = format!("Changing weight from 9 to 3 for inactive service {RS} of VS {VS}");
    assert!(bench.transcript().contains(&change));
}

#[test]
fn weight_decides_the_quorum() {
    let mut server = virtual_server(1, vec![real_server(11, 5)]);
    server.quorum = 4;
    server.sorry_server = Some(sorry(99));
    let mut bench = Bench::new(settings([server]));
    bench.run(seconds(1));
    bench.asked_weight = Some(3);
    bench.run(seconds(10));
    assert_eq!(bench.pool(1), ["99:1"]);
    bench.asked_weight = Some(4);
    bench.run(seconds(10));
    assert_eq!(bench.pool(1), ["11:4"]);
}

#[test]
fn a_reload_keeps_what_was_asked_for() {
    let with = |weight| settings([virtual_server(1, vec![real_server(11, weight)])]);
    let mut bench = Bench::new(with(5));
    bench.asked_weight = Some(7);
    bench.run(seconds(1));
    assert_eq!(bench.pool(1), ["11:7"]);
    bench.handle(Event::Reload(with(6)));
    assert_eq!(bench.pool(1), ["11:7"]);
}

/// keepalived's manual: 0 is a success with the configured weight, 1 a failure, 2 to 255 a success with that weight less 2.
#[test]
fn exit_statuses() {
    let probe = |dynamic| MiscProbe {
        script: "check".to_owned(),
        timeout: Duration::from_secs(1),
        dynamic,
    };
    let judged = |dynamic: bool| [0, 1, 2, 255, -1].map(|status| probe(dynamic).judge(status));
    assert_eq!(judged(false), [Ok(None), Err(1), Err(2), Err(255), Err(-1)]);
    assert_eq!(judged(true), [Ok(None), Err(1), Ok(Some(0)), Ok(Some(253)), Err(-1)]);
}

/// `FILE_CHECK`: with a weight the number counts as often; without one any number but 0 is a failure; `reverse` turns either round.
#[test]
fn numbers_in_files() {
    let judge = |weight, reverse, number| {
        let file = "f".to_owned();
        FileProbe { file, weight, reverse }.judge(number)
    };
    assert_eq!(
        [0, 5, -5].map(|number| judge(0, false, number)),
        [Ok(0), Err(5), Err(-5)]
    );
    assert_eq!([0, 5, -5].map(|number| judge(0, true, number)), [Err(0), Ok(0), Ok(0)]);
    assert_eq!(
        [0, 5, -5].map(|number| judge(3, false, number)),
        [Ok(0), Ok(15), Ok(-15)]
    );
    assert_eq!(
        [0, 5, -5].map(|number| judge(3, true, number)),
        [Ok(0), Ok(-15), Ok(15)]
    );
    assert_eq!(judge(2, false, i64::MIN), Err(i64::MIN));
}

#[test]
fn a_server_follows_a_file() {
    let follow = Checker {
        probe: Probe::File(FileProbe {
            file: "load".to_owned(),
            weight: -2,
            reverse: false,
        }),
        ..tcp_check(11)
    };
    let server = RealServer {
        checkers: vec![follow],
        ..real_server(11, 10)
    };
    let mut settings = settings([virtual_server(1, vec![server])]);
    settings.files.insert("load".to_owned(), 1);
    let mut bench = Bench::new(settings);
    assert_eq!(bench.pool(1), ["11:8"], "the number is known from the start");
    let changed = |number| Event::FileChanged {
        file: "load".to_owned(),
        number,
    };
    bench.handle(changed(4));
    assert_eq!(bench.pool(1), ["11:2"]);
    bench.handle(changed(i64::MAX));
    assert_eq!(bench.pool(1), Vec::<String>::new());
    bench.handle(changed(0));
    assert_eq!(bench.pool(1), ["11:10"]);
}

/// A server that follows this file, whose number is 1 at the start.
fn following(weight: i32) -> Bench {
    let follow = Checker {
        probe: Probe::File(FileProbe {
            file: "load".to_owned(),
            weight,
            reverse: weight == 0,
        }),
        ..tcp_check(11)
    };
    let server = RealServer {
        checkers: vec![follow],
        ..real_server(11, 10)
    };
    let mut settings = settings([virtual_server(1, vec![server])]);
    settings.files.insert("load".to_owned(), 1);
    let mut bench = Bench::new(settings);
    bench.transcript();
    bench
}

fn number(number: i64) -> Event {
    Event::FileChanged {
        file: "load".to_owned(),
        number,
    }
}

#[test]
fn what_a_file_says_is_told() {
    let mut bench = following(0);
    bench.handle(number(0));
    let down = [
        format!("File check of [load] RS({RS}) is DOWN (0)"),
        format!("Removing service {RS} from VS {VS}"),
        format!("table {VS}"),
        format!("Lost quorum 1-0=1 > 0 for VS {VS}"),
        format!("RS {RS} {VS} DOWN"),
        format!("VS {VS} DOWN"),
        format!("CHECK FILE_CHECK load {RS} Err(\"the file holds 0\")"),
    ];
    let mut said = bench.transcript();
    said.sort();
    let mut expected = down.to_vec();
    expected.sort();
    assert_eq!(said, expected);
    // The same again says nothing.
    bench.handle(number(0));
    assert_eq!(bench.transcript(), Vec::<String>::new());
    bench.handle(number(-3));
    let said = bench.transcript();
    for line in [
        format!("File check of [load] RS({RS}) is UP (-3)"),
        format!("CHECK FILE_CHECK load {RS} Ok(())"),
    ] {
        assert!(said.contains(&line), "{said:?}");
    }
}

/// A number that is a failure says nothing of the weight.
#[test]
fn a_failure_leaves_the_weight_alone() {
    let mut bench = following(-2);
    assert_eq!(bench.pool(1), ["11:8"]);
    bench.handle(number(i64::MAX));
    let said = bench.transcript();
    assert!(!said.iter().any(|line| line.starts_with("Changing weight")), "{said:?}");
    bench.handle(number(1));
    let said = bench.transcript();
    assert!(!said.iter().any(|line| line.starts_with("Changing weight")), "{said:?}");
    assert_eq!(bench.pool(1), ["11:8"]);
}
