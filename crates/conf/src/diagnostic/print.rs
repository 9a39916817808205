//! The two faces of a diagnostic: one line for logs and `-t`, a drawing for terminals.

use super::{Diagnostic, Severity};
use crate::source::{SourceMap, Span};
use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Renderer, Snippet};
use std::fmt::Write;

impl Diagnostic {
    /// keepalived's form, with the column, the code and the hint added:
    /// `(FILE: Line N, column C) text [HF0123]`.
    pub fn one_line(&self, sources: &SourceMap) -> String {
        let mut line = String::new();
        if let Some(span) = self.span {
            let _ = write!(line, "({}) ", place(sources, span));
        }
        line.push_str(&self.message);
        for note in &self.notes {
            let _ = write!(line, "; {}", note.message);
            if let Some(span) = note.span {
                let _ = write!(line, " ({})", place(sources, span));
            }
        }
        if let Some(hint) = &self.hint {
            let _ = write!(line, " - {hint}");
        }
        let _ = write!(line, " [{}]", self.code);
        line.replace(char::is_control, "?")
    }

    /// The source lines with the place marked, the cause, the notes and the hint.
    pub fn drawn(&self, sources: &SourceMap, color: bool) -> String {
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
            Severity::Advice => Level::NOTE.with_name("advice"),
        };
        let drawing = Drawing::new(sources, self.span);
        let notes: Vec<_> = self
            .notes
            .iter()
            .map(|note| (note, Drawing::new(sources, note.span)))
            .collect();
        let chain = chain(sources, self.span);
        let code = self.code.to_string();
        let title = level.primary_title(self.message.as_str()).id(code.as_str());
        let mut title = title.elements(drawing.as_ref().map(Drawing::snippet));
        if let Some(hint) = &self.hint {
            title = title.element(Level::HELP.message(hint.as_str()));
        }
        for step in &chain {
            title = title.element(Level::NOTE.message(step.as_str()));
        }
        let mut report = vec![title];
        for (note, drawing) in &notes {
            let heading = Level::NOTE.secondary_title(note.message.as_str());
            report.push(match drawing {
                Some(drawing) => heading.element(drawing.snippet()),
                None => Group::with_title(heading),
            });
        }
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        renderer.render(&report)
    }
}

/// `FILE: Line N, column C`.
fn place(sources: &SourceMap, span: Span) -> String {
    let file = sources
        .path(span.file)
        .map(|path| path.display().to_string())
        .unwrap_or_default();
    if span.line == 0 {
        return file;
    }
    format!("{file}: Line {}, column {}", span.line, sources.character_column(span))
}

/// How the text came to stand where the diagnostic shows it: definitions inside out, then includes.
fn chain(sources: &SourceMap, span: Option<Span>) -> Vec<String> {
    let mut steps = Vec::new();
    let Some(span) = span else { return steps };
    let mut expansion = span.expansion;
    while let Some((name, defined_at)) = expansion.and_then(|id| sources.expansion(id)) {
        steps.push(format!("from {name}, {}", place(sources, defined_at)));
        expansion = defined_at.expansion;
    }
    let mut file = span.file;
    while let Some(include) = sources.included_at(file) {
        steps.push(format!("included from {}", place(sources, include)));
        file = include.file;
    }
    steps
}

/// One source line to draw. Only that line is handed over: drawing with the whole of a 20 MB file takes 90 ms.
struct Drawing {
    path: String,
    line: usize,
    text: String,
    marked: std::ops::Range<usize>,
}

impl Drawing {
    fn new(sources: &SourceMap, span: Option<Span>) -> Option<Self> {
        let span = span?;
        let bytes = sources.line(span.file, span.line)?;
        let before = (span.column.saturating_sub(1) as usize).min(bytes.len());
        let end = before.saturating_add(span.length as usize).min(bytes.len());
        // Columns count bytes of the file; what is drawn may be longer where bytes are not UTF-8.
        let lossy = |range: &[u8]| String::from_utf8_lossy(range).replace(|c: char| c.is_control() && c != '\t', "?");
        let mut text = lossy(bytes.get(..before)?);
        let start = text.len();
        text.push_str(&lossy(bytes.get(before..end)?));
        let stop = text.len();
        text.push_str(&lossy(bytes.get(end..)?));
        let path = sources.path(span.file)?.display().to_string();
        Some(Self {
            path,
            line: span.line as usize,
            text,
            marked: start..stop,
        })
    }

    fn snippet(&self) -> Snippet<'_, Annotation<'_>> {
        Snippet::source(self.text.as_str())
            .path(self.path.as_str())
            .line_start(self.line)
            .annotation(AnnotationKind::Primary.span(self.marked.clone()))
    }
}
