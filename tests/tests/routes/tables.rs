//! What `ip` shows, made comparable.

use std::fmt::Write as _;
use std::time::SystemTime;

use anyhow::Result;
use bed::node::{Node, Process};

/// All that `ip` shows of addresses, routes and rules.
pub(crate) fn read(node: &Node) -> Result<String> {
    let mut text = String::new();
    for arguments in [
        &["-d", "address", "show"][..],
        &["-d", "-4", "route", "show", "table", "all"],
        &["-d", "-6", "route", "show", "table", "all"],
        &["-d", "-4", "rule", "show"],
        &["-d", "-6", "rule", "show"],
    ] {
        writeln!(text, "# ip {}", arguments.join(" "))?;
        for line in node.run("ip", arguments)?.lines() {
            writeln!(text, "{}", without_what_passes(line))?;
        }
    }
    Ok(text)
}

/// Whether the kernel has made its routes of all IPv6 addresses, and looked for duplicates of them.
pub(crate) fn is_complete(tables: &str) -> bool {
    let addresses = tables
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("inet6 "));
    let has_route = |address: &str| {
        let address = address.split(['/', ' ']).next().unwrap_or_default();
        let route = format!("local {address} dev ");
        address == "::1" || tables.lines().any(|line| line.trim_start().starts_with(&route))
    };
    addresses
        .into_iter()
        .all(|line| !line.contains(" tentative") && has_route(line))
}

/// A line without what differs from run to run: counts of seconds, and the mark of an address, which keepalived 2.2 does
/// not set.
fn without_what_passes(line: &str) -> String {
    let mut words: Vec<&str> = Vec::new();
    let mut rest = line.split(' ');
    while let Some(word) = rest.next() {
        let value = match word {
            "expires" => rest.next().map(|_| "SOON"),
            "proto" => rest.next(),
            _ => None,
        };
        match (word, value) {
            ("proto", Some("0x70")) => {}
            (_, value) => words.extend([word].into_iter().chain(value)),
        }
    }
    words.join(" ")
}

/// In which order the kinds of things changed since then; how many of a kind there were does not count, nor do the
/// kernel's own routes and IPv6 addresses, which it tells of once more when it has looked for duplicates.
pub(crate) fn order(watch: &Process, since: SystemTime) -> String {
    let mut kinds: Vec<String> = Vec::new();
    for line in watch.log().all().into_iter().filter(|line| line.when >= since) {
        let Some((kind, change)) = line.text.trim_start_matches('[').split_once(']') else {
            continue;
        };
        let counts = match kind {
            "ADDR" => change.contains(" inet ") && !change.contains(" lo "),
            _ => change.contains("proto keepalived"),
        };
        if !counts {
            continue;
        }
        let verb = if change.starts_with("Deleted") { "remove" } else { "add" };
        let step = format!("{verb} {kind}\n");
        if kinds.last() != Some(&step) {
            kinds.push(step);
        }
    }
    kinds.concat()
}

/// What only one of them has; empty when they are the same.
pub(crate) fn difference(expected: &str, found: &str) -> String {
    let mut text = String::new();
    let lacks = |all: &str, line: &str| !all.lines().any(|other| other == line);
    for line in expected.lines().filter(|line| lacks(found, line)) {
        let _ = writeln!(text, "  expected: {line}");
    }
    for line in found.lines().filter(|line| lacks(expected, line)) {
        let _ = writeln!(text, "  found:    {line}");
    }
    if text.is_empty() && expected != found {
        let _ = writeln!(
            text,
            "  in another order or number, expected:\n{expected}\n  found:\n{found}"
        );
    }
    text
}

/// All but the virtual routes of these tests.
pub(crate) fn without_virtual_routes(tables: &str) -> String {
    let is_virtual =
        |line: &&str| line.contains("proto keepalived") && (line.contains(" 10.") || line.contains(" 2001:db8:1"));
    let lines = tables
        .lines()
        .filter(|line| line.contains("lookup") || !is_virtual(line));
    lines.map(|line| line.to_owned() + "\n").collect()
}
