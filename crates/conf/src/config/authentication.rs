//! `authentication` and `auth_hmac`.

use crate::source::Spanned;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// The `authentication` block (VRRP version 2 only). The password is filled up with zeros.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Authentication {
    /// `auth_type PASS`: the password is sent in clear text.
    Pass([u8; 8]),
    /// `auth_type AH`: the authentication header of IP, HMAC-MD5-96 (RFC 2402, RFC 2403). IPv4 only.
    Ah([u8; 8]),
}

impl fmt::Debug for Authentication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pass(_) => "Pass(..)",
            Self::Ah(_) => "Ah(..)",
        })
    }
}

/// Bytes of a key of `auth_hmac`.
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 32..=64;

/// The secret of a key.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum HmacSecret {
    /// 32 to 64 bytes.
    Bytes(Vec<u8>),
    /// The file that holds them. Nobody but its owner may read it.
    File(PathBuf),
}

impl HmacSecret {
    /// The key that is written as `hex:` and digits, or as its own characters; `None` unless it has 32 to 64 bytes.
    pub fn from_text(text: &str) -> Option<Self> {
        let bytes = match text.strip_prefix("hex:") {
            Some(digits) => hexadecimal(digits)?,
            None => text.as_bytes().to_vec(),
        };
        SECRET_BYTES.contains(&bytes.len()).then_some(Self::Bytes(bytes))
    }
}

/// Pairs of hexadecimal digits.
fn hexadecimal(digits: &str) -> Option<Vec<u8>> {
    let digit = |digit: u8| {
        char::from(digit)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
    };
    let pair = |pair: &[u8]| match *pair {
        [high, low] => Some((digit(high)? << 4) | digit(low)?),
        _ => None,
    };
    digits.as_bytes().chunks(2).map(pair).collect()
}

impl fmt::Debug for HmacSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(_) => f.write_str("Bytes(..)"),
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
        }
    }
}

/// One `key` of an `auth_hmac` block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HmacKey {
    /// 1–255, unique in the block.
    pub id: Spanned<u8>,
    /// The secret.
    pub secret: HmacSecret,
}

/// How adverts that were sent before are told from new ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum AntiReplay {
    /// By the clock, within `time_window`.
    #[default]
    Time,
    /// By a counter that only rises.
    Monotonic,
}

/// What becomes of adverts without a trailer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum HmacMode {
    /// They are dropped.
    #[default]
    Enforce,
    /// They are taken.
    Permissive,
    /// They are taken, and none is sent with a trailer.
    ReceiveOnly,
}

/// The `auth_hmac` block: adverts end in an HMAC-SHA256 over themselves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthHmac {
    /// The keys that adverts may be signed with; never empty.
    pub keys: Vec<HmacKey>,
    /// The one of [`Self::keys`] that is used for sending.
    pub active_key: u8,
    /// The clocks of two routers may differ by this, 1–300 s. Default three times `advert_int`, from 5 to 300 s.
    pub time_window: Duration,
    /// The check for old adverts.
    pub anti_replay: AntiReplay,
    /// What becomes of adverts without a trailer.
    pub mode: HmacMode,
}
