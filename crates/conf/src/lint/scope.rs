//! All `lint_off` lines together, so that a piece of advice finds those around it without looking at every one.

use super::{Allow, LintOff};
use crate::diagnostic::Code;
use crate::source::{FileId, SourceMap, Span};
use std::cmp::Reverse;
use std::collections::HashMap;

/// Line and column.
type Point = (u32, u32);

/// What is switched off where.
pub(super) struct Scopes<'a> {
    sources: &'a SourceMap,
    everywhere: Vec<Allow>,
    blocks: HashMap<FileId, Vec<Block>>,
}

/// A block with `lint_off` lines. The blocks of a file are sorted by their start.
struct Block {
    start: Point,
    end: Point,
    /// The next block around it that has `lint_off` lines.
    around: Option<usize>,
    allow: Vec<Allow>,
}

impl<'a> Scopes<'a> {
    pub(super) fn new(lint_off: &[LintOff], sources: &'a SourceMap) -> Self {
        let mut scopes = Self {
            sources,
            everywhere: Vec::new(),
            blocks: HashMap::new(),
        };
        for off in lint_off {
            let Some(block) = &off.block else {
                merge(&mut scopes.everywhere, &off.allow);
                continue;
            };
            // A block may end in another file than it begins in.
            let ends_here = block.end.file == block.start.file;
            scopes.blocks.entry(block.start.file).or_default().push(Block {
                start: point(block.start),
                end: if ends_here {
                    point(block.end)
                } else {
                    (u32::MAX, u32::MAX)
                },
                around: None,
                allow: off.allow.clone(),
            });
        }
        for blocks in scopes.blocks.values_mut() {
            nest(blocks);
        }
        scopes
    }

    /// Is this advice switched off at this place?
    pub(super) fn cover(&self, code: Code, mut place: Option<Span>) -> bool {
        let named = |allow: &[Allow]| allow.iter().any(|allow| allow.names(code));
        // What an included file says is said where it is included, too.
        while let Some(span) = place {
            if self.around(span).any(named) {
                return true;
            }
            place = self.sources.included_at(span.file);
        }
        named(&self.everywhere)
    }

    /// What the blocks around a place switch off, inside out.
    fn around(&self, place: Span) -> impl Iterator<Item = &[Allow]> {
        let blocks = self.blocks.get(&place.file).map_or(&[][..], Vec::as_slice);
        let place = point(place);
        let last = blocks.partition_point(|block| block.start <= place).checked_sub(1);
        let chain = std::iter::successors(last, |index| blocks.get(*index)?.around);
        chain
            .filter_map(|index| blocks.get(index))
            .filter(move |block| place <= block.end)
            .map(|block| block.allow.as_slice())
    }
}

fn point(span: Span) -> Point {
    (span.line, span.column)
}

fn merge(into: &mut Vec<Allow>, more: &[Allow]) {
    for allow in more {
        if !into.contains(allow) {
            into.push(*allow);
        }
    }
}

/// Sorts blocks, makes one of equal ones, and finds for each the one around it.
fn nest(blocks: &mut Vec<Block>) {
    blocks.sort_by_key(|block| (block.start, Reverse(block.end)));
    blocks.dedup_by(|second, first| {
        let same = (second.start, second.end) == (first.start, first.end);
        if same {
            merge(&mut first.allow, &second.allow);
        }
        same
    });
    let mut open: Vec<(usize, Point)> = Vec::new();
    for (index, block) in blocks.iter_mut().enumerate() {
        while open.pop_if(|(_, end)| *end < block.start).is_some() {}
        block.around = open.last().map(|(outer, _)| *outer);
        open.push((index, block.end));
    }
}
