//! `lvsSyncDaemon` and `lvsTimeouts`.

use std::rc::Rc;

use holdfast_agentx::{Scalar, Tree, Value};

use super::root;
use crate::plan::snmp::SnmpPlan;
use crate::plan::snmp::check::SyncDaemonFacts;

const SCALARS: &[Scalar<SnmpPlan>] = &[
    scalar(&[6, 1], |plan| Some(Value::truth(plan.check.sync_daemon.is_some()))), // Enabled
    scalar(&[6, 2], |plan| Some(Value::text(&sync(plan)?.interface))),            // Interface
    scalar(&[6, 3], |plan| sync(plan)?.instance.as_ref().map(Value::text)),       // VrrpInstance
    scalar(&[6, 4], |plan| Some(Value::integer(sync(plan)?.id))),                 // SyncId
    scalar(&[6, 5], |plan| Some(Value::integer(sync(plan)?.max_len))),            // MaxLen
    scalar(&[6, 6], |plan| Some(Value::integer(sync(plan)?.port))),               // Port
    scalar(&[6, 7], |plan| Some(Value::integer(sync(plan)?.ttl))),                // TTL
    scalar(&[6, 8], |plan| sync(plan)?.group.map(Value::inet_address_type)),      // McastGroupAddrType
    scalar(&[6, 9], |plan| sync(plan)?.group.map(Value::inet_address)),           // McastGroupAddrValue
    scalar(&[7, 1], |plan| timeout(plan.check.timeouts.tcp_s)),                   // Tcp
    scalar(&[7, 2], |plan| timeout(plan.check.timeouts.tcp_fin_s)),               // TcpFin
    scalar(&[7, 3], |plan| timeout(plan.check.timeouts.udp_s)),                   // Udp
];

pub(super) fn add(tree: &mut Tree, plan: &Rc<SnmpPlan>) {
    tree.add_scalars(&root(), SCALARS, plan);
}

const fn scalar(path: &'static [u32], value: fn(&SnmpPlan) -> Option<Value>) -> Scalar<SnmpPlan> {
    Scalar { path, value }
}

const fn sync(plan: &SnmpPlan) -> Option<&SyncDaemonFacts> {
    plan.check.sync_daemon.as_ref()
}

/// The kernel's own is not shown.
fn timeout(seconds: u64) -> Option<Value> {
    (seconds > 0).then(|| Value::integer(seconds))
}
