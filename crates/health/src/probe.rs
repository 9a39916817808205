//! What a probe is asked and what it can answer. The probes themselves are in `holdfast-checker`.

mod agent;
mod expect;
mod grpc;
mod http2;
mod outcome;
mod question;

use std::fmt;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use agent::{Administrative, AgentProbe, AgentReport, Operating};
pub use expect::{ExpectProbe, ExpectStep, Pattern, StepFailure, StepReason, UNREAD_LIMIT, printable};
pub use grpc::{GrpcFailure, GrpcProbe};
pub use http2::{Header, Http2Failure, OwnRequest};
pub use outcome::{Failure, NotTried, Outcome, Phase, SmtpStep, Verdict};
pub use question::{DnsProbe, DnsType, FileProbe, MaskedByte, MiscProbe, PingProbe, SmtpProbe, UdpProbe, UdpReply};

/// How long a command that took too long may take to end: SIGTERM, SIGKILL two seconds later, and time for a busy host.
pub const SCRIPT_END: Duration = Duration::from_secs(5);

/// A check's kind with its parameters. Two equal probes are the same check: so a reload recognises it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Probe {
    /// `TCP_CHECK`: a TCP connection can be opened.
    Tcp(TcpProbe),
    /// `HTTP_GET`: each URL answers as expected.
    Http(HttpProbe),
    /// `SMTP_CHECK`: a mail server greets and answers `HELO`.
    Smtp(SmtpProbe),
    /// `DNS_CHECK`: a name server answers a query without an error.
    Dns(DnsProbe),
    /// `UDP_CHECK`: a datagram is not refused, or is answered.
    Udp(UdpProbe),
    /// `PING_CHECK`: an echo request is answered.
    Ping(PingProbe),
    /// `GRPC_CHECK`: a gRPC health service says that a service serves.
    Grpc(GrpcProbe),
    /// `BFD_CHECK`: the BFD session of this name is up. Nobody is asked: the machine is told.
    Bfd(String),
    /// `FILE_CHECK`: the number in a file. Nobody is asked: the machine is told.
    File(FileProbe),
    /// `MISC_CHECK`: a command whose exit status tells.
    Misc(MiscProbe),
    /// `EXPECT_CHECK`: a server says what a script expects.
    Expect(ExpectProbe),
    /// `AGENT_CHECK`: an agent beside the server says how it is.
    Agent(AgentProbe),
}

/// What the machine is told of, for checks that ask nobody.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// A BFD session: 1 while it is up, else 0.
    Session(String),
    /// A `track_file` block: the number in its file.
    File(String),
}

/// `TCP_CHECK`
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TcpProbe {
    /// Where to connect to, and how.
    pub connection: Connection,
}

/// `HTTP_GET`
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct HttpProbe {
    /// Where to connect to, and how.
    pub connection: Connection,
    /// `SSL_GET`: TLS underneath; `None`: `HTTP_GET`.
    pub tls: Option<Tls>,
    /// Version and connection header of the request.
    pub protocol: HttpProtocol,
    /// After a failure, look at all URLs again without waiting between them.
    pub fast_recovery: bool,
    /// What to fetch, one after the other; at least one.
    pub urls: Vec<Url>,
}

/// Where a probe connects to, and how.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Connection {
    /// Address to connect to.
    pub address: IpAddr,
    /// Port to connect to, in host order.
    pub port: u16,
    /// Source address; `None`: the kernel's choice.
    pub bind_address: Option<IpAddr>,
    /// Source port; 0: the kernel's choice.
    pub bind_port: u16,
    /// Interface that the socket is bound to.
    pub bind_interface: Option<String>,
    /// Firewall mark of the packets; 0: none.
    pub mark: u32,
    /// `connect_timeout`: longest wait in each phase (connecting, sending, waiting for more of the answer).
    pub timeout: Duration,
}

/// Version and connection header of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum HttpProtocol {
    /// `1.0`: HTTP/1.0 without a connection header.
    #[default]
    Http10,
    /// `1.0C`: HTTP/1.0 with `Connection: close`.
    Http10Close,
    /// `1.1`: HTTP/1.1 with `Connection: close`.
    Http11,
    /// `2`: HTTP/2; over TLS by ALPN, else from the first byte on.
    Http2,
}

/// TLS underneath a check. What this node shows of itself is the same for all checks, and known to the prober.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Tls {
    /// The name in the greeting.
    pub sni: Sni,
    /// What the server's certificate must be for.
    pub verify: Verify,
}

/// Server name indication (RFC 6066 section 3).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Sni {
    /// None is sent.
    #[default]
    Off,
    /// The `virtualhost` of the URL; none if it has none.
    Virtualhost,
    /// This one.
    Name(String),
}

/// Whether the server's certificate counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Verify {
    /// No.
    #[default]
    Off,
    /// It must be valid for the name in SNI, else the `virtualhost` of the URL, else the address.
    Peer,
    /// It must be valid for this name or address.
    Name(String),
}

/// One URL of an `HTTP_GET`, with what is expected of the answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Url {
    /// The request target.
    pub path: String,
    /// The `Host` header; `None`: address and port of the connection.
    pub virtualhost: Option<String>,
    /// What the request says of its own; `None`: it is a plain `GET`.
    pub own: Option<Box<OwnRequest>>,
    /// Status codes that are a success.
    pub status: StatusSet,
    /// MD5 of the body that is a success; `None`: any body.
    pub digest: Option<Md5>,
    /// What the body must match, or must not; `None`: any body.
    pub regex: Option<holdfast_regex::Settings>,
    /// The end of the data must be told by a `close_notify` (RFC 8446 section 6.1); counts with TLS only.
    pub tls_compliant: bool,
}

impl Url {
    /// A URL whose answer may be any with a status of success.
    pub fn new(path: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            virtualhost: None,
            own: None,
            status: StatusSet::default(),
            digest: None,
            regex: None,
            tls_compliant: false,
        }
    }
}

/// An MD5 digest; prints as 32 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Md5(pub [u8; 16]);

/// A set of HTTP status codes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct StatusSet(Vec<RangeInclusive<u16>>);

impl StatusSet {
    /// The codes of these ranges.
    pub fn new(ranges: impl IntoIterator<Item = RangeInclusive<u16>>) -> Self {
        Self(ranges.into_iter().collect())
    }

    /// Whether a code is in the set.
    pub fn contains(&self, code: u16) -> bool {
        self.0.iter().any(|range| range.contains(&code))
    }
}

/// 200 to 299, as without `status_code`.
impl Default for StatusSet {
    fn default() -> Self {
        Self::new([200..=299])
    }
}

/// One probe to run: a complete sentence, with everything the probe needs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Request {
    /// Open a TCP connection.
    Tcp(Connection),
    /// Fetch one URL.
    HttpGet {
        /// Where to connect to, and how.
        connection: Connection,
        /// TLS underneath.
        tls: Option<Tls>,
        /// Version and connection header of the request.
        protocol: HttpProtocol,
        /// What to fetch, and what to expect.
        url: Url,
    },
    /// Talk to a mail server.
    Smtp(SmtpProbe),
    /// Ask a name server.
    Dns(DnsProbe),
    /// Send a datagram.
    Udp(UdpProbe),
    /// Send an echo request.
    Ping(PingProbe),
    /// Ask a gRPC health service.
    Grpc(GrpcProbe),
    /// Run a command.
    Misc(MiscProbe),
    /// Go through a dialogue.
    Expect(ExpectProbe),
    /// Hear what an agent says.
    Agent(AgentProbe),
}

impl Probe {
    /// The name in the configuration.
    pub const fn keyword(&self) -> &'static str {
        match self {
            Self::Tcp(_) => "TCP_CHECK",
            Self::Http(HttpProbe { tls: Some(_), .. }) => "SSL_GET",
            Self::Http(_) => "HTTP_GET",
            Self::Smtp(_) => "SMTP_CHECK",
            Self::Dns(_) => "DNS_CHECK",
            Self::Udp(_) => "UDP_CHECK",
            Self::Ping(_) => "PING_CHECK",
            Self::Grpc(_) => "GRPC_CHECK",
            Self::Misc(_) => "MISC_CHECK",
            Self::Bfd(_) => "BFD_CHECK",
            Self::File(_) => "FILE_CHECK",
            Self::Expect(_) => "EXPECT_CHECK",
            Self::Agent(_) => "AGENT_CHECK",
        }
    }

    /// What it follows; `None`: it asks the server itself.
    pub fn source(&self) -> Option<Source> {
        match self {
            Self::Bfd(session) => Some(Source::Session(session.clone())),
            Self::File(probe) => Some(Source::File(probe.file.clone())),
            _ => None,
        }
    }

    /// Whether the weight of the server may be another because of it.
    pub const fn may_change_weight(&self) -> bool {
        match self {
            Self::Misc(probe) => probe.dynamic,
            Self::File(probe) => probe.weight != 0,
            Self::Agent(_) => true,
            _ => false,
        }
    }

    /// How many successes in a row make the whole check: one for each URL.
    pub fn steps(&self) -> usize {
        match self {
            Self::Http(probe) => probe.urls.len().max(1),
            _ => 1,
        }
    }

    /// The request of one step; `None` if there is no such step.
    pub fn request(&self, step: usize) -> Option<Request> {
        if let Self::Http(probe) = self {
            return probe.urls.get(step).map(|url| Request::HttpGet {
                connection: probe.connection.clone(),
                tls: probe.tls.clone(),
                protocol: probe.protocol,
                url: url.clone(),
            });
        }
        (step == 0).then_some(())?;
        match self {
            Self::Http(_) | Self::Bfd(_) | Self::File(_) => None,
            Self::Tcp(probe) => Some(Request::Tcp(probe.connection.clone())),
            Self::Smtp(probe) => Some(Request::Smtp(probe.clone())),
            Self::Dns(probe) => Some(Request::Dns(probe.clone())),
            Self::Udp(probe) => Some(Request::Udp(probe.clone())),
            Self::Ping(probe) => Some(Request::Ping(probe.clone())),
            Self::Grpc(probe) => Some(Request::Grpc(probe.clone())),
            Self::Misc(probe) => Some(Request::Misc(probe.clone())),
            Self::Expect(probe) => Some(Request::Expect(probe.clone())),
            Self::Agent(probe) => Some(Request::Agent(probe.clone())),
        }
    }
}

impl Request {
    /// Where it goes, and how; `None` for a command.
    pub const fn connection(&self) -> Option<&Connection> {
        Some(match self {
            Self::Tcp(connection) | Self::HttpGet { connection, .. } => connection,
            Self::Smtp(probe) => &probe.connection,
            Self::Dns(probe) => &probe.connection,
            Self::Udp(probe) => &probe.connection,
            Self::Ping(probe) => &probe.connection,
            Self::Expect(probe) => &probe.connection,
            Self::Agent(probe) => &probe.connection,
            Self::Grpc(probe) => &probe.connection,
            Self::Misc(_) => return None,
        })
    }

    /// Whether it succeeds when nothing comes in time.
    pub const fn waits_for_silence(&self) -> bool {
        matches!(self, Self::Udp(UdpProbe { reply: None, .. }))
    }

    /// The most time that the whole probe may take, unless `check_timeout` says it.
    ///
    /// `connect_timeout` limits each phase. A connection has one; an HTTP or gRPC request has three (connecting, sending,
    /// reading), over TLS four; a talk with a mail server has four (connecting and three replies); a datagram has two (sending and
    /// waiting); an agent has three (connecting, sending, hearing); a dialogue has one for each step besides the
    /// connection and the handshake. So an answer that is in time in each of them is in time as a whole, and one that drips in byte by byte
    /// is not waited for without end. A command is ended after its own time, and that takes [`SCRIPT_END`] at most.
    pub fn deadline(&self) -> Duration {
        if let Self::Misc(probe) = self {
            return probe.timeout.saturating_add(SCRIPT_END);
        }
        let phases = match self {
            Self::Tcp(_) | Self::Misc(_) => 1,
            Self::HttpGet { tls: None, .. } | Self::Grpc(GrpcProbe { tls: None, .. }) | Self::Agent(_) => 3,
            Self::Expect(probe) => probe.phases(),
            Self::HttpGet { tls: Some(_), .. } | Self::Grpc(_) | Self::Smtp(_) => 4,
            Self::Dns(_) | Self::Udp(_) | Self::Ping(_) => 2,
        };
        let timeout = self
            .connection()
            .map_or(Duration::ZERO, |connection| connection.timeout);
        timeout.saturating_mul(phases)
    }
}

impl fmt::Display for Md5 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Md5 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Md5({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A phase that takes its whole time must still come to its own end: for a `UDP_CHECK` that is a success.
    #[test]
    fn a_probe_has_time_for_all_its_phases() {
        let connection = Connection {
            address: IpAddr::from([192, 0, 2, 1]),
            port: 53,
            bind_address: None,
            bind_port: 0,
            bind_interface: None,
            mark: 0,
            timeout: Duration::from_secs(3),
        };
        let url = Url::new("/");
        let probes = [
            (
                Probe::Tcp(TcpProbe {
                    connection: connection.clone(),
                }),
                3,
            ),
            (
                Probe::Http(HttpProbe {
                    connection: connection.clone(),
                    tls: None,
                    protocol: HttpProtocol::Http10,
                    fast_recovery: false,
                    urls: vec![url.clone()],
                }),
                9,
            ),
            (
                Probe::Http(HttpProbe {
                    connection: connection.clone(),
                    tls: Some(Tls::default()),
                    protocol: HttpProtocol::Http10,
                    fast_recovery: false,
                    urls: vec![url],
                }),
                12,
            ),
            (
                Probe::Smtp(SmtpProbe {
                    connection: connection.clone(),
                    helo_name: "lb".to_owned(),
                }),
                12,
            ),
            (
                Probe::Dns(DnsProbe {
                    connection: connection.clone(),
                    query_type: DnsType::Soa,
                    name: String::new(),
                }),
                6,
            ),
            (
                Probe::Udp(UdpProbe {
                    connection: connection.clone(),
                    payload: Vec::new(),
                    reply: None,
                }),
                6,
            ),
            (Probe::Ping(PingProbe { connection }), 6),
        ];
        for (probe, seconds) in probes {
            assert_eq!(probe.steps(), 1);
            let deadline = probe.request(0).map(|request| request.deadline());
            assert_eq!(deadline, Some(Duration::from_secs(seconds)), "{}", probe.keyword());
            assert_eq!(probe.request(1), None);
        }
    }
}
