//! Moments in time for machines that own no clock.
//!
//! A [`Timestamp`] is a number of nanoseconds since some start that only the driver knows (the kernel's monotonic clock
//! in the program, zero in a test). It has no `now()`: time is handed in. Lengths of time are [`Duration`]; seconds and
//! centiseconds exist only in packets and configuration values.
#![forbid(unsafe_code)]

mod deadlines;

use std::fmt;
use std::ops::{Add, AddAssign, Sub};
pub use std::time::Duration;

pub use deadlines::Deadlines;

use serde::{Deserialize, Serialize};

/// A moment, in nanoseconds since the driver's start of time. Arithmetic saturates: no deadline can wrap round.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The driver's start of time.
    pub const ZERO: Self = Self(0);

    /// The moment that lies `nanos` nanoseconds after the start of time.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the start of time.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// How long ago `earlier` was; zero if it lies in the future.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;
    fn add(self, length: Duration) -> Self {
        Self(
            self.0
                .saturating_add(u64::try_from(length.as_nanos()).unwrap_or(u64::MAX)),
        )
    }
}

impl AddAssign<Duration> for Timestamp {
    fn add_assign(&mut self, length: Duration) {
        *self = *self + length;
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;
    fn sub(self, length: Duration) -> Self {
        Self(
            self.0
                .saturating_sub(u64::try_from(length.as_nanos()).unwrap_or(u64::MAX)),
        )
    }
}

/// Seconds with six decimals, as in `3.609375s`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}s", self.0 / 1_000_000_000, self.0 % 1_000_000_000 / 1_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates_and_prints_microseconds() {
        let moment = Timestamp::ZERO + Duration::from_micros(3_609_375);
        assert_eq!(moment.to_string(), "3.609375s");
        assert_eq!(moment - Duration::from_secs(10), Timestamp::ZERO);
        assert_eq!(
            Timestamp::from_nanos(u64::MAX) + Duration::from_secs(1),
            Timestamp::from_nanos(u64::MAX)
        );
        assert_eq!(Timestamp::ZERO.since(moment), Duration::ZERO);
        assert_eq!(moment.since(Timestamp::ZERO), Duration::from_micros(3_609_375));
    }
}
