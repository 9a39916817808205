//! The D-Bus process, and the bus that it speaks to. It is there while VRRP is, as keepalived's service is, and nobody ever
//! waits for it: the supervisor connects the socket, which does not block, and leaves all the rest to the process.

mod address;

use std::os::fd::OwnedFd;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, Uid};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::child::Child;
use super::state_files::Asker;
use super::{Report, Supervisor};
use crate::bfd_news::duplicate;
use crate::dbus_role::{BUS_FD, Request, States};
use crate::ipc::{FromDbus, ToDbus, ToVrrp, VrrpNotification};
use crate::process::ProcessSettings;
use crate::role::Role;
use crate::status::InstanceStatus;

/// From one look for a bus that is not there to the next.
const NEXT_LOOK: Duration = Duration::from_secs(2);

/// A process that lived this long had a bus; its end is not part of a series.
const HEALTHY_AFTER: Duration = Duration::from_mins(1);

/// The longest wait in a series of ends.
const LONGEST_DELAY: Duration = Duration::from_mins(1);

/// How long the last signal may take at the end.
const STOP_LIMIT: Duration = Duration::from_millis(500);

/// The process, and what it will have to know.
#[derive(Debug, Default)]
pub struct Dbus {
    child: Option<Child<ToDbus>>,
    /// It was told to end
    leaving: Option<Child<ToDbus>>,
    states: States,
    /// The VRRP process runs, and has a configuration
    has_vrrp: bool,
    not_before: Option<Instant>,
    ends: u32,
    /// Why there was no bus when it was last looked for
    complaint: Option<String>,
}

impl Dbus {
    /// States as the VRRP process reports them. `all`: there are no others.
    pub fn states(&mut self, instances: &[InstanceStatus], all: bool) {
        if all {
            self.states.clear();
        }
        let states = instances
            .iter()
            .filter_map(|instance| Some((instance.name.clone(), number_of(&instance.state)?)));
        self.states.extend(states);
    }

    /// An instance changed its state.
    pub fn change(&mut self, change: &VrrpNotification) {
        let Some(state) = number_of(&change.state).filter(|_| !change.is_group) else {
            return;
        };
        self.states.insert(change.name.clone(), state);
        let instance = change.name.clone();
        self.tell(&ToDbus::Change { instance, state });
    }

    /// The VRRP process ended: the name goes from the bus, and everybody sees it.
    pub fn vrrp_is_gone(&mut self) {
        self.has_vrrp = false;
        self.states.clear();
        self.child = None;
    }

    fn tell(&self, message: &ToDbus) {
        if let Some(child) = &self.child {
            child.send(message);
        }
    }

    /// A socket to the bus under a number that is free in the child. What is wrong is said once.
    fn connect(&mut self) -> Option<OwnedFd> {
        let outcome = address::connect().and_then(|socket| duplicate(&socket));
        match outcome {
            Ok(socket) => {
                self.complaint = None;
                Some(socket)
            }
            Err(error) => {
                let complaint = format!("{error:#}");
                if self.complaint.as_ref() != Some(&complaint) {
                    tracing::warn!("no D-Bus system bus: {complaint}; it is looked for until it is there");
                    self.complaint = Some(complaint);
                }
                None
            }
        }
    }
}

impl Supervisor {
    /// Starts the process if the service is wanted and does not run, as soon as there is something to show and a bus.
    pub(super) fn start_dbus(&mut self) {
        let waits = self.dbus.not_before.is_some_and(|moment| Instant::now() < moment);
        if self.dbus.child.is_some() || !self.dbus.has_vrrp || waits {
            return;
        }
        let Some(plan) = self.configuration.dbus.clone() else {
            return;
        };
        let Some(socket) = self.dbus.connect() else {
            self.look_for_bus_after(NEXT_LOOK);
            return;
        };
        let settings = ProcessSettings::default();
        let descriptors = vec![(socket, BUS_FD)];
        match Child::start_with(Role::Dbus, None, &settings, descriptors, &self.reports, Report::Dbus) {
            Ok(child) => {
                child.send(&ToDbus::Start {
                    plan,
                    states: self.dbus.states.clone(),
                    user: Uid::effective().as_raw(),
                });
                self.dbus.child = Some(child);
            }
            Err(error) => {
                tracing::error!("{error:#}");
                self.look_for_bus_after(LONGEST_DELAY);
            }
        }
    }

    fn look_for_bus_after(&mut self, delay: Duration) {
        self.dbus.not_before = Some(Instant::now() + delay);
        let reports = self.reports.clone();
        tokio::spawn(async move {
            tokio::time::sleep(delay).await;
            // Without a supervisor there is nothing to start.
            let _ = reports.send(Report::Restart);
        });
    }

    /// A configuration is in force; the VRRP process has yet to take it in.
    pub(super) fn configure_dbus(&mut self) {
        if let Some(plan) = &self.configuration.dbus {
            self.dbus.tell(&ToDbus::Reload(plan.clone()));
        } else {
            self.dbus.tell(&ToDbus::Shutdown);
            self.dbus.leaving = self.dbus.child.take();
        }
    }

    /// The VRRP process has taken in a configuration.
    pub(super) fn dbus_after_vrrp(&mut self) {
        let is_configuring = |child: &mut Child<ToVrrp>| child.process().is_configuring();
        if self.vrrp.as_mut().is_none_or(is_configuring) {
            return;
        }
        self.dbus.has_vrrp = true;
        self.dbus.tell(&ToDbus::Reloaded);
        self.start_dbus();
    }

    /// It has no bus any more, or it failed: another one is started soon. Nothing else follows from it.
    pub(super) fn dbus_ended(&mut self, pid: u32) {
        self.dbus.leaving.take_if(|child| child.pid() == pid);
        let Some(child) = self.dbus.child.take_if(|child| child.pid() == pid) else {
            return;
        };
        if child.lived() >= HEALTHY_AFTER {
            self.dbus.ends = 0;
        }
        let delay = Duration::from_secs(1 << self.dbus.ends.min(6)).min(LONGEST_DELAY);
        self.dbus.ends = self.dbus.ends.saturating_add(1);
        tracing::warn!(
            "the D-Bus process {pid} ended; another one is started in {} s",
            delay.as_secs()
        );
        self.look_for_bus_after(delay);
    }

    /// Somebody on the bus wants something.
    pub(super) fn asked_by_dbus(&mut self, asked: FromDbus) {
        let FromDbus { number, request } = asked;
        match request {
            Request::Reload => {
                tracing::info!("Reload on DBus request");
                // As keepalived does it; two at once are one.
                if let Err(error) = kill(Pid::this(), Signal::SIGHUP) {
                    tracing::error!("cannot ask for a reload: {error}");
                }
            }
            Request::Announce(instance) => {
                tracing::info!("Sending garps on {instance} on DBus request");
                if let Some(vrrp) = &self.vrrp {
                    vrrp.send(&ToVrrp::Announce { instance });
                }
            }
            Request::Write(file) => {
                tracing::info!("{file} on DBus request");
                self.want_state_file(file, Asker::Dbus(number));
            }
        }
    }

    /// What somebody on the bus wanted is done, or why not.
    pub(super) fn tell_dbus_of_end(&self, number: u64, outcome: Result<(), String>) {
        self.dbus.tell(&ToDbus::Done { number, outcome });
    }

    /// Has the last signal sent when VRRP has stopped, and kills the process if it does not end soon.
    pub(super) async fn stop_dbus(&mut self, inbox: &mut mpsc::UnboundedReceiver<Report>) {
        self.dbus.tell(&ToDbus::Shutdown);
        let limit = Instant::now() + STOP_LIMIT;
        while self.dbus.child.is_some() {
            match tokio::time::timeout_at(limit, inbox.recv()).await {
                Ok(Some(Report::Ended(Role::Dbus, pid, _))) => {
                    self.dbus.child.take_if(|child| child.pid() == pid);
                }
                Ok(Some(_)) => {}
                Ok(None) | Err(_) => self.dbus.child = None,
            }
        }
    }
}

/// keepalived's number for a state that notifications and reports tell in words.
fn number_of(state: &str) -> Option<u8> {
    use holdfast_vrrp::State;
    let state = match state {
        "INIT" => State::Init,
        "BACKUP" => State::Backup,
        "MASTER" => State::Master,
        "FAULT" => State::Fault,
        "DELETED" => State::Deleted,
        "STOP" => State::Stopped,
        _ => return None,
    };
    Some(state.number())
}
