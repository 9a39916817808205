//! Announcements on the wire: the gaps between them, and that they end with mastership.

use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, ensure};
use bed::daemon::{Daemon, Software};
use bed::load;
use bed::node::Node;
use bed::onlooker::Packet;
use bed::pair::{LATENESS, Pair, STRONG, WEAK, Wire, master_down};
use bed::wait::seconds_between;

/// Gap between gratuitous ARPs.
const GAP: Duration = Duration::from_millis(500);

/// The second burst comes this long after the takeover (`garp_master_delay`).
const SECOND_BURST: Duration = Duration::from_secs(5);

/// How much earlier than due the time stamp of a packet may be.
const EARLINESS: Duration = Duration::from_millis(20);

/// Two more addresses, so that a burst takes a while.
const MORE_ADDRESSES: &str = "virtual_ipaddress_excluded {\n        192.0.2.201/24\n        192.0.2.202/24\n    }";

/// What a node announced, in order.
fn announced(pair: &Pair, node: &Node) -> Vec<(SystemTime, IpAddr)> {
    let seen = pair.onlooker.sightings().into_iter();
    seen.filter(|sighting| sighting.node == node.name())
        .filter_map(|sighting| match sighting.packet {
            Packet::Announcement(address) => Some((sighting.when, address)),
            Packet::Advert(_) => None,
        })
        .collect()
}

/// `gaps` limits the announcements of a new master, whose second burst is cut short by a better one.
fn gaps_are_kept_and_end_with_mastership(gaps: &str, subject: Software) -> Result<()> {
    let pair = Pair::new(Wire::V2Multicast)?;
    let configuration = format!("{gaps}\n{}", pair.configuration(WEAK, MORE_ADDRESSES));
    let _weak = Daemon::start(subject, &pair.weak, &configuration)?;
    let master = pair.wait_for_master(&pair.weak, SystemTime::UNIX_EPOCH, master_down(WEAK))?;
    // The other takes over soon after the second burst has begun.
    let start = (SECOND_BURST + GAP).saturating_sub(master_down(STRONG));
    std::thread::sleep(start.saturating_sub(SystemTime::now().duration_since(master).unwrap_or_default()));
    let _strong = Daemon::start(
        Software::Keepalived,
        &pair.strong,
        &pair.configuration(STRONG, MORE_ADDRESSES),
    )?;
    let taken = pair.wait_for_master(&pair.strong, master, master_down(STRONG))?;
    std::thread::sleep(GAP * 3);

    let announced = announced(&pair, &pair.weak);
    let (first, _) = *announced.first().context("nothing was announced")?;
    let late = seconds_between(master, first);
    ensure!(
        late < (LATENESS + load::excuse(master, first)).as_secs_f64(),
        "the first announcement came {late:.3} s after the advert"
    );
    for address in ["192.0.2.200", "192.0.2.201", "192.0.2.202"] {
        let address: IpAddr = address.parse()?;
        ensure!(
            announced.iter().any(|(_, it)| *it == address),
            "{address} was not announced"
        );
    }
    // Later ones may be replies of the kernel to the other's announcements, which look the same.
    let alone: Vec<_> = announced.iter().filter(|(when, _)| *when < taken).collect();
    for ((before, _), (after, address)) in alone.iter().zip(alone.iter().skip(1)) {
        let gap = seconds_between(*before, *after);
        ensure!(
            gap >= GAP.saturating_sub(EARLINESS).as_secs_f64(),
            "{address} was announced {gap:.3} s after another"
        );
    }
    let (last, address) = *announced.last().context("nothing was announced")?;
    let after = seconds_between(taken, last);
    // The first advert of the other ends the mastership, within the lateness of a busy machine.
    ensure!(
        after < (GAP / 2 + load::excuse(taken, last)).as_secs_f64(),
        "{address} was announced {after:.3} s after the better master's advert"
    );
    ensure!(
        seconds_between(master, last) > SECOND_BURST.as_secs_f64() - 0.1,
        "no second burst"
    );
    Ok(())
}

macro_rules! cases {
    ($($software:ident $module:ident)*) => {
        $(mod $module {
            use super::*;

            #[test]
            #[ignore = "needs root: cargo xtask test peers"]
            fn gap_of_an_interface() -> Result<()> {
                gaps_are_kept_and_end_with_mastership("global_defs {\n    vrrp_garp_interval 0.5\n}", Software::$software)
            }

            #[test]
            #[ignore = "needs root: cargo xtask test peers"]
            fn gap_of_a_group() -> Result<()> {
                let gaps = "garp_group {\n    garp_interval 0.5\n    interface eth0\n}";
                gaps_are_kept_and_end_with_mastership(gaps, Software::$software)
            }
        })*
    };
}

cases!(Keepalived keepalived Holdfast holdfast);
