//! Virtual routes and rules: where they stand in the order of things, and what happens when they are gone.

use holdfast_vrrp::settings::{InstanceSettings, Version};
use holdfast_vrrp::{Action, Event, RoutingEntry, RoutingKind, State};

use crate::support::{Bench, HIGHER, instance, node_of};

fn entry(text: &str) -> RoutingEntry {
    RoutingEntry {
        text: text.to_owned(),
        interfaces: Vec::new(),
        track: true,
    }
}

fn routed(routes: &[&str], rules: &[&str]) -> InstanceSettings {
    InstanceSettings {
        routes: routes.iter().map(|text| entry(text)).collect(),
        rules: rules.iter().map(|text| entry(text)).collect(),
        ..instance(Version::V2, 100)
    }
}

fn lose(bench: &mut Bench, kind: RoutingKind, text: &str) {
    bench.handle(Event::RoutingLost {
        kind,
        text: text.to_owned(),
    });
}

fn fail(bench: &mut Bench, text: &str) {
    bench.handle(Event::RoutingFailed {
        kind: RoutingKind::Route,
        text: text.to_owned(),
        problem: "no route to host".to_owned(),
    });
}

fn next(bench: &mut Bench) -> String {
    while bench.actions.iter().all(|(_, action)| !changes_routing(action)) {
        bench.now = bench.node.next_deadline().unwrap();
        bench.handle(Event::DeadlineReached);
    }
    bench.now.to_string()
}

fn changes_routing(action: &Action) -> bool {
    let name = format!("{action:?}");
    ["AddRo", "AddRu", "RemoveRo", "RemoveRu"]
        .iter()
        .any(|start| name.starts_with(start))
}

#[test]
fn they_come_after_the_addresses_and_go_before_them() {
    let mut bench = Bench::of(routed(&["r1", "r2"], &["p1"]));
    let leftovers = [
        "VI_1 removes rules p1",
        "VI_1 removes routes r1, r2",
        "VI_1 removes 192.0.2.10/24 from eth0",
    ];
    assert_eq!(bench.sentences()[..3], leftovers, "of a daemon that was killed");
    bench.until(4.0);
    let taken_over = [
        "VI_1 advertises 100 on eth0",
        "VI_1 adds 192.0.2.10/24 to eth0",
        "VI_1 adds routes r1, r2",
        "VI_1 adds rules p1",
        "VI_1 announces 192.0.2.10 on eth0 x5",
    ];
    assert_eq!(bench.sentences()[..5], taken_over);
    bench.stop();
    let given_up = [
        "VI_1 advertises 0 on eth0",
        "VI_1 removes rules p1",
        "VI_1 removes routes r1, r2",
        "VI_1 removes 192.0.2.10/24 from eth0",
    ];
    assert_eq!(bench.sentences()[..4], given_up);
}

#[test]
fn a_daemon_that_leaves_its_addresses_leaves_its_routes() {
    let mut bench = Bench::master(routed(&["r1"], &["p1"]));
    bench.handle(Event::Shutdown { keep_addresses: true });
    assert!(!bench.actions.iter().any(|(_, action)| changes_routing(action)));
}

#[test]
fn what_somebody_removes_is_put_back_with_growing_waits() {
    let mut bench = Bench::master(routed(&["r1"], &["p1"]));
    bench.until(20.0);
    bench.forget();
    lose(&mut bench, RoutingKind::Rule, "p1");
    let lines = [
        "(VI_1) rule p1 was removed by another program",
        "(VI_1) putting in again rule p1",
    ];
    assert_eq!(bench.logs(), lines);
    assert_eq!(bench.sentences(), ["VI_1 adds rules p1"]);
    let mut times = Vec::new();
    for _ in 0..4 {
        lose(&mut bench, RoutingKind::Route, "r1");
        lose(&mut bench, RoutingKind::Route, "r1");
        times.push(next(&mut bench));
        bench.forget();
    }
    assert_eq!(times, ["21.000000s", "23.000000s", "27.000000s", "35.000000s"]);
    assert_eq!(bench.state("VI_1"), State::Master, "mastership does not depend on it");
}

#[test]
fn what_does_not_work_is_tried_again_and_said_each_time() {
    let mut bench = Bench::master(routed(&["r1", "r2"], &[]));
    bench.until(20.0);
    bench.forget();
    fail(&mut bench, "r2");
    assert!(
        !bench.actions.iter().any(|(_, action)| changes_routing(action)),
        "not at once"
    );
    assert_eq!(
        bench.logs(),
        ["(VI_1) route r2 is missing: no route to host; trying again in 1 s"]
    );
    let mut times = Vec::new();
    for _ in 0..4 {
        bench.forget();
        times.push(next(&mut bench));
        fail(&mut bench, "r2");
    }
    assert_eq!(times, ["21.000000s", "22.000000s", "24.000000s", "28.000000s"]);
    assert_eq!(bench.state("VI_1"), State::Master);
    bench.hear(HIGHER, 200);
    bench.forget();
    bench.until(24.0);
    assert!(
        !bench.actions.iter().any(|(_, action)| changes_routing(action)),
        "not ours any more"
    );
}

#[test]
fn a_backup_and_no_track_do_not_care() {
    let mut settings = routed(&["r1", "r2"], &[]);
    settings.routes[1].track = false;
    let mut bench = Bench::of(settings);
    bench.forget();
    lose(&mut bench, RoutingKind::Route, "r1");
    fail(&mut bench, "r1");
    assert!(bench.actions.is_empty());
    bench.until(10.0);
    bench.forget();
    lose(&mut bench, RoutingKind::Route, "r2");
    lose(&mut bench, RoutingKind::Rule, "r1");
    lose(&mut bench, RoutingKind::Route, "r3");
    assert!(bench.actions.is_empty());
}

/// The kernel removes routes with their source address and with their interface, and does not say so.
#[test]
fn routes_are_put_in_again_when_an_address_or_an_interface_comes_back() {
    let mut settings = routed(&["r1", "r2"], &[]);
    settings.routes[0].interfaces.push("eth0".to_owned());
    settings.track_primary = false;
    let mut bench = Bench::master(settings);
    bench.handle(Event::AddressLost {
        interface: "eth0".to_owned(),
        address: crate::support::address("192.0.2.10"),
    });
    assert!(bench.sentences().contains(&"VI_1 adds routes r1, r2".to_owned()));
    bench.link("eth0", false);
    bench.forget();
    bench.link("eth0", true);
    assert_eq!(bench.sentences(), ["VI_1 adds routes r1"]);
    bench.link("eth0", true);
    assert!(bench.sentences().is_empty());
}

#[test]
fn the_interface_of_a_tracked_route_and_of_a_static_object_is_needed() {
    let mut settings = routed(&["r1", "r2"], &["p1"]);
    settings.routes[0].interfaces.push("eth1".to_owned());
    settings.routes[1].interfaces.push("eth2".to_owned());
    settings.routes[1].track = false;
    settings.rules[0].interfaces.push("eth3".to_owned());
    settings.interfaces_of_statics.push("eth4".to_owned());
    let mut bench = Bench::master(settings);
    for (interface, is_needed) in [("eth1", true), ("eth2", false), ("eth3", true), ("eth4", true)] {
        bench.link(interface, false);
        assert_eq!(bench.state("VI_1") == State::Fault, is_needed, "{interface}");
        bench.link(interface, true);
        bench.until(bench.now.since(holdfast_time::Timestamp::ZERO).as_secs_f64() + 10.0);
        assert_eq!(bench.state("VI_1"), State::Master);
    }
}

#[test]
fn a_reload_changes_only_what_differs() {
    let mut bench = Bench::master(routed(&["r1", "r2"], &["p1"]));
    bench.reload(node_of(vec![routed(&["r2", "r3"], &["p1", "p2"])]));
    let sentences = bench.sentences();
    let changes: Vec<&String> = sentences
        .iter()
        .filter(|it| it.contains("rou") || it.contains("rul"))
        .collect();
    assert_eq!(
        changes,
        ["VI_1 removes routes r1", "VI_1 adds routes r3", "VI_1 adds rules p2"]
    );
}

#[test]
fn what_another_master_has_too_stays() {
    let second = InstanceSettings {
        name: "VI_2".to_owned(),
        vrid: 52,
        addresses: Vec::new(),
        ..routed(&["r1", "r2"], &["p1"])
    };
    let mut bench = Bench::start(node_of(vec![routed(&["r1"], &["p1"]), second]));
    bench.until(10.0);
    bench.forget();
    bench.hear(HIGHER, 200);
    assert!(!bench.actions.iter().any(|(_, action)| changes_routing(action)));
    // A reload that leaves the second one without them takes them away.
    let alone = InstanceSettings {
        name: "VI_2".to_owned(),
        vrid: 52,
        addresses: Vec::new(),
        ..routed(&["r2"], &[])
    };
    bench.reload(node_of(vec![routed(&["r1"], &["p1"]), alone]));
    let sentences = bench.sentences();
    assert!(sentences.contains(&"VI_2 removes rules p1".to_owned()), "{sentences:?}");
    assert!(
        sentences.contains(&"VI_2 removes routes r1".to_owned()),
        "{sentences:?}"
    );
}
