//! BFD for a whole node, without sockets and without a clock.
//!
//! [`Node`] runs every session of this machine in Asynchronous mode, without echo and without authentication (RFC 5880;
//! RFC 5881 for neighbours on the link, RFC 5883 for those behind routers). A driver hands it [`Event`]s with the moment
//! they happened, then carries out every [`Action`] in the order it gets them, then waits for the next packet or for
//! [`Node::next_deadline`]. [`packet`] reads and writes control packets; [`settings`] is what a `bfd_instance` of the
//! configuration resolves to.
#![forbid(unsafe_code)]

pub mod action;
pub mod counters;
pub mod event;
pub mod messages;
pub mod node;
mod outbox;
pub mod packet;
mod random;
mod session;
pub mod settings;
pub mod status;
mod timers;

pub use action::{Action, DownReason};
pub use counters::{NodeCounters, SessionCounters};
pub use event::{DisableCause, Event, ReceivedPacket};
pub use messages::{Level, LogEvent};
pub use node::Node;
pub use packet::{ControlPacket, Diagnostic, State};
pub use settings::{Audience, InstanceSettings, NodeSettings};
pub use status::{NodeStatus, SessionStatus};
