//! What a reload keeps, changes, adds and removes.

use holdfast_time::Duration;
use holdfast_vrrp::State;
use holdfast_vrrp::settings::{InstanceSettings, NodeSettings, Peer, Transmission, Version};

use crate::support::{Bench, HIGHER, LOWER, address, instance, node_of, second_instance, virtual_address};

fn v2() -> InstanceSettings {
    instance(Version::V2, 100)
}

fn reloaded(before: InstanceSettings, after: InstanceSettings) -> (Bench, Vec<String>) {
    let mut bench = Bench::master(before);
    bench.until(20.0);
    bench.forget();
    bench.reload(node_of(vec![after]));
    let sentences = bench.sentences();
    (bench, sentences)
}

#[test]
fn the_same_settings_change_nothing_at_all() {
    let (mut bench, sentences) = reloaded(v2(), v2());
    assert!(sentences.is_empty());
    bench.until(21.0);
    assert_eq!(
        bench.done(),
        ["20.609375s VI_1 advertises 100 on eth0"],
        "the grid goes on"
    );
}

#[test]
fn a_backup_keeps_its_timer_master_and_counters() {
    let mut bench = Bench::of(v2());
    bench.until(2.0);
    bench.hear(HIGHER, 200);
    bench.until(4.0);
    bench.forget();
    let before = bench.status("VI_1");
    bench.reload(node_of(vec![v2(), second_instance(Version::V2, 100)]));
    assert_eq!(bench.status("VI_1"), before);
    assert!(bench.actions.is_empty(), "the new instance waits for its interface");
    bench.until(5.609_374);
    assert_eq!(bench.state("VI_1"), State::Backup);
    bench.until(5.609_375);
    assert_eq!(bench.state("VI_1"), State::Master);
}

#[test]
fn an_added_address_is_added_and_announced_alone() {
    let mut after = v2();
    after.addresses.push(virtual_address("192.0.2.11/24"));
    let (bench, sentences) = reloaded(v2(), after);
    assert_eq!(
        sentences,
        [
            "VI_1 advertises 100 on eth0",
            "VI_1 adds 192.0.2.11/24 to eth0",
            "VI_1 announces 192.0.2.11 on eth0 x5",
        ]
    );
    assert_eq!(bench.status("VI_1").counters.become_master, 1);
}

#[test]
fn a_removed_address_is_removed_alone() {
    let mut before = v2();
    before.excluded.push(virtual_address("192.0.2.11/24"));
    let (_, sentences) = reloaded(before, v2());
    assert_eq!(
        sentences,
        ["VI_1 advertises 100 on eth0", "VI_1 removes 192.0.2.11/24 from eth0"]
    );
}

#[test]
fn another_order_moves_no_address() {
    let mut before = v2();
    before.addresses.push(virtual_address("192.0.2.11/24"));
    let mut after = before.clone();
    after.addresses.reverse();
    let (_, sentences) = reloaded(before, after);
    assert_eq!(sentences, ["VI_1 advertises 100 on eth0"]);
}

#[test]
fn another_option_of_an_address_replaces_it() {
    let mut after = v2();
    after.addresses[0].label = Some("eth0:1".to_owned());
    let (_, sentences) = reloaded(v2(), after);
    assert_eq!(
        sentences[1..],
        [
            "VI_1 removes 192.0.2.10/24 from eth0",
            "VI_1 adds 192.0.2.10/24 to eth0",
            "VI_1 announces 192.0.2.10 on eth0 x5",
        ]
    );
}

#[test]
fn an_address_that_moves_to_another_instance_stays_on_its_interface() {
    let first = v2();
    let second = InstanceSettings {
        name: "VI_2".to_owned(),
        vrid: 52,
        addresses: Vec::new(),
        ..v2()
    };
    let mut bench = Bench::start(node_of(vec![first.clone(), second.clone()]));
    bench.until(10.0);
    bench.forget();
    let moved = InstanceSettings {
        addresses: first.addresses.clone(),
        ..second
    };
    bench.reload(node_of(vec![
        InstanceSettings {
            addresses: vec![virtual_address("192.0.2.20/24")],
            ..first
        },
        moved.clone(),
    ]));
    let sentences = bench.sentences();
    assert!(sentences.contains(&"VI_1 adds 192.0.2.20/24 to eth0".to_owned()));
    assert!(
        !sentences.iter().any(|sentence| sentence.contains("192.0.2.10")),
        "{sentences:?}"
    );
    // Even when the instance that had it is gone.
    bench.reload(node_of(vec![moved]));
    let sentences = bench.sentences();
    assert!(sentences.contains(&"VI_1 removes 192.0.2.20/24 from eth0".to_owned()));
    assert!(
        !sentences.iter().any(|sentence| sentence.contains("192.0.2.10")),
        "{sentences:?}"
    );
}

#[test]
fn a_priority_counts_at_once() {
    let (mut bench, sentences) = reloaded(v2(), instance(Version::V2, 50));
    assert_eq!(sentences, ["VI_1 advertises 50 on eth0"]);
    bench.hear(LOWER, 60);
    assert_eq!(bench.state("VI_1"), State::Backup);

    // As a backup the running wait moves: skew 0.609375 s becomes 0.414063 s (106/256) with priority 150.
    let mut bench = Bench::of(v2());
    bench.until(1.0);
    bench.reload(node_of(vec![instance(Version::V2, 150)]));
    bench.until(3.414_062);
    assert_eq!(bench.state("VI_1"), State::Backup);
    bench.until(3.414_063);
    assert_eq!(bench.state("VI_1"), State::Master);
}

#[test]
fn an_interval_counts_at_once() {
    let faster = InstanceSettings {
        advert_interval: Duration::from_millis(100),
        ..instance(Version::V3, 100)
    };
    let (mut bench, sentences) = reloaded(instance(Version::V3, 100), faster);
    assert_eq!(sentences, ["VI_1 advertises 100 on eth0"]);
    bench.until(20.1);
    assert_eq!(bench.done(), ["20.100000s VI_1 advertises 100 on eth0"]);
}

#[test]
fn another_name_is_the_same_router() {
    let (bench, sentences) = reloaded(
        v2(),
        InstanceSettings {
            name: "VI_new".to_owned(),
            ..v2()
        },
    );
    assert_eq!(sentences, ["VI_new advertises 100 on eth0"]);
    assert_eq!(bench.state("VI_new"), State::Master);
}

#[test]
fn another_path_or_router_is_another_instance() {
    let peers = vec![Peer {
        address: address(HIGHER),
        min_ttl: 0,
        max_ttl: 255,
    }];
    let unicast = Transmission::Unicast {
        peers,
        ttl: 255,
        check_source: false,
    };
    for after in [
        InstanceSettings { vrid: 99, ..v2() },
        InstanceSettings {
            transmission: unicast,
            ..v2()
        },
        InstanceSettings {
            transmission: Transmission::Multicast {
                group: address("224.0.0.99"),
            },
            ..v2()
        },
    ] {
        let (bench, sentences) = reloaded(v2(), after);
        assert_eq!(
            sentences,
            [
                "VI_1 advertises 0 on eth0",
                "VI_1 removes 192.0.2.10/24 from eth0",
                "VI_1 MASTER -> DELETED: removed by a reload",
                "notify INSTANCE VI_1 FAULT 100",
                "VI_1 removes 192.0.2.10/24 from eth0",
                "VI_1 INIT -> BACKUP: started",
                "notify INSTANCE VI_1 BACKUP 100",
            ]
        );
        assert_eq!(bench.state("VI_1"), State::Backup);
    }
}

#[test]
fn a_removed_instance_is_reported_as_asked_for_and_forgotten() {
    let mut bench = Bench::master(InstanceSettings {
        notify_deleted: true,
        ..v2()
    });
    bench.reload(NodeSettings::default());
    assert_eq!(bench.sentences().last().unwrap(), "notify INSTANCE VI_1 DELETED 100");
    assert_eq!(bench.node.next_deadline(), None);
    assert!(bench.node.status().instances.is_empty());
    let mut bench = Bench::of(v2());
    bench.link("eth0", false);
    bench.forget();
    bench.reload(NodeSettings::default());
    assert_eq!(
        bench.sentences(),
        ["VI_1 FAULT -> DELETED: removed by a reload"],
        "FAULT is reported already"
    );
}

#[test]
fn all_removed_masters_resign_before_the_first_address_goes() {
    let mut bench = Bench::start(node_of(vec![v2(), second_instance(Version::V2, 100)]));
    bench.until(10.0);
    bench.forget();
    bench.reload(NodeSettings::default());
    let sentences = bench.sentences();
    assert_eq!(
        sentences[..2],
        ["VI_1 advertises 0 on eth0", "VI_2 advertises 0 on eth1"]
    );
    assert!(sentences[2].contains("removes"));
}

#[test]
fn a_newly_tracked_interface_counts_when_it_is_reported() {
    let tracked = holdfast_vrrp::settings::TrackedInterface {
        interface: "eth9".to_owned(),
        weight: 0,
        reverse: false,
    };
    let (mut bench, sentences) = reloaded(
        v2(),
        InstanceSettings {
            tracked_interfaces: vec![tracked],
            ..v2()
        },
    );
    assert_eq!(sentences, ["VI_1 advertises 100 on eth0"]);
    bench.link("eth9", false);
    assert_eq!(bench.state("VI_1"), State::Fault);
    bench.reload(node_of(vec![v2()]));
    assert_eq!(bench.state("VI_1"), State::Backup, "no longer tracked");
}

#[test]
fn the_startup_delay_is_for_the_start_only() {
    let mut bench = Bench::master(v2());
    let startup_delay = Duration::from_secs(30);
    bench.reload(NodeSettings {
        startup_delay,
        ..node_of(vec![v2()])
    });
    assert_eq!(bench.state("VI_1"), State::Master);
    bench.until(11.0);
    assert_eq!(bench.sentences(), ["VI_1 advertises 100 on eth0"]);
}
