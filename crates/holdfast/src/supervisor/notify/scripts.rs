//! Which scripts belong to a change, and in which order.

use holdfast_health::action::Notification;

use crate::ipc::VrrpNotification;
use crate::plan::scripts::ScriptTable;
use crate::scripts::{Runner, Subject};

/// What generic scripts are told of.
const STATES: [&str; 5] = ["MASTER", "BACKUP", "FAULT", "STOP", "DELETED"];

/// The specific script first, then the generic one with its four arguments more.
pub fn vrrp_scripts(table: &ScriptTable, change: &VrrpNotification, runner: &mut Runner) {
    let (scripts, subject, kind) = if change.is_group {
        (
            table.groups.get(&change.name),
            Subject::Group(change.name.clone()),
            "GROUP",
        )
    } else {
        (
            table.instances.get(&change.name),
            Subject::Instance(change.name.clone()),
            "INSTANCE",
        )
    };
    let Some(scripts) = scripts else { return };
    if let Some(script) = scripts.by_state.get(change.state.as_str()) {
        runner.run(subject.clone(), script.clone());
    }
    // keepalived tells generic scripts of states only, not of priorities and of adverts with lower ones.
    if let (Some(script), true) = (&scripts.generic, STATES.contains(&change.state.as_str())) {
        let mut script = script.clone();
        let priority = change.priority.to_string();
        script
            .argv
            .extend([kind, &change.name, &change.state, &priority].map(Into::into));
        runner.run(subject, script);
    }
}

/// `notify_up`, `notify_down`, `quorum_up`, `quorum_down`: run exactly as configured.
pub fn checker_scripts(table: &ScriptTable, change: &Notification, runner: &mut Runner) {
    let (virtual_server, real_server, up) = match change {
        Notification::RealServer {
            virtual_server,
            real_server,
            up,
            ..
        } => (virtual_server, Some(real_server), *up),
        Notification::Quorum { virtual_server, up, .. } => (virtual_server, None, *up),
        Notification::Check { .. } => return,
    };
    let Some(scripts) = table.virtual_servers.get(virtual_server) else {
        return;
    };
    let pair = match real_server {
        Some(name) => scripts.real_servers.get(name).map(AsRef::as_ref),
        None => Some(&scripts.quorum),
    };
    let script = pair.and_then(|pair| if up { pair.up.as_ref() } else { pair.down.as_ref() });
    if let Some(script) = script {
        runner.run(Subject::VirtualServer(virtual_server.clone()), script.clone());
    }
}
