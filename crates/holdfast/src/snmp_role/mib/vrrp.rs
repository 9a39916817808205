//! KEEPALIVED-MIB 2: instances, groups, trackers.

use std::rc::Rc;

use holdfast_agentx::Tree;

use super::Trap;
use crate::ipc::VrrpNotification;
use crate::plan::snmp::SnmpPlan;
use crate::snapshot::VrrpSnapshot;

/// Adds all objects.
pub(super) fn add(_tree: &mut Tree, _plan: &Rc<SnmpPlan>, _live: &Rc<VrrpSnapshot>) {}

/// The traps for a change; `live`: what was heard last, and may be older than it.
pub(super) fn traps(_plan: &SnmpPlan, _live: Option<&VrrpSnapshot>, _change: &VrrpNotification) -> Vec<Trap> {
    Vec::new()
}
