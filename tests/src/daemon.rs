//! A director daemon under test: real keepalived, or Holdfast, started in the same way.

use std::fmt;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, ExitStatus};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::node::{Node, Process};
use crate::usage::memory;
use crate::wait;

/// Where a daemon's configuration is, in its node's private `/run`.
const CONFIGURATION: &str = "/run/director.conf";

/// How long a daemon may take to stop: keepalived itself gives its children five seconds.
const STOP_LIMIT: Duration = Duration::from_secs(8);

/// How long a daemon may take to start on a machine with much else to do.
pub(crate) const STARTING: Duration = Duration::from_secs(5);

/// Which program is the director.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Software {
    /// Debian's keepalived: the peer, and the first subject of every test.
    Keepalived,
    /// Ours, from the target directory that the test was built in.
    Holdfast,
}

/// The processes of a director, by the pid files that the command line names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The one that starts the others (`-p`).
    Supervisor,
    /// The one that speaks VRRP and holds the addresses (`-r`).
    Vrrp,
    /// The one that probes real servers and keeps the IPVS table (`-c`).
    Checker,
    /// The one that runs BFD sessions (`-b`).
    Bfd,
}

/// The options that name the pid files.
const PID_FILES: [(&str, Role); 4] = [
    ("-p", Role::Supervisor),
    ("-r", Role::Vrrp),
    ("-c", Role::Checker),
    ("-b", Role::Bfd),
];

impl Role {
    fn pid_file(self) -> &'static str {
        match self {
            Self::Supervisor => "/run/director.pid",
            Self::Vrrp => "/run/director-vrrp.pid",
            Self::Checker => "/run/director-checkers.pid",
            Self::Bfd => "/run/director-bfd.pid",
        }
    }
}

impl Software {
    /// The program's path.
    ///
    /// # Errors
    /// It is not there; the error says how to get it.
    pub fn program(self) -> Result<PathBuf> {
        match self {
            Self::Keepalived => {
                let path = PathBuf::from("/usr/sbin/keepalived");
                if !path.exists() {
                    bail!("no {} (Debian package keepalived)", path.display());
                }
                Ok(path)
            }
            Self::Holdfast => {
                // Test binaries are in target/PROFILE/deps.
                let own = std::env::current_exe()?;
                let profile = own
                    .parent()
                    .and_then(|deps| deps.parent())
                    .context("a target directory")?;
                let path = profile.join("holdfast");
                if !path.exists() {
                    bail!("no {} (cargo build -p holdfast)", path.display());
                }
                Ok(path)
            }
        }
    }
}

impl fmt::Display for Software {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Keepalived => "keepalived",
            Self::Holdfast => "holdfast",
        })
    }
}

/// A running director. It is killed when dropped, and its log printed.
#[derive(Debug)]
pub struct Daemon<'a> {
    node: &'a Node,
    software: Software,
    process: Process,
    started: SystemTime,
    prints_log: bool,
}

impl<'a> Daemon<'a> {
    /// For programs whose output people read: the log is not printed at the end.
    #[must_use]
    pub fn quiet(mut self) -> Self {
        self.prints_log = false;
        self
    }

    /// Starts `software` in `node` with this configuration.
    pub fn start(software: Software, node: &'a Node, configuration: &str) -> Result<Self> {
        Self::start_with(software, node, configuration, &[])
    }

    /// The same with more options.
    pub fn start_with(software: Software, node: &'a Node, configuration: &str, options: &[&str]) -> Result<Self> {
        write_configuration(node, configuration)?;
        for (_, role) in PID_FILES {
            // A daemon killed before leaves them behind; whether it would be taken for a running one is not the
            // question here.
            let _ = fs::remove_file(node.path(role.pid_file()));
        }
        Self::start_again_with(software, node, options)
    }

    /// The same with these in its environment.
    pub fn start_in_environment(
        software: Software,
        node: &'a Node,
        configuration: &str,
        environment: &[(&str, &str)],
    ) -> Result<Self> {
        write_configuration(node, configuration)?;
        Self::start_once_more(software, node, &[], environment)
    }

    /// Starts `software` in `node` as a service manager does after a death: everything that was left is still there.
    pub fn start_again(software: Software, node: &'a Node) -> Result<Self> {
        Self::start_again_with(software, node, &[])
    }

    /// The same with more options.
    pub fn start_again_with(software: Software, node: &'a Node, options: &[&str]) -> Result<Self> {
        Self::start_once_more(software, node, options, &[])
    }

    fn start_once_more(
        software: Software,
        node: &'a Node,
        options: &[&str],
        environment: &[(&str, &str)],
    ) -> Result<Self> {
        let mut command = Command::new(software.program()?);
        command.envs(environment.iter().copied());
        command.args(["-n", "-l", "-D", "-f", CONFIGURATION]).args(options);
        for (option, role) in PID_FILES {
            command.args([option, role.pid_file()]);
        }
        Ok(Self {
            node,
            software,
            started: SystemTime::now(),
            process: node.start(command)?,
            prints_log: true,
        })
    }

    /// What is running.
    pub fn software(&self) -> Software {
        self.software
    }

    /// Where it runs.
    pub fn node(&self) -> &'a Node {
        self.node
    }

    /// The first process, its log and its descendants.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// One of its processes, by its pid file.
    pub fn role(&self, role: Role) -> Result<Pid> {
        let file = self.node.path(role.pid_file());
        let inner = fs::read_to_string(&file).with_context(|| format!("pid file {}", role.pid_file()))?;
        let inner: i32 = inner.trim().parse().context("a pid file without a number")?;
        let own = std::iter::once(self.process.pid()).chain(self.process.descendants());
        own.into_iter()
            .find(|pid| pid_in_node(*pid) == Some(inner))
            .with_context(|| format!("{role:?} is not running"))
    }

    /// Waits until one of its processes runs under another number than `former`, and returns the new one.
    pub fn wait_for_role(&self, role: Role, former: Option<Pid>, bound: Duration) -> Result<Pid> {
        let mut found = None;
        wait::until(&format!("the {role:?} process"), bound, || {
            found = self.role(role).ok().filter(|pid| Some(*pid) != former);
            found.is_some()
        })?;
        found.context("no process")
    }

    /// How much memory each of its processes accounts for (PSS), in MiB.
    pub fn memory(&self) -> Result<Vec<(Role, f64)>> {
        let of = |role| Ok((role, memory(self.role(role)?)?.proportional_mib));
        [Role::Supervisor, Role::Vrrp, Role::Checker]
            .into_iter()
            .map(of)
            .collect()
    }

    /// What `holdfast status` says of it, whatever its exit status says. keepalived has nothing like it.
    pub fn status(&self) -> Result<String> {
        let mut command = Command::new(Software::Holdfast.program()?);
        command.args(["status", "-p", Role::Supervisor.pid_file()]);
        let asked = self.node.start(command)?;
        asked.wait(STOP_LIMIT)?;
        asked.whole_log(STOP_LIMIT)
    }

    /// Makes sure that a refused reload is shown as such, with its cause, to whoever asks.
    pub fn ensure_status_tells_of_refusal(&self, cause: &str) -> Result<()> {
        if self.software == Software::Keepalived {
            return Ok(());
        }
        let status = self.status()?;
        ensure!(
            status.contains("REFUSED") && status.contains(cause),
            "the status says nothing of {cause}: {status}"
        );
        Ok(())
    }

    /// Kills all its processes with `SIGKILL` at once; returns when they were dead.
    pub fn kill(&self) -> Result<SystemTime> {
        self.process.kill_all()
    }

    /// Kills one of its processes with `SIGKILL`; returns when it was still alive: what comes of its death comes later.
    pub fn kill_role(&self, role: Role) -> Result<SystemTime> {
        let process = self.role(role)?;
        let when = SystemTime::now();
        kill(process, Signal::SIGKILL).with_context(|| format!("killing {role:?}"))?;
        Ok(when)
    }

    /// Asks it to stop (`SIGTERM`) and waits for its end; returns when it was asked, and its exit status.
    pub fn stop(&self) -> Result<(SystemTime, ExitStatus)> {
        let when = SystemTime::now();
        self.process.signal(Signal::SIGTERM)?;
        Ok((when, self.process.wait(STOP_LIMIT)?))
    }

    /// Replaces its configuration and asks it to reload (`SIGHUP`).
    pub fn reload(&self, configuration: &str) -> Result<SystemTime> {
        write_configuration(self.node, configuration)?;
        let when = SystemTime::now();
        self.process.signal(Signal::SIGHUP)?;
        Ok(when)
    }

    /// Waits for a log line that contains `text`, from `since` on. What is said since before the start may take the time of
    /// a start, too.
    pub fn wait_for_log(&self, text: &str, since: SystemTime, bound: Duration) -> Result<SystemTime> {
        let bound = if since <= self.started && !bound.is_zero() {
            bound + STARTING
        } else {
            bound
        };
        let wanted = |line: &crate::node::LogLine| line.when >= since && line.text.contains(text);
        Ok(self
            .process
            .log()
            .wait_for(&format!("log line with {text:?}"), bound, wanted)?
            .when)
    }
}

impl Drop for Daemon<'_> {
    fn drop(&mut self) {
        // Fails when it has ended already.
        let _ = self.process.kill_all();
        if self.prints_log {
            // The test runner shows it when the test fails.
            println!(
                "--- log of {} on {}:\n{}---",
                self.software,
                self.node.name(),
                self.process.log_text()
            );
        }
    }
}

fn write_configuration(node: &Node, text: &str) -> Result<()> {
    fs::write(node.path(CONFIGURATION), text).context("writing a configuration")
}

/// A process's number in the innermost process namespace it is in.
fn pid_in_node(pid: Pid) -> Option<i32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let numbers = status.lines().find_map(|line| line.strip_prefix("NSpid:"))?;
    numbers.split_whitespace().last()?.parse().ok()
}
