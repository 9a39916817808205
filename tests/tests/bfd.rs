//! BFD with real keepalived as the neighbour, and what it does to VRRP. keepalived goes first as the subject, which proves
//! the test; then Holdfast.
//!
//! The subject is the better director of a pair and has a session with a router that runs keepalived's BFD. Times are
//! those of RFC 5880 section 6.8.4: the router is lost when it is silent for its multiplier times the longer interval.

use std::time::{Duration, SystemTime};

use anyhow::{Result, ensure};
use bed::daemon::{Daemon, Role, Software};
use bed::load;
use bed::node::Node;
use bed::onlooker::Sighting;
use bed::pair::{INTERVAL, LATENESS, Pair, STRONG, WEAK, Wire, master_down, skew};
use bed::wait::{self, seconds_between};
use nix::sys::signal::{Signal, kill};

/// Between two packets of a session that is up.
const TX: Duration = Duration::from_millis(50);

/// Packets that may be lost in a row.
const MULTIPLIER: u32 = 5;

/// Silence after which the neighbour is gone.
const DETECTION_TIME: Duration = Duration::from_millis(50 * 5);

/// The same of a [`patient`] session.
const PATIENT_DETECTION_TIME: Duration = Duration::from_secs(2);

/// A session sends once a second until it is up, and needs three packets.
const COMING_UP: Duration = Duration::from_secs(4);

/// The pair, and a router that both could lose.
struct Case {
    pair: Pair,
    router: Node,
    subject: Software,
}

impl Case {
    fn new(subject: Software) -> Result<Self> {
        let pair = Pair::new(Wire::V2Multicast)?;
        let router = Node::new("router")?;
        pair.plug(&router, &["192.0.2.9/24", "fd00::9/64"])?;
        Ok(Self { pair, router, subject })
    }

    /// The subject with a session called `router` and this line that tracks it.
    fn subject(&self, session: &str, line: &str) -> Result<Daemon<'_>> {
        Daemon::start(self.subject, &self.pair.strong, &self.configuration(session, line))
    }

    fn configuration(&self, session: &str, line: &str) -> String {
        let tracks = format!("track_bfd {{\n        router {line}\n    }}");
        let instance = self.pair.configuration(STRONG, &tracks);
        format!("{session}{instance}")
    }

    fn weak(&self) -> Result<Daemon<'_>> {
        let configuration = self.pair.configuration(WEAK, "");
        Daemon::start(Software::Keepalived, &self.pair.weak, &configuration)
    }

    fn router(&self, session: &str) -> Result<Daemon<'_>> {
        Daemon::start(Software::Keepalived, &self.router, session)
    }

    /// The subject is master, which it is only with its session up.
    fn wait_for_subject(&self, since: SystemTime) -> Result<SystemTime> {
        let bound = COMING_UP + master_down(STRONG);
        self.pair.wait_for_master(&self.pair.strong, since, bound)
    }

    /// The subject says that it is worth so much.
    fn wait_for_priority(&self, since: SystemTime, wanted: u8) -> Result<()> {
        let what = format!("priority {wanted}");
        let said = |sighting: &Sighting| sighting.is_advert_of(&self.pair.strong, |priority| priority == wanted);
        self.pair
            .onlooker
            .wait_for(&what, since, INTERVAL + LATENESS, said)
            .map(drop)
    }

    fn ensure_status(&self, daemon: &Daemon<'_>, wanted: &[&str]) -> Result<()> {
        if self.subject == Software::Keepalived {
            return Ok(());
        }
        let mut shown = String::new();
        let all = || {
            shown = daemon.status().unwrap_or_default();
            wanted.iter().all(|words| shown.contains(words))
        };
        let outcome = wait::until("the status", Duration::from_secs(3), all);
        ensure!(outcome.is_ok(), "the status shows no {wanted:?}: {shown}");
        Ok(())
    }
}

/// A session of the subject with the router, and the router's with the subject.
fn sessions(of_subject: &str, of_router: &str) -> (String, String) {
    (
        session("192.0.2.1", "192.0.2.9", of_subject),
        session("192.0.2.9", "192.0.2.1", of_router),
    )
}

fn session(source: &str, neighbor: &str, extra: &str) -> String {
    let tx = TX.as_millis();
    format!(
        "bfd_instance router {{
    source_ip {source}
    neighbor_ip {neighbor}
    min_tx {tx}
    min_rx {tx}
    multiplier {MULTIPLIER}
    {extra}
}}
"
    )
}

/// A session that a busy machine does not lose: for tests in which it must not fall.
fn patient(session: &str) -> String {
    let tx = TX.as_millis();
    session
        .replace(&format!("min_tx {tx}"), "min_tx 200")
        .replace(&format!("min_rx {tx}"), "min_rx 200")
        .replace(&format!("multiplier {MULTIPLIER}"), "multiplier 10")
}

/// Kills it all; returns when it was still alive: what comes of its death comes later.
fn end(daemon: &Daemon<'_>) -> Result<SystemTime> {
    let when = SystemTime::now();
    daemon.kill()?;
    Ok(when)
}

fn wait_for_up(daemon: &Daemon<'_>, since: SystemTime) -> Result<SystemTime> {
    daemon.wait_for_log("(router) Entering Up state", since, COMING_UP + 2 * LATENESS)
}

/// The router is killed: the peer is master long before an advert would have been missed.
fn lost_session_hands_over_before_any_advert_is_missed(subject: Software) -> Result<()> {
    let case = Case::new(subject)?;
    let (own, of_router) = sessions("", "");
    let start = SystemTime::now();
    let router = case.router(&of_router)?;
    let _weak = case.weak()?;
    let strong = case.subject(&own, "")?;
    wait_for_up(&strong, start)?;
    wait_for_up(&router, start)?;
    case.wait_for_subject(start)?;
    case.ensure_status(
        &strong,
        &["router", "Up", "192.0.2.9", "detects a failure after 250.000 ms"],
    )?;

    let killed = end(&router)?;
    let bound = DETECTION_TIME + LATENESS;
    strong.wait_for_log("(router) Entering Down state", killed, bound)?;
    let farewell = |sighting: &Sighting| sighting.is_advert_of(&case.pair.strong, |it| it == 0);
    let onlooker = &case.pair.onlooker;
    let resigned = onlooker.wait_for("a priority 0 advert", killed, bound, farewell)?.when;
    let silence = seconds_between(killed, resigned);
    // The last packet may have left an interval before the end.
    ensure!(
        silence > (DETECTION_TIME.as_secs_f64() - 2.0 * TX.as_secs_f64()),
        "down after {silence:.3} s"
    );
    let taken = case.pair.wait_for_master(&case.pair.weak, resigned, skew(WEAK))?;
    println!(
        "killed to FAULT {:.1} ms, killed to takeover {:.1} ms",
        silence * 1000.0,
        seconds_between(killed, taken) * 1000.0
    );
    case.pair.wait_for_address(&case.pair.strong, false)?;
    case.ensure_status(
        &strong,
        &["FAULT", "BFD session router down", "Control Detection Time Expired"],
    )?;

    let back = SystemTime::now();
    let router = case.router(&of_router)?;
    wait_for_up(&router, back)?;
    case.wait_for_subject(back)?;
    Ok(())
}

/// With a weight the loss moves the priority, and nothing else.
fn lost_session_moves_the_priority(subject: Software) -> Result<()> {
    let case = Case::new(subject)?;
    let (own, of_router) = sessions("", "");
    let start = SystemTime::now();
    let router = case.router(&of_router)?;
    let strong = case.subject(&own, "weight -60")?;
    let up = wait_for_up(&strong, start)?;
    case.wait_for_subject(start)?;
    let settled = case.pair.next_advert(&case.pair.strong, up)?;
    case.wait_for_priority(settled, STRONG)?;
    let killed = end(&router)?;
    strong.wait_for_log("(router) Entering Down state", killed, DETECTION_TIME + LATENESS)?;
    case.wait_for_priority(killed, STRONG - 60)?;
    ensure!(
        case.pair.strong.has(case.pair.wire.address()),
        "a weight is no reason to give up"
    );
    let back = SystemTime::now();
    let router = case.router(&of_router)?;
    let up = wait_for_up(&strong, back)?;
    case.wait_for_priority(up, STRONG)?;
    drop(router);
    Ok(())
}

/// `reverse`: the session is the fault.
fn reverse_turns_it_round(subject: Software) -> Result<()> {
    let case = Case::new(subject)?;
    let (own, of_router) = sessions("", "");
    let start = SystemTime::now();
    let strong = case.subject(&own, "weight 0 reverse")?;
    case.wait_for_subject(start)?;
    let router = case.router(&of_router)?;
    let up = wait_for_up(&router, start)?;
    strong.wait_for_log("(VI_1) Entering FAULT STATE", up - LATENESS, 2 * LATENESS)?;
    case.pair.wait_for_address(&case.pair.strong, false)
}

/// Who is passive waits to be spoken to: two of them wait for ever, one comes up as if nothing were.
fn passive_waits_to_be_spoken_to(subject: Software) -> Result<()> {
    for (passive, other) in [("passive", ""), ("", "passive")] {
        let case = Case::new(subject)?;
        let (own, of_router) = sessions(passive, other);
        let start = SystemTime::now();
        let strong = case.subject(&own, "")?;
        let router = case.router(&of_router)?;
        wait_for_up(&strong, start)?;
        wait_for_up(&router, start)?;
    }
    let case = Case::new(subject)?;
    let (own, of_router) = sessions("passive", "passive");
    let start = SystemTime::now();
    let strong = case.subject(&own, "")?;
    let _router = case.router(&of_router)?;
    ensure!(wait_for_up(&strong, start).is_err(), "somebody spoke first");
    Ok(())
}

/// Over IPv6, where both send with a hop limit of 64 unless told otherwise.
fn session_over_ipv6(subject: Software) -> Result<()> {
    let case = Case::new(subject)?;
    let start = SystemTime::now();
    let strong = case.subject(&session("fd00::1", "fd00::9", ""), "")?;
    let router = case.router(&session("fd00::9", "fd00::1", ""))?;
    wait_for_up(&strong, start)?;
    wait_for_up(&router, start)?;
    // Up it is with slow times still; a second later all is settled.
    case.wait_for_subject(start)?;
    let killed = end(&router)?;
    strong.wait_for_log("(router) Entering Down state", killed, DETECTION_TIME + LATENESS)?;
    Ok(())
}

/// Without a source the kernel chooses, and packets to any address of ours count.
fn session_without_a_source(subject: Software) -> Result<()> {
    let case = Case::new(subject)?;
    let start = SystemTime::now();
    let own = session("192.0.2.1", "192.0.2.9", "").replace("    source_ip 192.0.2.1\n", "");
    let strong = case.subject(&own, "")?;
    let router = case.router(&session("192.0.2.9", "192.0.2.1", ""))?;
    wait_for_up(&strong, start)?;
    wait_for_up(&router, start).map(drop)
}

/// A packet that passed a router is not heard (RFC 5881 section 5), unless `max_hops` allows it.
fn packets_from_afar_are_refused(subject: Software) -> Result<()> {
    let case = Case::new(subject)?;
    let (own, from_afar) = sessions("", "ttl 254");
    let start = SystemTime::now();
    let strong = case.subject(&own, "")?;
    let _router = case.router(&from_afar)?;
    ensure!(wait_for_up(&strong, start).is_err(), "a TTL of 254 was taken");
    let (tolerant, _) = sessions("max_hops 1", "");
    let asked = strong.reload(&case.configuration(&tolerant, ""))?;
    wait_for_up(&strong, asked).map(drop)
}

/// A reload leaves a session as it is that stays as it was, and drops one that is gone.
fn reload_keeps_the_session(subject: Software) -> Result<()> {
    let case = Case::new(subject)?;
    let (own, of_router) = sessions("", "");
    let (own, of_router) = (patient(&own), patient(&of_router));
    let start = SystemTime::now();
    let strong = case.subject(&own, "")?;
    let router = case.router(&of_router)?;
    wait_for_up(&strong, start)?;
    let master = case.wait_for_subject(start)?;
    let more = format!(
        "{own}{}",
        patient(&session("192.0.2.1", "192.0.2.8", "")).replace("bfd_instance router", "bfd_instance other")
    );
    strong.reload(&case.configuration(&more, ""))?;
    std::thread::sleep(PATIENT_DETECTION_TIME * 2);
    let fell = router.process().log_text().contains("Entering Down state");
    ensure!(!fell, "the session went down: {}", router.process().log_text());
    case.pair
        .assert_only_master(&case.pair.strong, &case.pair.weak, master + LATENESS)?;
    let asked = strong.reload(&case.pair.configuration(STRONG, ""))?;
    router.wait_for_log(
        "(router) Entering Down state",
        asked,
        PATIENT_DETECTION_TIME + 2 * LATENESS,
    )?;
    case.pair.wait_for_address(&case.pair.strong, true)
}

/// The end of the process that runs the sessions is no reason to give up addresses: the router still answers.
fn killed_bfd_process_costs_no_address(subject: Software) -> Result<()> {
    let case = Case::new(subject)?;
    let (own, of_router) = sessions("", "");
    let start = SystemTime::now();
    let strong = case.subject(&own, "")?;
    let router = case.router(&of_router)?;
    wait_for_up(&strong, start)?;
    let master = case.wait_for_subject(start)?;
    let before = strong.role(Role::Bfd)?;
    let killed = strong.kill_role(Role::Bfd)?;
    strong.wait_for_role(Role::Bfd, Some(before), 3 * LATENESS)?;
    wait_for_up(&strong, killed)?;
    wait_for_up(&router, killed)?;
    case.pair
        .assert_only_master(&case.pair.strong, &case.pair.weak, master + LATENESS)
}

/// A router that is gone when the process comes back is missed, too.
fn killed_bfd_process_still_finds_a_dead_router(subject: Software) -> Result<()> {
    let case = Case::new(subject)?;
    let (own, of_router) = sessions("", "");
    let start = SystemTime::now();
    let strong = case.subject(&own, "")?;
    let router = case.router(&of_router)?;
    wait_for_up(&router, start)?;
    case.wait_for_subject(start)?;
    // Stopped, it cannot find out before it is killed.
    kill(strong.role(Role::Bfd)?, Signal::SIGSTOP)?;
    router.kill()?;
    let killed = strong.kill_role(Role::Bfd)?;
    strong.wait_for_log("(VI_1) Entering FAULT STATE", killed, COMING_UP + LATENESS)?;
    case.pair.wait_for_address(&case.pair.strong, false)
}

/// A VRRP process that comes back learns at once which sessions are up.
fn restarted_vrrp_process_learns_sessions(subject: Software) -> Result<()> {
    let case = Case::new(subject)?;
    let (own, of_router) = sessions("", "");
    let start = SystemTime::now();
    let strong = case.subject(&own, "")?;
    let router = case.router(&of_router)?;
    wait_for_up(&router, start)?;
    case.wait_for_subject(start)?;
    let killed = strong.kill_role(Role::Vrrp)?;
    case.pair
        .wait_for_master(&case.pair.strong, killed + LATENESS, INTERVAL + master_down(STRONG))?;
    let router_died = end(&router)?;
    strong.wait_for_log("(VI_1) Entering FAULT STATE", router_died, DETECTION_TIME + LATENESS)?;
    Ok(())
}

/// Over routers, on port 4784 (RFC 5883); keepalived 2.2.7 does not know it, so both ends are the subject.
fn session_over_routers(subject: Software) -> Result<()> {
    let case = Case::new(subject)?;
    let (own, of_router) = sessions(
        "multihop true\n    max_hops 5",
        "multihop true\n    max_hops 5\n    ttl 251",
    );
    let start = SystemTime::now();
    let strong = case.subject(&own, "")?;
    let router = Daemon::start(subject, &case.router, &of_router)?;
    wait_for_up(&strong, start)?;
    wait_for_up(&router, start)?;
    let udp = case.pair.strong.proc_net("udp")?;
    ensure!(udp.contains(":12B0 "), "nobody listens to port 4784: {udp}");
    case.wait_for_subject(start)?;
    let killed = end(&router)?;
    strong.wait_for_log("(router) Entering Down state", killed, DETECTION_TIME + LATENESS)?;
    Ok(())
}

/// An address that comes later is used when it comes.
fn source_that_comes_later_is_waited_for(subject: Software) -> Result<()> {
    let case = Case::new(subject)?;
    let own = session("192.0.2.11", "192.0.2.9", "");
    let start = SystemTime::now();
    let strong = case.subject(&own, "")?;
    let router = case.router(&session("192.0.2.9", "192.0.2.11", ""))?;
    strong.wait_for_log("192.0.2.11", start, LATENESS * 2)?;
    let added = SystemTime::now();
    case.pair
        .strong
        .ip(&["address add 192.0.2.11/24 dev eth0".to_owned()])?;
    wait_for_up(&strong, added)?;
    wait_for_up(&router, added).map(drop)
}

/// Silence for the other end's multiplier times the longer of our `min_rx` and its `min_tx` (RFC 5880 section 6.8.4), in both
/// directions, which differ here in everything.
fn detection_time_is_negotiated(subject: Software) -> Result<()> {
    let with = |session: String, times: [u32; 3]| {
        let [min_tx, min_rx, multiplier] = times;
        session
            .replace("min_tx 50", &format!("min_tx {min_tx}"))
            .replace("min_rx 50", &format!("min_rx {min_rx}"))
            .replace("multiplier 5", &format!("multiplier {multiplier}"))
    };
    let (own, of_router) = sessions("", "");
    let (own, of_router) = (with(own, [100, 300, 3]), with(of_router, [200, 500, 5]));
    // The last packet may have left an interval before the end.
    let ensure_took = |killed: SystemTime, fell: SystemTime, seconds: f64, interval: f64| {
        let silence = seconds_between(killed, fell);
        println!("down after {silence:.3} s of {seconds} s");
        let lateness = LATENESS + load::excuse(killed, fell);
        let range = seconds - interval - 0.02..seconds + lateness.as_secs_f64();
        ensure!(
            range.contains(&silence),
            "down after {silence:.3} s instead of {seconds} s"
        );
        Ok(())
    };
    for router_dies in [true, false] {
        let case = Case::new(subject)?;
        let start = SystemTime::now();
        let strong = case.subject(&own, "")?;
        let router = case.router(&of_router)?;
        // Both settle on other times once they are up.
        let up = wait_for_up(&strong, start)?.max(wait_for_up(&router, start)?);
        case.ensure_status(&strong, &["detects a failure after 1500.000 ms"])?;
        case.pair.onlooker.wait_for("an advert", up, COMING_UP, |seen| {
            seen.is_advert_of(&case.pair.strong, |_| true)
        })?;
        let bound = Duration::from_secs(3);
        if router_dies {
            let killed = end(&router)?;
            let fell = strong.wait_for_log("(router) Entering Down state", killed, bound)?;
            ensure_took(killed, fell, 1.5, 0.3)?;
        } else {
            let killed = end(&strong)?;
            let fell = router.wait_for_log("(router) Entering Down state", killed, bound)?;
            ensure_took(killed, fell, 1.5, 0.5)?;
        }
    }
    Ok(())
}

/// How many datagrams a node has sent.
fn datagrams_sent(node: &Node) -> Result<u64> {
    let counters = node.proc_net("snmp")?;
    let mut lines = counters.lines().filter_map(|line| line.strip_prefix("Udp: "));
    let (names, values) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    let sent = names
        .split(' ')
        .zip(values.split(' '))
        .find(|(name, _)| *name == "OutDatagrams");
    Ok(sent.map_or("", |(_, value)| value).parse()?)
}

/// Without an answer a session sends each `idle_tx`, up to a quarter earlier (RFC 5880 section 6.8.7).
fn idle_tx_paces_a_session_that_is_not_up(subject: Software) -> Result<()> {
    for (idle_tx, count) in [(1_000, 7..=11), (3_000, 2..=4)] {
        let case = Case::new(subject)?;
        let own = session("192.0.2.1", "192.0.2.9", &format!("idle_tx {idle_tx}"));
        let strong = case.subject(&own, "")?;
        strong.wait_for_role(Role::Bfd, None, COMING_UP)?;
        let first = datagrams_sent(&case.pair.strong)?;
        wait::until("the first packet", COMING_UP, || {
            datagrams_sent(&case.pair.strong).is_ok_and(|sent| sent > first)
        })?;
        let first = datagrams_sent(&case.pair.strong)?;
        std::thread::sleep(Duration::from_secs(8));
        let sent = datagrams_sent(&case.pair.strong)? - first;
        ensure!(count.contains(&sent), "idle_tx {idle_tx}: {sent} packets in 8 s");
    }
    Ok(())
}

/// The weight of a session counts where the line that tracks it has none.
fn weight_of_the_session_is_the_default(subject: Software) -> Result<()> {
    let case = Case::new(subject)?;
    let (own, of_router) = sessions("weight -60", "");
    let start = SystemTime::now();
    let router = case.router(&of_router)?;
    let strong = case.subject(&own, "")?;
    wait_for_up(&strong, start)?;
    let master = case.wait_for_subject(start)?;
    case.wait_for_priority(master, STRONG)?;
    let killed = end(&router)?;
    strong.wait_for_log("(router) Entering Down state", killed, DETECTION_TIME + LATENESS)?;
    case.wait_for_priority(killed, STRONG - 60)
}

/// With `vrrp` a session speaks to VRRP only, with `checker` to the checker only: nothing can track it.
fn sessions_have_an_audience(subject: Software) -> Result<()> {
    let case = Case::new(subject)?;
    let (own, of_router) = sessions("vrrp", "");
    let start = SystemTime::now();
    let router = case.router(&of_router)?;
    let strong = case.subject(&own, "")?;
    wait_for_up(&strong, start)?;
    case.wait_for_subject(start)?;
    let killed = end(&router)?;
    case.pair.wait_for_address(&case.pair.strong, false)?;
    strong.wait_for_log("(router) Entering Down state", killed, LATENESS)?;
    drop(strong);

    let case = Case::new(subject)?;
    let (own, _) = sessions("checker", "");
    let start = SystemTime::now();
    let _strong = case.subject(&own, "")?;
    case.wait_for_subject(start).map(drop)
}

/// What we send has the TTL of `ttl`: a router that wants a direct neighbour hears nothing with 254.
fn ttl_is_what_we_send(subject: Software) -> Result<()> {
    for (of_router, is_heard) in [("", false), ("max_hops 1", true)] {
        let case = Case::new(subject)?;
        let (own, of_router) = sessions("ttl 254", of_router);
        let start = SystemTime::now();
        let _strong = case.subject(&own, "")?;
        let router = case.router(&of_router)?;
        ensure!(wait_for_up(&router, start).is_ok() == is_heard, "heard: {}", !is_heard);
    }
    Ok(())
}

/// Over IPv6 the keyword is `hoplimit` for those who like it.
fn hoplimit_is_what_we_send(subject: Software) -> Result<()> {
    let case = Case::new(subject)?;
    let start = SystemTime::now();
    let _strong = case.subject(&session("fd00::1", "fd00::9", "hoplimit 62"), "")?;
    let router = case.router(&session("fd00::9", "fd00::1", ""))?;
    ensure!(wait_for_up(&router, start).is_err(), "a hop limit of 62 was taken");
    let asked = router.reload(&session("fd00::9", "fd00::1", "max_hops 2"))?;
    wait_for_up(&router, asked).map(drop)
}

/// Other times at a reload are negotiated while the session stays up.
fn reload_changes_the_times_of_a_session(subject: Software) -> Result<()> {
    let case = Case::new(subject)?;
    // Long enough not to be lost on a busy machine.
    let [own, of_router] = <[String; 2]>::from(sessions("", "")).map(|it| it.replace("multiplier 5", "multiplier 20"));
    let start = SystemTime::now();
    let strong = case.subject(&own, "")?;
    let router = case.router(&of_router)?;
    wait_for_up(&strong, start)?;
    wait_for_up(&router, start)?;
    case.wait_for_subject(start)?;
    let patient = own.replace("multiplier 20", "multiplier 30");
    strong.reload(&case.configuration(&patient, ""))?;
    std::thread::sleep(DETECTION_TIME * 8);
    let fell = router.process().log_text().contains("Entering Down state");
    ensure!(!fell, "the session went down: {}", router.process().log_text());
    let killed = end(&strong)?;
    let fell = router.wait_for_log("(router) Entering Down state", killed, Duration::from_secs(3))?;
    let silence = seconds_between(killed, fell);
    let lateness = (LATENESS + load::excuse(killed, fell)).as_secs_f64();
    ensure!(
        (1.4..1.6 + lateness).contains(&silence),
        "down after {silence:.3} s instead of 1.5 s"
    );
    Ok(())
}

mod keepalived {
    bed::cases!(peers Keepalived; lost_session_hands_over_before_any_advert_is_missed lost_session_moves_the_priority
        reverse_turns_it_round passive_waits_to_be_spoken_to session_over_ipv6 session_without_a_source
        packets_from_afar_are_refused reload_keeps_the_session detection_time_is_negotiated
        idle_tx_paces_a_session_that_is_not_up weight_of_the_session_is_the_default sessions_have_an_audience
        ttl_is_what_we_send hoplimit_is_what_we_send reload_changes_the_times_of_a_session
        killed_bfd_process_still_finds_a_dead_router);
}

mod holdfast {
    bed::cases!(peers Holdfast; lost_session_hands_over_before_any_advert_is_missed lost_session_moves_the_priority
        reverse_turns_it_round passive_waits_to_be_spoken_to session_over_ipv6 session_without_a_source
        packets_from_afar_are_refused reload_keeps_the_session detection_time_is_negotiated
        idle_tx_paces_a_session_that_is_not_up weight_of_the_session_is_the_default sessions_have_an_audience
        ttl_is_what_we_send hoplimit_is_what_we_send reload_changes_the_times_of_a_session
        killed_bfd_process_costs_no_address
        killed_bfd_process_still_finds_a_dead_router restarted_vrrp_process_learns_sessions
        session_over_routers source_that_comes_later_is_waited_for);
}
