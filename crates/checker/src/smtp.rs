//! `SMTP_CHECK`: a mail server greets with 220, answers `HELO` with 250, and says something to `QUIT`.
#![deny(clippy::arithmetic_side_effects)]

use holdfast_health::probe::{Failure, Phase, SmtpProbe, SmtpStep, Verdict};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::connect::{broken, connect};
use crate::progress::Progress;

/// How much is read at once.
const CHUNK: usize = 1024;

/// The longest line of a reply in bytes, its end included (RFC 5321 section 4.5.3.1.5).
pub const LINE_LIMIT: usize = 512;

/// A reply of several lines that is longer than this many bytes is cut off.
pub const REPLY_LIMIT: usize = 16 * 1024;

/// Goes through the whole dialogue.
pub(crate) async fn talk(probe: &SmtpProbe, progress: &mut Progress) -> Result<(), Verdict> {
    let mut stream = connect(&probe.connection, progress).await?;
    converse(&mut stream, probe, progress).await
}

/// Listens and answers, over any kind of stream.
async fn converse(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    probe: &SmtpProbe,
    progress: &mut Progress,
) -> Result<(), Verdict> {
    hear(stream, Reply::of(SmtpStep::Greeting), probe, progress).await?;
    say(stream, &format!("HELO {}\r\n", probe.helo_name), probe, progress).await?;
    hear(stream, Reply::of(SmtpStep::Helo), probe, progress).await?;
    say(stream, "QUIT\r\n", probe, progress).await?;
    hear(stream, Reply::any(), probe, progress).await
}

async fn say(
    stream: &mut (impl AsyncWrite + Unpin),
    line: &str,
    probe: &SmtpProbe,
    progress: &mut Progress,
) -> Result<(), Verdict> {
    let timeout = probe.connection.timeout;
    progress
        .within(Phase::Sending, timeout, stream.write_all(line.as_bytes()))
        .await?
        .map_err(|error| broken(&error, Phase::Sending))
}

/// Reads to the end of a reply. What comes with it and after it is dropped: the server has nothing to say unasked.
async fn hear(
    stream: &mut (impl AsyncRead + Unpin),
    mut reply: Reply,
    probe: &SmtpProbe,
    progress: &mut Progress,
) -> Result<(), Verdict> {
    let mut buffer = Vec::with_capacity(CHUNK);
    loop {
        buffer.clear();
        let timeout = probe.connection.timeout;
        let length = progress
            .within(Phase::Reading, timeout, stream.read_buf(&mut buffer))
            .await?
            .map_err(|error| broken(&error, Phase::Reading))?;
        if length == 0 {
            return Err(Verdict::Failure(Failure::NoAnswer));
        }
        progress.received();
        if reply.push(&buffer).map_err(Verdict::Failure)? {
            return Ok(());
        }
    }
}

/// Reads one reply piece by piece (RFC 5321 section 4.2): lines that begin with the same three digits, of which all but
/// the last have a hyphen after them.
#[derive(Debug)]
pub struct Reply {
    /// What it must say; `None`: one line of anything.
    wanted: Option<SmtpStep>,
    /// The line so far.
    line: Vec<u8>,
    /// Bytes of the lines before.
    length: usize,
}

/// A line of a reply.
enum Line {
    Last(u16),
    OneOfSeveral(u16),
    NoCode,
}

impl Reply {
    /// The reply that follows a step, with the code that belongs to it.
    pub const fn of(step: SmtpStep) -> Self {
        Self::new(Some(step))
    }

    /// A line, whatever it says.
    pub const fn any() -> Self {
        Self::new(None)
    }

    const fn new(wanted: Option<SmtpStep>) -> Self {
        Self {
            wanted,
            line: Vec::new(),
            length: 0,
        }
    }

    /// Takes in the next piece; `true` when the reply is complete.
    ///
    /// # Errors
    /// It is another reply, or too long.
    pub fn push(&mut self, bytes: &[u8]) -> Result<bool, Failure> {
        for byte in bytes {
            if *byte != b'\n' {
                if self.line.len() >= LINE_LIMIT {
                    return Err(Failure::ReplyTooLong(LINE_LIMIT));
                }
                self.line.push(*byte);
                continue;
            }
            if self.line_is_last()? {
                return Ok(true);
            }
            self.length = self.length.saturating_add(self.line.len());
            self.line.clear();
            if self.length > REPLY_LIMIT {
                return Err(Failure::ReplyTooLong(REPLY_LIMIT));
            }
        }
        Ok(false)
    }

    fn line_is_last(&self) -> Result<bool, Failure> {
        let Some(step) = self.wanted else {
            return Ok(true);
        };
        let wanted = match step {
            SmtpStep::Greeting => 220,
            SmtpStep::Helo => 250,
        };
        match read_line(&self.line) {
            Line::Last(code) if code == wanted => Ok(true),
            Line::OneOfSeveral(code) if code == wanted => Ok(false),
            Line::Last(code) | Line::OneOfSeveral(code) => Err(Failure::SmtpReply { step, code: Some(code) }),
            Line::NoCode => Err(Failure::SmtpReply { step, code: None }),
        }
    }
}

fn read_line(line: &[u8]) -> Line {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let Some((digits, rest)) = line.split_at_checked(3) else {
        return Line::NoCode;
    };
    let code = digits
        .iter()
        .all(u8::is_ascii_digit)
        .then(|| std::str::from_utf8(digits).ok()?.parse().ok())
        .flatten();
    match (code, rest.first()) {
        (Some(code), None | Some(b' ')) => Line::Last(code),
        (Some(code), Some(b'-')) => Line::OneOfSeveral(code),
        _ => Line::NoCode,
    }
}

#[cfg(test)]
mod tests;
