//! VRRP for a whole node, without sockets and without a clock.
//!
//! [`Node`] runs the election of every virtual router of this machine, sync groups included. A driver hands it
//! [`Event`]s with the moment they happened, then carries out every [`Action`] in the order it gets them, then waits for
//! the next packet or for [`Node::next_deadline`]. [`packet`] reads and writes the advertisements of VRRP version 2
//! (RFC 3768) and 3 (RFC 5798, RFC 9568); [`settings`] is what the configuration resolves to.
#![forbid(unsafe_code)]

pub mod action;
mod backoff;
pub mod counters;
pub mod event;
mod facts;
mod instance;
pub mod lateness;
pub mod link_delay;
pub mod messages;
pub mod node;
mod outbox;
pub mod pacing;
pub mod packet;
pub mod process;
pub mod script;
pub mod settings;
pub mod status;
mod timers;

pub use action::{Action, Fault, NewMaster, NotifyState, Reason, Refusal, State, Subject};
pub use backoff::Backoff;
pub use counters::Counters;
pub use event::{Adjustment, Event, ReceivedPacket, SourcePlace};
pub use lateness::Lateness;
pub use link_delay::{LinkDebounce, LinkDelays};
pub use messages::{Level, LogEvent};
pub use node::Node;
pub use pacing::{AnnouncementQueue, PacingSettings};
pub use process::{CountChange, ProcessQuorum, QuorumLimits};
pub use script::ScriptHealth;
pub use settings::{InstanceSettings, NodeSettings, RoutingEntry, RoutingKind, VirtualAddress};
pub use status::{GroupStatus, InstanceStatus, MasterReason, NodeStatus, ProtocolError, TrackerFacts};
