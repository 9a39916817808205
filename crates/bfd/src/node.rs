//! All sessions of a node.

mod reload;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;

use holdfast_time::{Deadlines, Timestamp};
use thiserror::Error;

use crate::action::Action;
use crate::counters::NodeCounters;
use crate::event::{Event, ReceivedPacket};
use crate::messages::LogEvent;
use crate::outbox::Outbox;
use crate::packet::{ControlPacket, DecodeError};
use crate::random::Random;
use crate::session::Session;
use crate::settings::{MULTIHOP_PORT, NodeSettings, SINGLE_HOP_PORT};
use crate::status::NodeStatus;
use crate::timers::{SessionId, Timer};
use reload::Path;

/// All BFD sessions of this machine.
///
/// ```text
/// loop: read the clock once; handle every waiting packet and message; handle DeadlineReached if next_deadline() <= now;
///       carry out next_action() until it is empty; arm one alarm for next_deadline()
/// ```
#[derive(Debug)]
pub struct Node {
    sessions: BTreeMap<SessionId, Session>,
    next_id: SessionId,
    /// Sessions as configured, for reports.
    order: Vec<SessionId>,
    by_name: BTreeMap<String, SessionId>,
    by_discriminator: BTreeMap<u32, SessionId>,
    by_path: BTreeMap<Path, SessionId>,
    stopped: bool,
    counters: NodeCounters,
    /// Kinds of packets without session that have been logged since the last reload.
    logged: BTreeSet<&'static str>,
    out: Outbox,
}

/// Why a packet reaches no session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
enum Stray {
    #[error(transparent)]
    Malformed(#[from] DecodeError),
    #[error("discriminator {0:#010x} is none of ours")]
    UnknownDiscriminator(u32),
    #[error("no instance has this neighbor with the address and port it was sent to")]
    UnknownNeighbor,
}

impl Stray {
    const fn counter(self, counters: &mut NodeCounters) -> &mut u64 {
        match self {
            Self::Malformed(error) => error.counter(counters),
            Self::UnknownDiscriminator(_) => &mut counters.unknown_discriminator,
            Self::UnknownNeighbor => &mut counters.unknown_neighbor,
        }
    }

    const fn kind(self) -> &'static str {
        match self {
            Self::Malformed(_) => "malformed",
            Self::UnknownDiscriminator(_) => "discriminator",
            Self::UnknownNeighbor => "neighbor",
        }
    }
}

impl Node {
    /// A node with these settings, started at `now`. The seed decides discriminators and jitter; it should differ from one
    /// start to the next.
    pub fn new(now: Timestamp, settings: NodeSettings, seed: u64) -> Self {
        let mut node = Self {
            sessions: BTreeMap::new(),
            next_id: 0,
            order: Vec::new(),
            by_name: BTreeMap::new(),
            by_discriminator: BTreeMap::new(),
            by_path: BTreeMap::new(),
            stopped: false,
            counters: NodeCounters::default(),
            logged: BTreeSet::new(),
            out: Outbox {
                now,
                actions: VecDeque::new(),
                deadlines: Deadlines::default(),
                random: Random::new(seed),
            },
        };
        node.reload(settings);
        node
    }

    /// Takes notice of something that happened at `now`.
    pub fn handle(&mut self, now: Timestamp, event: Event) {
        if self.stopped {
            return;
        }
        self.out.now = now;
        match event {
            Event::Received(packet) => self.receive(&packet),
            Event::DeadlineReached => self.fire_deadlines(),
            Event::Disable { instance, cause } => {
                self.with_named(&instance, |session, out| session.disable(cause, out));
            }
            Event::Enable { instance } => self.with_named(&instance, Session::enable),
            Event::Reload(settings) => self.reload(*settings),
            Event::Shutdown => {
                self.out.deadlines.clear_all();
                self.stopped = true;
            }
        }
    }

    /// When to deliver [`Event::DeadlineReached`]; `None` while nothing is planned.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.out.deadlines.earliest()
    }

    /// The next thing to be done; `None` when all is done.
    pub fn next_action(&mut self) -> Option<Action> {
        self.out.actions.pop_front()
    }

    /// A copy of the state of everything.
    pub fn status(&self) -> NodeStatus {
        let sessions = self.order.iter().filter_map(|id| self.sessions.get(id));
        NodeStatus {
            sessions: sessions.map(Session::status).collect(),
            counters: self.counters,
        }
    }

    fn receive(&mut self, received: &ReceivedPacket) {
        match self.select(received) {
            Ok((id, packet)) => self.with(id, |session, out| session.receive(received, &packet, out)),
            Err(stray) => self.drop_stray(stray, received.source),
        }
    }

    /// Whom a packet is for: by our discriminator if the neighbor knows it, by addresses and port if not.
    fn select(&self, received: &ReceivedPacket) -> Result<(SessionId, ControlPacket), Stray> {
        let packet = ControlPacket::decode(&received.payload)?;
        let found = match packet.your_discriminator {
            0 => self.find_by_path(received).ok_or(Stray::UnknownNeighbor),
            ours => self
                .by_discriminator
                .get(&ours)
                .ok_or(Stray::UnknownDiscriminator(ours)),
        };
        found.map(|id| (*id, packet))
    }

    fn find_by_path(&self, received: &ReceivedPacket) -> Option<&SessionId> {
        let multihop = match received.destination_port {
            SINGLE_HOP_PORT => false,
            MULTIHOP_PORT => true,
            _ => return None,
        };
        let path = |source: Option<IpAddr>| Path {
            neighbor: received.source,
            source,
            multihop,
        };
        let to_this_address = self.by_path.get(&path(Some(received.destination)));
        to_this_address.or_else(|| self.by_path.get(&path(None)))
    }

    fn drop_stray(&mut self, stray: Stray, from: IpAddr) {
        let counter = stray.counter(&mut self.counters);
        *counter = counter.saturating_add(1);
        if self.logged.insert(stray.kind()) {
            self.out.log(LogEvent::RejectedByAll {
                from,
                problem: stray.to_string(),
            });
        }
    }

    fn fire_deadlines(&mut self) {
        while let Some((_, (id, timer))) = self.out.deadlines.pop_due(self.out.now) {
            self.with(id, |session, out| match timer {
                Timer::Detection => session.detection_time_over(out),
                Timer::Transmission => session.transmission_due(out),
            });
        }
    }

    fn with_named(&mut self, name: &str, what: impl FnOnce(&mut Session, &mut Outbox)) {
        if let Some(id) = self.by_name.get(name).copied() {
            self.with(id, what);
        }
    }

    fn with(&mut self, id: SessionId, what: impl FnOnce(&mut Session, &mut Outbox)) {
        if let Some(session) = self.sessions.get_mut(&id) {
            what(session, &mut self.out);
        }
    }
}
