//! Random numbers that a seed from outside decides: discriminators and jitter. A replay with the same seed repeats them.

use holdfast_time::Duration;

/// `SplitMix64`: small, even, and no secret depends on it.
#[derive(Clone, Debug)]
pub(crate) struct Random {
    state: u64,
}

/// What is left of an interval after jitter, in millionths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Jitter(u32);

impl Jitter {
    const WHOLE: u32 = 1_000_000;
    const SHORTEST: u32 = 750_000;
    /// With a multiplier of 1 the next packet has to arrive before the detection time ends.
    const LONGEST_OF_ONE: u32 = 900_000;

    /// The interval, made shorter.
    pub(crate) fn apply(self, interval: Duration) -> Duration {
        let nanos = interval.as_nanos().saturating_mul(u128::from(self.0)) / u128::from(Self::WHOLE);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// A session that has just changed its multiplier to 1 may still hold a longer one.
    pub(crate) fn limited_for(self, multiplier: u8) -> Self {
        Self(self.0.min(Self::longest(multiplier)))
    }

    const fn longest(multiplier: u8) -> u32 {
        if multiplier == 1 {
            Self::LONGEST_OF_ONE
        } else {
            Self::WHOLE
        }
    }
}

impl Random {
    pub(crate) const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// 0 to `limit`, both included.
    fn up_to(&mut self, limit: u32) -> u32 {
        let scaled = (u128::from(self.next()) * (u128::from(limit) + 1)) >> 64;
        u32::try_from(scaled).unwrap_or(limit)
    }

    /// A discriminator; the caller makes sure that it is not in use. Never 0.
    pub(crate) fn discriminator(&mut self) -> u32 {
        self.up_to(u32::MAX - 1) + 1
    }

    /// 75 to 100 percent, or to 90 with a multiplier of 1 (RFC 5880 section 6.8.7).
    pub(crate) fn jitter(&mut self, multiplier: u8) -> Jitter {
        Jitter(Jitter::SHORTEST + self.up_to(Jitter::longest(multiplier) - Jitter::SHORTEST))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_fills_its_range_and_keeps_to_it() {
        for (multiplier, longest) in [(1, 900), (2, 1000), (5, 1000), (255, 1000)] {
            let mut random = Random::new(7);
            let lengths: Vec<Duration> = (0..20_000)
                .map(|_| random.jitter(multiplier).apply(Duration::from_secs(1)))
                .collect();
            let (least, most) = (lengths.iter().min().unwrap(), lengths.iter().max().unwrap());
            assert!(
                *least >= Duration::from_millis(750) && *least < Duration::from_millis(751),
                "{least:?}"
            );
            let limit = Duration::from_millis(longest);
            assert!(*most <= limit && *most > Duration::from_millis(longest - 1), "{most:?}");
            // RFC 5880 section 6.8.7: "roughly 12.5 % less" on average.
            let mean = lengths.iter().sum::<Duration>() / 20_000;
            let middle = (Duration::from_millis(750) + limit) / 2;
            assert!(mean.abs_diff(middle) < Duration::from_millis(3), "{mean:?}");
        }
    }

    #[test]
    fn a_jitter_drawn_for_a_greater_multiplier_is_cut_for_one() {
        let longest = Jitter(Jitter::WHOLE);
        assert_eq!(
            longest.limited_for(1).apply(Duration::from_secs(1)),
            Duration::from_millis(900)
        );
        assert_eq!(
            longest.limited_for(3).apply(Duration::from_secs(1)),
            Duration::from_secs(1)
        );
    }

    #[test]
    fn discriminators_are_never_zero_and_follow_the_seed() {
        let draw = |seed| {
            let mut random = Random::new(seed);
            (0..1000).map(|_| random.discriminator()).collect::<Vec<_>>()
        };
        assert!(draw(0).iter().all(|discriminator| *discriminator != 0));
        assert_eq!(draw(3), draw(3));
        assert_ne!(draw(3), draw(4));
    }
}
