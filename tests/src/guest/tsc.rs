//! The rate of the processor's time stamp counter, which an emulated guest shares with its host.

#![allow(unsafe_code)]

use std::time::{Duration, Instant};

use anyhow::Result;

const MEASURED: Duration = Duration::from_millis(100);

/// Measures the rate in kHz; takes a tenth of a second.
#[cfg(target_arch = "x86_64")]
pub(super) fn khz() -> Result<u64> {
    // SAFETY: reading the time stamp counter has no side effects and every x86-64 processor can.
    let read = || unsafe { std::arch::x86_64::_rdtsc() };
    let (begin, ticks_at_begin) = (Instant::now(), read());
    std::thread::sleep(MEASURED);
    let (elapsed, ticks_at_end) = (begin.elapsed(), read());
    let ticks = u128::from(ticks_at_end.wrapping_sub(ticks_at_begin));
    Ok(u64::try_from(ticks * 1_000_000 / elapsed.as_nanos().max(1))?)
}

/// Guests are x86-64 machines and want to know their host's counter.
#[cfg(not(target_arch = "x86_64"))]
pub(super) fn khz() -> Result<u64> {
    anyhow::bail!("guests need an x86-64 host")
}
