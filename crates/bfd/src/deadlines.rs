//! Which timer is due when, for a thousand sessions as for one: the earliest is found without looking at the others.

use std::collections::{BTreeMap, BTreeSet};

use holdfast_time::Timestamp;

/// Stable for the life of a session, also across reloads.
pub(crate) type SessionId = u64;

/// What a deadline is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// The neighbor has been silent for the detection time.
    Detection,
    /// The next regular packet.
    Transmission,
}

/// Whose deadline it is, and what for.
pub(crate) type Key = (SessionId, Timer);

/// At most one moment for each key, ordered by moment.
#[derive(Debug, Default)]
pub(crate) struct Deadlines {
    queue: BTreeSet<(Timestamp, Key)>,
    due: BTreeMap<Key, Timestamp>,
}

impl Deadlines {
    pub(crate) fn set(&mut self, key: Key, at: Timestamp) {
        match self.due.insert(key, at) {
            Some(before) if before == at => return,
            Some(before) => {
                self.queue.remove(&(before, key));
            }
            None => {}
        }
        self.queue.insert((at, key));
    }

    pub(crate) fn clear(&mut self, key: Key) {
        if let Some(at) = self.due.remove(&key) {
            self.queue.remove(&(at, key));
        }
    }

    pub(crate) fn earliest(&self) -> Option<Timestamp> {
        self.queue.first().map(|(at, _)| *at)
    }

    /// Takes out the earliest deadline that has come.
    pub(crate) fn pop_due(&mut self, now: Timestamp) -> Option<Key> {
        let (_, key) = *self.queue.first().filter(|(at, _)| *at <= now)?;
        self.clear(key);
        Some(key)
    }

    pub(crate) fn clear_all(&mut self) {
        self.queue.clear();
        self.due.clear();
    }
}
