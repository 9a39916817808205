//! What is said, and done, when braces or keywords are not where they belong.

use super::{Builder, Content, Kind, Open, first_word};
use crate::diagnostic::{Diagnostic, findings};
use crate::keywords::{self, Context, Shape};
use crate::preprocess::BLANKS;
use crate::source::Span;
use std::ops::Range;

impl Builder<'_> {
    pub(super) fn start_chunk(&mut self, at: usize, balance: i64) {
        let next = self.tokens.get(at).map(super::Token::range);
        self.end_chunk(next.filter(|_| at > 0));
        self.missing_closes = usize::try_from(balance).unwrap_or(0);
        self.extra_closes = usize::try_from(-balance).unwrap_or(0);
        self.strays = 0;
        self.suspect = None;
    }

    /// Closes what is open before the root block `next`, or at the end.
    pub(super) fn end_chunk(&mut self, next: Option<Range<u32>>) {
        self.too_deep = 0;
        let (note, place) = match next {
            Some(next) => {
                let name = first_word(self.text.get(next.clone()));
                (
                    format!("{name} begins here, so the }} was meant before it"),
                    Some(self.text.span(next)),
                )
            }
            None => (
                "the configuration ends here, the } was probably meant after this".to_owned(),
                self.last_span(),
            ),
        };
        while let Some(open) = self.pop() {
            if self.strays > 0 {
                self.strays -= 1;
            } else if let Some((head, brace)) = self.suspect.take() {
                let span = self.text.span(brace);
                let note = format!(
                    "this }} closes it, but stands where the }} of {} would",
                    self.describe(&open.head)
                );
                self.missing_close(&head, note, Some(span));
            } else {
                self.missing_close(&open.head, note.clone(), place);
            }
        }
    }

    fn last_span(&self) -> Option<Span> {
        self.tokens.last().map(|token| self.text.span(token.range()))
    }

    fn describe(&self, head: &Range<u32>) -> String {
        let mut text = self.text.get(head.clone()).to_owned();
        if let Some((end, _)) = text.char_indices().nth(60) {
            text.truncate(end);
            text.push('…');
        }
        text
    }

    fn missing_close(&mut self, head: &Range<u32>, note: String, place: Option<Span>) {
        let message = format!("The block '{}' opens here and is never closed", self.describe(head));
        self.diagnostics.push(
            Diagnostic::new(findings::MISSING_CLOSE, message, Some(self.text.span(head.clone())))
                .note(note, place)
                .hint("write the missing }"),
        );
    }

    /// With a `}` missing: closes the blocks between here and the one that a keyword belongs in.
    pub(super) fn close_for(&mut self, word: &str, range: &Range<u32>) -> bool {
        let depth = self.stack.len();
        let outer = |blocks: usize| match depth.checked_sub(blocks)?.checked_sub(1) {
            Some(index) => self.stack.get(index).map(|open| open.content),
            None => Some(Content::Known(Context::Top)),
        };
        let belongs = |blocks: &usize| {
            matches!(outer(*blocks), Some(Content::Known(context))
                if context.shape() == Shape::Keywords && context.find(word).is_some())
        };
        // At the top level most keywords have names that mean something else inside blocks, so only blocks count.
        let most = self.missing_closes.min(depth.saturating_sub(1));
        let Some(blocks) = (1..=most).find(belongs) else {
            return false;
        };
        let home = match outer(blocks) {
            Some(Content::Known(context)) => context.title(),
            _ => "the block around it",
        };
        let place = self.text.span(range.clone());
        for _ in 0..blocks {
            self.missing_closes -= 1;
            if let Some(Open { head, .. }) = self.pop() {
                let note = format!("{word} belongs in {home}, so the }} was meant before it");
                self.missing_close(&head, note, Some(place));
            }
        }
        true
    }

    pub(super) fn extra_close(&mut self, brace: &Range<u32>) {
        self.extra_closes = self.extra_closes.saturating_sub(1);
        self.diagnostics.push(
            Diagnostic::new(
                findings::EXTRA_CLOSE,
                "Extra '}': no block is open here; it is ignored",
                Some(self.text.span(brace.clone())),
            )
            .hint("remove it, or look for a { that is missing above"),
        );
    }

    /// With one `}` too many: does a keyword of the block that this one closes follow? Then it is ignored.
    pub(super) fn is_early(&mut self, at: usize, brace: &Range<u32>) -> bool {
        let Some(Open {
            content: Content::Known(context),
            head,
            ..
        }) = self.stack.last()
        else {
            return false;
        };
        let outer = match self.stack.iter().rev().nth(1) {
            None => Context::Top,
            Some(Open {
                content: Content::Known(outer),
                ..
            }) => *outer,
            Some(_) => return false,
        };
        let Some(next) = self.tokens.get(at + 1).filter(|next| next.kind == Kind::Text) else {
            return false;
        };
        let word = first_word(self.text.get(next.range()));
        let keyword = context.shape() == Shape::Keywords && context.find(word).is_some();
        if !keyword || outer.find(word).is_some() {
            return false;
        }
        let message = format!(
            "This }} closes '{}' too early: {word}, which follows, belongs in it; the }} is ignored",
            self.describe(head)
        );
        let note = Some(self.text.span(next.range()));
        self.diagnostics.push(
            Diagnostic::new(findings::EARLY_CLOSE, message, Some(self.text.span(brace.clone())))
                .note(format!("{word} is here"), note)
                .hint("remove the }, or the one that is too many further down"),
        );
        self.extra_closes -= 1;
        true
    }

    pub(super) fn stray_open(&mut self, brace: &Range<u32>) {
        self.strays += 1;
        self.missing_closes = self.missing_closes.saturating_sub(1);
        self.diagnostics.push(
            Diagnostic::new(
                findings::UNEXPECTED_OPEN,
                "Unexpected '{': no block begins here; it is ignored",
                Some(self.text.span(brace.clone())),
            )
            .hint("remove it"),
        );
    }

    /// A block keyword without `{`: when what follows looks like its content, the brace is thought to be there.
    pub(super) fn missing_open(&mut self, at: usize, head: &Range<u32>, node: usize, inner: Context, outer: Context) {
        let span = self.text.span(head.clone());
        let message = format!("Missing '{{' after '{}'", self.describe(head));
        self.diagnostics
            .push(Diagnostic::new(findings::MISSING_OPEN, message, Some(span)).hint("write { at the end of the line"));
        let Some(next) = self.tokens.get(at + 1).filter(|next| next.kind == Kind::Text) else {
            return;
        };
        let word = first_word(self.text.get(next.range()));
        let fits = match inner.shape() {
            Shape::Keywords => inner.find(word).is_some(),
            Shape::Lines | Shape::Names => outer.find(word).is_none(),
        };
        if fits && self.stack.len() < super::NESTING {
            self.extra_closes = self.extra_closes.saturating_sub(1);
            self.stack.push(Open {
                node: Some(node),
                content: Content::Known(inner),
                head: head.clone(),
            });
        }
    }

    pub(super) fn unknown_keyword(&mut self, word: &str, range: &Range<u32>, context: Context, is_block: bool) {
        if self.diagnostics.is_full() {
            self.diagnostics
                .push(Diagnostic::new(findings::UNKNOWN_KEYWORD, "", None));
            return;
        }
        let end = range
            .start
            .saturating_add(u32::try_from(word.len()).unwrap_or(u32::MAX));
        let span = self.text.span(range.start..end.max(range.start + 1).min(range.end));
        let consequence = if is_block {
            "its whole block is skipped"
        } else {
            "the line is ignored"
        };
        let mut homes = keywords::homes(word).map(Context::place).collect::<Vec<_>>();
        homes.dedup();
        let shown = if word.is_empty() {
            self.text.get(range.clone())
        } else {
            word
        };
        let diagnostic = if homes.is_empty() {
            let message = format!("Unknown keyword '{shown}' {}; {consequence}", context.place());
            let near = keywords::nearest(word, context.keywords().map(|keyword| keyword.name));
            Diagnostic::new(findings::UNKNOWN_KEYWORD, message, Some(span)).maybe_hint(
                near.map(|name| format!("did you mean '{name}'?"))
                    .or_else(|| definition(self.text.get(range.clone())))
                    .or_else(|| elsewhere(word)),
            )
        } else {
            let message = format!(
                "The keyword '{word}' does not belong {}; {consequence}",
                context.place()
            );
            Diagnostic::new(findings::MISPLACED_KEYWORD, message, Some(span))
                .hint(format!("'{word}' belongs {}", homes.join(", ")))
        };
        self.diagnostics.push(diagnostic);
    }

    /// Remembers the first `}` that stands further left than the line that opened its block.
    pub(super) fn note_indentation(&mut self, brace: &Range<u32>) {
        if self.missing_closes == 0 || self.suspect.is_some() {
            return;
        }
        let Some(open) = self.stack.last().filter(|_| self.stack.len() > 1) else {
            return;
        };
        let (head, close) = (self.text.span(open.head.clone()), self.text.span(brace.clone()));
        let parent = self
            .stack
            .iter()
            .rev()
            .nth(1)
            .map(|parent| self.text.span(parent.head.clone()));
        if close.line != head.line && close.column < head.column && parent.is_some_and(|it| it.column == close.column) {
            self.suspect = Some((open.head.clone(), brace.clone()));
        }
    }
}

/// `$NAME = VALUE` defines nothing.
fn definition(statement: &str) -> Option<String> {
    let (name, value) = statement.split_once('=')?;
    let name = name.trim_end_matches(BLANKS);
    let is_name = name.starts_with('$') && !name.contains(BLANKS);
    is_name.then(|| {
        format!(
            "write {name}={}: no blank may stand before the =",
            value.trim_start_matches(BLANKS)
        )
    })
}

/// A keyword of another block that is nearly the same.
fn elsewhere(word: &str) -> Option<String> {
    let all = Context::ALL.iter().filter(|context| context.shape() == Shape::Keywords);
    let name = keywords::nearest(
        word,
        all.flat_map(|context| context.keywords()).map(|keyword| keyword.name),
    )?;
    let homes: Vec<String> = keywords::homes(name).map(Context::place).collect();
    Some(format!("did you mean '{name}', which belongs {}?", homes.join(", ")))
}
