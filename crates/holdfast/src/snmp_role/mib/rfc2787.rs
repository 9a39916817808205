//! VRRP-MIB (RFC 2787): VRRP version 2.

use std::net::IpAddr;
use std::rc::Rc;

use holdfast_agentx::{Column, Oid, Scalar, Table, Tree, Value};
use holdfast_vrrp::settings::Family;
use holdfast_vrrp::{Counters, Refusal, State};

use super::Trap;
use super::context::{Context, InstanceRow, column};
use crate::ipc::{VrrpTrap, VrrpTrapEvent};
use crate::plan::snmp::SnmpPlan;
use crate::plan::snmp::vrrp::InstanceFacts;
use crate::snapshot::VrrpSnapshot;

/// Where it is.
pub(super) fn root() -> Oid {
    Oid::from([1, 3, 6, 1, 2, 1, 68])
}

/// What this MIB can show: version 2 over IPv4, with an address.
const fn is_shown(facts: &InstanceFacts) -> bool {
    facts.version == 2 && matches!(facts.family, Family::Ipv4) && !facts.addresses.is_empty()
}

fn ip_address(address: Option<IpAddr>) -> Option<Value> {
    match address {
        Some(IpAddr::V4(address)) => Some(Value::IpAddress(address.octets())),
        _ => None,
    }
}

/// `vrrpOperState`, as in the MIB of RFC 6527.
pub(super) fn state(row: &InstanceRow) -> Value {
    Value::Integer(match row.state() {
        State::Backup => 2,
        State::Master => 3,
        _ => 1,
    })
}

/// The hardware address that it answers with.
pub(super) fn mac(row: &InstanceRow) -> Option<Value> {
    row.interface()?.mac.map(|mac| Value::OctetString(mac.0.to_vec()))
}

/// When it left INIT or FAULT, from the start of the process in hundredths of a second; 0 while it is there.
fn up_time(row: &InstanceRow) -> Value {
    let up_since = row.live().and_then(|live| live.up_since);
    let since_start = up_since.map(|since| since.since(row.context().live.started_at));
    ticks(since_start.unwrap_or_default())
}

/// A length of time in hundredths of a second, which begin again at 0 after 497 days.
pub(super) fn ticks(length: std::time::Duration) -> Value {
    let hundredths = length.as_millis() / 10;
    Value::TimeTicks(u32::try_from(hundredths % (1 << 32)).unwrap_or_default())
}

const NODE: &[Scalar<SnmpPlan>] = &[
    Scalar {
        path: &[1, 1], // vrrpNodeVersion
        value: |_| Some(Value::Integer(2)),
    },
    Scalar {
        path: &[1, 2], // vrrpNotificationCntl
        value: |plan| Some(Value::truth(plan.traps)),
    },
];

const OPERATIONS: &[Column<InstanceRow>] = &[
    column(2, mac),
    column(3, |row| Some(state(row))),
    // vrrpOperAdminState: up
    column(4, |_| Some(Value::Integer(1))),
    column(5, |row| row.base_priority().map(Value::integer)),
    column(6, |row| Some(Value::integer(row.facts()?.addresses.len()))),
    column(7, |row| ip_address(row.master_address())),
    column(8, |row| ip_address(row.primary_address())),
    // vrrpOperAuthType: none is 1
    column(9, |row| {
        Some(Value::integer(i32::from(row.facts()?.authentication) + 1))
    }),
    column(11, |row| Some(Value::integer(row.facts()?.advert_interval.as_secs()))),
    column(12, |row| row.preempts().map(Value::truth)),
    column(13, |row| Some(up_time(row))),
    // vrrpOperProtocol: ip
    column(14, |_| Some(Value::Integer(1))),
    // vrrpOperRowStatus: active
    column(15, |_| Some(Value::Integer(1))),
];

/// `vrrpAssoIpAddrRowStatus`: active.
const ADDRESSES: &[Column<()>] = &[column(2, |()| Some(Value::Integer(1)))];

fn counter(row: &InstanceRow, of: fn(&Counters) -> u64) -> Value {
    let counters = row.live().map(|live| live.counters).unwrap_or_default();
    Value::Counter32(wrapped(of(&counters)))
}

/// As a counter of 32 bits shows it.
pub(super) fn wrapped(number: u64) -> u32 {
    u32::try_from(number % (1 << 32)).unwrap_or_default()
}

const STATISTICS: &[Column<InstanceRow>] = &[
    column(1, |row| Some(counter(row, |counters| counters.become_master))),
    column(2, |row| Some(counter(row, |counters| counters.advert_rcvd))),
    column(3, |row| Some(counter(row, |counters| counters.advert_interval_err))),
    column(4, |row| Some(counter(row, |counters| counters.auth_failure))),
    column(5, |row| Some(counter(row, |counters| counters.ip_ttl_err))),
    column(6, |row| Some(counter(row, |counters| counters.pri_zero_rcvd))),
    column(7, |row| Some(counter(row, |counters| counters.pri_zero_sent))),
    column(8, |row| Some(counter(row, |counters| counters.invalid_type_rcvd))),
    column(9, |row| Some(counter(row, |counters| counters.addr_list_err))),
    column(10, |row| Some(counter(row, |counters| counters.invalid_authtype))),
    column(11, |row| Some(counter(row, |counters| counters.authtype_mismatch))),
    column(12, |row| Some(counter(row, |counters| counters.packet_len_err))),
];

/// The counters of all routers of this MIB together.
struct Sums {
    checksum: u64,
    version: u64,
    vrid: u64,
}

const SUMS: &[Scalar<Sums>] = &[
    Scalar {
        path: &[2, 1], // vrrpRouterChecksumErrors
        value: |sums| Some(Value::Counter32(wrapped(sums.checksum))),
    },
    Scalar {
        path: &[2, 2], // vrrpRouterVersionErrors
        value: |sums| Some(Value::Counter32(wrapped(sums.version))),
    },
    Scalar {
        path: &[2, 3], // vrrpRouterVrIdErrors
        value: |sums| Some(Value::Counter32(wrapped(sums.vrid))),
    },
];

/// Adds all objects.
pub(super) fn add(tree: &mut Tree, plan: &Rc<SnmpPlan>, live: &Rc<VrrpSnapshot>) {
    let context = Context::new(plan, live);
    let mut operations = Table::new(root().with(&[1, 3, 1]), OPERATIONS);
    let mut addresses = Table::new(root().with(&[1, 4, 1]), ADDRESSES);
    let mut statistics = Table::new(root().with(&[2, 4, 1]), STATISTICS);
    let rows = || context.instances().filter(|row| row.facts().is_some_and(is_shown));
    let mut sums = Sums {
        checksum: 0,
        version: 0,
        vrid: live.node.unknown_vrid,
    };
    for (row, same) in rows().zip(rows()) {
        let Some(facts) = row.facts() else { continue };
        let index = [row.base_index(), facts.vrid.into()];
        for address in &facts.addresses {
            if let IpAddr::V4(address) = address.address.value {
                let octets = address.octets().map(u32::from);
                addresses.insert([index.as_slice(), &octets].concat(), ());
            }
        }
        let counters = row.live().map(|live| live.counters).unwrap_or_default();
        sums.checksum = sums.checksum.saturating_add(counters.chk_err);
        sums.version = sums.version.saturating_add(counters.vers_err);
        statistics.insert(index, same);
        operations.insert(index, row);
    }
    tree.add_scalars(&root(), NODE, plan);
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
    let object = |path: &[u32], index: u32, value| (root().with(path).with(&[index, facts.vrid.into()]), value);
    let (number, objects) = match news.event {
        VrrpTrapEvent::NewMaster(master) => {
            let Some(source) = ip_address(master.source) else {
                return Vec::new();
            };
            (1, vec![object(&[1, 3, 1, 7], news.base_index, source)])
        }
        VrrpTrapEvent::Refused { from, refusal } => {
            let (Some(from), Some(error)) = (ip_address(Some(from)), authentication_error(refusal)) else {
                return Vec::new();
            };
            let index = news.interface_index;
            (
                2,
                vec![
                    object(&[1, 5], index, from),
                    object(&[1, 6], index, Value::Integer(error)),
                ],
            )
        }
    };
    vec![Trap {
        oid: root().with(&[0, number]),
        objects,
    }]
}

/// `vrrpTrapAuthErrorType`; `None`: not about authentication.
const fn authentication_error(refusal: Refusal) -> Option<i32> {
    match refusal {
        Refusal::InvalidAuthType => Some(1),
        Refusal::AuthTypeMismatch => Some(2),
        Refusal::AuthFailure => Some(3),
        Refusal::Protocol(_) => None,
    }
}
