//! Many seeds, one after the other.

use crate::scenario::{Scenario, Trouble};
use crate::statistics::{Statistics, moment};
use crate::world::World;
use crate::{Nanos, Violation};

/// Most runs that are spent on finding a shorter list of troubles.
const MOST_ATTEMPTS: usize = 400;

/// A seed that showed something, with what is needed to understand it.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The scenario, with as few troubles as were found to be enough.
    pub scenario: Scenario,
    /// What the seed showed first.
    pub violation: Violation,
    /// Troubles before the shortening.
    pub troubles: usize,
    /// The last events.
    pub trace: Vec<String>,
}

/// Runs one scenario.
pub fn run(scenario: &Scenario) -> (Statistics, Option<Failure>) {
    let mut world = World::new(scenario);
    world.run(scenario);
    let failure = world.violation.map(|violation| Failure {
        scenario: scenario.clone(),
        violation,
        troubles: scenario.troubles.len(),
        trace: world.trace.lines(),
    });
    (world.statistics, failure)
}

/// Leaves out troubles as long as the same invariant fails.
pub fn shorten(failure: Failure) -> Failure {
    let mut best = failure;
    let invariant = best.violation.invariant;
    let troubles = best.troubles;
    let mut attempts = 0;
    let mut size = best.scenario.troubles.len().div_ceil(2);
    while size > 0 && attempts < MOST_ATTEMPTS {
        let mut at = 0;
        let mut shortened = false;
        while at < best.scenario.troubles.len() && attempts < MOST_ATTEMPTS {
            let mut candidate = best.scenario.clone();
            let end = (at + size).min(candidate.troubles.len());
            candidate.troubles.drain(at..end);
            attempts += 1;
            match run(&candidate).1 {
                Some(found) if found.violation.invariant == invariant => {
                    best = found;
                    shortened = true;
                }
                _ => at += size,
            }
        }
        if !shortened || size > 1 {
            size /= 2;
        }
    }
    best.troubles = troubles;
    best
}

impl Failure {
    /// Everything about it, for people.
    pub fn lines(&self) -> Vec<String> {
        let Violation { invariant, detail, at } = &self.violation;
        let mut lines = vec![
            format!("seed {}: {invariant}", self.scenario.seed),
            format!("    at {}: {detail}", moment(*at)),
            format!("    run it again: cargo xtask simulate --seed {}", self.scenario.seed),
        ];
        for node in &self.scenario.nodes {
            lines.push(format!("--- n{}, clock gains {}/2^20", node.index, node.clock_gain));
            lines.extend(crate::configuration::text(node).lines().map(str::to_owned));
        }
        let (left, all) = (self.scenario.troubles.len(), self.troubles);
        lines.push(format!("--- {left} of {all} troubles are enough"));
        let line = |(at, trouble): &(Nanos, Trouble)| format!("{} {trouble:?}", moment(*at));
        lines.extend(self.scenario.troubles.iter().map(line));
        lines.push("--- the last events".to_owned());
        lines.extend(self.trace.iter().cloned());
        lines
    }
}
