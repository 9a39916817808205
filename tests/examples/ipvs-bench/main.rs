//! What checks and the IPVS table cost, beside keepalived, in a guest.
//!
//! Started by `cargo xtask bench checks`, `detection` and `table`. Both programs run in turn in the same setup, in a node of their own each
//! time, and are watched from outside: by the servers that are asked, by the kernel's table, and by its account of
//! processor time and memory.

// In a program `pub` says what a module offers to the others.
#![allow(unreachable_pub)]

mod checks;
mod detection;
mod farm;
mod kernel;
mod site;
mod table;

use anyhow::{Result, bail};
use bed::daemon::Software;
use bed::figures::Table;

/// keepalived first: what it cannot do here, the setup cannot show.
const BOTH: [Software; 2] = [Software::Keepalived, Software::Holdfast];

fn main() -> Result<()> {
    farm::allow_many_files()?;
    let asked: Vec<String> = std::env::args().skip(1).collect();
    let mut table = Table::default();
    for section in &asked {
        match section.as_str() {
            "checks" => checks::measure(&mut table, checks::Size::FIFTH, &BOTH)?,
            "checks-whole" => checks::measure(&mut table, checks::Size::WHOLE, &BOTH)?,
            // Where there is no IPVS keepalived has no checks either.
            "checks-without-ipvs" => checks::measure(&mut table, checks::Size::WHOLE, &[Software::Holdfast])?,
            "detection" => detection::measure(&mut table)?,
            "table" => table::measure(&mut table, table::ROUNDS)?,
            // For a look at what a change does.
            "table-once" => table::measure(&mut table, 1)?,
            unknown => {
                bail!("{unknown}: one of checks, checks-whole, checks-without-ipvs, detection, table, table-once")
            }
        }
    }
    table.print();
    Ok(())
}
