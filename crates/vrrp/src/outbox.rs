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
    pub(crate) actions: VecDeque<Action>,
    pub(crate) deadlines: Deadlines<Key>,
}

impl Outbox {
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
