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

#[cfg(test)]
impl FromIterator<(String, Script)> for CommandTable {
    fn from_iter<Commands: IntoIterator<Item = (String, Script)>>(commands: Commands) -> Self {
        Self(commands.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdfast_conf::{LoadOptions, MemoryLoader, load};

    fn config(global: &str, checks: &[&str]) -> Config {
        let checks: Vec<String> = checks
            .iter()
            .map(|check| format!("MISC_CHECK {{\nmisc_path {check}\n}}\n"))
            .collect();
        let text = format!(
            "global_defs {{\nscript_user root\n{global}\n}}\nvirtual_server 192.0.2.1 80 {{\nlb_algo rr\nlb_kind NAT\n\
             protocol TCP\nreal_server 192.0.2.11 80 {{\n{}}}\n}}\n",
            checks.concat()
        );
        let files = MemoryLoader::new().with("k.conf", text);
        load(&files, std::path::Path::new("k.conf"), &LoadOptions::default()).config
    }

    fn checks(config: &Config) -> Vec<&MiscCheck> {
        let checkers = &config.virtual_servers[0].real_servers[0].checkers;
        let misc = checkers.iter().filter_map(|it| match &it.kind {
            CheckerKind::MiscCheck(misc) => Some(misc),
            _ => None,
        });
        misc.collect()
    }

    #[test]
    fn commands_are_told_apart_by_their_words_and_users() {
        let config = config(
            "",
            &[
                "\"/bin/echo a b\"",
                "\"/bin/echo 'a b'\"",
                "\"/bin/echo a b\"",
                "\"/bin/echo a b\"\nuser root root",
            ],
        );
        let (table, messages) = CommandTable::from_config(&config);
        assert_eq!(messages, Vec::<String>::new());
        let names: Vec<String> = checks(&config).iter().map(|it| command_name(&it.misc_path)).collect();
        assert_eq!(
            names,
            [
                "/bin/echo a b",
                "/bin/echo 'a b'",
                "/bin/echo a b",
                "/bin/echo a b (as root:root)"
            ]
        );
        assert_eq!(table.0.len(), 3);
        let words = |name: &str| table.get(name).map(|script| script.argv.len());
        assert_eq!([0, 1, 3].map(|at| words(&names[at])), [Some(3), Some(2), Some(3)]);
        assert!(checks(&config).into_iter().all(|check| table.has(check)));
        assert!(table.get("/bin/echo").is_none());
    }

    /// The checker gets no check whose command is not in the table.
    #[test]
    fn what_cannot_or_must_not_be_run_is_left_out_and_said() {
        use std::os::unix::fs::PermissionsExt;
        let open = std::env::temp_dir().join(format!("holdfast-open-check-{}", std::process::id()));
        std::fs::write(&open, "#!/bin/sh\n").unwrap();
        std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o777)).unwrap();
        let open = open.to_string_lossy().into_owned();
        let of = |global: &str| {
            let config = config(
                global,
                &[
                    "/no/such/check",
                    &open,
                    "/bin/true",
                    "/bin/true\nuser nobody-has-this-name",
                ],
            );
            let (table, messages) = CommandTable::from_config(&config);
            let has: Vec<bool> = checks(&config).into_iter().map(|check| table.has(check)).collect();
            let planned = crate::plan::health::settings(&config, &table, &crate::plan::marks::Marks::default());
            let checkers = planned.virtual_servers[0].real_servers[0].checkers.len();
            (has, messages, checkers)
        };
        let (has, messages, checkers) = of("enable_script_security");
        assert_eq!(has, [false, false, true, false]);
        assert_eq!(checkers, 1);
        let left_out = |what: &str| messages.iter().filter(|it| it.contains(what)).count();
        assert_eq!(left_out("is left out"), 3, "{messages:#?}");
        assert_eq!(left_out("`/no/such/check` is left out"), 1, "{messages:#?}");
        assert_eq!(left_out("nobody-has-this-name"), 1, "{messages:#?}");
        let (has, messages, _) = of("");
        assert_eq!(has, [false, true, true, false], "{messages:#?}");
        std::fs::remove_file(open).unwrap();
    }
}
