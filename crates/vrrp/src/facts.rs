//! What the driver has said about the interfaces.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::action::Fault;
use crate::settings::{Family, InstanceSettings, TrackedInterface};

/// The last word about each interface; nothing is known at first.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    links: BTreeMap<String, bool>,
    sources: BTreeMap<String, BTreeMap<Family, Option<IpAddr>>>,
}

/// What the facts mean for one instance.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    /// All that must be known has been said.
    pub(crate) known: bool,
    /// Source address for advertisements.
    pub(crate) source: Option<IpAddr>,
    /// Sum of the weights of trackers.
    pub(crate) weight: i32,
    /// What keeps the instance out of the election.
    pub(crate) faults: Vec<Fault>,
}

impl Facts {
    pub(crate) fn set_link(&mut self, interface: String, up: bool) {
        self.links.insert(interface, up);
    }

    pub(crate) fn set_source(&mut self, interface: String, family: Family, address: Option<IpAddr>) {
        self.sources.entry(interface).or_default().insert(family, address);
    }

    /// Looks at one instance with its own trackers and those of its group.
    pub(crate) fn standing(&self, settings: &InstanceSettings, of_group: &[TrackedInterface]) -> Standing {
        let mut standing = Standing {
            known: true,
            ..Standing::default()
        };
        let link = self.links.get(&settings.interface).copied();
        if settings.track_primary {
            standing.judge_link(&settings.interface, link, false);
        }
        for interface in settings.interfaces_of_addresses() {
            standing.judge_link(interface, self.links.get(interface).copied(), false);
        }
        for tracked in settings.tracked_interfaces.iter().chain(of_group) {
            standing.judge_tracked(tracked, self.links.get(&tracked.interface).copied());
        }
        let told = self
            .sources
            .get(&settings.interface)
            .and_then(|families| families.get(&settings.family))
            .copied();
        standing.source = settings.source.or(told.flatten());
        if standing.source.is_none() {
            match told {
                // An interface that is down need not say that it has no address either.
                None if link == Some(false) && settings.track_primary => {}
                None => standing.known = false,
                Some(_) => standing.faults.push(Fault::NoSourceAddress(settings.interface.clone())),
            }
        }
        standing
    }
}

impl Standing {
    fn judge_link(&mut self, interface: &str, up: Option<bool>, reverse: bool) {
        match up {
            None => self.known = false,
            Some(up) if up != reverse => {}
            Some(true) => self.add_fault(Fault::InterfaceUp(interface.to_owned())),
            Some(false) => self.add_fault(Fault::InterfaceDown(interface.to_owned())),
        }
    }

    fn judge_tracked(&mut self, tracked: &TrackedInterface, up: Option<bool>) {
        if tracked.weight == 0 {
            return self.judge_link(&tracked.interface, up, tracked.reverse);
        }
        let weight = if tracked.reverse {
            tracked.weight.saturating_neg()
        } else {
            tracked.weight
        };
        match up {
            None => self.known = false,
            Some(true) => self.weight = self.weight.saturating_add(weight.max(0)),
            Some(false) => self.weight = self.weight.saturating_add(weight.min(0)),
        }
    }

    fn add_fault(&mut self, fault: Fault) {
        if !self.faults.contains(&fault) {
            self.faults.push(fault);
        }
    }
}
