//! File name patterns: `*`, `?`, `[...]` and `{a,b}`.

use crate::source::Loader;
use std::path::{Path, PathBuf};

/// No path is longer, and braces cannot nest more deeply than that.
const PATTERN_BYTES: usize = 4096;

/// Alternatives of one pattern.
const ALTERNATIVES: usize = 1024;

/// What one `{a,b}` alternative of a pattern matches.
pub(super) struct Matches {
    pub(super) pattern: String,
    pub(super) wildcard: bool,
    /// Sorted.
    pub(super) paths: Vec<PathBuf>,
}

/// All alternatives of a pattern in their order. A relative pattern is looked up in `directory`.
pub(super) fn expand(loader: &dyn Loader, directory: &Path, pattern: &str) -> Vec<Matches> {
    if pattern.len() > PATTERN_BYTES {
        let pattern = pattern.chars().take(40).collect();
        return vec![Matches {
            pattern,
            wildcard: false,
            paths: Vec::new(),
        }];
    }
    let mut alternatives = Vec::new();
    braces(pattern, &mut alternatives);
    alternatives
        .into_iter()
        .map(|pattern| {
            let wildcard = pattern.contains(['*', '?', '[']);
            let mut paths = find(loader, directory, &pattern);
            paths.sort();
            Matches {
                pattern,
                wildcard,
                paths,
            }
        })
        .collect()
}

/// Expands the first group of braces and goes on with what that gives.
fn braces(pattern: &str, alternatives: &mut Vec<String>) {
    if alternatives.len() >= ALTERNATIVES {
        return;
    }
    let Some((before, inner, after)) = first_group(pattern) else {
        alternatives.push(pattern.to_owned());
        return;
    };
    let mut depth = 0usize;
    let mut start = 0;
    for (at, byte) in inner.bytes().chain(std::iter::once(b',')).enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => depth = depth.saturating_sub(1),
            b',' if depth == 0 || at == inner.len() => {
                braces(
                    &format!("{before}{}{after}", inner.get(start..at).unwrap_or_default()),
                    alternatives,
                );
                start = at + 1;
            }
            _ => {}
        }
    }
}

fn first_group(pattern: &str) -> Option<(&str, &str, &str)> {
    let open = pattern.find('{')?;
    let mut depth = 0usize;
    for (at, byte) in pattern.bytes().enumerate().skip(open) {
        match byte {
            b'{' => depth += 1,
            b'}' => depth = depth.saturating_sub(1),
            _ => continue,
        }
        if depth == 0 {
            return Some((pattern.get(..open)?, pattern.get(open + 1..at)?, pattern.get(at + 1..)?));
        }
    }
    None
}

fn find(loader: &dyn Loader, directory: &Path, pattern: &str) -> Vec<PathBuf> {
    let mut found = vec![if pattern.starts_with('/') {
        PathBuf::from("/")
    } else {
        directory.to_owned()
    }];
    for component in pattern.split('/').filter(|component| !component.is_empty()) {
        let mut next = Vec::new();
        for base in found {
            if component.contains(['*', '?', '[']) {
                let here = if base.as_os_str().is_empty() {
                    Path::new(".")
                } else {
                    base.as_path()
                };
                for name in loader.list(here).unwrap_or_default() {
                    let Some(name) = name.to_str() else { continue };
                    if (component.starts_with('.') || !name.starts_with('.')) && matches(component, name) {
                        next.push(base.join(name));
                    }
                }
            } else {
                next.push(base.join(component));
            }
        }
        found = next;
    }
    found.retain(|path| loader.kind(path).is_ok());
    found
}

/// Does a name match a pattern without slashes? Tries the last `*` again with one character more when what follows
/// does not fit, so the work is at most the product of both lengths.
fn matches(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    let (mut at, mut position) = (0, 0);
    let mut star = None;
    while let Some(character) = name.get(position).copied() {
        if pattern.get(at) == Some(&'*') {
            star = Some((at, position));
            at += 1;
        } else if let Some(length) = pattern.get(at..).and_then(|rest| matches_one(rest, character)) {
            at += length;
            position += 1;
        } else if let Some((star_at, star_position)) = star {
            at = star_at + 1;
            position = star_position + 1;
            star = Some((star_at, position));
        } else {
            return false;
        }
    }
    pattern
        .get(at..)
        .is_some_and(|rest| rest.iter().all(|character| *character == '*'))
}

/// The length of the pattern's first item, when it takes the character.
fn matches_one(pattern: &[char], character: char) -> Option<usize> {
    match pattern.first()? {
        '?' => Some(1),
        '[' => match pattern.iter().skip(2).position(|end| *end == ']') {
            Some(end) => {
                let set = pattern.get(1..end + 2)?;
                let (negated, set) = match set.split_first() {
                    Some(('!' | '^', rest)) => (true, rest),
                    _ => (false, set),
                };
                (in_set(set, character) != negated).then_some(end + 3)
            }
            None => (character == '[').then_some(1),
        },
        literal => (*literal == character).then_some(1),
    }
}

fn in_set(mut set: &[char], character: char) -> bool {
    loop {
        match *set {
            [first, '-', last, ref rest @ ..] => {
                if (first..=last).contains(&character) {
                    return true;
                }
                set = rest;
            }
            [first, ref rest @ ..] => {
                if first == character {
                    return true;
                }
                set = rest;
            }
            [] => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_glob_3_says() {
        for (pattern, name, expected) in [
            ("*.conf", "a.conf", true),
            ("*.conf", "a.conf.bak", false),
            ("a*b*c", "aXbYbZc", true),
            ("?.c", "x.c", true),
            ("?.c", ".c", false),
            ("[a-c]1", "b1", true),
            ("[!a-c]1", "b1", false),
            ("[]x]", "]", true),
            ("[", "[", true),
            ("*", "", true),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn braces_nest() {
        let mut alternatives = Vec::new();
        braces("a{b,c{d,e}}f", &mut alternatives);
        assert_eq!(alternatives, ["abf", "acdf", "acef"]);
    }
}
