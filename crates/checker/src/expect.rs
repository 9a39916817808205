//! `EXPECT_CHECK`: a dialogue that the configuration writes down step by step.
#![deny(clippy::arithmetic_side_effects)]

use std::io;

use holdfast_health::probe::{
    ExpectProbe, ExpectStep, Failure, NotTried, Pattern, Phase, StepFailure, StepReason, UNREAD_LIMIT, Verdict,
};
use holdfast_regex::{Finder, Found, Regex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_openssl::SslStream;

use crate::connect::connect;
use crate::progress::Progress;
use crate::tls::{self, Alpn, Setup};

/// How much is read at once.
const CHUNK: usize = 4096;

/// Goes through the whole dialogue.
pub(crate) async fn talk(probe: &ExpectProbe, setup: &Setup, progress: &mut Progress) -> Result<(), Verdict> {
    let mut line = Line::Plain(connect(&probe.connection, progress).await?);
    if probe.tls_at_start {
        line = secured(line, probe, setup, progress).await?;
    }
    let mut unread = Vec::new();
    for (number, step) in (1..).zip(&probe.steps) {
        match step {
            ExpectStep::Send(bytes) => say(&mut line, bytes, probe, progress).await?,
            ExpectStep::Expect(pattern) => {
                let matcher = Matcher::new(pattern).map_err(Verdict::NotTried)?;
                expect(&mut line, &mut unread, (number, matcher), probe, progress).await?;
            }
            ExpectStep::StartTls if unread.is_empty() => line = secured(line, probe, setup, progress).await?,
            ExpectStep::StartTls => {
                let failure = StepFailure::new(number, String::new(), StepReason::MoreBeforeTls, &unread);
                return Err(failed(failure));
            }
        }
    }
    Ok(())
}

/// A connection, with TLS or without.
enum Line {
    Plain(TcpStream),
    Secured(Box<SslStream<TcpStream>>),
}

impl Line {
    async fn read(&mut self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read_buf(buffer).await,
            Self::Secured(stream) => stream.read_buf(buffer).await,
        }
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.write_all(bytes).await,
            Self::Secured(stream) => stream.write_all(bytes).await,
        }
    }
}

async fn secured(line: Line, probe: &ExpectProbe, setup: &Setup, progress: &mut Progress) -> Result<Line, Verdict> {
    let Line::Plain(stream) = line else {
        // TLS within TLS: the language does not write such a script.
        return Ok(line);
    };
    let session = setup.session(&probe.connection, &probe.tls, None, Alpn::None)?;
    let stream = session.shake_hands(stream, &probe.connection, progress).await?;
    Ok(Line::Secured(Box::new(stream)))
}

async fn say(line: &mut Line, bytes: &[u8], probe: &ExpectProbe, progress: &mut Progress) -> Result<(), Verdict> {
    progress
        .within(Phase::Sending, probe.connection.timeout, line.write(bytes))
        .await?
        .map_err(|error| tls::broken(error, Phase::Sending))
}

/// Waits for a match, in one time limit for the whole step: a server that drips in byte by byte is not waited for without end.
async fn expect(
    line: &mut Line,
    unread: &mut Vec<u8>,
    (number, mut matcher): (usize, Matcher<'_>),
    probe: &ExpectProbe,
    progress: &mut Progress,
) -> Result<(), Verdict> {
    let mut heard = false;
    let outcome = progress
        .within(
            Phase::Reading,
            probe.connection.timeout,
            match_what_comes(line, unread, &mut matcher, &mut heard),
        )
        .await;
    if heard {
        progress.received();
    }
    let reason = match outcome {
        Err(_) => StepReason::Timeout,
        Ok(Ok(end)) => {
            unread.drain(..end.min(unread.len()));
            return Ok(());
        }
        Ok(Err(Trouble::Step(reason))) => reason,
        Ok(Err(Trouble::Connection(error))) => return Err(tls::broken(error, Phase::Reading)),
    };
    Err(failed(StepFailure::new(
        number,
        matcher.pattern.to_string(),
        reason,
        unread,
    )))
}

/// Why a step does not go on.
enum Trouble {
    Step(StepReason),
    Connection(io::Error),
}

/// Reads until what is unread matches; how much of it the match takes.
async fn match_what_comes(
    line: &mut Line,
    unread: &mut Vec<u8>,
    matcher: &mut Matcher<'_>,
    heard: &mut bool,
) -> Result<usize, Trouble> {
    let mut ends = false;
    loop {
        match matcher.look(unread, ends) {
            Look::Match(end) => return Ok(end),
            Look::Never => {
                return Err(Trouble::Step(if ends {
                    StepReason::Closed
                } else {
                    StepReason::Differs
                }));
            }
            Look::GivenUp(why) => return Err(Trouble::Step(StepReason::GivenUp(why))),
            Look::NotYet if ends => return Err(Trouble::Step(StepReason::Closed)),
            Look::NotYet => {}
        }
        let room = UNREAD_LIMIT.saturating_sub(unread.len());
        if room == 0 {
            return Err(Trouble::Step(StepReason::Endless));
        }
        let mut piece = Vec::with_capacity(CHUNK.min(room));
        let length = line.read(&mut piece).await.map_err(Trouble::Connection)?;
        *heard |= length > 0;
        ends = length == 0;
        // The allocator may have given more room than was asked for.
        unread.extend_from_slice(piece.get(..room).unwrap_or(&piece));
    }
}

fn failed(failure: StepFailure) -> Verdict {
    Verdict::Failure(Failure::Step(Box::new(failure)))
}

/// Looks for a pattern in what a server sends, piece by piece.
#[derive(Debug)]
pub struct Matcher<'a> {
    pattern: &'a Pattern,
    finder: Option<Finder>,
    /// No match of bytes starts before this one.
    next: usize,
}

/// What a look came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Look {
    /// A match, up to this byte.
    Match(usize),
    /// None yet.
    NotYet,
    /// None, whatever may follow.
    Never,
    /// The search was given up: why.
    GivenUp(String),
}

impl<'a> Matcher<'a> {
    /// A search from the start of what is unread.
    ///
    /// # Errors
    /// The regular expression is none, which the language would have said.
    pub fn new(pattern: &'a Pattern) -> Result<Self, NotTried> {
        let finder = match pattern {
            Pattern::Regex(settings) => {
                let regex = Regex::new(settings).map_err(|error| NotTried::Pattern(error.to_string()))?;
                Some(Finder::new(regex))
            }
            _ => None,
        };
        Ok(Self {
            pattern,
            finder,
            next: 0,
        })
    }

    /// Looks at all that is unread: what it was the last time, and perhaps more after it. With `ends` nothing will follow.
    pub fn look(&mut self, unread: &[u8], ends: bool) -> Look {
        match (self.pattern, &mut self.finder) {
            (Pattern::Regex(_), Some(finder)) => match finder.look(unread, ends) {
                Ok(Found::Match(end)) => Look::Match(end),
                Ok(Found::NotYet) => Look::NotYet,
                Ok(Found::Never) => Look::Never,
                Err(error) => Look::GivenUp(error.to_string()),
            },
            (Pattern::Regex(_), None) => Look::Never,
            (Pattern::Contains(bytes), _) => self.find(bytes, unread),
            (Pattern::Start(bytes), _) => begins(unread, bytes, |byte, wanted| byte == wanted),
            (Pattern::Masked(bytes), _) => begins(unread, bytes, |byte, wanted| wanted.matches(*byte)),
        }
    }

    fn find(&mut self, bytes: &[u8], unread: &[u8]) -> Look {
        if bytes.is_empty() {
            return Look::Match(0);
        }
        let rest = unread.get(self.next..).unwrap_or_default();
        if let Some(at) = rest.windows(bytes.len()).position(|window| window == bytes) {
            return Look::Match(self.next.saturating_add(at).saturating_add(bytes.len()));
        }
        // The last bytes may be the first ones of a match.
        self.next = unread
            .len()
            .saturating_sub(bytes.len().saturating_sub(1))
            .max(self.next);
        Look::NotYet
    }
}

fn begins<T>(unread: &[u8], wanted: &[T], matches: impl Fn(&u8, &T) -> bool) -> Look {
    let differs = unread.iter().zip(wanted).any(|(byte, wanted)| !matches(byte, wanted));
    match (differs, unread.len() >= wanted.len()) {
        (true, _) => Look::Never,
        (false, true) => Look::Match(wanted.len()),
        (false, false) => Look::NotYet,
    }
}

#[cfg(test)]
mod tests;
