//! The rules of RFC 3768 and RFC 9568 sections 6.4.2 and 6.4.3 for an advertisement received.

use std::cmp::Ordering;
use std::net::IpAddr;

use holdfast_time::Timestamp;

use super::{Instance, KnownMaster, WaitKind};
use crate::action::Reason;
use crate::messages::LogEvent;
use crate::outbox::Outbox;
use crate::packet::Advertisement;
use crate::settings::{OWNER_PRIORITY, Version};
use crate::timers::Timer;

/// What an advertisement means for a master, beyond what the instance has done about it itself.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// Go on.
    GoOn,
    /// The neighbours must be told once more, for the whole sync group.
    AnnounceAgain,
    /// The sender is better.
    GiveWay(Reason),
}

impl Instance {
    /// A backup hears an advertisement.
    pub(crate) fn hear_as_backup(&mut self, advertisement: &Advertisement, from: IpAddr, out: &mut Outbox) {
        if advertisement.priority == 0 {
            out.log(LogEvent::BackupPriorityZero {
                instance: self.settings.name.clone(),
            });
            self.heard_worse = false;
            self.wait_for(WaitKind::Skew, out);
        } else if self.accepts(advertisement.priority, out) {
            self.heard_worse = false;
            self.follow(advertisement, from, out);
            self.wait_for(WaitKind::MasterDown, out);
        } else {
            self.heard_worse = true;
        }
    }

    /// Whether a master of this priority may go on. If not, its advertisements do not restart the wait, and we take over.
    fn accepts(&mut self, priority: u8, out: &Outbox) -> bool {
        if priority >= self.priority {
            self.preempt_at = None;
            return true;
        }
        if !self.settings.preempt {
            return true;
        }
        if self.settings.preempt_delay.is_zero() {
            return false;
        }
        let preempt_at = *self.preempt_at.get_or_insert(out.now + self.settings.preempt_delay);
        out.now < preempt_at
    }

    fn follow(&mut self, advertisement: &Advertisement, from: IpAddr, out: &mut Outbox) {
        if advertisement.version == Version::V3 {
            self.master_interval = advertisement.interval;
        }
        let before = self.master.replace(KnownMaster {
            address: from,
            priority: advertisement.priority,
        });
        if before.is_none_or(|before| before.address != from) {
            self.complaints.clear();
            out.log(LogEvent::MasterSetTo {
                instance: self.settings.name.clone(),
                address: from,
            });
        }
    }

    /// A master hears an advertisement.
    pub(crate) fn hear_as_master(&mut self, advertisement: &Advertisement, from: IpAddr, out: &mut Outbox) -> Heard {
        let Some(source) = self.source else { return Heard::GoOn };
        let instance = self.settings.name.clone();
        let priority = advertisement.priority;
        if priority == 0 {
            out.log(LogEvent::MasterPriorityZero { instance, from });
            self.send_advertisement(self.priority, out);
            out.set_after(self.id, Timer::Election, self.own_interval());
            return Heard::GoOn;
        }
        match (priority.cmp(&self.priority), from.cmp(&source)) {
            (Ordering::Greater, _) => {
                out.log(LogEvent::HigherPriority {
                    instance,
                    from,
                    priority,
                    ours: self.priority,
                });
                self.give_way(advertisement, from, out);
                Heard::GiveWay(Reason::HigherPriority { from, priority })
            }
            (Ordering::Equal, Ordering::Greater) => {
                out.log(LogEvent::HigherAddress {
                    instance,
                    from,
                    priority,
                });
                self.give_way(advertisement, from, out);
                Heard::GiveWay(Reason::HigherAddress { from })
            }
            (Ordering::Equal, Ordering::Equal) => {
                if self.complaints.insert("same address") {
                    out.log(LogEvent::SameAddress {
                        instance,
                        from,
                        priority,
                    });
                }
                Heard::GoOn
            }
            (Ordering::Equal, Ordering::Less) if priority == OWNER_PRIORITY => {
                self.hear_other_owner(advertisement, from, out)
            }
            (Ordering::Less, _) | (Ordering::Equal, Ordering::Less) => self.hear_worse(advertisement, from, out),
        }
    }

    /// One last advertisement tells the better master that there were two, so that it announces its addresses again.
    fn give_way(&mut self, advertisement: &Advertisement, from: IpAddr, out: &mut Outbox) {
        if self.settings.higher_prio_send_advert {
            self.send_last_word(advertisement.interval, out);
        }
        self.follow(advertisement, from, out);
    }

    fn hear_worse(&mut self, advertisement: &Advertisement, from: IpAddr, out: &mut Outbox) -> Heard {
        if !self.settings.lower_prio_no_advert {
            self.send_advertisement(self.priority, out);
        }
        // The last word of a master that we have just relieved is no conflict, but its neighbours may have heard it.
        if out.now.since(self.last_transition) < self.own_interval() {
            return Heard::AnnounceAgain;
        }
        self.conflict_heard(from, advertisement.priority, advertisement.interval, out)
    }

    /// Two owners is a mistake in the configuration. The one with the higher address insists twice, then waits a little; if
    /// the other still goes on, it cannot hear us or does not care: better one master with priority 254 than two.
    fn hear_other_owner(&mut self, advertisement: &Advertisement, from: IpAddr, out: &mut Outbox) -> Heard {
        let instance = self.settings.name.clone();
        let interval = self.own_interval().max(advertisement.interval);
        match self.owner_conflict_until {
            None => {
                out.log(LogEvent::OwnerConflict { instance, from });
                self.owner_conflict_until = Some(out.now + interval.saturating_mul(6) / 5);
                self.send_advertisement(self.priority, out);
                self.send_advertisement(self.priority, out);
                self.conflict_heard(from, advertisement.priority, advertisement.interval, out)
            }
            Some(until) if out.now < until => Heard::GoOn,
            Some(_) => {
                out.log(LogEvent::OwnerYields { instance, from });
                self.yielding = true;
                self.update_priority(out);
                self.give_way(advertisement, from, out);
                Heard::GiveWay(Reason::HigherPriority {
                    from,
                    priority: advertisement.priority,
                })
            }
        }
    }

    /// The election timer of a backup has run out: it wants to be master. What made it wait tells the reason.
    pub(crate) fn hear_nothing(&mut self, out: &mut Outbox) -> Option<Reason> {
        let kind = self.end_wait()?;
        out.log(LogEvent::AdvertisementTimeout {
            instance: self.settings.name.clone(),
        });
        self.wants_master = true;
        if self.yielding {
            self.yielding = false;
            self.update_priority(out);
        }
        Some(match kind {
            WaitKind::Skew => Reason::MasterResigned,
            WaitKind::MasterDown if self.heard_worse => Reason::WorseMaster,
            WaitKind::MasterDown => Reason::MasterSilent,
        })
    }

    /// The advertisement timer of a master has come: `due` is where it was on the grid.
    pub(crate) fn advertise(&mut self, due: Timestamp, out: &mut Outbox) {
        self.send_advertisement(self.priority, out);
        self.schedule_advertisement(due, out);
    }

    /// A deadline delivered late by more than an interval means that this machine stalled.
    pub(crate) fn check_lateness(&self, due: Timestamp, out: &mut Outbox) {
        let late = out.now.since(due);
        if late > self.own_interval() {
            out.log(LogEvent::TimerLate {
                instance: self.settings.name.clone(),
                late,
            });
        }
    }
}
