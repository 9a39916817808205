//! Making the namespaces of a node.

#![allow(unsafe_code)]

use std::fs::{self, File};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};

/// Device files that programs in a node may want; a missing one is left out.
const DEVICES: [&str; 7] = ["null", "zero", "full", "random", "urandom", "tty", "ptmx"];

const NOTHING: Option<&str> = None;

/// What a little machine of its own has for itself.
pub(super) fn of_its_own() -> CloneFlags {
    CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWUTS | CloneFlags::CLONE_NEWPID
}

/// Only files and the host name: network and processes are those of whoever asks.
pub(super) fn of_this_machine() -> CloneFlags {
    CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWUTS
}

/// Moves the calling thread into new namespaces of these kinds.
///
/// Returns the first process of the new process namespace, the network namespace, and the socket at `/dev/log`.
pub(super) fn enter_new(kinds: CloneFlags, host_name: &str) -> Result<(Child, OwnedFd, UnixDatagram)> {
    unshare(kinds).context("unshare")?;
    mount(NOTHING, "/", NOTHING, MsFlags::MS_REC | MsFlags::MS_PRIVATE, NOTHING).context("private mounts")?;
    nix::unistd::sethostname(host_name).context("host name")?;
    let network = File::open("/proc/thread-self/ns/net")
        .context("the network namespace")?
        .into();
    mount(Some("run"), "/run", Some("tmpfs"), MsFlags::empty(), Some("mode=755")).context("/run")?;
    let log = make_dev()?;
    let init = start_init()?;
    Ok((init, network, log))
}

/// A small `/dev` with a syslog of its own.
fn make_dev() -> Result<UnixDatagram> {
    fs::create_dir("/run/dev")?;
    for device in DEVICES {
        let (from, to) = (format!("/dev/{device}"), format!("/run/dev/{device}"));
        File::create(&to)?;
        if mount(Some(&*from), &*to, NOTHING, MsFlags::MS_BIND, NOTHING).is_err() {
            fs::remove_file(&to)?;
        }
    }
    for directory in ["pts", "shm"] {
        fs::create_dir(format!("/run/dev/{directory}"))?;
    }
    for (name, number) in [("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")] {
        std::os::unix::fs::symlink(format!("/proc/self/fd{number}"), format!("/run/dev/{name}"))?;
    }
    let log = UnixDatagram::bind("/run/dev/log").context("/dev/log")?;
    mount(
        Some("/run/dev"),
        "/dev",
        NOTHING,
        MsFlags::MS_BIND | MsFlags::MS_REC,
        NOTHING,
    )
    .context("/dev")?;
    Ok(log)
}

/// Starts the process that carries the process namespace: it does nothing, and ends when its standard input does,
/// which only this process holds open.
fn start_init() -> Result<Child> {
    let mut command = Command::new("cat");
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let set_up = || {
        // Orphans are reaped by the kernel when nobody wants to hear of them.
        // SAFETY: ignoring a signal installs no handler.
        unsafe { nix::sys::signal::signal(nix::sys::signal::SIGCHLD, nix::sys::signal::SigHandler::SigIgn)? };
        mount(Some("proc"), "/proc", Some("proc"), MsFlags::empty(), NOTHING)?;
        Ok(())
    };
    // SAFETY: between fork and exec only plain system calls are made.
    unsafe { command.pre_exec(set_up) };
    command.spawn().context("the first process of a node")
}
