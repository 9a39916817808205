//! What can be said about a configuration, as plain data, and the two ways to print it.

mod explanation;
pub mod findings;
mod print;

pub use explanation::Explanation;

use crate::source::{FileId, Span};
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

    /// File, line and column; what has no place comes first.
    pub(crate) fn place(&self) -> Option<(FileId, u32, u32)> {
        self.span.map(|span| (span.file, span.line, span.column))
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

/// Findings that are kept. A file that is no configuration at all has millions.
const MOST: usize = 10_000;

/// What was found so far.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    kept: Vec<Diagnostic>,
    dropped: usize,
    /// The worst of what was dropped.
    severity: Option<Severity>,
    class: Option<Class>,
}

impl Findings {
    pub(crate) fn push(&mut self, diagnostic: Diagnostic) {
        if self.kept.len() < MOST {
            self.kept.push(diagnostic);
        } else {
            self.dropped += 1;
            self.severity = self.severity.max(Some(diagnostic.severity));
            self.class = self.class.max(diagnostic.class);
        }
    }

    /// Nothing that takes time should be added to findings any more.
    pub(crate) fn is_full(&self) -> bool {
        self.kept.len() >= MOST
    }

    #[cfg(test)]
    pub(crate) fn codes(&self) -> Vec<u16> {
        self.kept.iter().map(|diagnostic| diagnostic.code.0).collect()
    }

    /// Sorts by place, and leaves out what only follows from something said about the same words: a definition that
    /// is missing makes its line wrong in other ways too.
    pub(crate) fn finish(mut self) -> Vec<Diagnostic> {
        let place = |diagnostic: &Diagnostic| diagnostic.span.map(|span| (span.file, span.line, span.column));
        let is_undefined = |diagnostic: &Diagnostic| diagnostic.code == findings::UNDEFINED_NAME.code;
        let undefined: HashSet<_> = self
            .kept
            .iter()
            .filter(|it| is_undefined(it))
            .filter_map(place)
            .collect();
        self.kept
            .retain(|it| is_undefined(it) || !place(it).is_some_and(|place| undefined.contains(&place)));
        self.kept
            .sort_by_key(|diagnostic| place(diagnostic).unwrap_or_default());
        if let Some(severity) = self.severity {
            let message = format!("{} more findings are not shown", self.dropped);
            let more = Diagnostic::new(findings::MORE, message, None);
            self.kept.push(Diagnostic {
                severity,
                class: self.class,
                ..more
            });
        }
        self.kept
    }
}
