//! Other programs that take away what the director has put in.

use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use anyhow::{Result, ensure};
use bed::daemon::{Daemon, Role, Software};
use bed::onlooker::{Onlooker, Packet};
use bed::wait;
use nix::sys::signal::{Signal, kill};

use crate::bench::{Bench, Story, TAKEOVER, is_master};
use crate::configurations::Configuration;
use crate::tables;

/// Longest wait before something is put back that was removed for the first time.
const AT_ONCE: Duration = Duration::from_millis(700);

/// Between the first and the second time.
const SECOND_WAIT: Duration = Duration::from_secs(1);

/// Clocks are read at different moments.
const EARLINESS: f64 = 0.02;

/// What is removed, and what the log calls it.
const THEFTS: &[(&str, &str)] = &[
    ("route del 10.2.0.0/16 table 100", "route 10.2.0.0/16"),
    ("address del 192.0.2.201/32 dev eth0", "192.0.2.201"),
    (
        "address del 198.51.100.78/32 dev eth1",
        "static address 198.51.100.78/32",
    ),
    ("route del 203.0.113.16/28 table 77", "static route 203.0.113.16/28"),
    ("rule del preference 701", "static rule"),
];

/// Removes one thing after the other. Each time the tables become what they were, and Holdfast stays master.
pub(crate) fn what_is_stolen_comes_back(software: Software) -> Result<Story> {
    let bench = Bench::new()?;
    let onlooker = Onlooker::of(&bench.network)?;
    let daemon = Daemon::start(software, &bench.director, &Configuration::ALL.text())?;
    let mut story = Story::default();
    let whole = story.tell(&bench, "master", is_master)?;
    let stolen = SystemTime::now();
    for (theft, name) in THEFTS {
        let since = SystemTime::now();
        let arguments: Vec<&str> = theft.split(' ').collect();
        bench.director.run("ip", &arguments)?;
        let is_ours = software == Software::Holdfast;
        let bound = if is_ours { AT_ONCE } else { TAKEOVER };
        wait::until(theft, bound, || {
            tables::read(&bench.director).is_ok_and(|now| tables::difference(&whole, &now).is_empty())
        })?;
        if is_ours {
            daemon.wait_for_log(name, since, AT_ONCE)?;
        }
        if let Ok(address) = name.parse::<IpAddr>() {
            let announced = |seen: &bed::onlooker::Sighting| {
                seen.node == bench.director.name() && seen.packet == Packet::Announcement(address)
            };
            onlooker.wait_for("its announcement", since, bound, announced)?;
        }
    }
    if software == Software::Holdfast {
        let log = daemon.process().log_text();
        ensure!(
            log.matches("Entering BACKUP STATE").count() == 1,
            "not master all the time"
        );
        ensure!(!log.contains("is missing"), "something could not be put in");
        // Not soon after the first time.
        let since = SystemTime::now();
        bench
            .director
            .run("ip", &["route", "del", "10.2.0.0/16", "table", "100"])?;
        daemon.wait_for_log("again, putting it back in", since, AT_ONCE)?;
        wait::until("the route", SECOND_WAIT + AT_ONCE, || {
            tables::read(&bench.director).is_ok_and(|now| tables::difference(&whole, &now).is_empty())
        })?;
        let waited = wait::seconds_between(stolen, SystemTime::now());
        ensure!(
            waited > SECOND_WAIT.as_secs_f64() - EARLINESS,
            "put back after {waited:.3} s"
        );
    }
    Ok(story)
}

/// More changes than the kernel keeps for a process that does not listen.
const FLOOD: u32 = 20_000;

/// What goes away while the kernel drops its events comes back all the same.
pub(crate) fn what_goes_unseen_comes_back() -> Result<()> {
    let bench = Bench::new()?;
    let daemon = Daemon::start(Software::Holdfast, &bench.director, &Configuration::ALL.text())?;
    let whole = bench.wait_for_tables("master", is_master)?;
    let vrrp = daemon.role(Role::Vrrp)?;
    let since = SystemTime::now();
    kill(vrrp, Signal::SIGSTOP)?;
    let flood = (0..FLOOD).flat_map(|number| {
        let address = format!("127.{}.{}.1/32 dev lo", 1 + number / 256, number % 256);
        [format!("address add {address}"), format!("address del {address}")]
    });
    for lines in flood.collect::<Vec<_>>().chunks(1000) {
        bench.director.ip(lines)?;
    }
    for (theft, _) in THEFTS {
        bench.director.run("ip", &theft.split(' ').collect::<Vec<_>>())?;
    }
    kill(vrrp, Signal::SIGCONT)?;
    daemon.wait_for_log("network events were lost", since, TAKEOVER)?;
    let comes_back = |now: &str| tables::difference(&whole, now).is_empty();
    bench.wait_for_tables("everything", comes_back).map(drop)
}
