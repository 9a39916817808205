//! The supervisor: reads the configuration, starts and restarts the other processes, runs scripts, answers signals.
//!
//! It holds no address and no IPVS entry itself: whatever happens to one child, the other goes on.

mod child;
mod children;
mod commands;
mod configuration;
mod dbus;
mod in_force;
mod lvs_sysctls;
mod made_services;
mod namespace;
mod notify;
mod reloading;
mod snmp;
mod state_files;
mod stopping;
mod sync_daemons;
mod trackers;

use std::time::Duration;

use holdfast_net::DeadlineTimer;
use holdfast_time::Timestamp;
use tokio::sync::mpsc;

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
use crate::ipc::{FromBfd, FromChecker, FromDbus, FromSnmp, FromVrrp, ToBfd, ToChecker, ToSnmp, ToVrrp};
use crate::log;
use crate::memory::Tidying;
use crate::pid_file::PidFile;
use crate::places::Places;
use crate::process::outside::Controlled;
use crate::process::own::take_name;
use crate::role::Role;
use crate::scripts::Script;
use crate::signals::{Signals, Wish};
use crate::status::{ConfigurationStatus, Status};
use crate::systemd;

/// Changes of so many instances at once leave much memory behind that nobody needs any more.
const MUCH_WORK: usize = 64;

/// Exit status when the configuration cannot be used, as keepalived's.
pub const EXIT_CONFIGURATION: u8 = 2;

/// Exit status when the configuration is not there, as keepalived's.
pub const EXIT_NOT_CONFIGURED: u8 = 6;

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
        Err(LoadError { messages, exit_status }) => {
            for message in messages {
                tracing::error!("{message}");
            }
            tracing::error!("{}: nothing to run; stopping", arguments.config_file.display());
            return Ok(exit_status);
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

    /// After the checker has loaded IPVS, which brings them along.
    fn apply_lvs_sysctls(&mut self) {
        let left = self.status.changes.ipvs.sysctls.clone();
        self.lvs_sysctls.apply(&self.configuration.lvs_sysctls, &left);
        let changed = self.lvs_sysctls.changed();
        self.status.changes.update_ipvs(|ipvs| ipvs.sysctls = changed);
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

fn seconds_since_1970() -> u64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |length| length.as_secs())
}
