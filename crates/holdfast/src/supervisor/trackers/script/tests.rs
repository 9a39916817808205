use super::*;
use crate::scripts::Identity;
use std::path::PathBuf;

fn shell(text: &str) -> Script {
    Script::new(vec!["/bin/sh".into(), "-c".into(), text.into()], Identity::current())
}

fn timing(interval_ms: u64, timeout_ms: u64) -> Timing {
    Timing {
        interval: Duration::from_millis(interval_ms),
        timeout: Duration::from_millis(timeout_ms),
    }
}

/// Runs a command until it has had so many results.
fn outcomes(command: Script, timing: Timing, count: usize) -> Vec<Outcome> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(async {
            let (sender, mut results) = mpsc::unbounded_channel();
            let (stop, stopped) = mpsc::channel(1);
            let task = tokio::spawn(run_in_turn(command, timing, stopped, move |outcome| {
                let _ = sender.send(outcome);
            }));
            let mut seen = Vec::new();
            while seen.len() < count {
                let next = tokio::time::timeout(Duration::from_mins(1), results.recv()).await;
                seen.push(next.expect("a result that did not come").unwrap());
            }
            drop(stop);
            task.await.unwrap();
            seen
        })
}

fn path(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("holdfast-{name}-{}", std::process::id()))
}

#[test]
fn a_run_ends_by_status_or_signal() {
    let only = |text: &str| outcomes(shell(text), timing(1000, 5000), 1).remove(0);
    assert_eq!(only("exit 0"), Outcome::Succeeded);
    assert_eq!(only("exit 3"), Outcome::Exited(3));
    assert_eq!(Outcome::Exited(3).success(), Some(false));
    assert_eq!(only("kill -9 $$"), Outcome::Failed("killed by signal 9".into()));
}

#[test]
fn what_cannot_be_run_has_failed_and_a_text_is_the_shells() {
    use std::os::unix::fs::PermissionsExt;
    let run = |program: &std::path::Path| Script::new(vec![program.into()], Identity::current());
    let missing = outcomes(run(std::path::Path::new("/no/such/program")), timing(10, 5000), 2);
    assert!(
        missing.iter().all(|it| it.success() == Some(false)),
        "{missing:?}: one after the other"
    );
    let text = path("text-script");
    std::fs::write(&text, "exit 4\n").unwrap();
    std::fs::set_permissions(&text, std::fs::Permissions::from_mode(0o755)).unwrap();
    let ended = outcomes(run(&text), timing(1000, 5000), 1);
    std::fs::remove_file(&text).unwrap();
    assert_eq!(ended, [Outcome::Exited(4)]);
}

#[test]
fn the_host_is_to_blame_when_it_cannot_start_anything() {
    let outcome = |number| Outcome::of_failed_start(&std::io::Error::from_raw_os_error(number));
    assert_eq!(outcome(libc::EAGAIN).success(), None);
    assert_eq!(outcome(libc::ENOMEM).success(), None);
    assert_eq!(outcome(libc::EACCES).success(), Some(false));
}

#[test]
fn a_hanging_command_is_ended_with_all_it_started_and_runs_again() {
    let log = path("hanging");
    // The first shell ignores SIGTERM, so only SIGKILL two seconds later ends it.
    let text = format!(
        "echo start >> {0}; trap '' TERM; sleep 20 & wait; sleep 20",
        log.display()
    );
    let since = std::time::Instant::now();
    // In less time than that the first one might not even have begun.
    let seen = outcomes(shell(&text), timing(300, 1000), 2);
    let took = since.elapsed();
    let starts = std::fs::read_to_string(&log).unwrap().lines().count();
    std::fs::remove_file(&log).unwrap();
    assert_eq!(seen, [Outcome::TimedOut, Outcome::TimedOut]);
    assert_eq!(starts, 2, "never two at once");
    assert!(took >= TERMINATION_LIMIT, "{took:?}");
}

#[test]
fn turns_that_a_run_took_are_missed() {
    let started = Instant::now();
    let after = |ms| started + Duration::from_millis(ms);
    let next = |ran_ms, interval_ms| next_turn(started, after(ran_ms), Duration::from_millis(interval_ms));
    assert_eq!(next(10, 100), after(100));
    assert_eq!(next(250, 100), after(300));
    assert_eq!(next(100, 100), after(200));
}

#[test]
fn the_next_run_is_an_interval_after_the_start_of_the_last_one_and_never_beside_it() {
    let log = path("turns");
    let text = format!("echo in >> {0}; sleep 0.25; echo out >> {0}", log.display());
    let since = std::time::Instant::now();
    let seen = outcomes(shell(&text), timing(100, 5000), 3);
    let took = since.elapsed();
    let order = std::fs::read_to_string(&log).unwrap();
    std::fs::remove_file(&log).unwrap();
    assert!(seen.iter().all(|it| *it == Outcome::Succeeded), "{seen:?}");
    assert!(order.starts_with("in\nout\nin\nout\nin\nout\n"), "{order}");
    // Turns at 0, 0.3 and 0.6 s: those in between are missed.
    assert!(took >= Duration::from_millis(850), "{took:?}");
}

#[test]
fn time_in_which_the_host_stood_still_is_not_the_commands() {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(async {
            let mut run = Run(scripts::start(&shell("sleep 2.2")).unwrap());
            let limit = Duration::from_millis(1500);
            let judged = run.outcome(limit);
            let stall = async {
                tokio::task::yield_now().await;
                // Nothing in this thread runs, as on a host that stands still.
                std::thread::sleep(Duration::from_secs(2));
                std::future::pending::<()>().await;
            };
            let outcome = tokio::select! {
                outcome = judged => outcome,
                () = stall => unreachable!(),
            };
            assert_eq!(outcome, Outcome::Succeeded);
        });
}
