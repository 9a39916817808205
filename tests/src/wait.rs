//! Waiting for events, always with a bound, which is longer on a machine that is too busy to keep it.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use anyhow::{Result, bail};

use crate::load::Patience;

/// How often something without a notification of its own is looked at.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// Looks at `condition` until it holds.
///
/// # Errors
/// It does not hold within `bound`; `what` names it.
pub fn until(what: &str, bound: Duration, mut condition: impl FnMut() -> bool) -> Result<()> {
    let patience = Patience::new(bound);
    while !condition() {
        if patience.left().is_none() {
            bail!("waited {:.1} s in vain: {what}", bound.as_secs_f64());
        }
        std::thread::sleep(POLL_INTERVAL);
    }
    Ok(())
}

/// From `earlier` to `later` in seconds; negative when they are the other way round.
pub fn seconds_between(earlier: SystemTime, later: SystemTime) -> f64 {
    match later.duration_since(earlier) {
        Ok(length) => length.as_secs_f64(),
        Err(backwards) => -backwards.duration().as_secs_f64(),
    }
}

/// A list that one thread appends to and others wait on.
#[derive(Debug, Default)]
pub struct Record<T> {
    entries: Mutex<Vec<T>>,
    grown: Condvar,
}

impl<T: Clone> Record<T> {
    /// An empty record.
    pub fn new() -> Self {
        Self {
            entries: Mutex::new(Vec::new()),
            grown: Condvar::new(),
        }
    }

    /// Adds an entry at the end.
    pub fn push(&self, entry: T) {
        self.lock().push(entry);
        self.grown.notify_all();
    }

    /// Adds entries at the end.
    pub fn extend(&self, entries: impl IntoIterator<Item = T>) {
        self.lock().extend(entries);
        self.grown.notify_all();
    }

    /// All entries up to now.
    pub fn all(&self) -> Vec<T> {
        self.lock().clone()
    }

    /// The first entry, old or new, that `wanted` accepts.
    ///
    /// # Errors
    /// There is none within `bound`; `what` names it.
    pub fn wait_for(&self, what: &str, bound: Duration, wanted: impl Fn(&T) -> bool) -> Result<T> {
        let patience = Patience::new(bound);
        let mut looked_at = 0;
        let mut entries = self.lock();
        loop {
            if let Some(found) = entries.iter().skip(looked_at).find(|entry| wanted(entry)) {
                return Ok(found.clone());
            }
            looked_at = entries.len();
            let Some(left) = patience.left() else {
                bail!("waited {:.1} s in vain: {what}", bound.as_secs_f64());
            };
            entries = self
                .grown
                .wait_timeout(entries, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<T>> {
        // Entries are only ever appended whole, so a panic elsewhere leaves nothing half done.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
