//! What stands after `virtual_server` and `real_server`, and what is said when it is wrong: verdicts of keepalived.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // helpers of tests are tests

use holdfast_conf::config::*;
use holdfast_conf::{LoadOptions, Loaded, MemoryLoader, load};
use std::path::Path;
use std::time::Duration;

fn read(text: &str) -> Loaded {
    let loader = MemoryLoader::new().with("k.conf", text);
    load(&loader, Path::new("k.conf"), &LoadOptions::default())
}

fn service(head: &str, body: &str, server: &str) -> Loaded {
    read(&format!(
        "virtual_server {head} {{\nlb_algo rr\nlb_kind NAT\nprotocol TCP\n{body}\nreal_server 192.0.2.3 80 {{\n}}\n\
         real_server {server} {{\n}}\n}}\n"
    ))
}

#[test]
fn the_name_of_a_service_is_judged_word_by_word() {
    for (head, exit, part) in [
        ("192.0.2.1 70000", 5, "'70000' is no port"),
        ("192.0.2.1 http", 5, "'http' is no port"),
        ("192.0.2.1 -1", 5, "'-1' is no port"),
        ("192.0.2.x 80", 5, "'192.0.2.x' is no IP address"),
        ("fwmark 5000000000", 5, "'5000000000' is no firewall mark"),
        ("fwmark", 5, "the number of the firewall mark is missing"),
        ("group", 5, "the name of the group is missing"),
        ("192.0.2.1", 5, "persistence_timeout 360 is used"),
        ("192.0.2.1 80 x", 0, "'x' is ignored"),
    ] {
        let loaded = service(head, "", "192.0.2.2 80");
        let messages: Vec<&str> = loaded.diagnostics.iter().map(|it| it.message.as_str()).collect();
        assert_eq!(loaded.exit_code(), exit, "{head}");
        assert!(
            messages.iter().any(|message| message.contains(part)),
            "{head}: {messages:?}"
        );
    }
}

#[test]
fn real_servers_have_an_address_and_perhaps_a_port() {
    for (server, exit, servers) in [
        ("192.0.2.2 80", 0, 2),
        ("192.0.2.2", 0, 2),
        ("192.0.2.2 0", 0, 2),
        ("192.0.2.2 80 x", 0, 2),
        ("192.0.2.2 70000", 5, 1),
        ("192.0.2.2 http", 5, 1),
        ("x 80", 5, 1),
        ("", 5, 1),
    ] {
        let loaded = service("192.0.2.1 80", "", server);
        assert_eq!(loaded.exit_code(), exit, "{server}");
        assert_eq!(loaded.config.virtual_servers[0].real_servers.len(), servers, "{server}");
    }
}

#[test]
fn clients_are_grouped_by_networks() {
    let persistence = |granularity: &str| {
        let loaded = service(
            "192.0.2.1 80",
            &format!("persistence_granularity {granularity}"),
            "192.0.2.2 80",
        );
        let it = &loaded.config.virtual_servers[0];
        (it.persistence_granularity, it.persistence_timeout, loaded.exit_code())
    };
    let forced = Some(Duration::from_mins(6));
    assert_eq!(persistence("255.255.255.0"), (24, forced, 0));
    assert_eq!(persistence("24"), (24, forced, 0));
    assert_eq!(persistence("0.0.0.0"), (0, forced, 0));
    // keepalived takes these; they name no network.
    assert_eq!(persistence("1.2.3.4"), (32, None, 0));
    assert_eq!(persistence("1.5"), (32, None, 0));
    assert_eq!(persistence("x"), (32, None, 5));
    let six = read(
        "virtual_server 2001:db8::1 80 {\nlb_algo rr\nlb_kind NAT\nprotocol TCP\npersistence_granularity 64\n\
         real_server 2001:db8::2 80 {\n}\n}\n",
    );
    assert_eq!(
        (six.exit_code(), six.config.virtual_servers[0].persistence_granularity),
        (0, 64)
    );
    // keepalived 2.2.7 takes it and does nothing with it.
    let group = read(
        "virtual_server_group G {\n2001:db8::1-3 80\nfwmark 7\n}\nvirtual_server group G {\nlb_algo rr\nlb_kind NAT\nprotocol TCP\n\
         persistence_granularity 64\nreal_server 2001:db8::9 80 {\n}\n}\n",
    );
    assert_eq!(group.config.virtual_servers[0].persistence_granularity, 64);
}

#[test]
fn engines_and_names_are_kept() {
    let loaded = service(
        "192.0.2.1 80",
        "persistence_engine a_name_of_more_bytes\nsnmp_name web\nlvs_sched wlc",
        "192.0.2.2 80",
    );
    let it = &loaded.config.virtual_servers[0];
    assert_eq!(it.persistence_engine.as_deref(), Some("a_name_of_more_"));
    assert_eq!((it.snmp_name.as_deref(), it.lb_algo), (Some("web"), Scheduler::Wlc));
    assert_eq!(loaded.exit_code(), 5);
    assert_eq!(service("192.0.2.1 80", "snmp_name a b", "192.0.2.2").exit_code(), 5);
}
