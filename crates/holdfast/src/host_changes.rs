//! What the daemon changed on its host and puts back when it ends. A daemon that is killed cannot: the next one finds it in
//! the state file.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use holdfast_ipvs::table::ServiceKey;
use holdfast_net::ChangedSysctl;
use serde::{Deserialize, Serialize};

use crate::ipc::HostNews;
use crate::plan::marks::GroupMark;
use crate::status::Status;

/// Changes of the host, as they stand in the state file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct HostChanges {
    /// The kernel's number of the boot that they belong to
    pub boot: String,
    /// Settings of the kernel
    pub sysctls: Vec<ChangedSysctl>,
    /// Interfaces that were made, with the kernel's numbers of them
    #[serde(default)]
    pub interfaces: Vec<(String, u32)>,
    /// The name of tables of nftables
    #[serde(default)]
    pub filter_table: Option<String>,
    /// What belongs to IPVS
    #[serde(default)]
    pub ipvs: IpvsChanges,
}

/// Changes of the host that belong to IPVS.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct IpvsChanges {
    /// Marks of groups, so that the next daemon gives the same ones
    pub marks: Vec<GroupMark>,
    /// The name of the tables of nftables that give them
    pub mark_table: Option<String>,
    /// Settings of the kernel
    pub sysctls: Vec<ChangedSysctl>,
    /// What we put into its table
    #[serde(default)]
    pub services: MadeServices,
}

/// Services of IPVS that the daemon made, or is about to: the next one removes those that its file does not name any more,
/// and no other.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct MadeServices {
    /// The kernel's number of the network namespace that they are in
    pub network: u64,
    /// Which
    pub keys: BTreeSet<ServiceKey>,
}

impl MadeServices {
    /// Forgets them unless they are in this network namespace: `None` is our own.
    pub fn keep_those_in(&mut self, namespace: Option<&Path>) {
        let file = namespace.unwrap_or(Path::new("/proc/thread-self/ns/net"));
        let network = std::fs::metadata(file).map_or(0, |file| file.ino());
        if network != self.network {
            self.keys.clear();
        }
        self.network = network;
    }
}

impl HostChanges {
    /// Takes over what has changed.
    pub fn update(&mut self, news: HostNews) {
        self.boot = boot();
        self.sysctls = news.sysctls.unwrap_or_else(|| std::mem::take(&mut self.sysctls));
        self.interfaces = news.interfaces.unwrap_or_else(|| std::mem::take(&mut self.interfaces));
        self.filter_table = news.filter_table;
    }

    /// Takes over what has changed of IPVS.
    pub fn update_ipvs(&mut self, change: impl FnOnce(&mut IpvsChanges)) {
        self.boot = boot();
        change(&mut self.ipvs);
    }

    /// Whether there is anything that the VRRP process has to put back.
    pub fn is_empty(&self) -> bool {
        self.sysctls.is_empty() && self.interfaces.is_empty() && self.filter_table.is_none()
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
    fn services_in_another_namespace_are_none_of_ours() {
        let service = ServiceKey::Fwmark {
            family: holdfast_ipvs::table::Family::Inet,
            mark: 7,
        };
        let mut made = MadeServices::default();
        made.keep_those_in(None);
        assert!(made.network > 0);
        made.keys.insert(service);
        made.keep_those_in(None);
        assert_eq!(Vec::from_iter(made.keys.clone()), [service]);
        made.keep_those_in(Some(Path::new("/")));
        assert_eq!(made.keys, BTreeSet::new());
    }

    #[test]
    fn what_was_left_before_this_boot_does_not_count() {
        let file = std::env::temp_dir().join(format!("holdfast-left-{}.json", std::process::id()));
        let changed = ChangedSysctl {
            sysctl: Sysctl::ipv4("eth0", "arp_ignore"),
            former: "0".into(),
            ours: "1".into(),
        };
        let mut status = Status::default();
        status.changes.update(HostNews {
            sysctls: Some(vec![changed.clone()]),
            interfaces: Some(vec![("vrrp.51".into(), 7)]),
            filter_table: None,
        });
        status.changes.update(HostNews {
            sysctls: None,
            interfaces: None,
            filter_table: Some("filters".into()),
        });
        status.write(&file).unwrap();
        let left = HostChanges::left_behind(&file);
        assert_eq!(
            (left.sysctls.as_slice(), left.filter_table.as_deref()),
            (&[changed][..], Some("filters"))
        );
        assert_eq!(left.interfaces, [("vrrp.51".to_owned(), 7)]);
        status.changes.boot = "another".into();
        status.write(&file).unwrap();
        assert_eq!(HostChanges::left_behind(&file), HostChanges::default());
        std::fs::remove_file(&file).unwrap();
        assert_eq!(HostChanges::left_behind(&file), HostChanges::default());
    }
}
