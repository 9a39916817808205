//! The machines of a node, driven without sockets and without a clock.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may stop where it fails"
)]

mod announcements;
mod authentication;
mod election;
mod faults;
mod groups;
mod managers;
mod messages;
mod network;
mod receive;
mod reload;
mod routing;
mod scale;
mod support;
mod table;
mod trackers;
mod unheard;
