//! Which timer is due when, for thousands as for one.

use std::collections::{BTreeMap, BTreeSet};

use crate::Timestamp;

/// At most one moment for each key, ordered by moment: the earliest is found without looking at the others.
#[derive(Clone, Debug)]
pub struct Deadlines<K> {
    queue: BTreeSet<(Timestamp, K)>,
    due: BTreeMap<K, Timestamp>,
}

impl<K> Default for Deadlines<K> {
    fn default() -> Self {
        Self {
            queue: BTreeSet::new(),
            due: BTreeMap::new(),
        }
    }
}

impl<K: Copy + Ord> Deadlines<K> {
    /// Sets the moment of a key, in place of an earlier one.
    pub fn set(&mut self, key: K, at: Timestamp) {
        match self.due.insert(key, at) {
            Some(before) if before == at => return,
            Some(before) => {
                self.queue.remove(&(before, key));
            }
            None => {}
        }
        self.queue.insert((at, key));
    }

    /// Takes the moment of a key away, if it has one.
    pub fn clear(&mut self, key: K) {
        if let Some(at) = self.due.remove(&key) {
            self.queue.remove(&(at, key));
        }
    }

    /// Takes all moments away.
    pub fn clear_all(&mut self) {
        self.queue.clear();
        self.due.clear();
    }

    /// The earliest moment of all.
    pub fn earliest(&self) -> Option<Timestamp> {
        self.queue.first().map(|(at, _)| *at)
    }

    /// Takes out the earliest moment that has come, with its key.
    pub fn pop_due(&mut self, now: Timestamp) -> Option<(Timestamp, K)> {
        let (at, key) = *self.queue.first().filter(|(at, _)| *at <= now)?;
        self.clear(key);
        Some((at, key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(nanos: u64) -> Timestamp {
        Timestamp::from_nanos(nanos)
    }

    #[test]
    fn the_last_word_for_a_key_counts_and_the_earliest_comes_first() {
        let mut deadlines = Deadlines::default();
        deadlines.set('a', at(10));
        deadlines.set('b', at(20));
        deadlines.set('a', at(30));
        assert_eq!(deadlines.earliest(), Some(at(20)));
        assert_eq!(deadlines.pop_due(at(19)), None);
        assert_eq!(deadlines.pop_due(at(40)), Some((at(20), 'b')));
        deadlines.clear('a');
        assert_eq!(deadlines.pop_due(at(40)), None);
        deadlines.set('c', at(1));
        deadlines.clear_all();
        assert_eq!(deadlines.earliest(), None);
    }
}
