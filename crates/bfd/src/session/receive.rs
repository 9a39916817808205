//! What a packet must pass before a session believes it, and what it then does: RFC 5880 section 6.8.6.
#![deny(clippy::arithmetic_side_effects)]

use std::net::IpAddr;

use thiserror::Error;

use super::{Remote, Session};
use crate::counters::SessionCounters;
use crate::event::ReceivedPacket;
use crate::messages::LogEvent;
use crate::outbox::Outbox;
use crate::packet::{ControlPacket, State};

/// Why a session drops a packet that is addressed to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
enum Rejection {
    #[error("our discriminator in a packet to {destination} port {port}, which is not where this session talks")]
    OtherPath { destination: IpAddr, port: u16 },
    #[error("TTL {received} is below {least}")]
    Ttl { received: u8, least: u8 },
    #[error("it is authenticated, and no authentication is in use")]
    Authenticated,
}

impl Rejection {
    const fn counter(self, counters: &mut SessionCounters) -> &mut u64 {
        match self {
            Self::OtherPath { .. } => &mut counters.path_err,
            Self::Ttl { .. } => &mut counters.ttl_err,
            Self::Authenticated => &mut counters.authentication_err,
        }
    }

    /// Each kind is logged once until the state changes.
    const fn kind(self) -> &'static str {
        match self {
            Self::OtherPath { .. } => "path",
            Self::Ttl { .. } => "ttl",
            Self::Authenticated => "authentication",
        }
    }
}

impl Session {
    /// Takes notice of a well-formed packet that was found to be for this session.
    pub(crate) fn receive(&mut self, received: &ReceivedPacket, packet: &ControlPacket, out: &mut Outbox) {
        match self.check(received, packet) {
            Ok(()) => self.hear(packet, out),
            Err(rejection) => self.reject(rejection, received.source, out),
        }
    }

    fn check(&self, received: &ReceivedPacket, packet: &ControlPacket) -> Result<(), Rejection> {
        let settings = &self.settings;
        // A discriminator alone proves little: anybody on the way has seen it.
        let is_on_path = received.source == settings.neighbor
            && received.destination_port == settings.port()
            && settings.source.is_none_or(|source| source == received.destination);
        if !is_on_path {
            return Err(Rejection::OtherPath {
                destination: received.destination,
                port: received.destination_port,
            });
        }
        let least = settings.ttl.saturating_sub(settings.max_hops);
        if received.ttl < least {
            return Err(Rejection::Ttl {
                received: received.ttl,
                least,
            });
        }
        if packet.authentication_present {
            return Err(Rejection::Authenticated);
        }
        Ok(())
    }

    fn reject(&mut self, rejection: Rejection, from: IpAddr, out: &mut Outbox) {
        let counter = rejection.counter(&mut self.counters);
        *counter = counter.saturating_add(1);
        if self.logged.insert(rejection.kind()) {
            out.log(LogEvent::Rejected {
                instance: self.settings.name.clone(),
                from,
                problem: rejection.to_string(),
            });
        }
    }

    fn hear(&mut self, packet: &ControlPacket, out: &mut Outbox) {
        self.counters.packets_received = self.counters.packets_received.saturating_add(1);
        self.remote = Some(Remote {
            discriminator: packet.my_discriminator,
            state: packet.state,
            diagnostic: packet.diagnostic,
            demand: packet.demand,
            multiplier: packet.multiplier,
            desired_min_tx: packet.desired_min_tx,
            required_min_rx: packet.required_min_rx,
            heard_at: out.now,
        });
        self.hear_answer(packet);
        self.negotiate(out);
        if self.state != State::AdminDown {
            let step = self.next_move();
            let reports = step.map(|step| self.carry_out(step, out)).unwrap_or_default();
            if packet.poll {
                // The answer tells of a new state as well.
                self.answer_poll(out);
            } else if step.is_some() {
                self.transmit(out);
            }
            out.actions.extend(reports);
        }
        self.schedule(out);
    }
}
