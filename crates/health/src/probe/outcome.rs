//! What came of a probe: the verdict, and the reason as a closed list.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{AgentReport, GrpcFailure, Http2Failure, Md5, Operating, StepFailure};

/// What came of a probe.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The verdict with its reason.
    pub verdict: Verdict,
    /// How long it took.
    pub duration: Duration,
    /// The weight that it asks for with its success; `None`: the configured one.
    pub weight: Option<u32>,
    /// What an agent says.
    pub agent: Option<Box<AgentReport>>,
}

impl Outcome {
    /// A verdict that asks for no weight of its own.
    pub const fn new(verdict: Verdict, duration: Duration) -> Self {
        Self {
            verdict,
            duration,
            weight: None,
            agent: None,
        }
    }
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
    /// The handshake of TLS.
    Handshake,
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
    /// The connection ended without an answer, or within it.
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
    /// The body does not match, or matches though it must not.
    Regex {
        /// It must not.
        unwanted: bool,
    },
    /// The search in the body was given up: why.
    RegexGivenUp(String),
    /// TLS failed: what its library says of it.
    Tls {
        /// Where in its course the probe was.
        phase: Phase,
        /// The reason.
        reason: String,
    },
    /// The server's certificate is not valid: why.
    Certificate(String),
    /// The connection ended without the end of TLS (`tls_compliant`).
    NoCloseNotify,
    /// HTTP/2 failed.
    Http2(Http2Failure),
    /// A gRPC health service's answer is no `SERVING`.
    Grpc(GrpcFailure),
    /// A command ended with this status.
    ScriptStatus(i32),
    /// A command did not end well otherwise: how.
    Script(String),
    /// A command took too long.
    ScriptTimeout,
    /// A mail server says something else than it should.
    SmtpReply {
        /// To what.
        step: SmtpStep,
        /// Its code; `None`: it has none.
        code: Option<u16>,
    },
    /// A reply is longer than this many bytes.
    ReplyTooLong(usize),
    /// A name server answers with this error (RCODE, RFC 1035 section 4.1.1).
    DnsError(u8),
    /// An answer is shorter or longer than it may be.
    ReplyLength {
        /// Its length in bytes; of a longer one than is looked at, that length.
        got: usize,
        /// The fewest bytes.
        min: u16,
        /// The most bytes.
        max: u16,
    },
    /// The BFD session with it is not up.
    SessionDown,
    /// The number in a file says so.
    FileValue(i64),
    /// An answer begins differently.
    ReplyBytes {
        /// The position of the first byte that differs, from 0.
        at: usize,
    },
    /// A step of a scripted dialogue did not end as it should.
    Step(Box<StepFailure>),
    /// An agent's line cannot be understood: why.
    AgentLine(String),
    /// An agent says that the server does not work.
    Agent {
        /// Its word.
        word: Operating,
        /// What it says of it.
        description: String,
    },
}

/// What a mail server answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SmtpStep {
    /// The connection: it greets.
    Greeting,
    /// `HELO`.
    Helo,
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
    /// A command could not be started on this host: why.
    Script(String),
    /// TLS could not be set up on this host: why.
    Tls(String),
    /// A regular expression cannot be compiled: why.
    Pattern(String),
    /// An agent could not be reached, and that is to change nothing: why.
    Agent(String),
    /// The driver never answered.
    Lost,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connecting => "connecting",
            Self::Handshake => "shaking hands over TLS",
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
            Self::Regex { unwanted: false } => f.write_str("body does not match"),
            Self::Regex { unwanted: true } => f.write_str("body matches what it must not"),
            Self::RegexGivenUp(reason) => write!(f, "search in the body given up: {reason}"),
            Self::Tls { phase, reason } => write!(f, "TLS error while {phase}: {reason}"),
            Self::Certificate(reason) => write!(f, "certificate not valid: {reason}"),
            Self::NoCloseNotify => f.write_str("connection closed without the end of TLS"),
            Self::Http2(failure) => failure.fmt(f),
            Self::Grpc(failure) => failure.fmt(f),
            Self::ScriptStatus(status) => write!(f, "exited with status {status}"),
            Self::Script(how) => f.write_str(how),
            Self::ScriptTimeout => f.write_str("timed out"),
            Self::SmtpReply { step, code: Some(code) } => write!(f, "{step} with code {code}"),
            Self::SmtpReply { step, code: None } => write!(f, "{step} without a valid code"),
            Self::ReplyTooLong(limit) => write!(f, "reply longer than {limit} bytes"),
            Self::DnsError(code) => match dns_error(*code) {
                Some(name) => write!(f, "DNS error {name} (rcode {code})"),
                None => write!(f, "DNS error with rcode {code}"),
            },
            Self::ReplyLength { got, min, max } => write!(f, "reply of {got} bytes, not {min} to {max}"),
            Self::SessionDown => f.write_str("BFD session down"),
            Self::FileValue(number) => write!(f, "the file holds {number}"),
            Self::ReplyBytes { at } => write!(f, "reply differs at byte {at}"),
            Self::Step(failure) => write!(f, "{failure}"),
            Self::AgentLine(reason) => write!(f, "the agent's line is not understood: {reason}"),
            Self::Agent { word, description } if description.is_empty() => write!(f, "the agent says {}", word.word()),
            Self::Agent { word, description } => write!(f, "the agent says {}: {description}", word.word()),
        }
    }
}

/// The name of an error (RFC 1035 section 4.1.1, RFC 2136 section 2.2).
const fn dns_error(code: u8) -> Option<&'static str> {
    Some(match code {
        1 => "FORMERR",
        2 => "SERVFAIL",
        3 => "NXDOMAIN",
        4 => "NOTIMP",
        5 => "REFUSED",
        6 => "YXDOMAIN",
        7 => "YXRRSET",
        8 => "NXRRSET",
        9 => "NOTAUTH",
        10 => "NOTZONE",
        _ => return None,
    })
}

impl fmt::Display for SmtpStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Greeting => "greeting",
            Self::Helo => "answer to HELO",
        })
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
            Self::Script(reason) => write!(f, "command not run: {reason}"),
            Self::Tls(reason) => write!(f, "no TLS: {reason}"),
            Self::Pattern(reason) => write!(f, "no regular expression: {reason}"),
            Self::Agent(reason) => write!(f, "no word of the agent: {reason}"),
            Self::Lost => f.write_str("the probe gave no result"),
        }
    }
}
