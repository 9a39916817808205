//! Whatever is in a file, reading it ends, and every place it reports is a place of the file.
//!
//! Plain `cargo test` runs each target for a second with what is in `__fuzz__` and with random input; for longer:
//! `BOLERO_RANDOM_TEST_TIME_MS=600000 cargo test --release -p holdfast-conf --test any_input`, or, led by coverage,
//! `cargo bolero test --sanitizer NONE -p holdfast-conf any_bytes`.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // helpers of tests are tests

#[path = "any_input/configuration.rs"]
mod configuration;

use holdfast_conf::{LoadOptions, Loaded, MemoryLoader, load};
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

fn check(text: &[u8]) {
    let loaded = read(text);
    for diagnostic in &loaded.diagnostics {
        let spans = diagnostic
            .span
            .into_iter()
            .chain(diagnostic.notes.iter().filter_map(|note| note.span));
        for span in spans.filter(|span| span.line != 0) {
            assert!(loaded.sources.text(span).is_some(), "{diagnostic:?}");
        }
        assert!(!diagnostic.one_line(&loaded.sources).contains('\n'));
        assert!(!diagnostic.drawn(&loaded.sources, false).is_empty());
    }
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
    "persistence_granularity", "255.255.0.0", "HTTP_GET", "SSL_GET", "GRPC_CHECK", "header", "\"X: y\"", "body", "method", "http_protocol 2", "TCP_CHECK", "MISC_CHECK", "url", "path",
    "digest", "status_code", "200-299", "connect_port", "connect_ip", "bind_if", "retry", "é", "\u{feff}", "nopreemp",
];

#[test]
fn any_bytes() {
    bolero::check!().for_each(check);
}

#[test]
fn any_words() {
    bolero::check!().for_each(|choices: &[u8]| {
        let words = choices.iter().map(|choice| TOKENS[usize::from(*choice) % TOKENS.len()]);
        // What is too much for one byte to choose: whether a blank follows.
        let blanks = choices.iter().map(|choice| if choice % 3 == 0 { "" } else { " " });
        let text: String = words.zip(blanks).flat_map(|(word, blank)| [word, blank]).collect();
        check(text.as_bytes());
    });
}

#[test]
fn any_configuration() {
    bolero::check!().for_each(|choices: &[u8]| check(configuration::from_choices(choices).as_bytes()));
}
