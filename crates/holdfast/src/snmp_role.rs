//! The SNMP process: a session with the master agent on one side, questions to the other processes on the other. Whatever the
//! agent does or does not do, nothing else in the daemon waits for it.

mod mib;

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};

use self::mib::Objects;
use crate::ipc::{self, FromSnmp, ToSnmp};
use crate::privileges;
use crate::process::own::OwnProcess;

struct Driver {
    objects: Option<Objects>,
    supervisor: ipc::Sender<FromSnmp>,
}

/// Runs until the supervisor says stop or goes away.
pub async fn run() -> anyhow::Result<()> {
    let (supervisor, mut commands) = ipc::channel::<FromSnmp, ToSnmp>(ipc::inherited_stream()?)?;
    privileges::confine_snmp()?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen to signals")?;
    let mut process = OwnProcess::default();
    let mut driver = Driver {
        objects: None,
        supervisor,
    };
    loop {
        tokio::select! {
            biased;
            command = commands.receive() => match command? {
                Some(ToSnmp::Configure(plan)) => driver.objects = plan.map(|plan| Objects::new(*plan)),
                Some(ToSnmp::Process(settings)) => {
                    process.adopt(settings);
                    // A supervisor that is gone is noticed at the next receive.
                    let _ = driver.supervisor.send(&FromSnmp::Configured);
                }
                Some(ToSnmp::Shutdown) | None => {
                    driver.supervisor.flush().await;
                    return Ok(());
                }
                Some(message) => driver.take(message),
            },
            _ = terminate.recv() => return Ok(()),
        }
    }
}

impl Driver {
    fn take(&mut self, message: ToSnmp) {
        let Some(objects) = &mut self.objects else {
            return;
        };
        match message {
            ToSnmp::VrrpSnapshot(snapshot) => objects.adopt_vrrp(*snapshot),
            ToSnmp::CheckerSnapshot(snapshot) => objects.adopt_checker(*snapshot),
            _ => {}
        }
    }
}
