//! The rules of keepalived's checks, as sequences of answers.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use super::*;
use crate::probe::{Connection, HttpProbe, HttpProtocol, Md5, TcpProbe, Url};

const DECIDED_UP: Option<Decision> = Some(Decision::Passed);

const DOWN_AFTER_ONE_RETRY: Option<Decision> = Some(Decision::Failed { retries: 1 });

fn connection() -> Connection {
    Connection {
        address: IpAddr::V4(Ipv4Addr::LOCALHOST),
        port: 80,
        bind_address: None,
        bind_port: 0,
        bind_interface: None,
        mark: 0,
        timeout: Duration::from_secs(5),
    }
}

fn tcp(retry: u32) -> Checker {
    checker(
        Probe::Tcp(TcpProbe {
            connection: connection(),
        }),
        retry,
    )
}

fn http(urls: usize, retry: u32, fast_recovery: bool) -> Checker {
    let url = |number| Url {
        digest: Some(Md5([0; 16])),
        ..Url::new(format!("/{number}"))
    };
    let urls = (0..urls).map(url).collect();
    let probe = HttpProbe {
        connection: connection(),
        tls: None,
        protocol: HttpProtocol::Http10,
        fast_recovery,
        urls,
    };
    checker(Probe::Http(probe), retry)
}

fn checker(probe: Probe, retry: u32) -> Checker {
    Checker {
        probe,
        delay_loop: Duration::from_secs(10),
        delay_before_retry: Duration::from_secs(3),
        retry,
        rise: 1,
        time_limit: None,
        jitter: Duration::ZERO,
        warmup: Duration::ZERO,
        alpha: false,
        log_all_failures: false,
    }
}

/// Feeds `+` and `-`, and gives for each the decision, when to go on, and the step that comes then.
fn play(standing: &mut Standing, checker: &Checker, answers: &str) -> Vec<(Option<Decision>, Next, usize)> {
    let mut seen = Vec::new();
    for answer in answers.chars() {
        let judgement = if answer == '+' {
            standing.success(checker)
        } else {
            standing.failure(checker)
        };
        seen.push((judgement.decision, judgement.next, standing.step));
    }
    seen
}

fn decisions(standing: Standing, checker: &Checker, answers: &str) -> String {
    let mut standing = standing;
    play(&mut standing, checker, answers)
        .into_iter()
        .map(|(decision, _, _)| match decision {
            None => '.',
            Some(Decision::Passed) => 'U',
            Some(Decision::Failed { retries }) => char::from_digit(retries, 10).unwrap(),
        })
        .collect()
}

#[test]
fn tcp_retries_only_while_it_is_up_and_has_run() {
    // One failure is enough before the first result, with alpha and without; digits are the retries before the failure.
    assert_eq!(decisions(Standing::new(true), &tcp(2), "-"), "0");
    assert_eq!(decisions(Standing::new(false), &tcp(2), "-"), "0");
    assert_eq!(decisions(Standing::new(true), &tcp(2), "+---"), "U..2");
    assert_eq!(decisions(Standing::new(true), &tcp(2), "+--+--+"), "U......");
    assert_eq!(decisions(Standing::new(true), &tcp(0), "+-"), "U0");
    // Down: nothing is said until the first success, which is enough; then the retries are there again.
    assert_eq!(decisions(Standing::new(true), &tcp(1), "------+--"), "0.....U.1");
    // Found in the kernel: it has a past.
    assert_eq!(decisions(Standing::adopted(true), &tcp(1), "+--"), "..1");
    assert_eq!(decisions(Standing::adopted(false), &tcp(1), "--+--"), "..U.1");
}

#[test]
fn tcp_comes_back_after_delay_before_retry_only_for_retries() {
    let mut standing = Standing::new(true);
    let seen = play(&mut standing, &tcp(1), "+--- ".trim());
    let nexts: Vec<_> = seen.into_iter().map(|(_, next, _)| next).collect();
    assert_eq!(nexts, [Next::Loop, Next::Retry, Next::Loop, Next::Loop]);
}

#[test]
fn http_goes_from_url_to_url_and_is_up_after_the_last() {
    let mut standing = Standing::new(false);
    let seen = play(&mut standing, &http(3, 1, false), "+++++");
    assert_eq!(
        seen,
        [
            (None, Next::Loop, 1),
            (None, Next::Loop, 2),
            (DECIDED_UP, Next::Loop, 0),
            (None, Next::Loop, 1),
            (None, Next::Loop, 2)
        ]
    );
}

#[test]
fn http_remembers_the_url_that_failed_and_then_looks_at_all() {
    let checker = http(3, 1, false);
    let mut standing = Standing::new(true);
    play(&mut standing, &checker, "+++");
    let seen = play(&mut standing, &checker, "+----+++-++");
    assert_eq!(
        seen,
        [
            (None, Next::Loop, 1),
            (None, Next::Retry, 1),
            (DOWN_AFTER_ONE_RETRY, Next::SlowLoop, 1),
            (None, Next::SlowLoop, 1),
            (None, Next::SlowLoop, 1),
            // The remembered one works: now all of them.
            (None, Next::Loop, 0),
            (None, Next::Loop, 1),
            (None, Next::Loop, 2),
            // On the way up, the last one fails once and then works.
            (None, Next::Retry, 2),
            (DECIDED_UP, Next::Loop, 0),
            (None, Next::Loop, 1),
        ]
    );
}

#[test]
fn http_with_one_url_needs_two_successes_to_come_back() {
    assert_eq!(decisions(Standing::new(true), &http(1, 0, false), "-++"), "0.U");
}

#[test]
fn fast_recovery_waits_neither_at_the_start_nor_on_the_way_up() {
    let checker = http(2, 0, true);
    let mut standing = Standing::new(true);
    let seen = play(&mut standing, &checker, "++-+-++");
    let nexts: Vec<_> = seen.iter().map(|(_, next, _)| *next).collect();
    assert_eq!(
        nexts,
        [
            Next::Now,
            Next::Loop,
            Next::SlowLoop,
            Next::Now,
            Next::Retry,
            Next::Now,
            Next::Loop
        ],
        "a failure on the way up must not be repeated without a pause"
    );
    assert_eq!(seen.last().unwrap().0, DECIDED_UP);
}

#[test]
fn a_failed_url_is_polled_no_faster_than_delay_before_retry() {
    let now = Timestamp::ZERO + Duration::from_secs(25);
    let mut settings = http(1, 0, false);
    let check = |settings: &Checker| Check {
        id: CheckerId(0),
        settings: settings.clone(),
        standing: Standing::new(true),
        origin: Timestamp::ZERO,
        salt: 0,
        wake: None,
        in_flight: false,
        shared_probe: None,
        generation: Generation::default(),
        last: None,
        asked_weight: None,
        added_weight: 0,
        agent: None,
    };
    assert_eq!(
        check(&settings).due(Next::SlowLoop, now),
        Timestamp::ZERO + Duration::from_secs(30)
    );
    settings.delay_before_retry = Duration::from_secs(12);
    assert_eq!(
        check(&settings).due(Next::SlowLoop, now),
        Timestamp::ZERO + Duration::from_secs(37)
    );
    assert_eq!(
        check(&settings).due(Next::Retry, now),
        Timestamp::ZERO + Duration::from_secs(37)
    );
    assert_eq!(check(&settings).due(Next::Now, now), now);
}

/// Holdfast's own: as many successes in a row as `rise` says, each after `delay_before_retry`; a failure begins it anew.
#[test]
fn a_failed_check_needs_as_many_successes_as_rise_says() {
    let with = |rise, checker: Checker| Checker { rise, ..checker };
    assert_eq!(
        decisions(Standing::new(true), &with(3, tcp(0)), "+-++-+++-+"),
        "U0.....U0."
    );
    // What begins as passed passes with its first success; what begins as failed (`alpha`) does not.
    assert_eq!(decisions(Standing::new(false), &with(3, tcp(0)), "+++-"), "..U0");
    assert_eq!(decisions(Standing::new(false), &with(3, tcp(0)), "++-+++"), "..0..U");
    assert_eq!(
        decisions(Standing::adopted(false), &with(2, tcp(1)), "++--++"),
        ".U.1.U"
    );
    for rise in [0, 1] {
        assert_eq!(decisions(Standing::new(false), &with(rise, tcp(0)), "+-+"), "U0U");
    }
    let mut standing = Standing::new(true);
    let seen = play(&mut standing, &with(3, tcp(0)), "-++-+++");
    let nexts: Vec<_> = seen.into_iter().map(|(_, next, _)| next).collect();
    assert_eq!(
        nexts,
        [
            Next::Loop,
            Next::Retry,
            Next::Retry,
            Next::Loop,
            Next::Retry,
            Next::Retry,
            Next::Loop
        ]
    );
}

/// A success of `HTTP_GET` is a round of all URLs, after the one that failed has worked once.
#[test]
fn rise_counts_rounds_of_all_urls() {
    let checker = Checker {
        rise: 2,
        ..http(2, 0, true)
    };
    let mut standing = Standing::new(true);
    let seen = play(&mut standing, &checker, "++-+++++");
    assert_eq!(
        seen,
        [
            (None, Next::Now, 1),
            (DECIDED_UP, Next::Loop, 0),
            (Some(Decision::Failed { retries: 0 }), Next::SlowLoop, 0),
            (None, Next::Now, 0),
            (None, Next::Now, 1),
            (None, Next::Retry, 0),
            (None, Next::Now, 1),
            (DECIDED_UP, Next::Loop, 0),
        ]
    );
}

#[test]
fn jitter_puts_regular_checks_off_and_never_moves_the_grid() {
    let jitter = Duration::from_secs(4);
    let settings = Checker { jitter, ..tcp(1) };
    let mut offsets = Vec::new();
    for salt in 0..50 {
        let check = Check {
            id: CheckerId(0),
            settings: settings.clone(),
            standing: Standing::new(true),
            origin: Timestamp::ZERO,
            salt,
            wake: None,
            in_flight: false,
            shared_probe: None,
            generation: Generation::default(),
            last: None,
            asked_weight: None,
            added_weight: 0,
            agent: None,
        };
        let mut now = Timestamp::ZERO;
        for point in 1..=20 {
            let due = check.due(Next::Loop, now);
            let offset = due.since(Timestamp::ZERO + Duration::from_secs(10 * point));
            assert!(due >= Timestamp::ZERO + Duration::from_secs(10 * point) && offset < jitter);
            offsets.push(offset);
            assert_eq!(check.due(Next::Retry, due), due + settings.delay_before_retry);
            // The answer takes a while.
            now = due + Duration::from_secs(5);
        }
    }
    let mean = offsets.iter().sum::<Duration>() / 1_000;
    assert!(
        Duration::from_millis(1_850) < mean && mean < Duration::from_millis(2_150),
        "{mean:?}"
    );
    let earliest = offsets.iter().min().unwrap();
    let latest = offsets.iter().max().unwrap();
    assert!(*earliest < Duration::from_millis(40) && *latest > Duration::from_millis(3_960));
}
