//! The trailer of `auth_hmac` (keepalived 2.4): who signed an advertisement, when, and the signature.
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |   Type (1)    |    Key ID     |            reserved           |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |                      Seconds since 1970                       |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |      Fraction (2^-16 s)       |            Counter            |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |          HMAC-SHA256, the first 16 bytes of its code          |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! ```
//!
//! The code covers 20 bytes that are not sent (IP version, VRRP version, VRID, 0, the source address filled up to 16 bytes),
//! the advertisement with its checksum taken for 0, and the trailer with the code taken for 0.

use std::net::IpAddr;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::write_at;
use crate::settings::Version;

/// Length of a trailer.
pub const TRAILER_LEN: usize = 28;

const TYPE_HMAC_SHA256: u8 = 1;
const CODE_LEN: usize = 16;
/// The part before the code.
const PREFIX_LEN: usize = 12;
const PSEUDO_HEADER_LEN: usize = 20;
const CHECKSUM_AT: usize = 6;

/// The fields of a trailer. The signature has not been verified.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Trailer {
    bytes: [u8; TRAILER_LEN],
}

/// What an advertisement's signature covers besides itself.
#[derive(Clone, Copy, Debug)]
pub struct Signatory {
    /// Source address of the packet.
    pub source: IpAddr,
    /// Version of the instance.
    pub version: Version,
    /// Virtual router identifier of the instance.
    pub vrid: u8,
}

impl Trailer {
    /// The trailer with these bytes.
    pub const fn new(bytes: [u8; TRAILER_LEN]) -> Self {
        Self { bytes }
    }

    /// Signs an advertisement.
    pub fn sign(signatory: &Signatory, key_id: u8, key: &[u8], sequence: u64, advertisement: &[u8]) -> Self {
        let mut bytes = [0; TRAILER_LEN];
        write_at(&mut bytes, 0, &[TYPE_HMAC_SHA256, key_id]);
        write_at(&mut bytes, 4, &sequence.to_be_bytes());
        let unsigned = Self { bytes };
        if let Some(code) = unsigned.code(signatory, key, advertisement) {
            write_at(
                &mut bytes,
                PREFIX_LEN,
                code.finalize().as_bytes().get(..CODE_LEN).unwrap_or_default(),
            );
        }
        Self { bytes }
    }

    /// The bytes on the wire.
    pub const fn bytes(&self) -> &[u8; TRAILER_LEN] {
        &self.bytes
    }

    /// Of the type we know, and nothing where nothing is to be.
    pub fn is_well_formed(&self) -> bool {
        matches!(self.bytes, [TYPE_HMAC_SHA256, _, 0, 0, ..])
    }

    /// Number of the key that it was signed with.
    pub const fn key_id(&self) -> u8 {
        let [_, key_id, ..] = self.bytes;
        key_id
    }

    /// The moment of sending as one number: seconds since 1970 in the upper half, then 2^-16 seconds, then a counter. It
    /// grows from one advertisement of a sender to the next.
    pub fn sequence(&self) -> u64 {
        let field = self.bytes.get(4..PREFIX_LEN).and_then(|field| field.first_chunk());
        field.map_or(0, |field| u64::from_be_bytes(*field))
    }

    /// Whether the signature is right.
    pub fn is_genuine(&self, signatory: &Signatory, key: &[u8], advertisement: &[u8]) -> bool {
        let claimed = self.bytes.last_chunk::<CODE_LEN>();
        let code = self.code(signatory, key, advertisement);
        claimed
            .zip(code)
            .is_some_and(|(claimed, code)| code.verify_truncated_left(claimed).is_ok())
    }

    fn code(&self, signatory: &Signatory, key: &[u8], advertisement: &[u8]) -> Option<Hmac<Sha256>> {
        let mut advertisement = advertisement.to_vec();
        write_at(&mut advertisement, CHECKSUM_AT, &[0; 2]);
        let mut code = Hmac::<Sha256>::new_from_slice(key).ok()?;
        code.update(&signatory.pseudo_header());
        code.update(&advertisement);
        code.update(self.bytes.first_chunk::<PREFIX_LEN>()?);
        code.update(&[0; CODE_LEN]);
        Some(code)
    }
}

impl std::fmt::Debug for Trailer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (key_id, sequence) = (self.key_id(), self.sequence());
        write!(f, "Trailer {{ key_id: {key_id}, sequence: {sequence:#018x} }}")
    }
}

impl Signatory {
    fn pseudo_header(&self) -> [u8; PSEUDO_HEADER_LEN] {
        let mut bytes = [0; PSEUDO_HEADER_LEN];
        let version = match self.version {
            Version::V2 => 2,
            Version::V3 => 3,
        };
        match self.source {
            IpAddr::V4(source) => {
                write_at(&mut bytes, 0, &[4, version, self.vrid]);
                write_at(&mut bytes, 4, &source.octets());
            }
            IpAddr::V6(source) => {
                write_at(&mut bytes, 0, &[6, version, self.vrid]);
                write_at(&mut bytes, 4, &source.octets());
            }
        }
        bytes
    }
}
