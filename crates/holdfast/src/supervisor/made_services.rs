//! Which services of the kernel's table are ours, for whoever comes next.

use std::collections::BTreeSet;

use holdfast_ipvs::table::ServiceKey;

use super::Supervisor;

impl Supervisor {
    /// Whether there is work for the checker process: to remove what a killed daemon left is some.
    pub(super) fn needs_checker(&self) -> bool {
        let left = !self.status.changes.ipvs.services.keys.is_empty() || self.mark_table_left_behind().is_some();
        self.configuration.needs_checker(&self.arguments) || left && !self.arguments.vrrp_only
    }

    /// The next daemon must know which services are ours if this one is killed: these, and those that the checker is about to
    /// make.
    pub(super) fn note_services(&mut self, mut ours: BTreeSet<ServiceKey>) {
        ours.extend(self.configuration.services());
        if ours != self.status.changes.ipvs.services.keys {
            self.status.changes.update_ipvs(|ipvs| ipvs.services.keys = ours);
            self.write_status();
        }
    }
}
