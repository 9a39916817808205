//! A neighbor in Demand mode: RFC 5880 section 6.6 and the third and fourth to last rules of section 6.8.6.

use holdfast_bfd::{ControlPacket, InstanceSettings, State};

use crate::support::{Bench, SECOND, instance, ms};

fn demanding(bench: &Bench, state: State) -> ControlPacket {
    ControlPacket {
        demand: true,
        ..bench.neighbor(state)
    }
}

fn up_with_demand() -> Bench {
    let mut bench = Bench::in_state(instance(), State::Up);
    bench.hear(demanding(&bench, State::Up));
    assert!(bench.status().remote_demand_active);
    bench
}

#[test]
fn regular_packets_cease_and_the_session_stays_up() {
    let mut bench = up_with_demand();
    let packet = demanding(&bench, State::Up);
    bench.run_hearing(10 * SECOND, ms(200), packet);
    assert_eq!(bench.told(), [""; 0]);
    assert_eq!(bench.status().transmit_interval, None);
    assert_eq!(bench.state(), State::Up);
}

/// Only what both sides know to be up is left alone: the D bit counts for nothing before.
#[test]
fn demand_counts_only_when_both_sides_are_up() {
    let mut bench = Bench::in_state(instance(), State::Init);
    let packet = demanding(&bench, State::Init);
    bench.hear(packet);
    assert_eq!(bench.state(), State::Up);
    bench.hear(ControlPacket {
        is_final: true,
        ..packet
    });
    bench.forget();
    bench.run_hearing(2 * SECOND, ms(200), packet);
    assert!(!bench.status().remote_demand_active, "the neighbor is in Init");
    assert!(bench.sent().len() >= 20);
}

#[test]
fn polls_of_a_demanding_neighbor_are_answered() {
    let mut bench = up_with_demand();
    bench.hear(ControlPacket {
        poll: true,
        ..demanding(&bench, State::Up)
    });
    assert_eq!(bench.told(), ["B sends Up final"]);
}

#[test]
fn regular_packets_come_back_when_demand_ends() {
    let mut bench = up_with_demand();
    let packet = demanding(&bench, State::Up);
    bench.run_hearing(SECOND, ms(200), packet);
    bench.forget();
    bench.hear(bench.neighbor(State::Up));
    bench.run(ms(500));
    assert!(bench.sent().len() >= 5);
}

/// RFC 5880 section 6.5: a poll of ours needs packets, so they flow until it is answered.
#[test]
fn a_change_of_ours_is_polled_in_spite_of_demand() {
    let mut bench = up_with_demand();
    let packet = demanding(&bench, State::Up);
    bench.run_hearing(SECOND, ms(200), packet);
    bench.forget();
    bench.reload(vec![InstanceSettings {
        min_tx: ms(60),
        ..instance()
    }]);
    bench.run(ms(400));
    let sent = bench.sent();
    assert!(
        sent.len() >= 6 && sent.iter().all(|(_, packet)| packet.poll),
        "{sent:?}"
    );
    bench.hear(ControlPacket {
        is_final: true,
        ..packet
    });
    bench.run_hearing(SECOND, ms(200), packet);
    assert_eq!(bench.told(), [""; 0]);
}

/// We ask for no demand ourselves, so a silent neighbor is gone as ever.
#[test]
fn a_demanding_neighbor_that_falls_silent_is_down() {
    let mut bench = up_with_demand();
    bench.run(ms(800));
    assert_eq!(bench.told(), ["B sends Down poll", "B down: detection time expired"]);
    bench.run(3 * SECOND);
    assert!(bench.sent().len() >= 3, "and regular packets go out again");
}
