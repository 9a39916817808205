//! Which scripts belong to a change, and in which order.

use crate::ipc::{CheckerNotification, VrrpNotification};
use crate::plan::scripts::{ScriptTable, StateScripts};
use crate::scripts::{Runner, Subject};

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
            of_instance(table, change),
            Subject::Instance(change.name.clone()),
            "INSTANCE",
        )
    };
    let Some(scripts) = scripts else { return };
    if let Some(script) = scripts.by_state.get(change.state.as_str()) {
        runner.run(subject.clone(), script.clone());
    }
    // keepalived tells generic scripts of states only, not of adverts with lower priority or changes of the own one.
    let is_state = !matches!(
        change.state.as_str(),
        "MASTER_RX_LOWER_PRI" | "MASTER_PRIORITY" | "BACKUP_PRIORITY"
    );
    if let (Some(script), true) = (&scripts.generic, is_state) {
        let mut script = script.clone();
        let priority = change.priority.to_string();
        script
            .argv
            .extend([kind, &change.name, &change.state, &priority].map(Into::into));
        runner.run(subject, script);
    }
}

/// What a reload removed is known by the scripts that it had.
fn of_instance<'a>(table: &'a ScriptTable, change: &VrrpNotification) -> Option<&'a StateScripts> {
    let present = table.instances.get(&change.name).filter(|_| change.state != "DELETED");
    present.or_else(|| table.former_instances.get(&change.name))
}

/// `notify_up`, `notify_down`, `quorum_up`, `quorum_down`: run exactly as configured.
pub fn checker_scripts(table: &ScriptTable, change: &CheckerNotification, runner: &mut Runner) {
    let Some(scripts) = table.virtual_servers.get(&change.virtual_server) else {
        return;
    };
    let pair = match &change.real_server {
        Some(name) => scripts.real_servers.get(name),
        None => Some(&scripts.quorum),
    };
    let script = pair.and_then(|pair| {
        if change.up {
            pair.up.as_ref()
        } else {
            pair.down.as_ref()
        }
    });
    if let Some(script) = script {
        runner.run(Subject::VirtualServer(change.virtual_server.clone()), script.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(name: &str, state: &'static str, argument: &str) -> ScriptTable {
        let script = crate::scripts::Script {
            argv: vec!["/bin/true".into(), argument.into()],
            identity: crate::scripts::default_identity(),
        };
        let scripts = StateScripts {
            by_state: [(state, script)].into(),
            generic: None,
        };
        ScriptTable {
            instances: [(name.to_owned(), scripts)].into(),
            ..ScriptTable::default()
        }
    }

    fn found<'a>(table: &'a ScriptTable, name: &str, state: &str) -> Option<&'a std::ffi::OsString> {
        let change = VrrpNotification {
            is_group: false,
            name: name.to_owned(),
            state: state.to_owned(),
            priority: 100,
        };
        of_instance(table, &change)?.by_state.get(state)?.argv.get(1)
    }

    #[test]
    fn the_removed_are_known_by_the_scripts_that_they_had() {
        let former = table("VI_1", "DELETED", "former");
        assert_eq!(
            found(&table("VI_2", "FAULT", "new").following(&former), "VI_1", "DELETED").unwrap(),
            "former"
        );
        // The same name on another interface is another virtual router; it lives.
        let renewed = table("VI_1", "DELETED", "new").following(&former);
        assert_eq!(found(&renewed, "VI_1", "DELETED").unwrap(), "former");
        let faulty = table("VI_1", "FAULT", "new").following(&table("VI_1", "FAULT", "former"));
        assert_eq!(found(&faulty, "VI_1", "FAULT").unwrap(), "new");
        assert!(found(&faulty, "VI_3", "FAULT").is_none());
        // What was removed two reloads ago has been said.
        let again = table("VI_2", "FAULT", "new")
            .following(&faulty)
            .following(&ScriptTable::default());
        assert!(found(&again, "VI_1", "FAULT").is_none());
    }
}
