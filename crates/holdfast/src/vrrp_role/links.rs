//! Interfaces as the machine sees them: after delays, and with what their drivers say.

use holdfast_net::DeadlineTimer;
use holdfast_time::Timestamp;
use holdfast_vrrp::{LinkDebounce, NodeSettings};

use super::Driver;
use super::interfaces::Interfaces;
use super::link_polling::LinkPolling;
use crate::plan::links::LinkPlan;

/// How interfaces are looked at.
#[derive(Debug, Default)]
pub(super) struct Links {
    debounce: LinkDebounce,
    pub(super) polling: LinkPolling,
}

impl Links {
    /// Takes over a plan; `settings` are those of the same file.
    pub(super) fn configure(&mut self, plan: LinkPlan, settings: &NodeSettings, interfaces: &mut Interfaces) {
        self.debounce.set_delays(plan.delays, &settings.interfaces());
        if let Some(states) = self.polling.set(plan.polled) {
            interfaces.set_polled(states);
        }
    }

    /// Whether an interface counts as up.
    pub(super) fn is_up(&mut self, name: &str, interfaces: &Interfaces) -> bool {
        let below = interfaces.below(name);
        self.debounce
            .see(DeadlineTimer::now(), name, below, interfaces.is_up(name))
    }

    pub(super) fn next_deadline(&self) -> Option<Timestamp> {
        self.debounce.next_deadline()
    }
}

impl Driver {
    /// Some interfaces have been up or down for long enough.
    pub(super) fn links_deadline(&mut self) {
        for name in self.links.debounce.reach(DeadlineTimer::now()) {
            self.report_if_known(&name);
        }
    }

    /// A driver says something else of its link than before.
    pub(super) fn link_polled(&mut self, name: &str, up: bool) {
        // keepalived's words.
        tracing::info!("Linkbeat reports {name} {}", if up { "up" } else { "down" });
        self.interfaces.set_polled_one(name, up);
        self.report_if_known(name);
    }
}
