//! When two nodes are in the same state: everything that the machine remembers, except what it only counts or says.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use holdfast_vrrp::Node;

/// Fields that decide nothing: settings never change here, the rest is for reports. `now` is set anew by each event.
const WITHOUT: [&str; 8] = [
    "settings: ",
    "counters: ",
    "complaints: ",
    "lateness: ",
    "conflicts: ",
    "facts: ",
    "routers: ",
    "now: ",
];

/// The fingerprint of all that decides what the node will do.
pub(crate) fn fingerprint(node: &Node) -> u64 {
    let mut hasher = DefaultHasher::new();
    essence(&format!("{node:?}")).hash(&mut hasher);
    hasher.finish()
}

/// The debug text of a node without these fields.
fn essence(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    'fields: while !rest.is_empty() {
        for field in WITHOUT {
            if rest.starts_with(field) && kept.ends_with([' ', '{', '(']) {
                rest = &rest[value_end(rest)..];
                continue 'fields;
            }
        }
        let next = rest.char_indices().nth(1).map_or(rest.len(), |(at, _)| at);
        kept.push_str(&rest[..next]);
        rest = &rest[next..];
    }
    kept
}

/// Where the value of the first field ends.
fn value_end(text: &str) -> usize {
    let mut depth = 0;
    for (at, sign) in text.char_indices() {
        match sign {
            '{' | '[' | '(' => depth += 1,
            ',' | '}' | ']' | ')' if depth == 0 => return at,
            '}' | ']' | ')' => depth -= 1,
            _ => {}
        }
    }
    text.len()
}

#[test]
fn only_what_decides_is_kept() {
    let text =
        "Node { settings: S { a: [1, 2], b: (3) }, state: Backup, counters: C { sent: 4 }, wait: Some(W { now: 5 }) }";
    assert_eq!(essence(text), "Node { , state: Backup, , wait: Some(W { }) }");
}
