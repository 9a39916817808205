//! `cargo xtask simulate`: the election under trouble, optimised, in a profile of its own.

use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

use crate::test::cargo;

/// The profile of `Cargo.toml` that simulations are built with.
pub(crate) const PROFILE: &str = "simulation";
/// The package and its binary.
pub(crate) const PACKAGE: &str = "holdfast-simulation";
/// Seeds of each `cargo xtask test`: some 15 seconds.
const SHORT_PORTION: &str = "5000";

/// Hands the arguments to the simulation.
pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    let status = simulate(arguments).status().context("starting the simulation")?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Two and three nodes in all ways, up to the bound that each case states.
pub(crate) fn model_check() -> Result<ExitCode> {
    let status = cargo()
        .args(["test", "--profile", PROFILE, "--package", PACKAGE, "--test", "model"])
        .args(["--", "--include-ignored", "--nocapture", "--test-threads", "1"])
        .status()
        .context("starting the model check")?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The part that everybody's test runs.
pub(crate) fn short_portion() -> Command {
    simulate(&["--seeds", SHORT_PORTION, "--minutes", "10"].map(str::to_owned))
}

fn simulate(arguments: &[String]) -> Command {
    let mut command = cargo();
    command
        .args(["run", "--quiet", "--profile", PROFILE, "--package", PACKAGE])
        .args(["--bin", "simulate", "--"])
        .args(arguments);
    command
}
