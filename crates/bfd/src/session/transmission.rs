//! When packets are sent and what is in them: RFC 5880 sections 6.8.2 and 6.8.7.

use holdfast_time::Duration;

use super::Session;
use super::negotiation::Poll;
use crate::action::Action;
use crate::outbox::Outbox;
use crate::packet::ControlPacket;
use crate::timers::Timer;

impl Session {
    /// The interval that both sides agree on, before jitter. A neighbor that is not heard sets no limit.
    pub(super) fn transmit_interval(&self) -> Duration {
        let required = self.remote.map_or(Duration::ZERO, |remote| remote.required_min_rx);
        self.in_use.min_tx.max(required)
    }

    /// Whether packets go out at the transmit interval.
    pub(super) fn sends_regularly(&self) -> bool {
        let neighbor_listens = self.remote.is_none_or(|remote| !remote.required_min_rx.is_zero());
        let has_something_to_say = !self.remote_demand_is_active() || self.poll == Poll::Running;
        self.may_speak() && neighbor_listens && has_something_to_say
    }

    /// The passive side does not speak first.
    fn may_speak(&self) -> bool {
        self.remote.is_some() || !self.settings.passive
    }

    /// The transmission timer has come: a regular packet.
    pub(crate) fn transmission_due(&mut self, out: &mut Outbox) {
        if self.sends_regularly() {
            self.transmit(out);
        }
        self.schedule(out);
    }

    /// A packet that begins a new interval: a regular one, or one that tells of a new state at once.
    pub(super) fn transmit(&mut self, out: &mut Outbox) {
        if self.may_speak() {
            self.last_sent = Some(out.now);
            self.jitter = out.random.jitter(self.settings.multiplier);
            self.send(false, out);
        }
    }

    /// Answers a poll, without regard to timers.
    pub(super) fn answer_poll(&mut self, out: &mut Outbox) {
        self.counters.polls_answered = self.counters.polls_answered.saturating_add(1);
        self.send(true, out);
    }

    fn send(&mut self, is_final: bool, out: &mut Outbox) {
        let packet = ControlPacket {
            diagnostic: self.diagnostic,
            state: self.state,
            poll: self.poll == Poll::Running && !is_final,
            is_final,
            control_plane_independent: false,
            authentication_present: false,
            demand: false,
            multiplier: self.settings.multiplier,
            my_discriminator: self.discriminator,
            your_discriminator: self.remote.map_or(0, |remote| remote.discriminator),
            desired_min_tx: self.announced.min_tx,
            required_min_rx: self.announced.min_rx,
            required_min_echo_rx: Duration::ZERO,
        };
        self.counters.packets_sent = self.counters.packets_sent.saturating_add(1);
        out.push(Action::SendPacket {
            instance: self.settings.name.clone(),
            source: self.settings.source,
            destination: self.settings.neighbor,
            port: self.settings.port(),
            ttl: self.settings.ttl,
            bytes: packet.encode().to_vec(),
        });
    }

    /// Sets both timers by what is known now. An interval that became shorter counts from the last packet, so it may be
    /// over already (RFC 5880 section 6.8.3).
    pub(super) fn schedule(&self, out: &mut Outbox) {
        let transmission = (self.id, Timer::Transmission);
        if self.sends_regularly() {
            let jitter = self.jitter.limited_for(self.settings.multiplier);
            let due = self.last_sent.map(|sent| sent + jitter.apply(self.transmit_interval()));
            out.deadlines.set(transmission, due.unwrap_or(out.now).max(out.now));
        } else {
            out.deadlines.clear(transmission);
        }
        let detection = (self.id, Timer::Detection);
        match (self.detection_time(), self.remote) {
            (Some(length), Some(remote)) => out.deadlines.set(detection, (remote.heard_at + length).max(out.now)),
            _ => out.deadlines.clear(detection),
        }
    }

    pub(super) fn clear_deadlines(&self, out: &mut Outbox) {
        out.deadlines.clear((self.id, Timer::Transmission));
        out.deadlines.clear((self.id, Timer::Detection));
    }
}
