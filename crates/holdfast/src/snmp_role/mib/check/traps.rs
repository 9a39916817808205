//! `realServerStateChange` and `virtualServerQuorumStateChange`.

use holdfast_agentx::{Oid, Value};
use holdfast_conf::config::{self, AddressFamily, VirtualServerName};
use holdfast_health::action::{Cause, Notification, Pool};
use holdfast_ipvs::table::{DestinationKey, Protocol};

use super::numbers::{family_type, subject_type};
use super::root;
use crate::plan::snmp::SnmpPlan;
use crate::plan::snmp::check::VirtualServerFacts;
use crate::snapshot::CheckerSnapshot;
use crate::snmp_role::mib::{KEEPALIVED, Trap};

/// `virtualServerQuorumStatus` of a daemon that ends.
const STOPPING: i32 = 3;

/// The trap for a change, with the objects that keepalived names, in its order: columns without an index.
///
/// What a reload has removed is in no plan any more, and has no trap.
pub(in crate::snmp_role::mib) fn traps(
    plan: &SnmpPlan,
    _live: Option<&CheckerSnapshot>,
    change: &Notification,
) -> Vec<Trap> {
    let trap = match change {
        Notification::RealServer {
            virtual_server,
            key,
            up,
            pool,
            ..
        } => server(plan, virtual_server, *pool).map(|facts| real_server_trap(plan, facts, *key, *up, *pool)),
        Notification::Quorum {
            virtual_server,
            up,
            cause,
            quorum,
            pool,
            ..
        } => {
            let status = match cause {
                Cause::Stopping | Cause::StoppingQuietly => Value::Integer(STOPPING),
                _ => Value::truth(*up),
            };
            server(plan, virtual_server, *pool).map(|facts| quorum_trap(plan, facts, status, *quorum, *pool))
        }
        Notification::Check { .. } => None,
    };
    trap.into_iter().collect()
}

/// A group has a virtual server for each protocol, all of the same name.
fn server<'a>(plan: &'a SnmpPlan, name: &str, pool: Pool) -> Option<&'a VirtualServerFacts> {
    let named = || plan.check.virtual_servers.iter().filter(|facts| facts.name == name);
    let same_protocol = |facts: &&VirtualServerFacts| facts.protocol.map(protocol_of) == pool.protocol;
    named().find(same_protocol).or_else(|| named().next())
}

const fn protocol_of(protocol: config::Protocol) -> Protocol {
    match protocol {
        config::Protocol::Tcp => Protocol::Tcp,
        config::Protocol::Udp => Protocol::Udp,
        config::Protocol::Sctp => Protocol::Sctp,
    }
}

fn real_server_trap(plan: &SnmpPlan, facts: &VirtualServerFacts, key: DestinationKey, up: bool, pool: Pool) -> Trap {
    let real = facts.real_servers.iter().find(|real| real.key == key);
    let column = |number| root().with(&[4, 1, number]);
    let mut objects = vec![
        (column(3), Value::inet_address_type(key.address)),
        (column(4), Value::inet_address(key.address)),
        (column(5), Value::gauge(real.map_or(key.port, |real| real.port))),
        (column(6), Value::truth(up)),
    ];
    objects.extend(of_subject(facts));
    objects.extend(of_pool(plan, pool));
    Trap {
        oid: root().with(&[5, 0, 1]),
        objects,
    }
}

fn quorum_trap(plan: &SnmpPlan, facts: &VirtualServerFacts, status: Value, quorum: u32, pool: Pool) -> Trap {
    let mut objects = of_subject(facts);
    objects.push((server_column(23), status));
    objects.push((server_column(22), Value::Gauge32(quorum)));
    objects.extend(of_pool(plan, pool));
    Trap {
        oid: root().with(&[5, 0, 2]),
        objects,
    }
}

fn server_column(number: u32) -> Oid {
    root().with(&[3, 1, number])
}

/// Which virtual server it is.
fn of_subject(facts: &VirtualServerFacts) -> Vec<(Oid, Value)> {
    let mut objects = vec![(server_column(2), subject_type(&facts.subject))];
    match &facts.subject {
        VirtualServerName::Group(name) => objects.push((server_column(3), Value::text(name))),
        VirtualServerName::Fwmark(mark) => objects.push((server_column(4), Value::Gauge32(*mark))),
        VirtualServerName::Address(address, port) => objects.extend([
            (server_column(5), family_type(Some(AddressFamily::of(*address)))),
            (server_column(6), Value::inet_address(*address)),
            (server_column(7), Value::gauge(*port)),
        ]),
    }
    // keepalived tells TCP from all others, also where there is no protocol.
    let is_tcp = facts.protocol == Some(config::Protocol::Tcp);
    objects.push((server_column(8), Value::truth(is_tcp)));
    objects
}

/// How it stands there, and who says so.
fn of_pool(plan: &SnmpPlan, pool: Pool) -> [(Oid, Value); 3] {
    [
        (server_column(21), Value::Gauge32(pool.real_servers_up)),
        (server_column(20), Value::Gauge32(pool.real_servers)),
        (
            Oid::from(KEEPALIVED).with(&[1, 2, 0]),
            Value::text(&plan.global.router_id),
        ),
    ]
}
