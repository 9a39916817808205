//! KEEPALIVED-MIB 3: virtual and real servers.

use std::rc::Rc;

use holdfast_agentx::Tree;
use holdfast_health::action::Notification;

use super::Trap;
use crate::plan::snmp::SnmpPlan;
use crate::snapshot::CheckerSnapshot;

/// Adds all objects.
pub(super) fn add(_tree: &mut Tree, _plan: &Rc<SnmpPlan>, _live: &Rc<CheckerSnapshot>) {}

/// The traps for a change; `live`: what was heard last, and may be older than it.
pub(super) fn traps(_plan: &SnmpPlan, _live: Option<&CheckerSnapshot>, _change: &Notification) -> Vec<Trap> {
    Vec::new()
}
