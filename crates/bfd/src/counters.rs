//! Statistics, one counter for each check of RFC 5880 section 6.8.6.

use serde::{Deserialize, Serialize};

/// Of one session since it was first configured; a reload keeps them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionCounters {
    /// Packets that passed the checks.
    pub packets_received: u64,
    /// Packets sent, answers to polls included.
    pub packets_sent: u64,
    /// Poll Sequences begun.
    pub polls_started: u64,
    /// Polls of the neighbor answered.
    pub polls_answered: u64,
    /// Times the session came up.
    pub times_up: u64,
    /// Times the session ceased to be up.
    pub times_down: u64,
    /// Times the neighbor fell silent, in whatever state.
    pub detection_time_expired: u64,
    /// TTL or hop limit below what `ttl` and `max_hops` allow.
    pub ttl_err: u64,
    /// Addressed to this session's discriminator by somebody else than its neighbor, or on the wrong port.
    pub path_err: u64,
    /// A packet with an authentication section, where none is in use.
    pub authentication_err: u64,
}

/// Of packets that do not get as far as a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeCounters {
    /// Another version than 1.
    pub version_err: u64,
    /// Length below the minimum, or beyond the end of the payload.
    pub length_err: u64,
    /// Detection multiplier 0.
    pub multiplier_err: u64,
    /// The Multipoint bit is set.
    pub multipoint_err: u64,
    /// The sender's discriminator is 0.
    pub my_discriminator_err: u64,
    /// A state above Down without our discriminator.
    pub your_discriminator_err: u64,
    /// A discriminator that is none of ours.
    pub unknown_discriminator: u64,
    /// Without our discriminator, and from nobody we know.
    pub unknown_neighbor: u64,
}
