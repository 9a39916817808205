//! Logical lines become statements and braces.

use crate::keywords::{Context, homes};
use crate::preprocess::{BLANKS, Text};
use std::collections::HashSet;
use std::ops::Range;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Open,
    Close,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    pub(super) kind: Kind,
    start: u32,
    end: u32,
}

impl Token {
    pub(super) fn range(&self) -> Range<u32> {
        self.start..self.end
    }
}

/// Braces outside double quotes are tokens wherever they stand; what is between them and the line ends are
/// statements.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    // What is before `start` is in tokens; quotes are counted up to `counted`.
    let (mut start, mut counted) = (0, 0);
    let mut quoted = false;
    for at in memchr::memchr3_iter(b'\n', b'{', b'}', text.as_bytes()) {
        let kind = match text.as_bytes().get(at) {
            Some(b'{') => Some(Kind::Open),
            Some(b'}') => Some(Kind::Close),
            _ => None,
        };
        if kind.is_some() {
            let between = text.as_bytes().get(counted..at).unwrap_or_default();
            quoted ^= memchr::memchr_iter(b'"', between).count() % 2 == 1;
            counted = at;
            if quoted {
                continue;
            }
        }
        push(&mut tokens, text.get(start..at).unwrap_or_default(), start);
        start = at + 1;
        if let Some(kind) = kind {
            tokens.push(Token {
                kind,
                start: offset(at),
                end: offset(start),
            });
        } else {
            (quoted, counted) = (false, start);
        }
    }
    push(&mut tokens, text.get(start..).unwrap_or_default(), start);
    tokens
}

fn push(tokens: &mut Vec<Token>, statement: &str, start: usize) {
    let tail = statement.trim_start_matches(BLANKS);
    let start = start + (statement.len() - tail.len());
    let tail = tail.trim_end_matches(BLANKS);
    if !tail.is_empty() {
        tokens.push(Token {
            kind: Kind::Text,
            start: offset(start),
            end: offset(start + tail.len()),
        });
    }
}

fn offset(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// The parts of a text that begin with a root block, and how many `{` each has more than `}`.
pub(super) struct Chunks {
    /// Sorted by the token that begins the chunk.
    starts: Vec<(usize, i64)>,
    next: std::cell::Cell<usize>,
}

impl Chunks {
    pub(super) fn new(text: &Text, tokens: &[Token]) -> Self {
        let root_only = Context::Top
            .keywords()
            .filter(|keyword| keyword.block().is_some() && homes(keyword.name).count() == 1);
        let root_only: HashSet<&str> = root_only.map(|keyword| keyword.name).collect();
        let is_root = |word| Context::Top.find(word).is_some_and(|it| root_only.contains(it.name));
        let mut starts = vec![(0, 0)];
        for (at, token) in tokens.iter().enumerate() {
            let delta = match token.kind {
                Kind::Open => 1,
                Kind::Close => -1,
                Kind::Text => {
                    if at > 0 && is_root(super::first_word(text.get(token.range()))) {
                        starts.push((at, 0));
                    }
                    continue;
                }
            };
            if let Some((_, balance)) = starts.last_mut() {
                *balance += delta;
            }
        }
        Self {
            starts,
            next: std::cell::Cell::new(0),
        }
    }

    /// The balance of the chunk that begins with a token. To be asked in the order of the tokens.
    pub(super) fn starting_at(&self, at: usize) -> Option<i64> {
        let (start, balance) = *self.starts.get(self.next.get())?;
        if start != at {
            return None;
        }
        self.next.set(self.next.get() + 1);
        Some(balance)
    }
}
