//! What can happen to a node.

use std::net::IpAddr;

use holdfast_time::Duration;
use serde::{Deserialize, Serialize};

use crate::packet::ah::AuthenticationHeader;
use crate::settings::{Family, NodeSettings, RoutingKind};

/// Where an address is, seen from an instance's interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SourcePlace {
    /// On that interface, or for one with a virtual MAC on the interface below it.
    OnInterface,
    /// On another interface of this host.
    Elsewhere,
    /// Nowhere on this host.
    Absent,
}

/// One thing that happened. The driver hands in packets that wait in its sockets before it delivers a due deadline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// A packet of IP protocol 112 arrived, or one of protocol 51 for an instance that uses it; whatever is in it.
    Received(ReceivedPacket),
    /// An interface is usable (up and running, carrier included) or not; absent interfaces are reported as not. Repeating
    /// what is known does nothing.
    LinkChanged {
        /// Name of the interface.
        interface: String,
        /// Up and running.
        up: bool,
    },
    /// The address that advertisements leave an interface from: IPv4 its first address that is not a virtual one, IPv6 its
    /// link-local address once it is no longer tentative. `None`: there is none.
    SourceAddress {
        /// Name of the interface.
        interface: String,
        /// Family asked for.
        family: Family,
        /// The address, of that family.
        address: Option<IpAddr>,
    },
    /// Where the configured source of an instance is ([`NodeSettings::configured_sources`]). Repeating what is known does
    /// nothing.
    SourcePlace {
        /// Interface of the instance.
        interface: String,
        /// The address.
        address: IpAddr,
        /// Where it is.
        place: SourcePlace,
    },
    /// Somebody removed an address from an interface. Reports of the node's own removals do no harm.
    AddressLost {
        /// Name of the interface.
        interface: String,
        /// The address that is gone.
        address: IpAddr,
    },
    /// Somebody removed a route or a rule. Reports of the node's own removals do no harm.
    RoutingLost {
        /// Which of them.
        kind: RoutingKind,
        /// [`RoutingEntry::text`](crate::settings::RoutingEntry::text).
        text: String,
    },
    /// A route or a rule could not be put in.
    RoutingFailed {
        /// Which of them.
        kind: RoutingKind,
        /// [`RoutingEntry::text`](crate::settings::RoutingEntry::text).
        text: String,
        /// Why, in words.
        problem: String,
    },
    /// A tracked script came up or went down. Until the first word about a script with weight 0 the instance waits in INIT.
    ScriptResult {
        /// Name of the script.
        script: String,
        /// Up after `rise` and `fall` have been counted; `None`: it has no result yet.
        up: Option<bool>,
    },
    /// A tracked process gained or lost its quorum. Until the first word about a process with weight 0 the instance waits in
    /// INIT.
    ProcessResult {
        /// Name of the `vrrp_track_process` block.
        process: String,
        /// There is a quorum; `None`: that is not known yet.
        up: Option<bool>,
    },
    /// The number in a tracked file.
    FileValue {
        /// Name of the `track_file` block.
        file: String,
        /// The number; 0 for a file that is absent or holds none.
        value: i64,
    },
    /// A tracked BFD session came up or went down. Until the first word about a session with weight 0 the instance waits in
    /// INIT.
    BfdState {
        /// Name of the `bfd_instance`.
        session: String,
        /// Up: both ends hear each other.
        up: bool,
    },
    /// This machine stood still: nothing was delivered to the node for so long, and packets may have been lost meanwhile. The
    /// driver tells it before the deadline that comes late, after the packets that wait in its sockets. A backup that could
    /// have missed its master's advertisement listens once more before it takes over.
    Stalled {
        /// For how long.
        length: Duration,
    },
    /// What the clock on the wall says at this moment. The driver hands it in before packets and deadlines if
    /// [`NodeSettings::needs_wall_clock`]; it may jump.
    WallClock {
        /// Time since 1970.
        since_1970: Duration,
    },
    /// Somebody asks that the neighbours are told once more where the addresses of an instance are. Only a master has any.
    Announce {
        /// Name of the instance.
        instance: String,
    },
    /// The counters of all instances begin at zero again.
    ClearCounters,
    /// A manager changes an instance until the next reload. One that is not there is passed over.
    Adjust {
        /// Name of the instance.
        instance: String,
        /// What it changes.
        adjustment: Adjustment,
    },
    /// The moment of [`crate::Node::next_deadline`] has come. Too early or too often does no harm.
    DeadlineReached,
    /// New settings, already checked.
    Reload(Box<NodeSettings>),
    /// Stop. The node is silent for ever after.
    Shutdown {
        /// `--dont-release-vrrp`: leave the virtual addresses on their interfaces.
        keep_addresses: bool,
    },
}

/// What managers of networks may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Adjustment {
    /// The base priority, 1 to 254, of an instance that is no owner of its addresses.
    Priority(u8),
    /// Whether it takes over from a master of lower priority.
    Preempt(bool),
}

/// A packet as it came from the socket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceivedPacket {
    /// Interface it came in on.
    pub interface: String,
    /// Source address of the IP header.
    pub source: IpAddr,
    /// Destination address of the IP header: tells multicast from unicast, and is part of checksums.
    pub destination: IpAddr,
    /// TTL or hop limit as received.
    pub ttl: u8,
    /// What follows the IP header.
    pub payload: Vec<u8>,
    /// The IPv4 header of a packet of protocol 51, as it came in: the code in the authentication header covers it. `None`
    /// for protocol 112.
    pub authenticated_ip_header: Option<Vec<u8>>,
}

impl ReceivedPacket {
    /// The VRRP packet, read or not; `None` if it is a packet of protocol 51 with something else in it.
    pub(crate) fn vrrp(&self) -> Option<&[u8]> {
        match self.authenticated_ip_header {
            None => Some(&self.payload),
            Some(_) => AuthenticationHeader::read(&self.payload).map(|header| header.payload),
        }
    }
}
