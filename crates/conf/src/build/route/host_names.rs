//! Names that the host gives to numbers: the files of iproute2, read through the loader, each once and only when a line
//! has a name.

use super::names::Names;
use crate::source::{FileKind, Loader};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::Path;

/// Where the administrator's files are (`iproute_etc_dir`).
const ADMINISTRATOR: &str = "/etc/iproute2";
/// Where the distribution's files are (`iproute_usr_dir`).
const DISTRIBUTION: &str = "/usr/share/iproute2";

/// What the files say, as far as they have been read.
pub(in crate::build) struct HostNames<'a> {
    loader: &'a dyn Loader,
    read: BTreeMap<Names, Vec<(String, u32)>>,
}

impl<'a> HostNames<'a> {
    pub(in crate::build) fn new(loader: &'a dyn Loader) -> Self {
        Self {
            loader,
            read: BTreeMap::new(),
        }
    }

    /// The number of a name in the files of these directories; nothing when they have no such name.
    pub(in crate::build) fn number(
        &mut self,
        names: Names,
        name: &str,
        administrator: Option<&str>,
        distribution: Option<&str>,
    ) -> Option<u32> {
        let file = names.file()?;
        let directories = [
            Path::new(administrator.unwrap_or(ADMINISTRATOR)),
            Path::new(distribution.unwrap_or(DISTRIBUTION)),
        ];
        let loader = self.loader;
        let entries = self
            .read
            .entry(names)
            .or_insert_with(|| entries(loader, file, directories));
        entries
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, number)| *number)
    }
}

/// The administrator's file, or else the distribution's; then what is in the directories beside them, the
/// administrator's in place of one of the same name.
fn entries(loader: &dyn Loader, file: &str, directories: [&Path; 2]) -> Vec<(String, u32)> {
    let [administrator, distribution] = directories;
    let mut entries = Vec::new();
    let mut read = |path: &Path| -> bool {
        let is_file = loader
            .kind(path)
            .is_ok_and(|kind| matches!(kind, FileKind::Regular { .. }));
        let content = is_file.then(|| loader.read(path).ok()).flatten();
        entries.extend(content.iter().flat_map(|content| lines(content)));
        content.is_some()
    };
    if !read(&administrator.join(file)) {
        read(&distribution.join(file));
    }
    let folder = format!("{file}.d");
    let (administrator, distribution) = (administrator.join(&folder), distribution.join(&folder));
    let mut found: BTreeMap<_, _> = BTreeMap::new();
    for directory in [distribution, administrator] {
        for name in loader.list(&directory).unwrap_or_default() {
            if Path::new(&name).extension() == Some(OsStr::new("conf")) {
                found.insert(name.clone(), directory.join(name));
            }
        }
    }
    for path in found.values() {
        read(path);
    }
    entries
}

/// `NUMBER NAME` on each line, the number decimal or with `0x`; `#` begins a comment.
fn lines(content: &[u8]) -> Vec<(String, u32)> {
    let text = String::from_utf8_lossy(content);
    let entry = |line: &str| {
        let mut words = line.split('#').next()?.split_ascii_whitespace();
        let (number, name) = (words.next()?, words.next()?);
        let number = match number.strip_prefix("0x") {
            Some(digits) => u32::from_str_radix(digits, 16),
            None => number.parse(),
        };
        Some((name.to_owned(), number.ok()?))
    };
    text.lines().filter_map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryLoader;

    fn number(loader: &MemoryLoader, names: Names, name: &str) -> Option<u32> {
        HostNames::new(loader).number(names, name, None, None)
    }

    #[test]
    fn the_administrators_file_counts_in_place_of_the_distributions() {
        let distribution =
            MemoryLoader::new().with("/usr/share/iproute2/rt_tables", "7 seven\n0x10 sixteen # comment\n");
        assert_eq!(number(&distribution, Names::Table, "seven"), Some(7));
        assert_eq!(number(&distribution, Names::Table, "sixteen"), Some(16));
        assert_eq!(number(&distribution, Names::Scope, "seven"), None);
        let both = distribution.with("/etc/iproute2/rt_tables", "#7 seven\n70 seventy\nx eight\n9\n");
        let tables = ["seven", "seventy", "eight", "9"].map(|name| number(&both, Names::Table, name));
        assert_eq!(tables, [None, Some(70), None, None]);
    }

    #[test]
    fn directories_add_to_it_and_the_administrators_file_of_a_name_counts() {
        let loader = MemoryLoader::new()
            .with("/etc/iproute2/rt_protos", "201 one\n")
            .with("/usr/share/iproute2/rt_protos.d/a.conf", "202 two\n")
            .with("/usr/share/iproute2/rt_protos.d/b.conf", "203 three\n")
            .with("/etc/iproute2/rt_protos.d/b.conf", "204 four\n")
            .with("/etc/iproute2/rt_protos.d/README", "205 five\n");
        let found = ["one", "two", "three", "four", "five"].map(|name| number(&loader, Names::Protocol, name));
        assert_eq!(found, [Some(201), Some(202), None, Some(204), None]);
    }

    #[test]
    fn other_directories() {
        let loader = MemoryLoader::new()
            .with("/a/group", "1 ours\n")
            .with("/b/group", "2 theirs\n")
            .with("/b/group.d/x.conf", "3 more\n");
        let mut names = HostNames::new(&loader);
        let mut number = |name| names.number(Names::Group, name, Some("/a"), Some("/b"));
        assert_eq!(
            [number("ours"), number("theirs"), number("more")],
            [Some(1), None, Some(3)]
        );
    }
}
