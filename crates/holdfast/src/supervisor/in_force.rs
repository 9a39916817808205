//! A configuration is put in force: it is read again, taken over or refused, and handed to the children.

use std::collections::BTreeSet;

use holdfast_ipvs::kernel::load_modules;
use holdfast_net::DeadlineTimer;

use super::configuration::{Configuration, LoadError};
use super::reloading::{self, Marker};
use super::{Supervisor, seconds_since_1970, tracking_what_can_be};
use crate::ipc::{ToBfd, ToChecker, ToVrrp};
use crate::plan::trackers::TrackerTable;
use crate::process::own::take_name;
use crate::status::RefusedReload;
use crate::{file_mask, systemd};

impl Supervisor {
    /// Reads the file again. With errors the running configuration goes on.
    pub(super) async fn reload(&mut self) -> anyhow::Result<()> {
        tracing::info!("Reloading {}", self.arguments.config_file.display());
        systemd::reloading();
        self.marker = Marker::set(&self.configuration.reload, &self.places);
        let loaded = match reloading::refusal(&self.configuration.reload).await {
            Some(reason) => Err(LoadError::unusable(vec![reason])),
            None => Configuration::load(&self.arguments)
                .and_then(Configuration::without_errors)
                .and_then(|configuration| configuration.succeeding(&self.configuration))
                .map(|configuration| configuration.keeping_marks(self.configuration.marks.groups())),
        };
        self.take_over(loaded).await?;
        systemd::ready(&self.summary());
        Ok(())
    }

    /// The reload is over when every process has taken in the configuration.
    pub(super) fn end_reload(&mut self) {
        let busy = [
            self.vrrp.as_mut().is_some_and(|child| child.process().is_configuring()),
            self.checker
                .as_mut()
                .is_some_and(|child| child.process().is_configuring()),
            self.bfd.as_mut().is_some_and(|child| child.process().is_configuring()),
            self.snmp.as_mut().is_some_and(|child| child.process().is_configuring()),
        ];
        if !busy.contains(&true) {
            self.marker = None;
        }
    }

    async fn take_over(&mut self, loaded: Result<Configuration, LoadError>) -> anyhow::Result<()> {
        match loaded {
            Ok(configuration) => {
                load_new_modules(&self.configuration, &configuration).await;
                let configuration = tracking_what_can_be(configuration, &mut self.processes).await;
                for message in &configuration.messages {
                    tracing::warn!("{message}");
                }
                self.status.configuration.messages.clone_from(&configuration.messages);
                self.status.configuration.generation += 1;
                self.status.configuration.loaded_at_s = seconds_since_1970();
                self.status.configuration.refused = None;
                self.tidying.note_much_work(DeadlineTimer::now());
                // The new configuration may not name any more what a dead process left.
                self.start_vrrp_to_clean_up();
                self.configuration = configuration;
                self.timetable.configure(&self.configuration.reload);
                self.notifier.configure(std::mem::take(&mut self.configuration.notify));
                self.notifier.reloaded();
                self.apply()
            }
            Err(LoadError { messages, .. }) => {
                for message in &messages {
                    tracing::error!("{message}");
                }
                tracing::error!("reload refused: the running configuration goes on");
                self.status.configuration.refused = Some(RefusedReload {
                    at_s: seconds_since_1970(),
                    messages,
                });
                Ok(())
            }
        }
    }

    /// Hands the new configuration to the children, starts those that are needed now.
    fn apply(&mut self) -> anyhow::Result<()> {
        file_mask::set(self.configuration.umask);
        take_name(self.configuration.processes.supervisor_name.as_deref());
        self.configure_dbus();
        self.configure_trackers();
        let known = self.status.vrrp.as_ref().map(|vrrp| &vrrp.report.instances);
        self.sync_is_master = self.followed().is_some_and(|followed| {
            let instance = known.and_then(|known| known.iter().find(|instance| instance.name == *followed));
            instance.is_some_and(|instance| instance.state == "MASTER")
        });
        // A child that is no longer needed gets an empty configuration and gives up all it holds.
        if let Some(vrrp) = &mut self.vrrp {
            // Before the settings: no instance shall act on what a script of the same name once said.
            for result in self.trackers.all_results() {
                vrrp.send(&result);
            }
            let configure = self.configuration.for_vrrp();
            vrrp.configure(&configure, &self.configuration.processes.vrrp, ToVrrp::Process);
        }
        if self.checker.is_some() {
            self.note_services(self.status.changes.ipvs.services.keys.clone());
        }
        if let Some(checker) = &mut self.checker {
            let (made, files) = (BTreeSet::new(), self.trackers.file_values());
            let configure = self.configuration.for_checker(false, made, self.sync_is_master, files);
            checker.configure(&configure, &self.configuration.processes.checker, ToChecker::Process);
            self.note_marks();
        }
        if let Some(bfd) = &mut self.bfd {
            let configure = self.configuration.for_bfd(false);
            bfd.configure(&configure, &self.configuration.processes.bfd, ToBfd::Process);
        }
        self.configure_snmp();
        self.start_children()
    }

    /// Without instances nothing is tracked.
    pub(super) fn configure_trackers(&mut self) {
        if self.configuration.needs_vrrp(&self.arguments) {
            self.trackers.configure(&self.configuration.trackers);
        } else if self.configuration.needs_checker(&self.arguments) {
            self.trackers.configure(&TrackerTable {
                files: self.configuration.trackers.files.clone(),
                ..TrackerTable::default()
            });
        } else {
            self.trackers.configure(&TrackerTable::default());
        }
    }
}

/// The checker has no right to load what it did not need at its start.
async fn load_new_modules(running: &Configuration, next: &Configuration) {
    let new: Vec<String> = next.ipvs.modules.difference(&running.ipvs.modules).cloned().collect();
    if !new.is_empty() {
        // A thread that died has been heard of already.
        let _ = tokio::task::spawn_blocking(move || load_modules(new.iter().map(String::as_str))).await;
    }
}
