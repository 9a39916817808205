//! Whether checks are made when they are due. A process that has too little of the processor, or too many checks, makes them late,
//! and finds dead servers late: that is said, but not again and again.

use std::time::Duration;

use holdfast_time::Timestamp;

use crate::messages::Message;

/// A check that is so late is one too many.
const LATE: Duration = Duration::from_millis(500);
/// Over so long checks are counted before anything is said of them.
const WINDOW: Duration = Duration::from_secs(10);
/// How long nothing more is said of the same trouble.
const SILENCE: Duration = Duration::from_mins(10);

/// The checks of the time that was looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Window {
    checks: u64,
    late: u64,
    most: Duration,
}

/// Counts how late checks are made.
#[derive(Debug, Default)]
pub(super) struct Punctuality {
    /// Since when those in `window` are counted.
    since: Option<Timestamp>,
    window: Window,
    /// When it was said that checks are late, until it is said that they are not.
    said: Option<Timestamp>,
    /// The last window had late checks.
    was_late: bool,
}

impl Punctuality {
    /// A check that was due is made now. What that gives to say.
    pub(super) fn count(&mut self, due: Timestamp, now: Timestamp) -> Option<Message> {
        let word = self.end_window(now);
        self.since.get_or_insert(now);
        let late = now.since(due);
        self.window.checks += 1;
        self.window.late += u64::from(late >= LATE);
        self.window.most = self.window.most.max(late);
        word
    }

    /// Judges the checks of a window when it is over.
    fn end_window(&mut self, now: Timestamp) -> Option<Message> {
        if now.since(self.since?) < WINDOW {
            return None;
        }
        self.since = None;
        let window = std::mem::take(&mut self.window);
        let was_late = std::mem::replace(&mut self.was_late, window.late > 0);
        if window.late > 0 {
            let fresh = self.said.is_none_or(|said| now.since(said) >= SILENCE);
            return fresh.then(|| {
                self.said = Some(now);
                let Window { checks, late, most } = window;
                Message::CannotKeepUp { checks, late, most }
            });
        }
        // Two windows without a late one: it is over.
        (!was_late && self.said.take().is_some()).then_some(Message::KeepsUpAgain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Timestamp {
        Timestamp::ZERO + Duration::from_millis(ms)
    }

    /// Ten checks a second from `from_s` to `to_s`, each late by so many milliseconds; what is said and when (in s).
    fn run(punctuality: &mut Punctuality, from_s: u64, to_s: u64, late_ms: u64) -> Vec<(u64, Message)> {
        let due = (from_s * 10..to_s * 10).map(|tenth| tenth * 100);
        due.filter_map(|due| Some((due / 1000, punctuality.count(at(due), at(due + late_ms))?)))
            .collect()
    }

    #[test]
    fn checks_in_time_give_nothing_to_say() {
        assert_eq!(run(&mut Punctuality::default(), 0, 3_600, 499), []);
    }

    #[test]
    fn late_checks_are_said_once_in_ten_minutes_and_their_end_once() {
        let mut punctuality = Punctuality::default();
        let late = |said: &[(u64, Message)]| {
            let late = |(at, word): &(u64, Message)| match word {
                Message::CannotKeepUp { checks, late, most } => {
                    assert_eq!((*checks, *late, *most), (100, 100, Duration::from_millis(500)));
                    *at
                }
                other => panic!("{other} at {at} s"),
            };
            said.iter().map(late).collect::<Vec<_>>()
        };
        assert_eq!(run(&mut punctuality, 0, 100, 0), []);
        // The first window of late ones is over after 10 s; then nothing more for 600 s.
        assert_eq!(late(&run(&mut punctuality, 100, 1_400, 500)), [110, 710, 1_310]);
        // One good window is not enough, after a bad one may come another.
        let after = run(&mut punctuality, 1_400, 1_500, 0);
        assert!(
            matches!(after[..], [(1_420..=1_430, Message::KeepsUpAgain)]),
            "{after:?}"
        );
        // Fresh trouble is said at once.
        assert_eq!(late(&run(&mut punctuality, 1_500, 1_520, 500)), [1_510]);
    }

    #[test]
    fn trouble_that_comes_and_goes_does_not_flood() {
        let mut punctuality = Punctuality::default();
        let mut said = Vec::new();
        for round in 0..60 {
            said.extend(run(&mut punctuality, round * 20, round * 20 + 10, 700));
            said.extend(run(&mut punctuality, round * 20 + 10, round * 20 + 20, 0));
        }
        assert_eq!(said.len(), 2, "{said:?}");
    }

    #[test]
    fn a_process_that_stood_still_is_counted_once_for_each_check() {
        let mut punctuality = Punctuality::default();
        punctuality.count(at(0), at(0));
        assert_eq!(punctuality.count(at(1_000), at(9_000)), None);
        assert_eq!(punctuality.count(at(2_000), at(9_000)), None);
        let said = punctuality.count(at(12_000), at(12_000));
        let said = said.unwrap().to_string();
        assert_eq!(
            said,
            "The checker cannot keep up: of the last 3 checks 2 were made half a second too late or more, one of them 8.0 s"
        );
    }
}
