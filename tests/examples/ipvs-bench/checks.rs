//! Many checks a second, some servers of which hang: whether the others are asked in time, and what it costs.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, ensure};
use bed::daemon::{Daemon, Role, Software};
use bed::figures::{Table, quantile};
use bed::usage::{memory, processor_time};

use crate::farm::{Death, Farm, Manner, ms_between, phase};
use crate::kernel::{PORT, server_address};
use crate::site::{Check, Configuration, all_memory, all_processor_time, all_threads, node, processes};

/// Servers of one service. The first 80 of each 100 have a `TCP_CHECK`, the others an `HTTP_GET`.
const SERVERS: usize = 100;
const TCP_SERVERS: usize = 80;
/// The last ones of each kind that hang: 8 of 100 in all.
const HUNG_TCP: usize = 6;
const HUNG_HTTP: usize = 2;
/// In each service so many healthy servers die.
const DYING: usize = 2;

/// Every healthy server is asked once a second.
const PERIOD_MS: f64 = 1_000.0;
const SETTLE: Duration = Duration::from_secs(12);
const WINDOW: Duration = Duration::from_secs(20);
/// In which time all that die are killed, and how long they may stay unnoticed before the bench gives up.
const DYING_TIME: Duration = Duration::from_secs(6);
const LIMIT: Duration = Duration::from_secs(30);

/// How many servers there are.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    services: usize,
}

impl Size {
    /// 2000 `TCP_CHECK` and 500 `HTTP_GET` a second, 200 hung ones among them.
    pub const WHOLE: Self = Self { services: 25 };
    /// A fifth of it: what keepalived can do in an emulated machine.
    pub const FIFTH: Self = Self { services: 5 };

    const fn servers(self) -> usize {
        self.services * SERVERS
    }
}

fn check_of(server: usize) -> Check {
    if server < TCP_SERVERS { Check::Tcp } else { Check::Http }
}

fn manner_of(server: usize) -> Manner {
    match check_of(server) {
        Check::Tcp if server >= TCP_SERVERS - HUNG_TCP => Manner::Silent,
        Check::Tcp | Check::None => Manner::Accept,
        Check::Http if server >= SERVERS - HUNG_HTTP => Manner::Hang,
        Check::Http => Manner::Answer,
    }
}

fn is_healthy(server: usize) -> bool {
    matches!(manner_of(server), Manner::Accept | Manner::Answer)
}

pub fn measure(table: &mut Table, size: Size, programs: &[Software]) -> Result<()> {
    for software in programs {
        one(table, *software, size).with_context(|| format!("{software}, {} servers", size.servers()))?;
    }
    Ok(())
}

fn one(table: &mut Table, software: Software, size: Size) -> Result<()> {
    let node = node()?;
    let all = (0..size.services).flat_map(|service| (0..SERVERS).map(move |server| (service, server)));
    let servers = all.clone().map(|(service, server)| {
        let address = SocketAddr::new(IpAddr::V4(server_address(service, server)), PORT);
        (address, manner_of(server))
    });
    let farm = Farm::start(&node, servers.collect())?;
    let configuration = Configuration {
        services: size.services,
        servers: SERVERS,
        delay_loop_s: 1,
        check: &|_, server| check_of(server),
        weight: &|_, _| 1,
    };
    let daemon = Daemon::start(software, &node, &configuration.text())?.quiet();
    let checker = daemon.wait_for_role(Role::Checker, None, LIMIT)?;
    std::thread::sleep(SETTLE);

    let healthy: Vec<usize> = all
        .clone()
        .enumerate()
        .filter(|(_, (_, server))| is_healthy(*server))
        .map(|(index, _)| index)
        .collect();
    let of = format!(
        "{} servers, {} of them hung",
        size.servers(),
        size.servers() - healthy.len()
    );
    farm.take_arrivals()?;
    let since = Instant::now();
    let before = (processor_time(checker)?, all_processor_time(&daemon));
    std::thread::sleep(WINDOW);
    let used = (
        processor_time(checker)?.saturating_sub(before.0),
        all_processor_time(&daemon).saturating_sub(before.1),
    );
    let length = since.elapsed();
    let arrivals = farm.take_arrivals()?;
    let mut enter = |what: &str, unit, value| table.enter(&format!("{of}: {what}"), unit, software, value);

    let intervals = Intervals::of(healthy.iter().filter_map(|index| arrivals.get(*index)));
    let asked: usize = arrivals.iter().map(Vec::len).sum();
    enter(
        "checks of healthy ones, of those wanted",
        "%",
        intervals.share(healthy.len(), length),
    );
    for (name, part) in [("p50", 0.5), ("p99", 0.99), ("max", 1.0)] {
        enter(
            &format!("from check to check, beyond 1 s: {name}"),
            "ms",
            quantile(&intervals.excess_ms, part),
        );
    }
    enter("processor, checker", "% of one", share(used.0, length) * 100.0);
    enter("processor, all processes", "% of one", share(used.1, length) * 100.0);
    enter(
        "processor for 1000 checks seen",
        "ms",
        used.1.as_secs_f64() * 1e6 / count(asked.max(1)),
    );
    enter("memory (PSS), checker", "MiB", memory(checker)?.proportional_mib);
    enter("memory (PSS), all processes", "MiB", all_memory(&daemon)?);
    enter("processes", "", count(processes(&daemon).len()));
    enter("threads", "", count(all_threads(&daemon)));

    let noticed = deaths(&farm, &daemon, size)?;
    for (name, part) in [("min", 0.0), ("median", 0.5), ("p90", 0.9), ("max", 1.0)] {
        enter(
            &format!(
                "death of a healthy one to its removal: {name} of {}",
                noticed.times_ms.len()
            ),
            "ms",
            quantile(&noticed.times_ms, part),
        );
    }
    enter("healthy ones taken out for nothing", "", count(noticed.wrong));
    enter(
        "said that it cannot keep up",
        "lines",
        count(lines_about_lateness(&daemon)),
    );
    Ok(())
}

struct Noticed {
    times_ms: Vec<f64>,
    wrong: usize,
}

/// Kills some healthy servers and reads in the log when they are removed: the table is changed right before.
fn deaths(farm: &Farm, daemon: &Daemon<'_>, size: Size) -> Result<Noticed> {
    let dying: Vec<(usize, usize)> = (0..size.services)
        .flat_map(|service| (0..DYING).map(move |which| (service, which * TCP_SERVERS)))
        .collect();
    let begin = (Instant::now(), SystemTime::now());
    let mut dead = Vec::new();
    let due = dying
        .iter()
        .enumerate()
        .map(|(number, server)| (phase(number, DYING_TIME), *server));
    let mut due: Vec<_> = due.collect();
    due.sort_unstable();
    for (after, (service, server)) in due {
        std::thread::sleep(after.saturating_sub(begin.0.elapsed()));
        let when = farm.kill(service * SERVERS + server, Death::Refusing)?;
        dead.push((server_address(service, server), when));
    }
    let removed = |address| {
        let text = format!("Removing service [{address}]:");
        move |line: &bed::node::LogLine| line.text.contains(&text)
    };
    let mut times_ms = Vec::new();
    for (address, death) in &dead {
        let when = daemon
            .process()
            .log()
            .wait_for(&format!("{address} to be removed"), LIMIT, removed(*address))?
            .when;
        let when = begin.0 + when.duration_since(begin.1).unwrap_or_default();
        times_ms.push(ms_between(*death, when));
    }
    times_ms.sort_by(f64::total_cmp);
    let of_dead: BTreeSet<_> = dead.iter().map(|(address, _)| *address).collect();
    let healthy = (0..size.services)
        .flat_map(|service| {
            (0..SERVERS)
                .filter(|server| is_healthy(*server))
                .map(move |server| server_address(service, server))
        })
        .filter(|address| !of_dead.contains(address));
    let lines = daemon.process().log().all();
    let said: BTreeSet<String> = lines
        .iter()
        .filter_map(|line| {
            Some(
                line.text
                    .split_once("Removing service [")?
                    .1
                    .split_once(']')?
                    .0
                    .to_owned(),
            )
        })
        .collect();
    ensure!(said.len() >= dead.len(), "the log says nothing of removals");
    let wrong = healthy.filter(|address| said.contains(&address.to_string())).count();
    Ok(Noticed { times_ms, wrong })
}

fn lines_about_lateness(daemon: &Daemon<'_>) -> usize {
    let lines = daemon.process().log().all();
    lines.iter().filter(|line| line.text.contains("cannot keep up")).count()
}

/// From one check of a server to the next.
struct Intervals {
    excess_ms: Vec<f64>,
    checks: usize,
}

impl Intervals {
    fn of<'a>(servers: impl Iterator<Item = &'a Vec<Instant>>) -> Self {
        let (mut excess_ms, mut checks) = (Vec::new(), 0);
        for arrivals in servers {
            checks += arrivals.len();
            let pairs = arrivals.iter().zip(arrivals.iter().skip(1));
            excess_ms.extend(pairs.map(|(one, next)| ms_between(*one, *next) - PERIOD_MS));
        }
        excess_ms.sort_by(f64::total_cmp);
        Self { excess_ms, checks }
    }

    /// How many of the checks that were wanted were made, in percent.
    fn share(&self, servers: usize, length: Duration) -> f64 {
        count(self.checks) / (count(servers) * length.as_secs_f64()) * 100.0
    }
}

fn share(used: Duration, length: Duration) -> f64 {
    used.as_secs_f64() / length.as_secs_f64()
}

#[allow(clippy::cast_precision_loss)] // for people
fn count(number: usize) -> f64 {
    number as f64
}
