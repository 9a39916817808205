//! `vrrpScriptTable`, `vrrpFileTable`, `vrrpBfdTable`, `vrrpProcessTable`: what is tracked, whoever does.

use std::rc::Rc;

use holdfast_agentx::{Column, Table, Tree, Value};
use holdfast_conf::config::{ParamMatch, TrackFile, VrrpTrackProcess};

use super::super::context::{Context, column};
use super::super::number;
use super::root;
use crate::plan::snmp::vrrp::{BfdFacts, ScriptFacts};
use crate::status::ProcessStatus;

/// A row of any of the tables.
struct Row {
    context: Rc<Context>,
    place: usize,
}

impl Row {
    fn script(&self) -> Option<&ScriptFacts> {
        self.context.facts().scripts.get(self.place)
    }

    fn file(&self) -> Option<&TrackFile> {
        self.context.facts().files.get(self.place)
    }

    fn bfd(&self) -> Option<&BfdFacts> {
        self.context.facts().bfds.get(self.place)
    }

    fn process(&self) -> Option<&VrrpTrackProcess> {
        self.context.facts().processes.get(self.place)
    }

    /// What the supervisor knows of the process.
    fn process_status(&self) -> Option<&ProcessStatus> {
        let name = self.process()?.name.as_str();
        self.context.live.trackers.processes.iter().find(|it| it.name == name)
    }

    /// Waiting for the first result, bad, good, or one that cannot run.
    fn script_result(&self) -> Option<Value> {
        let name = self.script()?.name.as_str();
        let status = self.context.live.trackers.scripts.iter().find(|it| it.name == name);
        let up = match status {
            Some(status) if status.disabled.is_some() => return Some(Value::Integer(5)),
            Some(status) => status.up,
            None => None,
        };
        Some(Value::Integer(match up {
            None => 1,
            Some(false) => 2,
            Some(true) => 3,
        }))
    }

    fn file_value(&self) -> Option<Value> {
        let value = self.context.live.known.files.get(self.file()?.name.as_str());
        Some(Value::integer(value.copied().unwrap_or(0)))
    }
}

const SCRIPTS: &[Column<Row>] = &[
    column(2, |row| Some(Value::text(&row.script()?.name))),
    column(3, |row| Some(Value::text(&row.script()?.command))),
    column(4, |row| Some(Value::integer(row.script()?.interval.as_secs()))),
    column(5, |row| Some(Value::integer(row.script()?.weight))),
    column(6, Row::script_result),
    column(7, |row| Some(Value::Gauge32(row.script()?.rise))),
    column(8, |row| Some(Value::Gauge32(row.script()?.fall))),
    column(9, |row| Some(Value::truth(row.script()?.reverse))),
    column(10, |row| Some(Value::text(&row.script()?.path))),
    column(11, |row| Some(Value::gauge(row.script()?.interval.as_micros()))),
    column(12, |row| Some(Value::gauge(row.script()?.timeout.as_micros()))),
];

const FILES: &[Column<Row>] = &[
    column(2, |row| Some(Value::text(row.file()?.name.as_str()))),
    column(3, |row| Some(Value::text(row.file()?.file.as_str()))),
    column(4, Row::file_value),
    column(5, |row| Some(Value::integer(row.file()?.weight))),
    column(6, |row| Some(Value::truth(row.file()?.reverse))),
];

const BFDS: &[Column<Row>] = &[
    column(2, |row| Some(Value::text(&row.bfd()?.name))),
    column(3, |row| {
        let up = row.context.live.known.bfds.get(&row.bfd()?.name);
        Some(Value::Integer(i32::from(up == Some(&true))))
    }),
    column(4, |row| Some(Value::integer(row.bfd()?.weight))),
    column(5, |row| Some(Value::truth(row.bfd()?.reverse))),
];

const PROCESSES: &[Column<Row>] = &[
    column(2, |row| Some(Value::text(row.process()?.name.as_str()))),
    column(3, |row| Some(Value::text(&row.process()?.process))),
    column(4, |row| Some(Value::text(row.process()?.arguments.join(" ")))),
    column(5, |row| {
        Some(Value::Integer(match row.process()?.param_match {
            None => 0,
            Some(ParamMatch::Exact) => 1,
            Some(ParamMatch::Partial) => 2,
            Some(ParamMatch::Initial) => 3,
        }))
    }),
    column(6, |row| Some(Value::integer(row.process()?.weight))),
    column(7, |row| Some(Value::truth(row.process()?.reverse))),
    column(8, |row| Some(Value::Gauge32(row.process()?.quorum))),
    // -1: there may be any number
    column(9, |row| {
        Some(row.process()?.quorum_max.map_or(Value::Integer(-1), Value::integer))
    }),
    column(10, |row| Some(Value::gauge(row.process()?.fork_delay.as_micros()))),
    column(11, |row| Some(Value::gauge(row.process()?.terminate_delay.as_micros()))),
    column(12, |row| Some(Value::truth(row.process()?.full_command))),
    column(13, |row| {
        Some(Value::integer(row.process_status().map_or(0, |status| status.count)))
    }),
    column(14, |row| {
        let up = row.process_status().and_then(|status| status.up);
        Some(Value::truth(up == Some(true)))
    }),
];

pub(super) fn add(tree: &mut Tree, context: &Rc<Context>) {
    let facts = context.facts();
    let tables = [
        (9, SCRIPTS, facts.scripts.len()),
        (13, FILES, facts.files.len()),
        (18, BFDS, facts.bfds.len()),
        (21, PROCESSES, facts.processes.len()),
    ];
    for (at, columns, count) in tables {
        let mut table = Table::new(root().with(&[at, 1]), columns);
        for place in 0..count {
            let context = Rc::clone(context);
            table.insert([number(place)], Row { context, place });
        }
        tree.add_table(table);
    }
}
