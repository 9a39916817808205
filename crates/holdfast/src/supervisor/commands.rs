//! Commands that the checker process has run: `MISC_CHECK`. They run here, because they may need rights that the checker does
//! not have.

use std::collections::HashMap;
use std::time::Duration;

use holdfast_health::event::{CheckerId, Generation};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use super::Report;
use super::trackers::{Outcome, run_once};
use crate::ipc::{CommandEnd, ToChecker};
use crate::plan::commands::CommandTable;

/// The commands of the configuration in force, and those that run.
#[derive(Debug)]
pub struct Commands {
    table: CommandTable,
    running: HashMap<CheckerId, (Generation, AbortHandle)>,
    reports: mpsc::UnboundedSender<Report>,
}

/// A command of a check has ended.
#[derive(Debug)]
pub struct CommandReport {
    checker: CheckerId,
    generation: Generation,
    end: CommandEnd,
}

impl Commands {
    /// No commands yet.
    pub fn new(reports: mpsc::UnboundedSender<Report>) -> Self {
        Self {
            table: CommandTable::default(),
            running: HashMap::new(),
            reports,
        }
    }

    /// Goes on with the commands of another configuration. Those that run go on.
    pub fn configure(&mut self, table: CommandTable) {
        self.table = table;
    }

    /// Runs a command for a check, for at most this long. Its end is reported.
    pub fn run(&mut self, checker: CheckerId, generation: Generation, name: &str, timeout: Duration) {
        let script = self.table.get(name).cloned();
        let reports = self.reports.clone();
        let task = tokio::spawn(async move {
            let outcome = match script {
                Some(script) => run_once(&script, timeout).await,
                None => Outcome::NotRun("the configuration has no such command".to_owned()),
            };
            let end = match outcome {
                Outcome::Succeeded => CommandEnd::Exited(0),
                Outcome::Exited(status) => CommandEnd::Exited(status),
                Outcome::Failed(how) => CommandEnd::Failed(how),
                Outcome::TimedOut => CommandEnd::TimedOut,
                Outcome::NotRun(why) => CommandEnd::NotRun(why),
            };
            // Without a supervisor nobody needs the result.
            let _ = reports.send(Report::Command(CommandReport {
                checker,
                generation,
                end,
            }));
        });
        let former = self.running.insert(checker, (generation, task.abort_handle()));
        if let Some((_, former)) = former {
            former.abort();
        }
    }

    /// Ends the command of a check, with all that it started.
    pub fn stop(&mut self, checker: CheckerId) {
        if let Some((_, task)) = self.running.remove(&checker) {
            task.abort();
        }
    }

    /// Ends all of them: whoever wanted to know has ended.
    pub fn stop_all(&mut self) {
        self.running.drain().for_each(|(_, (_, task))| task.abort());
    }

    /// Takes notice of an end. Returns what the checker process has to know, if it still wants to.
    pub fn handle(&mut self, report: CommandReport) -> Option<ToChecker> {
        let CommandReport {
            checker,
            generation,
            end,
        } = report;
        self.running.get(&checker).filter(|(it, _)| *it == generation)?;
        self.running.remove(&checker);
        Some(ToChecker::CommandEnded {
            checker,
            generation,
            end,
        })
    }
}
