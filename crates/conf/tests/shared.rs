//! Facts about keepalived and configurations from the wild, when they lie next to the repository: `../shared`, or
//! what `HOLDFAST_SHARED` names. Without them these tests say nothing.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // helpers of tests are tests

use holdfast_conf::keywords::Context;
use holdfast_conf::{FileLoader, LoadOptions, Loaded, Severity, load};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn shared(part: &str) -> Option<PathBuf> {
    let root = std::env::var_os("HOLDFAST_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    Some(root.join(part)).filter(|path| path.exists())
}

fn read(path: &Path) -> Loaded {
    let options = LoadOptions {
        config_id: Some("host".to_owned()),
        ..LoadOptions::default()
    };
    load(&FileLoader, path, &options)
}

fn configurations(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            found.extend(configurations(&entry));
        } else if entry.extension().is_some_and(|extension| extension == "conf") {
            found.push(entry);
        }
    }
    found.sort();
    found
}

#[test]
fn complete_configurations_have_no_errors() {
    let Some(samples) = shared("language/samples-own") else {
        return;
    };
    let files: Vec<PathBuf> = configurations(&samples)
        .into_iter()
        .filter(|path| !path.to_string_lossy().contains("19-includes.d"))
        .collect();
    assert!(files.len() > 25);
    for path in files {
        let loaded = read(&path);
        let errors = loaded.diagnostics.iter().filter(|it| it.severity == Severity::Error);
        // Two files use authentication that is not supported yet.
        let unexpected: Vec<String> = errors
            .filter(|it| it.code.0 != 312)
            .map(|it| it.one_line(&loaded.sources))
            .collect();
        assert_eq!(unexpected, [""; 0], "{}", path.display());
    }
}

#[test]
fn configurations_from_the_wild_are_read_to_the_end() {
    let Some(corpus) = shared("corpus/keepalived") else {
        return;
    };
    let files = configurations(&corpus);
    assert!(files.len() > 200);
    for path in files {
        let loaded = read(&path);
        for diagnostic in &loaded.diagnostics {
            assert!(diagnostic.one_line(&loaded.sources).contains("[HF"));
            assert!(diagnostic.drawn(&loaded.sources, false).contains("[HF"));
        }
    }
}

/// Defects that can be seen only with a host, or in parts of the language that are not yet in effect.
const NOT_YET: &[&str] = &[
    "19-", "35-", "36-", "37-", "39-", "43-", "44-", "45-", "46-", "61-", "62-", "64-",
];
/// Where keepalived names the end of a block, or the next line, and we the place itself.
const OTHER_LINE: &[&str] = &["07-", "08-", "42-", "51-", "55-", "58-", "68-"];

#[test]
fn each_defect_is_flagged_where_it_is() {
    let Some(bad) = shared("language/bad") else { return };
    let expected = std::fs::read_to_string(bad.join("expected.tsv")).unwrap();
    let mut checked = 0;
    for row in expected.lines().skip(1) {
        let columns: Vec<&str> = row.split('\t').collect();
        let [file, _, _, _, exit, output] = columns.as_slice() else {
            panic!("{row}")
        };
        let is_in = |list: &[&str]| list.iter().any(|start| file.starts_with(start));
        if is_in(NOT_YET) || *exit == "0" {
            continue;
        }
        let loaded = read(&bad.join(file));
        let flagged: BTreeSet<u32> = loaded
            .diagnostics
            .iter()
            .filter(|it| it.class.is_some())
            .map(|it| it.span.unwrap().line)
            .collect();
        assert!(!flagged.is_empty(), "{file}");
        let exits = match *exit {
            // A missing argument ends keepalived with 2, or crashes it.
            "2" | "139" => 5,
            exit => exit.parse().unwrap(),
        };
        assert_eq!(loaded.exit_code(), exits, "{file}");
        let named: BTreeSet<u32> = output
            .split("Line ")
            .skip(1)
            .filter_map(|rest| rest.split(')').next().and_then(|number| number.parse().ok()))
            .collect();
        if !named.is_empty() && !is_in(OTHER_LINE) {
            assert!(
                !flagged.is_disjoint(&named),
                "{file}: {flagged:?}, keepalived {named:?}"
            );
        }
        checked += 1;
    }
    assert!(checked > 50, "{checked}");
}

fn context(path: &str) -> Option<Context> {
    let last = path.rsplit('/').next()?;
    Some(match (path, last) {
        ("(any)", _) => return None,
        ("(top)", _) => Context::Top,
        ("track_file" | "vrrp_track_file", _) => Context::TrackFileBlock,
        (_, "url") if path.contains("SSL_GET") => Context::SslUrl,
        (_, "virtual_ipaddress_excluded") => Context::VirtualIpaddress,
        (_, "track_file" | "track_process") => Context::TrackFile,
        (_, "track_script" | "track_bfd") => Context::TrackScript,
        _ => Context::ALL.iter().copied().find(|context| context.title() == last)?,
    })
}

#[test]
fn every_keyword_of_keepalived_is_known() {
    let Some(table) = shared("language/keywords.tsv") else {
        return;
    };
    let table = std::fs::read_to_string(table).unwrap();
    let mut unknown = Vec::new();
    let mut known = 0;
    for row in table.lines().skip(1) {
        let mut columns = row.split('\t');
        let (path, name) = (columns.next().unwrap(), columns.next().unwrap());
        if path == "(any)" {
            continue;
        }
        match context(path).and_then(|context| context.find(name)) {
            Some(_) => known += 1,
            None => unknown.push(format!("{path} {name}")),
        }
    }
    assert_eq!(unknown, [""; 0]);
    assert!(known > 800, "{known}");
}
