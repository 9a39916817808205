//! The authentication header of IP (RFC 2402) in front of version 2 over IPv4, as keepalived uses it: HMAC-MD5-96
//! (RFC 2403), the sender's address as security parameters index, and the whole IP header covered.
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! | Next header   |  Length (4)   |            reserved           |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |         Security parameters index: the source address         |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |                        Sequence number                        |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |                 Authentication data (12 bytes)                |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! ```

use std::net::Ipv4Addr;

use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;

use super::{IP_PROTOCOL, write_at};

/// IP protocol number of the authentication header.
pub const IP_PROTOCOL_AH: u8 = 51;

/// Length of the header with a code of 96 bits.
pub const HEADER_LEN: usize = 24;

const CODE_LEN: usize = 12;
const CODE_AT: usize = 12;
/// Length in words of four bytes, less two (RFC 2402 section 2.2).
const LENGTH_WORDS: u8 = 4;

const IP_HEADER_LEN: usize = 20;
/// Internetwork control, as keepalived marks its packets.
const TYPE_OF_SERVICE: u8 = 0xc0;

/// Where the fields of an IPv4 header lie that routers may change, and how many bytes they have: type of service, flags and
/// fragment offset, checksum.
const MUTABLE_FIELDS: [(usize, usize); 3] = [(1, 1), (6, 2), (10, 2)];
const TTL_AT: usize = 8;
const DESTINATION_AT: usize = 16;

type Code = Hmac<Md5>;

/// The fields of an authentication header, and what it stands in front of. Nothing has been verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuthenticationHeader<'a> {
    /// Security parameters index: the sender's address.
    pub index: Ipv4Addr,
    /// Sequence number.
    pub sequence: u32,
    header: &'a [u8; HEADER_LEN],
    /// The VRRP packet.
    pub payload: &'a [u8],
}

impl<'a> AuthenticationHeader<'a> {
    /// Reads what follows the IP header; `None` if that is no header of this length with VRRP behind it.
    pub fn read(bytes: &'a [u8]) -> Option<Self> {
        let (header, payload) = bytes.split_first_chunk::<HEADER_LEN>()?;
        let [next, words, _, _, a, b, c, d, s0, s1, s2, s3, ..] = *header;
        (next == IP_PROTOCOL && words == LENGTH_WORDS).then_some(Self {
            index: Ipv4Addr::new(a, b, c, d),
            sequence: u32::from_be_bytes([s0, s1, s2, s3]),
            header,
            payload,
        })
    }

    /// Whether the code is right for this key and the IPv4 header that the packet came with.
    pub fn is_genuine(&self, ip_header: &[u8], key: [u8; 8]) -> bool {
        let claimed = self.header.last_chunk::<CODE_LEN>();
        let code = code(ip_header, self.header, self.payload, key);
        claimed
            .zip(code)
            .is_some_and(|(claimed, code)| code.verify_truncated_left(claimed).is_ok())
    }
}

/// What an authenticated packet needs besides the advertisement.
#[derive(Clone, Copy, Debug)]
pub struct Envelope {
    /// Source address.
    pub source: Ipv4Addr,
    /// The group or the peer.
    pub destination: Ipv4Addr,
    /// TTL.
    pub ttl: u8,
    /// Identification in the IP header; not 0, for which the kernel would put in its own.
    pub identification: u16,
    /// Sequence number.
    pub sequence: u32,
}

/// The whole packet, IPv4 header first: the code covers that as well. The checksum of the IPv4 header is left to the kernel.
pub fn seal(advertisement: &[u8], envelope: &Envelope, key: [u8; 8]) -> Vec<u8> {
    let length = IP_HEADER_LEN
        .saturating_add(HEADER_LEN)
        .saturating_add(advertisement.len());
    let mut ip_header = [0; IP_HEADER_LEN];
    write_at(&mut ip_header, 0, &[0x45, TYPE_OF_SERVICE]);
    write_at(
        &mut ip_header,
        2,
        &u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes(),
    );
    write_at(&mut ip_header, 4, &envelope.identification.to_be_bytes());
    write_at(&mut ip_header, TTL_AT, &[envelope.ttl, IP_PROTOCOL_AH]);
    write_at(&mut ip_header, 12, &envelope.source.octets());
    write_at(&mut ip_header, DESTINATION_AT, &envelope.destination.octets());
    let mut header = [0; HEADER_LEN];
    write_at(&mut header, 0, &[IP_PROTOCOL, LENGTH_WORDS]);
    write_at(&mut header, 4, &envelope.source.octets());
    write_at(&mut header, 8, &envelope.sequence.to_be_bytes());
    if let Some(code) = code(&ip_header, &header, advertisement, key) {
        write_at(
            &mut header,
            CODE_AT,
            code.finalize().as_bytes().get(..CODE_LEN).unwrap_or_default(),
        );
    }
    [&ip_header[..], &header, advertisement].concat()
}

/// The code over all that must not change on the way: mutable fields count as zero. The TTL is one of them only for unicast;
/// what goes to a group crosses no router. `None` without a whole IPv4 header.
fn code(ip_header: &[u8], header: &[u8; HEADER_LEN], payload: &[u8], key: [u8; 8]) -> Option<Code> {
    let mut ip_header = ip_header.to_vec();
    let is_multicast = Ipv4Addr::from(*ip_header.get(DESTINATION_AT..)?.first_chunk::<4>()?).is_multicast();
    for (at, length) in MUTABLE_FIELDS {
        write_at(&mut ip_header, at, [0; 2].get(..length)?);
    }
    if !is_multicast {
        write_at(&mut ip_header, TTL_AT, &[0]);
    }
    let mut header = *header;
    write_at(&mut header, CODE_AT, &[0; CODE_LEN]);
    let mut code = Code::new_from_slice(&key).ok()?;
    code.update(&ip_header);
    code.update(&header);
    code.update(payload);
    Some(code)
}
