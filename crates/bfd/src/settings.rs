//! What the sessions are told to do: each `bfd_instance` after all defaults and cross checks.
//!
//! The names are keepalived's. Values are taken as they are: the configuration stage has already refused or mended what is
//! out of range. The `weight` of a `bfd_instance` is not here, because it is a default of those who track the session.

use std::net::IpAddr;

use holdfast_time::Duration;
use serde::{Deserialize, Serialize};

/// UDP destination port of a session on one link (RFC 5881 section 4).
pub const SINGLE_HOP_PORT: u16 = 3784;

/// UDP destination port of a session over routers (RFC 5883 section 5).
pub const MULTIHOP_PORT: u16 = 4784;

/// UDP source ports to send from: one for each session, the same as long as the session lives (RFC 5881 section 4).
pub const SOURCE_PORTS: std::ops::RangeInclusive<u16> = 49152..=65535;

/// While a session is not up it announces no shorter transmit interval (RFC 5880 section 6.8.3).
pub const SHORTEST_IDLE_TX: Duration = Duration::from_secs(1);

/// No interval of ours is shorter, whatever the settings say.
pub const SHORTEST_INTERVAL: Duration = Duration::from_millis(1);

/// Everything about BFD on this node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeSettings {
    /// The sessions. Names are unique, and so is the path: neighbor, source and `multihop` together.
    pub instances: Vec<InstanceSettings>,
}

/// One `bfd_instance`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceSettings {
    /// Name, unique on the node.
    pub name: String,
    /// `neighbor_ip`.
    pub neighbor: IpAddr,
    /// `source_ip`, of the neighbor's family; `None`: any address of this machine, the kernel chooses the one to send from.
    pub source: Option<IpAddr>,
    /// `multihop`: port 4784 instead of 3784.
    pub multihop: bool,
    /// `passive`: send nothing before the neighbor was heard.
    pub passive: bool,
    /// `min_tx`: shortest interval at which we would like to send while up; 1 ms to 4294.967 s.
    pub min_tx: Duration,
    /// `min_rx`: shortest interval at which we can receive; 1 ms to 4294.967 s.
    pub min_rx: Duration,
    /// `idle_tx`: transmit interval while not up; 1 s to 4294.967 s.
    pub idle_tx: Duration,
    /// `multiplier`: so many of our packets lost in a row tell the neighbor that we are gone; 1 to 255.
    pub multiplier: u8,
    /// `ttl` or `hoplimit` of sent packets; 1 to 255.
    pub ttl: u8,
    /// `max_hops`: received packets need a TTL of `ttl - max_hops` at least. With a `ttl` of 255, 0 is the check of RFC 5881
    /// section 5; 255 (keepalived's -1) is no check.
    pub max_hops: u8,
    /// `vrrp` and `checker`: who is told about the session.
    pub audience: Audience,
}

impl InstanceSettings {
    /// A `bfd_instance` with nothing but a `neighbor_ip`.
    pub fn new(name: impl Into<String>, neighbor: IpAddr) -> Self {
        Self {
            name: name.into(),
            neighbor,
            source: None,
            multihop: false,
            passive: false,
            min_tx: Duration::from_millis(10),
            min_rx: Duration::from_millis(10),
            idle_tx: Duration::from_secs(1),
            multiplier: 5,
            ttl: default_ttl(neighbor),
            max_hops: 0,
            audience: Audience::default(),
        }
    }

    /// UDP port that this session's packets go to, on both sides.
    pub const fn port(&self) -> u16 {
        if self.multihop { MULTIHOP_PORT } else { SINGLE_HOP_PORT }
    }
}

/// keepalived's `ttl`: 255 for IPv4, 64 for IPv6. RFC 5881 section 5 asks for 255 in both families, so a neighbor that is
/// not keepalived needs `hoplimit 255` over IPv6.
pub const fn default_ttl(neighbor: IpAddr) -> u8 {
    match neighbor {
        IpAddr::V4(_) => 255,
        IpAddr::V6(_) => 64,
    }
}

/// Who is told when a session comes up or goes down. Without `vrrp` and `checker` in the configuration both are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audience {
    /// `track_bfd` of instances and sync groups.
    pub vrrp: bool,
    /// `BFD_CHECK` of real servers.
    pub checker: bool,
}

impl Default for Audience {
    fn default() -> Self {
        Self {
            vrrp: true,
            checker: true,
        }
    }
}
