//! When each announcement leaves: at once, or with a gap to the one before it on the same interface or set of interfaces
//! (`vrrp_garp_interval`, `vrrp_gna_interval`, `garp_group`).
//!
//! A burst is `count` announcements of each address, in rounds over all addresses. What must wait is kept per address: an
//! address that is announced again while some of its announcements wait gets no more than the larger number. Addresses that
//! were never announced come before those that are repeated, so a second takeover does not wait for the repeats of a first.

mod lane;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use holdfast_time::{Duration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::settings::Family;
use lane::{Lane, Waiting};

/// The gaps between announcements.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PacingSettings {
    /// On each interface that is in no group.
    pub interface: Gaps,
    /// Over all interfaces of a group. An interface is in one group at most.
    pub groups: Vec<PacingGroup>,
}

/// From one announcement to the next. Zero: no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gaps {
    /// Gratuitous ARP: `vrrp_garp_interval`, `garp_interval`.
    pub arp: Duration,
    /// Unsolicited neighbour advertisements: `vrrp_gna_interval`, `gna_interval`.
    pub neighbour: Duration,
}

/// One `garp_group`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PacingGroup {
    /// Physical interfaces.
    pub interfaces: BTreeSet<String>,
    /// Their common gaps.
    pub gaps: Gaps,
}

/// What to announce, and for whom.
#[derive(Clone, Copy, Debug)]
pub struct Burst<'a> {
    /// The instance that holds the addresses.
    pub instance: &'a str,
    /// The interface to announce on.
    pub interface: &'a str,
    /// The interface whose gaps count: the same, or the one below a VMAC.
    pub physical: &'a str,
    /// The addresses, either family.
    pub addresses: &'a [IpAddr],
    /// Announcements of each.
    pub count: u32,
}

/// One packet to send now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announcement {
    /// The interface to announce on.
    pub interface: Arc<str>,
    /// The address.
    pub address: IpAddr,
}

/// Announcements that wait for their turn.
#[derive(Debug, Default)]
pub struct AnnouncementQueue {
    settings: PacingSettings,
    lanes: BTreeMap<LaneKey, Lane>,
}

/// What shares a gap.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct LaneKey {
    place: Place,
    family: Family,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    /// Place in [`PacingSettings::groups`].
    Group(usize),
    Interface(String),
}

impl AnnouncementQueue {
    /// A queue with these gaps.
    pub fn new(settings: PacingSettings) -> Self {
        Self {
            settings,
            lanes: BTreeMap::new(),
        }
    }

    /// Goes on with other gaps. What waits is sorted anew; the first of each lane may leave at once.
    pub fn set_settings(&mut self, settings: PacingSettings) {
        if self.settings == settings {
            return;
        }
        self.settings = settings;
        for lane in std::mem::take(&mut self.lanes).into_values() {
            for waiting in lane.into_waiting() {
                self.lane_of(&waiting.physical.clone(), waiting.address).put(waiting);
            }
        }
    }

    /// Takes a burst. Nothing leaves before [`Self::take_due`].
    pub fn announce(&mut self, burst: &Burst<'_>) {
        if burst.count == 0 {
            return;
        }
        let instance: Arc<str> = burst.instance.into();
        let interface: Arc<str> = burst.interface.into();
        let physical: Arc<str> = if burst.physical == burst.interface {
            Arc::clone(&interface)
        } else {
            burst.physical.into()
        };
        for address in burst.addresses {
            self.lane_of(burst.physical, *address).put(Waiting {
                instance: Arc::clone(&instance),
                interface: Arc::clone(&interface),
                physical: Arc::clone(&physical),
                address: *address,
                left: burst.count,
            });
        }
    }

    /// Forgets what waits for an instance: it is master no more.
    pub fn forget_instance(&mut self, instance: &str) {
        self.forget(|waiting| &*waiting.instance == instance);
    }

    /// Forgets what waits for addresses that an instance gives up.
    pub fn forget_addresses(&mut self, instance: &str, interface: &str, addresses: &BTreeSet<IpAddr>) {
        self.forget(|waiting| {
            &*waiting.instance == instance && &*waiting.interface == interface && addresses.contains(&waiting.address)
        });
    }

    /// What may leave at `now`, in order.
    pub fn take_due(&mut self, now: Timestamp) -> Vec<Announcement> {
        let mut due = Vec::new();
        self.lanes.retain(|_, lane| {
            lane.take_due(now, &mut due);
            !lane.is_at_rest(now)
        });
        due
    }

    /// When to ask again; `None` while nothing waits.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.lanes.values().filter_map(Lane::next_deadline).min()
    }

    /// Packets that wait.
    pub fn len(&self) -> u64 {
        self.lanes.values().map(Lane::len).sum()
    }

    /// True while nothing waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn forget(&mut self, which: impl Fn(&Waiting) -> bool) {
        for lane in self.lanes.values_mut() {
            lane.forget(&which);
        }
    }

    fn lane_of(&mut self, physical: &str, address: IpAddr) -> &mut Lane {
        let family = Family::of(address);
        let group = self
            .settings
            .groups
            .iter()
            .position(|group| group.interfaces.contains(physical));
        let gaps = group
            .and_then(|index| self.settings.groups.get(index))
            .map_or(self.settings.interface, |group| group.gaps);
        let gap = match family {
            Family::Ipv4 => gaps.arp,
            Family::Ipv6 => gaps.neighbour,
        };
        let place = group.map_or_else(|| Place::Interface(physical.to_owned()), Place::Group);
        self.lanes
            .entry(LaneKey { place, family })
            .or_insert_with(|| Lane::new(gap))
    }
}

#[cfg(test)]
mod tests;
