//! Quorum and sorry server: virtual servers and sequences of check results that a seed makes up, under keepalived and under
//! Holdfast, side by side. After each step the kernel's table is the same. In a guest, started by `cargo xtask test guest`.

mod generate;
mod stage;

use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use bed::daemon::{Daemon, Software};
use bed::seed::{self, Chance};
use bed::{figures, site, wait};

use generate::{Driver, Service, Step};
use stage::{FIFO, Site, Stage, Table};

/// Virtual servers; each makes one step in each round.
const SERVICES: u8 = 48;
const ROUNDS: usize = 11;

/// Detection on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long tables may differ after both directors have told of a change.
const LATENESS: Duration = Duration::from_secs(8);

/// Tables that stay the same for this long, when both directors have told of the change, are the ones that it leads to.
const SETTLED: Duration = Duration::from_millis(400);

/// At the start not every first result is told of: more than a round of checks.
const SETTLED_AT_START: Duration = Duration::from_secs(4);

/// The part of a table that belongs to a service.
fn part(table: &Table, service: &Service) -> Vec<String> {
    let lines = |key: String| {
        let lines = table.get(&key).into_iter().flatten();
        lines.cloned().collect::<Vec<_>>()
    };
    service.keys().into_iter().flat_map(lines).collect()
}

/// The virtual servers of a seed, and those that differed.
struct Trial<'a> {
    stage: Stage<'a>,
    services: Vec<Service>,
    differences: Vec<String>,
}

impl Trial<'_> {
    /// Waits until both directors acted and have the same table; a service that differs is noted and not looked at again.
    fn compare(&mut self, steps: &[Step], settled: Duration) -> Result<()> {
        let stage = &mut self.stage;
        let outcome = wait::until("both directors to tell of the steps", PATIENCE, || {
            stage.go_on();
            steps.iter().all(|step| stage.is_done(step))
        });
        if let Err(problem) = outcome {
            let late: Vec<_> = steps.iter().filter(|step| !stage.is_done(step)).collect();
            bail!("{problem}: {late:?}\ntold: {:?}", stage.told());
        }
        let same = |tables: &[Table; 2], service: &Service| {
            let [first, second] = tables;
            let there = part(first, service);
            !there.is_empty() && there == part(second, service)
        };
        let services = &self.services;
        let mut seen = stage.tables()?;
        let mut since = Instant::now();
        let outcome = wait::until("the same tables", LATENESS, || {
            stage.go_on();
            if let Ok(now) = stage.tables()
                && now != seen
            {
                seen = now;
                since = Instant::now();
            }
            since.elapsed() > settled && services.iter().all(|service| same(&seen, service))
        });
        if outcome.is_err() {
            let (same, different) = self.services.drain(..).partition(|service| same(&seen, service));
            self.services = same;
            for service in different {
                let report = report(&service, &seen);
                println!("{report}");
                self.differences.push(report);
            }
        }
        Ok(())
    }

    /// Each service makes a step.
    fn round(&mut self, chance: &mut Chance) -> Result<usize> {
        self.stage.forget_told();
        let steps: Vec<Step> = self
            .services
            .iter_mut()
            .filter_map(|service| service.step(chance))
            .collect();
        for step in &steps {
            self.stage.set(&step.real)?;
        }
        self.compare(&steps, SETTLED)?;
        Ok(steps.len())
    }
}

fn report(service: &Service, tables: &[Table; 2]) -> String {
    let [first, second] = tables;
    format!(
        "{}after {:#?}\nkeepalived has {:#?}\nHoldfast has {:#?}",
        service.text(),
        service.history,
        part(first, service),
        part(second, service)
    )
}

/// The first results that both directors tell of: those that are no surprise are not told.
fn first_steps(services: &[Service]) -> Vec<Step> {
    let mut steps = Vec::new();
    for service in services {
        for real in &service.reals {
            let told = real.driver == Driver::Tcp && real.up() == service.alpha;
            if told || real.driver == Driver::Misc {
                steps.push(Step {
                    real: real.clone(),
                    up: Some(real.up()),
                });
            }
        }
    }
    steps
}

/// All rounds of a seed; how many steps that were.
fn trial(seed: u64) -> Result<usize> {
    let mut chance = Chance::new(seed);
    let services: Vec<Service> = (0..SERVICES).map(|number| Service::new(&mut chance, number)).collect();
    let mut configuration = format!("global_defs {{\n lvs_notify_fifo {FIFO}\n script_user root\n}}\n");
    configuration.extend(services.iter().map(Service::text));
    let site = Site::new()?;
    let [first, second] = &site.directors;
    let mut stage = Stage::new(&site)?;
    for real in services.iter().flat_map(|service| &service.reals) {
        stage.set(real)?;
    }
    let mut keepalived = Daemon::start(Software::Keepalived, first, &configuration)?;
    let mut holdfast = Daemon::start(Software::Holdfast, second, &configuration)?;
    let mut trial = Trial {
        stage,
        differences: Vec::new(),
        services,
    };
    let first_steps = first_steps(&trial.services);
    trial.compare(&first_steps, SETTLED_AT_START)?;
    let mut steps = 0;
    for _ in 0..ROUNDS {
        steps += trial.round(&mut chance)?;
    }
    ensure!(
        trial.differences.is_empty(),
        "{} virtual servers differ; again with HOLDFAST_SEED={seed}\n{}",
        trial.differences.len(),
        trial.differences.join("\n")
    );
    // The logs of so many checks are for those who look for a difference.
    (keepalived, holdfast) = (keepalived.quiet(), holdfast.quiet());
    drop((keepalived, holdfast));
    Ok(steps)
}

#[test]
#[ignore = "needs a guest: cargo xtask test guest"]
fn same_tables_after_each_step() -> Result<()> {
    site::load_modules()?;
    let mut steps = 0;
    let since = Instant::now();
    for seed in seed::seeds(1) {
        steps += trial(seed)?;
    }
    let length = since.elapsed().as_secs_f64();
    figures::report_text(&format!(
        "quorum and sorry servers beside keepalived: the same table after each of {steps} steps, in {length:.0} s"
    ));
    Ok(())
}
