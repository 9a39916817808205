//! Who is told of changes, and how: scripts, FIFOs, mail.

use std::path::PathBuf;
use std::time::Duration;

use holdfast_conf::config::{self, Config};

use super::scripts::{Builder, ScriptTable};
use crate::scripts::{Identity, Script};

/// Our name on a host that has none.
const UNKNOWN_HOST: &str = "localhost";

/// Everything about reports.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NotifyPlan {
    /// Scripts, and whose changes are mailed
    pub scripts: ScriptTable,
    /// FIFOs that lines are written to
    pub fifos: Vec<FifoPlan>,
    /// `fifo_write_vrrp_states_on_reload`
    pub write_states_on_reload: bool,
    /// Where mail goes; `None`: there is no relay or nobody to write to
    pub mail: Option<MailPlan>,
}

/// Whose lines a FIFO gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// `notify_fifo`
    All,
    /// `vrrp_notify_fifo`
    Vrrp,
    /// `lvs_notify_fifo`
    Lvs,
}

/// One FIFO.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FifoPlan {
    /// Whose lines it gets
    pub audience: Audience,
    /// Its path
    pub path: PathBuf,
    /// Who owns it
    pub owner: Identity,
    /// `*notify_fifo_script`, with the path as its last argument
    pub reader: Option<Script>,
}

/// How mail is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailPlan {
    /// `smtp_server`: name or address of the relay
    pub host: String,
    /// Its port
    pub port: u16,
    /// `smtp_connect_timeout`: for each step of the dialogue
    pub timeout: Duration,
    /// `smtp_helo_name`
    pub helo_name: String,
    /// `router_id`: in brackets before each subject
    pub router_id: String,
    /// `notification_email_from`
    pub from: String,
    /// `notification_email`
    pub to: Vec<String>,
    /// `no_email_faults`
    pub no_faults: bool,
    /// `no_checker_emails`
    pub only_changes_of_real_servers: bool,
}

impl NotifyPlan {
    /// Collects what is configured. What cannot be used is left out; the messages say what and why.
    pub fn from_config(config: &Config) -> (Self, Vec<String>) {
        let (scripts, mut messages) = ScriptTable::from_config(config);
        let mut builder = Builder::new(config);
        let global = &config.global_defs;
        let fifos = [
            (Audience::All, &global.notify_fifo),
            (Audience::Vrrp, &global.vrrp_notify_fifo),
            (Audience::Lvs, &global.lvs_notify_fifo),
        ];
        let fifos = fifos
            .into_iter()
            .filter_map(|(audience, fifo)| builder.fifo(audience, fifo))
            .collect();
        messages.append(&mut builder.messages);
        let plan = Self {
            scripts,
            fifos,
            write_states_on_reload: global.fifo_write_vrrp_states_on_reload,
            mail: mail(global),
        };
        (plan, messages)
    }
}

impl Builder {
    fn fifo(&mut self, audience: Audience, fifo: &config::NotifyFifo) -> Option<FifoPlan> {
        let path = fifo.path.as_ref()?;
        let owner = match &fifo.owner {
            None => Ok(Identity::current()),
            Some(owner) => Identity::look_up(&owner.user, owner.group.as_deref()),
        };
        let owner = match owner {
            Ok(owner) => owner,
            Err(error) => {
                self.messages
                    .push(format!("FIFO {} will not be used: {error:#}", path.value));
                return None;
            }
        };
        let mut reader = self.script(fifo.script.as_ref());
        if let Some(reader) = &mut reader {
            reader.argv.push(path.value.clone().into());
        }
        Some(FifoPlan {
            audience,
            path: PathBuf::from(&path.value),
            owner,
            reader,
        })
    }
}

fn mail(global: &config::GlobalDefs) -> Option<MailPlan> {
    let server = global.smtp_server.as_ref()?;
    if global.notification_email.is_empty() {
        return None;
    }
    let host_name = || {
        let name = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
        name.filter(|name| !name.is_empty())
            .unwrap_or_else(|| UNKNOWN_HOST.to_owned())
    };
    let own_user = || {
        let user = nix::unistd::User::from_uid(nix::unistd::Uid::effective())
            .ok()
            .flatten();
        user.map_or_else(|| "root".to_owned(), |user| user.name)
    };
    Some(MailPlan {
        host: server.host.clone(),
        port: server.port,
        // keepalived waits a second where 0 is written.
        timeout: global.smtp_connect_timeout.max(Duration::from_secs(1)),
        helo_name: global.smtp_helo_name.clone().unwrap_or_else(host_name),
        router_id: global.router_id.clone().unwrap_or_else(host_name),
        from: global
            .notification_email_from
            .clone()
            .unwrap_or_else(|| format!("{}@{}", own_user(), host_name())),
        to: global.notification_email.clone(),
        no_faults: global.no_email_faults,
        only_changes_of_real_servers: global.no_checker_emails,
    })
}
