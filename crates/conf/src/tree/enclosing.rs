//! Which block a place is in.

use super::tokens::{Kind, tokens};
use std::ops::Range;

/// For each of some places, in ascending order: from the head of the innermost block around it to its `}`, or to the
/// end of the text. `None`: the place is outside of blocks.
///
/// Only the braces count: the keyword of the block may well be unknown.
pub(crate) fn enclosing_blocks(text: &str, places: impl IntoIterator<Item = u32>) -> Vec<Option<Range<u32>>> {
    let mut places = places.into_iter().peekable();
    if places.peek().is_none() {
        return Vec::new();
    }
    let end = u32::try_from(text.len()).unwrap_or(u32::MAX);
    let mut blocks: Vec<Range<u32>> = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    // For each place the index of its block.
    let mut around: Vec<Option<usize>> = Vec::new();
    let mut head = 0;
    for token in tokens(text) {
        let range = token.range();
        while places.next_if(|place| *place <= range.start).is_some() {
            around.push(open.last().copied());
        }
        match token.kind {
            Kind::Text => head = range.start,
            Kind::Open => {
                open.push(blocks.len());
                blocks.push(head..end);
            }
            Kind::Close => {
                if let Some(block) = open.pop().and_then(|index| blocks.get_mut(index)) {
                    block.end = range.start;
                }
            }
        }
    }
    around.extend(places.map(|_| open.last().copied()));
    let block = |index: Option<usize>| blocks.get(index?).cloned();
    around.into_iter().map(block).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_block_from_its_head_to_its_brace() {
        let text = "a {\nb {\nc\n}\nd\n}\ne\nf {\ng\n";
        let places = ["a {", "b {", "c\n", "d\n", "e\n", "g\n"];
        let places = places.map(|place| u32::try_from(text.find(place).unwrap()).unwrap());
        let end = u32::try_from(text.len()).unwrap();
        let found: Vec<_> = enclosing_blocks(text, places.into_iter().chain([end, end]))
            .into_iter()
            .map(|range| range.map(|range| text[range.start as usize..range.end as usize].replace('\n', " ")))
            .collect();
        let (outer, inner, open) = (Some("a { b { c } d "), Some("b { c "), Some("f { g "));
        let expected = [None, outer, inner, outer, None, open, open, open];
        assert_eq!(found.iter().map(Option::as_deref).collect::<Vec<_>>(), expected);
        assert_eq!(enclosing_blocks("", [0]), [None]);
        assert_eq!(enclosing_blocks("} }\n", [3]), [None]);
    }
}
