//! `cargo xtask simulate`: seeds until the time is up, or one seed in full.

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use clap::Parser;
use holdfast_simulation::campaign;
use holdfast_simulation::scenario::Scenario;
use holdfast_simulation::statistics::Statistics;

/// Simulate elections under trouble
#[derive(Parser)]
#[command(name = "cargo xtask simulate", bin_name = "cargo xtask simulate")]
struct Arguments {
    /// Run this seed alone and show its last events
    #[arg(long, value_name = "N", conflicts_with_all = ["first", "minutes", "seeds"])]
    seed: Option<u64>,
    /// The first of many seeds
    #[arg(long, value_name = "N", default_value_t = 1)]
    first: u64,
    /// Stop after so many minutes
    #[arg(long, value_name = "M", default_value_t = 1.0)]
    minutes: f64,
    /// Stop after so many seeds
    #[arg(long, value_name = "K")]
    seeds: Option<u64>,
    /// Threads
    #[arg(long, value_name = "T", default_value_t = 1)]
    threads: usize,
    /// Show what failed as found, with all its troubles
    #[arg(long)]
    whole: bool,
    /// One line for a failure, nothing else
    #[arg(long)]
    brief: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    arguments
        .seed
        .map_or_else(|| many(&arguments), |seed| one(&arguments, seed))
}

fn one(arguments: &Arguments, seed: u64) -> ExitCode {
    let scenario = Scenario::of(seed);
    let (statistics, failure) = campaign::run(&scenario);
    for line in statistics.lines() {
        println!("{line}");
    }
    let Some(failure) = failure else {
        println!("seed {seed}: every invariant held");
        return ExitCode::SUCCESS;
    };
    let failure = if arguments.whole {
        failure
    } else {
        campaign::shorten(failure)
    };
    println!("{}", failure.lines().join("\n"));
    ExitCode::FAILURE
}

fn many(arguments: &Arguments) -> ExitCode {
    let since = Instant::now();
    let end = since + Duration::from_secs_f64(arguments.minutes * 60.0);
    let last = arguments.first.saturating_add(arguments.seeds.unwrap_or(u64::MAX));
    let next = AtomicU64::new(arguments.first);
    let stop = AtomicBool::new(false);
    let total = Mutex::new((Statistics::default(), None));
    let work = || {
        while !stop.load(Ordering::Relaxed) && Instant::now() < end {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= last {
                break;
            }
            let (statistics, failure) = campaign::run(&Scenario::of(seed));
            // A thread that panicked has failed the run already.
            let Ok(mut total) = total.lock() else { break };
            total.0.add(&statistics);
            if failure.is_some() && total.1.is_none() {
                total.1 = failure;
                stop.store(true, Ordering::Relaxed);
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..arguments.threads.max(1) {
            scope.spawn(work);
        }
    });
    let Ok((statistics, failure)) = total.into_inner() else {
        return ExitCode::FAILURE;
    };
    if arguments.brief {
        return failure.map_or(ExitCode::SUCCESS, |failure| {
            println!("{} (seed {})", failure.violation.invariant, failure.scenario.seed);
            ExitCode::FAILURE
        });
    }
    let minutes = since.elapsed().as_secs_f64() / 60.0;
    #[allow(clippy::cast_precision_loss, reason = "a figure for people")]
    let pace = statistics.seeds as f64 / minutes;
    for line in statistics.lines() {
        println!("{line}");
    }
    println!(
        "seeds {} and up, {minutes:.1} minutes on {} threads: {pace:.0} seeds and {:.0} node-hours per minute",
        arguments.first,
        arguments.threads,
        statistics.node_hours() / minutes
    );
    let Some(failure) = failure else {
        println!("every invariant held");
        return ExitCode::SUCCESS;
    };
    let failure = if arguments.whole {
        failure
    } else {
        campaign::shorten(failure)
    };
    println!("{}", failure.lines().join("\n"));
    ExitCode::FAILURE
}
