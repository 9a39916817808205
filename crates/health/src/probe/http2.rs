//! What requests of `HTTP_GET` and `GRPC_CHECK` may say of their own, and what can go wrong with HTTP/2 (RFC 9113).

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Url;

/// A field of a request's header.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Header {
    /// The name, as it is written; case means nothing.
    pub name: String,
    /// The value.
    pub value: String,
}

/// What a request says that keepalived's does not.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct OwnRequest {
    /// The method.
    pub method: String,
    /// Fields of the header besides those that every request has, or (`Host`, `User-Agent`) in their place.
    pub headers: Vec<Header>,
    /// The body; `None`: it has none.
    pub body: Option<Vec<u8>>,
}

/// A `GET` like any other.
impl Default for OwnRequest {
    fn default() -> Self {
        Self {
            method: "GET".to_owned(),
            headers: Vec::new(),
            body: None,
        }
    }
}

impl Url {
    /// The method of the request.
    pub fn method(&self) -> &str {
        self.own.as_ref().map_or("GET", |own| &own.method)
    }

    /// Fields of the header besides the usual ones, or in their place.
    pub fn headers(&self) -> &[Header] {
        self.own.as_ref().map_or(&[], |own| &own.headers)
    }

    /// The body of the request.
    pub fn body(&self) -> Option<&[u8]> {
        self.own.as_ref()?.body.as_deref()
    }
}

/// Why HTTP/2 with a server failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Http2Failure {
    /// Over TLS it does not agree to HTTP/2 (ALPN, RFC 7301).
    NotAgreed,
    /// It answers with HTTP/1.
    Http1,
    /// It resets the stream (`RST_STREAM`), with this error code.
    StreamReset(u32),
    /// It ends the connection (`GOAWAY`), with this error code.
    GoAway(u32),
    /// What it says breaks the protocol, in the way of this error code.
    Broken(u32),
    /// More than so many bytes came before what was waited for.
    TooMuch(u64),
    /// The request cannot be put into HTTP/2: why.
    Request(String),
    /// Something else.
    Other(String),
}

impl fmt::Display for Http2Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAgreed => f.write_str("the server does not agree to HTTP/2 (ALPN)"),
            Self::Http1 => f.write_str("the server speaks HTTP/1, not HTTP/2"),
            Self::StreamReset(code) => write!(f, "stream reset by the server: {}", ErrorCode(*code)),
            Self::GoAway(code) => write!(f, "connection ended by the server: {}", ErrorCode(*code)),
            Self::Broken(code) => write!(f, "not HTTP/2: {}", ErrorCode(*code)),
            Self::TooMuch(most) => write!(f, "more than {most} bytes in place of the answer"),
            Self::Request(reason) => write!(f, "no request over HTTP/2: {reason}"),
            Self::Other(reason) => write!(f, "HTTP/2: {reason}"),
        }
    }
}

/// An error code (RFC 9113 section 7).
struct ErrorCode(u32);

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            0 => "NO_ERROR",
            1 => "PROTOCOL_ERROR",
            2 => "INTERNAL_ERROR",
            3 => "FLOW_CONTROL_ERROR",
            4 => "SETTINGS_TIMEOUT",
            5 => "STREAM_CLOSED",
            6 => "FRAME_SIZE_ERROR",
            7 => "REFUSED_STREAM",
            8 => "CANCEL",
            9 => "COMPRESSION_ERROR",
            10 => "CONNECT_ERROR",
            11 => "ENHANCE_YOUR_CALM",
            12 => "INADEQUATE_SECURITY",
            13 => "HTTP_1_1_REQUIRED",
            code => return write!(f, "error {code}"),
        })
    }
}
