//! `AGENT_CHECK`: what an agent beside a server says of it, in the line format of `HAProxy`'s `agent-check`.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Connection;

/// `AGENT_CHECK`
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AgentProbe {
    /// Where the agent is, and how to connect to it.
    pub connection: Connection,
    /// What it is sent first; empty: nothing.
    pub send: Vec<u8>,
    /// An agent that cannot be reached changes nothing, as with `HAProxy`. Else that is a failure.
    pub keep_if_unreachable: bool,
}

/// What one line of an agent says. What it does not mention stays as it was.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentReport {
    /// `N%`: the weight in percent of the configured one.
    pub weight_percent: Option<u32>,
    /// `maxconn:N`: the most connections; 0: any number.
    pub max_connections: Option<u32>,
    /// `ready`, `drain`, `maint`.
    pub administrative: Option<Administrative>,
    /// `up`, `down`, `fail`, `stopped`.
    pub operating: Option<Operating>,
    /// What follows `#`, in printable characters.
    pub description: String,
}

/// What an administrator wants of a server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Administrative {
    /// It takes clients.
    #[default]
    Ready,
    /// No new clients; those that it has go on.
    Drain,
    /// The same; the word says why.
    Maint,
}

/// Whether a server works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Operating {
    /// It does.
    Up,
    /// It does not.
    Down,
    /// It fails some test.
    Fail,
    /// It was stopped on purpose.
    Stopped,
}

impl Administrative {
    /// The word in the line.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Drain => "drain",
            Self::Maint => "maint",
        }
    }
}

impl Operating {
    /// The word in the line.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Fail => "fail",
            Self::Stopped => "stopped",
        }
    }
}

/// The words of the line that carry something, as an agent would write them.
impl fmt::Display for AgentReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = [
            self.operating.map(|it| it.word().to_owned()),
            self.administrative.map(|it| it.word().to_owned()),
            self.weight_percent.map(|percent| format!("{percent}%")),
            self.max_connections.map(|most| format!("maxconn:{most}")),
        ];
        let words: Vec<String> = words.into_iter().flatten().collect();
        f.write_str(&words.join(" "))?;
        if self.description.is_empty() {
            return Ok(());
        }
        write!(f, " # {}", self.description)
    }
}
