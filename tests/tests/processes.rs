//! How the processes run: names, priorities, processors, memory, limits, and where they say who they are. The kernel is
//! asked. keepalived goes first as the subject, which proves the test; then Holdfast.
//!
//! keepalived has no checker on a host without IPVS, so there only Holdfast's is looked at.

use std::time::{Duration, SystemTime};

use anyhow::{Result, ensure};
use bed::attributes::Attributes;
use bed::daemon::{Daemon, Role, Software};
use bed::pair::{Pair, STRONG, Wire, master_down};
use bed::wait;

/// From a configuration until all of it is in force.
const SETTLED: Duration = Duration::from_secs(5);

/// What a processor affinity of all looks like is the host's affair, so each test compares with its own.
struct Case {
    pair: Pair,
    subject: Software,
}

impl Case {
    fn new(subject: Software) -> Result<Self> {
        let pair = Pair::new(Wire::V2Multicast)?;
        Ok(Self { pair, subject })
    }

    /// Work for all processes, with these lines in `global_defs`.
    fn configuration(&self, global: &str) -> String {
        let instance = self.pair.configuration(STRONG, "");
        let session = "bfd_instance router {\n    neighbor_ip 192.0.2.9\n}\n";
        let service = match self.subject {
            Software::Keepalived => "",
            Software::Holdfast => {
                "virtual_server 192.0.2.200 80 {\n    delay_loop 1\n    protocol TCP\n    lb_kind DR\n    \
                 real_server 192.0.2.9 80 {\n        TCP_CHECK {\n        }\n    }\n}\n"
            }
        };
        format!("global_defs {{\n{global}\n}}\n{session}{instance}{service}")
    }

    fn start(&self, global: &str) -> Result<Daemon<'_>> {
        let daemon = Daemon::start(self.subject, &self.pair.strong, &self.configuration(global))?;
        for role in self.roles() {
            daemon.wait_for_role(role, None, SETTLED)?;
        }
        Ok(daemon)
    }

    /// The children, and the word that their keywords begin with.
    fn children(&self) -> Vec<(Role, &'static str)> {
        let all = [(Role::Vrrp, "vrrp"), (Role::Bfd, "bfd"), (Role::Checker, "checker")];
        all.into_iter().take(self.roles().len()).collect()
    }

    fn roles(&self) -> Vec<Role> {
        match self.subject {
            Software::Keepalived => vec![Role::Vrrp, Role::Bfd],
            Software::Holdfast => vec![Role::Vrrp, Role::Bfd, Role::Checker],
        }
    }
}

/// Waits until a process runs like this.
fn wait_for(daemon: &Daemon<'_>, role: Role, what: &str, wanted: impl Fn(&Attributes) -> bool) -> Result<Attributes> {
    let mut seen = None;
    let outcome = wait::until(what, SETTLED, || {
        seen = daemon.role(role).and_then(Attributes::of).ok();
        seen.as_ref().is_some_and(&wanted)
    });
    ensure!(outcome.is_ok(), "{role:?}: no {what}: {seen:?}");
    Ok(seen.into_iter().next().unwrap_or_else(|| unreachable!("it was seen")))
}

/// Where nothing is said, nothing is changed.
fn processes_run_as_they_are_started(subject: Software) -> Result<()> {
    let case = Case::new(subject)?;
    let daemon = case.start("")?;
    let own = Attributes::of(daemon.role(Role::Supervisor)?)?;
    ensure!(own.name == subject.to_string(), "the supervisor is called {}", own.name);
    for (role, _) in case.children() {
        wait_for(&daemon, role, "attributes of its parent", |process| *process == own)?;
    }
    Ok(())
}

/// The names of `ps`, the usual ones and those of one's own.
fn processes_have_names(subject: Software) -> Result<()> {
    let case = Case::new(subject)?;
    let daemon = case.start("process_names")?;
    let usual = ["keepalived_vrrp", "keepalived_bfd", "keepalived_lvs"];
    for ((role, _), name) in case.children().into_iter().zip(usual) {
        wait_for(&daemon, role, name, |process| process.name == name)?;
    }
    let own = Attributes::of(daemon.role(Role::Supervisor)?)?;
    ensure!(own.name == subject.to_string(), "the supervisor is called {}", own.name);

    daemon.reload(&case.configuration("process_names\nprocess_name head\nvrrp_process_name hand"))?;
    wait_for(&daemon, Role::Vrrp, "name of its own", |process| process.name == "hand")?;
    wait_for(&daemon, Role::Bfd, "usual name", |process| {
        process.name == "keepalived_bfd"
    })?;
    wait_for(&daemon, Role::Supervisor, "name of its own", |process| {
        process.name == "head"
    })?;
    daemon.reload(&case.configuration(""))?;
    for role in [Role::Supervisor, Role::Vrrp, Role::Bfd] {
        wait_for(&daemon, role, "name of the command", |process| {
            process.name == subject.to_string()
        })?;
    }
    Ok(())
}

/// A nice value, one processor and locked memory; all of them go with their lines.
fn nice_values_processors_and_memory(subject: Software) -> Result<()> {
    let case = Case::new(subject)?;
    let lines = case
        .children()
        .iter()
        .map(|(_, word)| format!("{word}_priority -7\n{word}_cpu_affinity 1\n{word}_no_swap\n"))
        .collect::<Vec<_>>()
        .concat();
    let daemon = case.start(&lines)?;
    let own = Attributes::of(daemon.role(Role::Supervisor)?)?;
    for (role, _) in case.children() {
        let set = |process: &Attributes| process.nice == -7 && process.cpus == "1" && process.locks_memory;
        let process = wait_for(&daemon, role, "nice value, processor and locked memory", set)?;
        ensure!(process.realtime_priority.is_none(), "{process:?}");
    }
    ensure!(
        own == Attributes::of(daemon.role(Role::Supervisor)?)?,
        "the supervisor changed"
    );
    daemon.reload(&case.configuration(""))?;
    for (role, _) in case.children() {
        let mut wanted = own.clone();
        if subject == Software::Keepalived {
            // It leaves a process on the processors that it was on.
            "1".clone_into(&mut wanted.cpus);
        }
        wait_for(&daemon, role, "attributes of its parent", |process| *process == wanted)?;
    }
    Ok(())
}

/// These lines for each child.
fn for_each_child(case: &Case, lines: &str) -> String {
    let words = case.children().into_iter();
    words.map(|(_, word)| lines.replace("ROLE", word)).collect()
}

fn runs_at(priority: i64, limit: [&str; 2]) -> impl Fn(&Attributes) -> bool {
    let limit = limit.map(str::to_owned);
    move |process| process.realtime_priority == Some(priority) && process.realtime_limit == limit
}

/// A real-time priority comes with a limit, of which the kernel warns at half. Beside it the nice value says nothing.
fn real_time_has_a_limit(subject: Software) -> Result<()> {
    let case = Case::new(subject)?;
    let lines = for_each_child(
        &case,
        "ROLE_rt_priority 20\nROLE_priority 5\nROLE_rlimit_rttime 1000000\n",
    );
    let daemon = case.start(&lines)?;
    let own = Attributes::of(daemon.role(Role::Supervisor)?)?;
    for (role, _) in case.children() {
        let process = wait_for(&daemon, role, "priority 20", runs_at(20, ["500000", "1000000"]))?;
        ensure!(process.nice == own.nice, "nice beside real time: {process:?}");
    }
    Ok(())
}

/// Both change at a reload; not every host lets anybody raise a limit, so it is lowered here. keepalived sets the limit to 0
/// first, which is one more thing that cannot be undone there, and is killed for it.
fn real_time_changes_at_a_reload(subject: Software) -> Result<()> {
    let case = Case::new(subject)?;
    let lines = for_each_child(&case, "ROLE_rt_priority 20\nROLE_rlimit_rttime 1000000\n");
    let daemon = case.start(&lines)?;
    for (role, _) in case.children() {
        wait_for(&daemon, role, "priority 20", runs_at(20, ["500000", "1000000"]))?;
    }
    let lines = for_each_child(&case, "ROLE_rt_priority 33\nROLE_rlimit_rttime 600000\n");
    let since = daemon.reload(&case.configuration(&lines))?;
    for (role, _) in case.children() {
        wait_for(&daemon, role, "priority 33", runs_at(33, ["300000", "600000"]))?;
    }
    let died = daemon.wait_for_log("died", since, Duration::from_secs(2));
    ensure!(died.is_err(), "a process died");
    daemon.reload(&case.configuration(""))?;
    let own = Attributes::of(daemon.role(Role::Supervisor)?)?;
    for (role, _) in case.children() {
        let usual = |process: &Attributes| process.realtime_priority.is_none() && process.nice == own.nice;
        wait_for(&daemon, role, "usual policy", usual)?;
    }
    Ok(())
}

/// A process that is started again runs like its predecessor.
fn a_restarted_process_runs_like_its_predecessor(subject: Software) -> Result<()> {
    let case = Case::new(subject)?;
    let daemon = case.start("bfd_rt_priority 9\nbfd_process_name reborn\nbfd_no_swap")?;
    let end = match subject {
        Software::Keepalived => "10000",
        Software::Holdfast => "500000",
    };
    let wanted = |process: &Attributes| {
        let limited = process.realtime_priority == Some(9) && process.realtime_limit == ["5000", end];
        limited && process.name == "reborn" && process.locks_memory
    };
    wait_for(&daemon, Role::Bfd, "its attributes", wanted)?;
    let former = daemon.role(Role::Bfd)?;
    daemon.kill_role(Role::Bfd)?;
    daemon.wait_for_role(Role::Bfd, Some(former), SETTLED)?;
    wait_for(&daemon, Role::Bfd, "its predecessor's attributes", wanted).map(drop)
}

/// A process that hears its timers too late takes a real-time priority, one step at a time: stopped for a while it is late.
fn lateness_raises_the_priority(subject: Software) -> Result<()> {
    use nix::sys::signal::{Signal, kill};
    let case = Case::new(subject)?;
    let started = SystemTime::now();
    let daemon = case.start("max_auto_priority 2\nmin_auto_priority_delay 200000\nvrrp_process_name late")?;
    wait_for(&daemon, Role::Vrrp, "usual policy", |process| {
        process.realtime_priority.is_none() && process.name == "late"
    })?;
    // A master has a timer every second.
    case.pair
        .wait_for_master(&case.pair.strong, started, SETTLED + master_down(STRONG))?;
    let vrrp = daemon.role(Role::Vrrp)?;
    for steps in [1, 2, 2] {
        let since = SystemTime::now();
        // Then it waits for its next one; while it is at work no timer is late.
        case.pair.next_advert(&case.pair.strong, since)?;
        std::thread::sleep(Duration::from_millis(100));
        kill(vrrp, Signal::SIGSTOP)?;
        // Longer than an interval and the delay.
        std::thread::sleep(Duration::from_millis(1_500));
        kill(vrrp, Signal::SIGCONT)?;
        let what = format!("priority {steps}");
        wait_for(&daemon, Role::Vrrp, &what, |process| {
            process.realtime_priority == Some(steps)
        })?;
        ensure!(
            daemon.wait_for_log("died", since, Duration::from_millis(500)).is_err(),
            "a process died"
        );
    }
    Ok(())
}

mod keepalived {
    bed::cases!(peers Keepalived; processes_run_as_they_are_started processes_have_names nice_values_processors_and_memory
        real_time_has_a_limit a_restarted_process_runs_like_its_predecessor lateness_raises_the_priority);
}

mod holdfast {
    bed::cases!(peers Holdfast; processes_run_as_they_are_started processes_have_names nice_values_processors_and_memory
        real_time_has_a_limit real_time_changes_at_a_reload a_restarted_process_runs_like_its_predecessor lateness_raises_the_priority);
}
