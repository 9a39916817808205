//! The bed: network namespaces, real daemons, real web servers and guests with a real IPVS, for the tests that need
//! more than one crate.
//!
//! Everything here is used in two places: on the host, and inside a guest that runs a test binary built on the host.
//! Whatever is started dies with the process that started it, however that one ends.

pub mod agent;
pub mod alike;
pub mod attributes;
pub mod bus;
mod cases;
pub mod client;
pub mod crowd;
pub mod daemon;
pub mod dissect;
pub mod figures;
pub mod foreign_socket;
pub mod guest;
pub mod host_state;
pub mod load;
pub mod mail;
pub mod matrix;
pub mod neighbours;
pub mod network;
pub mod node;
pub mod onlooker;
mod packet_socket;
pub mod pair;
pub mod pulse;
pub mod relay;
pub mod resolver;
pub mod saved_table;
pub mod scripted;
pub mod seed;
pub mod site;
pub mod snmp;
mod source_ports;
pub mod sweep;
pub mod table;
pub mod trace;
pub mod undisturbed;
pub mod usage;
pub mod verdicts;
pub mod wait;
pub mod web;
