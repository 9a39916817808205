//! What a machine may write to while it handles one event.

use std::collections::VecDeque;

use holdfast_time::{Deadlines, Duration, Timestamp};

use crate::action::Action;
use crate::messages::LogEvent;
use crate::timers::{InstanceId, Key, Timer};

/// The moment of the event, the actions it leads to, and the deadlines.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outbox {
    pub(crate) now: Timestamp,
    /// What the clock on the wall said, and when.
    pub(crate) wall_clock: (Timestamp, Duration),
    /// Refused packets are to be told of.
    pub(crate) rfc_traps: bool,
    pub(crate) actions: VecDeque<Action>,
    pub(crate) deadlines: Deadlines<Key>,
}

/// Places for actions that are kept for the next ones.
const KEPT_ACTIONS: usize = 64;

impl Outbox {
    /// The next action. The room that a takeover of a thousand instances needed is not kept.
    pub(crate) fn take_action(&mut self) -> Option<Action> {
        let action = self.actions.pop_front();
        if action.is_none() && self.actions.capacity() > KEPT_ACTIONS {
            self.actions.shrink_to(KEPT_ACTIONS);
        }
        action
    }

    /// Takes the advertisements out of the actions from this place on; the others keep their order.
    pub(crate) fn take_advertisements_from(&mut self, place: usize) -> Vec<Action> {
        let mut advertisements = Vec::new();
        for action in self.actions.split_off(place.min(self.actions.len())) {
            if matches!(action, Action::SendAdvertisement { .. }) {
                advertisements.push(action);
            } else {
                self.actions.push_back(action);
            }
        }
        advertisements
    }

    /// Time since 1970, as far as we were told.
    pub(crate) fn since_1970(&self) -> Duration {
        let (then, since_1970) = self.wall_clock;
        since_1970.saturating_add(self.now.since(then))
    }

    pub(crate) fn push(&mut self, action: Action) {
        self.actions.push_back(action);
    }

    pub(crate) fn log(&mut self, event: LogEvent) {
        self.push(Action::Log(event));
    }

    /// Sets a timer `length` from now.
    pub(crate) fn set_after(&mut self, id: InstanceId, timer: Timer, length: Duration) {
        self.deadlines.set(Key::Instance(id, timer), self.now + length);
    }

    pub(crate) fn clear(&mut self, id: InstanceId, timer: Timer) {
        self.deadlines.clear(Key::Instance(id, timer));
    }
}
