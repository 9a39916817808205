//! The end: the children first, then what they leave to the supervisor.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::{Report, Supervisor, run_for_life};
use crate::ipc::{ToBfd, ToChecker, ToVrrp};
use crate::plan::trackers::TrackerTable;
use crate::role::Role;
use crate::systemd;

/// How long scripts of the last change are waited for at the end.
const STOP_SCRIPT_LIMIT: Duration = Duration::from_secs(1);

impl Supervisor {
    /// Ends the children, VRRP first of all: the peer should know at once. Then the scripts of their last words.
    pub(super) async fn stop(mut self, inbox: &mut mpsc::UnboundedReceiver<Report>) {
        tracing::info!("Stopping");
        systemd::stopping();
        self.start_vrrp_to_clean_up();
        self.stop_vrrp();
        if let Some(checker) = &self.checker {
            checker.send(&ToChecker::Shutdown {
                keep_table: self.arguments.keep_ipvs,
            });
        }
        if let Some(bfd) = &self.bfd {
            bfd.send(&ToBfd::Shutdown);
        }
        // Scripts that run now are asked to end, and killed with us if they do not.
        self.trackers.configure(&TrackerTable::default());
        let limit = Instant::now() + self.configuration.child_wait_time;
        let mut died = false;
        while self.vrrp.is_some() || self.checker.is_some() || self.bfd.is_some() {
            match tokio::time::timeout_at(limit, inbox.recv()).await {
                Ok(Some(Report::Ended(Role::Vrrp, _, exit))) => {
                    self.vrrp = None;
                    if !exit.success() && !std::mem::replace(&mut died, true) {
                        self.start_vrrp_to_clean_up();
                        self.stop_vrrp();
                    }
                }
                Ok(Some(Report::Ended(Role::Checker, ..))) => self.checker = None,
                Ok(Some(Report::Ended(Role::Bfd, ..))) => self.bfd = None,
                Ok(Some(Report::Ended(Role::Snmp, ..))) => self.snmp = None,
                Ok(Some(Report::Restart)) => {}
                Ok(Some(report)) => {
                    // No failure can come of these: scripts log their own errors.
                    let _ = self.handle(report);
                }
                Ok(None) | Err(_) => {
                    tracing::error!(
                        "a process does not end within {} s (child_wait_time) and is killed",
                        self.configuration.child_wait_time.as_secs()
                    );
                    break;
                }
            }
        }
        // Dropping a child kills it if it still runs.
        self.vrrp = None;
        self.checker = None;
        self.bfd = None;
        self.stop_dbus(inbox).await;
        self.stop_snmp(inbox).await;
        self.lvs_sysctls.restore();
        self.notifier.finish(STOP_SCRIPT_LIMIT).await;
        run_for_life("shutdown_script", self.configuration.life.shutdown.as_ref()).await;
        // Nobody may read the state of a daemon that is gone.
        let _ = std::fs::remove_file(self.places.status());
        tracing::info!("Stopped");
    }

    fn stop_vrrp(&self) {
        if let Some(vrrp) = &self.vrrp {
            vrrp.send(&ToVrrp::Shutdown {
                keep_addresses: self.arguments.keep_addresses,
            });
        }
    }
}
