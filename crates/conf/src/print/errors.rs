//! Statements that mean nothing because of errors: they are left out, and the first lines of the print say so.

use crate::diagnostic::{Diagnostic, Findings, Severity};
use crate::preprocess::Text;
use crate::source::{FileId, SourceMap, Span};
use crate::tree::Tree;
use crate::{Config, Read, build};
use std::collections::{BTreeSet, HashMap};

/// What begins the lines that name what is left out. Printing a print keeps them.
pub(super) const LEFT_OUT: &str = "# left out: ";

/// Statements that may be read again while looking for those that mean nothing.
const WORK: usize = 3_000_000;

/// What is printed.
pub(super) struct Pruned {
    pub(super) tree: Tree,
    /// A comment for each error whose statement is not in the tree.
    pub(super) comments: Vec<String>,
}

/// What an earlier print left out.
pub(super) fn noted_before(sources: &SourceMap) -> impl Iterator<Item = String> {
    let lines = (1..).map_while(|line| sources.line(FileId(0), line));
    lines
        .map_while(|line| std::str::from_utf8(line).ok())
        .take_while(|line| line.starts_with(LEFT_OUT))
        .map(|line| line.trim_end().to_owned())
}

/// Takes the statements out that an error is about, unless the configuration would not be the same without them.
pub(super) fn prune(read: &Read) -> Pruned {
    let Read { loaded, text, tree } = read;
    let errors = loaded.diagnostics.iter().filter(|it| it.severity == Severity::Error);
    let places = Places::new(errors);
    let nodes = (0..tree.len()).take_while(|_| !places.errors.is_empty());
    let candidates: Vec<(usize, Vec<usize>)> = nodes
        .filter_map(|index| Some((index, text.span(tree.node(index)?.text.clone()))))
        .map(|(index, span)| (index, places.in_statement(span, &loaded.sources)))
        .filter(|(_, errors)| !errors.is_empty())
        .collect();
    let nodes: Vec<usize> = candidates.iter().map(|(index, _)| *index).collect();
    let mut search = Search {
        text,
        tree,
        config: without_warnings(&loaded.config),
        left_out: BTreeSet::new(),
        work: WORK,
    };
    search.leave_out(&nodes);
    let tree = tree.without(&search.left_out);
    let mut kept = BTreeSet::new();
    for (index, hit) in candidates {
        if !search.left_out.iter().any(|out| search.is_in(index, *out)) {
            kept.extend(hit);
        }
    }
    let left_out = places.errors.iter().zip(0..).filter(|(_, at)| !kept.contains(at));
    let comments = left_out.map(|(error, _)| comment(error, &loaded.sources)).collect();
    Pruned { tree, comments }
}

fn comment(error: &Diagnostic, sources: &SourceMap) -> String {
    let place = error.span.and_then(|span| Some((sources.path(span.file)?, span.line)));
    let place = place.map(|(path, line)| format!("{}:{line}: ", path.display()));
    let comment = format!(
        "{LEFT_OUT}{}{} [{}]",
        place.unwrap_or_default(),
        error.message,
        error.code
    );
    comment.replace(char::is_control, "?")
}

/// A configuration as far as its meaning goes: names that are no longer in use count for nothing.
fn without_warnings(config: &Config) -> Config {
    Config {
        not_in_effect: Vec::new(),
        ..config.clone()
    }
}

/// The errors of each line.
struct Places<'a> {
    errors: Vec<&'a Diagnostic>,
    lines: HashMap<(FileId, u32), Vec<usize>>,
}

impl<'a> Places<'a> {
    fn new(errors: impl Iterator<Item = &'a Diagnostic>) -> Self {
        let errors: Vec<&Diagnostic> = errors.collect();
        let mut lines: HashMap<_, Vec<usize>> = HashMap::new();
        for (span, at) in errors.iter().map(|error| error.span).zip(0..) {
            if let Some(span) = span {
                lines.entry((span.file, span.line)).or_default().push(at);
            }
        }
        Self { errors, lines }
    }

    /// The errors about a statement or a part of it.
    fn in_statement(&self, statement: Span, sources: &SourceMap) -> Vec<usize> {
        let Some(errors) = self.lines.get(&(statement.file, statement.line)) else {
            return Vec::new();
        };
        let is_in = |at: &usize| {
            let error = self.errors.get(*at).and_then(|error| error.span);
            error.is_some_and(|error| overlap(error, statement) && comes_from(error, statement, sources))
        };
        errors.iter().copied().filter(is_in).collect()
    }
}

fn overlap(left: Span, right: Span) -> bool {
    let end = |span: Span| span.column.saturating_add(span.length.max(1));
    left.column < end(right) && right.column < end(left)
}

/// Did the error's text come out of the same definition as the statement, or out of one that is used in it?
fn comes_from(error: Span, statement: Span, sources: &SourceMap) -> bool {
    let Some(expansion) = statement.expansion else {
        return true;
    };
    let mut at = error.expansion;
    while let Some(id) = at {
        if id == expansion {
            return true;
        }
        at = sources.expansion(id).and_then(|(_, defined_at)| defined_at.expansion);
    }
    false
}

/// Halves the statements until it is known which ones mean nothing.
struct Search<'a> {
    text: &'a Text,
    tree: &'a Tree,
    config: Config,
    left_out: BTreeSet<usize>,
    work: usize,
}

impl Search<'_> {
    fn leave_out(&mut self, candidates: &[usize]) {
        if candidates.is_empty() {
            return;
        }
        let Some(work) = self.work.checked_sub(self.tree.len()) else {
            return;
        };
        self.work = work;
        let mut left_out = self.left_out.clone();
        left_out.extend(candidates);
        let mut findings = Findings::default();
        let config = build::build(self.text, &self.tree.without(&left_out), &mut findings);
        if without_warnings(&config) == self.config {
            self.left_out = left_out;
        } else if candidates.len() > 1 {
            let (first, second) = candidates.split_at(candidates.len() / 2);
            self.leave_out(first);
            self.leave_out(second);
        }
    }

    /// Is a node another one, or in it?
    fn is_in(&self, node: usize, block: usize) -> bool {
        let end = self.tree.node(block).map_or(block, |block| block.end);
        (block..end).contains(&node)
    }
}
