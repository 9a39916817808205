//! What the driver has said about interfaces, scripts, processes, files and BFD sessions.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::action::Fault;
use crate::event::SourcePlace;
use crate::settings::{Family, GroupSettings, InstanceSettings, TrackedBfd, TrackedFile, TrackedInterface};
use crate::status::TrackerFacts;

/// What a tracked file may take from a priority and add to it; as much as can be taken is a fault.
const FILE_FAULT: i64 = -254;
const FILE_MOST: i64 = 253;

/// The last word about each thing; nothing is known at first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    links: BTreeMap<String, bool>,
    sources: BTreeMap<String, BTreeMap<Family, Option<IpAddr>>>,
    source_places: BTreeMap<(String, IpAddr), SourcePlace>,
    scripts: BTreeMap<String, bool>,
    files: BTreeMap<String, i64>,
    processes: BTreeMap<String, bool>,
    bfds: BTreeMap<String, bool>,
}

/// What the facts mean for one instance.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    /// All that must be known about interfaces has been said.
    pub(crate) known: bool,
    /// A script or BFD session that decides over FAULT has no result yet, or a file has not been read.
    pub(crate) awaits_tracker: bool,
    /// One of these is a script, which may take long.
    pub(crate) awaits_script: bool,
    /// Source address for advertisements.
    pub(crate) source: Option<IpAddr>,
    /// Sum of the weights of trackers.
    pub(crate) weight: i32,
    /// What keeps the instance out of the election.
    pub(crate) faults: Vec<Fault>,
}

impl Facts {
    /// True if the interface was known to be down and is up now.
    pub(crate) fn set_link(&mut self, interface: String, up: bool) -> bool {
        let before = self.links.insert(interface, up);
        up && before == Some(false)
    }

    pub(crate) fn set_source(&mut self, interface: String, family: Family, address: Option<IpAddr>) {
        self.sources.entry(interface).or_default().insert(family, address);
    }

    pub(crate) fn set_source_place(&mut self, interface: String, address: IpAddr, place: SourcePlace) {
        self.source_places.insert((interface, address), place);
    }

    pub(crate) fn set_script(&mut self, script: String, up: Option<bool>) {
        set(&mut self.scripts, script, up);
    }

    pub(crate) fn set_process(&mut self, process: String, up: Option<bool>) {
        set(&mut self.processes, process, up);
    }

    pub(crate) fn set_file(&mut self, file: String, value: i64) {
        self.files.insert(file, value);
    }

    pub(crate) fn set_bfd(&mut self, session: String, up: bool) {
        self.bfds.insert(session, up);
    }

    /// All that is known of trackers.
    pub(crate) fn of_trackers(&self) -> TrackerFacts {
        TrackerFacts {
            scripts: self.scripts.clone(),
            files: self.files.clone(),
            processes: self.processes.clone(),
            bfds: self.bfds.clone(),
        }
    }

    /// Looks at one instance with its own trackers and those of its group.
    pub(crate) fn standing(&self, settings: &InstanceSettings, group: Option<&GroupSettings>) -> Standing {
        let mut standing = Standing {
            known: true,
            ..Standing::default()
        };
        let link = self.links.get(&settings.interface).copied();
        if settings.track_primary {
            standing.judge_link(&settings.interface, link, false);
        }
        for interface in settings.needed_interfaces() {
            standing.judge_link(interface, self.links.get(interface).copied(), false);
        }
        let of_group = group.into_iter().flat_map(|group| &group.tracked_interfaces);
        for tracked in settings.tracked_interfaces.iter().chain(of_group) {
            standing.judge_interface(tracked, self.links.get(&tracked.interface).copied());
        }
        let of_group = group.into_iter().flat_map(|group| &group.tracked_scripts);
        for tracked in settings.tracked_scripts.iter().chain(of_group) {
            let up = self.scripts.get(&tracked.script).copied();
            let fault: fn(String) -> Fault = if tracked.reverse {
                Fault::ScriptUp
            } else {
                Fault::ScriptDown
            };
            standing.judge_result(up, tracked.weight, tracked.reverse, || fault(tracked.script.clone()));
        }
        standing.awaits_script = standing.awaits_tracker;
        let of_group = group.into_iter().flat_map(|group| &group.tracked_processes);
        for tracked in settings.tracked_processes.iter().chain(of_group) {
            let up = self.processes.get(&tracked.process).copied();
            let fault: fn(String) -> Fault = if tracked.reverse {
                Fault::ProcessUp
            } else {
                Fault::ProcessDown
            };
            standing.judge_result(up, tracked.weight, tracked.reverse, || fault(tracked.process.clone()));
        }
        let of_group = group.into_iter().flat_map(|group| &group.tracked_files);
        for tracked in settings.tracked_files.iter().chain(of_group) {
            standing.judge_file(tracked, self.files.get(&tracked.file).copied());
        }
        let of_group = group.into_iter().flat_map(|group| &group.tracked_bfds);
        for tracked in settings.tracked_bfds.iter().chain(of_group) {
            let up = self.bfds.get(&tracked.session).copied();
            standing.judge_bfd(tracked, if tracked.left_out { Some(false) } else { up });
        }
        if settings.lacks_peers {
            standing.add_fault(Fault::NoUnicastPeer);
        }
        if let Some(source) = settings.source {
            self.judge_source_place(settings, source, &mut standing);
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

    fn judge_source_place(&self, settings: &InstanceSettings, source: IpAddr, standing: &mut Standing) {
        let place = self.source_places.get(&(settings.interface.clone(), source));
        match place.copied() {
            None => standing.known &= !settings.track_source,
            Some(SourcePlace::OnInterface) => {}
            Some(SourcePlace::Elsewhere) if !settings.track_source => {}
            // A master puts its own addresses there.
            Some(SourcePlace::Absent) if settings.held_addresses().any(|held| held.address == source) => {}
            Some(SourcePlace::Elsewhere | SourcePlace::Absent) => {
                standing.add_fault(Fault::SourceAddressAbsent(source));
            }
        }
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

    fn judge_interface(&mut self, tracked: &TrackedInterface, up: Option<bool>) {
        if tracked.weight == 0 {
            return self.judge_link(&tracked.interface, up, tracked.reverse);
        }
        match up {
            None => self.known = false,
            Some(up) => self.weigh(tracked.weight, tracked.reverse, up),
        }
    }

    /// What is up or down. With a weight it counts for nothing before its first result.
    fn judge_result(&mut self, up: Option<bool>, weight: i32, reverse: bool, fault: impl FnOnce() -> Fault) {
        match up {
            Some(up) if weight != 0 => self.weigh(weight, reverse, up),
            None if weight != 0 => {}
            None => self.awaits_tracker = true,
            Some(up) if up != reverse => {}
            Some(_) => self.add_fault(fault()),
        }
    }

    fn judge_file(&mut self, tracked: &TrackedFile, value: Option<i64>) {
        let Some(value) = value else {
            self.awaits_tracker = true;
            return;
        };
        let is_fault = if tracked.weight == 0 {
            (value != 0) != tracked.reverse
        } else {
            let weight = i64::from(signed(tracked.weight, tracked.reverse));
            let contribution = value.saturating_mul(weight).clamp(FILE_FAULT, FILE_MOST);
            let lowest = contribution == FILE_FAULT;
            if !lowest {
                self.weight = self.weight.saturating_add(i32::try_from(contribution).unwrap_or(0));
            }
            lowest
        };
        if is_fault {
            self.add_fault(Fault::File(tracked.file.clone()));
        }
    }

    /// A session with a weight counts for nothing before the first word about it.
    /// A session of which nobody spoke yet is not up.
    fn judge_bfd(&mut self, tracked: &TrackedBfd, up: Option<bool>) {
        match up {
            up if tracked.weight != 0 => self.weigh(tracked.weight, tracked.reverse, up == Some(true)),
            None => self.awaits_tracker = true,
            Some(up) if up != tracked.reverse => {}
            Some(true) => self.add_fault(Fault::BfdUp(tracked.session.clone())),
            Some(false) => self.add_fault(Fault::BfdDown(tracked.session.clone())),
        }
    }

    /// A positive weight counts while it is up, a negative one while it is down. Turned round it counts at the same time, and
    /// the other way: so keepalived does it.
    fn weigh(&mut self, weight: i32, reverse: bool, up: bool) {
        let counts = if up { weight.max(0) } else { weight.min(0) };
        self.weight = self.weight.saturating_add(signed(counts, reverse));
    }

    fn add_fault(&mut self, fault: Fault) {
        if !self.faults.contains(&fault) {
            self.faults.push(fault);
        }
    }
}

/// Remembers a result, or forgets it.
fn set(results: &mut BTreeMap<String, bool>, name: String, up: Option<bool>) {
    match up {
        Some(up) => results.insert(name, up),
        None => results.remove(&name),
    };
}

const fn signed(weight: i32, reverse: bool) -> i32 {
    if reverse { weight.saturating_neg() } else { weight }
}
