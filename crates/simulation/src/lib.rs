//! The election under trouble: whole nodes, from the text of their configuration on, on a virtual clock and a model
//! network, with invariants that are checked all the time.
//!
//! Everything follows from one seed: the site ([`scenario`]), its troubles, and every delay and loss. A run of a seed is
//! therefore repeated exactly by running the seed again.
//!
//! | module | what |
//! | --- | --- |
//! | [`scenario`] | the site of a seed: nodes, their settings, and the list of troubles |
//! | [`configuration`] | the keepalived.conf of a node, through the language and the program's plan to settings |
//! | [`world`] | the event loop: hosts, packets, troubles, time |
//! | [`network`] | who can hear whom, with what delay and loss; what clients think |
//! | [`authentication`] | which adverts must be refused, beside the machine |
//! | [`host`] | one machine: its clock, its kernel's addresses, its script, its instances as seen from outside |
//! | [`conduct`] | what one node may do and must do, after the RFC: checked at each event |
//! | [`agreement`] | what all nodes together must come to: checked when the network has been well long enough |
//! | [`trace`] | the last events, for people |
//! | [`campaign`] | many seeds, counted and summed up; the shortest list of troubles that still fails |
#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may stop where it fails, and all its input is its own"
)]

pub mod agreement;
pub mod authentication;
pub mod campaign;
pub mod conduct;
pub mod configuration;
pub mod host;
pub mod network;
pub mod random;
pub mod scenario;
pub mod statistics;
pub mod trace;
pub mod world;

/// Nanoseconds: since the start of the scenario on the world's clock, or since some start on a node's own clock.
pub type Nanos = u64;

/// One second.
pub const SECOND: Nanos = 1_000_000_000;
/// One millisecond.
pub const MILLISECOND: Nanos = 1_000_000;

/// Most virtual routers in a scenario.
pub const MOST_INSTANCES: usize = 2;
/// Virtual addresses that an instance can have; the last one is excluded from advertisements.
pub const MOST_ADDRESSES: usize = 4;
/// Most nodes in a scenario.
pub const MOST_NODES: usize = 5;

/// An invariant that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which one.
    pub invariant: &'static str,
    /// What is wrong, in words.
    pub detail: String,
    /// When, on the world's clock.
    pub at: Nanos,
}
