//! The sync daemons of IPVS follow an instance, which the checker is told of.

use super::Supervisor;
use crate::ipc::{ToChecker, VrrpNotification};

impl Supervisor {
    /// The instance that the sync daemons follow.
    pub(super) fn followed(&self) -> Option<&String> {
        self.configuration.ipvs.sync.as_ref()?.instance.as_ref()
    }

    pub(super) fn follow_instance(&mut self, change: &VrrpNotification) {
        let is_master = match change.state.as_str() {
            "MASTER" => true,
            "BACKUP" | "FAULT" | "STOP" | "DELETED" => false,
            _ => return,
        };
        if !change.is_group && self.followed() == Some(&change.name) {
            self.set_sync_master(is_master);
        }
    }

    pub(super) fn set_sync_master(&mut self, is_master: bool) {
        self.sync_is_master = is_master;
        if let Some(checker) = &self.checker {
            checker.send(&ToChecker::SyncInstance { is_master });
        }
    }
}
