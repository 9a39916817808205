//! The demonstration: a pair of Holdfast directors under load, in a guest, while things break and heal.
//!
//! Started by `cargo xtask demo`. Ends by itself; not zero when something did not work.

// In a program `pub` says what a module offers to the others.
#![allow(unreachable_pub)]

mod report;
mod screen;
mod story;

use std::process::ExitCode;

use anyhow::Result;
use bed::site::{Forwarding, Site};

use crate::screen::Screen;
use crate::story::Story;

/// Set by `cargo xtask demo` when somebody watches on a terminal.
const SCREEN_VARIABLE: &str = "HOLDFAST_DEMO_SCREEN";

fn main() -> ExitCode {
    match demo() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(problem) => {
            println!("the demonstration could not be held: {problem:#}");
            ExitCode::FAILURE
        }
    }
}

/// True when everything went as it should.
fn demo() -> Result<bool> {
    story::load_modules()?;
    let site = Site::new(Forwarding::Dr)?;
    let redraws = std::env::var_os(SCREEN_VARIABLE).is_some();
    let report = Story::tell(&site, &Screen::new(redraws))?;
    print!("{}", report.for_people());
    println!("{}{}", report::RECORD_MARK, report.as_json()?);
    Ok(report.everything_worked())
}
