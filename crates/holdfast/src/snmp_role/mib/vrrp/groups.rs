//! `vrrpSyncGroupTable` and `vrrpSyncGroupMemberTable`.

use std::rc::Rc;

use holdfast_agentx::{Column, Table, Tree, Value};

use super::super::context::{Context, column};
use super::{root, state};
use crate::plan::snmp::vrrp::{GroupFacts, NotifyFacts};

struct Row {
    context: Rc<Context>,
    place: usize,
}

impl Row {
    fn facts(&self) -> Option<&GroupFacts> {
        self.context.facts().groups.get(self.place)
    }

    fn script(&self, of: fn(&NotifyFacts) -> &Option<String>) -> Option<Value> {
        of(&self.facts()?.notify).as_ref().map(Value::text)
    }
}

const GROUPS: &[Column<Row>] = &[
    column(2, |row| Some(Value::text(&row.facts()?.name))),
    column(3, |row| Some(state(row.context.group_state(&row.facts()?.name)))),
    column(4, |row| Some(Value::truth(row.facts()?.mail))),
    column(5, |row| Some(Value::truth(row.facts()?.notify.any()))),
    column(6, |row| row.script(|notify| &notify.master)),
    column(7, |row| row.script(|notify| &notify.backup)),
    column(8, |row| row.script(|notify| &notify.fault)),
    column(9, |row| row.script(|notify| &notify.all)),
    column(10, |row| Some(Value::truth(row.facts()?.tracking_weight))),
    column(11, |row| row.script(|notify| &notify.stop)),
];

const MEMBERS: &[Column<String>] = &[column(2, |name| Some(Value::text(name)))];

pub(super) fn add(tree: &mut Tree, context: &Rc<Context>) {
    let mut groups = Table::new(root().with(&[1, 1]), GROUPS);
    let mut members = Table::new(root().with(&[2, 1]), MEMBERS);
    for (place, group) in context.facts().groups.iter().enumerate() {
        let index = super::super::number(place);
        let context = Rc::clone(context);
        groups.insert([index], Row { context, place });
        for (place, member) in group.members.iter().enumerate() {
            members.insert([index, super::super::number(place)], member.clone());
        }
    }
    tree.add_table(groups);
    tree.add_table(members);
}
