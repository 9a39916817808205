//! The log: lines are handed to a thread of their own through a bounded queue, so that a slow terminal or a hanging log
//! daemon never delays an election. What does not fit in the queue is dropped, counted, and said.

mod queue;
mod syslog;

use std::fmt::{self, Write as _};
use std::io::Write as _;
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

use queue::{Lines, Writer};
pub use syslog::Facility;
use syslog::Syslog;

/// Longest wait for the queue to empty when the process ends.
const FLUSH_LIMIT: Duration = Duration::from_millis(500);

/// Where the log of this process goes, and how much of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Settings {
    /// Name in syslog, as keepalived's users know it: `Keepalived_vrrp`
    pub ident: String,
    /// To standard error as well
    pub console: bool,
    /// Syslog facility; `None`: no syslog
    pub facility: Option<Facility>,
    /// Detailed messages too (`-D`)
    pub detail: bool,
}

/// In a child's environment: what tells this daemon's names in syslog apart from others'.
pub const SUFFIX_VARIABLE: &str = "HOLDFAST_LOG_SUFFIX";

/// In a child's environment: the supervisor's [`Settings`].
pub const SETTINGS_VARIABLE: &str = "HOLDFAST_LOG";

static SUFFIX: OnceLock<String> = OnceLock::new();
static SETTINGS: OnceLock<String> = OnceLock::new();

/// From now on this is behind the name of each process in syslog. Once.
pub fn tell_apart(suffix: &str) {
    // A second time nothing changes.
    let _ = SUFFIX.set(suffix.to_owned());
}

/// What is behind the names.
pub fn suffix() -> &'static str {
    SUFFIX.get().map_or("", String::as_str)
}

/// The settings of this process's log, for [`SETTINGS_VARIABLE`].
pub fn settings() -> &'static str {
    SETTINGS.get().map_or("", String::as_str)
}

impl Settings {
    /// Those of a child: its supervisor's under a name of its own.
    pub fn of_child(ident: &str) -> anyhow::Result<Self> {
        let text = std::env::var(SETTINGS_VARIABLE)?;
        Ok(Self {
            ident: ident.to_owned(),
            ..serde_json::from_str(&text)?
        })
    }
}

/// Keeps the writer reachable; flushes when dropped.
pub struct Log {
    lines: Lines,
}

struct QueueLayer {
    lines: Lines,
    most_verbose: Level,
}

/// Starts the writer and makes it the process's log.
pub fn start(settings: Settings) -> anyhow::Result<Log> {
    let text = serde_json::to_string(&settings)?;
    // There is one log in a process.
    let _ = SETTINGS.set(text);
    let (lines, writer) = queue::queue();
    let most_verbose = if settings.detail { Level::DEBUG } else { Level::INFO };
    let layer = QueueLayer {
        lines: lines.clone(),
        most_verbose,
    };
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer))?;
    std::thread::Builder::new()
        .name("log".into())
        .spawn(move || write_lines(&settings, &writer))?;
    Ok(Log { lines })
}

impl Drop for Log {
    fn drop(&mut self) {
        // A writer that hangs must not hold up the end of the process.
        self.lines.flush(FLUSH_LIMIT);
    }
}

fn write_lines(settings: &Settings, writer: &Writer) {
    let mut syslog = settings.facility.map(|facility| Syslog::new(&settings.ident, facility));
    writer.run(|level, text| {
        if settings.console {
            // In one piece: standard error writes each piece by itself, and lines of several processes would mix.
            let line = format!("{}: {text}\n", crate::local_time::now());
            // A closed terminal is no reason to stop logging elsewhere.
            let _ = std::io::stderr().lock().write_all(line.as_bytes());
        }
        if let Some(syslog) = &mut syslog {
            syslog.send(level, text);
        }
    });
}

impl<S: Subscriber> Layer<S> for QueueLayer {
    fn enabled(&self, metadata: &tracing::Metadata<'_>, _: Context<'_, S>) -> bool {
        *metadata.level() <= self.most_verbose && metadata.target().starts_with("holdfast")
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut line = Line::default();
        event.record(&mut line);
        let Line { mut message, fields } = line;
        message.push_str(&fields);
        self.lines.put(*event.metadata().level(), message);
    }
}

#[derive(Default)]
struct Line {
    message: String,
    fields: String,
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a String cannot fail.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => self.message.push_str(value),
            name => {
                let _ = write!(self.fields, " {name}={value}");
            }
        }
    }
}

/// Makes a panic a line of the log before the process ends, so that its cause is not lost with the terminal.
pub fn log_panics() {
    static ONCE: Mutex<()> = Mutex::new(());
    let previous = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let _one_at_a_time = ONCE.lock();
        tracing::error!("internal error: {info}");
        previous(info);
    }));
}
