//! Gratuitous ARP and neighbour advertisements, conflicts, and addresses that others remove.

use holdfast_time::Duration;
use holdfast_vrrp::packet::Advertisement;
use holdfast_vrrp::settings::{AnnounceSettings, InstanceSettings, Version};
use holdfast_vrrp::{Action, Event, State};

use crate::support::{Bench, HIGHER, LOWER, address, instance, node_of, virtual_address};

fn announcing(announce: AnnounceSettings) -> InstanceSettings {
    InstanceSettings {
        announce,
        ..instance(Version::V2, 100)
    }
}

fn only_announcements(done: Vec<String>) -> Vec<String> {
    done.into_iter()
        .filter(|sentence| sentence.contains("announces"))
        .collect()
}

/// keepalived: `garp_master_repeat` (5) at once, again after `garp_master_delay` (5 s), then silence.
#[test]
fn a_new_master_announces_in_two_bursts() {
    let mut bench = Bench::of(announcing(AnnounceSettings::default()));
    bench.until(60.0);
    assert_eq!(
        only_announcements(bench.done()),
        [
            "3.609375s VI_1 announces 192.0.2.10 on eth0 x5",
            "8.609375s VI_1 announces 192.0.2.10 on eth0 x5"
        ]
    );
}

#[test]
fn delay_zero_means_one_burst() {
    let once = AnnounceSettings {
        master_delay: Duration::ZERO,
        master_repeat: 1,
        ..AnnounceSettings::default()
    };
    let mut bench = Bench::of(announcing(once));
    bench.until(60.0);
    assert_eq!(
        only_announcements(bench.done()),
        ["3.609375s VI_1 announces 192.0.2.10 on eth0 x1"]
    );
}

/// keepalived's `SendGarp` on D-Bus: once for each address, in any state but MASTER nothing.
#[test]
fn a_master_announces_on_request() {
    let once = AnnounceSettings {
        master_delay: Duration::ZERO,
        master_repeat: 1,
        ..AnnounceSettings::default()
    };
    let mut bench = Bench::of(announcing(once));
    let ask = |instance: &str| Event::Announce {
        instance: instance.into(),
    };
    bench.until(2.0);
    bench.handle(ask("VI_1"));
    bench.until(10.0);
    bench.handle(ask("VI_1"));
    bench.handle(ask("VI_9"));
    bench.until(60.0);
    assert_eq!(
        only_announcements(bench.done()),
        [
            "3.609375s VI_1 announces 192.0.2.10 on eth0 x1",
            "10.000000s VI_1 announces 192.0.2.10 on eth0 x1"
        ]
    );
}

/// keepalived: the first refresh comes `garp_master_delay` + `garp_master_refresh` after becoming master.
#[test]
fn refresh_repeats_for_ever() {
    let refresh = Duration::from_secs(20);
    let mut bench = Bench::of(announcing(AnnounceSettings {
        refresh,
        refresh_repeat: 2,
        ..AnnounceSettings::default()
    }));
    bench.until(70.0);
    assert_eq!(
        only_announcements(bench.done())[2..],
        [
            "28.609375s VI_1 announces 192.0.2.10 on eth0 x2",
            "48.609375s VI_1 announces 192.0.2.10 on eth0 x2",
            "68.609375s VI_1 announces 192.0.2.10 on eth0 x2",
        ]
    );
    bench.hear(HIGHER, 200);
    bench.forget();
    bench.until(73.0);
    assert!(
        only_announcements(bench.done()).is_empty(),
        "not after it has given way"
    );
}

#[test]
fn a_conflict_is_announced_reported_and_announced_again_when_it_is_over() {
    let mut bench = Bench::master(announcing(AnnounceSettings::default()));
    bench.hear(LOWER, 50);
    assert_eq!(
        bench.logs(),
        ["(VI_1) Received advert from 192.0.2.1 with lower priority 50, ours 100, forcing new election"]
    );
    assert_eq!(
        bench.sentences(),
        [
            "VI_1 advertises 100 on eth0",
            "notify INSTANCE VI_1 MASTER_RX_LOWER_PRI 100",
            "VI_1 announces 192.0.2.10 on eth0 x5",
        ]
    );
    assert!(bench.status("VI_1").in_conflict);
    // Its next advert does not come: it has given way. The second burst comes garp_lower_prio_delay (5 s) after the last one.
    bench.until(12.9);
    assert!(bench.status("VI_1").in_conflict);
    assert_eq!(
        only_announcements(bench.done()),
        ["11.250000s VI_1 announces 192.0.2.10 on eth0 x5"]
    );
    // Three intervals of silence end it.
    bench.until(30.0);
    assert!(!bench.status("VI_1").in_conflict);
    assert!(
        bench
            .logs()
            .iter()
            .any(|line| line.contains("is silent again after 0.000 s"))
    );
    assert_eq!(
        only_announcements(bench.done()),
        ["16.250000s VI_1 announces 192.0.2.10 on eth0 x5"]
    );
}

#[test]
fn a_lasting_conflict_is_announced_with_growing_gaps() {
    let single = AnnounceSettings {
        lower_prio_delay: Duration::ZERO,
        ..AnnounceSettings::default()
    };
    let mut bench = Bench::master(announcing(single));
    for second in 10..=50 {
        bench.until(f64::from(second));
        bench.hear(LOWER, 50);
    }
    let done = bench.done();
    let answers = done
        .iter()
        .filter(|sentence| sentence.ends_with("advertises 100 on eth0"))
        .count();
    assert_eq!(
        answers,
        41 + 40,
        "every advertisement is answered, and the grid goes on"
    );
    assert_eq!(
        only_announcements(done),
        ["10", "11", "13", "17", "25", "41"]
            .map(|second| format!("{second}.000000s VI_1 announces 192.0.2.10 on eth0 x5"))
    );
}

/// Found by the simulation: of three masters the middle one hears the worst one, announces itself after the best one did,
/// and then gives way with a last word.
#[test]
fn a_last_word_is_followed_by_an_announcement() {
    let single = AnnounceSettings {
        lower_prio_delay: Duration::ZERO,
        ..AnnounceSettings::default()
    };
    let mut bench = Bench::master(announcing(single));
    bench.hear(LOWER, 70);
    bench.until(10.001);
    bench.forget();
    bench.hear(LOWER, 70);
    assert_eq!(
        bench.sentences(),
        ["VI_1 advertises 100 on eth0", "VI_1 announces 192.0.2.10 on eth0 x5"],
        "neither logged nor reported once more"
    );
    // Not for ever: nobody can make us announce with each packet.
    for millisecond in 2..=99 {
        bench.until(10.0 + f64::from(millisecond) / 1_000.0);
        bench.hear(LOWER, 70);
    }
    assert_eq!(only_announcements(bench.done()).len(), 3);
}

fn silent_to_worse() -> InstanceSettings {
    InstanceSettings {
        lower_prio_no_advert: true,
        ..announcing(AnnounceSettings {
            lower_prio_delay: Duration::ZERO,
            ..AnnounceSettings::default()
        })
    }
}

/// Found by the simulation (seeds 196741, 1015742 and 1120081): a loser that gets no answer goes on until our next advert, and
/// may announce itself meanwhile. Its last word then comes at any moment, also when its next advert is due.
#[test]
fn a_last_word_may_come_in_turn_where_worse_masters_get_no_answer() {
    let mut bench = Bench::master(silent_to_worse());
    let mut announced = |until: f64, hears: bool| {
        bench.until(until);
        if hears {
            bench.hear(LOWER, 70);
        }
        only_announcements(bench.done())
    };
    let at = |moment: &str| vec![format!("{moment} VI_1 announces 192.0.2.10 on eth0 x5")];
    assert_eq!(announced(10.1, true), at("10.100000s"), "the conflict begins");
    assert!(
        announced(10.601, true).is_empty(),
        "in turn, and we have not spoken since"
    );
    assert_eq!(announced(11.1, true), at("11.100000s"), "the next burst of a conflict");
    assert_eq!(
        announced(12.1, true),
        at("12.100000s"),
        "the first one after our advert at 11.6"
    );
    // Not for ever, if it does not hear us.
    for second in [13.1, 14.1, 15.1, 16.1, 17.1, 18.1, 19.1, 20.1, 21.1] {
        let _ = announced(second, true);
    }
    assert!(announced(22.1, true).is_empty());
}

/// A loser that gives way without a word, as keepalived's do, may have announced itself after our last burst.
#[test]
fn a_rival_that_falls_silent_has_given_way() {
    let mut bench = Bench::master(silent_to_worse());
    bench.hear(LOWER, 70);
    bench.until(10.4);
    bench.forget();
    bench.until(30.0);
    assert_eq!(
        only_announcements(bench.done()),
        ["11.250000s VI_1 announces 192.0.2.10 on eth0 x5"],
        "once, and not again when the conflict is over"
    );
}

/// One that loses every other advert is no reason to announce without end.
#[test]
fn a_rival_that_is_heard_now_and_then_is_announced_with_growing_gaps() {
    let mut bench = Bench::master(InstanceSettings {
        lower_prio_no_advert: false,
        ..silent_to_worse()
    });
    for second in (10..=100).step_by(2) {
        bench.until(f64::from(second));
        bench.hear(LOWER, 70);
    }
    let done = only_announcements(bench.done());
    let late = done
        .iter()
        .filter_map(|sentence| sentence.split_once("0000s VI_1 announces"));
    let late: Vec<&str> = late
        .map(|(moment, _)| moment)
        .skip_while(|moment| *moment < "26")
        .collect();
    assert_eq!(
        late,
        [
            "26.00", "27.25", "29.25", "31.25", "33.25", "42.00", "43.25", "45.25", "47.25", "49.25", "74.00", "75.25",
            "77.25", "79.25", "81.25"
        ],
        "a burst of the conflict, and four doubts until the next one"
    );
}

/// What a last word says of the interval, backups of version 3 take for their master's.
#[test]
fn a_last_word_says_the_interval_of_the_better_master() {
    let intervals = |version: Version, theirs: Duration| {
        let mut bench = Bench::master(InstanceSettings {
            higher_prio_send_advert: true,
            ..instance(version, 100)
        });
        let better = Advertisement {
            interval: theirs,
            ..bench.advertisement(200)
        };
        let packet = bench.packet(&better, HIGHER);
        bench.handle(Event::Received(packet));
        assert_eq!(bench.state("VI_1"), State::Backup);
        let sent = bench.actions.iter().find_map(|(_, action)| match action {
            Action::SendAdvertisement { bytes, .. } => Some(bytes[4..6].to_vec()),
            _ => None,
        });
        sent.unwrap()
    };
    assert_eq!(intervals(Version::V3, Duration::from_secs(4)), 400_u16.to_be_bytes());
    assert_eq!(intervals(Version::V3, Duration::from_millis(50)), 5_u16.to_be_bytes());
    assert_eq!(
        intervals(Version::V2, Duration::from_secs(1)),
        [0, 1],
        "no authentication, one second"
    );
}

#[test]
fn announcing_in_conflicts_can_be_turned_off() {
    let never = AnnounceSettings {
        lower_prio_repeat: 0,
        ..AnnounceSettings::default()
    };
    let mut bench = Bench::master(announcing(never));
    bench.hear(LOWER, 50);
    bench.until(30.0);
    assert!(only_announcements(bench.done()).is_empty());
}

/// The last word of a master that was just relieved: announced once more, but neither logged nor reported as a conflict.
#[test]
fn a_farewell_right_after_the_takeover_is_no_conflict() {
    let mut bench = Bench::of(instance(Version::V2, 100));
    bench.until(3.61);
    bench.forget();
    bench.hear(LOWER, 50);
    assert_eq!(
        bench.sentences(),
        ["VI_1 advertises 100 on eth0", "VI_1 announces 192.0.2.10 on eth0 x5"]
    );
    assert!(!bench.status("VI_1").in_conflict);
}

#[test]
fn the_loser_says_farewell() {
    let mut bench = Bench::master(InstanceSettings {
        higher_prio_send_advert: true,
        ..instance(Version::V2, 100)
    });
    bench.hear(LOWER, 200);
    assert_eq!(bench.sentences()[0], "VI_1 advertises 100 on eth0");
    assert_eq!(bench.state("VI_1"), State::Backup);
}

fn lose(bench: &mut Bench, lost: &str) {
    bench.handle(Event::AddressLost {
        interface: "eth0".to_owned(),
        address: address(lost),
    });
}

#[test]
fn a_removed_address_is_put_back_and_announced_with_growing_waits() {
    let mut bench = Bench::master(instance(Version::V2, 100));
    bench.until(20.0);
    bench.forget();
    lose(&mut bench, "192.0.2.10");
    let restored = [
        "VI_1 adds 192.0.2.10/24 to eth0",
        "VI_1 announces 192.0.2.10 on eth0 x5",
    ];
    assert_eq!(bench.sentences(), restored);
    let mut times = Vec::new();
    for _ in 0..5 {
        lose(&mut bench, "192.0.2.10");
        lose(&mut bench, "192.0.2.10");
        while !bench
            .actions
            .iter()
            .any(|(_, action)| format!("{action:?}").starts_with("AddAddresses"))
        {
            let due = bench.node.next_deadline().unwrap();
            bench.now = due;
            bench.handle(Event::DeadlineReached);
        }
        times.push(bench.now.to_string());
        bench.forget();
    }
    assert_eq!(
        times,
        ["21.000000s", "23.000000s", "27.000000s", "35.000000s", "51.000000s"]
    );
    assert_eq!(bench.state("VI_1"), State::Master);
    // After a long quiet time the first one is put back at once again.
    bench.until(400.0);
    bench.forget();
    lose(&mut bench, "192.0.2.10");
    assert_eq!(bench.sentences(), restored);
}

#[test]
fn addresses_that_are_not_held_or_not_tracked_are_not_put_back() {
    let mut settings = instance(Version::V2, 100);
    settings.addresses.push(virtual_address("192.0.2.11/24"));
    settings.addresses[1].track = false;
    let mut bench = Bench::start(node_of(vec![settings]));
    bench.forget();
    lose(&mut bench, "192.0.2.10");
    assert!(bench.actions.is_empty(), "a backup holds nothing");
    bench.until(4.0);
    bench.forget();
    lose(&mut bench, "192.0.2.11");
    lose(&mut bench, "192.0.2.99");
    bench.handle(Event::AddressLost {
        interface: "eth1".to_owned(),
        address: address("192.0.2.10"),
    });
    assert!(bench.actions.is_empty());
    lose(&mut bench, "192.0.2.10");
    bench.hear(HIGHER, 200);
    bench.forget();
    lose(&mut bench, "192.0.2.10");
    assert!(bench.actions.is_empty(), "its own removal is no loss");
}

/// The second burst planned in a conflict dies with the mastership it belonged to.
#[test]
fn a_new_mastership_does_not_inherit_a_burst() {
    let loud_in_conflicts = AnnounceSettings {
        master_repeat: 1,
        lower_prio_repeat: 9,
        ..AnnounceSettings::default()
    };
    let mut bench = Bench::master(announcing(loud_in_conflicts));
    bench.hear(LOWER, 50);
    bench.hear(LOWER, 200);
    bench.forget();
    bench.until(30.0);
    assert_eq!(
        only_announcements(bench.done()),
        [
            "13.609375s VI_1 announces 192.0.2.10 on eth0 x1",
            "18.609375s VI_1 announces 192.0.2.10 on eth0 x1",
        ]
    );
}
