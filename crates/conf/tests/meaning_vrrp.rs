//! What VRRP keywords mean that the daemon does not use yet: expected values from keepalived's documented behaviour.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // helpers of tests are tests

use holdfast_conf::config::*;
use holdfast_conf::{Diagnostic, LoadOptions, Loaded, MemoryLoader, load};
use std::path::Path;
use std::time::Duration;

fn read(text: &str) -> Loaded {
    let files = MemoryLoader::new().with("k.conf", text);
    load(&files, Path::new("k.conf"), &LoadOptions::default())
}

/// Codes and lines of what keepalived counts, too.
fn counted(loaded: &Loaded) -> Vec<(u16, u32)> {
    let counted = |it: &&Diagnostic| it.class.is_some() && it.code.0 != 312;
    let place = |it: &Diagnostic| (it.code.0, it.span.unwrap().line);
    loaded.diagnostics.iter().filter(counted).map(place).collect()
}

fn clean(text: &str) -> Config {
    let loaded = read(text);
    assert_eq!(counted(&loaded), [], "{text}\n{:?}", loaded.diagnostics);
    loaded.config
}

const SECURE: &str = "global_defs {\nscript_user nobody\nenable_script_security\n}\n";

/// Objects to track, on the lines 5 to 19.
const OBJECTS: &str = "vrrp_script s {\nscript /bin/s\nweight 7 reverse\n}\ntrack_file f {\nfile /run/f\n}\n\
                       vrrp_track_process p {\nprocess /usr/sbin/p -x\nweight -9\n}\n\
                       bfd_instance b {\nneighbor_ip 192.0.2.9\nweight 3\n}\n";

fn instance(body: &str) -> String {
    format!("vrrp_instance V {{\ninterface eth0\nvirtual_router_id 51\nvirtual_ipaddress {{ 192.0.2.1 }}\n{body}\n}}\n")
}

fn one_instance(body: &str) -> VrrpInstance {
    clean(&instance(body)).vrrp_instances.remove(0)
}

fn tracked(list: &[Tracked]) -> Vec<(&str, i16, bool)> {
    let each = |it: &Tracked| (it.weight, it.reverse);
    list.iter()
        .map(|it| (it.name.as_str(), each(it).0, each(it).1))
        .collect()
}

#[test]
fn lines_take_the_weight_of_what_they_track() {
    let lists =
        "track_script {\ns\n}\ntrack_file {\nf weight 5\n}\ntrack_process {\np weight 1 reverse\n}\ntrack_bfd {\nb\n}";
    let it = clean(&(SECURE.to_owned() + OBJECTS + &instance(lists)))
        .vrrp_instances
        .remove(0);
    assert_eq!(tracked(&it.track_script), [("s", 7, true)]);
    assert_eq!(tracked(&it.track_file), [("f", 5, false)]);
    assert_eq!(tracked(&it.track_process), [("p", 1, true)]);
    assert_eq!(tracked(&it.track_bfd), [("b", 3, false)]);
    let cancelled = clean(&(SECURE.to_owned() + OBJECTS + &instance("track_script {\ns weight 2 noreverse\n}")));
    assert_eq!(tracked(&cancelled.vrrp_instances[0].track_script), [("s", 2, false)]);
}

/// As keepalived 2.2.7 does: it names the option, and the object is "not used".
#[test]
fn a_line_with_a_wrong_option_tracks_nothing() {
    let lists = "track_script {\ns weight=0\n}\ntrack_file {\nf weight 5 backwards\n}\ntrack_process {\np weight\n}\n\
                 track_bfd {\nb 3\n}\ntrack_interface {\neth1 wait\neth2 weight 5 backwards\n}";
    let it = read(&(SECURE.to_owned() + OBJECTS + &instance(lists)));
    let it = &it.config.vrrp_instances[0];
    assert_eq!(tracked(&it.track_script), []);
    assert_eq!(tracked(&it.track_file), []);
    assert_eq!(tracked(&it.track_process), []);
    assert_eq!(tracked(&it.track_bfd), []);
    assert_eq!(tracked(&it.track_interface), [("eth2", 5, false)]);
}

/// As keepalived 2.2.7, which sends from that address.
#[test]
fn a_length_behind_a_source_or_a_peer_means_nothing() {
    let it = one_instance("unicast_src_ip 192.0.2.9/24\nunicast_peer {\n192.0.2.77/24\n}");
    assert_eq!(it.source_address.unwrap().to_string(), "192.0.2.9");
    assert_eq!(it.unicast_peer[0].address.to_string(), "192.0.2.77");
}

/// keepalived 2.2.7 makes a `vmac_addr6.5` over eth0 for the IPv6 address.
#[test]
fn an_address_of_the_other_family_has_a_vmac_of_its_own() {
    let more = "use_vmac\nvirtual_ipaddress_excluded {\n192.0.2.7 use_vmac\n2001:db8::7 use_vmac dev eth0\n}";
    let loaded = read(&instance(more));
    let excluded = &loaded.config.vrrp_instances[0].virtual_ipaddress_excluded;
    let vmacs: Vec<bool> = excluded.iter().map(|address| address.use_vmac).collect();
    assert_eq!(vmacs, [false, true]);
}

/// As keepalived 2.2.7 puts them in: `ip -6 route` and `ip -6 rule` show them.
#[test]
fn everything_has_the_family_of_the_rest_of_the_line() {
    let lines = "static_routes {\ndefault via 2001:db8::1 dev eth0\nany via inet6 2001:db8::1 dev eth0\n\
                 default no_track nexthop via 2001:db8::1 dev eth0 nexthop via 2001:db8::2 dev eth0\n\
                 default dev eth0 pref low\nall dev eth0 from 2001:db8:5::/64\ndefault dev eth0\n\
                 0.0.0.0/0 via inet6 2001:db8::1 dev eth0\n}\n\
                 static_rules {\nfrom all to 2001:db8:9::/64 table 5 preference 400\n\
                 to any from 2001:db8:9::/64 table 5 preference 401\nfrom all table 5 preference 402\n}\n";
    let config = clean(&(lines.to_owned() + &instance("")));
    let destinations: Vec<String> = config
        .static_routes
        .iter()
        .map(|it| it.destination.address.to_string())
        .collect();
    assert_eq!(destinations, ["::", "::", "::", "::", "::", "0.0.0.0", "0.0.0.0"]);
    let rules = config.static_rules.iter();
    let rules: Vec<_> = rules
        .map(|it| (it.family, it.from.is_some_and(|from| from.address.is_ipv6())))
        .collect();
    assert_eq!(
        rules,
        [
            (AddressFamily::Inet6, true),
            (AddressFamily::Inet6, true),
            (AddressFamily::Inet, false)
        ]
    );
}

#[test]
fn defaults_of_what_is_tracked() {
    let config = clean(&(SECURE.to_owned() + OBJECTS + &instance("")));
    let script = &config.vrrp_scripts[0];
    assert_eq!(
        (script.interval, script.timeout),
        (Duration::from_secs(1), Duration::from_secs(1))
    );
    assert_eq!((script.rise, script.fall, script.init_fail), (1, 1, false));
    let process = &config.vrrp_track_processes[0];
    assert_eq!(
        (process.process.as_str(), process.arguments.as_slice()),
        ("/usr/sbin/p", &["-x".to_owned()][..])
    );
    assert_eq!(
        (process.quorum, process.quorum_max, process.full_command),
        (1, None, true)
    );
    let file = &config.track_files[0];
    assert_eq!((file.weight, file.init_file), (1, None));
    let bfd = &config.bfd_instances[0];
    assert_eq!(
        (bfd.min_rx, bfd.min_tx),
        (Duration::from_millis(10), Duration::from_millis(10))
    );
    assert_eq!((bfd.idle_tx, bfd.multiplier, bfd.ttl), (Duration::from_secs(1), 5, 255));
    assert_eq!((bfd.max_hops, bfd.vrrp, bfd.checker), (Some(0), true, true));
}

#[test]
fn names_must_be_defined_above() {
    let late = SECURE.to_owned() + &instance("track_script {\ns\n}") + OBJECTS;
    let loaded = read(&late);
    assert_eq!(counted(&loaded), [(431, 10)]);
    let finding = loaded.diagnostics.iter().find(|it| it.code.0 == 431).unwrap();
    assert!(finding.message.contains("further down"), "{}", finding.message);
    assert_eq!(finding.notes[0].span.unwrap().line, 13);
    let misspelt = read(
        &(SECURE.to_owned() + &OBJECTS.replace("script s", "script check") + &instance("track_script {\nchekc\n}")),
    );
    let finding = misspelt.diagnostics.iter().find(|it| it.code.0 == 431).unwrap();
    assert_eq!(finding.hint.as_deref(), Some("did you mean 'check'?"));
}

/// keepalived names the session alone, and what tracks it is in FAULT for ever.
#[test]
fn a_session_that_is_left_out_is_still_tracked() {
    let text = format!("bfd_instance b {{\nmin_rx 20\n}}\n{}", instance("track_bfd {\nb\n}"));
    let loaded = read(&text);
    assert_eq!(counted(&loaded), [(434, 1)]);
    assert!(loaded.config.bfd_instances.is_empty());
    assert_eq!(tracked(&loaded.config.vrrp_instances[0].track_bfd), [("b", 0, false)]);
}

#[test]
fn a_session_only_for_checkers_cannot_be_tracked() {
    let objects = OBJECTS.replace("weight 3", "checker");
    let loaded = read(&(SECURE.to_owned() + &objects + &instance("track_bfd {\nb\n}")));
    assert_eq!(counted(&loaded), [(431, 25)]);
    assert_eq!(
        (
            loaded.config.bfd_instances[0].vrrp,
            loaded.config.bfd_instances[0].checker
        ),
        (false, true)
    );
}

#[test]
fn members_of_a_group_have_no_weights_of_their_own() {
    let group = "vrrp_sync_group G {\ngroup {\nV W\n}\n}\n";
    let body =
        "track_script {\ns weight 2\n}\ntrack_file {\nf\n}\ntrack_process {\np\n}\ntrack_interface {\neth1 weight 9\n}";
    let two = instance(body) + &instance("").replace("V {", "W {").replace(" 51", " 52");
    let text = SECURE.to_owned() + OBJECTS + group + &two;
    let loaded = read(&text);
    assert_eq!(
        counted(&loaded).iter().map(|(code, _)| *code).collect::<Vec<_>>(),
        [419, 419, 419]
    );
    let it = &loaded.config.vrrp_instances[0];
    assert_eq!(tracked(&it.track_script), []);
    assert_eq!(tracked(&it.track_file), [("f", 0, false)]);
    assert_eq!(tracked(&it.track_process), [("p", -9, false)]);
    assert_eq!(tracked(&it.track_interface), [("eth1", 0, false)]);
    let weighted = clean(&text.replace("G {\n", "G {\nsync_group_tracking_weight\n"));
    assert_eq!(tracked(&weighted.vrrp_instances[0].track_script), [("s", 2, true)]);
}

#[test]
fn routes_are_read() {
    let config = clean(
        "static_routes {\n\
         to blackhole 198.51.100.0/24 no_track\n\
         default via 192.0.2.254 dev eth0 table local metric 20 mtu lock 1400 rtt 300ms protocol 18 realms 1/2\n\
         2001:db8:1::/48 via 2001:db8::1 dev eth0 pref high expires 600\n\
         198.51.100.0/24 no_track nexthop via 192.0.2.1 weight 2 nexthop via 192.0.2.2 dev eth1 onlink\n\
         198.51.100.0/24 dev eth0 encap mpls 100/200\n}\n",
    );
    let [black, default, six, multipath, mpls] = config.static_routes.as_slice() else {
        panic!()
    };
    assert_eq!((black.kind, black.destination.length, black.no_track), (6, 24, true));
    assert_eq!(
        (default.destination, default.table),
        (Prefix::all(AddressFamily::Inet), Some(255))
    );
    assert_eq!(
        (default.metric, default.realms, default.protocol),
        (Some(20), Some(0x1_0002), 18)
    );
    assert_eq!(
        default.mtu,
        Some(Metric {
            value: 1400,
            lock: true
        })
    );
    assert_eq!(default.rtt.unwrap().value, Duration::from_millis(300));
    assert_eq!(
        (six.family, six.pref, six.expires),
        (AddressFamily::Inet6, Some(1), Some(600))
    );
    let hops: Vec<_> = multipath.nexthops.iter().map(|hop| (hop.weight, hop.onlink)).collect();
    assert_eq!(hops, [(Some(2), false), (None, true)]);
    assert_eq!(mpls.encap, Some(Encap::Mpls(vec![100, 200])));
}

#[test]
fn wrong_routes_are_left_out() {
    for (line, code, kept) in [
        ("via 192.0.2.1 dev eth0", 443, 0),
        ("198.51.100.0/24 dev eth0 table zzz", 440, 0),
        ("198.51.100.0/24 dev eth0 via 2001:db8::1", 441, 0),
        ("198.51.100.0/24 dev eth0 pref high", 441, 0),
        ("198.51.100.0/24 dev eth0 metric 0x10", 440, 0),
        ("198.51.100.0/24 dev eth0 mtu lock", 304, 0),
        ("198.51.100.0/24 dev eth0 protocol static", 445, 1),
        ("198.51.100.0/24 dev eth0 features x", 441, 1),
        ("198.51.100.0/24 dev eth0 encap ip", 442, 1),
        ("198.51.100.0/24 dev eth0 track_group nope", 448, 1),
    ] {
        let loaded = read(&format!("static_routes {{\n{line}\n}}\n"));
        assert_eq!(counted(&loaded), [(code, 2)], "{line}");
        assert_eq!(loaded.config.static_routes.len(), kept, "{line}");
    }
}

/// keepalived 2.4 does so without a word, 2.2 counts it.
#[test]
fn a_route_without_an_interface_is_not_tracked() {
    let config = clean("static_routes {\n198.51.100.0/24 via 192.0.2.1\n}\n");
    assert!(config.static_routes[0].no_track);
}

#[test]
fn a_family_does_not_swallow_the_next_word() {
    let config = clean("static_routes {\n198.51.100.0/24 dev eth0 inet x\n198.51.100.0/24 inet dev eth1\n}\n");
    let devices: Vec<_> = config
        .static_routes
        .iter()
        .map(|it| it.dev.as_ref().unwrap().as_str())
        .collect();
    assert_eq!(devices, ["eth0", "eth1"]);
}

#[test]
fn rules_are_read() {
    let config = clean(
        "static_rules {\n\
         from 192.0.2.0/24 fwmark 5/0xff table 100 preference 0x10\n\
         not to 2001:db8::/32 iif eth0 goto 600 priority 500 uidrange 1000-1999\n\
         from all type blackhole order 7 ipproto tcp dport 80-81\n}\n",
    );
    let [table, goto, hole] = config.static_rules.as_slice() else {
        panic!()
    };
    assert_eq!(
        (table.action, table.preference, table.fwmark),
        (RuleAction::Table(100), 16, Some((5, 0xff)))
    );
    assert_eq!(
        (goto.action, goto.family, goto.not),
        (RuleAction::Goto(600), AddressFamily::Inet6, true)
    );
    assert_eq!(goto.uidrange, Some((1000, 1999)));
    assert_eq!(
        (hole.action, hole.ipproto, hole.dport),
        (RuleAction::Blackhole, Some(6), Some((80, 81)))
    );
}

#[test]
fn rules_without_preference_count_downwards_in_each_family() {
    let loaded =
        read("static_rules {\nfrom 192.0.2.0/24 table 1\nfrom 2001:db8::/32 table 1\nto 192.0.2.0/24 table 1\n}\n");
    assert_eq!(counted(&loaded), [(447, 2), (447, 3), (447, 4)]);
    let preferences: Vec<u32> = loaded.config.static_rules.iter().map(|rule| rule.preference).collect();
    assert_eq!(preferences, [16384, 16384, 16383]);
}

#[test]
fn wrong_rules_are_left_out() {
    for (line, code) in [
        ("from 192.0.2.0/24 preference 5", 446),
        ("from 192.0.2.0/24 table 0 preference 5", 441),
        ("from 192.0.2.0/24 table 1 nop preference 5", 441),
        ("from 192.0.2.0/24 goto 5 preference 5", 441),
        ("from 192.0.2.0/24 blackhole realms 3 preference 5", 441),
        ("from 192.0.2.0/24 to 2001:db8::/32 table 1 preference 5", 441),
        ("from 192.0.2.0/24 colour blue table 1 preference 5", 441),
    ] {
        let loaded = read(&format!("static_rules {{\n{line}\n}}\n"));
        assert_eq!(counted(&loaded), [(code, 2)], "{line}");
        assert_eq!(loaded.config.static_rules, [], "{line}");
    }
    let kept = read("static_rules {\nfrom 192.0.2.0/24 table 1 sport 5 preference 5\n}\n");
    assert_eq!((counted(&kept), kept.config.static_rules.len()), (vec![(440, 2)], 1));
}

#[test]
fn strict_mode_corrects() {
    let loaded = read(&instance(
        "strict_mode\nstate MASTER\npriority 100\npreempt_delay 5\ndown_timer_adverts 4\ngarp_lower_prio_repeat 3\naccept",
    ));
    assert_eq!(counted(&loaded), [(458, 6), (458, 8), (458, 9), (458, 10), (458, 11)]);
    let it = &loaded.config.vrrp_instances[0];
    assert_eq!(
        (it.state, it.preempt_delay, it.down_timer_adverts),
        (InitialState::Backup, Duration::ZERO, 3)
    );
    assert_eq!(
        (it.garp_lower_prio_repeat, it.lower_prio_no_advert, it.accept),
        (0, true, false)
    );
    assert!(!it.higher_prio_send_advert);
    let unicast = read(&instance("strict_mode\nunicast_peer {\n192.0.2.9\n}"));
    assert_eq!(counted(&unicast), [(458, 7)]);
    assert_eq!(unicast.config.vrrp_instances[0].unicast_peer.len(), 1);
    let owner = one_instance("strict_mode\npriority 255\naccept");
    assert!(owner.owner_ignore_adverts && owner.accept);
}

#[test]
fn interfaces_of_their_own() {
    let it = one_instance("use_vmac name vr9 00:11:22:33:44 netlink_notify_msg\nvmac_xmit_base");
    let vmac = it.use_vmac.unwrap();
    assert_eq!(
        (vmac.name.unwrap().as_str(), vmac.netlink_notify_msg, it.vmac_xmit_base),
        ("vr9", true, true)
    );
    assert_eq!(vmac.address, VmacAddress::Prefix([0, 0x11, 0x22, 0x33, 0x44]));
    let ipvlan = one_instance("use_ipvlan ipv9 192.0.2.7/24 vepa").use_ipvlan.unwrap();
    assert_eq!(
        (ipvlan.mode, ipvlan.address),
        (IpvlanMode::Vepa, Some(("192.0.2.7".parse().unwrap(), 24)))
    );
    for (body, line) in [
        ("use_vmac 01:11:22:33:44:55", 5),
        ("use_vmac vr9 00:00:5e:00:01:05", 5),
        ("use_vmac a b", 5),
        ("use_vmac\nunicast_peer {\n192.0.2.2\n}", 5),
        ("vmac_xmit_base", 5),
        ("use_ipvlan", 5),
        ("use_ipvlan 192.0.2.7\nuse_ipvlan", 6),
    ] {
        let lines: Vec<u32> = counted(&read(&instance(body))).iter().map(|(_, line)| *line).collect();
        assert_eq!(lines, [line], "{body}");
    }
}

#[test]
fn an_interface_belongs_to_the_first_that_names_it() {
    let first = instance("use_vmac same");
    let second = instance("use_ipvlan same 192.0.2.7").replace("vrrp_instance V ", "vrrp_instance W ");
    let second = second.replace("virtual_router_id 51", "virtual_router_id 52");
    let loaded = read(&format!("{first}{second}"));
    let lines = u32::try_from(first.lines().count()).unwrap();
    assert_eq!(counted(&loaded), [(460, lines + 5)]);
    let named = &loaded.config.vrrp_instances[1].use_ipvlan.as_ref().unwrap().name;
    assert!(named.is_none());
}

#[test]
fn authentication_is_read_and_not_shown() {
    let ah = one_instance("authentication {\nauth_type AH\nauth_pass secret\n}");
    assert_eq!(ah.authentication, Some(Authentication::Ah(*b"secret\0\0")));
    let body = "auth_hmac {\nkey 1 0123456789abcdef0123456789abcdef\n\
                key 2 hex:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\nkey 3 file:/etc/k\nactive_key 2\n}";
    let hmac = one_instance(body).auth_hmac.unwrap();
    assert_eq!(
        (hmac.active_key, hmac.keys.len(), hmac.time_window),
        (2, 3, Duration::from_secs(5))
    );
    assert_eq!(hmac.keys[1].secret, HmacSecret::Bytes((0..32).collect()));
    assert_eq!((hmac.mode, hmac.anti_replay), (HmacMode::Enforce, AntiReplay::Time));
    let slow = one_instance(&("advert_int 100\n".to_owned() + body)).auth_hmac.unwrap();
    assert_eq!(slow.time_window, Duration::from_mins(5));
    let loaded = read(&instance(body));
    assert!(!loaded.has_errors() && format!("{:?}", loaded.config).find("0123456789abcdef").is_none());
    let both = instance(&(body.to_owned() + "\nauthentication {\nauth_type PASS\nauth_pass x\n}"));
    assert_eq!(counted(&read(&both)), [(456, 11)]);
    for (key, wrong, line) in [
        ("active_key 2", "active_key 9", 9),
        ("key 2 hex:00", "key 2 hex:0g", 7),
        ("key 1 01", "key 1 short ", 6),
    ] {
        let loaded = read(&instance(&body.replace(key, wrong)));
        assert!(
            counted(&loaded).contains(&(455, line)),
            "{wrong}: {:?}",
            counted(&loaded)
        );
    }
}

#[test]
fn other_settings_of_an_instance() {
    let it =
        one_instance("nopreempt\ntimer_expired_backup\ngarp_extra_if all 60\nkernel_rx_buf_size 65536\nnotify_deleted");
    assert_eq!(
        (it.timer_expired_backup, it.kernel_rx_buf_size),
        (Some(254), Some(65536))
    );
    assert!(it.garp_extra_if.unwrap().all);
    assert_eq!(it.notify.notify_deleted, Some(NotifyDeleted::State));
    assert!(!one_instance("skip_check_adv_addr false").skip_check_adv_addr);
    for (body, code) in [
        ("timer_expired_backup", 462),
        ("owner_ignore_adverts", 463),
        ("track_interface {\neth0 weight 5\n}", 461),
        ("track_interface {\neth1 reverse\n}", 310),
        ("state MASTER\nstate BACKUP", 311),
        ("version 3\nversion 2", 420),
        ("vrf v", 311),
        ("old_unicast_checksum always", 307),
        ("check_unicast_src", 423),
        ("kernel_rx_buf_size 1 2", 307),
    ] {
        let loaded = read(&instance(body));
        assert!(
            counted(&loaded).iter().any(|(found, _)| *found == code),
            "{body}: {:?}",
            counted(&loaded)
        );
    }
    let vrf = clean(&instance("vrf red\nunicast_peer {\n192.0.2.2\n}").replace("interface eth0\n", ""));
    assert_eq!(vrf.vrrp_instances[0].interface.as_str(), "red");
}

#[test]
fn interfaces_and_groups() {
    let config = clean(
        "track_group tg {\ngroup {\nV\n}\n}\nlinkbeat_use_polling\nlinkbeat_interfaces {\neth0 ETHTOOL\neth1\n}\n\
         interface_up_down_delays {\neth0 1.5 2\neth1 3\n}\ngarp_group {\ngarp_interval 0.05\ninterfaces {\neth0 eth1\n}\n}\n\
         static_ipaddress {\n192.0.2.9/24 dev eth1 track_group tg\n192.0.2.10 peer 192.0.2.11\n}\n\
         vrrp_instance V {\ninterface eth0\nvirtual_router_id 1\nvirtual_ipaddress { 192.0.2.1 }\n}\n",
    );
    assert!(config.linkbeat_use_polling);
    assert_eq!(config.linkbeat_interfaces[0].method, Some(LinkbeatMethod::Ethtool));
    let delays: Vec<_> = config
        .interface_up_down_delays
        .iter()
        .map(|it| (it.down.as_millis(), it.up.as_millis()))
        .collect();
    assert_eq!(delays, [(1500, 2000), (3000, 0)]);
    assert_eq!(
        (
            config.garp_groups[0].interfaces.len(),
            config.garp_groups[0].gna_interval
        ),
        (2, None)
    );
    assert_eq!(
        config.static_ipaddress[0].track_group.as_deref().map(String::as_str),
        Some("tg")
    );
    assert_eq!(config.static_ipaddress[1].dev.as_str(), "eth0");
    assert_eq!(config.track_groups[0].group[0].as_str(), "V");
}
