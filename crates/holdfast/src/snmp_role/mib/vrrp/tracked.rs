//! What instances and groups track: five tables each, alike but for those of interfaces, which have no column for an index.

use std::rc::Rc;

use holdfast_agentx::{Column, Table, Tree, Value};
use holdfast_conf::config::Tracked;

use super::super::context::{Context, column};
use super::super::number;
use super::root;
use crate::plan::snmp::vrrp::Trackers;

const INTERFACES: &[Column<Tracked>] = &[
    column(1, |tracked| Some(Value::text(tracked.name.as_str()))),
    column(2, |tracked| Some(Value::integer(tracked.weight))),
    column(3, |tracked| Some(Value::truth(tracked.reverse))),
];

const OTHERS: &[Column<Tracked>] = &[
    column(2, |tracked| Some(Value::text(tracked.name.as_str()))),
    column(3, |tracked| Some(Value::integer(tracked.weight))),
    column(4, |tracked| Some(Value::truth(tracked.reverse))),
];

/// One of the tables: of instances, and of groups.
struct Kind {
    of_instances: u32,
    of_groups: u32,
    columns: &'static [Column<Tracked>],
    list: fn(&Trackers) -> &[Tracked],
}

const KINDS: [Kind; 5] = [
    Kind {
        of_instances: 4,
        of_groups: 14,
        columns: INTERFACES,
        list: |tracks| &tracks.interfaces,
    },
    Kind {
        of_instances: 5,
        of_groups: 15,
        columns: OTHERS,
        list: |tracks| &tracks.scripts,
    },
    Kind {
        of_instances: 12,
        of_groups: 16,
        columns: OTHERS,
        list: |tracks| &tracks.files,
    },
    Kind {
        of_instances: 17,
        of_groups: 19,
        columns: OTHERS,
        list: |tracks| &tracks.bfds,
    },
    Kind {
        of_instances: 20,
        of_groups: 22,
        columns: OTHERS,
        list: |tracks| &tracks.processes,
    },
];

pub(super) fn add(tree: &mut Tree, context: &Rc<Context>) {
    let facts = context.facts();
    for kind in &KINDS {
        let instances = facts.instances.iter().map(|it| &it.tracks);
        tree.add_table(table(kind, kind.of_instances, instances));
        let groups = facts.groups.iter().map(|it| &it.tracks);
        tree.add_table(table(kind, kind.of_groups, groups));
    }
}

fn table<'a>(kind: &Kind, at: u32, owners: impl Iterator<Item = &'a Trackers>) -> Table<Tracked> {
    let mut table = Table::new(root().with(&[at, 1]), kind.columns);
    for (owner, tracks) in owners.enumerate() {
        for (place, tracked) in (kind.list)(tracks).iter().enumerate() {
            table.insert([number(owner), number(place)], tracked.clone());
        }
    }
    table
}
