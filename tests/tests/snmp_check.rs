//! What managers see of virtual and real servers: the same file under keepalived and under Holdfast, side by side, each with
//! an snmpd of its own. In a guest, started by `cargo xtask test guest`.

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use bed::daemon::{Daemon, Software};
use bed::node::Node;
use bed::site::{self, Forwarding, Site};
use bed::snmp::{AGENT_SOCKET, Agent, KEEPALIVED, TrapReceiver, difference};
use bed::wait;
use bed::web::Web;

/// snmpd, three processes and a round of checks on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// `check` of KEEPALIVED-MIB.
fn check_root() -> String {
    format!("{KEEPALIVED}.3")
}

/// A column of an object, and the row: `[3, 1, 28, 2]` is column 28 of the second virtual server.
fn place(object: &str) -> Vec<u32> {
    let below = object.strip_prefix(&check_root()).unwrap_or_default();
    below.split('.').filter_map(|part| part.parse().ok()).collect()
}

/// A walk without what need not be the same.
fn comparable(walk: &[(String, String)]) -> Vec<(String, String)> {
    let of_ipv6 = |row: u32| {
        let family = format!("{}.3.1.5.{row}", check_root());
        walk.iter()
            .any(|(object, value)| *object == family && value == "INTEGER: 2")
    };
    let of_address = |row: u32| {
        let address = format!("{}.3.1.6.{row}", check_root());
        walk.iter().any(|(object, _)| *object == address)
    };
    let mut comparable = Vec::new();
    for (object, value) in walk {
        let mut value = value.clone();
        match place(object).as_slice() {
            // Columns of 2.4, which keepalived 2.2.7 does not have.
            [3, 1, 72..=78, _] | [4, 1, 56..=63, _, _] => continue,
            // How clients are grouped is shown where it has a meaning: see `docs/compatibility.md`.
            [3, 1, 15, row] if of_ipv6(*row) && !of_address(*row) => continue,
            [3, 1, 51, row] if !of_ipv6(*row) || value == "Gauge32: 4294967295" || value == "Gauge32: 128" => continue,
            // The kernel's estimates fall from second to second.
            [3, 1, 32..=36 | 41..=50, _] | [4, 1, 22..=26 | 30..=39, _, _] => "a rate".clone_into(&mut value),
            _ => {}
        }
        comparable.push((object.clone(), value));
    }
    comparable
}

fn walk(agent: &Agent<'_>) -> Vec<(String, String)> {
    agent.bulk_walk(&check_root()).unwrap_or_default()
}

/// The value in a place.
fn value<'a>(walk: &'a [(String, String)], wanted: &[u32]) -> Option<&'a str> {
    let mut found = walk.iter().filter(|(object, _)| place(object) == wanted);
    found.next().map(|(_, value)| value.as_str())
}

/// What stands before the services in each part.
fn head() -> String {
    format!(
        "global_defs {{\n    router_id lb1\n    enable_snmp_checker\n    enable_traps\n    snmp_socket {AGENT_SOCKET}\n    script_user root\n    lvs_timeouts tcp 7200 tcpfin 60 udp 300\n}}\n"
    )
}

fn every_setting() -> Vec<(&'static str, String)> {
    let server = |head: &str, options: &str, reals: &[(&str, &str)]| {
        let real =
            |(address, options): &(&str, &str)| format!("    real_server {address} {{\n        {options}\n    }}\n");
        let reals = reals.iter().map(real).collect::<Vec<_>>().concat();
        format!("virtual_server {head} {{\n    {options}\n{reals}}}\n")
    };
    let up = "TCP_CHECK {\n            connect_port 80\n        }";
    let down = "TCP_CHECK {\n            connect_port 81\n        }";
    let groups = [
        "virtual_server_group MIXED {\n    10.77.0.21 80\n    fwmark 21\n    10.77.0.31-35 80\n    10.77.0.41 80\n    fwmark 22\n}\n".to_owned(),
        "virtual_server_group SIX {\n    fd00::200 53\n    fd00::210-213 53\n}\n".to_owned(),
        "virtual_server_group NOBODYS {\n    10.77.0.99 80\n}\n".to_owned(),
    ]
    .concat();
    let addresses = [
        server(
            "10.77.0.1 80",
            "lb_algo wrr
    lb_kind NAT
    protocol TCP
    persistence_timeout 90
    persistence_granularity 255.255.255.0
    delay_loop 1.5
    retry 1
    delay_before_retry 0.5
    warmup 2
    connect_timeout 1.25
    sorry_server 192.168.0.63 8080
    sorry_server_inhibit
    quorum 4
    hysteresis 1
    quorum_up \"/usr/bin/true up 'and about'\"
    quorum_down /usr/bin/true
    virtualhost www.example.org
    snmp_name web
    smtp_alert
    weight 3
    inhibit_on_failure",
            &[
                ("192.168.0.61 80", &format!("snmp_name first\n        notify_up \"/usr/bin/true a b\"\n        notify_down /usr/bin/true\n        uthreshold 100\n        lthreshold 50\n        {up}")),
                ("192.168.0.62 80", &format!("snmp_name \"second one\"\n        weight 7\n        virtualhost other.example.org\n        retry 5\n        delay_before_retry 2\n        warmup 0\n        delay_loop 2\n        connect_timeout 2\n        smtp_alert off\n        inhibit_on_failure off\n        {up}")),
                ("192.168.0.64 80", down),
            ],
        ),
        server("10.77.0.2 5000", "lb_algo rr\n    lb_kind DR\n    protocol UDP", &[("192.168.0.61 5000", "weight 1"), ("192.168.0.62 5000", "weight 1")]),
        server("10.77.0.3 5001", "lb_algo rr\n    ops\n    lb_kind NAT\n    protocol UDP", &[("192.168.0.61 5001", "weight 1"), ("192.168.0.62 5002", "weight 1")]),
        // All down, and the sorry server has the clients.
        server(
            "10.77.0.4 80",
            "lb_algo wlc\n    lb_kind DR\n    protocol TCP\n    delay_loop 1\n    delay_before_retry 1\n    alpha\n    omega\n    sorry_server 192.168.0.63 80",
            &[("192.168.0.64 80", down), ("192.168.0.65 80", down)],
        ),
        server("10.77.0.5 80", "lb_algo sh\n    sh-port\n    sh-fallback\n    lb_kind NAT\n    protocol SCTP\n    ha_suspend", &[("192.168.0.61 80", "weight 0"), ("192.168.0.62 80", "alpha")]),
        server("10.77.0.6 80", "lb_algo mh\n    mh-port\n    mh-fallback\n    flag-3\n    lb_kind DR\n    protocol TCP", &[("192.168.0.61 80", "weight 2147483647")]),
    ]
    .concat();
    let marks = [
        server(
            "fwmark 5",
            "lb_algo nq\n    lb_kind DR\n    persistence_timeout 60",
            &[("192.168.0.61", "weight 1"), ("192.168.0.62 80", "lvs_method NAT")],
        ),
        server("fwmark 6", "lb_algo sed\n    lb_kind TUN", &[("fd00::61", "weight 1")]),
    ]
    .concat();
    let of_groups = [
        server(
            "group MIXED",
            "lb_algo lc\n    lb_kind NAT\n    protocol TCP\n    sorry_server 192.168.0.63",
            &[("192.168.0.61 80", "weight 1"), ("192.168.0.62", "weight 1")],
        ),
        server(
            "group SIX",
            "lb_algo lblc\n    lb_kind DR\n    protocol UDP",
            &[("fd00::61 53", "weight 1")],
        ),
    ]
    .concat();
    let tunnels = [
        server(
            "fd00::301 80",
            "lb_algo fo\n    lb_kind TUN type gue port 6080 csum\n    protocol TCP\n    persistence_timeout 50\n    persistence_granularity 64",
            &[("192.168.0.61 80", "weight 4"), ("fd00::62 80", "lvs_method TUN"), ("fd00::63 80", "lvs_method TUN type gre csum"), ("fd00::64 80", "lvs_method TUN type gue port 6081 remcsum"), ("fd00::65 80", "lvs_method TUN type gre"), ("fd00::66 80", "lvs_method DR")],
        ),
        server("fd00::302 0", "lb_algo ovf\n    lb_kind DR\n    protocol TCP", &[("fd00::61 0", "weight 1")]),
        server("10.77.0.7 80", "lb_algo dh\n    lb_kind TUN type gre\n    protocol TCP", &[("192.168.0.61 80", "weight 1")]),
        server("10.77.0.8 80", "lb_algo lblcr\n    lb_kind TUN\n    protocol TCP", &[("192.168.0.61 80", "weight 1")]),
        server("10.77.0.9 80", "lb_algo wlc\n    lb_kind NAT\n    protocol TCP", &[("192.168.0.61 80", "weight 1")]),
    ]
    .concat();
    [
        ("addresses", addresses),
        ("tunnels", tunnels),
        ("groups", groups + &of_groups),
        ("marks", marks),
    ]
    .map(|(name, services)| (name, head() + &services))
    .to_vec()
}

/// Everything that KEEPALIVED-MIB 3 says, of every kind of service.
#[test]
#[ignore = "needs a guest: cargo xtask test guest"]
fn the_same_walk_as_keepalived() -> Result<()> {
    site::load_modules()?;
    let site = Site::new(Forwarding::Dr)?;
    let _webs = site.start_webs()?;
    let [first, second] = &site.directors;
    let agents = [Agent::start(first)?, Agent::start(second)?];
    for (part, configuration) in every_setting() {
        let keepalived = Daemon::start(Software::Keepalived, first, &configuration)?;
        let holdfast = Daemon::start(Software::Holdfast, second, &configuration)?;
        let [theirs, ours] = ensure_same(&agents, part, |theirs| {
            // The checks of servers that are dead have failed.
            part != "addresses"
                || [[4, 1, 6, 1, 4], [4, 1, 6, 4, 2], [4, 1, 6, 4, 3]]
                    .iter()
                    .all(|status| value(theirs, status) == Some("INTEGER: 2"))
        })?;
        ensure!(theirs.len() > 200, "keepalived shows only {} objects", theirs.len());
        // A walk step by step is the same as one in portions.
        ensure!(
            comparable(&agents[1].walk(&check_root())?) == comparable(&ours),
            "{part}: another walk"
        );
        if part == "addresses" {
            ensure!(value(&ours, &[3, 1, 71, 1]) == Some("STRING: \"web\""), "no name");
            ensure!(
                value(&ours, &[4, 1, 55, 1, 3]) == Some("STRING: \"second one\""),
                "no name"
            );
            for (column, wanted) in [(72, "STRING: \"/usr/bin/true\""), (74, "Counter64: 0")] {
                ensure!(value(&ours, &[3, 1, column, 1]) == Some(wanted), "column {column}");
            }
            let path = value(&ours, &[4, 1, 56, 1, 2]);
            ensure!(path == Some("STRING: \"/usr/bin/true\""), "{path:?}");
            ensure!(value(&ours, &[4, 1, 63, 1, 2]).is_some(), "no column 63");
        }
        keepalived.quiet().stop()?;
        holdfast.quiet().stop()?;
    }
    Ok(())
}

/// Packets through both directors are counted alike, and as often as the file says.
#[test]
#[ignore = "needs a guest: cargo xtask test guest"]
fn the_same_counters_as_keepalived() -> Result<()> {
    site::load_modules()?;
    let site = Site::new(Forwarding::Dr)?;
    let [first, second] = &site.directors;
    let agents = [Agent::start(first)?, Agent::start(second)?];
    for director in [first, second] {
        director.ip(&["address add 10.77.0.2/32 dev lo".to_owned()])?;
    }
    let service = |globals: &str| {
        format!(
            "{}virtual_server 10.77.0.2 5000 {{\n    lb_algo rr\n    lb_kind DR\n    protocol UDP\n    real_server 192.168.0.61 5000 {{\n        weight 1\n    }}\n    real_server 192.168.0.62 5000 {{\n        weight 1\n    }}\n}}\n",
            head().replace("    enable_traps\n", globals)
        )
    };
    let configuration = service("");
    let keepalived = Daemon::start(Software::Keepalived, first, &configuration)?;
    let holdfast = Daemon::start(Software::Holdfast, second, &configuration)?;
    ensure_same(&agents, "before", |theirs| {
        value(theirs, &[3, 1, 28, 1]) == Some("Counter32: 0")
    })?;
    let packets_of_both = |walk: &[(String, String)]| {
        [[4, 1, 18, 1, 1], [4, 1, 18, 1, 2]].map(|packets| value(walk, &packets).map(str::to_owned))
    };
    for gateway in ["192.168.0.1", "192.168.0.2"] {
        send(&site.client, gateway, 5)?;
    }
    let [theirs, _] = ensure_same(&agents, "five packets", |theirs| {
        value(theirs, &[3, 1, 28, 1]) == Some("Counter32: 5")
            && packets_of_both(theirs)
                .iter()
                .flatten()
                .all(|packets| packets != "Counter32: 0")
    })?;
    ensure!(value(&theirs, &[3, 1, 27, 1]) == Some("Gauge32: 5"), "five connections");
    ensure!(
        value(&theirs, &[3, 1, 30, 1]) == Some("Counter64: 640"),
        "of 128 bytes with their headers"
    );
    keepalived.quiet().stop()?;
    holdfast.quiet().stop()?;

    // Those of virtual servers may be half a minute old, those of real servers half a second.
    let configuration = service("    snmp_vs_stats_update_interval 30\n    snmp_rs_stats_update_interval 0.5\n");
    let _holdfast = Daemon::start(Software::Holdfast, second, &configuration)?;
    let mut seen = Vec::new();
    wait::until("the first walk", PATIENCE, || {
        seen = walk(&agents[1]);
        value(&seen, &[3, 1, 28, 1]) == Some("Counter32: 0")
    })?;
    let since = Instant::now();
    send(&site.client, "192.168.0.2", 4)?;
    let wanted = || Some("Counter32: 2".to_owned());
    wait::until("new counters of real servers", PATIENCE, || {
        seen = walk(&agents[1]);
        packets_of_both(&seen) == [wanted(), wanted()]
    })?;
    let old = value(&seen, &[3, 1, 28, 1]) == Some("Counter32: 0");
    ensure!(old || since.elapsed() > Duration::from_secs(29), "{seen:?}");
    wait::until("new counters of the virtual server", PATIENCE, || {
        value(&walk(&agents[1]), &[3, 1, 28, 1]) == Some("Counter32: 4")
    })
}

/// Packets of 100 bytes, each from a port of its own, through a director.
fn send(client: &Node, gateway: &str, count: u8) -> Result<()> {
    client.ip(&[format!("route replace 10.77.0.2/32 via {gateway}")])?;
    client.within(move || -> Result<()> {
        for _ in 0..count {
            let socket = UdpSocket::bind("0.0.0.0:0")?;
            socket.send_to(&[0; 100], "10.77.0.2:5000")?;
        }
        Ok(())
    })?
}

/// Waits until both show the same, and keepalived what is wanted.
fn ensure_same(
    agents: &[Agent<'_>; 2],
    moment: &str,
    is_wanted: impl Fn(&[(String, String)]) -> bool,
) -> Result<[Vec<(String, String)>; 2]> {
    let mut seen = [Vec::new(), Vec::new()];
    let outcome = wait::until(moment, PATIENCE, || {
        seen = [walk(&agents[0]), walk(&agents[1])];
        !seen[0].is_empty() && is_wanted(&seen[0]) && comparable(&seen[0]) == comparable(&seen[1])
    });
    let [theirs, ours] = &seen;
    ensure!(
        outcome.is_ok(),
        "{moment}: keepalived (-, {} objects) and Holdfast (+, {}) differ:\n{}",
        theirs.len(),
        ours.len(),
        difference(&comparable(theirs), &comparable(ours)).join("\n")
    );
    println!("{moment}: {} and {} objects", theirs.len(), ours.len());
    Ok(seen)
}

/// The traps of keepalived's MIB so far, each as its objects; the time that the agent has been up is left out.
fn traps(receiver: &TrapReceiver) -> Vec<String> {
    let of_checker = format!("{}.5.0.", check_root());
    let traps = receiver.traps().into_iter();
    let traps = traps.filter(|trap| trap.get(1).is_some_and(|(_, which)| which.contains(&of_checker)));
    let text = |(object, value): &(String, String)| format!("{object} = {value}");
    traps
        .map(|trap| trap.iter().skip(1).map(text).collect::<Vec<_>>().join(" | "))
        .collect()
}

/// A server dies, all die, one comes back, the daemon ends: the same traps with the same objects in the same order.
#[test]
#[ignore = "needs a guest: cargo xtask test guest"]
fn the_same_traps_as_keepalived() -> Result<()> {
    site::load_modules()?;
    let site = Site::new(Forwarding::Dr)?;
    let [web1, web2, _sorry] = site.start_webs()?;
    let [first, second] = &site.directors;
    let receivers = [TrapReceiver::start(first)?, TrapReceiver::start(second)?];
    let agents = [Agent::start(first)?, Agent::start(second)?];
    let check = "TCP_CHECK {\n            connect_port 80\n            connect_timeout 2\n            retry 1\n            delay_before_retry 1\n        }";
    let configuration = format!(
        "{}virtual_server 192.168.0.200 80 {{\n    lb_algo rr\n    lb_kind DR\n    protocol TCP\n    delay_loop 1\n    sorry_server 192.168.0.63 80\n    real_server 192.168.0.61 80 {{\n        {check}\n    }}\n    real_server 192.168.0.62 80 {{\n        {check}\n    }}\n}}\nvirtual_server fwmark 7 {{\n    lb_algo rr\n    lb_kind DR\n    real_server 192.168.0.64 {{\n        weight 1\n    }}\n}}\n",
        head()
    );
    let keepalived = Daemon::start(Software::Keepalived, first, &configuration)?;
    let holdfast = Daemon::start(Software::Holdfast, second, &configuration)?;
    let connected = |agent: &Agent<'_>| !walk(agent).is_empty();
    wait::until("both agents", PATIENCE, || agents.iter().all(connected))?;
    let ensure_traps = |moment: &str, count: usize| -> Result<()> {
        let mut seen = [Vec::new(), Vec::new()];
        let outcome = wait::until(moment, PATIENCE, || {
            seen = [traps(&receivers[0]), traps(&receivers[1])];
            seen[0].len() >= count && seen[0] == seen[1]
        });
        let [theirs, ours] = seen.map(|traps| traps.join("\n"));
        ensure!(
            outcome.is_ok(),
            "{moment}: keepalived sent\n{theirs}\nand Holdfast\n{ours}\n{}",
            receivers[1].log_text()
        );
        println!("{moment}:\n{theirs}");
        Ok(())
    };
    // Both virtual servers begin with their quorum.
    ensure_traps("the start", 2)?;
    web1.stop()?;
    ensure_traps("one server dead", 3)?;
    web2.stop()?;
    ensure_traps("both dead, and the quorum lost", 5)?;
    let _web2 = Web::start(&site.servers[1])?;
    ensure_traps("one back, and the quorum gained", 7)?;
    keepalived.quiet().stop()?;
    holdfast.quiet().stop()?;
    // A trap for each server that was up, and for each virtual server.
    ensure_traps("the end", 11)
}
