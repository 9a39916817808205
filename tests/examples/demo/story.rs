//! What is done to the site, and what should come of it.

use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, bail, ensure};
use bed::client::Load;
use bed::daemon::{Daemon, Software};
use bed::node::Node;
use bed::site::{Options, REAL, SORRY, Site};
use bed::wait::seconds_between;
use bed::web::Web;

use crate::report::{Report, Step};
use crate::screen::{Screen, master, table};

/// How often a client begins a connection.
const REQUEST_INTERVAL: Duration = Duration::from_millis(25);
/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(25);
/// How often the screen is redrawn.
const REDRAW_INTERVAL: Duration = Duration::from_millis(400);
/// Undisturbed service for this long ends a step.
const UNDISTURBED: Duration = Duration::from_secs(2);

const BETTER: u8 = 150;
const OTHER: u8 = 100;

/// The demonstration while it goes on.
#[derive(Debug)]
pub struct Story<'a> {
    site: &'a Site,
    screen: &'a Screen,
    load: Load,
    told: Vec<String>,
    report: Report,
}

/// Loads what network namespaces must find when they are made.
pub fn load_modules() -> Result<()> {
    for module in ["ip_vs", "ip_vs_rr", "ipip"] {
        let outcome = std::process::Command::new("modprobe")
            .arg(module)
            .status()
            .context("modprobe")?;
        ensure!(
            outcome.success(),
            "this kernel has no {module}: start it with cargo xtask demo"
        );
    }
    Ok(())
}

fn configuration(site: &Site, priority: u8) -> String {
    // As in the tutorial the pair comes from: whoever is master stays master.
    site.configuration(&Options {
        priority,
        ..Options::default()
    })
    .replacen("state BACKUP\n", "state BACKUP\n    nopreempt\n", 1)
}

impl<'a> Story<'a> {
    /// Tells it from beginning to end.
    pub fn tell(site: &'a Site, screen: &'a Screen) -> Result<Report> {
        let mut webs = Webs::start(site)?;
        let [first, second] = &site.directors;
        let load = Load::start(&site.client, site.target(), REQUEST_INTERVAL)?;
        let report = Report {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            configuration: configuration(site, BETTER),
            request_interval_ms: u64::try_from(REQUEST_INTERVAL.as_millis())?,
            steps: Vec::new(),
        };
        let mut story = Self {
            site,
            screen,
            load,
            told: Vec::new(),
            report,
        };
        let start = |director, priority| {
            Daemon::start(Software::Holdfast, director, &configuration(site, priority)).map(Daemon::quiet)
        };

        let mut better = None;
        let mut other = None;
        story.step(
            "start both directors",
            "director1 is master, both servers answer",
            first,
            &REAL,
            || {
                better = Some(start(first, BETTER)?);
                other = Some(start(second, OTHER)?);
                Ok(())
            },
        )?;
        story.step(
            "kill the web server on web1",
            "weight 0, web2 answers alone",
            first,
            &REAL[1..],
            || webs.stop(0),
        )?;
        story.step("start it again", "weight 1, both answer", first, &REAL, || {
            webs.restart(site, 0)
        })?;
        story.step(
            "kill both web servers",
            "the sorry server answers",
            first,
            &[SORRY],
            || {
                webs.stop(0)?;
                webs.stop(1)
            },
        )?;
        story.step("start both again", "both answer", first, &REAL, || {
            webs.restart(site, 0)?;
            webs.restart(site, 1)
        })?;
        story.step(
            "pull director1's cable and kill -9 it",
            "director2 is master",
            second,
            &REAL,
            || {
                site.network.pull(&site.director_port)?;
                let killed = better.take().context("director1 is not running")?;
                killed.kill().map(drop)
            },
        )?;
        story.step(
            "bring director1 back",
            "director2 stays master (nopreempt)",
            second,
            &REAL,
            || {
                better = Some(start(first, BETTER)?);
                site.network.put_back(&site.director_port)
            },
        )?;
        story.step("stop director2 (SIGTERM)", "director1 is master", first, &REAL, || {
            let stopped = other.take().context("director2 is not running")?;
            stopped.stop().map(drop)
        })?;
        Ok(story.report)
    }

    /// Does something, waits until `holder` is master and exactly `servers` answer, and writes down what clients saw.
    fn step(
        &mut self,
        what: &str,
        expected: &str,
        holder: &Node,
        servers: &[&str],
        deed: impl FnOnce() -> Result<()>,
    ) -> Result<()> {
        let begin = SystemTime::now();
        self.screen.show(self.site, &self.load, &self.told, what);
        deed().with_context(|| what.to_owned())?;
        let outcome = self.wait_for_service(begin, holder, servers, what);
        let settled = outcome.as_ref().copied().unwrap_or_else(|_| SystemTime::now());
        let protocol = self.load.since(begin);
        let master = master(self.site);
        let step = Step {
            what: what.to_owned(),
            expected: expected.to_owned(),
            worked: outcome.is_ok(),
            problem: outcome.err().map(|problem| format!("{problem:#}")),
            took_ms: seconds_between(begin, settled) * 1000.0,
            outage_ms: protocol.outage() * 1000.0,
            answers: protocol
                .servers()
                .into_iter()
                .map(|(server, count)| (server.to_owned(), count))
                .collect(),
            failed: protocol.failures().len(),
            master: master.map(|node| node.name().to_owned()),
            table: master.map(table).unwrap_or_default(),
        };
        let mark = if step.worked { "ok    " } else { "FAILED" };
        let line = format!("{mark} {what}: {expected}; outage {:.0} ms", step.outage_ms);
        self.screen.step_done(self.site, &self.load, &line);
        self.told.push(line);
        self.report.steps.push(step);
        Ok(())
    }

    /// Waits until service is as it should be and stays so; returns since when it is.
    fn wait_for_service(&self, begin: SystemTime, holder: &Node, servers: &[&str], doing: &str) -> Result<SystemTime> {
        let limit = Instant::now() + PATIENCE;
        let mut good_since: Option<SystemTime> = None;
        let mut problem = String::new();
        while Instant::now() < limit {
            // The rhythm of the screen, not a wait for luck: each round looks at what has come.
            std::thread::sleep(REDRAW_INTERVAL);
            self.screen.show(self.site, &self.load, &self.told, doing);
            let since = good_since.unwrap_or_else(|| begin.max(SystemTime::now() - REDRAW_INTERVAL * 2));
            match self.problem_since(since, holder, servers) {
                Some(found) => {
                    problem = found;
                    good_since = None;
                }
                None if seconds_between(since, SystemTime::now()) > UNDISTURBED.as_secs_f64() => return Ok(since),
                None => good_since = Some(since),
            }
        }
        bail!("{problem}")
    }

    /// What is not as it should be since a moment.
    fn problem_since(&self, since: SystemTime, holder: &Node, servers: &[&str]) -> Option<String> {
        if !holder.has(self.site.virtual_address()) {
            return Some(format!("{} does not hold the virtual address", holder.name()));
        }
        let protocol = self.load.since(since);
        if let Some(failed) = protocol.failures().first() {
            return Some(format!("a request failed: {:?}", failed.outcome));
        }
        let answering: Vec<&str> = protocol.servers().into_keys().collect();
        (answering != servers).then(|| format!("{answering:?} answer, and should be {servers:?}"))
    }
}

/// The web servers, of which some may be down.
#[derive(Debug)]
struct Webs([Option<Web>; 3]);

impl Webs {
    fn start(site: &Site) -> Result<Self> {
        Ok(Self(site.start_webs()?.map(Some)))
    }

    fn stop(&mut self, number: usize) -> Result<()> {
        let web = self
            .0
            .get_mut(number)
            .and_then(Option::take)
            .context("no such web server runs")?;
        web.stop()
    }

    fn restart(&mut self, site: &Site, number: usize) -> Result<()> {
        let (slot, node) = self
            .0
            .get_mut(number)
            .zip(site.servers.get(number))
            .context("no such web server")?;
        *slot = Some(Web::start(node)?);
        Ok(())
    }
}
