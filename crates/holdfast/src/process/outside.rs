//! What the supervisor does to a child, which has no right to do it itself: processors, nice value, scheduling policy.

use std::io;
use std::time::Duration;

use libc::pid_t;
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

use super::ProcessSettings;
use super::scheduler::{Policy, UNLIMITED, limit_locked_memory, limit_realtime, own_nice, set_nice, set_policy};
use crate::role::Role;

/// A child and how it runs.
#[derive(Debug)]
pub struct Controlled {
    pid: pid_t,
    role: Role,
    settings: ProcessSettings,
    /// Configurations that the child has not yet taken in
    outstanding: u32,
    /// The real-time priority that it was given because it was late
    raised_to: Option<u8>,
    policy: Policy,
}

impl Controlled {
    /// A child that runs as it was started.
    pub fn new(pid: u32, role: Role) -> Self {
        Self {
            pid: pid_t::try_from(pid).unwrap_or(0),
            role,
            settings: ProcessSettings::default(),
            outstanding: 0,
            raised_to: None,
            policy: Policy::Usual,
        }
    }

    /// A configuration is on its way, with this behind it. To take in a large one takes longer than a process may run without
    /// a pause at a real-time priority, so it has none until that is done.
    pub fn configuring(&mut self, settings: ProcessSettings) {
        self.outstanding = self.outstanding.saturating_add(1);
        let former = std::mem::replace(&mut self.settings, settings);
        self.set_policy(Policy::Usual);
        let scheduling = |settings: &ProcessSettings| (settings.realtime_priority, settings.auto_priority);
        if scheduling(&former) != scheduling(&self.settings) {
            self.raised_to = None;
        }
        self.apply(&former);
    }

    /// It has been sent a configuration that it has not yet taken in.
    pub fn is_configuring(&self) -> bool {
        self.outstanding > 0
    }

    /// The child has taken in a configuration.
    pub fn configured(&mut self) {
        self.outstanding = self.outstanding.saturating_sub(1);
        if self.outstanding == 0
            && let Some(priority) = self.raised_to.or(self.settings.realtime_priority)
        {
            self.set_policy(Policy::Realtime(priority));
        }
    }

    /// The child heard a timer too late: it gets a higher priority, if it may.
    pub fn late(&mut self, lateness: Duration) {
        if self.outstanding > 0 {
            return;
        }
        let Some(priority) = self.next_priority() else {
            return;
        };
        tracing::warn!(
            "the {} process heard a timer {} ms late: it runs at real-time priority {priority} from now on",
            self.role,
            lateness.as_millis()
        );
        self.set_policy(Policy::Realtime(priority));
        self.raised_to = Some(priority);
    }

    /// The first step leads to real time, each further one is one higher.
    fn next_priority(&self) -> Option<u8> {
        let highest = self.settings.auto_priority?.highest;
        let now = self.raised_to.or(self.settings.realtime_priority).unwrap_or(0);
        Some(now.saturating_add(1)).filter(|next| *next <= highest)
    }

    /// Brings what is not yet in force; what was wanted before and is not any more goes back to what we run with ourselves.
    fn apply(&self, former: &ProcessSettings) {
        let settings = &self.settings;
        if settings.cpus != former.cpus {
            self.complain("processors", self.set_cpus(&settings.cpus));
        }
        let nice = |settings: &ProcessSettings| match (settings.realtime_priority, settings.nice) {
            (Some(_), _) | (None, 0) => own_nice(),
            (None, nice) => nice,
        };
        if nice(settings) != nice(former) {
            let outcome = self.for_each_thread(|thread| set_nice(thread, nice(settings)));
            self.complain("nice value", outcome);
        }
        // Only these two need a right that we may lack, for a child of another user and to go beyond its limits. It tries
        // itself, too, and complains if it cannot.
        if settings.locks_memory && !former.locks_memory {
            let _ = limit_locked_memory(self.pid, UNLIMITED);
        }
        if settings.is_realtime() && (settings.realtime_limit != former.realtime_limit || !former.is_realtime()) {
            let _ = limit_realtime(self.pid, settings.realtime_limit);
        }
    }

    fn set_policy(&mut self, policy: Policy) {
        if self.policy != policy {
            self.complain("real-time priority", set_policy(self.pid, policy));
            self.policy = policy;
        }
    }

    fn complain(&self, what: &str, outcome: io::Result<()>) {
        if let Err(error) = outcome {
            tracing::error!("cannot set the {what} of the {} process: {error}", self.role);
        }
    }

    fn set_cpus(&self, cpus: &[u32]) -> io::Result<()> {
        let mut set = CpuSet::new();
        for cpu in cpus {
            set.set(usize::try_from(*cpu).map_err(io::Error::other)?)?;
        }
        if cpus.is_empty() {
            set = sched_getaffinity(Pid::from_raw(0))?;
        }
        self.for_each_thread(|thread| Ok(sched_setaffinity(Pid::from_raw(thread), &set)?))
    }

    /// The kernel knows priorities and processors of threads, not of processes.
    fn for_each_thread(&self, change: impl Fn(pid_t) -> io::Result<()>) -> io::Result<()> {
        for thread in std::fs::read_dir(format!("/proc/{}/task", self.pid))? {
            if let Some(thread) = thread?.file_name().to_str().and_then(|number| number.parse().ok()) {
                match change(thread) {
                    // It has ended meanwhile.
                    Err(error) if error.raw_os_error() == Some(libc::ESRCH) => {}
                    outcome => outcome?,
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::AutoPriority;
    use super::*;

    /// The priorities of a process that is late again and again.
    fn steps(realtime_priority: Option<u8>, highest: Option<u8>) -> Vec<u8> {
        let mut process = Controlled::new(0, Role::Vrrp);
        process.settings.realtime_priority = realtime_priority;
        process.settings.auto_priority = highest.map(|highest| AutoPriority {
            highest,
            lateness: Duration::from_millis(100),
        });
        let mut steps = Vec::new();
        while let Some(priority) = process.next_priority() {
            process.raised_to = Some(priority);
            steps.push(priority);
        }
        steps
    }

    #[test]
    fn lateness_raises_step_by_step_up_to_the_highest() {
        assert_eq!(steps(None, Some(3)), [1, 2, 3]);
        assert_eq!(steps(Some(20), Some(22)), [21, 22]);
        assert!(steps(Some(20), Some(10)).is_empty());
        assert!(steps(Some(20), None).is_empty());
        assert_eq!(steps(Some(98), Some(99)), [99]);
    }
}
