//! `docs/configuration.md`: every keyword.

use std::fmt::Write as _;

use holdfast_conf::keywords::{Context, Keyword, LEXICAL, Shape, Status};

use super::{cell, code_cell};

const HEAD: &str = "\
# The configuration language

Holdfast reads keepalived.conf. This page lists every keyword with the block that it belongs in; it is written by
`cargo xtask docs` from the table that the parser itself uses, and `holdfast explain KEYWORD` shows the same on a terminal.

*valid* says what is accepted where the arguments do not say it all; *since* is the version of keepalived that brought the
keyword, when 2.2.7 does not know it. A keyword with *no* in the last column is read and checked, and a warning names it,
but nothing acts on it yet.
";

/// The whole page.
pub(super) fn page() -> String {
    let mut text = HEAD.to_owned();
    section(&mut text, "On every line", "", None, &mut LEXICAL.iter());
    for context in Context::ALL.iter().copied() {
        let paths: Vec<String> = context.paths().iter().map(|path| format!("`{path}`")).collect();
        let (title, place) = if context == Context::Top {
            ("The top level".to_owned(), String::new())
        } else {
            (
                format!("`{}`", context.title()),
                format!("Block: {}.\n", paths.join(", ")),
            )
        };
        if context.keywords().next().is_some() {
            section(&mut text, &title, &place, Some(context), &mut context.keywords());
        }
    }
    text
}

fn section(
    text: &mut String,
    title: &str,
    place: &str,
    context: Option<Context>,
    rows: &mut dyn Iterator<Item = &Keyword>,
) {
    let first = match context.map(Context::shape) {
        Some(Shape::Lines | Shape::Names) => "word of a line",
        _ => "keyword",
    };
    // Writing to a string cannot fail.
    let _ = write!(text, "\n## {title}\n\n{place}");
    if !place.is_empty() {
        text.push('\n');
    }
    let _ = writeln!(
        text,
        "| {first} | arguments | valid | default | what it does | since | in effect |"
    );
    text.push_str("| --- | --- | --- | --- | --- | --- | --- |\n");
    let reached = context.is_none_or(|context| context.paths().iter().any(|path| Context::is_path_in_effect(path)));
    for row in rows {
        let in_effect = match row.status {
            Status::Extension => "Holdfast only",
            _ if reached && context.is_none_or(|context| row.is_in_effect(context)) => "yes",
            _ => "no",
        };
        let deprecated = if row.alias.is_some_and(|alias| alias.deprecated) {
            " (deprecated)"
        } else {
            ""
        };
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {}{deprecated} | {} | {in_effect} |",
            code_cell(row.name),
            code_cell(row.arguments),
            cell(&valid(row)),
            cell(row.default),
            cell(row.doc),
            row.since.unwrap_or_default(),
        );
    }
}

/// What is accepted, unless the arguments say it already.
fn valid(row: &Keyword) -> String {
    let valid = row.value.describe();
    if row.block().is_some() || row.arguments.is_empty() || valid.replace(" or ", "|") == row.arguments {
        return String::new();
    }
    valid
}
