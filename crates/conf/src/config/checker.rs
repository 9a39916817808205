//! Checkers, with everything that they inherit filled in.

mod dialogue;
mod grpc;
mod http;
mod kinds;
mod tls;

pub use dialogue::{AgentCheck, ExpectCheck, ExpectStep};
pub use grpc::GrpcCheck;
pub use http::{Header, HttpGet, HttpProtocol, RegexOption, SslGet, Url, UrlRegex};
pub use kinds::{BfdCheck, CheckerKind, DnsCheck, DnsType, FileCheck, MiscCheck, ReplyByte, SmtpCheck, UdpCheck};
pub use tls::{Sni, Tls, Verify};

use crate::source::{Span, Spanned};
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// One check of a real server.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Checker {
    /// What it does.
    pub kind: CheckerKind,
    /// `connect_ip` and `connect_port`. Default: those of the real server, the port of the service when it has none.
    /// Kinds that do not connect have the address of the real server; without a port, as with `PING_CHECK`, it is 0.
    pub target: SocketAddr,
    /// Where the connection comes from.
    pub bind: Bind,
    /// `SO_MARK` of the packets; 0: none.
    pub fwmark: u32,
    /// How long one attempt may take. Default 5 s.
    pub connect_timeout: Duration,
    /// More attempts after a failure before the server is down. Default 1; `DNS_CHECK` 3, `MISC_CHECK` 0.
    pub retry: u32,
    /// Time between attempts after a failure. Default 1 s; `HTTP_GET` and `SSL_GET` 3 s, `DNS_CHECK` `delay_loop`.
    pub delay_before_retry: Duration,
    /// The first check comes after a random time up to this. Default `delay_loop`.
    pub warmup: Duration,
    /// Time between checks. Default 60 s.
    pub delay_loop: Duration,
    /// Successes in a row before a failed check passes. Default 1.
    pub rise: u32,
    /// Regular checks are put off by a random time up to this. Default none.
    pub jitter: Duration,
    /// The time limit of one attempt as a whole. Default: `connect_timeout` for each of its phases.
    pub check_timeout: Option<Duration>,
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
                (it.rise, it.jitter, it.check_timeout),
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
