//! SNMP as a whole: what managers see of the daemon itself, and what becomes of it all when the master agent comes late, goes,
//! hangs. keepalived goes first as the subject where it takes part.

use std::fs;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail, ensure};
use bed::daemon::{Daemon, Software};
use bed::node::Node;
use bed::pair::{Pair, STRONG, Wire};
use bed::snmp::{AGENT_SOCKET, Agent, KEEPALIVED, TrapReceiver, difference};
use bed::wait;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// snmpd, daemons and walks on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// How long adverts are watched while the agent hangs.
const WATCHED: Duration = Duration::from_secs(12);

/// Every setting that KEEPALIVED-MIB 1 shows, in two states.
const GLOBALS: [&str; 2] = [
    "router_id director-1
    notification_email { first@example.org second@example.org }
    notification_email_from director@example.org
    smtp_server 192.0.2.25 2525
    smtp_connect_timeout 7",
    "router_id \"a director\"
    smtp_server 2001:db8::25
    smtp_alert true
    smtp_alert_vrrp false
    smtp_alert_checker true
    no_email_faults
    enable_traps
    lvs_flush
    lvs_flush_on_stop VS
    dynamic_interfaces",
];

/// Below KEEPALIVED-MIB 1.
const VERSION: &str = ".1.1.0 = ";
const NEW_IN_2_4: &str = ".1.12.0 = ";

fn configuration(pair: &Pair, global: &str) -> String {
    let instance = pair.configuration(STRONG, "");
    format!("global_defs {{\n    {global}\n}}\n{instance}")
}

fn served(pair: &Pair, more: &str) -> String {
    let global = format!("snmp_socket {AGENT_SOCKET}\n    enable_snmp_vrrp\n    {more}");
    configuration(pair, &global)
}

/// Waits until the agent knows of something below KEEPALIVED-MIB `part`, or of nothing any more.
fn wait_for_part(agent: &Agent<'_>, part: u32, is_there: bool) -> Result<()> {
    let root = format!("{KEEPALIVED}.{part}");
    let what = format!("part {part} of the MIB, there: {is_there}");
    wait::until(&what, PATIENCE, || {
        agent.walk(&root).is_ok_and(|walk| walk.is_empty() != is_there)
    })
}

/// The walk of KEEPALIVED-MIB 1.
fn walk_of_globals(software: Software, global: &str) -> Result<Vec<(String, String)>> {
    let pair = Pair::new(Wire::V2Multicast)?;
    let agent = Agent::start(&pair.strong)?;
    let _daemon = Daemon::start(software, &pair.strong, &served(&pair, global))?;
    wait_for_part(&agent, 2, true)?;
    agent.walk(&format!("{KEEPALIVED}.1"))
}

#[test]
#[ignore = "needs root: cargo xtask test peers"]
fn managers_see_the_daemon_as_with_keepalived() -> Result<()> {
    for global in GLOBALS {
        let theirs = walk_of_globals(Software::Keepalived, global)?;
        ensure!(theirs.len() >= 15, "keepalived shows {theirs:?}");
        let ours = walk_of_globals(Software::Holdfast, global)?;
        let mut different = difference(&theirs, &ours);
        different.retain(|line| !line.contains(VERSION) && !line.contains(NEW_IN_2_4));
        ensure!(different.is_empty(), "{different:#?}");
    }
    Ok(())
}

/// An agent that is not there at the start is found when it comes, and again after it was killed.
fn an_agent_that_comes_and_goes_is_found(subject: Software) -> Result<()> {
    let pair = Pair::new(Wire::V2Multicast)?;
    let node = &pair.strong;
    let daemon = Daemon::start(subject, node, &served(&pair, ""))?;
    pair.wait_for_address_within(node, true, PATIENCE)?;
    let agent = Agent::start(node)?;
    wait_for_part(&agent, 1, true)?;
    agent.process().signal(Signal::SIGKILL)?;
    agent.process().wait(PATIENCE)?;
    let agent = Agent::start(node)?;
    wait_for_part(&agent, 2, true)?;
    ensure!(daemon.process().ended()?.is_none(), "the director ended");
    Ok(())
}

/// An agent that takes no word holds up neither the adverts nor the farewell.
fn an_agent_that_hangs_holds_nobody_up(subject: Software) -> Result<()> {
    let pair = Pair::new(Wire::V2Multicast)?;
    let node = &pair.strong;
    let agent = Agent::start(node)?;
    let daemon = Daemon::start(subject, node, &served(&pair, "enable_traps"))?;
    wait_for_part(&agent, 2, true)?;
    pair.wait_for_address_within(node, true, PATIENCE)?;
    agent.process().signal(Signal::SIGSTOP)?;
    let since = SystemTime::now();
    // Questions and answers that do not come fall into this time; nothing shall happen in it.
    std::thread::sleep(WATCHED);
    let last = SystemTime::now();
    pair.assert_steady(node, since)?;
    let (stopped, _) = daemon.stop()?;
    let farewell = pair.onlooker.wait_for("a farewell", last, PATIENCE, |sighting| {
        sighting.is_advert_of(node, |priority| priority == 0)
    })?;
    let took = farewell.when.duration_since(stopped).unwrap_or_default();
    ensure!(took < Duration::from_secs(3), "a farewell after {took:?}");
    Ok(())
}

/// `-x` serves everything, and `-A` counts more than the file.
fn the_command_line_switches_it_on(subject: Software) -> Result<()> {
    let pair = Pair::new(Wire::V2Multicast)?;
    let node = &pair.strong;
    let agent = Agent::start(node)?;
    let text = configuration(&pair, "snmp_socket unix:/run/nobody");
    let _daemon = Daemon::start_with(subject, node, &text, &["-x", "-A", AGENT_SOCKET])?;
    wait_for_part(&agent, 1, true)?;
    wait_for_part(&agent, 2, true)?;
    let rfcs = || [".1.3.6.1.2.1.68", ".1.3.6.1.2.1.207"].map(|root| agent.walk(root).is_ok_and(|it| !it.is_empty()));
    wait::until("the MIBs of the RFCs", PATIENCE, || rfcs() == [true, true])
}

/// keepalived cannot: what was switched off stays off.
fn reloads_switch_it_off_and_on(subject: Software) -> Result<()> {
    let pair = Pair::new(Wire::V2Multicast)?;
    let node = &pair.strong;
    let agent = Agent::start(node)?;
    let daemon = Daemon::start(subject, node, &configuration(&pair, "router_id off"))?;
    pair.wait_for_address_within(node, true, PATIENCE)?;
    for _ in 0..2 {
        daemon.reload(&served(&pair, "router_id on"))?;
        wait_for_part(&agent, 2, true)?;
        daemon.reload(&configuration(&pair, "router_id off"))?;
        wait_for_part(&agent, 2, false)?;
        wait_for_part(&agent, 1, false)?;
    }
    // Only some of it, and then under another name.
    daemon.reload(&configuration(
        &pair,
        &format!("snmp_socket {AGENT_SOCKET}\n    enable_snmp_rfcv2"),
    ))?;
    wait_for_part(&agent, 1, true)?;
    wait_for_part(&agent, 2, false)?;
    daemon.reload(&served(&pair, "router_id other"))?;
    wait_for_part(&agent, 2, true)?;
    let name = format!("{KEEPALIVED}.1.2");
    wait::until("the new name", PATIENCE, || {
        agent
            .walk(&name)
            .is_ok_and(|walk| walk.iter().any(|(_, value)| value.contains("other")))
    })
}

/// The SNMP process of a Holdfast.
fn snmp_process(daemon: &Daemon<'_>) -> Result<Pid> {
    for pid in daemon.process().descendants() {
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        if environment
            .split(|byte| *byte == 0)
            .any(|variable| variable == b"HOLDFAST_ROLE=snmp")
        {
            return Ok(pid);
        }
    }
    bail!("no SNMP process")
}

fn field(pid: Pid, name: &str) -> Result<String> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    Ok(line.with_context(|| name.to_owned())?.trim().to_owned())
}

/// It runs without rights, and its death costs nothing.
fn the_process_has_no_rights_and_is_missed_by_nobody(subject: Software) -> Result<()> {
    let pair = Pair::new(Wire::V2Multicast)?;
    let node = &pair.strong;
    let agent = Agent::start(node)?;
    let daemon = Daemon::start(subject, node, &served(&pair, ""))?;
    wait_for_part(&agent, 2, true)?;
    pair.wait_for_address_within(node, true, PATIENCE)?;
    let former = snmp_process(&daemon)?;
    for name in ["CapEff:", "CapPrm:", "CapInh:", "CapBnd:"] {
        ensure!(
            field(former, name)? == "0000000000000000",
            "{name} {}",
            field(former, name)?
        );
    }
    ensure!(
        field(former, "Uid:")? == ["65534"; 4].join("\t"),
        "{}",
        field(former, "Uid:")?
    );
    let since = SystemTime::now();
    kill(former, Signal::SIGKILL)?;
    wait::until("another process", PATIENCE, || {
        snmp_process(&daemon).is_ok_and(|pid| pid != former)
    })?;
    wait_for_part(&agent, 2, true)?;
    wait::until("the status", PATIENCE, || {
        daemon
            .status()
            .is_ok_and(|text| text.contains("snmp: ") && text.contains("connected"))
    })?;
    pair.assert_steady(node, since)
}

/// The first change comes before there is a session, the last one when everything ends: both are told.
fn the_first_and_the_last_change_are_told(subject: Software) -> Result<()> {
    let pair = Pair::new(Wire::V2Multicast)?;
    let node: &Node = &pair.strong;
    let agent = Agent::start(node)?;
    let receiver = TrapReceiver::start(node)?;
    let daemon = Daemon::start(subject, node, &served(&pair, "enable_traps\n    router_id director-1"))?;
    wait_for_part(&agent, 2, true)?;
    pair.wait_for_address_within(node, true, PATIENCE)?;
    daemon.stop()?;
    // Its clock first, then which trap it is, then its objects, the state among them.
    let states = || -> Vec<String> {
        let traps = receiver.traps().into_iter();
        let state = |trap: Vec<(String, String)>| {
            let (_, value) = trap
                .into_iter()
                .find(|(oid, _)| oid.starts_with(&format!("{KEEPALIVED}.2.3.1.4")))?;
            value.chars().rfind(char::is_ascii_digit).map(String::from)
        };
        traps.filter_map(state).collect()
    };
    wait::until("a trap of the end", PATIENCE, || {
        states().last().is_some_and(|state| state == "5")
    })
    .with_context(|| receiver.log_text())?;
    // Backup, master, shutdown.
    ensure!(states() == ["1", "2", "5"], "{:?}", states());
    Ok(())
}

mod keepalived {
    bed::cases!(peers Keepalived; an_agent_that_comes_and_goes_is_found an_agent_that_hangs_holds_nobody_up
        the_command_line_switches_it_on the_first_and_the_last_change_are_told);
}

mod holdfast {
    bed::cases!(peers Holdfast; an_agent_that_comes_and_goes_is_found an_agent_that_hangs_holds_nobody_up
        the_command_line_switches_it_on reloads_switch_it_off_and_on
        the_process_has_no_rights_and_is_missed_by_nobody the_first_and_the_last_change_are_told);
}
