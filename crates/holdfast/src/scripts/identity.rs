//! The user that a script runs as: its own, else `script_user`, else `keepalived_script` where that account exists, else ours.
#![allow(unsafe_code)]

use std::ffi::CString;
use std::io;

use anyhow::{Context, bail};
use nix::unistd::{Gid, Group, Uid, User, getgrouplist};
use tokio::process::Command;

/// The account that keepalived runs scripts as where it exists.
const DEFAULT_ACCOUNT: &str = "keepalived_script";

/// A user and its groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// User id
    pub uid: u32,
    /// Group id
    pub gid: u32,
    /// All groups of the user (`set_supplementary_groups`); `None`: only the one above
    supplementary: Option<Vec<Gid>>,
}

impl Identity {
    /// Our own.
    pub fn current() -> Self {
        Self {
            uid: Uid::effective().as_raw(),
            gid: Gid::effective().as_raw(),
            supplementary: None,
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
            supplementary: None,
        })
    }

    /// With all groups that the user is a member of.
    pub fn with_supplementary_groups(self) -> anyhow::Result<Self> {
        let account = User::from_uid(Uid::from_raw(self.uid)).context("cannot look up a user")?;
        let account = account.with_context(|| format!("there is no user {}", self.uid))?;
        let name = CString::new(account.name).context("a user's name with a zero byte")?;
        let groups = getgrouplist(&name, Gid::from_raw(self.gid)).context("cannot look up a user's groups")?;
        Ok(Self {
            supplementary: Some(groups),
            ..self
        })
    }

    /// Whether a script of this identity can do anything to the system.
    pub fn is_root(&self) -> bool {
        self.uid == 0
    }

    pub(super) fn apply(&self, command: &mut Command) {
        let (uid, gid) = (Uid::from_raw(self.uid), Gid::from_raw(self.gid));
        match self.supplementary.clone() {
            None if *self == Self::current() => {}
            // The standard library also gives up our supplementary groups when the user changes.
            None => {
                command.gid(self.gid).uid(self.uid);
            }
            Some(groups) => {
                // Groups first, then the user: the other way round we would have lost the right to.
                let become_user = move || {
                    nix::unistd::setgroups(&groups)
                        .and_then(|()| nix::unistd::setgid(gid))
                        .and_then(|()| nix::unistd::setuid(uid))
                        .map_err(io::Error::from)
                };
                // SAFETY: the closure makes three system calls with what was prepared before the fork; it neither allocates
                // nor takes locks.
                unsafe {
                    command.pre_exec(become_user);
                }
            }
        }
    }
}

/// Who runs a script that names nobody.
pub fn default_identity() -> Identity {
    Identity::look_up(DEFAULT_ACCOUNT, None).unwrap_or_else(|_| Identity::current())
}
