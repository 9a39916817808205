//! `EXPECT_CHECK`: a dialogue that the configuration writes down step by step.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Connection, MaskedByte, Tls};

/// What a server may send that no step has taken, in bytes. One that sends more without a match is cut off.
pub const UNREAD_LIMIT: usize = 64 * 1024;

/// How much of what was expected, and of what came instead, a failure shows, in bytes.
const SHOWN_LIMIT: usize = 80;

/// `EXPECT_CHECK`
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ExpectProbe {
    /// Where to connect to, and how.
    pub connection: Connection,
    /// Names and verification, for TLS from the start or from a step on.
    pub tls: Tls,
    /// TLS from the first byte.
    pub tls_at_start: bool,
    /// What is done, one after the other.
    pub steps: Vec<ExpectStep>,
}

/// One step of the dialogue.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ExpectStep {
    /// Send these bytes.
    Send(Vec<u8>),
    /// Wait until what the server has sent, and no step has taken yet, matches; take it up to the end of the match.
    Expect(Pattern),
    /// Shake hands over TLS; everything after it is within.
    StartTls,
}

/// What is expected of the server. None depends on how the network cuts what was sent into pieces.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Pattern {
    /// These bytes stand somewhere in it.
    Contains(Vec<u8>),
    /// It begins with these bytes.
    Start(Vec<u8>),
    /// It begins with bytes of which some bits may be anything.
    Masked(Vec<MaskedByte>),
    /// A regular expression matches somewhere in it; only its pattern and its options count.
    Regex(holdfast_regex::Settings),
}

impl ExpectProbe {
    /// How many waits of `connect_timeout` it has at most: the connection, each handshake and each step.
    pub(super) fn phases(&self) -> u32 {
        let steps = u32::try_from(self.steps.len()).unwrap_or(u32::MAX);
        steps.saturating_add(1).saturating_add(u32::from(self.tls_at_start))
    }
}

/// A step that did not end as it should.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepFailure {
    /// Its number, from 1.
    pub step: usize,
    /// What was expected, in printable characters.
    pub expected: String,
    /// What became of it.
    pub reason: StepReason,
    /// The beginning of what came instead, in printable characters.
    pub got: String,
}

/// Why a step failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StepReason {
    /// What came can match no more, whatever may follow.
    Differs,
    /// Nothing that matches came in time.
    Timeout,
    /// The server closed the connection before anything matched.
    Closed,
    /// More than [`UNREAD_LIMIT`] bytes came, and nothing matched.
    Endless,
    /// The search was given up: why.
    GivenUp(String),
    /// The server said more before TLS than was expected, so that the rest cannot be told from what came within.
    MoreBeforeTls,
}

impl StepFailure {
    /// A failure that shows the beginning of what came.
    pub fn new(step: usize, expected: String, reason: StepReason, got: &[u8]) -> Self {
        Self {
            step,
            expected,
            reason,
            got: printable(got),
        }
    }
}

/// Bytes in printable characters, and no more of them than a line of the log bears.
pub fn printable(bytes: &[u8]) -> String {
    let (shown, dots) = match bytes.split_at_checked(SHOWN_LIMIT) {
        Some((shown, rest)) if !rest.is_empty() => (shown, "..."),
        _ => (bytes, ""),
    };
    format!("\"{}\"{dots}", shown.escape_ascii())
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Contains(bytes) => write!(f, "{}", printable(bytes)),
            Self::Start(bytes) => write!(f, "{} at the start", printable(bytes)),
            Self::Masked(bytes) => {
                for byte in bytes.iter().take(SHOWN_LIMIT / 2) {
                    half(f, byte.value >> 4, byte.mask >> 4)?;
                    half(f, byte.value, byte.mask)?;
                }
                f.write_str(" at the start")
            }
            Self::Regex(settings) => write!(f, "a match of {}", printable(settings.pattern.as_bytes())),
        }
    }
}

/// Half a byte as `expect_hex` writes it.
fn half(f: &mut fmt::Formatter<'_>, value: u8, mask: u8) -> fmt::Result {
    if mask.trailing_zeros() >= 4 {
        f.write_str("x")
    } else {
        write!(f, "{:x}", value & 0xf)
    }
}

impl fmt::Display for StepFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            step,
            expected,
            reason,
            got,
        } = self;
        write!(f, "step {step}: ")?;
        match reason {
            StepReason::Differs => write!(f, "expected {expected}, got {got}"),
            StepReason::Timeout => write!(f, "timeout, expected {expected}, got {got}"),
            StepReason::Closed => write!(f, "connection closed, expected {expected}, got {got}"),
            StepReason::Endless => {
                write!(f, "cut off after {UNREAD_LIMIT} bytes without {expected}, got {got}")
            }
            StepReason::GivenUp(why) => write!(f, "search for {expected} given up: {why}"),
            StepReason::MoreBeforeTls => write!(f, "the server says more before TLS: {got}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_told_in_printable_characters() {
        let failure = |reason| {
            let pattern = Pattern::Start(b"+PONG\r\n".to_vec());
            StepFailure::new(2, pattern.to_string(), reason, b"-ERR \xff\n").to_string()
        };
        assert_eq!(
            failure(StepReason::Differs),
            r#"step 2: expected "+PONG\r\n" at the start, got "-ERR \xff\n""#
        );
        assert_eq!(
            failure(StepReason::Timeout),
            r#"step 2: timeout, expected "+PONG\r\n" at the start, got "-ERR \xff\n""#
        );
        assert_eq!(printable(&[b'a'; 100]), format!("\"{}\"...", "a".repeat(80)));
        assert_eq!(printable(b""), "\"\"");
    }

    #[test]
    fn bytes_with_holes_are_told_as_they_are_written() {
        let masked = |value, mask| MaskedByte { value, mask };
        let pattern = Pattern::Masked(vec![
            masked(0x30, 0xff),
            masked(0, 0),
            masked(0x01, 0x0f),
            masked(0xa0, 0xf0),
        ]);
        assert_eq!(pattern.to_string(), "30xxx1ax at the start");
    }
}
