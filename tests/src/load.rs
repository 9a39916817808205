//! What a machine that has too much to do, or that its own host lets stand still, may take on top of every bound. On a quiet one
//! that is nothing, and bounds are as sharp as they are written.

use std::fs;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// How often somebody looks whether he comes on time.
const TURN: Duration = Duration::from_millis(20);

/// Coming later than this is a stall.
const LATE: Duration = Duration::from_millis(20);

/// The kernel sums the pressure up once in so long.
const SUMMED_UP: Duration = Duration::from_secs(2);

/// Of the time in which somebody had to wait for a processor, in all of `length`, the part that does not count: three quarters.
/// On a machine where that is all the time every bound is four times as long.
fn excused(waited: Duration, length: Duration) -> Duration {
    let unknown = if waited > length / 10 {
        SUMMED_UP
    } else {
        Duration::ZERO
    };
    (waited + unknown).min(length) * 3 / 4
}

#[derive(Debug, Default)]
struct Seen {
    /// When a thread that had nothing to do but to wake up should have woken up, and when it did.
    stalls: Vec<(SystemTime, SystemTime)>,
    /// What the pressure was, in order.
    pressures: Vec<(SystemTime, Duration)>,
}

static SEEN: Mutex<Seen> = Mutex::new(Seen {
    stalls: Vec::new(),
    pressures: Vec::new(),
});

/// Begins to look; once is enough.
pub fn watch() {
    static WATCHED: OnceLock<()> = OnceLock::new();
    WATCHED.get_or_init(|| {
        let look = || {
            loop {
                let due = SystemTime::now() + TURN;
                std::thread::sleep(TURN);
                let now = SystemTime::now();
                let pressure = pressure();
                let mut seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
                if now > due + LATE {
                    seen.stalls.push((due, now));
                }
                seen.pressures.push((now, pressure));
            }
        };
        // Without it bounds are as on a quiet machine.
        let _ = std::thread::Builder::new().name("load".into()).spawn(look);
    });
}

/// By how much something that took from `from` to `to` may be late because of this machine.
pub fn excuse(from: SystemTime, to: SystemTime) -> Duration {
    let seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
    let length = to.duration_since(from).unwrap_or_default();
    seen.stalled(from, to).max(excused(seen.pressed(from, to), length))
}

impl Seen {
    /// For how long a thread did not run that should have run.
    fn stalled(&self, from: SystemTime, to: SystemTime) -> Duration {
        let within = |(begin, end): &(SystemTime, SystemTime)| {
            let (begin, end) = ((*begin).max(from), (*end).min(to));
            end.duration_since(begin).unwrap_or_default()
        };
        self.stalls.iter().map(within).sum()
    }

    /// For how long somebody had to wait for a processor.
    fn pressed(&self, from: SystemTime, to: SystemTime) -> Duration {
        let before = self.pressures.partition_point(|(when, _)| *when <= from);
        let upto = self.pressures.partition_point(|(when, _)| *when <= to);
        let at = |index: usize| Some(self.pressures.get(index)?.1);
        let begin = at(before.saturating_sub(1));
        let end = at(upto).or_else(|| at(upto.saturating_sub(1)));
        let waited = end.zip(begin).map(|(end, begin)| end.saturating_sub(begin));
        waited.unwrap_or_default()
    }
}

/// A bound on a wait.
#[derive(Debug)]
pub struct Patience {
    bound: Duration,
    since: Instant,
    pressure: Duration,
}

impl Patience {
    /// From now on.
    pub fn new(bound: Duration) -> Self {
        Self {
            bound,
            since: Instant::now(),
            pressure: pressure(),
        }
    }

    /// What is left of it; `None` when it is over.
    pub fn left(&self) -> Option<Duration> {
        let elapsed = self.since.elapsed();
        self.bound.checked_sub(elapsed).or_else(|| {
            let waited = pressure().saturating_sub(self.pressure);
            (self.bound + excused(waited, elapsed)).checked_sub(elapsed)
        })
    }
}

/// For how long, up to now, some process of this machine had to wait for a processor; always the same where the kernel does not
/// tell.
fn pressure() -> Duration {
    let text = fs::read_to_string("/proc/pressure/cpu").unwrap_or_default();
    Duration::from_micros(total(&text).unwrap_or_default())
}

/// `some avg10=0.00 avg60=0.00 avg300=0.00 total=0`, in microseconds.
fn total(pressure: &str) -> Option<u64> {
    let some = pressure.lines().find_map(|line| line.strip_prefix("some "))?;
    some.rsplit_once("total=")?.1.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_word_is_understood() {
        let text = "some avg10=95.02 avg60=93.80 avg300=83.15 total=18523647356\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=7\n";
        assert_eq!(total(text), Some(18_523_647_356));
        assert_eq!(total(""), None);
    }

    #[test]
    fn pressure_excuses_and_a_little_of_it_does_not() {
        let seconds = Duration::from_secs;
        assert_eq!(excused(Duration::ZERO, seconds(8)), Duration::ZERO);
        assert_eq!(
            excused(Duration::from_millis(400), seconds(8)),
            Duration::from_millis(300)
        );
        assert_eq!(excused(seconds(4), seconds(8)), Duration::from_millis(4500));
        assert_eq!(excused(seconds(9), seconds(8)), seconds(6));
    }

    #[test]
    fn a_bound_holds_on_any_machine() {
        let patience = Patience::new(Duration::from_millis(10));
        let since = Instant::now();
        while let Some(left) = patience.left() {
            std::thread::sleep(left.max(Duration::from_millis(1)));
        }
        assert!(since.elapsed() >= Duration::from_millis(10));
        assert!(Patience::new(Duration::from_mins(1)).left().is_some());
    }

    #[test]
    fn only_what_was_in_the_time_asked_for_counts() {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let seconds = Duration::from_secs;
        let seen = Seen {
            stalls: vec![(at(10), at(12)), (at(20), at(21))],
            pressures: (0..100).map(|now| (at(now), seconds(now.clamp(30, 40)))).collect(),
        };
        assert_eq!(seen.stalled(at(0), at(100)), seconds(3));
        assert_eq!(seen.stalled(at(11), at(20)), seconds(1));
        assert_eq!(seen.stalled(at(13), at(15)), Duration::ZERO);
        assert_eq!(seen.pressed(at(0), at(29)), Duration::ZERO);
        assert_eq!(seen.pressed(at(20), at(90)), seconds(10));
        // Up to the next look.
        assert_eq!(seen.pressed(at(32), at(34)), seconds(3));
        assert_eq!(seen.pressed(at(50), at(200)), Duration::ZERO);
    }
}
