use std::path::Path;

use holdfast_conf::{LoadOptions, MemoryLoader};

use super::*;

fn config(global: &str, rest: &str) -> Config {
    let text = format!("global_defs {{\n{global}\n}}\n{rest}");
    let loader = MemoryLoader::new().with("/k.conf", text);
    holdfast_conf::load(&loader, Path::new("/k.conf"), &LoadOptions::default()).config
}

fn group(name: &str, entries: &str) -> String {
    format!("virtual_server_group {name} {{\n{entries}\n}}\n")
}

fn server(head: &str, protocol: &str, kind: &str, real: &str) -> String {
    format!(
        "virtual_server {head} {{\nlb_algo rr\nlb_kind {kind}\nprotocol {protocol}\nreal_server {real} 80 {{\nweight 1\n}}\n}}\n"
    )
}

/// The file with which keepalived 2.2.7 was observed.
fn observed() -> String {
    let four = "192.168.0.61";
    [
        group("G", "192.168.0.200 80\n192.168.0.210-213 8080"),
        group("H", "fd00::200 80\nfd00::210-213 8080"),
        group("F", "192.168.0.230 80\nfwmark 9"),
        group("M", "192.168.0.240 80\nfd00::240 80"),
        server("group G", "TCP", "DR", four),
        server("group G", "UDP", "DR", four),
        server("group H", "TCP", "DR", "fd00::61"),
        server("group F", "TCP", "NAT", four),
        server("group M", "TCP", "TUN", four),
        server("192.168.0.250 80", "TCP", "DR", four),
        server("group G", "SCTP", "DR", four),
    ]
    .concat()
}

fn given(marks: &Marks) -> Vec<(&str, Protocol, u32)> {
    let groups = marks.groups().iter();
    groups.map(|it| (it.group.as_str(), it.protocol, it.mark)).collect()
}

#[test]
fn groups_of_addresses_get_marks_in_keepalived_s_order() {
    let config = config("nftables_ipvs\nnftables_counters", &observed());
    let marks = Marks::give(&config);
    assert_eq!(
        given(&marks),
        [
            ("G", Protocol::Tcp, 1000),
            ("G", Protocol::Udp, 1001),
            ("H", Protocol::Tcp, 1002),
            ("M", Protocol::Tcp, 1003),
            ("G", Protocol::Sctp, 1004),
        ]
    );
    let services: Vec<_> = config.virtual_servers.iter().map(|it| marks.services(it)).collect();
    let four = |mark| ServiceKey::Fwmark {
        family: Family::Inet,
        mark,
    };
    let six = |mark| ServiceKey::Fwmark {
        family: Family::Inet6,
        mark,
    };
    assert_eq!(
        services,
        [
            Some(vec![four(1000)]),
            Some(vec![four(1001)]),
            Some(vec![six(1002)]),
            None,
            Some(vec![four(1003), six(1003)]),
            None,
            Some(vec![four(1004)]),
        ]
    );
    let settings = marks.settings(&config).unwrap();
    assert_eq!(
        (settings.table.as_str(), settings.priority, settings.counters),
        ("keepalived_ipvs", -1, true)
    );
    let of_tcp: Vec<(String, u32)> = settings
        .ranges
        .iter()
        .filter(|it| it.protocol == Protocol::Tcp)
        .map(|it| (format!("{}-{} {}", it.first, it.last, it.ports.0), it.mark))
        .collect();
    let expected = [
        ("192.168.0.200-192.168.0.200 80", 1000),
        ("192.168.0.210-192.168.0.213 8080", 1000),
        ("192.168.0.240-192.168.0.240 80", 1003),
        ("fd00::200-fd00::200 80", 1002),
        ("fd00::210-fd00::213 8080", 1002),
        ("fd00::240-fd00::240 80", 1003),
    ];
    assert_eq!(of_tcp, expected.map(|(text, mark)| (text.to_owned(), mark)));
}

#[test]
fn without_the_keyword_nothing_has_a_mark() {
    let config = config("nftables_ipvs_start_fwmark 7", &observed());
    let marks = Marks::give(&config);
    assert!(marks.groups().is_empty());
    assert_eq!(marks.settings(&config), None);
    assert!(config.virtual_servers.iter().all(|it| marks.services(it).is_none()));
}

#[test]
fn marks_of_the_file_are_nobody_else_s() {
    let rest = [
        group("A", "192.0.2.1 80"),
        group("B", "192.0.2.2 80"),
        server("fwmark 20", "TCP", "DR", "192.0.2.61").replace("protocol TCP\n", ""),
        server("group A", "TCP", "DR", "192.0.2.61"),
        server("group B", "TCP", "DR", "192.0.2.61"),
    ]
    .concat();
    let config = config("nftables_ipvs marks\nnftables_ipvs_start_fwmark 19", &rest);
    let mut marks = Marks::give(&config);
    assert_eq!(given(&marks), [("A", Protocol::Tcp, 19), ("B", Protocol::Tcp, 21)]);

    let had = |group: &str, mark| GroupMark {
        group: group.to_owned(),
        protocol: Protocol::Tcp,
        mark,
    };
    // B keeps its own; what A had is named in the file now, and gets the first that is free.
    let others = marks.keep(&[had("A", 20), had("B", 19), had("C", 22)]);
    assert_eq!(given(&marks), [("A", Protocol::Tcp, 21), ("B", Protocol::Tcp, 19)]);
    assert_eq!(others, BTreeMap::from([(19, 21), (21, 19)]));
    let mut settings = Marks::give(&config).settings(&config).unwrap();
    settings.replace(&others);
    let of: Vec<u32> = settings.ranges.iter().map(|range| range.mark).collect();
    assert_eq!(of, [21, 19]);
    // What is below the start belongs to somebody else.
    marks.keep(&[had("A", 5), had("B", 19)]);
    assert_eq!(given(&marks), [("A", Protocol::Tcp, 21), ("B", Protocol::Tcp, 19)]);
}

#[test]
fn a_service_of_its_own_in_the_middle_of_a_group_keeps_its_packets() {
    let rest = [
        group("A", "192.0.2.1-3"),
        server("group A", "TCP", "DR", "192.0.2.61"),
        server("192.0.2.2 443", "TCP", "DR", "192.0.2.61"),
    ]
    .concat();
    let config = config("nftables_ipvs", &rest);
    let settings = Marks::give(&config).settings(&config).unwrap();
    let of_two: Vec<(u16, u16)> = settings
        .ranges
        .iter()
        .filter(|it| it.first == IpAddr::from([192, 0, 2, 2]))
        .map(|it| it.ports)
        .collect();
    assert_eq!(of_two, [(0, 442), (444, 65535)]);
}
