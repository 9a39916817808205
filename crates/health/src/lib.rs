//! When to probe, which real servers are up, quorum and sorry servers: probe outcomes in, wanted IPVS table out.
//!
//! [`Health`] is a machine without IO and without a clock: [`Health::handle`] takes a moment and an [`Event`],
//! [`Health::next_deadline`] says when to come back with [`Event::Deadline`], [`Health::next_action`] hands out what to
//! do, in order. The driver runs the probes, applies the table by difference and runs the scripts; it decides nothing.
//!
//! - [`settings`]: virtual servers, real servers and checkers, as the configuration resolved them;
//! - [`probe`]: what a probe is asked and what it can answer;
//! - [`event`], [`action`]: what goes in and what comes out;
//! - [`messages`]: every log line, in the words keepalived's users search for;
//! - [`status`]: what the machine knows, for people and tools.
#![forbid(unsafe_code)]

pub mod action;
pub mod event;
mod machine;
pub mod messages;
pub mod probe;
pub mod settings;
pub mod status;

pub use action::Action;
pub use event::Event;
pub use machine::{Health, key_within};
pub use settings::Settings;
