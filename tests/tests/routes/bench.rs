//! A director on two networks, and what its tables become.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bed::daemon::Software;
use bed::network::{Network, Port};
use bed::node::{Node, Process};
use bed::wait;

use crate::tables;

/// From the start to MASTER with priority 100 and one second between adverts is 3.6 s; a shared machine or an emulated
/// one adds its own.
pub(crate) const TAKEOVER: Duration = Duration::from_secs(15);

/// As long as nothing changes for this long, nothing is under way.
pub(crate) const QUIET: Duration = Duration::from_millis(400);

/// The same while the kernel has not yet done all that it does for new addresses, or never will.
const LONG_QUIET: Duration = Duration::from_secs(3);

/// A director on two networks, and a stronger one that is started when it is needed.
pub(crate) struct Bench {
    pub(crate) network: Network,
    pub(crate) director: Node,
    pub(crate) rival: Node,
    pub(crate) port: Port,
    pub(crate) inside: Port,
}

impl Bench {
    pub(crate) fn new() -> Result<Self> {
        let network = Network::new(&["lan", "inside"])?;
        let (director, rival) = (Node::new("director")?, Node::new("rival")?);
        let port = network.plug(&director, "lan", "eth0", &["192.0.2.1/24", "fd00::1/64"])?;
        network.plug(&rival, "lan", "eth0", &["192.0.2.2/24"])?;
        let inside = network.plug(&director, "inside", "eth1", &["198.51.100.1/24"])?;
        network.plug(&rival, "inside", "eth1", &["198.51.100.2/24"])?;
        Ok(Self {
            network,
            director,
            rival,
            port,
            inside,
        })
    }

    /// The tables once `holds` says yes, and nothing changes any more: the kernel makes routes for IPv6 addresses later.
    pub(crate) fn wait_for_tables(&self, what: &str, holds: impl Fn(&str) -> bool) -> Result<String> {
        let mut last = String::new();
        let mut since = Instant::now();
        let settled = wait::until(what, TAKEOVER, || {
            let now = tables::read(&self.director).unwrap_or_default();
            if now != last {
                since = Instant::now();
                last = now;
            }
            let quiet = if tables::is_complete(&last) { QUIET } else { LONG_QUIET };
            since.elapsed() > quiet && holds(&last)
        });
        settled.with_context(|| last.clone())?;
        Ok(last)
    }

    /// Changes of the tables from now on, as `ip monitor` tells them.
    pub(crate) fn watch(&self) -> Result<Process> {
        let mut command = std::process::Command::new("ip");
        command.args(["-o", "-d", "monitor", "address", "route", "rule", "label"]);
        let watch = self.director.start(command)?;
        // It listens when it tells of this.
        let marker = ["address", "add", "127.0.0.9/32", "dev", "lo"];
        wait::until("ip monitor", TAKEOVER, || {
            let _ = self.director.run("ip", &marker);
            let _ = self
                .director
                .run("ip", &["address", "del", "127.0.0.9/32", "dev", "lo"]);
            watch.log_text().contains("127.0.0.9")
        })?;
        Ok(watch)
    }
}

/// The last thing that a master puts in.
pub(crate) fn is_master(tables: &str) -> bool {
    tables.contains("from fd44::/64")
}

/// The last thing that a master takes out.
pub(crate) fn is_no_master(tables: &str) -> bool {
    !is_master(tables) && !tables.contains("inet 192.0.2.230/") && !tables.contains("inet 192.0.2.200/")
}

/// What a director did to the tables, phase by phase.
#[derive(Default)]
pub(crate) struct Story(pub(crate) Vec<(&'static str, String)>);

impl Story {
    /// Waits for a phase, and keeps what the tables are in it.
    pub(crate) fn tell(&mut self, bench: &Bench, phase: &'static str, holds: impl Fn(&str) -> bool) -> Result<String> {
        let tables = bench.wait_for_tables(phase, holds)?;
        self.0.push((phase, tables.clone()));
        Ok(tables)
    }
}

/// Both at once, each in its own networks: most of the time is waiting.
pub(crate) fn ensure_same(tell: impl Fn(Software) -> Result<Story> + Sync) -> Result<()> {
    let (expected, found) = std::thread::scope(|scope| {
        let expected = scope.spawn(|| tell(Software::Keepalived));
        let found = tell(Software::Holdfast);
        (expected.join(), found)
    });
    let expected = expected
        .map_err(|_| anyhow::anyhow!("panicked"))?
        .context("keepalived")?;
    let found = found.context("holdfast")?;
    ensure!(expected.0.len() == found.0.len(), "not the same phases");
    let mut differences = String::new();
    for ((phase, expected), (_, found)) in expected.0.iter().zip(&found.0) {
        if expected != found {
            writeln!(differences, "{phase}:\n{}", tables::difference(expected, found))?;
        }
    }
    ensure!(differences.is_empty(), "{differences}");
    Ok(())
}
