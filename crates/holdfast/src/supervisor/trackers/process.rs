//! `vrrp_track_process`: the processes of this host, followed by the kernel's events. Nothing is polled: `/proc` is read once
//! at the beginning, for one process when it becomes another program, and again when the kernel dropped events.

mod host;
mod table;

use std::sync::Arc;
use std::time::Duration;

use holdfast_net::{DeadlineTimer, ProcessEvent, ProcessEvents};
use holdfast_time::Timestamp;
use holdfast_vrrp::{CountChange, ProcessQuorum};
use tokio::sync::{Mutex, mpsc};

use self::table::ProcessTable;
use crate::plan::processes::{EventBuffer, ProcessTracker};

/// How long the kernel's answer is waited for; it comes at once or never.
const ANSWER_LIMIT: Duration = Duration::from_secs(1);

/// From lost events to the next look at all processes: whatever made so many may go on for a while.
const SETTLING: Duration = Duration::from_secs(1);

/// How often a number that decides nothing is reported at most.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);

/// The source of events, opened before the daemon enters a network namespace: in there the kernel has none.
#[derive(Debug, Clone)]
pub struct Monitor {
    events: Result<Arc<Mutex<ProcessEvents>>, String>,
    /// Whether events come at all, once it is known
    answer: Option<Result<(), String>>,
}

impl Monitor {
    /// Opens the socket in the present network namespace.
    pub fn open() -> Self {
        let events = ProcessEvents::open();
        Self {
            events: events
                .map(|events| Arc::new(Mutex::new(events)))
                .map_err(|error| error.to_string()),
            answer: None,
        }
    }

    /// Whether events come, in words if not. Asked once; to be asked while nothing is watched.
    pub async fn available(&mut self) -> Result<(), String> {
        if self.answer.is_none() {
            self.answer = Some(self.ask().await);
        }
        self.answer.clone().unwrap_or(Ok(()))
    }

    async fn ask(&self) -> Result<(), String> {
        let refused = |why: &str| {
            format!(
                "track_process not available - is CONFIG_PROC_EVENTS enabled in kernel config? (The kernel tells of \
                 processes only in the initial namespaces; {why})"
            )
        };
        let events = self.events.as_ref().map_err(|error| refused(error))?;
        let mut events = events.lock().await;
        let answer = events.listen(ANSWER_LIMIT).await;
        events.ignore();
        answer.map_err(|error| refused(&error.to_string()))
    }
}

/// What is known of a tracked process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// There is a quorum
    pub up: bool,
    /// Processes that count
    pub count: u32,
}

/// Watches the processes of these trackers and reports, by their place, what changes, until `stop` is closed.
pub async fn watch(
    trackers: Vec<ProcessTracker>,
    buffer: EventBuffer,
    monitor: Monitor,
    mut stop: mpsc::Receiver<()>,
    report: impl Fn(usize, Standing),
) {
    // It was said before that there are none.
    let Ok(events) = &monitor.events else { return };
    let mut events = events.lock().await;
    if let Some(bytes) = buffer.bytes {
        set_buffer(&events, bytes, buffer.force);
    }
    if let Err(error) = events.listen(ANSWER_LIMIT).await {
        return tracing::error!("processes cannot be tracked: {error}");
    }
    let mut watch = Watch::new(&trackers, report);
    loop {
        let deadline = watch.next_deadline();
        let due = async {
            match deadline {
                Some(deadline) => tokio::time::sleep(deadline.since(DeadlineTimer::now())).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = stop.recv() => return events.ignore(),
            arrived = events.next() => match arrived {
                Ok(arrived) => {
                    if watch.take_in(DeadlineTimer::now(), arrived) {
                        enlarge(&events, buffer.force);
                    }
                }
                Err(error) => {
                    events.ignore();
                    return tracing::error!("processes are no longer tracked: {error}");
                }
            },
            () = due => watch.reach(DeadlineTimer::now()),
        }
    }
}

fn set_buffer(events: &ProcessEvents, bytes: u32, force: bool) {
    if let Err(error) = events.set_receive_buffer(bytes, force) {
        tracing::warn!("{error}");
    }
}

/// Events were lost: there is to be more room.
fn enlarge(events: &ProcessEvents, force: bool) {
    let bytes = events.receive_buffer().saturating_mul(2);
    set_buffer(events, bytes, force);
    tracing::warn!(
        "process events were lost. Setting global_def process_monitor_rcv_bufs to {} - recommend updating configuration \
         file",
        events.receive_buffer()
    );
}

/// What is known of all trackers.
struct Watch<R> {
    table: ProcessTable,
    quorums: Vec<ProcessQuorum>,
    report: R,
    /// What was reported of each
    reported: Vec<Standing>,
    /// No number is reported before
    quiet_until: Timestamp,
    /// When all processes are looked at again
    recount_at: Option<Timestamp>,
}

impl<R: Fn(usize, Standing)> Watch<R> {
    fn new(trackers: &[ProcessTracker], report: R) -> Self {
        let programs = trackers.iter().map(|tracker| tracker.program.clone()).collect();
        let mut table = ProcessTable::new(programs);
        host::all(table.needs(), |pid, identity| table.identify(pid, &identity));
        let quorum =
            |(place, tracker): (usize, &ProcessTracker)| ProcessQuorum::new(tracker.limits, table.count(place));
        let quorums: Vec<ProcessQuorum> = trackers.iter().enumerate().map(quorum).collect();
        let reported: Vec<Standing> = quorums.iter().map(standing).collect();
        for (place, standing) in reported.iter().enumerate() {
            report(place, *standing);
        }
        Self {
            table,
            quorums,
            report,
            reported,
            quiet_until: DeadlineTimer::now(),
            recount_at: None,
        }
    }

    fn next_deadline(&self) -> Option<Timestamp> {
        let due = self.quorums.iter().filter_map(ProcessQuorum::deadline);
        let unreported = self.quorums.iter().map(standing).ne(self.reported.iter().copied());
        due.chain(self.recount_at)
            .chain(unreported.then_some(self.quiet_until))
            .min()
    }

    /// Takes notice of events. True if some were lost.
    fn take_in(&mut self, now: Timestamp, events: Vec<ProcessEvent>) -> bool {
        let mut lost = false;
        for event in events {
            let change = match event {
                ProcessEvent::Forked { parent, child } => {
                    self.table.fork(parent, child);
                    CountChange::Fork
                }
                ProcessEvent::Executed { pid } => {
                    // One that is gone already ends in a moment.
                    let identity = host::one(pid, self.table.needs());
                    identity.inspect(|identity| self.table.identify(pid, identity));
                    CountChange::Renewed
                }
                ProcessEvent::Renamed { pid, name } => {
                    self.table.rename(pid, &name);
                    CountChange::Renewed
                }
                ProcessEvent::Exited { pid } => {
                    self.table.remove(pid);
                    CountChange::Exit
                }
                ProcessEvent::Lost => {
                    lost = true;
                    self.recount_at = Some(now + SETTLING);
                    continue;
                }
            };
            self.judge(now, change);
        }
        lost
    }

    /// Hands the numbers to the quorums and reports what turned.
    fn judge(&mut self, now: Timestamp, change: CountChange) {
        for (place, quorum) in self.quorums.iter_mut().enumerate() {
            let count = self.table.count(place);
            if count != quorum.count() {
                quorum.set_count(now, count, change);
            }
        }
        self.report_changes(now);
    }

    fn reach(&mut self, now: Timestamp) {
        if self.recount_at.is_some_and(|due| due <= now) {
            self.recount_at = None;
            self.table.clear();
            let table = &mut self.table;
            host::all(table.needs(), |pid, identity| table.identify(pid, &identity));
            self.judge(now, CountChange::Recount);
        }
        for quorum in &mut self.quorums {
            quorum.reach(now);
        }
        self.report_changes(now);
    }

    /// What turned is reported at once, mere numbers now and then.
    fn report_changes(&mut self, now: Timestamp) {
        let may_count = now >= self.quiet_until;
        for (place, (quorum, reported)) in self.quorums.iter().zip(&mut self.reported).enumerate() {
            let standing = standing(quorum);
            if standing.up != reported.up || (may_count && standing != *reported) {
                *reported = standing;
                self.quiet_until = now + REPORT_INTERVAL;
                (self.report)(place, standing);
            }
        }
    }
}

fn standing(quorum: &ProcessQuorum) -> Standing {
    Standing {
        up: quorum.up(),
        count: quorum.count(),
    }
}

#[cfg(test)]
mod tests;
