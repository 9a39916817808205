//! Configurations from the wild, beside what keepalived 2.4.3 says about them.

use crate::coverage::{self, Coverage, Ours};
use crate::meant;
use crate::says::{self, Message, Verdict};
use crate::shared::{configurations, read, shared};
use holdfast_conf::{Loaded, Severity};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// How many of the lines that keepalived names without asking the host must be covered.
const RECALL_PER_MILLE: usize = 990;

/// The files with keepalived's verdicts, when they are at hand.
fn corpus() -> Option<Vec<(Verdict, Loaded, String)>> {
    let (folder, says) = (
        shared("corpus/keepalived")?,
        shared("corpus/keepalived-2.4.3-says.txt")?,
    );
    let verdicts = says::verdicts(&std::fs::read_to_string(says).unwrap());
    let with_ours = |verdict: Verdict| {
        let path = folder.join(&verdict.file);
        let text = std::fs::read(&path).unwrap();
        (verdict, read(&path), String::from_utf8_lossy(&text).into_owned())
    };
    Some(verdicts.into_iter().map(with_ours).collect())
}

#[test]
fn every_file_is_read_to_the_end() {
    let Some(folder) = shared("corpus/keepalived") else {
        return;
    };
    let files = configurations(&folder);
    assert!(files.len() > 200);
    for path in files {
        let loaded = read(&path);
        for diagnostic in &loaded.diagnostics {
            assert!(diagnostic.one_line(&loaded.sources).contains("[HF"));
            assert!(diagnostic.drawn(&loaded.sources, false).contains("[HF"));
        }
    }
}

/// Prints each line that keepalived names and we do not flag ourselves, and why.
#[test]
fn lines_that_keepalived_names_are_flagged() {
    let Some(corpus) = corpus() else { return };
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (verdict, loaded, text) in &corpus {
        let ours = Ours::new(loaded, text);
        let mut named: BTreeMap<u32, Vec<&Message>> = BTreeMap::new();
        for message in &verdict.messages {
            named.entry(message.line.unwrap_or_default()).or_default().push(message);
        }
        named.remove(&0);
        for (line, messages) in named {
            let coverage = match ours.coverage(line, &messages, &verdict.messages) {
                Coverage::Missed => meant::line(&verdict.file, &messages).map_or(Coverage::Missed, Coverage::Meant),
                coverage => coverage,
            };
            let (kind, reason) = explanation(coverage);
            *counts.entry(kind).or_default() += 1;
            if coverage != Coverage::Flagged {
                let texts: BTreeSet<&str> = messages.iter().map(|it| it.text.as_str()).collect();
                let texts = texts.into_iter().collect::<Vec<_>>().join("; ");
                println!("{}:{line}: {texts}\n    {kind}: {reason}", verdict.file);
            }
        }
    }
    let count = |kind| counts.get(kind).copied().unwrap_or_default();
    let total: usize = counts.values().sum();
    let judged = total - count("host");
    let missed = count("missed");
    let meant = count("meant");
    println!("{counts:?}");
    println!(
        "corpus: keepalived names {total} lines, {judged} of them without asking the host; recall {}.{} %",
        (judged - missed - meant) * 100 / judged,
        (judged - missed - meant) * 1000 / judged % 10,
    );
    assert!(
        (judged - missed - meant) * 1000 >= judged * RECALL_PER_MILLE,
        "{missed} + {meant} of {judged}"
    );
}

fn explanation(coverage: Coverage) -> (&'static str, &'static str) {
    match coverage {
        Coverage::Flagged => ("flagged", ""),
        Coverage::Block => (
            "block",
            "we name the line that the block begins on, keepalived the one it ends on",
        ),
        Coverage::Consequence => (
            "consequence",
            "we name the cause above, skip what belongs to it once, and read on behind it",
        ),
        Coverage::Host => ("host", "depends on the host that checks"),
        Coverage::Meant(reason) => ("meant", reason),
        Coverage::Missed => ("missed", "MISSED"),
    }
}

/// What keepalived finds nothing wrong with has no errors, except where something dangerous is not supported.
#[test]
fn clean_files_have_no_errors() {
    let Some(corpus) = corpus() else { return };
    let (mut clean, mut alarms) = (0, Vec::new());
    for (verdict, loaded, _) in corpus.iter().filter(|(verdict, ..)| verdict.is_clean()) {
        clean += 1;
        let errors = loaded.diagnostics.iter().filter(|it| it.severity == Severity::Error);
        for error in errors {
            let shown = error.one_line(&loaded.sources);
            let shown = shown.replace(&folder_of(loaded), "");
            match meant::error(&verdict.file, error) {
                Some(reason) => println!("{shown}\n    meant: {reason}"),
                None => alarms.push(shown),
            }
        }
    }
    println!(
        "corpus: {clean} files are clean for keepalived, {} false alarms",
        alarms.len()
    );
    assert!(clean > 50, "{clean}");
    assert_eq!(alarms, [""; 0]);
}

fn folder_of(loaded: &Loaded) -> String {
    let main = loaded.sources.files().next().map(|(_, path)| path);
    let folder = main.and_then(Path::parent).map(|path| format!("{}/", path.display()));
    folder.unwrap_or_default()
}

/// `-t` ends as keepalived's does, where neither depends on the host: on scripts, users and namespaces.
#[test]
fn files_end_with_keepalived_s_status() {
    let Some(corpus) = corpus() else { return };
    let (mut compared, mut wrong) = (0, Vec::new());
    for (verdict, loaded, text) in &corpus {
        let security = |code: i32| code == 6;
        let ours = i32::from(loaded.exit_code());
        let named = verdict.messages.iter().any(coverage::asks_the_host);
        // A namespace that cannot be entered ends keepalived with 0.
        let namespace = verdict.status == 0 && text.contains("net_namespace");
        if named || namespace || security(ours) || security(verdict.status) {
            continue;
        }
        compared += 1;
        let wanted = match verdict.status {
            // A missing argument ends keepalived; a definition that contains itself keeps it busy for ever.
            2 | 124 => 5,
            status => status,
        };
        if ours != wanted
            && !loaded
                .diagnostics
                .iter()
                .any(|it| meant::error(&verdict.file, it).is_some())
        {
            let lines = loaded.diagnostics.iter().filter(|it| it.class.is_some());
            let lines: Vec<String> = lines.map(|it| it.one_line(&loaded.sources)).collect();
            wrong.push(format!("{}: {ours} for {wanted}: {lines:#?}", verdict.file));
        }
    }
    println!(
        "corpus: the status of {compared} files was compared, {} differ",
        wrong.len()
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(compared > 75, "{compared}");
}
