//! `PING_CHECK`: an echo request is answered (RFC 792, RFC 4443 section 4).
//!
//! The socket is a raw one, for which the checker keeps `CAP_NET_RAW`: a datagram socket for ICMP would need
//! `net.ipv4.ping_group_range` to be widened for the whole system, as keepalived does.
#![deny(clippy::arithmetic_side_effects)]

use std::net::IpAddr;

use holdfast_health::probe::{PingProbe, Verdict};

use crate::datagram::{Datagrams, wait};
use crate::progress::Progress;
use crate::random;

/// As many bytes follow the header as with keepalived, and they are the same.
const PAYLOAD_BYTES: usize = 128;
const PAYLOAD: &str = "keepalived check - ";

/// The longest header that IPv4 has, and the header of an echo: no more of a reply is looked at.
const BUFFER_BYTES: usize = 60 + 8;

/// Which ICMP is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// ICMP: packets come in with their IPv4 header.
    V4,
    /// `ICMPv6`: packets come in without, and the kernel fills in the checksum.
    V6,
}

/// What makes a request and its reply a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Echo {
    /// Which ICMP is spoken.
    pub version: Version,
    /// The identifier.
    pub id: u16,
    /// The sequence number.
    pub sequence: u16,
}

/// Sends an echo request and waits for the reply.
pub(crate) async fn echo(probe: &PingProbe, progress: &mut Progress) -> Result<(), Verdict> {
    let connection = &probe.connection;
    let socket = Datagrams::icmp(connection)?;
    let echo = Echo {
        version: match connection.address {
            IpAddr::V4(_) => Version::V4,
            IpAddr::V6(_) => Version::V6,
        },
        id: match connection.bind_port {
            0 => random::sixteen_bits(),
            port => port,
        },
        sequence: random::sixteen_bits(),
    };
    socket.send(&echo.request(), connection, progress).await?;
    let answer = socket.answer(vec![0; BUFFER_BYTES], |packet| echo.is_reply(packet).then_some(()));
    wait(answer, connection, progress).await
}

impl Echo {
    /// The request, from the type on.
    fn request(self) -> Vec<u8> {
        let kind = match self.version {
            Version::V4 => 8,
            Version::V6 => 128,
        };
        let [id_high, id_low] = self.id.to_be_bytes();
        let [sequence_high, sequence_low] = self.sequence.to_be_bytes();
        let packet = |checksum: u16| {
            let [high, low] = checksum.to_be_bytes();
            let header = [kind, 0, high, low, id_high, id_low, sequence_high, sequence_low];
            let payload = PAYLOAD.bytes().cycle().take(PAYLOAD_BYTES);
            header.into_iter().chain(payload).collect::<Vec<u8>>()
        };
        match self.version {
            Version::V4 => packet(checksum(&packet(0))),
            Version::V6 => packet(0),
        }
    }

    /// Whether a packet is the reply.
    pub fn is_reply(self, packet: &[u8]) -> bool {
        let (kind, message) = match self.version {
            Version::V4 => (0, after_ipv4_header(packet)),
            Version::V6 => (129, Some(packet)),
        };
        let Some([found, 0, _, _, id_high, id_low, sequence_high, sequence_low, ..]) = message else {
            return false;
        };
        *found == kind
            && u16::from_be_bytes([*id_high, *id_low]) == self.id
            && u16::from_be_bytes([*sequence_high, *sequence_low]) == self.sequence
    }
}

/// What follows the header, whose length is in its first byte in words of four bytes.
fn after_ipv4_header(packet: &[u8]) -> Option<&[u8]> {
    let words = usize::from(packet.first()? & 0x0f);
    packet.get(words.checked_mul(4)?..)
}

/// The ones' complement of the ones' complement sum of all words of two bytes (RFC 1071).
fn checksum(bytes: &[u8]) -> u16 {
    let sum = bytes.chunks(2).fold(0_u16, |sum, pair| {
        let word = u16::from_be_bytes([pair.first().copied().unwrap_or(0), pair.get(1).copied().unwrap_or(0)]);
        let (sum, carry) = sum.overflowing_add(word);
        // After a carry the sum is at most 0xfffe.
        sum.wrapping_add(u16::from(carry))
    });
    !sum
}

#[cfg(test)]
mod tests;
