//! Static addresses, routes and rules: there while the daemon runs, whoever is master. A little machine without a clock:
//! what happened in, what to change out.

use std::collections::BTreeSet;

use holdfast_time::Timestamp;
use holdfast_vrrp::Backoff;

use crate::plan::routing::{StaticEntry, StaticObject};

/// All of them, and what is known of each.
#[derive(Debug, Default)]
pub struct Statics {
    /// In the order in which they are put in
    objects: Vec<Known>,
}

#[derive(Debug)]
struct Known {
    object: StaticObject,
    /// In the kernel, and made by us: taken out when it is no longer wanted
    is_ours: bool,
    /// When to put it in again
    due: Option<Timestamp>,
    backoff: Backoff,
}

/// What to change, in this order.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// To be taken out: rules, routes, addresses
    pub remove: Vec<StaticEntry>,
    /// To be put in: addresses, routes, rules
    pub add: Vec<StaticEntry>,
}

impl Statics {
    /// New settings: what stays is left alone.
    pub fn configure(&mut self, wanted: Vec<StaticObject>) -> Changes {
        let mut former = std::mem::take(&mut self.objects);
        let mut changes = Changes::default();
        for object in wanted {
            let place = former.iter().position(|known| known.object.entry == object.entry);
            let known = if let Some(place) = place {
                former.remove(place)
            } else {
                changes.add.push(object.entry.clone());
                Known::new(object.clone())
            };
            self.objects.push(Known { object, ..known });
        }
        let gone = former.into_iter().rev().filter(|known| known.is_ours);
        changes.remove = gone.map(|known| known.object.entry).collect();
        changes
    }

    /// It is in the kernel; if it is `ours`, by our doing.
    pub fn is_there(&mut self, entry: &StaticEntry, ours: bool) {
        if let Some(known) = self.find(entry) {
            known.is_ours |= ours;
            known.due = None;
        }
    }

    /// It could not be put in at `now`. Returns when that is tried again.
    pub fn failed(&mut self, entry: &StaticEntry, now: Timestamp) -> Option<Timestamp> {
        let known = self.find(entry)?;
        known.due = Some(known.backoff.after_failure(now));
        known.due
    }

    /// Somebody took those out that `is_it` names. Returns them, each with the moment at which it is put back; those of
    /// this moment are due at once.
    pub fn lost(&mut self, is_it: impl Fn(&StaticEntry) -> bool, now: Timestamp) -> Vec<(StaticEntry, Timestamp)> {
        let lost = |known: &&mut Known| known.object.track && known.due.is_none() && is_it(&known.object.entry);
        let put_back = |known: &mut Known| {
            let due = known.backoff.after_loss(now);
            known.due = Some(due);
            (known.object.entry.clone(), due)
        };
        self.objects.iter_mut().filter(lost).map(put_back).collect()
    }

    /// An interface came back: the kernel has dropped what was over it, and does not say everything.
    pub fn interface_came_back(&mut self, interface: &str, now: Timestamp) {
        for known in &mut self.objects {
            if known.object.track && known.object.interfaces.contains(interface) {
                known.due = Some(now);
            }
        }
    }

    /// What is to be put in again at `now`.
    pub fn due(&mut self, now: Timestamp) -> Changes {
        let mut changes = Changes::default();
        for known in &mut self.objects {
            if known.due.take_if(|due| *due <= now).is_some() {
                known.backoff.put_back(now);
                changes.add.push(known.object.entry.clone());
            }
        }
        changes
    }

    /// When something is due.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.objects.iter().filter_map(|known| known.due).min()
    }

    /// Everything of ours goes.
    pub fn stop(&mut self) -> Changes {
        self.configure(Vec::new())
    }

    /// The static ones, and whether each is in the kernel as far as we know.
    pub fn standing(&self) -> impl Iterator<Item = (&StaticEntry, bool)> {
        self.objects
            .iter()
            .map(|known| (&known.object.entry, known.due.is_none()))
    }

    /// The static ones, whether they are there or not.
    pub fn entries(&self) -> impl Iterator<Item = &StaticEntry> {
        self.objects.iter().map(|known| &known.object.entry)
    }

    /// Addresses among them, which are no virtual ones.
    pub fn addresses(&self) -> BTreeSet<std::net::IpAddr> {
        let address = |entry: &StaticEntry| match entry {
            StaticEntry::Address { address, .. } => Some(address.address),
            StaticEntry::Routing(..) => None,
        };
        self.entries().filter_map(address).collect()
    }

    fn find(&mut self, entry: &StaticEntry) -> Option<&mut Known> {
        self.objects.iter_mut().find(|known| known.object.entry == *entry)
    }
}

impl Known {
    fn new(object: StaticObject) -> Self {
        Self {
            object,
            is_ours: false,
            due: None,
            backoff: Backoff::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use holdfast_vrrp::{RoutingKind, VirtualAddress};

    use super::*;

    fn object(entry: StaticEntry) -> StaticObject {
        StaticObject {
            entry,
            interfaces: BTreeSet::from(["eth1".to_owned()]),
            track: true,
        }
    }

    fn address(text: &str) -> StaticObject {
        object(StaticEntry::Address {
            interface: "eth1".into(),
            address: VirtualAddress::new(text.parse().unwrap(), 24),
        })
    }

    fn route(text: &str) -> StaticObject {
        object(StaticEntry::Routing(RoutingKind::Route, text.into()))
    }

    fn rule(text: &str) -> StaticObject {
        object(StaticEntry::Routing(RoutingKind::Rule, text.into()))
    }

    fn entries(objects: &[StaticObject]) -> Vec<StaticEntry> {
        objects.iter().map(|object| object.entry.clone()).collect()
    }

    fn at(seconds: u64) -> Timestamp {
        Timestamp::ZERO + Duration::from_secs(1000 + seconds)
    }

    /// All of these, put in by us.
    fn running(objects: &[StaticObject]) -> Statics {
        let mut statics = Statics::default();
        let changes = statics.configure(objects.to_vec());
        for entry in &changes.add {
            statics.is_there(entry, true);
        }
        statics
    }

    #[test]
    fn they_come_in_order_and_go_in_reverse() {
        let objects = [address("192.0.2.5"), route("a"), rule("b")];
        let mut statics = running(&objects);
        let mut reverse = entries(&objects);
        reverse.reverse();
        let expected = Changes {
            remove: reverse,
            add: Vec::new(),
        };
        assert_eq!(statics.stop(), expected);
        assert_eq!(statics.stop(), Changes::default(), "once");
    }

    #[test]
    fn a_reload_changes_only_what_differs() {
        let mut statics = running(&[address("192.0.2.5"), route("a")]);
        let expected = Changes {
            remove: entries(&[address("192.0.2.5")]),
            add: entries(&[address("192.0.2.6"), rule("b")]),
        };
        assert_eq!(
            statics.configure(vec![address("192.0.2.6"), route("a"), rule("b")]),
            expected
        );
    }

    #[test]
    fn what_an_administrator_had_already_is_not_taken_away() {
        let mut statics = Statics::default();
        let theirs = address("192.0.2.5");
        statics.configure(vec![theirs.clone()]);
        statics.is_there(&theirs.entry, false);
        assert_eq!(statics.stop(), Changes::default());
    }

    #[test]
    fn what_somebody_removes_comes_back_with_growing_waits() {
        let it = route("a");
        let mut statics = running(&[it.clone(), route("b")]);
        let mut waits = Vec::new();
        let mut now = at(0);
        for _ in 0..4 {
            let lost = statics.lost(|entry| *entry == it.entry, now);
            let due = lost[0].1;
            waits.push(due.since(now).as_secs());
            assert_eq!(statics.next_deadline(), Some(due));
            assert!(statics.lost(|entry| *entry == it.entry, now).is_empty(), "said once");
            now = due;
            assert_eq!(statics.due(now).add, entries(std::slice::from_ref(&it)));
            statics.is_there(&it.entry, true);
        }
        assert_eq!(waits, [0, 1, 2, 4]);
        assert_eq!(statics.next_deadline(), None);
    }

    #[test]
    fn what_fails_is_tried_again_and_never_at_once() {
        let it = route("a");
        let mut statics = Statics::default();
        statics.configure(vec![it.clone()]);
        let mut now = at(0);
        let mut waits = Vec::new();
        for _ in 0..4 {
            let due = statics.failed(&it.entry, now).unwrap();
            waits.push(due.since(now).as_secs());
            now = due;
            assert_eq!(statics.due(now).add.len(), 1);
        }
        assert_eq!(waits, [1, 1, 2, 4]);
    }

    #[test]
    fn an_interface_that_comes_back_gets_its_objects_except_untracked_ones() {
        let untracked = StaticObject {
            track: false,
            ..route("untracked")
        };
        let elsewhere = StaticObject {
            interfaces: BTreeSet::from(["eth2".to_owned()]),
            ..route("elsewhere")
        };
        let objects = [address("192.0.2.5"), route("a"), untracked, elsewhere];
        let mut statics = running(&objects);
        statics.interface_came_back("eth1", at(1));
        assert_eq!(statics.due(at(1)).add, entries(&objects[..2]));
        assert!(statics.lost(|entry| *entry == objects[2].entry, at(2)).is_empty());
    }
}
