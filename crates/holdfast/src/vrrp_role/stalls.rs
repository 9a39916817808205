//! Whether this host, or this process, stood still. Recognised by deadlines that come late, and by the two monotonic clocks:
//! one of them goes on while a machine is suspended.

use std::fmt;

use holdfast_time::{Duration, Timestamp};
use holdfast_vrrp::NodeSettings;

/// The wait for the processor that is no stall yet, whatever the intervals.
const SHORTEST: Duration = Duration::from_millis(50);
/// From here on it is one, whatever the intervals.
const LONGEST: Duration = Duration::from_millis(500);

/// What the clocks say at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clocks {
    /// Stands still while the machine is suspended.
    pub monotonic: Timestamp,
    /// Goes on while the machine is suspended.
    pub since_boot: Timestamp,
}

/// A time in which nothing was done that should have been.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stall {
    /// How long.
    pub length: Duration,
    /// Who is to blame.
    pub cause: Cause,
}

/// Why nothing was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The machine was suspended, or its snapshot restored.
    Suspended,
    /// The process was ready and did not run: too little processor time, or a virtual machine that was paused.
    NotScheduled,
    /// The process itself was at work for so long.
    Busy,
}

impl fmt::Display for Stall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.length.as_secs_f64();
        match self.cause {
            Cause::Suspended => write!(f, "This host was suspended for {seconds:.3} s"),
            Cause::NotScheduled => write!(
                f,
                "This host stood still: the VRRP process did not run for {seconds:.3} s when it should have"
            ),
            Cause::Busy => write!(
                f,
                "The VRRP process was busy for {seconds:.3} s when a deadline was due"
            ),
        }
    }
}

/// Looks at the clocks whenever the process wakes up.
#[derive(Debug)]
pub struct StallWatch {
    /// A deadline that is so late is a stall.
    threshold: Duration,
    /// How far the clocks were apart last.
    apart: Duration,
    waiting_since: Timestamp,
}

impl StallWatch {
    /// Watches from now on.
    pub fn new(clocks: Clocks) -> Self {
        Self {
            threshold: LONGEST,
            apart: clocks.apart(),
            waiting_since: clocks.monotonic,
        }
    }

    /// The shortest interval of all decides what is a stall.
    pub fn set_settings(&mut self, settings: &NodeSettings) {
        let intervals = settings.instances.iter().map(|instance| instance.advert_interval);
        self.threshold = intervals.min().unwrap_or(LONGEST).clamp(SHORTEST, LONGEST);
    }

    /// The work is done, and the process waits for what comes next.
    pub fn wait(&mut self, now: Timestamp) {
        self.waiting_since = now;
    }

    /// The process woke up, with this deadline ahead or behind. Each stall is reported once for a deadline.
    pub fn wake(&mut self, clocks: Clocks, deadline: Option<Timestamp>) -> Option<Stall> {
        let apart = clocks.apart();
        let suspended = apart.saturating_sub(self.apart);
        self.apart = apart;
        if suspended >= self.threshold {
            return Some(Stall {
                length: suspended,
                cause: Cause::Suspended,
            });
        }
        let due = deadline?;
        let length = clocks.monotonic.since(due);
        let cause = if due < self.waiting_since {
            Cause::Busy
        } else {
            Cause::NotScheduled
        };
        (length >= self.threshold).then_some(Stall { length, cause })
    }
}

impl Clocks {
    fn apart(&self) -> Duration {
        self.since_boot.since(self.monotonic)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdfast_vrrp::InstanceSettings;

    fn at(ms: u64) -> Timestamp {
        Timestamp::ZERO + Duration::from_millis(ms)
    }

    /// The machine was suspended for `suspended` milliseconds since it was started.
    fn clocks(ms: u64, suspended: u64) -> Clocks {
        Clocks {
            monotonic: at(ms),
            since_boot: at(ms + suspended),
        }
    }

    fn watch(interval_ms: u64) -> StallWatch {
        let mut watch = StallWatch::new(clocks(0, 7_000));
        let instance = |ms| InstanceSettings {
            advert_interval: Duration::from_millis(ms),
            ..InstanceSettings::new("VI", "eth0", 1)
        };
        watch.set_settings(&NodeSettings {
            instances: vec![instance(1_000), instance(interval_ms)],
            ..NodeSettings::default()
        });
        watch
    }

    #[expect(clippy::unnecessary_wraps, reason = "as what it is compared with")]
    fn stall(ms: u64, cause: Cause) -> Option<Stall> {
        Some(Stall {
            length: Duration::from_millis(ms),
            cause,
        })
    }

    #[test]
    fn a_late_deadline_is_a_stall_from_the_shortest_interval_on() {
        for (interval, threshold) in [(10, 50), (100, 100), (1_000, 500)] {
            let mut watch = watch(interval);
            watch.wait(at(1_000));
            assert_eq!(watch.wake(clocks(2_000 + threshold - 1, 7_000), Some(at(2_000))), None);
            assert_eq!(
                watch.wake(clocks(2_000 + threshold, 7_000), Some(at(2_000))),
                stall(threshold, Cause::NotScheduled)
            );
        }
        assert_eq!(
            watch(10).wake(clocks(9_000, 7_000), Some(at(9_001))),
            None,
            "not yet due"
        );
        assert_eq!(watch(10).wake(clocks(9_000, 7_000), None), None);
    }

    #[test]
    fn a_deadline_that_came_during_the_work_is_our_own_fault() {
        let mut watch = watch(1_000);
        watch.wait(at(3_000));
        assert_eq!(
            watch.wake(clocks(3_001, 7_000), Some(at(2_400))),
            stall(601, Cause::Busy)
        );
    }

    #[test]
    fn a_suspended_machine_is_recognised_by_the_clocks_once() {
        let mut watch = watch(1_000);
        watch.wait(at(1_000));
        assert_eq!(watch.wake(clocks(1_100, 7_400), Some(at(2_000))), None);
        assert_eq!(
            watch.wake(clocks(1_200, 67_400), Some(at(2_000))),
            stall(60_000, Cause::Suspended)
        );
        assert_eq!(watch.wake(clocks(1_300, 67_400), Some(at(2_000))), None);
    }

    #[test]
    fn it_is_said_in_words() {
        let said = stall(2_400, Cause::NotScheduled).unwrap().to_string();
        assert_eq!(
            said,
            "This host stood still: the VRRP process did not run for 2.400 s when it should have"
        );
    }
}
