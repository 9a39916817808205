//! `virtualServerGroupTable` and `virtualServerGroupMemberTable`.

use std::net::IpAddr;
use std::rc::Rc;

use holdfast_agentx::{Column, Table, Tree, Value};
use holdfast_conf::config::GroupEntry;

use super::{column, root};
use crate::plan::snmp::SnmpPlan;

const GROUP_COLUMNS: &[Column<String>] = &[
    column(2, |name| Some(Value::text(name))), // Name
];

const MEMBER_COLUMNS: &[Column<GroupEntry>] = &[
    column(2, |entry| Some(kind(*entry))), // Type
    column(3, |entry| match entry {
        GroupEntry::Fwmark { mark, .. } => Some(Value::Gauge32(*mark)), // FwMark
        GroupEntry::Addresses { .. } => None,
    }),
    column(4, |entry| Some(Value::inet_address_type(range(*entry)?.0))), // AddrType
    column(5, |entry| {
        let (first, last) = range(*entry)?;
        (first == last).then(|| Value::inet_address(first)) // Address
    }),
    column(6, |entry| {
        let (first, last) = range(*entry)?;
        (first != last).then(|| Value::inet_address(first)) // Addr1
    }),
    column(7, |entry| {
        let (first, last) = range(*entry)?;
        (first != last).then(|| Value::inet_address(last)) // Addr2
    }),
    column(8, |entry| match entry {
        GroupEntry::Addresses { port, .. } => Some(Value::gauge(*port)), // Port
        GroupEntry::Fwmark { .. } => None,
    }),
];

pub(super) fn add(tree: &mut Tree, plan: &Rc<SnmpPlan>) {
    let mut groups = Table::new(root().with(&[1, 1]), GROUP_COLUMNS);
    let mut members = Table::new(root().with(&[2, 1]), MEMBER_COLUMNS);
    for (number, group) in (1..).zip(&plan.check.groups) {
        groups.insert([number], group.name.clone());
        for (member, entry) in (1..).zip(&group.members) {
            members.insert([number, member], *entry);
        }
    }
    tree.add_table(groups);
    tree.add_table(members);
}

/// First and last address.
const fn range(entry: GroupEntry) -> Option<(IpAddr, IpAddr)> {
    match entry {
        GroupEntry::Addresses { first, last, .. } => Some((first, last)),
        GroupEntry::Fwmark { .. } => None,
    }
}

fn kind(entry: GroupEntry) -> Value {
    Value::Integer(match entry {
        GroupEntry::Fwmark { .. } => 1,
        GroupEntry::Addresses { first, last, .. } if first == last => 2,
        GroupEntry::Addresses { .. } => 3,
    })
}
