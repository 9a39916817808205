//! What can happen to a node.

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::packet::Diagnostic;
use crate::settings::NodeSettings;

/// One thing that happened. The driver hands in packets that wait in its sockets before it delivers a due deadline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// A UDP packet arrived on port 3784 or 4784, whatever is in it.
    Received(ReceivedPacket),
    /// The moment of [`crate::Node::next_deadline`] has come. Too early or too often does no harm.
    DeadlineReached,
    /// Take a session out of service (RFC 5880 section 6.8.16): it goes to `AdminDown` and tells the neighbor so, if it can,
    /// until it is enabled again. Unknown names and repetitions do nothing.
    Disable {
        /// Name of the instance.
        instance: String,
        /// Why.
        cause: DisableCause,
    },
    /// Put a disabled session back to work; it starts in `Down`.
    Enable {
        /// Name of the instance.
        instance: String,
    },
    /// New settings, already checked.
    Reload(Box<NodeSettings>),
    /// Stop. Nothing is sent and nobody is told: neighbors find out by the detection time, as with keepalived.
    Shutdown,
}

/// A packet as it came from the socket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceivedPacket {
    /// Source address of the IP header.
    pub source: IpAddr,
    /// Destination address of the IP header.
    pub destination: IpAddr,
    /// UDP source port.
    pub source_port: u16,
    /// UDP destination port: that of the socket it was read from.
    pub destination_port: u16,
    /// TTL or hop limit as received.
    pub ttl: u8,
    /// What follows the UDP header.
    pub payload: Vec<u8>,
}

/// Why a session is taken out of service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum DisableCause {
    /// Somebody asked for it.
    Administrator,
    /// Nothing can be sent to the neighbor: the output socket cannot be opened.
    PathDown,
}

impl DisableCause {
    /// What the neighbor is told.
    pub const fn diagnostic(self) -> Diagnostic {
        match self {
            Self::Administrator => Diagnostic::AdministrativelyDown,
            Self::PathDown => Diagnostic::PathDown,
        }
    }
}

impl fmt::Display for DisableCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Administrator => "disabled by the administrator",
            Self::PathDown => "no packet can be sent to the neighbor",
        })
    }
}
