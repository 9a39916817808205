//! Passive sessions, sessions out of service (RFC 5880 section 6.8.16), and the end.

use holdfast_bfd::{Diagnostic, DisableCause, DownReason, Event, InstanceSettings, State};

use crate::support::{Bench, SECOND, instance, ms};

fn passive() -> InstanceSettings {
    InstanceSettings {
        passive: true,
        ..instance()
    }
}

fn disable(cause: DisableCause) -> Event {
    Event::Disable {
        instance: "B".to_owned(),
        cause,
    }
}

fn enable() -> Event {
    Event::Enable {
        instance: "B".to_owned(),
    }
}

#[test]
fn a_passive_session_does_not_speak_first() {
    let mut bench = Bench::start(vec![passive()]);
    assert_eq!(bench.node.next_deadline(), None);
    bench.run(100 * SECOND);
    assert_eq!(bench.told(), [""; 0]);
    bench.hear(bench.neighbor(State::Down));
    assert_eq!(bench.told(), ["B sends Init"]);
    bench.run(2 * SECOND);
    assert!(bench.sent().len() >= 2, "spoken to, it speaks");
}

/// RFC 5880 section 6.8.7: not while the neighbor's discriminator is unknown.
#[test]
fn a_passive_session_falls_silent_with_its_neighbor() {
    let mut bench = Bench::in_state(passive(), State::Up);
    bench.run(ms(799));
    assert!(!bench.sent().is_empty());
    bench.run(ms(1));
    assert_eq!(bench.told(), ["B down: detection time expired"]);
    bench.run(100 * SECOND);
    assert_eq!(bench.told(), [""; 0]);
}

#[test]
fn a_reload_makes_a_silent_session_speak_and_back() {
    let mut bench = Bench::start(vec![passive()]);
    bench.reload(vec![instance()]);
    bench.run(std::time::Duration::ZERO);
    assert_eq!(bench.told(), ["B sends Down"]);
    bench.reload(vec![passive()]);
    bench.run(10 * SECOND);
    assert_eq!(bench.told(), [""; 0]);
}

#[test]
fn out_of_service_the_neighbor_is_told_until_it_is_over() {
    for (cause, diagnostic, words) in [
        (
            DisableCause::Administrator,
            Diagnostic::AdministrativelyDown,
            "disabled by the administrator",
        ),
        (
            DisableCause::PathDown,
            Diagnostic::PathDown,
            "no packet can be sent to the neighbor",
        ),
    ] {
        let mut bench = Bench::in_state(instance(), State::Up);
        bench.handle(disable(cause));
        assert_eq!(DownReason::Disabled(cause).diagnostic(), diagnostic);
        assert_eq!(
            bench.told(),
            ["B sends AdminDown poll".to_owned(), format!("B down: {words}")]
        );
        bench.handle(disable(cause));
        assert_eq!(bench.told(), [""; 0], "once is enough");
        bench.run(10 * SECOND);
        let sent = bench.sent();
        assert!(
            sent.len() >= 10,
            "RFC 5880 section 6.8.16: at least for a detection time"
        );
        assert!(
            sent.iter()
                .all(|(_, packet)| (packet.state, packet.diagnostic) == (State::AdminDown, diagnostic))
        );

        bench.handle(enable());
        assert_eq!(bench.told(), ["B sends Down poll"]);
        bench.handle(enable());
        assert_eq!(bench.told(), [""; 0]);
        bench.hear(bench.neighbor(State::Init));
        assert_eq!(bench.state(), State::Up);
    }
}

#[test]
fn a_reload_does_not_put_a_disabled_session_back_to_work() {
    let mut bench = Bench::in_state(instance(), State::Up);
    bench.handle(disable(DisableCause::Administrator));
    bench.reload(vec![InstanceSettings {
        multiplier: 9,
        ..instance()
    }]);
    bench.hear(bench.neighbor(State::Init));
    assert_eq!(bench.state(), State::AdminDown);
}

#[test]
fn names_that_nobody_has_are_passed_over() {
    let mut bench = Bench::in_state(instance(), State::Up);
    bench.handle(Event::Disable {
        instance: "C".to_owned(),
        cause: DisableCause::Administrator,
    });
    assert_eq!(bench.state(), State::Up);
}

/// keepalived sends nothing when it stops, and so do we.
#[test]
fn the_end_is_silent() {
    let mut bench = Bench::in_state(instance(), State::Up);
    bench.handle(Event::Shutdown);
    assert_eq!(bench.node.next_deadline(), None);
    bench.hear(bench.neighbor(State::Down));
    bench.handle(enable());
    bench.reload(vec![instance()]);
    bench.run(100 * SECOND);
    assert_eq!(bench.told(), [""; 0]);
}
