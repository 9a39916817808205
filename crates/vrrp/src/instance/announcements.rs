//! When the neighbours are told who holds the addresses, and what happens while two masters are heard.

use std::net::IpAddr;

use holdfast_time::{Duration, Timestamp};

use super::{Heard, Instance};
use crate::action::{Action, NotifyState, State};
use crate::messages::LogEvent;
use crate::outbox::Outbox;
use crate::timers::Timer;

/// Time from one burst of a lasting conflict to the next; doubles each time.
const FIRST_CONFLICT_DELAY: Duration = Duration::from_secs(1);
const LONGEST_CONFLICT_DELAY: Duration = Duration::from_mins(1);

/// Worse masters that are remembered during a conflict: more at a time are hardly to be found.
const MOST_RIVALS: usize = 8;
/// Bursts because one rival may have said its last word or has fallen silent, from one burst of a lasting conflict to the next.
const MOST_DOUBTS: u8 = 4;

/// Another master is heard, and we are the better one.
#[derive(Clone, Debug)]
pub(super) struct Conflict {
    from: IpAddr,
    rivals: Vec<Rival>,
    since: Timestamp,
    last_heard: Timestamp,
    next_burst: Timestamp,
    delay: Duration,
    /// The neighbours have been told since the last rival was heard.
    announced_in_silence: bool,
}

/// A worse master, and what we did about it.
#[derive(Clone, Debug)]
struct Rival {
    address: IpAddr,
    heard: Timestamp,
    doubts: u8,
}

impl Rival {
    fn may_doubt(&mut self) -> bool {
        let may = self.doubts < MOST_DOUBTS;
        self.doubts = self.doubts.saturating_add(u8::from(may));
        may
    }
}

impl Conflict {
    fn new(from: IpAddr, now: Timestamp) -> Self {
        Self {
            from,
            rivals: Vec::new(),
            since: now,
            last_heard: now,
            next_burst: now,
            delay: FIRST_CONFLICT_DELAY,
            announced_in_silence: false,
        }
    }

    /// Whether an advertisement may be the last word of a master that gives way, which may have announced itself after we did:
    /// - the sender's first one: if there is a third master, it may give way to that one;
    /// - one out of turn, much sooner after the last one than the sender's interval: an answer;
    /// - where worse masters get no answer, so that they go on until our next advertisement: the first one after that. It may
    ///   be due just then.
    fn is_last_word(&mut self, from: IpAddr, now: Timestamp, interval: Duration, spoken: Option<Timestamp>) -> bool {
        let Some(rival) = self.rivals.iter_mut().find(|rival| rival.address == from) else {
            let is_known = self.rivals.len() < MOST_RIVALS;
            if is_known {
                self.rivals.push(Rival {
                    address: from,
                    heard: now,
                    doubts: 1,
                });
            }
            return is_known;
        };
        let before = std::mem::replace(&mut rival.heard, now);
        let is_early = now.since(before) < interval / 2;
        let has_heard_us = spoken.is_some_and(|spoken| spoken >= before);
        (is_early || has_heard_us) && rival.may_doubt()
    }

    fn burst(&mut self, now: Timestamp) {
        for rival in &mut self.rivals {
            rival.doubts = 0;
        }
        self.next_burst = now + self.delay;
        self.delay = self.delay.saturating_mul(2).min(LONGEST_CONFLICT_DELAY);
    }
}

impl Instance {
    /// First burst of a new master, and the timers of those to come.
    pub(crate) fn announce_as_new_master(&mut self, out: &mut Outbox) {
        let announce = self.settings.announce;
        self.announce(self.holdings(), announce.master_repeat, out);
        self.plan_second_burst(announce.master_repeat, announce.master_delay, out);
        self.plan_refresh(announce.master_delay.saturating_add(announce.refresh), out);
        self.plan_extra_announcement(out);
    }

    /// Announces again, because the neighbours may have heard another master.
    pub(crate) fn announce_in_conflict(&mut self, out: &mut Outbox) {
        let announce = self.settings.announce;
        self.announce(self.holdings(), announce.lower_prio_repeat, out);
        if announce.lower_prio_repeat > 0 {
            self.plan_second_burst(announce.lower_prio_repeat, announce.lower_prio_delay, out);
        }
    }

    /// Back from a fault, a unicast instance tells the neighbours where its own address is: peers may hold a stale entry.
    pub(crate) fn announce_source(&self, out: &mut Outbox) {
        if let (true, Some(source)) = (self.is_unicast(), self.source) {
            let (instance, interface) = (self.settings.name.clone(), self.settings.interface.clone());
            out.push(Action::Announce {
                instance,
                interface,
                addresses: vec![source],
                count: 1,
            });
        }
    }

    /// Somebody asked for it: once, if there is anything to tell.
    pub(crate) fn announce_on_request(&self, out: &mut Outbox) {
        if self.state == State::Master {
            self.announce(self.holdings(), 1, out);
        }
    }

    pub(crate) fn second_burst(&mut self, out: &mut Outbox) {
        let count = std::mem::take(&mut self.second_burst);
        self.announce(self.holdings(), count, out);
    }

    pub(crate) fn refresh_announcements(&mut self, out: &mut Outbox) {
        self.announce(self.holdings(), self.settings.announce.refresh_repeat, out);
        self.plan_refresh(self.settings.announce.refresh, out);
    }

    pub(crate) fn plan_refresh(&self, first: Duration, out: &mut Outbox) {
        if self.settings.announce.refresh.is_zero() {
            out.clear(self.id, Timer::Refresh);
        } else {
            out.set_after(self.id, Timer::Refresh, first);
        }
    }

    /// `garp_extra_if`: no adverts leave these interfaces, so switches would forget where their hardware address is.
    pub(crate) fn announce_extra(&self, out: &mut Outbox) {
        let extra = self
            .settings
            .held_addresses()
            .map(|held| self.settings.is_announced_extra(held));
        let holdings = self.holdings().zip(extra).filter(|(_, extra)| *extra);
        self.announce(holdings.map(|(holding, _)| holding), 1, out);
        self.plan_extra_announcement(out);
    }

    pub(crate) fn plan_extra_announcement(&self, out: &mut Outbox) {
        match &self.settings.extra_announcements {
            Some(extra) if !extra.interval.is_zero() && !extra.interfaces.is_empty() => {
                out.set_after(self.id, Timer::ExtraAnnouncement, extra.interval);
            }
            _ => out.clear(self.id, Timer::ExtraAnnouncement),
        }
    }

    fn plan_second_burst(&mut self, count: u32, delay: Duration, out: &mut Outbox) {
        if !delay.is_zero() {
            self.second_burst = self.second_burst.max(count);
            out.set_after(self.id, Timer::SecondBurst, delay);
        }
    }

    /// A worse master was heard. Bursts of announcements are due at first, then with growing gaps while it lasts.
    pub(super) fn conflict_heard(&mut self, from: IpAddr, priority: u8, theirs: Duration, out: &mut Outbox) -> Heard {
        let now = out.now;
        if self.conflict.is_none() {
            self.conflicts = self.conflicts.saturating_add(1);
        }
        let new = || Box::new(Conflict::new(from, now));
        let mut conflict = self.conflict.take().unwrap_or_else(new);
        conflict.from = from;
        conflict.last_heard = now;
        conflict.announced_in_silence = false;
        let spoken = self.last_sent.filter(|_| self.settings.lower_prio_no_advert);
        let is_last_word = conflict.is_last_word(from, now, theirs, spoken);
        let burst_due = now >= conflict.next_burst;
        if burst_due {
            conflict.burst(now);
            let (instance, ours) = (self.settings.name.clone(), self.priority);
            out.log(LogEvent::LowerPriority {
                instance,
                from,
                priority,
                ours,
            });
            self.notify(NotifyState::MasterRxLowerPri, out);
        }
        self.conflict = Some(conflict);
        let missed = u32::from(self.settings.down_timer_adverts.max(1));
        let silence = self.own_interval().max(theirs).saturating_mul(missed);
        out.set_after(self.id, Timer::ConflictOver, silence);
        out.set_after(self.id, Timer::RivalSilent, theirs.saturating_mul(5) / 4);
        if burst_due || is_last_word {
            Heard::AnnounceAgain
        } else {
            Heard::GoOn
        }
    }

    /// The next advertisement of the other master has not come: it has given way without a word, and may have announced itself
    /// before. True if the neighbours are to be told.
    pub(crate) fn is_rival_silent(&mut self) -> bool {
        let Some(conflict) = &mut self.conflict else {
            return false;
        };
        let from = conflict.from;
        let mut rivals = conflict.rivals.iter_mut();
        conflict.announced_in_silence = rivals.any(|rival| rival.address == from && rival.may_doubt());
        conflict.announced_in_silence
    }

    /// The other master has been silent long enough. True if the neighbours are to be told.
    pub(crate) fn end_conflict(&mut self, out: &mut Outbox) -> bool {
        self.owner_conflict_until = None;
        out.clear(self.id, Timer::RivalSilent);
        let Some(conflict) = self.conflict.take() else {
            return false;
        };
        let lasted = conflict.last_heard.since(conflict.since);
        out.log(LogEvent::ConflictOver {
            instance: self.settings.name.clone(),
            from: conflict.from,
            lasted,
        });
        !conflict.announced_in_silence
    }
}
