//! One run of a scenario.

use std::fmt::Write as _;
use std::fs;
use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail, ensure};

use super::{Act, Company, LANS, NODES, Scenario, Step, Transcript, Until};
use crate::daemon::{Daemon, Software};
use crate::load;
use crate::network::{Network, Port};
use crate::node::Node;
use crate::onlooker::{Onlooker, Sighting};
use crate::pair::LATENESS;
use crate::wait;

/// What every wait may take before the run has failed: two waits for a silent master of three seconds and a tracker's time.
/// Whether it took the right time is judged by comparing with the control.
const PATIENCE: Duration = Duration::from_secs(15);

/// Answers to adverts, and what comes of them, are there by then.
const REACTION: Duration = Duration::from_millis(300);

/// Everything that a run needs; the daemons are apart because they borrow the nodes.
struct Site<'a> {
    scenario: &'a Scenario,
    /// Before the nodes: dropped first, it has nothing to watch.
    onlooker: Onlooker,
    network: Network,
    nodes: Vec<Node>,
    ports: Vec<[Port; LANS.len()]>,
}

impl Drop for Site<'_> {
    fn drop(&mut self) {
        if self.scenario.company == Company::ThisMachine
            && let Some(node) = self.nodes.first()
        {
            // The network outlives the node. Without the interfaces there is nothing to remove.
            let _ = node.ip(&["link del eth0".to_owned(), "link del eth1".to_owned()]);
        }
    }
}

/// A director that runs or ran, and the logs of those before it.
#[derive(Default)]
struct Director<'a> {
    daemon: Option<Daemon<'a>>,
    logs: Vec<String>,
}

impl Director<'_> {
    fn running(&self) -> Result<&Daemon<'_>> {
        self.daemon.as_ref().context("the director is not running")
    }

    /// Ends it, if `end` does not, and keeps its log.
    fn end(&mut self, end: impl FnOnce(&Daemon<'_>) -> Result<()>) -> Result<()> {
        let Some(daemon) = self.daemon.take() else {
            bail!("the director is not running");
        };
        end(&daemon)?;
        self.logs.push(daemon.process().whole_log(PATIENCE)?);
        Ok(())
    }
}

/// Goes through the steps with these directors.
pub(super) fn run(scenario: &Scenario, roles: &[Software]) -> Result<Transcript> {
    let site = Site::new(scenario)?;
    let mut directors: Vec<Director<'_>> = site.nodes.iter().map(|_| Director::default()).collect();
    let mut transcript = Transcript::default();
    for (number, step) in scenario.steps.iter().enumerate() {
        let label = format!("step {} ({})", number + 1, step.act);
        site.step(step, &label, roles, &mut directors, &mut transcript)
            .with_context(|| format!("{label}\n{}", logs(&directors)))?;
    }
    let seen = site.onlooker.sightings();
    transcript.add_adverts(&seen);
    transcript.add_announcements(&seen, scenario.counts_announcements);
    for (director, node) in directors.iter_mut().zip(&site.nodes) {
        if director.daemon.is_some() {
            director.end(|daemon| daemon.kill().map(drop))?;
        }
        transcript.add_states(node.name(), &director.logs);
    }
    transcript.logs = logs(&directors);
    Ok(transcript)
}

fn logs(directors: &[Director<'_>]) -> String {
    let mut text = String::new();
    for (director, name) in directors.iter().zip(NODES) {
        let running = director.daemon.iter().map(|daemon| daemon.process().log_text());
        for log in director.logs.iter().cloned().chain(running) {
            let _ = write!(text, "--- log of {name}:\n{log}");
        }
    }
    text
}

impl<'a> Site<'a> {
    fn new(scenario: &'a Scenario) -> Result<Self> {
        let network = Network::new(&LANS)?;
        let (mut nodes, mut ports) = (Vec::new(), Vec::new());
        for (number, name) in NODES.iter().enumerate().take(scenario.configurations.len()) {
            let node = if scenario.company == Company::ThisMachine && number == 0 {
                Node::of_this_machine(name)?
            } else {
                Node::new(name)?
            };
            let host = number + 1;
            let port = |lan, interface, v4: &str, v6: &str| {
                let addresses = [format!("{v4}.{host}/24"), format!("{v6}::{host}/64")];
                network.plug(&node, lan, interface, &[&addresses[0], &addresses[1]])
            };
            ports.push([
                port("lan", "eth0", "192.0.2", "fd00")?,
                port("side", "eth1", "198.51.100", "fd01")?,
            ]);
            nodes.push(node);
        }
        Ok(Self {
            scenario,
            onlooker: Onlooker::of(&network)?,
            network,
            nodes,
            ports,
        })
    }

    fn node(&self, number: usize) -> Result<&Node> {
        self.nodes.get(number).context("no such node")
    }

    fn port(&self, number: usize, interface: &str) -> Result<&Port> {
        let ports = self.ports.get(number).context("no such node")?;
        ports
            .iter()
            .zip(["eth0", "eth1"])
            .find(|(_, name)| *name == interface)
            .map(|(port, _)| port)
            .context("no such interface")
    }

    /// Does one step, waits, lets what follows happen, and writes down what there is then.
    fn step<'n>(
        &'n self,
        step: &Step,
        label: &str,
        roles: &[Software],
        directors: &mut [Director<'n>],
        transcript: &mut Transcript,
    ) -> Result<()> {
        let since = self.just_after_an_advert()?;
        self.act(&step.act, roles, directors)?;
        let alive: Vec<bool> = directors.iter().map(|director| director.daemon.is_some()).collect();
        self.wait(step.until, &alive)?;
        std::thread::sleep(REACTION);
        let speakers = self.speakers(SystemTime::now() - self.quiet());
        let holders = self.holders(&alive)?;
        if let Until::Master(number) = step.until {
            let name = self.node(number)?.name();
            ensure!(
                speakers.iter().all(|speaker| speaker == name),
                "{name} should be the only master; there speak {speakers:?}"
            );
            ensure!(holders == [name], "{name} should hold the addresses; {holders:?} do");
        }
        transcript.times.push(self.first_word(step.until, since)?);
        transcript.stalls.push(load::excuse(since, SystemTime::now()));
        transcript.lines.push(format!(
            "after {label}: {speakers:?} speak, {holders:?} hold the addresses"
        ));
        for node in &self.nodes {
            transcript.add_addresses(node, label)?;
            if self.scenario.compares_routing {
                transcript.add_routing(node, label)?;
            }
        }
        Ok(())
    }

    /// A master that was silent for so long is none.
    fn quiet(&self) -> Duration {
        self.scenario.interval + LATENESS
    }

    /// Waits for the next advert of anybody, if there is one, so that every run is at the same point of an interval.
    fn just_after_an_advert(&self) -> Result<SystemTime> {
        let now = SystemTime::now();
        if !self.speakers(now - self.quiet()).is_empty() {
            let heard = |seen: &Sighting| seen.advert().is_some();
            let seen = self.onlooker.wait_for("an advert", now, self.quiet(), heard)?;
            return Ok(seen.when);
        }
        Ok(now)
    }

    fn act<'n>(&'n self, act: &Act, roles: &[Software], directors: &mut [Director<'n>]) -> Result<()> {
        match act {
            Act::Start(number) => {
                let configuration = self.scenario.configurations.get(*number).context("no configuration")?;
                let software = *roles.get(*number).context("no role")?;
                let daemon = Daemon::start(software, self.node(*number)?, configuration)?.quiet();
                directors.get_mut(*number).context("no director")?.daemon = Some(daemon);
                Ok(())
            }
            Act::Kill(number) => directors
                .get_mut(*number)
                .context("no director")?
                .end(|daemon| daemon.kill().map(drop)),
            Act::Stop(number) => directors.get_mut(*number).context("no director")?.end(|daemon| {
                let (_, status) = daemon.stop()?;
                ensure!(status.success(), "a clean stop ended with {status}");
                Ok(())
            }),
            Act::Reload(number, configuration) => {
                let director = directors.get(*number).context("no director")?;
                director.running()?.reload(configuration).map(drop)
            }
            Act::Pull(number, interface) => self.network.pull(self.port(*number, interface)?),
            Act::PutBack(number, interface) => self.network.put_back(self.port(*number, interface)?),
            Act::Write(number, path, text) => {
                let (new, path) = (format!("{path}.new"), (*path).to_owned());
                let node = self.node(*number)?;
                fs::write(node.path(&new), text)?;
                Ok(fs::rename(node.path(&new), node.path(&path))?)
            }
            Act::Remove(number, path) => Ok(fs::remove_file(self.node(*number)?.path(path))?),
            Act::Run(number, line) => {
                let (program, arguments) = line.split_first().context("no program")?;
                self.node(*number)?.run(program, arguments).map(drop)
            }
            Act::Nothing => Ok(()),
        }
    }

    fn wait(&self, until: Until, alive: &[bool]) -> Result<()> {
        let quiet = self.quiet();
        match until {
            Until::Master(number) => {
                let name = self.node(number)?.name().to_owned();
                wait::until(&format!("{name} to hold the addresses alone"), PATIENCE, || {
                    self.holders(alive).is_ok_and(|holders| holders == [&*name])
                })?;
                wait::until("everybody else to be silent", PATIENCE, || {
                    self.speakers(SystemTime::now() - quiet)
                        .iter()
                        .all(|node| *node == name)
                })
            }
            Until::Nobody => {
                wait::until("nobody to hold an address", PATIENCE, || {
                    self.holders(alive).is_ok_and(|holders| holders.is_empty())
                })?;
                wait::until("everybody to be silent", PATIENCE, || {
                    self.speakers(SystemTime::now() - quiet).is_empty()
                })
            }
            Until::Passed(time) => {
                std::thread::sleep(time);
                Ok(())
            }
        }
    }

    /// From the act to the new master's first word, if there is a new one.
    fn first_word(&self, until: Until, since: SystemTime) -> Result<Option<Duration>> {
        let Until::Master(number) = until else {
            return Ok(None);
        };
        let node = self.node(number)?;
        let seen = self.onlooker.sightings();
        let mut own = seen
            .iter()
            .filter(|seen| seen.is_advert_of(node, |priority| priority > 0))
            .map(|seen| seen.when);
        let was_master = own
            .clone()
            .any(|when| when <= since && wait::seconds_between(when, since) < self.scenario.interval.as_secs_f64());
        let first = own.find(|when| *when > since);
        Ok(first
            .filter(|_| !was_master)
            .and_then(|first| first.duration_since(since).ok()))
    }

    /// Who has sent an advert since then that does not resign.
    fn speakers(&self, since: SystemTime) -> Vec<String> {
        let adverts = self.onlooker.adverts_since(since).into_iter();
        let mut names: Vec<String> = adverts
            .filter(|(_, advert)| advert.priority > 0)
            .map(|(seen, _)| seen.node)
            .collect();
        names.sort();
        names.dedup();
        names
    }

    /// Which running director holds any of the addresses; whoever holds only some is marked. One that was killed leaves its
    /// addresses behind.
    fn holders(&self, alive: &[bool]) -> Result<Vec<String>> {
        let mut holders = Vec::new();
        let running = self.nodes.iter().zip(alive).filter(|(_, alive)| **alive);
        for (node, _) in running {
            let own: Vec<IpAddr> = node.addresses()?;
            let count = self.scenario.held.iter().filter(|held| own.contains(held)).count();
            if count == self.scenario.held.len() {
                holders.push(node.name().to_owned());
            } else if count > 0 {
                holders.push(format!("{} (a part)", node.name()));
            }
        }
        Ok(holders)
    }
}
