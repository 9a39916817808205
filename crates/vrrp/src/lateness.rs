//! How late deadlines are delivered.

use std::fmt;

use holdfast_time::Duration;
use serde::{Deserialize, Serialize};

/// Upper bounds of the classes but the last, which has none.
pub const BOUNDS: [Duration; CLASSES - 1] = [
    Duration::from_micros(100),
    Duration::from_millis(1),
    Duration::from_millis(10),
    Duration::from_millis(100),
    Duration::from_secs(1),
];

const CLASSES: usize = 6;

/// Deadlines since the start, counted by how late they were delivered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Lateness {
    /// Deadlines in each class: up to the bound of the same place in [`BOUNDS`], and above all of them.
    pub counts: [u64; CLASSES],
    /// The latest of all, in nanoseconds.
    pub max_ns: u64,
}

impl Lateness {
    /// A deadline was delivered so late.
    pub fn count(&mut self, late: Duration) {
        let class = BOUNDS.iter().position(|bound| late <= *bound).unwrap_or(CLASSES - 1);
        if let Some(count) = self.counts.get_mut(class) {
            *count += 1;
        }
        self.max_ns = self.max_ns.max(u64::try_from(late.as_nanos()).unwrap_or(u64::MAX));
    }

    /// The latest of all.
    pub const fn max(&self) -> Duration {
        Duration::from_nanos(self.max_ns)
    }

    /// All deadlines.
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }
}

/// As in `12 deadlines: 9 within 0.1 ms, 2 within 10 ms, 1 later than 1 s; at most 2300.0 ms late`.
impl fmt::Display for Lateness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |length: Duration| length.as_secs_f64() * 1000.0;
        write!(f, "{} deadlines", self.total())?;
        let mut separator = ": ";
        for (place, count) in self.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            match (BOUNDS.get(place), BOUNDS.last()) {
                (Some(bound), _) => write!(f, "{separator}{count} within {} ms", ms(*bound))?,
                (None, Some(last)) => write!(f, "{separator}{count} later than {} ms", ms(*last))?,
                (None, None) => {}
            }
            separator = ", ";
        }
        write!(f, "; at most {:.1} ms late", ms(self.max()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_counted_in_the_first_class_that_holds_it() {
        let mut lateness = Lateness::default();
        assert_eq!(lateness.to_string(), "0 deadlines; at most 0.0 ms late");
        for us in [0, 100, 101, 1_000, 10_000, 2_300_000] {
            lateness.count(Duration::from_micros(us));
        }
        assert_eq!(lateness.counts, [2, 2, 1, 0, 0, 1]);
        assert_eq!(lateness.total(), 6);
        assert_eq!(
            lateness.to_string(),
            "6 deadlines: 2 within 0.1 ms, 2 within 1 ms, 1 within 10 ms, 1 later than 1000 ms; at most 2300.0 ms late"
        );
    }
}
