//! What the daemon changed on its host and puts back when it ends. A daemon that is killed cannot: the next one finds it in
//! the state file.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use holdfast_net::ChangedSysctl;
use serde::{Deserialize, Serialize};

use crate::status::Status;

/// Changes of the host, as they stand in the state file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostChanges {
    /// The kernel's number of the boot that they belong to
    pub boot: String,
    /// Settings of the kernel
    pub sysctls: Vec<ChangedSysctl>,
}

impl HostChanges {
    /// Changes made now.
    pub fn now(sysctls: Vec<ChangedSysctl>) -> Self {
        Self { boot: boot(), sysctls }
    }

    /// What a daemon with this state file left behind, if the host has not been started again since.
    pub fn left_behind(status_file: &Path) -> Self {
        if !is_our_file(status_file) {
            return Self::default();
        }
        let left = Status::read(status_file)
            .map(|status| status.changes)
            .unwrap_or_default();
        if left.boot == boot() { left } else { Self::default() }
    }
}

/// Somebody else must not tell us what to write to the kernel.
fn is_our_file(path: &Path) -> bool {
    let owner = nix::unistd::geteuid().as_raw();
    std::fs::symlink_metadata(path).is_ok_and(|file| file.is_file() && file.uid() == owner)
}

fn boot() -> String {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    boot.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use holdfast_net::Sysctl;

    use super::*;

    #[test]
    fn what_was_left_before_this_boot_does_not_count() {
        let file = std::env::temp_dir().join(format!("holdfast-left-{}.json", std::process::id()));
        let changed = ChangedSysctl {
            sysctl: Sysctl::ipv4("eth0", "arp_ignore"),
            former: "0".into(),
            ours: "1".into(),
        };
        let mut status = Status {
            changes: HostChanges::now(vec![changed.clone()]),
            ..Status::default()
        };
        status.write(&file).unwrap();
        assert_eq!(HostChanges::left_behind(&file).sysctls, [changed]);
        status.changes.boot = "another".into();
        status.write(&file).unwrap();
        assert_eq!(HostChanges::left_behind(&file), HostChanges::default());
        std::fs::remove_file(&file).unwrap();
        assert_eq!(HostChanges::left_behind(&file), HostChanges::default());
    }
}
