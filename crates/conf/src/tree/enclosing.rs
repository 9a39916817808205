//! Which block a place is in.

use super::tokens::{Kind, tokens};
use std::ops::Range;

/// From the head of the innermost block around a place to its `}`, or to the end of the text. `None`: the place is
/// outside of blocks.
///
/// Only the braces count: the keyword of the block may well be unknown.
pub(crate) fn enclosing_block(text: &str, at: u32) -> Option<Range<u32>> {
    let mut heads = Vec::new();
    let mut head = 0;
    // The blocks around the place, once it is passed.
    let mut around = None;
    for token in tokens(text) {
        let range = token.range();
        if range.start >= at && around.is_none() {
            around = Some(heads.len());
        }
        match token.kind {
            Kind::Text => head = range.start,
            Kind::Open => heads.push(head),
            Kind::Close => {
                let head = heads.pop();
                if around.is_some_and(|around| heads.len() < around) {
                    return Some(head?..range.start);
                }
            }
        }
    }
    let around = around.unwrap_or(heads.len());
    let head = heads.get(around.checked_sub(1)?).copied()?;
    Some(head..u32::try_from(text.len()).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_block_from_its_head_to_its_brace() {
        let text = "a {\nb {\nc\n}\nd\n}\ne\nf {\ng\n";
        let block = |place: &str| {
            let at = u32::try_from(text.find(place).unwrap()).unwrap();
            enclosing_block(text, at).map(|range| text[range.start as usize..range.end as usize].replace('\n', " "))
        };
        assert_eq!(block("c\n").as_deref(), Some("b { c "));
        assert_eq!(block("d\n").as_deref(), Some("a { b { c } d "));
        assert_eq!(block("b {").as_deref(), Some("a { b { c } d "));
        assert_eq!(block("e\n"), None);
        assert_eq!(block("a {"), None);
        assert_eq!(block("g\n").as_deref(), Some("f { g "), "never closed");
        assert_eq!(enclosing_block("", 0), None);
        assert_eq!(enclosing_block("} }\n", 3), None);
        let end = u32::try_from(text.len()).unwrap();
        assert_eq!(enclosing_block(text, end), Some(end - 6..end));
    }
}
