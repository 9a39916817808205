//! Files become logical lines: comments, conditions, definitions, sequences and includes are gone, and every byte
//! still knows where it was written.

mod definitions;
mod directive;
mod glob;
mod include;
mod lent;
mod line;
mod plain;
mod sequence;
mod text;

pub(crate) use lent::Lent;
pub(crate) use line::BLANKS;
pub(crate) use text::Text;

use crate::LoadOptions;
use crate::diagnostic::{Diagnostic, Findings, findings};
use crate::lint::Switch;
use crate::source::{FileId, Loader, SourceMap, Span};
use definitions::{Definitions, Substituted};
use include::Including;
use lent::LentFile;
use line::Line;
use plain::PlainLines;
use std::path::Path;

/// Some editors write it at the beginning of a file.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// keepalived reads lines of up to this many bytes.
const KEEPALIVED_LINE_BYTES: usize = 1022;
/// Longer lines are left out.
const LINE_BYTES: usize = 1 << 20;
/// Definitions inside definitions, and sequences that come out of them.
const EXPANSION_DEPTH: usize = 64;
/// Lines that definitions and sequences may make of one configuration.
const EXPANDED_LINES: usize = 2_000_000;
/// The id of lines that are always taken.
const HOLDFAST: &str = "holdfast";
/// Bytes of all logical lines together.
const TEXT_BYTES: usize = 1 << 28;

/// What the files say, line by line.
pub(crate) struct Preprocessed {
    /// The logical lines, each ended by a newline.
    pub text: Text,
    /// The files, without the content of those that are lent.
    pub sources: SourceMap,
    pub lent: Lent,
    /// What was wrong.
    pub diagnostics: Findings,
    /// The `@holdfast lint_off` lines.
    pub switches: Vec<Switch>,
}

/// Reads a file and what it includes.
pub(crate) fn preprocess(loader: &dyn Loader, path: &Path, options: &LoadOptions) -> Preprocessed {
    preprocess_up_to(EXPANDED_LINES, loader, path, options)
}

fn preprocess_up_to(lines: usize, loader: &dyn Loader, path: &Path, options: &LoadOptions) -> Preprocessed {
    let mut preprocessor = Preprocessor {
        loader,
        options,
        sources: SourceMap::default(),
        lent: Lent::default(),
        diagnostics: Findings::default(),
        switches: Vec::new(),
        text: Text::default(),
        definitions: Definitions::new(options.random_seed),
        including: Vec::new(),
        collecting: None,
        lines_left: lines,
        full: false,
        too_deep: false,
    };
    preprocessor.main_file(path);
    Preprocessed {
        text: preprocessor.text,
        sources: preprocessor.sources,
        lent: preprocessor.lent,
        diagnostics: preprocessor.diagnostics,
        switches: preprocessor.switches,
    }
}

struct Preprocessor<'a> {
    loader: &'a dyn Loader,
    options: &'a LoadOptions,
    sources: SourceMap,
    lent: Lent,
    diagnostics: Findings,
    switches: Vec<Switch>,
    text: Text,
    definitions: Definitions,
    /// The files being read, the innermost last.
    including: Vec<Including>,
    /// A definition whose last line ended in a backslash.
    collecting: Option<Collecting>,
    /// Lines that definitions and sequences may still make.
    lines_left: usize,
    /// A limit was hit: no more text is taken.
    full: bool,
    /// This physical line expands too deeply: the rest of its expansion is left out.
    too_deep: bool,
}

struct Collecting {
    name: String,
    lines: Vec<Line>,
}

impl Preprocessor<'_> {
    /// Reads all lines of a file that was just added to the sources. Says how to make its content again.
    fn file(&mut self, file: FileId, content: &[u8]) -> LentFile {
        let mut lent = LentFile::new(file);
        let (content, first_column) = match content.strip_prefix(BYTE_ORDER_MARK) {
            Some(rest) => {
                lent.not_in_text(BYTE_ORDER_MARK);
                (rest, 4)
            }
            None => (content, 1),
        };
        self.text.reserve(content);
        let mut lines = PlainLines::new(content);
        let mut start = Span {
            file,
            line: 1,
            column: first_column,
            ..Span::default()
        };
        while !self.full {
            if self.collecting.is_none()
                && let Some((plain, count)) = lines.take_plain()
            {
                lent.in_text(self.text.push_lines(plain, start));
                self.check_size(start);
                start.line = start.line.saturating_add(count);
            } else if let Some((bytes, whole)) = lines.take_line() {
                lent.not_in_text(whole);
                self.physical_line(bytes, start);
                start.line = start.line.saturating_add(1);
            } else {
                break;
            }
            start.column = 1;
        }
        lent.not_in_text(lines.rest());
        self.end_definition();
        lent
    }

    fn physical_line(&mut self, bytes: &[u8], start: Span) {
        self.too_deep = false;
        let whole = Span {
            length: u32::try_from(bytes.len()).unwrap_or(u32::MAX),
            ..start
        };
        if memchr::memchr(0, bytes).is_some() {
            self.diagnostics.push(Diagnostic::new(
                findings::NUL_BYTE,
                "The line holds a NUL byte and is ignored",
                Some(whole),
            ));
            return;
        }
        if !self.check_length(bytes.len(), whole) {
            return;
        }
        if self.collecting.is_none() && plain::is_comment(bytes) {
            self.text.push_lines("\n", start);
            return;
        }
        let mut line = Line::decode(bytes, start);
        let continued = line.as_str().ends_with('\\');
        line.strip_comment(&mut self.diagnostics);
        if let Some(span) = line.not_utf8() {
            self.diagnostics.push(
                Diagnostic::new(findings::NOT_UTF8, "These bytes are not UTF-8", Some(span))
                    .hint("save the file as UTF-8"),
            );
        }
        line.trim();
        if continued && self.collecting.is_some() && !line.as_str().ends_with('\\') {
            self.comment_ends_definition(whole);
        }
        let Some(line) = self.condition(line) else { return };
        if self.collecting.is_some() {
            self.collect(line);
        } else {
            self.logical_line(line, 0);
        }
    }

    /// keepalived drops long lines. We read them, but say that a file with them does not serve both.
    fn check_length(&mut self, bytes: usize, whole: Span) -> bool {
        if bytes > LINE_BYTES {
            let message = format!("The line has {bytes} bytes, more than {LINE_BYTES}, and is ignored");
            self.diagnostics
                .push(Diagnostic::new(findings::LINE_TOO_LONG, message, Some(whole)));
            return false;
        }
        if bytes > KEEPALIVED_LINE_BYTES {
            let message = format!(
                "The line has {bytes} bytes; Holdfast reads it, keepalived ignores lines of more than {KEEPALIVED_LINE_BYTES}"
            );
            self.diagnostics
                .push(Diagnostic::new(findings::LINE_LONG, message, Some(whole)));
        }
        true
    }

    fn check_size(&mut self, span: Span) {
        if self.text.len() > TEXT_BYTES && !self.full {
            self.full = true;
            let message = format!("The configuration is larger than {TEXT_BYTES} bytes; the rest is ignored");
            self.diagnostics
                .push(Diagnostic::new(findings::EXPANSION_LIMIT, message, Some(span)));
        }
    }

    /// `@id rest` and `@^id rest`. `@holdfast rest` is always taken: keepalived skips it.
    fn condition(&mut self, line: Line) -> Option<Line> {
        let Some(condition) = line.as_str().strip_prefix('@') else {
            return Some(line);
        };
        let end = condition.find(BLANKS)?;
        let (id, _) = condition.split_at(end);
        let taken = match id.strip_prefix('^') {
            Some(other) => !self.is_own_id(other),
            None => self.is_own_id(id),
        };
        if !taken {
            return None;
        }
        let mut rest = line.slice(end + 1..line.len());
        rest.trim();
        let switch = line.span().filter(|_| id == HOLDFAST);
        if let Some(switch) = switch.and_then(|span| Switch::read(rest.as_str(), span, self.text.len())) {
            self.switches.push(switch);
            return None;
        }
        Some(rest)
    }

    fn is_own_id(&self, id: &str) -> bool {
        id == HOLDFAST || self.options.config_id.as_deref() == Some(id)
    }

    /// Everything after comments and conditions. Called again for the lines that sequences and definitions make.
    fn logical_line(&mut self, line: Line, depth: usize) {
        if line.is_empty() || self.full || self.too_deep {
            return;
        }
        if depth > EXPANSION_DEPTH {
            self.too_deep = true;
            self.diagnostics.push(
                Diagnostic::new(
                    findings::DEFINITION_LOOP,
                    format!("Definitions and sequences are nested more than {EXPANSION_DEPTH} deep here; the line is ignored"),
                    line.span(),
                )
                .hint("a definition probably contains itself"),
            );
            return;
        }
        if let Some((name, value)) = definitions::definition(&line) {
            self.define(name, value);
            return;
        }
        if sequence::is_sequence(line.as_str()) {
            self.sequence(&line, depth);
            return;
        }
        let line = match self.substitute(line) {
            Substituted::Line(line) => line,
            Substituted::Lines(lines) => {
                for line in lines {
                    if self.count_expansion(line.span()) {
                        self.logical_line(line, depth + 1);
                    }
                }
                return;
            }
            Substituted::Nothing => return,
        };
        if let Some(include) = include::include(&line) {
            self.include(include);
            return;
        }
        self.directive(&line);
        if let Some(span) = line.span() {
            self.text.push(&line);
            self.check_size(span);
        }
    }

    fn count_expansion(&mut self, span: Option<Span>) -> bool {
        if self.lines_left == 0 && !self.full {
            self.full = true;
            let message = "Definitions and sequences make too many lines; the rest of the configuration is ignored";
            self.diagnostics
                .push(Diagnostic::new(findings::EXPANSION_LIMIT, message, span));
        }
        self.lines_left = self.lines_left.saturating_sub(1);
        !self.full
    }

    fn define(&mut self, name: String, mut value: Line) {
        if value.drop_trailing_backslash() {
            let mut lines = Vec::new();
            if !value.is_empty() {
                lines.push(value);
            }
            self.collecting = Some(Collecting { name, lines });
        } else {
            self.definitions.set(name, vec![value], false);
        }
    }

    /// One more line of a definition of several lines. The first without a backslash, or a blank one, ends it.
    fn collect(&mut self, mut line: Line) {
        let Some(collecting) = &mut self.collecting else { return };
        let more = line.drop_trailing_backslash();
        let blank = line.is_empty() && !more;
        if !line.is_empty() {
            collecting.lines.push(line);
        }
        if blank || !more {
            self.end_definition();
        }
    }

    /// keepalived reads a definition on only while lines end in a backslash outside comments.
    fn comment_ends_definition(&mut self, line: Span) {
        let name = self
            .collecting
            .as_ref()
            .map_or("", |collecting| collecting.name.as_str());
        let message = format!("The comment hides the backslash, so the definition of ${name} ends here");
        self.diagnostics.push(
            Diagnostic::new(findings::COMMENT_ENDS_DEFINITION, message, Some(line))
                .hint("remove the comment, and write it above the definition"),
        );
    }

    fn end_definition(&mut self) {
        if let Some(Collecting { name, lines }) = self.collecting.take() {
            self.definitions.set(name, lines, true);
        }
    }
}

#[cfg(test)]
mod tests;
