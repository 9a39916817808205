//! The network namespace that the daemon runs in: `net_namespace`, or `-s` on the command line.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::{Context, ensure};
use nix::sched::{CloneFlags, setns};

/// Where `ip netns` keeps namespaces by name.
const FOLDER: &str = "/run/netns";

/// Moves the calling thread, and every process that it starts from now on, into a namespace.
pub fn enter(name: &str) -> anyhow::Result<()> {
    ensure!(
        !name.contains('/') && name != "..",
        "`{name}` is no name of a network namespace"
    );
    let path = Path::new(FOLDER).join(name);
    let namespace =
        File::open(&path).with_context(|| format!("there is no network namespace {name} ({})", path.display()))?;
    setns(namespace, CloneFlags::CLONE_NEWNET).with_context(|| format!("cannot enter network namespace {name}"))
}

/// A path under which every process of root finds the network namespace that this one was in at the first call.
pub fn initial() -> PathBuf {
    static INITIAL: OnceLock<Option<File>> = OnceLock::new();
    let file = INITIAL.get_or_init(|| File::open("/proc/self/ns/net").ok());
    match file {
        Some(file) => PathBuf::from(format!("/proc/{}/fd/{}", std::process::id(), file.as_raw_fd())),
        None => PathBuf::from("/proc/1/ns/net"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_that_is_not_there_and_a_path_are_refused() {
        let absent = enter("holdfast-no-such-namespace").unwrap_err();
        assert!(absent.to_string().contains("there is no network namespace"), "{absent}");
        assert!(enter("../../proc/self/ns/net").is_err());
    }
}
