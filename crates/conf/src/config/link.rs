//! Settings of interfaces: `garp_group`, `linkbeat_interfaces`, `interface_up_down_delays`.

use crate::source::Spanned;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Interfaces that share a limit on gratuitous ARP and unsolicited neighbour advertisements.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GarpGroup {
    /// From one gratuitous ARP to the next, over all interfaces; `None`: no limit.
    pub garp_interval: Option<Duration>,
    /// From one neighbour advertisement to the next; `None`: no limit.
    pub gna_interval: Option<Duration>,
    /// The interfaces, each in one group only.
    pub interfaces: Vec<Spanned<String>>,
}

/// How the state of a link is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum LinkbeatMethod {
    /// The registers of the transceiver.
    Mii,
    /// `ETHTOOL_GLINK`.
    Ethtool,
    /// `SIOCGIFFLAGS`.
    Ioctl,
}

/// A line of `linkbeat_interfaces`: the link is polled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkbeatInterface {
    /// The interface.
    pub name: Spanned<String>,
    /// `None`: the first method that works.
    pub method: Option<LinkbeatMethod>,
}

/// A line of `interface_up_down_delays`: changes shorter than this do not count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterfaceDelays {
    /// The interface.
    pub name: Spanned<String>,
    /// Before the link counts as down, 0–255 s.
    pub down: Duration,
    /// Before it counts as up, 0–255 s, default 0.
    pub up: Duration,
}
