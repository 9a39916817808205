//! The list of keywords that are read and do nothing yet, in `docs/compatibility.md`.

use std::fmt::Write as _;

use anyhow::{Context as _, Result};
use holdfast_conf::keywords::Context;

const BEGIN: &str = "<!-- written by cargo xtask docs -->\n";
const END: &str = "<!-- end of what cargo xtask docs writes -->";

/// The page with the list of today.
pub(super) fn update(page: &str) -> Result<String> {
    let (before, rest) = page
        .split_once(BEGIN)
        .context("docs/compatibility.md has lost its marker")?;
    let (_, after) = rest
        .split_once(END)
        .context("docs/compatibility.md has lost its end marker")?;
    Ok(format!("{before}{BEGIN}\n{}\n{END}{after}", list()))
}

/// A line for each block that is in effect, with what in it is not.
fn list() -> String {
    let mut text = String::new();
    for context in Context::ALL.iter().copied() {
        let paths: Vec<&String> = context
            .paths()
            .iter()
            .filter(|path| Context::is_path_in_effect(path))
            .collect();
        let names: Vec<String> = context
            .keywords()
            .filter(|keyword| !keyword.is_in_effect(context))
            .map(|keyword| match keyword.block() {
                Some(_) => format!("`{}` with its block", keyword.name),
                None => format!("`{}`", keyword.name),
            })
            .collect();
        if names.is_empty() || paths.is_empty() {
            continue;
        }
        let places: Vec<String> = paths.iter().map(|path| format!("`{path}`")).collect();
        let place = if context == Context::Top {
            "the top level".to_owned()
        } else {
            places.join(" and ")
        };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "- {place}: {}", names.join(", "));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_markers_changes() {
        let page = format!("before\n{BEGIN}list of yesterday{END}\nafter\n");
        let updated = update(&page).unwrap();
        assert!(updated.starts_with("before\n") && updated.ends_with("\nafter\n"));
        assert!(!updated.contains("yesterday"));
        assert_eq!(update(&updated).unwrap(), updated);
        assert!(update("no markers").is_err());
    }
}
