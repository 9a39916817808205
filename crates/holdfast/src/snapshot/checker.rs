//! What the checker process shows.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use holdfast_health::key_within;
use holdfast_health::probe::Verdict;
use holdfast_health::status;
use holdfast_ipvs::statistics::{Counters, DestinationStatistics};
use holdfast_ipvs::table::{DestinationKey, Forwarding, ServiceKey};
use holdfast_time::Timestamp;
use serde::{Deserialize, Serialize};

/// All virtual and real servers as they are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckerSnapshot {
    /// Why the kernel's table is not what it should be
    pub ipvs_error: Option<String>,
    /// Why there are no counters
    pub counters_error: Option<String>,
    /// In the order of the configuration, every one of it
    pub virtual_servers: Vec<VirtualServerSnapshot>,
}

/// One virtual server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VirtualServerSnapshot {
    /// Its name in logs and notifications; virtual servers of one group for several protocols share theirs
    pub name: String,
    /// Its services in the kernel
    pub services: Vec<ServiceKey>,
    /// Whether it has quorum
    pub quorum_up: bool,
    /// Weight of live real servers that is needed
    pub quorum: u32,
    /// Distance from `quorum` at which the state changes
    pub hysteresis: u32,
    /// Sum of the weights of live real servers
    pub live_weight: u64,
    /// `ha_suspend` and none of its addresses is here: nothing is probed
    pub suspended: bool,
    /// What the kernel counted for all its services together; `None`: they could not be read
    pub counters: Option<Counters>,
    /// The server of last resort, if it has one
    pub sorry_server: Option<SorryServerSnapshot>,
    /// In the order of the configuration, every one of it
    pub real_servers: Vec<RealServerSnapshot>,
}

/// The server of last resort.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SorryServerSnapshot {
    /// Its name in logs
    pub name: String,
    /// Its address and port; port 0 is the service's port
    pub key: DestinationKey,
    /// How packets reach it
    pub forwarding: Forwarding,
    /// It has the clients
    pub active: bool,
    /// What the kernel counted, in all services together; `None`: that could not be read
    pub statistics: Option<DestinationStatistics>,
}

/// One real server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RealServerSnapshot {
    /// Its name in logs and notifications
    pub name: String,
    /// Its address and port; port 0 is the service's port
    pub key: DestinationKey,
    /// How packets reach it
    pub forwarding: Forwarding,
    /// Whether it counts as up
    pub up: bool,
    /// When it last went up or down, seconds since 1970; the start if never
    pub since_s: u64,
    /// The weight it has while it is up; less than its full weight in a slow start
    pub weight: u32,
    /// Its full weight
    pub full_weight: u32,
    /// It went down too often, and is held down until then, seconds since 1970
    pub held_until_s: Option<u64>,
    /// What the kernel counted, in all services together; `None`: that could not be read
    pub statistics: Option<DestinationStatistics>,
    /// Its checks, in the order of the configuration
    pub checks: Vec<CheckSnapshot>,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckSnapshot {
    /// Its keyword, for example `HTTP_GET`
    pub keyword: String,
    /// Whether it counts as passed
    pub up: bool,
    /// Whether it came to a result since the start
    pub has_run: bool,
    /// Failed tries in a row since the last success that have not yet made it fail
    pub failed_tries: u32,
    /// Successes in a row since the last failure that have not yet made it pass
    pub successes: u32,
    /// What the last probe said
    pub last: Option<ProbeSnapshot>,
}

/// What the last probe of a check said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeSnapshot {
    /// When it ended, seconds since 1970
    pub at_s: u64,
    /// How long it took
    pub duration: Duration,
    /// Why it was no success
    pub failure: Option<String>,
}

impl CheckerSnapshot {
    /// What the machine knows; the counters are still missing. `now` is the same moment by both clocks.
    pub fn new(known: status::Status, ipvs_error: Option<String>, now: (Timestamp, SystemTime)) -> Self {
        let clock = Clock(now);
        let servers = known.virtual_servers.into_iter();
        Self {
            ipvs_error,
            counters_error: None,
            virtual_servers: servers.map(|server| virtual_server(server, clock)).collect(),
        }
    }
}

impl VirtualServerSnapshot {
    /// Adds what the kernel counted. `of_services`: by service; `of_destinations`: by service and destination.
    ///
    /// A sorry server that is a real server as well has the counters to itself, as with keepalived.
    pub fn count(
        &mut self,
        of_service: impl Fn(&ServiceKey) -> Option<Counters>,
        of_destination: impl Fn(&ServiceKey, &DestinationKey) -> Option<DestinationStatistics>,
    ) {
        let counters = self.services.iter().filter_map(of_service);
        self.counters = Some(counters.fold(Counters::default(), Counters::and));
        let services = &self.services;
        let count = |key: DestinationKey, forwarding: Forwarding, not: &[DestinationKey]| {
            let found = services.iter().filter_map(|service| {
                let key = key_within(service, key, forwarding);
                if not.contains(&key) {
                    return None;
                }
                of_destination(service, &key)
            });
            found.fold(DestinationStatistics::default(), DestinationStatistics::and)
        };
        let mut sorry_keys = Vec::new();
        if let Some(sorry) = &mut self.sorry_server {
            sorry.statistics = Some(count(sorry.key, sorry.forwarding, &[]));
            let keys = services
                .iter()
                .map(|service| key_within(service, sorry.key, sorry.forwarding));
            sorry_keys.extend(keys);
            sorry_keys.dedup();
        }
        for real in &mut self.real_servers {
            real.statistics = Some(count(real.key, real.forwarding, &sorry_keys));
        }
    }
}

/// One moment by the clock that only goes on, and by the one on the wall.
#[derive(Clone, Copy)]
struct Clock((Timestamp, SystemTime));

impl Clock {
    /// A moment in seconds since 1970.
    fn seconds(self, at: Timestamp) -> u64 {
        let Self((now, wall)) = self;
        let at = if at > now {
            wall.checked_add(at.since(now))
        } else {
            wall.checked_sub(now.since(at))
        };
        let since_1970 = at.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        since_1970.unwrap_or_default().as_secs()
    }
}

fn virtual_server(server: status::VirtualServerStatus, clock: Clock) -> VirtualServerSnapshot {
    let active = server.sorry_server_active;
    VirtualServerSnapshot {
        name: server.name,
        services: server.services,
        quorum_up: server.quorum_up,
        quorum: server.quorum,
        hysteresis: server.hysteresis,
        live_weight: server.live_weight,
        suspended: server.suspended,
        counters: None,
        sorry_server: server.sorry_server.map(|sorry| SorryServerSnapshot {
            name: sorry.name,
            key: sorry.key,
            forwarding: sorry.forwarding,
            active,
            statistics: None,
        }),
        real_servers: server
            .real_servers
            .into_iter()
            .map(|real| real_server(real, clock))
            .collect(),
    }
}

fn real_server(real: status::RealServerStatus, clock: Clock) -> RealServerSnapshot {
    RealServerSnapshot {
        name: real.name,
        key: real.key,
        forwarding: real.forwarding,
        up: real.up,
        since_s: clock.seconds(real.since),
        weight: real.weight,
        full_weight: real.full_weight,
        held_until_s: real.held_until.map(|until| clock.seconds(until)),
        statistics: None,
        checks: real.checkers.into_iter().map(|it| check(it, clock)).collect(),
    }
}

fn check(check: status::CheckerStatus, clock: Clock) -> CheckSnapshot {
    CheckSnapshot {
        keyword: check.keyword,
        up: check.up,
        has_run: check.has_run,
        failed_tries: check.failed_tries,
        successes: check.successes,
        last: check.last.map(|last| ProbeSnapshot {
            at_s: clock.seconds(last.at),
            duration: last.duration,
            failure: match last.verdict {
                Verdict::Success => None,
                Verdict::Failure(failure) => Some(failure.to_string()),
                Verdict::NotTried(reason) => Some(reason.to_string()),
            },
        }),
    }
}

#[cfg(test)]
mod tests;
