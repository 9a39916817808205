//! The rate of the processor's time stamp counter, which an emulated guest shares with its host.

#![allow(unsafe_code)]

#[cfg(target_arch = "x86_64")]
use std::time::{Duration, Instant};

use anyhow::Result;

#[cfg(target_arch = "x86_64")]
const MEASURED: Duration = Duration::from_millis(100);

/// Somebody may take the processor away between two readings; of so many pairs one is undisturbed.
#[cfg(target_arch = "x86_64")]
const PAIRS: usize = 20;

/// Measures the rate in kHz; takes a tenth of a second.
#[cfg(target_arch = "x86_64")]
pub(super) fn khz() -> Result<u64> {
    use anyhow::Context;
    let (begin, ticks_at_begin) = reading().context("no reading of the clock")?;
    std::thread::sleep(MEASURED);
    let (end, ticks_at_end) = reading().context("no reading of the clock")?;
    let ticks = u128::from(ticks_at_end.wrapping_sub(ticks_at_begin));
    Ok(u64::try_from(
        ticks * 1_000_000 / end.duration_since(begin).as_nanos().max(1),
    )?)
}

/// Clock and counter at the same moment, as nearly as possible.
#[cfg(target_arch = "x86_64")]
fn reading() -> Option<(Instant, u64)> {
    let pairs = (0..PAIRS).map(|_| {
        let before = Instant::now();
        // SAFETY: reading the time stamp counter has no side effects and every x86-64 processor can.
        let ticks = unsafe { std::arch::x86_64::_rdtsc() };
        (before.elapsed(), before, ticks)
    });
    pairs
        .min_by_key(|(apart, ..)| *apart)
        .map(|(_, when, ticks)| (when, ticks))
}

/// Guests are x86-64 machines and want to know their host's counter.
#[cfg(not(target_arch = "x86_64"))]
pub(super) fn khz() -> Result<u64> {
    anyhow::bail!("guests need an x86-64 host")
}
