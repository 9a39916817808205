//! A chain of reloads with whatever a configuration of services may change, under traffic, on a real IPVS: in a guest,
//! started by `cargo xtask test guest`.

mod generate;

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

use generate::Configuration;

/// A round of checks with its retries, in a busy guest.
const PATIENCE: Duration = Duration::from_mins(1);

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
    lasting: [Lasting; 2],
    configuration: Configuration,
    /// Reloads that left a service without a server on the way.
    rough: usize,
    /// Reloads that touched a service in which nothing changed.
    needless: usize,
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
        let addresses = [200, 201].map(|last| format!("192.168.0.{last}"));
        director.ip(&addresses.each_ref().map(|it| format!("address add {it}/32 dev eth0")))?;
        for server in &site.servers {
            server.ip(&[format!("address add {}/32 dev lo", addresses[1])])?;
        }
        let trace = Trace::of(director)?;
        let subject = Daemon::start(software, director, &configuration.text())?;
        let mut seen = String::new();
        let outcome = wait::until("the first table", PATIENCE, || {
            let Ok(table) = SavedTable::of(director) else {
                return false;
            };
            configuration
                .differs(&table, &[])
                .map(|problem| seen = problem)
                .is_none()
        });
        outcome.with_context(|| seen.clone())?;
        let target = |text: &str| -> Result<SocketAddr> { Ok(SocketAddr::new(text.parse()?, 80)) };
        let lasting = [
            Lasting::open(&site.client, target(&addresses[0])?)?,
            Lasting::open(&site.client, target(&addresses[1])?)?,
        ];
        ensure!(
            lasting[1].server() == site::REAL[0],
            "a connection to {}",
            lasting[1].server()
        );
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
            _webs: [web1, web2],
            web3: Some(web3),
        })
    }

    fn dead(&self) -> Vec<u8> {
        if self.web3.is_some() { Vec::new() } else { vec![63] }
    }

    /// Waits until both directors have the same table, and the one that the configuration ends in.
    fn settled(&self) -> Result<SavedTable> {
        let [first, second] = &self.site.directors;
        let (mut seen, mut differs) = (None, String::new());
        let outcome = wait::until("the same table", PATIENCE, || {
            match self.compared(first, second) {
                Ok(table) => seen = Some(table),
                Err(problem) => {
                    differs = format!("{problem:#}");
                    // A look costs two programs, and there is one processor for everything.
                    std::thread::sleep(LOOK_INTERVAL);
                }
            }
            seen.is_some()
        });
        outcome.context(differs)?;
        seen.context("no table")
    }

    fn compared(&self, first: &Node, second: &Node) -> Result<SavedTable> {
        let own = SavedTable::of(first)?;
        let problem = self.configuration.differs(&own, &self.dead());
        ensure!(problem.is_none(), problem.unwrap_or_default());
        let other = SavedTable::of(second)?;
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
        let before = SavedTable::of(first)?;
        let unchanged = self.configuration.unchanged_in(&next);
        self.configuration = next;
        let asked = self.subject.reload(&self.configuration.text())?;
        let _fresh = fresh(second, &self.configuration)?;
        let after = self.settled()?;
        let requests = self.trace.requests_since(asked);
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
             touched one without need: {}",
            sum.changes, sum.requests, sum.excused, chain.rough, chain.needless
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
