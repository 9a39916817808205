//! Interfaces, source addresses and what they do to the priority.

use holdfast_vrrp::settings::{
    Family, InitialState, InstanceSettings, Peer, TrackedInterface, TrackedScript, Transmission, Version,
};
use holdfast_vrrp::{Event, Fault, SourcePlace, State};

use crate::support::{Bench, HIGHER, LOWER, OURS, address, instance, ipv6, node_of, starting_as, virtual_address};

fn tracking(weight: i32, reverse: bool) -> InstanceSettings {
    let tracked = TrackedInterface {
        interface: "eth9".to_owned(),
        weight,
        reverse,
    };
    InstanceSettings {
        tracked_interfaces: vec![tracked],
        ..instance(Version::V2, 100)
    }
}

#[test]
fn a_master_that_loses_its_link_resigns_and_lets_go() {
    let mut bench = Bench::master(instance(Version::V2, 100));
    bench.link("eth0", false);
    assert!(
        bench
            .logs()
            .contains(&"(VI_1) entering FAULT state (interface eth0 down)".to_owned())
    );
    assert_eq!(
        bench.sentences(),
        [
            "VI_1 advertises 0 on eth0",
            "VI_1 removes 192.0.2.10/24 from eth0",
            "VI_1 MASTER -> FAULT: interface eth0 down",
            "notify INSTANCE VI_1 FAULT 100",
        ]
    );
    assert_eq!(bench.node.next_deadline(), None);
    bench.until(20.0);
    bench.hear(LOWER, 50);
    assert!(bench.actions.is_empty(), "out of the election");

    bench.link("eth0", true);
    assert_eq!(
        bench.sentences(),
        ["VI_1 FAULT -> BACKUP: fault cleared", "notify INSTANCE VI_1 BACKUP 100"]
    );
    bench.until(23.609_375);
    assert_eq!(bench.state("VI_1"), State::Master);
}

#[test]
fn repeated_news_are_no_news() {
    let mut bench = Bench::master(instance(Version::V2, 100));
    bench.light();
    assert!(bench.actions.is_empty());
}

#[test]
fn a_fault_at_start_is_reported_once_and_heals() {
    let mut bench = Bench::dark(node_of(vec![instance(Version::V2, 100)]));
    bench.link("eth0", false);
    assert_eq!(
        bench.sentences(),
        [
            "VI_1 removes 192.0.2.10/24 from eth0",
            "VI_1 INIT -> FAULT: interface eth0 down",
            "notify INSTANCE VI_1 FAULT 100",
        ]
    );
    bench.link("eth0", false);
    assert!(bench.actions.is_empty());
    bench.link("eth0", true);
    assert_eq!(
        bench.state("VI_1"),
        State::Fault,
        "nothing is known of the source address"
    );
    bench.source("eth0", Family::Ipv4, Some(OURS));
    assert_eq!(bench.state("VI_1"), State::Backup);
}

#[test]
fn no_source_address_is_a_fault_that_waits() {
    for (settings, family, source) in [
        (instance(Version::V2, 100), Family::Ipv4, OURS),
        (ipv6(instance(Version::V3, 100)), Family::Ipv6, "fe80::2"),
    ] {
        let mut bench = Bench::dark(node_of(vec![settings]));
        bench.link("eth0", true);
        bench.source("eth0", family, None);
        assert_eq!(bench.state("VI_1"), State::Fault);
        assert_eq!(bench.status("VI_1").faults, [Fault::NoSourceAddress("eth0".to_owned())]);
        bench.source("eth0", family, Some(source));
        assert_eq!(bench.state("VI_1"), State::Backup);
    }
}

#[test]
fn a_configured_source_needs_no_address_of_the_interface() {
    let mut bench = Bench::dark(node_of(vec![InstanceSettings {
        source: Some(address(HIGHER)),
        ..instance(Version::V2, 100)
    }]));
    bench.link("eth0", true);
    bench.until(10.0);
    assert_eq!(bench.status("VI_1").master_address, Some(address(HIGHER)));
    bench.source("eth0", Family::Ipv4, None);
    assert_eq!(bench.state("VI_1"), State::Master);
}

fn with_source(track_source: bool) -> Bench {
    Bench::dark(node_of(vec![InstanceSettings {
        source: Some(address(HIGHER)),
        track_source,
        ..instance(Version::V2, 100)
    }]))
}

fn place(bench: &mut Bench, place: SourcePlace) {
    bench.handle(Event::SourcePlace {
        interface: "eth0".to_owned(),
        address: address(HIGHER),
        place,
    });
}

#[test]
fn a_configured_source_that_this_host_has_not_is_waited_for() {
    for track_source in [false, true] {
        let mut bench = with_source(track_source);
        place(&mut bench, SourcePlace::Absent);
        bench.link("eth0", true);
        assert_eq!(
            bench.status("VI_1").faults,
            [Fault::SourceAddressAbsent(address(HIGHER))]
        );
        place(&mut bench, SourcePlace::OnInterface);
        assert_eq!(bench.state("VI_1"), State::Backup);
        bench.until(10.0);
        bench.forget();
        place(&mut bench, SourcePlace::Absent);
        assert_eq!(bench.state("VI_1"), State::Fault);
    }
}

#[test]
fn a_tracked_source_must_be_on_the_interface() {
    for (track_source, state) in [(false, State::Backup), (true, State::Fault)] {
        let mut bench = with_source(track_source);
        place(&mut bench, SourcePlace::Elsewhere);
        bench.link("eth0", true);
        assert_eq!(bench.state("VI_1"), state);
    }
    let mut bench = with_source(true);
    bench.link("eth0", true);
    assert_eq!(bench.state("VI_1"), State::Init, "nothing is known of the source");
}

/// Only while it is master the host has its own virtual address.
#[test]
fn a_virtual_address_may_be_the_source() {
    let mut bench = Bench::dark(node_of(vec![InstanceSettings {
        addresses: vec![virtual_address("192.0.2.3/24")],
        source: Some(address(HIGHER)),
        track_source: true,
        ..instance(Version::V2, 100)
    }]));
    place(&mut bench, SourcePlace::Absent);
    bench.link("eth0", true);
    assert_eq!(bench.state("VI_1"), State::Backup);
}

#[test]
fn without_peers_it_stays_out_of_the_election_if_it_must() {
    let lonely = InstanceSettings {
        lacks_peers: true,
        transmission: Transmission::Unicast {
            peers: Vec::new(),
            ttl: 255,
            check_source: false,
        },
        ..instance(Version::V2, 100)
    };
    let mut bench = Bench::of(lonely.clone());
    bench.until(10.0);
    assert_eq!(bench.status("VI_1").faults, [Fault::NoUnicastPeer]);
    let peer = Peer {
        address: address(LOWER),
        min_ttl: 0,
        max_ttl: 255,
    };
    bench.reload(node_of(vec![InstanceSettings {
        lacks_peers: false,
        transmission: Transmission::Unicast {
            peers: vec![peer],
            ttl: 255,
            check_source: false,
        },
        ..lonely
    }]));
    assert_eq!(bench.state("VI_1"), State::Backup);
}

#[test]
fn a_new_source_address_is_used_from_the_next_advertisement() {
    let mut bench = Bench::master(instance(Version::V2, 100));
    bench.source("eth0", Family::Ipv4, Some(LOWER));
    assert_eq!(
        (bench.state("VI_1"), bench.status("VI_1").master_address),
        (State::Master, Some(address(LOWER)))
    );
    bench.hear(OURS, 100);
    assert_eq!(
        bench.state("VI_1"),
        State::Backup,
        "the tie is decided by the new address"
    );
}

#[test]
fn the_interface_may_be_ignored() {
    let mut bench = Bench::master(InstanceSettings {
        track_primary: false,
        ..instance(Version::V2, 100)
    });
    bench.link("eth0", false);
    assert_eq!(bench.state("VI_1"), State::Master);
}

#[test]
fn an_owner_returns_from_a_fault_as_master() {
    let mut bench = Bench::master(starting_as(InitialState::Master, instance(Version::V2, 255)));
    bench.link("eth0", false);
    bench.forget();
    bench.link("eth0", true);
    assert_eq!(bench.sentences()[0], "VI_1 advertises 255 on eth0");
    assert_eq!(bench.state("VI_1"), State::Master);
}

#[test]
fn unicast_announces_its_own_address_after_a_fault_or_a_wait_for_a_script() {
    let peers = vec![Peer {
        address: address(HIGHER),
        min_ttl: 0,
        max_ttl: 255,
    }];
    let transmission = Transmission::Unicast {
        peers,
        ttl: 255,
        check_source: false,
    };
    let unicast = |tracked_scripts| InstanceSettings {
        transmission: transmission.clone(),
        tracked_scripts,
        ..instance(Version::V2, 100)
    };
    let words = "VI_1 announces 192.0.2.2 on eth0 x1";
    let mut bench = Bench::of(unicast(Vec::new()));
    assert!(!bench.sentences().contains(&words.to_owned()));
    bench.link("eth0", false);
    bench.forget();
    bench.link("eth0", true);
    assert_eq!(bench.sentences()[0], words);

    let script = "chk".to_owned();
    let mut bench = Bench::of(unicast(vec![TrackedScript {
        script: script.clone(),
        weight: 0,
        reverse: false,
    }]));
    bench.forget();
    bench.handle(Event::ScriptResult { script, up: Some(true) });
    assert_eq!(bench.sentences()[0], words);
}

#[test]
fn a_tracked_interface_without_weight_is_needed() {
    let mut bench = Bench::master(tracking(0, false));
    bench.link("eth9", false);
    assert_eq!(bench.state("VI_1"), State::Fault);
    bench.link("eth0", false);
    bench.link("eth9", true);
    assert_eq!(bench.state("VI_1"), State::Fault, "the other fault is still there");
    bench.link("eth0", true);
    assert_eq!(bench.state("VI_1"), State::Backup);

    let mut bench = Bench::dark(node_of(vec![tracking(0, true)]));
    bench.light();
    assert_eq!(bench.status("VI_1").faults, [Fault::InterfaceUp("eth9".to_owned())]);
    bench.link("eth9", false);
    assert_eq!(bench.state("VI_1"), State::Backup);
}

/// As keepalived 2.2.7 does it: up adds a positive weight, down adds a negative one, reverse takes what would be added; the sum is limited to 1 to 254.
#[test]
fn weights_move_the_priority() {
    for (weight, reverse, up, down) in [
        (20, false, 120, 100),
        (-20, false, 100, 80),
        (20, true, 80, 100),
        (-20, true, 100, 120),
        (-253, false, 100, 1),
        (253, false, 254, 100),
    ] {
        let mut bench = Bench::of(tracking(weight, reverse));
        assert_eq!(
            bench.status("VI_1").effective_priority,
            up,
            "weight {weight} {reverse} up"
        );
        bench.link("eth9", false);
        assert_eq!(
            bench.status("VI_1").effective_priority,
            down,
            "weight {weight} {reverse} down"
        );
        assert_eq!(bench.state("VI_1"), State::Backup);
    }
}

#[test]
fn nothing_moves_the_priority_of_an_owner() {
    let mut bench = Bench::of(InstanceSettings {
        priority: 255,
        ..tracking(-20, false)
    });
    bench.link("eth9", false);
    assert_eq!(bench.status("VI_1").effective_priority, 255);
}

/// Skew at priority 80 is 176/256 = 0.6875 s instead of 0.609375 s.
#[test]
fn the_wait_of_a_backup_moves_with_its_priority() {
    let mut bench = Bench::of(tracking(-20, false));
    bench.until(2.0);
    bench.link("eth9", false);
    bench.until(3.687_499);
    assert_eq!(bench.state("VI_1"), State::Backup);
    bench.until(3.687_5);
    assert_eq!(bench.state("VI_1"), State::Master);
}

#[test]
fn the_next_advertisement_carries_the_new_priority() {
    let mut bench = Bench::master(InstanceSettings {
        notify_priority_changes: true,
        ..tracking(-20, false)
    });
    bench.link("eth9", false);
    assert_eq!(bench.sentences(), ["notify INSTANCE VI_1 MASTER_PRIORITY 80"]);
    bench.until(11.0);
    assert_eq!(bench.sentences(), ["VI_1 advertises 80 on eth0"]);
    bench.hear(LOWER, 90);
    assert_eq!(
        bench.state("VI_1"),
        State::Backup,
        "and is what others are compared with"
    );
}

#[test]
fn addresses_go_where_they_are_configured() {
    let mut settings = instance(Version::V2, 100);
    let mut inside = virtual_address("10.0.0.1/24");
    inside.interface = Some("eth1".to_owned());
    settings.addresses.push(inside);
    settings.addresses.push(virtual_address("192.0.2.11/32"));
    settings.excluded.push(virtual_address("2001:db8::10/64"));
    let mut bench = Bench::of(settings);
    bench.forget();
    bench.until(3.7);
    assert_eq!(
        bench.sentences()[..5],
        [
            "VI_1 advertises 100 on eth0",
            "VI_1 adds 192.0.2.10/24 192.0.2.11/32 2001:db8::10/64 to eth0",
            "VI_1 adds 10.0.0.1/24 to eth1",
            "VI_1 announces 192.0.2.10 192.0.2.11 2001:db8::10 on eth0 x5",
            "VI_1 announces 10.0.0.1 on eth1 x5",
        ]
    );
}

#[test]
fn the_interface_of_an_address_is_needed_unless_it_says_otherwise() {
    let with_inside = |track: bool, tracked: Vec<TrackedInterface>| {
        let inside = holdfast_vrrp::VirtualAddress {
            interface: Some("eth1".to_owned()),
            track,
            ..virtual_address("10.0.0.1/24")
        };
        let mut settings = InstanceSettings {
            tracked_interfaces: tracked,
            ..instance(Version::V2, 100)
        };
        settings.addresses.push(inside);
        let mut bench = Bench::of(settings);
        bench.link("eth1", false);
        bench
    };
    assert_eq!(
        with_inside(true, Vec::new()).status("VI_1").faults,
        [Fault::InterfaceDown("eth1".to_owned())]
    );
    assert_eq!(with_inside(false, Vec::new()).state("VI_1"), State::Backup);
    let weighted = TrackedInterface {
        interface: "eth1".to_owned(),
        weight: -10,
        reverse: false,
    };
    let status = with_inside(true, vec![weighted]).status("VI_1");
    assert_eq!((status.state, status.effective_priority), (State::Backup, 90));
}
