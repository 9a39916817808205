//! A subagent's side of SNMP, without IO and without a clock: AgentX (RFC 2741) and the objects that it serves.
//!
//! [`Oid`] and [`Value`] are what SNMP speaks of; [`Mib`] answers questions about objects, [`Table`] and [`Tree`] put answers
//! together from rows and cells that are made when somebody asks for them.

#![forbid(unsafe_code)]

mod mib;
mod oid;
pub mod pdu;
pub mod serving;
pub mod session;
mod value;

pub use mib::{Column, Mib, Scalar, SetError, Table, Tree};
pub use oid::{Oid, OidError};
pub use value::Value;
