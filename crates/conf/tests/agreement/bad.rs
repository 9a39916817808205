//! Configurations with one defect each, and what keepalived says about them.

use crate::coverage::Ours;
use crate::shared::{read, shared};
use std::collections::BTreeSet;

/// Defects that only the host shows: files here are read without looking at one.
const NEEDS_THE_HOST: &[(&str, &str)] = &[
    ("19-", "an interface that does not exist"),
    ("37-", "a program that does not exist"),
    ("39-", "a user that does not exist"),
    ("45-", "an interface that does not exist"),
    ("46-", "a default interface that does not exist"),
];

/// What keepalived takes for a defect and is none.
const NO_DEFECT: &[(&str, &str)] = &[(
    "64-",
    "a label of one character is a good label; keepalived looks for an empty one in the wrong place",
)];

/// Where our exit status differs from keepalived's.
const OTHER_STATUS: &[(&str, u8, &str)] = &[
    (
        "15-",
        5,
        "a missing argument is one error among others; keepalived ends with 2",
    ),
    (
        "56-",
        0,
        "an undefined group is an error of ours that keepalived does not have: its status stays",
    ),
    (
        "63-",
        5,
        "a missing argument is one error among others; keepalived crashes",
    ),
];

/// Where keepalived names another line.
const OTHER_LINE: &[(&str, &str)] = &[
    (
        "08-",
        "keepalived stumbles over every line after the missing {, we name the line that lacks it",
    ),
    ("42-", "keepalived names the end of the instance, we the setting"),
    ("68-", "keepalived miscounts the over-long line"),
];

fn find<'a, T>(list: &'a [T], file: &str, name: impl Fn(&T) -> &'static str) -> Option<&'a T> {
    list.iter().find(|entry| file.starts_with(name(entry)))
}

#[test]
fn each_defect_is_flagged_where_it_is() {
    let Some(bad) = shared("language/bad") else { return };
    let expected = std::fs::read_to_string(bad.join("expected.tsv")).unwrap();
    let (mut checked, mut wrong) = (0, Vec::new());
    for row in expected.lines().skip(1) {
        let columns: Vec<&str> = row.split('\t').collect();
        let [file, defect, _, _, status, output] = columns.as_slice() else {
            panic!("{row}")
        };
        if let Some((_, reason)) = find(NEEDS_THE_HOST, file, |it| it.0) {
            println!("{file}: needs the host: {reason}");
            continue;
        }
        if let Some((_, reason)) = find(NO_DEFECT, file, |it| it.0) {
            println!("{file}: no defect: {reason}");
            assert_eq!(read(&bad.join(file)).exit_code(), 0, "{file}");
            continue;
        }
        checked += 1;
        let loaded = read(&bad.join(file));
        let text = std::fs::read_to_string(bad.join(file)).unwrap();
        let ours = Ours::new(&loaded, &text);
        let lines: Vec<String> = loaded
            .diagnostics
            .iter()
            .map(|it| it.one_line(&loaded.sources))
            .collect();
        if ours.is_silent() {
            wrong.push(format!("{file} ({defect}): nothing is said; keepalived: {output}"));
            continue;
        }
        let other = find(OTHER_STATUS, file, |it| it.0);
        let wanted = other.map_or_else(|| status.parse().unwrap(), |(_, status, _)| *status);
        if loaded.exit_code() != wanted {
            wrong.push(format!(
                "{file}: status {} for {wanted}: {lines:#?}",
                loaded.exit_code()
            ));
        }
        let named = lines_named(output);
        if !named.is_empty()
            && find(OTHER_LINE, file, |it| it.0).is_none()
            && !named.iter().any(|line| ours.names(*line))
        {
            wrong.push(format!("{file}: keepalived names {named:?}, we {lines:#?}"));
        }
    }
    println!("bad: {checked} files with a defect, {} not as expected", wrong.len());
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(checked > 60, "{checked}");
}

/// The lines that keepalived's output, with `\n` between its lines, names.
fn lines_named(output: &str) -> BTreeSet<u32> {
    output
        .split("Line ")
        .skip(1)
        .filter_map(|rest| rest.split(')').next().and_then(|number| number.parse().ok()))
        .collect()
}
