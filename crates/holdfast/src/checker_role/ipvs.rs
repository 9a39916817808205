//! The kernel's IPVS table as seen by the driver: read, brought to what is wanted by difference, tried again after errors.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, anyhow};

use holdfast_health::Health;
use holdfast_ipvs::kernel::{Applied, Kernel};
use holdfast_ipvs::reconcile::reconcile;
use holdfast_ipvs::sync::Timeouts;
use holdfast_ipvs::table::{ServiceKey, Table};
use holdfast_net::DeadlineTimer;
use holdfast_time::Timestamp;
use nix::sched::{CloneFlags, setns};

/// How long to wait before a table that could not be brought to what is wanted is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// The kernel's table, and what we hold in it.
pub struct Ipvs {
    kernel: Option<Kernel>,
    /// What the kernel held after our last look and changes; only services of ours are kept up to date.
    observed: Table,
    /// Services that a configuration of ours named: ours to change and to remove.
    owned: BTreeSet<ServiceKey>,
    /// Those of them that the supervisor knows of
    told: BTreeSet<ServiceKey>,
    /// Whether it should be told of others
    has_news: bool,
    /// Services that the health machine changed and that are not in the kernel yet.
    changed: BTreeSet<ServiceKey>,
    /// No service of ours is removed for now: others come first.
    keep_services: bool,
    error: Option<String>,
    retry_at: Option<Timestamp>,
    /// Where IPVS is; `None`: in our own network namespace
    namespace: Option<PathBuf>,
}

impl Ipvs {
    /// Connects to the kernel, loading the module if need be. Without IPVS the rest of the daemon goes on, and it is
    /// tried again from time to time.
    ///
    /// Only root can enter another namespace: what was opened there is kept for good.
    pub fn open(namespace: Option<PathBuf>) -> Self {
        let mut ipvs = Self {
            kernel: None,
            observed: Table::default(),
            owned: BTreeSet::new(),
            told: BTreeSet::new(),
            has_news: false,
            changed: BTreeSet::new(),
            keep_services: false,
            error: None,
            retry_at: None,
            namespace,
        };
        ipvs.connect();
        ipvs
    }

    fn connect(&mut self) {
        match open_in(self.namespace.as_deref()) {
            Ok(kernel) => self.kernel = Some(kernel),
            Err(error) => self.failed(&format!("{error:#}")),
        }
    }

    /// A second connection to the same table; `None` if there is none to be had.
    pub fn another_kernel(&self) -> Option<Kernel> {
        self.kernel
            .as_ref()
            .and_then(|_| open_in(self.namespace.as_deref()).ok())
    }

    /// Whether a connection can be made again by a process that gave up its rights.
    pub const fn can_be_reopened(&self) -> bool {
        self.namespace.is_none()
    }

    /// `lvs_timeouts`.
    pub fn set_timeouts(&mut self, timeouts: &Timeouts) {
        let Some(kernel) = &mut self.kernel else { return };
        match kernel.set_timeouts(timeouts) {
            Ok(()) => {}
            Err(error) => tracing::error!("lvs_timeouts: {error}"),
        }
    }

    /// The table as a predecessor left it; `None` if it cannot be read.
    pub fn adopt(&mut self) -> Option<Table> {
        self.read();
        self.kernel.is_some().then(|| self.observed.clone())
    }

    /// Empties the whole table, whoever filled it.
    pub fn flush(&mut self) {
        let Some(kernel) = &mut self.kernel else { return };
        if let Err(error) = kernel.flush() {
            self.failed(&error.to_string());
        }
    }

    /// Why the table is not what it should be.
    pub fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    /// When [`Self::bring_all`] should be called again.
    pub fn retry_at(&self) -> Option<Timestamp> {
        self.retry_at
    }

    /// Remembers that a service has to be looked at.
    pub fn mark(&mut self, key: ServiceKey) {
        self.changed.insert(key);
    }

    /// Whether services that nobody wants any more stay. They go with the next [`Self::bring_all`] when that is over.
    pub fn keep_services(&mut self, keep: bool) {
        self.keep_services = keep;
    }

    /// Brings the marked services to what the machine wants.
    pub fn apply_changed(&mut self, health: &Health) {
        if self.changed.is_empty() {
            return;
        }
        let keys = std::mem::take(&mut self.changed);
        let mut wanted = Table::default();
        let mut observed = Table::default();
        for key in &keys {
            if let Some(entry) = health.wanted_service(key) {
                wanted.services.insert(*key, entry);
            }
            if let Some(entry) = self.observed.services.get(key) {
                observed.services.insert(*key, entry.clone());
            }
        }
        self.owned.extend(&keys);
        self.bring(&wanted, &observed, &keys);
    }

    /// Reads the kernel and brings everything of ours to what is wanted. `more` are services of ours from now on.
    pub fn bring_all(&mut self, wanted: &Table, more: &BTreeSet<ServiceKey>) {
        self.changed.clear();
        self.owned.extend(more);
        if self.kernel.is_none() {
            self.connect();
        }
        self.read();
        let observed = std::mem::take(&mut self.observed);
        let owned = self.owned.clone();
        self.observed = observed.clone();
        self.bring(wanted, &observed, &owned);
        // What no configuration names any more and is gone is not ours any more.
        if self.error.is_none() {
            self.owned
                .retain(|key| wanted.services.contains_key(key) || self.observed.services.contains_key(key));
        }
        self.has_news = self.owned != self.told;
    }

    /// The services that are ours, if they are others than those of the last answer.
    pub fn take_news_of_services(&mut self) -> Option<BTreeSet<ServiceKey>> {
        std::mem::take(&mut self.has_news).then(|| {
            self.told.clone_from(&self.owned);
            self.owned.clone()
        })
    }

    /// Removes every service of ours.
    pub fn remove_all(&mut self) {
        self.bring_all(&Table::default(), &BTreeSet::new());
    }

    fn read(&mut self) {
        let Some(kernel) = &mut self.kernel else { return };
        match kernel.table() {
            Ok(table) => self.observed = table,
            Err(error) => self.failed(&error.to_string()),
        }
    }

    fn bring(&mut self, wanted: &Table, observed: &Table, owned: &BTreeSet<ServiceKey>) {
        let kept;
        let wanted = if self.keep_services {
            kept = with_kept(wanted, observed, owned);
            &kept
        } else {
            wanted
        };
        let Some(kernel) = &mut self.kernel else { return };
        let changes = reconcile(wanted, observed, owned);
        for change in &changes {
            tracing::debug!("IPVS: {change}");
        }
        let applied = if changes.is_empty() {
            Ok(Applied::default())
        } else {
            kernel.apply(&changes)
        };
        match applied {
            Ok(applied) if applied.failures.is_empty() => {
                self.error = None;
                self.retry_at = None;
                self.remember(wanted, owned);
                if applied.surprises > 0 {
                    tracing::warn!(
                        "IPVS: somebody else changed {} entries of ours; put right",
                        applied.surprises
                    );
                    // What else was changed shows when the table is read again.
                    self.retry_at = Some(DeadlineTimer::now() + RETRY_AFTER);
                }
            }
            Ok(applied) => {
                for failure in &applied.failures {
                    let change = changes.get(failure.index).map_or_else(String::new, ToString::to_string);
                    tracing::error!("IPVS: {change}: {}", failure.error);
                }
                let first = applied
                    .failures
                    .first()
                    .map_or_else(String::new, |failure| failure.error.to_string());
                self.retry(format!(
                    "{} changes were refused, the first: {first}",
                    applied.failures.len()
                ));
            }
            Err(error) => self.failed(&error.to_string()),
        }
    }

    /// What was wanted is now there.
    fn remember(&mut self, wanted: &Table, owned: &BTreeSet<ServiceKey>) {
        for key in owned {
            match wanted.services.get(key) {
                Some(entry) => self.observed.services.insert(*key, entry.clone()),
                None => self.observed.services.remove(key),
            };
        }
    }

    /// The connection to the kernel is of no use any more. The same trouble is said once.
    fn failed(&mut self, error: &str) {
        if self.error.as_deref() != Some(error) {
            tracing::error!("{error}");
        }
        // In another namespace there is no way back to it; late answers are known by their numbers.
        if self.namespace.is_none() {
            self.kernel = None;
        }
        self.retry(error.to_owned());
    }

    fn retry(&mut self, error: String) {
        self.error = Some(error);
        self.retry_at = Some(DeadlineTimer::now() + RETRY_AFTER);
    }
}

/// What is wanted, and what is there of ours besides, as it is.
fn with_kept(wanted: &Table, observed: &Table, owned: &BTreeSet<ServiceKey>) -> Table {
    let mut all = wanted.clone();
    for (key, entry) in observed.services.iter().filter(|(key, _)| owned.contains(key)) {
        all.services.entry(*key).or_insert_with(|| entry.clone());
    }
    all
}

/// Opens the IPVS of a namespace. A netlink socket stays in the namespace that it was made in.
fn open_in(namespace: Option<&Path>) -> anyhow::Result<Kernel> {
    let Some(path) = namespace else {
        return Ok(Kernel::open()?);
    };
    let open = || {
        let file = File::open(path).with_context(|| format!("there is no network namespace {}", path.display()))?;
        setns(file, CloneFlags::CLONE_NEWNET)
            .with_context(|| format!("cannot enter network namespace {}", path.display()))?;
        anyhow::Ok(Kernel::open()?)
    };
    // A thread of its own: this one stays where it is.
    std::thread::scope(|scope| scope.spawn(open).join()).map_err(|_| anyhow!("a thread died"))?
}
