//! `fmt` and `print` change nothing that a file means, and doing them twice is doing them once.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // helpers of tests are tests

use holdfast_conf::{Config, FileLoader, LoadOptions, Loaded, Loader, MemoryLoader, Severity, fmt, load, print};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

const IDS: [&str; 3] = ["lb1", "left", "host"];

/// A file in the place of one on the disk; the rest of the disk beside it.
struct Replaced<'a> {
    path: &'a Path,
    content: &'a [u8],
    others: &'a dyn Loader,
}

impl Loader for Replaced<'_> {
    fn read(&self, path: &Path) -> std::io::Result<Vec<u8>> {
        if path == self.path {
            Ok(self.content.to_vec())
        } else {
            self.others.read(path)
        }
    }

    fn kind(&self, path: &Path) -> std::io::Result<holdfast_conf::FileKind> {
        self.others.kind(path)
    }

    fn list(&self, directory: &Path) -> std::io::Result<Vec<OsString>> {
        self.others.list(directory)
    }
}

fn options(id: &str) -> LoadOptions {
    LoadOptions {
        config_id: Some(id.to_owned()),
        ..LoadOptions::default()
    }
}

fn meaning(loader: &dyn Loader, path: &Path, id: &str) -> Config {
    load(loader, path, &options(id)).config
}

fn check_fmt(others: &dyn Loader, path: &Path) {
    let written = others.read(path).unwrap();
    let once = fmt(&written);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert_same(&text(&fmt(&once)), &text(&once), path);
    let laid_out = Replaced {
        path,
        content: &once,
        others,
    };
    for id in IDS {
        let (before, after) = (meaning(others, path, id), meaning(&laid_out, path, id));
        if before != after {
            assert_same(&format!("{after:#?}"), &format!("{before:#?}"), path);
            panic!("{}: differs", path.display());
        }
    }
}

/// How often each kind of error is in a file.
fn errors(loaded: &Loaded) -> BTreeMap<u16, usize> {
    let mut counts = BTreeMap::new();
    for error in loaded.diagnostics.iter().filter(|it| it.severity == Severity::Error) {
        *counts.entry(error.code.0).or_default() += 1;
    }
    counts
}

/// A configuration without the names that were used for its keywords.
fn unnamed(config: &Config) -> Config {
    Config {
        not_in_effect: Vec::new(),
        ..config.clone()
    }
}

/// Shows the first line that differs, not two configurations.
fn assert_same(left: &str, right: &str, path: &Path) {
    for (number, (left, right)) in left.lines().zip(right.lines()).enumerate() {
        assert_eq!(left, right, "{}: line {}", path.display(), number + 1);
    }
    assert_eq!(left.lines().count(), right.lines().count(), "{}", path.display());
}

fn check_print(others: &dyn Loader, path: &Path) {
    for id in IDS {
        let printed = print(others, path, &options(id));
        let alone = MemoryLoader::new().with(path, printed.text.as_str());
        let again = print(&alone, path, &options("other"));
        assert_same(&again.text, &printed.text, path);
        let (once, twice) = (unnamed(&printed.loaded.config), unnamed(&again.loaded.config));
        if once != twice {
            assert_same(&format!("{twice:#?}"), &format!("{once:#?}"), path);
            panic!("{}: differs", path.display());
        }
        let before = errors(&printed.loaded);
        for (code, count) in errors(&again.loaded) {
            let more = count > before.get(&code).copied().unwrap_or_default();
            let mut lines = again.loaded.diagnostics.iter().filter(|it| it.code.0 == code);
            let line = lines.next().unwrap().one_line(&again.loaded.sources);
            assert!(!more, "{line}\n{}", printed.text);
        }
    }
}

/// The examples of this repository, and what lies next to it.
fn files() -> Vec<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let shared = std::env::var_os("HOLDFAST_SHARED").map_or_else(|| here.join("../../../shared"), PathBuf::from);
    let mut found = Vec::new();
    let mut directories = vec![
        here.join("../../conf-examples"),
        shared.join("language/samples-own"),
        shared.join("language/bad"),
        shared.join("corpus/keepalived"),
        shared.join("seeds"),
    ];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|it| it == "conf" || it == "txt") {
                found.push(path);
            }
        }
    }
    found.sort();
    assert!(found.len() >= 4);
    found
}

#[test]
fn fmt_keeps_the_meaning_of_every_file_at_hand() {
    for path in files() {
        check_fmt(&FileLoader, &path);
    }
}

#[test]
fn print_keeps_the_meaning_of_every_file_at_hand() {
    for path in files() {
        check_print(&FileLoader, &path);
    }
}

/// Pieces of files; most make sense when they follow each other.
#[rustfmt::skip] // a list of words
const PIECES: &[&str] = &[
    "{", "}", "{", "}", " ", " ", "\n", "\n", "\n", "\n\n", "\t", "\r\n", "\"", "\\", "\\\n", "#", "!", " # c\n", "$A", "${A}", "$", "{}",
    "\n$A=", "\n$A=\\\n", "\n$B=${A}", "$B\n", "include", "${_HASH}", "${NOPE}", "\n@lb1 ", "\n@^lb1 ", "\n@left ", "\n~SEQ(A,1,3) ",
    "\n~LST(A,x,y) ", "\n~LST({A,B},{1,2}) ", "\ninclude i.inc\n", "\ninclude {i,j}.inc\n", " i{,.x}.inc\n", "\0", "\u{feff}", "é",
    "\nglobal_defs", "\nglobal_defs {\n", "\nrouter_id a", "\nnotification_email", "\nnotification_email {\n", "\nvrrp_instance V",
    "\nvrrp_instance V {\ninterface eth0\nvirtual_router_id 1\n", "\nvirtual_ipaddress", "\nvirtual_ipaddress {\n", "\n192.0.2.1/24 dev eth0\n",
    "\n192.0.2.2", "\npriority 7", "\npriority ", "99", "\nauthentication", "\nauth_type PASS", "\nauth_pass a\\#b", "\nnotify \"/bin/a 'b c' {\"",
    "\nvirtual_server 192.0.2.1 80", "\nvirtual_server 192.0.2.1 80 {\nprotocol TCP\nlb_algo rr\nlb_kind DR\n", "\nreal_server 192.0.2.11 80 {",
    "\nTCP_CHECK {", "\nretry 1", "\nweight 2", "\nvrrp_sync_group G { group { V\n W } }", "\nnopreemp",
];

fn any_file() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(PIECES), 0..120).prop_map(|pieces| pieces.concat())
}

fn memory(text: &str) -> MemoryLoader {
    MemoryLoader::new()
        .with("k.conf", text)
        .with("i.inc", "}\n$A=1\npriority 7\n")
        .with("j.inc", "router_id j\n")
        .with("i.x.inc", "$A={ x\n")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn fmt_keeps_the_meaning_of_any_file(text in any_file()) {
        check_fmt(&memory(&text), Path::new("k.conf"));
    }

    #[test]
    fn print_keeps_the_meaning_of_any_file(text in any_file()) {
        check_print(&memory(&text), Path::new("k.conf"));
    }
}
