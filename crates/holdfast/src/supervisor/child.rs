//! A child process: this program again, in another role, with a channel to us.

use std::ffi::OsString;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::process::Command;
use tokio::sync::mpsc;

use super::Report;
use crate::bfd_news::NewsLines;
use crate::ipc::{self, CHANNEL_FD};
use crate::log;
use crate::pid_file::PidFile;
use crate::privileges;
use crate::process::ProcessSettings;
use crate::process::outside::Controlled;
use crate::role::{ROLE_VARIABLE, Role};

/// A child that lived this long was healthy; its end is not part of a series.
const HEALTHY_AFTER: Duration = Duration::from_mins(1);

/// Longest wait before another try.
const LONGEST_DELAY: Duration = Duration::from_mins(1);

/// A running child. Dropping it kills it.
#[derive(Debug)]
pub struct Child<M> {
    pid: u32,
    started: Instant,
    sender: ipc::Sender<M>,
    process: Controlled,
    _pid_file: Option<PidFile>,
    _killed_on_drop: mpsc::Sender<()>,
}

impl<M: Serialize> Child<M> {
    /// Starts a child that finds its ends of the news lines; its messages and its end go to `reports`.
    pub fn start<R: DeserializeOwned + Send + 'static>(
        role: Role,
        pid_file: &Path,
        attributes: &ProcessSettings,
        lines: &NewsLines,
        reports: &mpsc::UnboundedSender<Report>,
        wrap: fn(R) -> Report,
    ) -> anyhow::Result<Self> {
        Self::start_with(role, Some(pid_file), attributes, lines.ends_for(role)?, reports, wrap)
    }

    /// Starts a child that finds these under their numbers. They must be above all numbers that are given here.
    pub fn start_with<R: DeserializeOwned + Send + 'static>(
        role: Role,
        pid_file: Option<&Path>,
        attributes: &ProcessSettings,
        descriptors: Vec<(OwnedFd, RawFd)>,
        reports: &mpsc::UnboundedSender<Report>,
        wrap: fn(R) -> Report,
    ) -> anyhow::Result<Self> {
        let (ours, theirs) = UnixStream::pair().context("cannot make a socket pair")?;
        // Its own end first: it may have any number, and must not be overwritten.
        let channel = std::iter::once((theirs.into(), CHANNEL_FD));
        let descriptors = channel.chain(descriptors).collect();
        let mut process = command(role, attributes, descriptors)
            .spawn()
            .with_context(|| format!("cannot start the {role} process"))?;
        let pid = process.id().context("child ended at once")?;
        let pid_file = pid_file.map(|path| PidFile::take(path, pid)).transpose()?;
        let (sender, mut receiver) = ipc::channel::<M, R>(ours)?;
        let (alive, mut dropped) = mpsc::channel::<()>(1);
        let reports = reports.clone();
        tokio::spawn(async move {
            // All messages first, so that none is lost when the end is reported.
            let exit = tokio::select! {
                () = forward(&mut receiver, &reports, wrap) => process.wait().await,
                _ = dropped.recv() => {
                    let _ = process.start_kill();
                    process.wait().await
                }
            };
            if let Ok(exit) = exit {
                let _ = reports.send(Report::Ended(role, pid, exit));
            }
        });
        tracing::info!("{role} process has pid {pid}");
        Ok(Self {
            pid,
            started: Instant::now(),
            sender,
            process: Controlled::new(pid, role),
            _pid_file: pid_file,
            _killed_on_drop: alive,
        })
    }

    /// Sends a configuration, and how the process runs from then on.
    pub fn configure(&mut self, configuration: &M, process: &ProcessSettings, wrap: fn(ProcessSettings) -> M) {
        self.process.configuring(process.clone());
        self.send(configuration);
        self.send(&wrap(process.clone()));
    }

    /// Sends a message. One that is lost because the child just died is sent again when it is restarted.
    pub fn send(&self, message: &M) {
        if let Err(error) = self.sender.send(message) {
            tracing::debug!("message to process {} lost: {error:#}", self.pid);
        }
    }
}

impl<M> Child<M> {
    /// How it runs.
    pub fn process(&mut self) -> &mut Controlled {
        &mut self.process
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// How long it has been running.
    pub fn lived(&self) -> Duration {
        self.started.elapsed()
    }
}

async fn forward<R: DeserializeOwned>(
    receiver: &mut ipc::Receiver<R>,
    reports: &mpsc::UnboundedSender<Report>,
    wrap: fn(R) -> Report,
) {
    loop {
        match receiver.receive().await {
            Ok(Some(message)) => {
                if reports.send(wrap(message)).is_err() {
                    return;
                }
            }
            Ok(None) => return,
            Err(error) => {
                tracing::error!("channel to a child is broken: {error:#}");
                return;
            }
        }
    }
}

/// This program again with the same command line (tools look for the configuration file in it), in another role.
fn command(role: Role, attributes: &ProcessSettings, descriptors: Vec<(OwnedFd, RawFd)>) -> Command {
    let mut arguments = std::env::args_os();
    let name = arguments.next().unwrap_or_else(|| OsString::from("holdfast"));
    // The file that runs now, also when a new version has been installed over it: both ends must speak alike.
    let mut command = std::process::Command::new("/proc/self/exe");
    command.arg0(name).args(arguments).env(ROLE_VARIABLE, role.name());
    command.env(log::SUFFIX_VARIABLE, log::suffix());
    command.env(log::SETTINGS_VARIABLE, log::settings());
    if attributes.locks_memory {
        command.env(privileges::LOCKS_MEMORY_VARIABLE, "yes");
    }
    run_before_exec(&mut command, descriptors);
    Command::from(command)
}

#[allow(unsafe_code)]
fn run_before_exec(command: &mut std::process::Command, descriptors: Vec<(OwnedFd, RawFd)>) {
    let prepare = move || {
        for (descriptor, number) in &descriptors {
            // SAFETY: dup2, fcntl and prctl take plain numbers and touch no memory; all may be called between fork and exec.
            let done = unsafe {
                if descriptor.as_raw_fd() == *number {
                    // Same number: dup2 would leave the close-on-exec flag set.
                    libc::fcntl(*number, libc::F_SETFD, 0)
                } else {
                    libc::dup2(descriptor.as_raw_fd(), *number)
                }
            };
            if done < 0 {
                return Err(std::io::Error::last_os_error());
            }
        }
        // A child must not outlive its supervisor: it could not be told to stop any more.
        // SAFETY: as above.
        if unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM) } < 0 {
            return Err(std::io::Error::last_os_error());
        }
        Ok(())
    };
    // SAFETY: `prepare` makes system calls only; it neither allocates nor takes locks.
    unsafe {
        command.pre_exec(prepare);
    }
}

/// How long to wait before a child that died is started again.
///
/// The checker comes back at once: the kernel balances on meanwhile, and it adopts the table. So does BFD: the sooner it
/// speaks, the sooner its neighbours have their sessions again. VRRP waits a second, so that
/// a healthy peer takes over in its own time and finds nobody who competes with it. A series of deaths doubles the wait.
pub fn restart_delay(role: Role, lived: Duration, restarts: u64) -> Duration {
    let first = match role {
        Role::Vrrp | Role::Dbus => Duration::from_secs(1),
        Role::Checker | Role::Bfd | Role::Snmp => Duration::ZERO,
    };
    if lived >= HEALTHY_AFTER || restarts <= 1 {
        return first;
    }
    let doublings = u32::try_from(restarts - 2).unwrap_or(u32::MAX).min(6);
    Duration::from_secs(1 << doublings).clamp(first, LONGEST_DELAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_of_deaths_waits_longer_and_longer_and_a_long_life_ends_it() {
        let delay = |role, lived, restarts| restart_delay(role, Duration::from_secs(lived), restarts).as_secs();
        assert_eq!(delay(Role::Checker, 3, 1), 0);
        assert_eq!(delay(Role::Vrrp, 3, 1), 1);
        let series: Vec<u64> = (2..10).map(|restarts| delay(Role::Checker, 3, restarts)).collect();
        assert_eq!(series, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(delay(Role::Checker, 60, 9), 0);
        assert_eq!(delay(Role::Vrrp, 3600, u64::MAX), 1);
    }
}
