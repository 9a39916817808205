//! Packets of keepalived with authentication, captured in front of it, bit by bit.
//!
//! They were captured between two network namespaces on the peer's interface. keepalived ran as
//! `keepalived -n -l -P -D -f FILE`, and FILE was
//!
//! ```text
//! vrrp_instance VI_1 {
//!     state BACKUP
//!     interface e0               # 192.0.2.1/24
//!     virtual_router_id 51
//!     priority 150
//!     advert_int 1
//!     virtual_ipaddress { 192.0.2.200/24 }     # fe80::200/64 over IPv6
//! ```
//!
//! and what stands at each packet.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // tests

use std::net::{IpAddr, Ipv4Addr};

use holdfast_time::Duration;
use holdfast_vrrp::packet::ah::{self, AuthenticationHeader};
use holdfast_vrrp::packet::trailer::Signatory;
use holdfast_vrrp::packet::{Advertisement, Authentication, ChecksumForm, Envelope, Frame, Trailer};
use holdfast_vrrp::settings::{Family, Version};

const IP_HEADER: usize = 20;
const AH_KEY: [u8; 8] = *b"s3cret\0\0";

fn hex(text: &str) -> Vec<u8> {
    let digit = |digit: char| u8::try_from(digit.to_digit(16)?).ok();
    let digits: Vec<u8> = text.chars().filter_map(digit).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

fn flipped(bytes: &[u8], bit: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[bit / 8] ^= 0x80 >> (bit % 8);
    bytes
}

fn advertisement(version: Version, address: &str) -> Advertisement {
    Advertisement {
        version,
        vrid: 51,
        priority: 150,
        interval: Duration::from_secs(1),
        authentication: Authentication::None,
        addresses: vec![address.parse().unwrap()],
    }
}

/// A packet of protocol 51, IPv4 header first.
struct Sealed {
    bytes: Vec<u8>,
    destination: [u8; 4],
    ttl: u8,
    number: u16,
}

/// keepalived 2.2.7, and the same bytes from 2.4.3: `version 2`, `authentication { auth_type AH auth_pass s3cret }`. The first
/// three adverts to the group; then with `unicast_src_ip 192.0.2.1`, `unicast_peer { 192.0.2.2 }` and `unicast_ttl 64`.
fn sealed() -> Vec<Sealed> {
    let to_group = [
        "45c0004000010000ff3318b6c0000201e0000012 70040000c000020100000001fcc2aebfb22a4041929002d0
         2133960102018401c00002c80000000000000000",
        "45c0004000020000ff3318b5c0000201e0000012 70040000c000020100000002f61e51f44ce79d42cae110d6
         2133960102018401c00002c80000000000000000",
        "45c0004000030000ff3318b4c0000201e0000012 70040000c0000201000000039e2d70f7a5f9b7fd12666397
         2133960102018401c00002c80000000000000000",
    ];
    let to_peer = [
        "45c00040000100004033f5c6c0000201c0000202 70040000c00002010000000151bbbad58e13db0529a2d272
         2133960102018401c00002c80000000000000000",
        "45c00040000200004033f5c5c0000201c0000202 70040000c0000201000000028630710cdd44e9426194aa1d
         2133960102018401c00002c80000000000000000",
        "45c00040000300004033f5c4c0000201c0000202 70040000c000020100000003097e5bf10f2b1546f82a0618
         2133960102018401c00002c80000000000000000",
    ];
    let group = (1..)
        .zip(to_group)
        .map(|(number, text)| (number, text, [224, 0, 0, 18], 255));
    let peer = (1..)
        .zip(to_peer)
        .map(|(number, text)| (number, text, [192, 0, 2, 2], 64));
    group
        .chain(peer)
        .map(|(number, text, destination, ttl)| Sealed {
            bytes: hex(text),
            destination,
            ttl,
            number,
        })
        .collect()
}

/// The advertisement in a packet, if its code and its checksum are right.
fn opened(bytes: &[u8], key: [u8; 8]) -> Option<(Advertisement, u32)> {
    let (ip_header, payload) = bytes.split_at_checked(IP_HEADER)?;
    let header = AuthenticationHeader::read(payload).filter(|header| header.is_genuine(ip_header, key))?;
    let frame = Frame::read(header.payload, Family::Ipv4, false).ok()?;
    let version = frame.version().ok()?;
    let envelope = Envelope {
        source: Ipv4Addr::new(192, 0, 2, 1).into(),
        destination: Ipv4Addr::new(224, 0, 0, 18).into(),
    };
    frame.check_sum(version, &envelope, &[ChecksumForm::Standard]).ok()?;
    Some((frame.advertisement(version), header.sequence))
}

#[test]
fn authentication_headers_of_keepalived_are_read_and_written() {
    let value = Advertisement {
        authentication: Authentication::Header,
        ..advertisement(Version::V2, "192.0.2.200")
    };
    for Sealed {
        bytes,
        destination,
        ttl,
        number,
    } in sealed()
    {
        assert_eq!(opened(&bytes, AH_KEY), Some((value.clone(), u32::from(number))));
        assert_eq!(opened(&bytes, *b"s3cres\0\0"), None);
        let envelope = ah::Envelope {
            source: Ipv4Addr::new(192, 0, 2, 1),
            destination: destination.into(),
            ttl,
            identification: number,
            sequence: number.into(),
        };
        let plain = Envelope {
            source: envelope.source.into(),
            destination: envelope.destination.into(),
        };
        let written = ah::seal(&value.encode(&plain, ChecksumForm::Standard), &envelope, AH_KEY);
        let mut expected = bytes;
        // The kernel fills in the checksum of the IP header.
        expected[10..12].fill(0);
        assert_eq!(written, expected);
    }
}

#[test]
fn a_packet_with_authentication_header_is_whole_and_unchanged_or_nothing() {
    for Sealed { bytes, destination, .. } in sealed() {
        for length in 0..bytes.len() {
            assert_eq!(opened(&bytes[..length], AH_KEY), None, "cut to {length}");
        }
        assert_eq!(opened(&[&bytes[..], &[0]].concat(), AH_KEY), None);
        // What routers change: type of service, fragmentation, checksum of the header; on the way to a peer the TTL.
        let is_mutable = |byte: usize| matches!(byte, 1 | 6 | 7 | 10 | 11) || byte == 8 && destination[0] != 224;
        for bit in 0..bytes.len() * 8 {
            let read = opened(&flipped(&bytes, bit), AH_KEY);
            assert_eq!(read.is_some(), is_mutable(bit / 8), "bit {bit}");
        }
    }
}

#[test]
fn other_headers_than_ours_are_no_concern() {
    let payload = sealed().remove(0).bytes.split_off(IP_HEADER);
    assert!(AuthenticationHeader::read(&payload).is_some());
    for (at, byte) in [(0, 50), (0, 4), (1, 3), (1, 5)] {
        let mut other = payload.clone();
        other[at] = byte;
        assert!(AuthenticationHeader::read(&other).is_none(), "{byte} at {at}");
    }
}

/// An advertisement with the trailer of `auth_hmac`, as it follows the IP header.
struct Signed {
    bytes: Vec<u8>,
    source: &'static str,
    destination: &'static str,
    value: Advertisement,
    key_id: u8,
}

/// keepalived 2.4.3, `auth_hmac { key 1 0123456789abcdef0123456789abcdef key 2 hex:000102..1f active_key 1 }`.
fn signed() -> Vec<Signed> {
    let of = |bytes: &str, source, destination, value, key_id| Signed {
        bytes: hex(bytes),
        source,
        destination,
        value,
        key_id,
    };
    let v3 = || advertisement(Version::V3, "192.0.2.200");
    vec![
        // version 3
        of(
            "313396010064d30dc00002c8 010100006b013328a0fd0000df6d355aeed37bd5d9a9406325641186",
            "192.0.2.1",
            "224.0.0.18",
            v3(),
            1,
        ),
        of(
            "313396010064d30dc00002c8 010100006b013329a33f0000ab8214f5d1ce09d51fc5ea6007b089bd",
            "192.0.2.1",
            "224.0.0.18",
            v3(),
            1,
        ),
        // version 2, active_key 2
        of(
            "2133960100018601c00002c80000000000000000 010200006b013328549500002a0f8231c5924907129dcdcf745fbaf8",
            "192.0.2.1",
            "224.0.0.18",
            advertisement(Version::V2, "192.0.2.200"),
            2,
        ),
        // version 3, anti_replay monotonic, unicast_src_ip 192.0.2.1, unicast_peer { 192.0.2.2 }
        of(
            "313396010064f11dc00002c8 010100006b0133285ce70000e2b62be47729582e7e00d0932e8cfff2",
            "192.0.2.1",
            "192.0.2.2",
            v3(),
            1,
        ),
        // version 3 over IPv6; the checksum is the kernel's and covers the trailer
        of(
            "3133960100641ca7fe800000000000000000000000000200 010100006b0133286b8b00009b7cd687e159cca341b5aecc8788b1cf",
            "fe80::c833:a5ff:fe6f:5bcf",
            "ff02::12",
            advertisement(Version::V3, "fe80::200"),
            1,
        ),
    ]
}

fn key(id: u8) -> Vec<u8> {
    if id == 1 {
        b"0123456789abcdef0123456789abcdef".to_vec()
    } else {
        (0..32).collect()
    }
}

impl Signed {
    fn envelope(&self) -> Envelope {
        Envelope {
            source: self.source.parse().unwrap(),
            destination: self.destination.parse().unwrap(),
        }
    }

    fn signatory(&self) -> Signatory {
        Signatory {
            source: self.source.parse().unwrap(),
            version: self.value.version,
            vrid: 51,
        }
    }

    /// The advertisement and its number, if signature and checksum are right.
    fn read(&self, bytes: &[u8]) -> Option<(Advertisement, u64)> {
        let frame = Frame::read(bytes, Family::of(self.envelope().source), true).ok()?;
        let version = frame.version().ok().filter(|version| *version == self.value.version)?;
        let trailer = frame.trailer().filter(Trailer::is_well_formed)?;
        if !trailer.is_genuine(&self.signatory(), &key(trailer.key_id()), frame.packet()) {
            return None;
        }
        frame
            .check_sum(version, &self.envelope(), &[ChecksumForm::Standard])
            .ok()?;
        Some((frame.advertisement(version), trailer.sequence()))
    }
}

#[test]
fn signatures_of_keepalived_are_read_and_written() {
    for vector in signed() {
        let (value, sequence) = vector.read(&vector.bytes).unwrap();
        assert_eq!(value, vector.value);
        // 2026-11-21 05:59:36 to 05:59:38 by the clock of the capture.
        assert!((0x6b01_3328..=0x6b01_332a).contains(&(sequence >> 32)), "{sequence:#x}");
        let sign =
            |bytes: &[u8]| Trailer::sign(&vector.signatory(), vector.key_id, &key(vector.key_id), sequence, bytes);
        assert_eq!(
            vector
                .value
                .encode_signed(&vector.envelope(), ChecksumForm::Standard, sign),
            vector.bytes
        );
    }
}

#[test]
fn what_is_signed_is_whole_and_unchanged_or_nothing() {
    for vector in signed() {
        for length in 0..vector.bytes.len() {
            assert_eq!(vector.read(&vector.bytes[..length]), None, "cut to {length}");
        }
        assert_eq!(vector.read(&[&vector.bytes[..], &[0]].concat()), None);
        for bit in 0..vector.bytes.len() * 8 {
            assert_eq!(vector.read(&flipped(&vector.bytes, bit)), None, "bit {bit}");
        }
    }
}

#[test]
fn a_signature_holds_for_one_sender_router_and_version() {
    let vector = &signed()[0];
    let frame = Frame::read(&vector.bytes, Family::Ipv4, true).unwrap();
    let trailer = frame.trailer().unwrap();
    let holds = |signatory: Signatory| trailer.is_genuine(&signatory, &key(1), frame.packet());
    assert!(holds(vector.signatory()));
    let other: IpAddr = "192.0.2.3".parse().unwrap();
    assert!(!holds(Signatory {
        source: other,
        ..vector.signatory()
    }));
    assert!(!holds(Signatory {
        vrid: 52,
        ..vector.signatory()
    }));
    assert!(!holds(Signatory {
        version: Version::V2,
        ..vector.signatory()
    }));
}

/// Plain packets in forms of their own: the form in which the sum is right is found, and no other.
#[test]
fn checksums_of_keepalived_are_told_apart() {
    let group = ChecksumForm::OldUnicast(Ipv4Addr::new(224, 0, 0, 18));
    let forms = [ChecksumForm::Standard, ChecksumForm::WithoutPseudoHeader, group];
    for (bytes, destination, expected) in [
        // 2.2.7, version 3
        ("313396010064d30dc00002c8", "224.0.0.18", ChecksumForm::Standard),
        // 2.2.7, version 3, unicast_peer { 192.0.2.2 }
        ("313396010064f11dc00002c8", "192.0.2.2", ChecksumForm::Standard),
        // the same with old_unicast_checksum
        ("313396010064d30dc00002c8", "192.0.2.2", group),
        // 2.4.3, version 3, v3_checksum_as_v2
        (
            "313396010064759ec00002c8",
            "224.0.0.18",
            ChecksumForm::WithoutPseudoHeader,
        ),
    ] {
        let envelope = Envelope {
            source: Ipv4Addr::new(192, 0, 2, 1).into(),
            destination: destination.parse().unwrap(),
        };
        let bytes = hex(bytes);
        let value = advertisement(Version::V3, "192.0.2.200");
        assert_eq!(
            Advertisement::decode(&bytes, &envelope, &forms),
            Ok((value.clone(), expected))
        );
        assert_eq!(value.encode(&envelope, expected), bytes);
        for bit in 0..bytes.len() * 8 {
            assert!(
                Advertisement::decode(&flipped(&bytes, bit), &envelope, &[expected]).is_err(),
                "bit {bit}"
            );
        }
    }
}
