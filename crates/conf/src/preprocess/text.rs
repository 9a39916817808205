//! All logical lines in one buffer, and tables that lead from a byte back to its file.
//!
//! A large file is mostly lines that stand in the text as they stand in the file, one after the other: those share
//! one piece. What sequences make is many lines of few places: pieces share their spans.

use super::line::{Line, Origin, Origins, Piece};
use crate::source::Span;
use std::cell::Cell;
use std::ops::Range;

/// Spans that were used lately, so that most are kept once. A power of two.
const RECENT: usize = 256;

/// The logical lines. A byte's origin is found by binary search, or beside the last one that was asked for.
#[derive(Debug)]
pub(crate) struct Text {
    buffer: String,
    /// Where lines begin, and where the next one will.
    line_starts: Vec<u32>,
    /// Sorted by `at`.
    pieces: Vec<Place>,
    spans: Vec<Span>,
    recent: [u32; RECENT],
    last_line: Cell<usize>,
    last_piece: Cell<usize>,
}

/// A [`Piece`] in twelve bytes. One that is not fixed goes on over line ends, as the file does.
#[derive(Clone, Copy, Debug)]
struct Place {
    at: u32,
    /// The index of the logical line in which it begins.
    line: u32,
    /// Twice the index of its span, and one more when it is fixed.
    span: u32,
}

impl Place {
    fn is_fixed(self) -> bool {
        self.span & 1 == 1
    }
}

impl Default for Text {
    fn default() -> Self {
        Self {
            buffer: String::new(),
            line_starts: vec![0],
            pieces: Vec::new(),
            spans: Vec::new(),
            recent: [0; RECENT],
            last_line: Cell::new(0),
            last_piece: Cell::new(0),
        }
    }
}

impl Text {
    pub(crate) fn as_str(&self) -> &str {
        &self.buffer
    }

    pub(crate) fn len(&self) -> usize {
        self.buffer.len()
    }

    /// The bytes of a range that the later stages keep.
    pub(crate) fn get(&self, range: Range<u32>) -> &str {
        self.buffer
            .get(range.start as usize..range.end as usize)
            .unwrap_or_default()
    }

    /// Makes room for the lines of a file.
    pub(super) fn reserve(&mut self, content: &[u8]) {
        // Mostly one file is all there is. Growing bit by bit would copy the text again and again.
        self.buffer.reserve_exact(content.len());
        self.line_starts
            .reserve_exact(memchr::memchr_iter(b'\n', content).count());
    }

    /// Adds whole lines of a file as they are, each ended by a newline, the first from `start` on. Returns where they are.
    pub(super) fn push_lines(&mut self, lines: &str, start: Span) -> Range<u32> {
        if !self.follows(start) {
            let piece = Piece {
                at: self.at(),
                span: Span { length: 0, ..start },
                fixed: false,
            };
            self.push_piece(&piece);
        }
        let at = self.buffer.len();
        self.buffer.push_str(lines);
        let ends = memchr::memchr_iter(b'\n', lines.as_bytes());
        self.line_starts.extend(ends.map(|end| offset(at + end + 1)));
        offset(at)..self.at()
    }

    pub(super) fn push(&mut self, line: &Line) {
        let at = self.at();
        for piece in line.pieces() {
            self.push_piece(&Piece {
                at: at.saturating_add(piece.at),
                ..*piece
            });
        }
        self.buffer.push_str(line.as_str());
        self.buffer.push('\n');
        self.line_starts.push(self.at());
    }

    /// Where a range of one logical line was written.
    pub(crate) fn span(&self, range: Range<u32>) -> Span {
        super::line::span(self, range)
    }

    /// The parts of a range that come from one place each. True: the part stands in the place of something else.
    #[cfg(test)]
    pub(crate) fn parts(&self, range: Range<u32>) -> Vec<(Range<u32>, bool)> {
        let mut parts = Vec::new();
        let mut at = range.start;
        while let Some(origin) = self.origin(at).filter(|_| at < range.end) {
            let end = origin.end.min(range.end);
            parts.push((at..end, origin.piece.fixed));
            at = end;
        }
        parts
    }

    /// Does the last piece lead to `start` when it goes on?
    fn follows(&self, start: Span) -> bool {
        let Some((last, span)) = self
            .pieces
            .last()
            .filter(|last| !last.is_fixed())
            .and_then(|last| Some((last, self.span_at(*last)?)))
        else {
            return false;
        };
        let lines = self.next_line().saturating_sub(last.line);
        let place = |span: Span| (span.file, span.expansion);
        lines > 0 && start.column == 1 && place(span) == place(start) && span.line.saturating_add(lines) == start.line
    }

    fn push_piece(&mut self, piece: &Piece) {
        let span = self.intern(piece.span) << 1 | u32::from(piece.fixed);
        if self.pieces.last().is_some_and(|last| last.span == span && piece.fixed) {
            return;
        }
        self.pieces.push(Place {
            at: piece.at,
            line: self.next_line(),
            span,
        });
    }

    /// The index of a span: of an equal one that was used lately, or of a new one.
    fn intern(&mut self, span: Span) -> u32 {
        let mix = |hash: u32, value: u32| (hash ^ value).wrapping_mul(0x9e37_79b1).rotate_left(15);
        let hash = mix(mix(span.line, span.column), span.expansion.map_or(0, |id| id.0 + 1));
        let new = offset(self.spans.len());
        let Some(slot) = self.recent.get_mut(hash as usize % RECENT) else {
            return new;
        };
        if self.spans.get(*slot as usize) == Some(&span) {
            return *slot;
        }
        *slot = new;
        self.spans.push(span);
        new
    }

    fn span_at(&self, place: Place) -> Option<Span> {
        self.spans.get((place.span >> 1) as usize).copied()
    }

    /// The index of the line that is added next.
    fn next_line(&self) -> u32 {
        offset(self.line_starts.len() - 1)
    }

    fn at(&self) -> u32 {
        offset(self.buffer.len())
    }
}

impl Origins for Text {
    fn origin(&self, at: u32) -> Option<Origin> {
        let index = near(&self.pieces, &self.last_piece, at, |piece| piece.at);
        let place = *self.pieces.get(index)?;
        let end = self.pieces.get(index + 1).map_or(u32::MAX, |next| next.at);
        let mut piece = Piece {
            at: place.at,
            span: self.span_at(place)?,
            fixed: place.is_fixed(),
        };
        if !piece.fixed {
            let line = near(&self.line_starts, &self.last_line, at, |start| *start);
            let lines = offset(line).saturating_sub(place.line);
            if lines > 0 {
                piece.at = *self.line_starts.get(line)?;
                piece.span.line = piece.span.line.saturating_add(lines);
                piece.span.column = 1;
            }
        }
        Some(Origin { piece, end })
    }
}

/// The last of sorted items that begins at or before `at`. It is mostly the one found last, or the next.
fn near<T>(items: &[T], last: &Cell<usize>, at: u32, start: impl Fn(&T) -> u32) -> usize {
    let begins = |index: usize| items.get(index).is_some_and(|item| start(item) <= at);
    let mut index = last.get();
    if begins(index) {
        for _ in 0..4 {
            if !begins(index + 1) {
                last.set(index);
                return index;
            }
            index += 1;
        }
    }
    index = items.partition_point(|item| start(item) <= at).saturating_sub(1);
    last.set(index);
    index
}

fn offset(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}
