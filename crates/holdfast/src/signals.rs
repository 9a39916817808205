//! Signals: heard by the supervisor, left to it by the others.

use std::task::Poll;

use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// What a signal asks of the supervisor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// `SIGHUP`
    Reload,
    /// `SIGTERM`, `SIGINT`
    Stop,
    /// keepalived's signals for its state files
    Dump,
}

/// The signals that the supervisor listens to.
#[derive(Debug)]
pub struct Signals {
    hangup: Signal,
    terminate: Signal,
    interrupt: Signal,
    ignore_interrupt: bool,
    /// Monitoring sends these as it sends them to keepalived; unheard they would end the process.
    dumps: Vec<Signal>,
}

impl Signals {
    /// Starts to listen. Call within the runtime.
    pub fn listen(ignore_interrupt: bool) -> anyhow::Result<Self> {
        Ok(Self {
            hangup: listen(SignalKind::hangup())?,
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
            ignore_interrupt,
            dumps: dump_signals().into_iter().map(listen).collect::<Result<_, _>>()?,
        })
    }

    /// Waits for a signal. Can be cancelled without loss.
    pub async fn next(&mut self) -> Wish {
        let dumps = &mut self.dumps;
        let dump_wanted = std::future::poll_fn(|context| {
            // Each must be asked, so that each wakes us.
            let heard = dumps
                .iter_mut()
                .filter_map(|signal| signal.poll_recv(context).is_ready().then_some(()));
            if heard.count() > 0 {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        });
        tokio::select! {
            _ = self.hangup.recv() => Wish::Reload,
            _ = self.terminate.recv() => Wish::Stop,
            _ = self.interrupt.recv(), if !self.ignore_interrupt => Wish::Stop,
            () = dump_wanted => Wish::Dump,
        }
    }
}

/// Leaves to the supervisor what people send to all processes of a name (`killall -HUP`), and what a terminal sends to all
/// in its foreground: a child that died of it would leave its addresses behind.
pub fn leave_to_supervisor() -> anyhow::Result<()> {
    let others = [SignalKind::hangup(), SignalKind::interrupt()];
    for kind in others.into_iter().chain(dump_signals()) {
        // The signal stays caught when its listener is dropped.
        drop(listen(kind)?);
    }
    Ok(())
}

/// `SIGUSR1` data, `SIGUSR2` statistics, then JSON, statistics to be cleared, and the list of timers.
fn dump_signals() -> [SignalKind; 5] {
    [
        libc::SIGUSR1,
        libc::SIGUSR2,
        libc::SIGRTMIN() + 2,
        libc::SIGRTMAX() - 1,
        libc::SIGRTMAX(),
    ]
    .map(SignalKind::from_raw)
}

fn listen(kind: SignalKind) -> anyhow::Result<Signal> {
    signal(kind).context("cannot listen to signals")
}
