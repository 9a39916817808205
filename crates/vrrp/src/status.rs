//! What a node tells about itself.

use std::net::IpAddr;

use holdfast_time::{Duration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::action::{Fault, State};
use crate::counters::Counters;
use crate::lateness::Lateness;
use crate::settings::Family;

/// A copy of the state of all instances and groups, in configured order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeStatus {
    /// The instances.
    pub instances: Vec<InstanceStatus>,
    /// The sync groups.
    pub groups: Vec<GroupStatus>,
    /// Packets for virtual routers that are not configured on the interface they came in on.
    pub unknown_vrid: u64,
    /// How late deadlines were delivered.
    pub lateness: Lateness,
}

/// State of one instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceStatus {
    /// Name.
    pub name: String,
    /// Interface of the advertisements.
    pub interface: String,
    /// Virtual router identifier.
    pub vrid: u8,
    /// Address family.
    pub family: Family,
    /// State.
    pub state: State,
    /// Timed out, and waiting for the other members of the sync group to do so too.
    pub wants_master: bool,
    /// Priority as configured.
    pub base_priority: u8,
    /// Priority after tracking, as sent.
    pub effective_priority: u8,
    /// The master's address: our own source address when we are it; `None` if nobody is known.
    pub master_address: Option<IpAddr>,
    /// Priority in the last advertisement accepted, 0 if there was none.
    pub master_priority: u8,
    /// Interval of the master, as learnt in version 3.
    pub master_advert_interval: Duration,
    /// Moment of the last change of state.
    pub last_transition: Timestamp,
    /// What keeps it in FAULT.
    pub faults: Vec<Fault>,
    /// Its virtual addresses are on the interface.
    pub holds_addresses: bool,
    /// Another master is being heard while this one is master.
    pub in_conflict: bool,
    /// Times that another master began to be heard while this one was master.
    pub conflicts: u64,
    /// Statistics.
    pub counters: Counters,
}

/// State of one sync group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupStatus {
    /// Name.
    pub name: String,
    /// Common state of the members.
    pub state: State,
}
