//! KEEPALIVED-MIB 2: instances, groups, trackers.

mod addresses;
mod groups;
mod instances;
mod routes;
mod rules;
mod tracked;
mod trackers;

use std::rc::Rc;

use holdfast_agentx::{Oid, SetError, Tree, Value};
use holdfast_vrrp::{Adjustment, State};

use super::context::Context;
use super::{KEEPALIVED, Trap};
use crate::ipc::VrrpNotification;
use crate::plan::snmp::SnmpPlan;
use crate::snapshot::VrrpSnapshot;

/// Below the root of this part: `vrrpSyncGroupStateChange`, `vrrpInstanceStateChange`.
const GROUP_TRAP: [u32; 3] = [10, 0, 1];
const INSTANCE_TRAP: [u32; 3] = [10, 0, 2];

/// `routerId`, below the root of the MIB.
const ROUTER_ID: [u32; 3] = [1, 2, 0];

/// What setting an object means; `None`: it cannot be set.
pub(super) fn adjustment(plan: &SnmpPlan, oid: &Oid, value: &Value) -> Option<Result<(String, Adjustment), SetError>> {
    instances::adjustment(&plan.vrrp, oid, value).filter(|_| plan.serves.vrrp)
}

fn root() -> Oid {
    Oid::from(KEEPALIVED).with(&[2])
}

/// Adds all objects.
pub(super) fn add(tree: &mut Tree, plan: &Rc<SnmpPlan>, live: &Rc<VrrpSnapshot>) {
    let context = Context::new(plan, live);
    groups::add(tree, &context);
    instances::add(tree, &context);
    tracked::add(tree, &context);
    addresses::add(tree, &context);
    routes::add(tree, &context);
    rules::add(tree, &context);
    trackers::add(tree, &context);
}

/// The trap for a change. As with keepalived the objects in it have no index.
pub(super) fn traps(plan: &SnmpPlan, change: &VrrpNotification) -> Vec<Trap> {
    let Some(state) = trap_state(&change.state) else {
        return Vec::new();
    };
    let root = root();
    let router_id = (
        Oid::from(KEEPALIVED).with(&ROUTER_ID),
        Value::text(&plan.global.router_id),
    );
    let (trap, table) = if change.is_group {
        (GROUP_TRAP, [1, 1])
    } else {
        (INSTANCE_TRAP, [3, 1])
    };
    let object = |column: u32, value| (root.with(&table).with(&[column]), value);
    let mut objects = if change.is_group {
        vec![object(2, Value::text(&change.name)), object(3, state)]
    } else {
        let mut instances = plan.vrrp.instances.iter();
        let of_name = instances.find(|facts| facts.name == change.name);
        let starts_as = of_name.is_some_and(|facts| facts.starts_as_master);
        vec![
            object(2, Value::text(&change.name)),
            object(4, state),
            object(5, instances::initial_state(starts_as)),
        ]
    };
    objects.push(router_id);
    vec![Trap {
        oid: root.with(&trap),
        objects,
    }]
}

/// `VrrpState` in traps, which know of more ends than tables; `None`: no change of state.
fn trap_state(state: &str) -> Option<Value> {
    Some(Value::Integer(match state {
        "BACKUP" => 1,
        "MASTER" => 2,
        "FAULT" => 3,
        "STOP" => 5,
        "DELETED" => 6,
        _ => return None,
    }))
}

/// `VrrpState` in tables.
fn state(state: State) -> Value {
    Value::Integer(match state {
        State::Init => 0,
        State::Backup => 1,
        State::Master => 2,
        State::Fault => 3,
        State::Deleted | State::Stopped => 4,
    })
}

/// `InetScopeType` of a scope of the kernel.
fn scope(scope: u8) -> Value {
    Value::Integer(match scope {
        0 => 14,
        200 => 5,
        253 => 2,
        254 => 1,
        _ => 0,
    })
}

/// Destination and source realm of what the kernel has in one number; `None`: not said.
fn destination_realm(realms: Option<u32>) -> Option<Value> {
    realms
        .filter(|realms| *realms != 0)
        .map(|realms| Value::Gauge32(realms & 0xffff))
}

fn source_realm(realms: Option<u32>) -> Option<Value> {
    realms
        .map(|realms| realms >> 16)
        .filter(|realm| *realm != 0)
        .map(Value::Gauge32)
}
