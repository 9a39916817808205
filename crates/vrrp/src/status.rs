//! What a node tells about itself.

use std::collections::BTreeMap;
use std::net::IpAddr;

use holdfast_time::{Duration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::action::{Fault, Reason, State};
use crate::counters::Counters;
use crate::lateness::Lateness;
use crate::settings::{Family, RoutingKind};

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
#[allow(clippy::struct_excessive_bools, reason = "independent facts, one field each")]
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
    /// Address that advertisements leave from; `None` while there is none.
    pub source: Option<IpAddr>,
    /// It takes over from a master of lower priority.
    pub preempt: bool,
    /// Base priority with the weights of all trackers, which may lie outside of what can be sent.
    pub total_priority: i32,
    /// How long a backup waits for a silent master.
    pub master_down_interval: Duration,
    /// When it last left INIT or FAULT; `None` while it is in one of them.
    pub up_since: Option<Timestamp>,
    /// Why it last became master.
    pub master_reason: MasterReason,
    /// Why a packet was last dropped before it was understood.
    pub protocol_error: ProtocolError,
    /// IPv4 unicast of version 3 is summed as keepalived before 1.3.6 did.
    pub old_unicast_checksum: bool,
    /// Routes and rules that the kernel does not have although it is master, by their words.
    pub missing_routing: Vec<(RoutingKind, String)>,
}

/// `vrrpv3StatisticsNewMasterReason` of RFC 6527, with what keepalived takes its words to mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum MasterReason {
    /// It has never been master.
    #[default]
    NotMaster,
    /// The master resigned.
    Priority,
    /// The master had a lower priority, or the owner did not wait.
    Preempted,
    /// The master was silent.
    MasterNoResponse,
}

impl MasterReason {
    /// What this reason for becoming master is there.
    pub fn of(reason: &Reason) -> Self {
        match reason {
            Reason::MasterResigned => Self::Priority,
            Reason::Owner | Reason::WorseMaster => Self::Preempted,
            Reason::Group { cause, .. } => Self::of(cause),
            _ => Self::MasterNoResponse,
        }
    }

    /// The number in the MIB.
    pub const fn number(self) -> u8 {
        match self {
            Self::NotMaster => 0,
            Self::Priority => 1,
            Self::Preempted => 2,
            Self::MasterNoResponse => 3,
        }
    }
}

/// `vrrpv3StatisticsProtoErrReason` of RFC 6527.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ProtocolError {
    /// None so far.
    #[default]
    NoError,
    /// TTL or hop limit not 255, or outside a peer's limits.
    IpTtl,
    /// Another version than ours.
    Version,
    /// Wrong checksum.
    Checksum,
}

impl ProtocolError {
    /// The number in the MIB.
    pub const fn number(self) -> u8 {
        match self {
            Self::NoError => 0,
            Self::IpTtl => 1,
            Self::Version => 2,
            Self::Checksum => 3,
        }
    }
}

/// What is known of trackers, by name. What has no result yet is not there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackerFacts {
    /// Scripts that are up, after rise and fall.
    pub scripts: BTreeMap<String, bool>,
    /// Numbers in files.
    pub files: BTreeMap<String, i64>,
    /// Processes that have their quorum.
    pub processes: BTreeMap<String, bool>,
    /// BFD sessions that are up.
    pub bfds: BTreeMap<String, bool>,
}

/// State of one sync group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupStatus {
    /// Name.
    pub name: String,
    /// Common state of the members.
    pub state: State,
}
