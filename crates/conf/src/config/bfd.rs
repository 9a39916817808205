//! `bfd_instance`.

use crate::source::Spanned;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::time::Duration;

/// One session of Bidirectional Forwarding Detection (RFC 5880, asynchronous mode).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BfdInstance {
    /// The name of the block, unique, less than 32 bytes.
    pub name: Spanned<String>,
    /// The other end.
    pub neighbor_ip: Spanned<IpAddr>,
    /// The local address, of the family of the neighbour; `None`: the kernel chooses.
    pub source_ip: Option<IpAddr>,
    /// Required Min RX Interval (RFC 5880 section 4.1), 1 ms to 4294967 ms, default 10 ms.
    pub min_rx: Duration,
    /// Desired Min TX Interval while the session is up, 1 ms to 4294967 ms, default 10 ms.
    pub min_tx: Duration,
    /// Desired Min TX Interval while it is not, 1 s to 4294967 ms, default 1 s.
    pub idle_tx: Duration,
    /// Detect Mult, 1–255, default 5.
    pub multiplier: u8,
    /// Do not send before something was heard.
    pub passive: bool,
    /// TTL or hop limit of what is sent, 1–255, default 255 for IPv4 and 64 for IPv6.
    pub ttl: u8,
    /// Packets that passed more routers than this are dropped; `None`: any number. Default 0.
    pub max_hops: Option<u8>,
    /// UDP port 4784 (RFC 5883), not 3784.
    pub multihop: bool,
    /// Default weight of a line that tracks it, −253 to 253.
    pub weight: i16,
    /// Default direction of a line that tracks it.
    pub reverse: bool,
    /// Instances may track it.
    pub vrrp: bool,
    /// A `BFD_CHECK` may follow it.
    pub checker: bool,
}
