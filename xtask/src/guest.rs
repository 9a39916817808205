//! `cargo xtask guest`: one command in a guest.

use std::process::ExitCode;

use anyhow::Result;
use bed::figures::MARK;
use bed::guest::GuestCommand;
use bed::seed;

use crate::packages;

pub(crate) fn run(command: Vec<String>, modules: Vec<String>) -> Result<ExitCode> {
    packages::GUEST.install()?;
    let mut command = GuestCommand::new(command)?;
    command.modules = modules;
    command.environment.extend(seed::wishes());
    let report = command.run(&mut std::io::stdout())?;
    let (boot, run) = (report.boot.as_secs_f64(), report.run.as_secs_f64());
    eprintln!("{MARK}guest up after {boot:.1} s, its command ran {run:.1} s");
    Ok(ExitCode::from(u8::try_from(report.status).unwrap_or(1)))
}
