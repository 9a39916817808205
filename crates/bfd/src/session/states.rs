//! The states: RFC 5880 section 6.2 and the table in section 6.8.6.

use super::{Remote, Session};
use crate::action::{Action, DownReason};
use crate::event::DisableCause;
use crate::messages::LogEvent;
use crate::outbox::Outbox;
use crate::packet::{Diagnostic, State};

/// A state to enter, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Move {
    Init,
    Up,
    Down(DownReason),
    AdminDown(DisableCause),
    /// Out of `AdminDown`.
    Enable,
}

impl Move {
    const fn state(self) -> State {
        match self {
            Self::Init => State::Init,
            Self::Up => State::Up,
            Self::Down(_) | Self::Enable => State::Down,
            Self::AdminDown(_) => State::AdminDown,
        }
    }

    /// `bfd.LocalDiag` afterwards. The reason of a failure is told until the session is up again.
    const fn diagnostic(self, before: Diagnostic) -> Diagnostic {
        match self {
            Self::Init => before,
            Self::Up | Self::Enable => Diagnostic::None,
            Self::Down(reason) => reason.diagnostic(),
            Self::AdminDown(cause) => cause.diagnostic(),
        }
    }
}

impl DownReason {
    /// What the neighbor is told in this case (RFC 5880 sections 6.8.4, 6.8.6 and 6.8.16).
    pub const fn diagnostic(self) -> Diagnostic {
        match self {
            Self::DetectionTimeExpired => Diagnostic::ControlDetectionTimeExpired,
            Self::NeighborDown { .. } | Self::NeighborAdminDown => Diagnostic::NeighborSignaledSessionDown,
            Self::Disabled(cause) => cause.diagnostic(),
            Self::Removed => Diagnostic::AdministrativelyDown,
        }
    }
}

/// What a packet does to the state; `None`: nothing.
fn next(state: State, remote: &Remote) -> Option<Move> {
    let neighbor_down = DownReason::NeighborDown {
        diagnostic: remote.diagnostic,
    };
    match (state, remote.state) {
        (State::Init | State::Up, State::AdminDown) => Some(Move::Down(DownReason::NeighborAdminDown)),
        (State::Down, State::Down) => Some(Move::Init),
        (State::Down, State::Init) | (State::Init, State::Init | State::Up) => Some(Move::Up),
        (State::Up, State::Down) => Some(Move::Down(neighbor_down)),
        (State::AdminDown, _)
        | (State::Down, State::AdminDown | State::Up)
        | (State::Init, State::Down)
        | (State::Up, State::Init | State::Up) => None,
    }
}

impl Session {
    /// The move that the neighbor's last packet leads to.
    pub(super) fn next_move(&self) -> Option<Move> {
        next(self.state, self.remote.as_ref()?)
    }

    /// Carries out a move: leaves the state, enters the other one, and returns what is to be reported once the neighbor
    /// has been told.
    #[must_use]
    pub(super) fn carry_out(&mut self, step: Move, out: &mut Outbox) -> Vec<Action> {
        let left = self.leave(step);
        self.state = step.state();
        self.diagnostic = step.diagnostic(self.diagnostic);
        self.last_transition = out.now;
        self.logged.clear();
        self.negotiate(out);
        left.into_iter().chain(self.enter(step)).collect()
    }

    fn leave(&mut self, step: Move) -> Option<Action> {
        if self.state != State::Up {
            return None;
        }
        self.counters.times_down = self.counters.times_down.saturating_add(1);
        match step {
            Move::Down(reason) => Some(self.down_report(reason)),
            Move::AdminDown(cause) => Some(self.down_report(DownReason::Disabled(cause))),
            Move::Init | Move::Up | Move::Enable => None,
        }
    }

    fn enter(&mut self, step: Move) -> Vec<Action> {
        let instance = self.settings.name.clone();
        match step {
            Move::Init => Vec::new(),
            Move::Up => {
                self.counters.times_up = self.counters.times_up.saturating_add(1);
                vec![Action::Log(LogEvent::EnteringUp { instance }), self.up_report()]
            }
            Move::Down(_) | Move::Enable => vec![Action::Log(LogEvent::EnteringDown {
                instance,
                local: self.diagnostic,
                remote: self.remote_diagnostic(),
            })],
            Move::AdminDown(cause) => vec![Action::Log(LogEvent::EnteringAdminDown { instance, cause })],
        }
    }

    fn down_report(&self, reason: DownReason) -> Action {
        Action::SessionDown {
            instance: self.settings.name.clone(),
            audience: self.settings.audience,
            diagnostic: reason.diagnostic(),
            reason,
        }
    }

    /// Carries out a move that no packet asked for, and tells the neighbor.
    fn carry_out_and_tell(&mut self, step: Move, out: &mut Outbox) {
        let reports = self.carry_out(step, out);
        self.transmit(out);
        out.actions.extend(reports);
    }

    /// The neighbor was silent for the detection time.
    pub(crate) fn detection_time_over(&mut self, out: &mut Outbox) {
        let (Some(after), Some(remote)) = (self.detection_time(), self.remote) else {
            return;
        };
        self.counters.detection_time_expired = self.counters.detection_time_expired.saturating_add(1);
        let reports = matches!(self.state, State::Init | State::Up).then(|| {
            out.log(LogEvent::Expired {
                instance: self.settings.name.clone(),
                after,
                overdue: out.now.since(remote.heard_at + after),
            });
            self.carry_out(Move::Down(DownReason::DetectionTimeExpired), out)
        });
        // RFC 5880 section 6.8.1: from now on our packets carry no discriminator of the neighbor.
        self.remote = None;
        if let Some(reports) = reports {
            self.transmit(out);
            out.actions.extend(reports);
        }
        self.schedule(out);
    }

    /// Takes the session out of service.
    pub(crate) fn disable(&mut self, cause: DisableCause, out: &mut Outbox) {
        if self.state != State::AdminDown {
            self.carry_out_and_tell(Move::AdminDown(cause), out);
            self.schedule(out);
        }
    }

    /// Puts a disabled session back to work.
    pub(crate) fn enable(&mut self, out: &mut Outbox) {
        if self.state == State::AdminDown {
            self.carry_out_and_tell(Move::Enable, out);
            self.schedule(out);
        }
    }

    /// The session is no longer configured. As with keepalived nothing is sent.
    pub(crate) fn remove(&mut self, out: &mut Outbox) {
        if self.state == State::Up {
            out.push(self.down_report(DownReason::Removed));
        }
        self.clear_deadlines(out);
    }
}
