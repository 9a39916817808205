//! How far a probe came, for the reason when time runs out.

use std::future::Future;
use std::time::Duration;

use holdfast_health::probe::{Failure, Phase, Verdict};
use tokio::time::timeout;

/// The phase of a probe, and whether the server has said anything.
#[derive(Debug)]
pub(crate) struct Progress {
    phase: Phase,
    received: bool,
}

impl Default for Progress {
    fn default() -> Self {
        Self {
            phase: Phase::Connecting,
            received: false,
        }
    }
}

impl Progress {
    /// Does one thing within a phase, in at most `limit`.
    pub(crate) async fn within<T>(
        &mut self,
        phase: Phase,
        limit: Duration,
        work: impl Future<Output = T>,
    ) -> Result<T, Verdict> {
        self.phase = phase;
        timeout(limit, work)
            .await
            .map_err(|_| Verdict::Failure(Failure::Timeout(phase)))
    }

    /// The server has said something.
    pub(crate) const fn received(&mut self) {
        self.received = true;
    }

    /// The verdict when the time for the whole probe is over.
    pub(crate) const fn out_of_time(&self) -> Verdict {
        let phase = self.phase;
        // Before the first byte of the answer, the whole and the phase are the same to whoever reads the log.
        Verdict::Failure(if self.received {
            Failure::Deadline(phase)
        } else {
            Failure::Timeout(phase)
        })
    }
}
