//! What a configuration means on one host: whether its interfaces, scripts and users are there.
//!
//! The crate does not look at the host itself. Who does hands in a [`Host`].

mod interfaces;
mod scripts;

pub use interfaces::check_interfaces;
pub use scripts::{any_script_runs, check_scripts};
pub(crate) use scripts::{scripts, user_id};

use std::ffi::OsStr;
use std::net::IpAddr;
use std::path::Path;

/// An address of the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostAddress {
    /// The interface that has it.
    pub interface: String,
    /// The address.
    pub address: IpAddr,
    /// The length of its network's prefix.
    pub prefix_length: u8,
}

/// What can become of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// It can be run.
    Executable,
    /// There is no such file.
    Missing,
    /// There is a file that may not be executed, or something that is no file.
    NotExecutable,
}

/// What a host has.
pub trait Host {
    /// Is there an interface of this name?
    fn has_interface(&self, name: &str) -> bool;

    /// All addresses of all interfaces.
    fn addresses(&self) -> &[HostAddress];

    /// The value of a sysctl such as `net.ipv4.vs.expire_nodest_conn`; `None`: there is none, or it cannot be read.
    fn sysctl(&self, name: &str) -> Option<String>;

    /// What `command`, the first word of a script, is: a path, or a name that is looked for in `PATH`.
    fn program(&self, command: &OsStr) -> Program;

    /// Who other than root could change the file at `path` or a directory on the way to it: the part of the path,
    /// its owner, its mode and the rule that it breaks, as a sentence. `None`: nobody.
    fn insecure(&self, path: &Path) -> Option<String>;

    /// The number of a user.
    ///
    /// # Errors
    /// Which of user and group does not exist, as a sentence.
    fn user_id(&self, user: &str, group: Option<&str>) -> Result<u32, String>;

    /// Whom scripts run as that name nobody, when `script_user` names nobody either.
    fn default_user_id(&self) -> u32;
}

#[cfg(test)]
pub(crate) mod fake;
#[cfg(test)]
mod tests;
