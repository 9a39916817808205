//! `regex` of a `url` and the keywords that belong to it. keepalived counts none of their mistakes but that of the
//! pattern's words; a pattern that means something else than it says is worth a warning all the same.
#![deny(clippy::arithmetic_side_effects)]

use crate::build::{Builder, Item};
use crate::config::{RegexOption, UrlRegex};
use crate::diagnostic::{Diagnostic, findings};
use crate::grammar::{self, Word};
use crate::source::Span;
use holdfast_regex::Regex;

/// What is written; the order does not matter.
#[derive(Default)]
pub(super) struct RegexDraft {
    pattern: Option<(String, Span)>,
    options: Vec<RegexOption>,
    no_match: bool,
    min_offset: usize,
    max_offset: Option<usize>,
    stack: Option<(usize, usize)>,
    /// The first companion, which says nothing without a pattern.
    companion: Option<(&'static str, Span)>,
}

impl<'a> Builder<'a> {
    pub(super) fn regex_setting(&mut self, draft: &mut RegexDraft, item: &Item<'a>) {
        let name = item.keyword.name;
        match name {
            "regex" => return self.pattern(draft, item),
            "regex_no_match" => draft.no_match = true,
            "regex_options" => {
                for word in item.words.iter().skip(1) {
                    draft.options.extend(self.regex_option(*word));
                }
            }
            "regex_min_offset" => draft.min_offset = self.offset(item, 1).unwrap_or(0),
            "regex_max_offset" => draft.max_offset = self.offset(item, 1),
            "regex_stack" => draft.stack = self.stack(item),
            _ => return,
        }
        draft.companion.get_or_insert((name, item.span));
    }

    /// One word, split like a shell would: backslashes in it are doubled.
    fn pattern(&mut self, draft: &mut RegexDraft, item: &Item<'a>) {
        let Some(node) = self.tree.node(item.node) else { return };
        let mut arguments = grammar::arguments(self.text.get(node.text.clone())).into_iter().skip(1);
        let pattern = arguments.next().and_then(|pattern| pattern.into_string().ok());
        let (Some(pattern), None) = (pattern, arguments.next()) else {
            let message = "'regex' takes one pattern; the line is ignored";
            let hint = "write a pattern with blanks in quotes, and each backslash twice: regex \"state: \\\\d+\"";
            self.report(Diagnostic::new(findings::BAD_REGEX, message, Some(item.span)).hint(hint));
            return;
        };
        if draft.pattern.replace((pattern, item.span)).is_some() {
            let message = "regex is given twice; the second one holds";
            self.report(Diagnostic::new(findings::GIVEN_TWICE, message, Some(item.span)));
        }
    }

    fn regex_option(&mut self, word: Word<'_>) -> Option<RegexOption> {
        let option = RegexOption::ALL
            .iter()
            .copied()
            .find(|option| option.name() == word.text);
        if option.is_none() {
            let message = format!("'{}' is no option of regular expressions; it is ignored", word.text);
            self.doubtful_regex(message, word.span(self.text));
        }
        option
    }

    /// A number of bytes.
    fn offset(&mut self, item: &Item<'_>, index: usize) -> Option<usize> {
        let name = item.keyword.name;
        let Some(word) = item.word(index) else {
            self.doubtful_regex(format!("'{name}' lacks its number; the line is ignored"), item.span);
            return None;
        };
        let number = word.text.parse().ok();
        if number.is_none() {
            let message = format!("'{}' is no number of bytes; the line is ignored", word.text);
            self.doubtful_regex(message, word.span(self.text));
        }
        number
    }

    fn stack(&mut self, item: &Item<'_>) -> Option<(usize, usize)> {
        let (start, most) = (self.offset(item, 1)?, self.offset(item, 2)?);
        if start > most {
            let message = "regex_stack begins larger than it may become; the line is ignored".to_owned();
            self.doubtful_regex(message, item.span);
            return None;
        }
        Some((start, most))
    }

    pub(super) fn finish_regex(&mut self, draft: RegexDraft) -> Option<UrlRegex> {
        let Some((pattern, span)) = draft.pattern else {
            if let Some((name, span)) = draft.companion {
                self.doubtful_regex(format!("'{name}' says nothing: this url has no regex"), span);
            }
            return None;
        };
        let max_offset = draft.max_offset.filter(|most| *most >= draft.min_offset);
        if let (Some(_), None, Some((_, span))) = (draft.max_offset, max_offset, draft.companion) {
            let message = "regex_max_offset is smaller than regex_min_offset; it is ignored".to_owned();
            self.doubtful_regex(message, span);
        }
        let chosen = |option: &RegexOption| draft.options.contains(option);
        let regex = UrlRegex {
            pattern,
            options: RegexOption::ALL.iter().copied().filter(chosen).collect(),
            no_match: draft.no_match,
            min_offset: draft.min_offset,
            max_offset,
            stack: draft.stack,
        };
        if let Err(error) = Regex::new(&regex) {
            let message = format!(
                "'{}' is no regular expression ({error}); this url has none",
                regex.pattern
            );
            self.doubtful_regex(message, span);
            return None;
        }
        Some(regex)
    }

    fn doubtful_regex(&mut self, message: String, span: Span) {
        self.report(Diagnostic::new(findings::DOUBTFUL_REGEX, message, Some(span)));
    }
}
