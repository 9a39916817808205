//! The tables of nftables that mark packets to the addresses of groups (`nftables_ipvs`), brought to what is wanted.
//!
//! There is no moment without marks for an address that had one and shall have one: see `tables`.

mod tables;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, anyhow};
use holdfast_net::nftables::{Batch, Nftables, TableEvent, TableWatch};
use holdfast_net::{DeadlineTimer, NetError};
use holdfast_time::Timestamp;
use nix::sched::{CloneFlags, setns};
use tokio::runtime::Handle;

use crate::plan::marks::MarkSettings;

const WHAT: &str = "the marks of nftables_ipvs";
/// How long to wait before tables that could not be brought to what is wanted are tried again.
const RETRY_AFTER: Duration = Duration::from_secs(5);
/// The shortest time between two repairs of tables that somebody removed.
const PUT_BACK_PAUSE: Duration = Duration::from_secs(1);

/// The tables, and what stands in them.
#[derive(Debug)]
pub struct MarkTables {
    socket: Option<Nftables>,
    /// Tells when somebody removes tables
    watch: Option<TableWatch>,
    /// Where IPVS is; `None`: in our own network namespace
    namespace: Option<PathBuf>,
    wanted: Option<MarkSettings>,
    /// What the kernel has; `None`: nothing of ours
    held: Option<MarkSettings>,
    error: Option<String>,
    retry_at: Option<Timestamp>,
    /// When they were last put back
    put_back_at: Option<Timestamp>,
}

impl MarkTables {
    /// Only root can enter another namespace: the socket is opened there at once, and kept for good.
    pub fn open(namespace: Option<PathBuf>) -> Self {
        let mut tables = Self {
            socket: None,
            watch: None,
            namespace,
            wanted: None,
            held: None,
            error: None,
            retry_at: None,
            put_back_at: None,
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
            let (socket, watch) = open_in(self.namespace.as_deref())?;
            self.socket = Some(socket);
            self.watch = Some(watch);
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

    /// Waits until somebody else removes tables of ours. Cancel safe.
    pub async fn removed(&mut self) {
        let (Some(watch), Some(socket)) = (&mut self.watch, &self.socket) else {
            return std::future::pending().await;
        };
        let (own, table) = (socket.port(), self.held.as_ref().map(|held| &held.table));
        let is_ours = |event: &TableEvent| match event {
            TableEvent::Removed {
                table: gone,
                changed_by,
            } => Some(&gone.name) == table && *changed_by != own,
            TableEvent::Lost => table.is_some(),
        };
        loop {
            match watch.next().await {
                Ok(events) if events.iter().any(is_ours) => return,
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!("{error}");
                    self.watch = None;
                    return std::future::pending().await;
                }
            }
        }
    }

    /// Puts back what somebody removed, at most once in a while: two who undo each other must not keep the machine busy.
    pub async fn put_back(&mut self) {
        let now = DeadlineTimer::now();
        self.held = None;
        if self.put_back_at.is_some_and(|at| now < at + PUT_BACK_PAUSE) {
            self.retry_at = Some(now + PUT_BACK_PAUSE);
            return;
        }
        tracing::warn!("somebody removed the marks of nftables_ipvs; put back");
        self.put_back_at = Some(now);
        self.try_again().await;
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

/// Netlink sockets stay in the namespace that they were made in.
fn open_in(namespace: Option<&Path>) -> anyhow::Result<(Nftables, TableWatch)> {
    let Some(path) = namespace else {
        return Ok((Nftables::open()?, TableWatch::open()?));
    };
    let runtime = Handle::current();
    let open = || {
        let file = File::open(path).with_context(|| format!("there is no network namespace {}", path.display()))?;
        setns(file, CloneFlags::CLONE_NEWNET)
            .with_context(|| format!("cannot enter network namespace {}", path.display()))?;
        let _entered = runtime.enter();
        anyhow::Ok((Nftables::open()?, TableWatch::open()?))
    };
    // A thread of its own: this one stays where it is.
    std::thread::scope(|scope| scope.spawn(open).join()).map_err(|_| anyhow!("a thread died"))?
}
