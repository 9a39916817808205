//! What the configuration asks of the health machine: resolved, complete, free of defaults still to be looked up.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use holdfast_ipvs::table::{Destination, DestinationKey, Service, ServiceKey};
use serde::{Deserialize, Serialize};

use crate::probe::{Probe, Request};

/// Everything the machine is told by the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// The virtual servers in the order of the file.
    pub virtual_servers: Vec<VirtualServer>,
    /// `rs_init_notifies`: notify the first state of every real server too.
    pub notify_first_state: bool,
    /// Notify at the end, as [`Cause::StoppingQuietly`](crate::action::Cause::StoppingQuietly), what `omega` does not.
    pub tell_managers_of_the_end: bool,
    /// `share_checks`: checks that ask the same at the same moment ask together.
    pub share_checks: bool,
    /// The numbers in the files that `FILE_CHECK`s follow, by the name of the `track_file` block, as they are now.
    pub files: BTreeMap<String, i64>,
}

/// One `virtual_server` block: one IPVS service, or for a group as many as the group has entries. All of them share the
/// real servers, the quorum and the sorry server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VirtualServer {
    /// The name in logs, notifications and the status, for example `[192.0.2.80]:tcp:80`. A virtual server keeps its
    /// state over a reload when the name stays or when it still has one of its services.
    pub name: String,
    /// The IPVS services.
    pub services: Vec<ServiceKey>,
    /// Addresses of packets that get the mark of a service, which says nothing of them: `ha_suspend` needs to know.
    pub marked_addresses: Vec<IpAddr>,
    /// The settings of each of these services.
    pub service: Service,
    /// Weight of live real servers that is needed; at least 1.
    pub quorum: u32,
    /// Distance from `quorum` at which the state changes, either way; smaller than `quorum`.
    pub hysteresis: u32,
    /// Probe only while an address of the services is on this host.
    pub ha_suspend: bool,
    /// At the end, notify that the real servers and the quorum went down.
    pub omega: bool,
    /// Takes the clients while quorum is lost.
    pub sorry_server: Option<SorryServer>,
    /// The real servers.
    pub real_servers: Vec<RealServer>,
}

/// The server of last resort.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SorryServer {
    /// The name in logs, for example `[192.0.2.250]:tcp:80`.
    pub name: String,
    /// Address and port; port 0 is the service's port.
    pub key: DestinationKey,
    /// Its settings, with the weight it has while in use.
    pub destination: Destination,
    /// `sorry_server_inhibit`: stays in the table with weight 0 while not in use.
    pub inhibit: bool,
}

/// One `real_server` block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RealServer {
    /// The name in logs and notifications, for example `[192.0.2.81]:tcp:80`.
    pub name: String,
    /// Address and port; port 0 is the service's port. The identity of the real server within its virtual server.
    pub key: DestinationKey,
    /// Its settings, with the configured weight.
    pub destination: Destination,
    /// Weight 0 in place of removal while it is down.
    pub inhibit_on_failure: bool,
    /// How it comes back.
    pub recovery: Recovery,
    /// The checks; it is up while none of them is failed, and always without any.
    pub checkers: Vec<Checker>,
}

/// How a real server comes back after it was down. By default as with keepalived: as soon as its checks pass, with its
/// whole weight.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recovery {
    /// `flap_threshold`; `None`: it comes back however often it goes down.
    pub damping: Option<FlapDamping>,
    /// `slow_start`: in this time its weight rises from a tenth to the whole; 0: it has the whole at once.
    pub slow_start: Duration,
}

/// Who goes down too often is held down for a while. That never costs a virtual server its quorum.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlapDamping {
    /// Going down so often within the window begins a hold; at least 1.
    pub threshold: u32,
    /// The window; also how long it must be up after a hold for the past to be forgotten.
    pub window: Duration,
    /// Length of the first hold. Each one that follows without a quiet window between is twice as long.
    pub hold: Duration,
    /// The longest hold.
    pub hold_max: Duration,
}

/// One check of a real server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checker {
    /// What to do.
    pub probe: Probe,
    /// From one check to the next.
    pub delay_loop: Duration,
    /// From a failure to the next try.
    pub delay_before_retry: Duration,
    /// Tries after the first failure before the real server counts as down.
    pub retry: u32,
    /// Successes in a row before a check that is failed passes; 0 counts as 1. The first result of a check that is not
    /// failed decides alone.
    pub rise: u32,
    /// The most time that one try may take as a whole; `None`: the time limits of its phases together.
    pub time_limit: Option<Duration>,
    /// Regular checks are put off by a random time up to this, which is less than `delay_loop`.
    pub jitter: Duration,
    /// The first check is made at a moment within this length from the start.
    pub warmup: Duration,
    /// Counts as failed until the first success.
    pub alpha: bool,
    /// Log each failed try, not only changes.
    pub log_all_failures: bool,
}

impl Checker {
    /// The most time that one try may take. Where silence is a success, it is the wait for an answer that ends the try.
    pub fn deadline(&self, request: &Request) -> Duration {
        match self.time_limit {
            Some(limit) if !request.waits_for_silence() => limit,
            _ => request.deadline(),
        }
    }
}
