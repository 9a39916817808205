//! How a child process runs: its name, priority, processors and memory.
//!
//! The children have given up the rights that most of this needs, so the supervisor does it to them from outside
//! ([`outside`]); a process's name, its limits and its locked memory are its own business ([`own`]). What a child was given it
//! keeps to itself: scripts are started by the supervisor, which has none of it.

pub mod outside;
pub mod own;
pub mod pause;
mod scheduler;

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Limit of time at a real-time priority where none is configured.
const REALTIME_LIMIT: Duration = Duration::from_millis(10);

/// How one child runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessSettings {
    /// Its name in `ps`, 15 bytes at most; `None`: that of the supervisor's command
    pub name: Option<String>,
    /// Nice value, −20 to 19; not looked at beside a real-time priority, as with keepalived
    pub nice: i8,
    /// All its memory stays in RAM
    pub locks_memory: bool,
    /// `SCHED_RR` with this priority, 1 to 99
    pub realtime_priority: Option<u8>,
    /// Processors that it may run on; empty: all
    pub cpus: Vec<u32>,
    /// How long it may run without a pause at a real-time priority: it pauses at half of it; the end comes after all of it, and
    /// not before half a second
    pub realtime_limit: Duration,
    /// It gets a higher priority when it is late
    pub auto_priority: Option<AutoPriority>,
}

/// When a process gets a higher priority, and how far this goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AutoPriority {
    /// Highest `SCHED_RR` priority, 1 to 99
    pub highest: u8,
    /// A timer that was heard so late is a reason
    pub lateness: Duration,
}

impl ProcessSettings {
    /// It runs at a real-time priority, or may some day.
    fn is_realtime(&self) -> bool {
        self.realtime_priority.is_some() || self.auto_priority.is_some()
    }
}

impl Default for ProcessSettings {
    fn default() -> Self {
        Self {
            name: None,
            nice: 0,
            locks_memory: false,
            realtime_priority: None,
            cpus: Vec::new(),
            realtime_limit: REALTIME_LIMIT,
            auto_priority: None,
        }
    }
}
