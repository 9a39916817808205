//! The setups that this project exists for, from their own files, on a real IPVS: in a guest, started by
//! `cargo xtask test guest`.
//!
//! Every case runs with keepalived as the director first, which proves the case, then with Holdfast.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bed::client::Load;
use bed::daemon::{Daemon, Software};
use bed::site::{self, Forwarding, REAL, Site};

/// The file checks every 6 s and tries four times, 3 s apart.
const PATIENCE: Duration = Duration::from_secs(45);

const LOAD_INTERVAL: Duration = Duration::from_millis(50);

fn example(name: &str) -> Result<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../conf-examples")
        .join(name);
    fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))
}

/// Direct routing, nopreempt, a sorry server, `inhibit_on_failure` and `HTTP_GET`, exactly as the mended file says.
fn seed_003(software: Software) -> Result<()> {
    site::load_modules()?;
    let site = Site::new(Forwarding::Dr)?;
    let [web1, web2, _sorry] = site.start_webs()?;
    let configuration = example("seed-003-mended.conf")?;
    let [first, second] = &site.directors;
    let _master = Daemon::start(software, first, &configuration)?;
    site.wait_for_master(first, PATIENCE)?;
    let _backup = Daemon::start(software, second, &configuration)?;
    for director in [first, second] {
        site.wait_for_weights(director, &[(0, 1), (1, 1)], PATIENCE)?;
    }
    let shown = first.run("ipvsadm", &["-Ln"])?;
    for wanted in [
        "TCP  192.168.0.200:80 rr",
        "192.168.0.61:80              Route   1 ",
        "192.168.0.62:80              Route   1 ",
    ] {
        ensure!(shown.contains(wanted), "ipvsadm shows no {wanted:?}:\n{shown}");
    }
    let load = Load::start(&site.client, site.target(), LOAD_INTERVAL)?;
    load.ensure_served_by(&REAL, PATIENCE)?;

    site.ensure_heals(first, &load, [web1, web2], PATIENCE)?;
    // Whoever became master stays it: nopreempt, and nothing that happened was the directors' fault.
    ensure!(
        first.has(site.virtual_address()) && !second.has(site.virtual_address()),
        "the virtual address moved"
    );
    Ok(())
}

mod keepalived {
    use super::*;

    #[test]
    #[ignore = "needs a guest: cargo xtask test guest"]
    fn seed_003() -> Result<()> {
        super::seed_003(Software::Keepalived)
    }
}

mod holdfast {
    use super::*;

    #[test]
    #[ignore = "needs a guest: cargo xtask test guest"]
    fn seed_003() -> Result<()> {
        super::seed_003(Software::Holdfast)
    }
}
