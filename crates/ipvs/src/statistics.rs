//! What the kernel counts per service and per destination.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::table::{DestinationKey, ServiceKey};

/// Totals since the entry was made, and rates that the kernel estimates over a few seconds.
///
/// The kernel brings them up to date every 2 s.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Connections scheduled
    pub connections: u64,
    /// Packets from clients
    pub packets_in: u64,
    /// Packets to clients; 0 with direct routing and tunnels, whose replies do not come this way
    pub packets_out: u64,
    /// Bytes from clients
    pub bytes_in: u64,
    /// Bytes to clients
    pub bytes_out: u64,
    /// Connections per second
    pub connections_per_s: u64,
    /// Packets from clients per second
    pub packets_in_per_s: u64,
    /// Packets to clients per second
    pub packets_out_per_s: u64,
    /// Bytes from clients per second
    pub bytes_in_per_s: u64,
    /// Bytes to clients per second
    pub bytes_out_per_s: u64,
}

impl Counters {
    /// Both together.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            connections: self.connections.wrapping_add(other.connections),
            packets_in: self.packets_in.wrapping_add(other.packets_in),
            packets_out: self.packets_out.wrapping_add(other.packets_out),
            bytes_in: self.bytes_in.wrapping_add(other.bytes_in),
            bytes_out: self.bytes_out.wrapping_add(other.bytes_out),
            connections_per_s: self.connections_per_s.saturating_add(other.connections_per_s),
            packets_in_per_s: self.packets_in_per_s.saturating_add(other.packets_in_per_s),
            packets_out_per_s: self.packets_out_per_s.saturating_add(other.packets_out_per_s),
            bytes_in_per_s: self.bytes_in_per_s.saturating_add(other.bytes_in_per_s),
            bytes_out_per_s: self.bytes_out_per_s.saturating_add(other.bytes_out_per_s),
        }
    }
}

/// Connections and counters of a destination.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DestinationStatistics {
    /// Established connections (`ActiveConn`)
    pub active_connections: u32,
    /// Connections in any other state (`InActConn`)
    pub inactive_connections: u32,
    /// Persistence templates that point here
    pub persistent_connections: u32,
    /// Packets, bytes and rates
    pub counters: Counters,
}

impl DestinationStatistics {
    /// Both together.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            active_connections: self.active_connections.saturating_add(other.active_connections),
            inactive_connections: self.inactive_connections.saturating_add(other.inactive_connections),
            persistent_connections: self.persistent_connections.saturating_add(other.persistent_connections),
            counters: self.counters.and(other.counters),
        }
    }
}

/// Counters of a service and of its destinations.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceStatistics {
    /// Packets, bytes and rates of the service as a whole
    pub counters: Counters,
    /// By destination
    pub destinations: BTreeMap<DestinationKey, DestinationStatistics>,
}

/// Counters of a whole table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statistics {
    /// By service
    pub services: BTreeMap<ServiceKey, ServiceStatistics>,
}

/// What the kernel says about its IPVS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Info {
    /// Major, minor and patch number of IPVS, not of the kernel; 1.2.1 for many years now
    pub version: (u8, u8, u8),
    /// Buckets of the connection hash table
    pub connection_table_size: u32,
}
