//! All logical lines in one buffer, and a table that leads from a byte back to its file.

use super::line::{Line, Piece};
use crate::source::Span;
use std::ops::Range;

/// The logical lines. A byte's origin is found by binary search in the pieces, which are sorted by `at`.
#[derive(Debug, Default)]
pub(crate) struct Text {
    buffer: String,
    pieces: Vec<Piece>,
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

    pub(super) fn push_plain(&mut self, text: &str, start: Span) {
        self.pieces.push(Piece {
            at: self.at(),
            span: start,
            fixed: false,
        });
        self.buffer.push_str(text);
        self.buffer.push('\n');
    }

    pub(super) fn push(&mut self, line: &Line) {
        let at = self.at();
        self.pieces.extend(line.pieces().iter().map(|piece| Piece {
            at: at.saturating_add(piece.at),
            ..*piece
        }));
        self.buffer.push_str(line.as_str());
        self.buffer.push('\n');
    }

    /// Where a range of one logical line was written.
    pub(crate) fn span(&self, range: Range<u32>) -> Span {
        super::line::span(&self.pieces, range)
    }

    fn at(&self) -> u32 {
        u32::try_from(self.buffer.len()).unwrap_or(u32::MAX)
    }
}
