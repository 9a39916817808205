//! `vrrpAddressTable`: static addresses under the number 0, then those of each instance.

use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;

use holdfast_agentx::{Column, Table, Tree, Value};
use holdfast_conf::config::VirtualAddress;

use super::super::context::{Context, InstanceRow, column};
use super::super::number;
use super::{root, scope};
use crate::plan::routing::StaticEntry;

/// Whose address it is.
enum Owner {
    Static(Rc<Context>),
    /// The instance and the place among all its addresses
    Instance(Rc<InstanceRow>, usize),
}

struct Row {
    owner: Owner,
    /// The place in its list of the file
    place: usize,
}

impl Row {
    fn facts(&self) -> Option<&VirtualAddress> {
        match &self.owner {
            Owner::Static(context) => context.facts().static_addresses.get(self.place),
            Owner::Instance(row, place) => {
                let facts = row.facts()?;
                facts.addresses.iter().chain(&facts.excluded).nth(*place)
            }
        }
    }

    fn context(&self) -> &Context {
        match &self.owner {
            Owner::Static(context) => context,
            Owner::Instance(row, _) => row.context(),
        }
    }

    /// Where it is in fact: an address of a virtual router with an interface of its own is there.
    fn interface(&self) -> Option<&str> {
        let of_host = match &self.owner {
            Owner::Static(_) => None,
            Owner::Instance(row, place) => row.addresses().get(*place),
        };
        match of_host {
            Some(known) => Some(&known.interface),
            None => Some(self.facts()?.dev.as_str()),
        }
    }

    fn is_set(&self) -> Option<bool> {
        Some(match &self.owner {
            Owner::Static(context) => {
                let facts = self.facts()?;
                let is_it = |entry: &StaticEntry| {
                    matches!(entry, StaticEntry::Address { interface, address }
                        if *interface == facts.dev.value && address.address == facts.address.value)
                };
                context.live.statics.iter().any(|(entry, there)| *there && is_it(entry))
            }
            Owner::Instance(row, place) => row.addresses().get(*place).is_some_and(|known| known.is_set),
        })
    }

    fn is_advertised(&self) -> bool {
        match &self.owner {
            Owner::Static(_) => false,
            Owner::Instance(row, place) => row.facts().is_some_and(|facts| *place < facts.addresses.len()),
        }
    }
}

const ADDRESSES: &[Column<Row>] = &[
    column(2, |row| Some(Value::inet_address_type(row.facts()?.address.value))),
    column(3, |row| Some(Value::inet_address(row.facts()?.address.value))),
    column(4, |row| {
        let facts = row.facts()?;
        let broadcast = facts.broadcast.unwrap_or(Ipv4Addr::UNSPECIFIED);
        facts
            .address
            .is_ipv4()
            .then(|| Value::inet_address(IpAddr::V4(broadcast)))
    }),
    column(5, |row| Some(Value::gauge(row.facts()?.prefix_length))),
    column(6, |row| Some(scope(row.facts()?.scope))),
    column(7, |row| Some(Value::integer(row.context().index_of(row.interface()?)))),
    column(8, |row| row.interface().map(Value::text)),
    column(9, |row| row.facts()?.label.as_ref().map(Value::text)),
    column(10, |row| row.is_set().map(Value::truth)),
    column(11, |row| Some(Value::truth(row.is_advertised()))),
    column(12, |row| row.facts()?.peer.map(Value::inet_address)),
];

pub(super) fn add(tree: &mut Tree, context: &Rc<Context>) {
    let mut table = Table::new(root().with(&[6, 1]), ADDRESSES);
    for place in 0..context.facts().static_addresses.len() {
        let owner = Owner::Static(Rc::clone(context));
        table.insert([0, number(place)], Row { owner, place });
    }
    for (instance, row) in context.instances().enumerate() {
        let row = Rc::new(row);
        let count = row
            .facts()
            .map_or(0, |facts| facts.addresses.len() + facts.excluded.len());
        for place in 0..count {
            let owner = Owner::Instance(Rc::clone(&row), place);
            table.insert([number(instance), number(place)], Row { owner, place });
        }
    }
    tree.add_table(table);
}
