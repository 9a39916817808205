//! `HTTP_GET` and `SSL_GET`.

pub use holdfast_regex::{RegexOption, Settings as UrlRegex};
use serde::{Deserialize, Serialize};
use std::ops::RangeInclusive;

/// `HTTP_GET`: one request per URL, one after the other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HttpGet {
    /// The version in the request.
    pub http_protocol: HttpProtocol,
    /// After a failure check all URLs without waiting in between.
    pub fast_recovery: bool,
    /// Never empty.
    pub urls: Vec<Url>,
}

/// `SSL_GET`: the same over TLS.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SslGet {
    /// What is asked for.
    pub get: HttpGet,
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

/// `http_protocol`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum HttpProtocol {
    /// `1.0`: HTTP/1.0 without a `Connection` header.
    #[default]
    Http10,
    /// `1.0C`: HTTP/1.0 with `Connection: close`.
    Http10Close,
    /// `1.1`: HTTP/1.1 with `Connection: close`.
    Http11,
}

/// `url`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Url {
    /// The request target.
    pub path: String,
    /// MD5 of the body.
    pub digest: Option<[u8; 16]>,
    /// Status codes that count as success. Default 200–299.
    pub status_code: Vec<RangeInclusive<u16>>,
    /// The `Host` header: of the URL, the checker, the real server or the virtual server; `None`: address and port.
    pub virtualhost: Option<String>,
    /// What the body must hold.
    pub regex: Option<UrlRegex>,
    /// `SSL_GET`: the end of the data must be told by a `close_notify` (RFC 8446 section 6.1). Default: of the checker.
    pub tls_compliant: bool,
}
