//! A thousand virtual routers at a tenth of a second, on an idle machine, on one whose processors are wanted by others,
//! and beside checks that time out by the hundred: the longest pause between two adverts.

use std::fmt::Write as _;
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, ensure};
use bed::crowd::{Crowd, Size};
use bed::daemon::{Daemon, Software};

use crate::BOTH;
use bed::figures::{Table, ms};

const SIZE: Size = Size {
    routers: 1_000,
    lans: 4,
    interval: Duration::from_millis(100),
};
const PATIENCE: Duration = Duration::from_mins(1);
const SETTLE: Duration = Duration::from_secs(8);
const WINDOW: Duration = Duration::from_mins(1);

const HOGS: usize = 4;
/// keepalived's own example of a real-time priority is as good as any.
const REAL_TIME: &str = "vrrp_rt_priority 50";
/// Checks that never get an answer.
const CHECKS: usize = 300;

/// What else the machine has to do.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Disturbance {
    Nothing,
    Hogs,
    Checks,
}

pub fn measure(table: &mut Table) -> Result<()> {
    for software in BOTH {
        for disturbance in [Disturbance::Nothing, Disturbance::Hogs, Disturbance::Checks] {
            // keepalived ends where there is no IPVS.
            if (software, disturbance) != (Software::Keepalived, Disturbance::Checks) {
                one(table, software, disturbance)?;
            }
        }
    }
    Ok(())
}

fn one(table: &mut Table, software: Software, disturbance: Disturbance) -> Result<()> {
    let crowd = Crowd::new(SIZE)?;
    let (strong, weak) = (&crowd.strong, &crowd.weak);
    let mut configurations = [strong, weak].map(|node| crowd.configuration(node, REAL_TIME));
    if disturbance == Disturbance::Checks {
        for text in &mut configurations {
            text.push_str(&hopeless_checks());
        }
    }
    let [first, second] = &configurations;
    let _master = Daemon::start(software, strong, first)?.quiet();
    let _backup = Daemon::start(software, weak, second)?.quiet();
    crowd.wait_for_only_master(strong, weak, PATIENCE)?;
    std::thread::sleep(SETTLE);
    let mut hogs = Vec::new();
    if disturbance == Disturbance::Hogs {
        for _ in 0..HOGS {
            let mut command = Command::new("sh");
            command.args(["-c", "while :; do :; done"]);
            hogs.push(Hog(command.spawn()?));
        }
    }
    crowd.pulse.clear();
    std::thread::sleep(WINDOW);
    let strangers = crowd.pulse.count(weak);
    let beats = crowd.pulse.beats(strong);
    ensure!(beats.len() == SIZE.routers, "heard of {} routers only", beats.len());
    drop(hogs);

    let during = match disturbance {
        Disturbance::Nothing => "idle".to_owned(),
        Disturbance::Hogs => format!("{HOGS} busy processes"),
        Disturbance::Checks => format!("{CHECKS} checks without an answer"),
    };
    let what = |of: &str| {
        format!(
            "{} at {} s, 60 s, {during}: {of}",
            SIZE.routers,
            SIZE.interval.as_secs_f64()
        )
    };
    let longest = beats.values().map(|beat| beat.longest_pause).max().unwrap_or_default();
    table.enter(&what("longest pause between two adverts"), "ms", software, ms(longest));
    let missed = beats
        .values()
        .filter(|beat| beat.longest_pause > SIZE.interval * 2)
        .count();
    let heard: u64 = beats.values().map(|beat| beat.count).sum();
    #[allow(clippy::cast_precision_loss)] // for people
    for (figure, unit, value) in [
        ("routers that missed an advert", "routers", missed as f64),
        ("routers that the backup took", "routers", strangers as f64),
        ("adverts", "a second", heard as f64 / WINDOW.as_secs_f64()),
    ] {
        table.enter(&what(figure), unit, software, value);
    }
    Ok(())
}

/// Nobody answers at these addresses, so each check waits for its whole time, and then the next one comes.
fn hopeless_checks() -> String {
    let mut text = String::new();
    for number in 0..CHECKS {
        let (service, server) = (number / 100 + 1, number % 100 + 1);
        if server == 1 {
            let _ = write!(
                text,
                "virtual_server 10.99.{service}.1 80 {{\n    delay_loop 1\n    lb_kind DR\n"
            );
        }
        let _ = write!(
            text,
            "    real_server 10.200.0.{} {} {{\n        TCP_CHECK {{\n            connect_timeout 1\n            retry 1\n            \
             delay_before_retry 1\n        }}\n    }}\n",
            100 + server,
            8000 + service
        );
        if server == 100 {
            text.push_str("}\n");
        }
    }
    text
}

/// A process that wants a processor all the time.
struct Hog(std::process::Child);

impl Drop for Hog {
    fn drop(&mut self) {
        // It is ours, and it does nothing but this.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
