//! The kernel's settings of IPVS (`lvs_sysctl`): set where IPVS is, put back at the end. And a warning for values that lose
//! clients.
//!
//! They belong to the supervisor, not to the checker: only root may enter another network namespace at any time, and they
//! stay as they are when the checker dies.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use holdfast_net::{ChangedSysctl, NetError, Sysctl, Sysctls};
use nix::sched::{CloneFlags, setns};

use crate::plan::lvs_sysctls::SysctlPlan;

/// Settings that are ours for a while.
#[derive(Debug, Default)]
pub struct LvsSysctls {
    sysctls: Sysctls,
    /// Where IPVS is; `None`: in our own network namespace
    namespace: Option<PathBuf>,
    /// Errors and warnings are said once.
    said: Vec<String>,
}

impl LvsSysctls {
    /// For the IPVS of this namespace, which stays the same.
    pub fn new(namespace: Option<PathBuf>) -> Self {
        Self {
            namespace,
            ..Self::default()
        }
    }

    /// Sets what is wanted, puts back what is not any more, and says what is wrong with the kernel's values. What somebody
    /// who was killed has `left` is ours now. IPVS must be there.
    pub fn apply(&mut self, plan: &SysctlPlan, left: &[ChangedSysctl]) {
        let Self { sysctls, namespace, .. } = self;
        let work = || {
            sysctls.inherit(left);
            let errors = sysctls.apply(&plan.wanted);
            let errors = errors.iter().map(|error| format!("lvs_sysctl: {error}"));
            let is_so = |(sysctl, harmful): &(Sysctl, &str)| sysctl.read().is_ok_and(|value| value == *harmful);
            let concerns = plan.concerns.iter();
            let concerns = concerns.filter(|it| it.conditions.iter().all(is_so));
            let concerns = concerns.map(|it| it.message.clone());
            errors.chain(concerns).collect::<Vec<String>>()
        };
        let found = within(namespace.as_deref(), work).unwrap_or_else(|error| vec![format!("lvs_sysctl: {error:#}")]);
        for line in found.iter().filter(|line| !self.said.contains(line)) {
            tracing::warn!("{line}");
        }
        self.said = found;
    }

    /// Those that were changed.
    pub fn changed(&self) -> Vec<ChangedSysctl> {
        self.sysctls.changed()
    }

    /// Puts everything back.
    pub fn restore(&mut self) {
        if self.changed().is_empty() {
            return;
        }
        let Self { sysctls, namespace, .. } = self;
        let work = || sysctls.apply(&BTreeMap::new());
        let outcome: anyhow::Result<Vec<NetError>> = within(namespace.as_deref(), work);
        match outcome {
            Ok(errors) => errors.iter().for_each(|error| tracing::error!("lvs_sysctl: {error}")),
            Err(error) => tracing::error!("lvs_sysctl: {error:#}"),
        }
    }
}

/// Does something in a network namespace: the kernel shows each thread the settings of its own.
fn within<T: Send>(namespace: Option<&Path>, work: impl FnOnce() -> T + Send) -> anyhow::Result<T> {
    let Some(path) = namespace else {
        return Ok(work());
    };
    let enter = || {
        let file = File::open(path).with_context(|| format!("there is no network namespace {}", path.display()))?;
        setns(file, CloneFlags::CLONE_NEWNET)
            .with_context(|| format!("cannot enter network namespace {}", path.display()))?;
        anyhow::Ok(work())
    };
    // A thread of its own: this one stays where it is.
    std::thread::scope(|scope| scope.spawn(enter).join()).map_err(|_| anyhow!("a thread died"))?
}
