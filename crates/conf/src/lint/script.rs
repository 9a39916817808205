//! Advice on scripts.
//!
//! Said when a file is read, and therefore not here: scripts without `enable_script_security` (HF0313). Scripts that
//! cannot be run at all are no advice: HF0852 to HF0854.

use super::Pass;
use crate::config::Script;
use crate::diagnostic::{Diagnostic, findings};
use crate::host::{self, Host, Program};
use crate::source::Span;
use std::path::Path;

pub(super) fn look(pass: &mut Pass<'_>) {
    let config = pass.config;
    if let Some(host) = pass.host {
        for (_, script) in host::scripts(config) {
            insecure(pass, script, host);
        }
    }
    timeouts(pass);
    shared_directories(pass);
}

fn timeouts(pass: &mut Pass<'_>) {
    let scripts = pass.config.vrrp_scripts.iter();
    let slow: Vec<_> = scripts.filter(|script| script.timeout >= script.interval).collect();
    let Some(first) = slow.first() else { return };
    let message = format!(
        "vrrp_script {} runs every {:?} and may take {:?}",
        first.name, first.interval, first.timeout
    );
    let places: Vec<Span> = slow.iter().map(|script| script.name.span).collect();
    pass.advise_once(
        findings::SCRIPT_TIMEOUT,
        &places,
        message,
        "write a timeout shorter than the interval",
    );
}

fn insecure(pass: &mut Pass<'_>, script: &Script, host: &dyn Host) {
    let Some(command) = script.argv.first() else { return };
    let runs_as_root = host::user_id(pass.config, script, host) == Ok(0);
    if !runs_as_root || host.program(command) != Program::Executable {
        return;
    }
    let Some(why) = host.insecure(Path::new(command)) else {
        return;
    };
    let consequence = if pass.config.global_defs.enable_script_security {
        "so it is not run"
    } else {
        "so whoever can has the rights of root"
    };
    let message = format!("Somebody who is not root can change this script, which runs as root, {consequence}: {why}");
    pass.advise(Diagnostic::new(findings::SCRIPT_INSECURE, message, Some(script.span)));
}

/// Directories that everybody may write to.
const SHARED_DIRECTORIES: [&str; 3] = ["/tmp", "/var/tmp", "/dev/shm"];

fn is_shared(path: impl AsRef<Path>) -> bool {
    SHARED_DIRECTORIES
        .iter()
        .any(|directory| path.as_ref().starts_with(directory))
}

fn shared_directories(pass: &mut Pass<'_>) {
    let config = pass.config;
    let mut places: Vec<(&str, Span)> = Vec::new();
    let files = config.track_files.iter().map(|it| &it.file);
    let global = &config.global_defs;
    let fifos = [&global.notify_fifo, &global.vrrp_notify_fifo, &global.lvs_notify_fifo];
    let fifos = fifos.into_iter().filter_map(|fifo| fifo.path.as_ref());
    for file in files.chain(fifos).filter(|file| is_shared(file.as_str())) {
        places.push((file.as_str(), file.span));
    }
    for (_, script) in host::scripts(config) {
        let command = script.argv.first().and_then(|command| command.to_str());
        places.extend(
            command
                .filter(|command| is_shared(command))
                .map(|command| (command, script.span)),
        );
    }
    for (path, span) in places {
        let message = format!("{path} is in a directory that everybody may write to");
        pass.advise(
            Diagnostic::new(findings::SHARED_DIRECTORY, message, Some(span))
                .hint("keep it below /run or /etc, in a directory of its own"),
        );
    }
}
