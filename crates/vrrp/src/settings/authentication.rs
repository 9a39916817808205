//! How advertisements are authenticated. No secret is ever shown.

use std::collections::BTreeMap;
use std::fmt;

use holdfast_time::Duration;
use serde::{Deserialize, Serialize};

/// `authentication` of a version 2 instance.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum AuthenticationSettings {
    /// `auth_type PASS`: a clear text password, filled up with zeros.
    Pass([u8; 8]),
    /// `auth_type AH`: the authentication header of IP with HMAC-MD5-96 (RFC 2402, RFC 2403); the key, filled up with zeros.
    /// IPv4 only.
    Ah([u8; 8]),
}

impl fmt::Debug for AuthenticationSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pass(_) => "Pass(..)",
            Self::Ah(_) => "Ah(..)",
        })
    }
}

/// `auth_hmac`: a trailer behind each advertisement, signed with HMAC-SHA256 (keepalived 2.4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HmacSettings {
    /// The keys that are accepted, by their number, 1 to 255.
    pub keys: BTreeMap<u8, Secret>,
    /// `active_key`: the one of [`Self::keys`] that we sign with. Without it nothing is signed, and nobody accepts that.
    pub active_key: u8,
    /// `time_window`: how far the clocks of two routers may lie apart, 1 to 300 s. Whole seconds count.
    pub time_window: Duration,
    /// `anti_replay`.
    pub anti_replay: AntiReplay,
    /// `mode`.
    pub mode: HmacMode,
}

/// `anti_replay`: how an advertisement that was sent before is told from a new one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum AntiReplay {
    /// Its number grows, and it says what our clock says, within the window.
    #[default]
    Time,
    /// Its number grows; no clock is compared.
    Monotonic,
}

/// `mode`: the way from no authentication to authentication on a running network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum HmacMode {
    /// Sign, and refuse what is not signed.
    #[default]
    Enforce,
    /// Sign, and accept what is not signed.
    Permissive,
    /// Sign nothing, and accept what is not signed.
    ReceiveOnly,
}

/// A key. It is compared and handed on, and never shown.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// A key of these bytes.
    pub const fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_is_shown() {
        let hmac = HmacSettings {
            keys: [(1, Secret::new(b"hunter2".to_vec()))].into(),
            active_key: 1,
            time_window: Duration::from_secs(5),
            anti_replay: AntiReplay::Time,
            mode: HmacMode::Enforce,
        };
        let shown = [
            format!("{hmac:?}"),
            format!("{:?}", AuthenticationSettings::Pass(*b"hunter2\0")),
            format!("{:?}", AuthenticationSettings::Ah(*b"hunter2\0")),
        ];
        for text in shown {
            assert!(!text.contains("hunter") && !text.contains("104"), "{text}");
        }
    }
}
