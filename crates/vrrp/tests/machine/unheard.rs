//! `timer_expired_backup`: a master that stood still for longer than it takes another router to become master gives way.

use holdfast_vrrp::settings::{GroupSettings, InstanceSettings, NodeSettings, Version};
use holdfast_vrrp::{Event, State};

use crate::support::{Bench, LOWER, instance, second_instance};

/// Priority 200 here, and 128 is the best of the others: version 2 waits 3 s and a skew of 128/256 s.
fn settings(version: Version) -> InstanceSettings {
    InstanceSettings {
        preempt: false,
        timer_expired_backup: Some(128),
        ..instance(version, 200)
    }
}

/// When the last advertisement left, in seconds; the next one is due one second later.
fn last_sent(bench: &mut Bench) -> f64 {
    let due = bench.node.next_deadline().unwrap();
    let due = due.since(holdfast_time::Timestamp::ZERO).as_secs_f64();
    due - 1.0
}

#[test]
fn a_master_that_stood_still_for_long_gives_way_unheard() {
    let mut bench = Bench::master(settings(Version::V2));
    let end = last_sent(&mut bench) + 3.5;
    bench.stall_until(end);
    bench.handle(Event::DeadlineReached);
    assert_eq!(
        bench.sentences(),
        [
            "VI_1 removes 192.0.2.10/24 from eth0",
            "VI_1 MASTER -> BACKUP: own advertisements late, another router is master by now",
            "notify INSTANCE VI_1 BACKUP 200",
        ],
        "not a word to the router that is master by now"
    );
    bench.hear(LOWER, 128);
    bench.until(end + 3.2);
    assert_eq!(bench.state("VI_1"), State::Backup);
}

#[test]
fn a_shorter_stall_changes_nothing() {
    for version in [Version::V2, Version::V3] {
        let mut bench = Bench::master(settings(version));
        let end = last_sent(&mut bench) + 3.49;
        bench.stall_until(end);
        bench.handle(Event::DeadlineReached);
        assert_eq!(bench.sentences(), ["VI_1 advertises 200 on eth0"]);
    }
}

#[test]
fn without_the_word_a_master_goes_on() {
    let mut bench = Bench::master(InstanceSettings {
        timer_expired_backup: None,
        ..settings(Version::V2)
    });
    bench.stall_until(60.0);
    bench.handle(Event::DeadlineReached);
    assert_eq!(bench.state("VI_1"), State::Master);
}

/// What waits in the socket is heard before the deadline: an answer to it would call the other master back.
#[test]
fn the_new_masters_advertisement_is_not_answered() {
    let mut bench = Bench::master(settings(Version::V2));
    bench.stall_until(60.0);
    bench.hear(LOWER, 128);
    assert_eq!(
        bench.sentences(),
        [
            "VI_1 removes 192.0.2.10/24 from eth0",
            "VI_1 MASTER -> BACKUP: own advertisements late, another router is master by now",
            "notify INSTANCE VI_1 BACKUP 200",
        ]
    );
    assert_eq!(
        bench.status("VI_1").master_address,
        Some(crate::support::address(LOWER))
    );
}

#[test]
fn version_3_counts_the_skew_in_its_own_interval() {
    let mut bench = Bench::master(InstanceSettings {
        advert_interval: holdfast_time::Duration::from_millis(500),
        ..settings(Version::V3)
    });
    let due = bench
        .node
        .next_deadline()
        .unwrap()
        .since(holdfast_time::Timestamp::ZERO);
    let sent = due.as_secs_f64() - 0.5;
    bench.stall_until(sent + 1.749);
    bench.handle(Event::DeadlineReached);
    assert_eq!(bench.state("VI_1"), State::Master);
    bench.stall_until(sent + 1.749 + 1.750);
    bench.handle(Event::DeadlineReached);
    assert_eq!(bench.state("VI_1"), State::Backup);
}

#[test]
fn the_group_follows() {
    let mut bench = Bench::start(NodeSettings {
        instances: vec![settings(Version::V2), second_instance(Version::V2, 200)],
        groups: vec![GroupSettings {
            name: "VG".to_owned(),
            members: vec!["VI_1".to_owned(), "VI_2".to_owned()],
            ..GroupSettings::default()
        }],
        ..NodeSettings::default()
    });
    bench.until(10.0);
    assert_eq!(bench.state("VI_2"), State::Master);
    bench.stall_until(60.0);
    bench.handle(Event::DeadlineReached);
    assert_eq!(
        (bench.state("VI_1"), bench.state("VI_2")),
        (State::Backup, State::Backup)
    );
}
