//! Chances that can be repeated: the same seed gives the same numbers.

use std::env;
use std::time::Duration;

/// `HOLDFAST_SEED=N` runs that seed alone, to repeat a failure.
const ONE_VARIABLE: &str = "HOLDFAST_SEED";
/// `HOLDFAST_TRIALS=N` runs so many seeds instead of the usual number.
const COUNT_VARIABLE: &str = "HOLDFAST_TRIALS";

/// The seeds to run: `usual` many, or what the environment asks for.
pub fn seeds(usual: u64) -> Vec<u64> {
    let number = |name| env::var(name).ok()?.parse::<u64>().ok();
    match number(ONE_VARIABLE) {
        Some(seed) => vec![seed],
        None => (0..number(COUNT_VARIABLE).unwrap_or(usual)).collect(),
    }
}

/// What the environment asks for, to be handed on to a guest.
pub fn wishes() -> impl Iterator<Item = (String, String)> {
    let value = |name: &str| Some((name.to_owned(), env::var(name).ok()?));
    [ONE_VARIABLE, COUNT_VARIABLE].into_iter().filter_map(value)
}

/// A generator of numbers: `SplitMix64` (Steele, Lea, Flood 2014).
#[derive(Debug, Clone)]
pub struct Chance(u64);

impl Chance {
    /// The numbers of a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// A time shorter than `limit`, to the microsecond.
    pub fn time_below(&mut self, limit: Duration) -> Duration {
        let microseconds = u64::try_from(limit.as_micros()).unwrap_or(u64::MAX).max(1);
        Duration::from_micros(self.next() % microseconds)
    }

    /// A number from 0 up to, but not including, `limit`; 0 when there is none.
    pub fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(limit.max(1)).unwrap_or(1)).unwrap_or_default()
    }

    /// One of these.
    pub fn one_of<T: Copy, const N: usize>(&mut self, choices: [T; N]) -> T {
        let [first, ..] = choices.as_slice() else {
            unreachable!("nothing to choose from");
        };
        let at = usize::try_from(self.next() % choices.len() as u64).unwrap_or_default();
        *choices.get(at).unwrap_or(first)
    }
}

/// Runs trials, `at_once` of them at the same time, and returns their outcomes in the order of the seeds.
pub fn run_trials<T: Send>(seeds: &[u64], at_once: usize, trial: impl Fn(u64) -> T + Sync) -> Vec<T> {
    let mut outcomes = Vec::new();
    let next = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let work = || {
            let mut own = Vec::new();
            loop {
                let number = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                let Some(seed) = seeds.get(number) else { return own };
                own.push((number, trial(*seed)));
            }
        };
        let threads: Vec<_> = (0..at_once).map(|_| scope.spawn(work)).collect();
        for thread in threads {
            match thread.join() {
                Ok(own) => outcomes.extend(own),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
    });
    outcomes.sort_by_key(|(number, _)| *number);
    outcomes.into_iter().map(|(_, outcome)| outcome).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_and_seeds_differ() {
        let draw = |seed| {
            let mut chance = Chance::new(seed);
            [(); 8].map(|()| chance.time_below(Duration::from_secs(1)))
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        let mut chance = Chance::new(0);
        let chosen: std::collections::BTreeSet<_> = (0..64).map(|_| chance.one_of([1, 2, 3])).collect();
        assert_eq!(chosen.len(), 3);
    }

    #[test]
    fn outcomes_keep_their_order() {
        let seeds: Vec<u64> = (0..40).collect();
        assert_eq!(
            run_trials(&seeds, 7, |seed| seed * 2),
            (0..80).step_by(2).collect::<Vec<_>>()
        );
    }
}
