//! Figures to compare, measured one after the other in a guest of their own: `cargo xtask bench failover`.

use std::time::{Duration, SystemTime};

use anyhow::{Result, ensure};
use bed::client::Load;
use bed::daemon::{Daemon, Software};
use bed::figures;
use bed::site::{self, Forwarding, Options, REAL, Site};

const PATIENCE: Duration = Duration::from_secs(30);

/// Fine enough to tell 10 ms.
const LOAD_INTERVAL: Duration = Duration::from_millis(10);

const ROUNDS: usize = 5;

/// What one director takes, with a service and two real servers, when nobody shares its program's pages.
fn memory(software: Software) -> Result<()> {
    site::load_modules()?;
    let site = Site::new(Forwarding::Dr)?;
    let _webs = site.start_webs()?;
    let [director, _] = &site.directors;
    let daemon = Daemon::start(software, director, &site.configuration(&Options::default()))?;
    site.wait_for_master(director, PATIENCE)?;
    site.wait_for_weights(director, &[(0, 1), (1, 1)], PATIENCE)?;
    for (role, mib) in daemon.memory()? {
        figures::report(&format!("{software}: memory (PSS) of {role:?}"), mib, "MiB");
    }
    Ok(())
}

/// What clients notice when the master's cable is pulled, and when the master stops.
fn outages(software: Software, advert_int: f64) -> Result<()> {
    site::load_modules()?;
    let site = Site::new(Forwarding::Dr)?;
    let _webs = site.start_webs()?;
    let [first, second] = &site.directors;
    let options = Options {
        advert_int,
        ..Options::default()
    };
    let mut master = Daemon::start(software, first, &site.configuration(&options))?;
    let _backup = Daemon::start(
        software,
        second,
        &site.configuration(&Options {
            priority: 100,
            ..options.clone()
        }),
    )?;
    let load = Load::start(&site.client, site.target(), LOAD_INTERVAL)?;
    let (mut pulled, mut stopped) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        settle(&site, &load)?;
        let quiet = SystemTime::now();
        site.network.pull(&site.director_port)?;
        pulled.push(outage_until_served(&site, &load, quiet)?);
        site.network.put_back(&site.director_port)?;

        settle(&site, &load)?;
        let quiet = SystemTime::now();
        master.stop()?;
        stopped.push(outage_until_served(&site, &load, quiet)?);
        master = Daemon::start(software, first, &site.configuration(&options))?;
    }
    figures::report_rounds(
        &format!("{software}, advert_int {advert_int}: outage, cable pulled"),
        &pulled,
        "ms",
    );
    figures::report_rounds(
        &format!("{software}, advert_int {advert_int}: outage, master stopped"),
        &stopped,
        "ms",
    );
    Ok(())
}

/// Waits until the better director is the master, alone, and service is undisturbed.
fn settle(site: &Site, load: &Load) -> Result<()> {
    let [first, second] = &site.directors;
    site.wait_for_master(first, PATIENCE)?;
    site.wait_for_weights(first, &[(0, 1), (1, 1)], PATIENCE)?;
    bed::wait::until("a single master", PATIENCE, || !second.has(site.virtual_address()))?;
    load.wait_for_service(PATIENCE)?;
    // Announcements are repeated; none should come in the middle of the next round.
    std::thread::sleep(Duration::from_secs(2));
    load.ensure_served_by(&REAL, PATIENCE)
}

/// The outage since `quiet` in milliseconds, once the other director serves.
fn outage_until_served(site: &Site, load: &Load, quiet: SystemTime) -> Result<f64> {
    let outage = site.outage_of_takeover(load, quiet, PATIENCE)?;
    ensure!(outage > 0.0, "no outage at all");
    Ok(outage * 1000.0)
}

macro_rules! figures {
    ($software:ident) => {
        use super::*;

        #[test]
        #[ignore = "takes minutes: cargo xtask bench failover"]
        fn memory() -> Result<()> {
            super::memory(Software::$software)
        }

        #[test]
        #[ignore = "takes minutes: cargo xtask bench failover"]
        fn outages_at_one_second() -> Result<()> {
            outages(Software::$software, 1.0)
        }

        #[test]
        #[ignore = "takes minutes: cargo xtask bench failover"]
        fn outages_at_a_tenth_of_a_second() -> Result<()> {
            outages(Software::$software, 0.1)
        }
    };
}

mod keepalived {
    figures!(Keepalived);
}

mod holdfast {
    figures!(Holdfast);
}
