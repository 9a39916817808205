//! Advertisements on the wire: VRRP version 2 (RFC 3768 section 5) and version 3 (RFC 5798 and RFC 9568 section 5).
#![deny(clippy::arithmetic_side_effects)]

mod checksum;
#[cfg(test)]
mod tests;

use std::net::IpAddr;

use holdfast_time::Duration;
use thiserror::Error;

pub use checksum::ChecksumForm;

use crate::counters::Counters;
use crate::settings::{Family, Version};

/// IP protocol number of VRRP.
pub const IP_PROTOCOL: u8 = 112;

/// TTL or hop limit of everything that must not have crossed a router.
pub const TTL: u8 = 255;

const HEADER_LEN: usize = 8;
const AUTHENTICATION_LEN: usize = 8;
const TYPE_ADVERTISEMENT: u8 = 1;
/// Longest IPv4 packet that Ethernet fills up: 46 bytes less the IP header.
const LONGEST_PADDED_PAYLOAD: usize = 26;

/// An advertisement.
///
/// Version 2 (RFC 3768 section 5.1); the authentication data is left out over IPv6:
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |Version| Type  | Virtual Rtr ID|   Priority    | Count IP Addrs|
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |   Auth Type   | Adver Int (s) |          Checksum             |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                       IP Address (1 .. n)                     |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                  Authentication Data (8 bytes)                |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
///
/// Version 3 (RFC 9568 section 5.1), addresses of 4 or 16 bytes; the checksum covers a pseudo header as well:
///
/// ```text
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |Version| Type  | Virtual Rtr ID|   Priority    |Count IPvX Addr|
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |(rsvd) | Max Adver Int (0.01 s)|          Checksum             |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                      IPvX Address (1 .. n)                    |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advertisement {
    /// Version on the wire.
    pub version: Version,
    /// Virtual router identifier.
    pub vrid: u8,
    /// 0: the master resigns; 255: the owner of the addresses.
    pub priority: u8,
    /// Advertisement interval: whole seconds up to 255 in version 2, centiseconds up to 40.95 s in version 3.
    pub interval: Duration,
    /// Always `None` in version 3.
    pub authentication: Authentication,
    /// The virtual addresses, 255 at most.
    pub addresses: Vec<IpAddr>,
}

/// Authentication fields of version 2 (RFC 2338 section 5.3.6; RFC 3768 keeps only type 0).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authentication {
    /// Type 0; the data is ignored.
    None,
    /// Type 1: a clear text password.
    Pass([u8; AUTHENTICATION_LEN]),
    /// Type 2 (an authentication header before VRRP) or one nobody knows.
    Other(u8),
}

impl Authentication {
    /// The type on the wire.
    pub const fn number(self) -> u8 {
        match self {
            Self::None => 0,
            Self::Pass(_) => 1,
            Self::Other(number) => number,
        }
    }
}

/// The addresses of the IP header around an advertisement; both of one family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// Source address.
    pub source: IpAddr,
    /// Destination address.
    pub destination: IpAddr,
}

/// Why a packet is not an advertisement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// Shorter than the fixed header.
    #[error("{length} bytes are no VRRP packet")]
    TooShort {
        /// The identifier, if the packet got that far.
        vrid: Option<u8>,
        /// Bytes there are.
        length: usize,
    },
    /// The number of addresses asks for another length.
    #[error("{actual} bytes where the number of addresses asks for {expected}")]
    Length {
        /// Virtual router identifier.
        vrid: u8,
        /// Bytes there should be.
        expected: usize,
        /// Bytes there are.
        actual: usize,
    },
    /// Neither version 2 nor 3.
    #[error("VRRP version {version} is unknown")]
    Version {
        /// Virtual router identifier.
        vrid: u8,
        /// Version found.
        version: u8,
    },
    /// Something else than an advertisement.
    #[error("VRRP packet type {kind} is unknown")]
    Type {
        /// Virtual router identifier.
        vrid: u8,
        /// Type found.
        kind: u8,
    },
    /// The sum is wrong in every accepted form.
    #[error("checksum {received:#06x} is wrong")]
    Checksum {
        /// Virtual router identifier.
        vrid: u8,
        /// Checksum found.
        received: u16,
    },
}

impl DecodeError {
    /// The virtual router that the packet claims to be for.
    pub const fn vrid(&self) -> Option<u8> {
        match *self {
            Self::TooShort { vrid, .. } => vrid,
            Self::Length { vrid, .. }
            | Self::Version { vrid, .. }
            | Self::Type { vrid, .. }
            | Self::Checksum { vrid, .. } => Some(vrid),
        }
    }

    /// The counter it belongs to.
    pub const fn counter<'a>(&self, counters: &'a mut Counters) -> &'a mut u64 {
        match self {
            Self::TooShort { .. } | Self::Length { .. } => &mut counters.packet_len_err,
            Self::Version { .. } => &mut counters.vers_err,
            Self::Type { .. } => &mut counters.invalid_type_rcvd,
            Self::Checksum { .. } => &mut counters.chk_err,
        }
    }
}

impl Advertisement {
    /// Reads what follows the IP header. The checksum must be right in one of the accepted forms; that form is returned.
    pub fn decode(
        bytes: &[u8],
        envelope: &Envelope,
        accepted: &[ChecksumForm],
    ) -> Result<(Self, ChecksumForm), DecodeError> {
        let Some((&[version_and_type, vrid, priority, count, fifth, sixth, sum_high, sum_low], rest)) =
            bytes.split_first_chunk::<HEADER_LEN>()
        else {
            return Err(DecodeError::TooShort {
                vrid: bytes.get(1).copied(),
                length: bytes.len(),
            });
        };
        let version = match version_and_type >> 4 {
            2 => Version::V2,
            3 => Version::V3,
            version => return Err(DecodeError::Version { vrid, version }),
        };
        let family = Family::of(envelope.source);
        let expected = packet_len(version, family, usize::from(count));
        let actual = bytes.len();
        let wrong_length = DecodeError::Length { vrid, expected, actual };
        if actual != expected && !is_ethernet_padding(family, expected, actual) {
            return Err(wrong_length);
        }
        let packet = bytes.get(..expected).ok_or(wrong_length)?;
        if version_and_type & 0x0f != TYPE_ADVERTISEMENT {
            return Err(DecodeError::Type {
                vrid,
                kind: version_and_type & 0x0f,
            });
        }
        let form = accepted
            .iter()
            .find(|form| checksum::sum(packet, version, envelope, **form) == 0)
            .ok_or(DecodeError::Checksum {
                vrid,
                received: u16::from_be_bytes([sum_high, sum_low]),
            })?;

        let advertisement = Self {
            version,
            vrid,
            priority,
            interval: read_interval(version, [fifth, sixth]),
            authentication: read_authentication(version, family, fifth, packet),
            addresses: read_addresses(rest, family, count),
        };
        Ok((advertisement, *form))
    }

    /// The bytes that follow the IP header, checksum included. Values beyond their field's range are cut to it, addresses
    /// of another family than the envelope's are left out.
    pub fn encode(&self, envelope: &Envelope, form: ChecksumForm) -> Vec<u8> {
        let family = Family::of(envelope.source);
        let addresses = self
            .addresses
            .iter()
            .filter(|address| Family::of(**address) == family)
            .take(255);
        let mut bytes = vec![0; HEADER_LEN];
        let mut count: u8 = 0;
        for address in addresses {
            match address {
                IpAddr::V4(address) => bytes.extend(address.octets()),
                IpAddr::V6(address) => bytes.extend(address.octets()),
            }
            count = count.saturating_add(1);
        }
        let (version, interval) = match self.version {
            Version::V2 => {
                let seconds = u8::try_from(self.interval.as_secs()).unwrap_or(u8::MAX);
                (2, [self.authentication.number(), seconds])
            }
            Version::V3 => {
                let centiseconds = u16::try_from(self.interval.as_millis() / 10)
                    .unwrap_or(u16::MAX)
                    .min(0x0fff);
                (3, centiseconds.to_be_bytes())
            }
        };
        if self.version == Version::V2 && family == Family::Ipv4 {
            bytes.extend(match self.authentication {
                Authentication::Pass(password) => password,
                Authentication::None | Authentication::Other(_) => [0; AUTHENTICATION_LEN],
            });
        }
        let [fifth, sixth] = interval;
        let header = [
            (version << 4) | TYPE_ADVERTISEMENT,
            self.vrid,
            self.priority,
            count,
            fifth,
            sixth,
        ];
        write_at(&mut bytes, 0, &header);
        let sum = checksum::sum(&bytes, self.version, envelope, form);
        write_at(&mut bytes, header.len(), &sum.to_be_bytes());
        bytes
    }
}

/// Length of an advertisement with so many addresses.
fn packet_len(version: Version, family: Family, count: usize) -> usize {
    let authentication = if version == Version::V2 && family == Family::Ipv4 {
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

fn write_at(bytes: &mut [u8], at: usize, new: &[u8]) {
    for (old, new) in bytes.iter_mut().skip(at).zip(new) {
        *old = *new;
    }
}
