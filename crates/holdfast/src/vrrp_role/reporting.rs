//! What the supervisor is told of the state: the whole of it at first and after a reload, then what has changed. With a
//! thousand instances the whole would take longer to write down than a takeover takes.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::{SystemTime, UNIX_EPOCH};

use holdfast_time::{Duration, Timestamp};
use holdfast_vrrp::status::InstanceStatus as MachineStatus;
use holdfast_vrrp::{LogEvent, Node, Reason};

use super::stalls::Stall;
use crate::ipc::FromVrrp;
use crate::report_pace::ReportPace;
use crate::status::{GroupStatus, InstanceStatus, StallStatus, TimingStatus, VrrpChange, VrrpStatus};

/// How often lateness is reported when nothing happens.
const TIMING_INTERVAL: Duration = Duration::from_mins(1);

/// What is still to be reported.
#[derive(Debug)]
enum News {
    Everything,
    Of(BTreeSet<String>),
}

/// Remembers what has changed since the last report, and why.
#[derive(Debug)]
pub struct Reporting {
    pace: ReportPace,
    news: News,
    /// Why each instance is in its state, in words. Most are there for the same reason.
    reasons: BTreeMap<Box<str>, Rc<str>>,
    words: BTreeSet<Rc<str>>,
    stalls: u64,
    last_stall: Option<StallStatus>,
    timing_due: Timestamp,
}

impl Reporting {
    /// At the start everything is news.
    pub fn new(now: Timestamp) -> Self {
        Self {
            pace: ReportPace::default(),
            news: News::Everything,
            reasons: BTreeMap::new(),
            words: BTreeSet::new(),
            stalls: 0,
            last_stall: None,
            timing_due: now + TIMING_INTERVAL,
        }
    }

    /// When there may be something to report.
    pub fn due_at(&self) -> Timestamp {
        self.pace.due_at().map_or(self.timing_due, |at| at.min(self.timing_due))
    }

    /// Everything is news: other settings.
    pub fn note_everything(&mut self) {
        self.news = News::Everything;
        self.pace.note_change();
    }

    /// A group changed; groups are reported together.
    pub fn note_group(&mut self) {
        self.pace.note_change();
    }

    /// An instance changed its state.
    pub fn note_transition(&mut self, instance: String, reason: &Reason) {
        let reason = self.words_of(reason);
        self.reasons.insert(instance.as_str().into(), reason);
        self.note(instance);
    }

    fn words_of(&mut self, reason: &Reason) -> Rc<str> {
        let words: Rc<str> = reason.to_string().into();
        if let Some(known) = self.words.get(&words) {
            return Rc::clone(known);
        }
        // From time to time those go that no instance has any more.
        if self.words.len().is_power_of_two() {
            self.words.retain(|words| Rc::strong_count(words) > 1);
        }
        self.words.insert(Rc::clone(&words));
        words
    }

    /// Some events change what is reported of an instance.
    pub fn note_event(&mut self, event: &LogEvent) {
        if let LogEvent::PriorityChanged { instance, .. }
        | LogEvent::MasterSetTo { instance, .. }
        | LogEvent::LowerPriority { instance, .. }
        | LogEvent::ConflictOver { instance, .. } = event
        {
            self.note(instance.clone());
        }
    }

    /// The host stood still.
    pub fn note_stall(&mut self, stall: &Stall) {
        self.stalls = self.stalls.saturating_add(1);
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.last_stall = Some(StallStatus {
            at_s: since_1970.as_secs(),
            what: stall.to_string(),
        });
        self.pace.note_change();
    }

    fn note(&mut self, instance: String) {
        if let News::Of(names) = &mut self.news {
            names.insert(instance);
        }
        self.pace.note_change();
    }

    /// The report that is due now, if one is.
    pub fn take_if_due(&mut self, now: Timestamp, node: &Node) -> Option<FromVrrp> {
        if self.timing_due <= now {
            self.timing_due = now + TIMING_INTERVAL;
            self.pace.note_change();
        }
        if !self.pace.take_if_due(now) {
            return None;
        }
        Some(match std::mem::replace(&mut self.news, News::Of(BTreeSet::new())) {
            News::Everything => self.whole(node),
            News::Of(names) => FromVrrp::Changed(VrrpChange {
                instances: node
                    .status_of(|name| names.contains(name))
                    .map(|instance| self.instance(instance))
                    .collect(),
                groups: groups(node),
                timing: self.timing(node),
            }),
        })
    }

    /// The whole state.
    pub fn whole(&self, node: &Node) -> FromVrrp {
        FromVrrp::Status(VrrpStatus {
            instances: node
                .status_of(|_| true)
                .map(|instance| self.instance(instance))
                .collect(),
            groups: groups(node),
            timing: self.timing(node),
        })
    }

    /// Why an instance is in its state, in words; empty while it is in its first one.
    pub fn reason_of(&self, instance: &str) -> String {
        self.reasons
            .get(instance)
            .map_or_else(String::new, |words| (**words).to_owned())
    }

    fn instance(&self, instance: MachineStatus) -> InstanceStatus {
        InstanceStatus {
            reason: self.reason_of(&instance.name),
            name: instance.name,
            state: instance.state.to_string(),
            vrid: instance.vrid,
            interface: instance.interface,
            base_priority: instance.base_priority,
            effective_priority: instance.effective_priority,
            master_address: instance.master_address,
            in_conflict: instance.in_conflict,
            conflicts: instance.conflicts,
        }
    }

    fn timing(&self, node: &Node) -> TimingStatus {
        TimingStatus {
            lateness: node.lateness(),
            stalls: self.stalls,
            last_stall: self.last_stall.clone(),
        }
    }
}

fn groups(node: &Node) -> Vec<GroupStatus> {
    node.group_status()
        .map(|group| GroupStatus {
            name: group.name,
            state: group.state.to_string(),
        })
        .collect()
}
