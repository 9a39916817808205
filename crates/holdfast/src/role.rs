//! The roles of child processes: this program again, told by its environment.

use std::fmt;

/// In a child's environment: which role it has.
pub const ROLE_VARIABLE: &str = "HOLDFAST_ROLE";

/// The roles of children.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// VRRP, addresses, announcements
    Vrrp,
    /// Probes, health, IPVS
    Checker,
    /// BFD sessions
    Bfd,
    /// SNMP
    Snmp,
    /// The service on D-Bus
    Dbus,
}

impl Role {
    /// The role's word in the environment.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Vrrp => "vrrp",
            Self::Checker => "checker",
            Self::Bfd => "bfd",
            Self::Snmp => "snmp",
            Self::Dbus => "dbus",
        }
    }

    /// The name of its lines in syslog, as keepalived's users know it.
    pub const fn log_ident(self) -> &'static str {
        match self {
            Self::Vrrp => "Keepalived_vrrp",
            Self::Checker => "Keepalived_healthcheckers",
            Self::Bfd => "Keepalived_bfd",
            Self::Snmp => "Keepalived_snmp",
            Self::Dbus => "Keepalived_dbus",
        }
    }

    /// The role that this process was started for, if a supervisor started it; `None`: it is the supervisor, or a command.
    pub fn of_this_process() -> Option<Self> {
        let name = std::env::var(ROLE_VARIABLE).ok()?;
        [Self::Vrrp, Self::Checker, Self::Bfd, Self::Snmp, Self::Dbus]
            .into_iter()
            .find(|role| role.name() == name)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
