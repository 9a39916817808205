//! What a machine that has too much to do, or that its own host lets stand still, may take on top of every bound. On a quiet one
//! that is nothing, and bounds are as sharp as they are written.

use std::fs;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// How often somebody looks whether he comes on time.
const TURN: Duration = Duration::from_millis(20);

/// Coming later than this is a stall.
const LATE: Duration = Duration::from_millis(20);

/// When a thread that had nothing to do but to wake up should have woken up, and when it did.
type Stall = (SystemTime, SystemTime);

static STALLS: Mutex<Vec<Stall>> = Mutex::new(Vec::new());

/// Begins to look for stalls; once is enough.
pub fn watch() {
    static WATCHED: OnceLock<()> = OnceLock::new();
    WATCHED.get_or_init(|| {
        let look = || {
            loop {
                let due = SystemTime::now() + TURN;
                std::thread::sleep(TURN);
                let now = SystemTime::now();
                if now > due + LATE {
                    STALLS.lock().unwrap_or_else(PoisonError::into_inner).push((due, now));
                }
            }
        };
        // Without it bounds are as on a quiet machine.
        let _ = std::thread::Builder::new().name("load".into()).spawn(look);
    });
}

/// For how long, from `from` to `to`, the machine did not run a thread that should have run.
pub fn stalled(from: SystemTime, to: SystemTime) -> Duration {
    let stalls = STALLS.lock().unwrap_or_else(PoisonError::into_inner);
    let within = |(begin, end): &Stall| {
        let (begin, end) = ((*begin).max(from), (*end).min(to));
        end.duration_since(begin).unwrap_or_default()
    };
    stalls.iter().map(within).sum()
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

    /// What is left of it; `None` when it is over. Most of the time in which somebody had to wait for a processor does not
    /// count: on a machine that is busy all the time it is over after four times the bound.
    pub fn left(&self) -> Option<Duration> {
        let elapsed = self.since.elapsed();
        self.bound.checked_sub(elapsed).or_else(|| {
            let waited = pressure().saturating_sub(self.pressure).min(elapsed);
            (self.bound + waited * 3 / 4).checked_sub(elapsed)
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
    fn only_stalls_of_the_time_asked_for_count() {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        STALLS
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend([(at(10), at(12)), (at(20), at(21))]);
        assert_eq!(stalled(at(0), at(100)), Duration::from_secs(3));
        assert_eq!(stalled(at(11), at(20)), Duration::from_secs(1));
        assert_eq!(stalled(at(13), at(15)), Duration::ZERO);
    }
}
