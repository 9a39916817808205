//! A process with a real-time priority that has a lot to do at once, such as a thousand takeovers, must not keep the
//! processor from everybody else, nor be killed for it. When the kernel says (`SIGXCPU`) that it ran for half of its limit
//! without a pause, it pauses for a moment: others run, and the kernel counts from zero again.
#![allow(unsafe_code)]

use std::io;
use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use libc::{c_int, timespec};

use super::scheduler::{UNLIMITED, set_realtime_warning};

/// Long enough for the kernel to count it as a pause, too short to be late for anything.
const LENGTH_NS: i64 = 100_000;
/// What works on for so many pauses in a row has lost its way: the kernel may end it.
const MOST_IN_A_ROW: u32 = 250;
/// Pauses that are further apart are not in a row: the process had nothing to do in between.
const ROW_GAP_S: i64 = 1;

/// When the kernel is to say so, in microseconds.
static WARNING_US: AtomicU64 = AtomicU64::new(UNLIMITED);
static IN_A_ROW: AtomicU32 = AtomicU32::new(0);
static LAST_S: AtomicI64 = AtomicI64::new(0);

/// The kernel says so after this time without a pause, from now on.
pub(super) fn warn_after(length: Duration) {
    let microseconds = u64::try_from(length.as_micros()).unwrap_or(UNLIMITED);
    WARNING_US.store(microseconds, Ordering::Relaxed);
}

/// Pauses from now on when the kernel says so. Whoever wants to hear of it registers after this.
pub fn on_warnings() -> io::Result<()> {
    // SAFETY: `sigaction` is plain C data, for which all zeros is a valid value: no flags, nothing blocked.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    let handler: extern "C" fn(c_int) = pause;
    action.sa_sigaction = handler as libc::sighandler_t;
    action.sa_flags = libc::SA_RESTART;
    // SAFETY: the kernel reads `action` during the call; `pause` does only what a signal handler may do.
    match unsafe { libc::sigaction(libc::SIGXCPU, &raw const action, std::ptr::null_mut()) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Only atomics and system calls, and whoever was interrupted finds its `errno` as it was.
extern "C" fn pause(_signal: c_int) {
    // SAFETY: the address of this thread's `errno` is always valid.
    let errno = unsafe { *libc::__errno_location() };
    let mut now = timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: writes to `now` alone.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) };
    let last = LAST_S.swap(now.tv_sec, Ordering::Relaxed);
    if now.tv_sec.saturating_sub(last) > ROW_GAP_S {
        IN_A_ROW.store(0, Ordering::Relaxed);
    }
    if IN_A_ROW.fetch_add(1, Ordering::Relaxed) < MOST_IN_A_ROW {
        let length = timespec {
            tv_sec: 0,
            tv_nsec: LENGTH_NS,
        };
        // SAFETY: reads `length` alone; what is left when it is interrupted nobody wants to know.
        unsafe { libc::nanosleep(&raw const length, std::ptr::null_mut()) };
        // The kernel has put the warning off by a second.
        set_realtime_warning(WARNING_US.load(Ordering::Relaxed));
    }
    // SAFETY: as above.
    unsafe { *libc::__errno_location() = errno };
}
