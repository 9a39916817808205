//! VRRPV3-MIB (RFC 6527): VRRP version 3, and version 2 beside it, as in keepalived.

use std::net::IpAddr;
use std::rc::Rc;

use holdfast_agentx::{Column, Oid, Scalar, Table, Tree, Value};
use holdfast_vrrp::settings::Family;
use holdfast_vrrp::{Counters, Refusal};

use super::Trap;
use super::context::{Context, InstanceRow, column};
use super::rfc2787::{mac, state, ticks, wrapped};
use crate::ipc::{VrrpTrap, VrrpTrapEvent};
use crate::plan::snmp::SnmpPlan;
use crate::plan::snmp::vrrp::InstanceFacts;
use crate::snapshot::VrrpSnapshot;

/// Where it is.
pub(super) fn root() -> Oid {
    Oid::from([1, 3, 6, 1, 2, 1, 207])
}

/// What this MIB can show: instances with an address.
const fn is_shown(facts: &InstanceFacts) -> bool {
    !facts.addresses.is_empty()
}

/// `InetAddressType`
const fn address_type(family: Family) -> u32 {
    match family {
        Family::Ipv4 => 1,
        Family::Ipv6 => 2,
    }
}

/// How long it has been out of INIT and FAULT; 0 while it is there.
fn up_time(row: &InstanceRow) -> Value {
    let up_since = row.live().and_then(|live| live.up_since);
    let length = up_since.map(|since| row.context().live.at.since(since));
    ticks(length.unwrap_or_default())
}

const OPERATIONS: &[Column<InstanceRow>] = &[
    column(3, |row| row.master_address().map(Value::inet_address)),
    column(4, |row| row.primary_address().map(Value::inet_address)),
    column(5, mac),
    column(6, |row| Some(state(row))),
    column(7, |row| row.base_priority().map(Value::gauge)),
    column(8, |row| Some(Value::integer(row.facts()?.addresses.len()))),
    // hundredths of a second
    column(9, |row| {
        Some(Value::integer(row.facts()?.advert_interval.as_millis() / 10))
    }),
    column(10, |row| row.preempts().map(Value::truth)),
    column(11, |row| Some(Value::truth(row.facts()?.accept))),
    column(12, |row| Some(up_time(row))),
    // vrrpv3OperationsRowStatus: active
    column(13, |_| Some(Value::Integer(1))),
];

/// `vrrpv3AssociatedIpAddrRowStatus`: active.
const ADDRESSES: &[Column<()>] = &[column(2, |()| Some(Value::Integer(1)))];

fn counter(row: &InstanceRow, of: fn(&Counters) -> u64) -> Value {
    let counters = row.live().map(|live| live.counters).unwrap_or_default();
    Value::Counter64(of(&counters))
}

const STATISTICS: &[Column<InstanceRow>] = &[
    column(1, |row| {
        let counters = row.live().map(|live| live.counters).unwrap_or_default();
        Some(Value::Counter32(wrapped(counters.become_master)))
    }),
    column(2, |row| {
        let reason = row.live().map(|live| live.master_reason).unwrap_or_default();
        Some(Value::integer(reason.number()))
    }),
    column(3, |row| Some(counter(row, |counters| counters.advert_rcvd))),
    column(4, |row| Some(counter(row, |counters| counters.advert_interval_err))),
    column(5, |row| Some(counter(row, |counters| counters.ip_ttl_err))),
    column(6, |row| {
        let error = row.live().map(|live| live.protocol_error).unwrap_or_default();
        Some(Value::integer(error.number()))
    }),
    column(7, |row| Some(counter(row, |counters| counters.pri_zero_rcvd))),
    column(8, |row| Some(counter(row, |counters| counters.pri_zero_sent))),
    column(9, |row| Some(counter(row, |counters| counters.invalid_type_rcvd))),
    column(10, |row| Some(counter(row, |counters| counters.addr_list_err))),
    column(11, |row| Some(counter(row, |counters| counters.packet_len_err))),
    // vrrpv3StatisticsRowDiscontinuityTime: a reload keeps the counters
    column(12, |_| Some(Value::TimeTicks(0))),
    // vrrpv3StatisticsRefreshRate, ms
    column(13, |row| Some(Value::gauge(row.facts()?.advert_interval.as_millis()))),
];

/// The counters of all routers of this MIB together.
struct Sums {
    checksum: u64,
    version: u64,
    vrid: u64,
}

const SUMS: &[Scalar<Sums>] = &[
    Scalar {
        path: &[1, 2, 1], // vrrpv3RouterChecksumErrors
        value: |sums| Some(Value::Counter64(sums.checksum)),
    },
    Scalar {
        path: &[1, 2, 2], // vrrpv3RouterVersionErrors
        value: |sums| Some(Value::Counter64(sums.version)),
    },
    Scalar {
        path: &[1, 2, 3], // vrrpv3RouterVrIdErrors
        value: |sums| Some(Value::Counter64(sums.vrid)),
    },
    Scalar {
        path: &[1, 2, 4], // vrrpv3GlobalStatisticsDiscontinuityTime
        value: |_| Some(Value::TimeTicks(0)),
    },
];

/// The parts of an address in an index.
fn parts(address: IpAddr) -> Vec<u32> {
    match address {
        IpAddr::V4(address) => address.octets().map(u32::from).to_vec(),
        IpAddr::V6(address) => address.octets().map(u32::from).to_vec(),
    }
}

/// Adds all objects.
pub(super) fn add(tree: &mut Tree, plan: &Rc<SnmpPlan>, live: &Rc<VrrpSnapshot>) {
    let context = Context::new(plan, live);
    let mut operations = Table::new(root().with(&[1, 1, 1, 1]), OPERATIONS);
    let mut addresses = Table::new(root().with(&[1, 1, 2, 1]), ADDRESSES);
    let mut statistics = Table::new(root().with(&[1, 2, 5, 1]), STATISTICS);
    let rows = || context.instances().filter(|row| row.facts().is_some_and(is_shown));
    let mut sums = Sums {
        checksum: 0,
        version: 0,
        vrid: live.node.unknown_vrid,
    };
    for (row, same) in rows().zip(rows()) {
        let Some(facts) = row.facts() else { continue };
        let index = [row.base_index(), facts.vrid.into(), address_type(facts.family)];
        for address in &facts.addresses {
            addresses.insert([index.as_slice(), &parts(address.address.value)].concat(), ());
        }
        let counters = row.live().map(|live| live.counters).unwrap_or_default();
        sums.checksum = sums.checksum.saturating_add(counters.chk_err);
        sums.version = sums.version.saturating_add(counters.vers_err);
        statistics.insert(index, same);
        operations.insert(index, row);
    }
    tree.add_table(operations);
    tree.add_table(addresses);
    tree.add_scalars(&root(), SUMS, &Rc::new(sums));
    tree.add_table(statistics);
}

/// The traps for what happened.
pub(super) fn traps(plan: &SnmpPlan, news: &VrrpTrap) -> Vec<Trap> {
    let mut instances = plan.vrrp.instances.iter();
    let of_name = instances.find(|facts| facts.name == news.instance);
    let Some(facts) = of_name.filter(|facts| is_shown(facts)) else {
        return Vec::new();
    };
    let object = |path: &[u32], index: u32, value| {
        let index = [index, facts.vrid.into(), address_type(facts.family)];
        (root().with(path).with(&index), value)
    };
    let (number, objects) = match news.event {
        VrrpTrapEvent::NewMaster(master) => {
            let Some(source) = master.source else {
                return Vec::new();
            };
            let reason = Value::integer(master.reason.number());
            let index = news.base_index;
            (
                1,
                vec![
                    object(&[1, 1, 1, 1, 3], index, Value::inet_address(source)),
                    object(&[1, 2, 5, 1, 2], index, reason),
                ],
            )
        }
        VrrpTrapEvent::Refused {
            refusal: Refusal::Protocol(error),
            ..
        } => {
            let error = Value::integer(error.number());
            (2, vec![object(&[1, 2, 5, 1, 6], news.interface_index, error)])
        }
        VrrpTrapEvent::Refused { .. } => return Vec::new(),
    };
    vec![Trap {
        oid: root().with(&[0, number]),
        objects,
    }]
}
