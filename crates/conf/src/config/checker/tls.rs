//! TLS of checkers.

use serde::{Deserialize, Serialize};

/// What a checker over TLS says, and what it wants to be shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tls {
    /// The name that the server is asked for before there is a certificate.
    pub sni: Sni,
    /// `tls_verify` with `tls_verify_name`.
    pub verify: Verify,
}

/// `tls_verify` and `tls_verify_name`: whether the server must show a valid certificate, and for which name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verify {
    /// Any certificate will do, as with keepalived.
    #[default]
    Off,
    /// One for the name that is asked for, else the `Host` of the URL, else the address.
    Peer,
    /// One for this name or address.
    Name(String),
}

impl Verify {
    /// What the two lines mean together; `None`: not written.
    pub(crate) fn new(verify: Option<bool>, name: Option<String>) -> Self {
        match (verify, name) {
            (Some(false), _) | (None, None) => Self::Off,
            (Some(true), None) => Self::Peer,
            (_, Some(name)) => Self::Name(name),
        }
    }
}

/// `enable_sni` and `sni_name`: server name indication (RFC 6066 section 3).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sni {
    /// None is sent.
    #[default]
    Off,
    /// The `Host` of the URL.
    Virtualhost,
    /// This one.
    Name(String),
}
