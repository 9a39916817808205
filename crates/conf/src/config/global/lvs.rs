//! Settings of IPVS as a whole.

use crate::source::Spanned;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::time::Duration;

/// `lvs_timeouts`: `None` leaves the kernel's value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LvsTimeouts {
    /// Established TCP connections.
    pub tcp: Option<Duration>,
    /// TCP connections that saw a FIN.
    pub tcpfin: Option<Duration>,
    /// UDP.
    pub udp: Option<Duration>,
}

/// `lvs_sync_daemon`: tells another director about connections.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LvsSyncDaemon {
    /// The interface, at most 15 bytes.
    pub interface: Spanned<String>,
    /// `inst`: the master daemon runs while this instance is master, else the backup daemon; `None`: both run.
    pub inst: Option<Spanned<String>>,
    /// `id`, 0–255. `None`: the VRID of the instance.
    pub id: Option<u8>,
    /// `maxlen`: longest datagram in bytes, 1–65507. `None`: the kernel's.
    pub maxlen: Option<u16>,
    /// `port`. `None`: the kernel's.
    pub port: Option<u16>,
    /// `ttl`. `None`: the kernel's.
    pub ttl: Option<u8>,
    /// `group`: the multicast group. `None`: the kernel's.
    pub group: Option<IpAddr>,
}

/// `lvs_flush_on_stop`: how the IPVS table is emptied at the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum LvsFlushOnStop {
    /// Each own real server and service is removed.
    #[default]
    Off,
    /// The whole table is flushed.
    All,
    /// `VS`: own services are deleted without removing their servers first.
    VirtualServers,
}

/// `lvs_sysctl NAME VALUE`: a setting of the kernel under `net.ipv4.vs`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LvsSysctl {
    /// The last part of its name, such as `expire_nodest_conn`.
    pub name: Spanned<String>,
    /// The value, in the form in which the kernel shows it.
    pub value: String,
}

/// `nftables_ipvs`: the addresses of a group share one firewall mark.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NftablesIpvs {
    /// `nftables_ipvs`: the name of the table, `keepalived_ipvs` when none is given; `None`: not used.
    pub table: Option<String>,
    /// `nftables_ipvs_priority` of the base chains. Default -1.
    pub priority: i32,
    /// `nftables_ipvs_start_fwmark`: the first mark that may be taken. Default 1000.
    pub start_fwmark: u32,
}

impl Default for NftablesIpvs {
    fn default() -> Self {
        Self {
            table: None,
            priority: -1,
            start_fwmark: 1_000,
        }
    }
}
