//! A search in a body that arrives in pieces, with the result that a search in the whole would have.
#![deny(clippy::arithmetic_side_effects)]

use crate::code::{Attempt, Regex, message};

/// What a match may still need of the body is kept up to this many bytes. A pattern like `<html>.*</html>` over a longer body is
/// given up, and said so, before it costs every other check its time.
pub const RETAINED_LIMIT: usize = 1024 * 1024;

/// No answer: neither a match nor none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SearchError {
    /// PCRE2 gave up.
    #[error("{0}")]
    Engine(String),
    /// A match would be longer than [`RETAINED_LIMIT`].
    #[error("a match would be longer than {RETAINED_LIMIT} bytes")]
    TooLong,
}

/// A search in a body that arrives in pieces.
#[derive(Debug)]
pub struct Stream {
    regex: Regex,
    /// What is kept of the body
    kept: Vec<u8>,
    /// The position of its first byte in the body
    base: usize,
    /// A match starts here or later: a position in the body
    next: usize,
    decided: Option<bool>,
}

impl Stream {
    /// A search from the start of a body.
    pub fn new(regex: Regex) -> Self {
        Self {
            next: regex.settings().min_offset,
            regex,
            kept: Vec::new(),
            base: 0,
            decided: None,
        }
    }

    /// Takes in the next piece.
    ///
    /// # Errors
    /// The search was given up.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), SearchError> {
        if self.decided.is_some() {
            return Ok(());
        }
        self.kept.extend_from_slice(bytes);
        self.search(false)?;
        self.forget();
        if self.kept.len() > RETAINED_LIMIT {
            return Err(SearchError::TooLong);
        }
        Ok(())
    }

    /// The body ends here: whether it matches.
    ///
    /// # Errors
    /// The search was given up.
    pub fn finish(mut self) -> Result<bool, SearchError> {
        self.search(true)?;
        Ok(self.decided.unwrap_or(false))
    }

    fn search(&mut self, ends: bool) -> Result<(), SearchError> {
        if self.decided.is_some() {
            return Ok(());
        }
        let max_offset = self.regex.settings().max_offset;
        if max_offset.is_some_and(|last| last < self.next) {
            self.decided = Some(false);
            return Ok(());
        }
        let text = if ends || !self.regex.settings().is_utf() {
            self.kept.as_slice()
        } else {
            whole_characters(&self.kept)
        };
        let (start, length) = (self.next.saturating_sub(self.base), text.len());
        if start > length {
            return Ok(());
        }
        let last_start = max_offset.map(|last| last.saturating_sub(self.base));
        match self.regex.attempt(text, start, last_start, ends) {
            Attempt::Match(_) => self.decided = Some(true),
            Attempt::Partial(from) => self.next = self.base.saturating_add(from),
            // Not at the end itself: what comes next may match there.
            Attempt::NoMatch => self.next = self.base.saturating_add(length),
            Attempt::Failed(error) => return Err(SearchError::Engine(message(error))),
        }
        Ok(())
    }

    /// Drops what no match can need: all before the earliest start, but for what is looked back at, and one byte more, so that
    /// the first byte that is kept is never taken for the first of the body.
    fn forget(&mut self) {
        let behind = self.regex.lookbehind().saturating_add(1);
        let needed_from = self.next.saturating_sub(self.base).saturating_sub(behind);
        let mut drop = needed_from.min(self.kept.len());
        if self.regex.settings().is_utf() {
            while drop > 0 && self.kept.get(drop).is_some_and(|byte| byte & 0xc0 == 0x80) {
                drop = drop.saturating_sub(1);
            }
        }
        self.kept.drain(..drop);
        self.base = self.base.saturating_add(drop);
        if self.decided.is_some() {
            self.kept = Vec::new();
        }
    }
}

/// The text without the first bytes of a UTF-8 character whose others have not come yet.
pub(crate) fn whole_characters(text: &[u8]) -> &[u8] {
    let lead = text.iter().rev().take(4).position(|byte| byte & 0xc0 != 0x80);
    let Some((before, tail)) = lead
        .and_then(|back| text.len().checked_sub(back)?.checked_sub(1))
        .and_then(|at| text.split_at_checked(at))
    else {
        return text;
    };
    let needed = match tail.first() {
        Some(0xc0..=0xdf) => 2,
        Some(0xe0..=0xef) => 3,
        Some(0xf0..=0xff) => 4,
        _ => 1,
    };
    if tail.len() < needed { before } else { text }
}
