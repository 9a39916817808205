//! Who is told about changes: FIFOs, SNMP, D-Bus.

use crate::config::{Script, ScriptUser};
use crate::source::Spanned;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A FIFO that lines about changes are written to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotifyFifo {
    /// `*notify_fifo PATH [USER [GROUP]]`.
    pub path: Option<Spanned<String>>,
    /// Its owner.
    pub owner: Option<ScriptUser>,
    /// `*notify_fifo_script`: reads it; its path is the last argument.
    pub script: Option<Script>,
}

/// SNMP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snmp {
    /// `snmp_socket`: where the master agent listens; `None`: `unix:/var/agentx/master`.
    pub socket: Option<String>,
    /// `enable_traps`.
    pub traps: bool,
    /// `enable_snmp_vrrp`: the keepalived MIB about VRRP.
    pub vrrp: bool,
    /// `enable_snmp_rfcv2` or `enable_snmp_rfc`: the MIB of RFC 2787.
    pub rfcv2: bool,
    /// `enable_snmp_rfcv3` or `enable_snmp_rfc`: the MIB of RFC 6527.
    pub rfcv3: bool,
    /// `enable_snmp_checker`: the keepalived MIB about checkers.
    pub checker: bool,
    /// `snmp_vs_stats_update_interval`: how old statistics may be, 1 ms–30 s. Default 5 s.
    pub vs_stats_update_interval: Duration,
    /// `snmp_rs_stats_update_interval`; `None`: as for virtual servers.
    pub rs_stats_update_interval: Option<Duration>,
}

impl Default for Snmp {
    fn default() -> Self {
        Self {
            socket: None,
            traps: false,
            vrrp: false,
            rfcv2: false,
            rfcv3: false,
            checker: false,
            vs_stats_update_interval: Duration::from_secs(5),
            rs_stats_update_interval: None,
        }
    }
}

/// D-Bus.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dbus {
    /// `enable_dbus`.
    pub enable: bool,
    /// `dbus_service_name`; `None`: `org.keepalived.Vrrp1`.
    pub service_name: Option<String>,
    /// `dbus_no_interface_name`: stands in paths for the interface that an instance does not have.
    pub no_interface_name: Option<String>,
}
