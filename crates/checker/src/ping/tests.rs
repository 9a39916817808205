use proptest::prelude::*;

use super::*;

const V4: Echo = Echo {
    version: Version::V4,
    id: 0x1234,
    sequence: 7,
};
const V6: Echo = Echo {
    version: Version::V6,
    ..V4
};

/// An IPv4 header of so many words, then an ICMP message.
fn ipv4(words: u8, message: &[u8]) -> Vec<u8> {
    let mut packet = vec![0; usize::from(words) * 4];
    packet[0] = 0x40 | words;
    packet.extend(message);
    packet
}

#[test]
fn requests_have_a_header_and_keepalived_s_payload() {
    let request = V6.request();
    assert_eq!(request[..8], [128, 0, 0, 0, 0x12, 0x34, 0, 7]);
    assert_eq!(request[8..].len(), 128);
    assert!(request[8..].starts_with(b"keepalived check - keepalived check - "));
    let request = V4.request();
    assert_eq!((request[0], &request[4..8]), (8, &[0x12, 0x34, 0, 7][..]));
    assert_eq!(
        checksum(&request),
        0,
        "the sum over a message with its checksum (RFC 1071)"
    );
}

/// The example of RFC 1071 section 3.
#[test]
fn checksum_of_the_rfc() {
    assert_eq!(checksum(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]), !0xddf2);
}

#[test]
fn only_the_reply_to_the_request_is_one() {
    let reply = [0, 0, 0xaa, 0xbb, 0x12, 0x34, 0, 7];
    assert!(V4.is_reply(&ipv4(5, &reply)));
    assert!(V4.is_reply(&ipv4(15, &reply)), "with options");
    for (number, message) in [
        [8, 0, 0, 0, 0x12, 0x34, 0, 7],
        [3, 1, 0, 0, 0x12, 0x34, 0, 7],
        [0, 1, 0, 0, 0x12, 0x34, 0, 7],
        [0, 0, 0, 0, 0x12, 0x35, 0, 7],
        [0, 0, 0, 0, 0x12, 0x34, 0, 8],
    ]
    .iter()
    .enumerate()
    {
        assert!(!V4.is_reply(&ipv4(5, message)), "{number}");
    }
    assert!(!V4.is_reply(&ipv4(5, &reply[..7])), "cut short");
    let reply = [129, 0, 0xaa, 0xbb, 0x12, 0x34, 0, 7, 1, 2, 3];
    assert!(V6.is_reply(&reply));
    assert!(!V6.is_reply(&[128, 0, 0, 0, 0x12, 0x34, 0, 7]));
}

proptest! {
    #[test]
    fn any_packet_is_looked_at(packet in proptest::collection::vec(any::<u8>(), 0..80)) {
        V4.is_reply(&packet);
        if V6.is_reply(&packet) {
            prop_assert_eq!(&packet[..2], &[129, 0]);
        }
    }
}
