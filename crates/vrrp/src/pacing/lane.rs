//! The announcements that share one gap.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use holdfast_time::{Duration, Timestamp};

use super::Announcement;

/// No alarm is set more often than this: shorter gaps are kept on average.
const GRAIN: Duration = Duration::from_millis(1);

/// Announcements of one address that have not left yet.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    pub(super) instance: Arc<str>,
    pub(super) interface: Arc<str>,
    pub(super) physical: Arc<str>,
    pub(super) address: IpAddr,
    pub(super) left: u32,
}

/// Who waits, whatever is left of it.
type Subject = (Arc<str>, Arc<str>, IpAddr);

/// Place in the queue: announcements that left already, then order of arrival.
type Turn = (u32, u64);

#[derive(Debug)]
pub(super) struct Lane {
    gap: Duration,
    /// When the next one may leave.
    free_at: Timestamp,
    /// When the last alarm was due; gaps below [`GRAIN`] only.
    looked_at: Option<Timestamp>,
    queue: BTreeMap<Turn, Waiting>,
    turns: BTreeMap<Subject, Turn>,
    arrivals: u64,
}

impl Lane {
    pub(super) fn new(gap: Duration) -> Self {
        Self {
            gap,
            free_at: Timestamp::ZERO,
            looked_at: None,
            queue: BTreeMap::new(),
            turns: BTreeMap::new(),
            arrivals: 0,
        }
    }

    pub(super) fn put(&mut self, waiting: Waiting) {
        let subject = waiting.subject();
        if let Some(known) = self.turns.get(&subject).and_then(|turn| self.queue.get_mut(turn)) {
            known.left = known.left.max(waiting.left);
            return;
        }
        let turn = (0, self.arrivals);
        self.arrivals += 1;
        self.turns.insert(subject, turn);
        self.queue.insert(turn, waiting);
    }

    pub(super) fn take_due(&mut self, now: Timestamp, due: &mut Vec<Announcement>) {
        if self.gap.is_zero() {
            return self.take_all(due);
        }
        // What a late alarm missed is caught up within the grain, never in a burst.
        let credit = if self.gap < GRAIN { GRAIN } else { Duration::ZERO };
        self.free_at = self.free_at.max(now - credit);
        while self.free_at <= now
            && let Some(((sent, arrival), mut waiting)) = self.queue.pop_first()
        {
            due.push(waiting.announcement());
            self.free_at += self.gap;
            waiting.left = waiting.left.saturating_sub(1);
            let subject = waiting.subject();
            if waiting.left == 0 {
                self.turns.remove(&subject);
            } else {
                let turn = (sent.saturating_add(1), arrival);
                self.turns.insert(subject, turn);
                self.queue.insert(turn, waiting);
            }
        }
        self.looked_at = Some(now);
    }

    /// Without a gap: round by round over all addresses.
    fn take_all(&mut self, due: &mut Vec<Announcement>) {
        self.turns.clear();
        let mut waiting: Vec<Waiting> = std::mem::take(&mut self.queue).into_values().collect();
        while !waiting.is_empty() {
            due.extend(waiting.iter().map(Waiting::announcement));
            waiting.retain_mut(|one| {
                one.left = one.left.saturating_sub(1);
                one.left > 0
            });
        }
    }

    pub(super) fn forget(&mut self, which: impl Fn(&Waiting) -> bool) {
        let turns = &mut self.turns;
        self.queue.retain(|_, waiting| {
            let goes = which(waiting);
            if goes {
                turns.remove(&waiting.subject());
            }
            !goes
        });
    }

    pub(super) fn next_deadline(&self) -> Option<Timestamp> {
        if self.queue.is_empty() {
            return None;
        }
        let grain = self.looked_at.filter(|_| self.gap < GRAIN).map(|last| last + GRAIN);
        Some(grain.map_or(self.free_at, |grain| grain.max(self.free_at)))
    }

    /// Nothing waits, and who comes next need not wait either.
    pub(super) fn is_at_rest(&self, now: Timestamp) -> bool {
        self.queue.is_empty() && self.free_at <= now
    }

    pub(super) fn len(&self) -> u64 {
        self.queue.values().map(|waiting| u64::from(waiting.left)).sum()
    }

    pub(super) fn into_waiting(self) -> impl Iterator<Item = Waiting> {
        self.queue.into_values()
    }
}

impl Waiting {
    fn subject(&self) -> Subject {
        (Arc::clone(&self.instance), Arc::clone(&self.interface), self.address)
    }

    fn announcement(&self) -> Announcement {
        Announcement {
            interface: Arc::clone(&self.interface),
            address: self.address,
        }
    }
}
