//! The checks on received packets, with the counter each one moves.

use holdfast_time::Duration;
use holdfast_vrrp::packet::{Advertisement, Authentication, ChecksumForm, Envelope};
use holdfast_vrrp::settings::{
    AuthenticationSettings, Family, InstanceSettings, NodeSettings, OldUnicastChecksum, Peer, Transmission, Version,
};
use holdfast_vrrp::{Action, Counters, Event, ReceivedPacket, State};

use crate::support::{Bench, HIGHER, LOWER, OURS, address, instance, ipv6, node_of, virtual_address};

/// Sends a packet made from a good one to a backup: what it counts, and whether the packet restarted the timer.
fn judged(settings: InstanceSettings, spoil: impl Fn(&mut ReceivedPacket)) -> (Counters, bool) {
    let mut bench = Bench::of(settings);
    bench.until(1.0);
    let from = if bench.settings.instances[0].family == Family::Ipv6 {
        "fe80::3"
    } else {
        HIGHER
    };
    let mut packet = bench.packet(&bench.advertisement(200), from);
    spoil(&mut packet);
    bench.handle(Event::Received(packet));
    (
        bench.status("VI_1").counters,
        bench.status("VI_1").master_address.is_some(),
    )
}

fn refused(settings: InstanceSettings, spoil: impl Fn(&mut ReceivedPacket)) -> Counters {
    let (counters, accepted) = judged(settings, spoil);
    assert!(!accepted);
    assert_eq!(counters.advert_rcvd, 0);
    counters
}

/// Replaces the packet by another advertisement from the same sender.
fn resent(packet: &mut ReceivedPacket, change: impl Fn(&mut Advertisement)) {
    let envelope = Envelope {
        source: packet.source,
        destination: packet.destination,
    };
    let forms = [ChecksumForm::Standard];
    let (mut advertisement, _) = Advertisement::decode(&packet.payload, &envelope, &forms).unwrap();
    change(&mut advertisement);
    packet.payload = advertisement.encode(&envelope, ChecksumForm::Standard);
}

fn v2() -> InstanceSettings {
    instance(Version::V2, 100)
}

fn v3() -> InstanceSettings {
    instance(Version::V3, 100)
}

fn with_password(password: [u8; 8]) -> InstanceSettings {
    InstanceSettings {
        authentication: Some(AuthenticationSettings::Pass(password)),
        ..v2()
    }
}

fn unicast(settings: InstanceSettings, check_source: bool) -> InstanceSettings {
    let peers = vec![
        Peer {
            address: address(HIGHER),
            min_ttl: 10,
            max_ttl: 20,
        },
        Peer {
            address: address(LOWER),
            min_ttl: 0,
            max_ttl: 255,
        },
    ];
    InstanceSettings {
        transmission: Transmission::Unicast {
            peers,
            ttl: 64,
            check_source,
        },
        ..settings
    }
}

#[test]
fn a_good_packet_counts_as_received() {
    for settings in [
        v2(),
        v3(),
        ipv6(v3()),
        with_password(*b"1111\0\0\0\0"),
        unicast(v2(), false),
        unicast(v3(), false),
    ] {
        let (counters, accepted) = judged(settings, |_| {});
        assert!(accepted);
        assert_eq!(
            counters,
            Counters {
                advert_rcvd: 1,
                ..Counters::default()
            }
        );
    }
}

#[test]
fn each_fault_of_a_packet_moves_its_counter() {
    let counters = |counters: Counters, advert_rcvd| Counters {
        advert_rcvd,
        ..counters
    };
    let none = Counters::default();
    let length = refused(v2(), |packet| packet.payload.truncate(19));
    assert_eq!(
        length,
        counters(
            Counters {
                packet_len_err: 1,
                ..none
            },
            0
        )
    );
    let ttl = refused(v2(), |packet| packet.ttl = 254);
    assert_eq!(ttl, Counters { ip_ttl_err: 1, ..none });
    let ttl = refused(ipv6(v3()), |packet| packet.ttl = 64);
    assert_eq!(ttl, Counters { ip_ttl_err: 1, ..none });
    let version = refused(v3(), |packet| packet.payload[0] = 0x41);
    assert_eq!(version, Counters { vers_err: 1, ..none });
    let version = refused(v2(), |packet| resent(packet, |sent| sent.version = Version::V3));
    assert_eq!(version, Counters { vers_err: 1, ..none });
    let kind = refused(v2(), |packet| packet.payload[0] = 0x22);
    assert_eq!(
        kind,
        Counters {
            invalid_type_rcvd: 1,
            ..none
        }
    );
    let checksum = refused(v2(), |packet| packet.payload[2] ^= 1);
    assert_eq!(checksum, Counters { chk_err: 1, ..none });
    let slower = refused(v2(), |packet| {
        resent(packet, |sent| sent.interval = Duration::from_secs(2));
    });
    assert_eq!(
        slower,
        Counters {
            advert_interval_err: 1,
            ..none
        }
    );
    let zero = refused(v3(), |packet| resent(packet, |sent| sent.interval = Duration::ZERO));
    assert_eq!(
        zero,
        Counters {
            advert_interval_err: 1,
            ..none
        }
    );
}

#[test]
fn authentication_must_be_ours() {
    let none = Counters::default();
    let pass = Authentication::Pass(*b"1111\0\0\0\0");
    let missing = refused(with_password(*b"1111\0\0\0\0"), |packet| {
        resent(packet, |sent| sent.authentication = Authentication::None);
    });
    assert_eq!(
        missing,
        Counters {
            authtype_mismatch: 1,
            ..none
        }
    );
    let unwanted = refused(v2(), |packet| resent(packet, |sent| sent.authentication = pass));
    assert_eq!(
        unwanted,
        Counters {
            authtype_mismatch: 1,
            ..none
        }
    );
    let wrong = refused(with_password(*b"2222\0\0\0\0"), |packet| {
        resent(packet, |sent| sent.authentication = pass);
    });
    assert_eq!(
        wrong,
        Counters {
            auth_failure: 1,
            ..none
        }
    );
    let header = refused(v2(), |packet| {
        resent(packet, |sent| sent.authentication = Authentication::Header);
    });
    assert_eq!(
        header,
        Counters {
            authtype_mismatch: 1,
            ..none
        }
    );
    let unknown = refused(v2(), |packet| {
        resent(packet, |sent| sent.authentication = Authentication::Other(3));
    });
    assert_eq!(
        unknown,
        Counters {
            invalid_authtype: 1,
            ..none
        }
    );
}

/// keepalived looks at one thing after the other, and the first that is wrong is what counts. Each step of this list spoils
/// one thing more, from the last check to the first.
#[test]
fn the_first_check_that_fails_is_the_one_that_counts() {
    type Spoil = fn(&mut ReceivedPacket);
    type Counted = fn(&Counters) -> u64;
    let steps: [(Spoil, Counted); 8] = [
        (|packet| packet.destination = address(OURS), |it| it.addr_list_err),
        (|packet| packet.payload[7] ^= 1, |it| it.chk_err),
        (|packet| packet.payload[0] = 0x22, |it| it.invalid_type_rcvd),
        (|packet| packet.payload[5] = 9, |it| it.advert_interval_err),
        (|packet| packet.payload[12] ^= 1, |it| it.auth_failure),
        (|packet| packet.payload[4] = 0, |it| it.authtype_mismatch),
        (|packet| packet.payload[4] = 9, |it| it.invalid_authtype),
        (|packet| packet.ttl = 64, |it| it.ip_ttl_err),
    ];
    for count in 1..=steps.len() {
        let counters = refused(with_password(*b"1111\0\0\0\0"), |packet| {
            for (spoil, _) in &steps[..count] {
                spoil(packet);
            }
        });
        assert_eq!(steps[count - 1].1(&counters), 1, "step {count}");
        let only = Counters::default();
        let sum: u64 = steps.iter().map(|(_, counter)| counter(&counters)).sum();
        assert_eq!((sum, counters.packet_len_err), (1, only.packet_len_err), "step {count}");
    }
    // The version comes after the TTL, the length before everything.
    let other_version = |packet: &mut ReceivedPacket| {
        resent(packet, |sent| sent.version = Version::V3);
        packet.payload[7] ^= 1;
    };
    assert_eq!(refused(v2(), other_version).vers_err, 1);
    let late = refused(v2(), |packet| {
        other_version(packet);
        packet.ttl = 1;
    });
    assert_eq!((late.ip_ttl_err, late.vers_err), (1, 0));
    let short = refused(v2(), |packet| {
        packet.ttl = 1;
        packet.payload.pop();
    });
    assert_eq!((short.packet_len_err, short.ip_ttl_err), (1, 0));
}

#[test]
fn multicast_and_unicast_do_not_mix() {
    let to_us = refused(v2(), |packet| packet.destination = address(OURS));
    assert_eq!(to_us.addr_list_err, 1);
    let to_group = refused(unicast(v2(), false), |packet| {
        packet.destination = address("224.0.0.18");
    });
    assert_eq!(to_group.addr_list_err, 1);
    let to_another = refused(v2(), |packet| packet.destination = address("224.0.0.99"));
    assert_eq!(to_another.addr_list_err, 1);
}

#[test]
fn unicast_peers_are_checked_only_where_asked_for() {
    let (_, accepted) = judged(unicast(v2(), false), |packet| packet.ttl = 3);
    assert!(accepted);
    let (_, accepted) = judged(unicast(v2(), true), |packet| packet.ttl = 20);
    assert!(accepted);
    for ttl in [9, 21] {
        let (counters, accepted) = judged(unicast(v2(), true), |packet| packet.ttl = ttl);
        assert!(!accepted && (counters.ip_ttl_err, counters.advert_rcvd) == (1, 1));
    }
    let (counters, accepted) = judged(unicast(v2(), true), |packet| packet.source = address("192.0.2.77"));
    assert!(!accepted && (counters.addr_list_err, counters.advert_rcvd) == (1, 1));
}

#[test]
fn another_address_list_is_logged_once_and_accepted() {
    let mut bench = Bench::of(v2());
    let other = Advertisement {
        addresses: vec![address("192.0.2.10"), address("192.0.2.11")],
        ..bench.advertisement(200)
    };
    bench.forget();
    for second in 1..=5 {
        bench.until(f64::from(second));
        bench.handle(Event::Received(bench.packet(&other, HIGHER)));
    }
    assert_eq!(bench.state("VI_1"), State::Backup);
    assert_eq!(bench.status("VI_1").counters.addr_list_err, 5);
    assert_eq!(
        bench.logs(),
        [
            "(VI_1) advert from 192.0.2.3 lists other addresses than ours: missing [], unexpected [192.0.2.11]",
            "(VI_1) master set to 192.0.2.3",
            "(VI_1) advert from 192.0.2.3 lists other addresses than ours: missing [], unexpected [192.0.2.11]",
        ],
        "once before and once after the master is known"
    );
}

#[test]
fn the_order_of_addresses_does_not_matter() {
    let mut settings = v2();
    settings.addresses.push(virtual_address("192.0.2.11/24"));
    let (counters, _) = judged(settings, |packet| resent(packet, |sent| sent.addresses.reverse()));
    assert_eq!(counters.addr_list_err, 0);
}

#[test]
fn the_known_masters_list_need_not_be_compared() {
    let mut bench = Bench::of(InstanceSettings {
        skip_check_adv_addr: true,
        ..v2()
    });
    let other = Advertisement {
        addresses: Vec::new(),
        ..bench.advertisement(200)
    };
    for second in [1.0, 2.0, 3.0] {
        bench.until(second);
        bench.handle(Event::Received(bench.packet(&other, HIGHER)));
    }
    assert_eq!(
        bench.status("VI_1").counters.addr_list_err,
        1,
        "only while the sender was not yet the master"
    );
}

#[test]
fn each_kind_of_rejected_packet_is_logged_once() {
    let mut bench = Bench::of(v2());
    bench.forget();
    let good = bench.packet(&bench.advertisement(200), HIGHER);
    for ttl in [1, 2, 3] {
        bench.handle(Event::Received(ReceivedPacket { ttl, ..good.clone() }));
    }
    let short = ReceivedPacket {
        payload: good.payload[..10].to_vec(),
        ..good.clone()
    };
    bench.handle(Event::Received(short));
    assert_eq!(bench.logs().len(), 2);
    assert_eq!(
        bench.logs()[0],
        "(VI_1) rejected advert from 192.0.2.3: TTL 1 is not 255: the packet crossed a router"
    );
}

#[test]
fn unknown_routers_and_stumps_are_counted_by_the_node() {
    let mut bench = Bench::of(v2());
    let good = bench.packet(&bench.advertisement(200), HIGHER);
    let mut other = good.clone();
    other.payload[1] = 99;
    bench.handle(Event::Received(other));
    bench.handle(Event::Received(ReceivedPacket {
        interface: "eth7".to_owned(),
        ..good.clone()
    }));
    bench.handle(Event::Received(ReceivedPacket {
        payload: vec![0x21],
        ..good.clone()
    }));
    assert_eq!(bench.node.status().unknown_vrid, 3);
    bench.handle(Event::Received(ReceivedPacket {
        payload: vec![0x21, 51],
        ..good
    }));
    assert_eq!(bench.status("VI_1").counters.packet_len_err, 1);
}

#[test]
fn unknown_routers_are_named_once_each_when_asked_for() {
    let mut bench = Bench::of(v2());
    let good = bench.packet(&bench.advertisement(200), HIGHER);
    let with_vrid = |vrid: u8| {
        let mut packet = good.clone();
        packet.payload[1] = vrid;
        Event::Received(packet)
    };
    bench.forget();
    bench.handle(with_vrid(99));
    assert_eq!(bench.logs(), [""; 0]);
    let asked = NodeSettings {
        log_unknown_vrids: true,
        ..bench.settings.clone()
    };
    bench.reload(asked.clone());
    bench.forget();
    for vrid in [99, 99, 51, 98, 99] {
        bench.handle(with_vrid(vrid));
    }
    let expected =
        [99, 98].map(|vrid| format!("Unknown VRID({vrid}) received on interface(eth0) from 192.0.2.3. ignoring..."));
    let about_unknown = |bench: &Bench| {
        let logs = bench.logs().into_iter();
        logs.filter(|line| line.starts_with("Unknown")).collect::<Vec<_>>()
    };
    assert_eq!(about_unknown(&bench), expected);
    bench.reload(asked);
    bench.forget();
    bench.handle(with_vrid(99));
    assert_eq!(about_unknown(&bench), expected[..1]);
}

#[test]
fn one_vrid_may_serve_a_group_and_peers_side_by_side() {
    let second = InstanceSettings {
        name: "VI_2".to_owned(),
        ..unicast(v2(), false)
    };
    let mut bench = Bench::start(node_of(vec![v2(), second]));
    bench.hear_on(1, HIGHER, 200);
    assert_eq!(bench.status("VI_1").counters.advert_rcvd, 0);
    assert_eq!(bench.status("VI_2").counters.advert_rcvd, 1);
    bench.hear_on(0, HIGHER, 200);
    assert_eq!(bench.status("VI_1").counters.advert_rcvd, 1);
}

/// What a master sends, by destination.
fn sent(settings: InstanceSettings) -> Vec<(Vec<std::net::IpAddr>, u8, Vec<u8>)> {
    let mut bench = Bench::master(settings);
    bench.until(11.0);
    let sent = |(_, action)| match action {
        Action::SendAdvertisement {
            destinations,
            ttl,
            bytes,
            ..
        } => Some((destinations, ttl, bytes)),
        _ => None,
    };
    bench.actions.into_iter().filter_map(sent).collect()
}

#[test]
fn multicast_goes_to_the_group_with_ttl_255() {
    // Checksum by hand: 2133 + 6401 + 0001 + c000 + 020a, see the tests of the packets.
    let bytes = vec![
        0x21, 0x33, 0x64, 0x01, 0x00, 0x01, 0xb8, 0xbf, 0xc0, 0x00, 0x02, 0x0a, 0, 0, 0, 0, 0, 0, 0, 0,
    ];
    assert_eq!(sent(v2()), [(vec![address("224.0.0.18")], 255, bytes)]);
}

#[test]
fn unicast_goes_to_each_peer_with_its_own_checksum_where_that_is_needed() {
    let v2_sent = sent(unicast(v2(), false));
    assert_eq!(v2_sent.len(), 1);
    assert_eq!(
        (v2_sent[0].0.clone(), v2_sent[0].1),
        (vec![address(HIGHER), address(LOWER)], 64)
    );
    let v3_sent = sent(unicast(v3(), false));
    assert_eq!(
        v3_sent.iter().map(|sent| sent.0.clone()).collect::<Vec<_>>(),
        [[address(HIGHER)], [address(LOWER)]]
    );
    assert_ne!(v3_sent[0].2, v3_sent[1].2);
    let mut bench = Bench::master(unicast(v3(), false));
    let before = bench.status("VI_1").counters.advert_sent;
    bench.until(11.0);
    assert_eq!(
        bench.status("VI_1").counters.advert_sent,
        before + 1,
        "one advertisement, however many peers"
    );
}

#[test]
fn the_old_unicast_checksum_is_detected_and_then_used() {
    let group = std::net::Ipv4Addr::new(224, 0, 0, 18);
    let old = |packet: &mut ReceivedPacket| {
        let envelope = Envelope {
            source: packet.source,
            destination: packet.destination,
        };
        let (sent, _) = Advertisement::decode(&packet.payload, &envelope, &[ChecksumForm::Standard]).unwrap();
        packet.payload = sent.encode(&envelope, ChecksumForm::OldUnicast(group));
    };
    assert!(judged(unicast(v3(), false), old).1);
    let never = InstanceSettings {
        old_unicast_checksum: OldUnicastChecksum::Never,
        ..unicast(v3(), false)
    };
    assert_eq!(refused(never, old).chk_err, 1);
    assert_eq!(refused(v3(), old_is_plain_multicast).chk_err, 1);

    let mut bench = Bench::of(unicast(v3(), false));
    let mut packet = bench.packet(&bench.advertisement(200), HIGHER);
    old(&mut packet);
    bench.handle(Event::Received(packet));
    assert!(bench.logs().iter().any(|line| line.contains("old_unicast_checksum")));
    bench.until(10.0);
    let always = InstanceSettings {
        old_unicast_checksum: OldUnicastChecksum::Always,
        ..unicast(v3(), false)
    };
    let bytes = bench.actions.iter().find_map(|(_, action)| match action {
        Action::SendAdvertisement { bytes, .. } => Some(bytes.clone()),
        _ => None,
    });
    assert_eq!(bytes.unwrap(), sent(always)[0].2);
}

/// A multicast instance knows no second form: version 3 without pseudo header is refused.
fn old_is_plain_multicast(packet: &mut ReceivedPacket) {
    let envelope = Envelope {
        source: packet.source,
        destination: packet.destination,
    };
    let (sent, _) = Advertisement::decode(&packet.payload, &envelope, &[ChecksumForm::Standard]).unwrap();
    packet.payload = sent.encode(&envelope, ChecksumForm::WithoutPseudoHeader);
}

#[test]
fn v3_checksum_as_v2_sends_without_and_takes_both_but_nothing_else() {
    let lax = || InstanceSettings {
        v3_checksum_as_v2: true,
        ..v3()
    };
    assert!(judged(lax(), |_| {}).1);
    assert!(judged(lax(), old_is_plain_multicast).1);
    assert_eq!(refused(lax(), |packet| packet.payload[6] ^= 1).chk_err, 1);
    // a85c by hand, see the tests of the packets.
    assert_eq!(sent(lax())[0].2[6..8], [0xa8, 0x5c]);
}

#[test]
fn without_a_source_address_nothing_is_sent() {
    let mut bench = Bench::master(v2());
    bench.source("eth0", Family::Ipv4, None);
    assert!(!bench.sentences().iter().any(|sentence| sentence.contains("advertises")));
    assert_eq!(bench.state("VI_1"), State::Fault);
}
