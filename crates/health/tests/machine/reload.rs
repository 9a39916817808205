//! Other settings, the same state.

use holdfast_health::Event;
use holdfast_health::settings::Settings;
use holdfast_ipvs::table::{DestinationKey, Family, Forwarding, ServiceKey, Tunnel};

use crate::bench::{Bench, address, real, real_server, seconds, service, settings, sorry, tcp_check, virtual_server};

const RS: &str = "[198.51.100.11]:tcp:80";
const VS: &str = "[192.0.2.1]:tcp:80";

fn two_services() -> Settings {
    settings([
        virtual_server(1, vec![real_server(11, 1), real_server(12, 1)]),
        virtual_server(2, vec![real_server(13, 1), real_server(14, 1)]),
    ])
}

#[test]
fn the_same_settings_are_no_change_at_all() {
    let mut bench = Bench::new(two_services());
    bench.kill(12);
    bench.run(seconds(25));
    bench.transcript();
    let status = bench.health.status();
    let deadline = bench.health.next_deadline();
    bench.handle(Event::Reload(two_services()));
    assert!(bench.whole_transcript().is_empty());
    assert_eq!(bench.health.status(), status);
    assert_eq!(bench.health.next_deadline(), deadline);
}

#[test]
fn one_weight_touches_one_service_and_no_state() {
    let mut bench = Bench::new(two_services());
    bench.kill(12);
    bench.run(seconds(25));
    bench.transcript();
    let mut other = two_services();
    other.virtual_servers[0].real_servers[0].destination.weight = 9;
    other.virtual_servers[0].real_servers[1].destination.weight = 8;
    bench.handle(Event::Reload(other));
    assert_eq!(
        bench.whole_transcript(),
        [
            format!("Changing weight from 1 to 9 for active service {RS} of VS {VS}"),
            format!("Changing weight from 1 to 8 for inactive service [198.51.100.12]:tcp:80 of VS {VS}"),
            format!("table {VS}"),
        ]
    );
    assert_eq!(bench.pool(1), ["11:9"]);
    bench.revive(12);
    bench.run(seconds(10));
    assert_eq!(bench.pool(1), ["11:9", "12:8"]);
}

#[test]
fn retries_survive_a_reload() {
    let mut patient = two_services();
    patient.virtual_servers[0].real_servers[0].checkers[0].retry = 3;
    let mut bench = Bench::new(patient.clone());
    bench.run(seconds(1));
    bench.kill(11);
    // Failed at 10, 11 and 12 s: two of three retries are used.
    bench.run(seconds(11));
    patient.virtual_servers[0].real_servers[0].checkers[0].delay_loop = seconds(30);
    bench.handle(Event::Reload(patient.clone()));
    assert_eq!(bench.pool(1), ["11:1", "12:1"]);
    bench.run(seconds(1));
    assert_eq!(bench.pool(1), ["12:1"]);
}

#[test]
fn an_answer_on_its_way_survives_a_reload() {
    let mut bench = Bench::new(two_services());
    bench.silent.insert(real(11).address);
    bench.run(seconds(1));
    assert_eq!(bench.in_flight.len(), 1);
    let mut other = two_services();
    other.virtual_servers.reverse();
    other.virtual_servers[1].quorum = 2;
    bench.handle(Event::Reload(other));
    let checker = *bench.in_flight.keys().next().unwrap();
    bench.answer(
        checker,
        holdfast_health::probe::Verdict::Failure(holdfast_health::probe::Failure::Refused),
    );
    bench.run(seconds(0));
    assert_eq!(bench.health.wanted_service(&service(1)).unwrap().destinations.len(), 1);
}

#[test]
fn what_is_gone_leaves_with_its_words_and_its_probes() {
    let mut bench = Bench::new(two_services());
    bench.silent.insert(real(13).address);
    bench.run(seconds(1));
    bench.transcript();
    let mut other = two_services();
    other.virtual_servers.pop();
    other.virtual_servers[0].real_servers.remove(0);
    bench.handle(Event::Reload(other));
    assert_eq!(
        bench.transcript(),
        [
            format!("service {RS} no longer exist"),
            format!("Removing service {RS} from VS {VS}"),
            "Removing Virtual Server [192.0.2.2]:tcp:80".to_owned(),
            "Removing service [198.51.100.13]:tcp:80 from VS [192.0.2.2]:tcp:80".to_owned(),
            "Removing service [198.51.100.14]:tcp:80 from VS [192.0.2.2]:tcp:80".to_owned(),
            format!("table {VS}"),
            "table [192.0.2.2]:tcp:80".to_owned(),
            format!("RS {RS} {VS} DOWN"),
            "RS [198.51.100.13]:tcp:80 [192.0.2.2]:tcp:80 DOWN".to_owned(),
            "RS [198.51.100.14]:tcp:80 [192.0.2.2]:tcp:80 DOWN".to_owned(),
            "VS [192.0.2.2]:tcp:80 DOWN".to_owned(),
        ]
    );
    assert!(bench.in_flight.is_empty());
    assert_eq!(
        (bench.pool(1), bench.pool(2)),
        (vec!["12:1".to_owned()], vec!["absent".to_owned()])
    );
}

#[test]
fn a_failed_check_that_is_taken_out_of_the_settings_brings_its_server_back() {
    let mut with_two = two_services();
    with_two.virtual_servers[0].real_servers[0].checkers.push(tcp_check(66));
    let mut bench = Bench::new(with_two);
    bench.kill(66);
    bench.run(seconds(25));
    assert_eq!(bench.pool(1), ["12:1"]);
    bench.transcript();
    bench.handle(Event::Reload(two_services()));
    assert_eq!(
        bench.transcript(),
        [
            format!("Adding service {RS} to VS {VS}"),
            format!("table {VS}"),
            format!("RS {RS} {VS} UP")
        ]
    );
    assert_eq!(bench.pool(1), ["11:1", "12:1"]);
}

#[test]
fn new_alpha_checks_hold_back_only_what_is_not_known_to_be_up() {
    let mut bench = Bench::new(two_services());
    bench.kill(12);
    bench.run(seconds(25));
    let mut other = two_services();
    let mut new = tcp_check(77);
    new.alpha = true;
    new.warmup = seconds(5);
    other.virtual_servers[0].real_servers[0].checkers.push(new.clone());
    other.virtual_servers[0].real_servers[1].checkers = vec![new.clone()];
    let mut third = real_server(15, 1);
    third.checkers = vec![new];
    other.virtual_servers[0].real_servers.push(third);
    bench.handle(Event::Reload(other));
    assert_eq!(bench.pool(1), ["11:1"]);
    bench.run(seconds(5));
    assert_eq!(bench.pool(1), ["11:1", "12:1", "15:1"]);
}

#[test]
fn another_quorum_is_weighed_at_once() {
    let mut with_sorry = two_services();
    with_sorry.virtual_servers[0].sorry_server = Some(sorry(99));
    let mut bench = Bench::new(with_sorry.clone());
    bench.kill(12);
    bench.run(seconds(25));
    assert_eq!(bench.pool(1), ["11:1"]);
    let mut strict = with_sorry.clone();
    strict.virtual_servers[0].quorum = 2;
    bench.transcript();
    bench.handle(Event::Reload(strict.clone()));
    assert_eq!(bench.pool(1), ["99:1"]);
    assert!(
        bench
            .transcript()
            .contains(&format!("Lost quorum 2-0=2 > 1 for VS {VS}"))
    );
    // The sorry server goes out of the settings: the living server takes over, the quorum stays lost.
    strict.virtual_servers[0].sorry_server = None;
    bench.handle(Event::Reload(strict.clone()));
    assert_eq!(bench.pool(1), ["11:1"]);
    assert!(!bench.health.status().virtual_servers[0].quorum_up);
    // And comes back.
    strict.virtual_servers[0].sorry_server = Some(sorry(99));
    bench.handle(Event::Reload(strict));
    assert_eq!(bench.pool(1), ["99:1"]);
    bench.handle(Event::Reload(with_sorry));
    assert_eq!(bench.pool(1), ["11:1"]);
}

#[test]
fn a_group_keeps_its_state_when_entries_come_and_go() {
    let group = |lasts: &[u8]| {
        let mut server = virtual_server(1, vec![real_server(11, 1), real_server(12, 1)]);
        server.name = "[group]:tcp".to_owned();
        server.services = lasts.iter().map(|last| service(*last)).collect();
        settings([server])
    };
    let mut bench = Bench::new(group(&[1, 2, 3]));
    bench.kill(12);
    bench.run(seconds(25));
    bench.transcript();
    bench.handle(Event::Reload(group(&[2, 4])));
    assert_eq!(
        bench.transcript(),
        [
            "table [192.0.2.1]:tcp:80",
            "table [192.0.2.3]:tcp:80",
            "table [192.0.2.4]:tcp:80"
        ]
    );
    assert_eq!(
        (bench.pool(2), bench.pool(4)),
        (vec!["11:1".to_owned()], vec!["11:1".to_owned()])
    );
}

#[test]
fn a_renamed_virtual_server_is_known_by_its_service() {
    let mut bench = Bench::new(two_services());
    bench.kill(12);
    bench.run(seconds(25));
    let probes = bench.probes.len();
    let mut other = two_services();
    other.virtual_servers[0].name = "web".to_owned();
    bench.transcript();
    bench.handle(Event::Reload(other));
    assert!(bench.transcript().is_empty());
    assert_eq!(bench.pool(1), ["11:1"]);
    bench.run(seconds(4));
    assert_eq!(bench.probes.len(), probes, "no new checks");
}

#[test]
fn the_second_owner_of_a_service_does_not_get_it() {
    let mut twice = two_services();
    twice.virtual_servers[1].services.push(service(1));
    let mut bench = Bench::new(twice);
    assert_eq!(
        bench.transcript()[0],
        "service [192.0.2.1]:tcp:80 of virtual server [192.0.2.2]:tcp:80 is already a service of virtual server \
         [192.0.2.1]:tcp:80 - ignored"
    );
    bench.run(seconds(1));
    assert_eq!(bench.pool(1), ["11:1", "12:1"]);
    assert_eq!(bench.pool(2), ["13:1", "14:1"]);
}

#[test]
fn ports_and_families_follow_the_way_to_the_server() {
    let mut masquerade = real_server(11, 1);
    masquerade.key.port = 8080;
    let mut route = real_server(12, 1);
    route.key.port = 8080;
    route.destination.forwarding = Forwarding::Route;
    let mut other_family = real_server(13, 1);
    other_family.key = DestinationKey {
        address: address("2001:db8::13"),
        port: 0,
    };
    let mut tunnel = other_family.clone();
    tunnel.key.address = address("2001:db8::14");
    tunnel.destination.forwarding = Forwarding::Tunnel(Tunnel::Ipip);
    let mut server = virtual_server(1, vec![masquerade, route, other_family, tunnel]);
    let mark = ServiceKey::Fwmark {
        family: Family::Inet6,
        mark: 5,
    };
    server.services.push(mark);
    let mark4 = ServiceKey::Fwmark {
        family: Family::Inet,
        mark: 5,
    };
    server.services.push(mark4);
    let health = holdfast_health::Health::new(holdfast_time::Timestamp::ZERO, settings([server]), 1);
    let keys = |service: &ServiceKey| {
        let entry = health.wanted_service(service).unwrap();
        entry.destinations.keys().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(
        keys(&service(1)),
        ["[198.51.100.11]:8080", "[198.51.100.12]:80", "[2001:db8::14]:80"]
    );
    assert_eq!(
        keys(&mark4),
        ["[198.51.100.11]:8080", "[198.51.100.12]:0", "[2001:db8::14]:0"]
    );
    assert_eq!(keys(&mark), ["[2001:db8::13]:0", "[2001:db8::14]:0"]);
}

/// Found by `a_chain_of_reloads`: the service was without a server until the first check had passed.
#[test]
fn a_server_whose_port_comes_with_another_method_is_the_same_server() {
    let by_mark = |ports: &[u16], forwarding| {
        let server = |port: &u16| {
            let mut server = real_server(11, 1);
            server.key.port = *port;
            server.destination.forwarding = forwarding;
            server.checkers = vec![tcp_check(11)];
            server.checkers[0].alpha = true;
            server
        };
        let mut servers = virtual_server(1, ports.iter().map(server).collect());
        servers.services = vec![ServiceKey::Fwmark {
            family: Family::Inet,
            mark: 5,
        }];
        settings([servers])
    };
    let mut bench = Bench::new(by_mark(&[0], Forwarding::Route));
    let up = |bench: &Bench| {
        let servers = bench.health.status().virtual_servers.remove(0).real_servers;
        servers.iter().map(|server| server.up).collect::<Vec<_>>()
    };
    assert_eq!(up(&bench), [false]);
    bench.run(seconds(25));
    assert_eq!(up(&bench), [true]);
    bench.transcript();
    bench.handle(Event::Reload(by_mark(&[80], Forwarding::Masquerade)));
    assert_eq!(up(&bench), [true]);
    assert_eq!(bench.whole_transcript(), ["table FWM 5"]);
    // Who is still there keeps its own past.
    bench.handle(Event::Reload(by_mark(&[0], Forwarding::Route)));
    bench.handle(Event::Reload(by_mark(&[80, 0], Forwarding::Masquerade)));
    assert_eq!(up(&bench), [false, true]);
    // Two of them: one is the former server, the other is new.
    bench.handle(Event::Reload(by_mark(&[0], Forwarding::Route)));
    bench.handle(Event::Reload(by_mark(&[81, 80], Forwarding::Masquerade)));
    assert_eq!(up(&bench), [true, false]);
    // Ports that are both named are two servers.
    bench.handle(Event::Reload(by_mark(&[82], Forwarding::Masquerade)));
    assert_eq!(up(&bench), [false]);
}

/// With `alpha` it waits for its first check, and the former one is told to be gone.
#[test]
fn a_server_of_an_address_with_another_port_is_another_server() {
    let with_port = |port: u16, forwarding| {
        let mut server = real_server(11, 1);
        server.key.port = port;
        server.destination.forwarding = forwarding;
        server.checkers = vec![tcp_check(11)];
        server.checkers[0].alpha = true;
        settings([virtual_server(1, vec![server])])
    };
    let mut bench = Bench::new(with_port(0, Forwarding::Masquerade));
    bench.run(seconds(25));
    let up = |bench: &Bench| {
        bench
            .health
            .status()
            .virtual_servers
            .remove(0)
            .real_servers
            .remove(0)
            .up
    };
    assert!(up(&bench));
    bench.handle(Event::Reload(with_port(8080, Forwarding::Masquerade)));
    assert!(!up(&bench));
    bench.run(seconds(25));
    assert!(up(&bench));
    bench.handle(Event::Reload(with_port(0, Forwarding::Route)));
    assert!(!up(&bench));
}

#[test]
fn a_service_that_moves_to_another_virtual_server_unchanged_is_not_touched() {
    let mut first = virtual_server(1, vec![real_server(11, 1)]);
    first.services.push(service(5));
    let mut second = virtual_server(2, vec![real_server(11, 1)]);
    second.services.push(service(5));
    let mut bench = Bench::new(settings([first]));
    bench.run(seconds(1));
    bench.transcript();
    bench.handle(Event::Reload(settings([
        virtual_server(1, vec![real_server(11, 1)]),
        second,
    ])));
    assert_eq!(
        bench.transcript(),
        [
            "table [192.0.2.2]:tcp:80",
            "Gained quorum 1+0=1 <= 1 for VS [192.0.2.2]:tcp:80",
            "VS [192.0.2.2]:tcp:80 UP",
        ]
    );
}

/// A group has a virtual server for each protocol, and all of them are called after the group.
#[test]
fn virtual_servers_of_one_name_keep_their_own_state() {
    let named = |last, real| {
        let mut server = virtual_server(last, vec![real_server(real, 1)]);
        server.name = "[G]".to_owned();
        server
    };
    let both = || settings([named(1, 11), named(2, 12)]);
    let mut bench = Bench::new(both());
    bench.kill(11);
    bench.run(seconds(25));
    bench.transcript();
    let status = bench.health.status();
    bench.handle(Event::Reload(both()));
    assert!(bench.whole_transcript().is_empty());
    assert_eq!(bench.health.status(), status);
    // The first one goes: the second one stays what it is.
    bench.handle(Event::Reload(settings([named(2, 12)])));
    assert_eq!(bench.health.status().virtual_servers, status.virtual_servers[1..]);
}
