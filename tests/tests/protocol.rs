//! What a `vrrp_instance` may ask of the protocol beyond an election: strict mode, sources that must be there, peers that are
//! missing, changes of the priority, room for packets. Real keepalived is the subject first.

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, ensure};
use bed::daemon::{Daemon, Role, Software};
use bed::foreign_socket::receive_buffers_of_raw;
use bed::node::Node;
use bed::pair::{INTERVAL, LATENESS, Pair, STRONG, WEAK, Wire, master_down};
use bed::wait::{self, seconds_between};
use socket2::Domain;

/// How much earlier than due the time stamp of a packet may be.
const EARLINESS: Duration = Duration::from_millis(100);

/// Its number among the protocols of IP.
const VRRP: u8 = 112;

/// In strict mode nobody answers: neither the worse of two masters with a last advert, nor the better one with one at once.
fn strict_masters_do_not_answer(subject: Software, other: Software) -> Result<()> {
    let pair = Pair::new(Wire::V3Multicast)?;
    let extra = "strict_mode on";
    let _strong = Daemon::start(other, &pair.strong, &pair.configuration(STRONG, extra))?;
    pair.wait_for_master(&pair.strong, SystemTime::UNIX_EPOCH, master_down(STRONG))?;
    let port = pair
        .network()
        .ports()
        .into_iter()
        .find(|port| port.node == pair.weak.name());
    let port = port.context("the port of the weak one")?;
    pair.network().cut(&port)?;
    let weak = Daemon::start(subject, &pair.weak, &pair.configuration(WEAK, extra))?;
    pair.wait_for_address_within(&pair.weak, true, master_down(WEAK) + LATENESS * 2)?;
    // Just after an advert of the better one, so that the worse one is heard first by it or hears it next.
    let next = pair.next_advert(&pair.strong, SystemTime::now())?;
    pair.network().mend(&port)?;
    let mended = SystemTime::now();
    let heard = pair.next_advert(&pair.strong, mended)?;
    pair.wait_for_address_within(&pair.weak, false, LATENESS)?;
    std::thread::sleep(INTERVAL * 2);
    let adverts = pair.onlooker.adverts_since(next);
    let of = |name: &str| -> Vec<SystemTime> {
        let own = adverts.iter().filter(|(sighting, _)| sighting.node == name);
        own.map(|(sighting, _)| sighting.when).collect()
    };
    let last_words = of(pair.weak.name()).into_iter().filter(|when| *when > heard).count();
    ensure!(
        last_words == 0,
        "{last_words} adverts of the worse master after it heard the better one"
    );
    for (before, after) in of(pair.strong.name())
        .windows(2)
        .filter_map(|two| Some((*two.first()?, *two.last()?)))
    {
        let gap = seconds_between(before, after);
        ensure!(
            gap > INTERVAL.saturating_sub(EARLINESS).as_secs_f64(),
            "the better master answered after {gap:.3} s"
        );
    }
    drop(weak);
    Ok(())
}

/// With `track_src_ip` an instance is master only while its source is on the interface.
fn a_tracked_source_that_goes_is_a_fault(subject: Software) -> Result<()> {
    let pair = Pair::new(Wire::V2Multicast)?;
    let extra = "mcast_src_ip 192.0.2.77\n    track_src_ip";
    pair.strong.ip(&["address add 192.0.2.77/24 dev eth0".to_owned()])?;
    let _weak = Daemon::start(Software::Keepalived, &pair.weak, &pair.configuration(WEAK, ""))?;
    let _strong = Daemon::start(subject, &pair.strong, &pair.configuration(STRONG, extra))?;
    let master = pair.wait_for_master(&pair.strong, SystemTime::UNIX_EPOCH, master_down(WEAK) * 2)?;
    pair.wait_for_address_within(&pair.weak, false, LATENESS * 2)?;
    pair.strong.ip(&["address del 192.0.2.77/24 dev eth0".to_owned()])?;
    if subject == Software::Keepalived {
        // It does not recognise the address (2.2.7 and 2.4.3), and goes on.
        std::thread::sleep(INTERVAL * 2);
        return pair.assert_steady(&pair.strong, master);
    }
    pair.wait_for_address(&pair.strong, false)?;
    let taken = pair.wait_for_master(&pair.weak, master, master_down(WEAK))?;
    pair.strong.ip(&["address add 192.0.2.77/24 dev eth0".to_owned()])?;
    pair.wait_for_master(&pair.strong, taken, master_down(STRONG) * 2)?;
    pair.wait_for_address(&pair.weak, false)
}

/// With `unicast_fault_no_peer` an instance that says unicast and names no peer does not fall back to multicast.
fn without_peers_nothing_is_sent(subject: Software) -> Result<()> {
    let pair = Pair::new(Wire::V2Multicast)?;
    let extra = "unicast_src_ip 192.0.2.1\n    unicast_fault_no_peer";
    let daemon = Daemon::start(subject, &pair.strong, &pair.configuration(STRONG, extra))?;
    let words = match subject {
        Software::Keepalived => "going to fault state",
        Software::Holdfast => "Entering FAULT STATE",
    };
    daemon.wait_for_log(words, SystemTime::UNIX_EPOCH, master_down(STRONG))?;
    std::thread::sleep(master_down(STRONG) + LATENESS);
    let adverts = pair.onlooker.adverts_since(SystemTime::UNIX_EPOCH);
    ensure!(adverts.is_empty(), "{adverts:?}");
    ensure!(!pair.strong.has(Wire::V2Multicast.address()), "it holds the address");
    Ok(())
}

/// `notify_priority_changes`, said in one of three places: a line in the FIFO for each change.
fn a_fifo_is_told_of_priorities(place: Place, subject: Software) -> Result<()> {
    let pair = Pair::new(Wire::V2Multicast)?;
    let node = &pair.strong;
    std::fs::write(node.path("/run/weight"), "0\n")?;
    node.run("mkfifo", &["-m", "600", "/run/there.fifo"])?;
    let mut fifo = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(node.path("/run/there.fifo"))?;
    let text = |on: bool| if on { "notify_priority_changes" } else { "" };
    let global = if place == Place::Global {
        "vrrp_notify_priority_changes"
    } else {
        ""
    };
    let own = pair.configuration(
        STRONG,
        &format!(
            "{}\n    track_file {{\n        tf weight 1\n    }}",
            text(place == Place::Instance)
        ),
    );
    let group = format!(
        "vrrp_sync_group G {{\n    group {{\n        VI_1\n    }}\n    sync_group_tracking_weight\n    {}\n}}\n",
        text(place == Place::Group)
    );
    let configuration = format!(
        "global_defs {{\n    vrrp_notify_fifo /run/there.fifo\n    {global}\n}}\n\
         track_file tf {{\n    file /run/weight\n}}\n{}{own}",
        if place == Place::Group { &group } else { "" }
    );
    let _daemon = Daemon::start(subject, node, &configuration)?;
    pair.wait_for_master(node, SystemTime::UNIX_EPOCH, master_down(STRONG))?;
    std::fs::write(node.path("/run/weight"), "-7\n")?;
    wait_for_line(&mut fifo, "INSTANCE \"VI_1\" MASTER_PRIORITY 143", LATENESS * 3)?;
    Ok(())
}

/// Where the keyword stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Global,
    Group,
    Instance,
}

/// Reads a FIFO until a line is there.
fn wait_for_line(fifo: &mut std::fs::File, line: &str, bound: Duration) -> Result<()> {
    use std::io::Read;
    let flags = nix::fcntl::OFlag::O_NONBLOCK;
    nix::fcntl::fcntl(&*fifo, nix::fcntl::FcntlArg::F_SETFL(flags))?;
    let mut told = String::new();
    wait::until(line, bound, || {
        let mut buffer = [0; 4096];
        if let Ok(length) = fifo.read(&mut buffer) {
            told += &String::from_utf8_lossy(buffer.get(..length).unwrap_or_default());
        }
        told.lines().any(|it| it == line)
    })
    .with_context(|| format!("the FIFO said {told:?}"))
}

/// The receive buffer of the VRRP socket, in the kernel's reckoning: twice what was asked for.
fn sockets_have_the_room_that_is_asked_for(subject: Software) -> Result<()> {
    for (global, extra, bytes) in [
        ("", "kernel_rx_buf_size 65536", 65_536),
        ("vrrp_rx_bufs_policy MTU", "", 3 * 1500),
        ("vrrp_rx_bufs_policy 40000", "", 40_000),
        (
            "vrrp_rx_bufs_policy ADVERT\n    vrrp_rx_bufs_multiplier 100",
            "",
            100 * (20 + 8 + 4 + 8),
        ),
    ] {
        let pair = Pair::new(Wire::V2Multicast)?;
        let node = &pair.strong;
        let configuration = format!(
            "global_defs {{\n    {global}\n}}\n{}",
            pair.configuration(STRONG, extra)
        );
        let daemon = Daemon::start(subject, node, &configuration)?;
        pair.wait_for_master(node, SystemTime::UNIX_EPOCH, master_down(STRONG))?;
        let buffers = receive_buffers_of_raw(daemon.role(Role::Vrrp)?, Domain::IPV4, VRRP)?;
        ensure!(buffers.contains(&(2 * bytes)), "{buffers:?} with {global} {extra}");
    }
    Ok(())
}

/// Routers of another group are others, though they have the same number; takeovers go on in one's own group.
fn a_group_of_its_own(subject: Software) -> Result<()> {
    let pair = Pair::new(Wire::V2Multicast)?;
    let (group, default): (IpAddr, IpAddr) = (Ipv4Addr::new(224, 0, 0, 77).into(), Ipv4Addr::new(224, 0, 0, 18).into());
    let strong = Daemon::start(
        Software::Keepalived,
        &pair.strong,
        &pair.configuration(STRONG, "mcast_dst_ip 224.0.0.77"),
    )?;
    let stranger = Node::new("stranger")?;
    pair.plug(&stranger, &["192.0.2.3/24"])?;
    let other = pair.configuration(STRONG, "").replace("192.0.2.200", "192.0.2.201");
    let _stranger = Daemon::start(Software::Keepalived, &stranger, &other)?;
    let weak = pair.configuration(WEAK, "");
    let global = "global_defs {\n    vrrp_mcast_group4 224.0.0.77\n}\n";
    let _weak = Daemon::start(subject, &pair.weak, &format!("{global}{weak}"))?;
    let master = pair.wait_for_master(&pair.strong, SystemTime::UNIX_EPOCH, master_down(STRONG))?;
    std::thread::sleep(master_down(WEAK) + LATENESS);
    pair.assert_only_master(&pair.strong, &pair.weak, master)?;
    pair.assert_takeover_after_silence(&pair.strong, &pair.weak, strong.kill()?, WEAK)?;
    let groups: Vec<IpAddr> = pair
        .onlooker
        .adverts_since(SystemTime::UNIX_EPOCH)
        .into_iter()
        .map(|(_, advert)| advert.destination)
        .collect();
    ensure!(
        groups.contains(&group) && !groups.contains(&default),
        "adverts went to {groups:?}"
    );
    Ok(())
}

/// Adverts of a peer that came from further away than it may are refused: there are two masters.
fn a_peer_has_its_distance(subject: Software) -> Result<()> {
    let pair = Pair::new(Wire::V2Unicast)?;
    let far = pair.configuration(STRONG, "unicast_ttl 64");
    let near = pair
        .configuration(WEAK, "")
        .replace("        192.0.2.1\n", "        192.0.2.1 min_ttl 100 max_ttl 255\n");
    let strong = Daemon::start(Software::Keepalived, &pair.strong, &far)?;
    pair.wait_for_master(&pair.strong, SystemTime::UNIX_EPOCH, master_down(STRONG))?;
    let _weak = Daemon::start(subject, &pair.weak, &near)?;
    let both = pair.wait_for_master(&pair.weak, SystemTime::UNIX_EPOCH, master_down(WEAK))?;
    pair.next_advert(&pair.strong, both)?;
    strong.stop()?;
    let _strong = Daemon::start(
        Software::Keepalived,
        &pair.strong,
        &pair.configuration(STRONG, "unicast_ttl 100"),
    )?;
    pair.wait_for_address_within(&pair.strong, true, master_down(STRONG) + LATENESS * 2)?;
    pair.wait_for_address_within(&pair.weak, false, LATENESS * 2)
}

/// A peer that sums as releases before 1.3.6 did is understood without a word, and answered in kind; `never` refuses it.
fn the_old_checksum_is_found_out(subject: Software) -> Result<()> {
    let third =
        |pair: &Pair, priority, extra: &str| pair.configuration(priority, extra).replace("version 2", "version 3");
    for (word, understood) in [("", true), ("old_unicast_checksum never", false)] {
        let pair = Pair::new(Wire::V2Unicast)?;
        let _strong = Daemon::start(
            Software::Keepalived,
            &pair.strong,
            &third(&pair, STRONG, "old_unicast_checksum"),
        )?;
        pair.wait_for_address_within(&pair.strong, true, master_down(STRONG) + LATENESS * 2)?;
        let _weak = Daemon::start(subject, &pair.weak, &third(&pair, WEAK, word))?;
        std::thread::sleep(master_down(WEAK) + LATENESS * 2);
        ensure!(
            pair.weak.has(pair.wire.address()) != understood,
            "with {word:?} the old checksum is not judged as it should be"
        );
    }
    Ok(())
}

macro_rules! cases {
    ($($software:ident $module:ident)*) => {
        $(mod $module {
            use super::*;

            #[test]
            #[ignore = "needs root: cargo xtask test peers"]
            fn strict_master_loses_in_silence() -> Result<()> {
                strict_masters_do_not_answer(Software::$software, Software::Keepalived)
            }

            #[test]
            #[ignore = "needs root: cargo xtask test peers"]
            fn strict_master_wins_in_silence() -> Result<()> {
                strict_masters_do_not_answer(Software::Keepalived, Software::$software)
            }

            #[test]
            #[ignore = "needs root: cargo xtask test peers"]
            fn tracked_source() -> Result<()> {
                a_tracked_source_that_goes_is_a_fault(Software::$software)
            }

            #[test]
            #[ignore = "needs root: cargo xtask test peers"]
            fn no_unicast_peer() -> Result<()> {
                without_peers_nothing_is_sent(Software::$software)
            }

            #[test]
            #[ignore = "needs root: cargo xtask test peers"]
            fn changes_of_the_priority() -> Result<()> {
                for place in [Place::Global, Place::Group, Place::Instance] {
                    a_fifo_is_told_of_priorities(place, Software::$software)?;
                }
                Ok(())
            }

            #[test]
            #[ignore = "needs root: cargo xtask test peers"]
            fn own_multicast_group() -> Result<()> {
                a_group_of_its_own(Software::$software)
            }

            #[test]
            #[ignore = "needs root: cargo xtask test peers"]
            fn distance_of_a_peer() -> Result<()> {
                a_peer_has_its_distance(Software::$software)
            }

            #[test]
            #[ignore = "needs root: cargo xtask test peers"]
            fn old_checksums() -> Result<()> {
                the_old_checksum_is_found_out(Software::$software)
            }

            #[test]
            #[ignore = "needs root: cargo xtask test peers"]
            fn receive_buffers() -> Result<()> {
                sockets_have_the_room_that_is_asked_for(Software::$software)
            }
        })*
    };
}

cases!(Keepalived keepalived Holdfast holdfast);
