//! Traps, and those that wait for a session.

use std::collections::VecDeque;

use holdfast_time::{Duration, Timestamp};

use crate::oid::Oid;
use crate::pdu::{Content, VarBind};
use crate::value::Value;

/// `snmpTrapOID.0` (RFC 3418).
const TRAP_OID: [u32; 11] = [1, 3, 6, 1, 6, 3, 1, 1, 4, 1, 0];

/// The first changes come before the session is there. Who hears of one later than that would take it for news.
const KEPT: Duration = Duration::from_secs(10);

/// So many wait.
const MOST: usize = 1_000;

/// Traps that wait.
#[derive(Debug, Default)]
pub(super) struct Traps {
    waiting: VecDeque<(Timestamp, Vec<VarBind>)>,
    lost: u64,
}

impl Traps {
    /// Keeps one for a while.
    pub(super) fn keep(&mut self, now: Timestamp, objects: Vec<VarBind>) {
        self.forget_old(now);
        if self.waiting.len() >= MOST {
            self.waiting.pop_front();
            self.lost = self.lost.saturating_add(1);
        }
        self.waiting.push_back((now, objects));
    }

    /// Those that are not too old, and how many have been lost.
    pub(super) fn take(&mut self, now: Timestamp) -> (Vec<Vec<VarBind>>, u64) {
        self.forget_old(now);
        let waiting = std::mem::take(&mut self.waiting).into_iter();
        (
            waiting.map(|(_, objects)| objects).collect(),
            std::mem::take(&mut self.lost),
        )
    }

    fn forget_old(&mut self, now: Timestamp) {
        while self.waiting.front().is_some_and(|(at, _)| now.since(*at) > KEPT) {
            self.waiting.pop_front();
            self.lost = self.lost.saturating_add(1);
        }
    }
}

/// What a trap says. The master agent puts its own clock in front (RFC 2741 section 6.2.10).
pub(super) fn objects(oid: Oid, objects: Vec<(Oid, Value)>) -> Vec<VarBind> {
    let first = (Oid::from(TRAP_OID), Value::ObjectIdentifier(oid));
    let all = std::iter::once(first).chain(objects);
    all.map(|(name, value)| VarBind {
        name,
        content: Content::Value(value),
    })
    .collect()
}
