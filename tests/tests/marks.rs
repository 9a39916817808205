//! `nftables_ipvs`: a group of addresses is balanced as one service by mark. On a real IPVS: in a guest, started by
//! `cargo xtask test guest`. keepalived is the subject first.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, ensure};
use bed::client::{Lasting, Load};
use bed::daemon::{Daemon, Role, Software};
use bed::node::Node;
use bed::site::{self, Forwarding, Options, REAL, Site};
use bed::wait;

/// Time for things that take a second or two when nobody else is about.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often the load begins a connection.
const LOAD_INTERVAL: Duration = Duration::from_millis(25);
/// That of a load beside it: two that alternate get a server each from `rr`.
const OTHER_INTERVAL: Duration = Duration::from_millis(40);

/// The group's addresses, besides the one that moves with the instance.
const HOSTS: [u16; 4] = [210, 211, 212, 213];

fn address(forwarding: Forwarding, host: u16) -> IpAddr {
    match forwarding {
        Forwarding::DrIpv6 => IpAddr::from([0xfd00, 0, 0, 0, 0, 0, 0, host]),
        _ => IpAddr::from([192, 168, 0, host.to_le_bytes()[0]]),
    }
}

/// A range as the language writes it.
fn range(forwarding: Forwarding, first: u16, last: u16) -> String {
    match forwarding {
        Forwarding::DrIpv6 => format!("{}-{last:x}", address(forwarding, first)),
        _ => format!("{}-{last}", address(forwarding, first)),
    }
}

/// A site whose director and real servers have all addresses of the group, so that only the marks decide.
fn site(forwarding: Forwarding) -> Result<Site> {
    site::load_modules()?;
    let site = Site::new(forwarding)?;
    for host in HOSTS {
        let (bits, flags) = if forwarding == Forwarding::DrIpv6 {
            // Deprecated, or the director's own probes come from it and get no answer.
            (128, " nodad preferred_lft 0")
        } else {
            (32, "")
        };
        let address = address(forwarding, host);
        for director in &site.directors[..1] {
            director.ip(&[format!("address add {address}/{bits} dev eth0{flags}")])?;
        }
        for server in &site.servers {
            server.ip(&[format!("address add {address}/{bits} dev lo{flags}")])?;
        }
    }
    Ok(site)
}

/// The site's configuration with a group in the place of its address.
fn configuration(site: &Site, entries: &str) -> String {
    let address = site.virtual_address();
    let plain = site.configuration(&Options::default());
    let grouped = plain.replace(&format!("virtual_server {address} 80"), "virtual_server group G");
    format!(
        "global_defs {{\n    nftables_ipvs\n}}\nvirtual_server_group G {{\n    {address} 80\n    {entries} 80\n}}\n{grouped}"
    )
}

fn table(director: &Node) -> String {
    director.run("ipvsadm", &["-Sn"]).unwrap_or_default()
}

fn rules(director: &Node) -> String {
    director.run("nft", &["list", "ruleset"]).unwrap_or_default()
}

/// Waits until the one service is that of the mark, with both real servers.
fn wait_for_service(director: &Node, mark: u32) -> Result<()> {
    let mut seen = String::new();
    let outcome = wait::until("the service of the mark", PATIENCE, || {
        seen = table(director);
        let head = format!("-A -f {mark} ");
        let services = seen.lines().filter(|line| line.starts_with("-A"));
        let good = seen.lines().filter(|line| line.ends_with("-w 1")).count();
        services.clone().count() == 1 && services.clone().all(|line| line.starts_with(&head)) && good == 2
    });
    outcome.with_context(|| format!("{}: ipvsadm shows\n{seen}", director.name()))
}

/// Waits until packets to this address, the first one of its range, get their mark.
fn wait_for_rules(director: &Node, first: IpAddr) -> Result<()> {
    let mut seen = String::new();
    let outcome = wait::until("the rules", PATIENCE, || {
        seen = rules(director);
        seen.contains(&first.to_string()) && !seen.contains("_next")
    });
    outcome.with_context(|| format!("{}: nft shows\n{seen}", director.name()))
}

/// Requests to the address reach both real servers.
fn ensure_balanced(site: &Site, host: u16) -> Result<()> {
    let target = SocketAddr::new(address(site.forwarding, host), 80);
    let load = Load::start(&site.client, target, OTHER_INTERVAL)?;
    load.ensure_served_by(&REAL, PATIENCE)
        .with_context(|| format!("requests to {target}"))
}

/// How many requests the director itself refused, as it does when there is no mark or no service. Others may be late on a busy
/// machine, and those on their way over a service that went are lost with it.
fn refused(load: &Load, since: SystemTime) -> usize {
    let protocol = load.since(since);
    let failures = protocol.failures().into_iter();
    failures
        .filter(|attempt| attempt.outcome.as_ref().is_err_and(|why| why.contains("refused")))
        .count()
}

/// One service serves the whole group; a reload moves its range without a request lost, and a stop leaves nothing.
fn a_group_is_balanced_by_its_mark(forwarding: Forwarding, software: Software) -> Result<()> {
    let site = site(forwarding)?;
    let [_web1, web2, _sorry] = site.start_webs()?;
    let [director, _] = &site.directors;
    let daemon = Daemon::start(software, director, &configuration(&site, &range(forwarding, 210, 211)))?;
    site.wait_for_master(director, PATIENCE)?;
    wait_for_service(director, 1000)?;
    wait_for_rules(director, address(forwarding, 210))?;
    for host in [210, 211] {
        ensure_balanced(&site, host)?;
    }
    let always = SocketAddr::new(address(forwarding, 211), 80);
    let load = Load::start(&site.client, always, LOAD_INTERVAL)?;
    load.ensure_served_by(&REAL, PATIENCE)?;
    let mut lasting = Lasting::open(&site.client, always)?;

    let asked = daemon.reload(&configuration(&site, &range(forwarding, 211, 213)))?;
    wait_for_rules(director, address(forwarding, 211))?;
    for host in [211, 213] {
        ensure_balanced(&site, host)?;
    }
    wait_for_service(director, 1000)?;
    ensure!(
        !rules(director).contains(&address(forwarding, 210).to_string()),
        "the old range is still there:\n{}",
        rules(director)
    );
    lasting.ask()?;
    let refused = refused(&load, asked);
    println!("{software}: {refused} requests were refused over the reload");
    if software == Software::Holdfast {
        ensure!(refused == 0, "{refused} requests were refused");
    }

    web2.stop()?;
    wait::until("a server of weight 0", PATIENCE, || table(director).contains("-w 0"))?;
    load.ensure_served_by(&[REAL[0]], PATIENCE)?;
    drop(load);
    daemon.stop()?;
    ensure!(table(director).trim().is_empty(), "left: {}", table(director));
    ensure!(rules(director).trim().is_empty(), "left: {}", rules(director));
    Ok(())
}

/// From services by address to one by mark, with one reload, and back.
fn marks_come_and_go_with_a_reload() -> Result<()> {
    let site = site(Forwarding::Dr)?;
    let _webs = site.start_webs()?;
    let [director, _] = &site.directors;
    let marked = configuration(&site, &range(Forwarding::Dr, 210, 213));
    let plain = marked.replace("nftables_ipvs", "router_id me");
    let daemon = Daemon::start(Software::Holdfast, director, &plain)?;
    site.wait_for_master(director, PATIENCE)?;
    site.wait_for_weights(director, &[(0, 1), (1, 1)], PATIENCE)?;
    ensure_balanced(&site, 212)?;
    let target = SocketAddr::new(address(Forwarding::Dr, 212), 80);
    let load = Load::start(&site.client, target, LOAD_INTERVAL)?;
    load.ensure_served_by(&REAL, PATIENCE)?;
    let begin = SystemTime::now();
    daemon.reload(&marked)?;
    wait_for_service(director, 1000)?;
    wait_for_rules(director, address(Forwarding::Dr, 210))?;
    load.ensure_served_by(&REAL, PATIENCE)?;
    daemon.reload(&plain)?;
    site.wait_for_weights(director, &[(0, 1), (1, 1)], PATIENCE)?;
    wait::until("no tables", PATIENCE, || rules(director).trim().is_empty())?;
    load.ensure_served_by(&REAL, PATIENCE)?;
    let refused = refused(&load, begin);
    ensure!(refused == 0, "{refused} requests were refused");
    Ok(())
}

/// What a killed daemon left is taken over with its marks, and what nobody wants any more goes; a checker that was killed
/// costs no request.
fn what_was_left_is_taken_over() -> Result<()> {
    let site = site(Forwarding::Dr)?;
    let _webs = site.start_webs()?;
    let [director, _] = &site.directors;
    let first = configuration(&site, &range(Forwarding::Dr, 210, 213));
    let daemon = Daemon::start(Software::Holdfast, director, &first)?;
    site.wait_for_master(director, PATIENCE)?;
    wait_for_service(director, 1000)?;
    wait_for_rules(director, address(Forwarding::Dr, 210))?;
    let target = SocketAddr::new(address(Forwarding::Dr, 212), 80);
    let load = Load::start(&site.client, target, LOAD_INTERVAL)?;
    load.ensure_served_by(&REAL, PATIENCE)?;

    let former = daemon.role(Role::Checker)?;
    let killed = daemon.kill_role(Role::Checker)?;
    daemon.wait_for_role(Role::Checker, Some(former), PATIENCE)?;
    load.ensure_served_by(&REAL, PATIENCE)?;
    wait_for_service(director, 1000)?;
    let refusals = refused(&load, killed);
    ensure!(refusals == 0, "{refusals} requests were refused when the checker died");

    // Others may empty the tables of the whole host.
    director.run("nft", &["flush", "ruleset"])?;
    wait_for_rules(director, address(Forwarding::Dr, 210))?;
    load.ensure_served_by(&REAL, PATIENCE)?;
    let repaired = SystemTime::now();

    // A second group before the first one: after a start from nothing it would have its mark.
    let two = first.replace(
        "vrrp_instance",
        "virtual_server_group A {\n    192.168.0.220 80\n}\nvirtual_server group A {\n    protocol TCP\n    lb_algo rr\n    \
         lb_kind DR\n    real_server 192.168.0.61 80 {\n        weight 7\n    }\n}\nvrrp_instance",
    );
    daemon.reload(&two)?;
    wait::until("the second group", PATIENCE, || table(director).contains("-A -f 1001 "))?;
    daemon.kill()?;
    drop(daemon);
    ensure!(rules(director).contains("192.168.0.220"), "{}", rules(director));
    let daemon = Daemon::start(Software::Holdfast, director, &two)?;
    site.wait_for_master(director, PATIENCE)?;
    daemon.wait_for_log("checker process has pid", SystemTime::UNIX_EPOCH, PATIENCE)?;
    load.ensure_served_by(&REAL, PATIENCE)?;
    let services = table(director);
    for line in ["-A -f 1000 ", "-A -f 1001 ", "-a -f 1001 -r 192.168.0.61:0 -g -w 7"] {
        ensure!(services.contains(line), "{line} is not in\n{services}");
    }
    let refused = refused(&load, repaired);
    ensure!(refused == 0, "{refused} requests were refused");

    daemon.kill()?;
    drop(daemon);
    let plain = first.replace("nftables_ipvs", "router_id me");
    let _daemon = Daemon::start(Software::Holdfast, director, &plain)?;
    wait::until("the tables of the killed daemon to go", PATIENCE, || {
        rules(director).trim().is_empty()
    })?;
    load.ensure_served_by(&REAL, PATIENCE)
}

/// keepalived and Holdfast beside each other with the same file: the same services, and the same rules but for what counts.
fn the_rules_are_keepalived_s() -> Result<()> {
    let group = |name: &str, entries: &str| format!("virtual_server_group {name} {{\n{entries}\n}}\n");
    let server = |head: &str, protocol: &str, kind: &str, real: &str| {
        format!(
            "virtual_server {head} {{\n    lb_algo rr\n    lb_kind {kind}\n    protocol {protocol}\n    real_server {real} 80 {{\n        \
             weight 1\n    }}\n}}\n"
        )
    };
    let four = "192.168.0.61";
    let servers = [
        server("group G", "TCP", "DR", four),
        server("group G", "UDP", "DR", four),
        server("group H", "TCP", "DR", "fd00::61"),
        server("group F", "TCP", "NAT", four),
        server("192.168.0.250 80", "TCP", "DR", four),
        server("group G", "SCTP", "DR", four),
    ]
    .concat();
    let groups = [
        group("H", "fd00::200 80\nfd00::210-213 8080"),
        group("F", "192.168.0.230 80\nfwmark 9"),
    ]
    .concat();
    let mixed = group("M", "192.168.0.240 80\nfd00::240 80") + &server("group M", "TCP", "TUN", four);
    let global = "global_defs {\n    nftables_ipvs marks\n    nftables_ipvs_priority -7\n    nftables_ipvs_start_fwmark 77\n    \
                  nftables_counters\n}\n";
    let first = group("G", "192.168.0.200 80\n192.168.0.210-213 8080");
    let second = group("G", "192.168.0.200 80\n192.168.0.212-216 8080\n192.168.0.199 81");
    let first = [global, &first, &groups, &servers, &mixed].concat();
    let second = [global, &second, &groups, &servers].concat();

    site::load_modules()?;
    let site = Site::new(Forwarding::Dr)?;
    let [one, other] = &site.directors;
    let daemons = [
        Daemon::start(Software::Keepalived, one, &first)?,
        Daemon::start(Software::Holdfast, other, &first)?,
    ];
    ensure_same(one, other, "at the start", "192.168.0.240")?;
    for daemon in &daemons {
        daemon.reload(&second)?;
    }
    ensure_same(one, other, "after the reload", "192.168.0.199")?;
    for daemon in &daemons {
        daemon.stop()?;
    }
    for node in [one, other] {
        let left = (rules(node), table(node));
        ensure!(
            left.0.trim().is_empty() && left.1.trim().is_empty(),
            "{}: left {left:?}",
            node.name()
        );
    }
    Ok(())
}

/// Waits until both have the same services and rules, with `sign` among the rules.
fn ensure_same(keepalived: &Node, holdfast: &Node, moment: &str, sign: &str) -> Result<()> {
    let state = |node: &Node| {
        let sorted = |text: String| {
            // Elements of a map have no order of their own; the words around them go.
            let trim = |line: &str| {
                line.trim()
                    .trim_start_matches("elements = { ")
                    .trim_end_matches([',', '}', ' '])
                    .to_owned()
            };
            let mut lines: Vec<String> = text.lines().map(trim).collect();
            lines.sort();
            lines.join("\n")
        };
        (sorted(rules(node)), sorted(table(node)))
    };
    let (mut one, mut other) = Default::default();
    let outcome = wait::until(moment, PATIENCE, || {
        (one, other) = (state(keepalived), state(holdfast));
        one == other && one.0.contains(sign)
    });
    outcome.with_context(|| {
        format!(
            "keepalived has\n{}\n{}\nand Holdfast has\n{}\n{}",
            one.0, one.1, other.0, other.1
        )
    })
}

macro_rules! cases {
    ($subject:ident) => {
        use super::*;

        #[test]
        #[ignore = "needs a guest: cargo xtask test guest"]
        fn a_group_is_balanced_by_its_mark() -> Result<()> {
            super::a_group_is_balanced_by_its_mark(Forwarding::Dr, Software::$subject)
        }

        #[test]
        #[ignore = "needs a guest: cargo xtask test guest"]
        fn a_group_of_ipv6_is_balanced_by_its_mark() -> Result<()> {
            super::a_group_is_balanced_by_its_mark(Forwarding::DrIpv6, Software::$subject)
        }
    };
}

mod keepalived {
    cases!(Keepalived);
}

mod holdfast {
    cases!(Holdfast);

    #[test]
    #[ignore = "needs a guest: cargo xtask test guest"]
    fn marks_come_and_go_with_a_reload() -> Result<()> {
        super::marks_come_and_go_with_a_reload()
    }

    #[test]
    #[ignore = "needs a guest: cargo xtask test guest"]
    fn what_was_left_is_taken_over() -> Result<()> {
        super::what_was_left_is_taken_over()
    }

    #[test]
    #[ignore = "needs a guest: cargo xtask test guest"]
    fn the_rules_are_keepalived_s() -> Result<()> {
        super::the_rules_are_keepalived_s()
    }
}
