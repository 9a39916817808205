//! Where the daemon says that it runs: its pid files, what lies beside them, and its name in syslog.

use std::path::{Path, PathBuf};

use holdfast_conf::config::Daemon;

use crate::cli::{self, Arguments};

/// Where files of running daemons lie.
const RUN: &str = "/run";

/// The directory of those that are told apart.
const OWN: &str = "/run/keepalived";

/// Paths and names of one daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// Pid file of the supervisor
    pub supervisor: PathBuf,
    /// Pid file of the VRRP process
    pub vrrp: PathBuf,
    /// Pid file of the checker process
    pub checker: PathBuf,
    /// Pid file of the BFD process
    pub bfd: PathBuf,
    /// Pid file of the SNMP process, which keepalived has not
    pub snmp: PathBuf,
    /// There while a reload goes on, if no other file is named
    pub reload: PathBuf,
    /// Behind the name in syslog; empty without instance and namespace
    pub suffix: String,
    /// Directories that go at the end when nothing is in them, the innermost first
    folders: Vec<PathBuf>,
}

impl Places {
    /// Those of a file and a command line, which is stronger. `namespace`: the one that the daemon runs in.
    pub fn new(arguments: &Arguments, daemon: &Daemon, namespace: Option<&str>) -> Self {
        let instance = daemon.instance.as_deref();
        let mut folders = Vec::new();
        let folder = if let Some(namespace) = namespace {
            // keepalived shows this one to itself as the directory above.
            let folder = Path::new(OWN).join(namespace);
            folders.extend([folder.clone(), PathBuf::from(OWN)]);
            folder
        } else if daemon.use_pid_dir || instance.is_some() {
            folders.push(PathBuf::from(OWN));
            PathBuf::from(OWN)
        } else {
            PathBuf::from(RUN)
        };
        let instance = instance.map(|instance| format!("_{instance}")).unwrap_or_default();
        let file = |asked: &Option<PathBuf>, name: &str| {
            let usual = || folder.join(format!("{name}{instance}.pid"));
            asked.clone().unwrap_or_else(usual)
        };
        Self {
            supervisor: file(&arguments.pid_file, "keepalived"),
            vrrp: file(&arguments.vrrp_pid_file, "vrrp"),
            checker: file(&arguments.checker_pid_file, "checkers"),
            bfd: file(&arguments.bfd_pid_file, "bfd"),
            snmp: file(&None, "snmp"),
            reload: folder.join(format!("keepalived{instance}.reload")),
            suffix: namespace.map(|namespace| format!("_{namespace}")).unwrap_or_default() + &instance,
            folders,
        }
    }

    /// Where the supervisor writes the state of the daemon: beside its pid file.
    pub fn status(&self) -> PathBuf {
        cli::status_file_of(&self.supervisor)
    }

    /// Removes directories of ours that nobody uses any more.
    pub fn remove_folders(&self) {
        for folder in &self.folders {
            // Another daemon has its files there, or it was never made.
            let _ = std::fs::remove_dir(folder);
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    fn places(arguments: &[&str], daemon: &Daemon, namespace: Option<&str>) -> Places {
        let arguments = std::iter::once("holdfast").chain(arguments.iter().copied());
        Places::new(&Arguments::try_parse_from(arguments).unwrap(), daemon, namespace)
    }

    fn paths(places: &Places) -> [&str; 5] {
        [
            &places.supervisor,
            &places.vrrp,
            &places.checker,
            &places.bfd,
            &places.reload,
        ]
        .map(|path| path.to_str().unwrap())
    }

    #[test]
    fn files_are_where_keepalived_s_are() {
        let plain = places(&[], &Daemon::default(), None);
        assert_eq!(
            paths(&plain),
            [
                "/run/keepalived.pid",
                "/run/vrrp.pid",
                "/run/checkers.pid",
                "/run/bfd.pid",
                "/run/keepalived.reload"
            ]
        );
        assert_eq!(plain.status(), Path::new("/run/keepalived.status.json"));
        let in_folder = Daemon {
            use_pid_dir: true,
            ..Daemon::default()
        };
        assert_eq!(paths(&places(&[], &in_folder, None))[1], "/run/keepalived/vrrp.pid");
        let blue = Daemon {
            instance: Some("blue".into()),
            ..Daemon::default()
        };
        let instance = places(&["-r", "/x/v.pid"], &blue, None);
        assert_eq!(
            paths(&instance),
            [
                "/run/keepalived/keepalived_blue.pid",
                "/x/v.pid",
                "/run/keepalived/checkers_blue.pid",
                "/run/keepalived/bfd_blue.pid",
                "/run/keepalived/keepalived_blue.reload"
            ]
        );
        let both = places(&[], &blue, Some("ns1"));
        assert_eq!(paths(&both)[0], "/run/keepalived/ns1/keepalived_blue.pid");
        assert_eq!(
            [&plain, &instance, &both].map(|places| places.suffix.as_str()),
            ["", "_blue", "_ns1_blue"]
        );
        assert_eq!(places(&[], &Daemon::default(), Some("ns1")).suffix, "_ns1");
    }
}
