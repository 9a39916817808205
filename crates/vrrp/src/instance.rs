//! One virtual router: its settings, what it remembers, and what it can do on its own.
//!
//! Whether it may change its state is not for it to decide alone, because members of a sync group move together: the
//! [`crate::node`] module does that.

mod addresses;
mod announcements;
mod authentication;
mod hearing;
mod receive;
mod routing;
mod send;
mod states;
mod times;

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use holdfast_time::{Duration, Timestamp};

use crate::action::{Action, Fault, NewMaster, NotifyState, State, Subject};
use crate::counters::Counters;
use crate::event::Adjustment;
use crate::facts::Standing;
use crate::messages::LogEvent;
use crate::outbox::Outbox;
use crate::settings::{Family, InstanceSettings, OWNER_PRIORITY, OldUnicastChecksum, Transmission, Version};
use crate::status::{InstanceStatus, MasterReason, ProtocolError};
use crate::timers::{InstanceId, Timer};

pub(crate) use addresses::Holding;
pub(crate) use hearing::Heard;
pub(crate) use routing::Routed;
pub(crate) use times::{Wait, WaitKind};

/// Priority of an owner that gives way to another owner.
const YIELDING_PRIORITY: u8 = 254;

/// The group of IPv4 as releases of keepalived before 1.3.6 summed it.
const GROUP_OF_OLD_CHECKSUM: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 18);

/// The master that a backup follows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KnownMaster {
    pub(crate) address: IpAddr,
    pub(crate) priority: u8,
}

/// One virtual router. There may be thousands, so what few of them need is boxed.
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "independent memories, not one state")]
pub(crate) struct Instance {
    pub(crate) id: InstanceId,
    pub(crate) settings: InstanceSettings,
    pub(crate) state: State,
    pub(crate) last_transition: Timestamp,
    pub(crate) counters: Counters,
    /// Everything that must be known about the interfaces is known.
    pub(crate) known: bool,
    /// What is tracked has not yet said whether the instance may take part.
    pub(crate) awaits_tracker: bool,
    /// It waited for a script before its first state.
    pub(crate) waited_for_script: bool,
    /// What a killed predecessor may have left in the kernel has been removed.
    pub(crate) leftovers_gone: bool,
    pub(crate) faults: Vec<Fault>,
    source: Option<IpAddr>,
    /// Sum of the weights of trackers.
    weight: i32,
    /// Effective priority.
    pub(crate) priority: u8,
    /// An owner that uses priority 254 because another owner does not give way.
    yielding: bool,
    /// Backup only: what the election timer counts.
    wait: Option<Wait>,
    /// Backup only: timed out, waiting for the rest of the group.
    pub(crate) wants_master: bool,
    /// Backup only: end of `preempt_delay`, once a master of lower priority has been heard.
    preempt_at: Option<Timestamp>,
    master: Option<KnownMaster>,
    /// Backup only: what was heard last came from a master that we need not accept.
    heard_worse: bool,
    /// When it last left INIT or FAULT.
    up_since: Option<Timestamp>,
    master_reason: MasterReason,
    protocol_error: ProtocolError,
    /// Interval of the master, learnt in version 3 (`Master_Adver_Interval` of RFC 5798).
    master_interval: Duration,
    /// The peers sum as keepalived before 1.3.6 did.
    old_unicast_checksum: bool,
    /// Messages of the next second burst.
    second_burst: u32,
    conflict: Option<Box<announcements::Conflict>>,
    /// Conflicts since the instance was first configured.
    conflicts: u64,
    /// Until when another owner may go on before we yield.
    owner_conflict_until: Option<Timestamp>,
    /// When the last advertisement left.
    last_sent: Option<Timestamp>,
    /// What was sent and heard with authentication.
    security: Option<Box<authentication::Memory>>,
    restore: Option<Box<addresses::Restore>>,
    routing: Option<Box<routing::Restore>>,
    /// Packets whose refusal was reported within the second that began then.
    refusals: (Timestamp, u8),
    /// Kinds of rejected packets that are in the log already.
    complaints: BTreeSet<&'static str>,
}

impl Instance {
    pub(crate) fn new(id: InstanceId, settings: InstanceSettings, now: Timestamp) -> Self {
        Self {
            id,
            state: State::Init,
            last_transition: now,
            counters: Counters::default(),
            known: false,
            awaits_tracker: false,
            waited_for_script: false,
            leftovers_gone: false,
            faults: Vec::new(),
            source: settings.source,
            weight: 0,
            priority: settings.priority,
            yielding: false,
            wait: None,
            wants_master: false,
            preempt_at: None,
            master: None,
            heard_worse: false,
            up_since: None,
            master_reason: MasterReason::default(),
            protocol_error: ProtocolError::default(),
            master_interval: settings.advert_interval,
            old_unicast_checksum: settings.old_unicast_checksum == OldUnicastChecksum::Always,
            second_burst: 0,
            conflict: None,
            conflicts: 0,
            owner_conflict_until: None,
            last_sent: None,
            security: None,
            restore: None,
            routing: None,
            refusals: (now, 0),
            complaints: BTreeSet::new(),
            settings,
        }
    }

    /// Goes on with other settings. True if anything changed.
    pub(crate) fn adopt(&mut self, settings: InstanceSettings, out: &mut Outbox) -> bool {
        if self.settings == settings {
            return false;
        }
        let old = std::mem::replace(&mut self.settings, settings);
        let settings = &self.settings;
        if old.preempt_delay != settings.preempt_delay {
            self.preempt_at = None;
        }
        if old.old_unicast_checksum != settings.old_unicast_checksum {
            self.old_unicast_checksum = settings.old_unicast_checksum == OldUnicastChecksum::Always;
        }
        if self.state != State::Backup {
            self.master_interval = settings.advert_interval;
        }
        self.yielding = false;
        self.complaints.clear();
        let interval_changed = old.advert_interval != self.settings.advert_interval;
        let refresh_changed = old.announce.refresh != self.settings.announce.refresh;
        let extra_changed = old.extra_announcements != self.settings.extra_announcements;
        self.update_priority(out);
        self.rearm_wait(out);
        if self.state == State::Master && interval_changed {
            out.set_after(self.id, Timer::Election, self.own_interval());
        }
        if self.state == State::Master && refresh_changed {
            self.plan_refresh(self.settings.announce.refresh, out);
        }
        if self.state == State::Master && extra_changed {
            self.plan_extra_announcement(out);
        }
        true
    }

    /// A manager changes it, until the next reload.
    pub(crate) fn adjust(&mut self, adjustment: Adjustment, out: &mut Outbox) {
        match adjustment {
            Adjustment::Priority(priority) => {
                if !self.settings.is_owner() && (1..=YIELDING_PRIORITY).contains(&priority) {
                    self.settings.priority = priority;
                    self.update_priority(out);
                }
            }
            Adjustment::Preempt(preempt) => {
                self.settings.preempt = preempt;
                self.preempt_at = None;
            }
        }
    }

    /// Takes notice of its interfaces and of what it tracks; faults that are new or gone are logged.
    pub(crate) fn set_standing(&mut self, standing: Standing, out: &mut Outbox) {
        let instance = || self.settings.name.clone();
        if standing.known {
            for fault in standing.faults.iter().filter(|fault| !self.faults.contains(fault)) {
                out.log(LogEvent::FaultFound {
                    instance: instance(),
                    fault: fault.clone(),
                });
            }
            for fault in self.faults.iter().filter(|fault| !standing.faults.contains(fault)) {
                out.log(LogEvent::FaultGone {
                    instance: instance(),
                    fault: fault.clone(),
                });
            }
        }
        // While something is unknown, faults are not counted and the last source stays.
        self.known = standing.known;
        self.awaits_tracker = standing.awaits_tracker;
        self.waited_for_script |= standing.known && standing.awaits_script && self.state == State::Init;
        if standing.known || self.state == State::Init {
            self.source = standing.source;
            self.faults = standing.faults;
        } else {
            self.source = standing.source.or(self.source);
        }
        self.weight = standing.weight;
        self.update_priority(out);
    }

    /// Brings the effective priority up to date; a waiting backup's timer moves with it.
    pub(crate) fn update_priority(&mut self, out: &mut Outbox) {
        let new = match (self.settings.is_owner(), self.yielding) {
            (true, true) => YIELDING_PRIORITY,
            (true, false) => OWNER_PRIORITY,
            (false, _) => {
                let total = i32::from(self.settings.priority).saturating_add(self.weight);
                u8::try_from(total.clamp(1, i32::from(YIELDING_PRIORITY))).unwrap_or(YIELDING_PRIORITY)
            }
        };
        let old = std::mem::replace(&mut self.priority, new);
        if old == new {
            return;
        }
        if self.state != State::Init {
            out.log(LogEvent::PriorityChanged {
                instance: self.settings.name.clone(),
                from: old,
                to: new,
            });
        }
        match self.state {
            State::Master if self.settings.notify_priority_changes => self.notify(NotifyState::MasterPriority, out),
            State::Backup if self.settings.notify_priority_changes => self.notify(NotifyState::BackupPriority, out),
            _ => {}
        }
        self.rearm_wait(out);
    }

    pub(crate) fn notify(&self, state: NotifyState, out: &mut Outbox) {
        let (name, priority) = (self.settings.name.clone(), self.priority);
        let new_master = (state == NotifyState::Master).then_some(NewMaster {
            source: self.source,
            reason: self.master_reason,
        });
        out.push(Action::Notify {
            subject: Subject::Instance,
            name,
            state,
            priority,
            new_master,
        });
    }

    fn is_unicast(&self) -> bool {
        matches!(self.settings.transmission, Transmission::Unicast { .. })
    }

    /// The only case in which keepalived before 1.3.6 summed differently.
    fn may_use_old_unicast_checksum(&self) -> bool {
        self.settings.version == Version::V3 && self.settings.family == Family::Ipv4 && self.is_unicast()
    }

    /// Starts as master without an election, and returns to it from FAULT.
    pub(crate) fn is_master_by_right(&self) -> bool {
        self.settings.is_owner() && self.settings.initial_state == crate::settings::InitialState::Master
    }

    pub(crate) fn status(&self) -> InstanceStatus {
        let settings = &self.settings;
        let is_master = self.state == State::Master;
        InstanceStatus {
            name: settings.name.clone(),
            interface: settings.interface.clone(),
            vrid: settings.vrid,
            family: settings.family,
            state: self.state,
            wants_master: self.wants_master,
            base_priority: settings.priority,
            effective_priority: self.priority,
            master_address: if is_master {
                self.source
            } else {
                self.master.map(|master| master.address)
            },
            master_priority: self.master.map_or(0, |master| master.priority),
            master_advert_interval: self.master_interval,
            last_transition: self.last_transition,
            faults: self.faults.clone(),
            holds_addresses: is_master,
            in_conflict: self.conflict.is_some(),
            conflicts: self.conflicts,
            counters: self.counters,
            source: self.source,
            preempt: settings.preempt,
            total_priority: i32::from(settings.priority).saturating_add(self.weight),
            master_down_interval: self.master_down(),
            up_since: self.up_since,
            master_reason: self.master_reason,
            protocol_error: self.protocol_error,
            old_unicast_checksum: self.old_unicast_checksum,
            missing_routing: self.missing_routing(),
        }
    }
}
