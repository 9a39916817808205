//! An instance in a VRF (`vrf`, unicast only), and interfaces that join and leave one: in a guest, because it takes a kernel with
//! VRF devices.
//!
//! Of the first keepalived 2.2.7 is the peer only: it takes no instance without an interface, which 2.4 does.

use std::process::Command;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, ensure};
use bed::daemon::{Daemon, Software};
use bed::pair::{INTERVAL, LATENESS, Pair, STRONG, WEAK, Wire, master_down};

/// The backup's interface belongs to a VRF, and its instance names only that: it hears the master, takes over from it when it is
/// dead, and gives way when it is back.
#[test]
#[ignore = "runs in a guest: cargo xtask test guest"]
fn holdfast_in_a_vrf() -> Result<()> {
    let loaded = Command::new("modprobe").arg("vrf").status().context("modprobe")?;
    ensure!(loaded.success(), "no VRF in this kernel");
    let pair = Pair::new(Wire::V2Unicast)?;
    pair.weak.ip(&[
        "link add red type vrf table 10".to_owned(),
        "link set red up".to_owned(),
        "link set eth0 master red".to_owned(),
    ])?;
    let in_vrf = pair
        .configuration(WEAK, "")
        .replace("interface eth0", "vrf red")
        .replace("192.0.2.200/24", "192.0.2.200/24 dev eth0");
    let plain = pair.configuration(STRONG, "");
    let strong = Daemon::start(Software::Keepalived, &pair.strong, &plain)?;
    let master = pair.wait_for_master(&pair.strong, SystemTime::UNIX_EPOCH, master_down(STRONG) + SETTLED)?;
    let _weak = Daemon::start(Software::Holdfast, &pair.weak, &in_vrf)?;
    std::thread::sleep(master_down(WEAK) + LATENESS * 2);
    pair.assert_only_master(&pair.strong, &pair.weak, master)?;
    let taken = pair.assert_takeover_after_silence(&pair.strong, &pair.weak, strong.kill()?, WEAK)?;
    let _strong = Daemon::start(Software::Keepalived, &pair.strong, &plain)?;
    pair.wait_for_master(&pair.strong, taken, master_down(STRONG) + SETTLED)?;
    pair.wait_for_address(&pair.weak, false)
}

/// A change of the VRF switches the interface off and on.
const SETTLED: Duration = Duration::from_secs(10);

/// The master's interface joins a VRF and leaves it, with a VMAC or without: it is master with its address soon after, and
/// hears its peer there.
fn an_interface_joins_and_leaves(subject: Software, wire: Wire, extra: &str) -> Result<()> {
    let loaded = Command::new("modprobe").arg("vrf").status().context("modprobe")?;
    ensure!(loaded.success(), "no VRF in this kernel");
    let pair = Pair::new(wire)?;
    let node = &pair.strong;
    node.ip(&[
        "link add red type vrf table 10".to_owned(),
        "link set red up".to_owned(),
    ])?;
    let plain = pair.configuration(WEAK, "");
    let strong = Daemon::start(subject, node, &pair.configuration(STRONG, extra))?;
    let mut weak = Daemon::start(Software::Keepalived, &pair.weak, &plain)?;
    pair.wait_for_master(node, SystemTime::UNIX_EPOCH, master_down(STRONG) + SETTLED)?;
    for change in ["master red", "nomaster"] {
        node.ip(&[format!("link set eth0 {change}")])?;
        std::thread::sleep(SETTLED);
        let settled = SystemTime::now();
        std::thread::sleep(INTERVAL * 3);
        pair.assert_only_master(node, &pair.weak, settled)?;
        if !extra.is_empty() {
            let is_in = node
                .run("ip", &["link", "show", "dev", "vrrp.51"])?
                .contains("master red");
            ensure!(
                is_in == (change == "master red"),
                "after {change}: the VMAC is elsewhere"
            );
        }
        // It hears a better one, and the end of it.
        drop(weak);
        let begun = SystemTime::now();
        let better = plain.replace(&format!("priority {WEAK}"), "priority 200");
        weak = Daemon::start(Software::Keepalived, &pair.weak, &better)?;
        pair.wait_for_master(&pair.weak, begun, SETTLED)?;
        pair.wait_for_address(node, false)?;
        let (stopped, _) = weak.stop()?;
        pair.wait_for_master(node, stopped, SETTLED)?;
        weak = Daemon::start(Software::Keepalived, &pair.weak, &plain)?;
    }
    strong.stop().map(drop)
}

macro_rules! cases {
    ($name:ident $subject:ident) => {
        mod $name {
            use super::*;

            #[test]
            #[ignore = "runs in a guest: cargo xtask test guest"]
            fn joins_and_leaves() -> Result<()> {
                an_interface_joins_and_leaves(Software::$subject, Wire::V2Multicast, "")
            }

            #[test]
            #[ignore = "runs in a guest: cargo xtask test guest"]
            fn joins_and_leaves_ipv6() -> Result<()> {
                an_interface_joins_and_leaves(Software::$subject, Wire::V3Ipv6, "")
            }

            #[test]
            #[ignore = "runs in a guest: cargo xtask test guest"]
            fn joins_and_leaves_with_a_vmac() -> Result<()> {
                an_interface_joins_and_leaves(Software::$subject, Wire::V2Multicast, "use_vmac")
            }
        }
    };
}

cases!(keepalived Keepalived);
cases!(holdfast Holdfast);
