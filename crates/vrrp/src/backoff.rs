//! How long to wait before something is put back that others removed, so that two programs do not fight at full speed.

use holdfast_time::{Duration, Timestamp};

/// Wait before something is put back that was put back only just now; doubles each time.
const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(64);

/// The wait so far: none at first, then 1 s and twice as much each time, up to 64 s.
#[derive(Clone, Debug, Default)]
pub struct Backoff {
    delay: Duration,
    last: Option<Timestamp>,
}

impl Backoff {
    /// When to put back what was lost at `now`: at once, unless that was done only just before.
    pub fn after_loss(&mut self, now: Timestamp) -> Timestamp {
        self.forget_what_is_long_ago(now);
        self.last.map_or(now, |last| last + self.delay).max(now)
    }

    /// When to try again what did not work at `now`: never at once.
    pub fn after_failure(&mut self, now: Timestamp) -> Timestamp {
        self.forget_what_is_long_ago(now);
        now + self.delay.max(FIRST)
    }

    /// It is put back at `now`.
    pub fn put_back(&mut self, now: Timestamp) {
        self.last = Some(now);
        self.delay = (self.delay * 2).clamp(FIRST, LONGEST);
    }

    fn forget_what_is_long_ago(&mut self, now: Timestamp) {
        let is_long_ago = |last: Timestamp| now.since(last) > LONGEST.max(self.delay * 2);
        if self.last.is_none_or(is_long_ago) {
            self.delay = Duration::ZERO;
        }
    }
}
