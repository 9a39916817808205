//! The sessions of a node, driven without sockets and without a clock.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may stop where it fails"
)]

mod demand;
mod negotiation;
mod network;
mod receive;
mod reload;
mod scale;
mod service;
mod states;
mod support;
mod timers;
