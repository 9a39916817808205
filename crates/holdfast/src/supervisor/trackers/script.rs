//! One `vrrp_script`: its command again and again, never twice at once, never longer than its time.

use std::fmt;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::process::Child;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::scripts::{self, Script};

/// From SIGTERM to SIGKILL for a command that took too long, as keepalived gives it.
const TERMINATION_LIMIT: Duration = Duration::from_secs(2);

/// A timer that rings later than this part of its length says more about the host than about the command.
const STALL_DIVISOR: u32 = 4;

/// No lateness below this counts as a stall.
const SHORTEST_STALL: Duration = Duration::from_millis(50);

/// What came of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Exit status 0.
    Succeeded,
    /// Another exit status.
    Exited(i32),
    /// A signal, or a file that is no program; in words.
    Failed(String),
    /// It took longer than its time.
    TimedOut,
    /// The host could not start it, which says nothing about the command.
    NotRun(String),
}

impl Outcome {
    fn of(ended: std::io::Result<ExitStatus>) -> Self {
        match ended {
            Ok(status) => match (status.code(), status.signal()) {
                (Some(0), _) => Self::Succeeded,
                (Some(code), _) => Self::Exited(code),
                (None, signal) => Self::Failed(format!("killed by signal {}", signal.unwrap_or_default())),
            },
            Err(error) => Self::NotRun(error.to_string()),
        }
    }

    fn of_failed_start(error: &std::io::Error) -> Self {
        match error.raw_os_error() {
            Some(libc::EAGAIN | libc::ENOMEM | libc::EMFILE | libc::ENFILE) => Self::NotRun(error.to_string()),
            _ => Self::Failed(format!("cannot be run: {error}")),
        }
    }

    /// How it counts; `None`: not at all.
    pub fn success(&self) -> Option<bool> {
        match self {
            Self::Succeeded => Some(true),
            Self::Exited(_) | Self::Failed(_) | Self::TimedOut => Some(false),
            Self::NotRun(_) => None,
        }
    }

    /// Says that a script came up or went down by it, in the words that people search for.
    pub fn log(&self, name: &str) {
        match self {
            Self::Succeeded => tracing::info!("VRRP_Script({name}) succeeded"),
            Self::Exited(status) => tracing::warn!("VRRP_Script({name}) failed (exited with status {status})"),
            Self::Failed(how) => tracing::warn!("VRRP_Script({name}) failed ({how})"),
            Self::TimedOut => tracing::warn!("VRRP_Script({name}) timed_out"),
            Self::NotRun(_) => {}
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Succeeded => f.write_str("succeeded"),
            Self::Exited(status) => write!(f, "failed (exited with status {status})"),
            Self::Failed(how) => write!(f, "failed ({how})"),
            Self::TimedOut => f.write_str("timed out"),
            Self::NotRun(why) => write!(f, "not run, which does not count ({why})"),
        }
    }
}

/// When a command runs and how long it may.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// From one start to the next
    pub interval: Duration,
    /// Longest run
    pub timeout: Duration,
}

/// Runs a command at once and then at every interval, until `stop` is closed. A command that still runs when its next turn
/// comes misses that turn.
pub async fn run_in_turn(command: Script, timing: Timing, mut stop: mpsc::Receiver<()>, report: impl Fn(Outcome)) {
    let mut turn = Instant::now();
    loop {
        tokio::select! {
            biased;
            _ = stop.recv() => return,
            () = tokio::time::sleep_until(turn) => {}
        }
        let started = Instant::now();
        match scripts::start(&command) {
            Err(error) => report(Outcome::of_failed_start(&error)),
            Ok(child) => {
                let mut run = Run(child);
                let outcome = tokio::select! {
                    biased;
                    _ = stop.recv() => return run.end().await,
                    outcome = run.outcome(timing.timeout) => outcome,
                };
                let still_runs = outcome == Outcome::TimedOut;
                report(outcome);
                if still_runs {
                    run.end().await;
                }
            }
        }
        turn = next_turn(started, Instant::now(), timing.interval);
    }
}

/// Runs a command once, for at most this long.
pub async fn run_once(command: &Script, timeout: Duration) -> Outcome {
    match scripts::start(command) {
        Err(error) => Outcome::of_failed_start(&error),
        Ok(child) => {
            let mut run = Run(child);
            let outcome = run.outcome(timeout).await;
            if outcome == Outcome::TimedOut {
                run.end().await;
            }
            outcome
        }
    }
}

/// The first whole interval after a start that is not over.
fn next_turn(started: Instant, now: Instant, interval: Duration) -> Instant {
    let interval = interval.max(Duration::from_millis(1));
    let over = now.duration_since(started).as_millis() / interval.as_millis();
    started + interval.saturating_mul(u32::try_from(over).unwrap_or(u32::MAX).saturating_add(1))
}

/// A running command with all that it started. Dropping it kills them.
struct Run(Child);

impl Run {
    /// Waits for the end, or for `limit`.
    async fn outcome(&mut self, limit: Duration) -> Outcome {
        let mut had_stall = false;
        loop {
            let due = Instant::now() + limit;
            if let Ok(ended) = tokio::time::timeout_at(due, self.0.wait()).await {
                return Outcome::of(ended);
            }
            // It may have ended while the host, or we, did not run.
            if let Ok(Some(status)) = self.0.try_wait() {
                return Outcome::of(Ok(status));
            }
            let late = due.elapsed();
            if had_stall || late < (limit / STALL_DIVISOR).max(SHORTEST_STALL) {
                return Outcome::TimedOut;
            }
            tracing::warn!(
                "the host stalled for {} ms: a script gets its time again",
                late.as_millis()
            );
            had_stall = true;
        }
    }

    /// Asks the command to end, and makes it after a while.
    async fn end(mut self) {
        self.signal(Signal::SIGTERM);
        // An error here means that it cannot be waited for, so there is nothing left to end.
        let _ = tokio::time::timeout(TERMINATION_LIMIT, self.0.wait()).await;
    }

    /// Signals the command and whatever else is in its process group.
    fn signal(&self, signal: Signal) {
        // A child that has been waited for has no number any more, and somebody else may have it.
        if let Some(Ok(group)) = self.0.id().map(i32::try_from) {
            let _ = killpg(Pid::from_raw(group), signal);
        }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        self.signal(Signal::SIGKILL);
    }
}

#[cfg(test)]
mod tests;
