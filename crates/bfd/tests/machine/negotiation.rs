//! Poll Sequences: RFC 5880 sections 6.5 and 6.8.3.

use holdfast_bfd::{ControlPacket, InstanceSettings, State};
use holdfast_time::Duration;

use crate::support::{Bench, SECOND, instance, ms};

fn with_intervals(min_tx: u64, min_rx: u64) -> InstanceSettings {
    InstanceSettings {
        min_tx: ms(min_tx),
        min_rx: ms(min_rx),
        ..instance()
    }
}

fn answer(bench: &Bench) -> ControlPacket {
    ControlPacket {
        is_final: true,
        ..bench.neighbor(State::Up)
    }
}

/// Waits for the next regular packet while the neighbor is up.
fn next_packet(bench: &mut Bench) -> ControlPacket {
    bench.forget();
    bench.hear(bench.neighbor(State::Up));
    loop {
        let due = bench.node.next_deadline().unwrap();
        bench.run(due.since(bench.now));
        if let Some((_, packet)) = bench.sent().first() {
            return *packet;
        }
    }
}

#[test]
fn coming_up_polls_until_it_is_answered() {
    let mut bench = Bench::in_state(instance(), State::Init);
    bench.hear(bench.neighbor(State::Up));
    let first = bench.only_sent();
    assert!(first.poll, "the news of the new state carry the poll");
    assert_eq!((first.state, first.desired_min_tx), (State::Up, ms(100)));
    for _ in 0..5 {
        assert!(next_packet(&mut bench).poll, "again and again, in case it was lost");
    }
    bench.forget();
    bench.hear(answer(&bench));
    assert_eq!(bench.told(), [""; 0], "no answer to an answer");
    assert!(!bench.status().polling);
    assert!(!next_packet(&mut bench).poll);
    assert_eq!(bench.status().counters.polls_started, 1);
}

/// RFC 5880 section 6.5: the poll rides on the regular packets, additional ones must not be sent.
#[test]
fn a_poll_sends_no_additional_packets() {
    let mut bench = Bench::in_state(instance(), State::Up);
    bench.reload(vec![with_intervals(50, 20)]);
    assert_eq!(bench.told(), [""; 0]);
    assert!(next_packet(&mut bench).poll);
}

#[test]
fn a_poll_of_the_neighbor_is_answered_at_once_in_every_state_of_service() {
    for state in [State::Down, State::Init, State::Up] {
        let mut bench = Bench::in_state(instance(), state);
        // A packet that leaves each of the states as it is.
        let theirs = if state == State::Init { State::Down } else { State::Up };
        bench.hear(ControlPacket {
            poll: true,
            ..bench.neighbor(theirs)
        });
        let told = bench.told();
        assert_eq!(told, [format!("B sends {state} final")]);
        assert_eq!(bench.status().counters.polls_answered, 1);
    }
    let mut bench = Bench::in_state(instance(), State::AdminDown);
    bench.hear(ControlPacket {
        poll: true,
        ..bench.neighbor(State::Up)
    });
    assert_eq!(
        bench.told(),
        [""; 0],
        "RFC 5880 section 6.8.6 discards the packet before it gets to the poll"
    );
}

/// Both sides poll at once: the answer carries no P (RFC 5880 section 6.5).
#[test]
fn an_answer_is_no_poll() {
    let mut bench = Bench::in_state(instance(), State::Up);
    bench.reload(vec![with_intervals(50, 150)]);
    assert!(bench.status().polling);
    bench.hear(ControlPacket {
        poll: true,
        ..bench.neighbor(State::Up)
    });
    let packet = bench.only_sent();
    assert!(packet.is_final && !packet.poll);
    assert_eq!(packet.desired_min_tx, ms(50), "an answer may carry the new values");
    assert!(bench.status().polling, "a poll is not an answer");
}

#[test]
fn an_answer_to_a_poll_that_changes_the_state_is_one_packet() {
    let mut bench = Bench::in_state(instance(), State::Init);
    bench.hear(ControlPacket {
        poll: true,
        ..bench.neighbor(State::Up)
    });
    assert_eq!(bench.told(), ["B sends Up final", "B up"]);
}

/// RFC 5880 section 6.8.3: the neighbor must know first, lest its detection time end.
#[test]
fn sending_less_often_waits_for_the_answer() {
    let mut bench = Bench::in_state(instance(), State::Up);
    bench.reload(vec![with_intervals(300, 150)]);
    assert_eq!(bench.status().transmit_interval, Some(ms(100)));
    let packet = next_packet(&mut bench);
    assert!(packet.poll);
    assert_eq!(packet.desired_min_tx, ms(300), "announced");
    assert_eq!(bench.status().transmit_interval, Some(ms(100)), "and not yet done");
    bench.hear(answer(&bench));
    assert_eq!(bench.status().transmit_interval, Some(ms(300)));
}

#[test]
fn sending_more_often_does_not_wait() {
    let mut bench = Bench::in_state(instance(), State::Up);
    bench.reload(vec![with_intervals(50, 150)]);
    assert_eq!(bench.status().transmit_interval, Some(ms(50)));
    assert!(bench.status().polling);
}

/// RFC 5880 section 6.8.3: the neighbor must send more often first. 4 x 200 ms before; 4 x 20 ms and a neighbor that
/// sends every 10 ms afterwards.
#[test]
fn a_shorter_detection_time_waits_for_the_answer() {
    let mut bench = Bench::in_state(instance(), State::Up);
    let eager = ControlPacket {
        desired_min_tx: ms(10),
        ..bench.neighbor(State::Up)
    };
    bench.hear(eager);
    assert_eq!(bench.status().detection_time, Some(ms(600)));
    bench.reload(vec![with_intervals(100, 20)]);
    assert_eq!(bench.status().detection_time, Some(ms(600)));
    bench.hear(eager);
    assert_eq!(bench.status().detection_time, Some(ms(600)));
    bench.hear(ControlPacket {
        is_final: true,
        ..eager
    });
    assert_eq!(bench.status().detection_time, Some(ms(80)));
}

#[test]
fn a_longer_detection_time_does_not_wait() {
    let mut bench = Bench::in_state(instance(), State::Up);
    bench.run(ms(700));
    bench.reload(vec![with_intervals(100, 500)]);
    assert_eq!(bench.status().detection_time, Some(ms(2000)));
    bench.run(ms(1299));
    assert_eq!(bench.state(), State::Up, "the time that has begun is longer as well");
    bench.run(ms(1));
    assert_eq!(bench.state(), State::Down);
}

/// RFC 5880 section 6.8.3, last paragraph: an answer that is still under way must not be taken for the next one.
#[test]
fn a_second_change_waits_until_answers_cannot_be_mistaken() {
    let mut bench = Bench::in_state(instance(), State::Up);
    bench.reload(vec![with_intervals(300, 150)]);
    bench.reload(vec![with_intervals(400, 150)]);
    assert_eq!(
        next_packet(&mut bench).desired_min_tx,
        ms(300),
        "the first poll is not over"
    );
    bench.hear(answer(&bench));
    assert_eq!(bench.status().transmit_interval, Some(ms(300)));
    assert!(!bench.status().polling);
    bench.hear(answer(&bench));
    assert!(!bench.status().polling, "another answer to the first poll, perhaps");
    let packet = next_packet(&mut bench);
    assert!(packet.poll, "after a packet that is no answer");
    assert_eq!(packet.desired_min_tx, ms(400));
    assert_eq!(bench.status().transmit_interval, Some(ms(300)));
    bench.hear(answer(&bench));
    assert_eq!(bench.status().transmit_interval, Some(ms(400)));
}

/// A session that fails is slow again, and may be so at once.
#[test]
fn going_down_announces_the_idle_interval() {
    let mut bench = Bench::in_state(instance(), State::Up);
    bench.hear(bench.neighbor(State::Down));
    let packet = bench.only_sent();
    assert_eq!((packet.state, packet.desired_min_tx), (State::Down, SECOND));
    assert_eq!(bench.status().transmit_interval, Some(SECOND));
}

/// `min_tx` above `idle_tx`: coming up makes the session slower, so that waits as well.
#[test]
fn a_session_that_is_slower_when_up_waits_for_the_answer() {
    let mut bench = Bench::in_state(with_intervals(5000, 150), State::Init);
    bench.hear(bench.neighbor(State::Up));
    let packet = bench.only_sent();
    assert!(packet.poll);
    assert_eq!(packet.desired_min_tx, 5 * SECOND);
    assert_eq!(bench.status().transmit_interval, Some(SECOND));
    bench.hear(answer(&bench));
    assert_eq!(bench.status().transmit_interval, Some(5 * SECOND));
}

#[test]
fn a_changed_multiplier_needs_no_poll() {
    let mut bench = Bench::in_state(instance(), State::Up);
    bench.reload(vec![InstanceSettings {
        multiplier: 9,
        ..instance()
    }]);
    assert!(!bench.status().polling);
    assert_eq!(next_packet(&mut bench).multiplier, 9);
    assert_eq!(
        bench.status().detection_time,
        Some(ms(800)),
        "that is the neighbor's multiplier"
    );
}

#[test]
fn an_answer_without_a_question_changes_nothing() {
    let mut bench = Bench::in_state(instance(), State::Up);
    let before = bench.status();
    bench.hear(answer(&bench));
    let mut after = bench.status();
    after.counters.packets_received -= 1;
    assert_eq!(after, before);
    assert_eq!(bench.told(), [""; 0]);
    bench.run(Duration::ZERO);
}
