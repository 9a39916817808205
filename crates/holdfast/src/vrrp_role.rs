//! The VRRP process: packets, timers and netlink on one side, the election machine on the other. It does nothing else:
//! no file is read here, no script runs here, no name is resolved here.

mod acting;
mod announcing;
mod batch;
mod interfaces;
mod link_polling;
mod links;
mod network_news;
mod own_interfaces;
mod packet_filter;
mod reporting;
mod routing;
mod showing;
mod sockets;
mod stalls;
mod statics;
mod tending;
mod watched;

use anyhow::Context;
use holdfast_net::{DeadlineTimer, Monitor, Requests};
use holdfast_time::Timestamp;
use holdfast_vrrp::{Action, Event, Level, LogEvent, Node, NodeSettings};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::signal::unix::{SignalKind, signal};

use self::announcing::Announcing;
use self::batch::Batch;
use self::interfaces::Interfaces;
use self::links::Links;
use self::reporting::Reporting;
use self::routing::Routing;
use self::sockets::Sockets;
use self::stalls::{Clocks, StallWatch};
use self::tending::Tended;
use self::watched::Watched;
use crate::bfd_news::{BfdNews, NewsReceiver};
use crate::ipc::{self, FromVrrp, ToVrrp};
use crate::memory::Tidying;
use crate::plan::buffers::VrrpBuffers;
use crate::plan::links::LinkPlan;
use crate::plan::routing::RoutingPlan;
use crate::privileges;
use crate::process::own::OwnProcess;

/// So many lines of the log at once come of many changes of state.
const MUCH_WORK: usize = 64;

struct Driver {
    /// It alone keeps the settings: there may be thousands of instances.
    node: Node,
    needs_wall_clock: bool,
    started_at: Timestamp,
    /// Managers of networks are told as RFC 2787 and RFC 6527 have it
    rfc_traps: bool,
    interfaces: Interfaces,
    links: Links,
    watched: Watched,
    sockets: Sockets,
    requests: Requests,
    routing: Routing,
    announcing: Announcing,
    tended: Tended,
    supervisor: ipc::Sender<FromVrrp>,
    reporting: Reporting,
    stalls: StallWatch,
    tidying: Tidying,
}

/// Runs until the supervisor says stop or goes away.
pub async fn run() -> anyhow::Result<()> {
    let bfd = NewsReceiver::inherited()?;
    let (supervisor, mut commands) = ipc::channel::<FromVrrp, ToVrrp>(ipc::inherited_stream()?)?;
    privileges::confine_vrrp()?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen to signals")?;
    let Some(ToVrrp::Configure {
        settings,
        routing,
        buffers,
        links,
    }) = commands.receive().await?
    else {
        return Ok(());
    };

    // Events first, then the dump: nothing that happens between them is missed.
    let mut monitor = Monitor::open()?;
    buffers.netlink.apply_to_events(&monitor);
    let timer = DeadlineTimer::new()?;
    monitor.watch_routing(routing.watched)?;
    let mut driver = Driver::start(*settings, *routing, *buffers, *links, supervisor).await?;
    bfd.ask();
    let mut process = OwnProcess::default();
    loop {
        driver.run_actions().await;
        driver.tend().await;
        let deadline = driver.next_deadline();
        timer.arm(deadline)?;
        driver.stalls.wait(DeadlineTimer::now());
        tokio::select! {
            biased;
            packets = driver.sockets.receive() => driver.wake(packets),
            due = timer.wait() => {
                due?;
                if let Some(lateness) = process.timer_rang(deadline, DeadlineTimer::now()) {
                    driver.send(&FromVrrp::Late(lateness));
                }
                driver.wake(Vec::new());
                driver.links_deadline();
                driver.routing_deadline().await;
                driver.tidying.tidy_if_due(DeadlineTimer::now());
            }
            news = bfd.next() => {
                let BfdNews { session, up } = news?;
                let state = if up { "Up" } else { "Down" };
                tracing::info!("Received BFD event: instance {session} is in state {state}");
                driver.handle(Event::BfdState { session, up });
            }
            (interface, up) = driver.links.polling.next() => driver.link_polled(&interface, up),
            events = monitor.next() => driver.network_events(events?).await,
            command = commands.receive() => match command? {
                Some(ToVrrp::Configure { settings, routing, buffers, links }) => {
                    monitor.watch_routing(routing.watched)?;
                    buffers.netlink.apply_to_events(&monitor);
                    driver.adopt_buffers(*buffers);
                    driver.reload(*settings, *routing, *links).await;
                }
                Some(ToVrrp::LeftBehind(changes)) => {
                    driver.tended.inherit(&changes, &mut driver.requests, &driver.interfaces).await;
                }
                Some(ToVrrp::Process(settings)) => {
                    process.adopt(settings);
                    driver.send(&FromVrrp::Configured);
                }
                Some(ToVrrp::ScriptResult { script, up }) => driver.handle(Event::ScriptResult { script, up }),
                Some(ToVrrp::ProcessResult { process, up }) => driver.handle(Event::ProcessResult { process, up }),
                Some(ToVrrp::Snapshot) => driver.show(),
                Some(ToVrrp::ShowForFile { number, clears_counters }) => driver.show_for_file(number, clears_counters),
                Some(ToVrrp::Adjust { instance, adjustment }) => driver.adjust(instance, adjustment),
                Some(ToVrrp::FileValue { file, value }) => driver.handle(Event::FileValue { file, value }),
                Some(ToVrrp::Announce { instance }) => driver.handle(Event::Announce { instance }),
                Some(ToVrrp::Shutdown { keep_addresses }) => return driver.stop(keep_addresses).await,
                // Without a supervisor nobody could stop us later.
                None => return driver.stop(false).await,
            },
            _ = terminate.recv() => return driver.stop(false).await,
        }
    }
}

impl Driver {
    async fn start(
        mut settings: NodeSettings,
        plan: RoutingPlan,
        buffers: VrrpBuffers,
        links: LinkPlan,
        supervisor: ipc::Sender<FromVrrp>,
    ) -> anyhow::Result<Self> {
        let mut requests = Requests::open()?;
        let mut interfaces = Interfaces::dump(&mut requests).await?;
        let mut tended = Tended::default();
        settings = tended.prepare(&settings, &mut requests, &mut interfaces).await;
        let mut routing = Routing::default();
        let now = DeadlineTimer::now();
        routing.configure(plan, &mut requests, &mut interfaces, now).await;
        settings.startup_delay = settings.startup_delay.max(rest_of_boot_delay(&settings));
        let announcing = Announcing::open(settings.pacing.clone())?;
        let mut stalls = StallWatch::new(clocks());
        stalls.set_settings(&settings);
        let mut planned_links = Links::default();
        planned_links.configure(links, &settings, &mut interfaces);
        let mut driver = Self {
            needs_wall_clock: settings.needs_wall_clock(),
            started_at: now,
            rfc_traps: settings.rfc_traps,
            watched: Watched::of(&settings),
            node: Node::new(DeadlineTimer::now(), settings),
            interfaces,
            links: planned_links,
            sockets: Sockets::default(),
            requests,
            routing,
            announcing,
            tended,
            supervisor,
            reporting: Reporting::new(DeadlineTimer::now()),
            stalls,
            tidying: Tidying::default(),
        };
        driver.adopt_buffers(buffers);
        driver.tell_everything();
        driver.tidying.note_much_work(DeadlineTimer::now());
        Ok(driver)
    }

    /// Sockets take it in when they are looked after next.
    fn adopt_buffers(&mut self, buffers: VrrpBuffers) {
        buffers.netlink.apply_to_requests(&mut self.requests);
        self.sockets.set_buffers(buffers.sockets);
    }

    /// Opens the sockets that are needed, and tells the machine what it must know of the host.
    fn tell_everything(&mut self) {
        self.open_sockets();
        self.report_configured_sources();
        for name in self.watched.names() {
            self.report_interface(&name);
        }
    }

    /// Opens and closes sockets as settings and interfaces need them.
    fn open_sockets(&mut self) {
        self.sockets.open_as_needed(self.watched.listeners(), &self.interfaces);
    }

    fn next_deadline(&self) -> Option<Timestamp> {
        [
            self.node.next_deadline(),
            Some(self.reporting.due_at()),
            self.announcing.next_deadline(),
            self.routing.next_deadline(),
            self.links.next_deadline(),
            self.tended.own.next_attempt(),
            self.tidying.due_at(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    fn handle(&mut self, event: Event) {
        let now = self.read_clocks();
        self.node.handle(now, event);
    }

    /// The moment, and for signatures what the clock on the wall says at it.
    fn read_clocks(&mut self) -> Timestamp {
        let now = DeadlineTimer::now();
        if self.needs_wall_clock {
            // A clock before 1970 is as wrong as one that stands at it.
            let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            self.node.handle(now, Event::WallClock { since_1970 });
        }
        now
    }

    fn received(&mut self, packets: Vec<holdfast_net::ReceivedPacket>) {
        let now = self.read_clocks();
        for packet in packets {
            let Some(interface) = self.interfaces.name_of(packet.interface_index) else {
                continue;
            };
            let packet = holdfast_vrrp::ReceivedPacket {
                interface: interface.to_owned(),
                source: packet.source,
                destination: packet.destination,
                ttl: packet.ttl,
                payload: packet.payload,
                authenticated_ip_header: packet.ip_header,
            };
            self.node.handle(now, Event::Received(packet));
        }
    }

    /// Packets came in, or a deadline. A timer may say "the master is silent" only after everything that waits in the
    /// sockets has been heard; and a flood of packets must not hold up what is due.
    fn wake(&mut self, packets: Vec<holdfast_net::ReceivedPacket>) {
        let clocks = clocks();
        let deadline = self.node.next_deadline();
        self.received(packets);
        let is_due = deadline.is_some_and(|due| due <= clocks.monotonic);
        if is_due {
            let waiting = self.sockets.receive_now();
            self.received(waiting);
        }
        if let Some(stall) = self.stalls.wake(clocks, deadline) {
            tracing::warn!("{stall}");
            self.reporting.note_stall(&stall);
            self.handle(Event::Stalled { length: stall.length });
        }
        if is_due {
            self.handle(Event::DeadlineReached);
        }
    }

    /// Puts in again the static objects that are due; an election that is due comes first.
    async fn routing_deadline(&mut self) {
        let now = DeadlineTimer::now();
        if self.routing.next_deadline().is_some_and(|due| due <= now) {
            self.run_actions().await;
            self.routing
                .deadline(&mut self.requests, &mut self.interfaces, now)
                .await;
        }
    }

    async fn reload(&mut self, settings: NodeSettings, plan: RoutingPlan, links: LinkPlan) {
        tracing::info!("Reloading");
        let settings = self
            .tended
            .prepare(&settings, &mut self.requests, &mut self.interfaces)
            .await;
        let now = DeadlineTimer::now();
        self.routing
            .configure(plan, &mut self.requests, &mut self.interfaces, now)
            .await;
        self.needs_wall_clock = settings.needs_wall_clock();
        self.rfc_traps = settings.rfc_traps;
        self.links.configure(links, &settings, &mut self.interfaces);
        self.announcing.set_settings(settings.pacing.clone());
        self.stalls.set_settings(&settings);
        self.watched = Watched::of(&settings);
        self.report_configured_sources();
        self.handle(Event::Reload(Box::new(settings)));
        self.tell_everything();
        self.reporting.note_everything();
        self.tidying.note_much_work(DeadlineTimer::now());
        self.run_actions().await;
        self.clear_up().await;
    }

    /// Does what the machine asks, in its order, and tells the supervisor what changed.
    async fn run_actions(&mut self) {
        let mut batch = Batch::default();
        // Formatting a line takes longer than sending an advert, so it comes last.
        let mut log_events = Vec::new();
        loop {
            let Some(action) = self.node.next_action() else {
                if batch.is_empty() {
                    break;
                }
                // What could not be done may lead to more.
                self.carry_out(std::mem::take(&mut batch)).await;
                continue;
            };
            if !batch.takes(&action) {
                self.carry_out(std::mem::take(&mut batch)).await;
                self.advertise_what_is_due();
            }
            match action {
                Action::Log(event) => log_events.push(event),
                action => self.run_action(action, &mut batch),
            }
        }
        self.announcing.send_due(&self.interfaces, DeadlineTimer::now());
        if log_events.len() >= MUCH_WORK {
            self.tidying.note_much_work(DeadlineTimer::now());
        }
        for event in log_events {
            self.reporting.note_event(&event);
            log(&event);
        }
        if let Some(report) = self.reporting.take_if_due(DeadlineTimer::now(), &self.node) {
            self.send(&report);
        }
    }

    /// To put addresses in takes longer than to advertise, so others may have come due meanwhile: they advertise before the
    /// work goes on. The rest of what they do waits its turn.
    fn advertise_what_is_due(&mut self) {
        let now = DeadlineTimer::now();
        if self.node.next_deadline().is_none_or(|due| due > now) {
            return;
        }
        let waiting = self.node.waiting_actions();
        self.wake(Vec::new());
        let mut batch = Batch::default();
        for advertisement in self.node.take_advertisements_from(waiting) {
            self.run_action(advertisement, &mut batch);
        }
        if let Batch::Adverts(adverts) = batch {
            self.sockets.send(&adverts);
        }
    }

    fn send(&self, message: &FromVrrp) {
        // A supervisor that is gone is noticed at the next receive.
        let _ = self.supervisor.send(message);
    }

    async fn stop(mut self, keep_addresses: bool) -> anyhow::Result<()> {
        self.handle(Event::Shutdown { keep_addresses });
        self.run_actions().await;
        let now = DeadlineTimer::now();
        self.routing.stop(&mut self.requests, &mut self.interfaces, now).await;
        self.remove_tended(keep_addresses).await;
        self.send(&self.reporting.whole(&self.node));
        self.supervisor.flush().await;
        Ok(())
    }
}

fn clocks() -> Clocks {
    Clocks {
        monotonic: DeadlineTimer::now(),
        since_boot: Timestamp::ZERO + DeadlineTimer::uptime(),
    }
}

/// What is left of `vrrp_delay_after_boot`.
fn rest_of_boot_delay(settings: &NodeSettings) -> Duration {
    settings.delay_after_boot.saturating_sub(DeadlineTimer::uptime())
}

fn log(event: &LogEvent) {
    match event.level() {
        Level::Info => tracing::info!("{event}"),
        Level::Warning => tracing::warn!("{event}"),
    }
}
