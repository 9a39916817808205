//! `vrrpRuleTable`: static rules under the number 0, then those of each instance.

use std::rc::Rc;

use holdfast_agentx::{Column, Table, Tree, Value};
use holdfast_conf::config::{Prefix, Rule, RuleAction};
use holdfast_vrrp::RoutingKind;

use super::super::context::{Context, InstanceRow, column};
use super::super::number;
use super::routes::{OUR_PROTOCOL, is_static_set};
use super::{destination_realm, root, source_realm};
use crate::plan::snmp::vrrp::RuleFacts;

struct Row {
    context: Rc<Context>,
    /// `None`: it is static
    instance: Option<Rc<InstanceRow>>,
    place: usize,
}

impl Row {
    fn facts(&self) -> Option<&RuleFacts> {
        let rules = match &self.instance {
            None => &self.context.facts().static_rules,
            Some(row) => &row.facts()?.rules,
        };
        rules.get(self.place)
    }

    fn rule(&self) -> Option<&Rule> {
        self.facts().map(|facts| &facts.rule)
    }

    fn is_set(&self) -> Option<bool> {
        let text = &self.facts()?.text;
        Some(match &self.instance {
            Some(row) => row.has_routing(RoutingKind::Rule, text),
            None => is_static_set(&self.context, RoutingKind::Rule, text),
        })
    }

    /// What the columns show that are obsolete: the destination, else the source.
    fn prefix(&self) -> Option<Prefix> {
        let rule = self.rule()?;
        rule.to.or(rule.from)
    }
}

fn direction(rule: &Rule) -> Value {
    Value::text(match (rule.from, rule.to) {
        (Some(_), Some(_)) => "both",
        (None, Some(_)) => "to",
        (Some(_), None) => "from",
        (None, None) => "",
    })
}

/// The table that it leads to: none of its own with `l3mdev`.
const fn table(rule: &Rule) -> Option<Value> {
    match rule.action {
        RuleAction::Table(table) => Some(Value::Gauge32(table)),
        RuleAction::L3mdev => Some(Value::Gauge32(0)),
        _ => None,
    }
}

/// `RuleAction`: `FR_ACT_*`.
const fn action(rule: &Rule) -> Value {
    Value::Integer(match rule.action {
        RuleAction::Table(_) | RuleAction::L3mdev => 1,
        RuleAction::Goto(_) => 2,
        RuleAction::Nop => 3,
        RuleAction::Blackhole => 6,
        RuleAction::Unreachable => 7,
        RuleAction::Prohibit => 8,
    })
}

fn port(ports: Option<(u16, u16)>, of: fn((u16, u16)) -> u16) -> Option<Value> {
    ports.map(of).map(Value::gauge)
}

const RULES: &[Column<Row>] = &[
    column(2, |row| Some(direction(row.rule()?))),
    column(3, |row| {
        row.prefix().map(|prefix| Value::inet_address_type(prefix.address))
    }),
    column(4, |row| row.prefix().map(|prefix| Value::inet_address(prefix.address))),
    column(5, |row| row.prefix().map(|prefix| Value::gauge(prefix.length))),
    column(6, |row| table(row.rule()?)),
    column(7, |row| row.is_set().map(Value::truth)),
    column(8, |row| Some(Value::truth(row.rule()?.not))),
    column(9, |row| row.rule()?.to.map(|to| Value::inet_address_type(to.address))),
    column(10, |row| row.rule()?.to.map(|to| Value::inet_address(to.address))),
    column(11, |row| row.rule()?.to.map(|to| Value::gauge(to.length))),
    column(12, |row| {
        row.rule()?.from.map(|from| Value::inet_address_type(from.address))
    }),
    column(13, |row| row.rule()?.from.map(|from| Value::inet_address(from.address))),
    column(14, |row| row.rule()?.from.map(|from| Value::gauge(from.length))),
    column(15, |row| Some(Value::gauge(row.rule()?.tos.unwrap_or(0)))),
    column(16, |row| row.rule()?.fwmark.map(|(mark, _)| Value::Gauge32(mark))),
    column(17, |row| {
        let (_, mask) = row.rule()?.fwmark?;
        (mask != u32::MAX).then_some(Value::Gauge32(mask))
    }),
    column(18, |row| destination_realm(row.rule()?.realms)),
    column(19, |row| source_realm(row.rule()?.realms)),
    column(20, |row| {
        row.rule()?.iif.as_ref().map(|name| Value::text(name.as_str()))
    }),
    column(21, |row| {
        row.rule()?.oif.as_ref().map(|name| Value::text(name.as_str()))
    }),
    column(22, |row| match row.rule()?.action {
        RuleAction::Goto(target) => Some(Value::Gauge32(target)),
        _ => None,
    }),
    column(23, |row| Some(action(row.rule()?))),
    column(24, |row| table(row.rule()?)),
    column(25, |row| {
        Some(Value::Gauge32(row.rule()?.preference)).filter(|value| *value != Value::Gauge32(0))
    }),
    column(26, |row| row.rule()?.suppress_prefixlength.map(Value::Gauge32)),
    column(27, |row| {
        row.rule()?.suppress_ifgroup.map(|group| Value::text(group.to_string()))
    }),
    column(28, |row| row.rule()?.tunnel_id.map(|id| Value::gauge(id >> 32))),
    column(29, |row| row.rule()?.tunnel_id.map(|id| Value::gauge(id & 0xffff_ffff))),
    column(30, |row| row.rule()?.uidrange.map(|(first, _)| Value::Gauge32(first))),
    column(31, |row| row.rule()?.uidrange.map(|(_, last)| Value::Gauge32(last))),
    column(32, |row| {
        (row.rule()?.action == RuleAction::L3mdev).then(|| Value::truth(true))
    }),
    column(33, |row| {
        let rule = row.rule()?;
        // unspec is 1
        let said = rule.no_track && ![0, OUR_PROTOCOL].contains(&rule.protocol);
        said.then(|| Value::integer(i32::from(rule.protocol) + 1))
    }),
    column(34, |row| row.rule()?.ipproto.map(Value::gauge)),
    column(35, |row| port(row.rule()?.sport, |(first, _)| first)),
    column(36, |row| port(row.rule()?.sport, |(_, last)| last)),
    column(37, |row| port(row.rule()?.dport, |(first, _)| first)),
    column(38, |row| port(row.rule()?.dport, |(_, last)| last)),
];

pub(super) fn add(tree: &mut Tree, context: &Rc<Context>) {
    let mut table = Table::new(root().with(&[8, 1]), RULES);
    let of_instances = context.instances().map(Rc::new);
    let owners = std::iter::once(None).chain(of_instances.map(Some));
    for (owner, instance) in (0..).zip(owners) {
        let count = match &instance {
            None => context.facts().static_rules.len(),
            Some(row) => row.facts().map_or(0, |facts| facts.rules.len()),
        };
        for place in 0..count {
            let row = Row {
                context: Rc::clone(context),
                instance: instance.clone(),
                place,
            };
            table.insert([owner, number(place)], row);
        }
    }
    tree.add_table(table);
}
