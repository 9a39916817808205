//! VRRPV3-MIB (RFC 6527): VRRP version 3.

use std::rc::Rc;

use holdfast_agentx::{Oid, Tree};

use super::Trap;
use crate::ipc::VrrpTrap;
use crate::plan::snmp::SnmpPlan;
use crate::snapshot::VrrpSnapshot;

/// Where it is.
pub(super) fn root() -> Oid {
    Oid::from([1, 3, 6, 1, 2, 1, 207])
}

/// Adds all objects.
pub(super) fn add(_tree: &mut Tree, _plan: &Rc<SnmpPlan>, _live: &Rc<VrrpSnapshot>) {}

/// The traps for what happened.
pub(super) fn traps(_plan: &SnmpPlan, _news: &VrrpTrap) -> Vec<Trap> {
    Vec::new()
}
