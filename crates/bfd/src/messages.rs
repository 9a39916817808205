//! Every log message of the sessions. People's scripts search for these texts: keepalived's wording stays where it has one.

use std::fmt;
use std::net::IpAddr;

use holdfast_time::Duration;
use serde::{Deserialize, Serialize};

use crate::event::DisableCause;
use crate::packet::Diagnostic;

/// How important a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Level {
    /// Course of events.
    Info,
    /// Odd, but it works.
    Warning,
}

/// One message. [`fmt::Display`] gives the text without time and process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the fields are those of the texts in `Display`")]
pub enum LogEvent {
    EnteringUp {
        instance: String,
    },
    EnteringDown {
        instance: String,
        local: Diagnostic,
        remote: Diagnostic,
    },
    EnteringAdminDown {
        instance: String,
        cause: DisableCause,
    },
    Expired {
        instance: String,
        after: Duration,
        overdue: Duration,
    },
    PollStarted {
        instance: String,
    },
    Rejected {
        instance: String,
        from: IpAddr,
        problem: String,
    },
    RejectedByAll {
        from: IpAddr,
        problem: String,
    },
    SamePath {
        instance: String,
        other: String,
    },
}

impl LogEvent {
    /// How important it is.
    pub fn level(&self) -> Level {
        match self {
            Self::EnteringUp { .. } | Self::PollStarted { .. } => Level::Info,
            Self::EnteringDown { .. }
            | Self::EnteringAdminDown { .. }
            | Self::Expired { .. }
            | Self::Rejected { .. }
            | Self::RejectedByAll { .. }
            | Self::SamePath { .. } => Level::Warning,
        }
    }
}

impl fmt::Display for LogEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EnteringUp { instance } => write!(f, "({instance}) Entering Up state"),
            Self::EnteringDown {
                instance,
                local,
                remote,
            } => write!(
                f,
                "({instance}) Entering Down state (Local diagnostic - {local}, Remote diagnostic - {remote})"
            ),
            Self::EnteringAdminDown { instance, cause } => {
                write!(f, "({instance}) Entering AdminDown state ({cause})")
            }
            Self::Expired {
                instance,
                after,
                overdue,
            } => write!(
                f,
                "({instance}) Expired after {} ms ({} usec overdue)",
                after.as_millis(),
                overdue.as_micros()
            ),
            Self::PollStarted { instance } => write!(f, "({instance}) Starting poll sequence"),
            Self::Rejected {
                instance,
                from,
                problem,
            } => write!(f, "({instance}) rejected packet from {from}: {problem}"),
            Self::RejectedByAll { from, problem } => {
                write!(f, "rejected BFD packet from {from}: {problem}")
            }
            Self::SamePath { instance, other } => {
                write!(
                    f,
                    "({instance}) has neighbor, source and port of {other}: instance ignored"
                )
            }
        }
    }
}
