//! A received packet, field by field: each check of a receiver is a question of its own, so that their order is the
//! receiver's business.

use std::net::IpAddr;

use holdfast_time::Duration;

use super::trailer::{TRAILER_LEN, Trailer};
use super::{
    AUTHENTICATION_LEN, Advertisement, Authentication, ChecksumForm, DecodeError, Envelope, HEADER_LEN,
    TYPE_ADVERTISEMENT, checksum,
};
use crate::settings::{Family, Version};

/// Longest IPv4 packet that Ethernet fills up: 46 bytes less the IP header.
const LONGEST_PADDED_PAYLOAD: usize = 26;

/// A packet that has the length which its number of addresses asks for. Nothing else about it is certain.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    family: Family,
    header: [u8; HEADER_LEN],
    /// The advertisement, without padding and trailer.
    packet: &'a [u8],
    /// The advertisement and its trailer.
    with_trailer: &'a [u8],
    trailer: Option<Trailer>,
}

impl<'a> Frame<'a> {
    /// Reads what follows the IP header, or the authentication header. `may_be_signed`: a trailer may follow.
    pub fn read(bytes: &'a [u8], family: Family, may_be_signed: bool) -> Result<Self, DecodeError> {
        let too_short = || DecodeError::TooShort {
            vrid: bytes.get(1).copied(),
            length: bytes.len(),
        };
        let header @ [version_and_type, vrid, _, count, ..] =
            *bytes.first_chunk::<HEADER_LEN>().ok_or_else(too_short)?;
        let expected = packet_len(version_and_type >> 4, family, usize::from(count));
        let actual = bytes.len();
        let wrong_length = DecodeError::Length { vrid, expected, actual };
        let (packet, rest) = bytes.split_at_checked(expected).ok_or(wrong_length)?;
        let trailer = <[u8; TRAILER_LEN]>::try_from(rest)
            .ok()
            .filter(|_| may_be_signed)
            .map(Trailer::new);
        if trailer.is_none() && !rest.is_empty() && !is_ethernet_padding(family, expected, actual) {
            return Err(wrong_length);
        }
        Ok(Self {
            family,
            header,
            packet,
            with_trailer: if trailer.is_some() { bytes } else { packet },
            trailer,
        })
    }

    /// The advertisement's own bytes.
    pub const fn packet(&self) -> &'a [u8] {
        self.packet
    }

    /// The trailer that follows.
    pub const fn trailer(&self) -> Option<Trailer> {
        self.trailer
    }

    /// The version, if it is one.
    pub const fn version(&self) -> Result<Version, DecodeError> {
        let [version_and_type, vrid, ..] = self.header;
        match version_and_type >> 4 {
            2 => Ok(Version::V2),
            3 => Ok(Version::V3),
            version => Err(DecodeError::Version { vrid, version }),
        }
    }

    /// Whether it is an advertisement.
    pub const fn check_type(&self) -> Result<(), DecodeError> {
        let [version_and_type, vrid, ..] = self.header;
        match version_and_type & 0x0f {
            TYPE_ADVERTISEMENT => Ok(()),
            kind => Err(DecodeError::Type { vrid, kind }),
        }
    }

    /// The form in which the checksum is right. Over IPv6, where the kernel of the sender adds it up, it covers the trailer.
    pub fn check_sum(
        &self,
        version: Version,
        envelope: &Envelope,
        accepted: &[ChecksumForm],
    ) -> Result<ChecksumForm, DecodeError> {
        let [_, vrid, .., sum_high, sum_low] = self.header;
        let covered = match self.family {
            Family::Ipv4 => self.packet,
            Family::Ipv6 => self.with_trailer,
        };
        let is_right = |form: &&ChecksumForm| checksum::sum(covered, version, envelope, **form) == 0;
        accepted.iter().find(is_right).copied().ok_or(DecodeError::Checksum {
            vrid,
            received: u16::from_be_bytes([sum_high, sum_low]),
        })
    }

    /// `Adver Int` or `Max Adver Int`.
    pub fn interval(&self, version: Version) -> Duration {
        let [_, _, _, _, fifth, sixth, ..] = self.header;
        read_interval(version, [fifth, sixth])
    }

    /// The authentication fields.
    pub fn authentication(&self, version: Version) -> Authentication {
        let [_, _, _, _, kind, ..] = self.header;
        read_authentication(version, self.family, kind, self.packet)
    }

    /// All fields.
    pub fn advertisement(&self, version: Version) -> Advertisement {
        let [_, vrid, priority, count, ..] = self.header;
        let addresses = self.packet.get(HEADER_LEN..).unwrap_or_default();
        Advertisement {
            version,
            vrid,
            priority,
            interval: self.interval(version),
            authentication: self.authentication(version),
            addresses: read_addresses(addresses, self.family, count),
        }
    }
}

/// Length of an advertisement with so many addresses.
fn packet_len(version: u8, family: Family, count: usize) -> usize {
    let authentication = if version == 2 && family == Family::Ipv4 {
        AUTHENTICATION_LEN
    } else {
        0
    };
    HEADER_LEN
        .saturating_add(count.saturating_mul(address_len(family)))
        .saturating_add(authentication)
}

const fn address_len(family: Family) -> usize {
    match family {
        Family::Ipv4 => 4,
        Family::Ipv6 => 16,
    }
}

/// Ethernet fills short packets up to 46 bytes, less 4 for each VLAN tag; some network cards hand the filling on. IP options
/// come in steps of 4, too, so the header's length does not matter.
const fn is_ethernet_padding(family: Family, expected: usize, actual: usize) -> bool {
    matches!(family, Family::Ipv4)
        && expected < actual
        && actual <= LONGEST_PADDED_PAYLOAD
        && actual % 4 == LONGEST_PADDED_PAYLOAD % 4
}

/// `Adver Int` or `Max Adver Int`; the reserved bits of version 3 are ignored on reception.
fn read_interval(version: Version, [high, low]: [u8; 2]) -> Duration {
    match version {
        Version::V2 => Duration::from_secs(u64::from(low)),
        Version::V3 => Duration::from_millis(u64::from(u16::from_be_bytes([high & 0x0f, low])).saturating_mul(10)),
    }
}

fn read_authentication(version: Version, family: Family, kind: u8, packet: &[u8]) -> Authentication {
    match (version, family, kind) {
        (Version::V3, ..) | (Version::V2, _, 0) => Authentication::None,
        (Version::V2, Family::Ipv4, 1) => {
            Authentication::Pass(packet.last_chunk().copied().unwrap_or([0; AUTHENTICATION_LEN]))
        }
        (Version::V2, _, 2) => Authentication::Header,
        (Version::V2, _, other) => Authentication::Other(other),
    }
}

fn read_addresses(bytes: &[u8], family: Family, count: u8) -> Vec<IpAddr> {
    let entries = bytes.chunks_exact(address_len(family)).take(usize::from(count));
    let address = |entry: &[u8]| match family {
        Family::Ipv4 => <[u8; 4]>::try_from(entry).map(IpAddr::from).ok(),
        Family::Ipv6 => <[u8; 16]>::try_from(entry).map(IpAddr::from).ok(),
    };
    entries.filter_map(address).collect()
}
