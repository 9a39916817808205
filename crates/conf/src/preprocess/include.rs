//! The main file and the include family.

use super::Preprocessor;
use super::glob::{self, Matches};
use super::line::{BLANKS, Line};
use crate::diagnostic::{Diagnostic, findings};
use crate::source::{FileKind, Span};
use std::path::{Path, PathBuf};

/// Files inside files.
const INCLUDE_DEPTH: usize = 64;

/// Files in all.
const FILES: usize = 10_000;

/// A file being read.
pub(super) struct Including {
    path: PathBuf,
    directory: PathBuf,
    /// The checks of plain `include` lines, which end with the file.
    pub(super) checks: Checks,
}

/// An include line.
pub(super) struct Include {
    keyword: String,
    checks: Checks,
    pattern: String,
    span: Span,
}

/// What must hold, or the configuration is refused.
#[derive(Clone, Copy, Default)]
#[allow(clippy::struct_excessive_bools)] // four independent checks
pub(super) struct Checks {
    /// Every file that matches can be read and is an ordinary file.
    read: bool,
    /// A name without wildcards exists.
    matches: bool,
    /// A pattern with wildcards matches something.
    wildcard: bool,
    /// Every `{a,b}` alternative matches something.
    brace: bool,
}

impl Checks {
    pub(super) const ALL: Self = Self {
        read: true,
        matches: true,
        wildcard: true,
        brace: true,
    };

    /// Is it a word of `include_check`?
    pub(super) fn is_check(word: &str) -> bool {
        Self::default().check(word).is_some()
    }

    /// Sets a check by its word; nothing when there is none of that name.
    pub(super) fn set(&mut self, word: &str, holds: bool) {
        if let Some(check) = self.check(word) {
            *check = holds;
        }
    }

    fn check(&mut self, word: &str) -> Option<&mut bool> {
        Some(match word {
            "read" => &mut self.read,
            "match" => &mut self.matches,
            "wildcard_match" => &mut self.wildcard,
            "brace_match" => &mut self.brace,
            _ => return None,
        })
    }

    fn of(keyword: &str) -> Option<Self> {
        let (none, read) = (
            Self::default(),
            Self {
                read: true,
                ..Self::default()
            },
        );
        Some(match keyword {
            "include" => none,
            "includer" => read,
            "includem" => Self { matches: true, ..read },
            "includew" => Self {
                matches: true,
                wildcard: true,
                ..read
            },
            "includeb" => Self { brace: true, ..read },
            "includea" => Self::ALL,
            _ => return None,
        })
    }
}

/// Is the line an include? One without a pattern is left to be an unknown keyword.
pub(super) fn include(line: &Line) -> Option<Include> {
    let (keyword, pattern) = line.as_str().split_once(BLANKS)?;
    let checks = Checks::of(keyword)?;
    let pattern = pattern.trim_matches(BLANKS).to_owned();
    let span = line.span()?;
    Some(Include {
        keyword: keyword.to_owned(),
        checks,
        pattern,
        span,
    })
}

impl Preprocessor<'_> {
    pub(super) fn main_file(&mut self, path: &Path) {
        let readable = match self.loader.kind(path) {
            Ok(FileKind::Regular { executable: false }) => self.loader.read(path).map_err(|error| error.to_string()),
            Ok(kind) => Err(describe(kind).to_owned()),
            Err(error) => Err(error.to_string()),
        };
        match readable {
            Ok(content) => self.read_file(path.to_owned(), content, None),
            Err(reason) => {
                let file = self.sources.add_file(path.to_owned(), Vec::new(), None);
                let message = format!("Cannot read the configuration {}: {reason}", path.display());
                self.diagnostics.push(Diagnostic::new(
                    findings::FILE_UNREADABLE,
                    message,
                    Some(Span {
                        file,
                        ..Span::default()
                    }),
                ));
            }
        }
    }

    /// The directory of the file being read.
    pub(super) fn directory(&self) -> &Path {
        self.including
            .last()
            .map_or(Path::new("."), |file| file.directory.as_path())
    }

    fn read_file(&mut self, path: PathBuf, content: Vec<u8>, included_at: Option<Span>) {
        let directory = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        let file = self.sources.add_file(path.clone(), content, included_at);
        let checks = self.include_checks();
        self.including.push(Including {
            path,
            directory,
            checks,
        });
        let content = self.sources.take_content(file);
        let lent = self.file(file, &content);
        if let Err(content) = self.lent.take(lent, content) {
            self.sources.put_content(file, content);
        }
        self.including.pop();
    }

    /// What `include_check` asks of plain `include` lines here.
    fn include_checks(&self) -> Checks {
        self.including.last().map(|file| file.checks).unwrap_or_default()
    }

    pub(super) fn include(&mut self, mut include: Include) {
        if include.keyword == "include" {
            include.checks = self.include_checks();
        }
        let include = &include;
        if self.including.len() >= INCLUDE_DEPTH {
            let message = format!("Includes are nested more than {INCLUDE_DEPTH} deep; this one is ignored");
            self.diagnostics
                .push(Diagnostic::new(findings::INCLUDE_DEPTH, message, Some(include.span)));
            return;
        }
        let directory = self.including.last().filter(|file| file.path.components().count() > 1);
        let directory = directory.map(|file| file.directory.clone()).unwrap_or_default();
        let matches = glob::expand(self.loader, &directory, &include.pattern);
        for branch in &matches {
            self.check_branch(include, branch, matches.len() > 1);
        }
        for path in matches.into_iter().flat_map(|branch| branch.paths) {
            self.include_path(include, path);
        }
    }

    fn check_branch(&mut self, include: &Include, branch: &Matches, alternatives: bool) {
        if !branch.paths.is_empty() {
            return;
        }
        let must = if alternatives && include.checks.brace {
            true
        } else if branch.wildcard {
            include.checks.wildcard
        } else {
            include.checks.matches
        };
        let message = format!("{} '{}' matches no file", include.keyword, branch.pattern);
        if must {
            self.diagnostics
                .push(Diagnostic::new(findings::INCLUDE_CHECK, message, Some(include.span)));
        } else if !branch.wildcard {
            self.diagnostics
                .push(Diagnostic::new(findings::INCLUDE_MISSING, message, Some(include.span)));
        }
    }

    fn include_path(&mut self, include: &Include, path: PathBuf) {
        if self.full {
            return;
        }
        if let Some(open) = self.including.iter().find(|file| file.path == path) {
            let message = format!("{} includes itself; the line is ignored", open.path.display());
            self.diagnostics
                .push(Diagnostic::new(findings::INCLUDE_LOOP, message, Some(include.span)));
            return;
        }
        if self.sources.file_count() >= FILES {
            self.full = true;
            let message = format!("More than {FILES} files are included; the rest of the configuration is ignored");
            self.diagnostics
                .push(Diagnostic::new(findings::INCLUDE_LIMIT, message, Some(include.span)));
            return;
        }
        let content = match self.loader.kind(&path) {
            Ok(FileKind::Regular { executable: false }) => self.loader.read(&path),
            Ok(kind) => {
                let message = format!("{} {} and is skipped", path.display(), describe(kind));
                self.skipped(include, findings::INCLUDE_SKIPPED, message);
                return;
            }
            Err(error) => Err(error),
        };
        match content {
            Ok(content) => self.read_file(path, content, Some(include.span)),
            Err(error) => {
                let message = format!("{} cannot be read: {error}", path.display());
                self.skipped(include, findings::INCLUDE_UNREADABLE, message);
            }
        }
    }

    fn skipped(&mut self, include: &Include, finding: findings::Finding, message: String) {
        let finding = if include.checks.read {
            findings::INCLUDE_CHECK
        } else {
            finding
        };
        self.diagnostics
            .push(Diagnostic::new(finding, message, Some(include.span)));
    }
}

fn describe(kind: FileKind) -> &'static str {
    match kind {
        FileKind::Regular { executable: true } => "is an executable file",
        FileKind::Regular { executable: false } => "is an ordinary file",
        FileKind::Directory => "is a directory",
        FileKind::Other => "is not an ordinary file",
    }
}
