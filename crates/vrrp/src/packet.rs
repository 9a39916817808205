//! Advertisements on the wire: VRRP version 2 (RFC 3768 section 5) and version 3 (RFC 5798 and RFC 9568 section 5).
#![deny(clippy::arithmetic_side_effects)]

pub mod ah;
mod checksum;
mod frame;
#[cfg(test)]
mod tests;
pub mod trailer;

use std::net::IpAddr;

use holdfast_time::Duration;
use thiserror::Error;

pub use checksum::ChecksumForm;
pub use frame::Frame;
pub use trailer::Trailer;

use crate::counters::Counters;
use crate::settings::{Family, Version};

/// IP protocol number of VRRP.
pub const IP_PROTOCOL: u8 = 112;

/// TTL or hop limit of everything that must not have crossed a router.
pub const TTL: u8 = 255;

const HEADER_LEN: usize = 8;
const AUTHENTICATION_LEN: usize = 8;
const CHECKSUM_AT: usize = 6;
const TYPE_ADVERTISEMENT: u8 = 1;

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
    /// Type 2: an authentication header stands before VRRP.
    Header,
    /// One that nobody knows.
    Other(u8),
}

impl Authentication {
    /// The type on the wire.
    pub const fn number(self) -> u8 {
        match self {
            Self::None => 0,
            Self::Pass(_) => 1,
            Self::Header => 2,
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
        let frame = Frame::read(bytes, Family::of(envelope.source), false)?;
        let version = frame.version()?;
        frame.check_type()?;
        let form = frame.check_sum(version, envelope, accepted)?;
        Ok((frame.advertisement(version), form))
    }

    /// The bytes that follow the IP header, checksum included. Values beyond their field's range are cut to it, addresses
    /// of another family than the envelope's are left out.
    pub fn encode(&self, envelope: &Envelope, form: ChecksumForm) -> Vec<u8> {
        let mut bytes = self.encode_without_sum(Family::of(envelope.source));
        self.write_sum(&mut bytes, envelope, form);
        bytes
    }

    /// As [`Self::encode`], with the trailer that signs these bytes behind them.
    pub fn encode_signed(
        &self,
        envelope: &Envelope,
        form: ChecksumForm,
        sign: impl FnOnce(&[u8]) -> Trailer,
    ) -> Vec<u8> {
        let family = Family::of(envelope.source);
        let mut bytes = self.encode_without_sum(family);
        let trailer = sign(&bytes);
        if family == Family::Ipv4 {
            self.write_sum(&mut bytes, envelope, form);
            bytes.extend(trailer.bytes());
        } else {
            // Receivers leave the sum to their kernel, which knows of no trailer.
            bytes.extend(trailer.bytes());
            self.write_sum(&mut bytes, envelope, form);
        }
        bytes
    }

    fn write_sum(&self, bytes: &mut [u8], envelope: &Envelope, form: ChecksumForm) {
        let sum = checksum::sum(bytes, self.version, envelope, form);
        write_at(bytes, CHECKSUM_AT, &sum.to_be_bytes());
    }

    fn encode_without_sum(&self, family: Family) -> Vec<u8> {
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
                Authentication::None | Authentication::Header | Authentication::Other(_) => [0; AUTHENTICATION_LEN],
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
        bytes
    }
}

fn write_at(bytes: &mut [u8], at: usize, new: &[u8]) {
    for (old, new) in bytes.iter_mut().skip(at).zip(new) {
        *old = *new;
    }
}
