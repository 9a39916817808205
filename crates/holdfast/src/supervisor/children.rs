//! The child processes: which ones are needed, their start, and what their end costs.

use std::time::Duration;

use super::child::{self, Child};
use super::{Report, Supervisor};
use crate::ipc::{ToBfd, ToChecker, ToVrrp};
use crate::role::Role;
use crate::status::RoleStatus;

impl Supervisor {
    /// Starts what the configuration needs and does not run yet.
    pub(super) fn start_children(&mut self) -> anyhow::Result<()> {
        self.start_vrrp()?;
        self.commands.configure(self.configuration.commands.clone());
        if self.checker.is_none() && self.needs_checker() {
            let made = self.status.changes.ipvs.services.keys.clone();
            self.note_services(made.clone());
            let mut child = Child::start(
                Role::Checker,
                &self.places.checker,
                &self.configuration.processes.checker,
                &self.news_lines,
                &self.reports,
                Report::Checker,
            )?;
            let status = self.status.checker.get_or_insert_default();
            status.pid = Some(child.pid());
            // A checker that comes back adopts the table; only the first one may empty it.
            let flush = self.configuration.flush_ipvs && status.restarts == 0;
            let configure =
                self.configuration
                    .for_checker(flush, made, self.sync_is_master, self.trackers.file_values());
            child.configure(&configure, &self.configuration.processes.checker, ToChecker::Process);
            if let Some(mark_table) = self.mark_table_left_behind() {
                child.send(&ToChecker::LeftBehind { mark_table });
            }
            self.note_marks();
            self.checker = Some(child);
        }
        self.start_bfd()?;
        self.start_dbus();
        self.start_snmp()
    }

    fn start_vrrp(&mut self) -> anyhow::Result<()> {
        if self.vrrp.is_none() && self.configuration.needs_vrrp(&self.arguments) {
            let mut child = Child::start(
                Role::Vrrp,
                &self.places.vrrp,
                &self.configuration.processes.vrrp,
                &self.news_lines,
                &self.reports,
                Report::Vrrp,
            )?;
            let configure = self.configuration.for_vrrp();
            child.configure(&configure, &self.configuration.processes.vrrp, ToVrrp::Process);
            if !self.status.changes.is_empty() {
                child.send(&ToVrrp::LeftBehind(self.status.changes.clone()));
            }
            for result in self.trackers.all_results() {
                child.send(&result);
            }
            self.status.vrrp.get_or_insert_default().pid = Some(child.pid());
            self.vrrp = Some(child);
        }
        Ok(())
    }

    /// A VRRP process that was killed left its addresses behind. A new one removes them before anything else; it may be
    /// stopped, or given another configuration, as soon as that is done.
    pub(super) fn start_vrrp_to_clean_up(&mut self) {
        if self.arguments.keep_addresses {
            return;
        }
        if let Err(error) = self.start_vrrp() {
            tracing::error!("what the VRRP process left behind cannot be removed: {error:#}");
        }
    }

    fn start_bfd(&mut self) -> anyhow::Result<()> {
        if self.bfd.is_none() && self.configuration.needs_bfd(&self.arguments) {
            let mut child = Child::start(
                Role::Bfd,
                &self.places.bfd,
                &self.configuration.processes.bfd,
                &self.news_lines,
                &self.reports,
                Report::Bfd,
            )?;
            let status = self.status.bfd.get_or_insert_default();
            status.pid = Some(child.pid());
            let configure = self.configuration.for_bfd(status.restarts > 0);
            child.configure(&configure, &self.configuration.processes.bfd, ToBfd::Process);
            self.bfd = Some(child);
        }
        if self.arguments.no_bfd {
            let sessions = &self.configuration.bfd.instances;
            self.news_lines
                .all_down(sessions.iter().map(|session| session.name.clone()));
        }
        Ok(())
    }

    pub(super) fn child_ended(&mut self, role: Role, pid: u32, exit: std::process::ExitStatus) -> Option<u8> {
        let lived = match role {
            Role::Vrrp => {
                let former = forget(&mut self.vrrp, &mut self.status.vrrp, pid);
                self.dbus.vrrp_is_gone();
                self.forget_wanted_files();
                // Another director is master soon.
                self.set_sync_master(false);
                former
            }
            Role::Checker => {
                self.commands.stop_all();
                forget(&mut self.checker, &mut self.status.checker, pid)
            }
            Role::Bfd => forget(&mut self.bfd, &mut self.status.bfd, pid),
            Role::Snmp => forget(&mut self.snmp, &mut self.status.snmp, pid),
            Role::Dbus => {
                self.dbus_ended(pid);
                return None;
            }
        };
        // A child that a reload made superfluous ended as told.
        let (lived, restarts) = lived?;
        tracing::error!("{role} process {pid} died: {exit}");
        if self.arguments.dont_respawn {
            return Some(1);
        }
        let delay = child::restart_delay(role, lived, restarts);
        tracing::info!("{role} process is restarted in {} ms", delay.as_millis());
        let reports = self.reports.clone();
        tokio::spawn(async move {
            tokio::time::sleep(delay).await;
            // Without a supervisor there is nothing to restart.
            let _ = reports.send(Report::Restart);
        });
        None
    }

    /// Tables of marks that a killed daemon left, under a name that is not used any more.
    pub(super) fn mark_table_left_behind(&self) -> Option<String> {
        let left = self.status.changes.ipvs.mark_table.as_ref()?;
        let ours = self.configuration.ipvs.marks.as_ref().map(|marks| &marks.table);
        (ours != Some(left)).then(|| left.clone())
    }

    /// The next daemon must know of the marks if this one is killed.
    pub(super) fn note_marks(&mut self) {
        let configuration = &self.configuration;
        let groups = configuration.marks.groups();
        let table = configuration.ipvs.marks.as_ref().map(|marks| marks.table.clone());
        self.status.changes.update_ipvs(|ipvs| {
            ipvs.marks = groups.to_vec();
            ipvs.mark_table = table;
        });
    }
}

/// Forgets an ended child. `None` if it was not the current one; else how long it lived and how often its like was restarted.
fn forget<M, T: Default>(
    slot: &mut Option<Child<M>>,
    status: &mut Option<RoleStatus<T>>,
    pid: u32,
) -> Option<(Duration, u64)> {
    let child = slot.take_if(|child| child.pid() == pid)?;
    let status = status.get_or_insert_default();
    status.pid = None;
    status.restarts += 1;
    Some((child.lived(), status.restarts))
}
