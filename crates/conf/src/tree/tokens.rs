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
    let mut line_start = 0;
    for line_end in memchr::memchr_iter(b'\n', text.as_bytes()) {
        let line = text.get(line_start..line_end).unwrap_or_default();
        if memchr::memchr2(b'{', b'}', line.as_bytes()).is_none() {
            push(&mut tokens, line, line_start);
        } else {
            split(&mut tokens, line, line_start);
        }
        line_start = line_end + 1;
    }
    tokens
}

fn split(tokens: &mut Vec<Token>, line: &str, line_start: usize) {
    let mut quoted = false;
    let mut start = 0;
    for (at, byte) in line.bytes().enumerate() {
        let kind = match byte {
            b'"' => {
                quoted = !quoted;
                continue;
            }
            b'{' if !quoted => Kind::Open,
            b'}' if !quoted => Kind::Close,
            _ => continue,
        };
        push(tokens, line.get(start..at).unwrap_or_default(), line_start + start);
        let brace = offset(line_start + at);
        tokens.push(Token {
            kind,
            start: brace,
            end: brace.saturating_add(1),
        });
        start = at + 1;
    }
    push(tokens, line.get(start..).unwrap_or_default(), line_start + start);
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
        let root_only: HashSet<&str> = Context::Top
            .keywords()
            .filter(|keyword| keyword.block().is_some() && homes(keyword.name).count() == 1)
            .map(|keyword| keyword.name)
            .collect();
        let mut starts = vec![(0, 0)];
        for (at, token) in tokens.iter().enumerate() {
            let delta = match token.kind {
                Kind::Open => 1,
                Kind::Close => -1,
                Kind::Text => {
                    if at > 0 && root_only.contains(super::first_word(text.get(token.range()))) {
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
