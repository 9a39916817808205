//! The SNMP process: a session with the master agent on one side, questions to the other processes on the other. Whatever the
//! agent does or does not do, nothing else in the daemon waits for it.

mod answering;
mod connection;
mod mib;

use std::time::Duration;

use anyhow::Context;
use holdfast_agentx::Oid;
use holdfast_agentx::session::{Action, Event, Report, Session, Settings, Subtree};
use holdfast_net::DeadlineTimer;
use holdfast_time::Timestamp;
use tokio::signal::unix::{SignalKind, signal};

use self::answering::Answering;
use self::connection::{Connection, News};
use self::mib::{Objects, Trap};
use crate::agent_door::DoorWay;
use crate::ipc::{self, FromSnmp, ToSnmp};
use crate::plan::snmp::SnmpPlan;
use crate::privileges;
use crate::process::own::OwnProcess;
use crate::status::SnmpStatus;

/// What this subagent says it is. The number of KEEPALIVED-MIB: what managers know it by.
const DESCRIPTION: &str = concat!("Holdfast v", env!("CARGO_PKG_VERSION"));

/// How long the last words may take on their way to a master agent that hangs.
const FAREWELL: Duration = Duration::from_millis(300);

struct Driver {
    session: Session,
    connection: Connection,
    answering: Answering,
    status: SnmpStatus,
    supervisor: ipc::Sender<FromSnmp>,
}

/// Runs until the supervisor says stop or goes away.
pub async fn run() -> anyhow::Result<()> {
    let door = DoorWay::inherited()?;
    let (supervisor, mut commands) = ipc::channel::<FromSnmp, ToSnmp>(ipc::inherited_stream()?)?;
    privileges::confine_snmp()?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen to signals")?;
    let timer = DeadlineTimer::new()?;
    let mut process = OwnProcess::default();
    let mut driver = Driver {
        session: Session::default(),
        connection: Connection::new(door, supervisor.clone()),
        answering: Answering::new(supervisor.clone()),
        status: SnmpStatus::default(),
        supervisor,
    };
    loop {
        driver.run_actions();
        timer.arm(driver.next_deadline())?;
        tokio::select! {
            biased;
            command = commands.receive() => match command? {
                Some(ToSnmp::Process(settings)) => {
                    process.adopt(settings);
                    driver.send(&FromSnmp::Configured);
                }
                Some(ToSnmp::Shutdown) | None => break,
                Some(message) => driver.take(message),
            },
            _ = terminate.recv() => break,
            news = driver.connection.next() => driver.heard(news),
            due = timer.wait() => {
                due?;
                driver.deadline();
            }
        }
    }
    driver.stop().await;
    Ok(())
}

impl Driver {
    fn take(&mut self, message: ToSnmp) {
        let now = DeadlineTimer::now();
        match message {
            ToSnmp::Configure(plan) => self.configure(plan.map(|plan| *plan)),
            ToSnmp::VrrpSnapshot(snapshot) => self.answering.adopt_vrrp(now, *snapshot),
            ToSnmp::CheckerSnapshot(snapshot) => self.answering.adopt_checker(now, *snapshot),
            ToSnmp::Unavailable(source) => self.answering.unavailable(now, source),
            ToSnmp::VrrpChanged(change) => self.trap(|objects| objects.vrrp_traps(&change)),
            ToSnmp::VrrpTrap(news) => self.trap(|objects| objects.rfc_traps(&news)),
            ToSnmp::CheckerChanged(change) => self.trap(|objects| objects.checker_traps(&change)),
            ToSnmp::Process(_) | ToSnmp::Shutdown => {}
        }
    }

    fn configure(&mut self, plan: Option<SnmpPlan>) {
        let agent = plan.as_ref().map(|plan| plan.agent.clone());
        let has_moved = agent.as_ref() != self.connection.agent();
        let objects = plan.map(Objects::new);
        let settings = objects.as_ref().map(session_settings);
        if has_moved {
            // A session elsewhere is another one.
            self.session.handle(DeadlineTimer::now(), Event::Serve(None));
            self.run_actions();
        }
        self.answering.configure(objects);
        self.status.agent = agent.as_ref().map(ToString::to_string).unwrap_or_default();
        if has_moved {
            self.connection.set_agent(agent);
            self.status.connected = false;
            self.status.error = None;
            self.report();
        }
        self.session.handle(DeadlineTimer::now(), Event::Serve(settings));
    }

    fn trap(&mut self, traps: impl FnOnce(&Objects) -> Vec<Trap>) {
        let Some(objects) = self.answering.objects() else {
            return;
        };
        let now = DeadlineTimer::now();
        for Trap { oid, objects } in traps(objects) {
            self.session.handle(now, Event::Trap { oid, objects });
        }
    }

    fn heard(&mut self, news: News) {
        let event = match news {
            News::Connected => Event::Connected,
            News::Received(bytes) => Event::Received(bytes),
            News::Gone(reason) => Event::Disconnected(reason),
        };
        self.session.handle(DeadlineTimer::now(), event);
    }

    fn next_deadline(&self) -> Option<Timestamp> {
        [self.session.next_deadline(), self.answering.next_deadline()]
            .into_iter()
            .flatten()
            .min()
    }

    fn deadline(&mut self) {
        let now = DeadlineTimer::now();
        self.answering.deadline(now);
        if self.session.next_deadline().is_some_and(|due| due <= now) {
            self.session.handle(now, Event::DeadlineReached);
        }
    }

    /// Does what the session asks, and hands in the answers that are there.
    fn run_actions(&mut self) {
        loop {
            while let Some(action) = self.session.next_action() {
                self.run_action(action);
            }
            let Some((header, response)) = self.answering.next_answer() else {
                return;
            };
            self.session
                .handle(DeadlineTimer::now(), Event::Answer(header, response));
        }
    }

    fn run_action(&mut self, action: Action) {
        match action {
            Action::Connect => self.connection.connect(),
            Action::Disconnect => self.connection.disconnect(),
            Action::Send(bytes) => self.connection.send(&bytes),
            Action::Answer(question) => self.answering.ask(DeadlineTimer::now(), question),
            Action::Report(report) => self.tell(report),
        }
    }

    fn tell(&mut self, report: Report) {
        let agent = &self.status.agent;
        match report {
            Report::Up { traps_lost } => {
                tracing::info!("AgentX subagent connected to the SNMP master agent at {agent}");
                if traps_lost > 0 {
                    tracing::warn!("{traps_lost} traps were lost while there was no SNMP master agent");
                }
                self.status.connected = true;
                self.status.error = None;
            }
            Report::Down(reason) => {
                tracing::warn!("no SNMP master agent at {agent}: {reason}; it is tried again until it is there");
                self.status.connected = false;
                self.status.error = Some(reason);
            }
            Report::Refused(subtree, reason) => {
                tracing::error!("the SNMP master agent does not take {subtree} from this daemon: {reason}");
                return;
            }
        }
        self.report();
    }

    fn report(&self) {
        self.send(&FromSnmp::Status(self.status.clone()));
    }

    fn send(&self, message: &FromSnmp) {
        // A supervisor that is gone is noticed at the next receive.
        let _ = self.supervisor.send(message);
    }

    async fn stop(mut self) {
        self.session.handle(DeadlineTimer::now(), Event::Serve(None));
        while let Some(action) = self.session.next_action() {
            // The connection ends with us, once it is rid of the last words.
            if action != Action::Disconnect {
                self.run_action(action);
            }
        }
        // An agent that hangs takes no farewell.
        let _ = tokio::time::timeout(FAREWELL, self.connection.drain()).await;
        self.supervisor.flush().await;
    }
}

fn session_settings(objects: &Objects) -> Settings {
    let subtrees = objects.subtrees().iter();
    Settings {
        id: Oid::from(mib::KEEPALIVED),
        description: DESCRIPTION.to_owned(),
        subtrees: subtrees
            .map(|subtree| Subtree {
                root: subtree.root.clone(),
                description: subtree.description.to_owned(),
            })
            .collect(),
    }
}
