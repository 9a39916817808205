//! The timers of a session.

/// Stable for the life of a session, also across reloads.
pub(crate) type SessionId = u64;

/// What a deadline is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// The neighbor has been silent for the detection time.
    Detection,
    /// The next regular packet.
    Transmission,
}

/// Whose deadline it is, and what for.
pub(crate) type Key = (SessionId, Timer);
