//! What a process knows of its state at one moment, for whoever asks: SNMP, D-Bus, state files. Plain data, made on request.

pub mod checker;
pub mod vrrp;

pub use self::checker::CheckerSnapshot;
pub use self::vrrp::VrrpSnapshot;
