//! New settings: a session stays as long as its path does.

use holdfast_bfd::{Audience, InstanceSettings, NodeSettings, State};

use crate::support::{Bench, OURS, address, instance, ms};

#[test]
fn the_same_settings_change_nothing() {
    let mut bench = Bench::in_state(instance(), State::Up);
    let (status, deadline) = (bench.status(), bench.node.next_deadline());
    bench.reload(vec![instance()]);
    assert_eq!((bench.status(), bench.node.next_deadline()), (status, deadline));
    assert_eq!(bench.done(), []);
}

#[test]
fn what_only_tunes_a_session_keeps_it() {
    let mut bench = Bench::in_state(instance(), State::Up);
    let before = bench.status();
    bench.reload(vec![InstanceSettings {
        passive: true,
        min_tx: ms(70),
        min_rx: ms(80),
        idle_tx: ms(5000),
        multiplier: 9,
        ttl: 200,
        max_hops: 100,
        ..instance()
    }]);
    let after = bench.status();
    assert_eq!(after.state, State::Up);
    assert_eq!(after.local_discriminator, before.local_discriminator);
    assert_eq!(after.last_transition, before.last_transition);
    assert_eq!(bench.told(), [""; 0], "nobody is told");
}

#[test]
fn another_path_is_another_session() {
    for other in [
        InstanceSettings {
            neighbor: address("192.0.2.9"),
            ..instance()
        },
        InstanceSettings {
            source: Some(address(OURS)),
            ..instance()
        },
        InstanceSettings {
            multihop: true,
            ..instance()
        },
    ] {
        let mut bench = Bench::in_state(instance(), State::Up);
        let before = bench.status().local_discriminator;
        bench.reload(vec![other]);
        assert_eq!(bench.told(), ["B down: removed by a reload"]);
        assert_eq!(bench.state(), State::Down);
        assert_ne!(bench.status().local_discriminator, before);
        bench.run(std::time::Duration::ZERO);
        assert_eq!(bench.told(), ["B sends Down"]);
    }
}

#[test]
fn a_removed_session_is_gone() {
    let mut bench = Bench::in_state(instance(), State::Up);
    let packet = bench.neighbor(State::Up);
    bench.reload(vec![]);
    assert_eq!(bench.told(), ["B down: removed by a reload"]);
    assert_eq!(bench.node.next_deadline(), None);
    bench.hear(packet);
    assert_eq!(bench.node.status().counters.unknown_discriminator, 1);

    let mut bench = Bench::in_state(instance(), State::Down);
    bench.reload(vec![]);
    assert_eq!(bench.told(), [""; 0], "what was not up does not go down");
}

#[test]
fn new_trackers_of_an_established_session_are_told() {
    let renamed = InstanceSettings {
        name: "C".to_owned(),
        ..instance()
    };
    let other_audience = InstanceSettings {
        audience: Audience {
            vrrp: true,
            checker: false,
        },
        ..instance()
    };
    for (settings, told) in [(renamed, "C up"), (other_audience, "B up")] {
        let mut bench = Bench::in_state(instance(), State::Up);
        bench.reload(vec![settings.clone()]);
        assert_eq!(bench.told(), [told]);
        let mut bench = Bench::in_state(instance(), State::Init);
        bench.reload(vec![settings]);
        assert_eq!(bench.told(), [""; 0]);
    }
}

#[test]
fn a_second_instance_on_the_same_path_is_ignored() {
    let second = InstanceSettings {
        name: "C".to_owned(),
        ..instance()
    };
    let bench = Bench::start(vec![instance(), second]);
    let names: Vec<String> = bench
        .node
        .status()
        .sessions
        .into_iter()
        .map(|session| session.name)
        .collect();
    assert_eq!(names, ["B"]);
    assert_eq!(
        bench.logs(),
        ["(C) has neighbor, source and port of B: instance ignored"]
    );
}

/// The values of keepalived's manual and of a `bfd_instance` with nothing but a `neighbor_ip`.
#[test]
fn defaults_are_those_of_keepalived() {
    let four = InstanceSettings::new("B", address("192.0.2.2"));
    assert_eq!((four.min_tx, four.min_rx, four.idle_tx), (ms(10), ms(10), ms(1000)));
    assert_eq!((four.multiplier, four.max_hops, four.ttl), (5, 0, 255));
    assert!(!four.passive && !four.multihop && four.source.is_none());
    assert!(four.audience.vrrp && four.audience.checker);
    assert_eq!(InstanceSettings::new("B", address("2001:db8::2")).ttl, 64);
}

#[test]
fn settings_survive_a_trip_through_json() {
    let settings = NodeSettings {
        instances: vec![instance(), InstanceSettings::new("six", address("2001:db8::2"))],
    };
    let text = serde_json::to_string(&settings).unwrap();
    assert_eq!(serde_json::from_str::<NodeSettings>(&text).unwrap(), settings);
}
