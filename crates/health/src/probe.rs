//! What a probe is asked and what it can answer. The probes themselves are in `holdfast-checker`.

use std::fmt;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A check's kind with its parameters. Two equal probes are the same check: so a reload recognises it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Probe {
    /// `TCP_CHECK`: a TCP connection can be opened.
    Tcp(TcpProbe),
    /// `HTTP_GET`: each URL answers as expected.
    Http(HttpProbe),
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
}

/// One URL of an `HTTP_GET`, with what is expected of the answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Url {
    /// The request target.
    pub path: String,
    /// The `Host` header; `None`: address and port of the connection.
    pub virtualhost: Option<String>,
    /// Status codes that are a success.
    pub status: StatusSet,
    /// MD5 of the body that is a success; `None`: any body.
    pub digest: Option<Md5>,
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Open a TCP connection.
    Tcp(Connection),
    /// Fetch one URL.
    HttpGet {
        /// Where to connect to, and how.
        connection: Connection,
        /// Version and connection header of the request.
        protocol: HttpProtocol,
        /// What to fetch, and what to expect.
        url: Url,
    },
}

/// What came of a probe.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The verdict with its reason.
    pub verdict: Verdict,
    /// How long it took.
    pub duration: Duration,
}

/// The verdict of a probe.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// It answered as expected.
    Success,
    /// It did not.
    Failure(Failure),
    /// Nothing was learned, because of this host and not of the server: the check is made again later.
    NotTried(NotTried),
}

/// Where in its course a probe was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    /// Opening the connection.
    Connecting,
    /// Sending the request.
    Sending,
    /// Waiting for the answer or for more of it.
    Reading,
}

/// Why a server counts as failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Failure {
    /// It refused the connection.
    Refused,
    /// It broke the connection off.
    Reset(Phase),
    /// No way to it (the kernel's answer to the connection attempt, or an ICMP error).
    Unreachable,
    /// Nothing came within the time limit of one phase.
    Timeout(Phase),
    /// The whole probe took too long, though something came now and then.
    Deadline(Phase),
    /// Another error of the connection; the number is the kernel's `errno`, 0 if there is none.
    Connection {
        /// Where in its course the probe was.
        phase: Phase,
        /// The kernel's error number.
        errno: i32,
    },
    /// The connection ended without an answer.
    NoAnswer,
    /// The answer does not start with a status line.
    NoStatusLine,
    /// The header did not end with an empty line.
    HeaderUnfinished,
    /// The header is longer than this many bytes.
    HeaderTooLong(usize),
    /// The body is longer than this many bytes.
    BodyTooLong(u64),
    /// Another status code than those expected.
    Status(u16),
    /// Another body than the expected one.
    Digest {
        /// The digest in the configuration.
        expected: Md5,
        /// The digest of the body.
        got: Md5,
    },
}

/// Why a probe was not made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NotTried {
    /// No socket was to be had.
    Socket {
        /// The kernel's error number.
        errno: i32,
    },
    /// The source address, port, interface or mark could not be set.
    Bind {
        /// The kernel's error number.
        errno: i32,
    },
    /// The driver never answered.
    Lost,
}

impl Probe {
    /// The name in the configuration.
    pub const fn keyword(&self) -> &'static str {
        match self {
            Self::Tcp(_) => "TCP_CHECK",
            Self::Http(_) => "HTTP_GET",
        }
    }

    /// Where it connects to, and how.
    pub const fn connection(&self) -> &Connection {
        match self {
            Self::Tcp(probe) => &probe.connection,
            Self::Http(probe) => &probe.connection,
        }
    }

    /// How many successes in a row make the whole check: one for each URL.
    pub fn steps(&self) -> usize {
        match self {
            Self::Tcp(_) => 1,
            Self::Http(probe) => probe.urls.len().max(1),
        }
    }

    /// The request of one step; `None` if there is no such step.
    pub fn request(&self, step: usize) -> Option<Request> {
        match self {
            Self::Tcp(probe) => (step == 0).then(|| Request::Tcp(probe.connection.clone())),
            Self::Http(probe) => probe.urls.get(step).map(|url| Request::HttpGet {
                connection: probe.connection.clone(),
                protocol: probe.protocol,
                url: url.clone(),
            }),
        }
    }
}

impl Request {
    /// The most time that the whole probe may take.
    ///
    /// `connect_timeout` limits each phase. A connection has one; an HTTP request has three (connecting, sending,
    /// reading), so an answer that is in time in each of them is in time as a whole, and one that drips in byte by byte
    /// is not waited for without end.
    pub fn deadline(&self) -> Duration {
        match self {
            Self::Tcp(connection) => connection.timeout,
            Self::HttpGet { connection, .. } => connection.timeout.saturating_mul(3),
        }
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

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connecting => "connecting",
            Self::Sending => "sending the request",
            Self::Reading => "reading the answer",
        })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused => f.write_str("connection refused"),
            Self::Reset(phase) => write!(f, "connection reset while {phase}"),
            Self::Unreachable => f.write_str("unreachable"),
            Self::Timeout(phase) => write!(f, "timeout while {phase}"),
            Self::Deadline(phase) => write!(f, "took too long as a whole, last {phase}"),
            Self::Connection { phase, errno: 0 } => write!(f, "connection error while {phase}"),
            Self::Connection { phase, errno } => {
                write!(
                    f,
                    "connection error while {phase}: {}",
                    std::io::Error::from_raw_os_error(*errno)
                )
            }
            Self::NoAnswer => f.write_str("connection closed without an answer"),
            Self::NoStatusLine => f.write_str("answer without a valid status line"),
            Self::HeaderUnfinished => f.write_str("connection closed within the header"),
            Self::HeaderTooLong(limit) => write!(f, "header longer than {limit} bytes"),
            Self::BodyTooLong(limit) => write!(f, "body longer than {limit} bytes"),
            Self::Status(code) => write!(f, "wrong status code {code}"),
            Self::Digest { expected, got } => write!(f, "digest differs: expected {expected}, got {got}"),
        }
    }
}

impl fmt::Display for NotTried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket { errno } => write!(f, "no socket: {}", std::io::Error::from_raw_os_error(*errno)),
            Self::Bind { errno } => write!(
                f,
                "cannot bind the socket: {}",
                std::io::Error::from_raw_os_error(*errno)
            ),
            Self::Lost => f.write_str("the probe gave no result"),
        }
    }
}
