//! Clients that nothing may disturb, in a guest that may stand still.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use anyhow::{Result, ensure};

use crate::client::{Attempt, Load, Protocol, REQUEST_LIMIT};
use crate::site::{REAL, Site};
use crate::wait::seconds_between;

/// A load on the service of a site, beside requests that reach its real servers without a director: these show when it is
/// the guest that is slow.
#[derive(Debug)]
pub struct Clients {
    load: Load,
    controls: Vec<Load>,
}

/// What the clients of a service saw.
#[derive(Debug)]
pub struct Undisturbed {
    /// All of it.
    pub protocol: Protocol,
    /// Requests that ran out of time while some without a director were as slow.
    pub excused: usize,
    /// The others that failed.
    pub failed: Vec<Attempt>,
}

impl Undisturbed {
    /// Makes sure that none of them failed.
    pub fn ensure(&self) -> Result<()> {
        ensure!(self.failed.is_empty(), "failed: {:?}", self.failed);
        Ok(())
    }
}

impl Clients {
    /// One request every `interval`, and one to each real server every `control_interval`; once all servers have answered.
    pub fn start(site: &Site, interval: Duration, control_interval: Duration, bound: Duration) -> Result<Self> {
        let control = |number| {
            let address = SocketAddr::new(site.server_address(number), 80);
            Load::start(&site.client, address, control_interval)
        };
        let clients = Self {
            controls: (0..REAL.len()).map(control).collect::<Result<_>>()?,
            load: Load::start(&site.client, site.target(), interval)?,
        };
        // The first moments of so many threads are slow ones.
        let since = SystemTime::now();
        for server in REAL {
            let answers = |attempt: &Attempt| attempt.is_from(server);
            clients.load.wait_for(server, since, bound, answers)?;
        }
        Ok(clients)
    }

    /// What became of the requests begun since then. One that ran out of time counts as failed only when all requests
    /// without a director were quick meanwhile.
    pub fn since(&self, since: SystemTime) -> Undisturbed {
        let controls = self
            .controls
            .iter()
            .flat_map(|it| it.since(since - REQUEST_LIMIT).attempts);
        let stalls: Vec<Attempt> = controls.filter(is_slow).collect();
        let protocol = self.load.since(since);
        let is_excused = |failure: &&Attempt| {
            let meanwhile = |stall: &Attempt| stall.begin < failure.end && failure.begin < stall.end;
            is_slow(failure) && stalls.iter().any(meanwhile)
        };
        let (excused, failed): (Vec<&Attempt>, Vec<&Attempt>) = protocol.failures().into_iter().partition(is_excused);
        Undisturbed {
            excused: excused.len(),
            failed: failed.into_iter().cloned().collect(),
            protocol,
        }
    }
}

/// Whether it took half the time that it might, or more.
fn is_slow(attempt: &Attempt) -> bool {
    seconds_between(attempt.begin, attempt.end) * 2.0 > REQUEST_LIMIT.as_secs_f64()
}
