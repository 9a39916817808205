//! What instances track besides interfaces: the scripts that run in turn, the files that are watched, the processes of the
//! host, and what is known of each. The VRRP process learns results only.

mod file;
mod process;
mod script;

use std::collections::BTreeMap;

use holdfast_vrrp::ScriptHealth;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

pub use self::process::Monitor as ProcessMonitor;
use self::process::Standing;
pub use self::script::{Outcome, run_once};
use super::Report;
use crate::ipc::ToVrrp;
use crate::plan::processes::{EventBuffer, ProcessTracker};
use crate::plan::trackers::{FileTracker, ScriptTracker, TrackerTable};
use crate::status::{FileStatus, ProcessStatus, ScriptStatus, TrackersStatus};

/// News of a tracker.
#[derive(Debug)]
pub enum TrackerReport {
    /// A script was run.
    Script {
        /// Name of the block
        name: String,
        /// Which series of runs it belongs to
        series: u64,
        /// What came of it
        outcome: Outcome,
    },
    /// The number in a file changed.
    File {
        /// Name of the block
        name: String,
        /// Which watch saw it
        series: u64,
        /// The number
        value: i64,
    },
    /// The processes of a tracker became more or fewer.
    Process {
        /// Name of the block
        name: String,
        /// Which watch saw it
        series: u64,
        /// What that makes of it
        standing: Standing,
    },
}

/// A task that ends when this is dropped.
#[derive(Debug)]
struct Series {
    number: u64,
    _stop: mpsc::Sender<()>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct Script {
    settings: ScriptTracker,
    health: ScriptHealth,
    /// What came of the last run
    last: Option<Outcome>,
    /// None for a script that is disabled
    series: Option<Series>,
}

#[derive(Debug)]
struct File {
    settings: FileTracker,
    value: i64,
}

#[derive(Debug)]
struct Process {
    settings: ProcessTracker,
    /// None before the first word
    standing: Option<Standing>,
}

/// All trackers of the configuration in force.
#[derive(Debug)]
pub struct Trackers {
    reports: mpsc::UnboundedSender<Report>,
    last_series: u64,
    scripts: Vec<Script>,
    files: Vec<File>,
    watch: Option<Series>,
    processes: Vec<Process>,
    event_buffer: EventBuffer,
    process_monitor: ProcessMonitor,
    process_watch: Option<Series>,
}

impl Trackers {
    /// No trackers yet.
    pub fn new(reports: mpsc::UnboundedSender<Report>, process_monitor: ProcessMonitor) -> Self {
        Self {
            reports,
            last_series: 0,
            scripts: Vec::new(),
            files: Vec::new(),
            watch: None,
            processes: Vec::new(),
            event_buffer: EventBuffer::default(),
            process_monitor,
            process_watch: None,
        }
    }

    /// Goes on with other trackers. A script whose command stays the same keeps its result, and one that stays the same in
    /// all is not disturbed.
    pub fn configure(&mut self, table: &TrackerTable) {
        let mut former = std::mem::take(&mut self.scripts);
        for settings in &table.scripts {
            let same_name = former.iter().position(|script| script.settings.name == settings.name);
            let script = match same_name.map(|place| former.swap_remove(place)) {
                Some(script) if script.settings == *settings => script,
                former => self.start_script(settings.clone(), former),
            };
            self.scripts.push(script);
        }
        let unchanged = self.files.iter().map(|file| &file.settings).eq(&table.files);
        if !unchanged {
            self.watch_files(&table.files);
        }
        let unchanged = self
            .processes
            .iter()
            .map(|process| &process.settings)
            .eq(&table.processes);
        if !unchanged || self.event_buffer != table.event_buffer {
            self.event_buffer = table.event_buffer;
            self.watch_processes(&table.processes);
        }
    }

    fn start_script(&mut self, settings: ScriptTracker, former: Option<Script>) -> Script {
        let fresh = ScriptHealth::new(settings.rise, settings.fall, settings.init_fail);
        let (health, last, former) = match former {
            Some(former) if former.settings.command == settings.command => {
                let mut health = former.health;
                health.set_limits(settings.rise, settings.fall);
                (health, former.last, former.series)
            }
            Some(former) => (fresh, None, former.series),
            None => (fresh, None, None),
        };
        let series = settings.command.clone().ok().map(|command| {
            let timing = script::Timing {
                interval: settings.interval,
                timeout: settings.timeout,
            };
            let name = settings.name.clone();
            self.start_series(former, |series, stop, reports| {
                let report = move |outcome| {
                    let name = name.clone();
                    // Without a supervisor nobody needs the result.
                    let _ = reports.send(Report::Tracker(TrackerReport::Script { name, series, outcome }));
                };
                script::run_in_turn(command, timing, stop, report)
            })
        });
        Script {
            settings,
            health,
            last,
            series,
        }
    }

    fn watch_files(&mut self, files: &[FileTracker]) {
        for file in files {
            let is_new = !self.files.iter().any(|former| former.settings == *file);
            if let (true, None, Some(init)) = (is_new, &file.disabled, file.init) {
                file::initialise(&file.path, init);
            }
        }
        self.files = files
            .iter()
            .map(|settings| File {
                value: file::read(&settings.path),
                settings: settings.clone(),
            })
            .collect();
        let watched: Vec<file::Watched> = self
            .files
            .iter()
            .filter(|file| file.settings.disabled.is_none())
            .map(|file| file::Watched {
                name: file.settings.name.clone(),
                path: file.settings.path.clone(),
                value: file.value,
            })
            .collect();
        let former = self.watch.take();
        self.watch = (!watched.is_empty()).then(|| {
            self.start_series(former, |series, stop, reports| {
                let report = move |name, value| {
                    let _ = reports.send(Report::Tracker(TrackerReport::File { name, series, value }));
                };
                file::watch(watched, stop, report)
            })
        });
    }

    fn watch_processes(&mut self, processes: &[ProcessTracker]) {
        let former = std::mem::take(&mut self.processes);
        let standing = |settings: &ProcessTracker| {
            let same = |former: &&Process| former.settings == *settings;
            former.iter().find(same).and_then(|former| former.standing)
        };
        let process = |settings: &ProcessTracker| Process {
            standing: standing(settings),
            settings: settings.clone(),
        };
        self.processes = processes.iter().map(process).collect();
        let usable = processes.iter().filter(|process| process.disabled.is_none());
        let watched: Vec<ProcessTracker> = usable.cloned().collect();
        let (buffer, monitor) = (self.event_buffer, self.process_monitor.clone());
        let former = self.process_watch.take();
        self.process_watch = (!watched.is_empty()).then(|| {
            self.start_series(former, |series, stop, reports| {
                let names: Vec<String> = watched.iter().map(|process| process.name.clone()).collect();
                let report = move |place: usize, standing| {
                    let Some(name) = names.get(place).cloned() else { return };
                    let _ = reports.send(Report::Tracker(TrackerReport::Process { name, series, standing }));
                };
                process::watch(watched, buffer, monitor, stop, report)
            })
        });
    }

    /// Starts a task, after the former one of its kind has ended.
    fn start_series<F: Future<Output = ()> + Send + 'static>(
        &mut self,
        former: Option<Series>,
        make: impl FnOnce(u64, mpsc::Receiver<()>, mpsc::UnboundedSender<Report>) -> F,
    ) -> Series {
        self.last_series += 1;
        let (stop, stopped) = mpsc::channel(1);
        let work = make(self.last_series, stopped, self.reports.clone());
        let former = former.map(|Series { task, .. }| task);
        let task = tokio::spawn(async move {
            if let Some(former) = former {
                let _ = former.await;
            }
            work.await;
        });
        Series {
            number: self.last_series,
            _stop: stop,
            task,
        }
    }

    /// Takes notice of news. Returns what the VRRP process has to know.
    pub fn handle(&mut self, report: TrackerReport) -> Option<ToVrrp> {
        match report {
            TrackerReport::Script { name, series, outcome } => {
                let belongs = |script: &&mut Script| script.series.as_ref().is_some_and(|it| it.number == series);
                let script = self.scripts.iter_mut().find(belongs)?;
                let changed = outcome.success().is_some_and(|success| script.health.record(success));
                if changed {
                    outcome.log(&name);
                } else if script.last.as_ref() != Some(&outcome) {
                    tracing::info!("Script `{name}` now: {outcome}");
                }
                script.last = Some(outcome);
                let up = script.health.up();
                changed.then_some(ToVrrp::ScriptResult { script: name, up })
            }
            TrackerReport::File { name, series, value } => {
                if self.watch.as_ref().is_none_or(|watch| watch.number != series) {
                    return None;
                }
                let file = self.files.iter_mut().find(|file| file.settings.name == name)?;
                tracing::info!("Track file `{name}` now holds {value}, was {}", file.value);
                file.value = value;
                Some(ToVrrp::FileValue { file: name, value })
            }
            TrackerReport::Process { name, series, standing } => {
                if self.process_watch.as_ref().is_none_or(|watch| watch.number != series) {
                    return None;
                }
                self.processes
                    .iter_mut()
                    .find(|process| process.settings.name == name)?
                    .take_in(standing)
            }
        }
    }

    /// All that is known, for a VRRP process that knows nothing or gets other settings.
    pub fn all_results(&self) -> impl Iterator<Item = ToVrrp> {
        let scripts = self.scripts.iter().map(|script| ToVrrp::ScriptResult {
            script: script.settings.name.clone(),
            up: script.health.up(),
        });
        let files = self.files.iter().map(|file| ToVrrp::FileValue {
            file: file.settings.name.clone(),
            value: file.value,
        });
        let processes = self.processes.iter().map(|process| ToVrrp::ProcessResult {
            process: process.settings.name.clone(),
            up: process.standing.map(|standing| standing.up),
        });
        scripts.chain(files).chain(processes)
    }

    /// The numbers in the tracked files, by the names of their blocks.
    pub fn file_values(&self) -> BTreeMap<String, i64> {
        let value = |file: &File| (file.settings.name.clone(), file.value);
        self.files.iter().map(value).collect()
    }

    /// What is known, for people.
    pub fn status(&self) -> TrackersStatus {
        let script = |script: &Script| ScriptStatus {
            name: script.settings.name.clone(),
            up: script.health.up(),
            last: script.last.as_ref().map(ToString::to_string),
            disabled: script.settings.command.as_ref().err().cloned(),
        };
        let file = |file: &File| FileStatus {
            name: file.settings.name.clone(),
            path: file.settings.path.clone(),
            value: file.value,
            disabled: file.settings.disabled.clone(),
        };
        let process = |process: &Process| ProcessStatus {
            name: process.settings.name.clone(),
            up: process.standing.map(|standing| standing.up),
            count: process.standing.map_or(0, |standing| standing.count),
            disabled: process.settings.disabled.clone(),
        };
        TrackersStatus {
            scripts: self.scripts.iter().map(script).collect(),
            files: self.files.iter().map(file).collect(),
            processes: self.processes.iter().map(process).collect(),
        }
    }
}

impl Process {
    /// Takes notice of what its processes make of it. Returns what the VRRP process has to know.
    fn take_in(&mut self, standing: Standing) -> Option<ToVrrp> {
        let former = self.standing.replace(standing);
        if former.map(|former| former.up) == Some(standing.up) {
            return None;
        }
        // keepalived's words.
        tracing::info!(
            "Quorum {} for tracked process {} (processes: {})",
            if standing.up { "gained" } else { "lost" },
            self.settings.name,
            standing.count
        );
        Some(ToVrrp::ProcessResult {
            process: self.settings.name.clone(),
            up: Some(standing.up),
        })
    }
}
