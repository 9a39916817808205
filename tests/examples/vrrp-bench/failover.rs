//! How much later than the protocol asks a backup takes over when the master is killed.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use bed::crowd::{Crowd, Size};
use bed::daemon::{Daemon, Software};
use bed::pulse::Router;
use bed::wait::{self, seconds_between};

use crate::BOTH;
use bed::figures::Table;

const PATIENCE: Duration = Duration::from_mins(1);
/// Second bursts of announcements are over by then (`garp_master_delay` is 5 s).
const SETTLE: Duration = Duration::from_secs(7);

/// One at the interval that everybody uses, and at those that need care; then many at once.
const CASES: [(usize, Duration, usize); 4] = [
    (1, Duration::from_millis(10), 7),
    (1, Duration::from_millis(100), 7),
    (1, Duration::from_secs(1), 5),
    (250, Duration::from_secs(1), 3),
];

/// Milliseconds above the floor of each takeover.
#[derive(Default)]
struct Excess {
    adverts: Vec<f64>,
    announcements: Vec<f64>,
}

pub fn measure(table: &mut Table) -> Result<()> {
    for (routers, interval, rounds) in CASES {
        let size = Size {
            routers,
            lans: 1,
            interval,
        };
        let many = if routers == 1 {
            String::new()
        } else {
            format!("{routers} at once, ")
        };
        let what = format!("takeover, {many}{} s: above the floor", interval.as_secs_f64());
        for software in BOTH {
            let excess = takeovers(software, size, rounds)?;
            table.enter_ms(&format!("{what}, advert"), software, &excess.adverts);
            table.enter_ms(&format!("{what}, first announcement"), software, &excess.announcements);
        }
    }
    Ok(())
}

fn takeovers(software: Software, size: Size, rounds: usize) -> Result<Excess> {
    let crowd = Crowd::new(size)?;
    let (strong, weak) = (&crowd.strong, &crowd.weak);
    let _backup = Daemon::start(software, weak, &crowd.configuration(weak, ""))?.quiet();
    let mut excess = Excess::default();
    for _ in 0..rounds {
        let master = Daemon::start(software, strong, &crowd.configuration(strong, ""))?.quiet();
        crowd.wait_for_only_master(strong, weak, PATIENCE)?;
        std::thread::sleep(SETTLE);
        crowd.pulse.clear();
        wait::until("an advert of each", PATIENCE, || {
            crowd.pulse.count(strong) == size.routers
        })?;
        master.kill()?;
        let last: HashMap<Router, SystemTime> = crowd
            .pulse
            .beats(strong)
            .into_iter()
            .map(|(router, beat)| (router, beat.last))
            .collect();
        wait::until("all to be taken over", PATIENCE, || {
            crowd.pulse.count(weak) == size.routers && crowd.pulse.announced(weak).len() == size.routers
        })?;
        // A killed master leaves its addresses behind; a new node would be needed to start it again otherwise.
        excess.add(&crowd, &last)?;
    }
    Ok(excess)
}

impl Excess {
    fn add(&mut self, crowd: &Crowd, last: &HashMap<Router, SystemTime>) -> Result<()> {
        let floor = crowd.size.master_down();
        let announced = crowd.pulse.announced(&crowd.weak);
        for ((lan, vrid), beat) in crowd.pulse.beats(&crowd.weak) {
            let due = *last.get(&(lan, vrid)).context("a router that nobody had")? + floor;
            self.adverts.push(seconds_between(due, beat.first) * 1e3);
            let address: IpAddr = bed::crowd::address(lan, vrid.into());
            let announced = announced.get(&address).context("an address that was not announced")?;
            self.announcements.push(seconds_between(due, *announced) * 1e3);
        }
        Ok(())
    }
}
