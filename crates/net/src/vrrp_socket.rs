//! VRRP packets to and from the wire.

use std::net::IpAddr;

use crate::error::NetError;

/// IPv4 or IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AddressFamily {
    /// IPv4
    Ipv4,
    /// IPv6
    Ipv6,
}

/// How a virtual router reaches its peers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum VrrpSocketMode {
    /// To a group: 224.0.0.18 or ff02::12 unless configured otherwise. The group's family is the socket's.
    Multicast {
        /// The group to join and listen to.
        group: IpAddr,
    },
    /// To each peer by its address. The socket is bound to no address, so it can be opened before the address exists.
    Unicast {
        /// The family of the peers.
        family: AddressFamily,
    },
}

/// What to open.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct VrrpSocketSettings {
    /// The interface to which the socket is bound; absent only for unicast peers that may be reached over any.
    pub interface_index: Option<u32>,
    /// Multicast with its group, or unicast.
    pub mode: VrrpSocketMode,
    /// Room in bytes for packets that were not read yet; absent: the system's default.
    pub receive_buffer_bytes: Option<usize>,
}

/// A packet with IP protocol 112 as it came in. Nothing of the VRRP part has been looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivedPacket {
    /// Where it came in.
    pub interface_index: u32,
    /// The sender's address in the IP header.
    pub source: IpAddr,
    /// The group, or the address of ours it was sent to.
    pub destination: IpAddr,
    /// TTL or hop limit on arrival.
    pub ttl: u8,
    /// The VRRP packet: what follows the IP header up to the IP length.
    pub payload: Vec<u8>,
}

/// A raw socket for one interface, family and mode. It serves all virtual routers there: every packet with protocol 112
/// that fits is delivered once, whatever its VRID. Own multicast packets do not come back.
#[derive(Debug)]
pub struct VrrpSocket {
    settings: VrrpSocketSettings,
}

impl VrrpSocket {
    /// Opens, binds and, for multicast, joins the group. Must be called within a runtime; needs `CAP_NET_RAW`.
    pub fn open(settings: &VrrpSocketSettings) -> Result<Self, NetError> {
        let _ = settings;
        todo!()
    }

    /// What was opened.
    pub fn settings(&self) -> &VrrpSocketSettings {
        &self.settings
    }

    /// Sends one VRRP packet (without IP header, checksum included) from `source` with this TTL or hop limit. Never waits.
    pub fn send(&self, source: IpAddr, destination: IpAddr, ttl: u8, packet: &[u8]) -> Result<(), NetError> {
        let _ = (source, destination, ttl, packet);
        todo!()
    }

    /// Waits for packets and returns those that are there, oldest first, a bounded number; never empty. Cancel safe.
    pub async fn receive(&self) -> Result<Vec<ReceivedPacket>, NetError> {
        todo!()
    }

    /// Packets that are there already, without waiting; may be empty. For the rule "drain the socket before a due timer".
    pub fn receive_now(&self) -> Result<Vec<ReceivedPacket>, NetError> {
        todo!()
    }

    /// How many packets had no sound IP header or did not fit into the buffer, and were dropped.
    pub fn malformed_count(&self) -> u64 {
        todo!()
    }
}
