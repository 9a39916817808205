//! The SNMP process: started when something is to be served, asked by nobody, and never waited for.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use holdfast_health::action::Notification;

use super::child::Child;
use super::{Report, Supervisor, on};
use crate::ipc::{FromSnmp, Source, ToChecker, ToSnmp, ToVrrp, VrrpNotification, VrrpTrap};
use crate::plan::snmp::AgentAddress;
use crate::process::outside::Controlled;
use crate::role::Role;

/// How long the SNMP process may take to send its last traps; a master agent that hangs takes them from nobody.
const STOP_LIMIT: Duration = Duration::from_millis(500);

impl Supervisor {
    /// Starts the process if something is to be served and it does not run yet.
    pub(super) fn start_snmp(&mut self) -> anyhow::Result<()> {
        if self.snmp.is_none() && self.configuration.snmp.is_some() {
            let child = Child::start_with(
                Role::Snmp,
                Some(&self.places.snmp),
                &self.configuration.processes.snmp,
                vec![self.agent_door.end()?],
                &self.reports,
                Report::Snmp,
            )?;
            self.status.snmp.get_or_insert_default().pid = Some(child.pid());
            self.snmp = Some(child);
            self.configure_snmp();
        }
        Ok(())
    }

    /// Hands a running process the configuration in force. One that has nothing left to serve closes its session.
    pub(super) fn configure_snmp(&mut self) {
        if let Some(snmp) = &mut self.snmp {
            let configure = self.configuration.for_snmp();
            snmp.configure(&configure, &self.configuration.processes.snmp, ToSnmp::Process);
        }
    }

    /// An instance or a group changed.
    pub(super) fn tell_snmp_of_vrrp(&self, change: &VrrpNotification) {
        if let Some(snmp) = self.trap_sender() {
            snmp.send(&ToSnmp::VrrpChanged(change.clone()));
        }
    }

    /// Something that the MIBs of the RFCs have traps for.
    pub(super) fn tell_snmp_of_trap(&self, trap: VrrpTrap) {
        if let Some(snmp) = self.trap_sender() {
            snmp.send(&ToSnmp::VrrpTrap(trap));
        }
    }

    /// A real server, a check or a quorum changed.
    pub(super) fn tell_snmp_of_checker(&self, change: Notification) {
        if let Some(snmp) = self.trap_sender() {
            snmp.send(&ToSnmp::CheckerChanged(change));
        }
    }

    fn trap_sender(&self) -> Option<&Child<ToSnmp>> {
        let wanted = self.configuration.snmp.as_ref().is_some_and(|plan| plan.traps);
        self.snmp.as_ref().filter(|_| wanted)
    }

    /// Hands on what was asked for.
    pub(super) fn answer_snmp(&self, answer: &ToSnmp) {
        if let Some(snmp) = &self.snmp {
            snmp.send(answer);
        }
    }

    pub(super) fn handle_snmp(&mut self, message: FromSnmp) {
        match message {
            FromSnmp::Ask(Source::Vrrp) => match &self.vrrp {
                Some(vrrp) => vrrp.send(&ToVrrp::Snapshot),
                None => self.answer_snmp(&ToSnmp::Unavailable(Source::Vrrp)),
            },
            FromSnmp::Ask(Source::Checker) => match &self.checker {
                Some(checker) => checker.send(&ToChecker::Snapshot),
                None => self.answer_snmp(&ToSnmp::Unavailable(Source::Checker)),
            },
            FromSnmp::Adjust { instance, adjustment } => {
                if let Some(vrrp) = &self.vrrp {
                    vrrp.send(&ToVrrp::Adjust { instance, adjustment });
                }
            }
            FromSnmp::Connect => self.connect_snmp(),
            FromSnmp::Status(report) => self.status.snmp.get_or_insert_default().report = report,
            FromSnmp::Configured => on(&mut self.snmp, Controlled::configured),
        }
    }

    /// Opens the master agent's socket in the place of the process, which may not.
    fn connect_snmp(&self) {
        let agent = self.configuration.snmp.as_ref().map(|plan| &plan.agent);
        if let Some(AgentAddress::Unix(path)) = agent {
            self.agent_door.hand_over(path);
        }
    }

    /// Ends the process when all others have said their last words, and kills it if it does not end soon.
    pub(super) async fn stop_snmp(&mut self, inbox: &mut mpsc::UnboundedReceiver<Report>) {
        let Some(snmp) = &self.snmp else {
            return;
        };
        snmp.send(&ToSnmp::Shutdown);
        let limit = Instant::now() + STOP_LIMIT;
        while self.snmp.is_some() {
            match tokio::time::timeout_at(limit, inbox.recv()).await {
                Ok(Some(Report::Ended(Role::Snmp, ..)) | None) | Err(_) => self.snmp = None,
                Ok(Some(_)) => {}
            }
        }
    }
}
