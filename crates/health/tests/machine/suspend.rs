//! `ha_suspend`: checks rest while no address of the virtual server is on this host.

use holdfast_health::Event;
use holdfast_ipvs::table::ServiceKey;

use crate::bench::{Bench, address, real, real_server, seconds, service, settings, virtual_server};

fn address_event(text: &str, present: bool) -> Event {
    Event::AddressChanged {
        address: address(text),
        present,
    }
}

#[test]
fn checks_rest_until_the_address_is_here_and_the_state_stays() {
    let mut server = virtual_server(1, vec![real_server(11, 1)]);
    server.ha_suspend = true;
    let second = ServiceKey::Address {
        protocol: holdfast_ipvs::table::Protocol::Tcp,
        address: address("192.0.2.2"),
        port: 80,
    };
    server.services.push(second);
    let other = virtual_server(3, vec![real_server(12, 1)]);
    let mut bench = Bench::new(settings([server, other]));
    let start = bench.whole_transcript();
    assert!(start[0].starts_with("Suspending healthchecker for service [198.51.100.11]:tcp:80 for VS [192.0.2.1]"));
    bench.kill(11);
    bench.run(seconds(35));
    assert!(
        bench.probes.iter().all(|(_, target)| *target == real(12).address),
        "only the other one is probed"
    );
    assert_eq!(bench.pool(1), ["11:1"], "up as it started");

    bench.handle(address_event("203.0.113.1", true));
    assert!(
        bench.health.status().virtual_servers[0].suspended,
        "that address is nobody's"
    );
    bench.whole_transcript();
    bench.handle(address_event("192.0.2.2", true));
    bench.handle(address_event("192.0.2.2", true));
    assert_eq!(
        bench.whole_transcript(),
        ["Activating healthchecker for service [198.51.100.11]:tcp:80 for VS [192.0.2.1]:tcp:80"]
    );
    bench.run(seconds(10));
    assert_eq!(bench.pool(1), Vec::<String>::new(), "probed, and found dead");

    bench.handle(address_event("192.0.2.1", true));
    bench.handle(address_event("192.0.2.2", false));
    assert!(
        !bench.health.status().virtual_servers[0].suspended,
        "one of its addresses is still here"
    );
    bench.handle(address_event("192.0.2.1", false));
    bench.revive(11);
    bench.run(seconds(60));
    assert_eq!(
        bench.pool(1),
        Vec::<String>::new(),
        "nobody asks, so it stays as it was"
    );
}

#[test]
fn a_probe_in_flight_is_forgotten_when_the_checks_come_to_rest() {
    let mut server = virtual_server(1, vec![real_server(11, 1)]);
    server.ha_suspend = true;
    let mut bench = Bench::new(settings([server]));
    bench.handle(address_event("192.0.2.1", true));
    bench.silent.insert(real(11).address);
    bench.run(seconds(11));
    assert_eq!(bench.in_flight.len(), 1);
    bench.handle(address_event("192.0.2.1", false));
    assert!(bench.in_flight.is_empty());
    assert_eq!(bench.health.next_deadline(), None);
    bench.silent.clear();
    bench.handle(address_event("192.0.2.1", true));
    bench.run(seconds(10));
    assert_eq!(bench.probes.len(), 2);
}

#[test]
fn an_address_that_is_there_at_the_start_is_not_a_change() {
    let mut server = virtual_server(1, vec![real_server(11, 1)]);
    server.ha_suspend = true;
    // More than it has: there is nothing to be said of that.
    server.quorum = 2;
    let mut health = holdfast_health::Health::new(holdfast_time::Timestamp::ZERO, settings([server]), 1);
    health.handle(holdfast_time::Timestamp::ZERO, address_event("192.0.2.1", true));
    let first = health.next_action();
    let Some(holdfast_health::Action::Log(message)) = first else {
        panic!("{first:?}")
    };
    assert!(message.to_string().starts_with("Activating"), "{message}");
    assert_eq!(
        health.next_action(),
        Some(holdfast_health::Action::ServiceChanged(service(1)))
    );
    assert_eq!(health.next_action(), None);
}

#[test]
fn a_service_by_mark_looks_at_the_addresses_that_are_marked() {
    let mut server = virtual_server(1, vec![real_server(11, 1)]);
    server.ha_suspend = true;
    server.services = vec![ServiceKey::Fwmark {
        family: holdfast_ipvs::table::Family::Inet,
        mark: 1000,
    }];
    server.marked_addresses = vec![address("192.0.2.1"), address("192.0.2.2")];
    let mut bench = Bench::new(settings([server]));
    assert!(bench.health.status().virtual_servers[0].suspended);
    bench.handle(address_event("192.0.2.2", true));
    assert!(!bench.health.status().virtual_servers[0].suspended);
    bench.handle(address_event("192.0.2.2", false));
    assert!(bench.health.status().virtual_servers[0].suspended);
}
