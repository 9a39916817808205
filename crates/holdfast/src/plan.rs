//! From the configuration as the language resolved it to the settings of the machines. What has to do with scripts and
//! tracked files is checked against this host; all else is pure.

pub mod bfd;
pub mod buffers;
pub mod commands;
pub mod dbus;
pub mod health;
pub mod identity;
pub mod ipvs;
pub mod keys;
pub mod links;
pub mod lvs_sysctls;
pub mod mark_ranges;
pub mod marks;
pub mod notify;
pub mod own_interfaces;
pub mod pacing;
pub mod process_attributes;
pub mod processes;
pub mod routing;
pub mod scripts;
pub mod snmp;
pub mod trackers;
pub mod vrrp;
