//! Complete configurations that keepalived finds nothing wrong with, and the list of its keywords.

use crate::shared::{configurations, read, shared};
use holdfast_conf::Severity;
use holdfast_conf::keywords::{Context, LEXICAL};

#[test]
fn complete_configurations_have_no_errors() {
    let Some(samples) = shared("language/samples-own") else {
        return;
    };
    let mut files = configurations(&samples);
    // Parts that another file includes.
    files.retain(|path| !path.to_string_lossy().contains("19-includes.d"));
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
        let keyword = match path {
            "(any)" => LEXICAL.iter().find(|keyword| keyword.name == name),
            _ => Context::at_path(path).and_then(|context| context.find(name)),
        };
        match keyword {
            Some(_) => known += 1,
            None => unknown.push(format!("{path} {name}")),
        }
    }
    assert_eq!(unknown, [""; 0]);
    assert_eq!(known, 825);
}
