#![allow(clippy::arithmetic_side_effects)]

mod captured;

use proptest::prelude::*;

use super::*;

/// Checksums below were added up by hand from the pictures in the RFCs, not taken from `encode`.
struct Vector {
    name: &'static str,
    bytes: Vec<u8>,
    source: &'static str,
    destination: &'static str,
    form: ChecksumForm,
    value: fn() -> Advertisement,
}

fn advertisement(version: Version, addresses: &[&str]) -> Advertisement {
    Advertisement {
        version,
        vrid: 51,
        priority: 100,
        interval: Duration::from_secs(1),
        authentication: Authentication::None,
        addresses: addresses.iter().map(|text| text.parse().unwrap()).collect(),
    }
}

const GROUP: std::net::Ipv4Addr = std::net::Ipv4Addr::new(224, 0, 0, 18);

fn vectors() -> Vec<Vector> {
    vec![
        Vector {
            // 2133 + 6401 + 0001 + c000 + 020a = 1_473f -> 4740, inverted b8bf
            name: "version 2",
            bytes: vec![
                0x21, 0x33, 0x64, 0x01, 0x00, 0x01, 0xb8, 0xbf, 0xc0, 0x00, 0x02, 0x0a, 0, 0, 0, 0, 0, 0, 0, 0,
            ],
            source: "192.0.2.1",
            destination: "224.0.0.18",
            form: ChecksumForm::Standard,
            value: || advertisement(Version::V2, &["192.0.2.10"]),
        },
        Vector {
            // 2133 + 6401 + 0101 + c000 + 020a + 3131 + 3131 = 1_aaa1 -> aaa2, inverted 555d
            name: "version 2 with the password 1111",
            bytes: vec![
                0x21, 0x33, 0x64, 0x01, 0x01, 0x01, 0x55, 0x5d, 0xc0, 0x00, 0x02, 0x0a, 0x31, 0x31, 0x31, 0x31, 0, 0,
                0, 0,
            ],
            source: "192.0.2.1",
            destination: "224.0.0.18",
            form: ChecksumForm::Standard,
            value: || Advertisement {
                authentication: Authentication::Pass(*b"1111\0\0\0\0"),
                ..advertisement(Version::V2, &["192.0.2.10"])
            },
        },
        Vector {
            // packet 57a3 (as below), pseudo header c000 + 0201 + e000 + 0012 + 0070 + 000c -> a290; fa33, inverted 05cc
            name: "version 3 over IPv4",
            bytes: vec![0x31, 0x33, 0x64, 0x01, 0x00, 0x64, 0x05, 0xcc, 0xc0, 0x00, 0x02, 0x0a],
            source: "192.0.2.1",
            destination: "224.0.0.18",
            form: ChecksumForm::Standard,
            value: || advertisement(Version::V3, &["192.0.2.10"]),
        },
        Vector {
            // 3133 + 6401 + 0064 + c000 + 020a = 1_57a2 -> 57a3, inverted a85c
            name: "version 3 over IPv4 without pseudo header",
            bytes: vec![0x31, 0x33, 0x64, 0x01, 0x00, 0x64, 0xa8, 0x5c, 0xc0, 0x00, 0x02, 0x0a],
            source: "192.0.2.1",
            destination: "224.0.0.18",
            form: ChecksumForm::WithoutPseudoHeader,
            value: || advertisement(Version::V3, &["192.0.2.10"]),
        },
        Vector {
            // to the peer 192.0.2.2: c000 + 0201 + c000 + 0202 + 0070 + 000c = 1_847f -> 8480; 57a3 + 8480 = dc23, 23dc
            name: "version 3 unicast over IPv4",
            bytes: vec![0x31, 0x33, 0x64, 0x01, 0x00, 0x64, 0x23, 0xdc, 0xc0, 0x00, 0x02, 0x0a],
            source: "192.0.2.1",
            destination: "192.0.2.2",
            form: ChecksumForm::Standard,
            value: || advertisement(Version::V3, &["192.0.2.10"]),
        },
        Vector {
            name: "version 3 unicast as keepalived before 1.3.6 summed it: as if to the group",
            bytes: vec![0x31, 0x33, 0x64, 0x01, 0x00, 0x64, 0x05, 0xcc, 0xc0, 0x00, 0x02, 0x0a],
            source: "192.0.2.1",
            destination: "192.0.2.2",
            form: ChecksumForm::OldUnicast(GROUP),
            value: || advertisement(Version::V3, &["192.0.2.10"]),
        },
        Vector {
            // 3133 + 6401 + 0064 + fe80 + 0050 -> 9469; fe80 + 0001 + ff02 + 0012 + 0018 + 0070 -> fe1e; 9288, 6d77
            name: "version 3 over IPv6",
            bytes: vec![
                0x31, 0x33, 0x64, 0x01, 0x00, 0x64, 0x6d, 0x77, 0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x50,
            ],
            source: "fe80::1",
            destination: "ff02::12",
            form: ChecksumForm::Standard,
            value: || advertisement(Version::V3, &["fe80::50"]),
        },
    ]
}

impl Vector {
    fn envelope(&self) -> Envelope {
        Envelope {
            source: self.source.parse().unwrap(),
            destination: self.destination.parse().unwrap(),
        }
    }
}

#[test]
fn packets_of_keepalived_are_read_and_written() {
    for vector in captured::vectors() {
        let decoded = Advertisement::decode(&vector.bytes, &vector.envelope(), &[vector.form]);
        assert_eq!(decoded, Ok(((vector.value)(), vector.form)), "{}", vector.name);
        assert_eq!(
            (vector.value)().encode(&vector.envelope(), vector.form),
            vector.bytes,
            "{}",
            vector.name
        );
    }
}

#[test]
fn known_bytes_are_read_and_written() {
    for vector in vectors() {
        let decoded = Advertisement::decode(&vector.bytes, &vector.envelope(), &[vector.form]);
        assert_eq!(decoded, Ok(((vector.value)(), vector.form)), "{}", vector.name);
        assert_eq!(
            (vector.value)().encode(&vector.envelope(), vector.form),
            vector.bytes,
            "{}",
            vector.name
        );
    }
}

#[test]
fn the_form_found_is_reported_and_others_are_refused() {
    let vectors = vectors();
    let old = &vectors[5];
    let envelope = old.envelope();
    let all = [ChecksumForm::Standard, ChecksumForm::OldUnicast(GROUP)];
    assert_eq!(
        Advertisement::decode(&old.bytes, &envelope, &all).unwrap().1,
        ChecksumForm::OldUnicast(GROUP)
    );
    assert_eq!(
        Advertisement::decode(&old.bytes, &envelope, &[ChecksumForm::Standard]),
        Err(DecodeError::Checksum {
            vrid: 51,
            received: 0x05cc
        })
    );
}

#[test]
fn intervals_have_their_own_units() {
    let envelope = vectors()[0].envelope();
    for (version, interval, wire) in [
        (Version::V2, Duration::from_secs(255), [0x00, 0xff]),
        (Version::V3, Duration::from_millis(10), [0x00, 0x01]),
        (Version::V3, Duration::from_millis(40_950), [0x0f, 0xff]),
        (Version::V3, Duration::from_secs(3), [0x01, 0x2c]),
    ] {
        let advertisement = Advertisement {
            interval,
            ..advertisement(version, &["192.0.2.10"])
        };
        let bytes = advertisement.encode(&envelope, ChecksumForm::Standard);
        assert_eq!(bytes[4..6], wire);
        let decoded = Advertisement::decode(&bytes, &envelope, &[ChecksumForm::Standard]);
        assert_eq!(decoded, Ok((advertisement, ChecksumForm::Standard)));
    }
}

#[test]
fn reserved_bits_of_version_3_are_ignored() {
    // The picture of version 3 with rsvd = 0xf: f000 more in the sum, 57a3 + a290 + f000 -> ea34, inverted 15cb.
    let bytes = [0x31, 0x33, 0x64, 0x01, 0xf0, 0x64, 0x15, 0xcb, 0xc0, 0x00, 0x02, 0x0a];
    let vector = &vectors()[2];
    let (read, _) = Advertisement::decode(&bytes, &vector.envelope(), &[vector.form]).unwrap();
    assert_eq!(read, (vector.value)());
}

#[test]
fn every_shorter_and_every_longer_packet_is_refused() {
    for vector in vectors().into_iter().chain(captured::vectors()) {
        for length in 0..vector.bytes.len() {
            let error = Advertisement::decode(&vector.bytes[..length], &vector.envelope(), &[vector.form]).unwrap_err();
            assert_eq!(
                error.vrid(),
                (length >= 2).then_some(vector.bytes[1]),
                "{} cut to {length}",
                vector.name
            );
            let mut counters = Counters::default();
            *error.counter(&mut counters) += 1;
            assert_eq!(counters.packet_len_err, 1);
        }
        let mut longer = vector.bytes.clone();
        longer.push(0);
        assert!(matches!(
            Advertisement::decode(&longer, &vector.envelope(), &[vector.form]),
            Err(DecodeError::Length { .. })
        ));
    }
}

#[test]
fn every_flipped_bit_is_refused() {
    for vector in vectors().into_iter().chain(captured::vectors()) {
        for bit in 0..vector.bytes.len() * 8 {
            let mut bytes = vector.bytes.clone();
            bytes[bit / 8] ^= 0x80 >> (bit % 8);
            assert!(
                Advertisement::decode(&bytes, &vector.envelope(), &[vector.form]).is_err(),
                "{} bit {bit}",
                vector.name
            );
        }
    }
}

#[test]
fn errors_name_the_field_and_the_counter() {
    let vectors = vectors();
    let spoilt = |vector: &Vector, at: usize, byte: u8| {
        let mut bytes = vector.bytes.clone();
        bytes[at] = byte;
        Advertisement::decode(&bytes, &vector.envelope(), &[vector.form]).unwrap_err()
    };
    let decode = |at: usize, byte: u8| spoilt(&vectors[0], at, byte);
    // The length comes first, and versions that nobody knows have no authentication data.
    let unknown = spoilt(&vectors[2], 0, 0x41);
    assert_eq!(unknown, DecodeError::Version { vrid: 51, version: 4 });
    assert_eq!(decode(0, 0x22), DecodeError::Type { vrid: 51, kind: 2 });
    assert_eq!(
        decode(3, 2),
        DecodeError::Length {
            vrid: 51,
            expected: 24,
            actual: 20
        }
    );
    assert_eq!(
        decode(2, 101),
        DecodeError::Checksum {
            vrid: 51,
            received: 0xb8bf
        }
    );
    let mut counters = Counters::default();
    for error in [unknown, decode(0, 0x22), decode(3, 2), decode(2, 101)] {
        *error.counter(&mut counters) += 1;
    }
    assert_eq!((counters.vers_err, counters.invalid_type_rcvd), (1, 1));
    assert_eq!((counters.packet_len_err, counters.chk_err), (1, 1));
}

#[test]
fn ethernet_padding_is_tolerated_up_to_46_bytes_in_steps_of_a_vlan_tag() {
    // An IPv4 header of 20 bytes and version 2 with one address are 40 bytes: 46, or 42 behind one VLAN tag.
    for (vector, padded) in [(&vectors()[0], vec![22, 26]), (&vectors()[2], vec![14, 18, 22, 26])] {
        for length in vector.bytes.len() + 1..40 {
            let mut bytes = vector.bytes.clone();
            bytes.resize(length, 0);
            let decoded = Advertisement::decode(&bytes, &vector.envelope(), &[vector.form]);
            assert_eq!(
                decoded.is_ok(),
                padded.contains(&length),
                "{} with {length} bytes",
                vector.name
            );
        }
    }
}

#[test]
fn version_2_over_ipv6_has_no_authentication_data() {
    // 2133 + 6401 + 0001 + fe80 + 0050 -> 8406 with the carry; the pseudo header is that of version 3, fe1e; 8225, 7dda
    let bytes = [
        0x21, 0x33, 0x64, 0x01, 0x00, 0x01, 0x7d, 0xda, 0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x50,
    ];
    let envelope = vectors()[6].envelope();
    let value = advertisement(Version::V2, &["fe80::50"]);
    assert_eq!(value.encode(&envelope, ChecksumForm::Standard), bytes);
    let decoded = Advertisement::decode(&bytes, &envelope, &[ChecksumForm::Standard]);
    assert_eq!(decoded, Ok((value, ChecksumForm::Standard)));
}

#[test]
fn no_addresses_and_255_addresses_fit() {
    let envelope = vectors()[2].envelope();
    for count in [0u8, 255] {
        let mut value = advertisement(Version::V3, &[]);
        value.addresses = (0..count).map(|last| IpAddr::from([192, 0, 2, last])).collect();
        let bytes = value.encode(&envelope, ChecksumForm::Standard);
        assert_eq!(bytes.len(), 8 + 4 * usize::from(count));
        let decoded = Advertisement::decode(&bytes, &envelope, &[ChecksumForm::Standard]);
        assert_eq!(decoded, Ok((value, ChecksumForm::Standard)));
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused_without_a_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..80), ipv6 in any::<bool>()
    ) {
        let envelope = vectors()[if ipv6 { 6 } else { 2 }].envelope();
        let forms = [ChecksumForm::Standard, ChecksumForm::WithoutPseudoHeader, ChecksumForm::OldUnicast(GROUP)];
        let _ = Advertisement::decode(&bytes, &envelope, &forms);
    }

    #[test]
    fn what_is_written_is_read_back(
        v3 in any::<bool>(), ipv6 in any::<bool>(), vrid in 1u8..=255, priority in any::<u8>(), interval in 1u64..=255,
        hosts in proptest::collection::vec(any::<u16>(), 0..20), password in any::<Option<[u8; 8]>>()
    ) {
        let envelope = vectors()[if ipv6 { 6 } else { 2 }].envelope();
        let version = if v3 { Version::V3 } else { Version::V2 };
        let address = |host: &u16| if ipv6 {
            IpAddr::from([0xfe80, 0, 0, 0, 0, 0, 0, *host])
        } else {
            let [high, low] = host.to_be_bytes();
            IpAddr::from([10, 0, high, low])
        };
        let authentication = match password {
            Some(password) if !v3 && !ipv6 => Authentication::Pass(password),
            _ => Authentication::None,
        };
        let interval = if v3 { Duration::from_millis(interval * 10) } else { Duration::from_secs(interval) };
        let addresses = hosts.iter().map(address).collect();
        let value = Advertisement { version, vrid, priority, interval, authentication, addresses };
        let bytes = value.encode(&envelope, ChecksumForm::Standard);
        let decoded = Advertisement::decode(&bytes, &envelope, &[ChecksumForm::Standard]);
        prop_assert_eq!(decoded, Ok((value, ChecksumForm::Standard)));
    }
}
