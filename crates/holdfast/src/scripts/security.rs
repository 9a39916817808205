//! Whether somebody other than root could change what runs as root: every part of the script's path must belong to
//! root and be writable by nobody else (a sticky directory may be).

use std::fmt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

const GROUP_WRITE: u32 = 0o020;
const OTHERS_WRITE: u32 = 0o002;
const STICKY: u32 = 0o1000;

/// The first part of a path that fails the rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Insecure {
    /// The file or directory at fault
    pub component: PathBuf,
    /// Its owner's user id
    pub owner: u32,
    /// Its permission bits
    pub mode: u32,
    /// The rule it breaks
    pub rule: &'static str,
}

impl fmt::Display for Insecure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} (owner uid {}, mode {:04o}): {}",
            self.component.display(),
            self.owner,
            self.mode & 0o7777,
            self.rule
        )
    }
}

/// Checks `program` and every directory above it. `None`: secure, or not there at all.
pub fn check_path(program: &Path) -> Option<Insecure> {
    // Links are resolved first: what counts is the file that runs and the directories that hold it.
    let resolved = program.canonicalize().ok()?;
    resolved.ancestors().find_map(|component| {
        let metadata = component.metadata().ok()?;
        let rule = broken_rule(metadata.uid(), metadata.gid(), metadata.mode(), metadata.is_dir())?;
        Some(Insecure {
            component: component.to_owned(),
            owner: metadata.uid(),
            mode: metadata.mode(),
            rule,
        })
    })
}

fn broken_rule(uid: u32, gid: u32, mode: u32, is_dir: bool) -> Option<&'static str> {
    let sticky_directory = is_dir && mode & STICKY != 0;
    if uid != 0 {
        Some("must belong to root")
    } else if sticky_directory {
        None
    } else if mode & GROUP_WRITE != 0 && gid != 0 {
        Some("must not be writable by a group other than root")
    } else if mode & OTHERS_WRITE != 0 {
        Some("must not be writable by everybody")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules_one_by_one() {
        assert_eq!(broken_rule(0, 0, 0o755, false), None);
        assert_eq!(broken_rule(0, 0, 0o775, false), None, "writable by root's own group");
        assert_eq!(broken_rule(0, 0, 0o1777, true), None, "sticky directory");
        assert_eq!(broken_rule(1000, 0, 0o755, false), Some("must belong to root"));
        assert_eq!(
            broken_rule(0, 5, 0o775, false),
            Some("must not be writable by a group other than root")
        );
        assert_eq!(
            broken_rule(0, 0, 0o757, false),
            Some("must not be writable by everybody")
        );
        assert_eq!(
            broken_rule(0, 0, 0o1757, false),
            Some("must not be writable by everybody"),
            "sticky file"
        );
    }
}
