//! The checker process: runs the probes, feeds the health machine, and keeps the kernel's IPVS table as it wants it.

mod counting;
mod ipvs;
mod marks;
mod sync;

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context;
use holdfast_checker::Prober;
use holdfast_checker::tls::Identity;
use holdfast_health::event::{CheckerId, Event, Generation};
use holdfast_health::probe::{Failure, MiscProbe, NotTried, Outcome, Request, Verdict};
use holdfast_health::{Action, Health, Settings};
use holdfast_ipvs::kernel::load_modules;
use holdfast_ipvs::table::ServiceKey;
use holdfast_net::{DeadlineTimer, Monitor, NetworkEvent, Requests};
use holdfast_time::Timestamp;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use self::counting::Counting;
use self::ipvs::Ipvs;
use self::marks::MarkTables;
use self::sync::SyncDaemons;
use crate::bfd_news::{BfdNews, NewsReceiver};
use crate::ipc::{self, CommandEnd, FromChecker, ToChecker};
use crate::memory::Tidying;
use crate::plan::buffers::NetlinkBuffers;
use crate::plan::ipvs::IpvsSettings;
use crate::privileges;
use crate::process::own::OwnProcess;
use crate::report_pace::{ReportPace, processor_time};
use crate::snapshot::CheckerSnapshot;
use crate::status::{CheckerStatus, RealServerStatus, VirtualServerStatus};

/// How long the sync daemons may take to end.
const SYNC_STOP_LIMIT: std::time::Duration = std::time::Duration::from_secs(2);

/// How many probes that have ended are taken in before anything else has its turn.
const PROBES_AT_ONCE: usize = 64;

struct ProbeResult {
    checker: CheckerId,
    generation: Generation,
    outcome: Outcome,
}

struct Driver {
    health: Health,
    prober: Prober,
    ipvs: Ipvs,
    marks: MarkTables,
    ipvs_settings: IpvsSettings,
    sync: SyncDaemons,
    /// The instance that the sync daemons follow is master
    sync_is_master: bool,
    supervisor: ipc::Sender<FromChecker>,
    probes: HashMap<CheckerId, AbortHandle>,
    /// Checks whose command runs, and since when
    commands: HashMap<CheckerId, (MiscProbe, Timestamp)>,
    results: mpsc::UnboundedSender<ProbeResult>,
    pace: ReportPace,
    tidying: Tidying,
    buffers: NetlinkBuffers,
}

/// Runs until the supervisor says stop or goes away.
pub async fn run() -> anyhow::Result<()> {
    let (supervisor, mut commands) = ipc::channel::<FromChecker, ToChecker>(ipc::inherited_stream()?)?;
    let bfd = NewsReceiver::inherited()?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen to signals")?;
    let Some(ToChecker::Configure {
        settings,
        identity,
        ipvs: ipvs_settings,
        buffers,
        sync_is_master,
        flush,
        made,
    }) = commands.receive().await?
    else {
        return Ok(());
    };
    load_modules(ipvs_settings.modules.iter().map(String::as_str));
    // The module can only be loaded, and another namespace entered, as root: before the rights are given up.
    let mut ipvs = Ipvs::open(ipvs_settings.namespace.clone());
    let for_sync = ipvs.another_kernel();
    let for_counting = ipvs.another_kernel();
    let marks = MarkTables::open(ipvs_settings.namespace.clone());
    privileges::allow_many_files()?;
    privileges::confine_checker()?;
    // Capabilities are each thread's own: this one inherits those that are left.
    let sync = SyncDaemons::start(for_sync)?;
    let counting = Counting::start(for_counting, ipvs.can_be_reopened(), supervisor.clone())?;

    if flush {
        ipvs.flush();
    }
    let mut monitor = Monitor::open()?;
    buffers.apply_to_events(&monitor);
    let (results, mut outcomes) = mpsc::unbounded_channel();
    let mut driver = Driver::start(*settings, &identity, (ipvs, marks), sync, supervisor, results);
    driver.buffers = buffers;
    driver.configure_ipvs(*ipvs_settings, sync_is_master);
    // Behind the services that they lead to.
    driver.marks.bring(driver.ipvs_settings.marks.clone()).await;
    driver.take_over_services(&made);
    driver.report_local_addresses().await;
    let timer = DeadlineTimer::new()?;
    bfd.ask();
    let mut process = OwnProcess::default();
    let mut ended_probes = Vec::new();
    loop {
        driver.run_actions();
        let deadline = driver.next_deadline();
        timer.arm(deadline)?;
        tokio::select! {
            command = commands.receive() => match command? {
                Some(ToChecker::Configure {
                    settings,
                    identity,
                    ipvs,
                    buffers,
                    sync_is_master,
                    ..
                }) => {
                    buffers.apply_to_events(&monitor);
                    driver.buffers = buffers;
                    // Made anew even when nothing changed: the system's authorities may have.
                    driver.prober = Prober::new(&identity);
                    driver.configure_ipvs(*ipvs, sync_is_master);
                    driver.reload(*settings).await;
                    // A session may be new to us.
                    bfd.ask();
                }
                Some(ToChecker::Process(settings)) => {
                    process.adopt(settings);
                    // A supervisor that is gone is noticed at the next receive.
                    let _ = driver.supervisor.send(&FromChecker::Configured);
                }
                Some(ToChecker::CommandEnded {
                    checker,
                    generation,
                    end,
                }) => driver.command_ended(checker, generation, end),
                Some(ToChecker::FileValue { file, value }) => driver.handle(Event::FileChanged { file, number: value }),
                Some(ToChecker::LeftBehind { mark_table }) => driver.marks.remove_left_behind(&mark_table).await,
                Some(ToChecker::SyncInstance { is_master }) => driver.sync_instance(is_master),
                Some(ToChecker::Snapshot) => counting.complete(driver.snapshot(), driver.ipvs_settings.counter_age),
                Some(ToChecker::Shutdown { keep_table }) => {
                    driver.stop(keep_table).await.flush().await;
                    return Ok(());
                }
                // The supervisor was killed: without it nobody reloads or stops us, so we stop, and leave the table as it is.
                None => return Ok(()),
            },
            news = bfd.next() => driver.session_changed(news?),
            ended = outcomes.recv_many(&mut ended_probes, PROBES_AT_ONCE) => {
                debug_assert!(ended > 0, "the driver has a sender itself");
                driver.note_work(ended);
                ended_probes.drain(..).for_each(|result| driver.probe_done(result));
            }
            () = driver.marks.removed() => driver.marks.put_back().await,
            events = monitor.next() => driver.network_events(events?).await,
            due = timer.wait() => {
                due?;
                if let Some(lateness) = process.timer_rang(deadline, DeadlineTimer::now()) {
                    let _ = driver.supervisor.send(&FromChecker::Late(lateness));
                }
                driver.deadline().await;
            }
            _ = terminate.recv() => return Ok(()),
        }
    }
}

impl Driver {
    fn start(
        settings: Settings,
        identity: &Identity,
        (mut ipvs, marks): (Ipvs, MarkTables),
        sync: SyncDaemons,
        supervisor: ipc::Sender<FromChecker>,
        results: mpsc::UnboundedSender<ProbeResult>,
    ) -> Self {
        let now = DeadlineTimer::now();
        let owned: BTreeSet<ServiceKey> = services(&settings);
        // Spreads the first probes differently on every node and at every start.
        let seed = now.as_nanos() ^ u64::from(std::process::id()).rotate_left(32);
        let mut health = Health::new(now, settings, seed);
        if let Some(table) = ipvs.adopt() {
            health.handle(now, Event::Adopt(table));
        }
        let mut driver = Self {
            health,
            prober: Prober::new(identity),
            ipvs,
            marks,
            ipvs_settings: IpvsSettings::default(),
            sync,
            sync_is_master: false,
            supervisor,
            probes: HashMap::new(),
            commands: HashMap::new(),
            results,
            pace: ReportPace::default(),
            tidying: Tidying::default(),
            buffers: NetlinkBuffers::default(),
        };
        driver.drain();
        driver.ipvs.bring_all(&driver.health.wanted(), &owned);
        driver.tidying.note_much_work(now);
        driver
    }

    /// What a predecessor made is ours: what nobody wants of it any more goes.
    fn take_over_services(&mut self, made: &BTreeSet<ServiceKey>) {
        let wanted = self.health.wanted();
        let others = made.iter().filter(|key| !wanted.services.contains_key(key));
        let others: BTreeSet<ServiceKey> = others.copied().collect();
        if !others.is_empty() {
            tracing::info!(
                "IPVS: {} services that were ours are not in the file any more",
                others.len()
            );
            self.ipvs.bring_all(&wanted, &others);
        }
    }

    fn handle(&mut self, event: Event) {
        self.health.handle(DeadlineTimer::now(), event);
    }

    fn next_deadline(&self) -> Option<holdfast_time::Timestamp> {
        let due = [
            self.health.next_deadline(),
            self.ipvs.retry_at(),
            self.marks.retry_at(),
            self.pace.due_at(),
            self.tidying.due_at(),
        ];
        due.into_iter().flatten().min()
    }

    /// As many probes as that at once are a start, or trouble: what they took is to be given back.
    fn note_work(&mut self, ended: usize) {
        if ended == PROBES_AT_ONCE {
            self.tidying.note_much_work(DeadlineTimer::now());
        }
    }

    async fn deadline(&mut self) {
        self.handle(Event::Deadline);
        self.tidying.tidy_if_due(DeadlineTimer::now());
        if self.ipvs.retry_at().is_some_and(|at| at <= DeadlineTimer::now()) {
            self.ipvs.bring_all(&self.health.wanted(), &BTreeSet::new());
            self.pace.note_change();
        }
        if self.marks.retry_at().is_some_and(|at| at <= DeadlineTimer::now()) {
            self.marks.try_again().await;
            self.pace.note_change();
        }
    }

    /// Does what concerns IPVS as a whole.
    fn configure_ipvs(&mut self, settings: IpvsSettings, sync_is_master: bool) {
        self.sync_is_master = sync_is_master;
        if let Some(timeouts) = &settings.timeouts {
            self.ipvs.set_timeouts(timeouts);
        }
        let former = std::mem::replace(&mut self.ipvs_settings, settings);
        if former.sync.is_some() || self.ipvs_settings.sync.is_some() {
            self.order_sync_daemons();
        }
    }

    fn sync_instance(&mut self, is_master: bool) {
        self.sync_is_master = is_master;
        if self.ipvs_settings.sync.is_some() {
            self.order_sync_daemons();
        }
        self.pace.note_change();
    }

    fn order_sync_daemons(&self) {
        let sync = self.ipvs_settings.sync.as_ref();
        self.sync
            .want(sync.map_or_else(Vec::new, |sync| sync.wanted(self.sync_is_master)));
    }

    async fn reload(&mut self, settings: Settings) {
        tracing::info!("Reloading");
        self.tidying.note_much_work(DeadlineTimer::now());
        // New services come before the marks that lead to them, old ones go behind.
        let marks = self.ipvs_settings.marks.clone();
        let other_marks = self.marks.differ_from(marks.as_ref());
        self.ipvs.keep_services(other_marks);
        let owned: BTreeSet<ServiceKey> = services(&settings);
        self.handle(Event::Reload(settings));
        self.drain();
        // The kernel is read again: what others changed meanwhile is put right, and nothing else is touched.
        self.ipvs.bring_all(&self.health.wanted(), &owned);
        if other_marks {
            self.marks.bring(marks).await;
            self.ipvs.keep_services(false);
            self.ipvs.bring_all(&self.health.wanted(), &owned);
        }
    }

    fn probe_done(
        &mut self,
        ProbeResult {
            checker,
            generation,
            outcome,
        }: ProbeResult,
    ) {
        self.probes.remove(&checker);
        self.handle(Event::ProbeDone {
            checker,
            generation,
            outcome,
        });
    }

    fn session_changed(&mut self, BfdNews { session, up }: BfdNews) {
        let state = if up { "Up" } else { "Down" };
        tracing::info!("Received BFD event: instance {session} is in state {state}");
        self.handle(Event::SessionChanged { session, up });
    }

    async fn network_events(&mut self, events: Vec<NetworkEvent>) {
        for event in events {
            match event {
                NetworkEvent::AddressAdded { address, .. } => self.address_changed(address.address, true),
                NetworkEvent::AddressRemoved { address, .. } => self.address_changed(address.address, false),
                NetworkEvent::Lost => self.report_local_addresses().await,
                NetworkEvent::LinkChanged(_)
                | NetworkEvent::LinkRemoved { .. }
                | NetworkEvent::RouteRemoved { .. }
                | NetworkEvent::RuleRemoved { .. } => {}
            }
        }
    }

    fn address_changed(&mut self, address: IpAddr, present: bool) {
        self.handle(Event::AddressChanged { address, present });
    }

    async fn report_local_addresses(&mut self) {
        let buffers = self.buffers;
        let addresses = async {
            let mut requests = Requests::open()?;
            buffers.apply_to_requests(&mut requests);
            requests.addresses().await
        };
        match addresses.await {
            Ok(addresses) => addresses
                .into_iter()
                .for_each(|found| self.address_changed(found.address, true)),
            Err(error) => tracing::error!("ha_suspend cannot see local addresses: {error}"),
        }
    }

    /// Does what the machine asks, and tells the supervisor what changed.
    fn run_actions(&mut self) {
        self.drain();
        self.ipvs.apply_changed(&self.health);
        if let Some(ours) = self.ipvs.take_news_of_services() {
            // A supervisor that is gone is noticed at the next receive.
            let _ = self.supervisor.send(&FromChecker::Services(ours));
        }
        if self.pace.take_if_due(DeadlineTimer::now()) {
            let before = processor_time();
            // A supervisor that is gone is noticed at the next receive.
            let _ = self.supervisor.send(&FromChecker::Status(self.status()));
            self.pace.note_cost(processor_time().saturating_sub(before));
        }
    }

    fn drain(&mut self) {
        while let Some(action) = self.health.next_action() {
            if !matches!(action, Action::StartProbe { .. } | Action::ForgetProbe(_)) {
                self.pace.note_change();
            }
            match action {
                Action::StartProbe {
                    checker,
                    generation,
                    request,
                    deadline,
                } => {
                    self.start_probe(checker, generation, request, deadline);
                }
                Action::ForgetProbe(checker) => {
                    if self.commands.remove(&checker).is_some() {
                        let _ = self.supervisor.send(&FromChecker::StopCommand(checker));
                    }
                    if let Some(probe) = self.probes.remove(&checker) {
                        probe.abort();
                    }
                }
                // Applied in order with what is logged and notified: a script that runs must find the table changed.
                Action::ServiceChanged(key) => self.ipvs.mark(key),
                Action::Notify(notification) => {
                    self.ipvs.apply_changed(&self.health);
                    let _ = self.supervisor.send(&FromChecker::Notify(notification));
                }
                Action::Log(message) => log(&message),
            }
        }
    }

    fn start_probe(
        &mut self,
        checker: CheckerId,
        generation: Generation,
        request: Box<Request>,
        deadline: std::time::Duration,
    ) {
        if let Request::Misc(probe) = *request {
            let run = FromChecker::RunCommand {
                checker,
                generation,
                command: probe.script.clone(),
                timeout: probe.timeout,
            };
            self.commands.insert(checker, (probe, DeadlineTimer::now()));
            // A supervisor that is gone is noticed at the next receive.
            let _ = self.supervisor.send(&run);
            return;
        }
        let (results, prober) = (self.results.clone(), self.prober.clone());
        let task = tokio::spawn(async move {
            let outcome = prober.probe(&request, deadline).await;
            // The driver is gone only at the end.
            let _ = results.send(ProbeResult {
                checker,
                generation,
                outcome,
            });
        });
        self.probes.insert(checker, task.abort_handle());
    }

    fn command_ended(&mut self, checker: CheckerId, generation: Generation, end: CommandEnd) {
        let Some((probe, started)) = self.commands.remove(&checker) else {
            return;
        };
        let duration = DeadlineTimer::now().since(started);
        let (verdict, weight) = match end {
            CommandEnd::Exited(status) => match probe.judge(status) {
                Ok(weight) => (Verdict::Success, weight),
                Err(status) => (Verdict::Failure(Failure::ScriptStatus(status)), None),
            },
            CommandEnd::Failed(how) => (Verdict::Failure(Failure::Script(how)), None),
            CommandEnd::TimedOut => (Verdict::Failure(Failure::ScriptTimeout), None),
            CommandEnd::NotRun(why) => (Verdict::NotTried(NotTried::Script(why)), None),
        };
        self.handle(Event::ProbeDone {
            checker,
            generation,
            outcome: Outcome {
                weight,
                ..Outcome::new(verdict, duration)
            },
        });
    }

    async fn stop(mut self, keep_table: bool) -> ipc::Sender<FromChecker> {
        self.handle(Event::Shutdown);
        self.drain();
        self.probes.drain().for_each(|(_, probe)| probe.abort());
        if !keep_table {
            if self.ipvs_settings.sync.is_some() {
                self.sync.want(Vec::new());
            }
            self.marks.bring(None).await;
            if self.ipvs_settings.flush_at_stop {
                self.ipvs.flush();
            } else {
                self.ipvs.remove_all();
            }
        }
        self.sync.finish(SYNC_STOP_LIMIT);
        self.supervisor
    }

    fn snapshot(&self) -> CheckerSnapshot {
        let error = self.ipvs.error().or(self.marks.error()).map(str::to_owned);
        CheckerSnapshot::new(self.health.status(), error, (DeadlineTimer::now(), SystemTime::now()))
    }

    fn status(&self) -> CheckerStatus {
        let virtual_servers = self.health.status().virtual_servers;
        let now = (DeadlineTimer::now(), SystemTime::now());
        let sync = self.sync.report();
        CheckerStatus {
            ipvs_error: self.ipvs.error().or(self.marks.error()).map(str::to_owned),
            sync_daemons: sync.running,
            sync_error: sync.error,
            virtual_servers: virtual_servers
                .into_iter()
                .map(|server| virtual_server_status(server, now))
                .collect(),
        }
    }
}

fn services(settings: &Settings) -> BTreeSet<ServiceKey> {
    settings
        .virtual_servers
        .iter()
        .flat_map(|server| server.services.iter().copied())
        .collect()
}

/// `now` is the same moment by both clocks.
fn virtual_server_status(
    server: holdfast_health::status::VirtualServerStatus,
    now: (Timestamp, SystemTime),
) -> VirtualServerStatus {
    VirtualServerStatus {
        name: server.name,
        quorum_up: server.quorum_up,
        real_servers: server
            .real_servers
            .into_iter()
            .map(|real| RealServerStatus {
                name: real.name,
                up: real.up,
                weight: real.weight,
                full_weight: (real.full_weight != real.weight).then_some(real.full_weight),
                held_until_s: real.held_until.and_then(|until| on_the_wall(until, now)),
                reason: real.checkers.iter().filter(|checker| !checker.up).find_map(|checker| {
                    match &checker.last.as_ref()?.verdict {
                        Verdict::Success => None,
                        Verdict::Failure(failure) => Some(format!("{}: {failure}", checker.keyword)),
                        Verdict::NotTried(reason) => Some(format!("{}: {reason}", checker.keyword)),
                    }
                }),
            })
            .collect(),
    }
}

/// A moment in seconds since 1970.
fn on_the_wall(at: Timestamp, (now, wall): (Timestamp, SystemTime)) -> Option<u64> {
    let at = wall.checked_add(at.since(now))?;
    at.duration_since(UNIX_EPOCH).ok().map(|it| it.as_secs())
}

fn log(message: &holdfast_health::messages::Message) {
    use holdfast_health::messages::Level;
    match message.level() {
        Level::Info => tracing::info!("{message}"),
        Level::Warning => tracing::warn!("{message}"),
    }
}
