//! How long a backup waits (RFC 3768 section 6.1, RFC 9568 section 6.1).

use holdfast_time::{Duration, Timestamp};

use super::Instance;
use crate::action::State;
use crate::outbox::Outbox;
use crate::settings::{OWNER_PRIORITY, Version};
use crate::timers::{Key, Timer};

/// No interval is shorter than what a packet can say; keeps a broken setting from spinning.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(10);

/// What `timer_expired_backup` takes the others to miss; their `down_timer_adverts` is not known here.
const ADVERTS_UNTIL_TAKEOVER: u32 = 3;

/// A wait remembers when it began and what it is, so that its end moves with the priority and the settings.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wait {
    pub(crate) since: Timestamp,
    pub(crate) kind: WaitKind,
    /// It does not end before this, whatever its length.
    pub(crate) earliest_end: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WaitKind {
    /// `Master_Down_Interval`.
    MasterDown,
    /// `Skew_Time`: the master resigned.
    Skew,
}

impl Instance {
    pub(crate) fn own_interval(&self) -> Duration {
        self.settings.advert_interval.max(SHORTEST_INTERVAL)
    }

    /// `Master_Adver_Interval`; version 2 has one interval for all.
    pub(crate) fn master_interval(&self) -> Duration {
        match self.settings.version {
            Version::V2 => self.own_interval(),
            Version::V3 => self.master_interval.max(SHORTEST_INTERVAL),
        }
    }

    /// `Skew_Time`: version 2 (256 - priority) / 256 seconds, version 3 as much of the master's interval.
    pub(crate) fn skew(&self) -> Duration {
        let priority = if self.settings.is_owner() {
            OWNER_PRIORITY
        } else {
            self.priority
        };
        self.skew_of(priority, self.master_interval())
    }

    fn skew_of(&self, priority: u8, interval: Duration) -> Duration {
        let unit = match self.settings.version {
            Version::V2 => Duration::from_secs(1),
            Version::V3 => interval,
        };
        unit.saturating_mul(256 - u32::from(priority)) / 256
    }

    /// `Master_Down_Interval`.
    pub(crate) fn master_down(&self) -> Duration {
        let missed = u32::from(self.settings.down_timer_adverts.max(1));
        self.master_interval()
            .saturating_mul(missed)
            .saturating_add(self.skew())
    }

    fn length_of(&self, kind: WaitKind) -> Duration {
        match kind {
            WaitKind::MasterDown => self.master_down(),
            WaitKind::Skew => self.skew(),
        }
    }

    /// Waits from now on for the master to be gone.
    pub(crate) fn wait_for(&mut self, kind: WaitKind, out: &mut Outbox) {
        self.wants_master = false;
        self.wait = Some(Wait {
            since: out.now,
            kind,
            earliest_end: Timestamp::ZERO,
        });
        self.rearm_wait(out);
    }

    /// Moves the end of a running wait to where the present settings put it.
    pub(crate) fn rearm_wait(&mut self, out: &mut Outbox) {
        if let (State::Backup, Some(wait)) = (self.state, self.wait) {
            let key = Key::Instance(self.id, Timer::Election);
            let end = wait.since + self.length_of(wait.kind);
            out.deadlines.set(key, end.max(wait.earliest_end));
        }
    }

    /// After a stall in which an advertisement of the master may have been lost unheard, its silence counts only when one more
    /// interval has passed without a word. The skew keeps the order in which backups take over.
    pub(crate) fn listen_once_more(&mut self, stalled: Duration, out: &mut Outbox) {
        let interval = self.master_interval();
        let earliest = out.now + interval.saturating_add(self.skew());
        if stalled < interval || self.master.is_none() {
            return;
        }
        if let Some(wait) = self.wait.as_mut().filter(|wait| wait.kind == WaitKind::MasterDown) {
            wait.earliest_end = earliest;
            self.rearm_wait(out);
        }
    }

    /// Whether this master has been silent for so long that the best other router has become master (`timer_expired_backup`).
    /// Only a machine that stood still has.
    pub(crate) fn is_unheard(&self, out: &Outbox) -> bool {
        let Some(priority) = self
            .settings
            .timer_expired_backup
            .filter(|_| self.state == State::Master)
        else {
            return false;
        };
        let interval = self.own_interval();
        let skew = self.skew_of(priority, interval);
        let silence = interval.saturating_mul(ADVERTS_UNTIL_TAKEOVER).saturating_add(skew);
        self.last_sent.is_some_and(|sent| out.now.since(sent) >= silence)
    }

    /// Ends the wait and says what it was.
    pub(crate) fn end_wait(&mut self) -> Option<WaitKind> {
        self.wait.take().map(|wait| wait.kind)
    }

    /// Sets the next advertisement on the grid that the last due time belongs to. After a stall the missed ones are passed
    /// over: a burst of old news helps nobody.
    pub(crate) fn schedule_advertisement(&self, last_due: Timestamp, out: &mut Outbox) {
        let interval = self.own_interval();
        let mut next = last_due + interval;
        if next <= out.now {
            let missed = out.now.since(last_due).as_nanos() / interval.as_nanos().max(1);
            let missed = u32::try_from(missed).unwrap_or(u32::MAX).saturating_add(1);
            next = last_due + interval.saturating_mul(missed);
        }
        out.deadlines.set(
            Key::Instance(self.id, Timer::Election),
            next.max(out.now + Duration::from_nanos(1)),
        );
    }
}
