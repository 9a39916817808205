//! `HTTP_GET` and `SSL_GET`.

use super::Tls;
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
    /// How the server is asked for its certificate, and what is made of it.
    pub tls: Tls,
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
    /// `2`: HTTP/2; with `SSL_GET` by ALPN, else from the first byte on.
    Http2,
}

/// `header`: a field of a request's header.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Header {
    /// A token (RFC 9110 section 5.6.2).
    pub name: String,
    /// Without control characters but tabs, and without blanks around it.
    pub value: String,
}

/// `url`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Url {
    /// The request target.
    pub path: String,
    /// `method`. Default: `GET`, with a body `POST`.
    pub method: String,
    /// `header` of the checker and of the URL.
    pub headers: Vec<Header>,
    /// `body` of the request.
    pub body: Option<Vec<u8>>,
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
