//! The pages that are written from the tables in the source: the reference of keywords, the diagnostics, the list of
//! what is not in effect.

mod configuration;
mod diagnostics;
mod not_in_effect;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// A file and what belongs in it.
struct Page {
    path: PathBuf,
    text: String,
}

/// Writes every page that is not as it should be.
pub(crate) fn write() -> Result<()> {
    for page in outdated()? {
        if let Some(folder) = page.path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(&page.path, &page.text).with_context(|| format!("cannot write {}", page.path.display()))?;
        println!("{}", page.path.display());
    }
    Ok(())
}

/// The pages that differ from what is in the repository.
fn outdated() -> Result<Vec<Page>> {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    let compatibility = docs.join("compatibility.md");
    let mut pages = vec![
        Page {
            path: docs.join("configuration.md"),
            text: configuration::page(),
        },
        Page {
            text: not_in_effect::update(&std::fs::read_to_string(&compatibility)?)?,
            path: compatibility,
        },
    ];
    for (name, text) in diagnostics::pages() {
        let path = docs.join("diagnostics").join(name);
        pages.push(Page { path, text });
    }
    pages.retain(|page| std::fs::read_to_string(&page.path).ok().as_ref() != Some(&page.text));
    Ok(pages)
}

/// Text for a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;").replace('\n', " ")
}

/// Text as code for a cell of a table.
fn code_cell(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    format!("`{}`", text.replace('|', "\\|"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_in_the_repository_are_up_to_date() {
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            write().unwrap();
        }
        let outdated: Vec<_> = outdated().unwrap().into_iter().map(|page| page.path).collect();
        assert!(outdated.is_empty(), "run `cargo xtask docs`: {outdated:?}");
    }

    #[test]
    fn tables_are_not_broken_by_what_is_in_them() {
        assert_eq!(cell("a|b <c>"), "a\\|b &lt;c>");
        assert_eq!(code_cell("MASTER|BACKUP"), "`MASTER\\|BACKUP`");
    }
}
