//! One line that is being worked on, every byte of which knows where it was written.

use crate::diagnostic::{Diagnostic, Findings, findings};
use crate::source::Span;
use std::ops::Range;

/// What separates words.
pub(crate) const BLANKS: [char; 5] = [' ', '\t', '\u{c}', '\u{b}', '\r'];

/// From byte `at` on, text was written at `span`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) at: u32,
    /// Of the first byte when the text follows the file byte for byte, else of the whole piece.
    pub(super) span: Span,
    /// The text was put in the place of `span`.
    pub(super) fixed: bool,
}

impl Piece {
    fn moved(self, bytes: u32) -> Self {
        if self.fixed {
            return self;
        }
        Self {
            span: Span {
                column: self.span.column.saturating_add(bytes),
                ..self.span
            },
            ..self
        }
    }
}

/// Where a byte comes from.
pub(super) struct Origin {
    /// The part of its piece that is on its line.
    pub(super) piece: Piece,
    /// Where the next piece begins.
    pub(super) end: u32,
}

/// Text of which every byte knows where it was written.
pub(super) trait Origins {
    /// `None` when nothing is known about any byte.
    fn origin(&self, at: u32) -> Option<Origin>;
}

impl Origins for [Piece] {
    fn origin(&self, at: u32) -> Option<Origin> {
        let index = self.partition_point(|piece| piece.at <= at).saturating_sub(1);
        Some(Origin {
            piece: *self.get(index)?,
            end: self.get(index + 1).map_or(u32::MAX, |next| next.at),
        })
    }
}

/// The place of a range, which lies on one line.
pub(super) fn span(origins: &(impl Origins + ?Sized), range: Range<u32>) -> Span {
    let Some(Origin {
        piece: first,
        end: next,
    }) = origins.origin(range.start)
    else {
        return Span::default();
    };
    let start = first.moved(range.start.saturating_sub(first.at)).span;
    if first.fixed {
        return start;
    }
    let own = range.end.min(next).saturating_sub(range.start);
    if range.end <= next {
        return Span { length: own, ..start };
    }
    let Some(Origin { piece: last, .. }) = origins.origin(range.end.saturating_sub(1).max(range.start)) else {
        return start;
    };
    let end = if last.fixed {
        last.span.column.saturating_add(last.span.length)
    } else {
        last.span.column.saturating_add(range.end.saturating_sub(last.at))
    };
    let same_line = (last.span.file, last.span.line) == (start.file, start.line);
    let length = if same_line && end >= start.column {
        end - start.column
    } else {
        own
    };
    Span { length, ..start }
}

#[derive(Clone, Debug, Default)]
pub(super) struct Line {
    text: String,
    pieces: Vec<Piece>,
    /// Bytes of the text that stand for bytes that were not UTF-8.
    replaced: Option<u32>,
}

fn offset(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

impl Line {
    /// Bytes that are not UTF-8 become replacement characters.
    pub(super) fn decode(bytes: &[u8], start: Span) -> Self {
        let mut line = Self::default();
        let mut column = start.column;
        for chunk in bytes.utf8_chunks() {
            if !chunk.valid().is_empty() {
                line.pieces.push(Piece {
                    at: offset(line.text.len()),
                    span: Span { column, ..start },
                    fixed: false,
                });
                line.text.push_str(chunk.valid());
                column = column.saturating_add(offset(chunk.valid().len()));
            }
            if !chunk.invalid().is_empty() {
                let length = offset(chunk.invalid().len());
                let at = offset(line.text.len());
                line.pieces.push(Piece {
                    at,
                    span: Span {
                        column,
                        length,
                        ..start
                    },
                    fixed: true,
                });
                line.replaced.get_or_insert(at);
                line.text.push(char::REPLACEMENT_CHARACTER);
                column = column.saturating_add(length);
            }
        }
        line
    }

    /// Text that stands in the place of something else.
    pub(super) fn fixed(text: &str, place: Span) -> Self {
        Self {
            text: text.to_owned(),
            pieces: vec![Piece {
                at: 0,
                span: place,
                fixed: true,
            }],
            replaced: None,
        }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    pub(super) fn len(&self) -> usize {
        self.text.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    pub(super) fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// The place of the whole line.
    pub(super) fn span(&self) -> Option<Span> {
        Some(self.span_of(0..self.len())).filter(|_| !self.is_empty())
    }

    pub(super) fn span_of(&self, range: Range<usize>) -> Span {
        span(self.pieces.as_slice(), offset(range.start)..offset(range.end))
    }

    /// Where the first bytes that were not UTF-8 are, if they are still part of the line.
    pub(super) fn not_utf8(&self) -> Option<Span> {
        let at = self.replaced.filter(|at| (*at as usize) < self.len())? as usize;
        Some(self.span_of(at..at + 1))
    }

    pub(super) fn slice(&self, range: Range<usize>) -> Self {
        let Some(text) = self.text.get(range.clone()) else {
            return Self::default();
        };
        let (start, end) = (offset(range.start), offset(range.end));
        let first = self.pieces.partition_point(|piece| piece.at <= start).saturating_sub(1);
        let pieces = self
            .pieces
            .iter()
            .skip(first)
            .take_while(|piece| piece.at < end)
            .map(|piece| Piece {
                at: piece.at.saturating_sub(start),
                ..piece.moved(start.saturating_sub(piece.at))
            })
            .collect();
        Self {
            text: text.to_owned(),
            pieces,
            replaced: None,
        }
    }

    pub(super) fn append(&mut self, other: &Self) {
        let at = offset(self.text.len());
        self.pieces.extend(other.pieces.iter().map(|piece| Piece {
            at: at.saturating_add(piece.at),
            ..*piece
        }));
        self.text.push_str(&other.text);
    }

    pub(super) fn trim(&mut self) {
        self.truncate(self.text.trim_end_matches(BLANKS).len());
        let start = self.len() - self.text.trim_start_matches(BLANKS).len();
        if start > 0 {
            let replaced = self.replaced;
            *self = self.slice(start..self.len());
            self.replaced = replaced.map(|at| at.saturating_sub(offset(start)));
        }
    }

    pub(super) fn truncate(&mut self, length: usize) {
        if self.text.is_char_boundary(length) {
            self.text.truncate(length);
            self.pieces.retain(|piece| (piece.at as usize) < length);
        }
    }

    /// Ends the line before a trailing backslash. True when there was one.
    pub(super) fn drop_trailing_backslash(&mut self) -> bool {
        let Some(length) = self.text.strip_suffix('\\').map(str::len) else {
            return false;
        };
        self.truncate(length);
        self.trim();
        true
    }

    /// Removes what follows `#` or `!` outside quotes, and the backslash of `\#` and `\!`. An open quote ends with
    /// the line, or before a last `{`, which most likely was not meant to be quoted.
    pub(super) fn strip_comment(&mut self, diagnostics: &mut Findings) {
        let mut quote = None;
        let mut escapes = Vec::new();
        let mut previous = 0;
        let mut end = self.text.len();
        for (at, byte) in self.text.bytes().enumerate() {
            match byte {
                b'"' => quote = if quote.is_some() { None } else { Some(at) },
                b'#' | b'!' if quote.is_none() => {
                    if previous != b'\\' {
                        end = at;
                        break;
                    }
                    escapes.push(at - 1);
                }
                _ => {}
            }
            previous = byte;
        }
        self.truncate(end);
        if let Some(at) = quote {
            let span = self.span_of(at..self.len());
            diagnostics.push(
                Diagnostic::new(
                    findings::UNTERMINATED_QUOTE,
                    "The quote that opens here is never closed",
                    Some(span),
                )
                .hint("write a \" at its end; a quoted text cannot span lines"),
            );
            self.close_quote(at);
        }
        if !escapes.is_empty() {
            self.remove_bytes(&escapes);
        }
    }

    fn close_quote(&mut self, open: usize) {
        let body = self.text.trim_end_matches(BLANKS);
        let end = body
            .strip_suffix('{')
            .filter(|rest| rest.len() > open)
            .map_or(body.len(), str::len);
        let mut closed = self.slice(0..end);
        let brace = self.slice(end..body.len());
        let last = self.span_of(end.saturating_sub(1)..end);
        closed.append(&Self::fixed(
            "\"",
            Span {
                column: last.column.saturating_add(last.length),
                length: 0,
                ..last
            },
        ));
        closed.append(&brace);
        *self = closed;
    }

    fn remove_bytes(&mut self, positions: &[usize]) {
        let mut kept = Self::default();
        let mut start = 0;
        for position in positions.iter().copied() {
            kept.append(&self.slice(start..position));
            start = position + 1;
        }
        kept.append(&self.slice(start..self.len()));
        kept.replaced = self.replaced;
        *self = kept;
    }
}
