//! A real name server: unbound, with a few names of its own and nothing else.

use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::sys::signal::Signal;

use crate::node::{Node, Process};
use crate::wait;

const CONFIGURATION: &str = "/run/resolver.conf";
const LIMIT: Duration = Duration::from_secs(20);

/// `www.example.test` and `a.example.test` have an address, other names below `example.test` do not exist, and all else
/// is refused.
const NAMES: &str = "server:
    interface: 0.0.0.0
    access-control: 0.0.0.0/0 allow
    do-daemonize: no
    use-syslog: no
    chroot: \"\"
    username: \"\"
    directory: \"/run\"
    pidfile: \"\"
    num-threads: 1
    module-config: \"iterator\"
    local-zone: \".\" refuse
    local-zone: \"example.test.\" static
    local-data: \"example.test. SOA ns.example.test. root.example.test. 1 3600 600 86400 300\"
    local-data: \"www.example.test. A 192.0.2.1\"
    local-data: \"a.example.test. A 192.0.2.2\"
remote-control:
    control-enable: no
";

/// A name server on port 53 of a node.
#[derive(Debug)]
pub struct Resolver {
    process: Process,
}

impl Resolver {
    /// Starts one and waits until it listens.
    pub fn start(node: &Node) -> Result<Self> {
        fs::write(node.path(CONFIGURATION), NAMES).context("writing the name server's configuration")?;
        let mut command = Command::new("/usr/sbin/unbound");
        command.args(["-d", "-c", CONFIGURATION]);
        let resolver = Self {
            process: node.start(command).context("unbound (Debian package unbound)")?,
        };
        // State 07 is an open UDP socket; 0035 is 53.
        let listens = || {
            node.proc_net("udp")
                .is_ok_and(|text| text.lines().any(|line| line.contains(":0035 00000000:0000 07")))
        };
        let outcome = wait::until("unbound to listen", LIMIT, || {
            listens() || resolver.process.ended().is_ok_and(|status| status.is_some())
        });
        if outcome.is_err() || !listens() {
            bail!("no name server on {}: {}", node.name(), resolver.process.log_text());
        }
        Ok(resolver)
    }

    /// Stops it: packets are refused.
    pub fn stop(self) -> Result<()> {
        self.process.signal(Signal::SIGTERM)?;
        self.process.wait(LIMIT).map(drop)
    }
}
