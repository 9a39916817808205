//! The VRRP process: packets, timers and netlink on one side, the election machine on the other. It does nothing else:
//! no file is read here, no script runs here, no name is resolved here.

mod announcing;
mod batch;
mod interfaces;
mod link_polling;
mod links;
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
use holdfast_net::{
    AddressFlags, AddressScope, Applied, DeadlineTimer, InterfaceAddress, Monitor, NetworkEvent, Requests,
};
use holdfast_time::Timestamp;
use holdfast_vrrp::{
    Action, Event, Level, LogEvent, Node, NodeSettings, NotifyState, RoutingKind, Subject, VirtualAddress,
};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::signal::unix::{SignalKind, signal};

use self::announcing::Announcing;
use self::batch::{Advert, Batch};
use self::interfaces::Interfaces;
use self::links::Links;
use self::reporting::Reporting;
use self::routing::Routing;
use self::sockets::Sockets;
use self::stalls::{Clocks, StallWatch};
use self::tending::Tended;
use self::watched::Watched;
use crate::bfd_news::{BfdNews, NewsReceiver};
use crate::ipc::{self, FromVrrp, ToVrrp, VrrpNotification, VrrpTrapEvent};
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

    /// Before what is said of interfaces: an instance must not begin with an address that is not there.
    fn report_configured_sources(&mut self) {
        for (interface, address) in self.watched.sources() {
            let place = self.interfaces.place_of(address, &interface);
            let now = DeadlineTimer::now();
            self.node.handle(
                now,
                Event::SourcePlace {
                    interface,
                    address,
                    place,
                },
            );
        }
    }

    /// Tells the machine what is new of an interface that it has asked about.
    fn report_interface(&mut self, name: &str) {
        let up = || self.links.is_up(name, &self.interfaces);
        for news in self.watched.news(name, up, &self.interfaces) {
            self.handle(news);
        }
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

    async fn network_events(&mut self, events: Vec<NetworkEvent>) {
        for event in events {
            let by_us = self.is_own_doing(&event);
            if !by_us {
                let now = DeadlineTimer::now();
                for lost in self.routing.network_event(&event, &self.interfaces, now) {
                    self.handle(lost);
                }
            }
            match event {
                NetworkEvent::LinkChanged(link) => {
                    let name = link.name.clone();
                    let former = self.interfaces.name_of(link.index).map(str::to_owned);
                    let was_up = self.interfaces.is_up(&name);
                    self.interfaces.link_changed(link);
                    if !was_up && self.interfaces.is_up(&name) {
                        self.routing
                            .interface_came_back(&name, &self.interfaces, DeadlineTimer::now());
                    }
                    self.open_sockets();
                    // A renamed interface is gone under its former name.
                    if let Some(former) = former.filter(|former| *former != name) {
                        self.report_if_known(&former);
                    }
                    self.report_if_known(&name);
                }
                NetworkEvent::LinkRemoved { index, name } => {
                    self.interfaces.link_removed(index);
                    self.open_sockets();
                    self.report_configured_sources();
                    self.report_if_known(&name);
                }
                NetworkEvent::AddressAdded { address, .. } => {
                    self.interfaces.address_added(&address);
                    if !self.is_on_own(&address) {
                        self.address_changed(&address);
                    }
                }
                NetworkEvent::AddressRemoved { address, .. } => {
                    self.interfaces.address_removed(&address);
                    // Of those on interfaces of ours is told when the interface itself has been looked after.
                    let on_own = self.is_on_own(&address);
                    if let (false, Some(name)) = (by_us || on_own, self.interfaces.name_of(address.interface_index)) {
                        let interface = name.to_owned();
                        self.handle(Event::AddressLost {
                            interface,
                            address: address.address,
                        });
                    }
                    if !(by_us && on_own) {
                        self.address_changed(&address);
                    }
                }
                NetworkEvent::RouteRemoved { .. } | NetworkEvent::RuleRemoved { .. } => {}
                NetworkEvent::Lost => self.read_again().await,
            }
        }
    }

    /// Whether an event only echoes our own request. Who removed an address the event does not say: without
    /// `promote_secondaries` the kernel removes others of the same prefix together with the one we asked for.
    fn is_own_doing(&mut self, event: &NetworkEvent) -> bool {
        match event {
            NetworkEvent::RouteRemoved { changed_by, .. } | NetworkEvent::RuleRemoved { changed_by, .. } => {
                *changed_by == self.requests.port()
            }
            NetworkEvent::AddressRemoved { address, .. } => self.interfaces.was_our_removal(address),
            _ => false,
        }
    }

    /// One of our own is looked after, and then reported, when all events have been heard.
    fn report_if_known(&mut self, name: &str) {
        self.tended.own.note(name);
        if !self.tended.own.is_ours(name) {
            self.report_interface(name);
        }
    }

    fn address_changed(&mut self, address: &InterfaceAddress) {
        if self.watched.is_source(address.address) {
            self.report_configured_sources();
        }
        if let Some(name) = self.interfaces.name_of(address.interface_index).map(str::to_owned) {
            self.report_if_known(&name);
        }
    }

    /// The kernel dropped events: everything is read again and told again; what the machine knows already does no harm.
    async fn read_again(&mut self) {
        tracing::warn!("network events were lost; reading all interfaces and addresses again");
        match Interfaces::dump(&mut self.requests).await {
            Ok(interfaces) => {
                self.interfaces.read_again(interfaces);
                self.tended.own.note_all();
                self.watched.forget_what_was_said();
                self.tell_everything();
                for (interface, address) in self.interfaces.missing_virtual_addresses(&self.node) {
                    self.handle(Event::AddressLost { interface, address });
                }
            }
            Err(error) => tracing::error!("{error}"),
        }
        let now = DeadlineTimer::now();
        match self.routing.read_again(&mut self.requests, &self.interfaces, now).await {
            Ok(lost) => lost.into_iter().for_each(|lost| self.handle(lost)),
            Err(error) => tracing::error!("{error}"),
        }
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

    /// Runs an action, or puts it into the batch.
    fn run_action(&mut self, action: Action, batch: &mut Batch) {
        self.announcing.follow(&action);
        match action {
            Action::SendAdvertisement {
                interface,
                source,
                destinations,
                ttl,
                bytes,
                authenticated,
                ..
            } => batch.advertise(destinations.into_iter().map(|destination| Advert {
                interface: interface.clone(),
                source,
                destination,
                ttl,
                bytes: bytes.clone(),
                authenticated,
            })),
            Action::AddAddresses {
                interface, addresses, ..
            } => {
                self.tended.filter.note_additions(&interface, &addresses);
                batch.add(self.for_kernel(&interface, &addresses));
            }
            Action::RemoveAddresses {
                interface, addresses, ..
            } => {
                self.tended.filter.note_removals(&interface, &addresses);
                batch.remove(self.for_kernel(&interface, &addresses));
            }
            Action::AddRoutes { routes, .. } => batch.add_routing(RoutingKind::Route, routes),
            Action::RemoveRoutes { routes, .. } => batch.remove_routing(RoutingKind::Route, routes),
            Action::AddRules { rules, .. } => batch.add_routing(RoutingKind::Rule, rules),
            Action::RemoveRules { rules, .. } => batch.remove_routing(RoutingKind::Rule, rules),
            Action::Announce {
                instance,
                interface,
                addresses,
                count,
            } => {
                self.announcing
                    .announce(&self.interfaces, &instance, &interface, &addresses, count);
                *batch = Batch::Announcements;
            }
            Action::Transition {
                instance,
                from,
                to,
                reason,
                ..
            } => {
                tracing::debug!("({instance}) {from} -> {to}: {reason}");
                self.reporting.note_transition(instance, &reason);
            }
            Action::GroupTransition {
                group,
                from,
                to,
                reason,
            } => {
                tracing::debug!("sync group {group}: {from} -> {to}: {reason}");
                self.reporting.note_group();
            }
            Action::Notify {
                subject,
                name,
                state,
                priority,
                new_master,
            } => {
                let new_master = new_master.filter(|_| self.rfc_traps);
                self.notify(subject, name.clone(), state, priority);
                if let Some(new_master) = new_master {
                    self.trap(name, VrrpTrapEvent::NewMaster(new_master));
                }
            }
            Action::Refused {
                instance,
                from,
                refusal,
            } => self.trap(instance, VrrpTrapEvent::Refused { from, refusal }),
            // Kept by the caller.
            Action::Log(_) => {}
        }
    }

    async fn carry_out(&mut self, batch: Batch) {
        self.tended.filter.block_coming(&self.interfaces).await;
        match batch {
            Batch::Empty => {}
            Batch::Adverts(adverts) => self.sockets.send(&adverts),
            Batch::Additions(addresses) => self.add(&addresses).await,
            Batch::Removals(addresses) => self.remove(&addresses).await,
            Batch::RoutingAdditions(kind, texts) => {
                let Self { requests, routing, .. } = self;
                for (text, problem) in routing.add(kind, &texts, requests, &self.interfaces).await {
                    self.handle(Event::RoutingFailed { kind, text, problem });
                }
            }
            Batch::RoutingRemovals(kind, texts) => {
                let Self { requests, routing, .. } = self;
                routing.remove(kind, &texts, requests, &self.interfaces).await;
            }
            Batch::Announcements => self.announcing.send_due(&self.interfaces, DeadlineTimer::now()),
        }
        self.tended.filter.release_gone().await;
    }

    async fn add(&mut self, addresses: &[InterfaceAddress]) {
        for (address, outcome) in addresses.iter().zip(self.requests.add_addresses(addresses).await) {
            match outcome {
                Ok(_) => self.interfaces.address_added(address),
                Err(error) => tracing::error!("{error}"),
            }
        }
    }

    async fn remove(&mut self, addresses: &[InterfaceAddress]) {
        for (address, outcome) in addresses.iter().zip(self.requests.remove_addresses(addresses).await) {
            match outcome {
                Ok(Applied::Changed) => self.interfaces.removed_by_us(address),
                Ok(Applied::AlreadySo) => {}
                Err(error) => tracing::error!("{error}"),
            }
        }
    }

    /// Addresses as the kernel takes them; none where the interface is not there.
    fn for_kernel(&self, interface: &str, addresses: &[VirtualAddress]) -> std::vec::IntoIter<InterfaceAddress> {
        let index = self.interfaces.index_of(interface);
        let addresses: Vec<_> = index
            .into_iter()
            .flat_map(|index| addresses.iter().map(move |address| for_kernel(index, address)))
            .collect();
        addresses.into_iter()
    }

    fn notify(&self, subject: Subject, name: String, state: NotifyState, priority: u8) {
        let change = VrrpNotification {
            is_group: subject == Subject::Group,
            name,
            state: state.to_string(),
            priority,
        };
        self.send(&FromVrrp::Notify(change));
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

fn for_kernel(interface_index: u32, address: &VirtualAddress) -> InterfaceAddress {
    let flags = [
        (
            !address.duplicate_detection && address.address.is_ipv6(),
            AddressFlags::NODAD,
        ),
        (address.home, AddressFlags::HOMEADDRESS),
        (address.mngtmpaddr, AddressFlags::MANAGETEMPADDR),
        (address.noprefixroute, AddressFlags::NOPREFIXROUTE),
        (address.autojoin, AddressFlags::MCAUTOJOIN),
    ];
    InterfaceAddress {
        peer: address.peer,
        broadcast: address.broadcast,
        scope: AddressScope(address.scope),
        label: address.label.clone(),
        flags: flags
            .into_iter()
            .filter(|(set, _)| *set)
            .fold(AddressFlags::NONE, |all, (_, flag)| all | flag),
        preferred_lifetime_s: address
            .preferred_lifetime
            .map(|length| u32::try_from(length.as_secs()).unwrap_or(u32::MAX)),
        ..InterfaceAddress::new(interface_index, address.address, address.prefix_len)
    }
}

fn log(event: &LogEvent) {
    match event.level() {
        Level::Info => tracing::info!("{event}"),
        Level::Warning => tracing::warn!("{event}"),
    }
}
