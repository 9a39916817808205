//! The one alarm of a driver.

use holdfast_time::Timestamp;

use crate::error::NetError;

/// An alarm on the kernel's monotonic clock, exact to some ten microseconds where the runtime's own timers count whole
/// milliseconds and round up. One is enough: it is armed for the earliest deadline of all.
#[derive(Debug)]
pub struct DeadlineTimer {}

impl DeadlineTimer {
    /// Makes a timer that is not armed. Must be called within a runtime.
    pub fn new() -> Result<Self, NetError> {
        todo!()
    }

    /// Nanoseconds of the kernel's monotonic clock. A driver reads it once per turn.
    pub fn now() -> Timestamp {
        todo!()
    }

    /// Sets the alarm to `deadline` (at once if it has passed), or switches it off. Replaces what was set before, also an alarm
    /// that has gone off but was not waited for.
    pub fn arm(&self, deadline: Option<Timestamp>) -> Result<(), NetError> {
        let _ = deadline;
        todo!()
    }

    /// Waits until the alarm goes off; forever if it is off. Never returns before the deadline. Cancel safe.
    pub async fn wait(&self) -> Result<(), NetError> {
        todo!()
    }
}
