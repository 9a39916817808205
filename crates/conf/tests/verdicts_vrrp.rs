//! keepalived 2.4.3's verdict on each keyword of VRRP, of what VRRP tracks and of routes and rules, and ours: a
//! complete file around each keyword's example, and one around each of its wrong or unusual arguments. The files come
//! from `../shared` or from where `HOLDFAST_SHARED` says; without it these tests say nothing.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // helpers of tests are tests

use holdfast_conf::{Diagnostic, FileLoader, LoadOptions, Loaded, load};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The contexts that are judged here.
fn is_ours(context: &str, keyword: &str) -> bool {
    match context {
        "(any)" | "global_defs" | "SSL" => false,
        "(top)" => TOP.contains(&keyword),
        _ => !context.starts_with("virtual_server"),
    }
}

const TOP: &[&str] = &[
    "linkbeat_use_polling",
    "track_group",
    "static_ipaddress",
    "static_routes",
    "static_rules",
    "vrrp_sync_group",
    "garp_group",
    "linkbeat_interfaces",
    "interface_up_down_delays",
    "vrrp_instance",
    "vrrp_script",
    "vrrp_track_process",
    "track_file",
    "vrrp_track_file",
    "bfd_instance",
];

/// One file: what it is about, and the exit status of keepalived 2.4.3.
struct Case {
    context: String,
    keyword: String,
    argument: String,
    exit: i32,
    file: PathBuf,
}

/// The files that the generator next to the facts writes.
fn cases(kind: &str) -> Option<Vec<Case>> {
    let root = std::env::var_os("HOLDFAST_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let generator = root.join("language/example.py");
    if !generator.exists() {
        return None;
    }
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("verdicts-vrrp{kind}"));
    let status = Command::new("python3")
        .arg(&generator)
        .arg(kind)
        .arg(&directory)
        .status()
        .ok()?;
    assert!(status.success());
    let index = std::fs::read_to_string(directory.join("index.tsv")).unwrap();
    let case = |row: &str| {
        let columns: Vec<&str> = row.split('\t').collect();
        Case {
            file: directory.join(columns[0]),
            context: columns[1].to_owned(),
            keyword: columns[2].to_owned(),
            argument: columns.get(3).copied().unwrap_or_default().to_owned(),
            exit: columns.get(5).map_or(0, |exit| exit.parse().unwrap()),
        }
    };
    let cases = index.lines().skip(1).map(case);
    Some(cases.filter(|case| is_ours(&case.context, &case.keyword)).collect())
}

fn read(path: &Path) -> Loaded {
    let options = LoadOptions {
        config_id: Some("node1".to_owned()),
        ..LoadOptions::default()
    };
    load(&FileLoader, path, &options)
}

/// Where Holdfast does not judge as keepalived does, and why: context, keyword, argument (`*`: any), reason.
const DIFFERENCES: &[(&str, &str, &str, &str)] = &[
    (
        "vrrp_script",
        "script",
        "*",
        "which programs there are is a matter of the host: the daemon and `check --host`",
    ),
    (
        "vrrp_script",
        "user",
        "*",
        "which users there are is a matter of the host: the daemon and `check --host`",
    ),
];

/// Examples that keepalived counts as errors although it uses them, as its table says: deprecated words, and words
/// for MPLS, which it does not support.
const COUNTED: &[&str] = &[
    "as",
    "gw",
    "or",
    "global_tracking",
    "linkbeat_use_polling",
    "lvs_sync_daemon_interface",
    "thread_timer_expired",
    "vmac_garp_intvl",
];

fn is_allowed(case: &Case) -> bool {
    DIFFERENCES.iter().any(|(context, keyword, argument, _)| {
        let same = |pattern: &str, text: &str| pattern == "*" || pattern == text;
        let of = |pattern: &str, text: &str| match pattern.strip_prefix("*/") {
            Some(last) => text.rsplit('/').next() == Some(last),
            None => same(pattern, text),
        };
        of(context, &case.context) && same(keyword, &case.keyword) && same(argument, &case.argument)
    })
}

/// "Not supported yet" is about Holdfast; the file is right.
fn is_verdict(diagnostic: &Diagnostic) -> bool {
    diagnostic.class.is_some() && diagnostic.code.0 != 312
}

/// The cases on which the two do not agree although nothing says why.
fn disagreements(cases: &[Case]) -> Vec<String> {
    let mut wrong = Vec::new();
    for case in cases {
        let loaded = read(&case.file);
        let verdicts: Vec<&Diagnostic> = loaded.diagnostics.iter().filter(|it| is_verdict(it)).collect();
        if verdicts.is_empty() == (case.exit == 0) || is_allowed(case) {
            continue;
        }
        let Case {
            context,
            keyword,
            argument,
            exit,
            file,
        } = case;
        wrong.push(format!(
            "{context} {keyword} {argument}: keepalived {exit} ({})",
            file.display()
        ));
        wrong.extend(
            verdicts
                .iter()
                .map(|it| format!("    {}", it.one_line(&loaded.sources))),
        );
    }
    wrong
}

#[test]
fn examples_are_accepted() {
    let Some(mut cases) = cases("--all") else { return };
    assert!(cases.len() > 300, "{}", cases.len());
    for case in &mut cases {
        let counted = case.context != "(top)" && COUNTED.contains(&case.keyword.as_str());
        case.exit = if counted { 5 } else { 0 };
    }
    let wrong = disagreements(&cases);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn arguments_are_judged_as_keepalived_judges_them() {
    let Some(cases) = cases("--probes") else { return };
    assert!(cases.len() > 600, "{}", cases.len());
    let wrong = disagreements(&cases);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
