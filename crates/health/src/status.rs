//! What the machine knows, for people and tools.

use std::time::Duration;

use holdfast_ipvs::table::{DestinationKey, Forwarding, ServiceKey};
use holdfast_time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::probe::Verdict;

/// All virtual servers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// In the order of the configuration.
    pub virtual_servers: Vec<VirtualServerStatus>,
}

/// One virtual server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VirtualServerStatus {
    /// Its name.
    pub name: String,
    /// Its IPVS services.
    pub services: Vec<ServiceKey>,
    /// Whether it has quorum.
    pub quorum_up: bool,
    /// Weight of live real servers that is needed.
    pub quorum: u32,
    /// Distance from `quorum` at which the state changes.
    pub hysteresis: u32,
    /// Sum of the weights of live real servers.
    pub live_weight: u64,
    /// The sorry server takes the clients.
    pub sorry_server_active: bool,
    /// The server of last resort, if it has one.
    pub sorry_server: Option<SorryServerStatus>,
    /// `ha_suspend` and none of its addresses is here: nothing is probed.
    pub suspended: bool,
    /// Its real servers.
    pub real_servers: Vec<RealServerStatus>,
}

/// A sorry server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SorryServerStatus {
    /// Its name.
    pub name: String,
    /// Its address and port.
    pub key: DestinationKey,
    /// How packets reach it.
    pub forwarding: Forwarding,
}

/// One real server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RealServerStatus {
    /// Its name.
    pub name: String,
    /// Its identity within the virtual server.
    pub key: DestinationKey,
    /// How packets reach it.
    pub forwarding: Forwarding,
    /// Whether it counts as up.
    pub up: bool,
    /// When it last went up or down; the start if never.
    pub since: Timestamp,
    /// The weight it has while it is up; less than its full weight in a slow start.
    pub weight: u32,
    /// Its full weight.
    pub full_weight: u32,
    /// It went down too often, and is held down until then.
    pub held_until: Option<Timestamp>,
    /// Its checks.
    pub checkers: Vec<CheckerStatus>,
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckerStatus {
    /// Its keyword, for example `HTTP_GET`.
    pub keyword: String,
    /// Whether it counts as passed.
    pub up: bool,
    /// Whether it came to a result since the start.
    pub has_run: bool,
    /// Failed tries in a row since the last success that have not yet made it fail.
    pub failed_tries: u32,
    /// Successes in a row since the last failure that have not yet made it pass.
    pub successes: u32,
    /// What the last probe said.
    pub last: Option<LastProbe>,
}

/// What the last probe of a check said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastProbe {
    /// When it ended.
    pub at: Timestamp,
    /// How long it took.
    pub duration: Duration,
    /// The verdict with its reason.
    pub verdict: Verdict,
}
