//! A program running in a node, and what it says.

use std::io::{BufRead, BufReader, PipeReader};
use std::process::{Child, ExitStatus};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::wait::{self, Record};

/// A line that a program wrote, and when it arrived.
#[derive(Debug, Clone)]
pub struct LogLine {
    /// When we read it.
    pub when: SystemTime,
    /// Without the line end.
    pub text: String,
}

/// A program running in a node. Dropping this leaves it running; it ends with its node.
#[derive(Debug)]
pub struct Process {
    pid: Pid,
    child: Arc<Mutex<Child>>,
    log: Arc<Record<LogLine>>,
    reader: JoinHandle<()>,
}

impl Process {
    pub(super) fn new(child: Child, output: PipeReader) -> Result<(Self, Arc<Mutex<Child>>)> {
        let pid = Pid::from_raw(child.id().cast_signed());
        let child = Arc::new(Mutex::new(child));
        let log = Arc::new(Record::new());
        let record = Arc::clone(&log);
        let read = move || {
            for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
                let text = String::from_utf8_lossy(&line).into_owned();
                record.push(LogLine {
                    when: SystemTime::now(),
                    text,
                });
            }
        };
        let reader = std::thread::Builder::new().name("log".into()).spawn(read)?;
        Ok((
            Self {
                pid,
                child: Arc::clone(&child),
                log,
                reader,
            },
            child,
        ))
    }

    /// The process number as this process sees it (another one than in the node).
    pub fn pid(&self) -> Pid {
        self.pid
    }

    /// Everything it and its children wrote to standard output and error.
    pub fn log(&self) -> &Record<LogLine> {
        &self.log
    }

    /// The log as one text.
    pub fn log_text(&self) -> String {
        self.log.all().into_iter().map(|line| line.text + "\n").collect()
    }

    /// The log once it and all its children have closed it.
    pub fn whole_log(&self, bound: Duration) -> Result<String> {
        wait::until("the end of a log", bound, || self.reader.is_finished())?;
        Ok(self.log_text())
    }

    /// Sends a signal to this process alone.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        kill(self.pid, signal).with_context(|| format!("sending {signal} to {}", self.pid))
    }

    /// The exit status, when it has ended.
    pub fn ended(&self) -> Result<Option<ExitStatus>> {
        Ok(self.child.lock().unwrap_or_else(PoisonError::into_inner).try_wait()?)
    }

    /// Waits for its end.
    pub fn wait(&self, bound: Duration) -> Result<ExitStatus> {
        let mut status = None;
        wait::until("the end of a program", bound, || {
            status = self.ended().ok().flatten();
            status.is_some()
        })?;
        status.context("no exit status")
    }

    /// Its children and theirs, parents first.
    pub fn descendants(&self) -> Vec<Pid> {
        descendants(self.pid)
    }

    /// Kills it and all its descendants with `SIGKILL`, none of them getting a word in; returns when all were dead.
    pub fn kill_all(&self) -> Result<SystemTime> {
        // While the parent is stopped it can neither replace a child nor tell the others by dying first.
        self.signal(Signal::SIGSTOP)?;
        for pid in self.descendants() {
            kill(pid, Signal::SIGKILL).with_context(|| format!("killing {pid}"))?;
        }
        self.signal(Signal::SIGKILL)?;
        let when = SystemTime::now();
        self.wait(Duration::from_secs(5))?;
        Ok(when)
    }
}

/// Not every kernel lists children (`/proc/PID/task/TID/children`), so everybody is asked for his parent.
fn descendants(pid: Pid) -> Vec<Pid> {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let parents: Vec<(i32, i32)> = numbers.filter_map(|number| Some((number, parent(number)?))).collect();
    let mut found = vec![pid.as_raw()];
    let mut next = 0;
    while let Some(&above) = found.get(next) {
        found.extend(
            parents
                .iter()
                .filter(|(_, parent)| *parent == above)
                .map(|(number, _)| *number),
        );
        next += 1;
    }
    found.into_iter().skip(1).map(Pid::from_raw).collect()
}

/// The second field after the name in parentheses, which may itself hold anything. Zombies are nobody's children here.
fn parent(number: i32) -> Option<i32> {
    let stat = std::fs::read_to_string(format!("/proc/{number}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let alive = fields.next()? != "Z";
    alive.then(|| fields.next()?.parse().ok())?
}
