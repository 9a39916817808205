//! How a process runs, as the kernel tells it.

use std::fs;

use anyhow::{Context, Result};
use nix::unistd::Pid;

/// What can be set of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attributes {
    /// Its name, 15 bytes at most.
    pub name: String,
    /// Nice value.
    pub nice: i64,
    /// `SCHED_RR` with this priority; `None`: another policy.
    pub realtime_priority: Option<i64>,
    /// Whether its memory is locked.
    pub locks_memory: bool,
    /// Processors it may run on, as `0-3,5`.
    pub cpus: String,
    /// Soft and hard limit of time at a real-time priority, as in `/proc/PID/limits`.
    pub realtime_limit: [String; 2],
}

/// `SCHED_RR` in `/proc/PID/stat`.
const ROUND_ROBIN: i64 = 2;

impl Attributes {
    /// Asks the kernel about the process's first thread.
    pub fn of(pid: Pid) -> Result<Self> {
        let read = |file: &str| fs::read_to_string(format!("/proc/{pid}/{file}")).with_context(|| file.to_owned());
        let (stat, status, limits) = (read("stat")?, read("status")?, read("limits")?);
        // The second field is the name in parentheses, which may hold anything. The next one is number 3 in proc(5).
        let fields: Vec<&str> = stat
            .rsplit_once(')')
            .map(|(_, rest)| rest.split_whitespace().collect())
            .unwrap_or_default();
        let field = |number: usize| -> Result<i64> {
            let text = fields.get(number - 3).with_context(|| format!("field {number}"))?;
            Ok(text.parse()?)
        };
        let word = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.map(str::trim).with_context(|| name.to_owned())
        };
        let limit = limits
            .lines()
            .find_map(|line| line.strip_prefix("Max realtime timeout"))
            .context("no limit of real time")?;
        let mut values = limit.split_whitespace().map(str::to_owned);
        let mut value = || values.next().context("a limit without values");
        Ok(Self {
            name: read("comm")?.trim_end().to_owned(),
            nice: field(19)?,
            realtime_priority: (field(41)? == ROUND_ROBIN).then(|| field(40)).transpose()?,
            locks_memory: word("VmLck:")? != "0 kB",
            cpus: word("Cpus_allowed_list:")?.to_owned(),
            realtime_limit: [value()?, value()?],
        })
    }
}
