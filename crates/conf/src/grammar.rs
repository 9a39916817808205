//! One statement becomes words: the pest grammar, and a shorter way for plain statements.
#![deny(clippy::arithmetic_side_effects)]

use crate::preprocess::{BLANKS, Text};
use crate::source::Span;
use pest::Parser as _;
use std::ffi::OsString;
use std::ops::Range;
use std::os::unix::ffi::OsStringExt;

/// pest's derive writes public items; nothing of it leaves this file.
mod rules {
    #![allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic)]

    #[derive(pest_derive::Parser)]
    #[grammar = "grammar.pest"]
    pub(super) struct Grammar;
}

use rules::{Grammar, Rule};

/// A word of a statement.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Word<'a> {
    /// Without quotes.
    pub text: &'a str,
    /// Where it is in the logical text, with its quotes.
    start: u32,
    end: u32,
}

impl PartialEq for Word<'_> {
    fn eq(&self, other: &Self) -> bool {
        (self.text, self.start, self.end) == (other.text, other.start, other.end)
    }
}

impl Word<'_> {
    pub(crate) fn span(&self, text: &Text) -> Span {
        text.span(self.start..self.end)
    }
}

fn offset(base: u32, bytes: usize) -> u32 {
    base.saturating_add(u32::try_from(bytes).unwrap_or(u32::MAX))
}

/// The words of a statement, which begins at `base` of the logical text.
pub(crate) fn words(statement: &str, base: u32) -> Vec<Word<'_>> {
    plain_words(statement, base).unwrap_or_else(|| parsed_words(statement, base))
}

/// What the grammar says for statements where every quote begins or ends a word, ten times as fast; `None` for others.
fn plain_words(statement: &str, base: u32) -> Option<Vec<Word<'_>>> {
    let mut words = Vec::new();
    let mut at: usize = 0;
    loop {
        let rest = statement.get(at..)?;
        let blanks = rest.bytes().position(|byte| !is_blank(byte));
        let Some(blanks) = blanks else { return Some(words) };
        at = at.saturating_add(blanks);
        let rest = statement.get(at..)?;
        let (text, length) = if let Some(inner) = rest.strip_prefix('"') {
            let length = memchr::memchr(b'"', inner.as_bytes())?;
            (inner.get(..length)?, length.saturating_add(2))
        } else {
            let length = rest.bytes().position(|byte| is_blank(byte) || byte == b'"');
            let length = length.unwrap_or(rest.len());
            (rest.get(..length)?, length)
        };
        let end = at.saturating_add(length);
        if statement.as_bytes().get(end).is_some_and(|byte| !is_blank(*byte)) {
            return None;
        }
        words.push(Word {
            text,
            start: offset(base, at),
            end: offset(base, end),
        });
        at = end;
    }
}

fn is_blank(byte: u8) -> bool {
    BLANKS.contains(&char::from(byte))
}

fn parsed_words(statement: &str, base: u32) -> Vec<Word<'_>> {
    // The grammar takes every text, so an error is impossible.
    let Ok(pairs) = Grammar::parse(Rule::statement, statement) else {
        return Vec::new();
    };
    pairs
        .filter(|pair| pair.as_rule() != Rule::EOI)
        .map(|pair| {
            let span = pair.as_span();
            let text = match pair.as_rule() {
                Rule::quoted => pair.into_inner().next().map_or("", |inner| inner.as_str()),
                _ => pair.as_str(),
            };
            Word {
                text,
                start: offset(base, span.start()),
                end: offset(base, span.end()),
            }
        })
        .collect()
}

/// A statement whose second word is a command: the command line, and the words after it.
pub(crate) struct CommandStatement {
    /// Escapes and inner quotes still in it.
    pub command: String,
    /// User and group.
    pub rest: Vec<String>,
    /// Where the command is in the logical text.
    pub range: Range<u32>,
}

/// Splits a statement with a command: only the outer quotes of the command go.
pub(crate) fn command_statement(statement: &str, base: u32) -> Option<CommandStatement> {
    plain_arguments(statement)
        .or_else(|| parsed_arguments(statement))
        .and_then(|arguments| {
            let mut arguments = arguments.into_iter().skip(1);
            let (command, range) = arguments.next()?;
            Some(CommandStatement {
                command,
                rest: arguments.map(|(argument, _)| argument).collect(),
                range: offset(base, range.start)..offset(base, range.end),
            })
        })
}

/// The arguments of a command line.
pub(crate) fn arguments(command: &str) -> Vec<OsString> {
    if let Some(arguments) = plain_arguments(command) {
        return arguments.into_iter().map(|(argument, _)| argument.into()).collect();
    }
    let arguments = parsed_arguments(command).unwrap_or_default();
    arguments
        .into_iter()
        .map(|(argument, _)| OsString::from_vec(unescape(&argument)))
        .collect()
}

/// Arguments without their quotes, and where they are.
type Arguments = Vec<(String, Range<usize>)>;

/// What the grammar says where neither `'` nor a backslash is and every quote begins or ends an argument, ten times as
/// fast; `None` for others.
fn plain_arguments(text: &str) -> Option<Arguments> {
    if memchr::memchr2(b'\'', b'\\', text.as_bytes()).is_some() {
        return None;
    }
    let argument = |word: Word<'_>| (word.text.to_owned(), word.start as usize..word.end as usize);
    Some(plain_words(text, 0)?.into_iter().map(argument).collect())
}

fn parsed_arguments(text: &str) -> Option<Arguments> {
    let arguments = Grammar::parse(Rule::command, text).ok()?;
    let arguments = arguments.filter(|pair| pair.as_rule() == Rule::argument);
    Some(
        arguments
            .map(|argument| {
                let span = argument.as_span();
                (pieces(argument).collect(), span.start()..span.end())
            })
            .collect(),
    )
}

/// The pieces of an argument without their quotes.
fn pieces(argument: pest::iterators::Pair<'_, Rule>) -> impl Iterator<Item = &str> {
    argument.into_inner().map(|piece| match piece.as_rule() {
        Rule::plain => piece.as_str(),
        _ => piece.into_inner().next().map_or("", |inner| inner.as_str()),
    })
}

/// `\t` and its like, `\NNN` octal, `\xHH`, `\cX`; any other escaped character is itself.
fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        let Some((kind, after)) = after.split_first().filter(|_| *first == b'\\') else {
            bytes.push(*first);
            continue;
        };
        rest = after;
        let byte = match kind {
            b'a' => 7,
            b'b' => 8,
            b'E' => 27,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'v' => 11,
            b'0'..=b'7' => {
                let (value, length) = digits(kind & 7, after, 2, 8);
                rest = after.get(length..).unwrap_or_default();
                value
            }
            b'x' if after.first().is_some_and(u8::is_ascii_hexdigit) => {
                let (value, length) = digits(0, after, 2, 16);
                rest = after.get(length..).unwrap_or_default();
                value
            }
            b'c' if !after.is_empty() => {
                rest = after.get(1..).unwrap_or_default();
                after.first().map_or(0, |letter| letter & 0x1f)
            }
            other => *other,
        };
        bytes.push(byte);
    }
    bytes
}

/// Up to `most` digits more; the value wraps as a byte does, and how many digits there were.
fn digits(start: u8, text: &[u8], most: usize, radix: u32) -> (u8, usize) {
    let mut value = start;
    let mut length: usize = 0;
    for digit in text
        .iter()
        .take(most)
        .map_while(|byte| char::from(*byte).to_digit(radix))
    {
        let radix = u8::try_from(radix).unwrap_or(0);
        value = value.wrapping_mul(radix).wrapping_add(u8::try_from(digit).unwrap_or(0));
        length = length.saturating_add(1);
    }
    (value, length)
}

#[cfg(test)]
mod tests;
