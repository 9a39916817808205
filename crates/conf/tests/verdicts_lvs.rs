//! keepalived 2.4.3's verdict on each keyword of the load balancer and of `global_defs`, and ours: a complete file
//! around each keyword's example, and one around each of its wrong or unusual arguments. The files come from
//! `../shared` or from where `HOLDFAST_SHARED` says; without it these tests say nothing.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // helpers of tests are tests

use holdfast_conf::{FileLoader, LoadOptions, Loaded, MemoryLoader, load};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The contexts that are judged here.
fn is_ours(context: &str, keyword: &str) -> bool {
    match context {
        "(any)" | "global_defs" | "SSL" => true,
        "(top)" => TOP.contains(&keyword),
        _ => context.starts_with("virtual_server"),
    }
}

const TOP: &[&str] = &[
    "net_namespace",
    "net_namespace_ipvs",
    "namespace_with_ipsets",
    "use_pid_dir",
    "instance",
    "child_wait_time",
    "global_defs",
    "SSL",
    "virtual_server_group",
    "virtual_server",
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
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("verdicts-lvs{kind}"));
    let status = Command::new("python3")
        .arg(&generator)
        .arg(kind)
        .arg(&directory)
        .status()
        .ok()?;
    assert!(status.success());
    // What the examples of the include family name.
    std::fs::create_dir_all(directory.join("conf.d")).unwrap();
    for file in ["a.conf", "conf.d/a.conf", "conf.d/b.conf"] {
        std::fs::write(directory.join(file), "# nothing\n").unwrap();
    }
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
    ("global_defs", "smtp_server", "*", NAMES_ARE_LOOKED_UP_LATER),
    ("global_defs", "script_user", "*", USERS_ARE_OF_THE_HOST),
    ("global_defs", "startup_script", "a b c d", USERS_ARE_OF_THE_HOST),
    ("global_defs", "shutdown_script", "a b c d", USERS_ARE_OF_THE_HOST),
    (
        "virtual_server/real_server/MISC_CHECK",
        "user",
        "*",
        USERS_ARE_OF_THE_HOST,
    ),
    ("virtual_server/real_server/DNS_CHECK", "name", "1.5", SHORT_LABELS),
    ("global_defs", "vrrp_vmac_garp_intvl", "", DEPRECATED),
    ("virtual_server/real_server/HTTP_GET", "nb_get_retry", "", DEPRECATED),
    ("virtual_server/real_server/SSL_GET", "nb_get_retry", "", DEPRECATED),
];

const NAMES_ARE_LOOKED_UP_LATER: &str =
    "keepalived looks the name up while it reads the file; a name server that is down must not change a configuration";
const SHORT_LABELS: &str =
    "a.example is a domain name; that keepalived refuses a first label of one byte is its mistake";
const DEPRECATED: &str = "an example of a deprecated keyword: keepalived's own verdict on it is an error, too";
const USERS_ARE_OF_THE_HOST: &str = "whether a user exists is said by the daemon and by check --host";

fn is_allowed(case: &Case) -> bool {
    DIFFERENCES.iter().any(|(context, keyword, argument, _)| {
        let same = |pattern: &str, text: &str| pattern == "*" || pattern == text;
        same(context, &case.context) && same(keyword, &case.keyword) && same(argument, &case.argument)
    })
}

/// The cases on which the two do not agree although nothing says why.
fn disagreements(cases: &[Case]) -> Vec<String> {
    let mut wrong = Vec::new();
    for case in cases {
        let loaded = read(&case.file);
        let accepted = loaded.exit_code() == 0;
        if accepted == (case.exit == 0) || is_allowed(case) {
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
        let counted = loaded.diagnostics.iter().filter(|it| it.class.is_some());
        wrong.extend(counted.map(|it| format!("    {}", it.one_line(&loaded.sources))));
    }
    wrong
}

#[test]
fn examples_are_accepted() {
    let Some(cases) = cases("--all") else { return };
    assert!(cases.len() > 380, "{}", cases.len());
    let wrong = disagreements(&cases);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn arguments_are_judged_as_keepalived_judges_them() {
    let Some(cases) = cases("--probes") else { return };
    assert!(cases.len() > 1_500, "{}", cases.len());
    let wrong = disagreements(&cases);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Examples without which the configuration is the same, and why: context, keyword, reason.
const WITHOUT_CHANGE: &[(&str, &str, &str)] = &[
    ("(top)", "virtual_server_group", UNUSED),
    ("virtual_server_group", "fwmark", UNUSED),
    ("global_defs", "vrrp_mcast_group4", DEFAULT),
    ("global_defs", "vrrp_mcast_group6", DEFAULT),
    ("global_defs", "vrrp_higher_prio_send_advert", DEFAULT),
    ("global_defs", "enable_script_security", "the example has it twice"),
    (
        "global_defs",
        "include_check",
        "its work is done while the files are read",
    ),
    ("virtual_server", "ip_family", DEFAULT),
    ("virtual_server", "hashed", "keepalived does nothing with it either"),
    ("virtual_server", "quorum", DEFAULT),
    ("virtual_server", "hysteresis", DEFAULT),
    ("virtual_server/real_server", "alpha", INHERITED),
    ("virtual_server/real_server", "retry", INHERITED),
    ("virtual_server/real_server", "delay_before_retry", INHERITED),
    ("virtual_server/real_server", "warmup", INHERITED),
    ("virtual_server/real_server", "connect_timeout", INHERITED),
    ("virtual_server/real_server", "delay_loop", INHERITED),
    ("virtual_server/real_server", "virtualhost", INHERITED),
    ("virtual_server/real_server/HTTP_GET", "enable_sni", "there is no TLS"),
    ("virtual_server/real_server/HTTP_GET", "sni_name", "there is no TLS"),
];

const UNUSED: &str = "no virtual server of the example has the group";
const DEFAULT: &str = "the example says what holds anyway";
const INHERITED: &str = "it is for checkers, and the example has none";

/// The text without the last statement that begins with a keyword, and without its block.
fn without(text: &str, keyword: &str) -> Option<String> {
    let lines: Vec<&str> = text.lines().collect();
    let begins = |line: &&str| line.split_whitespace().next() == Some(keyword);
    let first = lines.iter().rposition(begins)?;
    let mut depth = 0_usize;
    let length = lines[first..]
        .iter()
        .take_while(|line| {
            depth = (depth + line.matches('{').count()).saturating_sub(line.matches('}').count());
            depth > 0
        })
        .count();
    let rest = lines[..first].iter().chain(&lines[first + length + 1..]);
    Some(rest.copied().collect::<Vec<_>>().join("\n"))
}

#[test]
fn every_keyword_is_read_into_the_configuration() {
    let Some(cases) = cases("--all") else { return };
    let mut unread = Vec::new();
    let mut tried = 0;
    for case in cases.iter().filter(|case| case.context != "(any)") {
        let text = std::fs::read_to_string(&case.file).unwrap();
        let Some(without) = without(&text, &case.keyword) else {
            continue;
        };
        let meaning = |text: &str| {
            let loader = MemoryLoader::new().with("k.conf", text);
            let mut config = load(&loader, Path::new("k.conf"), &LoadOptions::default()).config;
            config.not_in_effect.clear();
            config
        };
        tried += 1;
        let known = |(context, keyword, _): &(&str, &str, &str)| *context == case.context && *keyword == case.keyword;
        if meaning(&text) == meaning(&without) && !WITHOUT_CHANGE.iter().any(known) {
            unread.push(format!("{} {}", case.context, case.keyword));
        }
    }
    assert_eq!(unread, [""; 0]);
    assert!(tried > 370, "{tried}");
}
