//! Steps that are timed, and a summary that leaves nothing out.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, ExitCode, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bed::figures::MARK;

/// What was done, how long it took and how it ended.
#[derive(Default)]
pub(crate) struct Steps {
    done: Vec<Step>,
    figures: Vec<String>,
}

struct Step {
    name: &'static str,
    took: Duration,
    outcome: Result<()>,
}

impl Steps {
    /// Does a step; returns whether it went well. A failure is told at once and again in the summary.
    pub(crate) fn step(&mut self, name: &'static str, work: impl FnOnce() -> Result<()>) -> bool {
        self.measured(name, || work().map(|()| Vec::new()))
    }

    /// Runs a program as a step and keeps the figures that it prints.
    pub(crate) fn command(&mut self, name: &'static str, command: &mut Command) -> bool {
        self.measured(name, || run(command))
    }

    /// Does a step that has figures to show.
    pub(crate) fn measured(&mut self, name: &'static str, work: impl FnOnce() -> Result<Vec<String>>) -> bool {
        println!("\n=== {name}");
        let since = Instant::now();
        let outcome = work().map(|figures| self.figures.extend(figures));
        if let Err(problem) = &outcome {
            println!("=== {name}: {problem:#}");
        }
        let good = outcome.is_ok();
        self.done.push(Step {
            name,
            took: since.elapsed(),
            outcome,
        });
        good
    }

    /// Prints the summary; the exit code says whether everything went well.
    pub(crate) fn finish(&self) -> ExitCode {
        let mut summary = String::from("\n=== summary\n");
        for Step { name, took, outcome } in &self.done {
            let outcome = outcome
                .as_ref()
                .map_or_else(|problem| format!("FAILED: {problem:#}"), |()| "ok".to_owned());
            // Writing to a string cannot fail.
            let _ = writeln!(summary, "{:7.1} s  {name}: {outcome}", took.as_secs_f64());
        }
        let total: Duration = self.done.iter().map(|step| step.took).sum();
        let _ = writeln!(summary, "{:7.1} s  together", total.as_secs_f64());
        for figure in &self.figures {
            let _ = writeln!(summary, "           {figure}");
        }
        print!("{summary}");
        if self.done.iter().all(|step| step.outcome.is_ok()) {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }
}

/// Runs a program, passing on what it prints; returns the figures among that.
fn run(command: &mut Command) -> Result<Vec<String>> {
    let shown = format!("{} {}", command.get_program().display(), shown_arguments(command));
    println!("    {shown}");
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().with_context(|| format!("starting {shown}"))?;
    let output = child.stdout.take().context("no standard output")?;
    let errors = child.stderr.take().context("no standard error")?;
    let figures = thread::scope(|scope| {
        let errors = scope.spawn(|| pass_on(errors, |line| eprintln!("{line}")));
        let mut figures = pass_on(output, |line| println!("{line}"));
        figures.extend(errors.join().unwrap_or_default());
        figures
    });
    let status = child.wait()?;
    ensure!(status.success(), "{status}: {shown}");
    Ok(figures)
}

fn shown_arguments(command: &Command) -> String {
    command
        .get_args()
        .map(|argument| argument.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}

fn pass_on(stream: impl Read, print: impl Fn(&str)) -> Vec<String> {
    let mut figures = Vec::new();
    for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
        let line = String::from_utf8_lossy(&line);
        print(&line);
        figures.extend(line.strip_prefix(MARK).map(str::to_owned));
    }
    figures
}
