//! From the single results of a script to up and down.

/// Counts successes and failures as `rise` and `fall` ask for it. It knows neither time nor processes: a timeout or a
/// signal is a failure to it.
///
/// The first result decides alone. After that only an unbroken row counts: one success among failures starts the count of
/// failures anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScriptHealth {
    rise: u32,
    fall: u32,
    up: Option<bool>,
    /// The next result decides alone.
    is_first: bool,
    /// Results in a row that contradict `up`.
    against: u32,
}

impl ScriptHealth {
    /// A script without a result. `rise` and `fall` are at least 1; 0 counts as 1. With `init_fail` it is down until its
    /// first success.
    pub const fn new(rise: u32, fall: u32, init_fail: bool) -> Self {
        Self {
            rise,
            fall,
            up: if init_fail { Some(false) } else { None },
            is_first: true,
            against: 0,
        }
    }

    /// Goes on with other limits; what was counted stays.
    pub const fn set_limits(&mut self, rise: u32, fall: u32) {
        self.rise = rise;
        self.fall = fall;
    }

    /// Up, down, or without a result yet.
    pub const fn up(&self) -> Option<bool> {
        self.up
    }

    /// Counts a result. True if [`Self::up`] changed by it.
    pub fn record(&mut self, success: bool) -> bool {
        let decides_alone = std::mem::take(&mut self.is_first);
        if self.up == Some(success) {
            self.against = 0;
            return false;
        }
        self.against = self.against.saturating_add(1);
        let needed = if success { self.rise } else { self.fall };
        if !decides_alone && self.against < needed {
            return false;
        }
        self.up = Some(success);
        self.against = 0;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the script counts as after each of these results; `+` is a success.
    fn course(mut health: ScriptHealth, results: &str) -> String {
        let after = |result| {
            let before = health.up();
            let changed = health.record(result == '+');
            assert_eq!(changed, health.up() != before);
            match health.up() {
                Some(true) => 'U',
                Some(false) => 'D',
                None => '?',
            }
        };
        results.chars().map(after).collect()
    }

    #[test]
    fn the_first_result_decides_alone() {
        let new = ScriptHealth::new(3, 3, false);
        assert_eq!(new.up(), None);
        assert_eq!(course(new, "+"), "U");
        assert_eq!(course(new, "-"), "D");
    }

    #[test]
    fn rise_successes_in_a_row_bring_it_up_and_fall_failures_in_a_row_down() {
        let health = ScriptHealth::new(2, 3, false);
        assert_eq!(course(health, "+--+---"), "UUUUUUD");
        assert_eq!(course(health, "-+-++"), "DDDDU");
        let plain = ScriptHealth::new(1, 1, false);
        assert_eq!(course(plain, "+-+-"), "UDUD");
    }

    #[test]
    fn with_init_fail_it_is_down_before_the_first_result_and_one_success_is_enough() {
        let health = ScriptHealth::new(3, 1, true);
        assert_eq!(health.up(), Some(false));
        assert_eq!(course(health, "+-++"), "UDDD");
        assert_eq!(course(health, "-++"), "DDD", "a failure was the first result");
    }

    #[test]
    fn other_limits_hold_from_the_next_result_on_and_the_state_stays() {
        let mut health = ScriptHealth::new(1, 3, false);
        assert!(health.record(true));
        assert!(!health.record(false));
        health.set_limits(1, 2);
        assert_eq!(health.up(), Some(true));
        assert!(health.record(false), "the second failure in a row");
    }
}
