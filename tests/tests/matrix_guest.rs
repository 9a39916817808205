//! The cells of the interoperation matrix that need a machine's first namespaces, in which the better director runs: only
//! there the kernel tells of processes. In a guest: `cargo xtask test guest`.

use std::time::Duration;

use anyhow::Result;
use bed::matrix::{Act, Company, Instance, Scenario, Step, Until, check, scenario, start};

/// A guest stands still for seconds when its host is busy. How soon a tracker acts is not the question here.
const SLOW: Duration = Duration::from_secs(6);

/// Two programs with names that no other has begin, and end.
const BEGIN_A: &[&str] = &[
    "sh",
    "-c",
    "cp /bin/sleep /run/hf-a; { /run/hf-a 1000 >/run/log 2>&1 </dev/null & echo $! >/run/a; }",
];
const BEGIN_B: &[&str] = &[
    "sh",
    "-c",
    "cp /bin/sleep /run/hf-b; { /run/hf-b 1000 >/run/log 2>&1 </dev/null & echo $! >/run/b; }",
];
const END_A: &[&str] = &["sh", "-c", "kill -9 $(cat /run/a)"];
const END_B: &[&str] = &["sh", "-c", "kill -9 $(cat /run/b)"];

/// The instance cannot do without the one program, and is worth less without the other.
fn track_process() -> Scenario {
    let block = |name| format!("vrrp_track_process {name} {{\n    process hf-{name}\n}}\n");
    let tracks = "track_process {\n        a\n        b weight -60\n    }";
    let first = format!("{}{}{}", block("a"), block("b"), Instance::of(0).line(tracks).text());
    let steps = vec![
        Step::new(Act::Run(0, BEGIN_A), Until::Nobody),
        Step::new(Act::Run(0, BEGIN_B), Until::Nobody),
        start(0, 0),
        start(1, 0),
        Step::new(Act::Run(0, END_A), Until::Master(1)),
        Step::new(Act::Run(0, BEGIN_A), Until::Master(0)),
        Step::new(Act::Run(0, END_B), Until::Master(1)),
        // The next run is on the same machine.
        Step::new(Act::Run(0, END_A), Until::Master(1)),
    ];
    Scenario {
        company: Company::ThisMachine,
        ..scenario(
            "track_process",
            vec![first, Instance::of(1).text()],
            steps.into_iter().map(|step| step.slack(SLOW)).collect(),
        )
    }
}

/// One run after the other: there is one machine.
#[test]
#[ignore = "needs a guest: cargo xtask test guest"]
fn tracked_processes() -> Result<()> {
    check(&track_process())
}
