//! The one alarm of a driver.

use std::os::fd::AsFd;
use std::sync::atomic::{AtomicU64, Ordering};

use holdfast_time::{Duration, Timestamp};
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};

use crate::error::NetError;
use crate::readiness::{Readiness, Taken};

const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// A moment that never comes stands for an alarm that is off.
const OFF: u64 = u64::MAX;

/// An alarm on the kernel's monotonic clock, exact to some ten microseconds where the runtime's own timers count whole
/// milliseconds and round up. One is enough: it is armed for the earliest deadline of all.
#[derive(Debug)]
pub struct DeadlineTimer {
    timer: Readiness<TimerFd>,
    /// What the kernel has been told, in nanoseconds: most turns of a driver do not change its earliest deadline.
    armed: AtomicU64,
}

impl DeadlineTimer {
    /// Makes a timer that is not armed. Must be called within a runtime.
    pub fn new() -> Result<Self, NetError> {
        let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
        let timer =
            TimerFd::new(ClockId::CLOCK_MONOTONIC, flags).map_err(NetError::system("make", "the deadline timer"))?;
        Ok(Self {
            timer: Readiness::new(timer, "the deadline timer")?,
            armed: AtomicU64::new(OFF),
        })
    }

    /// Nanoseconds of the kernel's monotonic clock. A driver reads it once per turn.
    pub fn now() -> Timestamp {
        // The kernel refuses this clock to nobody, so the fallback is never taken.
        let now = nix::time::clock_gettime(nix::time::ClockId::CLOCK_MONOTONIC).unwrap_or(TimeSpec::new(0, 0));
        let seconds = u64::try_from(now.tv_sec()).unwrap_or(0);
        let nanos = u64::try_from(now.tv_nsec()).unwrap_or(0);
        Timestamp::from_nanos(seconds.saturating_mul(NANOS_PER_SECOND).saturating_add(nanos))
    }

    /// How long the host has been running, sleep included.
    pub fn uptime() -> Duration {
        // The kernel refuses this clock to nobody either.
        let clock = nix::time::clock_gettime(nix::time::ClockId::CLOCK_BOOTTIME).unwrap_or(TimeSpec::new(0, 0));
        Duration::from(clock)
    }

    /// Sets the alarm to `deadline` (at once if it has passed), or switches it off. Replaces what was set before,
    /// also an alarm that has gone off but was not waited for.
    pub fn arm(&self, deadline: Option<Timestamp>) -> Result<(), NetError> {
        let wanted = deadline.map_or(OFF, Timestamp::as_nanos);
        if self.armed.swap(wanted, Ordering::Relaxed) == wanted {
            return Ok(());
        }
        let timer = self.timer.get();
        match deadline {
            Some(deadline) => timer
                .set(
                    Expiration::OneShot(absolute(deadline)),
                    TimerSetTimeFlags::TFD_TIMER_ABSTIME,
                )
                .map_err(NetError::system("set", format!("the deadline timer to {deadline}"))),
            None => timer
                .unset()
                .map_err(NetError::system("switch off", "the deadline timer")),
        }
    }

    /// Waits until the alarm goes off; forever if it is off. Never returns before the deadline. Cancel safe.
    pub async fn wait(&self) -> Result<(), NetError> {
        let rang = |timer: &TimerFd| {
            nix::unistd::read(timer.as_fd(), &mut [0; 8])?;
            // The kernel forgets an alarm that was heard.
            self.armed.store(OFF, Ordering::Relaxed);
            Ok(Taken::All(()))
        };
        let waited = self.timer.take(rang).await;
        waited.map_err(NetError::system("wait for", "the deadline timer"))
    }
}

/// A moment as the kernel takes it. Zero would mean "switch off", so the start of time becomes its first nanosecond.
fn absolute(deadline: Timestamp) -> TimeSpec {
    let nanos = deadline.as_nanos().max(1);
    // Both fit: 2^64 nanoseconds are 585 years.
    let seconds = i64::try_from(nanos / NANOS_PER_SECOND).unwrap_or(i64::MAX);
    let rest = i64::try_from(nanos % NANOS_PER_SECOND).unwrap_or(0);
    TimeSpec::new(seconds, rest)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    const FOREVER: Duration = Duration::from_secs(10);
    const A_MOMENT: Duration = Duration::from_millis(30);

    #[tokio::test]
    async fn goes_off_at_its_deadline_and_not_before() {
        let timer = DeadlineTimer::new().unwrap();
        for length in [Duration::from_micros(300), Duration::from_millis(7), Duration::ZERO] {
            let deadline = DeadlineTimer::now() + length;
            timer.arm(Some(deadline)).unwrap();
            timeout(FOREVER, timer.wait()).await.unwrap().unwrap();
            let late = DeadlineTimer::now().since(deadline);
            assert!(DeadlineTimer::now() >= deadline);
            assert!(late < Duration::from_secs(2), "{late:?} late");
        }
    }

    #[tokio::test]
    async fn deadlines_of_the_past_and_the_start_of_time_go_off_at_once() {
        let timer = DeadlineTimer::new().unwrap();
        for deadline in [Timestamp::ZERO, DeadlineTimer::now() - Duration::from_secs(1)] {
            timer.arm(Some(deadline)).unwrap();
            timeout(FOREVER, timer.wait()).await.unwrap().unwrap();
        }
    }

    #[tokio::test]
    async fn a_new_deadline_replaces_an_alarm_that_has_already_gone_off() {
        let timer = DeadlineTimer::new().unwrap();
        timer.arm(Some(Timestamp::ZERO)).unwrap();
        timeout(FOREVER, timer.wait()).await.unwrap().unwrap();
        timer.arm(Some(Timestamp::ZERO)).unwrap();
        // Let the runtime see that it has gone off, then take it back.
        timeout(FOREVER, timer.timer.wait_readable()).await.unwrap();
        timer.arm(Some(DeadlineTimer::now() + Duration::from_hours(1))).unwrap();
        assert!(timeout(A_MOMENT, timer.wait()).await.is_err());
        timer.arm(None).unwrap();
        assert!(timeout(A_MOMENT, timer.wait()).await.is_err());
        timer.arm(Some(Timestamp::from_nanos(u64::MAX))).unwrap();
        assert!(timeout(A_MOMENT, timer.wait()).await.is_err());
    }
}
