//! What a node tells about itself.

use std::net::IpAddr;

use holdfast_time::{Duration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::counters::{NodeCounters, SessionCounters};
use crate::packet::{Diagnostic, State};

/// A copy of the state of all sessions, in configured order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeStatus {
    /// The sessions.
    pub sessions: Vec<SessionStatus>,
    /// Packets that belong to no session.
    pub counters: NodeCounters,
}

/// State of one session. The names of RFC 5880 section 6.8.1 stand in brackets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionStatus {
    /// Name of the instance.
    pub name: String,
    /// The neighbor.
    pub neighbor: IpAddr,
    /// Source address, if one is configured.
    pub source: Option<IpAddr>,
    /// Over routers, port 4784.
    pub multihop: bool,
    /// State (`bfd.SessionState`).
    pub state: State,
    /// Reason of the last change of state (`bfd.LocalDiag`).
    pub diagnostic: Diagnostic,
    /// State the neighbor last told of (`bfd.RemoteSessionState`).
    pub remote_state: State,
    /// Reason the neighbor last gave.
    pub remote_diagnostic: Diagnostic,
    /// Our discriminator (`bfd.LocalDiscr`).
    pub local_discriminator: u32,
    /// The neighbor's discriminator (`bfd.RemoteDiscr`); `None` while it is not heard.
    pub remote_discriminator: Option<u32>,
    /// Interval between our packets before jitter; `None` while none are sent regularly.
    pub transmit_interval: Option<Duration>,
    /// The neighbor is gone when it is silent for so long; `None` while it is not heard.
    pub detection_time: Option<Duration>,
    /// A Poll Sequence is under way.
    pub polling: bool,
    /// The neighbor is in Demand mode and the session is up on both sides: nothing is sent regularly.
    pub remote_demand_active: bool,
    /// Moment of the last change of state.
    pub last_transition: Timestamp,
    /// Statistics.
    pub counters: SessionCounters,
}
