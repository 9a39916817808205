//! A D-Bus system bus in a node, somebody who watches it, and calls.

use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::sys::signal::Signal;

use crate::node::{Node, Process};
use crate::wait;

/// Where every system has it. The node's `/run` is its own.
const SOCKET: &str = "/run/dbus/system_bus_socket";
const CONFIGURATION: &str = "/run/dbus/bus.conf";

/// keepalived's name.
pub const SERVICE: &str = "org.keepalived.Vrrp1";

/// The program is started by then on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running bus with the policies of a system bus and ours for the service.
#[derive(Debug)]
pub struct Bus<'a> {
    node: &'a Node,
    daemon: Process,
}

impl<'a> Bus<'a> {
    /// Starts it, and waits until it listens.
    pub fn start(node: &'a Node) -> Result<Self> {
        fs::create_dir_all(node.path("/run/dbus"))?;
        // One that was killed leaves it.
        let _ = fs::remove_file(node.path(SOCKET));
        fs::write(node.path("/run/dbus/policy.conf"), policy()?)?;
        fs::write(node.path(CONFIGURATION), configuration())?;
        let mut command = Command::new("dbus-daemon");
        command.args([&format!("--config-file={CONFIGURATION}"), "--nofork", "--nopidfile"]);
        let daemon = node.start(command)?;
        wait::until("the bus", PATIENCE, || node.path(SOCKET).exists())?;
        Ok(Self { node, daemon })
    }

    /// Ends it as a crash does.
    pub fn kill(self) -> Result<()> {
        self.daemon.kill_all()?;
        Ok(())
    }

    /// It does nothing any more, and its sockets stay.
    pub fn hang(&self) -> Result<()> {
        self.daemon.signal(Signal::SIGSTOP)
    }

    /// It goes on.
    pub fn go_on(&self) -> Result<()> {
        self.daemon.signal(Signal::SIGCONT)
    }

    /// Watches the signals of keepalived's objects, and who owns the name.
    pub fn watch(&self) -> Result<Watcher> {
        let mut command = Command::new("dbus-monitor");
        command.args([
            "--system",
            "path_namespace='/org/keepalived'",
            "member='NameOwnerChanged'",
        ]);
        let monitor = self.node.start(command)?;
        // It hears itself come.
        monitor.log().wait_for("the monitor on the bus", PATIENCE, |line| {
            line.text.contains("NameLost")
        })?;
        Ok(Watcher { monitor })
    }

    /// Calls a method without arguments, or with strings. What comes back, each value after its type, in one line.
    pub fn call(&self, path: &str, method: &str, arguments: &[&str]) -> Result<String> {
        self.call_by(&["dbus-send"], path, method, arguments)
    }

    /// The same as a user without rights.
    pub fn call_as_nobody(&self, path: &str, method: &str, arguments: &[&str]) -> Result<String> {
        let program = [
            "setpriv",
            "--reuid=65534",
            "--regid=65534",
            "--clear-groups",
            "dbus-send",
        ];
        self.call_by(&program, path, method, arguments)
    }

    fn call_by(&self, program: &[&str], path: &str, method: &str, arguments: &[&str]) -> Result<String> {
        let (program, before) = program.split_first().context("a program")?;
        let destination = format!("--dest={SERVICE}");
        let mut all: Vec<String> = before.iter().map(|&word| word.to_owned()).collect();
        all.extend(
            [
                "--system",
                "--print-reply=literal",
                "--reply-timeout=20000",
                &destination,
                path,
                method,
            ]
            .map(str::to_owned),
        );
        all.extend(arguments.iter().map(|argument| format!("string:{argument}")));
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        let said = self.node.run(program, &all)?;
        Ok(said.split_whitespace().collect::<Vec<_>>().join(" "))
    }

    /// What `Get` says of a property of an instance.
    pub fn property(&self, path: &str, name: &str) -> Result<String> {
        let interface = format!("{SERVICE}.Instance");
        self.call(path, "org.freedesktop.DBus.Properties.Get", &[&interface, name])
    }

    /// Waits until somebody owns the name, or nobody does.
    pub fn wait_for_owner(&self, owned: bool) -> Result<()> {
        let what = if owned {
            "an owner of the name"
        } else {
            "the name to be free"
        };
        wait::until(what, PATIENCE, || self.has_owner().is_ok_and(|now| now == owned))
    }

    fn has_owner(&self) -> Result<bool> {
        let said = self.node.run(
            "dbus-send",
            &[
                "--system",
                "--print-reply=literal",
                "--dest=org.freedesktop.DBus",
                "/org/freedesktop/DBus",
                "org.freedesktop.DBus.NameHasOwner",
                &format!("string:{SERVICE}"),
            ],
        )?;
        Ok(said.contains("true"))
    }
}

/// Somebody who watches a bus.
#[derive(Debug)]
pub struct Watcher {
    monitor: Process,
}

impl Watcher {
    /// The signals so far, in order: the last part of the path below `Vrrp1`, the name of the signal, its value if it has one.
    /// `name gone` and `name owned` tell what became of the service's name.
    pub fn signals(&self) -> Vec<String> {
        let mut signals: Vec<String> = Vec::new();
        let mut owner_change = Vec::new();
        for line in self.monitor.log().all() {
            let text = line.text.trim();
            if text.starts_with("signal ") {
                let field = |name: &str| {
                    let after = text.split_once(name).map_or("", |(_, after)| after);
                    after
                        .split(';')
                        .next()
                        .unwrap_or_default()
                        .split_whitespace()
                        .next()
                        .unwrap_or_default()
                        .to_owned()
                };
                let (path, member) = (field(" path="), field(" member="));
                owner_change.clear();
                if let Some(path) = path.strip_prefix("/org/keepalived/Vrrp1/") {
                    signals.push(format!("{path} {member}"));
                }
            } else if let Some(value) = text.strip_prefix("uint32 ") {
                if let Some(last) = signals.last_mut() {
                    last.push(' ');
                    last.push_str(value);
                }
            } else if let Some(word) = text.strip_prefix("string ") {
                owner_change.push(word.trim_matches('"').to_owned());
                if let [name, _, new] = owner_change.as_slice()
                    && name == SERVICE
                {
                    signals.push(if new.is_empty() { "name gone" } else { "name owned" }.to_owned());
                }
            }
        }
        signals
    }

    /// Waits until `wanted` of the signals.
    pub fn wait_for(&self, what: &str, bound: Duration, wanted: impl Fn(&[String]) -> bool) -> Result<()> {
        let outcome = wait::until(what, bound, || wanted(&self.signals()));
        if let Err(error) = outcome {
            bail!("{error}; the signals were {:#?}", self.signals());
        }
        Ok(())
    }
}

/// What Debian's system bus allows, in short: calls to nobody but where a policy says so.
fn configuration() -> String {
    format!(
        r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path={SOCKET}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <deny own="*"/>
    <deny send_type="method_call"/>
    <allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/>
    <allow receive_type="method_return"/>
    <allow receive_type="error"/>
    <allow receive_type="signal"/>
    <allow send_destination="org.freedesktop.DBus"/>
  </policy>
  <include>/run/dbus/policy.conf</include>
</busconfig>
"#
    )
}

/// The one that is delivered with the program.
fn policy() -> Result<String> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../dist/dbus/org.keepalived.Vrrp1.conf");
    fs::read_to_string(path).context(path)
}
