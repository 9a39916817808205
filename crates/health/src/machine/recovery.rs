//! What the past of a real server does to its coming back: flap damping and slow start.
//!
//! Both are Holdfast's own. Damping: who goes down too often within a time is held down, and for twice as long each time
//! that it goes down again soon after. Slow start: who comes back takes a tenth of its weight at first, and the whole of
//! it after a while.

use std::collections::VecDeque;
use std::time::Duration;

use holdfast_time::Timestamp;

use crate::settings;

/// The parts of a slow start; the weight is the same within each.
const STEPS: u32 = 10;

/// The past of a real server, as far as it matters for its coming back.
#[derive(Debug, Default)]
pub(super) struct Recovery {
    settings: settings::Recovery,
    /// When it went down within the window, the oldest first.
    downs: VecDeque<Timestamp>,
    /// How often it has been held without being quiet between.
    holds: u32,
    held_until: Option<Timestamp>,
    slow_start: Option<SlowStart>,
}

/// A slow start on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct SlowStart {
    since: Timestamp,
    /// The part with which it began: not the first one where a predecessor had begun it.
    first: u32,
    /// The part that it is in; fewer than [`STEPS`].
    step: u32,
}

/// What has become due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Due {
    /// The hold is over.
    pub(super) released: bool,
    /// The share of the weight is another one.
    pub(super) another_share: bool,
    /// The slow start is over.
    pub(super) full_weight: bool,
}

impl Recovery {
    pub(super) fn new(settings: settings::Recovery) -> Self {
        Self {
            settings,
            ..Self::default()
        }
    }

    /// Other settings. A hold becomes no longer than it could be with them, and a slow start goes on as if they had always
    /// been so.
    pub(super) fn configure(&mut self, settings: settings::Recovery, now: Timestamp) {
        self.settings = settings;
        if let Some(damping) = &self.settings.damping {
            let latest = now + damping.hold_max;
            self.held_until = self.held_until.map(|until| until.min(latest));
        } else {
            self.held_until = None;
            self.holds = 0;
            self.downs.clear();
        }
        self.advance(now);
    }

    pub(super) const fn held_until(&self) -> Option<Timestamp> {
        self.held_until
    }

    /// The part of this weight that it has now. Never 0, for that would end the service's connections.
    pub(super) fn share(&self, weight: u32) -> u32 {
        match self.slow_start {
            Some(slow_start) => share(weight, slow_start.step),
            None => weight,
        }
    }

    /// How long its slow start takes as a whole; `None`: it has its full weight.
    pub(super) fn slow_start(&self) -> Option<Duration> {
        self.slow_start.map(|_| self.settings.slow_start)
    }

    /// It comes back from being down.
    pub(super) fn came_back(&mut self, now: Timestamp) {
        self.slow_start = (!self.settings.slow_start.is_zero()).then_some(SlowStart {
            since: now,
            first: 0,
            step: 0,
        });
    }

    /// It is down by its settings, and not by what its checks found.
    pub(super) const fn taken_down(&mut self) {
        self.slow_start = None;
    }

    /// It went down after having been up since then. How long it is held down, if it is.
    pub(super) fn went_down(&mut self, up_since: Timestamp, now: Timestamp) -> Option<Duration> {
        self.slow_start = None;
        let damping = self.settings.damping.as_ref()?;
        let relapsed = self.holds > 0 && now.since(up_since) < damping.window;
        if !relapsed {
            self.holds = 0;
            self.downs.push_back(now);
            let threshold = usize::try_from(damping.threshold).unwrap_or(usize::MAX);
            while self.downs.len() > threshold || self.downs.front().is_some_and(|at| now.since(*at) > damping.window) {
                self.downs.pop_front();
            }
            if self.downs.len() < threshold {
                return None;
            }
        }
        self.downs.clear();
        let factor = 1_u32.checked_shl(self.holds).unwrap_or(u32::MAX);
        let length = damping.hold.saturating_mul(factor).min(damping.hold_max);
        self.holds = self.holds.saturating_add(1);
        self.held_until = Some(now + length);
        Some(length)
    }

    /// The hold ends before its time.
    pub(super) const fn release(&mut self) {
        self.held_until = None;
    }

    /// When to look again.
    pub(super) fn next(&self) -> Option<Timestamp> {
        let next_step = self.slow_start.map(|it| self.begin(it, it.step + 1));
        [self.held_until, next_step].into_iter().flatten().min()
    }

    /// Takes notice of the time.
    pub(super) fn advance(&mut self, now: Timestamp) -> Due {
        let released = self.held_until.is_some_and(|until| until <= now);
        if released {
            self.held_until = None;
        }
        let before = self.slow_start;
        self.slow_start = before.and_then(|it| {
            let over = self.begin(it, STEPS) <= now;
            let step = (it.first..STEPS).rev().find(|step| self.begin(it, *step) <= now);
            (!over).then_some(SlowStart {
                step: step.unwrap_or(it.first),
                ..it
            })
        });
        Due {
            released,
            another_share: before != self.slow_start,
            full_weight: before.is_some() && self.slow_start.is_none(),
        }
    }

    /// A predecessor left it with this weight, of that one: it goes on with its slow start from there.
    pub(super) fn adopt(&mut self, observed: u32, weight: u32, now: Timestamp) {
        if self.settings.slow_start.is_zero() || observed == 0 || observed >= weight {
            return;
        }
        let step = (0..STEPS).rev().find(|step| share(weight, *step) <= observed);
        let step = step.unwrap_or(0);
        self.slow_start = Some(SlowStart {
            since: now,
            first: step,
            step,
        });
    }

    /// When a part of a slow start begins.
    fn begin(&self, slow_start: SlowStart, step: u32) -> Timestamp {
        let parts = step.saturating_sub(slow_start.first);
        slow_start.since + self.settings.slow_start.saturating_mul(parts) / STEPS
    }
}

/// A tenth of the weight at first, and with each part as much more: to the nearest whole number, and at least 1.
fn share(weight: u32, step: u32) -> u32 {
    if weight == 0 {
        return 0;
    }
    let percent = u64::from(10 + 9 * step.min(STEPS));
    let share = (u64::from(weight) * percent + 50) / 100;
    u32::try_from(share).unwrap_or(weight).clamp(1, weight)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::FlapDamping;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::ZERO + Duration::from_secs(seconds)
    }

    fn damped(threshold: u32) -> Recovery {
        Recovery::new(settings::Recovery {
            damping: Some(FlapDamping {
                threshold,
                window: Duration::from_secs(100),
                hold: Duration::from_secs(30),
                hold_max: Duration::from_secs(100),
            }),
            slow_start: Duration::ZERO,
        })
    }

    /// Goes down at this moment, after having been up since that one: for how long it is held.
    fn down(recovery: &mut Recovery, up_since: u64, now: u64) -> Option<u64> {
        recovery.advance(at(now));
        let hold = recovery.went_down(at(up_since), at(now));
        hold.map(|it| it.as_secs())
    }

    #[test]
    fn so_many_failures_within_the_window_begin_a_hold() {
        let mut recovery = damped(3);
        assert_eq!(down(&mut recovery, 0, 10), None);
        assert_eq!(down(&mut recovery, 20, 30), None);
        // The first one is 101 s ago.
        assert_eq!(down(&mut recovery, 40, 111), None);
        assert_eq!(down(&mut recovery, 112, 130), Some(30));
        assert_eq!(recovery.next(), Some(at(160)));
        assert_eq!(recovery.held_until(), Some(at(160)));
        assert!(!recovery.advance(at(159)).released);
        assert!(recovery.advance(at(160)).released);
        assert_eq!((recovery.held_until(), recovery.next()), (None, None));
    }

    #[test]
    fn who_fails_again_soon_is_held_for_twice_as_long_up_to_the_limit() {
        let mut recovery = damped(1);
        assert_eq!(down(&mut recovery, 0, 0), Some(30));
        assert_eq!(down(&mut recovery, 30, 129), Some(60));
        assert_eq!(down(&mut recovery, 190, 191), Some(100));
        assert_eq!(down(&mut recovery, 291, 292), Some(100));
        // It was up for a whole window: forgiven.
        assert_eq!(down(&mut recovery, 392, 492), Some(30));
        let mut recovery = damped(2);
        down(&mut recovery, 0, 0);
        assert_eq!(down(&mut recovery, 1, 2), Some(30));
        assert_eq!(
            down(&mut recovery, 32, 132),
            None,
            "forgiven, and counted from the beginning"
        );
        assert_eq!(down(&mut recovery, 133, 134), Some(30));
    }

    #[test]
    fn many_holds_do_not_overflow() {
        let mut recovery = damped(1);
        for _ in 0..200 {
            let hold = recovery.went_down(at(0), at(0)).unwrap();
            assert!(hold <= Duration::from_secs(100));
        }
    }

    #[test]
    fn other_settings_shorten_a_hold_or_end_it() {
        let mut recovery = damped(1);
        down(&mut recovery, 0, 0);
        let mut other = recovery.settings.clone();
        other.damping.as_mut().unwrap().hold_max = Duration::from_secs(5);
        recovery.configure(other.clone(), at(10));
        assert_eq!(recovery.held_until(), Some(at(15)));
        other.damping.as_mut().unwrap().hold_max = Duration::from_secs(500);
        recovery.configure(other, at(11));
        assert_eq!(recovery.held_until(), Some(at(15)), "never longer");
        recovery.configure(settings::Recovery::default(), at(12));
        assert_eq!(recovery.held_until(), None);
    }

    fn slow(seconds: u64) -> Recovery {
        let mut recovery = Recovery::new(settings::Recovery {
            damping: None,
            slow_start: Duration::from_secs(seconds),
        });
        recovery.came_back(at(0));
        recovery
    }

    #[test]
    fn the_weight_rises_from_a_tenth_to_the_whole_in_ten_steps() {
        let mut recovery = slow(20);
        let mut shares = Vec::new();
        while let Some(next) = recovery.next() {
            shares.push(recovery.share(1_000));
            let due = recovery.advance(next);
            assert!(due.another_share && !due.released);
            assert_eq!(due.full_weight, next == at(20));
        }
        assert_eq!(shares, [100, 190, 280, 370, 460, 550, 640, 730, 820, 910]);
        assert_eq!(recovery.share(1_000), 1_000);
    }

    #[test]
    fn a_share_is_never_nothing_and_never_more_than_the_weight() {
        for weight in [0, 1, 2, 3, 7, 10, i32::MAX.unsigned_abs(), u32::MAX] {
            let shares: Vec<u32> = (0..=STEPS).map(|step| share(weight, step)).collect();
            assert!(shares.is_sorted() && shares.iter().all(|it| *it <= weight));
            assert!(weight == 0 || shares.iter().all(|it| *it >= 1));
            assert_eq!(shares.last(), Some(&weight));
        }
    }

    #[test]
    fn a_late_timer_skips_steps() {
        let mut recovery = slow(20);
        assert!(recovery.advance(at(9)).another_share);
        assert_eq!(recovery.share(100), 46);
        assert_eq!(recovery.next(), Some(at(10)));
        assert!(recovery.advance(at(1_000)).full_weight);
        assert_eq!(recovery.next(), None);
    }

    #[test]
    fn other_settings_change_the_pace() {
        let with = |seconds| settings::Recovery {
            damping: None,
            slow_start: Duration::from_secs(seconds),
        };
        let mut recovery = slow(20);
        recovery.advance(at(10));
        recovery.configure(with(100), at(10));
        assert_eq!((recovery.share(100), recovery.next()), (19, Some(at(20))));
        recovery.configure(with(0), at(11));
        assert_eq!((recovery.share(100), recovery.next()), (100, None));
    }

    #[test]
    fn a_successor_goes_on_where_the_weight_stands() {
        for (observed, step) in [(100, 0), (1, 0), (190, 1), (200, 1), (910, 9), (999, 9)] {
            let mut recovery = Recovery::new(slow(20).settings);
            recovery.adopt(observed, 1_000, at(100));
            assert_eq!(recovery.share(1_000), share(1_000, step), "{observed}");
            assert_eq!(recovery.next(), Some(at(102)));
            assert!(!recovery.advance(at(119 - 2 * u64::from(step))).full_weight);
            assert!(recovery.advance(at(120 - 2 * u64::from(step))).full_weight);
        }
        for observed in [0, 1_000, 2_000] {
            let mut recovery = Recovery::new(slow(20).settings);
            recovery.adopt(observed, 1_000, at(100));
            assert_eq!(recovery.slow_start, None, "{observed}");
        }
    }
}
