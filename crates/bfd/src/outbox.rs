//! What a session may write to while it handles one event.

use std::collections::VecDeque;

use holdfast_time::{Deadlines, Timestamp};

use crate::action::Action;
use crate::messages::LogEvent;
use crate::random::Random;
use crate::timers::Key;

/// The moment of the event, the actions it leads to, the deadlines, and the dice.
#[derive(Debug)]
pub(crate) struct Outbox {
    pub(crate) now: Timestamp,
    pub(crate) actions: VecDeque<Action>,
    pub(crate) deadlines: Deadlines<Key>,
    pub(crate) random: Random,
}

impl Outbox {
    pub(crate) fn push(&mut self, action: Action) {
        self.actions.push_back(action);
    }

    pub(crate) fn log(&mut self, event: LogEvent) {
        self.push(Action::Log(event));
    }
}
