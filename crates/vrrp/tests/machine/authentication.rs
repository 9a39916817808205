//! Authentication over time: numbers that grow, keys that change, clocks that differ.

use holdfast_time::Duration;
use holdfast_vrrp::packet::ah::{self, AuthenticationHeader};
use holdfast_vrrp::packet::trailer::{Signatory, TRAILER_LEN};
use holdfast_vrrp::packet::{ChecksumForm, Envelope, Trailer};
use holdfast_vrrp::settings::{
    AntiReplay, AuthenticationSettings, HmacMode, HmacSettings, InstanceSettings, Peer, Secret, Transmission, Version,
};
use holdfast_vrrp::{Action, Event, ReceivedPacket, State};

use crate::support::{Bench, HIGHER, LOWER, address, instance, node_of};

const AH_KEY: [u8; 8] = *b"s3cret\0\0";
/// Time since 1970 at the start of each test.
const EPOCH_S: u64 = 1_800_000_000;

fn with_header() -> InstanceSettings {
    InstanceSettings {
        authentication: Some(AuthenticationSettings::Ah(AH_KEY)),
        ..instance(Version::V2, 100)
    }
}

/// What a peer with this sequence number sends.
fn sealed(bench: &Bench, from: &str, priority: u8, sequence: u32, key: [u8; 8]) -> ReceivedPacket {
    let plain = bench.packet(&bench.advertisement(priority), from);
    let (std::net::IpAddr::V4(source), std::net::IpAddr::V4(destination)) = (plain.source, plain.destination) else {
        panic!("AH is for IPv4")
    };
    let envelope = ah::Envelope {
        source,
        destination,
        ttl: 255,
        identification: 7,
        sequence,
    };
    let mut bytes = ah::seal(&plain.payload, &envelope, key);
    let payload = bytes.split_off(20);
    ReceivedPacket {
        payload,
        authenticated_ip_header: Some(bytes),
        ..plain
    }
}

/// Sequence numbers and identifications of what was sent, and to whom.
fn sent_headers(bench: &Bench) -> Vec<(u32, u16, String)> {
    let sent = |action: &Action| match action {
        Action::SendAdvertisement {
            bytes,
            destinations,
            authenticated: true,
            ..
        } => {
            let header = AuthenticationHeader::read(&bytes[20..]).unwrap();
            assert!(header.is_genuine(&bytes[..20], AH_KEY));
            let identification = u16::from_be_bytes([bytes[4], bytes[5]]);
            Some((header.sequence, identification, destinations[0].to_string()))
        }
        _ => None,
    };
    bench.actions.iter().filter_map(|(_, action)| sent(action)).collect()
}

#[test]
fn a_new_master_counts_on_from_the_old_ones_number() {
    let mut bench = Bench::of(with_header());
    bench.handle(Event::Received(sealed(&bench, HIGHER, 200, 41, AH_KEY)));
    assert_eq!(bench.status("VI_1").master_address, Some(address(HIGHER)));
    bench.until(5.7);
    let group = || "224.0.0.18".to_owned();
    assert_eq!(
        sent_headers(&bench),
        [(42, 1, group()), (43, 2, group()), (44, 3, group())]
    );
}

#[test]
fn what_was_heard_before_counts_as_a_failure() {
    let mut bench = Bench::of(with_header());
    let first = sealed(&bench, HIGHER, 200, 41, AH_KEY);
    for packet in [first.clone(), first, sealed(&bench, LOWER, 200, 40, AH_KEY)] {
        bench.handle(Event::Received(packet));
    }
    let counters = bench.status("VI_1").counters;
    assert_eq!((counters.advert_rcvd, counters.auth_failure), (1, 2));
    bench.handle(Event::Received(sealed(&bench, LOWER, 200, 42, AH_KEY)));
    assert_eq!(bench.status("VI_1").counters.advert_rcvd, 2);
}

/// After a healed partition the better master takes the number of the worse one and goes on above it, so that it is heard.
#[test]
fn a_better_master_speaks_above_a_worse_ones_number() {
    let mut bench = Bench::master(with_header());
    bench.handle(Event::Received(sealed(&bench, LOWER, 50, 5000, AH_KEY)));
    let numbers: Vec<u32> = sent_headers(&bench).iter().map(|(number, ..)| *number).collect();
    assert_eq!(numbers, [5001]);
    assert_eq!(bench.state("VI_1"), State::Master);
}

/// Found by the simulation: masters of the same priority that took over together would refuse each other for ever.
#[test]
fn two_that_become_masters_together_hear_each_other() {
    let mut bench = Bench::master(with_header());
    let last = sent_headers_of_master(&mut bench);
    bench.handle(Event::Received(sealed(&bench, HIGHER, 100, last, AH_KEY)));
    assert_eq!(bench.state("VI_1"), State::Backup);
    // The same packet once more is a replay.
    bench.handle(Event::Received(sealed(&bench, HIGHER, 100, last, AH_KEY)));
    let counters = bench.status("VI_1").counters;
    assert_eq!((counters.advert_rcvd, counters.auth_failure), (1, 1));
}

/// The number of a master's latest advert.
fn sent_headers_of_master(bench: &mut Bench) -> u32 {
    bench.until(11.0);
    sent_headers(bench).last().unwrap().0
}

#[test]
fn a_header_must_be_right_and_there() {
    let mut bench = Bench::of(with_header());
    let good = sealed(&bench, HIGHER, 200, 1, AH_KEY);
    let mut changed = good.clone();
    *changed.payload.last_mut().unwrap() ^= 1;
    let elsewhere = ReceivedPacket {
        source: address(LOWER),
        ..good.clone()
    };
    for packet in [sealed(&bench, HIGHER, 200, 9, *b"another\0"), changed, elsewhere] {
        bench.handle(Event::Received(packet));
    }
    assert_eq!(bench.status("VI_1").counters.auth_failure, 3);
    let plain = bench.packet(&bench.advertisement(200), HIGHER);
    bench.handle(Event::Received(plain));
    assert_eq!(bench.status("VI_1").counters.authtype_mismatch, 1);
    bench.handle(Event::Received(good.clone()));
    assert_eq!(bench.status("VI_1").counters.advert_rcvd, 1);

    let mut without = Bench::of(instance(Version::V2, 100));
    without.handle(Event::Received(good.clone()));
    assert_eq!(without.status("VI_1").counters.authtype_mismatch, 1);
    // Somebody's tunnel.
    let mut foreign = good;
    foreign.payload[0] = 50;
    without.handle(Event::Received(foreign));
    assert_eq!(without.node.status().unknown_vrid, 0);
    assert_eq!(without.status("VI_1").counters.authtype_mismatch, 1);
}

#[test]
fn peers_get_one_number_in_packets_of_their_own() {
    let peer = |text: &str| Peer {
        address: address(text),
        min_ttl: 0,
        max_ttl: 255,
    };
    let mut bench = Bench::of(InstanceSettings {
        transmission: Transmission::Unicast {
            peers: vec![peer(LOWER), peer(HIGHER)],
            ttl: 64,
            check_source: false,
        },
        ..with_header()
    });
    bench.until(3.7);
    assert_eq!(
        sent_headers(&bench),
        [(1, 1, LOWER.to_owned()), (1, 2, HIGHER.to_owned())]
    );
}

#[test]
fn a_reload_keeps_the_numbers() {
    let mut bench = Bench::of(with_header());
    bench.handle(Event::Received(sealed(&bench, HIGHER, 200, 41, AH_KEY)));
    bench.reload(node_of(vec![InstanceSettings {
        priority: 101,
        ..with_header()
    }]));
    bench.handle(Event::Received(sealed(&bench, HIGHER, 200, 41, AH_KEY)));
    assert_eq!(bench.status("VI_1").counters.auth_failure, 1);
}

// auth_hmac

fn hmac(mode: HmacMode, anti_replay: AntiReplay) -> HmacSettings {
    HmacSettings {
        keys: [(1, Secret::new(vec![1; 32])), (2, Secret::new(vec![2; 64]))].into(),
        active_key: 1,
        time_window: Duration::from_secs(10),
        anti_replay,
        mode,
    }
}

fn signing(mode: HmacMode) -> InstanceSettings {
    InstanceSettings {
        hmac: Some(hmac(mode, AntiReplay::Time).into()),
        ..instance(Version::V3, 100)
    }
}

fn monotonic() -> InstanceSettings {
    InstanceSettings {
        hmac: Some(hmac(HmacMode::Enforce, AntiReplay::Monotonic).into()),
        ..instance(Version::V3, 100)
    }
}

/// A node whose clock on the wall shows this long after the epoch of the tests.
fn bench_at(settings: InstanceSettings, seconds: u64) -> Bench {
    let mut bench = Bench::dark(node_of(vec![settings]));
    set_clock(&mut bench, seconds);
    bench.light();
    bench
}

fn set_clock(bench: &mut Bench, seconds: u64) {
    bench.handle(Event::WallClock {
        since_1970: Duration::from_secs(EPOCH_S + seconds),
    });
}

fn number(seconds: u64, rest: u32) -> u64 {
    (EPOCH_S + seconds) << 32 | u64::from(rest)
}

/// What a peer signs with key 1, 2 or an unknown one.
fn signed(bench: &Bench, from: &str, priority: u8, key: u8, number: u64) -> ReceivedPacket {
    let plain = bench.packet(&bench.advertisement(priority), from);
    let secret = vec![key; if key == 2 { 64 } else { 32 }];
    let envelope = Envelope {
        source: plain.source,
        destination: plain.destination,
    };
    let signatory = Signatory {
        source: plain.source,
        version: Version::V3,
        vrid: 51,
    };
    let payload = bench
        .advertisement(priority)
        .encode_signed(&envelope, ChecksumForm::Standard, |bytes| {
            Trailer::sign(&signatory, key, &secret, number, bytes)
        });
    ReceivedPacket { payload, ..plain }
}

fn hear(bench: &mut Bench, packet: ReceivedPacket) -> bool {
    let before = bench.status("VI_1").counters.advert_rcvd;
    bench.handle(Event::Received(packet));
    bench.status("VI_1").counters.advert_rcvd > before
}

fn hear_signed(bench: &mut Bench, from: &str, priority: u8, key: u8, number: u64) -> bool {
    let packet = signed(bench, from, priority, key, number);
    hear(bench, packet)
}

/// Numbers and keys of the trailers that were sent; nothing where there was none.
fn trailers(bench: &Bench) -> Vec<Option<(u8, u64)>> {
    let plain = bench.advertisement(100).encode(
        &Envelope {
            source: address(LOWER),
            destination: address("224.0.0.18"),
        },
        ChecksumForm::Standard,
    );
    let of = |action: &Action| match action {
        Action::SendAdvertisement { bytes, .. } if bytes.len() == plain.len() + TRAILER_LEN => {
            let trailer = Trailer::new(*bytes.last_chunk().unwrap());
            Some(Some((trailer.key_id(), trailer.sequence())))
        }
        Action::SendAdvertisement { .. } => Some(None),
        _ => None,
    };
    bench.actions.iter().filter_map(|(_, action)| of(action)).collect()
}

#[test]
fn a_signature_says_what_the_clock_says_and_grows_without_it() {
    let mut bench = bench_at(signing(HmacMode::Enforce), 0);
    bench.until(3.7);
    let first = trailers(&bench)[0].unwrap();
    assert_eq!((first.0, first.1 >> 32), (1, EPOCH_S + 3));
    bench.until(4.7);
    let second = trailers(&bench)[1].unwrap();
    assert_eq!(second.1 >> 32, EPOCH_S + 4);
    // The clock goes back within the window: one more than before. Beyond it nobody would listen, so the clock is believed.
    set_clock(&mut bench, 1);
    bench.until(5.7);
    assert_eq!(trailers(&bench)[2], Some((1, second.1 + 1)));
    bench.handle(Event::WallClock {
        since_1970: Duration::from_secs(1000),
    });
    bench.until(6.7);
    assert_eq!(trailers(&bench)[3].unwrap().1 >> 32, 1000);
}

#[test]
fn without_a_clock_to_compare_the_number_never_goes_back() {
    let mut bench = bench_at(monotonic(), 100);
    bench.until(3.7);
    let first = trailers(&bench)[0].unwrap();
    bench.handle(Event::WallClock {
        since_1970: Duration::from_secs(1000),
    });
    bench.until(4.7);
    assert_eq!(trailers(&bench)[1], Some((1, first.1 + 1)));
    // And somebody's clock does not matter.
    assert!(hear_signed(&mut bench, HIGHER, 200, 1, 5));
    assert!(hear_signed(&mut bench, HIGHER, 200, 1, 6));
    assert!(!hear_signed(&mut bench, HIGHER, 200, 1, 6));
    assert_eq!(bench.status("VI_1").counters.auth_ext_replay, 1);
}

#[test]
fn each_fault_of_a_trailer_moves_its_counter() {
    let mut bench = bench_at(signing(HmacMode::Enforce), 0);
    let good = signed(&bench, HIGHER, 200, 1, number(0, 5));
    let spoilt = |at: usize, by: u8| {
        let mut packet = good.clone();
        packet.payload[at] ^= by;
        packet
    };
    let unsigned = bench.packet(&bench.advertisement(200), HIGHER);
    let end = good.payload.len();
    for packet in [
        unsigned,
        spoilt(end - 28, 2),
        spoilt(end - 26, 1),
        signed(&bench, HIGHER, 200, 3, number(0, 5)),
        spoilt(end - 1, 1),
        // The priority: what is signed is the advert.
        spoilt(2, 1),
        signed(&bench, HIGHER, 200, 1, number(11, 0)),
        signed(&bench, HIGHER, 200, 1, number(0, 0) - (11 << 32)),
    ] {
        assert!(!hear(&mut bench, packet));
    }
    assert!(hear(&mut bench, good.clone()));
    assert!(!hear(&mut bench, good));
    let counters = bench.status("VI_1").counters;
    assert_eq!((counters.auth_ext_missing, counters.auth_ext_malformed), (1, 2));
    assert_eq!((counters.auth_ext_unknown_key, counters.auth_ext_invalid_hmac), (1, 2));
    assert_eq!((counters.auth_ext_stale, counters.auth_ext_replay), (2, 1));
    assert_eq!(counters.packet_len_err + counters.chk_err, 0);
}

/// keepalived 2.4: receive-only first, then permissive, then enforce, one node after the other.
#[test]
fn modes_lead_from_no_authentication_to_authentication() {
    for (mode, takes_unsigned, signs) in [
        (HmacMode::ReceiveOnly, true, false),
        (HmacMode::Permissive, true, true),
        (HmacMode::Enforce, false, true),
    ] {
        let mut bench = bench_at(signing(mode), 0);
        let unsigned = bench.packet(&bench.advertisement(200), HIGHER);
        assert_eq!(hear(&mut bench, unsigned), takes_unsigned, "{mode:?}");
        let mut wrong = signed(&bench, HIGHER, 200, 1, number(0, 1));
        *wrong.payload.last_mut().unwrap() ^= 1;
        assert!(!hear(&mut bench, wrong), "{mode:?}");
        assert!(hear_signed(&mut bench, HIGHER, 200, 1, number(0, 2)), "{mode:?}");
        bench.until(3.7);
        assert_eq!(trailers(&bench)[0].is_some(), signs, "{mode:?}");
    }
}

#[test]
fn a_key_is_replaced_while_adverts_go_on() {
    let rotated = |active_key: u8| {
        let settings = signing(HmacMode::Enforce);
        let hmac = settings.hmac.map(|hmac| HmacSettings { active_key, ..*hmac }.into());
        node_of(vec![InstanceSettings { hmac, ..settings }])
    };
    let mut bench = bench_at(signing(HmacMode::Enforce), 0);
    assert!(hear_signed(&mut bench, HIGHER, 200, 1, number(0, 1)));
    // Somebody was first to sign with the new key.
    assert!(hear_signed(&mut bench, HIGHER, 200, 2, number(0, 2)));
    bench.reload(rotated(2));
    assert!(hear_signed(&mut bench, HIGHER, 200, 1, number(0, 3)));
    // What was heard stays heard.
    assert!(!hear_signed(&mut bench, HIGHER, 200, 1, number(0, 3)));
    bench.until(3.7);
    bench.forget();
    bench.until(4.7);
    assert_eq!(trailers(&bench)[0].unwrap().0, 2);
}

#[test]
fn each_sender_counts_for_itself_and_a_clock_put_right_is_forgiven() {
    let mut bench = bench_at(signing(HmacMode::Enforce), 0);
    assert!(hear_signed(&mut bench, HIGHER, 200, 1, number(9, 0)));
    assert!(hear_signed(&mut bench, LOWER, 200, 1, number(0, 0)));
    assert!(!hear_signed(&mut bench, HIGHER, 200, 1, number(0, 0)));
    // 20 s later its old mark means nothing any more.
    set_clock(&mut bench, 20);
    assert!(hear_signed(&mut bench, HIGHER, 200, 1, number(19, 0)));
}

/// Neither the newest nor one that is older still, whichever was repeated before.
#[test]
fn a_repetition_makes_room_for_no_other() {
    let mut bench = bench_at(signing(HmacMode::Enforce), 0);
    for rest in 0..3 {
        assert!(hear_signed(&mut bench, HIGHER, 200, 1, number(0, rest)));
    }
    for rest in [0, 1, 2, 2, 0] {
        assert!(!hear_signed(&mut bench, HIGHER, 200, 1, number(0, rest)));
    }
    assert_eq!(bench.status("VI_1").counters.auth_ext_replay, 5);
}

#[test]
fn clocks_that_drift_apart_are_said_in_time() {
    let mut bench = bench_at(signing(HmacMode::Enforce), 0);
    bench.forget();
    assert!(hear_signed(&mut bench, HIGHER, 200, 1, number(5, 0)));
    assert!(!bench.logs().iter().any(|line| line.contains("clock")));
    set_clock(&mut bench, 12);
    assert!(hear_signed(&mut bench, HIGHER, 200, 1, number(6, 0)));
    assert!(hear_signed(&mut bench, HIGHER, 200, 1, number(6, 1)));
    let said: Vec<String> = bench.logs().into_iter().filter(|line| line.contains("clock")).collect();
    assert_eq!(
        said,
        ["(VI_1) authentication clock skew 6 sec from 192.0.2.3 approaching window 10 sec"]
    );
}

#[test]
fn a_stranger_signs_in_vain_where_there_are_peers() {
    let peer = Peer {
        address: address(HIGHER),
        min_ttl: 0,
        max_ttl: 255,
    };
    let settings = InstanceSettings {
        transmission: Transmission::Unicast {
            peers: vec![peer],
            ttl: 255,
            check_source: false,
        },
        ..signing(HmacMode::Enforce)
    };
    let mut bench = bench_at(settings, 0);
    assert!(hear_signed(&mut bench, HIGHER, 200, 1, number(0, 0)));
    assert!(!hear_signed(&mut bench, LOWER, 200, 1, number(0, 0)));
    assert_eq!(bench.status("VI_1").counters.addr_list_err, 1);
}

#[test]
fn an_instance_without_signatures_takes_a_trailer_for_a_wrong_length() {
    let mut bench = Bench::of(instance(Version::V3, 100));
    let packet = signed(&bench, HIGHER, 200, 1, number(0, 0));
    assert!(!hear(&mut bench, packet));
    assert_eq!(bench.status("VI_1").counters.packet_len_err, 1);
}
