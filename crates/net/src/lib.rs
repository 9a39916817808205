//! Everything that Holdfast asks of the Linux network stack, with plain data on both sides. Nothing here decides
//! anything.
//!
//! | who | owns | on which descriptor |
//! | --- | --- | --- |
//! | [`DeadlineTimer`] | the one alarm of a driver, and its clock | a timerfd |
//! | [`Requests`] | questions and changes: dumps of links, addresses, routes and rules, batches of what is added and removed | a netlink socket that hears no events |
//! | [`Monitor`] | what changed on links, addresses, routes and rules, by whomever | a second netlink socket that asks nothing |
//! | [`VrrpSocket`] | VRRP packets of one interface, family and mode, for all virtual routers there | a raw socket |
//! | [`nftables::Nftables`] | batches of tables, chains, sets and rules | a socket of netfilter's |
//! | [`BfdListener`] | BFD packets of one family and port, from all neighbours | a UDP socket |
//! | [`BfdSender`] | BFD packets of one session, from a port of its own | a UDP socket that is not read |
//! | [`Announcer`] | gratuitous ARP and unsolicited neighbour advertisements | a packet socket that receives nothing |
//! | [`LinkPoll`] | the state of links, by asking their drivers | a datagram socket that sends nothing |
//! | [`ProcessEvents`] | which processes are made, change and end | a connector socket |
//! | [`Sysctls`] | kernel settings that are ours for a while | files under `/proc/sys` |
//!
//! All of it belongs to one thread, the one of the VRRP driver with its current-thread runtime. Calls that only hand
//! something to the kernel (sending, arming) are plain functions and never wait. Calls that wait are `async`: those
//! that wait for packets, events and the alarm lose nothing when they are dropped; requests have a time limit, and
//! one that is dropped leaves open whether its changes were made, but does not disturb the next. Requests and events
//! have sockets of their own, so that a flood of events can not stand between a request and its answer. The private
//! module `readiness` is the only place that registers a descriptor with the runtime.
//!
//! Types of other crates stay inside: at the border there are addresses of `std`, [`holdfast_time::Timestamp`] and the
//! structs of this crate.

mod address;
mod announce;
mod bfd_socket;
mod changes;
mod control;
mod error;
mod link;
mod link_poll;
mod message_batch;
mod monitor;
mod netlink;
pub mod nftables;
mod prefix;
mod process_events;
mod readiness;
mod receive_buffer;
mod requests;
mod routes;
mod rules;
mod socket_options;
mod sysctl;
mod timer;
mod vrrp_socket;

pub use address::{ADDRESS_PROTOCOL, AddressFlags, AddressScope, InterfaceAddress};
pub use announce::{Announcer, OutgoingAnnouncement};
pub use bfd_socket::{BfdListener, BfdSender, ReceivedDatagram};
pub use error::NetError;
pub use link::{IpvlanMode, Link, LinkMode, MacAddress, OwnLink, OwnLinkKind};
pub use link_poll::{LinkPoll, LinkPollMethod};
pub use monitor::{Monitor, NetworkEvent};
pub use prefix::Prefix;
pub use process_events::{ProcessEvent, ProcessEvents};
pub use receive_buffer::ReceiveBuffer;
pub use requests::{Applied, Outcome, Requests};
pub use routes::{
    Encap, MAIN_TABLE, NamedLink, Placement, ROUTING_PROTOCOL, Route, RouteMetric, RoutePath, TunnelMetadata,
};
pub use rules::{Rule, RuleAction};
pub use sysctl::{ChangedSysctl, Sysctl, Sysctls};
pub use timer::DeadlineTimer;
pub use vrrp_socket::{
    AddressFamily, OutgoingVrrpPacket, ReceivedPacket, VrrpSocket, VrrpSocketMode, VrrpSocketSettings,
};
