//! Which mail belongs to a change: its subject and text, in keepalived's words, which people's filters look for.

use std::collections::HashMap;

use holdfast_health::action::{Cause, Notification};

use crate::ipc::VrrpNotification;
use crate::mail::Letter;
use crate::plan::notify::MailPlan;
use crate::plan::scripts::ScriptTable;

/// Remembers what was mailed, so that the same state is not mailed twice.
#[derive(Debug, Default)]
pub struct Letters {
    /// Last state by kind and name
    told: HashMap<(bool, String), String>,
}

impl Letters {
    /// The mail about a change of an instance or a group, if there is to be one.
    pub fn of_vrrp(&mut self, plan: &MailPlan, table: &ScriptTable, change: &VrrpNotification) -> Option<Letter> {
        let subjects = if change.is_group {
            &table.groups
        } else {
            &table.instances
        };
        if !subjects.get(&change.name).is_some_and(|scripts| scripts.mail) {
            return None;
        }
        let (event, text) = if change.is_group {
            group_words(&change.state)?
        } else {
            instance_words(&change.state)?
        };
        let former = self
            .told
            .insert((change.is_group, change.name.clone()), change.state.clone());
        if former.as_ref() == Some(&change.state) || (plan.no_faults && change.state == "FAULT") {
            return None;
        }
        let kind = if change.is_group { "Group" } else { "Instance" };
        Some(Letter {
            subject: format!("[{}] VRRP {kind} {} - {event}", plan.router_id, change.name),
            text,
        })
    }
}

/// What happened and what it means.
fn instance_words(state: &str) -> Option<(String, String)> {
    let (event, text) = match state {
        "MASTER" => ("Entering MASTER state", "=> VRRP Instance is now owning VRRP VIPs <="),
        "BACKUP" => (
            "Entering BACKUP state",
            "=> VRRP Instance is no longer owning VRRP VIPs <=",
        ),
        "FAULT" => (
            "Entering FAULT state",
            "=> VRRP Instance is no longer owning VRRP VIPs <=",
        ),
        "STOP" => ("Stopping", "=> VRRP Instance stopping <="),
        "DELETED" => ("Deleted", "=> VRRP Deleted at reload <="),
        _ => return None,
    };
    Some((event.to_owned(), text.to_owned()))
}

fn group_words(state: &str) -> Option<(String, String)> {
    match state {
        "MASTER" | "BACKUP" | "FAULT" => Some((
            format!("Entering {state} state"),
            format!("=> All VRRP group instances are now in {state} state <="),
        )),
        "STOP" => Some((
            "Stopping".to_owned(),
            "=> All VRRP group instances are now stopping <=".to_owned(),
        )),
        _ => None,
    }
}

/// The mail about a check or a quorum, if there is to be one. That a real server changed is told by the check that was the
/// reason.
pub fn of_checker(plan: &MailPlan, table: &ScriptTable, change: &Notification) -> Option<Letter> {
    let server = |name: &String| table.virtual_servers.get(name);
    let real_server = |virtual_server, name: &String| {
        let known = server(virtual_server)?.real_servers.get(name)?;
        known.mail.then_some(())
    };
    let about_real_server = |virtual_server: &String, name: &String, up: bool, text: String| Letter {
        subject: format!(
            "[{}] Realserver {name} of virtual server {virtual_server} - {}",
            plan.router_id,
            word(up)
        ),
        text,
    };
    match change {
        Notification::Check {
            virtual_server,
            real_server: name,
            keyword,
            outcome,
            real_server_changed,
        } => {
            real_server(virtual_server, name)?;
            if plan.only_changes_of_real_servers && !real_server_changed {
                return None;
            }
            let text = check_words(keyword, outcome.as_ref().map(drop));
            Some(about_real_server(virtual_server, name, outcome.is_ok(), text))
        }
        Notification::RealServer {
            virtual_server,
            real_server: name,
            up: false,
            cause: cause @ (Cause::Removed | Cause::Stopping),
            ..
        } => {
            real_server(virtual_server, name)?;
            let text = if *cause == Cause::Removed {
                "=> Removing <="
            } else {
                "=> Shutting down <="
            };
            Some(about_real_server(virtual_server, name, false, text.to_owned()))
        }
        Notification::RealServer { .. } => None,
        Notification::Quorum {
            virtual_server,
            up,
            cause,
            quorum,
            hysteresis,
            weight,
            ..
        } => {
            if !server(virtual_server)?.quorum.mail {
                return None;
            }
            let (q, h, w) = (u64::from(*quorum), u64::from(*hysteresis), weight);
            let text = match (cause, up) {
                (Cause::Stopping | Cause::StoppingQuietly | Cause::Removed, _) => "=> Shutting down <=".to_owned(),
                (Cause::Start, true) => "=> Starting with quorum up <=".to_owned(),
                (Cause::Start, false) => "=> Starting with quorum down <=".to_owned(),
                (_, true) => format!("=> Gained quorum {q}+{h}={} <= {w} <=", q.saturating_add(h)),
                (_, false) => format!("=> Lost quorum {q}-{h}={} > {w} <=", q.saturating_sub(h)),
            };
            Some(Letter {
                subject: format!("[{}] Virtualserver {virtual_server} - {}", plan.router_id, word(*up)),
                text,
            })
        }
    }
}

fn word(up: bool) -> &'static str {
    if up { "UP" } else { "DOWN" }
}

/// What keepalived writes of each kind of check.
fn check_words(keyword: &str, outcome: Result<(), &String>) -> String {
    let plain = |name: &str| match outcome {
        Ok(()) => format!("=> {name} succeed on service <="),
        Err(_) => format!("=> {name} failed on service <="),
    };
    if let Some(session) = keyword.strip_prefix("BFD_CHECK ") {
        let word = if outcome.is_ok() { "succeeded" } else { "failed" };
        return format!("=> BFD CHECK {session} {word} on service <=");
    }
    match (keyword, outcome) {
        ("TCP_CHECK", _) => plain("TCP CHECK"),
        ("UDP_CHECK", _) => plain("UDP CHECK"),
        ("PING_CHECK", _) => plain("ICMP CHECK"),
        ("DNS_CHECK", _) => plain("DNS_CHECK:"),
        ("HTTP_GET" | "SSL_GET" | "SMTP_CHECK", Ok(())) => plain("CHECK"),
        ("HTTP_GET" | "SSL_GET" | "SMTP_CHECK", Err(reason)) => format!("=> CHECK failed on service : {reason} <="),
        ("MISC_CHECK", Ok(())) => "=> MISC CHECK succeeded on service <=".to_owned(),
        ("MISC_CHECK", Err(reason)) if reason.contains("timed out") => {
            "=> MISC CHECK timed out on service <=".to_owned()
        }
        ("MISC_CHECK", Err(_)) => "=> MISC CHECK failed on service <=".to_owned(),
        (other, Ok(())) => format!("=> {} succeeded on service <=", other.replace('_', " ")),
        (other, Err(_)) => format!("=> {} failed on service <=", other.replace('_', " ")),
    }
}

#[cfg(test)]
mod tests;
