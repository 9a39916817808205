//! A thousand virtual routers on four LANs: one master each, from the start, through a farewell, and back. Nothing here
//! asks for a time, only for an end: how long it takes is for `cargo xtask bench vrrp` to say.

use std::time::Duration;

use anyhow::{Result, ensure};
use bed::crowd::{Crowd, Size, VRIDS};
use bed::daemon::{Daemon, Role, Software};
use nix::sys::signal::{Signal, kill};

const ROUTERS: usize = 1_000;
const SIZE: Size = Size {
    routers: ROUTERS,
    lans: 4,
    interval: Duration::from_secs(1),
};

/// For a machine that does a lot else at the same time.
const PATIENCE: Duration = Duration::from_mins(2);

const REAL_TIME: &str = "vrrp_rt_priority 20";

/// Longer than any backup here waits for its master.
const STALL: Duration = Duration::from_secs(5);

fn a_thousand_routers_have_one_master_each(software: Software, global: &str) -> Result<()> {
    let crowd = Crowd::new(SIZE)?;
    let (strong, weak) = (&crowd.strong, &crowd.weak);
    let configuration = |node| crowd.configuration(node, global);
    let first = Daemon::start(software, strong, &configuration(strong))?.quiet();
    let _second = Daemon::start(software, weak, &configuration(weak))?.quiet();
    crowd.wait_for_only_master(strong, weak, PATIENCE)?;

    crowd.pulse.clear();
    first.stop()?;
    crowd.wait_for_only_master(weak, strong, PATIENCE)?;
    let resigned = crowd.pulse.resigned(strong);
    ensure!(resigned == ROUTERS, "resigned from {resigned} of {ROUTERS}");

    crowd.pulse.clear();
    let _first = Daemon::start(software, strong, &configuration(strong))?.quiet();
    crowd.wait_for_only_master(strong, weak, PATIENCE)
}

/// The VRRP process of a backup is stopped for longer than it waits for its masters. More adverts wait in its socket then
/// than are read at a time, and more were sent than fit: not one timer may be believed before all are heard.
fn a_backup_that_stood_still_hears_all_masters_first(software: Software) -> Result<()> {
    let crowd = Crowd::new(Size {
        routers: VRIDS,
        lans: 1,
        interval: Duration::from_secs(1),
    })?;
    let (strong, weak) = (&crowd.strong, &crowd.weak);
    let configuration = |node| crowd.configuration(node, "");
    let _master = Daemon::start(software, strong, &configuration(strong))?.quiet();
    let backup = Daemon::start(software, weak, &configuration(weak))?.quiet();
    crowd.wait_for_only_master(strong, weak, PATIENCE)?;
    let vrrp = backup.wait_for_role(Role::Vrrp, None, PATIENCE)?;
    std::thread::sleep(crowd.size.master_down());

    crowd.pulse.clear();
    kill(vrrp, Signal::SIGSTOP)?;
    std::thread::sleep(STALL);
    kill(vrrp, Signal::SIGCONT)?;
    std::thread::sleep(STALL);
    let taken = crowd.pulse.count(weak);
    ensure!(taken == 0, "took over {taken} of {VRIDS}, whose masters are well");
    Ok(())
}

mod keepalived {
    use super::*;

    #[test]
    #[ignore = "needs root: cargo xtask test peers"]
    fn a_thousand_routers_have_one_master_each() -> Result<()> {
        super::a_thousand_routers_have_one_master_each(Software::Keepalived, "")
    }

    #[test]
    #[ignore = "needs root: cargo xtask test peers"]
    fn a_thousand_routers_at_a_real_time_priority() -> Result<()> {
        super::a_thousand_routers_have_one_master_each(Software::Keepalived, REAL_TIME)
    }
}

mod holdfast {
    use super::*;

    // keepalived believes what it reads first.
    #[test]
    #[ignore = "needs root: cargo xtask test peers"]
    fn a_backup_that_stood_still_hears_all_masters_first() -> Result<()> {
        super::a_backup_that_stood_still_hears_all_masters_first(Software::Holdfast)
    }

    #[test]
    #[ignore = "needs root: cargo xtask test peers"]
    fn a_thousand_routers_have_one_master_each() -> Result<()> {
        super::a_thousand_routers_have_one_master_each(Software::Holdfast, "")
    }

    // A takeover of a thousand takes longer than a process may run without a pause (`vrrp_rlimit_rttime`).
    #[test]
    #[ignore = "needs root: cargo xtask test peers"]
    fn a_thousand_routers_at_a_real_time_priority() -> Result<()> {
        super::a_thousand_routers_have_one_master_each(Software::Holdfast, REAL_TIME)
    }
}
