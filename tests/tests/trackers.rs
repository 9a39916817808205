//! What instances track, on the wire: scripts and files that move the priority or lead to FAULT. keepalived goes first as
//! its own peer, which proves the test; then Holdfast beside keepalived.
//!
//! The waiting times are those of RFC 3768 section 6 and of the scripts; what may come on top is `LATENESS`.

use std::time::{Duration, SystemTime};

use anyhow::{Result, ensure};
use bed::daemon::{Daemon, Role, Software};
use bed::pair::{INTERVAL, LATENESS, Pair, STRONG, WEAK, Wire, master_down};
use bed::wait;
use nix::unistd::Pid;

/// From one run of a script to the next.
const TURN: Duration = Duration::from_secs(1);

/// More than what lies between the priorities of the two.
const LOSS: &str = "-60";

/// While this file is there, the script succeeds.
const HEALTHY: &str = "/run/healthy";

/// What a file tracker reads.
const VALUE: &str = "/run/value";

/// A pair whose better director tracks something.
struct Case {
    pair: Pair,
    subject: Software,
}

impl Case {
    fn new(subject: Software) -> Result<Self> {
        let pair = Pair::new(Wire::V2Multicast)?;
        std::fs::write(pair.strong.path(HEALTHY), "")?;
        Ok(Self { pair, subject })
    }

    /// Both directors, settled: the better one is master. `tracker` stands before the instance, `tracks` in it.
    fn start(&self, tracker: &str, tracks: &str) -> Result<(Daemon<'_>, Daemon<'_>)> {
        let pair = &self.pair;
        let strong = format!("{tracker}{}", pair.configuration(STRONG, tracks));
        let strong = Daemon::start(self.subject, &pair.strong, &strong)?;
        let weak = Daemon::start(Software::Keepalived, &pair.weak, &pair.configuration(WEAK, ""))?;
        pair.wait_for_master(&pair.strong, SystemTime::UNIX_EPOCH, TURN + master_down(STRONG))?;
        Ok((strong, weak))
    }

    fn set_healthy(&self, healthy: bool) -> Result<SystemTime> {
        let file = self.pair.strong.path(HEALTHY);
        if healthy {
            std::fs::write(file, "")?;
        } else {
            std::fs::remove_file(file)?;
        }
        Ok(SystemTime::now())
    }

    /// Writes a number as careful programs do: into another file that takes the name.
    fn set_value(&self, value: i32) -> Result<SystemTime> {
        let new = self.pair.strong.path("/run/value.new");
        std::fs::write(&new, format!("{value}\n"))?;
        std::fs::rename(new, self.pair.strong.path(VALUE))?;
        Ok(SystemTime::now())
    }

    fn weak_takes_over(&self, since: SystemTime, bound: Duration) -> Result<SystemTime> {
        let taken = self.pair.wait_for_master(&self.pair.weak, since, bound)?;
        self.pair.wait_for_address(&self.pair.strong, false)?;
        Ok(taken)
    }

    fn strong_comes_back(&self, since: SystemTime, bound: Duration) -> Result<SystemTime> {
        let taken = self.pair.wait_for_master(&self.pair.strong, since, bound)?;
        self.pair.wait_for_address(&self.pair.weak, false)?;
        Ok(taken)
    }

    /// Since `since`, the better director has said of itself that it is worth `priority`, and nothing else.
    fn ensure_priority(&self, since: SystemTime, priority: u8) -> Result<()> {
        let adverts = self.pair.onlooker.adverts_since(since);
        let own = adverts.iter().filter(|(seen, _)| seen.node == self.pair.strong.name());
        let said: Vec<u8> = own.map(|(_, advert)| advert.priority).collect();
        ensure!(
            !said.is_empty() && said.iter().all(|it| *it == priority),
            "said {said:?}, and is worth {priority}"
        );
        Ok(())
    }
}

/// A script, and the lines that track it.
fn script(command: &str, options: &str, weight: &str) -> (String, String) {
    let block = format!(
        "vrrp_script chk {{
    script \"{command}\"
    interval 1
    user root
    {options}
}}
"
    );
    (block, format!("track_script {{\n        chk {weight}\n    }}"))
}

fn test_of_file() -> String {
    format!("/usr/bin/test -f {HEALTHY}")
}

/// The master that loses more than the difference gives way to a peer that was worse, and takes over again later.
fn weighted_script_gives_way_and_comes_back(subject: Software) -> Result<()> {
    let case = Case::new(subject)?;
    let (block, line) = script(&test_of_file(), "", &format!("weight {LOSS}"));
    let (strong, _weak) = case.start(&block, &line)?;

    let failed = case.set_healthy(false)?;
    strong.wait_for_log("VRRP_Script(chk) failed", failed, TURN + LATENESS)?;
    let taken = case.weak_takes_over(failed, TURN + master_down(WEAK))?;

    let healed = case.set_healthy(true)?;
    strong.wait_for_log("VRRP_Script(chk) succeeded", healed, TURN + LATENESS)?;
    ensure!(healed > taken, "the order of things");
    let back = case.strong_comes_back(healed, TURN + master_down(STRONG))?;
    std::thread::sleep(INTERVAL * 2);
    case.ensure_priority(back, STRONG)?;
    case.pair
        .assert_only_master(&case.pair.strong, &case.pair.weak, back + LATENESS)
}

/// Without a weight failure is FAULT: the master resigns at once.
fn script_without_weight_is_a_fault(subject: Software) -> Result<()> {
    let case = Case::new(subject)?;
    let (block, line) = script(&test_of_file(), "", "");
    let (strong, _weak) = case.start(&block, &line)?;

    let failed = case.set_healthy(false)?;
    strong.wait_for_log("(VI_1) Entering FAULT STATE", failed, TURN + LATENESS)?;
    let farewell = case
        .pair
        .onlooker
        .wait_for("a priority 0 advert", failed, LATENESS, |seen| {
            seen.is_advert_of(&case.pair.strong, |priority| priority == 0)
        })?;
    case.weak_takes_over(farewell.when, INTERVAL)?;
    let healed = case.set_healthy(true)?;
    case.strong_comes_back(healed, TURN + master_down(STRONG)).map(drop)
}

/// A script that fails from the start keeps its instance from ever being master.
fn script_that_fails_from_the_start_is_never_master(subject: Software) -> Result<()> {
    let case = Case::new(subject)?;
    case.set_healthy(false)?;
    let (block, line) = script(&test_of_file(), "", "");
    let strong = format!("{block}{}", case.pair.configuration(STRONG, &line));
    let started = SystemTime::now();
    let _strong = Daemon::start(subject, &case.pair.strong, &strong)?;
    let weak = case.pair.configuration(WEAK, "");
    let _weak = Daemon::start(Software::Keepalived, &case.pair.weak, &weak)?;
    let taken = case.pair.wait_for_master(&case.pair.weak, started, master_down(WEAK))?;
    std::thread::sleep(INTERVAL * 3);
    case.pair.assert_only_master(&case.pair.weak, &case.pair.strong, taken)
}

/// `fall` and `rise`: single failures and successes change nothing.
fn fall_and_rise_are_counted(subject: Software) -> Result<()> {
    let case = Case::new(subject)?;
    let (block, line) = script(&test_of_file(), "fall 3\n    rise 2", "");
    let (strong, _weak) = case.start(&block, &line)?;
    let fault = "(VI_1) Entering FAULT STATE";
    let failed = case.set_healthy(false)?;
    let down = strong.wait_for_log(fault, failed, TURN * 3 + LATENESS)?;
    let waited = wait::seconds_between(failed, down);
    ensure!(
        waited > 2.0 * TURN.as_secs_f64(),
        "down after {waited:.2} s: that was no third failure"
    );
    let healed = case.set_healthy(true)?;
    let up = strong.wait_for_log("VRRP_Script(chk) succeeded", healed, TURN * 2 + LATENESS)?;
    // It was healed just after a turn, so the first success came a turn later.
    let waited = wait::seconds_between(healed, up);
    ensure!(
        waited > 1.5 * TURN.as_secs_f64(),
        "up after {waited:.2} s: that was no second success"
    );
    case.strong_comes_back(up, master_down(STRONG)).map(drop)
}

/// A script that hangs has failed when its time is over, and it is ended.
fn hanging_script_has_failed(subject: Software) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let case = Case::new(subject)?;
    let path = case.pair.strong.path("/run/check.sh");
    std::fs::write(&path, format!("#!/bin/sh\n[ -f {HEALTHY} ] || exec sleep 1000\n"))?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755))?;
    let (block, line) = script("/run/check.sh", "timeout 1", "");
    let (strong, _weak) = case.start(&block, &line)?;

    let hung = case.set_healthy(false)?;
    strong.wait_for_log("VRRP_Script(chk) timed", hung, TURN * 2 + LATENESS)?;
    case.weak_takes_over(hung, TURN * 2 + INTERVAL)?;
    let healed = case.set_healthy(true)?;
    case.strong_comes_back(healed, TURN * 3 + master_down(STRONG))?;
    wait::until("the end of the script that hung", TURN * 3, || {
        !strong.process().descendants().iter().any(|pid| {
            std::fs::read_to_string(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line.starts_with("sleep\0"))
        })
    })
}

/// The number in a file moves the priority at once, and a file that is gone counts as 0.
fn file_moves_the_priority(subject: Software) -> Result<()> {
    let case = Case::new(subject)?;
    case.set_value(0)?;
    let block = format!("track_file value {{\n    file {VALUE}\n    weight 2\n}}\n");
    let (_strong, _weak) = case.start(&block, "track_file {\n        value\n    }")?;

    let written = case.set_value(-30)?;
    case.weak_takes_over(written, master_down(WEAK))?;
    let removed = SystemTime::now();
    std::fs::remove_file(case.pair.strong.path(VALUE))?;
    let back = case.strong_comes_back(removed, master_down(STRONG))?;
    case.ensure_priority(back, STRONG)?;

    let written = case.set_value(20)?;
    let louder = case
        .pair
        .onlooker
        .wait_for("priority 190", written, INTERVAL + LATENESS, |seen| {
            seen.is_advert_of(&case.pair.strong, |priority| priority == 190)
        })?;
    std::thread::sleep(INTERVAL * 2);
    case.ensure_priority(louder.when, 190)
}

/// A number so low that it takes everything is a fault, and a group takes its members along.
fn file_leads_a_group_to_fault(subject: Software) -> Result<()> {
    let case = Case::new(subject)?;
    case.set_value(0)?;
    let block = format!(
        "track_file value {{\n    file {VALUE}\n    weight 0\n}}\n\
         vrrp_sync_group G {{\n    group {{\n        VI_1\n    }}\n    track_file {{\n        value\n    }}\n}}\n"
    );
    let (strong, _weak) = case.start(&block, "")?;
    let written = case.set_value(1)?;
    strong.wait_for_log("(VI_1) Entering FAULT STATE", written, LATENESS)?;
    case.weak_takes_over(written, INTERVAL)?;
    let cleared = case.set_value(0)?;
    case.strong_comes_back(cleared, master_down(STRONG)).map(drop)
}

/// With `sync_group_tracking_weight` a weight of the group counts for its member, and once.
fn weight_of_a_group_counts_once(subject: Software) -> Result<()> {
    let case = Case::new(subject)?;
    case.set_value(0)?;
    let block = format!(
        "track_file value {{\n    file {VALUE}\n    weight 1\n}}\n\
         vrrp_sync_group G {{\n    group {{\n        VI_1\n    }}\n    sync_group_tracking_weight\n    \
         track_file {{\n        value\n    }}\n}}\n"
    );
    let (_strong, _weak) = case.start(&block, "")?;
    let written = case.set_value(20)?;
    let changed = case
        .pair
        .onlooker
        .wait_for("another priority", written, INTERVAL + LATENESS, |seen| {
            seen.is_advert_of(&case.pair.strong, |priority| priority != STRONG)
        })?;
    std::thread::sleep(INTERVAL);
    case.ensure_priority(changed.when, STRONG + 20)
}

/// The process that speaks VRRP is killed while the script fails, and again while it succeeds: the new one knows of it.
fn restarted_vrrp_process_learns_results(subject: Software) -> Result<()> {
    let case = Case::new(subject)?;
    let (block, line) = script(&test_of_file(), "", "");
    let (strong, _weak) = case.start(&block, &line)?;
    let restart = || -> Result<SystemTime> {
        let former = strong.role(Role::Vrrp)?;
        let killed = strong.kill_role(Role::Vrrp)?;
        strong.wait_for_role(Role::Vrrp, Some(former), Duration::from_secs(3))?;
        Ok(killed)
    };
    let failed = case.set_healthy(false)?;
    let taken = case.weak_takes_over(failed, TURN + INTERVAL)?;
    restart()?;
    std::thread::sleep(master_down(STRONG) + INTERVAL);
    case.pair
        .assert_only_master(&case.pair.weak, &case.pair.strong, taken)?;

    let healed = case.set_healthy(true)?;
    case.strong_comes_back(healed, TURN + master_down(STRONG))?;
    let killed = restart()?;
    // Whether the peer took over meanwhile depends on how fast the process came back; in the end it is the better one.
    let settled = killed + master_down(WEAK) + TURN + master_down(STRONG) + LATENESS;
    std::thread::sleep(settled.duration_since(SystemTime::now()).unwrap_or_default());
    let since = SystemTime::now();
    std::thread::sleep(INTERVAL * 2);
    case.pair.assert_only_master(&case.pair.strong, &case.pair.weak, since)
}

/// A reload that changes the priority and the interval of a script keeps its result: no advert has a priority without it.
fn reload_keeps_results(subject: Software) -> Result<()> {
    let case = Case::new(subject)?;
    let (block, line) = script(&test_of_file(), "", "weight 20");
    let (strong, _weak) = case.start(&block, &line)?;
    let pair = &case.pair;
    let first = SystemTime::now();
    let with_script = pair.onlooker.wait_for("priority 170", first, TURN * 2, |seen| {
        seen.is_advert_of(&pair.strong, |priority| priority == 170)
    })?;
    let other = format!("{block}{}", pair.configuration(STRONG, &line)).replace("priority 150", "priority 160");
    let other = other.replace("interval 1\n", "interval 3\n");
    let asked = strong.reload(&other)?;
    pair.onlooker
        .wait_for("priority 180", asked, INTERVAL + LATENESS, |seen| {
            seen.is_advert_of(&pair.strong, |priority| priority == 180)
        })?;
    std::thread::sleep(INTERVAL * 3);
    let adverts = pair.onlooker.adverts_since(with_script.when);
    let said: Vec<u8> = adverts.iter().map(|(_, advert)| advert.priority).collect();
    ensure!(
        said.iter().all(|it| [170, 180].contains(it)),
        "the result was forgotten for a while: {said:?}"
    );
    pair.assert_only_master(&pair.strong, &pair.weak, with_script.when)
}

/// As many scripts as there are virtual routers on a link, and each of them hangs: no advert is late. keepalived 2.2 forks
/// in the process that speaks VRRP, so it is not asked.
fn hanging_scripts_by_the_hundred_disturb_nothing(subject: Software) -> Result<()> {
    const SCRIPTS: u32 = 255;
    let case = Case::new(subject)?;
    let block = |number| {
        format!(
            "vrrp_script chk{number} {{\n    script \"/bin/sleep 1000\"\n    interval 2\n    timeout 1\n    user root\n}}\n"
        )
    };
    let blocks: String = (1..=SCRIPTS).map(block).collect();
    let line = |number| format!("        chk{number} weight 1\n");
    let lines: String = (1..=SCRIPTS).map(line).collect();
    let since = SystemTime::now();
    let (strong, _weak) = case.start(&blocks, &format!("track_script {{\n{lines}    }}"))?;
    let since = case.pair.next_advert(&case.pair.strong, since)?;
    for number in 1..=SCRIPTS {
        let line = format!("VRRP_Script(chk{number}) timed_out");
        strong.wait_for_log(&line, SystemTime::UNIX_EPOCH, TURN * 5)?;
    }
    std::thread::sleep(INTERVAL * 6);
    case.pair
        .assert_only_master(&case.pair.strong, &case.pair.weak, since)?;
    case.ensure_priority(since, STRONG)
}

/// A clean stop waits for no script and leaves none behind.
fn stop_ends_running_scripts(subject: Software) -> Result<()> {
    let case = Case::new(subject)?;
    let block = "vrrp_script chk {\n    script \"/usr/bin/sleep 1000\"\n    interval 60\n    user root\n}\n";
    let (strong, _weak) = case.start(block, "track_script {\n        chk weight 1\n    }")?;
    let scripts = || -> Vec<_> {
        let command_line = |pid: &Pid| std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let all = strong.process().descendants().into_iter();
        all.filter(|pid| command_line(pid).starts_with(b"/usr/bin/sleep"))
            .collect()
    };
    wait::until("a running script", LATENESS, || scripts().len() == 1)?;
    let running = scripts();
    let (asked, status) = strong.stop()?;
    ensure!(status.success(), "a clean stop ended with {status}");
    let took = wait::seconds_between(asked, SystemTime::now());
    ensure!(took < 5.0, "the stop took {took:.1} s");
    wait::until("the end of the script", LATENESS, || {
        !running.iter().any(|pid| {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            stat.contains("(sleep) S")
        })
    })
}

/// In a namespace the kernel tells of no processes: the tracker is left out, and that is said. keepalived 2.2.7 counts once at
/// its start and stays with that.
fn without_process_events_nothing_is_tracked(subject: Software) -> Result<()> {
    let case = Case::new(subject)?;
    let block = "vrrp_track_process web {\n    process no-such-program\n}\n";
    let tracks = "track_process {\n        web\n    }";
    let start = SystemTime::now();
    if subject == Software::Keepalived {
        let configuration = format!("{block}{}", case.pair.configuration(STRONG, tracks));
        let daemon = Daemon::start(subject, &case.pair.strong, &configuration)?;
        return daemon
            .wait_for_log("tracked process web quorum not achieved", start, LATENESS)
            .map(drop);
    }
    let (strong, _weak) = case.start(block, tracks)?;
    let since = SystemTime::now();
    std::thread::sleep(INTERVAL * 2);
    case.ensure_priority(since, STRONG)?;
    strong.wait_for_log("track_process not available", start, LATENESS)?;
    let status = strong.status()?;
    ensure!(status.contains("DISABLED"), "the status does not say so: {status}");
    Ok(())
}

mod keepalived {
    bed::cases!(peers Keepalived; weighted_script_gives_way_and_comes_back script_without_weight_is_a_fault
        script_that_fails_from_the_start_is_never_master fall_and_rise_are_counted hanging_script_has_failed
        file_moves_the_priority file_leads_a_group_to_fault weight_of_a_group_counts_once
        restarted_vrrp_process_learns_results reload_keeps_results
        stop_ends_running_scripts without_process_events_nothing_is_tracked);
}

mod holdfast {
    bed::cases!(peers Holdfast; weighted_script_gives_way_and_comes_back script_without_weight_is_a_fault
        script_that_fails_from_the_start_is_never_master fall_and_rise_are_counted hanging_script_has_failed
        file_moves_the_priority file_leads_a_group_to_fault weight_of_a_group_counts_once
        restarted_vrrp_process_learns_results reload_keeps_results
        hanging_scripts_by_the_hundred_disturb_nothing stop_ends_running_scripts
        without_process_events_nothing_is_tracked);
}
