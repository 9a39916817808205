//! Whatever comes from the network is read or refused.
//!
//! Plain `cargo test` runs each target for a second with random input; for longer:
//! `BOLERO_RANDOM_TEST_TIME_MS=600000 cargo test --release -p holdfast-vrrp --test any_packet`, or, led by coverage,
//! `cargo bolero test --sanitizer NONE -p holdfast-vrrp any_advertisement`.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // tests

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use holdfast_time::{Duration, Timestamp};
use holdfast_vrrp::packet::ah::{self, AuthenticationHeader};
use holdfast_vrrp::packet::trailer::{Signatory, TRAILER_LEN};
use holdfast_vrrp::packet::{Advertisement, ChecksumForm, Envelope, Frame, Trailer};
use holdfast_vrrp::settings::{
    AntiReplay, AuthenticationSettings, Family, HmacMode, HmacSettings, NodeSettings, Secret, Version,
};
use holdfast_vrrp::{Event, InstanceSettings, Node, ReceivedPacket};

const FORMS: [ChecksumForm; 3] = [
    ChecksumForm::Standard,
    ChecksumForm::WithoutPseudoHeader,
    ChecksumForm::OldUnicast(Ipv4Addr::new(224, 0, 0, 18)),
];

fn envelopes() -> [Envelope; 2] {
    [
        Envelope {
            source: Ipv4Addr::new(192, 0, 2, 1).into(),
            destination: Ipv4Addr::new(224, 0, 0, 18).into(),
        },
        Envelope {
            source: Ipv6Addr::LOCALHOST.into(),
            destination: IpAddr::from([0xff02, 0, 0, 0, 0, 0, 0, 0x12]),
        },
    ]
}

#[test]
fn any_advertisement() {
    bolero::check!().for_each(|bytes: &[u8]| {
        for envelope in envelopes() {
            let Ok((value, form)) = Advertisement::decode(bytes, &envelope, &FORMS) else {
                continue;
            };
            // What was accepted is read again from what is made of it.
            let again = Advertisement::decode(&value.encode(&envelope, form), &envelope, &[form]);
            assert_eq!(again.unwrap().0, value);
        }
    });
}

#[test]
fn any_signed_advertisement() {
    bolero::check!().for_each(|bytes: &[u8]| {
        for envelope in envelopes() {
            let Ok(frame) = Frame::read(bytes, Family::of(envelope.source), true) else {
                continue;
            };
            let signatory = Signatory {
                source: envelope.source,
                version: Version::V3,
                vrid: 51,
            };
            if let Some(trailer) = frame.trailer() {
                assert_eq!(frame.packet().len() + TRAILER_LEN, bytes.len());
                assert!(!trailer.is_genuine(&signatory, &[7; 32], frame.packet()));
                let signed = Trailer::sign(&signatory, 1, &[7; 32], trailer.sequence(), frame.packet());
                assert!(signed.is_genuine(&signatory, &[7; 32], frame.packet()));
            }
        }
    });
}

#[test]
fn any_authentication_header() {
    bolero::check!().for_each(|bytes: &[u8]| {
        let (ip_header, payload) = bytes.split_at(bytes.len().min(20));
        if let Some(header) = AuthenticationHeader::read(payload) {
            assert!(!header.is_genuine(ip_header, *b"s3cret\0\0"));
        }
        let envelope = ah::Envelope {
            source: Ipv4Addr::new(192, 0, 2, 1),
            destination: Ipv4Addr::new(224, 0, 0, 18),
            ttl: 255,
            identification: 1,
            sequence: 1,
        };
        let sealed = ah::seal(bytes, &envelope, *b"s3cret\0\0");
        let header = AuthenticationHeader::read(&sealed[20..]).unwrap();
        assert!(header.payload == bytes && header.is_genuine(&sealed[..20], *b"s3cret\0\0"));
    });
}

/// A node with an instance of each kind, and packets for its virtual routers whatever follows their second byte.
#[test]
fn any_packets_for_a_node() {
    bolero::check!().for_each(|bytes: &[u8]| {
        let mut node = Node::new(Timestamp::ZERO, settings());
        let link = Event::LinkChanged {
            interface: "eth0".to_owned(),
            up: true,
        };
        node.handle(Timestamp::ZERO, link);
        for source in [IpAddr::from([192, 0, 2, 2]), "fe80::2".parse().unwrap()] {
            let family = Family::of(source);
            let address = Some(source);
            node.handle(
                Timestamp::ZERO,
                Event::SourceAddress {
                    interface: "eth0".to_owned(),
                    family,
                    address,
                },
            );
        }
        for (at, chunk) in bytes.chunks(48).enumerate() {
            for envelope in envelopes() {
                let mut payload = chunk.to_vec();
                // One of the routers that there are, so that more than the search for it is tried.
                if let Some(vrid) = payload.get_mut(1) {
                    *vrid = *vrid % 3 + 1;
                }
                let packet = ReceivedPacket {
                    interface: "eth0".to_owned(),
                    source: envelope.source,
                    destination: envelope.destination,
                    ttl: 255,
                    payload,
                    authenticated_ip_header: (at % 2 == 1).then(|| chunk[..chunk.len().min(20)].to_vec()),
                };
                let now = Timestamp::ZERO + Duration::from_secs(at as u64);
                node.handle(now, Event::Received(packet));
                node.handle(now, Event::DeadlineReached);
                while node.next_action().is_some() {}
            }
        }
    });
}

fn settings() -> NodeSettings {
    let plain = InstanceSettings::new("A", "eth0", 1);
    let sealed = InstanceSettings {
        authentication: Some(AuthenticationSettings::Ah(*b"s3cret\0\0")),
        ..InstanceSettings::new("B", "eth0", 2)
    };
    let signed = InstanceSettings {
        version: Version::V3,
        hmac: Some(Box::new(HmacSettings {
            keys: [(1, Secret::new(vec![7; 32]))].into(),
            active_key: 1,
            time_window: Duration::from_secs(5),
            anti_replay: AntiReplay::Monotonic,
            mode: HmacMode::Permissive,
        })),
        ..InstanceSettings::new("C", "eth0", 3)
    };
    NodeSettings {
        instances: vec![plain, sealed, signed],
        log_unknown_vrids: true,
        ..NodeSettings::default()
    }
}
