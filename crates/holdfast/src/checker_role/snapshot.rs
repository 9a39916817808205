//! What the process shows to those who ask.

use super::Driver;
use crate::snapshot::CheckerSnapshot;

impl Driver {
    /// Everything as it is now.
    #[expect(clippy::unused_async, reason = "there is nothing in it yet")]
    pub(super) async fn snapshot(&mut self) -> CheckerSnapshot {
        CheckerSnapshot {}
    }
}
