//! Leaving a state and entering a state. Each function is about one state and knows nothing of the other one.

use super::{Instance, WaitKind};
use crate::action::{Action, NotifyState, Reason, State};
use crate::messages::LogEvent;
use crate::outbox::Outbox;
use crate::status::MasterReason;
use crate::timers::Timer;

impl Instance {
    /// Ends all that belongs to the present state. The addresses are the caller's business: they go in one batch.
    pub(crate) fn leave(&mut self, out: &mut Outbox) {
        match self.state {
            State::Master => self.leave_master(out),
            State::Backup => self.leave_backup(),
            State::Init | State::Fault | State::Deleted | State::Stopped => {}
        }
        out.clear(self.id, Timer::Election);
    }

    fn leave_master(&mut self, out: &mut Outbox) {
        self.counters.release_master += 1;
        self.second_burst = 0;
        self.conflict = None;
        self.owner_conflict_until = None;
        for timer in [
            Timer::SecondBurst,
            Timer::Refresh,
            Timer::ExtraAnnouncement,
            Timer::RivalSilent,
            Timer::ConflictOver,
        ] {
            out.clear(self.id, timer);
        }
        self.forget_lost_addresses(out);
        self.forget_missing_routing(out);
    }

    fn leave_backup(&mut self) {
        self.wants_master = false;
        self.preempt_at = None;
        self.end_wait();
    }

    /// Enters a state at `out.now`. A new master's advertisement is the first thing it does.
    pub(crate) fn enter(&mut self, state: State, out: &mut Outbox) {
        let from = std::mem::replace(&mut self.state, state);
        self.last_transition = out.now;
        self.complaints.clear();
        match state {
            State::Master | State::Backup => {
                self.up_since.get_or_insert(out.now);
            }
            State::Init | State::Fault | State::Deleted | State::Stopped => self.up_since = None,
        }
        match state {
            State::Master => self.enter_master(out),
            State::Backup => self.enter_backup(from, out),
            State::Init | State::Fault | State::Deleted | State::Stopped => self.master = None,
        }
    }

    fn enter_master(&mut self, out: &mut Outbox) {
        self.counters.become_master += 1;
        self.master = None;
        self.master_interval = self.settings.advert_interval;
        self.send_advertisement(self.priority, out);
        out.set_after(self.id, Timer::Election, self.own_interval());
    }

    fn enter_backup(&mut self, from: State, out: &mut Outbox) {
        self.heard_worse = false;
        if from != State::Master {
            self.master = None;
            self.master_interval = self.settings.advert_interval;
        }
        self.wait_for(WaitKind::MasterDown, out);
    }

    /// Reports that the state was entered.
    pub(crate) fn report(&mut self, from: State, reason: Reason, out: &mut Outbox) {
        if self.state == State::Master {
            self.master_reason = MasterReason::of(&reason);
        }
        let instance = || self.settings.name.clone();
        out.push(Action::Transition {
            instance: instance(),
            vrid: self.settings.vrid,
            from,
            to: self.state,
            reason,
            priority: self.priority,
        });
        match self.state {
            State::Master => {
                out.log(LogEvent::EnteringMaster { instance: instance() });
                self.notify(NotifyState::Master, out);
            }
            State::Backup => {
                let at_start = from == State::Init;
                out.log(LogEvent::EnteringBackup {
                    instance: instance(),
                    at_start,
                });
                self.notify(NotifyState::Backup, out);
            }
            State::Fault => {
                out.log(LogEvent::EnteringFault { instance: instance() });
                self.notify(NotifyState::Fault, out);
            }
            State::Stopped => self.notify(NotifyState::Stop, out),
            State::Deleted if self.settings.notify_deleted => self.notify(NotifyState::Deleted, out),
            State::Deleted if from != State::Fault => self.notify(NotifyState::Fault, out),
            State::Deleted | State::Init => {}
        }
    }
}
