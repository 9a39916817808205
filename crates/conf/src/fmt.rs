//! `holdfast fmt`: lays a file out anew, line by line, and changes nothing that the file means.
//!
//! Definitions are never looked up, so whatever could mean something else once they are (a line with `$NAME` in it,
//! the text of a definition, a sequence, an include) is only indented. In all other lines braces get one blank on
//! each side, and a `{` on a line of its own moves up to its keyword.
#![deny(clippy::arithmetic_side_effects)]

mod line;

use line::{Kind, Line, Token};

/// Blanks per block.
const INDENT: usize = 4;
/// Deeper blocks are not indented further: no configuration has them.
const DEEPEST: usize = 64;
/// keepalived ignores longer lines, so no line is made longer than this.
const LONGEST: usize = 1022;
/// Longer lines are ignored; a shorter one would not be.
const IGNORED: usize = 1 << 20;

/// The byte order mark, which some editors write at the beginning of a file.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// Lays out a file: four blanks per block, no blanks at line ends, at most one empty line in a row, a newline at the
/// end. The result means what the file means, and laying it out again changes nothing.
pub fn fmt(content: &[u8]) -> Vec<u8> {
    let (mark, content) = match content.strip_prefix(MARK) {
        Some(rest) => (MARK, rest),
        None => (&[] as &[u8], content),
    };
    let mut layout = Layout {
        out: mark.to_vec(),
        start: mark.len(),
        ..Layout::default()
    };
    let content = content.strip_suffix(b"\n").unwrap_or(content);
    for physical in content.split(|byte| *byte == b'\n') {
        layout.physical_line(physical);
    }
    layout.out
}

#[derive(Default)]
struct Layout {
    out: Vec<u8>,
    /// Where the first line begins.
    start: usize,
    /// Open blocks.
    depth: usize,
    /// An empty line stands before the next one.
    blank: bool,
    /// The lines of a definition, as far as one can tell without knowing which conditions hold; blocks open in it.
    definition: Option<usize>,
    /// The end of the last line, when a `{` may be put there.
    joinable: Option<usize>,
    /// Lines with conditions that follow each other: most likely one of them holds. What each has open.
    alternatives: Vec<(Vec<u8>, usize)>,
    /// A definition may come out of a definition: nothing is certain any more.
    wary: bool,
}

impl Layout {
    fn physical_line(&mut self, bytes: &[u8]) {
        let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
        if bytes.len() > IGNORED {
            self.joinable = None;
            return self.push(0, bytes, bytes);
        }
        let trimmed = line::trim(bytes);
        if trimmed.is_empty() {
            self.blank = true;
            self.definition = None;
            return;
        }
        if trimmed.contains(&0) {
            self.joinable = None;
            return self.push(self.comment_depth(), trimmed, trimmed);
        }
        let line = Line::split(trimmed);
        if line.code.is_empty() {
            self.joinable = None;
            self.definition = None;
            return self.push(self.comment_depth(), trimmed, trimmed);
        }
        if self.definition.is_some() {
            self.definition_line(&line);
        } else {
            self.code_line(&line);
        }
    }

    /// The depth of what has no condition.
    fn comment_depth(&self) -> usize {
        self.alternatives.last().map_or(self.depth, |(_, depth)| *depth)
    }

    /// A line of a definition that began further up: keeps its text.
    fn definition_line(&mut self, line: &Line<'_>) {
        let body = line.body.strip_suffix(b"\\");
        let tokens = line::tokens(body.unwrap_or(line.body));
        let local = self.definition.unwrap_or_default();
        let (indent, after) = blocks(&tokens, local);
        let base = self.comment_depth().saturating_add(1);
        self.push(base.saturating_add(indent), &line.text(line.body), line.whole);
        self.joinable = None;
        // Used, this line would begin a definition that the lines after the use belong to.
        self.wary |= body.is_some_and(|body| line::trim(body).ends_with(b"\\"));
        // A condition that does not hold leaves the line out, and does not end the definition.
        let goes_on = body.is_some() || line.condition.is_some();
        self.definition = Some(after).filter(|_| goes_on);
    }

    fn code_line(&mut self, line: &Line<'_>) {
        let kind = line.kind();
        let tokens = match kind {
            Kind::Plain | Kind::Fixed => line::tokens(line.body),
            Kind::Sequence(body) => line::tokens(body),
            Kind::Definition { .. } | Kind::Include | Kind::Dropped => Vec::new(),
        };
        let (indent, after) = self.count(line.condition, &tokens);
        if let Kind::Definition { goes_on: true, value } = kind {
            let value = value.strip_suffix(b"\\").unwrap_or(value);
            self.definition = Some(blocks(&line::tokens(value), 0).1);
        }
        let plain = matches!(kind, Kind::Plain) && !self.wary;
        let body = if plain { spaced(&tokens) } else { line.body.to_vec() };
        let text = line.text(&body);
        let joined = plain && line.condition.is_none() && tokens.first() == Some(&Token::Open) && self.join(&text);
        if !joined {
            self.push(indent, &text, line.whole);
        }
        let ends_in_text = matches!(tokens.last(), Some(Token::Text(_)));
        let joinable = plain && line.condition.is_none() && line.comment.is_empty() && ends_in_text;
        self.joinable = joinable.then(|| self.out.len().saturating_sub(1));
        self.depth = after;
    }

    /// The indentation of a line and the depth after it. Lines with different conditions are alternatives.
    fn count(&mut self, condition: Option<&[u8]>, tokens: &[Token<'_>]) -> (usize, usize) {
        let Some(condition) = condition else {
            let deepest = self.alternatives.drain(..).map(|(_, depth)| depth).max();
            return blocks(tokens, deepest.unwrap_or(self.depth));
        };
        let known = self.alternatives.iter().position(|(id, _)| id == condition);
        let (id, depth) = match known {
            Some(index) => self.alternatives.remove(index),
            None => (condition.to_vec(), self.depth),
        };
        let (indent, after) = blocks(tokens, depth);
        // The last one is the one that a comment belongs to.
        self.alternatives.push((id, after));
        (indent, self.depth)
    }

    /// Puts a line that begins with `{` at the end of the line before.
    fn join(&mut self, text: &[u8]) -> bool {
        let Some(end) = self.joinable.filter(|end| *end >= self.start) else {
            return false;
        };
        let before = self.out.get(..end).unwrap_or_default();
        let start = memchr::memrchr(b'\n', before).map_or(self.start, |newline| newline.saturating_add(1));
        let length = end.saturating_sub(start).saturating_add(text.len()).saturating_add(1);
        if length > LONGEST {
            return false;
        }
        self.out.truncate(end);
        self.out.push(b' ');
        self.out.extend_from_slice(text);
        self.out.push(b'\n');
        self.blank = false;
        true
    }

    fn push(&mut self, indent: usize, text: &[u8], as_written: &[u8]) {
        if self.out.is_empty() && as_written.starts_with(MARK) {
            // At the very beginning it would no longer be text.
            self.out.push(b' ');
        }
        if std::mem::take(&mut self.blank) && self.out.len() > self.start {
            self.out.push(b'\n');
        }
        let indent = indent.min(DEEPEST).saturating_mul(INDENT);
        let length = indent.saturating_add(text.len());
        if length > LONGEST && length > as_written.len() {
            self.out.extend_from_slice(as_written);
        } else {
            self.out.resize(self.out.len().saturating_add(indent), b' ');
            self.out.extend_from_slice(text);
        }
        self.out.push(b'\n');
    }
}

/// The depth of a line, whose first `}` belong to the blocks that they close, and the depth after it.
fn blocks(tokens: &[Token<'_>], depth: usize) -> (usize, usize) {
    let leading = tokens.iter().take_while(|token| **token == Token::Close).count();
    let after = tokens.iter().fold(depth, |depth, token| match token {
        Token::Open => depth.saturating_add(1),
        Token::Close => depth.saturating_sub(1),
        Token::Text(_) => depth,
    });
    (depth.saturating_sub(leading), after)
}

/// One blank on each side of a brace.
fn spaced(tokens: &[Token<'_>]) -> Vec<u8> {
    let words: Vec<&[u8]> = tokens
        .iter()
        .map(|token| match token {
            Token::Text(text) => text,
            Token::Open => &b"{"[..],
            Token::Close => &b"}"[..],
        })
        .collect();
    words.join(&b' ')
}

#[cfg(test)]
mod tests;
