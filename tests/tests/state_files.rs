//! The files that a signal or D-Bus asks for. Real keepalived is the subject first: what it writes is what is compared with.

use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, ensure};
use bed::bus::Bus;
use bed::daemon::{Daemon, Software};
use bed::node::Node;
use bed::pair::{Pair, STRONG, WEAK, Wire, master_down};
use bed::wait;
use nix::libc;
use nix::unistd::Pid;
use serde_json::Value;

/// A busy machine has written a file by then.
const PATIENCE: Duration = Duration::from_secs(15);

/// `SIGRTMIN+2`, as monitors write it, and `SIGRTMAX-1`.
const JSON_SIGNAL: i32 = 36;
const CLEAR_SIGNAL: i32 = 63;

/// What only keepalived 2.4 has.
const EXTENSION: &str = "Authentication Extension Errors:";

/// An instance with much to show, and one of version 3 on a virtual MAC.
fn configuration(pair: &Pair) -> String {
    let extra = "nopreempt
    garp_master_delay 3
    garp_master_refresh 60
    garp_lower_prio_delay 5
    notify_master \"/run/n.sh m\"
    notify_backup \"/run/n.sh b 'two words'\"
    notify \"/run/n.sh x\"
    smtp_alert
    track_interface {
        eth0 weight 5
    }
    virtual_ipaddress_excluded {
        192.0.2.202
        2001:db8::1/64
    }
    virtual_routes {
        203.0.113.0/24 via 192.0.2.254 dev eth0
    }
    virtual_rules {
        from 192.0.2.0/24 table 100 priority 500
    }";
    let second = "vrrp_instance VI_2 {
    interface eth1
    use_vmac vrrp.77
    version 3
    virtual_router_id 77
    priority 90
    advert_int 0.5
    preempt_delay 5
    virtual_ipaddress {
        198.51.100.200/24
    }
}
";
    format!(
        "global_defs {{\nscript_user root\n}}\n{}{second}",
        pair.configuration(STRONG, extra)
    )
}

fn write_script(node: &Node) -> Result<()> {
    let path = node.path("/run/n.sh");
    std::fs::write(&path, "#!/bin/sh\nexit 0\n")?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755))?;
    Ok(())
}

#[allow(unsafe_code)]
fn signal(pid: Pid, number: i32) -> Result<()> {
    // SAFETY: kill takes two numbers; nix has no names for real-time signals.
    ensure!(unsafe { libc::kill(pid.as_raw(), number) } == 0, "signal {number}");
    Ok(())
}

/// Asks for a file until it is there and whole, and takes it away.
fn ask(daemon: &Daemon<'_>, number: i32, name: &str) -> Result<String> {
    let path = daemon.node().path(name);
    signal(daemon.process().pid(), number)?;
    let mut text = String::new();
    wait::until(name, PATIENCE, || {
        text = std::fs::read_to_string(&path).unwrap_or_default();
        text.ends_with('\n')
    })?;
    let mode = path.metadata()?.permissions().mode() & 0o777;
    ensure!(mode == 0o600, "{name} has mode {mode:o}");
    std::fs::remove_file(&path)?;
    Ok(text)
}

/// Starts `subject`; its files come to be in `/run/tmp`, by its environment.
fn start<'a>(subject: Software, node: &'a Node, text: &str) -> Result<Daemon<'a>> {
    write_script(node)?;
    node.run("mkdir", &["-p", "/run/tmp"])?;
    Daemon::start_in_environment(subject, node, text, &[("TMPDIR", "/run/tmp")])
}

/// The same without what differs from one run to the next, and with names for numbers that only grow.
fn comparable(text: &str) -> Result<Value> {
    let mut whole: Value = serde_json::from_str(text)?;
    let instances = whole.as_array_mut().context("an array of instances")?;
    for instance in instances {
        let data = instance
            .get_mut("data")
            .and_then(Value::as_object_mut)
            .context("data")?;
        let transition = data
            .remove("last_transition")
            .and_then(|it| it.as_f64())
            .context("a time")?;
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs_f64();
        ensure!(
            (0.0..120.0).contains(&(now - transition)),
            "last transition {transition}, now {now}"
        );
        // Differences that are written down: the default of one, and the password of the other.
        data.remove("higher_prio_send_advert");
        data.remove("auth_data");
        let stats = instance
            .get_mut("stats")
            .and_then(Value::as_object_mut)
            .context("stats")?;
        stats.retain(|name, _| !name.starts_with("auth_ext_"));
        let sent = stats
            .remove("advert_sent")
            .and_then(|it| it.as_u64())
            .context("a number")?;
        ensure!(sent > 0, "sent {sent}");
    }
    Ok(whole)
}

/// The names in the order of the text.
fn names(text: &str) -> Vec<&str> {
    text.split('"')
        .zip(text.split('"').skip(1))
        .zip(text.split('"').skip(2))
        .filter(|((_, _), after)| after.starts_with(':'))
        .map(|((_, name), _)| name)
        .collect()
}

fn masters(pair: &Pair, subject: Software) -> Result<String> {
    // Nobody watches this one.
    pair.network().plug(&pair.strong, "lan", "eth1", &["198.51.100.1/24"])?;
    let daemon = start(subject, &pair.strong, &configuration(pair))?;
    pair.wait_for_master(&pair.strong, SystemTime::UNIX_EPOCH, master_down(STRONG))?;
    daemon.wait_for_log("(VI_2) Entering MASTER STATE", SystemTime::UNIX_EPOCH, PATIENCE)?;
    // Both have put their addresses there, and advertised.
    let second = "198.51.100.200".parse()?;
    wait::until("the second address", PATIENCE, || pair.strong.has(second))?;
    pair.next_advert(&pair.strong, SystemTime::now())?;
    ask(&daemon, JSON_SIGNAL, "/run/tmp/keepalived.json")
}

/// The same configuration, the same JSON: names, their order, values.
#[test]
#[ignore = "needs root: cargo xtask test peers"]
fn json_is_keepalived_s() -> Result<()> {
    let pair = Pair::new(Wire::V2Password)?;
    let theirs = masters(&pair, Software::Keepalived)?;
    let pair = Pair::new(Wire::V2Password)?;
    let ours = masters(&pair, Software::Holdfast)?;
    ensure!(
        comparable(&theirs)? == comparable(&ours)?,
        "keepalived:\n{theirs}\nHoldfast:\n{ours}"
    );
    let only_in_24 = |name: &&str| !name.starts_with("auth_ext_");
    let (their_names, our_names) = (names(&theirs), names(&ours));
    ensure!(
        their_names == our_names.into_iter().filter(only_in_24).collect::<Vec<_>>(),
        "in another order: keepalived:\n{theirs}\nHoldfast:\n{ours}"
    );
    ensure!(ours.contains("\"auth_data\":\"********\""), "the password: {ours}");
    // Readers in Go take these for whole numbers.
    ensure!(
        ours.contains("\"garp_delay\":3,") && ours.contains("\"adver_int\":0.5,"),
        "numbers: {ours}"
    );
    Ok(())
}

/// Statistics: lines, blanks, and what becomes of the counters.
fn statistics_are_written_and_cleared(subject: Software) -> Result<()> {
    let pair = Pair::new(Wire::V2Multicast)?;
    let _better = Daemon::start(Software::Keepalived, &pair.weak, &pair.configuration(STRONG, ""))?;
    pair.wait_for_master(&pair.weak, SystemTime::UNIX_EPOCH, master_down(STRONG))?;
    let daemon = start(subject, &pair.strong, &pair.configuration(WEAK, ""))?;
    daemon.wait_for_log("(VI_1) Entering BACKUP STATE", SystemTime::UNIX_EPOCH, PATIENCE)?;
    let usr2 = nix::sys::signal::Signal::SIGUSR2 as i32;
    let file = "/run/tmp/keepalived.stats";
    let mut text = String::new();
    wait::until("adverts to be counted", PATIENCE, || {
        text = ask(&daemon, usr2, file).unwrap_or_default();
        received(&text) >= 2
    })?;
    let lines: Vec<&str> = text.lines().collect();
    let extension = lines.iter().position(|line| line.trim() == EXTENSION);
    ensure!(extension.is_some() == (subject == Software::Holdfast), "{text}");
    let mut lines = lines;
    if let Some(place) = extension {
        lines.drain(place..place + 7);
    }
    let shown: Vec<String> = lines
        .iter()
        .map(|line| {
            if line.starts_with("    Received: ") {
                "    Received: N".to_owned()
            } else {
                (*line).to_owned()
            }
        })
        .collect();
    let wanted = "VRRP Instance: VI_1
  Advertisements:
    Received: N
    Sent: 0
  Became master: 0
  Released master: 0
  Packet Errors:
    Length: 0
    TTL: 0
    Invalid Type: 0
    Advertisement Interval: 0
    Address List: 0
  Authentication Errors:
    Invalid Type: 0
    Type Mismatch: 0
    Failure: 0
  Priority Zero:
    Received: N
    Sent: 0";
    ensure!(shown.join("\n") == wanted, "{text}");
    // This one still shows the counters, the next one begins anew.
    let before = received(&ask(&daemon, CLEAR_SIGNAL, file)?);
    let after = received(&ask(&daemon, usr2, file)?);
    ensure!(
        before >= 2 && after < before,
        "{before} adverts before it was cleared, {after} after"
    );
    Ok(())
}

/// The adverts that were counted.
fn received(text: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix("    Received: "));
    line.and_then(|number| number.parse().ok()).unwrap_or_default()
}

/// On D-Bus a call has its answer when the file is there.
fn statistics_are_asked_for_on_dbus(subject: Software) -> Result<()> {
    let pair = Pair::new(Wire::V2Multicast)?;
    let bus = Bus::start(&pair.strong)?;
    let text = format!("global_defs {{\nenable_dbus\n}}\n{}", pair.configuration(STRONG, ""));
    let _daemon = start(subject, &pair.strong, &text)?;
    pair.wait_for_master(&pair.strong, SystemTime::UNIX_EPOCH, master_down(STRONG))?;
    bus.wait_for_owner(true)?;
    let path = pair.strong.path("/run/tmp/keepalived.stats");
    for method in ["PrintStats", "PrintStatsClear"] {
        let call = format!("org.keepalived.Vrrp1.Vrrp.{method}");
        bus.call("/org/keepalived/Vrrp1/Vrrp", &call, &[])?;
        if subject == Software::Holdfast {
            ensure!(path.exists(), "{method} was answered before the file was there");
        }
        wait::until("the file", PATIENCE, || {
            std::fs::read_to_string(&path).is_ok_and(|text| text.contains("VRRP Instance: VI_1"))
        })?;
        std::fs::remove_file(&path)?;
    }
    Ok(())
}

/// Files may have other names and places; keepalived 2.4 reads the keywords and goes by its usual ones.
#[test]
#[ignore = "needs root: cargo xtask test peers"]
fn files_are_where_the_configuration_wants_them() -> Result<()> {
    let pair = Pair::new(Wire::V2Multicast)?;
    let text = format!(
        "global_defs {{\njson_version 2\njson_dump_file /run/mine.json\nstats_dump_file other.stats\n}}\n\
         vrrp_track_process init {{\nprocess cat\nquorum_max 4\nweight 3\n}}\n{}",
        pair.configuration(STRONG, "")
    );
    let daemon = start(Software::Holdfast, &pair.strong, &text)?;
    pair.wait_for_master(&pair.strong, SystemTime::UNIX_EPOCH, master_down(STRONG))?;
    let whole: Value = serde_json::from_str(&ask(&daemon, JSON_SIGNAL, "/run/mine.json")?)?;
    let name = whole.pointer("/vrrp/0/data/iname").and_then(Value::as_str);
    ensure!(name == Some("VI_1"), "{whole}");
    let process = whole.pointer("/track_process/0").context("a process")?;
    ensure!(
        process.get("process").and_then(Value::as_str) == Some("init"),
        "{process}"
    );
    ensure!(
        process.get("max_processes").and_then(Value::as_u64) == Some(4),
        "{process}"
    );
    let stats = ask(
        &daemon,
        nix::sys::signal::Signal::SIGUSR2 as i32,
        "/run/tmp/other.stats",
    )?;
    ensure!(stats.starts_with("VRRP Instance: VI_1\n"), "{stats}");
    Ok(())
}

bed::cases!(peers both;
    statistics_are_written_and_cleared
    statistics_are_asked_for_on_dbus
);
