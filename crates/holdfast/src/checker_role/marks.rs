//! The tables of nftables that mark packets to the addresses of groups (`nftables_ipvs`), brought to what is wanted.
//!
//! There is no moment without marks for an address that had one and shall have one: see `tables`.

mod tables;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, anyhow};
use holdfast_net::nftables::{Batch, Nftables};
use holdfast_net::{DeadlineTimer, NetError};
use holdfast_time::Timestamp;
use nix::sched::{CloneFlags, setns};
use tokio::runtime::Handle;

use crate::plan::marks::MarkSettings;

const WHAT: &str = "the marks of nftables_ipvs";
/// How long to wait before tables that could not be brought to what is wanted are tried again.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// The tables, and what stands in them.
#[derive(Debug)]
pub struct MarkTables {
    socket: Option<Nftables>,
    /// Where IPVS is; `None`: in our own network namespace
    namespace: Option<PathBuf>,
    wanted: Option<MarkSettings>,
    /// What the kernel has; `None`: nothing of ours
    held: Option<MarkSettings>,
    error: Option<String>,
    retry_at: Option<Timestamp>,
}

impl MarkTables {
    /// Only root can enter another namespace: the socket is opened there at once, and kept for good.
    pub fn open(namespace: Option<PathBuf>) -> Self {
        let mut tables = Self {
            socket: None,
            namespace,
            wanted: None,
            held: None,
            error: None,
            retry_at: None,
        };
        if tables.namespace.is_some()
            && let Err(error) = tables.connect()
        {
            tracing::error!("{error:#}; nftables_ipvs cannot mark packets there");
        }
        tables
    }

    fn connect(&mut self) -> anyhow::Result<&mut Nftables> {
        if self.socket.is_none() {
            self.socket = Some(open_in(self.namespace.as_deref())?);
        }
        self.socket.as_mut().context("the nftables socket is not there")
    }

    /// Whether the tables will be changed by [`Self::bring`].
    pub fn differ_from(&self, wanted: Option<&MarkSettings>) -> bool {
        self.held.as_ref() != wanted
    }

    /// Brings the tables to this; `None`: to nothing. The services of all marks must be there before.
    pub async fn bring(&mut self, wanted: Option<MarkSettings>) {
        self.wanted = wanted;
        self.try_again().await;
    }

    /// Brings the tables to what was wanted last.
    pub async fn try_again(&mut self) {
        self.retry_at = None;
        if !self.differ_from(self.wanted.as_ref()) {
            self.error = None;
            return;
        }
        let wanted = self.wanted.clone();
        let by_difference = tables::change(self.held.as_ref(), wanted.as_ref());
        let mut outcome = match by_difference {
            Some(batches) => self.apply(batches).await,
            None => Err(anyhow!("made anew")),
        };
        if outcome.is_err() {
            // Somebody may have removed the tables, and those of a killed daemon may be there.
            outcome = self.apply(tables::replace(self.held.as_ref(), wanted.as_ref())).await;
        }
        match outcome {
            Ok(()) => {
                let ranges = wanted.as_ref().map_or(0, |wanted| wanted.ranges.len());
                tracing::debug!("nftables_ipvs: {ranges} ranges have their marks");
                self.held = wanted;
                self.error = None;
            }
            Err(error) => self.failed(&format!("{error:#}")),
        }
    }

    async fn apply(&mut self, batches: Vec<Batch>) -> anyhow::Result<()> {
        let socket = self.connect()?;
        for batch in batches {
            let applied: Result<(), NetError> = socket.apply(WHAT, batch).await;
            applied?;
        }
        Ok(())
    }

    /// Removes tables that a daemon left which was killed, unless they are ours now.
    pub async fn remove_left_behind(&mut self, table: &str) {
        if self.held.as_ref().is_some_and(|held| held.table == table) {
            return;
        }
        if let Err(error) = self.apply(vec![tables::remove(table)]).await {
            tracing::error!("tables {table} of a former daemon: {error:#}");
        }
    }

    /// Why the tables are not what they should be.
    pub fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    /// When [`Self::try_again`] should be called.
    pub fn retry_at(&self) -> Option<Timestamp> {
        self.retry_at
    }

    /// The same trouble is said once.
    fn failed(&mut self, error: &str) {
        if self.error.as_deref() != Some(error) {
            tracing::error!("{error}; the groups of virtual servers get no packets");
        }
        self.error = Some(error.to_owned());
        self.retry_at = Some(DeadlineTimer::now() + RETRY_AFTER);
    }
}

/// A netlink socket stays in the namespace that it was made in.
fn open_in(namespace: Option<&Path>) -> anyhow::Result<Nftables> {
    let Some(path) = namespace else {
        return Ok(Nftables::open()?);
    };
    let runtime = Handle::current();
    let open = || {
        let file = File::open(path).with_context(|| format!("there is no network namespace {}", path.display()))?;
        setns(file, CloneFlags::CLONE_NEWNET)
            .with_context(|| format!("cannot enter network namespace {}", path.display()))?;
        let _entered = runtime.enter();
        anyhow::Ok(Nftables::open()?)
    };
    // A thread of its own: this one stays where it is.
    std::thread::scope(|scope| scope.spawn(open).join()).map_err(|_| anyhow!("a thread died"))?
}
