//! What stands outside all blocks: where and how the daemon itself runs.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Settings outside all blocks. None of them can change at a reload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Daemon {
    /// `instance`: tells daemons on one host apart; the pid files begin with it.
    pub instance: Option<String>,
    /// `use_pid_dir`: pid files are in a directory of their own. `instance` and `net_namespace` imply it.
    pub use_pid_dir: bool,
    /// `net_namespace`: VRRP and checkers run in this network namespace; `None`: in that of the daemon.
    pub net_namespace: Option<String>,
    /// `net_namespace_ipvs`: where IPVS is.
    pub net_namespace_ipvs: IpvsNamespace,
    /// `namespace_with_ipsets`: ipsets are used although there is a network namespace.
    pub namespace_with_ipsets: bool,
    /// `child_wait_time`: how long children may take to end before they are killed. Default 5 s.
    pub child_wait_time: Duration,
}

impl Default for Daemon {
    fn default() -> Self {
        Self {
            instance: None,
            use_pid_dir: false,
            net_namespace: None,
            net_namespace_ipvs: IpvsNamespace::default(),
            namespace_with_ipsets: false,
            child_wait_time: Duration::from_secs(5),
        }
    }
}

/// `net_namespace_ipvs [NAME]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum IpvsNamespace {
    /// As `net_namespace`.
    #[default]
    Same,
    /// The namespace that the daemon was started in.
    Initial,
    /// A named one.
    Named(String),
}

/// `SSL`: how this node shows itself to the servers of `SSL_GET`, and which authorities it knows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ssl {
    /// Pass phrase of the key.
    pub password: Option<String>,
    /// File of authorities.
    pub ca: Option<String>,
    /// File of the client's certificate.
    pub certificate: Option<String>,
    /// File of its key.
    pub key: Option<String>,
}
