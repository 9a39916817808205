//! A chain of reloads with whatever a configuration of services may change, under traffic, on a real IPVS: in a guest,
//! started by `cargo xtask test guest`.

mod generate;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bed::client::Lasting;
use bed::daemon::{Daemon, Software};
use bed::figures;
use bed::node::Node;
use bed::saved_table::SavedTable;
use bed::seed::{Chance, seeds};
use bed::site::{self, Forwarding, Site};
use bed::trace::Trace;
use bed::undisturbed::Clients;
use bed::wait;
use bed::web::Web;

use generate::{Configuration, IN_USE, NEVER_CHANGES};

/// A round of checks with its retries, in a busy guest.
const PATIENCE: Duration = Duration::from_mins(1);

/// After so long keepalived's table is taken for the one that its reload ends in.
const PATIENCE_WITH_KEEPALIVED: Duration = Duration::from_secs(30);

/// How often the load begins a connection.
const LOAD_INTERVAL: Duration = Duration::from_millis(50);

/// How often tables are looked at.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// Requests that reach a real server without a director show when the guest itself stands still.
const CONTROL_INTERVAL: Duration = Duration::from_millis(100);

/// Reloads in one chain.
const STEPS: usize = 30;
/// keepalived only shows that the chain can be gone through.
const STEPS_OF_KEEPALIVED: usize = 12;

/// After so many reloads the third server dies or comes back.
const STEPS_OF_A_LIFE: usize = 5;

/// The director that reloads, beside one that is started anew for each configuration.
struct Chain<'a> {
    site: &'a Site,
    subject: Daemon<'a>,
    trace: Trace,
    clients: Clients,
    lasting: [Lasting; 3],
    configuration: Configuration,
    /// Reloads that left a service without a server on the way.
    rough: usize,
    /// Reloads that touched a service in which nothing changed.
    needless: usize,
    /// Services that keepalived's reloads left otherwise than its start makes them: nothing is expected of these any more.
    left: BTreeSet<String>,
    _webs: [Web; 2],
    /// The third server, while it lives.
    web3: Option<Web>,
}

/// What was seen at a reload.
#[derive(Debug, Default)]
struct Step {
    changes: usize,
    requests: usize,
    excused: usize,
}

/// A start of this configuration beside the one that reloads.
fn fresh<'a>(node: &'a Node, configuration: &Configuration) -> Result<Daemon<'a>> {
    node.run("ipvsadm", &["-C"])?;
    Ok(Daemon::start(Software::Keepalived, node, &configuration.text())?.quiet())
}

impl<'a> Chain<'a> {
    fn start(site: &'a Site, software: Software, configuration: Configuration) -> Result<Self> {
        let [director, _] = &site.directors;
        let [web1, web2, web3] = site.start_webs()?;
        // A site of IPv4 gets the same of IPv6. The virtual address is never the source of the director's own probes.
        for (number, director) in (1..).zip(&site.directors) {
            director.ip(&[format!("address add fd00::{number}/64 dev eth0 nodad")])?;
        }
        site.client.ip(&["address add fd00::10/64 dev eth0 nodad".to_owned()])?;
        director.ip(&[
            format!("address add {NEVER_CHANGES}/32 dev eth0"),
            format!("address add {}/32 dev eth0", IN_USE[0]),
            format!("address add {}/128 dev eth0 nodad preferred_lft 0", IN_USE[1]),
        ])?;
        for (host, server) in (61..).zip(&site.servers) {
            server.ip(&[
                format!("address add fd00::{host}/64 dev eth0 nodad"),
                format!("address add {}/32 dev lo", IN_USE[0]),
                format!("address add {}/128 dev lo nodad", IN_USE[1]),
            ])?;
        }
        let trace = Trace::of(director)?;
        let subject = Daemon::start(software, director, &configuration.text())?;
        let mut seen = String::new();
        let outcome = wait::until("the first table", PATIENCE, || {
            let Ok(table) = SavedTable::of(director) else {
                return false;
            };
            configuration
                .differs(&table, &[], &BTreeSet::new())
                .map(|problem| seen = problem)
                .is_none()
        });
        outcome.with_context(|| seen.clone())?;
        let open = |address: &str| Lasting::open(&site.client, SocketAddr::new(address.parse()?, 80));
        let lasting = [open(NEVER_CHANGES)?, open(IN_USE[0])?, open(IN_USE[1])?];
        for in_use in lasting.iter().skip(1) {
            ensure!(in_use.server() == site::REAL[0], "a connection to {}", in_use.server());
        }
        let clients = Clients::start(site, LOAD_INTERVAL, CONTROL_INTERVAL, PATIENCE)?;
        Ok(Self {
            site,
            subject,
            trace,
            clients,
            lasting,
            configuration,
            rough: 0,
            needless: 0,
            left: BTreeSet::new(),
            _webs: [web1, web2],
            web3: Some(web3),
        })
    }

    fn dead(&self) -> Vec<u8> {
        if self.web3.is_some() { Vec::new() } else { vec![63] }
    }

    /// Waits until both directors have the same table, and the one that the configuration ends in. From keepalived it is
    /// asked for as far as its reloads lead there.
    fn settled(&mut self) -> Result<SavedTable> {
        let is_ours = self.subject.software() == Software::Holdfast;
        let patience = if is_ours { PATIENCE } else { PATIENCE_WITH_KEEPALIVED };
        let (mut seen, mut differs) = (None, String::new());
        let outcome = wait::until("the same table", patience, || {
            match self.compared() {
                Ok(table) => seen = Some(table),
                Err(problem) => {
                    differs = format!("{problem:#}");
                    // A look costs two programs, and there is one processor for everything.
                    std::thread::sleep(LOOK_INTERVAL);
                }
            }
            seen.is_some()
        });
        if outcome.is_err() && !is_ours {
            let [first, second] = self.site.directors.each_ref().map(SavedTable::of);
            let (own, other) = (first?, second?);
            let shared: BTreeSet<&String> = own.shared_with(&other).collect();
            let names = own.0.keys().chain(other.0.keys());
            let left: Vec<&String> = names.filter(|name| !shared.contains(name)).collect();
            ensure!(!left.is_empty(), "keepalived's own start leads elsewhere: {differs}");
            println!("keepalived's reload leads elsewhere: {differs}");
            self.left.extend(left.into_iter().cloned());
            return self.compared();
        }
        outcome.context(differs)?;
        seen.context("no table")
    }

    fn compared(&self) -> Result<SavedTable> {
        let table = |node| -> Result<SavedTable> {
            let mut table = SavedTable::of(node)?;
            table.0.retain(|name, _| !self.left.contains(name));
            Ok(table)
        };
        let [first, second] = &self.site.directors;
        let own = table(first)?;
        let problem = self.configuration.differs(&own, &self.dead(), &self.left);
        ensure!(problem.is_none(), problem.unwrap_or_default());
        let other = table(second)?;
        ensure!(own == other, "{own:?}\nand a fresh start has\n{other:?}");
        Ok(own)
    }

    /// The third server dies or comes back.
    fn turn_web3(&mut self) -> Result<()> {
        match self.web3.take() {
            Some(web) => web.stop()?,
            None => self.web3 = Some(Web::start(&self.site.servers[2])?),
        }
        self.settled().map(drop)
    }

    /// One reload, with all that must be true of it.
    fn step(&mut self, next: Configuration) -> Result<Step> {
        let [first, second] = &self.site.directors;
        let mut before = SavedTable::of(first)?;
        let unchanged = self.configuration.unchanged_in(&next);
        self.configuration = next;
        let asked = self.subject.reload(&self.configuration.text())?;
        let _fresh = fresh(second, &self.configuration)?;
        let after = self.settled()?;
        before.0.retain(|name, _| !self.left.contains(name));
        let mut requests = self.trace.requests_since(asked);
        requests.retain(|request| !self.left.contains(&request.service));
        let way = before.ensure_way(&after, &requests);
        let touched = requests.iter().find(|request| unchanged.contains(&request.service));
        if self.subject.software() == Software::Holdfast {
            way?;
            ensure!(touched.is_none(), "{touched:?}, and nothing changed there");
        } else {
            self.rough += usize::from(way.is_err());
            self.needless += usize::from(touched.is_some());
        }
        for lasting in &mut self.lasting {
            lasting.ask()?;
        }
        let clients = self.clients.since(asked);
        clients.ensure()?;
        Ok(Step {
            changes: requests.len(),
            requests: clients.protocol.attempts.len(),
            excused: clients.excused,
        })
    }
}

fn chain(software: Software, steps: usize) -> Result<()> {
    site::load_modules()?;
    for seed in seeds(1) {
        let mut chance = Chance::new(seed);
        let site = Site::new(Forwarding::Dr)?;
        let configuration = Configuration::new(&mut chance);
        let mut chain = Chain::start(&site, software, configuration.clone())?;
        let mut next = configuration;
        let mut sum = Step::default();
        for step in 1..=steps {
            let former = next.text();
            next.change(&mut chance);
            let about = || format!("seed {seed}, reload {step}, from\n{former}\nto\n{}", next.text());
            let done = chain.step(next.clone()).with_context(about)?;
            sum.changes += done.changes;
            sum.requests += done.requests;
            sum.excused += done.excused;
            if step % STEPS_OF_A_LIFE == 0 {
                // The director that was started last is gone with its step.
                let _fresh = fresh(&site.directors[1], &next)?;
                chain.turn_web3().with_context(about)?;
            }
        }
        figures::report_text(&format!(
            "{software}, seed {seed}: {steps} reloads with {} changes of the table; {} requests of an unchanged service, {} slow ones \
             while the guest stood still, no other failed; reloads that left a service without a server for a moment: {}, that \
             touched one without need: {}; services that were left otherwise than a start makes them: {:?}",
            sum.changes, sum.requests, sum.excused, chain.rough, chain.needless, chain.left
        ));
    }
    Ok(())
}

#[test]
#[ignore = "needs a guest: cargo xtask test guest"]
fn a_chain_of_reloads() -> Result<()> {
    chain(Software::Holdfast, STEPS)
}

#[test]
#[ignore = "needs a guest: cargo xtask test guest"]
fn a_chain_of_reloads_of_keepalived() -> Result<()> {
    chain(Software::Keepalived, STEPS_OF_KEEPALIVED)
}
