//! Differences from keepalived that are meant, each with its reason.

use crate::says::Message;
use holdfast_conf::Diagnostic;

/// A line that keepalived names and we do not: a part of its file's name, a part of keepalived's words, the reason.
const LINES: &[(&str, &str, &str)] = &[
    (
        "1170b",
        "requires vmac_xmit_base",
        "no peer is left, so that adverts are multicast, as both say at another place",
    ),
    (
        "1446",
        "Config files missing",
        "a pattern that matches nothing is no error, to keepalived neither: its status is 0",
    ),
    (
        "configs_one.conf",
        "too many decimal places",
        "1.000125 s is a whole number of the units that the kernel counts in",
    ),
];

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
