//! The BFD process: packets and timers on one side, the sessions on the other. It tells the VRRP process and the checker
//! itself what becomes of them (`bfd_news`), and does nothing else.

mod sockets;
mod words;

use std::time::Duration;

use anyhow::Context;
use holdfast_bfd::{
    Action, Audience, DisableCause, Event, InstanceSettings, Level, LogEvent, Node, NodeSettings, ReceivedPacket,
};
use holdfast_net::DeadlineTimer;
use holdfast_time::Timestamp;
use tokio::signal::unix::{SignalKind, signal};

use self::sockets::Sockets;
use self::words::Words;
use crate::bfd_news::{BfdNews, Outlet};
use crate::ipc::{self, FromBfd, ToBfd};
use crate::privileges;
use crate::process::own::OwnProcess;
use crate::report_pace::ReportPace;
use crate::status::{BfdSessionStatus, BfdStatus};

/// From one try to open a socket, and from one look at the negotiated times, to the next.
const TURN: Duration = Duration::from_secs(1);

/// So many of its own slow intervals a session has to come up where somebody relies on it already: one until our first
/// packet, one until the neighbour's next, and one for a packet that is lost.
const INTERVALS_TO_COME_UP: u32 = 3;

struct Listener {
    outlet: Outlet,
    words: Words,
}

struct Driver {
    node: Node,
    settings: NodeSettings,
    sockets: Sockets,
    vrrp: Listener,
    checker: Listener,
    supervisor: ipc::Sender<FromBfd>,
    reported: BfdStatus,
    next_turn: Timestamp,
    pace: ReportPace,
}

/// Runs until the supervisor says stop or goes away.
pub async fn run() -> anyhow::Result<()> {
    let (to_vrrp, to_checker) = Outlet::inherited()?;
    let (supervisor, mut commands) = ipc::channel::<FromBfd, ToBfd>(ipc::inherited_stream()?)?;
    privileges::confine_bfd()?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen to signals")?;
    let Some(ToBfd::Configure { settings, succeeds }) = commands.receive().await? else {
        return Ok(());
    };
    let timer = DeadlineTimer::new()?;
    let mut driver = Driver::start(*settings, succeeds, [to_vrrp, to_checker], supervisor);
    let mut process = OwnProcess::default();
    loop {
        driver.run_actions();
        let deadline = driver.next_deadline();
        timer.arm(deadline)?;
        tokio::select! {
            biased;
            packets = driver.sockets.receive() => driver.received(packets),
            due = timer.wait() => {
                due?;
                if let Some(lateness) = process.timer_rang(deadline, DeadlineTimer::now()) {
                    let _ = driver.supervisor.send(&FromBfd::Late(lateness));
                }
                driver.deadline();
            }
            asked = driver.vrrp.outlet.question() => {
                asked?;
                driver.vrrp.tell_all();
            }
            asked = driver.checker.outlet.question() => {
                asked?;
                driver.checker.tell_all();
            }
            command = commands.receive() => match command? {
                Some(ToBfd::Configure { settings, .. }) => driver.reload(*settings),
                Some(ToBfd::Process(settings)) => {
                    process.adopt(settings);
                    // A supervisor that is gone is noticed at the next receive.
                    let _ = driver.supervisor.send(&FromBfd::Configured);
                }
                // Nothing is sent at the end: the neighbours find out by the detection time, as keepalived's do.
                Some(ToBfd::Shutdown) | None => {
                    driver.supervisor.flush().await;
                    return Ok(());
                }
            },
            _ = terminate.recv() => return Ok(()),
        }
    }
}

impl Listener {
    fn new(outlet: Outlet) -> Self {
        Self {
            outlet,
            words: Words::default(),
        }
    }

    fn tell_all(&mut self) {
        self.outlet.tell(self.words.all());
    }
}

impl Driver {
    fn start(
        settings: NodeSettings,
        succeeds: bool,
        [to_vrrp, to_checker]: [Outlet; 2],
        supervisor: ipc::Sender<FromBfd>,
    ) -> Self {
        let now = DeadlineTimer::now();
        // Discriminators, jitter and ports differ from one start to the next.
        let seed = now.as_nanos() ^ u64::from(std::process::id()).rotate_left(32);
        let mut driver = Self {
            node: Node::new(now, settings.clone(), seed),
            settings,
            sockets: Sockets::new(seed),
            vrrp: Listener::new(to_vrrp),
            checker: Listener::new(to_checker),
            supervisor,
            reported: BfdStatus::default(),
            next_turn: now + TURN,
            pace: ReportPace::default(),
        };
        driver.open_sockets();
        driver.set_sessions(now, succeeds);
        driver
    }

    fn reload(&mut self, settings: NodeSettings) {
        tracing::info!("Reloading");
        let now = DeadlineTimer::now();
        self.settings = settings.clone();
        self.node.handle(now, Event::Reload(Box::new(settings)));
        self.sockets.forget_complaints();
        self.open_sockets();
        // First what the machine has to say: a session that only got another name is up under that name.
        self.run_actions();
        self.set_sessions(now, false);
        self.pace.note_change();
    }

    /// Tells the listeners which sessions there are. `succeeds`: an earlier process had told them already.
    fn set_sessions(&mut self, now: Timestamp, succeeds: bool) {
        let audience = |wanted: fn(&Audience) -> bool| {
            let instances = self.settings.instances.iter();
            instances.filter(move |instance| wanted(&instance.audience))
        };
        let time = |instance: &InstanceSettings| {
            let time = succeeds.then(|| instance.idle_tx * INTERVALS_TO_COME_UP);
            (instance.name.clone(), time)
        };
        let sessions = audience(|audience| audience.vrrp).map(time);
        let news = self.vrrp.words.set_sessions(now, sessions);
        self.vrrp.outlet.tell(news);
        let sessions = audience(|audience| audience.checker).map(time);
        let news = self.checker.words.set_sessions(now, sessions);
        self.checker.outlet.tell(news);
    }

    /// Opens and closes sockets as the settings need them. A session that cannot send is out of service until it can.
    fn open_sockets(&mut self) {
        let now = DeadlineTimer::now();
        for (instance, able) in self.sockets.open_as_needed(&self.settings) {
            let event = if able {
                Event::Enable { instance }
            } else {
                let cause = DisableCause::PathDown;
                Event::Disable { instance, cause }
            };
            self.node.handle(now, event);
        }
    }

    fn next_deadline(&self) -> Option<Timestamp> {
        let turn = (!self.settings.instances.is_empty()).then_some(self.next_turn);
        let words = [&self.vrrp, &self.checker].map(|listener| listener.words.next_deadline());
        let all = [self.node.next_deadline(), self.pace.due_at(), turn];
        all.into_iter().chain(words).flatten().min()
    }

    fn received(&mut self, packets: Vec<ReceivedPacket>) {
        let now = DeadlineTimer::now();
        for packet in packets {
            self.node.handle(now, Event::Received(packet));
        }
    }

    /// A timer may say "the neighbour is silent" only after everything that waits in the sockets has been heard.
    fn deadline(&mut self) {
        let waiting = self.sockets.receive_now();
        self.received(waiting);
        let now = DeadlineTimer::now();
        self.node.handle(now, Event::DeadlineReached);
        // What came up in time is up: the machine has its say before a session is given up.
        self.run_actions();
        for listener in [&mut self.vrrp, &mut self.checker] {
            let news = listener.words.overdue(now);
            listener.outlet.tell(news);
        }
        if self.next_turn <= now {
            self.turn(now);
        }
    }

    fn turn(&mut self, now: Timestamp) {
        self.next_turn = now + TURN;
        if self.sockets.is_incomplete() {
            self.open_sockets();
        }
        if self.status() != self.reported {
            self.pace.note_change();
        }
    }

    /// Does what the machine asks, in its order, and tells the supervisor what changed.
    fn run_actions(&mut self) {
        while let Some(action) = self.node.next_action() {
            self.run_action(action);
        }
        if self.pace.take_if_due(DeadlineTimer::now()) {
            self.reported = self.status();
            // A supervisor that is gone is noticed at the next receive.
            let _ = self.supervisor.send(&FromBfd::Status(self.reported.clone()));
        }
    }

    fn run_action(&mut self, action: Action) {
        match action {
            Action::SendPacket {
                instance,
                destination,
                port,
                ttl,
                bytes,
                ..
            } => self.sockets.send(&instance, destination, port, ttl, &bytes),
            Action::SessionUp { instance, audience } => self.tell(&instance, audience, true),
            Action::SessionDown {
                instance,
                audience,
                reason,
                ..
            } => {
                tracing::debug!("({instance}) down: {reason}");
                self.tell(&instance, audience, false);
            }
            Action::Log(event) => log(&event),
        }
    }

    fn tell(&mut self, session: &str, audience: Audience, up: bool) {
        self.pace.note_change();
        let is_configured = self.settings.instances.iter().any(|instance| instance.name == session);
        // Nothing can follow it any more. Who did until this reload may not have heard of the reload yet, and would take it for a
        // failure.
        if !is_configured {
            return;
        }
        for (wanted, listener) in [(audience.vrrp, &mut self.vrrp), (audience.checker, &mut self.checker)] {
            if wanted {
                let news: BfdNews = listener.words.change(session, up);
                listener.outlet.tell([news]);
            }
        }
    }

    fn status(&self) -> BfdStatus {
        let sessions = self.node.status().sessions;
        BfdStatus {
            sessions: sessions.into_iter().map(session_status).collect(),
        }
    }
}

fn session_status(session: holdfast_bfd::SessionStatus) -> BfdSessionStatus {
    let microseconds =
        |length: Option<Duration>| length.map(|length| u64::try_from(length.as_micros()).unwrap_or(u64::MAX));
    BfdSessionStatus {
        name: session.name,
        neighbor: session.neighbor.to_string(),
        multihop: session.multihop,
        state: session.state.to_string(),
        diagnostic: session.diagnostic.to_string(),
        remote_state: session.remote_state.to_string(),
        remote_diagnostic: session.remote_diagnostic.to_string(),
        transmit_interval_us: microseconds(session.transmit_interval),
        detection_time_us: microseconds(session.detection_time),
        times_up: session.counters.times_up,
        times_down: session.counters.times_down,
    }
}

fn log(event: &LogEvent) {
    match event.level() {
        Level::Info => tracing::info!("{event}"),
        Level::Warning => tracing::warn!("{event}"),
    }
}
