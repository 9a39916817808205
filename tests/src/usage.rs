//! What running a program costs.

#![allow(unsafe_code)]

use std::fs;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nix::sys::resource::{Resource, setrlimit};
use nix::unistd::Pid;

/// What one run of a program took, its children included.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// User and system time.
    pub cpu: Duration,
    /// From before its start to after its end.
    pub wall: Duration,
    /// The most memory that one process had at a time. Never less than what the process that started it had.
    pub resident_bytes: u64,
    /// How it ended.
    pub status: ExitStatus,
}

/// Runs a program to its end in the calling thread's namespaces. The kernel kills it when it has used `cpu_limit`, in whole
/// seconds; what it had used by then counts.
pub fn measure(mut command: Command, cpu_limit: Option<Duration>) -> Result<Usage> {
    if let Some(limit) = cpu_limit {
        let seconds = limit.as_secs();
        // SAFETY: setrlimit is a plain system call, safe between fork and exec.
        unsafe {
            command.pre_exec(move || Ok(setrlimit(Resource::RLIMIT_CPU, seconds, seconds)?));
        }
    }
    let since = Instant::now();
    let child = command.spawn().with_context(|| format!("starting {command:?}"))?;
    let pid = libc::pid_t::try_from(child.id())?;
    let mut status = 0;
    // SAFETY: all bytes zero are a valid `rusage`.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: both pointers are to live values of the right types; the child was not waited for.
    let waited = unsafe { libc::wait4(pid, &raw mut status, 0, &raw mut usage) };
    nix::errno::Errno::result(waited).context("wait4")?;
    Ok(Usage {
        cpu: duration(usage.ru_utime) + duration(usage.ru_stime),
        wall: since.elapsed(),
        resident_bytes: u64::try_from(usage.ru_maxrss).unwrap_or(0) * 1024,
        status: ExitStatus::from_raw(status),
    })
}

/// How long a running process, with all its threads, has had a processor so far.
pub fn processor_time(pid: Pid) -> Result<Duration> {
    let mut total = Duration::ZERO;
    for thread in fs::read_dir(format!("/proc/{pid}/task")).with_context(|| format!("process {pid}"))? {
        // Nanoseconds on a processor, then others. A thread may have ended meanwhile.
        let Ok(figures) = fs::read_to_string(thread?.path().join("schedstat")) else {
            continue;
        };
        let nanos = figures.split_whitespace().next().context("an empty schedstat")?;
        total += Duration::from_nanos(nanos.parse()?);
    }
    Ok(total)
}

/// What the kernel says of a running process's memory, in MiB.
#[derive(Clone, Copy, Debug, Default)]
pub struct Memory {
    /// Pages that several processes use count in parts (PSS): others that run the same program or library make it less.
    pub proportional_mib: f64,
    /// Pages that it has written, and nobody else has.
    pub private_mib: f64,
}

/// How much memory a running process accounts for.
pub fn memory(pid: Pid) -> Result<Memory> {
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    let line = |name: &str| -> Result<f64> {
        let rest = rollup.lines().find_map(|line| line.strip_prefix(name));
        let kib = rest.and_then(|rest| rest.split_whitespace().next());
        let kib: f64 = kib.with_context(|| format!("no line {name}"))?.parse()?;
        Ok(kib / 1024.0)
    };
    Ok(Memory {
        proportional_mib: line("Pss:")?,
        private_mib: line("Private_Dirty:")?,
    })
}

fn duration(time: libc::timeval) -> Duration {
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::from_secs(seconds) + Duration::from_micros(u64::try_from(time.tv_usec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_program_uses_is_counted() {
        let mut command = Command::new("sh");
        command.args(["-c", "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; exit 3"]);
        let usage = measure(command, None).unwrap();
        assert_eq!(usage.status.code(), Some(3));
        assert!(usage.cpu > Duration::from_millis(5), "{usage:?}");
        assert!(usage.resident_bytes > 100_000, "{usage:?}");
    }

    #[test]
    fn a_program_that_takes_too_long_is_killed() {
        let mut command = Command::new("sh");
        command.args(["-c", "while :; do :; done"]);
        let usage = measure(command, Some(Duration::from_secs(1))).unwrap();
        assert_eq!(usage.status.signal(), Some(libc::SIGKILL));
        // How much it got of the second is the machine's business.
        assert!(usage.cpu > Duration::from_millis(10), "{usage:?}");
    }
}
