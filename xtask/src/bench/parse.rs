//! `cargo xtask bench parse`: what `-t -f FILE` costs, beside keepalived, in one run.
//!
//! Both programs read the same files in turn, in a network of their own that has the interfaces the files name, so that
//! neither has anything to complain about. keepalived's work grows with the square of the number of instances: the
//! largest file it reads once, and is stopped when that takes minutes; the ratio is then a lower bound. keepalived also
//! looks at the programs that a file mentions, which `-t` does not need to.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use bed::node::Node;
use bed::usage::{Usage, measure};

use super::files;
use crate::steps::Steps;

/// Size of the flat file.
const FLAT_BYTES: usize = 20_000_000;
/// Runs of each program with files that take long, and with the small one.
const ROUNDS: usize = 5;
const ROUNDS_SMALL: usize = 41;
/// When keepalived is stopped.
const PATIENCE: Duration = Duration::from_mins(4);

/// At least this many times faster than keepalived.
const FASTER: f64 = 4.0;
/// At most this many times its memory.
const MEMORY: f64 = 2.0;
/// Processor time for a small file.
const SMALL_CPU: Duration = Duration::from_millis(5);

/// A file and what must hold for it.
struct Case {
    name: String,
    path: PathBuf,
    rounds: usize,
    keepalived_rounds: usize,
    goal: Goal,
}

enum Goal {
    /// Compared with keepalived.
    Ratios,
    /// Processor time of Holdfast.
    Cpu(Duration),
}

/// Makes the files and measures each.
pub(super) fn run(steps: &mut Steps) {
    let mut prepared = None;
    let made = steps.step("files and network", || {
        prepared = Some(prepare()?);
        Ok(())
    });
    let Some((bench, cases)) = prepared.filter(|_| made) else {
        return;
    };
    let mut missed = Vec::new();
    let measured = steps.measured("reading configurations", || {
        let mut lines = Vec::new();
        for case in &cases {
            let figures = bench.measure(case)?;
            let shown = figures.lines(case);
            for line in &shown {
                println!("{line}");
            }
            lines.extend(shown);
            missed.extend(figures.missed(case));
        }
        Ok(lines)
    });
    if measured {
        steps.step("goals of reading", || {
            ensure!(missed.is_empty(), "{}", missed.join("; "));
            Ok(())
        });
    }
}

fn prepare() -> Result<(Bench, Vec<Case>)> {
    let target = bed::guest::cache_directory()?.join("..").canonicalize()?;
    let directory = target.join("bench");
    fs::create_dir_all(&directory)?;
    let path = |name: &str| directory.join(name);
    let pairs = files::flat(&path("flat.conf"), FLAT_BYTES)?;
    let some = files::sequences(&path("sequences.conf"), 36)?;
    let many = files::sequences(&path("more-sequences.conf"), files::INTERFACES)?;
    let small = files::small(&path("small.conf"))?;
    let case = |name: String, file: &str| Case {
        name,
        path: path(file),
        rounds: ROUNDS,
        keepalived_rounds: ROUNDS,
        goal: Goal::Ratios,
    };
    let cases = vec![
        Case {
            rounds: ROUNDS_SMALL,
            keepalived_rounds: ROUNDS_SMALL,
            goal: Goal::Cpu(SMALL_CPU),
            ..case(format!("{small} bytes"), "small.conf")
        },
        case(
            format!("20 MB, {pairs} instances and {pairs} virtual servers"),
            "flat.conf",
        ),
        case(format!("~SEQ, {some} instances"), "sequences.conf"),
        Case {
            keepalived_rounds: 1,
            ..case(format!("~SEQ, {many} instances"), "more-sequences.conf")
        },
    ];
    let bench = Bench {
        node: network()?,
        holdfast: target.join("release/holdfast"),
        said: path("said.txt"),
    };
    Ok((bench, cases))
}

/// A network with all interfaces, in pairs.
fn network() -> Result<Node> {
    let node = Node::new("bench")?;
    let pairs = (0..files::INTERFACES).step_by(2).flat_map(|number| {
        let (one, other) = (number, number + 1);
        [
            format!("link add eth{one} type veth peer name eth{other}"),
            format!("link set eth{one} up"),
            format!("link set eth{other} up"),
        ]
    });
    node.ip(&pairs.collect::<Vec<_>>())?;
    Ok(node)
}

struct Bench {
    node: Node,
    holdfast: PathBuf,
    /// What the last program said.
    said: PathBuf,
}

/// The runs with one file.
struct Figures {
    holdfast: Vec<Usage>,
    keepalived: Vec<Usage>,
}

impl Bench {
    fn measure(&self, case: &Case) -> Result<Figures> {
        let mut figures = Figures {
            holdfast: Vec::new(),
            keepalived: Vec::new(),
        };
        // The first run of each only brings file and program into memory.
        self.once(&self.holdfast, &case.path)?;
        for round in 0..case.rounds {
            figures.holdfast.push(self.once(&self.holdfast, &case.path)?);
            if round < case.keepalived_rounds {
                figures.keepalived.push(self.once(Path::new("keepalived"), &case.path)?);
            }
        }
        Ok(figures)
    }

    fn once(&self, program: &Path, file: &Path) -> Result<Usage> {
        let said = File::create(&self.said)?;
        let mut command = Command::new(program);
        command.args(["-t", "-f"]).arg(file).stdin(Stdio::null());
        command.stdout(said.try_clone()?).stderr(said);
        let usage = self.node.within(move || measure(command, Some(PATIENCE)))??;
        // No exit status: stopped for the time it took.
        if usage.status.code().is_some_and(|code| code != 0) {
            let said = fs::read_to_string(&self.said).unwrap_or_default();
            let first = said.lines().next().unwrap_or("nothing");
            bail!(
                "{} -t -f {}: {}, said: {first}",
                program.display(),
                file.display(),
                usage.status
            );
        }
        Ok(usage)
    }
}

impl Figures {
    fn lines(&self, case: &Case) -> Vec<String> {
        let mut lines = vec![format!(
            "{}: cpu {:.1} times faster, memory {:.2} of keepalived's{}",
            case.name,
            self.faster(),
            self.memory(),
            if self.stopped() {
                format!(" (at least: keepalived was stopped after {} s)", PATIENCE.as_secs())
            } else {
                String::new()
            }
        )];
        for (name, runs) in [("holdfast", &self.holdfast), ("keepalived", &self.keepalived)] {
            lines.push(format!(
                "    {name:<10} cpu {:>9.2} ms ({:.2} to {:.2}), wall {:>9.2} ms, {:>6.1} MiB, median of {}",
                median(runs, cpu_ms),
                least(runs, cpu_ms),
                most(runs, cpu_ms),
                median(runs, |usage| usage.wall.as_secs_f64() * 1e3),
                median(runs, resident_mib),
                runs.len()
            ));
        }
        lines
    }

    fn missed(&self, case: &Case) -> Vec<String> {
        let mut missed = Vec::new();
        let mut demand = |holds: bool, goal: String| {
            if !holds {
                missed.push(format!("{}: {goal}", case.name));
            }
        };
        match case.goal {
            Goal::Cpu(limit) => {
                let cpu = median(&self.holdfast, cpu_ms);
                let limit = limit.as_secs_f64() * 1e3;
                demand(cpu < limit, format!("{cpu:.2} ms of cpu, not below {limit} ms"));
            }
            Goal::Ratios => {
                let (faster, memory) = (self.faster(), self.memory());
                demand(faster >= FASTER, format!("{faster:.2} times faster, not {FASTER}"));
                demand(memory <= MEMORY, format!("{memory:.2} of its memory, not {MEMORY}"));
            }
        }
        missed
    }

    fn faster(&self) -> f64 {
        median(&self.keepalived, cpu_ms) / median(&self.holdfast, cpu_ms)
    }

    fn memory(&self) -> f64 {
        median(&self.holdfast, resident_mib) / median(&self.keepalived, resident_mib)
    }

    fn stopped(&self) -> bool {
        self.keepalived.iter().any(|usage| usage.status.code().is_none())
    }
}

fn cpu_ms(usage: &Usage) -> f64 {
    usage.cpu.as_secs_f64() * 1e3
}

#[allow(clippy::cast_precision_loss)] // for people
fn resident_mib(usage: &Usage) -> f64 {
    usage.resident_bytes as f64 / f64::from(1 << 20)
}

fn sorted(runs: &[Usage], figure: impl Fn(&Usage) -> f64) -> Vec<f64> {
    let mut figures: Vec<f64> = runs.iter().map(figure).collect();
    figures.sort_by(f64::total_cmp);
    figures
}

fn median(runs: &[Usage], figure: impl Fn(&Usage) -> f64) -> f64 {
    let sorted = sorted(runs, figure);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

fn least(runs: &[Usage], figure: impl Fn(&Usage) -> f64) -> f64 {
    sorted(runs, figure).first().copied().unwrap_or(f64::NAN)
}

fn most(runs: &[Usage], figure: impl Fn(&Usage) -> f64) -> f64 {
    sorted(runs, figure).last().copied().unwrap_or(f64::NAN)
}
