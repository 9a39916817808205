//! The Internet checksum (RFC 1071) in the forms that VRRP speakers use.

use std::net::{IpAddr, Ipv4Addr};

use super::{Envelope, IP_PROTOCOL};
use crate::settings::Version;

/// What a checksum covers besides the packet. Matters for version 3 over IPv4; the others have one form only: version 2
/// over IPv4 never covers a pseudo header, and over IPv6 the kernel always does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChecksumForm {
    /// RFC 5798 section 5.2.8: pseudo header with the packet's own addresses.
    Standard,
    /// `v3_checksum_as_v2`: no pseudo header.
    WithoutPseudoHeader,
    /// `old_unicast_checksum`: the group stands in the pseudo header in the place of the peer.
    OldUnicast(Ipv4Addr),
}

/// What belongs into the checksum field if that is zero in `packet`; 0 if `packet` carries the right one.
pub(super) fn sum(packet: &[u8], version: Version, envelope: &Envelope, form: ChecksumForm) -> u16 {
    let length = u32::try_from(packet.len()).unwrap_or(u32::MAX);
    let words = packet_sum(packet);
    let total = match (envelope.source, envelope.destination) {
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            words.saturating_add(pseudo_header(&source.octets(), &destination.octets(), length))
        }
        (IpAddr::V4(source), IpAddr::V4(destination)) if version == Version::V3 => match form {
            ChecksumForm::Standard => {
                words.saturating_add(pseudo_header(&source.octets(), &destination.octets(), length))
            }
            ChecksumForm::OldUnicast(group) => {
                words.saturating_add(pseudo_header(&source.octets(), &group.octets(), length))
            }
            ChecksumForm::WithoutPseudoHeader => words,
        },
        _ => words,
    };
    !fold(total)
}

/// Both pseudo headers (RFC 768, RFC 8200 section 8.1) are the addresses, the length and the protocol; where the zeros lie
/// does not change the sum.
fn pseudo_header(source: &[u8], destination: &[u8], length: u32) -> u64 {
    packet_sum(source)
        .saturating_add(packet_sum(destination))
        .saturating_add(u64::from(length))
        .saturating_add(u64::from(IP_PROTOCOL))
}

fn packet_sum(bytes: &[u8]) -> u64 {
    let mut pairs = bytes.chunks_exact(2);
    let even: u64 = pairs
        .by_ref()
        .filter_map(|pair| <[u8; 2]>::try_from(pair).ok())
        .map(word)
        .sum();
    let odd = pairs.remainder().first().map_or(0, |last| word([*last, 0]));
    even.saturating_add(odd)
}

fn word(pair: [u8; 2]) -> u64 {
    u64::from(u16::from_be_bytes(pair))
}

fn fold(mut sum: u64) -> u16 {
    loop {
        match u16::try_from(sum) {
            Ok(folded) => return folded,
            Err(_) => sum = (sum & 0xffff).saturating_add(sum >> 16),
        }
    }
}
