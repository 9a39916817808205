//! The keepalived.conf language: text in, typed configuration and diagnostics out.
//!
//! [`load`] never fails: it returns what it understood, what is wrong with the rest, and where. The stages each
//! take and give plain data:
//!
//! files ([`source`]) → logical lines (`preprocess`) → words (`grammar`, pest) → block tree (`tree`)
//! → [`Config`] (`build`), with one table of keywords ([`keywords`]) behind the last two.
//!
//! [`lint()`] gives advice on what was understood; [`check_interfaces`](host::check_interfaces) and
//! [`check_scripts`](host::check_scripts) say what it means on one host.
//! [`print()`] shows the block tree in a canonical layout; [`fmt()`] lays out a file line by line.
//!
//! The crate does not look at the host it runs on; whoever does hands in a [`Host`].
#![forbid(unsafe_code)]

mod build;
pub mod config;
pub mod diagnostic;
mod fmt;
mod grammar;
pub mod host;
pub mod keywords;
pub mod lint;
mod preprocess;
mod print;
pub mod source;
mod tree;

pub use config::Config;
pub use diagnostic::{Class, Code, Diagnostic, Note, Severity};
pub use fmt::fmt;
pub use host::Host;
pub use lint::{LintOff, lint};
pub use print::{Printed, print};
pub use source::{FileKind, FileLoader, Loader, MemoryLoader, SourceMap, Span, Spanned};

use std::collections::BTreeMap;
use std::path::Path;

/// What the command line and the environment add to the files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoadOptions {
    /// The id that `@id` lines are compared with and `${_INSTANCE}` stands for: option `-i`, else the host's name
    /// up to the first dot. Without one no `@id` line is taken.
    pub config_id: Option<String>,
    /// The environment variables that `${_ENV NAME}` may see.
    pub environment: BTreeMap<String, String>,
    /// Where `${_RANDOM}` starts when the file has no `random_seed`.
    pub random_seed: u64,
}

/// The result of [`load`].
#[derive(Clone, Debug)]
pub struct Loaded {
    /// What the files mean, with defaults and inheritance applied. Parts that had errors are left out or have
    /// the value that their diagnostic names.
    pub config: Config,
    /// Everything there is to say, in the order of files, lines and columns.
    pub diagnostics: Vec<Diagnostic>,
    /// The files, so that positions can be shown.
    pub sources: SourceMap,
    /// The `@holdfast lint_off` lines.
    pub lint_off: Vec<LintOff>,
}

impl Loaded {
    /// Is there a diagnostic of severity [`Severity::Error`]?
    pub fn has_errors(&self) -> bool {
        self.diagnostics
            .iter()
            .any(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// Is there a diagnostic that a daemon must not start with?
    pub fn is_fatal(&self) -> bool {
        self.diagnostics.iter().any(Diagnostic::is_fatal)
    }

    /// Adds what was found later: advice, and what the host has to say. Everything is in the order of the file again.
    pub fn add(&mut self, found: Vec<Diagnostic>) {
        self.diagnostics.extend(found);
        // That there is more stands at the end.
        let is_more = |it: &Diagnostic| it.code == diagnostic::findings::MORE.code;
        self.diagnostics.sort_by_key(|it| (is_more(it), it.place()));
    }

    /// The exit status that `-t` ends with: 0, 4, 5 or 6, decided by the highest [`Class`] as keepalived does.
    pub fn exit_code(&self) -> u8 {
        self.diagnostics
            .iter()
            .filter_map(|diagnostic| diagnostic.class)
            .max()
            .map_or(0, Class::exit_code)
    }
}

/// Reads the file at `path` and everything it includes through `loader`.
pub fn load(loader: &dyn Loader, path: &Path, options: &LoadOptions) -> Loaded {
    let (read, lent) = read_lending(loader, path, options);
    let Read { mut loaded, text, tree } = read;
    // Before the files are whole again, so that both are not held at once.
    drop(tree);
    lent.give_back(&text, &mut loaded.sources);
    loaded
}

/// What [`load`] gives, and what it was made from.
struct Read {
    loaded: Loaded,
    text: preprocess::Text,
    tree: tree::Tree,
}

fn read(loader: &dyn Loader, path: &Path, options: &LoadOptions) -> Read {
    let (mut read, lent) = read_lending(loader, path, options);
    lent.give_back(&read.text, &mut read.loaded.sources);
    read
}

/// Reads, and says what the sources lack until it is given back.
fn read_lending(loader: &dyn Loader, path: &Path, options: &LoadOptions) -> (Read, preprocess::Lent) {
    let preprocess::Preprocessed {
        text,
        sources,
        lent,
        mut diagnostics,
        switches,
    } = preprocess::preprocess(loader, path, options);
    let tree = tree::build(&text, &mut diagnostics);
    let config = build::build(&text, &tree, loader, &mut diagnostics);
    let read = Read {
        loaded: Loaded {
            config,
            diagnostics: diagnostics.finish(),
            sources,
            lint_off: lint_off(switches, &text),
        },
        text,
        tree,
    };
    (read, lent)
}

/// A `lint_off` line is about the block that it stands in.
fn lint_off(switches: Vec<lint::Switch>, text: &preprocess::Text) -> Vec<LintOff> {
    let blocks = tree::enclosing_blocks(text.as_str(), switches.iter().map(|switch| switch.at));
    let point = |at: u32| text.span(at..at);
    let span = |block: std::ops::Range<u32>| point(block.start)..point(block.end);
    let scoped = switches.into_iter().zip(blocks);
    scoped
        .map(|(switch, block)| LintOff::new(switch, block.map(span)))
        .collect()
}

#[cfg(test)]
mod tests;
