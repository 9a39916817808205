//! Authentication on the wire: the header of `auth_type AH` beside keepalived, and signed adverts (`auth_hmac`). Somebody else
//! on the LAN repeats what he heard.
//!
//! Debian's keepalived knows no signatures. The cases about them run with Holdfast at both ends, and beside a keepalived 2.4 as
//! well when `KEEPALIVED_2_4` names the program. Its packets, captured, are in `crates/vrrp/tests/vectors.rs`.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, ensure};
use bed::daemon::{Daemon, Software};
use bed::node::{Node, Process};
use bed::onlooker::Sighting;
use bed::pair::{INTERVAL, LATENESS, Pair, STRONG, WEAK, Wire, master_down};
use socket2::{Domain, Protocol, Socket, Type};

const HEADER: &str = "authentication {\n        auth_type AH\n        auth_pass s3cret\n    }";
const OTHER_HEADER: &str = "authentication {\n        auth_type AH\n        auth_pass other\n    }";
const PASSWORD: &str = "authentication {\n        auth_type PASS\n        auth_pass s3cret\n    }";
const OTHER_PASSWORD: &str = "authentication {\n        auth_type PASS\n        auth_pass other\n    }";

const ETHERNET_HEADER: usize = 14;
const IP_HEADER: usize = 20;
/// Of the IP header: its protocol (RFC 791 section 3.1).
const PROTOCOL_AT: usize = 9;
/// RFC 4302 section 2.
const AUTHENTICATION_HEADER: u8 = 51;
const SEQUENCE_AT: usize = 8;

/// Between two repetitions.
const REPETITION: Duration = Duration::from_millis(300);

/// The IP packet of a sighting.
fn packet_of(sighting: &Sighting) -> Vec<u8> {
    sighting.frame.get(ETHERNET_HEADER..).unwrap_or_default().to_vec()
}

/// The number in the authentication header of an advert.
fn sequence_of(sighting: &Sighting) -> Result<u32> {
    let packet = packet_of(sighting);
    ensure!(
        packet.get(PROTOCOL_AT) == Some(&AUTHENTICATION_HEADER),
        "an advert without authentication header"
    );
    let number = packet
        .get(IP_HEADER + SEQUENCE_AT..)
        .and_then(|rest| rest.first_chunk());
    Ok(u32::from_be_bytes(*number.context("a number")?))
}

/// The last advert of a node, as somebody on the LAN could have kept it.
fn last_of(pair: &Pair, node: &Node) -> Result<Sighting> {
    let adverts = pair.onlooker.adverts_since(SystemTime::UNIX_EPOCH).into_iter();
    let own = adverts
        .map(|(sighting, _)| sighting)
        .filter(|it| it.node == node.name());
    own.last().context("it never spoke")
}

/// Somebody on the LAN who sends a packet again and again, until dropped.
struct Repeater {
    _node: Node,
    _alive: Arc<()>,
}

impl Repeater {
    fn start(pair: &Pair, packet: Vec<u8>) -> Result<Self> {
        let node = Node::new("repeater")?;
        pair.plug(&node, &["192.0.2.66/24"])?;
        let socket = node.within(|| -> std::io::Result<Socket> {
            // `IPPROTO_RAW`: the IP header is ours, and it may name any source.
            let socket = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::from(255)))?;
            socket.set_multicast_if_v4(&Ipv4Addr::new(192, 0, 2, 66))?;
            Ok(socket)
        })??;
        let alive = Arc::new(());
        let watched = Arc::downgrade(&alive);
        let destination = packet.get(16..).and_then(|rest| rest.first_chunk::<4>());
        let destination = SocketAddrV4::new((*destination.context("a destination")?).into(), 0).into();
        let repeat = move || {
            while watched.strong_count() > 0 {
                // A node that is gone ends it, too.
                if socket.send_to(&packet, &destination).is_err() {
                    break;
                }
                std::thread::sleep(REPETITION);
            }
        };
        std::thread::Builder::new().name("repeater".into()).spawn(repeat)?;
        Ok(Self {
            _node: node,
            _alive: alive,
        })
    }
}

/// Each hears the other, in both directions and across takeovers, and whoever takes over counts on from the number heard last.
fn headers_are_understood(strong: Software, weak: Software) -> Result<()> {
    let pair = Pair::new(Wire::V2Multicast)?;
    let (for_strong, for_weak) = (pair.configuration(STRONG, HEADER), pair.configuration(WEAK, HEADER));
    let first = Daemon::start(strong, &pair.strong, &for_strong)?;
    let started = pair.wait_for_master(&pair.strong, SystemTime::UNIX_EPOCH, master_down(STRONG))?;
    let _second = Daemon::start(weak, &pair.weak, &for_weak)?;
    std::thread::sleep(master_down(WEAK) + LATENESS * 2);
    pair.assert_only_master(&pair.strong, &pair.weak, started)?;

    let taken = pair.assert_takeover_after_silence(&pair.strong, &pair.weak, first.kill()?, WEAK)?;
    let (before, after) = (
        sequence_of(&last_of(&pair, &pair.strong)?)?,
        sequence_of(&last_of(&pair, &pair.weak)?)?,
    );
    ensure!(
        after > before,
        "the new master began with {after}, the old one was at {before}"
    );

    let again = Daemon::start(strong, &pair.strong, &for_strong)?;
    pair.wait_for_master(&pair.strong, taken, master_down(STRONG))?;
    pair.wait_for_address(&pair.weak, false)?;
    let (asked, _) = again.stop()?;
    pair.assert_takeover_after_farewell(&pair.strong, &pair.weak, asked, WEAK)
}

/// Another password, or another kind of authentication: neither hears the other, and there are two masters.
fn strangers_are_not_heard(for_strong: &str, for_weak: &str, strong: Software, weak: Software) -> Result<()> {
    let pair = Pair::new(Wire::V2Multicast)?;
    let _first = Daemon::start(strong, &pair.strong, &pair.configuration(STRONG, for_strong))?;
    pair.wait_for_master(&pair.strong, SystemTime::UNIX_EPOCH, master_down(STRONG))?;
    let _second = Daemon::start(weak, &pair.weak, &pair.configuration(WEAK, for_weak))?;
    let both = pair.wait_for_master(&pair.weak, SystemTime::UNIX_EPOCH, master_down(WEAK))?;
    std::thread::sleep(INTERVAL * 2);
    for (node, software) in [(&pair.strong, strong), (&pair.weak, weak)] {
        pair.wait_for_address(node, true)?;
        // A master that runs keepalived 2.2.7 may put off its own adverts whenever it refuses one.
        if software == Software::Holdfast {
            pair.next_advert(node, both)?;
            pair.next_advert(node, SystemTime::now())?;
        }
    }
    Ok(())
}

/// A dead master's last advert, repeated, must not keep it alive.
fn repetitions_keep_nobody_alive(wire: Wire, extra: &str, weak: Software, start_strong: StartStrong) -> Result<()> {
    let pair = Pair::new(wire)?;
    let strong = start_strong(&pair, extra)?;
    pair.wait_for_master(&pair.strong, SystemTime::UNIX_EPOCH, master_down(STRONG))?;
    let _weak = Daemon::start(weak, &pair.weak, &pair.configuration(WEAK, extra))?;
    // It must have heard the master: otherwise the repeated advert would be news.
    std::thread::sleep(master_down(WEAK) + LATENESS);
    let killed = strong.kill()?;
    let _repeater = Repeater::start(&pair, packet_of(&last_of(&pair, &pair.strong)?))?;
    pair.assert_takeover_after_silence(&pair.strong, &pair.weak, killed, WEAK)?;
    Ok(())
}

type StartStrong = for<'a> fn(&'a Pair, &str) -> Result<Running<'a>>;

/// keepalived or Holdfast, from the package or built elsewhere.
enum Running<'a> {
    Packaged(Daemon<'a>),
    Elsewhere(Process),
}

impl Running<'_> {
    fn kill(&self) -> Result<SystemTime> {
        match self {
            Self::Packaged(daemon) => daemon.kill(),
            Self::Elsewhere(process) => process.kill_all(),
        }
    }
}

fn start_keepalived<'a>(pair: &'a Pair, extra: &str) -> Result<Running<'a>> {
    let configuration = pair.configuration(STRONG, extra);
    Ok(Running::Packaged(Daemon::start(
        Software::Keepalived,
        &pair.strong,
        &configuration,
    )?))
}

fn start_holdfast<'a>(pair: &'a Pair, extra: &str) -> Result<Running<'a>> {
    let configuration = pair.configuration(STRONG, extra);
    Ok(Running::Packaged(Daemon::start(
        Software::Holdfast,
        &pair.strong,
        &configuration,
    )?))
}

/// The keepalived 2.4 that `KEEPALIVED_2_4` names, on a node.
fn start_newer(node: &Node, configuration: &str) -> Result<Process> {
    let program = std::env::var_os("KEEPALIVED_2_4").context("KEEPALIVED_2_4 names no program")?;
    std::fs::write(node.path("/run/newer.conf"), configuration)?;
    let mut command = Command::new(program);
    command.args(["-n", "-l", "-D", "-f", "/run/newer.conf", "-p", "/run/newer.pid"]);
    command.args(["-r", "/run/newer-vrrp.pid"]);
    node.start(command)
}

fn start_newer_strong<'a>(pair: &'a Pair, extra: &str) -> Result<Running<'a>> {
    let configuration = pair.configuration(STRONG, extra);
    Ok(Running::Elsewhere(start_newer(&pair.strong, &configuration)?))
}

fn has_newer() -> bool {
    let is_there = std::env::var_os("KEEPALIVED_2_4").is_some();
    if !is_there {
        bed::figures::report_text("signed adverts beside keepalived 2.4: not run, KEEPALIVED_2_4 is not set");
    }
    is_there
}

const KEY_1: &str = "key 1 0123456789abcdef0123456789abcdef";
const KEY_2: &str = "key 2 fedcba9876543210fedcba9876543210";

fn signed(keys: &[&str], active: u8, mode: &str) -> String {
    let keys = keys.join("\n        ");
    format!("auth_hmac {{\n        {keys}\n        active_key {active}\n        mode {mode}\n    }}")
}

mod keepalived {
    use super::*;

    #[test]
    #[ignore = "needs root: cargo xtask test peers"]
    fn headers() -> Result<()> {
        headers_are_understood(Software::Keepalived, Software::Keepalived)
    }

    #[test]
    #[ignore = "needs root: cargo xtask test peers"]
    fn another_password_in_the_header() -> Result<()> {
        strangers_are_not_heard(HEADER, OTHER_HEADER, Software::Keepalived, Software::Keepalived)
    }

    #[test]
    #[ignore = "needs root: cargo xtask test peers"]
    fn another_password() -> Result<()> {
        strangers_are_not_heard(PASSWORD, OTHER_PASSWORD, Software::Keepalived, Software::Keepalived)
    }

    #[test]
    #[ignore = "needs root: cargo xtask test peers"]
    fn a_header_and_a_password() -> Result<()> {
        strangers_are_not_heard(HEADER, PASSWORD, Software::Keepalived, Software::Keepalived)
    }

    #[test]
    #[ignore = "needs root: cargo xtask test peers"]
    fn repeated_headers() -> Result<()> {
        repetitions_keep_nobody_alive(Wire::V2Multicast, HEADER, Software::Keepalived, start_keepalived)
    }
}

mod holdfast {
    use super::*;

    #[test]
    #[ignore = "needs root: cargo xtask test peers"]
    fn headers_as_the_better() -> Result<()> {
        headers_are_understood(Software::Holdfast, Software::Keepalived)
    }

    #[test]
    #[ignore = "needs root: cargo xtask test peers"]
    fn headers_as_the_other() -> Result<()> {
        headers_are_understood(Software::Keepalived, Software::Holdfast)
    }

    #[test]
    #[ignore = "needs root: cargo xtask test peers"]
    fn another_password_in_the_header() -> Result<()> {
        strangers_are_not_heard(HEADER, OTHER_HEADER, Software::Keepalived, Software::Holdfast)?;
        strangers_are_not_heard(HEADER, OTHER_HEADER, Software::Holdfast, Software::Keepalived)
    }

    #[test]
    #[ignore = "needs root: cargo xtask test peers"]
    fn another_password() -> Result<()> {
        strangers_are_not_heard(PASSWORD, OTHER_PASSWORD, Software::Keepalived, Software::Holdfast)
    }

    #[test]
    #[ignore = "needs root: cargo xtask test peers"]
    fn a_header_and_a_password() -> Result<()> {
        strangers_are_not_heard(HEADER, PASSWORD, Software::Keepalived, Software::Holdfast)?;
        strangers_are_not_heard(PASSWORD, HEADER, Software::Keepalived, Software::Holdfast)
    }

    #[test]
    #[ignore = "needs root: cargo xtask test peers"]
    fn repeated_headers() -> Result<()> {
        repetitions_keep_nobody_alive(Wire::V2Multicast, HEADER, Software::Holdfast, start_keepalived)
    }

    #[test]
    #[ignore = "needs root: cargo xtask test peers"]
    fn repeated_signatures() -> Result<()> {
        let extra = signed(&[KEY_1], 1, "enforce");
        for wire in [Wire::V2Multicast, Wire::V3Multicast] {
            repetitions_keep_nobody_alive(wire, &extra, Software::Holdfast, start_holdfast)?;
        }
        Ok(())
    }

    /// From no authentication to one key and on to the next, node after node: the master stays the same all the time.
    #[test]
    #[ignore = "needs root: cargo xtask test peers"]
    fn keys_are_replaced_while_the_master_goes_on() -> Result<()> {
        let steps = [
            String::new(),
            signed(&[KEY_1], 1, "receive-only"),
            signed(&[KEY_1], 1, "permissive"),
            signed(&[KEY_1], 1, "enforce"),
            signed(&[KEY_1, KEY_2], 1, "enforce"),
            signed(&[KEY_1, KEY_2], 2, "enforce"),
            signed(&[KEY_2], 2, "enforce"),
        ];
        let pair = Pair::new(Wire::V3Multicast)?;
        let strong = Daemon::start(Software::Holdfast, &pair.strong, &pair.configuration(STRONG, ""))?;
        let master = pair.wait_for_master(&pair.strong, SystemTime::UNIX_EPOCH, master_down(STRONG))?;
        let weak = Daemon::start(Software::Holdfast, &pair.weak, &pair.configuration(WEAK, ""))?;
        for step in steps {
            for (daemon, priority) in [(&strong, STRONG), (&weak, WEAK)] {
                let asked = daemon.reload(&pair.configuration(priority, &step))?;
                daemon.wait_for_log("Reloading", asked, LATENESS * 4)?;
                // Longer than the other waits for a master that it does not understand.
                std::thread::sleep(master_down(WEAK) + LATENESS);
            }
        }
        pair.assert_only_master(&pair.strong, &pair.weak, master)
    }

    #[test]
    #[ignore = "needs root: cargo xtask test peers"]
    fn another_key() -> Result<()> {
        let (one, two) = (signed(&[KEY_1], 1, "enforce"), signed(&[KEY_2], 2, "enforce"));
        strangers_are_not_heard(&one, &two, Software::Holdfast, Software::Holdfast)?;
        strangers_are_not_heard("", &two, Software::Holdfast, Software::Holdfast)
    }

    #[test]
    #[ignore = "needs root: cargo xtask test peers"]
    fn signatures_beside_keepalived_2_4() -> Result<()> {
        if !has_newer() {
            return Ok(());
        }
        let extra = signed(&[KEY_1], 1, "enforce");
        for wire in [Wire::V2Multicast, Wire::V3Multicast, Wire::V3Ipv6, Wire::V2Unicast] {
            signatures_are_understood(wire, &extra)?;
        }
        repetitions_keep_nobody_alive(Wire::V3Multicast, &extra, Software::Holdfast, start_newer_strong)
    }

    /// Holdfast is the backup of keepalived 2.4, takes over, and is its master's backup again; then the other way round.
    fn signatures_are_understood(wire: Wire, extra: &str) -> Result<()> {
        let pair = Pair::new(wire)?;
        let strong = start_newer_strong(&pair, extra)?;
        let started = pair.wait_for_master(&pair.strong, SystemTime::UNIX_EPOCH, master_down(STRONG))?;
        let weak = Daemon::start(Software::Holdfast, &pair.weak, &pair.configuration(WEAK, extra))?;
        std::thread::sleep(master_down(WEAK) + LATENESS * 2);
        pair.assert_only_master(&pair.strong, &pair.weak, started)?;
        pair.assert_takeover_after_silence(&pair.strong, &pair.weak, strong.kill()?, WEAK)?;
        drop(strong);
        drop(weak);

        let pair = Pair::new(wire)?;
        let _strong = Daemon::start(Software::Holdfast, &pair.strong, &pair.configuration(STRONG, extra))?;
        let started = pair.wait_for_master(&pair.strong, SystemTime::UNIX_EPOCH, master_down(STRONG))?;
        let weak = start_newer(&pair.weak, &pair.configuration(WEAK, extra))?;
        std::thread::sleep(master_down(WEAK) + LATENESS * 2);
        let outcome = pair.assert_only_master(&pair.strong, &pair.weak, started);
        weak.kill_all()?;
        outcome
    }
}
