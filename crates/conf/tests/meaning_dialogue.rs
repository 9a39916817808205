//! `EXPECT_CHECK` and `AGENT_CHECK`: what they mean, and what is said when they are wrong.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // helpers of tests are tests

use holdfast_conf::config::*;
use holdfast_conf::{LoadOptions, Loaded, MemoryLoader, load, print};
use std::path::Path;
use std::time::Duration;

fn read(check: &str) -> Loaded {
    let text = format!(
        "virtual_server 192.0.2.1 6379 {{\nlb_algo rr\nlb_kind NAT\nprotocol TCP\nreal_server 192.0.2.2 6379 {{\n{check}\n}}\n}}\n"
    );
    let loader = MemoryLoader::new().with("k.conf", text);
    load(&loader, Path::new("k.conf"), &LoadOptions::default())
}

fn said(loaded: &Loaded) -> Vec<String> {
    loaded
        .diagnostics
        .iter()
        .map(|it| it.one_line(&loaded.sources))
        .collect()
}

fn clean(check: &str) -> Checker {
    let loaded = read(check);
    assert_eq!(said(&loaded), [""; 0]);
    loaded.config.virtual_servers[0].real_servers[0].checkers[0].clone()
}

fn dialogue(steps: &str) -> ExpectCheck {
    let checker = clean(&format!("EXPECT_CHECK {{\n{steps}\n}}"));
    let CheckerKind::ExpectCheck(check) = checker.kind else {
        panic!("EXPECT_CHECK")
    };
    check
}

#[test]
fn steps_keep_their_order_and_their_bytes() {
    let check = dialogue(
        r#"send "AUTH lb \"s3cret\"\r\n"
        expect_start "+OK\r\n"
        retry 2
        send PING\r\n
        expect +PONG
        send_hex 00 "01 02" ffFE
        expect_hex xx 0x
        starttls
        expect_regex "^\x30.*\d+ #!{" dotall caseless"#,
    );
    let masked = |value, mask| ReplyByte { value, mask };
    let regex = UrlRegex {
        pattern: r"^\x30.*\d+ #!{".to_owned(),
        options: vec![RegexOption::Caseless, RegexOption::Dotall],
        no_match: false,
        min_offset: 0,
        max_offset: None,
        stack: None,
    };
    assert_eq!(
        check.steps,
        [
            ExpectStep::Send(b"AUTH lb \"s3cret\"\r\n".to_vec()),
            ExpectStep::Start(b"+OK\r\n".to_vec()),
            ExpectStep::Send(b"PING\r\n".to_vec()),
            ExpectStep::Contains(b"+PONG".to_vec()),
            ExpectStep::Send(vec![0, 1, 2, 0xff, 0xfe]),
            ExpectStep::Masked(vec![masked(0, 0), masked(0, 0xf0)]),
            ExpectStep::StartTls,
            ExpectStep::Regex(regex),
        ]
    );
    assert!(!check.tls);
}

#[test]
fn tls_has_the_settings_of_ssl_get() {
    let check = dialogue("tls\nsni_name redis.example.org\ntls_verify\nexpect_start +");
    assert!(check.tls);
    assert_eq!(
        (check.sni, check.verify),
        (Sni::Name("redis.example.org".to_owned()), Verify::Peer)
    );
    let check = dialogue("starttls\ntls_verify_name 192.0.2.2");
    assert_eq!((check.tls, check.verify), (false, Verify::Name("192.0.2.2".to_owned())));
    assert_eq!(dialogue("tls").steps, [], "the handshake is worth a check");
}

#[test]
fn connection_and_timing_are_those_of_all_checkers() {
    for block in ["EXPECT_CHECK {\nexpect +OK", "AGENT_CHECK {"] {
        let checker = clean(&format!("{block}\n}}"));
        assert_eq!((checker.retry, checker.delay_before_retry), (1, Duration::from_secs(1)));
        assert_eq!(checker.target.to_string(), "192.0.2.2:6379");
        let lines =
            "connect_ip 192.0.2.9\nconnect_port 5309\nconnect_timeout 2\nfwmark 7\nretry 4\ndelay_loop 3\nalpha";
        let checker = clean(&format!("{block}\n{lines}\n}}"));
        assert_eq!(checker.target.to_string(), "192.0.2.9:5309");
        assert_eq!((checker.fwmark, checker.retry, checker.alpha), (7, 4, true));
        assert_eq!(checker.connect_timeout, Duration::from_secs(2));
    }
}

#[test]
fn agents() {
    let agent = |lines: &str| match clean(&format!("AGENT_CHECK {{\n{lines}\n}}")).kind {
        CheckerKind::AgentCheck(agent) => agent,
        other => panic!("{other:?}"),
    };
    let silent = AgentCheck {
        send: Vec::new(),
        keep_if_unreachable: false,
    };
    assert_eq!(agent(""), silent);
    assert_eq!(
        agent("send \"web1\\n\"\nkeep_if_unreachable"),
        AgentCheck {
            send: b"web1\n".to_vec(),
            keep_if_unreachable: true,
        }
    );
}

/// A step that is wrong takes the whole check with it, and is told with its place.
#[test]
fn wrong_steps_are_told_with_line_and_column() {
    for (step, place, message) in [
        (
            "send \"PING\\q\"",
            "Line 7, column 6)",
            r"'\q' is no escape at character 5 of the text of 'send'",
        ),
        ("send \"PING\\\"", "Line 7, column 6)", "is never closed"),
        ("send \"a\"b\\", "Line 7, column 6)", "is never closed"),
        ("send PING now", "Line 7, column 6)", "'send' takes one text"),
        ("send", "Line 7, column 1)", "'send' lacks its text"),
        (
            "expect \"\"",
            "Line 7, column 8)",
            "the text of 'expect' has not 1 to 4096 bytes",
        ),
        (
            "expect_start \"\\x4\"",
            "Line 7, column 14)",
            "\\x without two hexadecimal digits",
        ),
        (
            "send_hex 0g",
            "Line 7, column 10)",
            "'0g' is not made of pairs of hexadecimal digits",
        ),
        ("send_hex 00 1", "Line 7, column 13)", "'1' is not made of pairs"),
        ("send_hex xx", "Line 7, column 10)", "'xx' is not made of pairs"),
        ("send_hex", "Line 7, column 1)", "'send_hex' takes 1 to 4096 bytes"),
        (
            "expect_hex \" \"",
            "Line 7, column 1)",
            "'expect_hex' takes 1 to 4096 bytes",
        ),
        (
            "expect_regex \"a(b\"",
            "Line 7, column 14)",
            "'a(b' is no regular expression",
        ),
        (
            "expect_regex a caselesss",
            "Line 7, column 16)",
            "'caselesss' is no option",
        ),
        ("expect_regex", "Line 7, column 1)", "'expect_regex' lacks its pattern"),
        ("tls\nstarttls", "Line 8, column 1)", "There is TLS already"),
        ("starttls\nstarttls", "Line 8, column 1)", "There is TLS already"),
    ] {
        let loaded = read(&format!("EXPECT_CHECK {{\n{step}\nexpect_start +OK\n}}"));
        let said = said(&loaded);
        let found = said.iter().any(|line| line.contains(message) && line.contains(place));
        assert!(found, "{step}: {said:?}");
        assert!(loaded.has_errors(), "{step}");
        let servers = &loaded.config.virtual_servers[0].real_servers;
        assert_eq!(servers[0].checkers, [], "{step}");
    }
    let loaded = read("AGENT_CHECK {\nsend \\z\n}");
    assert!(said(&loaded)[0].contains("Line 7, column 6)"), "{:?}", said(&loaded));
    assert_eq!(loaded.config.virtual_servers[0].real_servers[0].checkers, []);
}

#[test]
fn what_says_nothing_is_told() {
    for (block, message) in [
        ("EXPECT_CHECK {\n}", "EXPECT_CHECK expects nothing"),
        ("EXPECT_CHECK {\nsend PING\n}", "EXPECT_CHECK expects nothing"),
        ("EXPECT_CHECK {\ntls_verify\nexpect a\n}", "'tls_verify' says nothing"),
        ("EXPECT_CHECK {\nexpect_regex \"^\\\\d+\"\n}", "looks for a backslash"),
    ] {
        let said = said(&read(block));
        assert!(said.iter().any(|line| line.contains(message)), "{block}: {said:?}");
    }
    // A backslash that is meant.
    clean("EXPECT_CHECK {\nexpect_regex \"^[\\\\]d\"\n}");
    clean("EXPECT_CHECK {\nexpect_regex \"C:\\\\\"\n}");
}

/// What is printed means the same, and printed again it is the same.
#[test]
fn a_print_keeps_every_byte() {
    let check = r#"EXPECT_CHECK {
        send "say \"hi there\" # {\x00}\r\n"
        send 'it''s'
        expect  a\x20b
        expect_start "a \\ b"
        expect_regex "^\d+\x22 {2}" dotall
        send_hex 00 "01 02"
        expect_hex xx
    }
    AGENT_CHECK {
        send "a\x22b\n"
    }"#;
    let options = LoadOptions::default();
    let first = read(check);
    assert_eq!(said(&first), [""; 0]);
    let text = format!(
        "virtual_server 192.0.2.1 6379 {{\nlb_algo rr\nlb_kind NAT\nprotocol TCP\nreal_server 192.0.2.2 6379 {{\n{check}\n}}\n}}\n"
    );
    let printed = print(&MemoryLoader::new().with("k.conf", text), Path::new("k.conf"), &options).text;
    let loader = MemoryLoader::new().with("k.conf", printed.clone());
    let again = load(&loader, Path::new("k.conf"), &options);
    assert_eq!(said(&again), [""; 0], "{printed}");
    assert_eq!(again.config, first.config, "{printed}");
    assert_eq!(print(&loader, Path::new("k.conf"), &options).text, printed);
}
