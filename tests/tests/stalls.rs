//! A director whose process does not run for a while: what it makes of that.

use std::time::{Duration, SystemTime};

use anyhow::{Result, ensure};
use bed::daemon::{Daemon, Role, Software};
use bed::pair::{LATENESS, Pair, STRONG, WEAK, Wire, master_down};
use nix::sys::signal::{Signal, kill};

/// Longer than any backup here waits for its master.
const STALL: Duration = Duration::from_secs(5);

/// The process of a backup is stopped for longer than it waits for its master, and goes on: the adverts in its socket count
/// and not its timer, and the stall is called by its name. keepalived takes over for a moment, or not, as its luck has it.
fn a_stalled_backup_does_not_take_over() -> Result<()> {
    let pair = Pair::new(Wire::V2Multicast)?;
    let _strong = Daemon::start(Software::Keepalived, &pair.strong, &pair.configuration(STRONG, ""))?;
    let weak = Daemon::start(Software::Holdfast, &pair.weak, &pair.configuration(WEAK, ""))?;
    pair.wait_for_master(&pair.strong, SystemTime::UNIX_EPOCH, master_down(STRONG))?;
    weak.wait_for_log("Entering BACKUP STATE", SystemTime::UNIX_EPOCH, Duration::from_secs(5))?;
    let vrrp = weak.role(Role::Vrrp)?;
    let since = SystemTime::now();
    for _ in 0..2 {
        kill(vrrp, Signal::SIGSTOP)?;
        std::thread::sleep(STALL);
        let resumed = SystemTime::now();
        kill(vrrp, Signal::SIGCONT)?;
        weak.wait_for_log("This host stood still", resumed, LATENESS)?;
        std::thread::sleep(Duration::from_secs(1));
    }
    pair.assert_only_master(&pair.strong, &pair.weak, since)?;
    let status = weak.status()?;
    let told = status.lines().find_map(|line| line.trim().strip_prefix("stalls: "));
    let count = told.and_then(|told| told.split_once(", the last")?.0.parse::<u32>().ok());
    // A busy machine may add some of its own.
    ensure!(
        count.is_some_and(|count| count >= 2),
        "the status says nothing of the stalls: {status}"
    );
    Ok(())
}

mod holdfast {
    use super::*;

    #[test]
    #[ignore = "needs root: cargo xtask test peers"]
    fn a_stalled_backup_does_not_take_over() -> Result<()> {
        super::a_stalled_backup_does_not_take_over()
    }
}
