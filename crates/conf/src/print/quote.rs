//! Words as they must be written to be read as the same words again.

use crate::keywords::Context;
use crate::preprocess::BLANKS;
use std::ffi::{OsStr, OsString};
use std::fmt::Write;
use std::os::unix::ffi::OsStrExt;

/// A word of an ordinary statement. There are no escapes, and no word holds a double quote.
pub(super) fn word(text: &str) -> String {
    let special = |c: char| BLANKS.contains(&c) || "#!{}$".contains(c);
    if text.is_empty() || text.contains(special) {
        format!("\"{text}\"")
    } else {
        text.to_owned()
    }
}

/// A word that begins a line: it must not look like a condition, a sequence, an include, or a block that tells the
/// reader that a brace was forgotten.
pub(super) fn first_word(text: &str) -> String {
    let is_root = Context::Top.find(text).is_some();
    if text.starts_with(['@', '~']) || text.starts_with("include") || is_root {
        format!("\"{text}\"")
    } else {
        word(text)
    }
}

/// A command line, split into the same arguments when it is read.
pub(super) fn command(argv: &[OsString]) -> String {
    let arguments: Vec<String> = argv.iter().map(|argument| inner_argument(argument)).collect();
    format!("\"{}\"", arguments.join(" "))
}

/// An argument of a command line that stands in double quotes.
fn inner_argument(argument: &OsStr) -> String {
    let bytes = argument.as_bytes();
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"_./:=,@%+-".contains(byte);
    match argument.to_str() {
        Some(text) if !bytes.is_empty() && bytes.iter().all(plain) => text.to_owned(),
        _ => format!("'{}'", escaped(bytes)),
    }
}

/// An argument that is split like those of commands, and stands in double quotes itself.
pub(super) fn argument(argument: &OsStr) -> String {
    format!("\"{}\"", escaped(argument.as_bytes()))
}

/// A user or group after a command: its escapes are kept when it is read.
pub(super) fn raw_argument(word: &str) -> String {
    let special = |c: char| BLANKS.contains(&c) || "#!{}$'".contains(c);
    if word.is_empty() || word.contains(special) && !word.contains('"') {
        format!("\"{word}\"")
    } else {
        word.to_owned()
    }
}

/// Escapes what ends a quote, what the stages before would see through quotes, and what is no text.
fn escaped(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        let mut characters = chunk.valid().chars().peekable();
        while let Some(character) = characters.next() {
            match character {
                '\\' => out.push_str("\\\\"),
                '\'' => out.push_str("\\'"),
                '\n' => out.push_str("\\n"),
                '\t' => out.push_str("\\t"),
                // Any double quote would end the outer one; ${NAME} and $_NAME may be predefined.
                '"' => out.push_str("\\x22"),
                '$' if characters.peek().is_some_and(|next| "{_".contains(*next)) => out.push_str("\\x24"),
                control if control.is_ascii_control() => push_hex(&mut out, u32::from(control)),
                other => out.push(other),
            }
        }
        for byte in chunk.invalid() {
            push_hex(&mut out, u32::from(*byte));
        }
    }
    out
}

fn push_hex(out: &mut String, byte: u32) {
    // Writing to a string cannot fail.
    let _ = write!(out, "\\x{byte:02x}");
}
