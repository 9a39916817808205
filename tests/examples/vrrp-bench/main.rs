//! What VRRP costs and how late it is, beside keepalived, in network namespaces of this machine.
//!
//! Started by `cargo xtask bench vrrp`. Both programs run in turn in the same setup, and are watched from outside: by the
//! kernel's time stamps on the wire, and by its account of processor time and memory.

// In a program `pub` says what a module offers to the others.
#![allow(unreachable_pub)]

mod disturbed;
mod failover;
mod load;

use anyhow::{Result, bail};
use bed::daemon::Software;

use bed::figures::Table;

/// keepalived first: what it cannot do here, the setup cannot show.
const BOTH: [Software; 2] = [Software::Keepalived, Software::Holdfast];

/// What is measured, unless only some of it is asked for by name.
const SECTIONS: [&str; 3] = ["failover", "load", "disturbed"];

fn main() -> Result<()> {
    let asked: Vec<String> = std::env::args().skip(1).collect();
    if let Some(unknown) = asked.iter().find(|name| !SECTIONS.contains(&name.as_str())) {
        bail!("{unknown}: one of {}", SECTIONS.join(", "));
    }
    let wanted = |section: &str| asked.is_empty() || asked.iter().any(|name| name == section);
    let mut table = Table::default();
    if wanted("failover") {
        failover::measure(&mut table)?;
    }
    if wanted("load") {
        load::measure(&mut table)?;
    }
    if wanted("disturbed") {
        disturbed::measure(&mut table)?;
    }
    table.print();
    Ok(())
}
