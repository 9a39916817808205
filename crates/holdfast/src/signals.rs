//! Signals: heard by the supervisor, left to it by the others.

use std::task::Poll;

use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::state_files::StateFile;

/// What a signal asks of the supervisor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// `SIGHUP`
    Reload,
    /// `SIGTERM`, `SIGINT`
    Stop,
    /// One of keepalived's signals for its state files
    Write(StateFile),
}

/// The signals that the supervisor listens to.
#[derive(Debug)]
pub struct Signals {
    hangup: Signal,
    terminate: Signal,
    interrupt: Signal,
    ignore_interrupt: bool,
    /// Monitoring sends these as it sends them to keepalived; unheard they would end the process.
    dumps: Vec<(Signal, StateFile)>,
}

impl Signals {
    /// Starts to listen. Call within the runtime.
    pub fn listen(ignore_interrupt: bool) -> anyhow::Result<Self> {
        Ok(Self {
            hangup: listen(SignalKind::hangup())?,
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
            ignore_interrupt,
            dumps: dump_signals()
                .into_iter()
                .map(|(kind, file)| Ok((listen(kind)?, file)))
                .collect::<anyhow::Result<_>>()?,
        })
    }

    /// Waits for a signal. Can be cancelled without loss.
    pub async fn next(&mut self) -> Wish {
        let dumps = &mut self.dumps;
        let dump_wanted = std::future::poll_fn(|context| {
            // Each must be asked, so that each wakes us. One that was heard and is not returned would be lost.
            for (signal, file) in dumps.iter_mut() {
                if signal.poll_recv(context).is_ready() {
                    return Poll::Ready(*file);
                }
            }
            Poll::Pending
        });
        tokio::select! {
            _ = self.hangup.recv() => Wish::Reload,
            _ = self.terminate.recv() => Wish::Stop,
            _ = self.interrupt.recv(), if !self.ignore_interrupt => Wish::Stop,
            file = dump_wanted => Wish::Write(file),
        }
    }
}

/// Leaves to the supervisor what people send to all processes of a name (`killall -HUP`), and what a terminal sends to all
/// in its foreground: a child that died of it would leave its addresses behind.
pub fn leave_to_supervisor() -> anyhow::Result<()> {
    let others = [SignalKind::hangup(), SignalKind::interrupt()];
    for kind in others.into_iter().chain(dump_signals().map(|(kind, _)| kind)) {
        // The signal stays caught when its listener is dropped.
        drop(listen(kind)?);
    }
    Ok(())
}

/// keepalived's signals and what each is for.
fn dump_signals() -> [(SignalKind, StateFile); 5] {
    [
        (libc::SIGUSR1, StateFile::Data),
        (libc::SIGUSR2, StateFile::Stats),
        (libc::SIGRTMIN() + 2, StateFile::Json),
        (libc::SIGRTMAX() - 1, StateFile::StatsClear),
        (libc::SIGRTMAX(), StateFile::Timers),
    ]
    .map(|(number, file)| (SignalKind::from_raw(number), file))
}

fn listen(kind: SignalKind) -> anyhow::Result<Signal> {
    signal(kind).context("cannot listen to signals")
}
