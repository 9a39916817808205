//! The sentences about one check, which keepalived words differently for each kind.

use std::fmt::{Formatter, Result};

use super::Member;
use crate::probe::{Failure, Phase, SmtpStep};

/// A check passes.
pub(super) fn succeeded(f: &mut Formatter<'_>, keyword: &str, member: &Member) -> Result {
    let server = &member.server;
    match keyword {
        "TCP_CHECK" => write!(f, "TCP connection to {server} success."),
        "HTTP_GET" => write!(f, "Remote Web server {server} succeed on service."),
        "SMTP_CHECK" => write!(f, "Remote SMTP server {server} succeed on service."),
        "UDP_CHECK" => write!(f, "UDP connection to {server} success."),
        "PING_CHECK" => write!(f, "ICMP connection to {server} success."),
        _ => write!(f, "{keyword} on service {server} succeeded."),
    }
}

/// A check failed for good.
pub(super) fn failed(
    f: &mut Formatter<'_>,
    keyword: &'static str,
    member: &Member,
    retries: u32,
    failure: &Failure,
) -> Result {
    write!(f, "{} on service {}", name(keyword), member.server)?;
    if keyword == "PING_CHECK" && retries > 0 {
        write!(f, " of {}", member.virtual_server)?;
    }
    f.write_str(" failed")?;
    if retries > 0 {
        write!(f, " after {retries} retries")?;
    }
    write!(f, ". ({failure})")
}

/// A single try failed.
pub(super) fn try_failed(f: &mut Formatter<'_>, keyword: &str, member: &Member, failure: &Failure) -> Result {
    let server = &member.server;
    let timeout = matches!(failure, Failure::Timeout(_) | Failure::Deadline(_));
    match keyword {
        "TCP_CHECK" if timeout => write!(f, "TCP connection to {server} timeout.")?,
        "TCP_CHECK" => write!(f, "TCP connection to {server} failed.")?,
        "UDP_CHECK" => match failure {
            Failure::ReplyLength { .. } | Failure::ReplyBytes { .. } => {
                write!(f, "UDP check to {server} reply data mismatch.")?;
            }
            _ => write!(f, "UDP connection to {server} failed.")?,
        },
        "PING_CHECK" if timeout => write!(f, "ICMP connection to address {server} timeout.")?,
        "PING_CHECK" => write!(f, "ICMP connection to {server} of {} failed.", member.virtual_server)?,
        "SMTP_CHECK" => write!(f, "SMTP_CHECK {} server {server}.", smtp_words(failure))?,
        "GRPC_CHECK" if timeout => write!(f, "GRPC_CHECK timeout with server {server}.")?,
        "GRPC_CHECK" => write!(f, "GRPC_CHECK error with server {server}.")?,
        "DNS_CHECK" => write!(f, "DNS_CHECK ({server}) {}.", dns_words(failure))?,
        "EXPECT_CHECK" | "AGENT_CHECK" => write!(f, "{keyword} of {server} failed.")?,
        _ => write!(f, "{} server {server}.", http_words(failure))?,
    }
    write!(f, " ({failure})")
}

/// How a check is named when it fails: `HTTP_CHECK` for `HTTP_GET`.
pub(super) const fn name(keyword: &'static str) -> &'static str {
    match keyword.as_bytes() {
        b"HTTP_GET" => "HTTP_CHECK",
        b"PING_CHECK" => "ICMP CHECK",
        _ => keyword,
    }
}

/// How keepalived begins the line about a failed try of an `HTTP_GET`.
const fn http_words(failure: &Failure) -> &'static str {
    match failure {
        Failure::Timeout(Phase::Connecting) => "Timeout connecting",
        Failure::Timeout(Phase::Sending) => "Timeout WEB write",
        Failure::Timeout(Phase::Reading) | Failure::Deadline(_) => "Timeout HTTP read",
        Failure::Refused
        | Failure::Unreachable
        | Failure::Reset(Phase::Connecting)
        | Failure::Connection {
            phase: Phase::Connecting,
            ..
        } => "Error connecting",
        Failure::Reset(Phase::Sending)
        | Failure::Connection {
            phase: Phase::Sending, ..
        } => "Cannot send get request to",
        Failure::Status(_) | Failure::NoStatusLine => "HTTP status code error to",
        Failure::Digest { .. } => "MD5 digest error to",
        Failure::NoAnswer | Failure::HeaderUnfinished => "Read, no data received from",
        _ => "Read error with",
    }
}

/// How keepalived words a failed try of an `SMTP_CHECK`.
const fn smtp_words(failure: &Failure) -> &'static str {
    match failure {
        Failure::Timeout(Phase::Connecting) => "Connection timeout to",
        Failure::Timeout(Phase::Sending) => "Write timeout to",
        Failure::Timeout(Phase::Reading) | Failure::Deadline(_) => "Read timeout from",
        Failure::Reset(Phase::Sending)
        | Failure::Connection {
            phase: Phase::Sending, ..
        } => "Write failure to",
        Failure::SmtpReply {
            step: SmtpStep::Greeting,
            ..
        } => "Bad greeting banner from",
        Failure::SmtpReply {
            step: SmtpStep::Helo, ..
        } => "Bad HELO response from",
        Failure::NoAnswer
        | Failure::ReplyTooLong(_)
        | Failure::Reset(Phase::Reading)
        | Failure::Connection {
            phase: Phase::Reading, ..
        } => "Read failure from",
        _ => "Error connecting to",
    }
}

/// How keepalived words a failed try of a `DNS_CHECK`.
const fn dns_words(failure: &Failure) -> &'static str {
    match failure {
        Failure::Timeout(_) | Failure::Deadline(_) => "read timeout from socket",
        Failure::DnsError(_) => "read error occurred",
        Failure::Connection {
            phase: Phase::Sending, ..
        } => "failed to write socket",
        _ => "failed to read socket",
    }
}
