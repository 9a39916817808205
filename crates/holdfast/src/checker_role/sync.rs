//! The kernel's sync daemons, kept by a thread of their own: starting and stopping one takes tens of milliseconds, and the
//! kernel sometimes does not answer at all. Nobody waits for that.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use holdfast_ipvs::Error;
use holdfast_ipvs::kernel::Kernel;
use holdfast_ipvs::sync::{SyncDaemon, SyncRole};

/// How long to wait before what failed is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// What runs, in words, for the status.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SyncReport {
    /// One line for each daemon
    pub running: Vec<String>,
    /// Why they are not as they should be
    pub error: Option<String>,
}

/// Brings the sync daemons to what was wanted last.
#[derive(Debug)]
pub struct SyncDaemons {
    orders: Sender<Vec<SyncDaemon>>,
    report: Arc<Mutex<SyncReport>>,
    /// Closed when the thread has ended
    ended: Receiver<()>,
}

impl SyncDaemons {
    /// Starts the thread. It does nothing before the first order, so daemons of others stay.
    pub fn start(kernel: Option<Kernel>) -> anyhow::Result<Self> {
        let (orders, inbox) = channel();
        let (alive, ended) = channel();
        let report = Arc::new(Mutex::new(SyncReport::default()));
        let shared = report.clone();
        let work = move || {
            keep(kernel, &inbox, &shared);
            drop::<Sender<()>>(alive);
        };
        let thread = std::thread::Builder::new().name("ipvs-sync".to_owned());
        thread.spawn(work).context("cannot start a thread")?;
        Ok(Self { orders, report, ended })
    }

    /// Asks for just these daemons.
    pub fn want(&self, daemons: Vec<SyncDaemon>) {
        // The thread lives as long as we do.
        let _ = self.orders.send(daemons);
    }

    /// What runs.
    pub fn report(&self) -> SyncReport {
        self.report.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Lets the last order be carried out, for at most this long.
    pub fn finish(self, limit: Duration) {
        let Self { orders, ended, .. } = self;
        drop(orders);
        if ended.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
            tracing::warn!("the IPVS sync daemons do not obey within {} ms", limit.as_millis());
        }
    }
}

/// Carries out orders, always the latest, until nobody can give another.
fn keep(mut kernel: Option<Kernel>, inbox: &Receiver<Vec<SyncDaemon>>, report: &Mutex<SyncReport>) {
    let Ok(mut wanted) = inbox.recv() else { return };
    loop {
        while let Ok(newer) = inbox.try_recv() {
            wanted = newer;
        }
        let outcome = bring(&mut kernel, &wanted);
        let failed = outcome.is_err();
        publish(report, outcome);
        let next = if failed {
            inbox.recv_timeout(RETRY_AFTER)
        } else {
            inbox.recv().map_err(|_| RecvTimeoutError::Disconnected)
        };
        match next {
            Ok(newer) => wanted = newer,
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// Stops what is not wanted first: the kernel shares buffers between the two.
fn bring(kernel: &mut Option<Kernel>, wanted: &[SyncDaemon]) -> Result<Vec<SyncDaemon>, Error> {
    let kernel = match kernel {
        Some(kernel) => kernel,
        none => none.insert(Kernel::open()?),
    };
    let running = kernel.sync_daemons()?;
    let is_wanted = |role: SyncRole| wanted.iter().any(|daemon| daemon.role == role);
    for daemon in running.iter().filter(|daemon| !is_wanted(daemon.role)) {
        kernel.stop_sync_daemon(daemon.role)?;
        tracing::info!("Stopped the IPVS sync {} on {}", daemon.role, daemon.interface);
    }
    for daemon in wanted {
        let runs = running.iter().any(|it| it.satisfies(daemon));
        kernel.start_sync_daemon(daemon)?;
        if !runs {
            tracing::info!("Started the IPVS sync {} on {}", daemon.role, daemon.interface);
        }
    }
    kernel.sync_daemons()
}

/// Says a new trouble once.
fn publish(report: &Mutex<SyncReport>, outcome: Result<Vec<SyncDaemon>, Error>) {
    let mut report = report.lock().unwrap_or_else(PoisonError::into_inner);
    match outcome {
        Ok(running) => {
            report.error = None;
            report.running = running
                .iter()
                .map(|it| format!("{} on {}, id {}", it.role, it.interface, it.id))
                .collect();
        }
        Err(error) => {
            let error = error.to_string();
            if report.error.as_ref() != Some(&error) {
                tracing::error!("{error}; trying again every {} s", RETRY_AFTER.as_secs());
            }
            report.error = Some(error);
        }
    }
}
