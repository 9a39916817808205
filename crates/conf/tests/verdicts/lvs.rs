//! The load balancer, `global_defs`, and what has a meaning anywhere.

use super::cases::{Part, examples, probes};
use holdfast_conf::{LoadOptions, MemoryLoader, load};
use std::path::Path;

pub const PART: Part = Part {
    blocks: &["(any)", "SSL", "global_defs", "virtual_server", "virtual_server_group"],
    top: &[
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
    ],
    differences: &[
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
    ],
    // Deprecated words.
    counted: &[
        ("global_defs", "vrrp_vmac_garp_intvl"),
        ("virtual_server/real_server/HTTP_GET", "nb_get_retry"),
        ("virtual_server/real_server/SSL_GET", "nb_get_retry"),
    ],
};

const NAMES_ARE_LOOKED_UP_LATER: &str =
    "keepalived looks the name up while it reads the file; a name server that is down must not change a configuration";
const SHORT_LABELS: &str =
    "a.example is a domain name; that keepalived refuses a first label of one byte is its mistake";
const USERS_ARE_OF_THE_HOST: &str = "whether a user exists is said by the daemon and by check --host";

#[test]
fn examples_are_accepted() {
    let Some(cases) = examples() else { return };
    let cases = PART.of(cases);
    assert!(cases.len() > 380, "{}", cases.len());
    PART.ensure_agreement(&cases);
}

#[test]
fn arguments_are_judged_as_keepalived_judges_them() {
    let Some(cases) = probes() else { return };
    let cases = PART.of(cases);
    assert!(cases.len() > 1_500, "{}", cases.len());
    PART.ensure_agreement(&cases);
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
    let Some(cases) = examples() else { return };
    let mut unread = Vec::new();
    let mut tried = 0;
    for case in PART.of(cases).iter().filter(|case| case.context != "(any)") {
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
