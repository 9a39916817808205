//! Connection synchronisation between directors, and how long the kernel keeps connections. Plain types, no IO.

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// Which way connections go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum SyncRole {
    /// Tells the others about connections
    Master,
    /// Takes over what it is told
    Backup,
}

/// A sync daemon of the kernel. One of each role can run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncDaemon {
    /// Which way connections go
    pub role: SyncRole,
    /// Interface of the multicast, at most 15 bytes
    pub interface: String,
    /// Only daemons with the same number understand each other; a backup with 0 listens to all
    pub id: u8,
    /// Bytes of a message at most, 1..=65507; `None`: what fits the interface's MTU
    pub max_len: Option<u16>,
    /// UDP port; `None`: 8848
    pub port: Option<u16>,
    /// Hops, 1..=255; `None`: 1
    pub ttl: Option<u8>,
    /// Multicast group; `None`: 224.0.0.81
    pub group: Option<IpAddr>,
}

impl SyncDaemon {
    /// Whether `self` is what `wanted` asks for; what is `None` there may be anything.
    pub fn satisfies(&self, wanted: &Self) -> bool {
        fn same<T: PartialEq>(observed: Option<&T>, wanted: Option<&T>) -> bool {
            wanted.is_none() || observed == wanted
        }
        self.role == wanted.role
            && self.interface == wanted.interface
            && self.id == wanted.id
            && same(self.max_len.as_ref(), wanted.max_len.as_ref())
            && same(self.port.as_ref(), wanted.port.as_ref())
            && same(self.ttl.as_ref(), wanted.ttl.as_ref())
            && same(self.group.as_ref(), wanted.group.as_ref())
    }
}

/// How long the kernel keeps an idle connection (`lvs_timeouts`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timeouts {
    /// An established TCP connection, in seconds, at most 2678400; 0 to a setting: leave it as it is
    pub tcp_s: u32,
    /// A TCP connection after a FIN, likewise
    pub tcp_fin_s: u32,
    /// UDP, likewise
    pub udp_s: u32,
}

impl fmt::Display for SyncRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Master => "master",
            Self::Backup => "backup",
        })
    }
}
