//! `holdfast print`: what a configuration says once includes, definitions, conditions and sequences are worked out,
//! in one canonical layout.
//!
//! Printed is the block tree with the values as they were written, so that keywords which do nothing yet survive.
//! Printing what was printed changes nothing, and both mean the same: that is what the tests of this module hold.

mod defaults;
mod errors;
mod quote;

use crate::keywords::{Context, Keyword, Shape, Value};
use crate::preprocess::Text;
use crate::tree::{Children, Tree};
use crate::{FileKind, LoadOptions, Loaded, Loader, grammar};
use std::collections::HashSet;
use std::ffi::OsString;
use std::io;
use std::path::Path;

/// How often a print is printed again until nothing more is left out.
const ROUNDS: usize = 8;

/// The result of [`print()`].
#[derive(Clone, Debug)]
pub struct Printed {
    /// The configuration.
    pub text: String,
    /// What it was printed from. Statements with errors that mean nothing are not in `text`; it says so at its top.
    pub loaded: Loaded,
}

/// Reads the file at `path` and everything it includes, and prints what it says: four blanks per block, one statement
/// on a line, keywords under their present names, quotes where they are needed. Comments name defaults that matter.
pub fn print(loader: &dyn Loader, path: &Path, options: &LoadOptions) -> Printed {
    let (mut text, read) = print_once(loader, path, options);
    // What is left out may bring out more that is wrong.
    for _ in 0..ROUNDS {
        if !text.starts_with(errors::LEFT_OUT) {
            break;
        }
        let printed = PrintAgain { text: &text, loader };
        let (again, _) = print_once(&printed, Path::new(PRINT), options);
        if again == text {
            break;
        }
        text = again;
    }
    Printed { text, loaded: read }
}

/// The name of a print that is read again.
const PRINT: &str = "print";

/// A print, and the files of the host beside it.
struct PrintAgain<'a> {
    text: &'a str,
    loader: &'a dyn Loader,
}

impl Loader for PrintAgain<'_> {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        if path == Path::new(PRINT) {
            return Ok(self.text.as_bytes().to_vec());
        }
        self.loader.read(path)
    }

    fn kind(&self, path: &Path) -> io::Result<FileKind> {
        if path == Path::new(PRINT) {
            return Ok(FileKind::Regular { executable: false });
        }
        self.loader.kind(path)
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<OsString>> {
        self.loader.list(directory)
    }
}

fn print_once(loader: &dyn Loader, path: &Path, options: &LoadOptions) -> (String, Loaded) {
    let read = crate::read(loader, path, options);
    let pruned = errors::prune(&read, loader);
    let mut printer = Printer {
        text: &read.text,
        tree: &pruned.tree,
        instances: defaults::instances(&read.loaded.config),
        out: String::new(),
        indent: 0,
        extensions: 0,
    };
    let mut said = HashSet::new();
    for line in errors::noted_before(&read.loaded.sources).chain(pruned.comments) {
        if said.insert(line.clone()) {
            printer.out.push_str(&line);
            printer.out.push('\n');
        }
    }
    if !printer.out.is_empty() {
        printer.out.push('\n');
    }
    printer.roots();
    (printer.out, read.loaded)
}

struct Printer<'a> {
    text: &'a Text,
    tree: &'a Tree,
    instances: defaults::Instances<'a>,
    out: String,
    /// Open blocks.
    indent: usize,
    /// How many of them keepalived does not know.
    extensions: usize,
}

impl<'a> Printer<'a> {
    /// An empty line stands between a block and what is next to it.
    fn roots(&mut self) {
        let tree = self.tree;
        let mut before: Option<bool> = None;
        for (index, node) in tree.roots() {
            let is_block = node.keyword.is_some_and(|keyword| keyword.block().is_some());
            if before.is_some_and(|was_block| was_block || is_block) {
                self.out.push('\n');
            }
            self.node(index, Context::Top, &[]);
            before = Some(is_block);
        }
    }

    fn block(&mut self, children: Children<'a>, context: Context, around: &[defaults::Block]) {
        for (index, _) in children {
            match context.shape() {
                Shape::Names => self.names(index),
                Shape::Lines => self.entry(index, context),
                Shape::Keywords => self.node(index, context, around),
            }
        }
    }

    /// A statement, or a block with all that is in it. `around` are the blocks around it, the innermost last.
    fn node(&mut self, index: usize, context: Context, around: &[defaults::Block]) {
        let tree = self.tree;
        let Some((node, written)) = tree.node(index).and_then(|node| Some((node, node.keyword?))) else {
            return;
        };
        let keyword = canonical(written, context);
        let arguments = self.arguments(keyword, node.text.clone());
        let extension = keyword.is_extension(&arguments);
        self.extensions += usize::from(extension);
        let mut statement = keyword.name.to_owned();
        for argument in arguments {
            statement.push(' ');
            statement.push_str(&argument);
        }
        if let Some(inner) = keyword.block() {
            statement.push_str(" {");
            self.line(&statement);
            self.indent += 1;
            let block = defaults::Block { index, context: inner };
            let around: Vec<defaults::Block> = around.iter().copied().chain([block]).collect();
            for comment in defaults::comments(&self.instances, self.tree, self.text, &around) {
                self.line(&comment);
            }
            self.block(tree.children(index), inner, &around);
            self.indent -= 1;
            self.line("}");
        } else {
            self.line(&statement);
        }
        self.extensions -= usize::from(extension);
    }

    fn arguments(&self, keyword: &Keyword, range: std::ops::Range<u32>) -> Vec<String> {
        let text = self.text.get(range.clone());
        if matches!(keyword.name, "regex" | "header" | "body") {
            let arguments = grammar::arguments(text).into_iter().skip(1);
            return arguments.map(|argument| quote::argument(&argument)).collect();
        }
        let statement = grammar::command_statement(text, range.start);
        if matches!(keyword.name, "send" | "expect" | "expect_start") {
            // Its bytes need not be text: they stay as they are written.
            let start = statement.map(|it| it.range.start.saturating_sub(range.start) as usize);
            return start
                .and_then(|start| text.get(start..))
                .map(str::to_owned)
                .into_iter()
                .collect();
        }
        let command = statement.filter(|_| keyword.value == Value::Script);
        if let Some(statement) = command {
            let argv = grammar::arguments(&statement.command);
            if statement.rest.iter().any(|word| word.contains('"')) {
                // An escaped quote in a user's name cannot be written in another way.
                let start = statement.range.start.saturating_sub(range.start) as usize;
                return text.get(start..).map(str::to_owned).into_iter().collect();
            }
            if !argv.is_empty() {
                let rest = statement.rest.iter().map(|word| quote::raw_argument(word));
                return [quote::command(&argv)].into_iter().chain(rest).collect();
            }
        }
        let words = grammar::words(text, range.start);
        words.iter().skip(1).map(|word| quote::word(word.text)).collect()
    }

    /// Names, which may stand many on a line; here each has its own.
    fn names(&mut self, index: usize) {
        let (tree, text) = (self.tree, self.text);
        let Some(node) = tree.node(index) else { return };
        for name in grammar::words(text.get(node.text.clone()), node.text.start) {
            self.line(&quote::first_word(name.text));
        }
    }

    /// A line of a block of lines, with the present names of its options.
    fn entry(&mut self, index: usize, context: Context) {
        let (tree, text) = (self.tree, self.text);
        let Some(node) = tree.node(index) else { return };
        let words = grammar::words(text.get(node.text.clone()), node.text.start);
        let mut line = String::new();
        // How many words from here on are values; none are counted once the options cannot be told from their values.
        let mut values = Some(0_usize);
        for word in &words {
            let option = context
                .find(word.text)
                .filter(|_| values == Some(0) && !line.is_empty());
            let shown = option.map_or(word.text, |option| canonical(option, context).name);
            values = match (option, values) {
                (Some(option), _) => value_count(option),
                (None, values) => values.map(|values| values.saturating_sub(1)),
            };
            if line.is_empty() {
                line = quote::first_word(shown);
            } else {
                line.push(' ');
                line.push_str(&quote::word(shown));
            }
        }
        self.line(&line);
    }

    fn line(&mut self, line: &str) {
        self.out.extend(std::iter::repeat_n("    ", self.indent));
        if self.extensions > 0 {
            // keepalived takes the line for one of another host.
            self.out.push_str("@holdfast ");
        }
        self.out.push_str(line);
        self.out.push('\n');
    }
}

/// The keyword that another name stands for, when it may stand there too.
fn canonical(keyword: &'static Keyword, context: Context) -> &'static Keyword {
    let meant = keyword.alias.and_then(|alias| context.find(alias.of));
    meant.unwrap_or(keyword)
}

/// How many words follow an option of a line, where that is certain.
fn value_count(option: &Keyword) -> Option<usize> {
    match option.value {
        Value::Flag => Some(0),
        Value::Text | Value::Script | Value::Block(_) | Value::Entry => None,
        _ => Some(1).filter(|_| !option.arguments.contains([' ', '['])),
    }
}

#[cfg(test)]
mod tests;
