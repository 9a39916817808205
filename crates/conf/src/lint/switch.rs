//! `@holdfast lint_off CODE ...`: advice that somebody has heard and does not want to hear again.
//!
//! keepalived skips the line as a condition that does not match.

use crate::diagnostic::{Code, Diagnostic, findings};
use crate::source::Span;
use std::ops::Range;
use std::str::FromStr;

/// The word after `@holdfast`.
const KEYWORD: &str = "lint_off";
/// The word for all codes.
const ALL: &str = "all";

/// A `lint_off` line as the preprocessor meets it.
#[derive(Clone, Debug)]
pub(crate) struct Switch {
    /// Its words, without the keyword.
    words: Vec<String>,
    /// How much of the logical text stands before it.
    pub(crate) at: u32,
    span: Span,
}

impl Switch {
    /// Reads what stands after `@holdfast`; `None`: this is something else.
    pub(crate) fn read(text: &str, span: Span, at: usize) -> Option<Self> {
        let mut words = text.split_ascii_whitespace();
        if words.next() != Some(KEYWORD) {
            return None;
        }
        Some(Self {
            words: words.map(str::to_owned).collect(),
            at: u32::try_from(at).unwrap_or(u32::MAX),
            span,
        })
    }
}

/// Advice that is switched off: in the block around the line, or everywhere when it stands outside of blocks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LintOff {
    /// What the words after `lint_off` name.
    pub allow: Vec<Allow>,
    /// Words that name nothing.
    pub unknown: Vec<String>,
    /// From the head of the block to its brace; `None`: everywhere.
    pub block: Option<Range<Span>>,
    /// The line.
    pub span: Span,
}

impl LintOff {
    pub(crate) fn new(switch: Switch, block: Option<Range<Span>>) -> Self {
        let mut off = Self {
            allow: Vec::new(),
            unknown: Vec::new(),
            block,
            span: switch.span,
        };
        for word in switch.words {
            match word.parse() {
                Ok(allow) => off.allow.push(allow),
                Err(_) => off.unknown.push(word),
            }
        }
        off
    }

    /// Words that name no advice.
    pub(super) fn complaints(&self) -> impl Iterator<Item = Diagnostic> {
        let say = |word: &String| format!("lint_off {word}: there is no such advice; the word is ignored");
        let mut messages: Vec<String> = self.unknown.iter().map(say).collect();
        if self.allow.is_empty() && self.unknown.is_empty() {
            messages.push("lint_off names nothing to switch off".to_owned());
        }
        let hint = "@holdfast lint_off HF0801, several codes, or all; errors and warnings cannot be switched off";
        messages
            .into_iter()
            .map(move |message| Diagnostic::new(findings::UNKNOWN_LINT, message, Some(self.span)).hint(hint))
    }
}

/// `HF0801`, in upper or lower case.
pub(super) fn parse_code(text: &str) -> Option<Code> {
    let digits = text.get(..2).filter(|start| start.eq_ignore_ascii_case("HF"))?;
    let number = text.get(digits.len()..)?;
    let all_digits = number.len() == 4 && number.bytes().all(|byte| byte.is_ascii_digit());
    number.parse().ok().filter(|_| all_digits).map(Code)
}

/// Advice that the caller does not want to hear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allow {
    /// None of it.
    All,
    /// This one.
    Code(Code),
}

impl Allow {
    /// Is this piece of advice one of those?
    pub fn covers(self, advice: &Diagnostic) -> bool {
        self.names(advice.code)
    }

    /// Is the advice with this code one of those?
    pub(super) fn names(self, code: Code) -> bool {
        match self {
            Self::All => super::is_lint(code),
            Self::Code(named) => named == code,
        }
    }
}

impl FromStr for Allow {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let code = parse_code(text).filter(|code| super::is_lint(*code));
        match code {
            Some(code) => Ok(Self::Code(code)),
            None if text == ALL => Ok(Self::All),
            None => Err(format!(
                "there is no such advice; write a code such as HF0801, or {ALL}"
            )),
        }
    }
}
