//! Differences from keepalived that are meant, each with its reason.

use crate::says::Message;
use holdfast_conf::Diagnostic;

/// A line that keepalived names and we do not: a part of its file's name, a part of keepalived's words, the reason.
const LINES: &[(&str, &str, &str)] = &[];

/// An error of ours on a file that is clean for keepalived: a part of its name, our code, the reason.
const ERRORS: &[(&str, u16, &str)] = &[
    (
        "",
        312,
        "authentication that is not supported yet: without it the instance would fight its peers",
    ),
    (
        "1569-two-unicast",
        404,
        "keepalived cannot enter the network namespace and ends before it looks at instances",
    ),
    ("1542", 307, "a mask with holes groups clients that nobody can name"),
];

/// Why we do not flag what keepalived says about a line.
pub fn line(file: &str, messages: &[&Message]) -> Option<&'static str> {
    let meant = |message: &&Message| {
        LINES
            .iter()
            .find(|(name, text, _)| file.contains(name) && message.text.contains(text))
            .map(|(_, _, reason)| *reason)
    };
    let reasons: Option<Vec<_>> = messages.iter().map(meant).collect();
    reasons?.into_iter().next()
}

/// Why we call something an error that keepalived says nothing about.
pub fn error(file: &str, diagnostic: &Diagnostic) -> Option<&'static str> {
    ERRORS
        .iter()
        .find(|(name, code, _)| file.contains(name) && diagnostic.code.0 == *code)
        .map(|(_, _, reason)| *reason)
}
