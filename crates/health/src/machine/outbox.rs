//! The actions that wait to be done.

use std::collections::{BTreeSet, VecDeque};

use holdfast_ipvs::table::ServiceKey;

use crate::action::{Action, Notification};
use crate::messages::Message;

/// Actions in their order. A service that is to be reconciled is named once, at its first place: the driver reads the
/// whole service as it is wanted at that moment, so a later change of the same turn is already in it.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    actions: VecDeque<Action>,
    changed: BTreeSet<ServiceKey>,
}

impl Outbox {
    pub(super) fn push(&mut self, action: Action) {
        match action {
            Action::ServiceChanged(key) => self.service_changed(key),
            other => self.actions.push_back(other),
        }
    }

    pub(super) fn log(&mut self, message: Message) {
        self.actions.push_back(Action::Log(message));
    }

    pub(super) fn notify(&mut self, notification: Notification) {
        self.actions.push_back(Action::Notify(notification));
    }

    pub(super) fn service_changed(&mut self, key: ServiceKey) {
        if self.changed.insert(key) {
            self.actions.push_back(Action::ServiceChanged(key));
        }
    }

    pub(super) fn next(&mut self) -> Option<Action> {
        let action = self.actions.pop_front();
        if let Some(Action::ServiceChanged(key)) = &action {
            self.changed.remove(key);
        }
        action
    }

    /// Everything that waits in `other`, after everything that waits here.
    pub(super) fn append(&mut self, mut other: Self) {
        while let Some(action) = other.next() {
            self.push(action);
        }
    }

    /// The same without the services: for where the table is compared as a whole, which finds exactly those that change.
    pub(super) fn append_words(&mut self, mut other: Self) {
        while let Some(action) = other.next() {
            if !matches!(action, Action::ServiceChanged(_)) {
                self.actions.push_back(action);
            }
        }
    }
}
