//! What `global_defs`, virtual servers and checkers mean: expected values from keepalived's documented behaviour.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // helpers of tests are tests

use holdfast_conf::config::*;
use holdfast_conf::{LoadOptions, Loaded, MemoryLoader, load};
use std::path::Path;
use std::time::Duration;

fn read(text: &str) -> Loaded {
    let loader = MemoryLoader::new().with("k.conf", text);
    load(&loader, Path::new("k.conf"), &LoadOptions::default())
}

/// The configuration, when nothing is wrong with it but keywords that do nothing yet, or what iptables did.
fn sound(text: &str) -> Config {
    let loaded = read(text);
    let wrong: Vec<String> = loaded
        .diagnostics
        .iter()
        .filter(|it| ![302, 547].contains(&it.code.0))
        .map(|it| it.one_line(&loaded.sources))
        .collect();
    assert_eq!(wrong, [""; 0], "{text}");
    loaded.config
}

#[test]
fn a_master_that_loses_answers_once_more_by_default() {
    let instance = |globals: &str| {
        let text = format!(
            "global_defs {{\n{globals}\n}}\nvrrp_instance V {{\ninterface eth0\nvirtual_router_id 1\n\
             virtual_ipaddress {{ 192.0.2.1 }}\n}}\n"
        );
        sound(&text).vrrp_instances.remove(0).higher_prio_send_advert
    };
    assert!(instance(""));
    assert!(!instance("vrrp_higher_prio_send_advert off"));
}

const SECOND: Duration = Duration::from_secs(1);

fn globals(body: &str) -> GlobalDefs {
    sound(&format!("global_defs {{\n{body}\n}}\n")).global_defs
}

/// Code and line of each finding that counts.
fn found(text: &str) -> Vec<(u16, u32)> {
    let loaded = read(text);
    let counted = loaded.diagnostics.iter().filter(|it| it.class.is_some());
    counted.map(|it| (it.code.0, it.span.unwrap().line)).collect()
}

fn found_in_globals(body: &str) -> Vec<u16> {
    let found = found(&format!("global_defs {{\n{body}\n}}\n"));
    found.into_iter().map(|(code, _)| code).collect()
}

#[test]
fn global_settings_have_keepalived_s_defaults() {
    let it = globals("");
    assert_eq!(
        (it.startup_script_timeout, it.shutdown_script_timeout),
        (10 * SECOND, 10 * SECOND)
    );
    assert_eq!(it.processes.min_auto_priority_delay, SECOND);
    assert_eq!(it.processes.checker.rlimit_rttime, Duration::from_millis(10));
    assert_eq!((it.nftables.priority, it.nftables_ipvs.priority), (-1, -1));
    assert_eq!(it.nftables_ipvs.start_fwmark, 1000);
    assert_eq!(it.snmp.vs_stats_update_interval, 5 * SECOND);
    assert_eq!(it.lvs_flush_on_stop, LvsFlushOnStop::Off);
    assert_eq!(it.dynamic_interfaces, DynamicInterfaces::No);
    assert_eq!(sound("").daemon.child_wait_time, 5 * SECOND);
}

#[test]
fn processes_have_names_and_priorities() {
    let it = globals(
        "process_names\nvrrp_priority -10\nchecker_rt_priority 20\nbfd_cpu_affinity 0 2\nlvs_process_name checks\n\
         vrrp_rlimit_rtime 20000\nchecker_no_swap\nmax_auto_priority",
    )
    .processes;
    assert!(it.process_names && it.checker.no_swap && !it.vrrp.no_swap);
    assert_eq!(
        (it.vrrp.priority, it.checker.rt_priority, it.max_auto_priority),
        (-10, Some(20), 99)
    );
    assert_eq!(it.bfd.cpu_affinity, [0, 2]);
    assert_eq!(it.checker.process_name.as_deref(), Some("checks"));
    assert_eq!(it.vrrp.rlimit_rttime, Duration::from_millis(20));
}

#[test]
fn what_is_too_long_or_too_large_is_cut() {
    let loaded =
        read("global_defs {\nprocess_name a_name_of_more_than_15\nvrrp_rt_priority 100\nchecker_rt_priority 0\n}\n");
    let it = &loaded.config.global_defs.processes;
    assert_eq!(it.process_name.as_deref(), Some("a_name_of_more_"));
    assert_eq!((it.vrrp.rt_priority, it.checker.rt_priority), (Some(99), Some(1)));
    assert_eq!(loaded.exit_code(), 5);
    assert_eq!(found_in_globals("bfd_cpu_affinity 0 x"), [305]);
    assert_eq!(found_in_globals("nftables a_name_of_a_table_that_is_too_long"), [540]);
}

#[test]
fn the_sync_daemon_follows_an_instance() {
    let it = globals("lvs_sync_daemon eth0 inst V id 10 maxlen 1400 port 8848 ttl 3 group 224.0.0.81");
    let daemon = it.lvs_sync_daemon.unwrap();
    assert_eq!(
        (daemon.interface.as_str(), daemon.inst.unwrap().as_str()),
        ("eth0", "V")
    );
    assert_eq!(
        (daemon.id, daemon.maxlen, daemon.port, daemon.ttl),
        (Some(10), Some(1400), Some(8848), Some(3))
    );
    assert_eq!(daemon.group.unwrap().to_string(), "224.0.0.81");
    let bare = globals("lvs_sync_daemon eth1 V port 1").lvs_sync_daemon.unwrap();
    assert_eq!((bare.inst.unwrap().as_str(), bare.id, bare.port), ("V", None, Some(1)));
    assert!(globals("lvs_sync_daemon eth1").lvs_sync_daemon.unwrap().inst.is_none());
    for (line, codes) in [
        ("lvs_sync_daemon eth0 V 10", &[542][..]),
        ("lvs_sync_daemon eth0 V id 300", &[306]),
        ("lvs_sync_daemon eth0 V port", &[304]),
        ("lvs_sync_daemon eth0 V what", &[310]),
        ("lvs_sync_daemon eth0 V group 192.0.2.1", &[308]),
        ("lvs_sync_daemon an_interface_of_too_many_bytes", &[307]),
        ("lvs_sync_daemon eth0\nlvs_sync_daemon eth1", &[311]),
    ] {
        assert_eq!(found_in_globals(line), codes, "{line}");
    }
}

#[test]
fn ipvs_has_timeouts_and_an_end() {
    let it = globals("lvs_timeouts tcp 7200 udp 60 tcpfin 0\nlvs_flush_onstop VS");
    assert_eq!(
        (it.lvs_timeouts.tcp, it.lvs_timeouts.udp),
        (Some(7200 * SECOND), Some(60 * SECOND))
    );
    assert_eq!(
        (it.lvs_timeouts.tcpfin, it.lvs_flush_on_stop),
        (None, LvsFlushOnStop::VirtualServers)
    );
    assert_eq!(globals("lvs_flush_on_stop").lvs_flush_on_stop, LvsFlushOnStop::All);
    assert_eq!(found_in_globals("lvs_timeouts tcp x udp 5 foo 6"), [305, 310, 310]);
    assert_eq!(found_in_globals("lvs_timeouts tcp 5 udp"), [304]);
    assert_eq!(found_in_globals("lvs_flush_on_stop vs"), [307]);
}

#[test]
fn settings_of_the_kernel_are_named_and_have_numbers() {
    let it = globals("lvs_sysctl expire_nodest_conn 1\nlvs_sysctl net.ipv4.vs.sync_threshold 2 40");
    let set: Vec<(&str, &str)> = it
        .lvs_sysctls
        .iter()
        .map(|it| (it.name.value.as_str(), it.value.as_str()))
        .collect();
    assert_eq!(set, [("expire_nodest_conn", "1"), ("sync_threshold", "2\t40")]);
    for (wrong, code) in [
        ("lvs_sysctl", 304),
        ("lvs_sysctl expire_nodest_con 1", 307),
        ("lvs_sysctl expire_nodest_conn", 304),
        ("lvs_sysctl expire_nodest_conn 1 2", 304),
        ("lvs_sysctl expire_nodest_conn yes", 305),
        ("lvs_sysctl expire_nodest_conn 2", 306),
        ("lvs_sysctl conntrack 1\nlvs_sysctl conntrack 0", 541),
    ] {
        assert_eq!(found_in_globals(wrong), [code], "{wrong}");
    }
}

#[test]
fn buffers_and_filters_are_read() {
    let it = globals(
        "lvs_netlink_cmd_rcv_bufs 131072\nlvs_netlink_cmd_rcv_bufs_force\nvrrp_rx_bufs_policy advert\n\
         vrrp_iptables IN\nvrrp_ipsets a b\nnftables\nnftables_ipvs marks\nvrrp_garp_extra_if all 60",
    );
    let buffer = it.receive_buffers.lvs_netlink_cmd;
    assert_eq!((buffer.bytes, buffer.force), (Some(131_072), true));
    assert_eq!(it.receive_buffers.vrrp_rx_bufs_policy, Some(VrrpRxBufsPolicy::Advert));
    let chains = it.vrrp_iptables.unwrap();
    assert_eq!((chains.input.as_str(), chains.output), ("IN", None));
    assert_eq!(it.vrrp_ipsets, Some(VrrpIpsets::Named(vec!["a".into(), "b".into()])));
    assert_eq!(it.nftables.table.as_deref(), Some("keepalived"));
    assert_eq!(it.nftables_ipvs.table.as_deref(), Some("marks"));
    let extra = it.vrrp_garp_extra_if.unwrap();
    assert_eq!((extra.all, extra.interval), (true, 60 * SECOND));
    assert_eq!(globals("vrrp_ipsets").vrrp_ipsets, Some(VrrpIpsets::Off));
    // A number beats a word, and MTU beats ADVERT.
    for (words, policy) in [
        ("mtu 100", VrrpRxBufsPolicy::Bytes(100)),
        ("100 mtu", VrrpRxBufsPolicy::Bytes(100)),
        ("ADVERT MTU", VrrpRxBufsPolicy::Mtu),
        ("MTU ADVERT", VrrpRxBufsPolicy::Mtu),
    ] {
        let loaded = read(&format!("global_defs {{\nvrrp_rx_bufs_policy {words}\n}}\n"));
        let buffers = loaded.config.global_defs.receive_buffers;
        assert_eq!(
            (buffers.vrrp_rx_bufs_policy, loaded.exit_code()),
            (Some(policy), 5),
            "{words}"
        );
    }
}

#[test]
fn fifos_have_owners_and_readers() {
    let it = globals(
        "enable_script_security\nnotify_fifo_script \"/bin/read it\" root\nnotify_fifo /run/f user group\nlvs_notify_fifo /run/g",
    );
    assert_eq!(it.notify_fifo.path.unwrap().as_str(), "/run/f");
    let owner = it.notify_fifo.owner.unwrap();
    assert_eq!((owner.user.as_str(), owner.group.as_deref()), ("user", Some("group")));
    assert_eq!(it.notify_fifo.script.unwrap().argv, ["/bin/read", "it"]);
    assert_eq!(it.lvs_notify_fifo.path.unwrap().as_str(), "/run/g");
    assert_eq!(found_in_globals("notify_fifo /a\nnotify_fifo /b"), [311]);
}

#[test]
fn files_and_reloads_are_read() {
    let it = globals("umask IRWXG|IRWXO\nreload_check_config\nreload_file\nrandom_seed 42\njson_version 2");
    assert_eq!(
        (it.files.umask, it.files.json_version, it.random_seed),
        (Some(0o77), Some(2), Some(42))
    );
    assert_eq!(it.reload.check_config.as_deref(), Some("/dev/null"));
    assert_eq!(it.reload.file, Some(ReloadFile::Default));
    assert_eq!(found_in_globals("include_check read +match -brace_match"), [0; 0]);
    assert_eq!(found_in_globals("include_check read match"), [541]);
    assert_eq!(found_in_globals("include_check nothing"), [307]);
}

#[test]
fn the_daemon_s_own_settings_stand_outside_all_blocks() {
    let it = sound("instance blue\nuse_pid_dir\nnet_namespace a\nnet_namespace_ipvs\nchild_wait_time 9\n").daemon;
    assert_eq!(
        (it.instance.as_deref(), it.net_namespace.as_deref()),
        (Some("blue"), Some("a"))
    );
    assert_eq!(
        (it.net_namespace_ipvs, it.child_wait_time),
        (IpvsNamespace::Initial, 9 * SECOND)
    );
    assert_eq!(found("instance a\ninstance b\n"), [(311, 2)]);
    let ssl = sound("SSL {\nca /a\nkey /k\n}\n").ssl.unwrap();
    assert_eq!(
        (ssl.ca.as_deref(), ssl.key.as_deref(), ssl.password),
        (Some("/a"), Some("/k"), None)
    );
    assert_eq!(found("SSL {\n}\nSSL {\n}\n"), [(311, 3)]);
}

/// A virtual server with one real server that has these checkers.
fn service(checkers: &str) -> String {
    format!(
        "global_defs {{\nenable_script_security\n}}\ntrack_file load {{\nfile /run/load\nweight 3 reverse\n}}\n\
         bfd_instance path {{\nneighbor_ip 192.0.2.9\n}}\nbfd_instance other {{\nneighbor_ip 192.0.2.8\nvrrp\n}}\n\
         virtual_server 192.0.2.1 80 {{\nlb_algo rr\nlb_kind NAT\nprotocol TCP\ndelay_loop 7\n\
         real_server 192.0.2.11 8080 {{\n{checkers}\n}}\n}}\n"
    )
}

fn checkers(text: &str) -> Vec<Checker> {
    sound(&service(text))
        .virtual_servers
        .remove(0)
        .real_servers
        .remove(0)
        .checkers
}

fn checker(text: &str) -> Checker {
    let mut checkers = checkers(text);
    assert_eq!(checkers.len(), 1);
    checkers.remove(0)
}

fn found_in_checkers(text: &str) -> Vec<u16> {
    found(&service(text)).into_iter().map(|(code, _)| code).collect()
}

/// semantics of retries: (`retry`, `delay_before_retry`) where nothing is written.
#[test]
fn each_kind_of_checker_has_its_own_patience() {
    for (text, retry, pause) in [
        ("TCP_CHECK {\n}", 1, SECOND),
        ("PING_CHECK {\n}", 1, SECOND),
        ("UDP_CHECK {\n}", 1, SECOND),
        ("SMTP_CHECK {\n}", 1, SECOND),
        ("HTTP_GET {\nurl {\npath /\n}\n}", 1, 3 * SECOND),
        ("SSL_GET {\nurl {\npath /\n}\n}", 1, 3 * SECOND),
        ("DNS_CHECK {\n}", 3, 7 * SECOND),
        ("DNS_CHECK {\ndelay_loop 2\n}", 3, 2 * SECOND),
        ("MISC_CHECK {\nmisc_path /bin/true\n}", 0, SECOND),
    ] {
        let it = checker(text);
        assert_eq!((it.retry, it.delay_before_retry), (retry, pause), "{text}");
        assert_eq!(it.connect_timeout, 5 * SECOND, "{text}");
    }
}

#[test]
fn a_server_name_is_sent_when_asked_for() {
    let sni = |body: &str| {
        let it = checker(&format!("SSL_GET {{\nurl {{\npath /\n}}\n{body}\n}}"));
        match it.kind {
            CheckerKind::SslGet(ssl) => ssl.tls.sni,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(sni(""), Sni::Off);
    assert_eq!(sni("enable_sni"), Sni::Virtualhost);
    assert_eq!(sni("sni_name"), Sni::Virtualhost);
    assert_eq!(
        sni("enable_sni\nsni_name www.example.org"),
        Sni::Name("www.example.org".into())
    );
    assert_eq!(
        found_in_checkers("SSL_GET {\nurl {\npath /\n}\nsni_name a\nsni_name\n}"),
        [311]
    );
}

#[test]
fn urls_of_tls_end_properly_when_asked_for() {
    let it =
        checker("SSL_GET {\nurl {\npath /a\n}\nurl {\npath /b\ntls_compliant off\n}\ntls_compliant\nvirtualhost h\n}");
    let CheckerKind::SslGet(ssl) = it.kind else { panic!() };
    let [a, b] = ssl.get.urls.as_slice() else { panic!() };
    assert_eq!((a.tls_compliant, b.tls_compliant), (true, false));
    assert_eq!(
        (a.virtualhost.as_deref(), b.virtualhost.as_deref()),
        (Some("h"), Some("h"))
    );
}

#[test]
fn bodies_are_matched_with_regular_expressions() {
    let regex = |body: &str| {
        let text = format!("HTTP_GET {{\nurl {{\npath /\n{body}\n}}\n}}");
        let loaded = read(&service(&text));
        let checkers = &loaded.config.virtual_servers[0].real_servers[0].checkers;
        match &checkers[0].kind {
            CheckerKind::HttpGet(get) => (get.urls[0].regex.clone(), loaded.exit_code()),
            other => panic!("{other:?}"),
        }
    };
    let (it, _) = regex(
        "regex_min_offset 5\nregex \"state: \\\\d+ 'a b'\"\nregex_options multiline caseless what\nregex_no_match\n\
         regex_max_offset 9\nregex_stack 100 200",
    );
    let it = it.unwrap();
    assert_eq!(it.pattern, "state: \\d+ 'a b'");
    assert_eq!(it.options, [RegexOption::Caseless, RegexOption::Multiline]);
    assert_eq!((it.no_match, it.min_offset, it.max_offset), (true, 5, Some(9)));
    assert_eq!(it.stack, Some((100, 200)));
    // keepalived does not count these either.
    assert_eq!(regex("regex_no_match"), (None, 0));
    let (it, exit) = regex("regex up\nregex_min_offset x\nregex_stack 9 1\nregex_max_offset");
    let it = it.unwrap();
    assert_eq!((it.min_offset, it.max_offset, it.stack, exit), (0, None, None, 0));
    assert_eq!(regex("regex a b"), (None, 5));
}

#[test]
fn mail_servers_are_greeted_once_per_host() {
    let it = checkers(
        "SMTP_CHECK {\nhelo_name lb\nretry 2\nhost {\nconnect_ip 192.0.2.12\nconnect_port 25\n}\n\
         host {\nretry 5\n}\n}",
    );
    let targets: Vec<(String, u32)> = it.iter().map(|it| (it.target.to_string(), it.retry)).collect();
    assert_eq!(targets, [("192.0.2.12:25".into(), 2), ("192.0.2.11:8080".into(), 5)]);
    for it in it {
        assert_eq!(it.kind, CheckerKind::SmtpCheck(SmtpCheck { helo_name: "lb".into() }));
    }
    // As seen of keepalived: a block that says something of its own connection is a checker beside its hosts, which do
    // not have that from it.
    let it = checkers("SMTP_CHECK {\nretry 2\nconnect_port 2525\nhost {\nconnect_ip 192.0.2.12\n}\n}");
    let targets: Vec<(String, u32)> = it.iter().map(|it| (it.target.to_string(), it.retry)).collect();
    assert_eq!(targets, [("192.0.2.11:2525".into(), 2), ("192.0.2.12:8080".into(), 2)]);
    let CheckerKind::SmtpCheck(smtp) = checker("SMTP_CHECK {\n}").kind else {
        panic!()
    };
    assert_eq!(smtp.helo_name, "smtpchecker.keepalived.org");
}

#[test]
fn names_are_asked_for() {
    let dns = |body: &str| match checker(&format!("DNS_CHECK {{\n{body}\n}}")).kind {
        CheckerKind::DnsCheck(dns) => (dns.query_type, dns.name),
        other => panic!("{other:?}"),
    };
    assert_eq!(dns(""), (DnsType::Soa, String::new()));
    assert_eq!(
        dns("type aaaa\nname www.example.org."),
        (DnsType::Aaaa, "www.example.org".into())
    );
    assert_eq!(dns("name ."), (DnsType::Soa, String::new()));
    // keepalived refuses a first label of one byte.
    assert_eq!(dns("name a.example").1, "a.example");
    for wrong in [
        "name a..example",
        "name .example",
        "type any",
        "name x.example\nname y.example",
    ] {
        assert_eq!(
            found_in_checkers(&format!("DNS_CHECK {{\n{wrong}\n}}")).len(),
            1,
            "{wrong}"
        );
    }
    let label = "x".repeat(64);
    assert_eq!(found_in_checkers(&format!("DNS_CHECK {{\nname {label}.org\n}}")), [307]);
}

#[test]
fn datagrams_have_a_payload_and_answers() {
    let udp = |body: &str| match checker(&format!("UDP_CHECK {{\n{body}\n}}")).kind {
        CheckerKind::UdpCheck(udp) => udp,
        other => panic!("{other:?}"),
    };
    let it = udp("");
    assert_eq!((it.payload.len(), it.require_reply), (32, None));
    assert!(it.payload.starts_with(b"keepalived check - "));
    assert_eq!((it.min_reply_length, it.max_reply_length), (0, 255));
    let it = udp("payload 0001 0203 ff\nrequire_reply 00 x1\nmin_reply_length 2");
    assert_eq!(it.payload, [0, 1, 2, 3, 0xff]);
    let reply = it.require_reply.unwrap();
    assert_eq!((reply[1].value, reply[1].mask), (1, 0x0f));
    assert_eq!(udp("require_reply").require_reply, Some(Vec::new()));
    assert_eq!(found_in_checkers("UDP_CHECK {\npayload x1\n}"), [307]);
    assert_eq!(found_in_checkers("UDP_CHECK {\nmin_reply_length 300\n}"), [541]);
}

#[test]
fn commands_have_users_and_time() {
    let misc = |body: &str| match checker(&format!("MISC_CHECK {{\n{body}\n}}")).kind {
        CheckerKind::MiscCheck(misc) => misc,
        other => panic!("{other:?}"),
    };
    let it = misc("user nobody nogroup\nmisc_path \"/bin/check 'a b'\"\nmisc_dynamic");
    assert_eq!(it.misc_path.argv, ["/bin/check", "a b"]);
    assert_eq!(
        (it.misc_path.user.as_deref(), it.misc_path.group.as_deref()),
        (Some("nobody"), Some("nogroup"))
    );
    assert_eq!((it.misc_timeout, it.misc_dynamic), (7 * SECOND, true));
    assert_eq!(misc("misc_path /bin/check\nmisc_timeout 2").misc_timeout, 2 * SECOND);
    assert_eq!(found_in_checkers("MISC_CHECK {\nmisc_timeout 2\n}"), [622]);
}

#[test]
fn files_and_sessions_must_be_defined_above() {
    let file = |body: &str| match checker(&format!("FILE_CHECK {{\ntrack_file load\n{body}\n}}")).kind {
        CheckerKind::FileCheck(file) => (file.weight, file.reverse),
        other => panic!("{other:?}"),
    };
    assert_eq!(file(""), (3, true), "the weight of the track_file");
    assert_eq!(file("weight -1000 noreverse"), (-1000, false));
    assert_eq!(file("weight 2 reverse"), (2, true));
    let it = checker("BFD_CHECK {\nname path\nalpha\n}");
    assert!(it.alpha && matches!(&it.kind, CheckerKind::BfdCheck(bfd) if bfd.name.as_str() == "path"));
    assert!(!it.kind.connects() && it.kind.is_in_effect());
    for (text, codes) in [
        ("FILE_CHECK {\n}", &[623][..]),
        ("FILE_CHECK {\ntrack_file load\nweight 2147483648\n}", &[306]),
        ("FILE_CHECK {\ntrack_file load\nweight 1 backwards\n}", &[307]),
        ("BFD_CHECK {\n}", &[624]),
        ("BFD_CHECK {\nname nobody\n}", &[625]),
        ("BFD_CHECK {\nname other\n}", &[625]),
        ("BFD_CHECK {\nname path\nname path\n}", &[311]),
    ] {
        assert_eq!(found_in_checkers(text), codes, "{text}");
    }
    assert_eq!(found_in_checkers("FILE_CHECK {\ntrack_file nothing\n}").len(), 1);
}

#[test]
fn a_source_address_is_of_the_family_of_the_target() {
    assert_eq!(found_in_checkers("TCP_CHECK {\nbindto 2001:db8::1\n}"), [407]);
    assert_eq!(
        found_in_checkers("TCP_CHECK {\nconnect_ip 2001:db8::9\nbindto 2001:db8::1\n}"),
        [0; 0]
    );
    assert_eq!(found_in_checkers("PING_CHECK {\nconnect_ip fe80::1\n}"), [605]);
}

#[test]
fn mails_about_servers_follow_the_nearest_setting() {
    let mails = |global: &str, body: &str| {
        let text = service("")
            .replace("enable_script_security", global)
            .replace("delay_loop 7", body);
        let it = sound(&text).virtual_servers.remove(0);
        (it.smtp_alert, it.real_servers[0].smtp_alert)
    };
    assert_eq!(mails("", ""), (false, true));
    assert_eq!(mails("smtp_alert off", ""), (false, false));
    assert_eq!(mails("smtp_alert off\nsmtp_alert_checker on", ""), (true, true));
    assert_eq!(mails("smtp_alert off", "smtp_alert"), (true, false));
}

#[test]
fn a_reload_that_only_moves_lines_changes_nothing() {
    let text = service(
        "SSL_GET {\nurl {\npath /\nregex up\n}\n}\nFILE_CHECK {\ntrack_file load\n}\nBFD_CHECK {\nname path\n}",
    );
    assert_eq!(sound(&text), sound(&format!("\n\n{text}")));
}
