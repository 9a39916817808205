//! What an IPVS table is. A service is identified by what it is, never by its settings; so is a destination.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// Address family of a service that is chosen by firewall mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Family {
    /// IPv4
    Inet,
    /// IPv6
    Inet6,
}

impl Family {
    /// The family of an address.
    pub const fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::Inet,
            IpAddr::V6(_) => Self::Inet6,
        }
    }
}

/// Transport protocol of a service that is chosen by address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Protocol {
    /// IP protocol 6
    Tcp,
    /// IP protocol 17
    Udp,
    /// IP protocol 132
    Sctp,
}

/// The identity of a virtual service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ServiceKey {
    /// Packets to this address and port; port 0 takes every port and needs persistence.
    Address {
        /// Transport protocol
        protocol: Protocol,
        /// Virtual address
        address: IpAddr,
        /// Virtual port in host order
        port: u16,
    },
    /// Packets that the firewall has marked.
    Fwmark {
        /// Family of the marked packets
        family: Family,
        /// The mark, never 0
        mark: u32,
    },
}

impl ServiceKey {
    /// The family of the packets that the service takes.
    pub const fn family(&self) -> Family {
        match self {
            Self::Address { address, .. } => Family::of(*address),
            Self::Fwmark { family, .. } => *family,
        }
    }
}

/// `IP_VS_SVC_F_*` bits as they go to the kernel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ServiceFlags(pub u32);

impl ServiceFlags {
    /// Clients stay with their server for the persistence time.
    pub const PERSISTENT: u32 = 0x1;
    /// The kernel's own mark of a service that is in its hash table; never ours to set.
    pub const HASHED: u32 = 0x2;
    /// One-packet scheduling of UDP.
    pub const ONE_PACKET: u32 = 0x4;
    /// First flag of the scheduler (sh-fallback, mh-fallback).
    pub const SCHED1: u32 = 0x8;
    /// Second flag of the scheduler (sh-port, mh-port).
    pub const SCHED2: u32 = 0x10;
    /// Third flag of the scheduler.
    pub const SCHED3: u32 = 0x20;
}

/// The settings of a virtual service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// Name of the kernel's scheduler, for example `wrr`
    pub scheduler: String,
    /// Flags without [`ServiceFlags::HASHED`] and [`ServiceFlags::PERSISTENT`], which follow from the rest
    pub flags: ServiceFlags,
    /// Persistence in seconds; `None`: no persistence
    pub persistence_timeout_s: Option<u32>,
    /// Clients that share this many leading address bits share their server; 32 or 128: every client for itself
    pub persistence_prefix_len: u8,
    /// Persistence engine, for example `sip`
    pub persistence_engine: Option<String>,
}

/// The identity of a destination within its service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DestinationKey {
    /// Address of the real server
    pub address: IpAddr,
    /// Port of the real server in host order; 0 with a firewall mark
    pub port: u16,
}

/// How packets reach a destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Forwarding {
    /// Address translation (`lb_kind NAT`, ipvsadm's `Masq`)
    Masquerade,
    /// Direct routing (`lb_kind DR`, ipvsadm's `Route`)
    Route,
    /// A tunnel (`lb_kind TUN`)
    Tunnel(Tunnel),
    /// The director itself, when somebody asked for just that. A destination with a local address is not reported so: it keeps
    /// the method it was given, and the kernel decides packet by packet (so in Linux 3 to 6).
    Local,
    /// Past IPVS (a transparent cache); only ever seen when somebody else has set it
    Bypass,
}

/// The kind of a tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Tunnel {
    /// IP in IP
    Ipip,
    /// Generic UDP encapsulation
    Gue {
        /// UDP port in host order
        port: u16,
        /// Checksum flags
        checksum: TunnelChecksum,
    },
    /// Generic routing encapsulation
    Gre {
        /// Checksum flags
        checksum: TunnelChecksum,
    },
}

/// Checksums within a tunnel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum TunnelChecksum {
    /// none
    #[default]
    None,
    /// full checksum
    Full,
    /// remote checksum offload, GUE only
    Remote,
}

/// The settings of a destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Destination {
    /// How packets reach it
    pub forwarding: Forwarding,
    /// Weight, 0..=2147483647; 0 takes no new connections
    pub weight: u32,
    /// No new connections above this many; 0: no limit
    pub upper_threshold: u32,
    /// New connections again below this many; 0: three quarters of the upper one
    pub lower_threshold: u32,
}

/// A service with its destinations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceEntry {
    /// The service's settings
    pub service: Service,
    /// Its destinations
    pub destinations: BTreeMap<DestinationKey, Destination>,
}

/// A whole table, wanted or observed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// Every service by its identity
    pub services: BTreeMap<ServiceKey, ServiceEntry>,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Sctp => "sctp",
        })
    }
}

/// As keepalived's log names a service: `[192.0.2.1]:tcp:80`, `FWM 5`.
impl fmt::Display for ServiceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address {
                protocol,
                address,
                port,
            } => write!(f, "[{address}]:{protocol}:{port}"),
            Self::Fwmark { mark, .. } => write!(f, "FWM {mark}"),
        }
    }
}

/// `[192.0.2.1]:80`
impl fmt::Display for DestinationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}]:{}", self.address, self.port)
    }
}
