//! `docs/diagnostics`: a page for each finding, and their list.

use std::fmt::Write as _;

use holdfast_conf::Severity;
use holdfast_conf::diagnostic::findings::{self, Finding};

/// File names and texts.
pub(super) fn pages() -> Vec<(String, String)> {
    let mut pages = vec![("README.md".to_owned(), list())];
    pages.extend(
        findings::ALL
            .iter()
            .map(|finding| (format!("{}.md", finding.code), page(finding))),
    );
    pages
}

fn list() -> String {
    let mut text = String::from(
        "# Diagnostics\n\n\
         Everything that Holdfast can say about a configuration. Codes are stable: none is used again for something else.\n\
         `holdfast explain HF0300` shows a page on a terminal. `cargo xtask docs` writes these pages.\n\n\
         | code | severity | finding |\n| --- | --- | --- |\n",
    );
    for finding in findings::ALL {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "| [{code}]({code}.md) | {} | {} |",
            severity(finding.severity),
            super::cell(finding.title),
            code = finding.code,
        );
    }
    text
}

fn page(finding: &Finding) -> String {
    let mut text = format!("# {}: {}\n\n{}.\n", finding.code, finding.title, consequence(finding));
    if let Some(explanation) = finding.explanation() {
        let _ = write!(text, "\n{}\n", explanation.why);
        if !explanation.wrong.is_empty() {
            let _ = write!(text, "\nAn example:\n\n```\n{}```\n", explanation.wrong);
        }
        if !explanation.right.is_empty() {
            let _ = write!(text, "\nMended:\n\n```\n{}```\n", explanation.right);
        }
    }
    text
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Advice => "advice",
    }
}

/// The severity, and what `-t` makes of it.
fn consequence(finding: &Finding) -> String {
    let name = match finding.severity {
        Severity::Error => "An error",
        Severity::Warning => "A warning",
        Severity::Advice => "Advice",
    };
    match finding.class {
        _ if finding.severity == Severity::Advice => format!(
            "Advice; only `holdfast check` gives it. Off: `@holdfast lint_off {code}` in the file, for all of it or in a block for \
             that block (keepalived skips the line), or `holdfast check --allow {code}`",
            code = finding.code
        ),
        Some(class) => format!("{name}; `-t` ends with at least {}", class.exit_code()),
        None => format!("{name}; it does not change the exit status of `-t`"),
    }
}
