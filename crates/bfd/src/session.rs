//! One session: the state variables of RFC 5880 section 6.8.1 and what changes them.
//!
//! `states` moves between the states, `receive` judges packets, `negotiation` agrees on intervals by Poll Sequences,
//! `transmission` sends.

mod negotiation;
mod receive;
mod states;
mod transmission;

use std::collections::BTreeSet;

use holdfast_time::{Duration, Timestamp};

use crate::action::Action;
use crate::counters::SessionCounters;
use crate::outbox::Outbox;
use crate::packet::{Diagnostic, State};
use crate::random::Jitter;
use crate::settings::InstanceSettings;
use crate::status::SessionStatus;
use crate::timers::SessionId;
use negotiation::{Intervals, Poll};

#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) id: SessionId,
    pub(crate) settings: InstanceSettings,
    /// Ours; stays the same as long as the session lives.
    pub(crate) discriminator: u32,
    state: State,
    diagnostic: Diagnostic,
    last_transition: Timestamp,
    /// `None` before the neighbor was heard, and after it was silent for the detection time.
    remote: Option<Remote>,
    /// What our packets announce.
    announced: Intervals,
    /// What is acted upon; differs from what is announced while a Poll Sequence has to end first.
    in_use: Intervals,
    poll: Poll,
    last_sent: Option<Timestamp>,
    /// Of the interval that began with the last packet sent.
    jitter: Jitter,
    /// Kinds of refused packets that have been logged since the last change of state.
    logged: BTreeSet<&'static str>,
    counters: SessionCounters,
}

/// What the neighbor's last packet said.
#[derive(Clone, Copy, Debug)]
struct Remote {
    discriminator: u32,
    state: State,
    diagnostic: Diagnostic,
    demand: bool,
    multiplier: u8,
    desired_min_tx: Duration,
    required_min_rx: Duration,
    heard_at: Timestamp,
}

impl Session {
    /// A session in `Down`; its first packet is due at once unless it is passive.
    pub(crate) fn new(id: SessionId, settings: InstanceSettings, discriminator: u32, out: &mut Outbox) -> Self {
        let intervals = Intervals::wanted(&settings, State::Down);
        let session = Self {
            id,
            jitter: out.random.jitter(settings.multiplier),
            settings,
            discriminator,
            state: State::Down,
            diagnostic: Diagnostic::None,
            last_transition: out.now,
            remote: None,
            announced: intervals,
            in_use: intervals,
            poll: Poll::Idle,
            last_sent: None,
            logged: BTreeSet::new(),
            counters: SessionCounters::default(),
        };
        session.schedule(out);
        session
    }

    /// Takes over other settings of the same path. Changed intervals are agreed upon by a Poll Sequence.
    pub(crate) fn adopt(&mut self, settings: InstanceSettings, out: &mut Outbox) {
        let is_new_to_trackers = settings.name != self.settings.name || settings.audience != self.settings.audience;
        self.settings = settings;
        if is_new_to_trackers && self.state == State::Up {
            out.push(self.up_report());
        }
        self.negotiate(out);
        self.schedule(out);
    }

    pub(crate) fn status(&self) -> SessionStatus {
        let remote = self.remote.as_ref();
        SessionStatus {
            name: self.settings.name.clone(),
            neighbor: self.settings.neighbor,
            source: self.settings.source,
            multihop: self.settings.multihop,
            state: self.state,
            diagnostic: self.diagnostic,
            remote_state: remote.map_or(State::Down, |remote| remote.state),
            remote_diagnostic: self.remote_diagnostic(),
            local_discriminator: self.discriminator,
            remote_discriminator: remote.map(|remote| remote.discriminator),
            transmit_interval: self.sends_regularly().then(|| self.transmit_interval()),
            detection_time: self.detection_time(),
            polling: self.poll == Poll::Running,
            remote_demand_active: self.remote_demand_is_active(),
            last_transition: self.last_transition,
            counters: self.counters,
        }
    }

    fn up_report(&self) -> Action {
        Action::SessionUp {
            instance: self.settings.name.clone(),
            audience: self.settings.audience,
        }
    }

    fn remote_diagnostic(&self) -> Diagnostic {
        self.remote.map_or(Diagnostic::None, |remote| remote.diagnostic)
    }

    /// RFC 5880 section 6.8.4; `None` while the neighbor is not heard.
    fn detection_time(&self) -> Option<Duration> {
        let remote = self.remote.as_ref()?;
        let interval = self.in_use.min_rx.max(remote.desired_min_tx);
        Some(interval.saturating_mul(u32::from(remote.multiplier)))
    }

    /// RFC 5880 section 6.6: the neighbor wants no regular packets, and both sides know the session is up.
    fn remote_demand_is_active(&self) -> bool {
        let asks = |remote: &Remote| remote.demand && remote.state == State::Up;
        self.state == State::Up && self.remote.as_ref().is_some_and(asks)
    }
}
