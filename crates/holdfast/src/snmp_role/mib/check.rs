//! KEEPALIVED-MIB 3: virtual and real servers.

mod groups;
mod numbers;
mod real_servers;
mod scalars;
mod traps;
mod virtual_servers;

use std::rc::Rc;

use holdfast_agentx::{Column, Oid, Tree, Value};

use super::KEEPALIVED;
use crate::plan::snmp::SnmpPlan;
use crate::plan::snmp::check::VirtualServerFacts;
use crate::snapshot::CheckerSnapshot;
use crate::snapshot::checker::VirtualServerSnapshot;

pub(super) use traps::traps;

/// Adds all objects.
pub(super) fn add(tree: &mut Tree, plan: &Rc<SnmpPlan>, live: &Rc<CheckerSnapshot>) {
    groups::add(tree, plan);
    virtual_servers::add(tree, plan, live);
    real_servers::add(tree, plan, live);
    scalars::add(tree, plan);
}

/// `check`.
fn root() -> Oid {
    Oid::from(KEEPALIVED).with(&[3])
}

/// A virtual server: what the file says, and what it is like.
struct Server {
    plan: Rc<SnmpPlan>,
    live: Rc<CheckerSnapshot>,
    /// In the order of the file
    place: usize,
}

impl Server {
    fn facts(&self) -> Option<&VirtualServerFacts> {
        self.plan.check.virtual_servers.get(self.place)
    }

    /// `None`: the checker has another configuration at this moment.
    fn live(&self) -> Option<&VirtualServerSnapshot> {
        let live = self.live.virtual_servers.get(self.place)?;
        (live.name == self.facts()?.name).then_some(live)
    }
}

const fn column<R>(number: u32, value: fn(&R) -> Option<Value>) -> Column<R> {
    Column { number, value }
}

#[cfg(test)]
mod tests;
