//! Every script of the configuration by what it speaks for, with its user looked up and its path checked.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::path::Path;

use holdfast_conf::config::{self, Config};
use holdfast_conf::host::Program;

use super::health::{real_server_name, virtual_server_name};
use crate::host::find_program;
use crate::scripts::{Identity, Script, check_path, default_identity};

/// Scripts by what they speak for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScriptTable {
    /// Those of instances of the configuration before, for what is said when a reload removes them
    pub former_instances: HashMap<String, StateScripts>,
    /// By the name of the instance
    pub instances: HashMap<String, StateScripts>,
    /// By the name of the sync group
    pub groups: HashMap<String, StateScripts>,
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
}

/// The scripts of a virtual server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServiceScripts {
    /// `quorum_up` and `quorum_down`
    pub quorum: UpDown,
    /// `notify_up` and `notify_down`, by the name of the real server
    pub real_servers: HashMap<String, UpDown>,
}

/// A script for each of two states.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UpDown {
    /// When up
    pub up: Option<Script>,
    /// When down
    pub down: Option<Script>,
}

/// Looks up users and checks paths.
pub(super) struct Builder {
    default: Result<Identity, String>,
    refuse_insecure: bool,
    /// What there is to say about scripts, a line each
    pub(super) messages: Vec<String>,
}

impl ScriptTable {
    /// Collects the scripts. Those that cannot be run or must not be run are left out; the messages say which and why.
    pub fn from_config(config: &Config) -> (Self, Vec<String>) {
        let mut builder = Builder::new(config);
        let mut table = Self::default();
        for instance in &config.vrrp_instances {
            let scripts = builder.states(&instance.notify);
            table.instances.insert(instance.name.value.clone(), scripts);
        }
        for group in &config.vrrp_sync_groups {
            let scripts = builder.states(&group.notify);
            table.groups.insert(group.name.value.clone(), scripts);
        }
        for server in &config.virtual_servers {
            let scripts = builder.service(server);
            table.virtual_servers.insert(virtual_server_name(server), scripts);
        }
        (table, builder.messages)
    }
}

impl ScriptTable {
    /// This table as the successor of another one.
    pub fn following(self, former: &Self) -> Self {
        Self {
            former_instances: former.instances.clone(),
            ..self
        }
    }
}

impl Builder {
    pub(super) fn new(config: &Config) -> Self {
        let default = match &config.global_defs.script_user {
            None => Ok(default_identity()),
            Some(user) => Identity::look_up(&user.value.user, user.value.group.as_deref())
                .map_err(|error| format!("script_user: {error:#}")),
        };
        Self {
            default,
            refuse_insecure: config.global_defs.enable_script_security,
            messages: Vec::new(),
        }
    }

    fn states(&mut self, notify: &config::Notify) -> StateScripts {
        let by_state = [
            ("MASTER", &notify.notify_master),
            ("BACKUP", &notify.notify_backup),
            ("FAULT", &notify.notify_fault),
            ("STOP", &notify.notify_stop),
            ("MASTER_RX_LOWER_PRI", &notify.notify_master_rx_lower_pri),
        ];
        let deleted = match &notify.notify_deleted {
            Some(config::NotifyDeleted::Script(script)) => Some(script.as_ref()),
            Some(config::NotifyDeleted::State) | None => None,
        };
        StateScripts {
            by_state: by_state
                .into_iter()
                .map(|(state, script)| (state, script.as_deref()))
                .chain([("DELETED", deleted)])
                .filter_map(|(state, script)| Some((state, self.script(script)?)))
                .collect(),
            generic: self.script(notify.notify.as_deref()),
        }
    }

    fn service(&mut self, server: &config::VirtualServer) -> ServiceScripts {
        ServiceScripts {
            quorum: self.up_down(server.quorum_up.as_deref(), server.quorum_down.as_deref()),
            real_servers: server
                .real_servers
                .iter()
                .map(|real| {
                    let scripts = self.up_down(real.notify_up.as_deref(), real.notify_down.as_deref());
                    (real_server_name(server, real), scripts)
                })
                .collect(),
        }
    }

    fn up_down(&mut self, up: Option<&config::Script>, down: Option<&config::Script>) -> UpDown {
        UpDown {
            up: self.script(up),
            down: self.script(down),
        }
    }

    fn script(&mut self, script: Option<&config::Script>) -> Option<Script> {
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
        Ok(Script {
            argv: script.argv.clone(),
            identity,
        })
    }

    /// Whom a script runs as.
    pub(super) fn identity(&self, script: &config::Script) -> Result<Identity, String> {
        match &script.user {
            Some(user) => Identity::look_up(user, script.group.as_deref()).map_err(|error| format!("{error:#}")),
            None => self.default.clone(),
        }
    }
}
