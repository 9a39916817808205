//! Does Holdfast flag a line that keepalived names?

use crate::says::Message;
use holdfast_conf::keywords::Context;
use holdfast_conf::{Code, Loaded, Severity, Span};
use std::collections::{BTreeMap, BTreeSet};

/// How a line that keepalived names fares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Coverage {
    /// A finding of ours stands on it, or points to it.
    Flagged,
    /// keepalived names the end of a block, we its beginning.
    Block,
    /// keepalived stumbles over what it misread before; we named the cause once and go on behind it.
    Consequence,
    /// keepalived asked the host: users, names, scripts, interfaces. The files cannot tell.
    Host,
    /// A difference that is meant, with its reason.
    Meant(&'static str),
    Missed,
}

/// What we say about one file, by line.
pub struct Ours {
    flagged: BTreeSet<u32>,
    /// From a finding about braces or an unknown block to the end of the root block that it stands in.
    confused: Vec<(u32, u32)>,
    /// The line of a `}` and the line that its block begins on.
    heads: BTreeMap<u32, u32>,
}

/// keepalived's words about what it can no longer place.
const CONFUSION: &[&str] = &[
    "Unknown keyword",
    "Unexpected '{'",
    "Extra '}'",
    "Missing '{'",
    "has no real servers",
];

/// What keepalived says after asking the host, or because of what the host answered.
const HOST: &[&str] = &[
    "Unable to set default user",
    "Unable to set uid/gid",
    "Failed to set uid/gid",
    "Error setting global script uid/gid",
    "Invalid smtp server",
    "realpath() error",
    "WARNING - interface",
    "already exists and is not a private macvlan",
];

impl Ours {
    pub fn new(loaded: &Loaded, text: &str) -> Self {
        // A finding in an included file, or in a definition, is not a finding on this line; its use here is.
        let here = |span: &Span| span.file.0 == 0;
        let told = loaded
            .diagnostics
            .iter()
            .filter(|it| it.severity != Severity::Advice && it.code != NOT_IN_EFFECT);
        let mut flagged = BTreeSet::new();
        let mut confused = Vec::new();
        for finding in told {
            let notes = finding.notes.iter().filter_map(|note| note.span);
            flagged.extend(finding.span.into_iter().chain(notes).filter(here).map(|span| span.line));
            if let Some(span) = finding.span.filter(|span| here(span) && is_confusing(finding.code)) {
                confused.push((span.line, end_of_root_block(text, span.line)));
            }
        }
        Self {
            flagged,
            confused,
            heads: heads(text),
        }
    }

    /// Nothing is flagged at all.
    pub fn is_silent(&self) -> bool {
        self.flagged.is_empty()
    }

    /// A finding stands on the line, or on the beginning of the block that ends there.
    pub fn names(&self, line: u32) -> bool {
        self.flagged.contains(&line) || self.heads.get(&line).is_some_and(|head| self.flagged.contains(head))
    }

    /// The best that can be said for a line and what keepalived says about it.
    pub fn coverage(&self, line: u32, messages: &[&Message], all: &[Message]) -> Coverage {
        let every = |kinds: &[&str]| {
            messages
                .iter()
                .all(|it| kinds.iter().any(|kind| it.text.contains(kind)))
        };
        if self.flagged.contains(&line) {
            Coverage::Flagged
        } else if self.heads.get(&line).is_some_and(|head| self.flagged.contains(head)) {
            Coverage::Block
        } else if every(CONFUSION) && self.confused.iter().any(|(from, to)| (*from..=*to).contains(&line)) {
            Coverage::Consequence
        } else if messages.iter().all(|it| is_host(it, all)) {
            Coverage::Host
        } else {
            Coverage::Missed
        }
    }
}

const NOT_IN_EFFECT: Code = Code(302);

/// Findings after which keepalived no longer knows which block it is in: undefined names with braces, braces,
/// keywords of unknown blocks, services that it cannot read.
fn is_confusing(code: Code) -> bool {
    matches!(code.0, 105 | 200..=205 | 300 | 301 | 400 | 510)
}

/// Does keepalived say this because of the host?
pub fn asks_the_host(message: &Message) -> bool {
    HOST.iter()
        .chain(&["Disabling track script"])
        .any(|kind| message.text.contains(kind))
}

fn is_host(message: &Message, all: &[Message]) -> bool {
    let asked = |text: &str| HOST.iter().any(|kind| text.contains(kind));
    let script = message
        .text
        .split_once("track script ")
        .and_then(|(_, rest)| rest.strip_suffix(" not found, ignoring..."));
    match script {
        // The script was dropped before, because of its user.
        Some(name) => all
            .iter()
            .any(|it| asked(&it.text) && (it.text.contains(name) || it.text.contains("for script"))),
        None => asked(&message.text),
    }
}

/// The last line before the next block of the top level begins.
fn end_of_root_block(text: &str, line: u32) -> u32 {
    let begins_root = |text: &str| {
        let word = text.split([' ', '\t', '{']).next().unwrap_or_default();
        Context::Top.find(word).is_some_and(|keyword| keyword.block().is_some())
    };
    let next = (1..)
        .zip(text.lines())
        .find(|(at, text)| *at > line && begins_root(text));
    next.map_or(u32::MAX, |(at, _)| at - 1)
}

/// Pairs the braces, as far as they are paired.
fn heads(text: &str) -> BTreeMap<u32, u32> {
    let (mut open, mut heads) = (Vec::new(), BTreeMap::new());
    for (line, text) in (1..).zip(text.lines()) {
        let code = text.split(['#', '!']).next().unwrap_or_default();
        for brace in code.chars() {
            match brace {
                '{' => open.push(line),
                '}' => {
                    if let Some(head) = open.pop() {
                        heads.entry(line).or_insert(head);
                    }
                }
                _ => {}
            }
        }
    }
    heads
}
