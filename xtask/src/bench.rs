//! `cargo xtask bench`: figures next to keepalived's, from a release build, one measurement after the other.

mod files;
mod parse;

use std::process::Command;

use clap::ValueEnum;

use crate::packages;
use crate::steps::Steps;
use crate::test::{build_needs, cargo, guest_runner, test_program};

/// What is measured.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Subject {
    /// Reading large and small configurations: needs root for a network of its own
    Parse,
    /// Lateness, processor time and memory of VRRP with one virtual router and with a thousand: needs root for networks
    Vrrp,
    /// Outages and memory of directors, in a guest
    Failover,
    /// Many checks a second, some of servers that hang: punctuality, processor time and memory; in a guest, then as root without IPVS
    Checks,
    /// From the death of a server to its removal from the kernel's table, in a guest
    Detection,
    /// Start, reload and stop with 500 services of 20 servers, in a guest
    Table,
}

/// Measures one thing, or all; `sections` chooses parts of `vrrp`.
pub(crate) fn run(subject: Option<Subject>, sections: &[String]) -> Steps {
    // Asked first: a build may replace the file that we run from.
    let runner = guest_runner();
    let mut steps = Steps::default();
    let mut build = cargo();
    build.args(["build", "--release", "--package", "holdfast"]);
    if !build_needs(&mut steps) || !steps.command("release build", &mut build) {
        return steps;
    }
    let wanted = |candidate| subject.is_none_or(|subject| subject == candidate);
    if wanted(Subject::Parse) && steps.step("what reading needs", || packages::PEERS.install()) {
        parse::run(&mut steps);
    }
    if wanted(Subject::Vrrp) && steps.step("what peers need", || packages::PEERS.install()) {
        let mut vrrp = cargo();
        vrrp.args([
            "run",
            "--release",
            "--package",
            "holdfast-tests",
            "--example",
            "vrrp-bench",
        ]);
        steps.command("VRRP", vrrp.arg("--").args(sections));
    }
    if wanted(Subject::Failover) && steps.step("what a guest needs", || packages::GUEST.install()) {
        let mut failover = test_program("holdfast-tests", "failover");
        failover.args(["--release", "--config", &runner]);
        failover.args(["--", "--ignored", "--test-threads", "1"]);
        steps.command("failover", &mut failover);
    }
    let in_guest = [
        (Subject::Checks, "checks", "checks"),
        (Subject::Checks, "checks, five times as many", "checks-whole"),
        (Subject::Detection, "detection", "detection"),
        (Subject::Table, "start, reload and stop", "table"),
    ];
    for (_, name, section) in in_guest.into_iter().filter(|(subject, ..)| wanted(*subject)) {
        if steps.step("what a guest needs", || packages::GUEST.install()) {
            steps.command(name, ipvs_bench().args(["--config", &runner]).args(["--", section]));
        }
    }
    if wanted(Subject::Checks) {
        let section = "checks-without-ipvs";
        steps.command("checks on this machine", ipvs_bench().args(["--", section]));
    }
    steps
}

/// What measures checks and the table; arguments for cargo and for it are to follow.
fn ipvs_bench() -> Command {
    let mut command = cargo();
    command.args([
        "run",
        "--release",
        "--package",
        "holdfast-tests",
        "--example",
        "ipvs-bench",
    ]);
    command
}
