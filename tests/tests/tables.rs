//! The same file under keepalived and under Holdfast, side by side, against the same servers: the same table after each
//! change. In a guest, started by `cargo xtask test guest`.

use std::time::Duration;

use anyhow::{Result, ensure};
use bed::daemon::{Daemon, Software};
use bed::node::Node;
use bed::site::{self, Forwarding, Site};
use bed::wait;
use bed::web::Web;

/// Detection, retries and a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// A table that stays the same for this long is the one that a state of the servers leads to: more than a round of checks
/// with its retries.
const SETTLED: Duration = Duration::from_millis(2_500);

const CHECK: &str = "TCP_CHECK {
            connect_port 80
            connect_timeout 1
            retry 1
            delay_before_retry 1
        }";

const HTTP: &str = "HTTP_GET {
            url {
                path /test.html
                status_code 200-204 304
            }
            connect_port 80
            connect_timeout 1
            retry 1
            delay_before_retry 1
        }";

/// A virtual server with two real servers; `head` is what stands after `virtual_server`, `options` what stands in it,
/// `reals` what stands in each real server.
fn service(head: &str, options: &str, port: &str, reals: [&str; 2]) -> String {
    let real =
        |host: u8, options: &str| format!("    real_server 192.168.0.{host} {port} {{\n        {options}\n    }}\n");
    format!(
        "virtual_server {head} {{\n    delay_loop 1\n    {options}\n{}{}}}\n",
        real(61, reals[0]),
        real(62, reals[1])
    )
}

/// The servers come and go; after each change both directors have the same table.
fn same_tables(configuration: &str) -> Result<()> {
    site::load_modules()?;
    let site = Site::new(Forwarding::Dr)?;
    let [web1, web2, _sorry] = site.start_webs()?;
    let [first, second] = &site.directors;
    let _keepalived = Daemon::start(Software::Keepalived, first, configuration)?;
    let _holdfast = Daemon::start(Software::Holdfast, second, configuration)?;
    ensure_same(first, second, "all servers alive")?;
    web1.stop()?;
    ensure_same(first, second, "one server dead")?;
    web2.stop()?;
    ensure_same(first, second, "all servers dead")?;
    let web2 = Web::start(&site.servers[1])?;
    ensure_same(first, second, "one server back")?;
    let _web1 = Web::start(&site.servers[0])?;
    ensure_same(first, second, "both servers back")?;
    drop(web2);
    Ok(())
}

/// What the kernel's table can say of services and servers, once each, without checks: at the start, and after a reload that
/// changes all of it.
#[test]
#[ignore = "needs a guest: cargo xtask test guest"]
fn every_setting_of_services_and_servers() -> Result<()> {
    site::load_modules()?;
    let site = Site::new(Forwarding::Dr)?;
    let [first, second] = &site.directors;
    let [before, after] = [every_setting(false), every_setting(true)];
    let keepalived = Daemon::start(Software::Keepalived, first, &before)?;
    let holdfast = Daemon::start(Software::Holdfast, second, &before)?;
    ensure_same(first, second, "at the start")?;
    keepalived.reload(&after)?;
    holdfast.reload(&after)?;
    let changed = "-A -t 192.168.0.204:80 -s sed -p 90 -M 255.255.0.0";
    wait::until("the reload", PATIENCE, || {
        second
            .run("ipvsadm", &["-Sn"])
            .is_ok_and(|table| table.contains(changed))
    })?;
    ensure_same(first, second, "after the reload")
}

fn every_setting(later: bool) -> String {
    let or = |before: &'static str, after: &'static str| if later { after } else { before };
    let server = |head: &str, options: &str, reals: &[(&str, &str)]| {
        let real =
            |(address, options): &(&str, &str)| format!("    real_server {address} {{\n        {options}\n    }}\n");
        let reals: String = reals.iter().map(real).collect();
        format!("virtual_server {head} {{\n    {options}\n{reals}}}\n")
    };
    let tunnel = "lb_algo wrr\n    lb_kind TUN\n    protocol TCP";
    [
        "virtual_server_group SIX {\n    fd00::200 80\n    fd00::210-213 80\n    fwmark 16\n}\n".to_owned(),
        // Tunnels of every kind, and from one family to the other.
        server(
            "192.168.0.201 80",
            tunnel,
            &[
                ("192.168.0.61 80", or("lvs_method TUN type gue port 6080", "lvs_method TUN type gue port 6081 remcsum")),
                ("192.168.0.62 80", or("lvs_method TUN type gue port 6080 csum", "lvs_method TUN type gre csum")),
                ("192.168.0.63 80", or("lvs_method TUN type gre", "lvs_method TUN type gue port 6080 nocsum")),
                ("192.168.0.64 80", or("weight 9", "lvs_method DR")),
            ],
        ),
        server("fd00::202 80", tunnel, &[("192.168.0.61 80", "weight 1"), ("fd00::62 80", "weight 2")]),
        server("192.168.0.203 80", tunnel, &[("fd00::61 80", or("weight 4", "weight 5"))]),
        // Groups of IPv6 with a range and a mark.
        server("group SIX", "lb_algo rr\n    lb_kind DR\n    protocol TCP", &[("fd00::61 80", "weight 1")]),
        // Thresholds, persistence, its granularity and engine, flags.
        server(
            "192.168.0.204 80",
            or(
                "lb_algo nq\n    lb_kind DR\n    protocol TCP\n    persistence_timeout 60\n    persistence_granularity 255.255.255.0",
                "lb_algo sed\n    lb_kind DR\n    protocol TCP\n    persistence_timeout 90\n    persistence_granularity 255.255.0.0",
            ),
            &[("192.168.0.61 80", or("uthreshold 100\n        lthreshold 50", "uthreshold 80\n        weight 3"))],
        ),
        server(
            "fd00::205 80",
            or(
                "lb_algo fo\n    lb_kind DR\n    protocol TCP\n    persistence_timeout 60\n    persistence_granularity 64",
                "lb_algo ovf\n    lb_kind DR\n    protocol TCP",
            ),
            &[("fd00::61 80", or("weight 1", "uthreshold 7\n        lthreshold 3"))],
        ),
        server(
            "192.168.0.206 5060",
            or(
                "lb_algo rr\n    lb_kind NAT\n    protocol UDP\n    persistence_timeout 60\n    persistence_engine sip",
                "lb_algo rr\n    lb_kind NAT\n    protocol UDP\n    ops",
            ),
            &[("192.168.0.61 5060", "weight 1"), ("192.168.0.62 5061", "weight 1")],
        ),
        server(
            "192.168.0.207 80",
            or(
                "lb_algo mh\n    mh-port\n    mh-fallback\n    lb_kind DR\n    protocol TCP",
                "lb_algo rr\n    flag-3\n    lb_kind DR\n    protocol TCP",
            ),
            &[("192.168.0.61 80", "weight 1")],
        ),
        server("fwmark 77", or("lb_algo lblcr\n    lb_kind NAT", "lb_algo dh\n    lb_kind DR"), &[("192.168.0.61", "weight 1")]),
    ]
    .concat()
}

/// Waits until both tables are settled and the same.
fn ensure_same(keepalived: &Node, holdfast: &Node, moment: &str) -> Result<()> {
    let table = |node: &Node| -> String {
        let mut lines: Vec<String> = node
            .run("ipvsadm", &["-Sn"])
            .unwrap_or_default()
            .lines()
            .map(str::to_owned)
            .collect();
        lines.sort();
        lines.join("\n")
    };
    let mut seen = (String::new(), String::new());
    let mut since = std::time::Instant::now();
    let outcome = wait::until(moment, PATIENCE, || {
        let now = (table(keepalived), table(holdfast));
        if now != seen {
            seen = now;
            since = std::time::Instant::now();
        }
        !seen.0.is_empty() && seen.0 == seen.1 && since.elapsed() > SETTLED
    });
    ensure!(
        outcome.is_ok(),
        "{moment}: keepalived has\n{}\nand Holdfast has\n{}",
        seen.0,
        seen.1
    );
    println!("{moment}:\n{}", seen.1);
    Ok(())
}

macro_rules! cases {
    ($($name:ident: $configuration:expr;)*) => {
        $(
            #[test]
            #[ignore = "needs a guest: cargo xtask test guest"]
            fn $name() -> Result<()> {
                same_tables(&$configuration)
            }
        )*
    };
}

cases! {
    removed_and_put_back: service(
        "192.168.0.200 80",
        "lb_algo wrr\n    lb_kind DR\n    protocol TCP",
        "80",
        [&format!("weight 3\n        {CHECK}"), &format!("weight 5\n        {HTTP}")],
    );
    inhibited_with_a_sorry_server_at_weight_0: service(
        "192.168.0.200 80",
        "lb_algo wlc\n    lb_kind DR\n    protocol TCP\n    inhibit_on_failure\n    sorry_server 192.168.0.63 80\n    sorry_server_inhibit",
        "80",
        [CHECK, HTTP],
    );
    quorum_with_hysteresis: service(
        "192.168.0.200 80",
        "lb_algo lc\n    lb_kind TUN\n    protocol TCP\n    quorum 4\n    hysteresis 1\n    sorry_server 192.168.0.63 80",
        "80",
        [&format!("weight 2\n        {CHECK}"), &format!("weight 5\n        {CHECK}")],
    );
    alpha_and_source_hash_with_flags: service(
        "192.168.0.200 80",
        "lb_algo sh\n    sh-port\n    sh-fallback\n    lb_kind NAT\n    protocol TCP\n    alpha",
        "80",
        [CHECK, HTTP],
    );
    persistence_with_granularity: service(
        "192.168.0.200 80",
        "lb_algo mh\n    mh-port\n    lb_kind DR\n    protocol TCP\n    persistence_timeout 300\n    persistence_granularity 255.255.255.0",
        "80",
        [CHECK, CHECK],
    );
    udp_one_packet_at_a_time: service(
        "192.168.0.200 53",
        "lb_algo rr\n    ops\n    lb_kind NAT\n    protocol UDP",
        "5353",
        [CHECK, CHECK],
    );
    nat_with_another_port_and_thresholds: service(
        "192.168.0.200 8080",
        "lb_algo sed\n    lb_kind NAT\n    protocol TCP",
        "80",
        [&format!("weight 2\n        {CHECK}"), &format!("lvs_method DR\n        {CHECK}")],
    );
    firewall_mark: service(
        "fwmark 7",
        "lb_algo nq\n    lb_kind DR\n    persistence_timeout 60",
        "80",
        [CHECK, CHECK],
    );
    group_with_range_and_mark: format!(
        "virtual_server_group G {{\n    192.168.0.200 80\n    192.168.0.210-213 8080\n    fwmark 9\n}}\n{}",
        service("group G", "lb_algo dh\n    lb_kind DR\n    protocol TCP", "80", [CHECK, CHECK])
    );
    sctp_without_checks_beside_a_checked_one: format!(
        "{}{}",
        service("192.168.0.200 9", "lb_algo lblc\n    lb_kind DR\n    protocol SCTP", "9", ["weight 1", "weight 0"]),
        service("192.168.0.200 80", "lb_algo lblcr\n    lb_kind DR\n    protocol TCP", "80", [CHECK, CHECK]),
    );
}
