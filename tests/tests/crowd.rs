//! A thousand virtual routers on four LANs: one master each, from the start, through a farewell, and back. Nothing here
//! asks for a time, only for an end: how long it takes is for `cargo xtask bench vrrp` to say.

use std::time::Duration;

use anyhow::{Result, ensure};
use bed::crowd::{Crowd, Size};
use bed::daemon::{Daemon, Software};

const ROUTERS: usize = 1_000;
const SIZE: Size = Size {
    routers: ROUTERS,
    lans: 4,
    interval: Duration::from_secs(1),
};

/// For a machine that does a lot else at the same time.
const PATIENCE: Duration = Duration::from_mins(2);

fn a_thousand_routers_have_one_master_each(software: Software) -> Result<()> {
    let crowd = Crowd::new(SIZE)?;
    let (strong, weak) = (&crowd.strong, &crowd.weak);
    let configuration = |node| crowd.configuration(node, "");
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

mod keepalived {
    use super::*;

    #[test]
    #[ignore = "needs root: cargo xtask test peers"]
    fn a_thousand_routers_have_one_master_each() -> Result<()> {
        super::a_thousand_routers_have_one_master_each(Software::Keepalived)
    }
}

mod holdfast {
    use super::*;

    #[test]
    #[ignore = "needs root: cargo xtask test peers"]
    fn a_thousand_routers_have_one_master_each() -> Result<()> {
        super::a_thousand_routers_have_one_master_each(Software::Holdfast)
    }
}
