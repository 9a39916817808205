//! Checkers, with everything that they inherit filled in.

use crate::source::{Span, Spanned};
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Duration;

/// One check of a real server.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Checker {
    /// What it does.
    pub kind: CheckerKind,
    /// `connect_ip` and `connect_port`. Default: those of the real server, the port of the service when it has none.
    pub target: SocketAddr,
    /// Where the connection comes from.
    pub bind: Bind,
    /// `SO_MARK` of the packets; 0: none.
    pub fwmark: u32,
    /// How long one attempt may take. Default 5 s.
    pub connect_timeout: Duration,
    /// More attempts after a failure before the server is down. Default 1.
    pub retry: u32,
    /// Time between attempts after a failure. Default 1 s; `HTTP_GET` 3 s.
    pub delay_before_retry: Duration,
    /// The first check comes after a random time up to this. Default `delay_loop`.
    pub warmup: Duration,
    /// Time between checks. Default 60 s.
    pub delay_loop: Duration,
    /// Down until the first success.
    pub alpha: bool,
    /// Log every failed attempt.
    pub log_all_failures: bool,
    /// The block's head.
    pub span: Span,
}

impl PartialEq for Checker {
    fn eq(&self, other: &Self) -> bool {
        let parts = |it: &Self| {
            (
                (it.target, it.fwmark, it.connect_timeout, it.retry),
                (
                    it.delay_before_retry,
                    it.warmup,
                    it.delay_loop,
                    it.alpha,
                    it.log_all_failures,
                ),
            )
        };
        self.kind == other.kind && self.bind == other.bind && parts(self) == parts(other)
    }
}

/// `bindto`, `bind_port`, `bind_if`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bind {
    /// Source address.
    pub address: Option<IpAddr>,
    /// Source port.
    pub port: Option<u16>,
    /// Interface; also the scope of a link-local target.
    pub interface: Option<Spanned<String>>,
}

/// The kinds of checkers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum CheckerKind {
    /// `TCP_CHECK`: a connection comes about.
    TcpCheck,
    /// `HTTP_GET`.
    HttpGet(HttpGet),
    /// A checker that is known but not yet in effect. It must not count as a success; a warning named it.
    NotYet {
        /// Its keyword, `SMTP_CHECK` for example.
        keyword: String,
    },
}

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
}
