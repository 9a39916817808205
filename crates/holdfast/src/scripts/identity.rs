//! The user that a script runs as: its own, else `script_user`, else `keepalived_script` where that account exists, else ours.

use anyhow::{Context, bail};
use nix::unistd::{Gid, Group, Uid, User};
use tokio::process::Command;

/// The account that keepalived runs scripts as where it exists.
const DEFAULT_ACCOUNT: &str = "keepalived_script";

/// A user and a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// User id
    pub uid: u32,
    /// Group id
    pub gid: u32,
}

impl Identity {
    /// Our own.
    pub fn current() -> Self {
        Self {
            uid: Uid::effective().as_raw(),
            gid: Gid::effective().as_raw(),
        }
    }

    /// Looks up a user and, if given, a group; without a group the user's own.
    pub fn look_up(user: &str, group: Option<&str>) -> anyhow::Result<Self> {
        let Some(account) = User::from_name(user).with_context(|| format!("cannot look up user {user}"))? else {
            bail!("there is no user {user}");
        };
        let gid = match group {
            None => account.gid,
            Some(name) => match Group::from_name(name).with_context(|| format!("cannot look up group {name}"))? {
                Some(group) => group.gid,
                None => bail!("there is no group {name}"),
            },
        };
        Ok(Self {
            uid: account.uid.as_raw(),
            gid: gid.as_raw(),
        })
    }

    /// Whether a script of this identity can do anything to the system.
    pub fn is_root(self) -> bool {
        self.uid == 0
    }

    pub(super) fn apply(self, command: &mut Command) {
        if self != Self::current() {
            // The standard library also gives up our supplementary groups when the user changes.
            command.gid(self.gid).uid(self.uid);
        }
    }
}

/// Who runs a script that names nobody.
pub fn default_identity() -> Identity {
    Identity::look_up(DEFAULT_ACCOUNT, None).unwrap_or_else(|_| Identity::current())
}
