//! Scripts: can they be run, and as whom?

use super::{Host, Program};
use crate::config::{CheckerKind, Config, Notify, Script};
use crate::diagnostic::{Diagnostic, findings};
use std::collections::HashMap;
use std::ffi::OsStr;

/// What a script is for, which decides whether keepalived's `-t` counts that it cannot be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// It is told about changes.
    Notify,
    /// It checks a real server.
    Checker,
    /// Instances track it.
    Tracker,
}

/// Every script of a configuration.
pub(crate) fn scripts(config: &Config) -> Vec<(Use, &Script)> {
    let instances = config.vrrp_instances.iter().map(|instance| &instance.notify);
    let groups = config.vrrp_sync_groups.iter().map(|group| &group.notify);
    let mut found: Vec<&Script> = instances.chain(groups).flat_map(of_notify).collect();
    for server in &config.virtual_servers {
        found.extend(
            [&server.quorum_up, &server.quorum_down]
                .into_iter()
                .filter_map(|script| script.as_deref()),
        );
        for real in &server.real_servers {
            found.extend(
                [&real.notify_up, &real.notify_down]
                    .into_iter()
                    .filter_map(|script| script.as_deref()),
            );
        }
    }
    let global = &config.global_defs;
    let fifos = [&global.notify_fifo, &global.vrrp_notify_fifo, &global.lvs_notify_fifo];
    found.extend(fifos.into_iter().filter_map(|fifo| fifo.script.as_ref()));
    let notify = found.into_iter().map(|script| (Use::Notify, script));
    let trackers = config
        .vrrp_scripts
        .iter()
        .map(|tracker| (Use::Tracker, &tracker.script));
    let real_servers = config.virtual_servers.iter().flat_map(|server| &server.real_servers);
    let checkers = real_servers.flat_map(|real| &real.checkers);
    let checks = checkers.filter_map(|checker| match &checker.kind {
        CheckerKind::MiscCheck(misc) => Some((Use::Checker, &misc.misc_path)),
        _ => None,
    });
    notify.chain(trackers).chain(checks).collect()
}

fn of_notify(notify: &Notify) -> impl Iterator<Item = &Script> {
    [
        &notify.notify_master,
        &notify.notify_backup,
        &notify.notify_fault,
        &notify.notify_stop,
        &notify.notify_master_rx_lower_pri,
        &notify.notify,
    ]
    .into_iter()
    .filter_map(|script| script.as_deref())
}

/// Whom a script runs as.
pub(crate) fn user_id(config: &Config, script: &Script, host: &dyn Host) -> Result<u32, String> {
    match (&script.user, &config.global_defs.script_user) {
        (Some(user), _) => host.user_id(user, script.group.as_deref()),
        (None, Some(user)) => host.user_id(&user.user, user.group.as_deref()),
        (None, None) => Ok(host.default_user_id()),
    }
}

/// `</path` and `>/path` run nothing: they ask whether a file can be opened.
fn is_file_test(command: &OsStr) -> bool {
    command.as_encoded_bytes().starts_with(b"<") || command.as_encoded_bytes().starts_with(b">")
}

/// Scripts that are missing or cannot be executed, and users that do not exist.
pub fn check_scripts(config: &Config, host: &dyn Host) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let global = config.global_defs.script_user.as_ref();
    if let Some(user) = global
        && let Err(reason) = host.user_id(&user.user, user.group.as_deref())
    {
        let message = format!("script_user: {reason}; scripts that name no other user are not run");
        found.push(Diagnostic::new(findings::SCRIPT_USER_UNKNOWN, message, Some(user.span)));
    }
    // Many instances have the same few scripts, and each look at a file takes its time.
    let mut programs = HashMap::new();
    for (purpose, script) in scripts(config) {
        let program = |command| *programs.entry(command).or_insert_with(|| host.program(command));
        found.extend(check_script(purpose, script, host, program));
    }
    found
}

/// Is there a script that can be run at all? Without one it does not matter who could change scripts.
pub fn any_script_runs(config: &Config, host: &dyn Host) -> bool {
    let mut programs = HashMap::new();
    scripts(config).into_iter().any(|(_, script)| {
        let command = script.argv.first().map(AsRef::as_ref);
        user_id(config, script, host).is_ok()
            && command.is_some_and(|command: &OsStr| {
                is_file_test(command)
                    || *programs.entry(command).or_insert_with(|| host.program(command)) == Program::Executable
            })
    })
}

fn check_script<'a>(
    purpose: Use,
    script: &'a Script,
    host: &dyn Host,
    program: impl FnOnce(&'a OsStr) -> Program,
) -> Option<Diagnostic> {
    if let Some(user) = &script.user
        && let Err(reason) = host.user_id(user, script.group.as_deref())
    {
        let message = format!("The script is not run: {reason}");
        let mut diagnostic = Diagnostic::new(findings::SCRIPT_USER_UNKNOWN, message, Some(script.span));
        diagnostic.class = diagnostic.class.filter(|_| purpose != Use::Notify);
        return Some(diagnostic);
    }
    let command = script.argv.first()?;
    if is_file_test(command) {
        return None;
    }
    let (finding, problem) = match (program(command), purpose) {
        (Program::Executable, _) => return None,
        (Program::Missing, Use::Tracker) => (findings::TRACKER_MISSING, "does not exist"),
        (Program::Missing, _) => (findings::SCRIPT_MISSING, "does not exist"),
        (Program::NotExecutable, _) => (findings::SCRIPT_MISSING, "cannot be executed"),
    };
    let message = format!("{} {problem}; the script is not run", command.display());
    Some(Diagnostic::new(finding, message, Some(script.span)))
}
