//! The kinds of checkers.

use super::{AgentCheck, ExpectCheck, GrpcCheck, HttpGet, SslGet};
use crate::config::Script;
use crate::keywords::{Context, Status};
use crate::source::Spanned;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The kinds of checkers, with what only they have.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum CheckerKind {
    /// `TCP_CHECK`: a connection comes about.
    TcpCheck,
    /// `HTTP_GET`.
    HttpGet(HttpGet),
    /// `SSL_GET`.
    SslGet(SslGet),
    /// `SMTP_CHECK`.
    SmtpCheck(SmtpCheck),
    /// `DNS_CHECK`.
    DnsCheck(DnsCheck),
    /// `PING_CHECK`: an echo request is answered.
    PingCheck,
    /// `UDP_CHECK`.
    UdpCheck(UdpCheck),
    /// `GRPC_CHECK`.
    GrpcCheck(GrpcCheck),
    /// `MISC_CHECK`.
    MiscCheck(MiscCheck),
    /// `FILE_CHECK`.
    FileCheck(FileCheck),
    /// `BFD_CHECK`.
    BfdCheck(BfdCheck),
    /// `EXPECT_CHECK`.
    ExpectCheck(ExpectCheck),
    /// `AGENT_CHECK`.
    AgentCheck(AgentCheck),
}

impl CheckerKind {
    /// Its keyword.
    pub fn keyword(&self) -> &'static str {
        match self {
            Self::TcpCheck => "TCP_CHECK",
            Self::HttpGet(_) => "HTTP_GET",
            Self::SslGet(_) => "SSL_GET",
            Self::SmtpCheck(_) => "SMTP_CHECK",
            Self::DnsCheck(_) => "DNS_CHECK",
            Self::PingCheck => "PING_CHECK",
            Self::UdpCheck(_) => "UDP_CHECK",
            Self::GrpcCheck(_) => "GRPC_CHECK",
            Self::MiscCheck(_) => "MISC_CHECK",
            Self::FileCheck(_) => "FILE_CHECK",
            Self::BfdCheck(_) => "BFD_CHECK",
            Self::ExpectCheck(_) => "EXPECT_CHECK",
            Self::AgentCheck(_) => "AGENT_CHECK",
        }
    }

    /// Does the daemon check it? Otherwise it must not count as a success; a warning named it.
    pub fn is_in_effect(&self) -> bool {
        Context::RealServer
            .find(self.keyword())
            .is_some_and(|keyword| keyword.status != Status::NotYet)
    }

    /// Does it talk to an address?
    pub fn connects(&self) -> bool {
        !matches!(self, Self::MiscCheck(_) | Self::FileCheck(_) | Self::BfdCheck(_))
    }

    /// Does it talk to a port?
    pub fn needs_port(&self) -> bool {
        self.connects() && !matches!(self, Self::PingCheck)
    }
}

/// `SMTP_CHECK`: greeting, `HELO`, `QUIT`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SmtpCheck {
    /// The name in `HELO`. Default `smtpchecker.keepalived.org`.
    pub helo_name: String,
}

/// `DNS_CHECK`: one query that a name server answers without an error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DnsCheck {
    /// `type`. Default SOA.
    pub query_type: DnsType,
    /// The name that is asked for, without a dot at its end; empty: the root, which is the default.
    pub name: String,
}

/// Types of resource records (RFC 1035 section 3.2.2, RFC 3596, RFC 4034).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names of the types")]
pub enum DnsType {
    A,
    Ns,
    Cname,
    #[default]
    Soa,
    Mx,
    Txt,
    Aaaa,
    Rrsig,
    Dnskey,
}

impl DnsType {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::A,
        Self::Ns,
        Self::Cname,
        Self::Soa,
        Self::Mx,
        Self::Txt,
        Self::Aaaa,
        Self::Rrsig,
        Self::Dnskey,
    ];

    /// The name in the file.
    pub fn name(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::Ns => "NS",
            Self::Cname => "CNAME",
            Self::Soa => "SOA",
            Self::Mx => "MX",
            Self::Txt => "TXT",
            Self::Aaaa => "AAAA",
            Self::Rrsig => "RRSIG",
            Self::Dnskey => "DNSKEY",
        }
    }
}

/// `UDP_CHECK`: a datagram that is not refused, or that is answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UdpCheck {
    /// What is sent. Default 32 bytes of text.
    pub payload: Vec<u8>,
    /// How an answer begins; empty: any will do. `None`: none is needed.
    pub require_reply: Option<Vec<ReplyByte>>,
    /// Shortest answer in bytes, when its beginning is given. Default 0.
    pub min_reply_length: u16,
    /// Longest answer in bytes, when its beginning is given. Default 255.
    pub max_reply_length: u16,
}

/// A byte of an answer, of which each half may be anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplyByte {
    /// Its value where it counts.
    pub value: u8,
    /// Which bits count.
    pub mask: u8,
}

/// `MISC_CHECK`: a command whose exit status tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MiscCheck {
    /// `misc_path`, with `user`.
    pub misc_path: Script,
    /// SIGTERM after this time, SIGKILL two seconds later. Default: `delay_loop` of the virtual server.
    pub misc_timeout: Duration,
    /// Exit status 2–255 is success with that weight less 2.
    pub misc_dynamic: bool,
}

/// `FILE_CHECK`: the number in a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileCheck {
    /// The `track_file` block.
    pub track_file: Spanned<String>,
    /// The number times this is added to the weight of the server; 0: any number but 0 takes it out. Default: of the
    /// `track_file`.
    pub weight: i32,
    /// The other way round.
    pub reverse: bool,
}

/// `BFD_CHECK`: up while a session is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BfdCheck {
    /// The `bfd_instance`.
    pub name: Spanned<String>,
}
