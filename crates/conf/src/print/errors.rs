//! Statements that mean nothing because of errors: they are left out, and the first lines of the print say so.

use crate::diagnostic::{Diagnostic, Findings, Severity};
use crate::preprocess::Text;
use crate::source::{FileId, Loader, SourceMap, Span};
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
pub(super) fn prune(read: &Read, loader: &dyn Loader) -> Pruned {
    let Read { loaded, text, tree } = read;
    let errors = || loaded.diagnostics.iter().filter(|it| it.severity == Severity::Error);
    let places = Places::new(errors().filter_map(|error| error.span));
    let nodes = (0..tree.len()).take_while(|_| !places.0.is_empty());
    let candidates: Vec<(usize, Vec<Span>)> = nodes
        .filter_map(|index| Some((index, text.span(tree.node(index)?.text.clone()))))
        .map(|(index, span)| (index, places.in_statement(span, &loaded.sources)))
        .filter(|(_, places)| !places.is_empty())
        .collect();
    let nodes: Vec<usize> = candidates.iter().map(|(index, _)| *index).collect();
    let mut search = Search {
        text,
        tree,
        loader,
        config: without_warnings(&loaded.config),
        left_out: BTreeSet::new(),
        work: WORK,
    };
    search.leave_out(&nodes);
    let tree = tree.without(&search.left_out);
    let gone = search.gone();
    let stays = |index: usize| !gone.get(index).copied().unwrap_or_default();
    let kept: BTreeSet<Span> = candidates
        .into_iter()
        .filter(|(index, _)| stays(*index))
        .flat_map(|(_, places)| places)
        .collect();
    let left_out = errors().filter(|error| error.span.is_none_or(|place| !kept.contains(&place)));
    let comments = left_out.map(|error| comment(error, &loaded.sources)).collect();
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

/// The places of errors, by line.
struct Places(HashMap<(FileId, u32), BTreeSet<Span>>);

impl Places {
    fn new(places: impl Iterator<Item = Span>) -> Self {
        let mut lines: HashMap<_, BTreeSet<Span>> = HashMap::new();
        for span in places {
            lines.entry((span.file, span.line)).or_default().insert(span);
        }
        Self(lines)
    }

    /// Those in a statement.
    fn in_statement(&self, statement: Span, sources: &SourceMap) -> Vec<Span> {
        let places = self.0.get(&(statement.file, statement.line)).into_iter().flatten();
        let places = places.filter(|place| overlap(**place, statement) && comes_from(**place, statement, sources));
        places.copied().collect()
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
    loader: &'a dyn Loader,
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
        let config = build::build(self.text, &self.tree.without(&left_out), self.loader, &mut findings);
        if without_warnings(&config) == self.config {
            self.left_out = left_out;
        } else if candidates.len() > 1 {
            let (first, second) = candidates.split_at(candidates.len() / 2);
            self.leave_out(first);
            self.leave_out(second);
        }
    }

    /// For each node, whether it is left out, itself or with a block around it.
    fn gone(&self) -> Vec<bool> {
        let mut gone = vec![false; self.tree.len()];
        for index in &self.left_out {
            let end = self.tree.node(*index).map_or(*index, |node| node.end);
            if let Some(nodes) = gone.get_mut(*index..end) {
                nodes.fill(true);
            }
        }
        gone
    }
}
