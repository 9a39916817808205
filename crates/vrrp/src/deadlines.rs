//! Which timer is due when, for a thousand instances as for one: the earliest is found without looking at the others.

use std::collections::{BTreeMap, BTreeSet};

use holdfast_time::Timestamp;

/// Stable for the life of an instance, also across reloads.
pub(crate) type InstanceId = u64;

/// What a deadline is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// Backup: the master is gone. Master: the next advertisement.
    Election,
    /// Second burst of announcements.
    SecondBurst,
    /// `garp_master_refresh`.
    Refresh,
    /// No second master has been heard for so long that the conflict is over.
    ConflictOver,
    /// Addresses that others removed are put back.
    Restore,
}

/// Whose deadline it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    /// End of the startup delay, of all instances.
    Start,
    /// A timer of one instance.
    Instance(InstanceId, Timer),
}

/// At most one moment for each key, ordered by moment.
#[derive(Debug, Default)]
pub(crate) struct Deadlines {
    queue: BTreeSet<(Timestamp, Key)>,
    due: BTreeMap<Key, Timestamp>,
}

impl Deadlines {
    pub(crate) fn set(&mut self, key: Key, at: Timestamp) {
        self.clear(key);
        self.due.insert(key, at);
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
    pub(crate) fn pop_due(&mut self, now: Timestamp) -> Option<(Timestamp, Key)> {
        let (at, key) = *self.queue.first().filter(|(at, _)| *at <= now)?;
        self.clear(key);
        Some((at, key))
    }

    pub(crate) fn clear_all(&mut self) {
        self.queue.clear();
        self.due.clear();
    }
}
