//! `holdfast check --format json`: what was found, for programs.
//!
//! The names are stable; new ones may be added.

use holdfast_conf::{Diagnostic, Loaded, Severity, SourceMap, Span};
use serde::Serialize;

/// Everything about one file.
#[derive(Serialize)]
struct Report<'a> {
    /// How many findings there are of each severity.
    errors: usize,
    warnings: usize,
    advice: usize,
    findings: Vec<Finding<'a>>,
}

#[derive(Serialize)]
struct Finding<'a> {
    /// `error`, `warning` or `advice`.
    severity: &'static str,
    /// Such as `HF0300`.
    code: String,
    message: &'a str,
    #[serde(flatten)]
    place: Place,
    notes: Vec<Note<'a>>,
    /// What to write instead.
    hint: Option<&'a str>,
}

#[derive(Serialize)]
struct Note<'a> {
    message: &'a str,
    #[serde(flatten)]
    place: Place,
}

/// All null where a finding has no place; no line where it is about a file as a whole.
#[derive(Default, Serialize)]
struct Place {
    file: Option<String>,
    /// From 1.
    line: Option<u32>,
    /// In characters, from 1.
    column: Option<usize>,
    /// In characters.
    length: Option<usize>,
}

impl Place {
    fn new(sources: &SourceMap, span: Option<Span>) -> Self {
        let Some(span) = span else {
            return Self::default();
        };
        let file = sources.path(span.file).map(|path| path.display().to_string());
        if span.line == 0 {
            return Self {
                file,
                ..Self::default()
            };
        }
        let text = sources.text(span).unwrap_or_default();
        Self {
            file,
            line: Some(span.line),
            column: Some(sources.character_column(span)),
            length: Some(String::from_utf8_lossy(text).chars().count()),
        }
    }
}

/// The findings as JSON, in the order of files, lines and columns.
pub fn report(loaded: &Loaded) -> serde_json::Result<String> {
    let count = |severity| {
        let those = loaded.diagnostics.iter().filter(|it| it.severity == severity);
        those.count()
    };
    serde_json::to_string_pretty(&Report {
        errors: count(Severity::Error),
        warnings: count(Severity::Warning),
        advice: count(Severity::Advice),
        findings: loaded
            .diagnostics
            .iter()
            .map(|diagnostic| finding(&loaded.sources, diagnostic))
            .collect(),
    })
}

fn finding<'a>(sources: &SourceMap, diagnostic: &'a Diagnostic) -> Finding<'a> {
    let note = |note: &'a holdfast_conf::Note| Note {
        message: &note.message,
        place: Place::new(sources, note.span),
    };
    Finding {
        severity: match diagnostic.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Advice => "advice",
        },
        code: diagnostic.code.to_string(),
        message: &diagnostic.message,
        place: Place::new(sources, diagnostic.span),
        notes: diagnostic.notes.iter().map(note).collect(),
        hint: diagnostic.hint.as_deref(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdfast_conf::{LoadOptions, MemoryLoader, load};
    use serde_json::json;
    use std::path::Path;

    fn json_of(text: &str) -> serde_json::Value {
        let files = MemoryLoader::new().with("k.conf", text);
        let loaded = load(&files, Path::new("k.conf"), &LoadOptions::default());
        serde_json::from_str(&report(&loaded).unwrap()).unwrap()
    }

    #[test]
    fn findings_have_their_place_in_characters() {
        let found = json_of("global_defs {\n  \"é\" router_idd x\n  ruoter_id x\n}\n");
        assert_eq!(found["errors"], 2);
        let second = &found["findings"][1];
        assert_eq!(second["severity"], "error");
        assert_eq!(second["code"], "HF0300");
        assert_eq!(second["file"], "k.conf");
        assert_eq!(
            (&second["line"], &second["column"], &second["length"]),
            (&json!(3), &json!(3), &json!(9))
        );
        assert_eq!(second["hint"], "did you mean 'router_id'?");
        assert_eq!(second["notes"], json!([]));
    }

    #[test]
    fn notes_have_places_of_their_own() {
        let found = json_of("vrrp_instance A {\n}\nvrrp_instance A {\n}\n");
        let twice = found["findings"]
            .as_array()
            .unwrap()
            .iter()
            .find(|it| it["code"] == "HF0401")
            .unwrap();
        assert_eq!(twice["line"], 3);
        assert_eq!(twice["notes"][0]["line"], 1);
    }

    #[test]
    fn a_clean_file_has_an_empty_list() {
        assert_eq!(
            json_of(""),
            json!({"errors": 0, "warnings": 0, "advice": 0, "findings": []})
        );
    }
}
