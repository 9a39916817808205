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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scripts::{Identity, Script};

    /// Long enough for anything that happens at all.
    const PATIENCE: Duration = Duration::from_secs(30);

    fn shell(text: &str) -> Script {
        Script::new(vec!["/bin/sh".into(), "-c".into(), text.into()], Identity::current())
    }

    fn commands(table: &[(&str, &str)]) -> (Commands, mpsc::UnboundedReceiver<Report>) {
        let (reports, received) = mpsc::unbounded_channel();
        let mut commands = Commands::new(reports);
        commands.configure(
            table
                .iter()
                .map(|(name, text)| ((*name).to_owned(), shell(text)))
                .collect(),
        );
        (commands, received)
    }

    async fn next(received: &mut mpsc::UnboundedReceiver<Report>) -> CommandReport {
        match tokio::time::timeout(PATIENCE, received.recv()).await {
            Ok(Some(Report::Command(report))) => report,
            other => panic!("no report of a command: {other:?}"),
        }
    }

    fn run(commands: &mut Commands, checker: u64, generation: u64, name: &str) {
        commands.run(CheckerId(checker), Generation(generation), name, 10 * PATIENCE);
    }

    /// Who asked, and what came of it; `None`: nobody has to know.
    fn told(commands: &mut Commands, report: CommandReport) -> Option<(u64, u64, CommandEnd)> {
        match commands.handle(report)? {
            ToChecker::CommandEnded {
                checker,
                generation,
                end,
            } => Some((checker.0, generation.0, end)),
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn each_end_is_told_to_who_asked() {
        let (mut commands, mut received) = commands(&[
            ("good", "exit 0"),
            ("bad", "exit 7"),
            ("killed", "kill -9 $$"),
            ("slow", "sleep 60"),
        ]);
        for (number, (name, expected)) in [
            ("good", CommandEnd::Exited(0)),
            ("bad", CommandEnd::Exited(7)),
            ("killed", CommandEnd::Failed("killed by signal 9".to_owned())),
            (
                "unknown",
                CommandEnd::NotRun("the configuration has no such command".to_owned()),
            ),
        ]
        .into_iter()
        .enumerate()
        {
            let number = u64::try_from(number).unwrap();
            run(&mut commands, number, 100 + number, name);
            let report = next(&mut received).await;
            let told = told(&mut commands, report).unwrap();
            assert_eq!((told.0, told.1), (number, 100 + number));
            assert_eq!(format!("{:?}", told.2), format!("{expected:?}"), "{name}");
        }
        commands.run(CheckerId(9), Generation(1), "slow", Duration::from_millis(50));
        let report = next(&mut received).await;
        let (_, _, end) = told(&mut commands, report).unwrap();
        assert!(matches!(end, CommandEnd::TimedOut), "{end:?}");
    }

    #[tokio::test]
    async fn an_end_is_told_once_and_only_to_the_last_who_asked() {
        let (mut commands, mut received) = commands(&[("first", "exit 1"), ("second", "exit 2")]);
        run(&mut commands, 1, 1, "first");
        let stale = next(&mut received).await;
        // The checker gave it up meanwhile and asked again.
        run(&mut commands, 1, 2, "second");
        assert!(told(&mut commands, stale).is_none());
        let report = next(&mut received).await;
        let again = CommandReport {
            checker: report.checker,
            generation: report.generation,
            end: CommandEnd::Exited(0),
        };
        let (_, generation, end) = told(&mut commands, report).unwrap();
        assert!(generation == 2 && matches!(end, CommandEnd::Exited(2)), "{end:?}");
        assert!(told(&mut commands, again).is_none());
    }

    /// A command that writes its number and then hangs; what it says is read when it is there.
    async fn hanging(commands: &mut Commands, checker: u64, name: &str, note: &std::path::Path) -> i32 {
        run(commands, checker, 1, name);
        let read = async {
            loop {
                if let Ok(text) = std::fs::read_to_string(note)
                    && let Ok(number) = text.trim().parse()
                {
                    return number;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(PATIENCE, read).await.expect("it does not start")
    }

    async fn wait_for_end(pid: i32) {
        let gone = async {
            let state = || std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            // Killed and not yet reaped is an end, too.
            while !state().is_empty() && !state().contains(") Z ") {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(PATIENCE, gone).await.expect("it still runs");
    }

    #[tokio::test]
    async fn what_is_stopped_ends_and_nobody_hears_of_it() {
        let note = |name: &str| std::env::temp_dir().join(format!("holdfast-commands-{name}-{}", std::process::id()));
        let notes = ["one", "two", "three"].map(note);
        // Another process of its group must not outlive it.
        let texts = notes
            .each_ref()
            .map(|note| format!("sleep 300 & echo $! > {}; wait", note.display()));
        let (mut commands, mut received) = commands(&[("one", &texts[0]), ("two", &texts[1]), ("three", &texts[2])]);
        let mut pids = Vec::new();
        for (number, (name, note)) in ["one", "two", "three"].into_iter().zip(&notes).enumerate() {
            pids.push(hanging(&mut commands, u64::try_from(number).unwrap(), name, note).await);
        }
        commands.stop(CheckerId(0));
        wait_for_end(pids[0]).await;
        let running = |pid: i32| std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        assert!(running(pids[1]).contains(") S "), "another one's: {}", running(pids[1]));
        commands.stop_all();
        wait_for_end(pids[1]).await;
        wait_for_end(pids[2]).await;
        assert!(received.try_recv().is_err());
        for note in &notes {
            std::fs::remove_file(note).unwrap();
        }
    }

    /// The checker has given up a command that hangs, and asks again.
    #[tokio::test]
    async fn a_check_has_one_command_at_a_time() {
        let note = std::env::temp_dir().join(format!("holdfast-commands-again-{}", std::process::id()));
        let text = format!("sleep 300 & echo $! > {}; wait", note.display());
        let (mut commands, mut received) = commands(&[("hanging", &text), ("good", "exit 0")]);
        let former = hanging(&mut commands, 1, "hanging", &note).await;
        run(&mut commands, 1, 2, "good");
        let report = next(&mut received).await;
        assert!(told(&mut commands, report).is_some_and(|(_, generation, _)| generation == 2));
        wait_for_end(former).await;
        std::fs::remove_file(note).unwrap();
    }

    #[tokio::test]
    async fn a_reload_lets_commands_go_on_and_then_has_others() {
        let (mut commands, mut received) = commands(&[("check", "exit 3")]);
        run(&mut commands, 1, 1, "check");
        commands.configure([("check".to_owned(), shell("exit 4"))].into_iter().collect());
        let report = next(&mut received).await;
        let (_, _, end) = told(&mut commands, report).unwrap();
        assert!(matches!(end, CommandEnd::Exited(3)), "{end:?}");
        run(&mut commands, 1, 2, "check");
        let report = next(&mut received).await;
        let (_, _, end) = told(&mut commands, report).unwrap();
        assert!(matches!(end, CommandEnd::Exited(4)), "{end:?}");
    }
}
