//! The network namespace that the daemon runs in: `net_namespace`, or `-s` on the command line.

use std::fs::File;
use std::path::Path;

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
