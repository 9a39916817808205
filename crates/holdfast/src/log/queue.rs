//! The queue to the writer: bounded in lines, and it takes memory only for those that wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::time::Duration;

use tracing::Level;

/// Lines that may wait for the writer; 255 instances that all change state at once stay well below.
const MOST_LINES: usize = 8192;

enum Message {
    Line(Level, String),
    Flush(SyncSender<()>),
}

#[derive(Default)]
struct Counts {
    waiting: AtomicUsize,
    dropped: AtomicU64,
}

/// The end that takes lines. It never waits.
#[derive(Clone)]
pub(super) struct Lines {
    queue: Sender<Message>,
    counts: Arc<Counts>,
}

/// The end of the writer.
pub(super) struct Writer {
    queue: Receiver<Message>,
    counts: Arc<Counts>,
}

/// Makes a queue.
pub(super) fn queue() -> (Lines, Writer) {
    let (sender, receiver) = channel();
    let counts = Arc::new(Counts::default());
    let lines = Lines {
        queue: sender,
        counts: Arc::clone(&counts),
    };
    let writer = Writer {
        queue: receiver,
        counts,
    };
    (lines, writer)
}

impl Lines {
    /// Hands a line over, or drops and counts it when too many wait.
    pub(super) fn put(&self, level: Level, text: String) {
        if self.counts.waiting.fetch_add(1, Ordering::Relaxed) >= MOST_LINES
            || self.queue.send(Message::Line(level, text)).is_err()
        {
            self.counts.waiting.fetch_sub(1, Ordering::Relaxed);
            self.counts.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits until everything before is written, but not for ever: a writer may hang.
    pub(super) fn flush(&self, limit: Duration) {
        let (done, wait) = sync_channel(1);
        if self.queue.send(Message::Flush(done)).is_ok() {
            // Whether it was in time makes no difference.
            let _ = wait.recv_timeout(limit);
        }
    }
}

impl Writer {
    /// Writes what comes, until nobody is there to send more. After a line `write` is told how many were dropped, if any.
    pub(super) fn run(&self, mut write: impl FnMut(Level, &str)) {
        while let Ok(message) = self.queue.recv() {
            match message {
                Message::Line(level, text) => {
                    self.counts.waiting.fetch_sub(1, Ordering::Relaxed);
                    write(level, &text);
                }
                Message::Flush(done) => {
                    let _ = done.send(());
                }
            }
            let lost = self.counts.dropped.swap(0, Ordering::Relaxed);
            if lost > 0 {
                let said = format!("{lost} log lines were dropped: the log cannot keep up");
                write(Level::WARN, &said);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_dropped_counted_and_said() {
        let (lines, writer) = queue();
        for number in 0..MOST_LINES + 3 {
            lines.put(Level::INFO, number.to_string());
        }
        drop(lines);
        let mut written = Vec::new();
        writer.run(|_, text| written.push(text.to_owned()));
        assert_eq!(written.len(), MOST_LINES + 1);
        assert_eq!(written[1], "3 log lines were dropped: the log cannot keep up");
        assert_eq!(written[MOST_LINES], (MOST_LINES - 1).to_string());
    }

    #[test]
    fn there_is_room_again_once_lines_are_written() {
        let (lines, writer) = queue();
        let thread = std::thread::spawn(move || {
            let mut written = 0;
            writer.run(|_, _| written += 1);
            written
        });
        for _ in 0..3 {
            for _ in 0..MOST_LINES {
                lines.put(Level::INFO, "line".into());
            }
            lines.flush(Duration::from_mins(1));
        }
        drop(lines);
        assert_eq!(thread.join().unwrap(), 3 * MOST_LINES);
    }

    #[test]
    fn a_writer_that_hangs_holds_nobody_up() {
        let (lines, _writer) = queue();
        lines.put(Level::INFO, "line".into());
        lines.flush(Duration::from_millis(10));
    }
}
