//! The states: RFC 5880 section 6.2 and the table in section 6.8.6, row by row.

use holdfast_bfd::{Action, Audience, ControlPacket, Diagnostic, DownReason, State};

use crate::support::{Bench, SECOND, instance, ms};

use State::{AdminDown, Down, Init, Up};

/// State, state received, state afterwards.
const TABLE: [(State, State, State); 16] = [
    (AdminDown, AdminDown, AdminDown),
    (AdminDown, Down, AdminDown),
    (AdminDown, Init, AdminDown),
    (AdminDown, Up, AdminDown),
    (Down, AdminDown, Down),
    (Down, Down, Init),
    (Down, Init, Up),
    (Down, Up, Down),
    (Init, AdminDown, Down),
    (Init, Down, Init),
    (Init, Init, Up),
    (Init, Up, Up),
    (Up, AdminDown, Down),
    (Up, Down, Down),
    (Up, Init, Up),
    (Up, Up, Up),
];

#[test]
fn every_state_with_every_packet() {
    for (before, heard, after) in TABLE {
        let mut bench = Bench::in_state(instance(), before);
        bench.hear(bench.neighbor(heard));
        assert_eq!(bench.state(), after, "{before} hears {heard}");

        let told = bench.told();
        let tells_at_once = format!("B sends {after}");
        assert_eq!(
            told.iter().any(|line| line.starts_with(&tells_at_once)),
            before != after,
            "{before} hears {heard}: a new state is told at once, an old one when its time has come: {told:?}"
        );
        assert_eq!(told.contains(&"B up".to_owned()), before != Up && after == Up);
        let is_down = told.iter().any(|line| line.starts_with("B down"));
        assert_eq!(is_down, before == Up && after != Up, "{told:?}");
    }
}

/// RFC 5880 section 6.8.6: diagnostic 3 whenever the neighbor's word takes the session down.
#[test]
fn diagnostics_of_the_table() {
    for (before, heard, after) in TABLE {
        let mut bench = Bench::in_state(instance(), before);
        bench.hear(bench.neighbor(heard));
        let expected = match (before, after) {
            (AdminDown, _) => Diagnostic::AdministrativelyDown,
            (Init | Up, Down) => Diagnostic::NeighborSignaledSessionDown,
            _ => Diagnostic::None,
        };
        assert_eq!(bench.status().diagnostic, expected, "{before} hears {heard}");
    }
}

#[test]
fn the_detection_time_takes_down_what_was_established() {
    for (before, after, diagnostic) in [
        (AdminDown, AdminDown, Diagnostic::AdministrativelyDown),
        (Down, Down, Diagnostic::None),
        (Init, Down, Diagnostic::ControlDetectionTimeExpired),
        (Up, Down, Diagnostic::ControlDetectionTimeExpired),
    ] {
        let mut bench = Bench::in_state(instance(), before);
        bench.run(5 * SECOND);
        let status = bench.status();
        assert_eq!((status.state, status.diagnostic), (after, diagnostic), "{before}");
        assert_eq!(status.remote_discriminator, None);
        let news = bench.sent().into_iter().filter(|(at, _)| *at >= status.last_transition);
        assert!(before <= Down || news.into_iter().all(|(_, packet)| packet.your_discriminator == 0));
    }
}

#[test]
fn the_reason_of_a_failure_is_told_until_the_session_is_up_again() {
    let mut bench = Bench::in_state(instance(), Up);
    bench.hear(bench.neighbor(Down));
    let told = bench.only_sent();
    assert_eq!(
        (told.state, told.diagnostic),
        (Down, Diagnostic::NeighborSignaledSessionDown)
    );
    bench.hear(bench.neighbor(Down));
    let told = bench.only_sent();
    assert_eq!(
        (told.state, told.diagnostic),
        (Init, Diagnostic::NeighborSignaledSessionDown)
    );
    bench.hear(bench.neighbor(Up));
    let told = bench.only_sent();
    assert_eq!((told.state, told.diagnostic), (Up, Diagnostic::None));
}

#[test]
fn trackers_hear_why_and_after_the_neighbor() {
    let down_by = |packet: &dyn Fn(&Bench) -> Option<ControlPacket>| {
        let mut bench = Bench::in_state(instance(), Up);
        match packet(&bench) {
            Some(packet) => bench.hear(packet),
            None => bench.run(ms(800)),
        }
        let actions: Vec<Action> = bench.done().into_iter().map(|(_, action)| action).collect();
        let place = |test: &dyn Fn(&Action) -> bool| actions.iter().rposition(test).unwrap();
        let report = place(&|action| matches!(action, Action::SessionDown { .. }));
        assert!(place(&|action| matches!(action, Action::SendPacket { .. })) < report);
        actions[report].clone()
    };
    let report = |diagnostic, reason| Action::SessionDown {
        instance: "B".to_owned(),
        audience: Audience::default(),
        diagnostic,
        reason,
    };
    assert_eq!(
        down_by(&|_| None),
        report(
            Diagnostic::ControlDetectionTimeExpired,
            DownReason::DetectionTimeExpired
        )
    );
    let path_down = |bench: &Bench| ControlPacket {
        diagnostic: Diagnostic::PathDown,
        ..bench.neighbor(Down)
    };
    assert_eq!(
        down_by(&|bench| Some(path_down(bench))),
        report(
            Diagnostic::NeighborSignaledSessionDown,
            DownReason::NeighborDown {
                diagnostic: Diagnostic::PathDown
            }
        )
    );
    assert_eq!(
        down_by(&|bench| Some(bench.neighbor(AdminDown))),
        report(Diagnostic::NeighborSignaledSessionDown, DownReason::NeighborAdminDown)
    );
}

#[test]
fn the_words_of_keepalived_are_in_the_log() {
    let mut bench = Bench::start(vec![instance()]);
    bench.hear(bench.neighbor(Init));
    assert_eq!(bench.logs(), ["(B) Starting poll sequence", "(B) Entering Up state"]);
    bench.forget();
    bench.hear(bench.neighbor(Up));
    bench.run(ms(799));
    assert_eq!(bench.logs(), [""; 0]);
    bench.run(ms(1));
    assert_eq!(
        bench.logs(),
        [
            "(B) Expired after 800 ms (0 usec overdue)",
            "(B) Starting poll sequence",
            "(B) Entering Down state (Local diagnostic - Control Detection Time Expired, Remote diagnostic - No Diagnostic)"
        ]
    );
}
