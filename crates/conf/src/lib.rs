//! The keepalived.conf language: text in, typed configuration and diagnostics out.
//!
//! [`load`] never fails: it returns what it understood, what is wrong with the rest, and where. The stages each
//! take and give plain data:
//!
//! files ([`source`]) → logical lines (`preprocess`) → words (`grammar`, pest) → block tree (`tree`)
//! → [`Config`] (`build`, `resolve`), with one table of keywords (`keywords`) behind the last two.
//!
//! The crate does not look at the host it runs on; whoever uses the [`Config`] checks interfaces, users and
//! scripts, and can complain at the [`Span`]s that it carries.
#![forbid(unsafe_code)]

mod build;
pub mod config;
pub mod diagnostic;
mod grammar;
pub mod keywords;
mod preprocess;
pub mod source;
mod tree;

pub use config::Config;
pub use diagnostic::{Class, Code, Diagnostic, Note, Severity};
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
    let preprocess::Preprocessed {
        text,
        sources,
        mut diagnostics,
    } = preprocess::preprocess(loader, path, options);
    let tree = tree::build(&text, &mut diagnostics);
    let config = build::build(&text, &tree, &mut diagnostics);
    Loaded {
        config,
        diagnostics: diagnostics.finish(),
        sources,
    }
}

#[cfg(test)]
mod tests;
