//! `vrrpInstanceTable`.

use std::rc::Rc;

use holdfast_agentx::{Column, Oid, SetError, Table, Tree, Value};
use holdfast_vrrp::settings::OWNER_PRIORITY;
use holdfast_vrrp::{Adjustment, State};

use super::super::context::{Context, InstanceRow, column};
use super::{root, state};
use crate::plan::snmp::vrrp::{InstanceFacts, NotifyFacts, VrrpFacts};

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
    column(7, |row| row.base_priority().map(Value::integer)),
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
    column(13, |row| row.preempts().map(Value::truth)),
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

/// Columns that can be set.
const BASE_PRIORITY: u32 = 7;
const PREEMPT: u32 = 13;

/// What setting an object means; `None`: it is not one of these that can be set.
pub(super) fn adjustment(
    facts: &VrrpFacts,
    oid: &Oid,
    value: &Value,
) -> Option<Result<(String, Adjustment), SetError>> {
    let table = root().with(&[3, 1]);
    let &[column, index] = oid.below(&table)? else {
        return None;
    };
    let place = usize::try_from(index.checked_sub(1)?).ok()?;
    let instance = facts.instances.get(place)?;
    let number = match value {
        Value::Integer(number) => Ok(*number),
        _ => Err(SetError::WrongType),
    };
    let adjustment = match column {
        BASE_PRIORITY => number.and_then(|number| priority(instance, number)),
        PREEMPT => number.and_then(|number| match number {
            1 => Ok(Adjustment::Preempt(true)),
            2 => Ok(Adjustment::Preempt(false)),
            _ => Err(SetError::WrongValue),
        }),
        _ => return None,
    };
    Some(adjustment.map(|adjustment| (instance.name.clone(), adjustment)))
}

/// Nobody becomes the owner of addresses by a word, or ceases to be it.
fn priority(instance: &InstanceFacts, number: i32) -> Result<Adjustment, SetError> {
    let priority = u8::try_from(number).map_err(|_| SetError::WrongValue)?;
    match (instance.priority, priority) {
        (_, 0) => Err(SetError::WrongValue),
        (OWNER_PRIORITY, _) | (_, OWNER_PRIORITY) => Err(SetError::InconsistentValue),
        _ => Ok(Adjustment::Priority(priority)),
    }
}

pub(super) fn add(tree: &mut Tree, context: &Rc<Context>) {
    let mut table = Table::new(root().with(&[3, 1]), INSTANCES);
    for (index, row) in (1..).zip(context.instances()) {
        table.insert([index], row);
    }
    tree.add_table(table);
}
