//! The model: nodes, packets under way, and what may still go wrong.

use std::sync::Arc;

use holdfast_simulation::configuration::{self, INTERFACES};
use holdfast_time::{Duration, Timestamp};
use holdfast_vrrp::settings::Family;
use holdfast_vrrp::{Action, Event, Node, NodeSettings, ReceivedPacket, State};
use stateright::{Model, Property};

use crate::fingerprint::fingerprint;
use crate::site::Kind;

/// Troubles come within so many intervals after the start of a run; then the election has to settle.
pub(crate) const WINDOW: u64 = 5;

/// When all nodes have been up for so many intervals, all is settled: a run begins there as well as at the start of all.
const QUIET: u64 = 30;

/// A site, and how much may go wrong.
#[derive(Clone, Debug)]
pub(crate) struct Election {
    settings: Vec<NodeSettings>,
    kind: Kind,
    troubles: u8,
}

/// One node as its machine and its kernel see it.
#[derive(Clone, Debug)]
pub(crate) struct Machine {
    /// None: killed.
    node: Option<Arc<Node>>,
    fingerprint: u64,
    state: State,
    holds: bool,
}

impl Machine {
    /// All that decides what it will do.
    const fn essence(&self) -> (bool, u64, State, bool) {
        (self.node.is_some(), self.fingerprint, self.state, self.holds)
    }
}

impl std::hash::Hash for Machine {
    fn hash<H: std::hash::Hasher>(&self, hasher: &mut H) {
        self.essence().hash(hasher);
    }
}

impl PartialEq for Machine {
    fn eq(&self, other: &Self) -> bool {
        self.essence() == other.essence()
    }
}

/// A packet under way.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Flight {
    from: usize,
    to: usize,
    bytes: Vec<u8>,
    /// It arrives only after the next timer.
    held: bool,
}

/// The whole site at one moment.
#[derive(Clone, Debug, PartialEq, Hash)]
pub(crate) struct Site {
    now: Timestamp,
    machines: Vec<Machine>,
    air: Vec<Flight>,
    troubles_left: u8,
    /// Troubles come until then.
    window_end: Timestamp,
    /// The last one.
    disturbed: Timestamp,
    /// Once settled: the master, until the next trouble.
    settled: Option<usize>,
    /// A settled master was left without a trouble.
    flapped: bool,
    /// Master at the last kill of it: who was it.
    killed_master: bool,
}

/// What can happen next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Deliver(usize),
    Lose(usize),
    Hold(usize),
    Tick,
    Kill(usize),
    Start(usize),
}

impl Election {
    pub(crate) fn new(settings: Vec<NodeSettings>, kind: Kind, troubles: u8) -> Self {
        Self {
            settings,
            kind,
            troubles,
        }
    }

    /// `Master_Down_Interval` of the worst node at most, and the next advert, twice; and the delay.
    const fn settling(&self) -> Duration {
        self.intervals(match self.kind {
            Kind::Delay => 12,
            _ => 10,
        })
    }

    const fn intervals(&self, count: u64) -> Duration {
        Duration::from_secs(count * self.kind.interval_s())
    }

    fn fresh(&self) -> Site {
        let mut site = Site {
            now: Timestamp::ZERO + Duration::from_secs(100),
            machines: Vec::new(),
            air: Vec::new(),
            troubles_left: 0,
            window_end: Timestamp::ZERO,
            disturbed: Timestamp::ZERO,
            settled: None,
            flapped: false,
            killed_master: false,
        };
        for index in 0..self.settings.len() {
            site.machines.push(Machine {
                node: None,
                fingerprint: 0,
                state: State::Stopped,
                holds: false,
            });
            self.start(&mut site, index);
        }
        site
    }

    /// Lets troubles in from now on.
    fn opened(&self, mut site: Site) -> Site {
        site.troubles_left = self.troubles;
        site.window_end = site.now + self.intervals(WINDOW);
        site.disturbed = site.now;
        site
    }

    fn start(&self, site: &mut Site, index: usize) {
        let node = Node::new(site.now, self.settings[index].clone());
        site.machines[index].node = Some(Arc::new(node));
        site.machines[index].state = State::Init;
        let interface = || INTERFACES[0].to_owned();
        let address = Some(configuration::source(0, index, false));
        let family = Family::Ipv4;
        let source = Event::SourceAddress {
            interface: interface(),
            family,
            address,
        };
        Self::feed(site, index, source);
        let up = Event::LinkChanged {
            interface: interface(),
            up: true,
        };
        Self::feed(site, index, up);
    }

    fn feed(site: &mut Site, index: usize, event: Event) {
        let now = site.now;
        let machine = &mut site.machines[index];
        let Some(node) = &mut machine.node else { return };
        let node = Arc::make_mut(node);
        node.handle(now, event);
        let mut sent = Vec::new();
        while let Some(action) = node.next_action() {
            match action {
                Action::SendAdvertisement { bytes, .. } => sent.push(bytes),
                Action::AddAddresses { .. } => machine.holds = true,
                Action::RemoveAddresses { .. } => machine.holds = false,
                Action::Transition { to, .. } => machine.state = to,
                _ => {}
            }
        }
        machine.fingerprint = fingerprint(node);
        let count = site.machines.len();
        for bytes in sent {
            for to in (0..count).filter(|to| *to != index && site.machines[*to].node.is_some()) {
                site.air.push(Flight {
                    from: index,
                    to,
                    bytes: bytes.clone(),
                    held: false,
                });
            }
        }
        // One that was sent later may arrive first: only which packets there are counts.
        site.air.sort();
    }

    fn deliver(site: &mut Site, flight: usize) {
        let Flight { from, to, bytes, .. } = site.air.remove(flight);
        let packet = ReceivedPacket {
            interface: INTERFACES[0].to_owned(),
            source: configuration::source(0, from, false),
            destination: std::net::Ipv4Addr::new(224, 0, 0, 18).into(),
            ttl: 255,
            payload: bytes,
            authenticated_ip_header: None,
        };
        Self::feed(site, to, Event::Received(packet));
    }

    /// The next timer of a node.
    fn tick(site: &mut Site) {
        let deadline = |machine: &Machine| machine.node.as_ref().and_then(|node| node.next_deadline());
        let due = site.machines.iter().enumerate();
        let due = due.filter_map(|(index, machine)| Some((deadline(machine)?, index)));
        if let Some((deadline, index)) = due.min() {
            site.now = site.now.max(deadline);
            for flight in &mut site.air {
                flight.held = false;
            }
            Self::feed(site, index, Event::DeadlineReached);
        }
    }

    fn masters(site: &Site) -> impl Iterator<Item = usize> + '_ {
        let machines = site.machines.iter().enumerate();
        machines
            .filter(|(_, machine)| machine.node.is_some() && machine.state == State::Master)
            .map(|(index, _)| index)
    }

    /// Time enough has passed since the last trouble.
    fn is_settled(&self, site: &Site) -> bool {
        site.air.is_empty() && site.now > site.disturbed + self.settling()
    }

    fn after(&self, before: &Site, mut site: Site, is_trouble: bool) -> Site {
        if is_trouble {
            site.troubles_left -= 1;
            site.disturbed = site.now;
            site.settled = None;
        } else if self.is_settled(&site) {
            let master = Self::masters(&site).next();
            site.flapped = before.settled.is_some() && before.settled != master;
            site.settled = master;
        }
        site
    }
}

impl Model for Election {
    type State = Site;
    type Action = Step;

    /// All nodes start now; or all have been well for long.
    fn init_states(&self) -> Vec<Site> {
        let fresh = self.fresh();
        let mut old = fresh.clone();
        let end = old.now + self.intervals(QUIET);
        while old.now < end || !old.air.is_empty() {
            if old.air.is_empty() {
                Self::tick(&mut old);
            } else {
                Self::deliver(&mut old, 0);
            }
        }
        vec![self.opened(fresh), self.opened(old)]
    }

    fn actions(&self, site: &Site, steps: &mut Vec<Step>) {
        let may_trouble = site.troubles_left > 0 && site.now <= site.window_end;
        let mut can_tick = true;
        for (flight, packet) in site.air.iter().enumerate() {
            if packet.held {
                continue;
            }
            // When nothing can go wrong any more, one order of deliveries stands for all.
            if may_trouble || can_tick {
                steps.push(Step::Deliver(flight));
            }
            can_tick = false;
            if may_trouble {
                steps.push(Step::Lose(flight));
                steps.push(Step::Hold(flight));
            }
        }
        if can_tick {
            steps.push(Step::Tick);
        }
        if may_trouble {
            for (index, machine) in site.machines.iter().enumerate() {
                steps.push(if machine.node.is_some() {
                    Step::Kill(index)
                } else {
                    Step::Start(index)
                });
            }
        }
    }

    fn next_state(&self, before: &Site, step: Step) -> Option<Site> {
        let mut site = before.clone();
        match step {
            Step::Deliver(flight) => Self::deliver(&mut site, flight),
            Step::Lose(flight) => {
                site.air.remove(flight);
            }
            Step::Hold(flight) => {
                site.air[flight].held = true;
                site.air.sort();
            }
            Step::Tick => Self::tick(&mut site),
            Step::Kill(index) => {
                let machine = &mut site.machines[index];
                site.killed_master = machine.state == State::Master;
                machine.node = None;
                machine.fingerprint = 0;
                machine.state = State::Stopped;
                site.air.retain(|flight| flight.to != index);
            }
            Step::Start(index) => self.start(&mut site, index),
        }
        Some(self.after(before, site, !matches!(step, Step::Deliver(_) | Step::Tick)))
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(
                "one master after settling, and the best where all preempt",
                |model, site| {
                    if !model.is_settled(site) || site.machines.iter().all(|machine| machine.node.is_none()) {
                        return true;
                    }
                    let best = site.machines.iter().rposition(|machine| machine.node.is_some());
                    let mut masters = Self::masters(site);
                    let (master, other) = (masters.next(), masters.next());
                    let is_best = matches!(model.kind, Kind::NoPreempt | Kind::Equal) || master == best;
                    master.is_some() && other.is_none() && is_best
                },
            ),
            Property::always("a settled master stays", |_, site: &Site| !site.flapped),
            Property::always(
                "who runs has the address exactly while it is master",
                |_, site: &Site| {
                    let machines = site.machines.iter().filter(|machine| machine.node.is_some());
                    machines
                        .map(|machine| (machine.holds, machine.state))
                        .all(|(holds, state)| holds == (state == State::Master))
                },
            ),
            Property::sometimes("two masters for a while", |_, site: &Site| {
                Self::masters(site).count() == 2
            }),
            Property::sometimes("another master after a kill", |model: &Self, site: &Site| {
                site.killed_master && model.is_settled(site) && Self::masters(site).count() == 1
            }),
        ]
    }

    fn within_boundary(&self, site: &Site) -> bool {
        // Two rounds of adverts after all must be settled.
        site.now <= site.window_end + self.settling() + self.intervals(2)
    }
}
