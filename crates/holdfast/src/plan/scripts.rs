//! Every script of the configuration by what it speaks for, with its user looked up and its path checked; and for whom
//! mail is sent.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::ffi::OsStr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use holdfast_conf::config::{self, Config};
use holdfast_conf::host::Program;

use super::health::{real_server_name, virtual_server_name};
use crate::host::find_program;
use crate::scripts::{Identity, Script, check_path, default_identity};

/// Scripts by what they speak for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScriptTable {
    /// By the name of the instance
    pub instances: HashMap<String, Arc<StateScripts>>,
    /// By the name of the sync group
    pub groups: HashMap<String, Arc<StateScripts>>,
    /// By the name of the virtual server
    pub virtual_servers: HashMap<String, ServiceScripts>,
}

/// The scripts of an instance or a group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StateScripts {
    /// `notify_master` and the like, by the state that starts them
    pub by_state: HashMap<&'static str, Script>,
    /// `notify`
    pub generic: Option<Script>,
    /// `smtp_alert`
    pub mail: bool,
}

/// The scripts of a virtual server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServiceScripts {
    /// `quorum_up` and `quorum_down`, and mail about it
    pub quorum: UpDown,
    /// `notify_up` and `notify_down`, by the name of the real server
    pub real_servers: HashMap<String, Arc<UpDown>>,
}

/// A script for each of two states.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UpDown {
    /// When up
    pub up: Option<Script>,
    /// When down
    pub down: Option<Script>,
    /// `smtp_alert`
    pub mail: bool,
}

/// What runs before the first child and after the last one, and how long it may.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LifeScripts {
    /// `startup_script`
    pub startup: Option<(Script, Duration)>,
    /// `shutdown_script`
    pub shutdown: Option<(Script, Duration)>,
}

impl LifeScripts {
    /// Collects them. One that cannot be run or must not be run is left out; a message says why.
    pub fn from_config(config: &Config) -> (Self, Vec<String>) {
        let mut builder = Builder::new(config);
        let global = &config.global_defs;
        let mut script = |script: &Option<config::Script>, limit| Some((builder.script(script.as_ref())?, limit));
        let scripts = Self {
            startup: script(&global.startup_script, global.startup_script_timeout),
            shutdown: script(&global.shutdown_script, global.shutdown_script_timeout),
        };
        (scripts, builder.messages)
    }
}

/// Looks up users and checks paths.
pub(super) struct Builder {
    /// `script_user`
    configured: Option<config::ScriptUser>,
    /// Looked up for the first script that needs it: it brings the host's ways of naming users into memory.
    default: OnceCell<Result<Identity, String>>,
    refuse_insecure: bool,
    by_symlinks: bool,
    all_groups: bool,
    /// What there is to say about scripts, a line each
    pub(super) messages: Vec<String>,
}

impl ScriptTable {
    /// Collects the scripts. Those that cannot be run or must not be run are left out; the messages say which and why.
    pub fn from_config(config: &Config) -> (Self, Vec<String>) {
        let mut builder = Builder::new(config);
        let mut table = Self::default();
        let global = &config.global_defs;
        let mail = |own: Option<bool>| own.or(global.smtp_alert_vrrp).or(global.smtp_alert).unwrap_or(false);
        // Most have none, and share them.
        let none = Arc::new(StateScripts::default());
        let shared = |scripts| {
            if *none == scripts {
                Arc::clone(&none)
            } else {
                Arc::new(scripts)
            }
        };
        for instance in &config.vrrp_instances {
            let mut scripts = builder.states(&instance.notify);
            scripts.mail = mail(instance.smtp_alert);
            table.instances.insert(instance.name.value.clone(), shared(scripts));
        }
        for group in &config.vrrp_sync_groups {
            let mut scripts = builder.states(&group.notify);
            scripts.mail = mail(group.smtp_alert);
            table.groups.insert(group.name.value.clone(), shared(scripts));
        }
        for server in &config.virtual_servers {
            let scripts = builder.service(server);
            table.virtual_servers.insert(virtual_server_name(server), scripts);
        }
        (table, builder.messages)
    }
}

impl Builder {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            configured: config.global_defs.script_user.as_ref().map(|user| user.value.clone()),
            default: OnceCell::new(),
            refuse_insecure: config.global_defs.enable_script_security,
            by_symlinks: config.global_defs.use_symlink_paths,
            all_groups: config.global_defs.set_supplementary_groups,
            messages: Vec::new(),
        }
    }

    fn states(&mut self, notify: &config::Notify) -> StateScripts {
        let deleted = match &notify.notify_deleted {
            Some(config::NotifyDeleted::Script(script)) => Some(&**script),
            Some(config::NotifyDeleted::State) | None => None,
        };
        let by_state = [
            ("MASTER", notify.notify_master.as_deref()),
            ("BACKUP", notify.notify_backup.as_deref()),
            ("FAULT", notify.notify_fault.as_deref()),
            ("STOP", notify.notify_stop.as_deref()),
            ("DELETED", deleted),
            ("MASTER_RX_LOWER_PRI", notify.notify_master_rx_lower_pri.as_deref()),
        ];
        StateScripts {
            by_state: by_state
                .into_iter()
                .filter_map(|(state, script)| Some((state, self.script(script)?)))
                .collect(),
            generic: self.script(notify.notify.as_deref()),
            mail: false,
        }
    }

    fn service(&mut self, server: &config::VirtualServer) -> ServiceScripts {
        // Most are like the one before, and share it.
        let mut last = Arc::new(UpDown::default());
        ServiceScripts {
            quorum: UpDown {
                mail: server.smtp_alert,
                ..self.up_down(server.quorum_up.as_deref(), server.quorum_down.as_deref())
            },
            real_servers: server
                .real_servers
                .iter()
                .map(|real| {
                    let mut scripts = self.up_down(real.notify_up.as_deref(), real.notify_down.as_deref());
                    scripts.mail = real.smtp_alert;
                    if *last != scripts {
                        last = Arc::new(scripts);
                    }
                    (real_server_name(server, real), Arc::clone(&last))
                })
                .collect(),
        }
    }

    fn up_down(&mut self, up: Option<&config::Script>, down: Option<&config::Script>) -> UpDown {
        UpDown {
            up: self.script(up),
            down: self.script(down),
            mail: false,
        }
    }

    /// A script that is to be run; a message says why one will not be.
    pub(super) fn script(&mut self, script: Option<&config::Script>) -> Option<Script> {
        let script = script?;
        match self.checked(script) {
            Ok(script) => Some(script),
            Err(reason) => {
                let command = script.argv.join(OsStr::new(" "));
                self.messages
                    .push(format!("script `{}` will not be run: {reason}", command.display()));
                None
            }
        }
    }

    /// The script as it can be run, or why it cannot or must not be run.
    pub(super) fn checked(&mut self, script: &config::Script) -> Result<Script, String> {
        let identity = self.identity(script)?;
        let program = Path::new(script.argv.first().ok_or("there is no command")?);
        let program = find_program(program).map_err(|problem| match problem {
            Program::NotExecutable => format!("{} is not executable", program.display()),
            _ => "there is no such file".to_owned(),
        })?;
        if identity.is_root()
            && let Some(insecure) = check_path(&program)
        {
            if self.refuse_insecure {
                return Err(format!(
                    "it would run as root and somebody else can change it: {insecure}"
                ));
            }
            self.messages.push(format!(
                "script {} runs as root and somebody else can change it: {insecure}; \
                 enable_script_security would refuse it",
                program.display()
            ));
        }
        // What a link leads to is judged now, so that is what runs.
        let program = if self.by_symlinks {
            program
        } else {
            program.canonicalize().unwrap_or(program)
        };
        Ok(Script {
            argv: script.argv.clone(),
            program: Some(program),
            identity,
        })
    }

    fn default_identity(&self) -> Result<Identity, String> {
        match &self.configured {
            None => Ok(default_identity()),
            Some(user) => {
                Identity::look_up(&user.user, user.group.as_deref()).map_err(|error| format!("script_user: {error:#}"))
            }
        }
    }

    /// Whom a script runs as.
    pub(super) fn identity(&self, script: &config::Script) -> Result<Identity, String> {
        let identity = match &script.user {
            Some(user) => Identity::look_up(user, script.group.as_deref()).map_err(|error| format!("{error:#}"))?,
            None => self.default.get_or_init(|| self.default_identity()).clone()?,
        };
        if self.all_groups {
            return identity
                .with_supplementary_groups()
                .map_err(|error| format!("{error:#}"));
        }
        Ok(identity)
    }
}

#[cfg(test)]
mod tests {
    use holdfast_conf::{LoadOptions, MemoryLoader};

    use super::*;

    fn startup_script(global: &str) -> Script {
        let text = format!("global_defs {{\nscript_user root\nenable_script_security\n{global}\n}}\n");
        let loader = MemoryLoader::new().with("/k.conf", text);
        let config = holdfast_conf::load(&loader, Path::new("/k.conf"), &LoadOptions::default()).config;
        let (scripts, messages) = LifeScripts::from_config(&config);
        assert_eq!(messages, Vec::<String>::new());
        scripts.startup.unwrap().0
    }

    #[test]
    fn what_a_link_leads_to_is_executed_under_the_link_s_name_unless_told_otherwise() {
        let folder = Path::new("/run").join(format!("holdfast-link-test-{}", std::process::id()));
        if std::fs::create_dir(&folder).is_err() {
            println!("only root can make a place that is safe from others");
            return;
        }
        let link = folder.join("link");
        std::os::unix::fs::symlink("/usr/bin/true", &link).unwrap();
        let real = link.canonicalize().unwrap();
        let resolved = startup_script(&format!("startup_script {}", link.display()));
        let by_link = startup_script(&format!("startup_script {}\nuse_symlink_paths", link.display()));
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(
            (resolved.program, &resolved.argv),
            (Some(real), &vec![link.clone().into()])
        );
        assert_eq!(by_link.program, Some(link));
    }
}
