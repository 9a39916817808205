//! `EXPECT_CHECK` and `AGENT_CHECK`: what is written.
//!
//! A step that is wrong makes another dialogue of the rest, so the whole check is left out.
#![deny(clippy::arithmetic_side_effects)]

use super::CheckerDraft;
use crate::build::argument::set;
use crate::build::{Builder, Item};
use crate::config::{AgentCheck, CheckerKind, ExpectCheck, ExpectStep, RegexOption, Sni, UrlRegex, Verify};
use crate::diagnostic::{Diagnostic, findings};
use crate::keywords::Context;
use crate::source::Span;
use holdfast_regex::Regex;

/// A dialogue as it is written.
struct ExpectDraft {
    check: ExpectCheck,
    verify: Option<bool>,
    verify_name: Option<String>,
    /// The first setting that says nothing without TLS.
    of_tls: Option<(&'static str, Span)>,
    /// A step is wrong, which was said.
    broken: bool,
}

impl<'a> Builder<'a> {
    pub(super) fn expect_check(&mut self, block: &Item<'a>) -> Option<CheckerDraft> {
        let mut checker = CheckerDraft::new(block.span);
        let mut draft = ExpectDraft {
            check: ExpectCheck {
                tls: false,
                sni: Sni::Off,
                verify: Verify::Off,
                steps: Vec::new(),
            },
            verify: None,
            verify_name: None,
            of_tls: None,
            broken: false,
        };
        for item in self.items(block.node, Context::ExpectCheck) {
            self.expect_setting(&mut draft, &mut checker, &item);
        }
        let mut check = draft.check;
        check.verify = Verify::new(draft.verify, draft.verify_name);
        let starts_tls = check.steps.contains(&ExpectStep::StartTls);
        if let (Some((name, span)), false) = (draft.of_tls, check.tls || starts_tls) {
            let message = format!("'{name}' says nothing: this check has neither tls nor a step starttls");
            self.report(Diagnostic::new(findings::NO_TLS, message, Some(span)).hint("write tls"));
        }
        let expects = |step: &ExpectStep| !matches!(step, ExpectStep::Send(_));
        if draft.broken {
            return None;
        }
        if !check.tls && !check.steps.iter().any(expects) {
            let message = "EXPECT_CHECK expects nothing; the checker is left out";
            self.report(Diagnostic::new(findings::NO_STEP, message, Some(block.span)).hint("expect_start \"+OK\""));
            return None;
        }
        checker.kind = CheckerKind::ExpectCheck(check);
        Some(checker)
    }

    fn expect_setting(&mut self, draft: &mut ExpectDraft, checker: &mut CheckerDraft, item: &Item<'a>) {
        let argument = &item.argument;
        let name = item.keyword.name;
        match name {
            "tls" => set(&mut draft.check.tls, argument.bool()),
            "sni_name" => draft.check.sni = argument.string().map_or(Sni::Off, Sni::Name),
            "tls_verify" => draft.verify = argument.bool(),
            "tls_verify_name" => draft.verify_name = argument.string(),
            "send" | "send_hex" | "expect" | "expect_start" | "expect_hex" | "expect_regex" | "starttls" => {
                match self.expect_step(item, &draft.check) {
                    Some(step) => draft.check.steps.push(step),
                    None => draft.broken = true,
                }
            }
            _ => self.checker_setting(checker, item),
        }
        if matches!(name, "sni_name" | "tls_verify" | "tls_verify_name") {
            draft.of_tls.get_or_insert((name, item.span));
        }
    }

    fn expect_step(&mut self, item: &Item<'a>, so_far: &ExpectCheck) -> Option<ExpectStep> {
        Some(match item.keyword.name {
            "send" => ExpectStep::Send(self.escaped_text(item)?),
            "expect" => ExpectStep::Contains(self.escaped_text(item)?),
            "expect_start" => ExpectStep::Start(self.escaped_text(item)?),
            "send_hex" => {
                let bytes = self.hexadecimal_bytes(item, false)?;
                ExpectStep::Send(bytes.iter().map(|byte| byte.value).collect())
            }
            "expect_hex" => ExpectStep::Masked(self.hexadecimal_bytes(item, true)?),
            "expect_regex" => ExpectStep::Regex(self.expected_regex(item)?),
            _ => {
                if so_far.tls || so_far.steps.contains(&ExpectStep::StartTls) {
                    let message = "There is TLS already before this 'starttls'; the checker is left out";
                    self.report(Diagnostic::new(findings::BAD_STEP, message, Some(item.span)).hint("TLS begins once"));
                    return None;
                }
                ExpectStep::StartTls
            }
        })
    }

    /// A pattern as it stands, and options.
    fn expected_regex(&mut self, item: &Item<'_>) -> Option<UrlRegex> {
        let Some(pattern) = item.word(1) else {
            let message = "'expect_regex' lacks its pattern; the checker is left out";
            let hint = "expect_regex \"PATTERN\" [OPTION]...";
            self.report(Diagnostic::new(findings::BAD_STEP, message, Some(item.span)).hint(hint));
            return None;
        };
        let mut options = Vec::new();
        for word in item.words.iter().skip(2) {
            let Some(option) = RegexOption::ALL.iter().find(|option| option.name() == word.text) else {
                let message = format!(
                    "'{}' is no option of regular expressions; the checker is left out",
                    word.text
                );
                let hint = "write a pattern with blanks in quotes; options are caseless, multiline, dotall and so on";
                self.invalid(findings::BAD_STEP, message, *word).hint(hint).send(self);
                return None;
            };
            options.push(*option);
        }
        let regex = UrlRegex {
            pattern: pattern.text.to_owned(),
            options: RegexOption::ALL
                .iter()
                .copied()
                .filter(|option| options.contains(option))
                .collect(),
            no_match: false,
            min_offset: 0,
            max_offset: None,
            stack: None,
        };
        if let Err(error) = Regex::new(&regex) {
            let message = format!(
                "'{}' is no regular expression ({error}); the checker is left out",
                pattern.text
            );
            self.invalid(findings::BAD_STEP, message, pattern)
                .hint("backslashes are written once here; a double quote is \\x22")
                .send(self);
            return None;
        }
        if is_doubled(pattern.text) {
            let message = format!(
                "'{}' looks for a backslash: in expect_regex, unlike in regex, each is written once",
                pattern.text
            );
            let span = pattern.span(self.text);
            self.report(
                Diagnostic::new(findings::DOUBTFUL_REGEX, message, Some(span))
                    .hint("write a backslash that is meant as [\\\\]"),
            );
        }
        Some(regex)
    }

    pub(super) fn agent_check(&mut self, block: &Item<'a>) -> Option<CheckerDraft> {
        let mut draft = CheckerDraft::new(block.span);
        let mut agent = AgentCheck {
            send: Vec::new(),
            keep_if_unreachable: false,
        };
        let mut broken = false;
        for item in self.items(block.node, Context::AgentCheck) {
            match item.keyword.name {
                "send" => match self.escaped_text(&item) {
                    Some(bytes) => agent.send = bytes,
                    None => broken = true,
                },
                "keep_if_unreachable" => set(&mut agent.keep_if_unreachable, item.argument.bool()),
                _ => self.checker_setting(&mut draft, &item),
            }
        }
        draft.kind = CheckerKind::AgentCheck(agent);
        (!broken).then_some(draft)
    }
}

/// Whether a backslash is followed by one more and by what a backslash is usually written before.
fn is_doubled(pattern: &str) -> bool {
    let special = |next: u8| next.is_ascii_alphabetic() || b"+*.?()[{|^$/".contains(&next);
    let mut bytes = pattern.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'\\' && bytes.next() == Some(b'\\') && bytes.clone().next().is_some_and(special) {
            return true;
        }
    }
    false
}
