use std::collections::BTreeMap;
use std::net::IpAddr;

use holdfast_health::probe::Failure;
use holdfast_health::status::{LastProbe, RealServerStatus, SorryServerStatus, Status, VirtualServerStatus};
use holdfast_ipvs::table::Protocol;

use super::*;

fn address(last: u8) -> IpAddr {
    IpAddr::from([192, 0, 2, last])
}

fn key(last: u8, port: u16) -> DestinationKey {
    DestinationKey {
        address: address(last),
        port,
    }
}

const fn at(seconds: u64) -> Timestamp {
    Timestamp::from_nanos(seconds * 1_000_000_000)
}

fn service(last: u8, port: u16) -> ServiceKey {
    ServiceKey::Address {
        protocol: Protocol::Tcp,
        address: address(last),
        port,
    }
}

fn real(last: u8, port: u16, forwarding: Forwarding) -> RealServerStatus {
    RealServerStatus {
        name: format!("[192.0.2.{last}]:tcp:{port}"),
        key: key(last, port),
        forwarding,
        up: true,
        since: at(990),
        weight: 1,
        full_weight: 1,
        held_until: None,
        checkers: Vec::new(),
    }
}

/// Two services; a server behind NAT with a port of its own, one behind DR, and a sorry server that is a real server too.
fn known() -> Status {
    let twin = real(63, 80, Forwarding::Masquerade);
    Status {
        virtual_servers: vec![VirtualServerStatus {
            name: "[G]".into(),
            services: vec![service(1, 80), service(2, 81)],
            quorum_up: true,
            quorum: 1,
            hysteresis: 0,
            live_weight: 3,
            sorry_server_active: false,
            sorry_server: Some(SorryServerStatus {
                name: twin.name.clone(),
                key: twin.key,
                forwarding: twin.forwarding,
            }),
            suspended: false,
            real_servers: vec![
                real(61, 8080, Forwarding::Masquerade),
                real(62, 0, Forwarding::Route),
                twin,
            ],
        }],
    }
}

fn snapshot(known: Status) -> CheckerSnapshot {
    let wall = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    CheckerSnapshot::new(known, None, (at(1_000), wall))
}

#[test]
fn moments_are_by_the_clock_on_the_wall() {
    let mut known = known();
    let real = &mut known.virtual_servers[0].real_servers[0];
    real.held_until = Some(at(1_060));
    real.checkers = vec![status::CheckerStatus {
        keyword: "TCP_CHECK".into(),
        up: false,
        has_run: true,
        failed_tries: 0,
        successes: 0,
        last: Some(LastProbe {
            at: at(995),
            duration: Duration::from_millis(3),
            verdict: Verdict::Failure(Failure::ScriptTimeout),
        }),
    }];
    let seen = snapshot(known);
    let real = &seen.virtual_servers[0].real_servers[0];
    assert_eq!(real.since_s, 1_699_999_990);
    assert_eq!(real.held_until_s, Some(1_700_000_060));
    let last = real.checks[0].last.as_ref().unwrap();
    assert_eq!(last.at_s, 1_699_999_995);
    assert_eq!(last.failure, Some(Failure::ScriptTimeout.to_string()));
}

/// What each destination counted is a power of ten of its own, so that a sum tells who is in it.
#[test]
fn what_all_services_counted_is_added_up_and_each_destination_counts_for_one_server() {
    let connections = |connections| Counters {
        connections,
        ..Counters::default()
    };
    let of_service = BTreeMap::from([(service(1, 80), connections(5)), (service(2, 81), connections(70))]);
    let of_destination = BTreeMap::from([
        ((service(1, 80), key(61, 8080)), 1),
        ((service(2, 81), key(61, 8080)), 10),
        ((service(1, 80), key(62, 80)), 100),
        ((service(2, 81), key(62, 81)), 1_000),
        ((service(1, 80), key(63, 80)), 10_000),
        // Of somebody else.
        ((service(3, 80), key(61, 8080)), 100_000),
        ((service(1, 80), key(62, 8080)), 1_000_000),
    ]);
    let mut seen = snapshot(known());
    let server = &mut seen.virtual_servers[0];
    assert_eq!(server.counters, None);
    server.count(
        |service| of_service.get(service).copied(),
        |service, key| {
            let active_connections = *of_destination.get(&(*service, *key))?;
            Some(DestinationStatistics {
                active_connections,
                ..DestinationStatistics::default()
            })
        },
    );
    assert_eq!(server.counters.unwrap().connections, 75);
    let counted = |statistics: Option<DestinationStatistics>| statistics.unwrap().active_connections;
    let counts: Vec<u32> = server
        .real_servers
        .iter()
        .map(|real| counted(real.statistics))
        .collect();
    assert_eq!(counts, [11, 1_100, 0]);
    assert_eq!(counted(server.sorry_server.as_ref().unwrap().statistics), 10_000);
}

/// It goes through the same channel as everything else.
#[test]
fn it_arrives_as_it_was_sent() {
    let mut seen = snapshot(known());
    seen.virtual_servers[0].count(|_| None, |_, _| None);
    seen.counters_error = Some("no".into());
    let back: CheckerSnapshot = postcard::from_bytes(&postcard::to_stdvec(&seen).unwrap()).unwrap();
    assert_eq!(back, seen);
}
