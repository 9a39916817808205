//! The state of the daemon as others may read it: `holdfast status`, monitoring, tests.
//!
//! The supervisor writes it as JSON beside its pid file, whole and by rename, whenever something changed.

mod people;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::host_changes::HostChanges;

/// The whole state.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Status {
    /// Version of Holdfast
    pub version: String,
    /// Pid of the supervisor
    pub pid: u32,
    /// The configuration in force
    pub configuration: ConfigurationStatus,
    /// The VRRP process, if the configuration needs one
    pub vrrp: Option<RoleStatus<VrrpStatus>>,
    /// What the instances track
    #[serde(default)]
    pub trackers: TrackersStatus,
    /// The checker process, if the configuration needs one
    pub checker: Option<RoleStatus<CheckerStatus>>,
    /// The BFD process, if the configuration needs one
    #[serde(default)]
    pub bfd: Option<RoleStatus<BfdStatus>>,
    /// The SNMP process, if the configuration needs one
    #[serde(default)]
    pub snmp: Option<RoleStatus<SnmpStatus>>,
    /// What is to be put back on the host
    #[serde(default)]
    pub changes: HostChanges,
}

/// What became of the configuration file when it was last read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ConfigurationStatus {
    /// The main file
    pub file: PathBuf,
    /// How often a configuration was put in force; 1 after the start
    pub generation: u64,
    /// When the one in force was read, seconds since 1970
    pub loaded_at_s: u64,
    /// Messages about the configuration in force
    pub messages: Vec<String>,
    /// Set when the last reload was refused and the earlier configuration goes on
    pub refused: Option<RefusedReload>,
}

/// A reload that was refused.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RefusedReload {
    /// When, seconds since 1970
    pub at_s: u64,
    /// Why
    pub messages: Vec<String>,
}

/// A child process and what it reports.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RoleStatus<T> {
    /// Its pid; `None` while it is being restarted
    pub pid: Option<u32>,
    /// How often it had to be restarted
    pub restarts: u64,
    /// Its last report
    pub report: T,
}

/// What the VRRP process reports.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct VrrpStatus {
    /// Every instance in the order of the configuration
    pub instances: Vec<InstanceStatus>,
    /// Every sync group in the order of the configuration
    #[serde(default)]
    pub groups: Vec<GroupStatus>,
    /// How punctual the process is
    #[serde(default)]
    pub timing: TimingStatus,
}

/// What has changed since the last report.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct VrrpChange {
    /// Instances that changed, in the order of the configuration
    pub instances: Vec<InstanceStatus>,
    /// All sync groups
    pub groups: Vec<GroupStatus>,
    /// How punctual the process is
    pub timing: TimingStatus,
}

/// How punctual the VRRP process is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TimingStatus {
    /// Deadlines by how late they were met; soon after a change, and once a minute
    pub lateness: holdfast_vrrp::Lateness,
    /// How often the host or the process stood still
    pub stalls: u64,
    /// The last time that it did
    pub last_stall: Option<StallStatus>,
}

/// A time in which the host or the process stood still.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct StallStatus {
    /// When it was noticed, seconds since 1970
    pub at_s: u64,
    /// What it was, and for how long
    pub what: String,
}

/// One sync group.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct GroupStatus {
    /// Its name
    pub name: String,
    /// `INIT`, `BACKUP`, `MASTER`, `FAULT`
    pub state: String,
}

/// One VRRP instance.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct InstanceStatus {
    /// Its name
    pub name: String,
    /// `INIT`, `BACKUP`, `MASTER`, `FAULT`
    pub state: String,
    /// Virtual router id
    pub vrid: u8,
    /// Interface
    pub interface: String,
    /// Configured priority
    pub base_priority: u8,
    /// Priority after tracking
    pub effective_priority: u8,
    /// Who is master as far as we heard
    pub master_address: Option<std::net::IpAddr>,
    /// Why the last transition happened
    pub reason: String,
    /// Another master is being heard while this one is master
    #[serde(default)]
    pub in_conflict: bool,
    /// How often that has begun
    #[serde(default)]
    pub conflicts: u64,
}

impl VrrpStatus {
    /// Brings the state up to date.
    pub fn apply(&mut self, change: VrrpChange) {
        let mut changed = change.instances.into_iter().peekable();
        for known in &mut self.instances {
            if let Some(new) = changed.next_if(|new| new.name == known.name) {
                *known = new;
            }
        }
        self.groups = change.groups;
        self.timing = change.timing;
    }
}

/// Scripts, files and processes that instances or groups track.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TrackersStatus {
    /// `vrrp_script`
    pub scripts: Vec<ScriptStatus>,
    /// `track_file`
    pub files: Vec<FileStatus>,
    /// `vrrp_track_process`
    pub processes: Vec<ProcessStatus>,
}

/// One `vrrp_script`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ScriptStatus {
    /// Its name
    pub name: String,
    /// Up after rise and fall have been counted; `None`: no result yet
    pub up: Option<bool>,
    /// What came of the last run, in words
    pub last: Option<String>,
    /// Why it does not run, in words; nothing tracks it then
    pub disabled: Option<String>,
}

/// One `track_file`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FileStatus {
    /// Its name
    pub name: String,
    /// The file
    pub path: PathBuf,
    /// The number in it
    pub value: i64,
    /// Why it is not read, in words; nothing tracks it then
    pub disabled: Option<String>,
}

/// One `vrrp_track_process`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ProcessStatus {
    /// Its name
    pub name: String,
    /// There is a quorum, after delays; `None`: not known yet
    pub up: Option<bool>,
    /// Processes that count, as they were within the last second
    pub count: u32,
    /// Why they are not watched, in words; nothing tracks it then
    pub disabled: Option<String>,
}

/// What the checker process reports.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CheckerStatus {
    /// `None`: the kernel's table follows the health of the servers. Otherwise why it does not.
    pub ipvs_error: Option<String>,
    /// The sync daemons that run, in words
    #[serde(default)]
    pub sync_daemons: Vec<String>,
    /// Why the sync daemons are not as they should be
    #[serde(default)]
    pub sync_error: Option<String>,
    /// Every virtual server in the order of the configuration
    pub virtual_servers: Vec<VirtualServerStatus>,
}

/// One virtual server.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct VirtualServerStatus {
    /// Its name as in the log
    pub name: String,
    /// Whether the quorum is reached
    pub quorum_up: bool,
    /// Its real servers
    pub real_servers: Vec<RealServerStatus>,
}

/// One real server.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RealServerStatus {
    /// Address and port
    pub name: String,
    /// Whether it takes part
    pub up: bool,
    /// Weight in force
    pub weight: u32,
    /// Its weight at the end of its slow start; `None`: it has its whole weight
    #[serde(default)]
    pub full_weight: Option<u32>,
    /// It went down too often, and is held down until then, seconds since 1970
    #[serde(default)]
    pub held_until_s: Option<u64>,
    /// The last failure, in words
    pub reason: Option<String>,
}

/// What the BFD process reports.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BfdStatus {
    /// Every session in the order of the configuration
    pub sessions: Vec<BfdSessionStatus>,
}

/// What the SNMP process reports.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SnmpStatus {
    /// Where the master agent is looked for
    pub agent: String,
    /// There is a session with it, and it knows what is served here
    pub connected: bool,
    /// Why there is none, in words
    pub error: Option<String>,
}

/// One BFD session.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BfdSessionStatus {
    /// Its name
    pub name: String,
    /// Address of the neighbour
    pub neighbor: String,
    /// Over routers, port 4784
    pub multihop: bool,
    /// `AdminDown`, `Down`, `Init`, `Up`
    pub state: String,
    /// Why the state last changed, as RFC 5880 names it
    pub diagnostic: String,
    /// The neighbour's state, as it last told
    pub remote_state: String,
    /// The neighbour's reason
    pub remote_diagnostic: String,
    /// Between two packets of ours, without jitter; `None`: none are sent regularly
    pub transmit_interval_us: Option<u64>,
    /// The neighbour is gone when it is silent for so long; `None`: it is not heard
    pub detection_time_us: Option<u64>,
    /// How often the session came up
    pub times_up: u64,
    /// How often it ceased to be up
    pub times_down: u64,
}

impl Status {
    /// A number that changes with everything in it: cheaper to keep than a copy.
    pub fn digest(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        hasher.finish()
    }

    /// Writes the state to `path`, so that a reader sees the old one or the new one and nothing between.
    pub fn write(&self, path: &Path) -> anyhow::Result<()> {
        let mut name = path.as_os_str().to_owned();
        name.push(".new");
        let new = PathBuf::from(name);
        let text = serde_json::to_vec_pretty(self)?;
        // A file of an earlier run may be left; a symbolic link in its place is never followed.
        let _ = std::fs::remove_file(&new);
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o640)
            .open(&new)
            .with_context(|| format!("cannot write {}", new.display()))?;
        // Whatever the daemon's mask is: monitoring reads it.
        file.set_permissions(PermissionsExt::from_mode(0o640))?;
        file.write_all(&text)?;
        std::fs::rename(&new, path).with_context(|| format!("cannot write {}", path.display()))
    }

    /// Reads the state that a running daemon wrote.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text =
            std::fs::read(path).with_context(|| format!("cannot read {}: is the daemon running?", path.display()))?;
        serde_json::from_slice(&text).with_context(|| format!("{} is not a status file", path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_put_in_their_places() {
        let instance = |name: &str, state: &str| InstanceStatus {
            name: name.into(),
            state: state.into(),
            ..InstanceStatus::default()
        };
        let mut status = VrrpStatus {
            instances: vec![
                instance("A", "BACKUP"),
                instance("B", "BACKUP"),
                instance("C", "BACKUP"),
            ],
            ..VrrpStatus::default()
        };
        let timing = TimingStatus {
            stalls: 1,
            ..TimingStatus::default()
        };
        status.apply(VrrpChange {
            instances: vec![instance("A", "MASTER"), instance("C", "FAULT")],
            groups: Vec::new(),
            timing: timing.clone(),
        });
        let shown: Vec<&str> = status.instances.iter().map(|it| it.state.as_str()).collect();
        assert_eq!(shown, ["MASTER", "BACKUP", "FAULT"]);
        assert_eq!(status.timing, timing);
    }

    #[test]
    fn what_was_written_is_read_back_and_a_refused_reload_is_shown() {
        let mut status = Status {
            version: "0.1.0".into(),
            pid: 7,
            ..Status::default()
        };
        status.configuration.refused = Some(RefusedReload {
            at_s: 1,
            messages: vec!["k.conf:3:5: unknown keyword `nopreemp`".into()],
        });
        let path = std::env::temp_dir().join(format!("holdfast-status-test-{}", std::process::id()));
        status.write(&path).unwrap();
        status.write(&path).unwrap();
        assert_eq!(Status::read(&path).unwrap(), status);
        std::fs::remove_file(&path).unwrap();
        let shown = status.for_people();
        assert!(shown.contains("REFUSED") && shown.contains("nopreemp"), "{shown}");
    }
}
