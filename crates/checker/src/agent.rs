//! `AGENT_CHECK`: one line of an agent, in the format of `HAProxy`'s `agent-check`.
//!
//! A line ends with CR or LF. Its words are separated by blanks, tabs and commas, in any order and in upper or lower case; of
//! several words of the same kind the last one counts. What follows `#` is a description.
#![deny(clippy::arithmetic_side_effects)]

use holdfast_health::probe::{
    Administrative, AgentProbe, AgentReport, Failure, NotTried, Operating, Phase, Verdict, printable,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::connect::{broken, connect};
use crate::progress::Progress;

/// The longest line in bytes, its end not counted.
pub const LINE_LIMIT: usize = 1024;

/// How much of a description is kept, in characters.
const DESCRIPTION_LIMIT: usize = 200;

/// The largest percentage, as with `HAProxy`: 256 times the configured weight.
const MOST_PERCENT: u32 = 25_600;

/// Hears one line.
pub(crate) async fn hear(probe: &AgentProbe, progress: &mut Progress) -> Result<AgentReport, Verdict> {
    let line = match first_line(probe, progress).await {
        Err(Verdict::Failure(failure)) if probe.keep_if_unreachable && is_unreachable(&failure) => {
            return Err(Verdict::NotTried(NotTried::Agent(failure.to_string())));
        }
        line => line?,
    };
    read_line(&line).map_err(Verdict::Failure)
}

/// Whether there was no agent to speak, rather than one that speaks in riddles.
fn is_unreachable(failure: &Failure) -> bool {
    !matches!(failure, Failure::AgentLine(_) | Failure::ReplyTooLong(_))
}

async fn first_line(probe: &AgentProbe, progress: &mut Progress) -> Result<Vec<u8>, Verdict> {
    let timeout = probe.connection.timeout;
    let mut stream = connect(&probe.connection, progress).await?;
    if !probe.send.is_empty() {
        progress
            .within(Phase::Sending, timeout, stream.write_all(&probe.send))
            .await?
            .map_err(|error| broken(&error, Phase::Sending))?;
    }
    let mut line = Line::default();
    let outcome = progress
        .within(Phase::Reading, timeout, read_into(&mut line, &mut stream))
        .await?;
    outcome?;
    Ok(line.bytes)
}

async fn read_into(line: &mut Line, stream: &mut TcpStream) -> Result<(), Verdict> {
    let mut buffer = Vec::with_capacity(LINE_LIMIT);
    loop {
        buffer.clear();
        let length = stream
            .read_buf(&mut buffer)
            .await
            .map_err(|error| broken(&error, Phase::Reading))?;
        if length == 0 {
            return Err(Verdict::Failure(line.without_end()));
        }
        if line.push(&buffer).map_err(Verdict::Failure)? {
            return Ok(());
        }
    }
}

/// The first line of what an agent sends, piece by piece.
#[derive(Debug, Default)]
pub struct Line {
    /// What it holds so far, without its end.
    pub bytes: Vec<u8>,
}

impl Line {
    /// Takes in the next piece; `true` when the line is complete. What follows it is dropped.
    ///
    /// # Errors
    /// It is too long.
    pub fn push(&mut self, piece: &[u8]) -> Result<bool, Failure> {
        let end = piece.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
        self.bytes
            .extend_from_slice(piece.get(..end.unwrap_or(piece.len())).unwrap_or_default());
        if self.bytes.len() > LINE_LIMIT {
            return Err(Failure::ReplyTooLong(LINE_LIMIT));
        }
        Ok(end.is_some())
    }

    fn without_end(&self) -> Failure {
        if self.bytes.is_empty() {
            return Failure::NoAnswer;
        }
        Failure::AgentLine(format!("{} without an end of line", printable(&self.bytes)))
    }
}

/// Reads a line without its end.
///
/// # Errors
/// [`Failure::AgentLine`]: it says nothing, or something else than agents say. Nothing of it counts then.
pub fn read_line(line: &[u8]) -> Result<AgentReport, Failure> {
    let mut parts = line.splitn(2, |byte| *byte == b'#');
    let words = parts.next().unwrap_or_default();
    let mut report = AgentReport {
        description: parts.next().map(description).unwrap_or_default(),
        ..AgentReport::default()
    };
    let mut none = true;
    for word in words
        .split(|byte| matches!(byte, b' ' | b'\t' | b','))
        .filter(|word| !word.is_empty())
    {
        none = false;
        take_word(&mut report, word)
            .ok_or_else(|| Failure::AgentLine(format!("{} in {}", printable(word), printable(line))))?;
    }
    if none {
        return Err(Failure::AgentLine("it has no word".to_owned()));
    }
    Ok(report)
}

/// `None`: it is no word of agents.
fn take_word(report: &mut AgentReport, word: &[u8]) -> Option<()> {
    let word = std::str::from_utf8(word).ok()?.to_ascii_lowercase();
    match word.as_str() {
        "up" => report.operating = Some(Operating::Up),
        "down" => report.operating = Some(Operating::Down),
        "fail" => report.operating = Some(Operating::Fail),
        "stopped" => report.operating = Some(Operating::Stopped),
        "ready" => report.administrative = Some(Administrative::Ready),
        "drain" => report.administrative = Some(Administrative::Drain),
        "maint" => report.administrative = Some(Administrative::Maint),
        other => {
            if let Some(percent) = other.strip_suffix('%') {
                report.weight_percent = Some(number(percent)?.min(MOST_PERCENT));
            } else {
                report.max_connections = Some(number(other.strip_prefix("maxconn:")?)?);
            }
        }
    }
    Some(())
}

/// Digits alone; more than there are numbers for are the largest one.
fn number(digits: &str) -> Option<u32> {
    let all = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    all.then(|| digits.parse().unwrap_or(u32::MAX))
}

fn description(bytes: &[u8]) -> String {
    let printable = |character: char| if character.is_control() { ' ' } else { character };
    let text: String = String::from_utf8_lossy(bytes).chars().map(printable).collect();
    let text: String = text.trim().chars().take(DESCRIPTION_LIMIT).collect();
    text.trim_end().to_owned()
}

#[cfg(test)]
mod tests;
