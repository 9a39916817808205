//! Processes that instances track. The kernel tells of processes only in its initial namespaces, so the better director of
//! these pairs runs there, in a guest: `cargo xtask test guest`. keepalived goes first, which proves the test.

use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use anyhow::{Result, ensure};
use bed::daemon::{Daemon, Role, Software};
use bed::node::{Node, Process};
use bed::pair::{INTERVAL, LATENESS, Pair, STRONG, WEAK, Wire, master_down};
use bed::wait;
use nix::sys::signal::Signal;

/// A program with a name that no other has.
const PROGRAM: &str = "/run/hf-web";

/// Its name.
const NAME: &str = "hf-web";

/// In a guest everything takes longer.
const PATIENCE: Duration = Duration::from_secs(10);

/// The directors use the network of the guest itself, of which there is one.
static TURN: Mutex<()> = Mutex::new(());

/// A pair whose better director runs beside the processes that it tracks.
struct Case {
    pair: Pair,
    subject: Software,
    _turn: MutexGuard<'static, ()>,
}

impl Drop for Case {
    fn drop(&mut self) {
        // The network outlives the node. Without the interface there is nothing to remove.
        let _ = self.pair.strong.ip(&["link del eth0".to_owned()]);
    }
}

impl Case {
    fn new(subject: Software) -> Result<Self> {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let pair = Pair::with(Wire::V2Multicast, Node::of_this_machine("strong")?)?;
        std::fs::copy("/bin/sleep", pair.strong.path(PROGRAM))?;
        Ok(Self {
            pair,
            subject,
            _turn: turn,
        })
    }

    /// Starts the program that is tracked, with these arguments.
    fn run(&self, arguments: &[&str]) -> Result<Process> {
        let mut command = Command::new(PROGRAM);
        command.args(arguments);
        self.pair.strong.start(command)
    }

    /// Both directors. `tracker` are the lines of the process, `line` is how the instance tracks it.
    fn start(&self, tracker: &str, line: &str) -> Result<(Daemon<'_>, Daemon<'_>)> {
        let block = format!("vrrp_track_process web {{\n    {tracker}\n}}\n");
        self.start_with(&block, &format!("track_process {{\n        web {line}\n    }}"))
    }

    fn start_with(&self, blocks: &str, tracks: &str) -> Result<(Daemon<'_>, Daemon<'_>)> {
        let pair = &self.pair;
        let strong = format!("{blocks}{}", pair.configuration(STRONG, tracks));
        let strong = Daemon::start(self.subject, &pair.strong, &strong)?;
        let weak = Daemon::start(Software::Keepalived, &pair.weak, &pair.configuration(WEAK, ""))?;
        Ok((strong, weak))
    }

    fn strong_is_master(&self, since: SystemTime) -> Result<SystemTime> {
        self.pair
            .wait_for_master(&self.pair.strong, since, master_down(STRONG) + PATIENCE)
    }

    fn weak_is_master(&self, since: SystemTime) -> Result<SystemTime> {
        self.pair
            .wait_for_master(&self.pair.weak, since, master_down(WEAK) + PATIENCE)
    }

    /// The better director says that it is worth this, from `since` on.
    fn wait_for_priority(&self, since: SystemTime, wanted: u8) -> Result<()> {
        let strong = &self.pair.strong;
        let says = |seen: &bed::onlooker::Sighting| seen.is_advert_of(strong, |priority| priority == wanted);
        let what = format!("priority {wanted}");
        self.pair
            .onlooker
            .wait_for(&what, since, INTERVAL + PATIENCE, says)
            .map(drop)
    }

    /// Since `since` nothing has changed.
    fn ensure_calm(&self, since: SystemTime) -> Result<()> {
        let adverts = self.pair.onlooker.adverts_since(since);
        let strange = adverts
            .iter()
            .find(|(seen, advert)| seen.node != self.pair.strong.name() || advert.priority != STRONG);
        ensure!(strange.is_none(), "somebody noticed: {strange:?}");
        Ok(())
    }
}

fn ended(process: &Process) -> Result<SystemTime> {
    let when = SystemTime::now();
    process.signal(Signal::SIGKILL)?;
    process.wait(PATIENCE)?;
    Ok(when)
}

/// The process ends: FAULT, at once. It is started again: the instance takes part again.
fn quorum_is_lost_and_regained(subject: Software) -> Result<()> {
    let case = Case::new(subject)?;
    let web = case.run(&["1000"])?;
    let (strong, _weak) = case.start(&format!("process {NAME}"), "")?;
    case.strong_is_master(SystemTime::UNIX_EPOCH)?;

    let killed = ended(&web)?;
    strong.wait_for_log("Quorum lost for tracked process web", killed, LATENESS)?;
    let down = strong.wait_for_log("(VI_1) Entering FAULT STATE", killed, LATENESS)?;
    println!(
        "{subject}: FAULT after {:.1} ms",
        wait::seconds_between(killed, down) * 1000.0
    );
    let resigned = case.pair.onlooker.wait_for("a farewell", killed, LATENESS, |seen| {
        seen.is_advert_of(&case.pair.strong, |priority| priority == 0)
    })?;
    case.pair.wait_for_master(&case.pair.weak, resigned.when, INTERVAL)?;

    let started = SystemTime::now();
    let _web = case.run(&["1000"])?;
    strong.wait_for_log("Quorum gained for tracked process web", started, LATENESS)?;
    strong.wait_for_log("(VI_1) Entering BACKUP STATE", started, LATENESS)?;
    case.strong_is_master(started).map(drop)
}

/// A director that starts without the process is not master before there is one.
fn nothing_runs_at_the_start(subject: Software) -> Result<()> {
    let case = Case::new(subject)?;
    let started = SystemTime::now();
    let (_strong, _weak) = case.start(&format!("process {NAME}"), "")?;
    let taken = case.weak_is_master(started)?;
    std::thread::sleep(INTERVAL * 3);
    case.pair
        .assert_only_master(&case.pair.weak, &case.pair.strong, taken)?;
    let begun = SystemTime::now();
    let _web = case.run(&["1000"])?;
    case.strong_is_master(begun).map(drop)
}

/// A daemon that is started again within `terminate_delay` was never gone; one that is not is missed after it.
fn restart_within_the_delay_is_not_noticed(subject: Software) -> Result<()> {
    const DELAY: Duration = Duration::from_secs(3);
    let case = Case::new(subject)?;
    let web = case.run(&["1000"])?;
    let (strong, _weak) = case.start(&format!("process {NAME}\n    terminate_delay 3"), "")?;
    case.strong_is_master(SystemTime::UNIX_EPOCH)?;
    std::thread::sleep(INTERVAL);

    let killed = ended(&web)?;
    std::thread::sleep(DELAY / 2);
    let web = case.run(&["1000"])?;
    std::thread::sleep(DELAY);
    case.ensure_calm(killed)?;

    let killed = ended(&web)?;
    let down = strong.wait_for_log("(VI_1) Entering FAULT STATE", killed, DELAY + LATENESS)?;
    let waited = wait::seconds_between(killed, down);
    ensure!(waited > 2.9, "missed after {waited:.2} s already");
    Ok(())
}

/// A child without a program of its own counts as its parent does; `quorum` and `quorum_max` are limits.
fn children_count_and_can_be_too_many(subject: Software) -> Result<()> {
    let case = Case::new(subject)?;
    let strong = &case.pair.strong;
    std::fs::copy("/bin/dash", strong.path("/run/hf-shell"))?;
    for pipe in ["/run/first", "/run/second"] {
        strong.run("mkfifo", &[pipe])?;
    }
    // Reading from a pipe that nobody writes to is waiting, and built into the shell. A word in it ends the wait.
    let mut shell = Command::new("/run/hf-shell");
    shell.args(["-c", "read x < /run/first; (read x < /run/second); read x < /run/third"]);
    strong.run("mkfifo", &["/run/third"])?;
    let _shell = strong.start(shell)?;
    let tracker = "process hf-shell\n    quorum 1\n    quorum_max 1";
    let (_strong, _weak) = case.start(tracker, "weight -20")?;
    let begin = SystemTime::now();
    case.strong_is_master(begin)?;
    case.wait_for_priority(begin, STRONG)?;

    let forked = SystemTime::now();
    strong.run("sh", &["-c", "echo > /run/first"])?;
    case.wait_for_priority(forked, STRONG - 20)?;
    let gone = SystemTime::now();
    strong.run("sh", &["-c", "echo > /run/second"])?;
    case.wait_for_priority(gone, STRONG)?;
    // One is left.
    let ended = SystemTime::now();
    strong.run("sh", &["-c", "echo > /run/third"])?;
    case.wait_for_priority(ended, STRONG - 20)
}

/// A reload may ask for more processes, or for none; the process that ran before it counts.
fn a_reload_changes_what_is_tracked(subject: Software) -> Result<()> {
    let case = Case::new(subject)?;
    let _web = case.run(&["1000"])?;
    let configuration = |quorum: u32| {
        let block = format!("vrrp_track_process web {{\n    process {NAME}\n    quorum {quorum}\n}}\n");
        let tracks = "track_process {\n        web weight -20\n    }";
        format!("{block}{}", case.pair.configuration(STRONG, tracks))
    };
    let begin = SystemTime::now();
    let strong = Daemon::start(subject, &case.pair.strong, &configuration(1))?;
    case.strong_is_master(begin)?;
    case.wait_for_priority(begin, STRONG)?;
    let reloaded = strong.reload(&configuration(2))?;
    case.wait_for_priority(reloaded, STRONG - 20)?;
    let run = SystemTime::now();
    let _second = case.run(&["1000"])?;
    case.wait_for_priority(run, STRONG)?;
    let reloaded = strong.reload(&configuration(3))?;
    case.wait_for_priority(reloaded, STRONG - 20)?;
    let reloaded = strong.reload(&case.pair.configuration(STRONG, ""))?;
    case.wait_for_priority(reloaded, STRONG)
}

/// How the command line is compared: each way adds its own weight while the process counts.
fn arguments_are_compared(subject: Software) -> Result<()> {
    let case = Case::new(subject)?;
    let ways = [
        (1, format!("process {NAME}")),
        (2, format!("process {PROGRAM}\n    full_command")),
        (4, format!("process {PROGRAM} 1000 100")),
        (8, format!("process {PROGRAM} 1000\n    param_match partial")),
        (16, format!("process {PROGRAM} 1000 100\n    param_match initial")),
        (32, format!("process {PROGRAM}\n    param_match")),
    ];
    let block =
        |(weight, way): &(u8, String)| format!("vrrp_track_process p{weight} {{\n    {way}\n    weight {weight}\n}}\n");
    let blocks: String = ways.iter().map(block).collect();
    let line = |(weight, _): &(u8, String)| format!("        p{weight}\n");
    let lines: String = ways.iter().map(line).collect();
    let begin = SystemTime::now();
    let (_strong, _weak) = case.start_with(&blocks, &format!("track_process {{\n{lines}    }}"))?;
    case.strong_is_master(begin)?;
    for (arguments, expected) in [
        (&["1000"][..], 1 + 2 + 8),
        (&["1000", "100"], 1 + 2 + 4 + 8 + 16),
        (&["1000", "1000"], 1 + 2 + 8 + 16),
        (&["1000", "100", "1"], 1 + 2 + 8 + 16),
        (&["2000"], 1 + 2),
    ] {
        let run = SystemTime::now();
        let web = case.run(arguments)?;
        case.wait_for_priority(run, STRONG + expected)?;
        let gone = ended(&web)?;
        case.wait_for_priority(gone, STRONG)?;
    }
    Ok(())
}

/// The director stands still while more happens than its buffer holds, and among it the end of the process: it finds out.
fn lost_events_are_made_up_for(subject: Software) -> Result<()> {
    let case = Case::new(subject)?;
    let web = case.run(&["1000"])?;
    let buffer = "global_defs {\n    process_monitor_rcv_bufs 4096\n}\n";
    let blocks = format!("{buffer}vrrp_track_process web {{\n    process {NAME}\n    weight -20\n}}\n");
    let (strong, _weak) = case.start_with(&blocks, "track_process {\n        web\n    }")?;
    let begin = SystemTime::now();
    case.strong_is_master(begin)?;
    case.wait_for_priority(begin, STRONG)?;

    let follows = match subject {
        Software::Keepalived => strong.role(Role::Vrrp)?,
        Software::Holdfast => strong.role(Role::Supervisor)?,
    };
    nix::sys::signal::kill(follows, Signal::SIGSTOP)?;
    case.pair.strong.run(
        "sh",
        &[
            "-c",
            "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do /bin/true; done",
        ],
    )?;
    let gone = ended(&web)?;
    nix::sys::signal::kill(follows, Signal::SIGCONT)?;
    strong.wait_for_log("Setting global_def process_monitor_rcv_bufs to", gone, PATIENCE)?;
    strong.wait_for_log("Quorum lost for tracked process web", gone, PATIENCE)?;
    case.wait_for_priority(gone, STRONG - 20)?;
    if subject == Software::Keepalived {
        // From now on it takes the quorum for what it was before.
        return Ok(());
    }
    let run = SystemTime::now();
    let _web = case.run(&["1000"])?;
    case.wait_for_priority(run, STRONG)
}

bed::cases!(guest both;
    quorum_is_lost_and_regained
    nothing_runs_at_the_start
    restart_within_the_delay_is_not_noticed
    children_count_and_can_be_too_many
    a_reload_changes_what_is_tracked
    arguments_are_compared
    lost_events_are_made_up_for
);
