//! The election of all instances of a node.

use holdfast_time::Timestamp;

use crate::action::Action;
use crate::event::Event;
use crate::settings::NodeSettings;
use crate::status::NodeStatus;

/// All virtual routers of this machine.
///
/// ```text
/// loop: read the clock once; handle every waiting packet and message; handle DeadlineReached if next_deadline() <= now;
///       carry out next_action() until it is empty; arm one alarm for next_deadline()
/// ```
#[derive(Debug)]
pub struct Node {
    actions: std::collections::VecDeque<Action>,
    status: NodeStatus,
}

impl Node {
    /// A node with these settings, started at `now`. Every instance waits in INIT until the driver has reported the
    /// interfaces of [`NodeSettings::interfaces`].
    pub fn new(_now: Timestamp, _settings: NodeSettings) -> Self {
        Self {
            actions: std::collections::VecDeque::new(),
            status: NodeStatus::default(),
        }
    }

    /// Takes notice of something that happened at `now`.
    pub fn handle(&mut self, _now: Timestamp, _event: Event) {}

    /// When to deliver [`Event::DeadlineReached`]; `None` while nothing is planned.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        None
    }

    /// The next thing to be done; `None` when all is done.
    pub fn next_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// A copy of the state of everything.
    pub fn status(&self) -> NodeStatus {
        self.status.clone()
    }
}
