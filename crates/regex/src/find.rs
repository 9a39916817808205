//! A search in a text that grows at its end, which tells where the match ends.
#![deny(clippy::arithmetic_side_effects)]

use crate::code::{Attempt, Regex, message};
use crate::stream::{SearchError, whole_characters};

/// A search in a text that grows. The result does not depend on the pieces in which the text comes: a match counts as soon as
/// nothing that may follow can change it.
#[derive(Debug)]
pub struct Finder {
    regex: Regex,
    /// A match starts here or later.
    next: usize,
    anchored: bool,
}

/// What a search came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// A match, up to this byte.
    Match(usize),
    /// None yet.
    NotYet,
    /// None, whatever may follow.
    Never,
}

impl Finder {
    /// A search for a pattern. Of its settings only the pattern and the options count.
    pub fn new(regex: Regex) -> Self {
        Self {
            anchored: regex.is_anchored(),
            regex,
            next: 0,
        }
    }

    /// Looks at the text: the one of the last time, and perhaps more after it. With `ends` nothing will follow.
    ///
    /// # Errors
    /// The search was given up.
    pub fn look(&mut self, text: &[u8], ends: bool) -> Result<Found, SearchError> {
        let seen = if ends || !self.regex.settings().is_utf() {
            text
        } else {
            whole_characters(text)
        };
        match self.regex.attempt(seen, self.next, None, ends) {
            Attempt::Match(end) => return Ok(Found::Match(end)),
            Attempt::Partial(from) => self.next = from,
            Attempt::NoMatch if ends || self.anchored && !seen.is_empty() => return Ok(Found::Never),
            // Not at the end itself: what comes next may match there.
            Attempt::NoMatch => self.next = seen.len(),
            Attempt::Failed(error) => return Err(SearchError::Engine(message(error))),
        }
        Ok(Found::NotYet)
    }
}
