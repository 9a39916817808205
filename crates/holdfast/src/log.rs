//! The log: lines are handed to a thread of their own through a bounded queue, so that a slow terminal or a hanging log
//! daemon never delays an election. What does not fit in the queue is dropped, counted, and said.

mod syslog;

use std::fmt::{self, Write as _};
use std::io::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

pub use syslog::Facility;
use syslog::Syslog;

/// Lines that may wait for the writer; 255 instances that all change state at once stay well below.
const QUEUE_LINES: usize = 8192;

/// Longest wait for the queue to empty when the process ends.
const FLUSH_LIMIT: Duration = Duration::from_millis(500);

/// Where the log of this process goes, and how much of it.
#[derive(Debug, Clone)]
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

enum Message {
    Line(Level, String),
    Flush(SyncSender<()>),
}

/// Keeps the writer reachable; flushes when dropped.
pub struct Log {
    sender: SyncSender<Message>,
}

struct QueueLayer {
    sender: SyncSender<Message>,
    dropped: Arc<AtomicU64>,
    most_verbose: Level,
}

/// Starts the writer and makes it the process's log.
pub fn start(settings: Settings) -> anyhow::Result<Log> {
    let (sender, receiver) = sync_channel(QUEUE_LINES);
    let dropped = Arc::new(AtomicU64::new(0));
    let most_verbose = if settings.detail { Level::DEBUG } else { Level::INFO };
    let layer = QueueLayer {
        sender: sender.clone(),
        dropped: Arc::clone(&dropped),
        most_verbose,
    };
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer))?;
    std::thread::Builder::new()
        .name("log".into())
        .spawn(move || write_lines(&settings, &receiver, &dropped))?;
    Ok(Log { sender })
}

impl Drop for Log {
    fn drop(&mut self) {
        let (done, wait) = sync_channel(1);
        if self.sender.try_send(Message::Flush(done)).is_ok() {
            // A writer that hangs must not hold up the end of the process.
            let _ = wait.recv_timeout(FLUSH_LIMIT);
        }
    }
}

fn write_lines(settings: &Settings, receiver: &Receiver<Message>, dropped: &AtomicU64) {
    let mut syslog = settings.facility.map(|facility| Syslog::new(&settings.ident, facility));
    let mut write = |level: Level, text: &str| {
        if settings.console {
            // A closed terminal is no reason to stop logging elsewhere.
            let _ = writeln!(std::io::stderr().lock(), "{}: {text}", crate::local_time::now());
        }
        if let Some(syslog) = &mut syslog {
            syslog.send(level, text);
        }
    };
    while let Ok(message) = receiver.recv() {
        match message {
            Message::Line(level, text) => write(level, &text),
            Message::Flush(done) => {
                let _ = done.send(());
            }
        }
        let lost = dropped.swap(0, Ordering::Relaxed);
        if lost > 0 {
            write(
                Level::WARN,
                &format!("{lost} log lines were dropped: the log cannot keep up"),
            );
        }
    }
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
        if self
            .sender
            .try_send(Message::Line(*event.metadata().level(), message))
            .is_err()
        {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
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
