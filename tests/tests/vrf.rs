//! An instance in a VRF (`vrf`, unicast only): in a guest, because it takes a kernel with VRF devices.
//!
//! keepalived 2.2.7 is the peer only: it takes no instance without an interface, which 2.4 does.

use std::process::Command;
use std::time::SystemTime;

use anyhow::{Context, Result, ensure};
use bed::daemon::{Daemon, Software};
use bed::pair::{LATENESS, Pair, STRONG, WEAK, Wire, master_down};

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
    let master = pair.wait_for_master(&pair.strong, SystemTime::UNIX_EPOCH, master_down(STRONG))?;
    let _weak = Daemon::start(Software::Holdfast, &pair.weak, &in_vrf)?;
    std::thread::sleep(master_down(WEAK) + LATENESS * 2);
    pair.assert_only_master(&pair.strong, &pair.weak, master)?;
    let taken = pair.assert_takeover_after_silence(&pair.strong, &pair.weak, strong.kill()?, WEAK)?;
    let _strong = Daemon::start(Software::Keepalived, &pair.strong, &plain)?;
    pair.wait_for_master(&pair.strong, taken, master_down(STRONG))?;
    pair.wait_for_address(&pair.weak, false)
}
