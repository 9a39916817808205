//! How real servers come back: what is written.

use super::Item;
use crate::config::Recovery;
use std::time::Duration;

/// What real servers inherit from their virtual server.
#[derive(Clone, Debug, Default)]
pub(super) struct RecoveryDraft {
    slow_start: Option<Duration>,
    flap_threshold: Option<u32>,
    flap_window: Option<Duration>,
    flap_hold: Option<Duration>,
    flap_hold_max: Option<Duration>,
}

impl RecoveryDraft {
    /// Takes a setting that may stand in a virtual server or a real server.
    pub(super) fn take(&mut self, item: &Item<'_>) -> bool {
        let argument = &item.argument;
        match item.keyword.name {
            "slow_start" => self.slow_start = argument.duration(),
            "flap_threshold" => self.flap_threshold = argument.number(),
            "flap_window" => self.flap_window = argument.duration(),
            "flap_hold" => self.flap_hold = argument.duration(),
            "flap_hold_max" => self.flap_hold_max = argument.duration(),
            _ => return false,
        }
        true
    }

    /// What is not set comes from outside, or is the default.
    pub(super) fn resolve(&self, outer: &Self) -> Recovery {
        let default = Recovery::default();
        Recovery {
            slow_start: self.slow_start.or(outer.slow_start).unwrap_or(default.slow_start),
            flap_threshold: self
                .flap_threshold
                .or(outer.flap_threshold)
                .unwrap_or(default.flap_threshold),
            flap_window: self.flap_window.or(outer.flap_window).unwrap_or(default.flap_window),
            flap_hold: self.flap_hold.or(outer.flap_hold).unwrap_or(default.flap_hold),
            flap_hold_max: self
                .flap_hold_max
                .or(outer.flap_hold_max)
                .unwrap_or(default.flap_hold_max),
        }
    }
}
