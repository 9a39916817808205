//! The commands of `MISC_CHECK`s, by the name under which the checker process asks for them.
//!
//! The checker may only name a command of this table: it talks to strangers, and whoever takes it over must not be able to run
//! anything as another user.

use std::collections::HashMap;
use std::ffi::OsString;

use holdfast_conf::config::{self, CheckerKind, Config, MiscCheck};

use super::scripts::Builder;
use crate::scripts::Script;

/// Commands that can be run, by their name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CommandTable(HashMap<String, Script>);

impl CommandTable {
    /// Collects them. One that cannot be run or must not be run is left out, and its checks with it, as with keepalived; the
    /// messages say which and why.
    pub fn from_config(config: &Config) -> (Self, Vec<String>) {
        let mut builder = Builder::new(config);
        let real_servers = config.virtual_servers.iter().flat_map(|server| &server.real_servers);
        let checks = real_servers.flat_map(|server| &server.checkers);
        let mut table = HashMap::new();
        for check in checks {
            let CheckerKind::MiscCheck(MiscCheck { misc_path, .. }) = &check.kind else {
                continue;
            };
            let name = command_name(misc_path);
            if table.contains_key(&name) {
                continue;
            }
            match builder.checked(misc_path) {
                Ok(script) => {
                    table.insert(name, script);
                }
                Err(reason) => builder
                    .messages
                    .push(format!("MISC_CHECK `{name}` is left out: {reason}")),
            }
        }
        (Self(table), builder.messages)
    }

    /// The command of this name.
    pub fn get(&self, name: &str) -> Option<&Script> {
        self.0.get(name)
    }

    /// Whether a check's command can be run.
    pub fn has(&self, check: &MiscCheck) -> bool {
        self.0.contains_key(&command_name(&check.misc_path))
    }
}

/// The command as a shell would read it, and its user if it has one of its own.
pub fn command_name(script: &config::Script) -> String {
    let quoted = |word: &OsString| {
        let word = word.to_string_lossy();
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+=:@%,".contains(&byte);
        if !word.is_empty() && word.bytes().all(plain) {
            word.into_owned()
        } else {
            format!("'{}'", word.replace('\'', "'\\''"))
        }
    };
    let command: Vec<String> = script.argv.iter().map(quoted).collect();
    let user = script.user.iter().chain(&script.group).map(String::as_str);
    let user: Vec<&str> = user.collect();
    let command = command.join(" ");
    if user.is_empty() {
        command
    } else {
        format!("{command} (as {})", user.join(":"))
    }
}
