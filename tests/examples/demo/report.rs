//! What happened, for people and as JSON.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::Result;
use serde::Serialize;

/// How the line with the JSON record begins; `cargo xtask demo` takes it out of the output.
pub const RECORD_MARK: &str = "demo-record: ";

/// One thing that was done, and what came of it.
#[derive(Debug, Clone, Serialize)]
pub struct Step {
    /// What was done
    pub what: String,
    /// What should come of it
    pub expected: String,
    /// Whether it did
    pub worked: bool,
    /// Why not
    pub problem: Option<String>,
    /// Milliseconds from the deed until it had come
    pub took_ms: f64,
    /// Longest time without an answer for clients, in milliseconds, from the deed until service was undisturbed again
    pub outage_ms: f64,
    /// Requests in that time by the server that answered
    pub answers: BTreeMap<String, usize>,
    /// Requests in that time that nobody answered
    pub failed: usize,
    /// Who held the virtual address at the end
    pub master: Option<String>,
    /// Its IPVS table at the end, as ipvsadm shows it
    pub table: String,
}

/// The whole demonstration.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// Version of Holdfast
    pub version: String,
    /// The configuration of the better director
    pub configuration: String,
    /// Milliseconds between two requests
    pub request_interval_ms: u64,
    /// In their order
    pub steps: Vec<Step>,
}

impl Report {
    /// Whether all steps worked.
    pub fn everything_worked(&self) -> bool {
        !self.steps.is_empty() && self.steps.iter().all(|step| step.worked)
    }

    /// One line of JSON.
    pub fn as_json(&self) -> Result<String> {
        Ok(serde_json::to_string(self)?)
    }

    /// A table of the steps.
    pub fn for_people(&self) -> String {
        let mut text = format!(
            "\n{:<38} {:>8} {:>9} {:>7}  answers\n",
            "step", "took ms", "outage ms", "failed"
        );
        for step in &self.steps {
            let answers: Vec<String> = step
                .answers
                .iter()
                .map(|(server, count)| format!("{server} {count}"))
                .collect();
            // Writing to a String cannot fail.
            let _ = writeln!(
                text,
                "{:<38} {:>8.0} {:>9.0} {:>7}  {}{}",
                step.what,
                step.took_ms,
                step.outage_ms,
                step.failed,
                answers.join(", "),
                step.problem
                    .as_ref()
                    .map(|problem| format!("\n  FAILED: {problem}"))
                    .unwrap_or_default(),
            );
        }
        let verdict = if self.everything_worked() {
            "everything worked"
        } else {
            "something did NOT work"
        };
        let _ = writeln!(text, "\n{verdict}");
        text
    }
}
