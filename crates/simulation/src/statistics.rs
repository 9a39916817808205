//! What was simulated, in figures.

use crate::scenario::{INTERVALS_MS, Trouble};
use crate::{Nanos, SECOND};

/// Sums over one scenario or many.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Scenarios.
    pub seeds: u64,
    /// Time of all nodes together, by interval class.
    pub node_time: [u128; INTERVALS_MS.len()],
    /// Troubles that came about, by kind.
    pub troubles: [u64; Trouble::NAMES.len()],
    /// Packets handed to nodes.
    pub packets: u64,
    /// Changes of state.
    pub transitions: u64,
    /// Times that all nodes together were found as they must be after settling.
    pub agreements: u64,
    /// Times that clients were found right one interval after a partition with two masters healed.
    pub healings: u64,
}

impl Statistics {
    /// Adds what another run did.
    pub fn add(&mut self, other: &Self) {
        self.seeds += other.seeds;
        for (sum, more) in self.node_time.iter_mut().zip(other.node_time) {
            *sum += more;
        }
        for (sum, more) in self.troubles.iter_mut().zip(other.troubles) {
            *sum += more;
        }
        self.packets += other.packets;
        self.transitions += other.transitions;
        self.agreements += other.agreements;
        self.healings += other.healings;
    }

    /// Hours of all nodes together.
    pub fn node_hours(&self) -> f64 {
        hours(self.node_time.iter().sum())
    }

    /// All figures, for people.
    pub fn lines(&self) -> Vec<String> {
        let total = self.node_hours();
        let troubles: u64 = self.troubles.iter().sum();
        let mut lines = vec![
            format!(
                "{total:.0} node-hours, {} seeds, {troubles} troubles ({:.2} per node-hour), {} changes of state, {} packets heard",
                self.seeds,
                ratio(troubles, total),
                self.transitions,
                self.packets
            ),
            format!(
                "{} times all nodes were found in agreement after settling, {} times clients one interval after a healed partition",
                self.agreements, self.healings
            ),
        ];
        let share = |(interval, time): (&u64, &u128)| {
            let percent = if total > 0.0 { 100.0 * hours(*time) / total } else { 0.0 };
            format!("{} ms: {:.0} h ({percent:.1} %)", interval, hours(*time))
        };
        let shares: Vec<String> = INTERVALS_MS.iter().zip(&self.node_time).map(share).collect();
        lines.push(format!("by advertisement interval: {}", shares.join(", ")));
        let kinds = Trouble::NAMES.iter().zip(self.troubles);
        let kinds: Vec<String> = kinds.map(|(name, count)| format!("{name} {count}")).collect();
        lines.push(format!("troubles: {}", kinds.join(", ")));
        lines
    }
}

#[allow(clippy::cast_precision_loss, reason = "figures for people")]
fn hours(time: u128) -> f64 {
    time as f64 / (3_600.0 * SECOND as f64)
}

#[allow(clippy::cast_precision_loss, reason = "figures for people")]
fn ratio(count: u64, per: f64) -> f64 {
    if per > 0.0 { count as f64 / per } else { 0.0 }
}

/// A moment, for people.
pub fn moment(at: Nanos) -> String {
    format!("{:5}.{:06}", at / SECOND, at % SECOND / 1_000)
}
