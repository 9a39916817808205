//! What a child process does before its role begins.

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};

use crate::{process, signals};

/// Takes the supervisor's name, so that `ps` shows it, and leaves the supervisor's signals to it. Call within the runtime.
pub fn settle_in() -> anyhow::Result<()> {
    // We were started as `/proc/self/exe`, and would be called `exe`.
    process::own::take_name(None);
    warn_of_realtime_limit()?;
    signals::leave_to_supervisor()
}

/// The kernel warns a process that ran for too long at a real-time priority, before it ends it.
fn warn_of_realtime_limit() -> anyhow::Result<()> {
    process::pause::on_warnings().context("cannot pause at the real-time limit")?;
    let mut warnings = signal(SignalKind::from_raw(libc::SIGXCPU)).context("cannot listen to signals")?;
    tokio::spawn(async move {
        while warnings.recv().await.is_some() {
            tracing::warn!("this process ran without a pause for half of its real-time limit (*_rlimit_rttime)");
        }
    });
    Ok(())
}
