//! `holdfast print` and `holdfast fmt` as programs see them.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // helpers of tests are tests

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A folder that is removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("holdfast-tools-{}-{test}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
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

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn print_works_out_includes_and_conditions() {
    let folder = Folder::new("print");
    folder.file("more.conf", "script_user ${NAME}\n");
    let file = folder.file(
        "k.conf",
        "$NAME=a\n@lb1 $NAME=b\nglobal_defs {\n  include more.conf\n}\n",
    );
    let output = holdfast(&["print", "-i", "lb1"], &file);
    assert_eq!(text(&output.stdout), "global_defs {\n    script_user b\n}\n");
    assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0));
}

#[test]
fn print_shows_what_is_understood_of_a_wrong_file() {
    let folder = Folder::new("wrong");
    let output = holdfast(
        &["print"],
        &folder.file("k.conf", "global_defs {\nscript_user a\nrooter_id b\n}\n"),
    );
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).ends_with("\n\nglobal_defs {\n    script_user a\n}\n"));
    assert!(text(&output.stderr).contains("Line 3, column 1) Unknown keyword 'rooter_id'"));
}

#[test]
fn fmt_checks_prints_and_writes() {
    let folder = Folder::new("fmt");
    let (before, after) = ("a{\nb # c\n}", "a {\n    b # c\n}\n");
    let file = folder.file("k.conf", before);
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
    let read = || std::fs::read_to_string(&file).unwrap();

    let check = holdfast(&["fmt", "--check"], &file);
    assert_eq!(
        (check.status.code(), text(&check.stdout), read()),
        (Some(1), String::new(), before.to_owned())
    );
    let shown = holdfast(&["fmt"], &file);
    assert_eq!(
        (shown.status.code(), text(&shown.stdout), read()),
        (Some(0), after.to_owned(), before.to_owned())
    );

    let link = folder.0.join("link.conf");
    std::os::unix::fs::symlink(&file, &link).unwrap();
    let write = holdfast(&["fmt", "--write"], &link);
    assert_eq!((write.status.code(), read()), (Some(0), after.to_owned()));
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
    assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(
        std::fs::read_dir(&folder.0).unwrap().count(),
        2,
        "nothing is left behind"
    );
    assert_eq!(holdfast(&["fmt", "--check"], &file).status.code(), Some(0));

    assert_eq!(holdfast(&["fmt"], &folder.0.join("none.conf")).status.code(), Some(1));
}
