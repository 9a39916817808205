//! The state tables of RFC 3768 and RFC 9568 (section 6.4 of both), row by row. Times are worked out from section 6.1:
//! skew = (256 - priority) / 256, master down = 3 x interval + skew.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "seconds of tests are small"
)]

use crate::support::{Bench, HIGHER, LOWER, OURS, at, instance, ipv6, node_of, starting_as};
use holdfast_time::Duration;
use holdfast_vrrp::settings::{InitialState, InstanceSettings, Version};
use holdfast_vrrp::{Event, State};

const BOTH: [Version; 2] = [Version::V2, Version::V3];

/// What a killed predecessor may have left is taken away first.
const START: [&str; 3] = [
    "VI_1 removes 192.0.2.10/24 from eth0",
    "VI_1 INIT -> BACKUP: started",
    "notify INSTANCE VI_1 BACKUP 100",
];

/// RFC 3768 6.1 and RFC 9568 6.1: priority 100 and 1 s give a skew of 0.609375 s in both versions.
const TAKEOVER: [&str; 5] = [
    "VI_1 advertises 100 on eth0",
    "VI_1 adds 192.0.2.10/24 to eth0",
    "VI_1 announces 192.0.2.10 on eth0 x5",
    "VI_1 BACKUP -> MASTER: master silent",
    "notify INSTANCE VI_1 MASTER 100",
];

fn stamped(time: &str, sentences: &[&str]) -> Vec<String> {
    sentences.iter().map(|sentence| format!("{time} {sentence}")).collect()
}

// 6.4.1 Initialize

#[test]
fn start_below_255_is_backup_with_the_master_down_timer() {
    for version in BOTH {
        let mut bench = Bench::of(instance(version, 100));
        assert_eq!(bench.sentences(), START);
        bench.until(3.609_374);
        assert!(bench.done().is_empty(), "one microsecond early it is silent");
        bench.until(3.609_375);
        assert_eq!(bench.done(), stamped("3.609375s", &TAKEOVER));
    }
}

#[test]
fn the_owner_is_master_at_once() {
    for version in BOTH {
        let mut bench = Bench::of(starting_as(InitialState::Master, instance(version, 255)));
        assert_eq!(
            bench.done(),
            stamped(
                "0.000000s",
                &[
                    "VI_1 advertises 255 on eth0",
                    "VI_1 adds 192.0.2.10/24 to eth0",
                    "VI_1 announces 192.0.2.10 on eth0 x5",
                    "VI_1 INIT -> MASTER: owner of the addresses",
                    "notify INSTANCE VI_1 MASTER 255",
                ]
            )
        );
        bench.until(1.0);
        assert_eq!(bench.done(), ["1.000000s VI_1 advertises 255 on eth0"]);
    }
}

/// keepalived 2.2.7 was seen to wait the whole master down time, alone and in a sync group, although its sources speak of
/// a shorter wait.
#[test]
fn state_master_waits_as_any_other() {
    let mut bench = Bench::of(starting_as(InitialState::Master, instance(Version::V2, 100)));
    assert_eq!(bench.state("VI_1"), State::Backup);
    bench.until(3.609_374);
    assert_eq!(bench.state("VI_1"), State::Backup);
    bench.until(3.609_375);
    assert_eq!(bench.state("VI_1"), State::Master);
}

#[test]
fn nothing_is_reported_before_the_interfaces_are_known() {
    let mut bench = Bench::dark(node_of(vec![instance(Version::V2, 100)]));
    bench.until(100.0);
    bench.hear(HIGHER, 200);
    assert_eq!(bench.status("VI_1").counters.advert_rcvd, 0);
    assert!(bench.actions.is_empty());
    assert_eq!(bench.state("VI_1"), State::Init);
    bench.light();
    assert_eq!(bench.sentences(), START);
}

#[test]
fn the_startup_delay_postpones_everything_but_what_a_killed_daemon_left() {
    let mut settings = node_of(vec![instance(Version::V2, 100)]);
    settings.startup_delay = Duration::from_millis(5500);
    let mut bench = Bench::start(settings);
    bench.until(5.4);
    assert_eq!(bench.done(), stamped("0.000000s", &START[..1]));
    bench.until(5.5 + 3.609_374);
    assert_eq!(bench.done(), stamped("5.500000s", &START[1..]));
    bench.until(5.5 + 3.609_375);
    assert_eq!(bench.done(), stamped("9.109375s", &TAKEOVER));
}

// 6.4.2 Backup

#[test]
fn priority_zero_leaves_only_the_skew() {
    for version in BOTH {
        let mut bench = Bench::of(instance(version, 100));
        bench.until(2.0);
        bench.hear(HIGHER, 200);
        bench.until(2.5);
        bench.hear(HIGHER, 0);
        assert!(
            bench
                .logs()
                .contains(&"(VI_1) Backup received priority 0 advertisement".to_owned())
        );
        bench.forget();
        bench.until(3.109_374);
        assert!(bench.done().is_empty());
        bench.until(3.109_375);
        assert_eq!(bench.done()[3], "3.109375s VI_1 BACKUP -> MASTER: master resigned");
    }
}

#[test]
fn a_higher_or_equal_priority_restarts_the_timer() {
    for version in BOTH {
        for priority in [100, 101, 255] {
            let mut bench = Bench::of(instance(version, 100));
            bench.until(3.5);
            bench.hear(LOWER, priority);
            bench.until(3.5 + 3.609_374);
            assert_eq!(bench.state("VI_1"), State::Backup);
            let status = bench.status("VI_1");
            assert_eq!(
                (status.master_address, status.master_priority),
                (Some(crate::support::address(LOWER)), priority)
            );
            bench.until(3.5 + 3.609_375);
            assert_eq!(bench.state("VI_1"), State::Master);
        }
    }
}

#[test]
fn a_lower_priority_is_discarded_with_preemption() {
    for version in BOTH {
        let mut bench = Bench::of(instance(version, 100));
        for time in [1.0, 2.0, 3.0, 3.6] {
            bench.until(time);
            bench.hear(HIGHER, 99);
        }
        bench.until(3.609_375);
        assert_eq!(bench.state("VI_1"), State::Master);
    }
}

#[test]
fn a_lower_priority_is_obeyed_without_preemption() {
    for version in BOTH {
        let mut bench = Bench::of(InstanceSettings {
            preempt: false,
            ..instance(version, 100)
        });
        for second in 1..20 {
            bench.until(f64::from(second));
            bench.hear(LOWER, 1);
        }
        assert_eq!(bench.state("VI_1"), State::Backup);
        bench.until(19.0 + 3.609_375);
        assert_eq!(
            bench.state("VI_1"),
            State::Master,
            "it still takes over from a silent one"
        );
    }
}

/// RFC 9568 6.4.2: `Active_Adver_Interval` is taken from the advertisement, skew and down interval follow from it.
/// Master at 3 s: skew (256 - 100) x 3 / 256 = 1.828125 s, down interval 10.828125 s.
#[test]
fn version_3_learns_the_interval_of_the_master() {
    let mut bench = Bench::of(instance(Version::V3, 100));
    bench.until(1.0);
    let slow = holdfast_vrrp::packet::Advertisement {
        interval: Duration::from_secs(3),
        ..bench.advertisement(200)
    };
    bench.handle(Event::Received(bench.packet(&slow, HIGHER)));
    assert_eq!(bench.status("VI_1").master_advert_interval, Duration::from_secs(3));
    bench.until(11.828_124);
    assert_eq!(bench.state("VI_1"), State::Backup);
    bench.until(11.828_125);
    assert_eq!(bench.state("VI_1"), State::Master);
    assert_eq!(
        bench.status("VI_1").master_advert_interval,
        Duration::from_secs(1),
        "a master has its own interval"
    );
}

/// The same with centiseconds: 0.1 s gives a skew of 0.0609375 s and a down interval of 0.3609375 s.
#[test]
fn version_3_counts_in_centiseconds() {
    let fast = InstanceSettings {
        advert_interval: Duration::from_millis(100),
        ..instance(Version::V3, 100)
    };
    let mut bench = Bench::of(fast);
    bench.until(0.360_937);
    assert_eq!(bench.state("VI_1"), State::Backup);
    bench.until(0.360_938);
    assert_eq!(bench.state("VI_1"), State::Master);
    bench.forget();
    bench.until(0.560_938);
    assert_eq!(
        bench.done(),
        [
            "0.460937s VI_1 advertises 100 on eth0",
            "0.560937s VI_1 advertises 100 on eth0"
        ]
    );
}

#[test]
fn skew_orders_the_backups_by_priority() {
    for (priority, micros) in [
        (1u8, 3_996_094u64),
        (100, 3_609_375),
        (150, 3_414_063),
        (254, 3_007_813),
    ] {
        let bench = Bench::of(instance(Version::V2, priority));
        let deadline = bench.node.next_deadline().unwrap().as_nanos();
        assert_eq!(deadline.div_ceil(1000), micros, "priority {priority}");
    }
}

#[test]
fn down_timer_adverts_counts_the_missed_ones() {
    let mut bench = Bench::of(InstanceSettings {
        down_timer_adverts: 5,
        ..instance(Version::V2, 100)
    });
    bench.until(5.609_374);
    assert_eq!(bench.state("VI_1"), State::Backup);
    bench.until(5.609_375);
    assert_eq!(bench.state("VI_1"), State::Master);
}

#[test]
fn shutdown_as_backup_sends_nothing() {
    let mut bench = Bench::of(instance(Version::V2, 100));
    bench.forget();
    bench.stop();
    assert_eq!(
        bench.sentences(),
        ["VI_1 BACKUP -> STOP: shutdown", "notify INSTANCE VI_1 STOP 100"]
    );
    assert_eq!(bench.node.next_deadline(), None);
}

// 6.4.3 Master

#[test]
fn a_master_advertises_every_interval() {
    for version in BOTH {
        let mut bench = Bench::of(instance(version, 100));
        bench.until(3.7);
        bench.forget();
        bench.until(6.7);
        let advertises = |time: &str| format!("{time} VI_1 advertises 100 on eth0");
        assert_eq!(
            bench.done(),
            [
                advertises("4.609375s"),
                advertises("5.609375s"),
                advertises("6.609375s")
            ]
        );
    }
}

#[test]
fn priority_zero_is_answered_at_once_and_restarts_the_interval() {
    for version in BOTH {
        let mut bench = Bench::master(instance(version, 100));
        bench.until(10.3);
        bench.hear(LOWER, 0);
        assert_eq!(bench.done(), ["10.300000s VI_1 advertises 100 on eth0"]);
        bench.until(11.3);
        assert_eq!(bench.done(), ["11.300000s VI_1 advertises 100 on eth0"]);
        assert_eq!(bench.status("VI_1").counters.pri_zero_rcvd, 1);
    }
}

#[test]
fn a_higher_priority_makes_the_master_a_silent_backup() {
    for version in BOTH {
        let mut bench = Bench::master(instance(version, 100));
        bench.hear(LOWER, 101);
        assert!(bench.logs().contains(&format!(
            "(VI_1) Master received advert from {LOWER} with higher priority 101, ours 100"
        )));
        assert_eq!(
            bench.sentences(),
            [
                "VI_1 removes 192.0.2.10/24 from eth0",
                "VI_1 MASTER -> BACKUP: 192.0.2.1 has higher priority 101",
                "notify INSTANCE VI_1 BACKUP 100",
            ]
        );
        bench.until(13.609_374);
        assert_eq!(bench.state("VI_1"), State::Backup);
        assert!(
            bench.done().is_empty(),
            "no announcement is left over from the master it was"
        );
        bench.until(13.609_375);
        assert_eq!(bench.state("VI_1"), State::Master);
    }
}

#[test]
fn equal_priorities_are_decided_by_the_higher_address() {
    for version in BOTH {
        let mut bench = Bench::master(instance(version, 100));
        bench.hear(LOWER, 100);
        assert_eq!(bench.state("VI_1"), State::Master);
        bench.hear(HIGHER, 100);
        assert_eq!(bench.state("VI_1"), State::Backup);
    }
    let mut bench = Bench::master(ipv6(instance(Version::V3, 100)));
    bench.hear("fe80::1", 100);
    assert_eq!(bench.state("VI_1"), State::Master);
    bench.hear("fe80::1:0:0:1", 100);
    assert_eq!(bench.state("VI_1"), State::Backup);
}

#[test]
fn equal_priority_from_our_own_address_changes_nothing() {
    let mut bench = Bench::master(instance(Version::V2, 100));
    bench.hear(OURS, 100);
    bench.hear(OURS, 100);
    assert_eq!(bench.logs().len(), 1);
    assert!(bench.sentences().is_empty());
    assert_eq!(bench.state("VI_1"), State::Master);
}

/// RFC 9568 6.4.3: the advertisement is discarded, and one is sent at once to assert who is master.
#[test]
fn a_lower_priority_is_answered_at_once_without_moving_the_interval() {
    let mut bench = Bench::master(instance(Version::V3, 100));
    bench.until(10.3);
    bench.hear(HIGHER, 99);
    assert_eq!(bench.done()[0], "10.300000s VI_1 advertises 100 on eth0");
    bench.until(10.7);
    assert_eq!(bench.done(), ["10.609375s VI_1 advertises 100 on eth0"]);

    let quiet = InstanceSettings {
        lower_prio_no_advert: true,
        ..instance(Version::V3, 100)
    };
    let mut bench = Bench::master(quiet);
    bench.hear(HIGHER, 99);
    assert!(!bench.sentences().iter().any(|sentence| sentence.contains("advertises")));
}

#[test]
fn shutdown_as_master_resigns_first() {
    for version in BOTH {
        let mut bench = Bench::master(instance(version, 100));
        bench.stop();
        assert!(bench.logs().contains(&"(VI_1) sent 0 priority".to_owned()));
        assert_eq!(
            bench.sentences(),
            [
                "VI_1 advertises 0 on eth0",
                "VI_1 removes 192.0.2.10/24 from eth0",
                "VI_1 MASTER -> STOP: shutdown",
                "notify INSTANCE VI_1 STOP 100",
            ]
        );
        assert_eq!(bench.node.next_deadline(), None);
        bench.link("eth0", false);
        bench.hear(HIGHER, 200);
        assert!(bench.actions.is_empty(), "silent for ever");
    }
}

#[test]
fn shutdown_can_leave_the_addresses() {
    let mut bench = Bench::master(instance(Version::V2, 100));
    bench.handle(Event::Shutdown { keep_addresses: true });
    assert!(!bench.sentences().iter().any(|sentence| sentence.contains("removes")));
}

// Owners

#[test]
fn the_owner_with_the_lower_address_gives_way() {
    let owner = || starting_as(InitialState::Master, instance(Version::V2, 255));
    let mut bench = Bench::master(owner());
    bench.hear(HIGHER, 255);
    assert_eq!(bench.state("VI_1"), State::Backup);
    bench.until(13.003_906);
    assert_eq!(bench.state("VI_1"), State::Backup);
    bench.until(13.003_907);
    assert_eq!(bench.state("VI_1"), State::Master);
}

#[test]
fn the_owner_with_the_higher_address_insists_and_then_yields_to_one_that_does_not_listen() {
    let mut bench = Bench::master(starting_as(InitialState::Master, instance(Version::V2, 255)));
    bench.until(10.5);
    bench.forget();
    bench.hear(LOWER, 255);
    let sentences = bench.sentences();
    assert_eq!(
        sentences[..2],
        ["VI_1 advertises 255 on eth0", "VI_1 advertises 255 on eth0"]
    );
    bench.until(11.6);
    bench.hear(LOWER, 255);
    assert_eq!(bench.state("VI_1"), State::Master, "1.2 intervals are not over");
    bench.until(11.8);
    bench.hear(LOWER, 255);
    assert_eq!(
        (bench.state("VI_1"), bench.status("VI_1").effective_priority),
        (State::Backup, 254)
    );
    // A configured owner counts as 255 in the skew, whatever it sends: 3 s and 1/256 s from 11.8 s on.
    bench.until(14.803_906);
    assert_eq!(bench.state("VI_1"), State::Backup);
    bench.until(14.803_907);
    assert_eq!(
        (bench.state("VI_1"), bench.status("VI_1").effective_priority),
        (State::Master, 255)
    );
}

#[test]
fn an_owner_may_ignore_everybody() {
    let owner = starting_as(InitialState::Master, instance(Version::V2, 255));
    let mut bench = Bench::master(InstanceSettings {
        owner_ignore_adverts: true,
        ..owner
    });
    bench.hear(HIGHER, 255);
    assert_eq!(bench.state("VI_1"), State::Master);
    assert_eq!(bench.status("VI_1").counters.advert_rcvd, 0);
}

// Preemption delay

#[test]
fn preempt_delay_starts_with_the_first_lower_advertisement() {
    let mut bench = Bench::of(InstanceSettings {
        preempt_delay: Duration::from_secs(10),
        ..instance(Version::V2, 100)
    });
    for second in 1..=11 {
        bench.until(f64::from(second));
        bench.hear(LOWER, 50);
    }
    // The one at 10 s was the last that restarted the wait: the delay ran from 1 s to 11 s.
    bench.until(13.609_374);
    assert_eq!(bench.state("VI_1"), State::Backup);
    bench.hear(LOWER, 50);
    bench.until(13.609_375);
    assert_eq!(bench.state("VI_1"), State::Master);
}

#[test]
fn a_better_master_stops_the_preempt_delay() {
    let mut bench = Bench::of(InstanceSettings {
        preempt_delay: Duration::from_secs(5),
        ..instance(Version::V2, 100)
    });
    for (second, priority) in [(1, 50), (2, 50), (3, 100), (4, 50), (5, 50), (6, 50), (7, 50), (8, 50)] {
        bench.until(f64::from(second));
        bench.hear(LOWER, priority);
    }
    // It ran again from 4 s, so the advertisement at 8 s was still accepted.
    bench.until(8.0 + 3.609_374);
    assert_eq!(bench.state("VI_1"), State::Backup);
}

// Time

/// Drawn out by its own stalls a master stays on its grid and does not send what it has missed.
#[test]
fn a_stall_neither_moves_the_grid_nor_causes_a_burst() {
    let mut bench = Bench::of(instance(Version::V2, 100));
    bench.until(8.7);
    bench.forget();
    bench.stall_until(12.9);
    bench.handle(Event::DeadlineReached);
    assert!(
        bench
            .logs()
            .contains(&"(VI_1) A thread timer expired 3.290625 seconds ago".to_owned())
    );
    assert_eq!(bench.done(), ["12.900000s VI_1 advertises 100 on eth0"]);
    bench.until(14.0);
    assert_eq!(bench.done(), ["13.609375s VI_1 advertises 100 on eth0"]);

    bench.stall_until(14.7);
    bench.handle(Event::DeadlineReached);
    bench.until(15.7);
    assert_eq!(
        bench.done(),
        [
            "14.700000s VI_1 advertises 100 on eth0",
            "15.609375s VI_1 advertises 100 on eth0"
        ],
        "a little lateness is not handed on"
    );
}

/// A stalled backup that finds the master's advertisement in its socket believes that and not its timer.
#[test]
fn a_late_backup_believes_the_packet_before_the_timer() {
    let mut bench = Bench::of(instance(Version::V2, 100));
    bench.hear(HIGHER, 200);
    bench.stall_until(9.0);
    bench.hear(HIGHER, 200);
    bench.handle(Event::DeadlineReached);
    assert_eq!(bench.state("VI_1"), State::Backup);
    assert!(bench.node.next_deadline().unwrap() > bench.now);
}

fn stall(bench: &mut Bench, ms: u64) {
    bench.handle(Event::Stalled {
        length: Duration::from_millis(ms),
    });
}

/// After a stall the advertisement may have been lost in a full socket: it takes one more interval of silence, and the skew.
#[test]
fn a_backup_that_stalled_listens_once_more() {
    let mut bench = Bench::of(instance(Version::V2, 100));
    bench.hear(HIGHER, 200);
    bench.forget();
    bench.stall_until(9.0);
    stall(&mut bench, 5_000);
    bench.handle(Event::DeadlineReached);
    assert_eq!(bench.state("VI_1"), State::Backup);
    // 9 + 1 + (256 - 100) / 256
    assert_eq!(bench.node.next_deadline().unwrap().to_string(), "10.609375s");
    bench.until(11.0);
    assert_eq!(bench.state("VI_1"), State::Master);
    assert_eq!(bench.done()[0], "10.609375s VI_1 advertises 100 on eth0");
}

#[test]
fn a_stall_shortens_no_wait_and_is_over_with_the_next_advertisement() {
    let mut bench = Bench::of(instance(Version::V2, 100));
    bench.hear(HIGHER, 200);
    let due = bench.node.next_deadline();
    stall(&mut bench, 1_500);
    assert_eq!(bench.node.next_deadline(), due);
    // Shorter than an interval: no advertisement can have been lost.
    bench.until(3.5);
    stall(&mut bench, 999);
    assert_eq!(bench.node.next_deadline(), due);
    stall(&mut bench, 1_000);
    assert_eq!(bench.node.next_deadline(), Some(at(3.5 + 1.609_375)));
    bench.until(4.0);
    bench.hear(HIGHER, 200);
    assert_eq!(bench.node.next_deadline(), Some(at(4.0 + 3.609_375)));
}

#[test]
fn a_stall_moves_neither_a_master_nor_a_farewell() {
    let mut bench = Bench::of(instance(Version::V2, 100));
    bench.hear(HIGHER, 200);
    bench.hear(HIGHER, 0);
    let due = bench.node.next_deadline();
    stall(&mut bench, 5_000);
    assert_eq!(bench.node.next_deadline(), due, "the master has resigned");
    bench.until(1.0);
    let due = bench.node.next_deadline();
    assert_eq!(bench.state("VI_1"), State::Master);
    stall(&mut bench, 5_000);
    assert_eq!(bench.node.next_deadline(), due);
}

#[test]
fn lateness_is_counted() {
    let mut bench = Bench::of(instance(Version::V2, 100));
    bench.until(8.0);
    let before = bench.node.lateness();
    assert_eq!(before.max(), Duration::ZERO);
    bench.stall_until(9.109_375);
    bench.handle(Event::DeadlineReached);
    let after = bench.node.lateness();
    assert_eq!(
        after.total(),
        before.total() + 2,
        "an advertisement, and the second burst"
    );
    assert_eq!(after.max(), Duration::from_millis(500));
}

#[test]
fn an_early_or_repeated_deadline_does_no_harm() {
    let mut bench = Bench::of(instance(Version::V2, 100));
    bench.forget();
    bench.until(3.0);
    bench.handle(Event::DeadlineReached);
    assert!(bench.actions.is_empty());
    bench.until(3.7);
    bench.forget();
    bench.handle(Event::DeadlineReached);
    assert!(bench.actions.is_empty());
}
