//! `holdfast -t` and `holdfast check` as programs see them: exit status and output.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // helpers of tests are tests

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A service that needs nothing of the host.
const GOOD: &str = "virtual_server 198.51.100.1 80 {
    lb_algo rr
    lb_kind NAT
    protocol TCP
    real_server 192.0.2.10 80 {
        TCP_CHECK {
        }
    }
}
";

/// A folder that is removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("holdfast-check-{}-{test}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, text: &str) -> PathBuf {
        let path = self.0.join("k.conf");
        std::fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn holdfast(arguments: &[&str], file: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_holdfast"));
    command.args(arguments).arg(file).output().unwrap()
}

fn status(output: &Output) -> i32 {
    output.status.code().unwrap()
}

#[test]
fn config_test_says_nothing_about_a_good_file() {
    let folder = Folder::new("good");
    let output = holdfast(&["-t", "-f"], &folder.file(GOOD));
    assert_eq!((status(&output), output.stdout.len(), output.stderr.len()), (0, 0, 0));
}

#[test]
fn config_test_ends_with_the_status_of_the_worst_finding() {
    let folder = Folder::new("status");
    let cases = [
        ("an unknown keyword", GOOD.replace("lb_algo", "lb_algorithm"), 5),
        (
            "a warning that keepalived has, too",
            GOOD.replace("    protocol TCP\n", ""),
            5,
        ),
        // keepalived ends at once, with 2.
        ("a missing argument", GOOD.replace("lb_algo rr", "lb_algo"), 5),
        (
            "an include that must succeed",
            format!("includem nothing.conf\n{GOOD}"),
            6,
        ),
        (
            "a keyword without effect",
            format!("global_defs {{\ntmp_config_directory /tmp\n}}\n{GOOD}"),
            0,
        ),
    ];
    for (case, text, expected) in cases {
        let output = holdfast(&["-t", "-f"], &folder.file(&text));
        let said = String::from_utf8(output.stderr.clone()).unwrap();
        assert_eq!(status(&output), expected, "{case}: {said}");
        assert!(
            said.contains("k.conf: Line ") && said.ends_with("]\n"),
            "{case}: {said}"
        );
    }
}

#[test]
fn scripts_that_are_not_there_are_no_danger() {
    let folder = Folder::new("scripts");
    let with = |script: &str| {
        GOOD.replace(
            "    protocol TCP\n",
            &format!("    protocol TCP\n    quorum_up {script}\n"),
        )
    };
    let run = |script: &str| status(&holdfast(&["-t", "-f"], &folder.file(&with(script))));
    assert_eq!(run("/usr/bin/env"), 6);
    // keepalived leaves a notify script out that it cannot run, and then has no scripts to be careful with.
    assert_eq!(run("/nonexistent/script"), 0);
}

#[test]
fn config_test_of_no_file_fails() {
    let output = holdfast(&["-t", "-f"], Path::new("/nonexistent/keepalived.conf"));
    // keepalived ends with 0.
    assert_eq!(status(&output), 4);
    assert!(!output.stderr.is_empty());
}

#[test]
fn config_test_appends_to_its_log_file() {
    let folder = Folder::new("log");
    let log = folder.0.join("log");
    std::fs::write(&log, "before\n").unwrap();
    let option = format!("-t{}", log.display());
    let output = holdfast(&[&option, "-f"], &folder.file("colour blue\n"));
    assert_eq!((status(&output), output.stderr.len()), (5, 0));
    let written = std::fs::read_to_string(&log).unwrap();
    assert!(
        written.starts_with("before\n") && written.contains("[HF0300]\n"),
        "{written}"
    );

    let unwritable = format!("-t{}/no/such/folder", folder.0.display());
    assert_eq!(status(&holdfast(&[&unwritable, "-f"], &folder.file(GOOD))), 1);
}

#[test]
fn check_draws_the_place_and_the_hint() {
    let folder = Folder::new("drawn");
    let output = holdfast(&["check"], &folder.file(&GOOD.replace("lb_algo", "lb_agol")));
    let shown = String::from_utf8(output.stdout.clone()).unwrap();
    assert_eq!(status(&output), 1, "{shown}");
    for part in ["error[HF0300]", "k.conf:2:5", "^^^^^^^", "did you mean 'lb_algo'?"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
}

#[test]
fn check_writes_json_for_programs() {
    let folder = Folder::new("json");
    let output = holdfast(&["check", "--format", "json"], &folder.file("colour blue\n"));
    assert_eq!(status(&output), 1);
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&found["errors"], &found["findings"][0]["code"]),
        (&1.into(), &"HF0300".into())
    );
    assert_eq!(
        status(&holdfast(
            &["check", "--format", "json", "--allow", "all"],
            &folder.file(GOOD)
        )),
        0
    );
}

#[test]
fn advice_leaves_the_status_alone_and_can_be_switched_off() {
    let folder = Folder::new("advice");
    let file = folder.file(GOOD);
    let text = |output: &Output| String::from_utf8(output.stdout.clone()).unwrap();
    let advised = holdfast(&["check"], &file);
    assert_eq!(status(&advised), 0);
    assert!(text(&advised).contains("advice[HF0823]"), "{}", text(&advised));
    assert!(text(&advised).ends_with(": 1 piece of advice\n"), "{}", text(&advised));
    for allowed in ["HF0823", "all"] {
        let output = holdfast(&["check", "--allow", "HF0822", "--allow", allowed], &file);
        assert_eq!(status(&output), 0);
        assert!(
            text(&output).ends_with(": nothing to complain about\n"),
            "{}",
            text(&output)
        );
    }
    let file = folder.file(&GOOD.replacen("lb_algo", "@holdfast lint_off HF0823\n    lb_algo", 1));
    assert!(text(&holdfast(&["check"], &file)).ends_with(": nothing to complain about\n"));
    assert_eq!(holdfast(&["-t", "-f"], &file).stderr, b"", "-t gives no advice");
    assert_ne!(
        status(&holdfast(&["check", "--allow", "HF0300"], &file)),
        0,
        "an error cannot be allowed"
    );
}

#[test]
fn the_host_is_looked_at_when_asked_for() {
    let folder = Folder::new("host");
    let text = "vrrp_instance V {
    interface nosuch0
    virtual_router_id 51
    virtual_ipaddress {
        198.51.100.1/24
    }
}
";
    let file = folder.file(text);
    let says = |output: &Output| String::from_utf8_lossy(&output.stdout).contains("HF0850");
    assert!(!says(&holdfast(&["check"], &file)));
    let asked = holdfast(&["check", "--host"], &file);
    assert!(says(&asked));
    assert_eq!(status(&asked), 0);
    let tested = holdfast(&["-t", "-f"], &file);
    let line = String::from_utf8(tested.stderr.clone()).unwrap();
    assert!(
        line.contains("Line 2, column 15) There is no interface nosuch0"),
        "{line}"
    );
    assert_eq!(status(&tested), 5);
}
