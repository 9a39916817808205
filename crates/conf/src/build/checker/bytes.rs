//! Bytes in the file: text with escapes, and hexadecimal digits.
#![deny(clippy::arithmetic_side_effects)]

use crate::build::{Builder, Item};
use crate::config::ReplyByte;
use crate::diagnostic::{Diagnostic, findings};
use crate::grammar::{self, Word};

/// The most bytes of one text.
const MOST_BYTES: usize = 4096;

/// What is wrong with an escape: where in the text, and what.
type Wrong = (usize, String);

const ESCAPES: &str = r"the escapes are \r \n \t \0 \\ and \xHH; a double quote is \x22";

impl Builder<'_> {
    /// The one text after the keyword, with its escapes. It is one argument as in commands, so that quotes can be escaped.
    pub(super) fn escaped_text(&mut self, item: &Item<'_>) -> Option<Vec<u8>> {
        let name = item.keyword.name;
        let node = self.tree.node(item.node)?;
        let whole = self.text.get(node.text.clone());
        let Some(statement) = grammar::command_statement(whole, node.text.start) else {
            let message = format!("'{name}' lacks its text");
            self.report(
                Diagnostic::new(findings::BAD_BYTES, message, Some(item.span)).hint(format!("{name} \"TEXT\"")),
            );
            return None;
        };
        let span = self.text.span(statement.range.clone());
        let wrong = if let Some(extra) = statement.rest.first() {
            let hint = format!(
                "write a text with blanks in quotes: {name} \"{} {extra}...\"",
                statement.command
            );
            Err((format!("'{name}' takes one text"), hint))
        } else if is_open(self.text.get(statement.range)) {
            Err((format!("the quote of '{name}' is never closed"), ESCAPES.to_owned()))
        } else {
            unescaped(&statement.command).map_err(|(at, wrong)| {
                let at = at.saturating_add(1);
                (
                    format!("{wrong} at character {at} of the text of '{name}'"),
                    ESCAPES.to_owned(),
                )
            })
        };
        match wrong {
            Ok(bytes) if (1..=MOST_BYTES).contains(&bytes.len()) => Some(bytes),
            Ok(_) => {
                let message = format!("the text of '{name}' has not 1 to {MOST_BYTES} bytes");
                self.report(Diagnostic::new(findings::BAD_BYTES, message, Some(span)));
                None
            }
            Err((message, hint)) => {
                self.report(Diagnostic::new(findings::BAD_BYTES, message, Some(span)).hint(hint));
                None
            }
        }
    }

    /// Pairs of digits in as many words as one likes; with `holes`, `x` is a digit that may be anything.
    pub(super) fn hexadecimal_bytes(&mut self, item: &Item<'_>, holes: bool) -> Option<Vec<ReplyByte>> {
        let name = item.keyword.name;
        let mut bytes = Vec::new();
        for word in item.words.iter().skip(1) {
            for part in word.text.split_whitespace() {
                bytes.extend(self.hexadecimal_word(name, *word, part, holes)?);
            }
        }
        if bytes.is_empty() || bytes.len() > MOST_BYTES {
            let message = format!("'{name}' takes 1 to {MOST_BYTES} bytes in hexadecimal digits");
            self.report(Diagnostic::new(findings::BAD_BYTES, message, Some(item.span)).hint(format!("{name} 0d 0a")));
            return None;
        }
        Some(bytes)
    }

    fn hexadecimal_word(&mut self, name: &str, word: Word<'_>, part: &str, holes: bool) -> Option<Vec<ReplyByte>> {
        let bytes = whole_bytes(part, holes);
        if bytes.is_none() {
            let message = format!("'{part}' is not made of pairs of hexadecimal digits");
            let hint = if holes {
                "0 to 9, a to f, and x for a digit that may be anything"
            } else {
                "0 to 9 and a to f"
            };
            self.invalid(findings::BAD_BYTES, format!("{message}, as '{name}' needs"), word)
                .hint(hint)
                .send(self);
        }
        bytes
    }
}

/// Whether a text in double quotes lacks the last of them.
fn is_open(argument: &str) -> bool {
    let Some(inner) = argument.strip_prefix('"') else {
        return false;
    };
    let Some(inner) = inner.strip_suffix('"') else {
        return true;
    };
    inner.bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 1
}

fn unescaped(text: &str) -> Result<Vec<u8>, Wrong> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut characters = text.chars().enumerate();
    while let Some((at, character)) = characters.next() {
        if character != '\\' {
            bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            continue;
        }
        bytes.push(match characters.next().map(|(_, kind)| kind) {
            Some('r') => b'\r',
            Some('n') => b'\n',
            Some('t') => b'\t',
            Some('0') => 0,
            Some('\\') => b'\\',
            Some('"') => b'"',
            Some('x') => {
                let digit = |next: Option<(usize, char)>| next.and_then(|(_, digit)| digit.to_digit(16));
                let (high, low) = (digit(characters.next()), digit(characters.next()));
                let value = high.zip(low).and_then(|(high, low)| u8::try_from(high << 4 | low).ok());
                value.ok_or_else(|| (at, "\\x without two hexadecimal digits".to_owned()))?
            }
            Some(other) => return Err((at, format!("'\\{other}' is no escape"))),
            None => return Err((at, "nothing follows the backslash".to_owned())),
        });
    }
    Ok(bytes)
}

/// `None`: other characters, or half a byte.
fn whole_bytes(text: &str, holes: bool) -> Option<Vec<ReplyByte>> {
    text.len().is_multiple_of(2).then(|| hexadecimal(text, holes))?
}

/// Pairs of digits; a digit alone at the end is a byte, too. With `holes`, `x` is a digit that may be anything.
pub(super) fn hexadecimal(text: &str, holes: bool) -> Option<Vec<ReplyByte>> {
    let nibble = |digit: u8| match digit {
        b'x' | b'X' if holes => Some((0, 0)),
        digit => Some((u8::try_from(char::from(digit).to_digit(16)?).ok()?, 0xf)),
    };
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let pairs = pairs.iter().map(|&[high, low]| Some((nibble(high)?, nibble(low)?)));
    let last = rest.iter().map(|&low| Some(((0, 0xf), nibble(low)?)));
    pairs
        .chain(last)
        .map(|pair| {
            let (high, low) = pair?;
            Some(ReplyByte {
                value: high.0 << 4 | low.0,
                mask: high.1 << 4 | low.1,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_bytes() {
        assert_eq!(unescaped(r"PING\r\n").unwrap(), b"PING\r\n");
        assert_eq!(unescaped(r#"a\0b\t\\\"\x22\xfF"#).unwrap(), b"a\0b\t\\\"\"\xff");
        assert_eq!(unescaped("grüß").unwrap(), "grüß".as_bytes());
        for (wrong, at) in [
            (r"\d", 0),
            (r"ab\", 2),
            (r"\x1", 0),
            (r"a\xg0", 1),
            (r"\x", 0),
            (r"\x-1", 0),
        ] {
            assert_eq!(unescaped(wrong).unwrap_err().0, at, "{wrong}");
        }
    }

    #[test]
    fn quotes_are_closed() {
        for closed in [r#""a""#, r#""a\\""#, r#""a\"b""#, "a", r#""""#] {
            assert!(!is_open(closed), "{closed}");
        }
        for open in [r#""a\""#, r#""a"#, r#"""#, r#""a\\\""#] {
            assert!(is_open(open), "{open}");
        }
    }

    #[test]
    fn digits_come_in_pairs() {
        let parts = |text: &str, holes| {
            let bytes = whole_bytes(text, holes)?;
            Some(bytes.iter().map(|byte| (byte.value, byte.mask)).collect::<Vec<_>>())
        };
        assert_eq!(parts("00fF", false), Some(vec![(0, 0xff), (0xff, 0xff)]));
        assert_eq!(parts("xx1x", true), Some(vec![(0, 0), (0x10, 0xf0)]));
        for wrong in ["1", "123", "xx", "zz", "é"] {
            assert_eq!(parts(wrong, false), None, "{wrong}");
        }
    }
}
