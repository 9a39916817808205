//! What can go wrong, always with the operation and the object it was about.

use std::io;
use std::time::Duration;

/// An operation on the network stack that did not work.
#[derive(Debug, thiserror::Error)]
pub enum NetError {
    /// A system call failed.
    #[error("cannot {operation} {object}: {source}")]
    System {
        /// What was tried, as a verb: "open", "send on".
        operation: &'static str,
        /// What it was tried on.
        object: String,
        /// The kernel's answer.
        source: io::Error,
    },
    /// The kernel understood a netlink request and refused it.
    #[error("cannot {operation} {object}: {source}{}", .reason.as_ref().map(|text| format!(" (kernel: {text})")).unwrap_or_default())]
    Refused {
        /// What was requested, as a verb: "add address".
        operation: &'static str,
        /// What it was requested for.
        object: String,
        /// The error number of the answer.
        source: io::Error,
        /// The kernel's own words (extended acknowledgement), where it had any.
        reason: Option<String>,
    },
    /// No complete answer came within the time limit of a request.
    #[error("cannot {operation} {object}: no answer within {} ms", .limit.as_millis())]
    TimeLimit {
        /// What was requested, as a verb.
        operation: &'static str,
        /// What it was requested for.
        object: String,
        /// How long the answer was waited for.
        limit: Duration,
    },
    /// The kernel's tables kept changing while they were read, or its answer could not be understood.
    #[error("cannot {operation} {object}: {detail}")]
    Answer {
        /// What was requested, as a verb.
        operation: &'static str,
        /// What it was requested for.
        object: String,
        /// What was wrong with the answer.
        detail: String,
    },
    /// The caller's values can not be put into one request or packet, for example an IPv4 source for an IPv6
    /// destination.
    #[error("cannot {operation} {object}: {detail}")]
    Unfit {
        /// What was asked for, as a verb.
        operation: &'static str,
        /// What it was asked for.
        object: String,
        /// Which values do not fit together.
        detail: &'static str,
    },
}

impl NetError {
    /// The kernel's error number, where the error is one of the kernel's.
    pub fn errno(&self) -> Option<i32> {
        match self {
            Self::System { source, .. } | Self::Refused { source, .. } => source.raw_os_error(),
            Self::TimeLimit { .. } | Self::Answer { .. } | Self::Unfit { .. } => None,
        }
    }

    /// For `map_err`: a failed system call.
    pub(crate) fn system<E: Into<io::Error>>(
        operation: &'static str,
        object: impl Into<String>,
    ) -> impl FnOnce(E) -> Self {
        move |source| Self::System {
            operation,
            object: object.into(),
            source: source.into(),
        }
    }
}
