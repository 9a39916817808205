//! What can be said about a configuration, as plain data, and the two ways to print it.

pub mod findings;
mod print;

use crate::source::Span;
use findings::Finding;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::fmt;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Severity {
    /// Works as written, but is probably not what one wants.
    Advice,
    /// Holdfast goes on with a meaning that the message names.
    Warning,
    /// The line, block or file has no meaning; it is left out.
    Error,
}

/// A stable name for one kind of finding, printed as `HF0123`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Code(pub u16);

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HF{:04}", self.0)
    }
}

/// keepalived's classes of configuration errors, lowest first. The highest one seen decides the exit status of
/// `-t`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[expect(missing_docs, reason = "keepalived's own names say it")]
pub enum Class {
    FileNotFound,
    BadInterface,
    Fatal,
    MultipleFiles,
    UnknownKeyword,
    UnexpectedOpeningBrace,
    MissingOpeningBrace,
    UnexpectedClosingBrace,
    MissingClosingBrace,
    UnmatchedQuote,
    MissingParameter,
    InvalidNumber,
    GeneralError,
    Warning,
    Deprecated,
    SecurityError,
    /// A check of `includer`, `includem`, ... fails: keepalived ends at once, with 6.
    IncludeCheck,
}

impl Class {
    /// The exit status of `-t` when this is the highest class seen.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::FileNotFound | Self::BadInterface | Self::Fatal => 4,
            Self::SecurityError | Self::IncludeCheck => 6,
            _ => 5,
        }
    }
}

/// A further place or fact that explains a [`Diagnostic`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// The fact.
    pub message: String,
    /// Where to see it.
    pub span: Option<Span>,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// Which kind of finding.
    pub code: Code,
    /// keepalived's class, where its `-t` would not end with 0 either; `None` does not touch the exit status.
    pub class: Option<Class>,
    /// What is wrong, and what becomes of the line.
    pub message: String,
    /// Where.
    pub span: Option<Span>,
    /// Other places that belong to it.
    pub notes: Vec<Note>,
    /// The likely meaning: what to write instead.
    pub hint: Option<String>,
}

impl Diagnostic {
    /// A daemon must not start with this: the file cannot be read, or an instance that is left out would be missed
    /// or would leave its addresses to nobody.
    pub fn is_fatal(&self) -> bool {
        findings::FATAL.iter().any(|finding| finding.code == self.code)
    }

    pub(crate) fn new(finding: Finding, message: impl Into<String>, span: Option<Span>) -> Self {
        Self {
            severity: finding.severity,
            code: finding.code,
            class: finding.class,
            message: message.into(),
            span,
            notes: Vec::new(),
            hint: None,
        }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn maybe_hint(mut self, hint: Option<String>) -> Self {
        self.hint = hint.or(self.hint);
        self
    }

    pub(crate) fn note(mut self, message: impl Into<String>, span: Option<Span>) -> Self {
        self.notes.push(Note {
            message: message.into(),
            span,
        });
        self
    }
}

/// Findings that are kept.
const MOST: usize = 10_000;

/// Sorts by place, and leaves out what only follows from something said about the same words: a definition that is
/// missing makes its line wrong in other ways too.
pub(crate) fn order(diagnostics: &mut Vec<Diagnostic>) {
    let place = |diagnostic: &Diagnostic| diagnostic.span.map(|span| (span.file, span.line, span.column));
    let undefined: HashSet<_> = diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.code == findings::UNDEFINED_NAME.code)
        .filter_map(place)
        .collect();
    diagnostics.retain(|diagnostic| {
        diagnostic.code == findings::UNDEFINED_NAME.code || !place(diagnostic).is_some_and(|it| undefined.contains(&it))
    });
    diagnostics.sort_by_key(|diagnostic| place(diagnostic).unwrap_or_default());
    if diagnostics.len() > MOST {
        let dropped = diagnostics.split_off(MOST);
        let message = format!("{} more findings are not shown", dropped.len());
        let mut more = Diagnostic::new(findings::MORE, message, None);
        more.class = dropped.iter().filter_map(|diagnostic| diagnostic.class).max();
        diagnostics.push(more);
    }
}
