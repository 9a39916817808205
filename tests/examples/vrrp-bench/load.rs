//! Processor time and memory, by the number of virtual routers.

use std::time::{Duration, Instant};

use anyhow::Result;
use bed::crowd::{Crowd, Size};
use bed::daemon::{Daemon, Role, Software};
use bed::usage::{Memory, memory, processor_time};
use nix::unistd::Pid;

use crate::BOTH;
use bed::figures::Table;

const PATIENCE: Duration = Duration::from_mins(1);
/// Second bursts of announcements are over by then (`garp_master_delay` is 5 s).
const SETTLE: Duration = Duration::from_secs(8);
const WINDOW: Duration = Duration::from_secs(15);

const SIZES: [Size; 3] = [
    Size {
        routers: 1,
        lans: 1,
        interval: Duration::from_secs(1),
    },
    Size {
        routers: 250,
        lans: 1,
        interval: Duration::from_secs(1),
    },
    Size {
        routers: 1_000,
        lans: 4,
        interval: Duration::from_millis(100),
    },
];

/// A director's processes that are compared.
const ROLES: [(Role, &str); 2] = [(Role::Vrrp, "VRRP process"), (Role::Supervisor, "supervisor")];

pub fn measure(table: &mut Table) -> Result<()> {
    for size in SIZES {
        for software in BOTH {
            one(table, software, size)?;
        }
    }
    Ok(())
}

fn one(table: &mut Table, software: Software, size: Size) -> Result<()> {
    let of = format!("{} at {} s", size.routers, size.interval.as_secs_f64());
    let crowd = Crowd::new(size)?;
    let (strong, weak) = (&crowd.strong, &crowd.weak);
    let master = Daemon::start(software, strong, &crowd.configuration(strong, ""))?.quiet();
    crowd.wait_for_only_master(strong, weak, PATIENCE)?;
    std::thread::sleep(SETTLE);
    // Before there is a second daemon to share the program's pages with.
    let mut all = Memory::default();
    for pid in processes(&master) {
        let one = memory(pid)?;
        all.proportional_mib += one.proportional_mib;
        all.private_mib += one.private_mib;
    }
    let of_roles = ROLES.map(|(role, name)| (name, master.role(role).and_then(memory)));
    for (name, memory) in of_roles.into_iter().chain([("all processes", Ok(all))]) {
        let memory = memory?;
        for (kind, mib) in [("PSS", memory.proportional_mib), ("private", memory.private_mib)] {
            table.enter(&format!("{of}: memory ({kind}), {name}"), "MiB", software, mib);
        }
    }

    let backup = Daemon::start(software, weak, &crowd.configuration(weak, ""))?.quiet();
    backup.wait_for_role(Role::Vrrp, None, PATIENCE)?;
    std::thread::sleep(SETTLE);
    let watched = [(&master, "master"), (&backup, "backup")];
    let since = Instant::now();
    let before = watched.map(|(daemon, _)| (time_of_vrrp(daemon), time_of_others(daemon)));
    std::thread::sleep(WINDOW);
    let length = since.elapsed().as_secs_f64();
    for ((daemon, name), (vrrp, others)) in watched.into_iter().zip(before) {
        let share = |before: Duration, now: Duration| now.saturating_sub(before).as_secs_f64() / length * 1e6;
        let vrrp = share(vrrp?, time_of_vrrp(daemon)?);
        let others = share(others?, time_of_others(daemon)?);
        table.enter(
            &format!("{of}: processor, VRRP process of the {name}"),
            "us/s",
            software,
            vrrp,
        );
        table.enter(
            &format!("{of}: processor, the rest of the {name}"),
            "us/s",
            software,
            others,
        );
    }
    Ok(())
}

fn processes(daemon: &Daemon<'_>) -> Vec<Pid> {
    let process = daemon.process();
    std::iter::once(process.pid()).chain(process.descendants()).collect()
}

fn time_of_vrrp(daemon: &Daemon<'_>) -> Result<Duration> {
    processor_time(daemon.role(Role::Vrrp)?)
}

fn time_of_others(daemon: &Daemon<'_>) -> Result<Duration> {
    let vrrp = daemon.role(Role::Vrrp)?;
    processes(daemon)
        .into_iter()
        .filter(|pid| *pid != vrrp)
        .map(processor_time)
        .sum()
}
