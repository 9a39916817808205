//! How often a child reports its whole state: at once after a quiet time, but never in a flood. A thousand instances that
//! change state one after the other must not make a thousand reports of a thousand instances.

use std::time::Duration;

use holdfast_time::Timestamp;

/// Shortest time between two reports.
const INTERVAL: Duration = Duration::from_millis(100);

/// A report of thousands of servers takes its time, and several times as much at the other end, where it is read and written to the
/// state file: between two of them is so many times what one costs here.
const REST: u32 = 200;
/// But nobody waits longer than this for news.
const LONGEST_INTERVAL: Duration = Duration::from_secs(10);

/// What this thread had of the processor so far: unlike the time that passes it does not grow while others run.
pub fn processor_time() -> Duration {
    // The kernel refuses this clock to nobody; without it reports would be as cheap as they seem.
    let clock = nix::time::clock_gettime(nix::time::ClockId::CLOCK_THREAD_CPUTIME_ID);
    clock.map_or(Duration::ZERO, Duration::from)
}

/// Decides when a report is due.
#[derive(Debug)]
pub struct ReportPace {
    /// Something has changed since the last report
    changed: bool,
    last: Option<Timestamp>,
    /// From one report to the next
    interval: Duration,
}

/// At the start everything is news.
impl Default for ReportPace {
    fn default() -> Self {
        Self {
            changed: true,
            last: None,
            interval: INTERVAL,
        }
    }
}

impl ReportPace {
    /// Something has changed.
    pub fn note_change(&mut self) {
        self.changed = true;
    }

    /// When a report is due; `None` while nothing has changed.
    pub fn due_at(&self) -> Option<Timestamp> {
        self.changed
            .then(|| self.last.map_or(Timestamp::ZERO, |last| last + self.interval))
    }

    /// So much processor time it took to make the last report.
    pub fn note_cost(&mut self, cost: Duration) {
        self.interval = cost.saturating_mul(REST).clamp(INTERVAL, LONGEST_INTERVAL);
    }

    /// Whether a report has to be made now; if so, it counts as made.
    pub fn take_if_due(&mut self, now: Timestamp) -> bool {
        let due = self.due_at().is_some_and(|at| at <= now);
        if due {
            self.changed = false;
            self.last = Some(now);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_reports_are_made_less_often() {
        let mut pace = ReportPace::default();
        let costs_and_intervals_us = [(0, 100_000), (500, 100_000), (5_000, 1_000_000), (900_000, 10_000_000)];
        for (hour, (cost, interval)) in (1..).zip(costs_and_intervals_us) {
            pace.note_change();
            let now = Timestamp::ZERO + Duration::from_hours(hour);
            assert!(pace.take_if_due(now));
            pace.note_cost(Duration::from_micros(cost));
            pace.note_change();
            assert_eq!(pace.due_at(), Some(now + Duration::from_micros(interval)));
        }
    }

    #[test]
    fn the_first_change_is_reported_at_once_and_a_flood_ten_times_a_second() {
        let mut pace = ReportPace::default();
        let mut reports = 0;
        assert_eq!(pace.due_at(), Some(Timestamp::ZERO), "the start is news");
        for millisecond in 0..1000 {
            pace.note_change();
            let now = Timestamp::ZERO + Duration::from_millis(5_000 + millisecond);
            reports += u32::from(pace.take_if_due(now));
            assert!(millisecond > 0 || reports == 1, "the first is reported at once");
        }
        assert_eq!(reports, 10);
        assert!(pace.due_at().is_some(), "the last change is still to be reported");
    }
}
