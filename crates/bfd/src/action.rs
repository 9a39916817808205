//! What a node wants done, in the order in which it is to be done: a change of state is on the wire before it is reported.

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::event::DisableCause;
use crate::messages::LogEvent;
use crate::packet::Diagnostic;
use crate::settings::Audience;

/// One complete instruction for the driver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// Send one control packet, from a source port of [`crate::settings::SOURCE_PORTS`] that belongs to this instance alone.
    SendPacket {
        /// Name of the instance.
        instance: String,
        /// Source address; `None`: the kernel chooses.
        source: Option<IpAddr>,
        /// The neighbor.
        destination: IpAddr,
        /// UDP destination port, 3784 or 4784.
        port: u16,
        /// TTL or hop limit.
        ttl: u8,
        /// What follows the UDP header.
        bytes: Vec<u8>,
    },
    /// A session is up. Sessions are down until this is said; it is said again when a reload gives an established session
    /// another name or audience.
    SessionUp {
        /// Name of the instance.
        instance: String,
        /// Whom to tell.
        audience: Audience,
    },
    /// A session that was up is no longer.
    SessionDown {
        /// Name of the instance.
        instance: String,
        /// Whom to tell.
        audience: Audience,
        /// What the neighbor is told about it.
        diagnostic: Diagnostic,
        /// Why.
        reason: DownReason,
    },
    /// Write a line to the log.
    Log(LogEvent),
}

/// Why a session ceased to be up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DownReason {
    /// Nothing was heard from the neighbor for the detection time.
    DetectionTimeExpired,
    /// The neighbor says that its side is down.
    NeighborDown {
        /// What the neighbor gives as its reason; no diagnostic if it was restarted.
        diagnostic: Diagnostic,
    },
    /// The neighbor's side was taken out of service. RFC 5882 section 3.2 would not call this a failure; keepalived does.
    NeighborAdminDown,
    /// Our side was taken out of service.
    Disabled(DisableCause),
    /// A reload removed the session.
    Removed,
}

impl fmt::Display for DownReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DetectionTimeExpired => f.write_str("detection time expired"),
            Self::NeighborDown { diagnostic } => write!(f, "neighbor is down ({diagnostic})"),
            Self::NeighborAdminDown => f.write_str("neighbor is administratively down"),
            Self::Disabled(cause) => cause.fmt(f),
            Self::Removed => f.write_str("removed by a reload"),
        }
    }
}
