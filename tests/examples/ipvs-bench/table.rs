//! Start, reload and stop with a large table.

use std::fmt::Write as _;
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use bed::daemon::{Daemon, Software};
use bed::figures::{Table, quantile};
use bed::node::Node;
use holdfast_ipvs::Kernel;
use nix::sys::signal::Signal;

use crate::BOTH;
use crate::farm::{Farm, Manner, ms_between};
use crate::kernel::{PORT, open, server_address, service_address, wait_for_all, wait_for_none};
use crate::site::{Check, Configuration, all_memory, all_processor_time, node, wait_until_idle};

const SERVICES: usize = 500;
const SERVERS: usize = 20;
/// Each round in a node of its own: the kernel keeps removed destinations for two minutes, and walks them for each new one.
pub const ROUNDS: usize = 3;
/// Where nobody is checked in the time of the bench; a wait of days is one, too.
const DELAY_LOOP_S: u32 = 3_600;
const PATIENCE: Duration = Duration::from_mins(2);
/// After that nobody holds for a moment longer what a reload took.
const REST: Duration = Duration::from_secs(15);
const STOP_LIMIT: Duration = Duration::from_secs(20);

/// The weight of a real server of a service.
type Weight = fn(usize, usize) -> u32;

/// Which weights a real server has, one configuration after the other.
const STEPS: [(&str, Weight); 4] = [
    ("start", |_, _| 1),
    ("reload, nothing changed", |_, _| 1),
    ("reload, one weight changed", |service, server| {
        if service == SERVICES - 1 && server == SERVERS - 1 {
            2
        } else {
            1
        }
    }),
    ("reload, 10 % of the weights changed", |service, server| {
        if server % 10 == 9 && (service, server) != (SERVICES - 1, SERVERS - 1) {
            3
        } else if server % 10 == 9 {
            4
        } else {
            1
        }
    }),
];

/// What came of each round: name, unit and figure.
type Figures = Vec<(String, &'static str, f64)>;

pub fn measure(table: &mut Table, count: usize) -> Result<()> {
    for check in [Check::None, Check::Tcp] {
        for software in BOTH {
            let mut rounds = Vec::new();
            for _ in 0..count {
                rounds.push(one(software, check).with_context(|| format!("{software}, {check:?}"))?);
            }
            enter_medians(table, software, &rounds);
        }
    }
    let mut floors = Vec::new();
    for _ in 0..count {
        floors.push(restored()?);
    }
    floors.sort_by(f64::total_cmp);
    table.note(&format!("ipvsadm-restore: start: {:.0} ms", quantile(&floors, 0.5)));
    Ok(())
}

fn enter_medians(table: &mut Table, software: Software, rounds: &[Figures]) {
    for (place, (what, unit, _)) in rounds.first().into_iter().flatten().enumerate() {
        let mut figures: Vec<f64> = rounds.iter().filter_map(|round| Some(round.get(place)?.2)).collect();
        figures.sort_by(f64::total_cmp);
        table.enter(what, unit, software, quantile(&figures, 0.5));
    }
}

fn configuration(check: Check, weight: Weight) -> String {
    let configuration = Configuration {
        services: SERVICES,
        servers: SERVERS,
        delay_loop_s: DELAY_LOOP_S,
        check: &|_, _| check,
        weight: &weight,
    };
    configuration.text()
}

fn weights(weight: Weight, service: usize) -> Vec<u32> {
    (0..SERVERS).map(|server| weight(service, server)).collect()
}

fn one(software: Software, check: Check) -> Result<Figures> {
    let node = node()?;
    let any = SocketAddr::new(IpAddr::from([0; 4]), PORT);
    let _farm = Farm::start(&node, vec![(any, Manner::Accept)])?;
    let mut kernel = open(&node)?;
    let with = if check == Check::None {
        "without checks"
    } else {
        "with TCP_CHECK"
    };
    let mut figures = Figures::new();
    let mut daemon: Option<Daemon<'_>> = None;
    for (name, weight) in STEPS {
        let text = configuration(check, weight);
        let used = daemon.as_ref().map_or(Duration::ZERO, all_processor_time);
        let since = Instant::now();
        match &daemon {
            None => daemon = Some(Daemon::start(software, &node, &text)?.quiet()),
            Some(daemon) => drop(daemon.reload(&text)?),
        }
        let daemon = daemon.as_ref().context("no daemon")?;
        let right = wait_for_all(&mut kernel, SERVICES, |service| weights(weight, service), PATIENCE)?;
        let idle = wait_until_idle(daemon, PATIENCE);
        let used = all_processor_time(daemon).saturating_sub(used);
        let mut figure = |what: &str, unit, value| figures.push((format!("{with}: {name}: {what}"), unit, value));
        if !name.ends_with("nothing changed") {
            figure("until the table is right", "ms", ms_between(since, right));
        }
        figure("until there is nothing more to do", "ms", ms_between(since, idle));
        figure("processor, all processes", "ms", used.as_secs_f64() * 1e3);
        figure("memory (PSS) then, all processes", "MiB", all_memory(daemon)?);
    }
    if let Some(daemon) = daemon {
        std::thread::sleep(REST);
        let memory = all_memory(&daemon)?;
        figures.push((
            format!("{with}: at rest after three reloads: memory (PSS), all processes"),
            "MiB",
            memory,
        ));
        figures.extend(stop(&daemon, &mut kernel, with)?);
    }
    Ok(figures)
}

fn stop(daemon: &Daemon<'_>, kernel: &mut Kernel, with: &str) -> Result<Figures> {
    let since = Instant::now();
    daemon.process().signal(Signal::SIGTERM)?;
    // keepalived kills a checker that takes more than five seconds: then services are left.
    let empty = wait_for_none(kernel, SERVICES, STOP_LIMIT).ok();
    daemon.process().wait(PATIENCE)?;
    let ended = Instant::now();
    let figure = |what: &str, unit, value| (format!("{with}: stop: {what}"), unit, value);
    Ok(vec![
        figure(
            "until the table is empty",
            "ms",
            empty.map_or(f64::NAN, |empty| ms_between(since, empty)),
        ),
        figure("until it has ended", "ms", ms_between(since, ended)),
        figure("services left", "", count(kernel.table()?.services.len())),
    ])
}

#[allow(clippy::cast_precision_loss)] // for people
fn count(number: usize) -> f64 {
    number as f64
}

/// The same table from ipvsadm's own form.
fn restored() -> Result<f64> {
    const RULES: &str = "/run/rules";
    let node = node()?;
    let mut kernel = open(&node)?;
    write_rules(&node, RULES)?;
    let since = Instant::now();
    node.run("sh", &["-c", &format!("ipvsadm-restore < {RULES}")])?;
    let right = wait_for_all(&mut kernel, SERVICES, |_| vec![1; SERVERS], PATIENCE)?;
    Ok(ms_between(since, right))
}

fn write_rules(node: &Node, path: &str) -> Result<()> {
    let mut text = String::new();
    for service in 0..SERVICES {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "-A -t {}:{PORT} -s rr", service_address(service));
        for server in 0..SERVERS {
            let (service, server) = (service_address(service), server_address(service, server));
            let _ = writeln!(text, "-a -t {service}:{PORT} -r {server}:{PORT} -m -w 1");
        }
    }
    fs::write(node.path(path), text).context("writing rules")
}
