//! When checks are made: the first ones spread evenly, the later ones on a fixed grid.

use std::collections::BTreeSet;
use std::time::Duration;

use holdfast_time::Timestamp;

use crate::event::CheckerId;

/// No grid is finer, whatever the settings say.
const SHORTEST_PERIOD: Duration = Duration::from_micros(1);

/// Spreads the first checks over their warm-up time.
///
/// Multiples of the golden ratio, taken modulo one, fill an interval more evenly than random numbers do, for any number
/// of checks. The seed only decides where they begin, so that two directors do not probe at the same moments.
#[derive(Clone, Debug)]
pub(super) struct Spread {
    position: u64,
    /// Two machines with the same checks draw different random times.
    seed: u64,
}

impl Spread {
    pub(super) const fn new(seed: u64) -> Self {
        Self {
            position: mix(seed),
            seed,
        }
    }

    /// A length from zero up to, but not including, `warmup`.
    pub(super) fn next(&mut self, warmup: Duration) -> Duration {
        self.position = self.position.wrapping_add(GOLDEN);
        part(self.position, warmup)
    }

    /// What tells the random times of one check from those of others.
    pub(super) const fn salt(&self, checker: CheckerId) -> u64 {
        mix(self.seed ^ mix(checker.0))
    }
}

/// By how long a check at this point of its grid is put off: from zero up to, but not including, `most`. It depends on the
/// point alone, so that it is the same however often it is asked for.
pub(super) fn jitter(salt: u64, point: Timestamp, most: Duration) -> Duration {
    part(mix(salt ^ mix(point.as_nanos())), most)
}

/// The fractional part of the golden ratio, in units of 2^-64.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// The finaliser of `SplitMix64`: what comes of neighbouring numbers lies far apart.
const fn mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(GOLDEN);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// That many 2^64ths of a length.
fn part(number: u64, length: Duration) -> Duration {
    let scaled = (u128::from(number) * length.as_nanos().min(u128::from(u64::MAX))) >> 64;
    Duration::from_nanos(u64::try_from(scaled).unwrap_or(u64::MAX))
}

/// The first moment after `now` that lies a whole number of periods after `origin`; `origin` itself while it is still to
/// come. Moments that were missed are skipped, so a late check does not make the later ones late too.
pub(super) fn next_on_grid(origin: Timestamp, period: Duration, now: Timestamp) -> Timestamp {
    if now < origin {
        return origin;
    }
    let period = u64::try_from(period.max(SHORTEST_PERIOD).as_nanos()).unwrap_or(u64::MAX);
    let into_period = now.since(origin).as_nanos() % u128::from(period);
    let rest = u128::from(period) - into_period;
    now + Duration::from_nanos(u64::try_from(rest).unwrap_or(u64::MAX))
}

/// The moments at which checks or the like are due, the earliest first; each has at most one.
#[derive(Debug)]
pub(super) struct Deadlines<Key>(BTreeSet<(Timestamp, Key)>);

impl<Key> Default for Deadlines<Key> {
    fn default() -> Self {
        Self(BTreeSet::new())
    }
}

impl<Key: Copy + Ord> Deadlines<Key> {
    /// Moves the moment of one.
    pub(super) fn set(&mut self, key: Key, old: Option<Timestamp>, new: Option<Timestamp>) {
        if let Some(at) = old {
            self.0.remove(&(at, key));
        }
        if let Some(at) = new {
            self.0.insert((at, key));
        }
    }

    pub(super) fn first(&self) -> Option<Timestamp> {
        self.0.first().map(|(at, _)| *at)
    }

    /// Takes out the earliest one that is due.
    pub(super) fn take_due(&mut self, now: Timestamp) -> Option<Key> {
        let (at, _) = self.0.first()?;
        if *at > now {
            return None;
        }
        self.0.pop_first().map(|(_, key)| key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(millis: u64) -> Timestamp {
        Timestamp::from_nanos(millis * 1_000_000)
    }

    #[test]
    fn the_grid_skips_what_was_missed_and_keeps_its_phase() {
        let period = Duration::from_secs(6);
        for (now, next) in [
            (0, 250),
            (249, 250),
            (250, 6_250),
            (251, 6_250),
            (6_249, 6_250),
            (6_250, 12_250),
            (100_000, 102_250),
        ] {
            assert_eq!(next_on_grid(at(250), period, at(now)), at(next), "now {now} ms");
        }
    }

    #[test]
    fn a_grid_without_a_period_still_moves_on() {
        assert!(next_on_grid(at(0), Duration::ZERO, at(5)) > at(5));
        assert!(next_on_grid(at(0), Duration::MAX, at(5)) > at(5));
    }

    #[test]
    fn first_checks_are_spread_evenly() {
        let warmup = Duration::from_secs(10);
        for seed in [0, 1, 2, u64::MAX] {
            let mut spread = Spread::new(seed);
            let mut buckets = [0_u32; 10];
            for _ in 0..1_000 {
                let offset = spread.next(warmup);
                assert!(offset < warmup);
                buckets[usize::try_from(offset.as_secs()).unwrap()] += 1;
            }
            // A random spread would leave the range 100 ± 30 often.
            assert!(buckets.iter().all(|count| (97..=103).contains(count)), "{buckets:?}");
        }
        assert_ne!(Spread::new(1).next(warmup), Spread::new(2).next(warmup));
        assert_eq!(Spread::new(1).next(Duration::ZERO), Duration::ZERO);
    }

    #[test]
    fn deadlines_come_in_order_and_only_when_due() {
        let mut deadlines = Deadlines::default();
        deadlines.set(CheckerId(1), None, Some(at(20)));
        deadlines.set(CheckerId(2), None, Some(at(10)));
        deadlines.set(CheckerId(1), Some(at(20)), Some(at(5)));
        assert_eq!(deadlines.first(), Some(at(5)));
        assert_eq!(deadlines.take_due(at(4)), None);
        assert_eq!(deadlines.take_due(at(10)), Some(CheckerId(1)));
        assert_eq!(deadlines.take_due(at(10)), Some(CheckerId(2)));
        assert_eq!(deadlines.take_due(at(100)), None);
    }
}
