//! `vrrpInstanceTable`.

use std::rc::Rc;

use holdfast_agentx::{Column, Table, Tree, Value};
use holdfast_vrrp::State;

use super::super::context::{Context, InstanceRow, column};
use super::{root, state};
use crate::plan::snmp::vrrp::NotifyFacts;

fn script(row: &InstanceRow, of: fn(&NotifyFacts) -> &Option<String>) -> Option<Value> {
    of(&row.facts()?.notify).as_ref().map(Value::text)
}

/// `VrrpState` of `state` in the file.
pub(super) const fn initial_state(starts_as_master: bool) -> Value {
    Value::Integer(if starts_as_master { 2 } else { 1 })
}

/// Where the instance would be without its sync group.
fn wanted_state(row: &InstanceRow) -> State {
    match row.state() {
        State::Backup if row.live().is_some_and(|live| live.wants_master) => State::Master,
        state => state,
    }
}

/// Version 2 counts seconds, version 3 hundredths of one.
fn advert_interval(row: &InstanceRow) -> Option<Value> {
    let facts = row.facts()?;
    Some(match facts.version {
        2 => Value::gauge(facts.advert_interval.as_secs()),
        _ => Value::gauge(facts.advert_interval.as_millis() / 10),
    })
}

const INSTANCES: &[Column<InstanceRow>] = &[
    column(2, |row| Some(Value::text(&row.facts()?.name))),
    column(3, |row| Some(Value::gauge(row.facts()?.vrid))),
    column(4, |row| Some(state(row.state()))),
    column(5, |row| Some(initial_state(row.facts()?.starts_as_master))),
    column(6, |row| Some(state(wanted_state(row)))),
    column(7, |row| {
        let priority = row.live().map(|live| live.base_priority);
        Some(Value::integer(priority.unwrap_or(row.facts()?.priority)))
    }),
    column(8, |row| {
        let priority = row.live().map(|live| live.effective_priority);
        Some(Value::integer(priority.unwrap_or(row.facts()?.priority)))
    }),
    column(9, |row| {
        let addresses = row.addresses();
        Some(Value::truth(
            row.state() == State::Master && addresses.iter().all(|address| address.is_set),
        ))
    }),
    column(10, |row| row.interface_name().map(Value::text)),
    column(11, |row| Some(Value::truth(row.facts()?.tracks_primary))),
    column(12, advert_interval),
    column(13, |row| Some(Value::truth(row.facts()?.preempt))),
    column(14, |row| Some(Value::gauge(row.facts()?.preempt_delay.as_secs()))),
    column(15, |row| Some(Value::integer(row.facts()?.authentication))),
    column(16, |row| Some(Value::truth(row.facts()?.sync_interface.is_some()))),
    column(17, |row| row.facts()?.sync_interface.as_ref().map(Value::text)),
    column(18, |row| row.facts()?.group.as_ref().map(Value::text)),
    column(19, |row| Some(Value::gauge(row.facts()?.garp_delay.as_secs()))),
    column(20, |row| Some(Value::truth(row.facts()?.mail))),
    column(21, |row| Some(Value::truth(row.facts()?.notify.any()))),
    column(22, |row| script(row, |notify| &notify.master)),
    column(23, |row| script(row, |notify| &notify.backup)),
    column(24, |row| script(row, |notify| &notify.fault)),
    column(25, |row| script(row, |notify| &notify.stop)),
    column(26, |row| script(row, |notify| &notify.all)),
    column(27, |row| {
        let facts = row.facts()?;
        // Version 2 has no such mode.
        Some(match facts.version {
            2 => Value::Integer(0),
            _ => Value::truth(facts.accept),
        })
    }),
    column(28, |row| Some(Value::truth(row.facts()?.promote_secondaries))),
    column(29, |row| Some(Value::truth(row.facts()?.polls_link))),
    column(30, |row| Some(Value::integer(row.facts()?.version))),
    column(31, |row| script(row, |notify| &notify.rx_lower_priority)),
    column(32, |row| script(row, |notify| &notify.deleted)),
    column(33, |row| Some(Value::truth(row.facts()?.notify_deleted))),
    column(34, |row| row.facts()?.multicast.map(Value::inet_address_type)),
    column(35, |row| row.facts()?.multicast.map(Value::inet_address)),
    column(36, |row| Some(Value::truth(row.facts()?.v3_checksum_as_v2))),
];

pub(super) fn add(tree: &mut Tree, context: &Rc<Context>) {
    let mut table = Table::new(root().with(&[3, 1]), INSTANCES);
    for (index, row) in (1..).zip(context.instances()) {
        table.insert([index], row);
    }
    tree.add_table(table);
}
