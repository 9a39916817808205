//! What a director tells the world: FIFOs, their scripts, mail, the scripts of its own life. Real keepalived is the
//! subject first.

use std::io::Read;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::time::{Duration, SystemTime};

use anyhow::{Result, ensure};
use bed::daemon::{Daemon, Software};
use bed::node::Node;
use bed::pair::{LATENESS, Pair, STRONG, Wire, master_down};
use bed::relay::Relay;
use bed::wait;

/// A configuration whose instance is in a group, with these lines in `global_defs`.
fn configuration(pair: &Pair, global: &str, instance: &str) -> String {
    format!(
        "global_defs {{\n{global}\n}}\nvrrp_sync_group G {{\n    group {{\n        VI_1\n    }}\n    smtp_alert\n}}\n{}",
        pair.configuration(STRONG, instance)
    )
}

fn write_script(node: &Node, path: &str, text: &str) -> Result<()> {
    let path = node.path(path);
    std::fs::write(&path, format!("#!/bin/sh\n{text}\n"))?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755))?;
    Ok(())
}

fn text_of(node: &Node, path: &str) -> String {
    std::fs::read_to_string(node.path(path)).unwrap_or_default()
}

/// Lines of one event that come from several subjects may come in any order.
fn sorted(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

/// Each change is one line in both FIFOs; one that is made by the daemon goes with it, one that was there stays.
fn fifos_are_told_every_state(subject: Software) -> Result<()> {
    let pair = Pair::new(Wire::V2Multicast)?;
    let node = &pair.strong;
    write_script(node, "/run/reader.sh", "cat \"$1\" >> /run/read-by-script")?;
    node.run("mkfifo", &["-m", "600", "/run/there.fifo"])?;
    let global = "script_user root\n\
        notify_fifo /run/made.fifo\nnotify_fifo_script /run/reader.sh\n\
        vrrp_notify_fifo /run/there.fifo\nlvs_notify_fifo /run/lvs.fifo";
    let daemon = Daemon::start(subject, node, &configuration(&pair, global, ""))?;
    pair.wait_for_master(node, SystemTime::UNIX_EPOCH, master_down(STRONG))?;
    // The other one is read when all is over: it kept the lines.
    let mut there = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(node.path("/run/there.fifo"))?;
    let made = node.path("/run/made.fifo").metadata()?;
    ensure!(
        made.file_type().is_fifo() && made.permissions().mode() & 0o777 == 0o600,
        "the FIFO that was made: {made:?}"
    );
    let told = || text_of(node, "/run/read-by-script");
    wait::until("the group's line", LATENESS, || told().contains("GROUP \"G\" MASTER"))?;
    daemon.stop()?;
    let wanted = sorted(
        "INSTANCE \"VI_1\" BACKUP 150\nGROUP \"G\" BACKUP 0\nINSTANCE \"VI_1\" MASTER 150\nGROUP \"G\" MASTER 0\n\
         INSTANCE \"VI_1\" STOP 150\nGROUP \"G\" STOP 0\n",
    );
    // keepalived ends the script before it writes its last lines.
    if subject == Software::Holdfast {
        let outcome = wait::until("the last lines", LATENESS, || sorted(&told()) == wanted);
        ensure!(outcome.is_ok(), "the script read {:?}", told());
    }
    let mut buffer = [0; 4096];
    let length = there.read(&mut buffer)?;
    let kept = String::from_utf8_lossy(buffer.get(..length).unwrap_or_default()).into_owned();
    ensure!(sorted(&kept) == wanted, "the FIFO that was there kept {kept:?}");
    ensure!(!node.path("/run/made.fifo").exists(), "the FIFO that was made was left");
    ensure!(node.path("/run/there.fifo").exists(), "the FIFO that was there went");
    Ok(())
}

/// The relay gets a mail for each change, with keepalived's headers and words.
fn mail_tells_every_state(subject: Software) -> Result<()> {
    let pair = Pair::new(Wire::V2Multicast)?;
    let relay = Relay::start(&pair.weak)?;
    let global = "router_id lb1\nsmtp_server 192.0.2.2\nsmtp_connect_timeout 5\nsmtp_helo_name lb1.example.org\n\
        notification_email_from lb1@example.org\n\
        notification_email {\nops@example.org\ntwo@example.org\n}";
    let daemon = Daemon::start(subject, &pair.strong, &configuration(&pair, global, "smtp_alert"))?;
    pair.wait_for_master(&pair.strong, SystemTime::UNIX_EPOCH, master_down(STRONG))?;
    wait::until("mail about the master", Duration::from_secs(3), || {
        relay.mail().len() >= 4
    })?;
    daemon.stop()?;
    // keepalived 2.2.7 ends before it has sent these, or most of them.
    let tells_its_end = subject == Software::Holdfast;
    if tells_its_end {
        wait::until("mail about the end", Duration::from_secs(3), || relay.mail().len() >= 6)?;
    }
    let mails = relay.mail();
    let mut told: Vec<(String, String)> = mails
        .iter()
        .map(|mail| (mail.header("Subject"), mail.body().to_owned()))
        .filter(|(subject, _)| tells_its_end || !subject.ends_with(" - Stopping"))
        .collect();
    told.sort();
    let words = |kind: &str, event: &str, text: &str| (format!("[lb1] VRRP {kind} - {event}"), format!("=> {text} <="));
    let mut wanted = vec![
        words(
            "Instance VI_1",
            "Entering BACKUP state",
            "VRRP Instance is no longer owning VRRP VIPs",
        ),
        words(
            "Group G",
            "Entering BACKUP state",
            "All VRRP group instances are now in BACKUP state",
        ),
        words(
            "Instance VI_1",
            "Entering MASTER state",
            "VRRP Instance is now owning VRRP VIPs",
        ),
        words(
            "Group G",
            "Entering MASTER state",
            "All VRRP group instances are now in MASTER state",
        ),
        words("Instance VI_1", "Stopping", "VRRP Instance stopping"),
        words("Group G", "Stopping", "All VRRP group instances are now stopping"),
    ];
    wanted.truncate(if tells_its_end { 6 } else { 4 });
    wanted.sort();
    ensure!(told == wanted, "mails: {told:#?}");
    for mail in &mails {
        let names: Vec<&str> = mail
            .text
            .lines()
            .map_while(|line| line.split(':').next())
            .take(5)
            .collect();
        ensure!(
            names == ["Date", "From", "Subject", "X-Mailer", "To"],
            "headers: {}",
            mail.text
        );
        ensure!(mail.header("From") == "lb1@example.org", "from {}", mail.header("From"));
        let envelope = [
            "MAIL FROM:<lb1@example.org>",
            "RCPT TO:<ops@example.org>",
            "RCPT TO:<two@example.org>",
        ];
        ensure!(mail.envelope == envelope, "envelope: {:?}", mail.envelope);
    }
    Ok(())
}

/// One script before everything and one after it.
fn life_scripts_run_first_and_last(subject: Software) -> Result<()> {
    let pair = Pair::new(Wire::V2Multicast)?;
    let node = &pair.strong;
    write_script(
        node,
        "/run/life.sh",
        "ip -4 -o address show dev eth0 | grep -c 192.0.2.200 >> /run/\"$1\"",
    )?;
    let global = "script_user root\nstartup_script \"/run/life.sh started\"\nshutdown_script \"/run/life.sh ended\"";
    let daemon = Daemon::start(subject, node, &configuration(&pair, global, ""))?;
    pair.wait_for_master(node, SystemTime::UNIX_EPOCH, master_down(STRONG))?;
    pair.wait_for_address(node, true)?;
    ensure!(
        text_of(node, "/run/started") == "0\n",
        "it ran {:?}",
        text_of(node, "/run/started")
    );
    daemon.reload(&configuration(&pair, global, ""))?;
    pair.next_advert(node, SystemTime::now())?;
    ensure!(text_of(node, "/run/ended").is_empty(), "it ran at a reload");
    daemon.stop()?;
    ensure!(text_of(node, "/run/started") == "0\n", "a reload started it again");
    ensure!(
        text_of(node, "/run/ended") == "0\n",
        "it ran {:?}, and the address was to be gone by then",
        text_of(node, "/run/ended")
    );
    Ok(())
}

bed::cases!(peers both;
    fifos_are_told_every_state
    mail_tells_every_state
    life_scripts_run_first_and_last
);
