//! Into the background, as without `-n`: before any thread or runtime exists.
#![allow(unsafe_code)]

use std::os::fd::AsFd;

use anyhow::Context;
use nix::unistd::{ForkResult, chdir, dup2_stderr, dup2_stdin, dup2_stdout, fork, setsid};

/// Leaves the caller's session. Returns in the daemon only; the caller's process ends with status 0.
pub fn into_background() -> anyhow::Result<()> {
    leave_parent()?;
    setsid().context("cannot start a session")?;
    // Not a session leader any more: no terminal can become ours.
    leave_parent()?;
    chdir("/").context("cannot change to /")?;
    let null = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/null")
        .context("cannot open /dev/null")?;
    dup2_stdin(null.as_fd())?;
    dup2_stdout(null.as_fd())?;
    dup2_stderr(null.as_fd())?;
    Ok(())
}

fn leave_parent() -> anyhow::Result<()> {
    // SAFETY: called before any thread is started, so the child's only thread owns everything.
    match unsafe { fork() }.context("cannot fork")? {
        ForkResult::Parent { .. } => std::process::exit(0),
        ForkResult::Child => Ok(()),
    }
}
