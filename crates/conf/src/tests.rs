//! What whole configurations mean: expected values from keepalived's documented behaviour.

use crate::config::*;
use crate::keywords::{Context, Keyword, Status, Value};
use crate::{LoadOptions, Loaded, MemoryLoader, Severity, load};
use std::path::Path;
use std::time::Duration;

fn read(text: &str) -> Loaded {
    load(
        &MemoryLoader::new().with("k.conf", text),
        Path::new("k.conf"),
        &LoadOptions::default(),
    )
}

fn clean(text: &str) -> Config {
    let loaded = read(text);
    assert_eq!(loaded.diagnostics, [], "{text}");
    loaded.config
}

/// Code and line of each diagnostic.
fn found(text: &str) -> Vec<(u16, u32)> {
    let loaded = read(text);
    loaded
        .diagnostics
        .iter()
        .map(|it| (it.code.0, it.span.unwrap_or_default().line))
        .collect()
}

fn instance(body: &str) -> String {
    format!(
        "vrrp_instance V {{\ninterface eth0\nvirtual_router_id 51\nvirtual_ipaddress {{ 192.0.2.1/24 }}\n{body}\n}}\n"
    )
}

fn one_instance(body: &str) -> VrrpInstance {
    clean(&instance(body)).vrrp_instances.remove(0)
}

fn service(name: &str, body: &str) -> String {
    format!(
        "virtual_server {name} {{\nlb_algo wrr\nlb_kind NAT\nprotocol TCP\n\
         real_server 192.0.2.11 80 {{ weight 2 }}\n{body}\n}}\n"
    )
}

fn one_service(body: &str) -> VirtualServer {
    clean(&service("192.0.2.1 80", body)).virtual_servers.remove(0)
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn defaults_of_an_instance() {
    let it = one_instance("");
    assert_eq!(
        (it.state, it.priority, it.version),
        (InitialState::Backup, 100, VrrpVersion::V2)
    );
    assert_eq!((it.advert_int, it.down_timer_adverts, it.unicast_ttl), (SECOND, 3, 255));
    assert_eq!((it.garp_master_delay, it.garp_master_repeat), (5 * SECOND, 5));
    assert_eq!((it.garp_lower_prio_delay, it.garp_lower_prio_repeat), (5 * SECOND, 5));
    assert_eq!(
        (it.garp_master_refresh, it.garp_master_refresh_repeat),
        (Duration::ZERO, 1)
    );
    assert_eq!(it.mcast_dst_ip.to_string(), "224.0.0.18");
    assert_eq!(*it.virtual_ipaddress[0].dev, "eth0");
    assert!(it.accept && !it.nopreempt && it.authentication.is_none() && it.unicast_peer.is_empty());
}

#[test]
fn state_and_priority_complete_each_other() {
    let both = |body| {
        let it = one_instance(body);
        (it.state, it.priority)
    };
    assert_eq!(both("state MASTER"), (InitialState::Master, 255));
    assert_eq!(both("priority 255"), (InitialState::Master, 255));
    assert_eq!(both("state MASTER\npriority 150"), (InitialState::Master, 150));
}

#[test]
fn ipv6_means_version_3() {
    let text = "vrrp_instance V {\ninterface eth0\nvirtual_router_id 1\nadvert_int 0.25\n\
                virtual_ipaddress {\nfe80::1\n2001:db8::1/64 dev eth1 -nodad\n}\n}";
    let it = clean(text).vrrp_instances.remove(0);
    assert_eq!((it.version, it.family), (VrrpVersion::V3, AddressFamily::Inet6));
    assert_eq!(it.advert_int, Duration::from_millis(250));
    assert_eq!(it.mcast_dst_ip.to_string(), "ff02::12");
    let [first, second] = it.virtual_ipaddress.as_slice() else {
        panic!()
    };
    assert_eq!(
        (first.prefix_length, first.preferred_lft, first.nodad),
        (128, Some(0), true)
    );
    assert_eq!(
        (second.prefix_length, second.preferred_lft, second.nodad),
        (64, None, false)
    );
    assert_eq!(*second.dev, "eth1");
}

#[test]
fn address_options_are_read() {
    let it = one_instance(
        "virtual_ipaddress_excluded {\n192.0.2.9/28 dev eth1 brd + label eth1:9 scope link no_track noprefixroute\n\
         192.0.2.10 peer 198.51.100.1\n}",
    );
    let [first, second] = it.virtual_ipaddress_excluded.as_slice() else {
        panic!()
    };
    assert_eq!(first.broadcast.unwrap().to_string(), "192.0.2.15");
    assert_eq!((first.label.as_deref(), first.scope), (Some("eth1:9"), 253));
    assert!(first.no_track && first.noprefixroute && !first.nodad);
    assert_eq!(second.peer.unwrap().to_string(), "198.51.100.1");
}

#[test]
fn passwords_are_filled_up() {
    let it = one_instance("authentication {\nauth_type PASS\nauth_pass 1111\n}");
    assert_eq!(it.authentication, Some(Authentication::Pass(*b"1111\0\0\0\0")));
}

#[test]
fn unicast_peers_and_their_ttl() {
    let it = one_instance(
        "unicast_src_ip 192.0.2.8\nunicast_ttl 3\nunicast_peer {\n192.0.2.9\n192.0.2.10 min_ttl 2 max_ttl 4\n}",
    );
    assert_eq!(it.source_address.unwrap().to_string(), "192.0.2.8");
    assert_eq!((it.unicast_ttl, it.check_unicast_src), (3, true));
    let ttls: Vec<(u8, u8)> = it
        .unicast_peer
        .iter()
        .map(|peer| (peer.min_ttl, peer.max_ttl))
        .collect();
    assert_eq!(ttls, [(0, 255), (2, 4)]);
}

#[test]
fn scripts_have_arguments_users_and_groups() {
    let text = "global_defs {\nscript_user nobody\nenable_script_security\n}\n".to_owned()
        + &instance("notify_master \"/bin/a 'b c'\" root adm\nnotify /bin/n");
    let it = clean(&text).vrrp_instances.remove(0);
    let master = it.notify.notify_master.unwrap();
    assert_eq!(master.argv, ["/bin/a", "b c"]);
    assert_eq!(
        (master.user.as_deref(), master.group.as_deref()),
        (Some("root"), Some("adm"))
    );
    assert_eq!(it.notify.notify.unwrap().argv, ["/bin/n"]);
    assert_eq!(found(&instance("notify /bin/n")), [(313, 5)]);
    assert_eq!(read(&instance("notify /bin/n")).exit_code(), 6);
}

#[test]
fn what_follows_a_conflict_has_the_times_of_what_follows_a_takeover() {
    let text = "global_defs {\nvrrp_garp_master_delay 2\n}\n".to_owned()
        + &instance("garp_master_delay 3\ngarp_master_repeat 4");
    let it = clean(&text).vrrp_instances.remove(0);
    assert_eq!((it.garp_lower_prio_delay, it.garp_lower_prio_repeat), (3 * SECOND, 4));
}

#[test]
fn global_defaults_reach_the_instances_after_them() {
    let text = "global_defs {\nvrrp_version 3\nvrrp_garp_master_delay 2\nvrrp_garp_lower_prio_repeat 7\n\
                vrrp_mcast_group4 224.0.0.99\nvrrp_skip_check_adv_addr\nrouter_id LVS\nsmtp_server mail.example 2525\n\
                notification_email {\na@b\nc@d e@f\n}\n}\n";
    let loaded = read(&(text.to_owned() + &instance("garp_master_repeat 1")));
    assert_eq!(loaded.diagnostics, []);
    let config = loaded.config;
    let it = &config.vrrp_instances[0];
    assert_eq!(
        (it.version, it.garp_master_delay, it.garp_lower_prio_delay),
        (VrrpVersion::V3, 2 * SECOND, 2 * SECOND)
    );
    assert_eq!((it.garp_master_repeat, it.garp_lower_prio_repeat), (1, 7));
    assert_eq!(it.mcast_dst_ip.to_string(), "224.0.0.99");
    assert!(it.skip_check_adv_addr);
    let global = &config.global_defs;
    assert_eq!(
        (global.router_id.as_deref(), global.notification_email.len()),
        (Some("LVS"), 3)
    );
    assert_eq!(
        global.smtp_server,
        Some(SmtpServer {
            host: "mail.example".into(),
            port: 2525
        })
    );
}

#[test]
fn min_garp_lowers_what_is_not_written() {
    let text = "global_defs {\nvrrp_min_garp\n}\n".to_owned() + &instance("garp_master_delay 4");
    let it = clean(&text).vrrp_instances.remove(0);
    assert_eq!((it.garp_master_delay, it.garp_master_repeat), (4 * SECOND, 1));
}

#[test]
fn sync_groups_share_their_tracking() {
    let text = "vrrp_sync_group G {\ngroup {\nV W\n}\ntrack_interface {\neth9\neth8 weight 5\n}\n}\n".to_owned()
        + &instance("track_interface { eth7 weight -9 reverse }")
        + &instance("").replace("V {", "W {").replace(" 51", " 52");
    let loaded = read(&text);
    let codes: Vec<u16> = loaded.diagnostics.iter().map(|it| it.code.0).collect();
    assert_eq!(codes, [419], "weights in groups");
    let tracked = |index: usize| -> Vec<(String, i16)> {
        let instance: &VrrpInstance = &loaded.config.vrrp_instances[index];
        instance
            .track_interface
            .iter()
            .map(|it| (it.name.value.clone(), it.weight))
            .collect()
    };
    assert_eq!(tracked(0), [("eth7".into(), 0), ("eth9".into(), 0), ("eth8".into(), 5)]);
    assert_eq!(tracked(1), [("eth9".into(), 0), ("eth8".into(), 5)]);
}

#[test]
fn contradictions_in_instances_are_said() {
    for (body, expected) in [
        ("nopreempt\nstate MASTER\npriority 100", &[(413, 5)][..]),
        ("nopreempt\npriority 255", &[(413, 5)]),
        ("nopreempt\npreempt_delay 5", &[(414, 6)]),
        ("advert_int 1.5", &[(408, 5)]),
        ("version 3\nadvert_int 50", &[(409, 6)]),
        (
            "version 3\nauthentication {\nauth_type PASS\nauth_pass x\n}",
            &[(410, 6)],
        ),
        ("authentication { auth_type PASS auth_pass x }", &[(411, 5), (309, 5)]),
        ("unicast_ttl 9", &[(415, 5)]),
        ("unicast_src_ip 192.0.2.7", &[(423, 5)]),
        ("unicast_peer { 192.0.2.7 }\nmcast_dst_ip 224.0.0.9", &[(421, 6)]),
        ("mcast_dst_ip 192.0.2.9", &[(308, 5)]),
        ("virtual_ipaddress { 2001:db8::1 }", &[(407, 5)]),
        ("virtual_ipaddress { 192.0.2.1/24 }", &[(424, 5)]),
        ("virtual_ipaddress_excluded { 192.0.2.1/24 dev eth9 }", &[(424, 5)]),
        ("priority 300", &[(306, 5)]),
        ("priority", &[(304, 5)]),
        ("priority 10x", &[(305, 5)]),
        ("track_interface {\neth1 weight 300\n}", &[(306, 6)]),
        ("priority 255\ntrack_interface {\neth1 weight 3\n}", &[(419, 7)]),
    ] {
        assert_eq!(found(&instance(body)), expected, "{body}");
    }
    assert_eq!(found("vrrp_instance V {\n}\n"), [(402, 1)]);
    assert_eq!(found("vrrp_instance V {\ninterface e\n}\n"), [(403, 1)]);
    assert_eq!(found("vrrp_instance {\n}\n"), [(400, 1)]);
}

#[test]
fn twins_are_found() {
    let twice = instance("") + &instance("");
    assert_eq!(found(&twice), [(401, 7)]);
    let same_id = instance("") + &instance("").replace("V {", "W {");
    assert_eq!(found(&same_id), [(404, 9)]);
    let unicast = instance("unicast_peer { 192.0.2.7 }") + &instance("").replace("V {", "W {");
    assert_eq!(found(&unicast), []);
    let other_group = instance("mcast_dst_ip 224.0.0.19") + &instance("").replace("V {", "W {");
    assert_eq!(found(&other_group), []);
}

#[test]
fn defaults_of_a_virtual_server() {
    let it = one_service("");
    assert_eq!(it.services, [Service::Address("192.0.2.1".parse().unwrap(), 80)]);
    assert_eq!((it.quorum, it.hysteresis, it.delay_loop), (1, 0, 60 * SECOND));
    assert_eq!(
        (it.protocol, it.lb_algo, it.lb_kind),
        (Some(Protocol::Tcp), Scheduler::Wrr, ForwardingMethod::Nat)
    );
    assert_eq!((it.persistence_timeout, it.persistence_granularity), (None, 32));
    let server = &it.real_servers[0];
    assert_eq!(
        (server.port, server.weight, server.inhibit_on_failure),
        (Some(80), 2, false)
    );
}

#[test]
fn checkers_inherit_inwards() {
    let text = service(
        "192.0.2.1 80",
        "delay_loop 6\nretry 4\nconnect_timeout 3\nvirtualhost vs\nalpha\n\
         real_server 192.0.2.12 8080 {\nretry 5\nTCP_CHECK {\nretry 0\nconnect_port 81\n}\n\
         HTTP_GET {\nurl {\npath /a\nvirtualhost u\nstatus_code 200 300-302\n}\nurl {\npath /b\n\
         digest 9b3a0c85a887a256d6939da88aabd8cd\n}\nconnect_ip 192.0.2.99\ndelay_loop 2.5\nwarmup 0\n}\n}",
    );
    let it = clean(&text).virtual_servers.remove(0);
    let [tcp, http] = it.real_servers[1].checkers.as_slice() else {
        panic!()
    };
    assert_eq!(
        (tcp.retry, tcp.delay_before_retry, tcp.delay_loop),
        (0, SECOND, 6 * SECOND)
    );
    assert_eq!(
        (tcp.connect_timeout, tcp.warmup, tcp.alpha),
        (3 * SECOND, 6 * SECOND, true)
    );
    assert_eq!(tcp.target.to_string(), "192.0.2.12:81");
    assert_eq!(
        (http.retry, http.delay_before_retry, http.warmup),
        (5, 3 * SECOND, Duration::ZERO)
    );
    assert_eq!(http.delay_loop, Duration::from_millis(2500));
    assert_eq!(http.target.to_string(), "192.0.2.99:8080");
    let CheckerKind::HttpGet(http) = &http.kind else {
        panic!()
    };
    assert_eq!(http.urls[0].virtualhost.as_deref(), Some("u"));
    assert_eq!(http.urls[0].status_code, [200..=200, 300..=302]);
    assert_eq!(http.urls[1].virtualhost.as_deref(), Some("vs"));
    assert_eq!(http.urls[1].status_code, [200..=299]);
    assert_eq!(http.urls[1].digest.unwrap()[..2], [0x9b, 0x3a]);
}

#[test]
fn rise_jitter_and_time_limit_are_inherited() {
    let text = service(
        "192.0.2.1 80",
        "delay_loop 6\nrise 3\njitter 25\ncheck_timeout 4.5\n\
         real_server 192.0.2.12 8080 {\nrise 2\nTCP_CHECK {\njitter 50\n}\n\
         MISC_CHECK {\nmisc_path /bin/true\nrise 7\n}\n}",
    );
    let it = read(&text).config.virtual_servers.remove(0);
    let timing = |it: &Checker| (it.rise, it.jitter, it.check_timeout);
    let real = &it.real_servers[1].checkers;
    assert_eq!(timing(&real[0]), (2, 3 * SECOND, Some(Duration::from_millis(4500))));
    // A command has misc_timeout.
    assert_eq!(timing(&real[1]), (7, Duration::from_millis(1500), None));
    let plain = one_service("real_server 192.0.2.12 80 {\nTCP_CHECK {\n}\n}");
    assert_eq!(
        timing(&plain.real_servers[1].checkers[0]),
        (1, Duration::ZERO, None),
        "without any of them all is as with keepalived"
    );
}

#[test]
fn how_real_servers_come_back_is_inherited() {
    let it = one_service(
        "slow_start 30\nflap_threshold 4\nflap_window 60\nflap_hold 10\nflap_hold_max 120\n\
         real_server 192.0.2.12 80 {\nslow_start 0\nflap_threshold 0\nflap_hold 2.5\n}",
    );
    let expected = Recovery {
        slow_start: 30 * SECOND,
        flap_threshold: 4,
        flap_window: 60 * SECOND,
        flap_hold: 10 * SECOND,
        flap_hold_max: 120 * SECOND,
    };
    assert_eq!(it.real_servers[0].recovery, expected);
    assert_eq!(
        it.real_servers[1].recovery,
        Recovery {
            slow_start: Duration::ZERO,
            flap_threshold: 0,
            flap_hold: Duration::from_millis(2500),
            ..expected
        }
    );
    assert_eq!(one_service("").real_servers[0].recovery, Recovery::default());
}

#[test]
fn the_port_of_a_server_is_also_the_port_of_its_checks() {
    let text =
        "virtual_server fwmark 9 {\nlb_algo sh\nlb_kind DR\nreal_server 192.0.2.11 8080 {\nTCP_CHECK {\n}\n}\n}\n";
    let it = clean(text).virtual_servers.remove(0);
    assert_eq!(it.real_servers[0].port, None, "DR keeps the port of the packet");
    assert_eq!(it.real_servers[0].checkers[0].target.to_string(), "192.0.2.11:8080");
}

#[test]
fn groups_are_expanded() {
    let text = service("group G", "") + "virtual_server_group G {\n192.0.2.1 80\n192.0.2.5-6 81\nfwmark 7\n}\n";
    let it = clean(&text).virtual_servers.remove(0);
    let address = |text: &str, port| Service::Address(text.parse().unwrap(), port);
    let expected = [
        address("192.0.2.1", 80),
        address("192.0.2.5", 81),
        address("192.0.2.6", 81),
        Service::Fwmark(7, AddressFamily::Inet),
    ];
    assert_eq!(it.services, expected);
    assert_eq!(*it.name, VirtualServerName::Group("G".into()));
}

#[test]
fn marks_follow_the_servers() {
    let text = "virtual_server fwmark 9 {\nlb_algo sh\nsh-port\nlb_kind TUN type gue port 6080 csum\n\
                real_server 192.0.2.11 {\n}\nreal_server 2001:db8::11 {\n}\n}\n";
    let it = clean(text).virtual_servers.remove(0);
    assert_eq!(
        it.services,
        [
            Service::Fwmark(9, AddressFamily::Inet),
            Service::Fwmark(9, AddressFamily::Inet6)
        ]
    );
    assert_eq!((it.protocol, it.flags.flag_2), (None, true));
    let tunnel = Tunnel {
        kind: TunnelKind::Gue { port: 6080 },
        checksum: TunnelChecksum::Checksum,
    };
    assert_eq!(it.lb_kind, ForwardingMethod::Tun(tunnel));
    assert_eq!(it.real_servers[0].port, None);
}

#[test]
fn the_sorry_server_waits() {
    let it = one_service("sorry_server 192.0.2.99\nsorry_server_inhibit\nsorry_server_lvs_method DR");
    let sorry = it.sorry_server.unwrap();
    assert_eq!((sorry.address.to_string().as_str(), sorry.port), ("192.0.2.99", None));
    assert_eq!((sorry.lvs_method, sorry.inhibit), (ForwardingMethod::Dr, true));
}

#[test]
fn contradictions_in_virtual_servers_are_said() {
    for (body, expected) in [
        ("quorum 9", &[(506, 6)][..]),
        ("real_server 192.0.2.12 80 {\nweight 99999999999\n}", &[(306, 7)]),
        ("hysteresis 1", &[(507, 6)]),
        ("quorum 2\nhysteresis 2", &[(507, 7)]),
        ("real_server 192.0.2.11 80 {\n}", &[(508, 6)]),
        ("real_server 2001:db8::1 80 {\n}", &[(407, 6)]),
        ("lvs_method DR\nreal_server 192.0.2.12 81 {\n}", &[(505, 7)]),
        ("sh-port", &[(511, 6)]),
        ("ip_family inet6", &[(407, 6)]),
        ("real_server 192.0.2.12 80 {\nTCP_CHECK x {\n}\n}", &[(309, 7)]),
        ("sorry_server_inhibit", &[(512, 6)]),
        ("ops", &[(513, 6)]),
        ("lb_algo fastest", &[(307, 6)]),
        ("lb_kind TUN type gue", &[(307, 6)]),
        ("persistence_timeout 0", &[(306, 6)]),
        ("real_server 192.0.2.12 80 {\nweight -1\n}", &[(306, 7)]),
        ("real_server 192.0.2.12 80 {\nHTTP_GET {\n}\n}", &[(600, 7)]),
        (
            "real_server 192.0.2.12 80 {\nHTTP_GET {\nurl {\n}\n}\n}",
            &[(600, 7), (601, 8)],
        ),
        (
            "real_server 192.0.2.12 80 {\nHTTP_GET {\nurl {\npath /\nstatus_code 99\ndigest x\n}\n}\n}",
            &[(603, 10), (602, 11)],
        ),
        ("real_server fe80::1%e 80 {\n}", &[(308, 6)]),
    ] {
        assert_eq!(found(&service("192.0.2.1 80", body)), expected, "{body}");
    }
    let bare = |body: &str| format!("virtual_server 192.0.2.1 80 {{\n{body}\n}}\n");
    assert_eq!(
        found(&bare("real_server 192.0.2.11 80 {\n}")),
        [(503, 1), (502, 1), (504, 1)]
    );
    assert_eq!(found(&bare("lb_algo rr")), [(501, 1)]);
    assert_eq!(
        found(&service("192.0.2.1 80", "").replace("weight 2", "weight 0")),
        [(506, 1)]
    );
    let long = one_service("delay_loop 99999999999");
    assert_eq!(long.delay_loop.as_secs(), 4_294_967_295);
    assert_eq!(found(&service("192.0.2.1", "")), [(514, 1)]);
    assert_eq!(found(&service("192.0.2.x 80", "")), [(510, 1)]);
    let twice = service("192.0.2.1 80", "") + &service("192.0.2.1 80", "");
    assert_eq!(found(&twice), [(509, 8)]);
}

#[test]
fn an_undefined_group_is_explained() {
    let loaded = read(&(service("group HTTP", "") + "virtual_server_group HTTQ {\n192.0.2.1 80\n}\n"));
    assert_eq!(
        loaded.diagnostics[0].hint.as_deref(),
        Some("did you mean 'group HTTQ'?")
    );
    let loaded = read(&service("group HTTP", ""));
    assert!(loaded.has_errors());
    let hint = loaded.diagnostics[0].hint.as_deref().unwrap();
    assert!(hint.contains("virtual_server_group HTTP { 192.0.2.1 80 }"), "{hint}");
}

#[test]
fn only_changes_of_meaning_are_changes() {
    let config = clean(&instance("priority 10"));
    assert_eq!(
        config,
        clean(&("\n\n# moved\n".to_owned() + &instance("priority   10")))
    );
    assert_ne!(config, clean(&instance("priority 11")));
}

#[test]
fn a_missing_file_is_an_error() {
    let loaded = load(&MemoryLoader::new(), Path::new("/none.conf"), &LoadOptions::default());
    assert!(loaded.has_errors());
    assert_eq!(loaded.exit_code(), 4);
    assert_eq!(found(""), []);
}

#[test]
fn only_some_errors_stop_the_daemon() {
    for (text, fatal) in [
        ("vrrp_instance V {\ninterface e\n}\n".to_owned(), true),
        (instance("version 3").replace("192.0.2.1/24", ""), true),
        ("includem none\n".to_owned(), true),
        (instance("priority high"), false),
        (service("group NONE", ""), false),
        (instance("") + "}", false),
    ] {
        let loaded = read(&text);
        assert!(loaded.has_errors());
        assert_eq!(loaded.is_fatal(), fatal, "{text}");
    }
}

#[test]
fn both_faces_show_the_place() {
    let loaded = read("$W=nopreemp\nvrrp_instance V {\n\tinterface eth0 # é\n\t$W\n}\n");
    let unknown = loaded.diagnostics.iter().find(|it| it.code.0 == 300).unwrap();
    assert_eq!(
        unknown.one_line(&loaded.sources),
        "(k.conf: Line 4, column 2) Unknown keyword 'nopreemp' in vrrp_instance; the line is ignored - did you mean \
         'nopreempt'? [HF0300]"
    );
    let drawn = unknown.drawn(&loaded.sources, false);
    for part in [
        "error[HF0300]",
        "k.conf:4:2",
        "^^",
        "did you mean 'nopreempt'?",
        "from $W, k.conf: Line 1, column 4",
    ] {
        assert!(drawn.contains(part), "{part} in\n{drawn}");
    }
    assert!(unknown.drawn(&loaded.sources, true).contains("\u{1b}["));
}

/// Keywords that are in effect although they change nothing: what they say holds anyway, or keepalived ignores them
/// too. `authentication`, `url` and the like are tested through what stands in them.
const WITHOUT_CHANGE: &[&str] = &[
    "include_check",
    "misc_path",
    "accept",
    "preempt",
    "debug",
    "hashed",
    "native_ipv6",
    "no_virtual_ipaddress",
    "ip_family",
    "omega",
    "unicast_ttl",
    "ops",
    "sorry_server_inhibit",
    "sorry_server_lvs_method",
    "hysteresis",
    // Only of an owner.
    "owner_ignore_adverts",
    "vrrp_owner_ignore_adverts",
    "quorum",
    // Only with an interface of the instance's own.
    "vmac_xmit_base",
    // Only without interface.
    "vrf",
    // Only with nopreempt.
    "timer_expired_backup",
    "thread_timer_expired",
    // Only after their scheduler.
    "sh-port",
    "sh-fallback",
    "mh-port",
    "mh-fallback",
];

/// Arguments to try, one of which differs from every default.
fn samples(keyword: &Keyword) -> Vec<String> {
    let strings = |samples: &[&str]| samples.iter().map(|sample| (*sample).to_owned()).collect();
    match (keyword.name, keyword.value) {
        ("lb_kind" | "lvs_method", _) => strings(&["DR"]),
        ("status_code", _) => strings(&["201"]),
        ("digest", _) => vec!["0".repeat(32)],
        ("persistence_granularity", _) => strings(&["255.255.0.0"]),
        ("protocol", _) => strings(&["SCTP"]),
        ("sorry_server", _) => strings(&["192.0.2.77 80"]),
        ("mcast_dst_ip", _) => strings(&["224.0.0.78"]),
        ("old_unicast_checksum", _) => strings(&["never"]),
        ("vrrp_rx_bufs_policy", _) => strings(&["MTU"]),
        ("lvs_timeouts", _) => strings(&["tcp 300"]),
        ("lvs_sysctl", _) => strings(&["expire_nodest_conn 1"]),
        ("lvs_flush_on_stop", _) => strings(&["", "VS"]),
        ("lvs_sync_daemon", _) => strings(&["eth9 V"]),
        ("vrrp_cpu_affinity" | "checker_cpu_affinity" | "bfd_cpu_affinity", _) => strings(&["0 1"]),
        ("garp_extra_if" | "vrrp_garp_extra_if", _) => strings(&["all 7"]),
        ("enable_sni" | "tls_verify", _) => strings(&["true"]),
        ("regex_options", _) => strings(&["caseless"]),
        ("regex_min_offset" | "regex_max_offset", _) => strings(&["7"]),
        ("regex_stack", _) => strings(&["1024 2048"]),
        ("umask", _) => strings(&["022"]),
        (_, Value::Flag) => strings(&[""]),
        (_, Value::Bool) => strings(&["true", "false"]),
        (_, Value::Integer(least, most) | Value::OptionalInteger(least, most) | Value::Clamped(least, most)) => {
            vec![least.to_string(), most.to_string()]
        }
        (_, Value::Seconds(..) | Value::Milliseconds(..)) => strings(&["17", "0.5"]),
        (_, Value::Weight(_)) => strings(&["7", "7 reverse"]),
        (_, Value::OneOf(choices)) => strings(choices),
        (_, Value::Address) => strings(&["192.0.2.77"]),
        (_, Value::Ipv4) => strings(&["224.0.0.77"]),
        (_, Value::Ipv6) => strings(&["ff02::77"]),
        (_, Value::Word | Value::OneWord | Value::Text) => strings(&["other"]),
        (_, Value::Script) => strings(&["/bin/other"]),
        (_, Value::Block(_) | Value::Entry) => Vec::new(),
    }
}

/// The text before and after a place in a block, in a configuration that is complete without it.
fn surroundings(context: Context) -> Option<(String, String)> {
    let split = |text: String| {
        text.split_once("HERE")
            .map(|(before, after)| (before.to_owned(), after.to_owned()))
    };
    let global = "global_defs {\nHERE\n}\n".to_owned();
    let six = instance("").replace("V {", "S {").replace("192.0.2.1/24", "fe80::1/64");
    let checks = |body: &str| service("192.0.2.1 80", &format!("real_server 192.0.2.12 80 {{\n{body}\n}}"));
    match context {
        Context::GlobalDefs => split(global + &instance("") + &six),
        Context::VrrpInstance => split(instance("HERE")),
        Context::Authentication => split(instance("authentication {\nauth_type PASS\nauth_pass a\nHERE\n}")),
        Context::VrrpSyncGroup => split(format!(
            "vrrp_sync_group G {{\ngroup {{ V }}\nHERE\n}}\n{}",
            instance("")
        )),
        Context::VirtualServer => split(checks("TCP_CHECK {\n}").replace("protocol TCP", "protocol TCP\nHERE")),
        Context::RealServer => split(checks("TCP_CHECK {\n}\nHTTP_GET {\nurl {\npath /\n}\n}\nHERE")),
        Context::TcpCheck => split(checks("TCP_CHECK {\nHERE\n}")),
        Context::HttpGet => split(checks("HTTP_GET {\nurl {\npath /\n}\nHERE\n}")),
        Context::Url => split(checks("HTTP_GET {\nurl {\npath /\nregex up\nHERE\n}\n}")),
        Context::MiscCheck => split(checks("MISC_CHECK {\nmisc_path /bin/true\nHERE\n}")),
        Context::SslGet => split(checks("SSL_GET {\nurl {\npath /\n}\nHERE\n}")),
        Context::SslUrl => split(checks("SSL_GET {\nurl {\npath /\nregex up\nHERE\n}\n}")),
        Context::Ssl => split("SSL {\nca a\nHERE\n}\n".to_owned() + &service("192.0.2.1 80", "")),
        _ => None,
    }
}

#[test]
fn every_keyword_in_effect_changes_the_configuration() {
    let mut tried = 0;
    for context in Context::ALL {
        let Some((before, after)) = surroundings(*context) else {
            continue;
        };
        let base = read(&format!("{before}{after}")).config;
        for keyword in context.keywords() {
            let values = samples(keyword);
            let in_effect = keyword.status == Status::InEffect && keyword.alias.is_none();
            // Read there because it may be written there; plain HTTP has no such thing.
            let foreign = *context == Context::HttpGet && matches!(keyword.name, "enable_sni" | "sni_name");
            if foreign || !in_effect || values.is_empty() || WITHOUT_CHANGE.contains(&keyword.name) {
                continue;
            }
            let changes = |value: &String| read(&format!("{before}\n{} {value}\n{after}", keyword.name)).config != base;
            assert!(values.iter().any(changes), "{} in {}", keyword.name, context.title());
            tried += 1;
        }
    }
    assert!(tried > 120, "{tried}");
}

#[test]
fn what_is_no_configuration_ends_soon() {
    let loaded = read(&"some words that mean nothing\n".repeat(100_000));
    assert_eq!(loaded.diagnostics.len(), 10_001);
    let last = loaded.diagnostics.last().unwrap();
    assert_eq!(
        (last.message.as_str(), last.severity),
        ("90000 more findings are not shown", Severity::Error)
    );
    assert_eq!(loaded.exit_code(), 5);
}

#[test]
fn what_checks_inherit_and_groups_are_kept_as_they_are_written() {
    let it = one_service(
        "retry 4\nwarmup 7\nconnect_timeout 2\nweight 3\nreal_server 192.0.2.12 80 {\nretry 9\nalpha\nvirtualhost b\n}\nvirtualhost a",
    );
    let [first, second] = it.real_servers.as_slice() else {
        panic!("{:?}", it.real_servers)
    };
    let own = &it.check_defaults;
    assert_eq!(
        (own.retry, own.warmup, own.delay_before_retry),
        (Some(4), Some(7 * SECOND), None)
    );
    assert_eq!(
        (own.connect_timeout, own.delay_loop, own.alpha),
        (2 * SECOND, 60 * SECOND, false)
    );
    assert_eq!((it.weight, second.weight, first.weight), (3, 3, 2));
    assert_eq!((&first.check_defaults, &first.virtualhost), (own, &None));
    assert_eq!(
        (second.check_defaults.retry, second.check_defaults.alpha),
        (Some(9), true)
    );
    assert_eq!(
        (it.virtualhost.as_deref(), second.virtualhost.as_deref()),
        (Some("a"), Some("b"))
    );

    let text = "virtual_server_group G {\nfwmark 7\n192.0.2.1-3 80\n192.0.2.9\n}\nvirtual_server_group H {\n2001:db8::/126 53\n}\n";
    let groups = clean(&format!(
        "{text}{}",
        service("group H", "").replace("192.0.2.11", "2001:db8::11")
    ))
    .virtual_server_groups;
    let address = |text: &str| text.parse().unwrap();
    let range = |first, last, port| GroupEntry::Addresses {
        first: address(first),
        last: address(last),
        port,
    };
    assert_eq!(
        groups,
        [
            VirtualServerGroup {
                name: "G".into(),
                entries: vec![
                    GroupEntry::Fwmark { mark: 7, family: None },
                    range("192.0.2.1", "192.0.2.3", 80),
                    range("192.0.2.9", "192.0.2.9", 0),
                ],
            },
            VirtualServerGroup {
                name: "H".into(),
                entries: vec![range("2001:db8::", "2001:db8::3", 53)],
            },
        ]
    );
}
