//! The supervisor: reads the configuration, starts and restarts the other processes, runs scripts, answers signals.
//!
//! It holds no address and no IPVS entry itself: whatever happens to one child, the other goes on.

mod child;
mod commands;
mod configuration;
mod dbus;
mod lvs_sysctls;
mod made_services;
mod namespace;
mod notify;
mod reloading;
mod snmp;
mod state_files;
mod trackers;

use std::collections::BTreeSet;
use std::time::Duration;

use holdfast_ipvs::kernel::load_modules;
use holdfast_net::DeadlineTimer;
use holdfast_time::Timestamp;
use tokio::sync::mpsc;
use tokio::time::Instant;

use self::child::Child;
pub use self::commands::CommandReport;
use self::commands::Commands;
pub use self::configuration::load_options;
use self::configuration::{Configuration, LoadError};
use self::dbus::Dbus;
use self::lvs_sysctls::LvsSysctls;
use self::notify::Notifier;
use self::reloading::{Marker, Timetable};
use self::state_files::{Asker, WantedFiles};
pub use self::trackers::TrackerReport;
use self::trackers::{ProcessMonitor, Trackers};
use crate::agent_door::Door;
use crate::bfd_news::NewsLines;
use crate::cli::Arguments;
use crate::file_mask;
use crate::host_changes::HostChanges;
use crate::ipc::{
    FromBfd, FromChecker, FromDbus, FromSnmp, FromVrrp, ToBfd, ToChecker, ToSnmp, ToVrrp, VrrpNotification,
};
use crate::log;
use crate::memory::Tidying;
use crate::pid_file::PidFile;
use crate::places::Places;
use crate::plan::trackers::TrackerTable;
use crate::process::outside::Controlled;
use crate::process::own::take_name;
use crate::role::Role;
use crate::scripts::Script;
use crate::signals::{Signals, Wish};
use crate::status::{ConfigurationStatus, RefusedReload, RoleStatus, Status};
use crate::systemd;

/// How long scripts of the last change are waited for at the end.
const STOP_SCRIPT_LIMIT: Duration = Duration::from_secs(1);

/// Changes of so many instances at once leave much memory behind that nobody needs any more.
const MUCH_WORK: usize = 64;

/// Exit status when the configuration cannot be used, as keepalived's.
pub const EXIT_CONFIGURATION: u8 = 2;

/// What the children tell.
#[derive(Debug)]
pub enum Report {
    /// A message of the VRRP process
    Vrrp(FromVrrp),
    /// A message of the checker process
    Checker(FromChecker),
    /// A message of the BFD process
    Bfd(FromBfd),
    /// A message of the SNMP process
    Snmp(FromSnmp),
    /// A message of the D-Bus process
    Dbus(FromDbus),
    /// A command of a check has ended
    Command(CommandReport),
    /// News of a tracker
    Tracker(TrackerReport),
    /// A child of this pid ended
    Ended(Role, u32, std::process::ExitStatus),
    /// Children that ended may be started again
    Restart,
}

impl Report {
    /// Nothing in the status changes with it. When thousands of servers go down there are as many of these, and to look at the
    /// status of thousands after each of them would take longer than all the rest.
    fn leaves_status(&self) -> bool {
        match self {
            Self::Checker(message) => matches!(
                message,
                FromChecker::Notify(_) | FromChecker::RunCommand { .. } | FromChecker::StopCommand(_)
            ),
            Self::Vrrp(message) => matches!(message, FromVrrp::Notify(_)),
            Self::Command(_) => true,
            _ => false,
        }
    }
}

struct Supervisor {
    arguments: Arguments,
    /// Those of the start: none of them changes at a reload
    places: Places,
    configuration: Configuration,
    vrrp: Option<Child<ToVrrp>>,
    checker: Option<Child<ToChecker>>,
    bfd: Option<Child<ToBfd>>,
    snmp: Option<Child<ToSnmp>>,
    dbus: Dbus,
    wanted_files: WantedFiles,
    news_lines: NewsLines,
    agent_door: Door,
    reports: mpsc::UnboundedSender<Report>,
    /// The instance that the sync daemons follow is master
    sync_is_master: bool,
    notifier: Notifier,
    trackers: Trackers,
    commands: Commands,
    lvs_sysctls: LvsSysctls,
    processes: ProcessMonitor,
    timetable: Timetable,
    tidying: Tidying,
    /// There while a reload goes on
    marker: Option<Marker>,
    status: Status,
    /// Of the status that was written last
    written: u64,
}

/// Runs until a signal ends it. Returns the exit status.
pub async fn run(arguments: Arguments) -> anyhow::Result<u8> {
    // The kernel tells of processes only in the namespace that it started with.
    let mut processes = ProcessMonitor::open();
    let configuration = match Configuration::load(&arguments) {
        Ok(configuration) => tracking_what_can_be(configuration, &mut processes).await,
        Err(LoadError { messages }) => {
            for message in messages {
                tracing::error!("{message}");
            }
            tracing::error!("{}: nothing to run; stopping", arguments.config_file.display());
            return Ok(EXIT_CONFIGURATION);
        }
    };
    log::tell_apart(&configuration.places.suffix);
    let pid_file = PidFile::take(&configuration.places.supervisor, std::process::id())?;
    for message in &configuration.messages {
        tracing::warn!("{message}");
    }
    file_mask::set(configuration.umask);
    // Before anything is opened or started: the children inherit it.
    if let Some(name) = &configuration.namespace {
        namespace::enter(name)?;
        tracing::info!("Running in network namespace {name}");
    }
    for option in arguments.not_in_effect.given() {
        tracing::warn!("option {option} is not yet in effect");
    }
    let (reports, mut inbox) = mpsc::unbounded_channel();
    let mut signals = Signals::listen(arguments.ignore_sigint)?;
    let mut supervisor = Supervisor::new(arguments, configuration, processes, reports)?;
    supervisor.timetable.configure(&supervisor.configuration.reload);
    let notify = std::mem::take(&mut supervisor.configuration.notify);
    supervisor.notifier.configure(notify);
    run_for_life("startup_script", supervisor.configuration.life.startup.as_ref()).await;
    take_name(supervisor.configuration.processes.supervisor_name.as_deref());
    supervisor.configure_trackers();
    supervisor.start_children()?;
    supervisor.tidying.note_much_work(DeadlineTimer::now());
    supervisor.write_status();
    systemd::ready(&supervisor.summary());
    loop {
        tokio::select! {
            Some(report) = inbox.recv() => {
                let leaves_status = report.leaves_status();
                if let Some(exit) = supervisor.handle(report)? {
                    supervisor.stop(&mut inbox).await;
                    return Ok(exit);
                }
                if leaves_status {
                    continue;
                }
            }
            () = supervisor.timetable.due() => {
                tracing::info!("The time of a reload has come");
                supervisor.reload().await?;
            }
            () = rest(supervisor.tidying.due_at()) => supervisor.tidying.tidy_if_due(DeadlineTimer::now()),
            wish = signals.next() => match wish {
                Wish::Reload => supervisor.reload().await?,
                Wish::Write(file) => supervisor.want_state_file(file, Asker::Signal),
                Wish::Stop => {
                    let places = supervisor.places.clone();
                    supervisor.stop(&mut inbox).await;
                    drop(pid_file);
                    places.remove_folders();
                    return Ok(0);
                }
            },
        }
        supervisor.end_reload();
        supervisor.write_status();
    }
}

impl Supervisor {
    fn new(
        arguments: Arguments,
        configuration: Configuration,
        processes: ProcessMonitor,
        reports: mpsc::UnboundedSender<Report>,
    ) -> anyhow::Result<Self> {
        let mut changes = HostChanges::left_behind(&configuration.places.status());
        changes
            .ipvs
            .services
            .keep_those_in(configuration.ipvs.namespace.as_deref());
        let configuration = configuration.keeping_marks(&changes.ipvs.marks);
        let status = Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            configuration: ConfigurationStatus {
                file: arguments.config_file.clone(),
                generation: 1,
                loaded_at_s: seconds_since_1970(),
                messages: configuration.messages.clone(),
                refused: None,
            },
            changes,
            ..Status::default()
        };
        Ok(Self {
            arguments,
            places: configuration.places.clone(),
            lvs_sysctls: LvsSysctls::new(configuration.ipvs.namespace.clone()),
            configuration,
            vrrp: None,
            checker: None,
            bfd: None,
            snmp: None,
            dbus: Dbus::default(),
            wanted_files: WantedFiles::default(),
            news_lines: NewsLines::new()?,
            agent_door: Door::new()?,
            sync_is_master: false,
            trackers: Trackers::new(reports.clone(), processes.clone()),
            commands: Commands::new(reports.clone()),
            processes,
            reports,
            notifier: Notifier::default(),
            timetable: Timetable::default(),
            tidying: Tidying::default(),
            marker: None,
            status,
            written: 0,
        })
    }

    /// Starts what the configuration needs and does not run yet.
    fn start_children(&mut self) -> anyhow::Result<()> {
        self.start_vrrp()?;
        self.commands.configure(self.configuration.commands.clone());
        if self.checker.is_none() && self.needs_checker() {
            let made = self.status.changes.ipvs.services.keys.clone();
            self.note_services(made.clone());
            let mut child = Child::start(
                Role::Checker,
                &self.places.checker,
                &self.configuration.processes.checker,
                &self.news_lines,
                &self.reports,
                Report::Checker,
            )?;
            let status = self.status.checker.get_or_insert_default();
            status.pid = Some(child.pid());
            // A checker that comes back adopts the table; only the first one may empty it.
            let flush = self.configuration.flush_ipvs && status.restarts == 0;
            let configure =
                self.configuration
                    .for_checker(flush, made, self.sync_is_master, self.trackers.file_values());
            child.configure(&configure, &self.configuration.processes.checker, ToChecker::Process);
            if let Some(mark_table) = self.mark_table_left_behind() {
                child.send(&ToChecker::LeftBehind { mark_table });
            }
            self.note_marks();
            self.checker = Some(child);
        }
        self.start_bfd()?;
        self.start_dbus();
        self.start_snmp()
    }

    /// Tables of marks that a killed daemon left, under a name that is not used any more.
    fn mark_table_left_behind(&self) -> Option<String> {
        let left = self.status.changes.ipvs.mark_table.as_ref()?;
        let ours = self.configuration.ipvs.marks.as_ref().map(|marks| &marks.table);
        (ours != Some(left)).then(|| left.clone())
    }

    /// After the checker has loaded IPVS, which brings them along.
    fn apply_lvs_sysctls(&mut self) {
        let left = self.status.changes.ipvs.sysctls.clone();
        self.lvs_sysctls.apply(&self.configuration.lvs_sysctls, &left);
        let changed = self.lvs_sysctls.changed();
        self.status.changes.update_ipvs(|ipvs| ipvs.sysctls = changed);
    }

    /// The next daemon must know of the marks if this one is killed.
    fn note_marks(&mut self) {
        let configuration = &self.configuration;
        let groups = configuration.marks.groups();
        let table = configuration.ipvs.marks.as_ref().map(|marks| marks.table.clone());
        self.status.changes.update_ipvs(|ipvs| {
            ipvs.marks = groups.to_vec();
            ipvs.mark_table = table;
        });
    }

    fn start_vrrp(&mut self) -> anyhow::Result<()> {
        if self.vrrp.is_none() && self.configuration.needs_vrrp(&self.arguments) {
            let mut child = Child::start(
                Role::Vrrp,
                &self.places.vrrp,
                &self.configuration.processes.vrrp,
                &self.news_lines,
                &self.reports,
                Report::Vrrp,
            )?;
            let configure = self.configuration.for_vrrp();
            child.configure(&configure, &self.configuration.processes.vrrp, ToVrrp::Process);
            if !self.status.changes.is_empty() {
                child.send(&ToVrrp::LeftBehind(self.status.changes.clone()));
            }
            for result in self.trackers.all_results() {
                child.send(&result);
            }
            self.status.vrrp.get_or_insert_default().pid = Some(child.pid());
            self.vrrp = Some(child);
        }
        Ok(())
    }

    fn start_bfd(&mut self) -> anyhow::Result<()> {
        if self.bfd.is_none() && self.configuration.needs_bfd(&self.arguments) {
            let mut child = Child::start(
                Role::Bfd,
                &self.places.bfd,
                &self.configuration.processes.bfd,
                &self.news_lines,
                &self.reports,
                Report::Bfd,
            )?;
            let status = self.status.bfd.get_or_insert_default();
            status.pid = Some(child.pid());
            let configure = self.configuration.for_bfd(status.restarts > 0);
            child.configure(&configure, &self.configuration.processes.bfd, ToBfd::Process);
            self.bfd = Some(child);
        }
        if self.arguments.no_bfd {
            let sessions = &self.configuration.bfd.instances;
            self.news_lines
                .all_down(sessions.iter().map(|session| session.name.clone()));
        }
        Ok(())
    }

    /// Acts on a report. `Some`: the daemon has to end with this exit status.
    fn handle(&mut self, report: Report) -> anyhow::Result<Option<u8>> {
        match report {
            Report::Vrrp(FromVrrp::Status(report)) => {
                self.tidying.note_much_work(DeadlineTimer::now());
                self.notifier.states(&report);
                self.dbus.states(&report.instances, true);
                self.status.vrrp.get_or_insert_default().report = report;
            }
            Report::Vrrp(FromVrrp::Changed(change)) => {
                if change.instances.len() >= MUCH_WORK {
                    self.tidying.note_much_work(DeadlineTimer::now());
                }
                self.dbus.states(&change.instances, false);
                let status = &mut self.status.vrrp.get_or_insert_default().report;
                status.apply(change);
                self.notifier.states(status);
            }
            Report::Vrrp(FromVrrp::Notify(change)) => {
                self.notifier.vrrp(&change);
                self.tell_snmp_of_vrrp(&change);
                self.dbus.change(&change);
                self.follow_instance(&change);
            }
            Report::Checker(FromChecker::Status(report)) => self.status.checker.get_or_insert_default().report = report,
            Report::Checker(FromChecker::Services(ours)) => self.note_services(ours),
            Report::Checker(FromChecker::Notify(change)) => {
                self.notifier.checker(&change);
                self.tell_snmp_of_checker(change);
            }
            Report::Vrrp(FromVrrp::Snapshot(mut snapshot)) => {
                snapshot.trackers = self.trackers.status();
                self.answer_snmp(&ToSnmp::VrrpSnapshot(snapshot));
            }
            Report::Checker(FromChecker::Snapshot(snapshot)) => self.answer_snmp(&ToSnmp::CheckerSnapshot(snapshot)),
            Report::Snmp(message) => self.handle_snmp(message),
            Report::Checker(FromChecker::RunCommand {
                checker,
                generation,
                command,
                timeout,
            }) => self.commands.run(checker, generation, &command, timeout),
            Report::Checker(FromChecker::StopCommand(checker)) => self.commands.stop(checker),
            Report::Command(report) => {
                if let (Some(end), Some(checker)) = (self.commands.handle(report), &self.checker) {
                    checker.send(&end);
                }
            }
            Report::Bfd(FromBfd::Status(report)) => self.status.bfd.get_or_insert_default().report = report,
            Report::Vrrp(FromVrrp::Trap(trap)) => self.tell_snmp_of_trap(trap),
            Report::Vrrp(FromVrrp::ChangedHost(news)) => self.status.changes.update(news),
            Report::Dbus(message) => self.asked_by_dbus(message),
            Report::Vrrp(FromVrrp::ForFile { number, snapshot }) => self.write_state_file(number, &snapshot),
            Report::Vrrp(FromVrrp::Configured) => {
                on(&mut self.vrrp, Controlled::configured);
                self.dbus_after_vrrp();
            }
            Report::Checker(FromChecker::Configured) => {
                on(&mut self.checker, Controlled::configured);
                self.apply_lvs_sysctls();
            }
            Report::Bfd(FromBfd::Configured) => on(&mut self.bfd, Controlled::configured),
            Report::Vrrp(FromVrrp::Late(lateness)) => on(&mut self.vrrp, |process| process.late(lateness)),
            Report::Checker(FromChecker::Late(lateness)) => on(&mut self.checker, |process| process.late(lateness)),
            Report::Bfd(FromBfd::Late(lateness)) => on(&mut self.bfd, |process| process.late(lateness)),
            Report::Tracker(report) => {
                let result = self.trackers.handle(report);
                if let (Some(ToVrrp::FileValue { file, value }), Some(checker)) = (&result, &self.checker) {
                    let (file, value) = (file.clone(), *value);
                    checker.send(&ToChecker::FileValue { file, value });
                }
                if let (Some(result), Some(vrrp)) = (result, &self.vrrp) {
                    vrrp.send(&result);
                }
            }
            Report::Ended(role, pid, exit) => return Ok(self.child_ended(role, pid, exit)),
            Report::Restart => self.start_children()?,
        }
        Ok(None)
    }

    /// The instance that the sync daemons follow.
    fn followed(&self) -> Option<&String> {
        self.configuration.ipvs.sync.as_ref()?.instance.as_ref()
    }

    fn follow_instance(&mut self, change: &VrrpNotification) {
        let is_master = match change.state.as_str() {
            "MASTER" => true,
            "BACKUP" | "FAULT" | "STOP" | "DELETED" => false,
            _ => return,
        };
        if !change.is_group && self.followed() == Some(&change.name) {
            self.set_sync_master(is_master);
        }
    }

    fn set_sync_master(&mut self, is_master: bool) {
        self.sync_is_master = is_master;
        if let Some(checker) = &self.checker {
            checker.send(&ToChecker::SyncInstance { is_master });
        }
    }

    fn child_ended(&mut self, role: Role, pid: u32, exit: std::process::ExitStatus) -> Option<u8> {
        let lived = match role {
            Role::Vrrp => {
                let former = forget(&mut self.vrrp, &mut self.status.vrrp, pid);
                self.dbus.vrrp_is_gone();
                self.forget_wanted_files();
                // Another director is master soon.
                self.set_sync_master(false);
                former
            }
            Role::Checker => {
                self.commands.stop_all();
                forget(&mut self.checker, &mut self.status.checker, pid)
            }
            Role::Bfd => forget(&mut self.bfd, &mut self.status.bfd, pid),
            Role::Snmp => forget(&mut self.snmp, &mut self.status.snmp, pid),
            Role::Dbus => {
                self.dbus_ended(pid);
                return None;
            }
        };
        // A child that a reload made superfluous ended as told.
        let (lived, restarts) = lived?;
        tracing::error!("{role} process {pid} died: {exit}");
        if self.arguments.dont_respawn {
            return Some(1);
        }
        let delay = child::restart_delay(role, lived, restarts);
        tracing::info!("{role} process is restarted in {} ms", delay.as_millis());
        let reports = self.reports.clone();
        tokio::spawn(async move {
            tokio::time::sleep(delay).await;
            // Without a supervisor there is nothing to restart.
            let _ = reports.send(Report::Restart);
        });
        None
    }

    /// Reads the file again. With errors the running configuration goes on.
    async fn reload(&mut self) -> anyhow::Result<()> {
        tracing::info!("Reloading {}", self.arguments.config_file.display());
        systemd::reloading();
        self.marker = Marker::set(&self.configuration.reload, &self.places);
        let loaded = match reloading::refusal(&self.configuration.reload).await {
            Some(reason) => Err(LoadError { messages: vec![reason] }),
            None => Configuration::load(&self.arguments)
                .and_then(Configuration::without_errors)
                .and_then(|configuration| configuration.succeeding(&self.configuration))
                .map(|configuration| configuration.keeping_marks(self.configuration.marks.groups())),
        };
        self.take_over(loaded).await?;
        systemd::ready(&self.summary());
        Ok(())
    }

    /// The reload is over when every process has taken in the configuration.
    fn end_reload(&mut self) {
        let busy = [
            self.vrrp.as_mut().is_some_and(|child| child.process().is_configuring()),
            self.checker
                .as_mut()
                .is_some_and(|child| child.process().is_configuring()),
            self.bfd.as_mut().is_some_and(|child| child.process().is_configuring()),
            self.snmp.as_mut().is_some_and(|child| child.process().is_configuring()),
        ];
        if !busy.contains(&true) {
            self.marker = None;
        }
    }

    async fn take_over(&mut self, loaded: Result<Configuration, LoadError>) -> anyhow::Result<()> {
        match loaded {
            Ok(configuration) => {
                load_new_modules(&self.configuration, &configuration).await;
                let configuration = tracking_what_can_be(configuration, &mut self.processes).await;
                for message in &configuration.messages {
                    tracing::warn!("{message}");
                }
                self.status.configuration.messages.clone_from(&configuration.messages);
                self.status.configuration.generation += 1;
                self.status.configuration.loaded_at_s = seconds_since_1970();
                self.status.configuration.refused = None;
                self.tidying.note_much_work(DeadlineTimer::now());
                // The new configuration may not name any more what a dead process left.
                self.start_vrrp_to_clean_up();
                self.configuration = configuration;
                self.timetable.configure(&self.configuration.reload);
                self.notifier.configure(std::mem::take(&mut self.configuration.notify));
                self.notifier.reloaded();
                self.apply()
            }
            Err(LoadError { messages }) => {
                for message in &messages {
                    tracing::error!("{message}");
                }
                tracing::error!("reload refused: the running configuration goes on");
                self.status.configuration.refused = Some(RefusedReload {
                    at_s: seconds_since_1970(),
                    messages,
                });
                Ok(())
            }
        }
    }

    /// Hands the new configuration to the children, starts those that are needed now.
    fn apply(&mut self) -> anyhow::Result<()> {
        file_mask::set(self.configuration.umask);
        take_name(self.configuration.processes.supervisor_name.as_deref());
        self.configure_dbus();
        self.configure_trackers();
        let known = self.status.vrrp.as_ref().map(|vrrp| &vrrp.report.instances);
        self.sync_is_master = self.followed().is_some_and(|followed| {
            let instance = known.and_then(|known| known.iter().find(|instance| instance.name == *followed));
            instance.is_some_and(|instance| instance.state == "MASTER")
        });
        // A child that is no longer needed gets an empty configuration and gives up all it holds.
        if let Some(vrrp) = &mut self.vrrp {
            // Before the settings: no instance shall act on what a script of the same name once said.
            for result in self.trackers.all_results() {
                vrrp.send(&result);
            }
            let configure = self.configuration.for_vrrp();
            vrrp.configure(&configure, &self.configuration.processes.vrrp, ToVrrp::Process);
        }
        if self.checker.is_some() {
            self.note_services(self.status.changes.ipvs.services.keys.clone());
        }
        if let Some(checker) = &mut self.checker {
            let (made, files) = (BTreeSet::new(), self.trackers.file_values());
            let configure = self.configuration.for_checker(false, made, self.sync_is_master, files);
            checker.configure(&configure, &self.configuration.processes.checker, ToChecker::Process);
            self.note_marks();
        }
        if let Some(bfd) = &mut self.bfd {
            let configure = self.configuration.for_bfd(false);
            bfd.configure(&configure, &self.configuration.processes.bfd, ToBfd::Process);
        }
        self.configure_snmp();
        self.start_children()
    }

    /// Without instances nothing is tracked.
    fn configure_trackers(&mut self) {
        if self.configuration.needs_vrrp(&self.arguments) {
            self.trackers.configure(&self.configuration.trackers);
        } else if self.configuration.needs_checker(&self.arguments) {
            self.trackers.configure(&TrackerTable {
                files: self.configuration.trackers.files.clone(),
                ..TrackerTable::default()
            });
        } else {
            self.trackers.configure(&TrackerTable::default());
        }
    }

    /// Ends the children, VRRP first of all: the peer should know at once. Then the scripts of their last words.
    async fn stop(mut self, inbox: &mut mpsc::UnboundedReceiver<Report>) {
        tracing::info!("Stopping");
        systemd::stopping();
        self.start_vrrp_to_clean_up();
        self.stop_vrrp();
        if let Some(checker) = &self.checker {
            checker.send(&ToChecker::Shutdown {
                keep_table: self.arguments.keep_ipvs,
            });
        }
        if let Some(bfd) = &self.bfd {
            bfd.send(&ToBfd::Shutdown);
        }
        // Scripts that run now are asked to end, and killed with us if they do not.
        self.trackers.configure(&TrackerTable::default());
        let limit = Instant::now() + self.configuration.child_wait_time;
        let mut died = false;
        while self.vrrp.is_some() || self.checker.is_some() || self.bfd.is_some() {
            match tokio::time::timeout_at(limit, inbox.recv()).await {
                Ok(Some(Report::Ended(Role::Vrrp, _, exit))) => {
                    self.vrrp = None;
                    if !exit.success() && !std::mem::replace(&mut died, true) {
                        self.start_vrrp_to_clean_up();
                        self.stop_vrrp();
                    }
                }
                Ok(Some(Report::Ended(Role::Checker, ..))) => self.checker = None,
                Ok(Some(Report::Ended(Role::Bfd, ..))) => self.bfd = None,
                Ok(Some(Report::Ended(Role::Snmp, ..))) => self.snmp = None,
                Ok(Some(Report::Restart)) => {}
                Ok(Some(report)) => {
                    // No failure can come of these: scripts log their own errors.
                    let _ = self.handle(report);
                }
                Ok(None) | Err(_) => {
                    tracing::error!(
                        "a process does not end within {} s (child_wait_time) and is killed",
                        self.configuration.child_wait_time.as_secs()
                    );
                    break;
                }
            }
        }
        // Dropping a child kills it if it still runs.
        self.vrrp = None;
        self.checker = None;
        self.bfd = None;
        self.stop_dbus(inbox).await;
        self.stop_snmp(inbox).await;
        self.lvs_sysctls.restore();
        self.notifier.finish(STOP_SCRIPT_LIMIT).await;
        run_for_life("shutdown_script", self.configuration.life.shutdown.as_ref()).await;
        // Nobody may read the state of a daemon that is gone.
        let _ = std::fs::remove_file(self.places.status());
        tracing::info!("Stopped");
    }

    fn stop_vrrp(&self) {
        if let Some(vrrp) = &self.vrrp {
            vrrp.send(&ToVrrp::Shutdown {
                keep_addresses: self.arguments.keep_addresses,
            });
        }
    }

    /// A VRRP process that was killed left its addresses behind. A new one removes them before anything else; it may be
    /// stopped, or given another configuration, as soon as that is done.
    fn start_vrrp_to_clean_up(&mut self) {
        if self.arguments.keep_addresses {
            return;
        }
        if let Err(error) = self.start_vrrp() {
            tracing::error!("what the VRRP process left behind cannot be removed: {error:#}");
        }
    }

    /// One line for the service manager.
    fn summary(&self) -> String {
        match &self.status.configuration.refused {
            None => format!("{} loaded", self.arguments.config_file.display()),
            Some(_) => format!(
                "reload of {} REFUSED, running the earlier one",
                self.arguments.config_file.display()
            ),
        }
    }

    fn write_status(&mut self) {
        self.status.trackers = self.trackers.status();
        let digest = self.status.digest();
        if digest == self.written {
            return;
        }
        match self.status.write(&self.places.status()) {
            Ok(()) => self.written = digest,
            Err(error) => tracing::warn!("{error:#}"),
        }
    }
}

async fn rest(until: Option<Timestamp>) {
    match until {
        Some(until) => tokio::time::sleep(until.since(DeadlineTimer::now())).await,
        None => std::future::pending().await,
    }
}

/// Runs the script of the daemon's beginning or end, if there is one.
async fn run_for_life(keyword: &str, script: Option<&(Script, Duration)>) {
    if let Some((script, limit)) = script {
        let outcome = trackers::run_once(script, *limit).await;
        if outcome.success() == Some(true) {
            tracing::info!("{keyword} {outcome}");
        } else {
            tracing::warn!("{keyword} {outcome}");
        }
    }
}

/// Changes how a child runs.
fn on<M>(child: &mut Option<Child<M>>, change: impl FnOnce(&mut Controlled)) {
    if let Some(child) = child {
        change(child.process());
    }
}

/// The configuration without processes to track where the kernel tells of none.
async fn tracking_what_can_be(configuration: Configuration, processes: &mut ProcessMonitor) -> Configuration {
    if configuration.trackers.processes.is_empty() {
        return configuration;
    }
    match processes.available().await {
        Ok(()) => configuration,
        Err(reason) => configuration.without_processes(&reason),
    }
}

/// The checker has no right to load what it did not need at its start.
async fn load_new_modules(running: &Configuration, next: &Configuration) {
    let new: Vec<String> = next.ipvs.modules.difference(&running.ipvs.modules).cloned().collect();
    if !new.is_empty() {
        // A thread that died has been heard of already.
        let _ = tokio::task::spawn_blocking(move || load_modules(new.iter().map(String::as_str))).await;
    }
}

/// Forgets an ended child. `None` if it was not the current one; else how long it lived and how often its like was restarted.
fn forget<M, T: Default>(
    slot: &mut Option<Child<M>>,
    status: &mut Option<RoleStatus<T>>,
    pid: u32,
) -> Option<(Duration, u64)> {
    let child = slot.take_if(|child| child.pid() == pid)?;
    let status = status.get_or_insert_default();
    status.pid = None;
    status.restarts += 1;
    Some((child.lived(), status.restarts))
}

fn seconds_since_1970() -> u64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |length| length.as_secs())
}
