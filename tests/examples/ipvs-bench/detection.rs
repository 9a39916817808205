//! How long it takes from the death of a server until it is out of the kernel's table.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bed::daemon::{Daemon, Software};
use bed::figures::{Table, quantile};
use holdfast_ipvs::Kernel;

use crate::BOTH;
use crate::farm::{Death, Farm, Manner, ms_between, phase};
use crate::kernel::{PORT, destination_key, open, server_address, service_key, wait_for_all};
use crate::site::{Check, Configuration, node};

const SERVERS: usize = 40;
const PATIENCE: Duration = Duration::from_mins(1);
/// From one death to the next, on average.
const GAP: Duration = Duration::from_millis(200);
/// All of them are noticed within this time, or the bench fails.
const LIMIT: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(2);
/// Until every server was asked a few times.
const SETTLE: Duration = Duration::from_secs(4);

pub fn measure(table: &mut Table) -> Result<()> {
    for (check, check_name) in [(Check::Tcp, "TCP_CHECK"), (Check::Http, "HTTP_GET")] {
        for (death, death_name) in [(Death::Refusing, "refused"), (Death::Silent, "silent")] {
            for software in BOTH {
                let mut times = one(software, check, death).with_context(|| format!("{software}, {check_name}"))?;
                times.sort_by(f64::total_cmp);
                for (name, part) in [("min", 0.0), ("median", 0.5), ("p90", 0.9), ("max", 1.0)] {
                    let what = format!("{check_name}, {death_name}: {name} of {}", times.len());
                    table.enter(&what, "ms", software, quantile(&times, part));
                }
            }
        }
    }
    Ok(())
}

/// Kills all servers of a service, one after the other; how long each stayed in the table, in milliseconds.
fn one(software: Software, check: Check, death: Death) -> Result<Vec<f64>> {
    let node = node()?;
    let manner = if check == Check::Tcp {
        Manner::Accept
    } else {
        Manner::Answer
    };
    let servers = (0..SERVERS).map(|server| (SocketAddr::new(IpAddr::V4(server_address(0, server)), PORT), manner));
    let farm = Farm::start(&node, servers.collect())?;
    let mut kernel = open(&node)?;
    let configuration = Configuration {
        services: 1,
        servers: SERVERS,
        delay_loop_s: 1,
        check: &|_, _| check,
        weight: &|_, _| 1,
    };
    let _daemon = Daemon::start(software, &node, &configuration.text())?.quiet();
    wait_for_all(&mut kernel, 1, |_| vec![1; SERVERS], PATIENCE)?;
    std::thread::sleep(SETTLE);
    let begin = Instant::now();
    let mut deaths: Vec<Option<Instant>> = vec![None; SERVERS];
    let mut gone: Vec<Option<Instant>> = vec![None; SERVERS];
    while gone.iter().any(Option::is_none) {
        ensure!(begin.elapsed() < GAP * 40 + LIMIT, "not all deaths were noticed");
        let next = deaths.iter_mut().enumerate().find(|(_, death)| death.is_none());
        if let Some((server, moment)) = next.filter(|(server, _)| begin.elapsed() >= due(*server)) {
            *moment = Some(farm.kill(server, death)?);
        }
        note_gone(&mut kernel, 0, &deaths, &mut gone)?;
        std::thread::sleep(POLL);
    }
    let times = deaths
        .into_iter()
        .zip(gone)
        .filter_map(|(death, gone)| Some(ms_between(death?, gone?)));
    Ok(times.collect())
}

/// When a server dies: in each part of a second as often as in any other.
fn due(server: usize) -> Duration {
    GAP * u32::try_from(server).unwrap_or(0) + phase(server, GAP)
}

/// Looks which servers are out of the table, or have weight 0 there. One that nobody killed must not be.
fn note_gone(
    kernel: &mut Kernel,
    service: usize,
    deaths: &[Option<Instant>],
    gone: &mut [Option<Instant>],
) -> Result<()> {
    let entry = kernel.service(&service_key(service))?.context("the service is gone")?;
    let now = Instant::now();
    for (server, (death, gone)) in deaths.iter().zip(gone).enumerate() {
        let serves = entry
            .destinations
            .get(&destination_key(service, server))
            .is_some_and(|it| it.weight > 0);
        if !serves && gone.is_none() {
            ensure!(
                death.is_some(),
                "server {server} is out of the table, and nothing was wrong with it"
            );
            *gone = Some(now);
        }
    }
    Ok(())
}
