//! Intervals of ours and how the neighbor learns of a change: Poll Sequences, RFC 5880 sections 6.5 and 6.8.3.

use holdfast_time::Duration;

use super::Session;
use crate::messages::LogEvent;
use crate::outbox::Outbox;
use crate::packet::{ControlPacket, State};
use crate::settings::{InstanceSettings, SHORTEST_IDLE_TX, SHORTEST_INTERVAL};

/// `bfd.DesiredMinTxInterval` and `bfd.RequiredMinRxInterval`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Intervals {
    pub(super) min_tx: Duration,
    pub(super) min_rx: Duration,
}

/// Where the Poll Sequence is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Poll {
    Idle,
    /// Our packets carry P until one with F arrives.
    Running,
    /// An answer was received. Another one may be under way, so a change that depends on its own answer has to wait for a
    /// packet without F (the third choice at the end of RFC 5880 section 6.8.3).
    Settling,
}

impl Intervals {
    /// What the settings ask for in this state.
    pub(super) fn wanted(settings: &InstanceSettings, state: State) -> Self {
        let min_tx = if state == State::Up {
            settings.min_tx.max(SHORTEST_INTERVAL)
        } else {
            settings.idle_tx.max(SHORTEST_IDLE_TX)
        };
        Self {
            min_tx,
            min_rx: settings.min_rx.max(SHORTEST_INTERVAL),
        }
    }
}

impl Session {
    /// The neighbor's part in a Poll Sequence of ours.
    pub(super) fn hear_answer(&mut self, packet: &ControlPacket) {
        self.poll = match (self.poll, packet.is_final) {
            (Poll::Running, true) => Poll::Settling,
            (Poll::Settling, false) => Poll::Idle,
            (poll, _) => poll,
        };
    }

    /// Announces what state and settings ask for, and acts upon it as soon as that is safe.
    pub(super) fn negotiate(&mut self, out: &mut Outbox) {
        let wanted = Intervals::wanted(&self.settings, self.state);
        if wanted != self.announced && (self.poll == Poll::Idle || !self.depends_on_answer(wanted)) {
            self.announced = wanted;
            self.poll = Poll::Running;
            self.counters.polls_started = self.counters.polls_started.saturating_add(1);
            out.log(LogEvent::PollStarted {
                instance: self.settings.name.clone(),
            });
        }
        self.in_use = if self.state == State::Up && self.poll == Poll::Running {
            // The neighbor has to know first that we will send less often; and we wait as long for its packets as before,
            // until it knows that it may send them more often.
            Intervals {
                min_tx: self.announced.min_tx.min(self.in_use.min_tx),
                min_rx: self.announced.min_rx.max(self.in_use.min_rx),
            }
        } else {
            self.announced
        };
    }

    /// An answer to an earlier poll, taken for the answer to this change, would do harm.
    fn depends_on_answer(&self, wanted: Intervals) -> bool {
        let is_deferred = wanted.min_tx > self.in_use.min_tx || wanted.min_rx < self.in_use.min_rx;
        self.state == State::Up && is_deferred
    }
}
