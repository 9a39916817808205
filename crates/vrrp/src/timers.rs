//! The timers of a node.

/// Stable for the life of an instance, also across reloads.
pub(crate) type InstanceId = u64;

/// What a deadline is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// Backup: the master is gone. Master: the next advertisement.
    Election,
    /// Second burst of announcements.
    SecondBurst,
    /// `garp_master_refresh`.
    Refresh,
    /// `garp_extra_if`.
    ExtraAnnouncement,
    /// The next advertisement of a second, worse master has not come.
    RivalSilent,
    /// No second master has been heard for so long that the conflict is over.
    ConflictOver,
    /// Addresses that others removed are put back.
    Restore,
    /// Routes and rules that are missing are put in again.
    RestoreRouting,
}

/// Whose deadline it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    /// End of the startup delay, of all instances.
    Start,
    /// A timer of one instance.
    Instance(InstanceId, Timer),
}
