//! What instances and groups track besides interfaces: commands to run and files to read, checked against this host.

use std::collections::HashSet;
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use holdfast_conf::config::{self, Config, InitFile, Tracked};
use nix::sys::statfs::{self, FsType};

use super::processes::{self, EventBuffer, ProcessTracker};
use super::scripts::Builder;
use crate::scripts::Script;

/// File systems that tell nobody when a file changes, or only of changes made on this host.
const DEAF_FILE_SYSTEMS: [(FsType, &str); 6] = [
    (statfs::PROC_SUPER_MAGIC, "proc"),
    (statfs::SYSFS_MAGIC, "sysfs"),
    (statfs::NFS_SUPER_MAGIC, "NFS"),
    (statfs::FUSE_SUPER_MAGIC, "FUSE"),
    (statfs::CGROUP_SUPER_MAGIC, "cgroup"),
    (statfs::CGROUP2_SUPER_MAGIC, "cgroup"),
];

/// Everything that is tracked, in the order of the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrackerTable {
    /// `vrrp_script` blocks that an instance or a group tracks
    pub scripts: Vec<ScriptTracker>,
    /// `track_file` blocks that an instance or a group tracks
    pub files: Vec<FileTracker>,
    /// `vrrp_track_process` blocks that an instance or a group tracks
    pub processes: Vec<ProcessTracker>,
    /// Where events of processes wait
    pub event_buffer: EventBuffer,
}

/// One `vrrp_script`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptTracker {
    /// Name of the block
    pub name: String,
    /// The command, or why it must not or cannot be run
    pub command: Result<Script, String>,
    /// From one start to the next
    pub interval: Duration,
    /// After this the command is ended, and has failed
    pub timeout: Duration,
    /// Successes in a row that it takes to come up
    pub rise: u32,
    /// Failures in a row that it takes to go down
    pub fall: u32,
    /// Down until the first success
    pub init_fail: bool,
}

/// One `track_file`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileTracker {
    /// Name of the block
    pub name: String,
    /// The file
    pub path: PathBuf,
    /// What is written to it at start
    pub init: Option<InitFile>,
    /// Why it cannot be watched
    pub disabled: Option<String>,
}

/// The names of the `track_file` blocks that `FILE_CHECK`s follow.
fn files_of_checks(config: &Config) -> impl Iterator<Item = &str> {
    let real_servers = config.virtual_servers.iter().flat_map(|server| &server.real_servers);
    let checks = real_servers.flat_map(|server| &server.checkers);
    checks.filter_map(|check| match &check.kind {
        config::CheckerKind::FileCheck(file) => Some(file.track_file.value.as_str()),
        _ => None,
    })
}

impl TrackerTable {
    /// Collects the trackers in use; the messages say which are disabled and why.
    pub fn from_config(config: &Config) -> (Self, Vec<String>) {
        let of_instances = |list: fn(&config::VrrpInstance) -> &[Tracked]| config.vrrp_instances.iter().flat_map(list);
        let of_groups = |list: fn(&config::VrrpSyncGroup) -> &[Tracked]| config.vrrp_sync_groups.iter().flat_map(list);
        let scripts_in_use: HashSet<&str> = of_instances(|instance| &instance.track_script)
            .chain(of_groups(|group| &group.track_script))
            .map(|tracked| tracked.name.as_str())
            .collect();
        let files_in_use: HashSet<&str> = of_instances(|instance| &instance.track_file)
            .chain(of_groups(|group| &group.track_file))
            .map(|tracked| tracked.name.as_str())
            .chain(files_of_checks(config))
            .collect();
        let mut builder = Builder::new(config);
        let scripts: Vec<ScriptTracker> = config
            .vrrp_scripts
            .iter()
            .filter(|script| scripts_in_use.contains(script.name.as_str()))
            .map(|script| script_tracker(script, &mut builder))
            .collect();
        let files: Vec<FileTracker> = config
            .track_files
            .iter()
            .filter(|file| files_in_use.contains(file.name.as_str()))
            .map(file_tracker)
            .collect();
        let mut messages = builder.messages;
        let of_script =
            |script: &ScriptTracker| Some(("vrrp_script", script.name.clone(), script.command.clone().err()?));
        let of_file = |file: &FileTracker| Some(("track_file", file.name.clone(), file.disabled.clone()?));
        let disabled = scripts
            .iter()
            .filter_map(of_script)
            .chain(files.iter().filter_map(of_file));
        messages.extend(
            disabled.map(|(block, name, reason)| format!("{block} {name} is disabled, nothing tracks it: {reason}")),
        );
        let buffer = config.global_defs.receive_buffers.process_monitor;
        let table = Self {
            scripts,
            files,
            processes: processes::from_config(config),
            event_buffer: EventBuffer {
                bytes: buffer.bytes,
                force: buffer.force,
            },
        };
        (table, messages)
    }

    /// Whether a script can be tracked.
    pub fn has_script(&self, name: &str) -> bool {
        self.scripts
            .iter()
            .any(|script| script.name == name && script.command.is_ok())
    }

    /// Whether a file can be tracked.
    pub fn has_file(&self, name: &str) -> bool {
        self.files
            .iter()
            .any(|file| file.name == name && file.disabled.is_none())
    }

    /// Whether a process can be tracked.
    pub fn has_process(&self, name: &str) -> bool {
        self.processes
            .iter()
            .any(|process| process.name == name && process.disabled.is_none())
    }

    /// No process can be watched on this host; what there is to say of each.
    pub fn disable_processes(&mut self, reason: &str) -> Vec<String> {
        let disable = |process: &mut ProcessTracker| {
            process.disabled = Some(reason.to_owned());
            format!(
                "vrrp_track_process {} is disabled, nothing tracks it: {reason}",
                process.name
            )
        };
        self.processes.iter_mut().map(disable).collect()
    }
}

fn script_tracker(script: &config::VrrpScript, builder: &mut Builder) -> ScriptTracker {
    ScriptTracker {
        name: script.name.value.clone(),
        command: match redirection(&script.script.argv) {
            Some(argv) => builder
                .identity(&script.script)
                .map(|identity| Script::new(argv, identity)),
            None => builder.checked(&script.script),
        },
        interval: script.interval,
        timeout: script.timeout,
        rise: script.rise,
        fall: script.fall,
        init_fail: script.init_fail,
    }
}

/// `</path` and `>/path` ask whether a file can be opened, which is the shell's business.
fn redirection(argv: &[OsString]) -> Option<Vec<OsString>> {
    let bytes = argv.first()?.as_bytes();
    let (operator, path) = bytes.split_at_checked(1)?;
    let action = match operator {
        b"<" => "< \"$0\"",
        b">" => "> \"$0\"",
        _ => return None,
    };
    let path = OsString::from_vec(path.to_vec());
    Some(vec!["/bin/sh".into(), "-c".into(), action.into(), path])
}

fn file_tracker(file: &config::TrackFile) -> FileTracker {
    let path = PathBuf::from(&file.file.value);
    FileTracker {
        name: file.name.value.clone(),
        disabled: why_unwatchable(&path),
        path,
        init: file.init_file,
    }
}

fn why_unwatchable(path: &Path) -> Option<String> {
    let (Some(folder), Some(_)) = (path.parent(), path.file_name()) else {
        return Some(format!("{} is not the path of a file", path.display()));
    };
    if !path.is_absolute() {
        return Some(format!("{} is not an absolute path", path.display()));
    }
    let kind = match statfs::statfs(folder) {
        Ok(found) if folder.is_dir() => found.filesystem_type(),
        _ => return Some(format!("there is no directory {}", folder.display())),
    };
    let deaf = DEAF_FILE_SYSTEMS.iter().find(|(magic, _)| *magic == kind);
    deaf.map(|(_, name)| format!("{} is on {name}, which does not tell of changes", path.display()))
}

#[cfg(test)]
mod tests {
    use holdfast_conf::{LoadOptions, MemoryLoader};

    use super::*;

    #[test]
    fn a_redirection_is_left_to_the_shell_and_nothing_else_is() {
        let words = |words: &[&str]| words.iter().map(OsString::from).collect::<Vec<_>>();
        let expected = words(&["/bin/sh", "-c", "< \"$0\"", "/tmp/a b"]);
        assert_eq!(redirection(&words(&["</tmp/a b"])), Some(expected));
        assert_eq!(redirection(&words(&["/bin/true", "<"])), None);
        assert_eq!(redirection(&[]), None);
    }

    /// A configuration whose instance tracks these scripts and files.
    fn config(global: &str, blocks: &str, tracks: &str) -> Config {
        let text = format!(
            "global_defs {{\n{global}\n}}\n{blocks}\nvrrp_instance VI_1 {{\ninterface eth0\nvirtual_router_id 51\n\
             priority 100\n{tracks}\nvirtual_ipaddress {{\n192.0.2.200/24\n}}\n}}\n"
        );
        let loader = MemoryLoader::new().with("/k.conf", text);
        holdfast_conf::load(&loader, Path::new("/k.conf"), &LoadOptions::default()).config
    }

    #[test]
    fn what_cannot_or_must_not_run_is_disabled_with_its_reason_and_tracked_by_nobody() {
        use std::os::unix::fs::PermissionsExt;
        let open_to_all = std::env::temp_dir().join(format!("holdfast-open-to-all-{}", std::process::id()));
        std::fs::write(&open_to_all, "#!/bin/sh\n").unwrap();
        std::fs::set_permissions(&open_to_all, std::fs::Permissions::from_mode(0o777)).unwrap();
        let blocks = format!(
            "vrrp_script good {{\nscript \"/bin/true\"\nuser root\n}}\n\
             vrrp_script open {{\nscript \"{}\"\nuser root\n}}\n\
             vrrp_script gone {{\nscript \"/no/such/program\"\nuser root\n}}\n\
             vrrp_script nobody {{\nscript \"/bin/true\"\nuser no-such-user\n}}\n\
             vrrp_script text {{\nscript \"/etc/passwd\"\nuser root\n}}\n\
             vrrp_script unused {{\nscript \"/bin/true\"\nuser root\n}}\n\
             track_file there {{\nfile /dev/shm/holdfast-there\n}}\n\
             track_file proc {{\nfile /proc/uptime\n}}",
            open_to_all.display()
        );
        let tracks = "track_script {\ngood\nopen\ngone\nnobody\ntext\n}\ntrack_file {\nthere\nproc\n}";
        let plan = |global: &str| {
            let config = config(global, &blocks, tracks);
            let (table, messages) = TrackerTable::from_config(&config);
            let settings = crate::plan::vrrp::node_settings(&config, &table);
            let tracked = settings.instances[0].tracked_scripts.iter();
            let tracked: Vec<String> = tracked.map(|tracked| tracked.script.clone()).collect();
            (table, messages, tracked, settings.instances[0].tracked_files.len())
        };
        let (table, messages, tracked, files) = plan("enable_script_security");
        let (_, _, tolerated, _) = plan("script_user root");
        std::fs::remove_file(&open_to_all).unwrap();

        assert_eq!((tracked, files), (vec!["good".to_owned()], 1));
        assert_eq!(
            tolerated,
            ["good", "open"],
            "it is only said without enable_script_security"
        );
        assert!(
            !table.scripts.iter().any(|script| script.name == "unused"),
            "it never runs"
        );
        let said = |name: &str, reason: &str| {
            let begin = format!("vrrp_script {name} is disabled, nothing tracks it: ");
            messages
                .iter()
                .any(|line| line.starts_with(&begin) && line.contains(reason))
        };
        assert!(said("open", "mode 0777"), "{messages:?}");
        assert!(said("gone", "no such file"), "{messages:?}");
        assert!(said("nobody", "no user no-such-user"), "{messages:?}");
        assert!(said("text", "not executable"), "{messages:?}");
        assert!(
            messages
                .iter()
                .any(|line| line.starts_with("track_file proc is disabled"))
        );
    }

    #[test]
    fn files_that_nobody_tells_of_are_refused() {
        assert_eq!(why_unwatchable(Path::new("/dev/shm/holdfast-value")), None);
        let reason = |path: &str| why_unwatchable(Path::new(path)).unwrap_or_default();
        assert!(
            reason("/proc/uptime").contains("is on proc"),
            "{}",
            reason("/proc/uptime")
        );
        assert!(reason("/no/such/folder").contains("no directory /no/such"));
        assert!(reason("relative").contains("absolute"));
        assert!(!reason("/").is_empty());
    }
}
