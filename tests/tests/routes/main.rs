//! Addresses, routes and rules in the kernel, with keepalived and with Holdfast told the same: after each transition
//! `ip` must show the same, and the changes must come in the same order. keepalived goes first: what it makes of its file
//! is what is expected.

mod configurations;
mod tables;

use std::fmt::Write as _;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, ensure};
use bed::daemon::{Daemon, Software};
use bed::network::{Network, Port};
use bed::node::{Node, Process};
use bed::wait;

use configurations::Configuration;

/// From the start to MASTER with priority 100 and one second between adverts is 3.6 s; a shared machine adds its own.
const TAKEOVER: Duration = Duration::from_secs(8);

/// As long as nothing changes for this long, nothing is under way.
const QUIET: Duration = Duration::from_millis(400);

/// A director on two networks, and a stronger one that is started when it is needed.
struct Bench {
    network: Network,
    director: Node,
    rival: Node,
    port: Port,
}

impl Bench {
    fn new() -> Result<Self> {
        let network = Network::new(&["lan", "inside"])?;
        let (director, rival) = (Node::new("director")?, Node::new("rival")?);
        let port = network.plug(&director, "lan", "eth0", &["192.0.2.1/24", "fd00::1/64"])?;
        network.plug(&rival, "lan", "eth0", &["192.0.2.2/24"])?;
        network.plug(&director, "inside", "eth1", &["198.51.100.1/24"])?;
        network.plug(&rival, "inside", "eth1", &["198.51.100.2/24"])?;
        Ok(Self {
            network,
            director,
            rival,
            port,
        })
    }

    /// The tables once `holds` says yes, and nothing changes any more: the kernel makes routes for IPv6 addresses later.
    fn wait_for_tables(&self, what: &str, holds: impl Fn(&str) -> bool) -> Result<String> {
        let mut last = String::new();
        let mut since = Instant::now();
        let settled = wait::until(what, TAKEOVER, || {
            let now = tables::read(&self.director).unwrap_or_default();
            if now != last {
                since = Instant::now();
                last = now;
            }
            since.elapsed() > QUIET && holds(&last)
        });
        settled.with_context(|| last.clone())?;
        Ok(last)
    }

    /// Changes of the tables from now on, as `ip monitor` tells them.
    fn watch(&self) -> Result<Process> {
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
fn is_master(tables: &str) -> bool {
    tables.contains("from fd44::/64")
}

/// The last thing that a master takes out.
fn is_no_master(tables: &str) -> bool {
    !is_master(tables) && !tables.contains("inet 192.0.2.230/") && !tables.contains("inet 192.0.2.200/")
}

/// What a director did to the tables, phase by phase.
#[derive(Default)]
struct Story(Vec<(&'static str, String)>);

impl Story {
    /// Waits for a phase, and keeps what the tables are in it.
    fn tell(&mut self, bench: &Bench, phase: &'static str, holds: impl Fn(&str) -> bool) -> Result<String> {
        let tables = bench.wait_for_tables(phase, holds)?;
        self.0.push((phase, tables.clone()));
        Ok(tables)
    }
}

/// All transitions, one after the other.
fn transitions(software: Software) -> Result<Story> {
    let bench = Bench::new()?;
    let mut story = Story::default();
    let before = story.tell(&bench, "before", |_| true)?;
    let watch = bench.watch()?;
    let daemon = Daemon::start(software, &bench.director, &Configuration::ALL.text())?;
    let has_statics = |tables: &str| tables.contains("702:");
    let backup = story.tell(&bench, "backup", |tables| has_statics(tables) && is_no_master(tables))?;
    ensure!(backup != before, "no static objects");
    let started = SystemTime::now();
    let master = story.tell(&bench, "master", is_master)?;
    let order_of_takeover = tables::order(&watch, started);

    let rival = Configuration::RIVAL.text();
    let rival = Daemon::start(Software::Keepalived, &bench.rival, &rival)?;
    let since = SystemTime::now();
    story.tell(&bench, "backup of another", is_no_master)?;
    let order_of_release = tables::order(&watch, since);
    rival.stop()?;
    story.tell(&bench, "master again", is_master)?;

    bench.network.pull(&bench.port)?;
    story.tell(&bench, "fault", is_no_master)?;
    bench.network.put_back(&bench.port)?;
    story.tell(&bench, "master after a fault", is_master)?;

    daemon.reload(&Configuration::OTHER.text())?;
    let is_other = |tables: &str| tables.contains("from 10.46.0.0/16") && !tables.contains("from 10.44.0.0/16");
    let other = story.tell(&bench, "master after a reload", is_other)?;
    ensure!(other != master, "a reload without effect");

    daemon.kill()?;
    story.tell(&bench, "killed", |_| true)?;
    let daemon = Daemon::start(software, &bench.director, &Configuration::OTHER.text())?;
    let leftovers = bench.wait_for_tables("backup after being killed", is_no_master)?;
    let without = tables::without_virtual_routes(&leftovers);
    // keepalived 2.2 says that it removes them, and does not.
    let are_gone = software == Software::Keepalived || without == leftovers;
    ensure!(are_gone, "{}", tables::difference(&without, &leftovers));
    story.0.push(("backup after being killed", without));
    story.tell(&bench, "master after being killed", is_other)?;
    daemon.stop()?;
    let after = story.tell(&bench, "stopped", |_| true)?;
    ensure!(after == before, "left behind: {}", tables::difference(&before, &after));
    story.0.push(("order of takeover", order_of_takeover));
    story.0.push(("order of release", order_of_release));
    Ok(story)
}

/// Both at once, each in its own networks: most of the time is waiting.
fn ensure_same(tell: fn(Software) -> Result<Story>) -> Result<()> {
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

/// Lines that keepalived makes something else of, or nothing, mean what they say.
fn what_is_written_is_there(software: Software) -> Result<()> {
    let bench = Bench::new()?;
    let configuration = Configuration {
        addresses: configurations::BEYOND_ADDRESSES,
        routes: configurations::BEYOND_ROUTES,
        ..Configuration::OTHER
    };
    let before = bench.wait_for_tables("before", |_| true)?;
    let daemon = Daemon::start(software, &bench.director, &configuration.text())?;
    let tables = bench.wait_for_tables("master", |tables| tables.contains("from 10.46.0.0/16"))?;
    for line in configurations::BEYOND_TABLES.lines() {
        ensure!(tables.contains(line), "{line} is not in {tables}");
    }
    daemon.stop()?;
    let after = bench.wait_for_tables("stopped", |_| true)?;
    ensure!(after == before, "left behind: {}", tables::difference(&before, &after));
    Ok(())
}

#[test]
#[ignore = "needs root: cargo xtask test peers"]
fn every_transition_leaves_the_same_tables() -> Result<()> {
    ensure_same(transitions)
}

#[test]
#[ignore = "needs root: cargo xtask test peers"]
fn what_keepalived_cannot_say_is_there() -> Result<()> {
    ensure!(
        what_is_written_is_there(Software::Keepalived).is_err(),
        "keepalived can"
    );
    what_is_written_is_there(Software::Holdfast)
}
