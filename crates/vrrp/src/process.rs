//! From the number of processes to up and down.

use holdfast_time::{Duration, Timestamp};

/// What changed the number of processes. It decides how long the change has to last before it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CountChange {
    /// A process that counts made another one, which often becomes something else in a moment.
    Fork,
    /// A process ended; somebody may start it again at once.
    Exit,
    /// A process became another program, or took another name.
    Renewed,
    /// All processes were counted again, because events were lost.
    Recount,
}

/// When a quorum is gained and lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuorumLimits {
    /// `quorum`: processes needed, at least 1.
    pub least: u32,
    /// `quorum_max`: more are too many; `None`: any number is fine.
    pub most: Option<u32>,
    /// `fork_delay`: how long a change made by a fork has to last.
    pub fork_delay: Duration,
    /// `terminate_delay`: how long a change made by an end has to last.
    pub terminate_delay: Duration,
}

impl QuorumLimits {
    /// Whether this many are a quorum.
    pub fn holds(&self, count: u32) -> bool {
        // keepalived's way to ask for none at all is quorum_max 0, whatever the quorum.
        let enough = count >= self.least || self.most == Some(0);
        enough && self.most.is_none_or(|most| count <= most)
    }
}

/// Judges the number of processes. It has no clock: moments are handed in, and [`Self::deadline`] says when to call
/// [`Self::reach`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcessQuorum {
    limits: QuorumLimits,
    count: u32,
    up: bool,
    /// When the number has contradicted `up` for long enough.
    due: Option<Timestamp>,
}

impl ProcessQuorum {
    /// The first count decides alone.
    pub fn new(limits: QuorumLimits, count: u32) -> Self {
        let up = limits.holds(count);
        Self {
            limits,
            count,
            up,
            due: None,
        }
    }

    /// Whether there is a quorum, as far as it counts already.
    pub const fn up(&self) -> bool {
        self.up
    }

    /// The number of processes last heard of.
    pub const fn count(&self) -> u32 {
        self.count
    }

    /// When to call [`Self::reach`].
    pub const fn deadline(&self) -> Option<Timestamp> {
        self.due
    }

    /// The number of processes is another one at `now`. True if [`Self::up`] changed by it.
    #[allow(clippy::arithmetic_side_effects, reason = "sums of moments saturate")]
    pub fn set_count(&mut self, now: Timestamp, count: u32, change: CountChange) -> bool {
        self.count = count;
        if self.limits.holds(count) == self.up {
            self.due = None;
            return false;
        }
        let delay = match change {
            CountChange::Fork => self.limits.fork_delay,
            CountChange::Exit => self.limits.terminate_delay,
            CountChange::Recount if self.up => self.limits.terminate_delay,
            CountChange::Renewed | CountChange::Recount => Duration::ZERO,
        };
        if delay.is_zero() {
            return self.turn();
        }
        self.due.get_or_insert(now + delay);
        false
    }

    /// Time has come to `now`. True if [`Self::up`] changed by it.
    pub fn reach(&mut self, now: Timestamp) -> bool {
        self.due.is_some_and(|due| due <= now) && self.turn()
    }

    const fn turn(&mut self) -> bool {
        self.due = None;
        self.up = !self.up;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORK_DELAY: Duration = Duration::from_secs(2);
    const TERMINATE_DELAY: Duration = Duration::from_secs(3);

    fn at(seconds: u64) -> Timestamp {
        Timestamp::ZERO + Duration::from_secs(seconds)
    }

    fn limits(least: u32, most: Option<u32>) -> QuorumLimits {
        QuorumLimits {
            least,
            most,
            fork_delay: Duration::ZERO,
            terminate_delay: Duration::ZERO,
        }
    }

    fn delayed(least: u32, most: Option<u32>, count: u32) -> ProcessQuorum {
        let limits = QuorumLimits {
            fork_delay: FORK_DELAY,
            terminate_delay: TERMINATE_DELAY,
            ..limits(least, most)
        };
        ProcessQuorum::new(limits, count)
    }

    #[test]
    fn a_quorum_is_at_least_so_many_and_not_more_than_so_many() {
        let verdicts = |limits: QuorumLimits| (0..5).map(|count| limits.holds(count)).collect::<Vec<_>>();
        assert_eq!(verdicts(limits(1, None)), [false, true, true, true, true]);
        assert_eq!(verdicts(limits(2, Some(3))), [false, false, true, true, false]);
        assert_eq!(verdicts(limits(1, Some(0))), [true, false, false, false, false]);
    }

    #[test]
    fn without_delays_the_number_decides_at_once() {
        let mut quorum = ProcessQuorum::new(limits(2, Some(3)), 0);
        assert!(!quorum.up(), "the first count decides");
        let mut step = |count, change| (quorum.set_count(at(0), count, change), quorum.up());
        assert_eq!(step(1, CountChange::Renewed), (false, false));
        assert_eq!(step(2, CountChange::Fork), (true, true));
        assert_eq!(step(3, CountChange::Fork), (false, true));
        assert_eq!(step(4, CountChange::Fork), (true, false), "too many");
        assert_eq!(step(3, CountChange::Exit), (true, true));
        assert_eq!(step(1, CountChange::Recount), (true, false));
    }

    #[test]
    fn an_end_counts_after_its_delay_and_not_when_somebody_starts_it_again() {
        let mut quorum = delayed(1, None, 1);
        assert!(!quorum.set_count(at(10), 0, CountChange::Exit));
        assert_eq!((quorum.up(), quorum.deadline()), (true, Some(at(13))));
        assert!(!quorum.set_count(at(12), 1, CountChange::Renewed));
        assert_eq!((quorum.up(), quorum.deadline()), (true, None));

        assert!(!quorum.set_count(at(20), 0, CountChange::Exit));
        assert!(!quorum.reach(at(22)));
        assert!(quorum.reach(at(23)));
        assert_eq!((quorum.up(), quorum.deadline()), (false, None));
        assert!(!quorum.reach(at(30)), "nothing is due any more");
    }

    #[test]
    fn a_fork_counts_after_its_delay_and_not_when_it_becomes_something_else() {
        let mut quorum = delayed(2, None, 1);
        assert!(!quorum.set_count(at(1), 2, CountChange::Fork));
        assert_eq!(quorum.deadline(), Some(at(3)));
        assert!(!quorum.set_count(at(2), 1, CountChange::Renewed));
        assert_eq!((quorum.up(), quorum.deadline()), (false, None));
        assert!(
            quorum.set_count(at(4), 2, CountChange::Renewed),
            "a program that starts needs no delay"
        );
    }

    #[test]
    fn further_changes_do_not_put_off_what_is_due() {
        let mut quorum = delayed(3, None, 3);
        quorum.set_count(at(0), 2, CountChange::Exit);
        quorum.set_count(at(2), 1, CountChange::Exit);
        assert_eq!(quorum.deadline(), Some(at(3)));
        assert!(quorum.reach(at(3)));
    }

    #[test]
    fn too_many_by_fork_wait_as_forks_do() {
        let mut quorum = delayed(1, Some(1), 1);
        quorum.set_count(at(0), 2, CountChange::Fork);
        assert_eq!((quorum.up(), quorum.deadline()), (true, Some(at(2))));
        quorum.set_count(at(1), 1, CountChange::Renewed);
        assert_eq!(quorum.deadline(), None);
    }

    #[test]
    fn after_lost_events_a_quorum_is_gained_at_once_and_lost_after_its_delay() {
        let mut quorum = delayed(1, None, 1);
        assert!(!quorum.set_count(at(0), 0, CountChange::Recount));
        assert_eq!(quorum.deadline(), Some(at(3)));
        assert!(quorum.reach(at(3)));
        assert!(quorum.set_count(at(4), 1, CountChange::Recount));
    }
}
