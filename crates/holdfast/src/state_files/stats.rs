//! `keepalived.stats`, as keepalived 2.4 writes it: programs read it by its words and its blanks.

use std::fmt::Write;

use holdfast_vrrp::{Counters, NodeStatus};

/// The file.
pub fn text(node: &NodeStatus) -> String {
    let mut text = String::new();
    for instance in &node.instances {
        // A String takes everything.
        let _ = writeln!(text, "VRRP Instance: {}", instance.name);
        write_counters(&mut text, &instance.counters);
    }
    text
}

fn write_counters(text: &mut String, counters: &Counters) {
    section(
        text,
        "Advertisements",
        &[("Received", counters.advert_rcvd), ("Sent", counters.advert_sent)],
    );
    let _ = writeln!(text, "  Became master: {}", counters.become_master);
    let _ = writeln!(text, "  Released master: {}", counters.release_master);
    section(
        text,
        "Packet Errors",
        &[
            ("Length", counters.packet_len_err),
            ("TTL", counters.ip_ttl_err),
            ("Invalid Type", counters.invalid_type_rcvd),
            ("Advertisement Interval", counters.advert_interval_err),
            ("Address List", counters.addr_list_err),
        ],
    );
    section(
        text,
        "Authentication Errors",
        &[
            ("Invalid Type", counters.invalid_authtype),
            ("Type Mismatch", counters.authtype_mismatch),
            ("Failure", counters.auth_failure),
        ],
    );
    section(
        text,
        "Authentication Extension Errors",
        &[
            ("Missing", counters.auth_ext_missing),
            ("Malformed", counters.auth_ext_malformed),
            ("Unknown Key", counters.auth_ext_unknown_key),
            ("Invalid HMAC", counters.auth_ext_invalid_hmac),
            ("Stale", counters.auth_ext_stale),
            ("Replay", counters.auth_ext_replay),
        ],
    );
    section(
        text,
        "Priority Zero",
        &[("Received", counters.pri_zero_rcvd), ("Sent", counters.pri_zero_sent)],
    );
}

fn section(text: &mut String, heading: &str, lines: &[(&str, u64)]) {
    let _ = writeln!(text, "  {heading}:");
    for (name, count) in lines {
        let _ = writeln!(text, "    {name}: {count}");
    }
}
