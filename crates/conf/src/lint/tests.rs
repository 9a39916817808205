//! Each piece of advice: it is given, it is not given next to it, and it can be switched off.

use super::*;
use crate::host::fake::FakeHost;
use crate::{LoadOptions, MemoryLoader, Severity, load};
use std::path::Path;

fn read(text: &str) -> Loaded {
    let files = MemoryLoader::new().with("k.conf", text);
    load(&files, Path::new("k.conf"), &LoadOptions::default())
}

/// The advice on a text, as code and line.
fn advice_on(text: &str, host: Option<&dyn Host>) -> Vec<(u16, u32)> {
    let loaded = read(text);
    assert!(!loaded.has_errors(), "{text}\n{:#?}", loaded.diagnostics);
    let advice = lint(&loaded, host);
    assert!(
        advice.iter().all(|it| it.class.is_none()),
        "advice never touches the exit status"
    );
    advice.iter().map(|it| (it.code.0, it.span.unwrap().line)).collect()
}

/// Is there this advice on the first text, not on the second one, and not when the first switches it off?
#[track_caller]
fn check(code: u16, with: &str, without: &str, host: Option<&dyn Host>) {
    let has = |text: &str| advice_on(text, host).iter().any(|(found, _)| *found == code);
    assert!(has(with), "HF{code:04} is not given:\n{with}");
    assert!(!has(without), "HF{code:04} is given:\n{without}");
    let off = format!("@holdfast lint_off HF{code:04}\n{with}");
    assert!(!has(&off), "HF{code:04} is not switched off:\n{off}");
}

fn named_instance(name: &str, body: &str) -> String {
    format!(
        "vrrp_instance {name} {{\ninterface eth0\nvirtual_router_id {}\nvirtual_ipaddress {{ 192.0.2.1/24 }}\n{body}\n}}\n",
        50 + name.len()
    )
}

fn instance(body: &str) -> String {
    named_instance("V", body)
}

fn group(first: &str, second: &str) -> String {
    let (first, second) = (named_instance("A", first), named_instance("BB", second));
    format!("{first}{second}vrrp_sync_group G {{ group {{\nA\nBB\n}} }}\n")
}

/// A service of two servers.
fn service(body: &str, first: &str, second: &str) -> String {
    format!(
        "virtual_server 192.0.2.1 80 {{\nlb_algo wrr\nlb_kind NAT\nprotocol TCP\n{body}\n\
         real_server 192.0.2.11 80 {{\n{first}\n}}\nreal_server 192.0.2.12 80 {{\n{second}\n}}\n}}\n"
    )
}

const CHECKED: &str = "TCP_CHECK {\nconnect_timeout 3\n}";

#[test]
fn a_sound_file_gets_no_advice() {
    let host = FakeHost::default().address("192.0.2.7", 24);
    let text = instance("state BACKUP\npriority 150") + &service("alpha", CHECKED, CHECKED);
    assert_eq!(advice_on(&text, Some(&host)), []);
    assert_eq!(advice_on(&text, None), []);
}

#[test]
fn reading_a_file_gives_no_advice_of_its_own() {
    let advice = findings::ALL.iter().filter(|finding| is_lint(finding.code));
    assert!(advice.clone().count() > 25);
    assert!(
        advice.clone().all(|finding| finding.class.is_none()),
        "never counts in -t"
    );
    // -t and the daemon say what reading says.
    let text = "bfd_instance b {\nneighbor_ip 192.0.2.9\nmin_rx 20000\n}\n".to_owned() + &instance("priority 255");
    assert!(read(&text).diagnostics.iter().all(|it| it.severity > Severity::Advice));
}

#[test]
fn slow_sessions() {
    let with = |interval: &str| format!("bfd_instance b {{\nneighbor_ip 192.0.2.9\n{interval}\n}}\n");
    check(436, &with("min_rx 10001"), &with("min_rx 10000"), None);
    check(436, &with("idle_tx 20000"), &with("min_tx 50"), None);
}

#[test]
fn the_owner_of_the_addresses() {
    check(800, &instance("priority 255"), &instance("priority 254"), None);
    // What state MASTER means without a priority.
    check(
        800,
        &instance("state MASTER"),
        &instance("state MASTER\npriority 100"),
        None,
    );
}

#[test]
fn router_ids_on_one_link() {
    let shared = |id: u8, other: &str| {
        let second = format!(
            "vrrp_instance W {{\ninterface eth0\nvirtual_router_id {id}\nvirtual_ipaddress {{ {other} }}\n\
             mcast_dst_ip 224.0.0.19\n}}\n"
        );
        let second = if other.contains(':') {
            second.replace("224.0.0.19", "ff02::13")
        } else {
            second
        };
        instance("") + &second
    };
    check(801, &shared(51, "192.0.2.2/24"), &shared(52, "192.0.2.2/24"), None);
    check(802, &shared(51, "fe80::2/64"), &shared(52, "fe80::2/64"), None);
    let other_link = shared(51, "192.0.2.2/24").replacen("eth0", "eth1", 1);
    assert_eq!(advice_on(&other_link, None), []);
}

#[test]
fn a_peer_that_is_the_instance_itself() {
    let peers = |peers: &str| instance(&format!("unicast_src_ip 192.0.2.7\nunicast_peer {{\n{peers}\n}}"));
    check(803, &peers("192.0.2.8\n192.0.2.7"), &peers("192.0.2.8"), None);
    assert_eq!(
        advice_on(&peers("192.0.2.8\n192.0.2.7"), None),
        [(803, 8)],
        "at the peer"
    );
}

#[test]
fn weights_and_the_range_of_priorities() {
    let tracked = |priority: u8, weight: i16| {
        instance(&format!(
            "priority {priority}\ntrack_interface {{\neth1 weight {weight}\n}}"
        ))
    };
    check(805, &tracked(250, 5), &tracked(250, 4), None);
    check(805, &tracked(20, -20), &tracked(20, -19), None);
    let script = "vrrp_script s {\nscript /usr/bin/true\nweight 5\n}\n";
    let scripted =
        |priority: u8| script.to_owned() + &instance(&format!("priority {priority}\ntrack_script {{\ns\n}}"));
    check(805, &scripted(250), &scripted(249), None);
}

#[test]
fn nopreempt_and_weights() {
    let tracked = |weight: i16| instance(&format!("nopreempt\ntrack_interface {{\neth1 weight {weight}\n}}"));
    check(806, &tracked(-20), &tracked(0), None);
    check(806, &tracked(-20), &tracked(-20).replace("nopreempt", ""), None);
}

#[test]
fn after_two_masters() {
    let silent = instance("garp_lower_prio_repeat 0");
    check(807, &silent, &instance("garp_lower_prio_repeat 1"), None);
    check(
        807,
        &silent,
        &instance("garp_lower_prio_repeat 0\ngarp_master_refresh 60"),
        None,
    );
    // What strict mode implies.
    let strict = instance("strict_mode on");
    check(807, &strict, &instance("strict_mode on\ngarp_master_refresh 60"), None);
}

#[test]
fn the_first_address_of_ipv6() {
    let with = |addresses: &str| instance("").replace("192.0.2.1/24", addresses);
    check(
        808,
        &with("2001:db8::1/64"),
        &with("\nfe80::1/64\n2001:db8::1/64\n"),
        None,
    );
}

#[test]
fn duplicate_address_detection() {
    let with = |options: &str| instance("").replace("192.0.2.1/24", &format!("\nfe80::1/64 {options}\n"));
    check(813, &with("-nodad"), &with(""), None);
}

#[test]
fn addresses_without_a_prefix_length() {
    let host = FakeHost::default().address("192.0.2.7", 24);
    let with = |address: &str| instance("").replace("192.0.2.1/24", address);
    check(809, &with("192.0.2.1"), &with("192.0.2.1/24"), Some(&host));
    check(809, &with("192.0.2.1"), &with("192.0.2.1/32"), Some(&host));
    check(809, &with("192.0.2.1"), &with("198.51.100.1"), Some(&host));
    let macro_used = format!("$VIP=192.0.2.1\n{}", with("$VIP"));
    assert_eq!(
        advice_on(&macro_used, Some(&host)),
        [],
        "nobody can tell what is written"
    );
    let alone = FakeHost::default().address("192.0.2.7", 32);
    assert_eq!(advice_on(&with("192.0.2.1"), Some(&alone)), []);
    assert_eq!(advice_on(&with("192.0.2.1"), None), [], "needs the host");
}

#[test]
fn a_source_address_of_another_host() {
    let host = FakeHost::default().address("192.0.2.7", 24);
    let with = |source: &str| instance(&format!("unicast_src_ip {source}\nunicast_peer {{\n192.0.2.9\n}}"));
    check(810, &with("192.0.2.8"), &with("192.0.2.7"), Some(&host));
    assert_eq!(advice_on(&with("192.0.2.8"), None), [], "needs the host");

    // The file of the other router.
    let swapped = with("192.0.2.8").replace("192.0.2.9", "192.0.2.7");
    let advice = lint(&read(&swapped), Some(&host));
    assert_eq!(advice[0].notes[0].span.unwrap().line, 7);
}

#[test]
fn sync_groups_that_do_not_agree() {
    check(
        804,
        &group("", "advert_int 2"),
        &group("advert_int 2", "advert_int 2"),
        None,
    );
    let master = "state MASTER\npriority 100";
    check(811, &group(master, ""), &group(master, master), None);
    check(812, &group("", "nopreempt"), &group("nopreempt", "nopreempt"), None);
}

#[test]
fn a_sorry_server_that_is_a_real_server() {
    let with = |sorry: &str| service(&format!("sorry_server {sorry}"), CHECKED, CHECKED);
    check(820, &with("192.0.2.11 80"), &with("192.0.2.13 80"), None);
    check(820, &with("192.0.2.11 80"), &with("192.0.2.11 81"), None);
    // Said already: HF0516.
    let inhibit = with("192.0.2.11 80\ninhibit_on_failure");
    assert!(read(&inhibit).diagnostics.iter().any(|it| it.code.0 == 516));
    assert!(!advice_on(&inhibit, None).iter().any(|(code, _)| *code == 820));
}

#[test]
fn persistent_clients_of_dead_servers() {
    let persistent = service("persistence_timeout 60\ninhibit_on_failure", CHECKED, CHECKED);
    check(821, &persistent, &service("inhibit_on_failure", CHECKED, CHECKED), None);
    check(
        821,
        &persistent,
        &service("persistence_timeout 60", CHECKED, CHECKED),
        None,
    );
    let mut host = FakeHost::default();
    host.sysctls.insert("net.ipv4.vs.expire_quiescent_template", "0");
    check(821, &persistent, &service("", CHECKED, CHECKED), Some(&host));
    host.sysctls.insert("net.ipv4.vs.expire_quiescent_template", "1");
    assert!(!advice_on(&persistent, Some(&host)).iter().any(|(code, _)| *code == 821));
}

#[test]
fn servers_without_checkers() {
    check(822, &service("", "", CHECKED), &service("", CHECKED, CHECKED), None);
}

#[test]
fn the_pool_before_the_first_check() {
    let early = service("", CHECKED, CHECKED);
    check(823, &early, &service("alpha", CHECKED, CHECKED), None);
    let twice = format!("{early}{}", early.replace("192.0.2.1 80", "192.0.2.1 81"));
    let count = advice_on(&twice, None).iter().filter(|(code, _)| *code == 823).count();
    assert_eq!(count, 1, "once for a file");
}

#[test]
fn checks_that_overtake_each_other() {
    let with = |delay_loop: u32| service(&format!("delay_loop {delay_loop}"), CHECKED, CHECKED);
    check(824, &with(2), &with(3), None);
    let misc = |timeout: u32| {
        let global = "global_defs {\nenable_script_security\nscript_user nobody\n}\n";
        let checker = format!("MISC_CHECK {{\nmisc_path /usr/bin/true\nmisc_timeout {timeout}\n}}");
        global.to_owned() + &service("delay_loop 5", &checker, CHECKED)
    };
    check(824, &misc(6), &misc(5), None);
}

#[test]
fn no_second_attempt() {
    let with = |retry: u32| service("", CHECKED, &format!("TCP_CHECK {{\nretry {retry}\n}}"));
    check(825, &with(0), &with(1), None);
    let local = "MISC_CHECK {\nmisc_path /usr/bin/true\n}";
    check(
        825,
        &with(0).replace("TCP_CHECK", "DNS_CHECK"),
        &service("", local, local),
        None,
    );
}

#[test]
fn a_quorum_that_decides_nothing() {
    let quorum = service("quorum 2", CHECKED, CHECKED);
    check(826, &quorum, &service("quorum 1", CHECKED, CHECKED), None);
    check(
        826,
        &quorum,
        &service("quorum 2\nsorry_server 192.0.2.9 80", CHECKED, CHECKED),
        None,
    );
}

#[test]
fn services_at_an_address_of_nobody() {
    let here = instance("priority 150") + &service("", CHECKED, CHECKED);
    let elsewhere = here.replace("virtual_server 192.0.2.1 ", "virtual_server 192.0.2.2 ");
    check(827, &elsewhere, &here, None);
    // Without VRRP something else brings the address.
    check(827, &elsewhere, &service("", CHECKED, CHECKED), None);
    let brought = format!("static_ipaddress {{\n192.0.2.2/24 dev eth0\n}}\n{elsewhere}");
    check(827, &elsewhere, &brought, None);
    let host = FakeHost::default().address("192.0.2.2", 24);
    check(827, &elsewhere.replace("0.2.2 ", "0.2.3 "), &elsewhere, Some(&host));
}

#[test]
fn weights_of_servers() {
    let with = |first: u32, second: u32, algo: &str| {
        let body = |weight: u32| format!("weight {weight}\n{CHECKED}");
        service("", &body(first), &body(second)).replace("wrr", algo)
    };
    check(828, &with(0, 0, "wrr"), &with(0, 1, "wrr"), None);
    let dynamic = "weight 0\nMISC_CHECK {\nmisc_path /usr/bin/true\nmisc_dynamic\n}";
    check(828, &with(0, 0, "wrr"), &service("", dynamic, dynamic), None);
    check(830, &with(1, 2, "rr"), &with(1, 2, "wrr"), None);
    check(830, &with(1, 2, "lc"), &with(0, 2, "lc"), None);
}

#[test]
fn slow_starts_that_do_nothing() {
    let with = |weight: u32, algo: &str| {
        let body = format!("weight {weight}\nslow_start 30\n{CHECKED}");
        service("", &body, &body).replace("wrr", algo)
    };
    let good = with(10, "wrr");
    for (weight, algo) in [
        (1, "wrr"),
        (9, "wlc"),
        (10, "rr"),
        (10, "lc"),
        (10, "dh"),
        (10, "fo"),
        (10, "ovf"),
    ] {
        check(832, &with(weight, algo), &good, None);
    }
    let body = format!("weight 1\n{CHECKED}");
    check(832, &with(1, "wrr"), &service("", &body, &body), None);
    // Who is never down never comes back.
    check(
        832,
        &with(1, "wrr"),
        &service("slow_start 30", "weight 1", "weight 1"),
        None,
    );
}

#[test]
fn flap_damping_that_is_not_switched_on() {
    let with = |settings: &str| service(settings, CHECKED, CHECKED);
    for alone in ["flap_window 60", "flap_hold 5", "flap_hold_max 99"] {
        check(837, &with(alone), &with(&format!("flap_threshold 2\n{alone}")), None);
    }
    check(837, &with("flap_hold 5"), &with(""), None);
}

#[test]
fn values_of_the_kernel_that_lose_clients() {
    let mut host = FakeHost::default();
    host.sysctls.insert("net.ipv4.vs.expire_nodest_conn", "0");
    host.sysctls.insert("net.ipv4.vs.conn_reuse_mode", "0");
    host.sysctls.insert("net.ipv4.ip_forward", "0");
    let removed = service("", CHECKED, CHECKED);
    let kept = service("inhibit_on_failure", CHECKED, CHECKED);
    check(836, &removed, &kept, Some(&host));
    check(833, &kept, &removed, Some(&host));
    let direct = removed.replace("lb_kind NAT", "lb_kind DR");
    check(834, &removed, &direct, Some(&host));
    // What the file sets counts, whatever the host has, and without one.
    let set = |value: &str| format!("global_defs {{\nlvs_sysctl expire_nodest_conn {value}\n}}\n{removed}");
    check(836, &removed, &set("1"), Some(&host));
    check(836, &set("0"), &set("1"), None);
    let none = |text: &str, host: Option<&FakeHost>| {
        let said = advice_on(text, host.map(|host| host as &dyn Host));
        !said.iter().any(|(code, _)| (833..=836).contains(code))
    };
    assert!(none(&removed, None), "needs the host");
    host.sysctls.insert("net.ipv4.vs.expire_nodest_conn", "1");
    host.sysctls.insert("net.ipv4.ip_forward", "1");
    assert!(none(&kept, Some(&host)), "one of both is enough");
}

#[test]
fn udp_clients_of_removed_servers() {
    let mut host = FakeHost::default();
    host.sysctls.insert("net.ipv4.vs.expire_nodest_conn", "0");
    let tcp = service("", CHECKED, CHECKED);
    let udp = tcp.replace("protocol TCP", "protocol UDP");
    check(829, &udp, &tcp, Some(&host));
    host.sysctls.insert("net.ipv4.vs.expire_nodest_conn", "1");
    assert!(!advice_on(&udp, Some(&host)).iter().any(|(code, _)| *code == 829));
    assert!(
        !advice_on(&udp, None).iter().any(|(code, _)| *code == 829),
        "needs the host"
    );
}

#[test]
fn a_sync_daemon_without_an_instance() {
    let with = |options: &str| format!("global_defs {{\nlvs_sync_daemon eth0 {options}\n}}\n{}", instance(""));
    check(831, &with(""), &with("inst V"), None);
}

#[test]
fn files_where_everybody_may_write() {
    let file = |path: &str| format!("track_file f {{\nfile {path}\n}}\n");
    check(842, &file("/tmp/f"), &file("/run/f"), None);
    check(842, &file("/var/tmp/x/f"), &file("/tmpfiles"), None);
    let fifo = |path: &str| format!("global_defs {{\nvrrp_notify_fifo {path}\n}}\n");
    check(842, &fifo("/dev/shm/f"), &fifo("/run/f"), None);
    let script = |path: &str| instance(&format!("notify {path}"));
    check(842, &script("/tmp/n"), &script("/usr/bin/true"), None);
}

#[test]
fn scripts_that_somebody_can_change() {
    let mut host = FakeHost::default();
    host.programs.push("/home/u/notify");
    host.insecure.push("/home/u");
    let text = |user: &str, script: &str| {
        let global = format!("global_defs {{\nenable_script_security\nscript_user {user}\n}}\n");
        global + &instance(&format!("notify {script}"))
    };
    let bad = text("root", "/home/u/notify");
    check(840, &bad, &text("nobody", "/home/u/notify"), Some(&host));
    check(840, &bad, &text("root", "/usr/bin/true"), Some(&host));
    let advice = lint(&read(&bad), Some(&host));
    // The part of the path, its owner, its mode and the rule.
    assert!(
        advice[0]
            .message
            .contains("/home/u (owner uid 1000, mode 0755): must belong to root")
    );
    assert_eq!(advice_on(&bad, None), [], "needs the host");
}

#[test]
fn scripts_that_may_take_as_long_as_their_interval() {
    let script = |timeout: &str| format!("vrrp_script s {{\nscript /usr/bin/true\ninterval 2\n{timeout}\n}}\n");
    check(841, &script(""), &script("timeout 1"), None);
    check(841, &script("timeout 2"), &script("timeout 1"), None);
    let two = script("") + &script("").replace("vrrp_script s", "vrrp_script t");
    assert_eq!(advice_on(&two, None), [(841, 1)], "once for a file");
}

#[test]
fn advice_is_switched_off_for_a_block_only() {
    let owner = |name: &str, switch: &str| named_instance(name, &format!("priority 255\n{switch}"));
    let line = |text: &str| advice_on(text, None).iter().map(|(_, line)| *line).collect::<Vec<_>>();
    assert_eq!(line(&(owner("V", "") + &owner("WW", ""))), [1, 8]);
    assert_eq!(line(&(owner("V", "@holdfast lint_off HF0800") + &owner("WW", ""))), [8]);
    assert_eq!(line(&(owner("V", "") + &owner("WW", "@holdfast lint_off hf0800"))), [1]);
    assert_eq!(
        line(&(owner("V", "@holdfast lint_off HF0801 all") + &owner("WW", ""))),
        [8]
    );
    assert_eq!(
        line(&(owner("V", "@holdfast lint_off HF0801") + &owner("WW", ""))),
        [1, 8]
    );
    assert_eq!(
        line(&(owner("V", "") + &owner("WW", "") + "@holdfast lint_off all\n")),
        [0; 0]
    );
}

#[test]
fn advice_is_switched_off_in_nested_blocks() {
    let real =
        |retry: &str, switch: &str| format!("real_server 192.0.2.11 80 {{\nTCP_CHECK {{\n{retry}\n{switch}\n}}\n}}\n");
    let text = |inner: &str, outer: &str| {
        let (first, second) = (real("retry 0", inner), real("retry 0", "").replace(".11", ".12"));
        format!(
            "virtual_server 192.0.2.1 80 {{\nlb_algo rr\nlb_kind NAT\nprotocol TCP\n{first}{second}alpha\n{outer}\n}}\n"
        )
    };
    let found = |inner: &str, outer: &str| advice_on(&text(inner, outer), None);
    assert_eq!(found("", ""), [(825, 6)], "said once, at the first");
    assert_eq!(found("@holdfast lint_off HF0825", ""), [(825, 12)], "the other one");
    assert_eq!(found("@holdfast lint_off HF0800", "@holdfast lint_off HF0825"), []);
    assert_eq!(
        found("@holdfast lint_off HF0800", "@holdfast lint_off HF0801"),
        [(825, 6)]
    );
    // Blocks end.
    let one = text("", "@holdfast lint_off HF0800\n@holdfast lint_off HF0825");
    let two = one.clone() + &text("", "").replace("0.2.1 80", "0.2.1 81");
    let lines = u32::try_from(one.lines().count()).unwrap();
    assert_eq!(advice_on(&two, None), [(825, lines + 6)]);
}

#[test]
fn advice_is_switched_off_across_includes() {
    let files = MemoryLoader::new()
        .with(
            "k.conf",
            "vrrp_instance V {\ninclude quiet\ninclude body\n}\ninclude other\n",
        )
        .with("quiet", "@holdfast lint_off HF0803 HF0800\n")
        .with(
            "body",
            instance("priority 255\nunicast_src_ip 192.0.2.7\nunicast_peer {\n192.0.2.7\n}")
                .replace("vrrp_instance V {\n", "")
                .replace("}\n}\n", "}\n"),
        )
        .with("other", named_instance("WW", "priority 255"));
    let loaded = load(&files, Path::new("k.conf"), &LoadOptions::default());
    assert!(!loaded.has_errors(), "{:#?}", loaded.diagnostics);
    let advice = lint(&loaded, None);
    let places: Vec<_> = advice
        .iter()
        .map(|it| (it.code.0, loaded.sources.path(it.span.unwrap().file).unwrap()))
        .collect();
    assert_eq!(places, [(800, Path::new("other"))]);
}

#[test]
fn a_switch_that_names_no_advice_is_said() {
    let codes = |line: &str| advice_on(&format!("{line}\n"), None);
    assert_eq!(codes("@holdfast lint_off HF0801"), []);
    assert_eq!(
        codes("@holdfast lint_off HF0300"),
        [(899, 1)],
        "an error cannot be switched off"
    );
    assert_eq!(codes("@holdfast lint_off HF9999 HF0800 801 HF801"), [(899, 1); 3]);
    assert_eq!(codes("@holdfast lint_off"), [(899, 1)], "nothing to switch off");
}

#[test]
fn callers_switch_off_advice_and_nothing_else() {
    let text = instance("priority 255");
    let advice = lint(&read(&text), None).remove(0);
    let error = read("nonsense\n").diagnostics.remove(0);
    let covers = |allow: &str, it: &Diagnostic| allow.parse::<Allow>().unwrap().covers(it);
    assert!(covers("HF0800", &advice) && covers("hf0800", &advice) && covers("all", &advice));
    assert!(!covers("HF0801", &advice) && !covers("all", &error));
    for wrong in ["HF0300", "800", "HF800", "HF08000", "HF+800", "", "ALL", "HFé00"] {
        assert!(wrong.parse::<Allow>().is_err(), "{wrong}");
    }
}
