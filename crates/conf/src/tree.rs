//! Logical lines become a tree of blocks, with the keywords looked up on the way.
//!
//! What the braces say and what the keywords say rarely disagree. Where they do, the braces of one root block at a
//! time are counted: with one `{` too many, a keyword that belongs in a surrounding block tells where the `}` was
//! meant; with one `}` too many, a keyword that belongs in the block just closed tells which `}` was not. The next
//! root block always starts afresh.

mod enclosing;
mod prune;
mod recovery;
mod tokens;

pub(crate) use enclosing::enclosing_blocks;

use crate::diagnostic::{Diagnostic, Findings, findings};
use crate::keywords::{Context, Keyword, Shape};
use crate::preprocess::Text;
use std::ops::Range;
use tokens::{Chunks, Kind, Token};

/// Blocks inside blocks.
const NESTING: usize = 64;

/// A statement, a line of a block of lines, or a block. The nodes of a tree stand in the order of the text.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// The keyword it begins with; `None` in blocks of lines and names.
    pub keyword: Option<&'static Keyword>,
    /// Its text, for a block the text before the brace.
    pub text: Range<u32>,
    /// The index of the first node that is not part of it.
    pub end: usize,
}

/// All statements that have a meaning.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    nodes: Vec<Node>,
}

impl Tree {
    /// The root statements and blocks.
    pub(crate) fn roots(&self) -> Children<'_> {
        Children {
            tree: self,
            next: 0,
            end: self.nodes.len(),
        }
    }

    /// A node by its index.
    pub(crate) fn node(&self, index: usize) -> Option<&Node> {
        self.nodes.get(index)
    }

    /// What stands in a block.
    pub(crate) fn children(&self, index: usize) -> Children<'_> {
        let end = self.nodes.get(index).map_or(index, |node| node.end);
        Children {
            tree: self,
            next: index + 1,
            end,
        }
    }
}

/// Walks the nodes of one block.
pub(crate) struct Children<'a> {
    tree: &'a Tree,
    next: usize,
    end: usize,
}

impl<'a> Iterator for Children<'a> {
    type Item = (usize, &'a Node);

    fn next(&mut self) -> Option<Self::Item> {
        let index = self.next;
        let node = self.tree.nodes.get(index).filter(|_| index < self.end)?;
        self.next = node.end.max(index + 1);
        Some((index, node))
    }
}

/// Builds the tree, and says what is wrong with braces and keywords.
pub(crate) fn build(text: &Text, diagnostics: &mut Findings) -> Tree {
    let tokens = tokens::tokens(text.as_str());
    let chunks = Chunks::new(text, &tokens);
    let mut builder = Builder {
        text,
        tokens: &tokens,
        diagnostics,
        nodes: Vec::with_capacity(tokens.len()),
        stack: Vec::new(),
        pending: Pending::Nothing,
        too_deep: 0,
        missing_closes: 0,
        extra_closes: 0,
        strays: 0,
        suspect: None,
    };
    for at in 0..tokens.len() {
        if let Some(balance) = chunks.starting_at(at) {
            builder.start_chunk(at, balance);
        }
        builder.token(at);
    }
    builder.end_chunk(None);
    Tree { nodes: builder.nodes }
}

struct Builder<'a> {
    text: &'a Text,
    tokens: &'a [Token],
    diagnostics: &'a mut Findings,
    nodes: Vec<Node>,
    stack: Vec<Open>,
    /// What a `{` as the next token would open.
    pending: Pending,
    /// Open braces beyond the limit.
    too_deep: usize,
    /// `{` and `}` that this chunk has too many of, as far as they are not explained yet.
    missing_closes: usize,
    extra_closes: usize,
    /// `{` of this chunk that opened nothing.
    strays: usize,
    /// A block whose `}` is not where the block's indentation says, and that `}`.
    suspect: Option<(Range<u32>, Range<u32>)>,
}

/// A block that is open.
struct Open {
    /// Its node; none when the block is skipped or was opened by a stray `{`.
    node: Option<usize>,
    content: Content,
    head: Range<u32>,
}

#[derive(Clone, Copy)]
enum Content {
    Known(Context),
    /// An unknown block: nothing in it means anything.
    Skipped,
}

enum Pending {
    Nothing,
    Block(usize, Context),
    Unknown(Range<u32>),
}

/// The first word of a statement, as far as keywords go.
fn first_word(statement: &str) -> &str {
    let ends = |byte: u8| byte == b'"' || crate::preprocess::BLANKS.contains(&char::from(byte));
    let end = statement.bytes().position(ends);
    statement.get(..end.unwrap_or(statement.len())).unwrap_or_default()
}

impl Builder<'_> {
    fn token(&mut self, at: usize) {
        let Some(token) = self.tokens.get(at) else { return };
        match token.kind {
            Kind::Text if self.too_deep == 0 => self.statement(at, token.range()),
            Kind::Text => {}
            Kind::Open => self.open(token.range()),
            Kind::Close => self.close(at, token.range()),
        }
    }

    fn content(&self) -> Content {
        self.stack
            .last()
            .map_or(Content::Known(Context::Top), |open| open.content)
    }

    fn statement(&mut self, at: usize, range: Range<u32>) {
        self.pending = Pending::Nothing;
        let text = self.text;
        let word = first_word(text.get(range.clone()));
        let Content::Known(mut context) = self.content() else {
            self.pending = Pending::Unknown(range);
            return;
        };
        let mut found = context.find(word);
        let belongs = context.shape() == Shape::Keywords && found.is_some();
        if !belongs && self.missing_closes > 0 && self.close_for(word, &range) {
            let Content::Known(outer) = self.content() else { return };
            context = outer;
            found = context.find(word);
        }
        match (context.shape(), found) {
            (Shape::Keywords, Some(keyword)) => self.keyword(at, range, keyword, context),
            (Shape::Keywords, None) => {
                let is_block = self.next_is(at, Kind::Open);
                self.unknown_keyword(word, &range, context, is_block);
                self.pending = Pending::Unknown(range);
            }
            (Shape::Lines | Shape::Names, _) => self.push(None, range),
        }
    }

    fn keyword(&mut self, at: usize, range: Range<u32>, keyword: &'static Keyword, context: Context) {
        let Some(inner) = keyword.block() else {
            return self.push(Some(keyword), range);
        };
        let node = self.nodes.len();
        self.push(Some(keyword), range.clone());
        self.pending = Pending::Block(node, inner);
        if !self.next_is(at, Kind::Open) {
            self.pending = Pending::Nothing;
            self.missing_open(at, &range, node, inner, context);
        }
    }

    fn push(&mut self, keyword: Option<&'static Keyword>, text: Range<u32>) {
        let end = self.nodes.len() + 1;
        self.nodes.push(Node { keyword, text, end });
    }

    fn next_is(&self, at: usize, kind: Kind) -> bool {
        self.tokens.get(at + 1).is_some_and(|token| token.kind == kind)
    }

    fn open(&mut self, brace: Range<u32>) {
        if self.stack.len() >= NESTING {
            if self.too_deep == 0 {
                let message = format!("Blocks are nested more than {NESTING} deep; what is deeper is ignored");
                let span = self.text.span(brace);
                self.diagnostics
                    .push(Diagnostic::new(findings::NESTING_LIMIT, message, Some(span)));
            }
            self.too_deep += 1;
            return;
        }
        let content = self.content();
        let opened = match (std::mem::replace(&mut self.pending, Pending::Nothing), content) {
            (Pending::Block(node, inner), _) => {
                let head = self.nodes.get(node).map_or(brace, |node| node.text.clone());
                Open {
                    node: Some(node),
                    content: Content::Known(inner),
                    head,
                }
            }
            (Pending::Unknown(head), _) => Open {
                node: None,
                content: Content::Skipped,
                head,
            },
            (Pending::Nothing, Content::Skipped) => Open {
                node: None,
                content,
                head: brace,
            },
            (Pending::Nothing, Content::Known(_)) => {
                self.stray_open(&brace);
                Open {
                    node: None,
                    content,
                    head: brace,
                }
            }
        };
        self.stack.push(opened);
    }

    fn close(&mut self, at: usize, brace: Range<u32>) {
        self.pending = Pending::Nothing;
        if self.too_deep > 0 {
            self.too_deep -= 1;
        } else if self.stack.is_empty() {
            self.extra_close(&brace);
        } else if !(self.extra_closes > 0 && self.is_early(at, &brace)) {
            self.note_indentation(&brace);
            self.pop();
        }
    }

    fn pop(&mut self) -> Option<Open> {
        let open = self.stack.pop()?;
        let end = self.nodes.len();
        if let Some(node) = open.node.and_then(|node| self.nodes.get_mut(node)) {
            node.end = end;
        }
        Some(open)
    }
}

#[cfg(test)]
mod positions;
#[cfg(test)]
mod tests;
