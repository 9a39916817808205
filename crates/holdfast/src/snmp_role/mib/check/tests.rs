mod walks;

use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use holdfast_agentx::Mib;
use holdfast_conf::{LoadOptions, MemoryLoader};
use holdfast_health::Health;
use holdfast_health::action::{Cause, Notification, Pool};
use holdfast_ipvs::statistics::{Counters, DestinationStatistics};
use holdfast_ipvs::table::{DestinationKey, Protocol};
use holdfast_time::Timestamp;

use super::*;
use crate::plan::commands::CommandTable;
use crate::plan::marks::Marks;
use crate::plan::snmp::SnmpOptions;

/// From the text of a file to what is shown of it: the plan, and a checker that has just started.
fn start(text: &str) -> (Rc<SnmpPlan>, CheckerSnapshot) {
    let text = if text.contains("global_defs") {
        text.to_owned()
    } else {
        format!("global_defs {{\nrouter_id lb1\nenable_snmp_checker\n}}\n{text}")
    };
    let loader = MemoryLoader::new().with("/k.conf", text);
    let config = holdfast_conf::load(&loader, Path::new("/k.conf"), &LoadOptions::default()).config;
    let (plan, messages) = SnmpPlan::from_config(&config, &SnmpOptions::default(), None);
    assert_eq!(messages, [""; 0]);
    let (commands, _) = CommandTable::from_config(&config);
    let settings = crate::plan::health::settings(&config, &commands, &Marks::give(&config));
    let health = Health::new(Timestamp::ZERO, settings, 0);
    let live = CheckerSnapshot::new(health.status(), None, (Timestamp::ZERO, SystemTime::now()));
    (Rc::new(plan.unwrap()), live)
}

fn tree(plan: &Rc<SnmpPlan>, live: CheckerSnapshot) -> Tree {
    let mut tree = Tree::new();
    add(&mut tree, plan, &Rc::new(live));
    tree
}

fn cell(tree: &Tree, path: &[u32]) -> Option<Value> {
    tree.get(&root().with(path))
}

const NAMED: &str = "virtual_server 192.0.2.1 80 {
lb_algo rr
lb_kind NAT
protocol TCP
snmp_name web
sorry_server 192.0.2.63 80
real_server 192.0.2.61 80 {
TCP_CHECK {
}
}
real_server 192.0.2.62 80 {
snmp_name \"second server\"
weight 7
}
}
";

/// `snmp_name`, from the file to the cell.
#[test]
fn names_stand_in_their_columns() {
    let (plan, live) = start(NAMED);
    let tree = tree(&plan, live);
    assert_eq!(cell(&tree, &[3, 1, 71, 1]), Some(Value::text("web")));
    // The sorry server has none, nor has the first real server.
    assert_eq!(cell(&tree, &[4, 1, 55, 1, 1]), None);
    assert_eq!(cell(&tree, &[4, 1, 55, 1, 2]), None);
    assert_eq!(cell(&tree, &[4, 1, 55, 1, 3]), Some(Value::text("second server")));
    // A walk passes over those.
    let (first, _) = tree.next(&root().with(&[4, 1, 55]), false).unwrap();
    assert_eq!(first, root().with(&[4, 1, 55, 1, 3]));
}

#[test]
fn states_and_counters_stand_in_their_columns() {
    let (plan, mut live) = start(NAMED);
    let server = &mut live.virtual_servers[0];
    server.real_servers[0].up = false;
    server.real_servers[0].checks[0].up = false;
    assert!(!server.real_servers[0].checks[0].has_run);
    let counters = Counters {
        connections: 0x1_0000_0005,
        packets_in: 6,
        packets_out: 7,
        bytes_in: 0x2_0000_0008,
        bytes_out: 9,
        connections_per_s: 10,
        packets_in_per_s: 11,
        packets_out_per_s: 12,
        bytes_in_per_s: 0x3_0000_000d,
        bytes_out_per_s: 14,
    };
    let statistics = DestinationStatistics {
        active_connections: 1,
        inactive_connections: 2,
        persistent_connections: 3,
        counters,
    };
    server.count(|_| Some(counters), |_, _| Some(statistics));
    let tree = tree(&plan, live);
    let up = |path: &[u32]| cell(&tree, path);
    assert_eq!(up(&[3, 1, 20, 1]), Some(Value::Gauge32(2)));
    assert_eq!(up(&[3, 1, 21, 1]), Some(Value::Gauge32(1)));
    assert_eq!(up(&[4, 1, 2, 1, 1]), Some(Value::Integer(2)));
    assert_eq!(up(&[4, 1, 6, 1, 1]), None);
    assert_eq!(up(&[4, 1, 6, 1, 2]), Some(Value::truth(false)));
    assert_eq!(up(&[4, 1, 13, 1, 2]), Some(Value::Gauge32(1)));
    assert_eq!(up(&[4, 1, 63, 1, 2]), Some(Value::Gauge32(1)));
    assert_eq!(up(&[4, 1, 6, 1, 3]), Some(Value::truth(true)));
    assert_eq!(up(&[4, 1, 7, 1, 3]), Some(Value::Integer(7)));
    // Column numbers of both tables: total, its lower half, rates whole, their halves, and what does not fit.
    for (table, index, numbers) in [
        (3, [1].as_slice(), [27, 28, 29, 30, 31, 38, 32, 35, 41, 47, 48, 74, 77]),
        (4, &[1, 3], [14, 18, 19, 20, 21, 27, 22, 25, 30, 36, 37, 58, 61]),
    ] {
        let expected = [
            Value::Gauge32(5),
            Value::Counter32(6),
            Value::Counter32(7),
            Value::Counter64(0x2_0000_0008),
            Value::Counter64(9),
            Value::Counter64(0x1_0000_0005),
            Value::Gauge32(10),
            Value::Gauge32(u32::MAX),
            Value::Gauge32(10),
            Value::Gauge32(13),
            Value::Gauge32(3),
            Value::Counter64(10),
            Value::Counter64(0x3_0000_000d),
        ];
        for (number, value) in numbers.into_iter().zip(expected) {
            let path = [[table, 1, number].as_slice(), index].concat();
            assert_eq!(up(&path), Some(value), "{path:?}");
        }
    }
    for (number, value) in [(15, 1), (16, 2), (17, 3)] {
        assert_eq!(up(&[4, 1, number, 1, 3]), Some(Value::Gauge32(value)));
    }
}

/// The checker process may have another configuration for a moment, and the kernel may not be readable.
#[test]
fn what_is_not_known_is_not_shown() {
    let (plan, mut live) = start(NAMED);
    let uncounted = tree(&plan, live.clone());
    assert_eq!(cell(&uncounted, &[3, 1, 27, 1]), None);
    assert_eq!(cell(&uncounted, &[4, 1, 14, 1, 2]), None);
    assert!(cell(&uncounted, &[3, 1, 23, 1]).is_some());
    live.virtual_servers[0].name = "another".into();
    let other = tree(&plan, live);
    for path in [
        [3, 1, 11, 1].as_slice(),
        &[3, 1, 23, 1],
        &[4, 1, 6, 1, 2],
        &[4, 1, 63, 1, 2],
    ] {
        assert_eq!(cell(&other, path), None, "{path:?}");
    }
    assert_eq!(cell(&other, &[3, 1, 71, 1]), Some(Value::text("web")));
}

fn pool(protocol: Protocol) -> Pool {
    Pool {
        protocol: Some(protocol),
        real_servers: 2,
        real_servers_up: 1,
    }
}

fn told(traps: &[super::super::Trap]) -> Vec<(String, Value)> {
    let objects = traps.iter().flat_map(|trap| &trap.objects);
    objects.map(|(oid, value)| (oid.to_string(), value.clone())).collect()
}

/// Objects and their order as keepalived 2.2.7 sends them.
#[test]
fn a_real_server_that_changes_is_told_with_its_virtual_server() {
    let (plan, _) = start(NAMED);
    let change = Notification::RealServer {
        virtual_server: "[192.0.2.1]:tcp:80".into(),
        real_server: "[192.0.2.62]:tcp:80".into(),
        key: DestinationKey {
            address: [192, 0, 2, 62].into(),
            port: 80,
        },
        up: false,
        cause: Cause::Check,
        pool: pool(Protocol::Tcp),
    };
    let traps = traps(&plan, None, &change);
    assert_eq!(traps.len(), 1);
    assert_eq!(traps[0].oid.to_string(), ".1.3.6.1.4.1.9586.100.5.3.5.0.1");
    let check = |rest: &str| format!(".1.3.6.1.4.1.9586.100.5.{rest}");
    assert_eq!(
        told(&traps),
        [
            (check("3.4.1.3"), Value::Integer(1)),
            (check("3.4.1.4"), Value::OctetString(vec![192, 0, 2, 62])),
            (check("3.4.1.5"), Value::Gauge32(80)),
            (check("3.4.1.6"), Value::Integer(2)),
            (check("3.3.1.2"), Value::Integer(2)),
            (check("3.3.1.5"), Value::Integer(1)),
            (check("3.3.1.6"), Value::OctetString(vec![192, 0, 2, 1])),
            (check("3.3.1.7"), Value::Gauge32(80)),
            (check("3.3.1.8"), Value::Integer(1)),
            (check("3.3.1.21"), Value::Gauge32(1)),
            (check("3.3.1.20"), Value::Gauge32(2)),
            (check("1.2.0"), Value::text("lb1")),
        ]
    );
}

#[test]
fn a_quorum_is_told_of_the_virtual_server_of_its_protocol() {
    let group = "virtual_server_group G {\n192.0.2.1 53\n}\n";
    let server = |protocol: &str| {
        format!(
            "virtual_server group G {{\nlb_algo rr\nlb_kind NAT\nprotocol {protocol}\nreal_server 192.0.2.61 53 {{\n}}\n}}\n"
        )
    };
    let (plan, _) = start(&format!("{group}{}{}", server("TCP"), server("UDP")));
    let quorum = |up, cause| Notification::Quorum {
        virtual_server: "[G]".into(),
        up,
        cause,
        quorum: 3,
        hysteresis: 0,
        weight: 1,
        pool: pool(Protocol::Udp),
    };
    let check = |rest: &str| format!(".1.3.6.1.4.1.9586.100.5.{rest}");
    let seen = traps(&plan, None, &quorum(true, Cause::Check));
    assert_eq!(seen[0].oid.to_string(), ".1.3.6.1.4.1.9586.100.5.3.5.0.2");
    assert_eq!(
        told(&seen),
        [
            (check("3.3.1.2"), Value::Integer(3)),
            (check("3.3.1.3"), Value::text("G")),
            (check("3.3.1.8"), Value::Integer(2)),
            (check("3.3.1.23"), Value::Integer(1)),
            (check("3.3.1.22"), Value::Gauge32(3)),
            (check("3.3.1.21"), Value::Gauge32(1)),
            (check("3.3.1.20"), Value::Gauge32(2)),
            (check("1.2.0"), Value::text("lb1")),
        ]
    );
    let status = |up, cause| told(&traps(&plan, None, &quorum(up, cause)))[3].1.clone();
    assert_eq!(status(false, Cause::Start), Value::Integer(2));
    assert_eq!(status(false, Cause::Stopping), Value::Integer(3));
}

/// 500 virtual servers of 20 real servers each: every cell is visited once, and four times as many rows take about four times as long.
#[test]
fn a_walk_of_large_tables_is_linear() {
    let walk = |virtual_servers: usize| {
        let real = |last| format!("real_server 198.51.100.{last} 80 {{\nweight 1\n}}\n");
        let reals = (1..=20).map(real).collect::<Vec<_>>().concat();
        let server = |number: usize| {
            let (high, low) = (number / 250, number % 250 + 1);
            format!("virtual_server 10.0.{high}.{low} 80 {{\nlb_algo rr\nlb_kind NAT\nprotocol TCP\n{reals}}}\n")
        };
        let (plan, mut live) = start(&(0..virtual_servers).map(server).collect::<Vec<_>>().concat());
        for server in &mut live.virtual_servers {
            server.count(|_| None, |_, _| None);
        }
        let tree = tree(&plan, live);
        let before = Instant::now();
        let (mut at, mut cells) = (root(), 0);
        while let Some((oid, _)) = tree.next(&at, false) {
            at = oid;
            cells += 1;
        }
        (cells, before.elapsed())
    };
    let (few, short) = walk(125);
    let (many, long) = walk(500);
    println!("{few} cells in {short:?}, {many} cells in {long:?}");
    // One scalar: there is no sync daemon.
    assert_eq!(many - 1, 4 * (few - 1));
    assert!(long < 12 * short + Duration::from_secs(1), "{short:?}, {long:?}");
}
