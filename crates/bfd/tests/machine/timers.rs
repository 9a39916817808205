//! Transmit intervals with jitter and detection times: RFC 5880 sections 6.8.2, 6.8.3, 6.8.4 and 6.8.7.

use holdfast_bfd::{ControlPacket, InstanceSettings, State};
use holdfast_time::{Duration, Timestamp};

use crate::support::{Bench, SECOND, at_ms, instance, ms};

fn gaps(sent: &[(Timestamp, ControlPacket)]) -> Vec<Duration> {
    sent.windows(2).map(|pair| pair[1].0.since(pair[0].0)).collect()
}

/// Every gap lies in the range, and they come close to both ends of it: it is jitter and no other interval.
fn assert_jittered(gaps: &[Duration], shortest: Duration, longest: Duration) {
    assert!(gaps.len() > 100, "{}", gaps.len());
    let (least, most) = (*gaps.iter().min().unwrap(), *gaps.iter().max().unwrap());
    assert!(least >= shortest && most <= longest, "{least:?} to {most:?}");
    let tolerance = longest.abs_diff(shortest) / 10;
    assert!(
        least < shortest + tolerance && most + tolerance > longest,
        "{least:?} to {most:?}"
    );
}

/// The packets that go out in the next 30 s while the neighbor is up.
fn sent_while_up(bench: &mut Bench, neighbor: ControlPacket) -> Vec<(Timestamp, ControlPacket)> {
    bench.run_hearing(SECOND, ms(200), neighbor);
    bench.forget();
    bench.run_hearing(30 * SECOND, ms(200), neighbor);
    bench.sent()
}

#[test]
fn a_session_that_is_not_up_sends_at_idle_tx() {
    let mut bench = Bench::start(vec![instance()]);
    bench.run(Duration::ZERO);
    assert_eq!(bench.sent()[0].0, Timestamp::ZERO, "the first packet does not wait");
    bench.run(200 * SECOND);
    let sent = bench.sent();
    assert_jittered(&gaps(&sent), ms(750), SECOND);
    assert!(sent.iter().all(|(_, packet)| packet.desired_min_tx == SECOND));
    assert!(sent.iter().all(|(_, packet)| packet.required_min_rx == ms(150)));

    let idle_tx = InstanceSettings {
        idle_tx: ms(2400),
        ..instance()
    };
    let mut bench = Bench::start(vec![idle_tx]);
    bench.run(400 * SECOND);
    let sent = bench.sent();
    assert_jittered(&gaps(&sent), ms(1800), ms(2400));
    assert!(sent.iter().all(|(_, packet)| packet.desired_min_tx == ms(2400)));
}

/// RFC 5880 section 6.8.3: not less than one second while not up, whatever the settings say.
#[test]
fn an_idle_tx_below_a_second_is_not_believed() {
    let hasty = InstanceSettings {
        idle_tx: ms(10),
        ..instance()
    };
    let mut bench = Bench::start(vec![hasty]);
    bench.run(200 * SECOND);
    assert_jittered(&gaps(&bench.sent()), ms(750), SECOND);
}

#[test]
fn the_slower_side_decides_the_transmit_interval() {
    for (required, shortest, longest) in [(50, 75, 100), (100, 75, 100), (400, 300, 400)] {
        let mut bench = Bench::in_state(instance(), State::Up);
        let neighbor = ControlPacket {
            required_min_rx: ms(required),
            ..bench.neighbor(State::Up)
        };
        let sent = sent_while_up(&mut bench, neighbor);
        let packets = gaps(&sent);
        if required < 400 {
            assert_jittered(&packets, ms(shortest), ms(longest));
        } else {
            assert!(packets.iter().all(|gap| *gap >= ms(shortest) && *gap <= ms(longest)));
        }
        assert!(sent.iter().all(|(_, packet)| packet.desired_min_tx == ms(100)));
        assert_eq!(bench.status().transmit_interval, Some(ms(required.max(100))));
    }
}

/// RFC 5880 section 6.8.7: at most 90 percent, so that the next packet comes before the detection time ends.
#[test]
fn a_multiplier_of_one_leaves_room_for_the_way() {
    let single = InstanceSettings {
        multiplier: 1,
        ..instance()
    };
    let mut bench = Bench::in_state(single, State::Up);
    let neighbor = bench.neighbor(State::Up);
    assert_jittered(&gaps(&sent_while_up(&mut bench, neighbor)), ms(75), ms(90));
}

#[test]
fn a_neighbor_that_takes_no_packets_gets_none_but_news() {
    let mut bench = Bench::in_state(instance(), State::Up);
    let deaf = ControlPacket {
        required_min_rx: Duration::ZERO,
        ..bench.neighbor(State::Up)
    };
    bench.hear(deaf);
    bench.run_hearing(5 * SECOND, ms(200), deaf);
    assert_eq!(bench.told(), [""; 0]);
    assert_eq!(bench.status().transmit_interval, None);
    bench.hear(ControlPacket { poll: true, ..deaf });
    assert_eq!(bench.told(), ["B sends Up final"], "without respect to the timers");
    bench.hear(ControlPacket {
        state: State::Down,
        ..deaf
    });
    assert_eq!(
        bench.told(),
        ["B sends Down poll", "B down: neighbor is down (No Diagnostic)"]
    );
}

/// RFC 5880 section 6.8.3: the next packet comes no later than the new interval after the last one.
#[test]
fn a_neighbor_that_can_take_more_gets_more_at_once() {
    let mut bench = Bench::in_state(instance(), State::Up);
    let slow = ControlPacket {
        required_min_rx: 20 * SECOND,
        desired_min_tx: 20 * SECOND,
        ..bench.neighbor(State::Up)
    };
    bench.hear(slow);
    bench.run(10 * SECOND);
    assert_eq!(bench.told(), [""; 0]);
    bench.hear(bench.neighbor(State::Up));
    bench.run(Duration::ZERO);
    assert_eq!(bench.told(), ["B sends Up"], "100 ms have passed long ago");
}

/// The multiplier is the neighbor's; the interval the greater one of what we take and what it sends.
#[test]
fn detection_time() {
    // Multiplier, desired min TX, required min RX of ours; in milliseconds.
    for (multiplier, theirs, ours, expected) in [
        (4, 200, 150, 800),
        (4, 100, 150, 600),
        (1, 150, 150, 150),
        (255, 1000, 10, 255_000),
        (3, 1, 150, 450),
    ] {
        let settings = InstanceSettings {
            min_rx: ms(ours),
            ..instance()
        };
        let mut bench = Bench::in_state(settings, State::Up);
        bench.hear(ControlPacket {
            multiplier,
            desired_min_tx: ms(theirs),
            ..bench.neighbor(State::Up)
        });
        assert_eq!(bench.status().detection_time, Some(ms(expected)));
        bench.run(ms(expected - 1) + Duration::from_nanos(999_999));
        assert_eq!(bench.state(), State::Up, "one nanosecond early");
        bench.run(Duration::from_nanos(1));
        assert_eq!(bench.state(), State::Down);
        assert_eq!(bench.status().last_transition, at_ms(expected));
    }
}

#[test]
fn every_packet_starts_the_detection_time_again() {
    let mut bench = Bench::in_state(instance(), State::Up);
    for _ in 0..100 {
        bench.run(ms(799));
        bench.hear(bench.neighbor(State::Up));
    }
    assert_eq!(bench.state(), State::Up);
    bench.run(ms(800));
    assert_eq!(bench.state(), State::Down);
    assert_eq!(bench.status().counters.detection_time_expired, 1);
}

/// RFC 5880 section 6.8.1: the neighbor's discriminator is forgotten, in whatever state.
#[test]
fn a_silent_neighbor_is_forgotten() {
    for state in [State::AdminDown, State::Down, State::Init, State::Up] {
        let mut bench = Bench::in_state(instance(), state);
        bench.hear(bench.neighbor(State::AdminDown));
        assert_eq!(bench.status().remote_discriminator, Some(7), "{state}");
        bench.run(4 * SECOND);
        assert_eq!(bench.status().remote_discriminator, None, "{state}");
        bench.forget();
        bench.run(SECOND);
        let sent = bench.sent();
        assert!(!sent.is_empty() && sent.iter().all(|(_, packet)| packet.your_discriminator == 0));
    }
}

#[test]
fn a_late_deadline_sends_one_packet_and_goes_on_from_there() {
    let mut bench = Bench::in_state(instance(), State::Up);
    let neighbor = ControlPacket {
        desired_min_tx: 100 * SECOND,
        ..bench.neighbor(State::Up)
    };
    bench.hear(neighbor);
    bench.now = at_ms(5000);
    bench.handle(holdfast_bfd::Event::DeadlineReached);
    bench.handle(holdfast_bfd::Event::DeadlineReached);
    assert_eq!(bench.told(), ["B sends Up"]);
    let next = bench.node.next_deadline().unwrap();
    assert!(next >= at_ms(5075) && next <= at_ms(5100), "{next}");
}
