//! Routes into tunnels and VRFs, which need a kernel with MPLS, ILA and VRF: in a guest, started by `cargo xtask test
//! guest`. keepalived goes first, as in `routes`.

#[allow(dead_code, reason = "shared with the cases on the host")]
#[path = "../routes/bench.rs"]
mod bench;
#[allow(dead_code, reason = "shared with the cases on the host")]
#[path = "../routes/tables.rs"]
mod tables;

use std::process::Command;

use anyhow::{Result, ensure};
use bed::daemon::{Daemon, Software};

use bench::{Bench, Story, ensure_same};

/// `vrf0` and a port of it.
const VRF: &[&str] = &[
    "link add vrf0 address 02:00:00:00:01:00 type vrf table 200",
    "link set vrf0 up",
    "link add port0 address 02:00:00:00:01:01 type dummy",
    "link set port0 master vrf0 up",
    "address add 203.0.113.1/24 dev port0",
];

/// Lines for a director, and what `ip -d` must show of them.
struct Case {
    routes: &'static str,
    shown: &'static [&'static str],
}

/// What keepalived 2.2 says to the kernel as well.
const TUNNELS: Case = Case {
    routes: "10.50.0.0/16 encap mpls 100/200 via 192.0.2.9 dev eth0
        2001:db8:50::/64 encap mpls 300 via fd00::9 dev eth0
        2001:db8:51:0:2000::/96 encap ila 2001:db8:0:1 via fd00::9 dev eth0
        10.52.0.0/16 via 203.0.113.9 dev port0 vrf vrf0",
    shown: &[
        "10.50.0.0/16  encap mpls  100/200 via 192.0.2.9",
        "2001:db8:50::/64  encap mpls  300 via fd00::9",
        "2001:db8:51:0:2000::/96  encap ila  2001:db8:0:1",
        "10.52.0.0/16 via 203.0.113.9 dev port0 table 200",
    ],
};

fn configuration(routes: &str) -> String {
    format!(
        "vrrp_instance VI_1 {{
    state BACKUP
    interface eth0
    virtual_router_id 51
    priority 100
    virtual_ipaddress {{
        192.0.2.200/24
    }}
    virtual_routes {{
        {routes}
    }}
    virtual_rules {{
        l3mdev preference 900
        from fd44::/64 table 100 preference 901
    }}
}}
"
    )
}

fn tell(software: Software, case: &Case) -> Result<Story> {
    for module in ["mpls_router", "mpls_iptunnel", "ila", "vrf", "dummy"] {
        let status = Command::new("modprobe").arg(module).status()?;
        ensure!(status.success(), "no {module}");
    }
    let bench = Bench::new()?;
    let lines: Vec<String> = VRF.iter().map(|line| (*line).to_owned()).collect();
    bench.director.ip(&lines)?;
    let before = bench.wait_for_tables("before", |_| true)?;
    let daemon = Daemon::start(software, &bench.director, &configuration(case.routes))?;
    let mut story = Story::default();
    let tables = story.tell(&bench, "master", bench::is_master)?;
    for shown in case.shown {
        ensure!(tables.contains(shown), "no {shown} in {tables}");
    }
    daemon.stop()?;
    let after = bench.wait_for_tables("stopped", |_| true)?;
    ensure!(after == before, "left behind: {}", tables::difference(&before, &after));
    Ok(story)
}

#[test]
#[ignore = "needs a guest: cargo xtask test guest"]
fn tunnels_and_vrfs_are_keepalived_s() -> Result<()> {
    ensure_same(|software| tell(software, &TUNNELS))
}
