//! What managers of networks are told: why an instance became master (RFC 6527, with the meanings that keepalived gives
//! the words), since when it takes part, and which packets were refused.

use holdfast_vrrp::settings::{AuthenticationSettings, InitialState, InstanceSettings, NodeSettings, Version};
use holdfast_vrrp::{Action, Adjustment, Event, MasterReason, NewMaster, NotifyState, ProtocolError, Refusal, State};

use crate::support::{Bench, HIGHER, LOWER, OURS, address, at, instance, node_of, second_instance, starting_as};

fn master_reason(bench: &Bench) -> MasterReason {
    bench.status("VI_1").master_reason
}

/// Refusals reported so far.
fn refusals(bench: &Bench) -> Vec<Refusal> {
    let refusal = |(_, action): &(_, Action)| match action {
        Action::Refused { refusal, .. } => Some(*refusal),
        _ => None,
    };
    bench.actions.iter().filter_map(refusal).collect()
}

fn with_traps(instance: InstanceSettings) -> NodeSettings {
    NodeSettings {
        rfc_traps: true,
        ..node_of(vec![instance])
    }
}

#[test]
fn a_silent_master_gives_no_response() {
    let mut bench = Bench::of(instance(Version::V3, 100));
    assert_eq!(master_reason(&bench), MasterReason::NotMaster);
    bench.hear(HIGHER, 200);
    bench.until(10.0);
    assert_eq!(bench.state("VI_1"), State::Master);
    assert_eq!(master_reason(&bench), MasterReason::MasterNoResponse);
}

#[test]
fn a_worse_master_is_preempted() {
    let mut bench = Bench::of(instance(Version::V3, 100));
    for second in [1.0, 2.0, 3.0] {
        bench.until(second);
        bench.hear(LOWER, 50);
    }
    bench.until(4.0);
    assert_eq!(bench.state("VI_1"), State::Master);
    assert_eq!(master_reason(&bench), MasterReason::Preempted);
    assert!(
        bench
            .sentences()
            .iter()
            .any(|it| it.contains("the master has a lower priority"))
    );
}

#[test]
fn a_worse_master_that_a_better_one_relieved_is_forgotten() {
    let mut bench = Bench::of(instance(Version::V3, 100));
    bench.hear(LOWER, 50);
    bench.hear(HIGHER, 200);
    bench.until(10.0);
    assert_eq!(master_reason(&bench), MasterReason::MasterNoResponse);
}

#[test]
fn a_master_that_resigned_leaves_it_to_the_priority() {
    let mut bench = Bench::of(instance(Version::V3, 100));
    bench.hear(HIGHER, 200);
    bench.hear(HIGHER, 0);
    bench.until(2.0);
    assert_eq!(bench.state("VI_1"), State::Master);
    assert_eq!(master_reason(&bench), MasterReason::Priority);
}

#[test]
fn an_owner_preempts_and_says_so_with_its_address() {
    let owner = starting_as(InitialState::Master, instance(Version::V3, 255));
    let bench = Bench::of(owner);
    assert_eq!(master_reason(&bench), MasterReason::Preempted);
    let told = bench.actions.iter().find_map(|(_, action)| match action {
        Action::Notify {
            state: NotifyState::Master,
            new_master,
            ..
        } => *new_master,
        _ => None,
    });
    let expected = NewMaster {
        source: Some(address(OURS)),
        reason: MasterReason::Preempted,
    };
    assert_eq!(told, Some(expected));
}

#[test]
fn a_group_has_the_reason_of_its_leader() {
    let mut settings = node_of(vec![instance(Version::V3, 100), second_instance(Version::V3, 100)]);
    settings.groups = vec![holdfast_vrrp::settings::GroupSettings {
        name: "G".into(),
        members: vec!["VI_1".into(), "VI_2".into()],
        ..Default::default()
    }];
    let mut bench = Bench::start(settings);
    for index in [0, 1] {
        bench.hear_on(index, HIGHER, 200);
    }
    for index in [0, 1] {
        bench.hear_on(index, HIGHER, 0);
    }
    bench.until(2.0);
    let reasons = ["VI_1", "VI_2"].map(|name| bench.status(name).master_reason);
    assert_eq!(reasons, [MasterReason::Priority; 2]);
}

#[test]
fn takes_part_since_it_left_init_or_fault() {
    let mut bench = Bench::of(instance(Version::V3, 100));
    assert_eq!(bench.status("VI_1").up_since, Some(at(0.0)));
    bench.until(5.0);
    // Becoming master is no new beginning.
    assert_eq!(bench.status("VI_1").up_since, Some(at(0.0)));
    let link = |up| Event::LinkChanged {
        interface: "eth0".into(),
        up,
    };
    bench.handle(link(false));
    assert_eq!(bench.status("VI_1").up_since, None);
    bench.until(7.0);
    bench.handle(link(true));
    assert_eq!(bench.status("VI_1").up_since, Some(at(7.0)));
}

#[test]
fn what_was_wrong_last_stays_and_is_told_of() {
    let mut bench = Bench::start(with_traps(instance(Version::V3, 100)));
    assert_eq!(bench.status("VI_1").protocol_error, ProtocolError::NoError);
    let good = bench.packet(&bench.advertisement(50), LOWER);
    let mut far = good.clone();
    far.ttl = 254;
    let mut changed = good.clone();
    changed.payload[6] ^= 1;
    let peer = Bench::of(instance(Version::V2, 100));
    let other_version = peer.packet(&peer.advertisement(50), LOWER);
    for (packet, error) in [
        (far, ProtocolError::IpTtl),
        (changed, ProtocolError::Checksum),
        (other_version, ProtocolError::Version),
    ] {
        bench.handle(Event::Received(packet));
        assert_eq!(bench.status("VI_1").protocol_error, error);
    }
    bench.handle(Event::Received(good));
    assert_eq!(bench.status("VI_1").protocol_error, ProtocolError::Version);
    let expected = [ProtocolError::IpTtl, ProtocolError::Checksum, ProtocolError::Version];
    assert_eq!(refusals(&bench), expected.map(Refusal::Protocol));
}

#[test]
fn failures_of_authentication_are_told_of_by_kind() {
    let with_password = |password: &[u8; 8]| InstanceSettings {
        authentication: Some(AuthenticationSettings::Pass(*password)),
        ..instance(Version::V2, 100)
    };
    let mut bench = Bench::start(with_traps(with_password(b"s3cret\0\0")));
    let of_peer = |peer: InstanceSettings| {
        let peer = Bench::of(peer);
        peer.packet(&peer.advertisement(50), LOWER)
    };
    let mut unknown = of_peer(instance(Version::V2, 100));
    unknown.payload[4] = 9;
    bench.handle(Event::Received(of_peer(with_password(b"other\0\0\0"))));
    bench.handle(Event::Received(of_peer(instance(Version::V2, 100))));
    bench.handle(Event::Received(unknown));
    let expected = [
        Refusal::AuthFailure,
        Refusal::AuthTypeMismatch,
        Refusal::InvalidAuthType,
    ];
    assert_eq!(refusals(&bench), expected);
}

#[test]
fn nobody_is_told_who_does_not_want_to_know() {
    let mut bench = Bench::of(instance(Version::V3, 100));
    let mut far = bench.packet(&bench.advertisement(50), LOWER);
    far.ttl = 254;
    bench.handle(Event::Received(far));
    assert_eq!(refusals(&bench), []);
}

#[test]
fn a_flood_of_nonsense_is_not_passed_on() {
    let mut bench = Bench::start(with_traps(instance(Version::V3, 100)));
    let mut far = bench.packet(&bench.advertisement(50), LOWER);
    far.ttl = 254;
    for _ in 0..1_000 {
        bench.handle(Event::Received(far.clone()));
    }
    assert_eq!(refusals(&bench).len(), 10);
    assert_eq!(bench.status("VI_1").counters.ip_ttl_err, 1_000);
    bench.until(1.0);
    bench.handle(Event::Received(far));
    assert_eq!(refusals(&bench).len(), 11);
}

fn adjust(bench: &mut Bench, adjustment: Adjustment) {
    bench.handle(Event::Adjust {
        instance: "VI_1".into(),
        adjustment,
    });
}

#[test]
fn a_manager_changes_the_priority_until_the_next_reload() {
    let mut bench = Bench::master(instance(Version::V3, 100));
    adjust(&mut bench, Adjustment::Priority(120));
    bench.until(11.5);
    assert!(bench.sentences().contains(&"VI_1 advertises 120 on eth0".to_owned()));
    let status = bench.status("VI_1");
    assert_eq!((status.base_priority, status.effective_priority), (120, 120));
    let settings = bench.settings.clone();
    bench.handle(Event::Reload(Box::new(settings)));
    assert_eq!(bench.status("VI_1").effective_priority, 100);
    // None of these can be.
    for priority in [0, 255] {
        adjust(&mut bench, Adjustment::Priority(priority));
        assert_eq!(bench.status("VI_1").base_priority, 100);
    }
    let owner = starting_as(InitialState::Master, instance(Version::V3, 255));
    let mut bench = Bench::of(owner);
    adjust(&mut bench, Adjustment::Priority(100));
    assert_eq!(bench.status("VI_1").base_priority, 255);
}

#[test]
fn a_manager_forbids_and_allows_to_preempt() {
    let mut bench = Bench::of(instance(Version::V3, 100));
    adjust(&mut bench, Adjustment::Preempt(false));
    assert!(!bench.status("VI_1").preempt);
    for second in 1..8 {
        bench.until(f64::from(second));
        bench.hear(LOWER, 50);
    }
    assert_eq!(bench.state("VI_1"), State::Backup);
    adjust(&mut bench, Adjustment::Preempt(true));
    for second in 8..13 {
        bench.until(f64::from(second));
        if bench.state("VI_1") == State::Backup {
            bench.hear(LOWER, 50);
        }
    }
    assert_eq!(bench.state("VI_1"), State::Master);
}
