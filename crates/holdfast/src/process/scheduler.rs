//! Scheduling policies and limits, for which no crate of ours has a call.
#![allow(unsafe_code)]

use std::io;
use std::time::Duration;

use libc::{c_int, pid_t};

/// When the kernel may end a process, whatever its limit. It counts ticks of up to 10 ms, and a system call that changes
/// hundreds of addresses takes several: with keepalived's 10 ms it would not even warn before.
const SHORTEST_END_US: u64 = 500_000;

/// A thread's scheduling policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Policy {
    /// `SCHED_OTHER`
    Usual,
    /// `SCHED_RR` with this priority, 1 to 99. What the thread starts runs as usual.
    Realtime(u8),
}

/// Changes the policy of a thread; 0: of the calling one.
pub(super) fn set_policy(thread: pid_t, policy: Policy) -> io::Result<()> {
    let (kind, priority) = match policy {
        Policy::Usual => (libc::SCHED_OTHER, 0),
        Policy::Realtime(priority) => (libc::SCHED_RR | libc::SCHED_RESET_ON_FORK, priority),
    };
    // SAFETY: `sched_param` is plain C data, for which all zeros is a valid value.
    let mut parameters: libc::sched_param = unsafe { std::mem::zeroed() };
    parameters.sched_priority = c_int::from(priority);
    // SAFETY: the kernel only reads `parameters`, during the call.
    done(unsafe { libc::sched_setscheduler(thread, kind, &raw const parameters) })
}

/// Changes the nice value of a thread.
pub(super) fn set_nice(thread: pid_t, nice: i8) -> io::Result<()> {
    let thread = libc::id_t::try_from(thread).map_err(io::Error::other)?;
    // SAFETY: takes plain numbers.
    done(unsafe { libc::setpriority(libc::PRIO_PROCESS, thread, c_int::from(nice)) })
}

/// The nice value of the calling thread.
pub(super) fn own_nice() -> i8 {
    // SAFETY: takes plain numbers. -1 may be an error or a value; of the own thread one always may ask.
    let nice = unsafe { libc::getpriority(libc::PRIO_PROCESS, 0) };
    i8::try_from(nice).unwrap_or(0)
}

/// Locks all memory of this process, now and later, or unlocks it. What was never touched takes no memory.
pub(super) fn lock_memory(locked: bool) -> io::Result<()> {
    // SAFETY: both change how memory is kept, not what is in it.
    done(unsafe {
        if locked {
            libc::mlockall(libc::MCL_CURRENT | libc::MCL_FUTURE | libc::MCL_ONFAULT)
        } else {
            libc::munlockall()
        }
    })
}

/// How many bytes a process may lock, 0: the calling one.
pub(super) fn limit_locked_memory(process: pid_t, bytes: u64) -> io::Result<()> {
    set_limit(process, libc::RLIMIT_MEMLOCK, bytes, bytes)
}

/// How long a process may run without a pause at a real-time priority, 0: the calling one. The kernel warns at half of it, as
/// with keepalived; the process then pauses ([`super::pause`]).
pub(super) fn limit_realtime(process: pid_t, length: Duration) -> io::Result<()> {
    let microseconds = u64::try_from(length.as_micros()).unwrap_or(UNLIMITED);
    let end = microseconds.max(SHORTEST_END_US);
    set_limit(process, libc::RLIMIT_RTTIME, microseconds / 2, end)
}

/// Sets when the kernel warns the calling process again, in microseconds, and leaves when it ends it. For a signal handler.
pub(super) fn set_realtime_warning(microseconds: u64) {
    let mut limit = libc::rlimit64 {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the kernel writes `limit` during the first call and reads it during the second.
    unsafe {
        if libc::prlimit64(0, libc::RLIMIT_RTTIME, std::ptr::null(), &raw mut limit) == 0 {
            limit.rlim_cur = microseconds.min(limit.rlim_max);
            libc::prlimit64(0, libc::RLIMIT_RTTIME, &raw const limit, std::ptr::null_mut());
        }
    }
}

/// No limit.
pub(super) const UNLIMITED: u64 = libc::RLIM64_INFINITY;

fn set_limit(process: pid_t, resource: libc::__rlimit_resource_t, soft: u64, hard: u64) -> io::Result<()> {
    let limit = libc::rlimit64 {
        rlim_cur: soft,
        rlim_max: hard,
    };
    // SAFETY: the kernel only reads `limit`, during the call; the old limit is not asked for.
    done(unsafe { libc::prlimit64(process, resource, &raw const limit, std::ptr::null_mut()) })
}

fn done(result: c_int) -> io::Result<()> {
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}
