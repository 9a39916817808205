//! The machine.
use holdfast_ipvs::table::{ServiceEntry, ServiceKey, Table};
use holdfast_time::Timestamp;

use crate::action::Action;
use crate::event::Event;
use crate::settings::Settings;
use crate::status::Status;

/// The health machine. See the [crate](crate) for its manners.
#[derive(Debug)]
pub struct Health {
    settings: Settings,
}

impl Health {
    /// A machine at its start. `seed` decides at which moments the first checks are made.
    pub fn new(_now: Timestamp, settings: Settings, _seed: u64) -> Self {
        Self { settings }
    }

    /// Something happened at this moment.
    pub fn handle(&mut self, _now: Timestamp, event: Event) {
        if let Event::Reload(settings) = event {
            self.settings = settings;
        }
    }

    /// When to come back with [`Event::Deadline`].
    pub fn next_deadline(&self) -> Option<Timestamp> {
        None
    }

    /// The next thing to do; `None`: all is done.
    pub fn next_action(&mut self) -> Option<Action> {
        None
    }

    /// The whole table as it ought to be now.
    pub fn wanted(&self) -> Table {
        Table::default()
    }

    /// One service of the table as it ought to be now; `None`: it ought not to be there.
    pub fn wanted_service(&self, _key: &ServiceKey) -> Option<ServiceEntry> {
        None
    }

    /// What the machine knows.
    pub fn status(&self) -> Status {
        Status::default()
    }
}
