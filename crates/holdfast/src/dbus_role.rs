//! The D-Bus process: a bus on one side, the supervisor on the other. It has no right of any kind but to speak on a socket that
//! the supervisor connected for it: a bus lets nobody but root own keepalived's name, and asks the socket who it belongs to.
//!
//! It lives as long as its bus does. Whatever the bus does or does not do, nothing else in the daemon waits for this process.

mod calls;
mod introspection;
mod objects;
mod wire;

use std::os::fd::RawFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::signal::unix::{SignalKind, signal};

pub use self::calls::Request;
use self::calls::{Answer, Call, FAILED};
pub use self::objects::States;
use self::objects::{Objects, Signal};
use self::wire::{Bus, Incoming, Ownership};
use crate::ipc::{self, FromDbus, ToDbus};
use crate::privileges;

/// The process finds its socket to the bus under this descriptor.
pub const BUS_FD: RawFd = 4;

/// How long a bus may take to answer, or to take in what we say, before it counts as gone.
const PATIENCE: Duration = Duration::from_secs(10);

/// Calls that wait for others to do something; more at a time are not answered.
const MOST_WAITING: usize = 64;

struct Driver {
    bus: Bus,
    objects: Objects,
    supervisor: ipc::Sender<FromDbus>,
    /// Who waits for what, by the number under which the supervisor was asked
    waiting: Vec<(u64, Incoming)>,
    asked: u64,
}

/// Runs until the supervisor says stop or goes away, or the bus does.
pub async fn run() -> anyhow::Result<()> {
    let (supervisor, mut commands) = ipc::channel::<FromDbus, ToDbus>(ipc::inherited_stream()?)?;
    let socket = UnixStream::from(ipc::inherited(BUS_FD)?);
    privileges::confine_dbus()?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen to signals")?;
    let Some(ToDbus::Start { plan, states, user }) = commands.receive().await? else {
        return Ok(());
    };
    let bus = patiently(Bus::connect(socket, user))
        .await
        .context("no answer from the D-Bus system bus")?;
    let mut driver = Driver {
        objects: Objects::new(plan, &states),
        bus,
        supervisor,
        waiting: Vec::new(),
        asked: 0,
    };
    // As keepalived does: who watches our connection sees the states before the name.
    driver.emit(driver.objects.started()).await?;
    driver.own_name(None).await?;
    loop {
        tokio::select! {
            biased;
            command = commands.receive() => match command? {
                Some(ToDbus::Reload(plan)) => driver.objects.reload(plan),
                Some(ToDbus::Reloaded) => driver.reloaded().await?,
                Some(ToDbus::Change { instance, state }) => {
                    let signals = driver.objects.change(&instance, state);
                    driver.emit(signals).await?;
                }
                Some(ToDbus::Done { number, outcome }) => driver.done(number, outcome).await?,
                Some(ToDbus::Start { .. }) => {}
                Some(ToDbus::Shutdown) => {
                    driver.emit(vec![Signal::Stopped]).await?;
                    let name = driver.objects.service_name().to_owned();
                    patiently(driver.bus.release(&name)).await?;
                    tracing::info!("Released DBus");
                    return Ok(());
                }
                None => return Ok(()),
            },
            call = driver.bus.next_call() => match call {
                Some(call) => driver.call(call).await?,
                None => bail!("the D-Bus system bus is gone"),
            },
            _ = terminate.recv() => return Ok(()),
        }
    }
}

impl Driver {
    async fn emit(&mut self, signals: Vec<Signal>) -> anyhow::Result<()> {
        for signal in signals {
            patiently(self.bus.emit(&signal)).await?;
        }
        Ok(())
    }

    /// Takes the name of the service, and gives up the former one.
    async fn own_name(&mut self, former: Option<String>) -> anyhow::Result<()> {
        let name = self.objects.service_name().to_owned();
        if former.as_ref() == Some(&name) {
            return Ok(());
        }
        match patiently(self.bus.request(&name)).await? {
            Ownership::Ours => tracing::info!("Acquired DBus bus {name}"),
            Ownership::Waits => {
                tracing::warn!("the D-Bus name {name} is another program's: ours is the next turn");
            }
            Ownership::Refused(reason) => {
                tracing::error!("the D-Bus name {name} is not to be had: {reason}; a policy of the bus must allow it");
            }
        }
        if let Some(former) = former {
            patiently(self.bus.release(&former)).await?;
        }
        Ok(())
    }

    async fn reloaded(&mut self) -> anyhow::Result<()> {
        let former = self.objects.service_name().to_owned();
        let signals = self.objects.reloaded();
        self.emit(signals).await?;
        self.own_name(Some(former)).await
    }

    async fn call(&mut self, incoming: Incoming) -> anyhow::Result<()> {
        let call = Call {
            path: &incoming.path,
            interface: incoming.interface.as_deref(),
            member: &incoming.member,
            signature: &incoming.signature,
            words: &incoming.words,
        };
        let answer = match calls::answer(&self.objects, &call, machine_id) {
            Answer::Now(request) => {
                self.ask(0, request);
                Answer::Nothing
            }
            Answer::Later(_) if self.waiting.len() >= MOST_WAITING => {
                Answer::Error(FAILED, "too many calls wait already".to_owned())
            }
            Answer::Later(request) => {
                self.asked += 1;
                self.ask(self.asked, request);
                self.waiting.push((self.asked, incoming));
                return Ok(());
            }
            answer => answer,
        };
        patiently(self.bus.answer(&incoming, answer)).await
    }

    /// Asks the supervisor. One that is gone is noticed at the next receive.
    fn ask(&self, number: u64, request: Request) {
        let _ = self.supervisor.send(&FromDbus { number, request });
    }

    async fn done(&mut self, number: u64, outcome: Result<(), String>) -> anyhow::Result<()> {
        let Some(place) = self.waiting.iter().position(|(waiting, _)| *waiting == number) else {
            return Ok(());
        };
        let (_, incoming) = self.waiting.swap_remove(place);
        let answer = match outcome {
            Ok(()) => Answer::Nothing,
            Err(reason) => Answer::Error(FAILED, reason),
        };
        patiently(self.bus.answer(&incoming, answer)).await
    }
}

/// A bus that takes its time is as good as none.
async fn patiently<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    match tokio::time::timeout(PATIENCE, work).await {
        Ok(outcome) => outcome,
        Err(_) => bail!("the D-Bus system bus does not answer within {} s", PATIENCE.as_secs()),
    }
}

/// Every user may read it.
fn machine_id() -> Option<String> {
    ["/etc/machine-id", "/var/lib/dbus/machine-id"]
        .iter()
        .filter_map(|path| std::fs::read_to_string(path).ok())
        .map(|id| id.trim().to_owned())
        .find(|id| !id.is_empty())
}
