//! The table of keywords counted, alone or against a list of keepalived's keywords.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use holdfast_conf::keywords::{Context, Keyword, LEXICAL};

/// How many keywords of one block there are.
#[derive(Clone, Copy, Default)]
struct Count {
    wanted: usize,
    read: usize,
    in_effect: usize,
}

/// Prints the figures; with a list of keepalived's keywords also what is missing.
pub(crate) fn run(tsv: Option<PathBuf>) -> Result<()> {
    match tsv.or_else(beside_the_repository) {
        Some(path) => {
            let list = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
            print!("{}", against(&list));
        }
        None => print!("{}", alone()),
    }
    Ok(())
}

/// The list in the folder that `HOLDFAST_SHARED` names, else in `shared` beside the repository.
fn beside_the_repository() -> Option<PathBuf> {
    let shared = std::env::var_os("HOLDFAST_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared"),
        PathBuf::from,
    );
    Some(shared.join("language/keywords.tsv")).filter(|path| path.exists())
}

/// Is a keyword at the end of a path of blocks acted on? What holds on every line is.
fn counts_at(path: &str, context: Option<Context>, keyword: &Keyword) -> bool {
    context.is_none_or(|context| keyword.is_in_effect(context) && Context::is_path_in_effect(path))
}

/// The figures against a list with a context and a keyword in each line.
fn against(list: &str) -> String {
    let mut counts: Vec<(&str, Count)> = Vec::new();
    let mut missing = Vec::new();
    for row in list.lines().skip(1) {
        let mut columns = row.split('\t');
        let (Some(path), Some(name)) = (columns.next(), columns.next()) else {
            continue;
        };
        if counts.last().is_none_or(|(last, _)| *last != path) {
            counts.push((path, Count::default()));
        }
        let Some((_, count)) = counts.last_mut() else { continue };
        count.wanted += 1;
        let context = Context::at_path(path);
        let keyword = match path {
            "(any)" => LEXICAL.iter().find(|row| row.name == name),
            _ => context.and_then(|context| context.find(name)),
        };
        match keyword {
            Some(keyword) => {
                count.read += 1;
                count.in_effect += usize::from(counts_at(path, context, keyword));
            }
            None => missing.push(format!("{path}: {name}")),
        }
    }
    let mut text = table(&counts);
    for keyword in missing {
        let _ = writeln!(text, "missing: {keyword}");
    }
    text
}

/// The figures of the table by itself, one line for each path that leads to a block.
fn alone() -> String {
    let count = |path: &str, rows: &mut dyn Iterator<Item = &Keyword>, context| {
        rows.fold(Count::default(), |sum, row| Count {
            wanted: sum.wanted + 1,
            read: sum.read + 1,
            in_effect: sum.in_effect + usize::from(counts_at(path, context, row)),
        })
    };
    let mut counts = vec![("(any)", count("(any)", &mut LEXICAL.iter(), None))];
    for context in Context::ALL {
        for path in context.paths() {
            counts.push((path, count(path, &mut context.keywords(), Some(*context))));
        }
    }
    table(&counts)
}

fn table(counts: &[(&str, Count)]) -> String {
    let mut text = format!("{:>6} {:>5} {:>9}  context\n", "wanted", "read", "in effect");
    let mut sum = Count::default();
    let mut line = |count: Count, path: &str| {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{:>6} {:>5} {:>9}  {path}",
            count.wanted, count.read, count.in_effect
        );
    };
    for (path, count) in counts {
        line(*count, path);
        sum.wanted += count.wanted;
        sum.read += count.read;
        sum.in_effect += count.in_effect;
    }
    line(sum, "all");
    let _ = writeln!(
        text,
        "keywords: {} of {} read, {} in effect",
        sum.read, sum.wanted, sum.in_effect
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named() {
        let list = "context\tkeyword\n(any)\tinclude\nvrrp_instance\tstate\nvrrp_instance\tcolour\nnowhere\tstate\n";
        let text = against(list);
        assert!(
            text.contains("missing: vrrp_instance: colour\nmissing: nowhere: state\n"),
            "{text}"
        );
        assert!(text.contains("keywords: 2 of 4 read, 2 in effect"), "{text}");
    }

    #[test]
    fn alone_counts_every_path() {
        let text = alone();
        assert!(text.contains("virtual_server/real_server/SMTP_CHECK/host"), "{text}");
    }
}
