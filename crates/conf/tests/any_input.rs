//! Whatever is in a file, reading it ends, and every place it reports is a place of the file.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // helpers of tests are tests

use holdfast_conf::{LoadOptions, Loaded, MemoryLoader, load};
use proptest::prelude::*;
use std::path::Path;

fn read(text: &[u8]) -> Loaded {
    let options = LoadOptions {
        config_id: Some("lb1".to_owned()),
        ..LoadOptions::default()
    };
    let loader = MemoryLoader::new()
        .with("k.conf", text)
        .with("i.inc", "}\n$A=1\npriority 7\n");
    load(&loader, Path::new("k.conf"), &options)
}

fn check(text: &[u8]) -> Result<(), TestCaseError> {
    let loaded = read(text);
    for diagnostic in &loaded.diagnostics {
        let spans = diagnostic
            .span
            .into_iter()
            .chain(diagnostic.notes.iter().filter_map(|note| note.span));
        for span in spans.filter(|span| span.line != 0) {
            prop_assert!(loaded.sources.text(span).is_some(), "{diagnostic:?}");
        }
        prop_assert!(!diagnostic.one_line(&loaded.sources).contains('\n'));
        prop_assert!(!diagnostic.drawn(&loaded.sources, false).is_empty());
    }
    Ok(())
}

/// Words that mean something, so that random text gets past the first stage.
#[rustfmt::skip] // a list of words
const TOKENS: &[&str] = &[
    "{", "}", "{ ", " }", "\n", "\n", "\n", " ", " ", "\t", "\r\n", "\"", "'", "\\", "\\\n", "#", "!", "$A", "${A}",
    "$A=", "$A=\\\n", "$B=${A}", "${_RANDOM 1 5}", "${_ENV X}", "${_HASH}", "${NOPE}", "@lb1 ", "@^lb1 ",
    "@holdfast ", "~SEQ(A,1,3) ", "~SEQx(B,1,2,9) ", "~LST(A,x,y) ", "~LST({A,B},{1,2}) ", "(", ")", ",",
    "include i.inc\n", "includem *.inc\n", "include k.conf\n", "global_defs", "router_id", "vrrp_version",
    "vrrp_min_garp", "smtp_server", "notification_email", "script_user", "vrrp_instance V", "vrrp_instance W",
    "vrrp_sync_group G", "group", "state", "MASTER", "BACKUP", "interface", "eth0", "virtual_router_id", "priority",
    "255", "0", "-1", "1.5", "99999999999", "advert_int", "version", "3", "authentication", "auth_type PASS",
    "auth_pass", "nopreempt", "preempt_delay", "virtual_ipaddress", "192.0.2.1/24", "fe80::1", "dev", "brd", "+",
    "label", "scope", "peer", "unicast_peer", "min_ttl", "track_interface", "weight", "reverse", "notify",
    "track_script", "virtual_server", "192.0.2.1", "80", "fwmark", "inet6", "virtual_server_group", "192.0.2.1-9",
    "10.0.0.0/8", "::/0", "real_server", "lb_algo", "sh", "sh-port", "lb_kind", "DR", "TUN", "type gue port", "NAT",
    "protocol", "TCP", "quorum", "hysteresis", "sorry_server", "sorry_server_inhibit", "persistence_timeout",
    "persistence_granularity", "255.255.0.0", "HTTP_GET", "SSL_GET", "TCP_CHECK", "MISC_CHECK", "url", "path",
    "digest", "status_code", "200-299", "connect_port", "connect_ip", "bind_if", "retry", "é", "\u{feff}", "nopreemp",
];

fn token() -> impl Strategy<Value = &'static str> {
    prop::sample::select(TOKENS)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes(text in prop::collection::vec(any::<u8>(), 0..600)) {
        check(&text)?;
    }

    #[test]
    fn any_words(tokens in prop::collection::vec((token(), prop::bool::weighted(0.7)), 0..250)) {
        let text: String = tokens.iter().flat_map(|(token, blank)| [*token, if *blank { " " } else { "" }]).collect();
        check(text.as_bytes())?;
    }
}

#[test]
fn large_limits_hold() {
    for text in [
        "x".repeat(10 << 20),
        "{".repeat(200_000),
        "}".repeat(20_000),
        "a{".repeat(100_000),
        "\"".repeat(100_001),
        "$A=${A}${A}${A}\n$A\n".to_owned(),
        "$A=\\\n$A\\\n$A\n$A\n".to_owned(),
        "~LST(".repeat(10_000),
        format!("includem {}{}\n", "{".repeat(400_000), "}".repeat(400_000)),
        format!("includem {}{}\n", "{a,".repeat(1_300), "}".repeat(100)),
        format!(
            "$A={}\n$B=$A $A $A $A\n$C=$B $B $B $B\n${{C}}${{C}}${{C}}${{C}}\n",
            "y".repeat(1000)
        ),
    ] {
        let loaded = read(text.as_bytes());
        assert!(loaded.has_errors(), "{text:.40}");
        assert!(loaded.diagnostics.len() <= 10_001);
    }
}
