//! What a reload keeps, changes, adds and removes.

use std::collections::BTreeMap;
use std::net::IpAddr;

use holdfast_time::Duration;
use holdfast_vrrp::settings::{InstanceSettings, NodeSettings, Peer, Transmission, Version};
use holdfast_vrrp::{Action, State, VirtualAddress};
use proptest::prelude::*;

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
fn what_the_kernel_does_not_know_moves_no_address() {
    let mut after = v2();
    after.addresses[0].interface = Some("eth0".to_owned());
    after.addresses[0].track = false;
    let (_, sentences) = reloaded(v2(), after);
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

/// Addresses of the kernel, which takes an address with the same prefix only once and keeps the first one's options.
type Kernel = BTreeMap<(String, IpAddr, u8), VirtualAddress>;

fn apply(kernel: &mut Kernel, actions: Vec<Action>) {
    let key = |interface: &str, held: &VirtualAddress| (interface.to_owned(), held.address, held.prefix_len);
    for action in actions {
        match action {
            Action::AddAddresses {
                interface, addresses, ..
            } => {
                for held in addresses {
                    kernel.entry(key(&interface, &held)).or_insert(held);
                }
            }
            Action::RemoveAddresses {
                interface, addresses, ..
            } => {
                for held in addresses {
                    kernel.remove(&key(&interface, &held));
                }
            }
            _ => {}
        }
    }
}

/// Three possible routers; each address is given to one of them or to none, with one of two labels.
fn arrangement() -> impl Strategy<Value = NodeSettings> {
    let owners = proptest::collection::vec(proptest::option::of((0usize..3, any::<bool>())), 6);
    (any::<[bool; 3]>(), owners).prop_map(|(present, owners)| {
        let addresses = |router: usize| {
            let mine = owners.iter().enumerate().filter_map(move |(host, owner)| {
                let label = owner.filter(|(owner, _)| *owner == router)?.1;
                let plain = virtual_address(&format!("192.0.2.{}/24", 10 + host));
                Some(VirtualAddress {
                    label: label.then(|| "eth0:1".to_owned()),
                    ..plain
                })
            });
            mine.collect::<Vec<_>>()
        };
        let router = |index: usize| InstanceSettings {
            name: format!("VI_{index}"),
            vrid: 10 + u8::try_from(index).unwrap(),
            addresses: addresses(index),
            ..v2()
        };
        node_of((0..3).filter(|index| present[*index]).map(router).collect())
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is reloaded after whatever: the interface carries exactly what the masters are configured to hold.
    #[test]
    fn the_kernel_follows_every_reload(arrangements in proptest::collection::vec((arrangement(), any::<bool>()), 1..6)) {
        let mut bench = Bench::start(NodeSettings::default());
        let mut kernel = Kernel::new();
        let mut time = 0.0;
        for (settings, wait) in arrangements {
            bench.reload(settings);
            bench.light();
            if wait {
                time += 10.0;
                bench.until(time);
            }
            apply(&mut kernel, std::mem::take(&mut bench.actions).into_iter().map(|(_, action)| action).collect());
            let masters = bench.settings.instances.iter().filter(|settings| bench.state(&settings.name) == State::Master);
            let wanted: Vec<&VirtualAddress> = masters.flat_map(|settings| &settings.addresses).collect();
            let held: Vec<&VirtualAddress> = kernel.values().collect();
            prop_assert!(wanted.iter().all(|address| held.contains(address)), "wanted {wanted:?}, held {held:?}");
            prop_assert_eq!(held.len(), wanted.len());
        }
    }
}
