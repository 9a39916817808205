//! What can go wrong between us and the kernel's IPVS.

use std::borrow::Cow;
use std::io;
use std::time::Duration;

/// An operation on the kernel's IPVS that did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The kernel has no IPVS and it could not be loaded.
    #[error("this kernel has no IPVS: module `ip_vs` is not loaded; load it with `modprobe ip_vs` ({attempt})")]
    NoIpvs {
        /// What the attempt to load it said
        attempt: String,
    },
    /// The netlink socket itself failed.
    #[error("{operation}: {source}")]
    Socket {
        /// What was being done
        operation: &'static str,
        /// The system's error
        source: io::Error,
    },
    /// The kernel refused a request.
    #[error("{operation}: {}", refusal(.source, .text.as_deref(), .meaning.as_deref()))]
    Refused {
        /// What was asked for
        operation: String,
        /// The kernel's error number
        source: io::Error,
        /// The kernel's own words (extended acknowledgement), when it sent some
        text: Option<String>,
        /// What the number means for this request, when that is known
        meaning: Option<String>,
    },
    /// The kernel did not answer in time; whether the request took effect is unknown.
    #[error("{operation}: no answer from the kernel within {} s", limit.as_secs_f32())]
    Silence {
        /// What was asked for
        operation: String,
        /// How long was waited
        limit: Duration,
    },
    /// The kernel's answer could not be understood.
    #[error("{operation}: answer of the kernel not understood: {reason}")]
    Malformed {
        /// What was asked for
        operation: &'static str,
        /// What is wrong with the answer
        reason: &'static str,
    },
    /// Somebody else changed the table during every attempt.
    #[error("{operation}: the table kept changing meanwhile ({attempts} attempts)")]
    Unsteady {
        /// What was asked for
        operation: Cow<'static, str>,
        /// How often it was tried
        attempts: u32,
    },
    /// The request cannot be said to the kernel.
    #[error("{operation}: {reason}")]
    Unsayable {
        /// What was asked for
        operation: String,
        /// Why not
        reason: &'static str,
    },
}

impl Error {
    /// The error number of the system, where the error has one.
    pub fn raw_os_error(&self) -> Option<i32> {
        match self {
            Self::Socket { source, .. } | Self::Refused { source, .. } => source.raw_os_error(),
            _ => None,
        }
    }
}

/// Meaning, error number, the kernel's own words: whatever of them is known.
fn refusal(source: &io::Error, text: Option<&str>, meaning: Option<&str>) -> String {
    let mut line = source.to_string();
    if let Some(meaning) = meaning {
        line = format!("{meaning} ({line})");
    }
    if let Some(text) = text {
        line.push_str("; the kernel says: ");
        line.push_str(text);
    }
    line
}
