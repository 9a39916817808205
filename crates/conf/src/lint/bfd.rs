//! Advice on `bfd_instance`.

use super::Pass;
use crate::diagnostic::{Diagnostic, findings};
use std::time::Duration;

/// Slower sessions than this are rarely meant.
const SLOW: Duration = Duration::from_secs(10);

pub(super) fn look(pass: &mut Pass<'_>) {
    for session in &pass.config.bfd_instances {
        let intervals = [
            ("min_rx", session.min_rx),
            ("min_tx", session.min_tx),
            ("idle_tx", session.idle_tx),
        ];
        if let Some((name, interval)) = intervals.into_iter().find(|(_, interval)| *interval > SLOW) {
            let message = format!(
                "{name} of bfd_instance {} is {interval:?}, which is slow for BFD",
                session.name
            );
            pass.advise(
                Diagnostic::new(findings::SLOW_SESSION, message, Some(session.name.span))
                    .hint("intervals are in milliseconds"),
            );
        }
    }
}
