//! From what is seen of interfaces to what counts: `interface_up_down_delays`.

use std::collections::{BTreeMap, BTreeSet};

use holdfast_time::{Duration, Timestamp};
use serde::{Deserialize, Serialize};

/// How long a change must last before it counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkDelays {
    /// Before an interface counts as down.
    pub down: Duration,
    /// Before it counts as up.
    pub up: Duration,
}

/// Which interfaces count as up. It has no clock: moments are handed in, and [`Self::next_deadline`] says when to call
/// [`Self::reach`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LinkDebounce {
    delays: BTreeMap<String, LinkDelays>,
    links: BTreeMap<String, Counted>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Counted {
    up: bool,
    /// When the opposite has been seen for long enough.
    due: Option<Timestamp>,
}

impl LinkDebounce {
    /// New delays, by interface. What was seen of interfaces that are not among `known` is forgotten; a change that waits
    /// already goes on waiting.
    pub fn set_delays(&mut self, delays: BTreeMap<String, LinkDelays>, known: &BTreeSet<&str>) {
        self.delays = delays;
        self.links.retain(|interface, _| known.contains(interface.as_str()));
    }

    /// An interface was seen up or down at `now`. Returns whether it counts as up. The first look decides at once. The delays are
    /// those of `below`: the interface itself, or the one that it stands on.
    pub fn see(&mut self, now: Timestamp, interface: &str, below: &str, up: bool) -> bool {
        let delays = self.delays.get(below).copied().unwrap_or_default();
        let Some(counted) = self.links.get_mut(interface) else {
            self.links.insert(interface.to_owned(), Counted { up, due: None });
            return up;
        };
        let delay = if up { delays.up } else { delays.down };
        if counted.up == up {
            counted.due = None;
        } else if delay.is_zero() {
            *counted = Counted { up, due: None };
        } else if counted.due.is_none() {
            counted.due = Some(now + delay);
        }
        counted.up
    }

    /// When to call [`Self::reach`].
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.links.values().filter_map(|counted| counted.due).min()
    }

    /// Time has come to `now`: the interfaces that count as something else from now on.
    pub fn reach(&mut self, now: Timestamp) -> Vec<String> {
        let mut changed = Vec::new();
        for (interface, counted) in &mut self.links {
            if counted.due.is_some_and(|due| due <= now) {
                *counted = Counted {
                    up: !counted.up,
                    due: None,
                };
                changed.push(interface.clone());
            }
        }
        changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::ZERO + Duration::from_secs(seconds)
    }

    fn debounce(down: u64, up: u64) -> LinkDebounce {
        let delays = LinkDelays {
            down: Duration::from_secs(down),
            up: Duration::from_secs(up),
        };
        let mut debounce = LinkDebounce::default();
        debounce.set_delays(
            [("eth0".to_owned(), delays)].into(),
            &["eth0", "eth1", "vrrp.51"].into(),
        );
        debounce
    }

    fn see(debounce: &mut LinkDebounce, second: u64, up: bool) -> bool {
        debounce.see(at(second), "eth0", "eth0", up)
    }

    #[test]
    fn the_first_look_decides_and_without_delays_each_does() {
        let mut debounce = debounce(2, 0);
        assert!(!see(&mut debounce, 0, false), "down from the beginning");
        assert!(see(&mut debounce, 1, true), "no delay for up");
        assert_eq!(debounce.next_deadline(), None);
        for up in [true, false, true] {
            assert_eq!(debounce.see(at(1), "eth1", "eth1", up), up);
        }
    }

    #[test]
    fn a_short_loss_does_not_count_and_a_long_one_does() {
        let mut debounce = debounce(2, 3);
        see(&mut debounce, 0, true);
        assert!(see(&mut debounce, 10, false));
        assert!(see(&mut debounce, 11, true), "back in time");
        assert_eq!(debounce.next_deadline(), None);

        assert!(see(&mut debounce, 20, false));
        assert!(see(&mut debounce, 21, false), "the same again does not put it off");
        assert_eq!(debounce.next_deadline(), Some(at(22)));
        assert_eq!(debounce.reach(at(21)), [] as [&str; 0]);
        assert_eq!(debounce.reach(at(22)), ["eth0"]);
        assert!(!see(&mut debounce, 22, false));

        assert!(!see(&mut debounce, 30, true));
        assert!(!see(&mut debounce, 32, false), "gone before it counted");
        assert!(!see(&mut debounce, 40, true));
        assert_eq!(debounce.reach(at(43)), ["eth0"]);
        assert!(see(&mut debounce, 43, true));
    }

    #[test]
    fn an_interface_that_stands_on_another_has_its_delays() {
        let mut debounce = debounce(2, 0);
        assert!(debounce.see(at(0), "vrrp.51", "eth0", true));
        assert!(debounce.see(at(1), "vrrp.51", "eth0", false));
        assert_eq!(debounce.reach(at(3)), ["vrrp.51"]);
    }

    #[test]
    fn new_delays_leave_what_is_under_way_and_forget_what_is_not_known() {
        let mut debounce = debounce(5, 0);
        see(&mut debounce, 0, true);
        see(&mut debounce, 1, false);
        debounce.set_delays(BTreeMap::new(), &["eth0"].into());
        assert_eq!(debounce.next_deadline(), Some(at(6)));
        debounce.set_delays(BTreeMap::new(), &["eth1"].into());
        assert_eq!(debounce.next_deadline(), None);
    }
}
