//! What managers see over SNMP of the configuration, and where the master agent is.

mod agent_address;
pub mod check;
pub mod vrrp;

use std::net::SocketAddr;

use holdfast_conf::config::{Config, DynamicInterfaces, LvsFlushOnStop, SmtpServer};
use serde::{Deserialize, Serialize};

pub use agent_address::AgentAddress;

/// What the command line says about SNMP.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SnmpOptions {
    /// `-x`: all that there is, whatever the file says
    pub everything: bool,
    /// `-A`: where the master agent is, whatever the file says
    pub agent: Option<String>,
}

/// Everything that the SNMP process is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnmpPlan {
    /// Where the master agent listens
    pub agent: AgentAddress,
    /// What is served
    pub serves: Served,
    /// `enable_traps`
    pub traps: bool,
    /// KEEPALIVED-MIB 1
    pub global: GlobalFacts,
    /// For KEEPALIVED-MIB 2 and the MIBs of RFC 2787 and RFC 6527
    pub vrrp: vrrp::VrrpFacts,
    /// For KEEPALIVED-MIB 3
    pub check: check::CheckFacts,
}

/// Which parts are served.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a keyword of its own")]
pub struct Served {
    /// `enable_snmp_vrrp`: KEEPALIVED-MIB 2
    pub vrrp: bool,
    /// `enable_snmp_checker`: KEEPALIVED-MIB 3
    pub checker: bool,
    /// `enable_snmp_rfcv2`: VRRP-MIB of RFC 2787
    pub rfcv2: bool,
    /// `enable_snmp_rfcv3`: VRRPV3-MIB of RFC 6527
    pub rfcv3: bool,
}

/// What the file says about all of the daemon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a keyword of its own")]
pub struct GlobalFacts {
    /// `router_id`, or the host's name
    pub router_id: String,
    /// The mail relay, if the file names its address: names are looked up when there is mail to send
    pub smtp_server: Option<SocketAddr>,
    /// `smtp_connect_timeout`, s
    pub smtp_timeout_s: u64,
    /// `notification_email_from`
    pub email_from: Option<String>,
    /// `notification_email`
    pub emails: Vec<String>,
    /// Not `no_email_faults`
    pub email_faults: bool,
    /// `smtp_alert`
    pub smtp_alert: Option<bool>,
    /// `smtp_alert_vrrp`
    pub smtp_alert_vrrp: Option<bool>,
    /// `smtp_alert_checker`
    pub smtp_alert_checker: Option<bool>,
    /// `linkbeat_use_polling`, for all interfaces
    pub linkbeat_polling: bool,
    /// `lvs_flush`
    pub lvs_flush: bool,
    /// `lvs_flush_on_stop`
    pub lvs_flush_on_stop: LvsFlushOnStop,
    /// `net_namespace`
    pub namespace: Option<String>,
    /// `enable_dbus`
    pub dbus: bool,
    /// `dynamic_interfaces`
    pub dynamic_interfaces: bool,
    /// `v3_checksum_as_v2`
    pub v3_checksum_as_v2: bool,
}

impl Served {
    fn any(self) -> bool {
        self.vrrp || self.checker || self.rfcv2 || self.rfcv3
    }
}

impl SnmpPlan {
    /// Whether there are traps of RFC 2787 or RFC 6527 to send.
    pub const fn sends_rfc_traps(&self) -> bool {
        self.traps && (self.serves.rfcv2 || self.serves.rfcv3)
    }

    /// What the file and the command line ask for; `None`: nothing, or it cannot be. `namespace`: the one that the daemon runs in.
    /// The messages say what cannot be.
    pub fn from_config(config: &Config, options: &SnmpOptions, namespace: Option<&str>) -> (Option<Self>, Vec<String>) {
        let snmp = &config.global_defs.snmp;
        let serves = Served {
            vrrp: snmp.vrrp || options.everything,
            checker: snmp.checker || options.everything,
            rfcv2: snmp.rfcv2 || options.everything,
            rfcv3: snmp.rfcv3 || options.everything,
        };
        if !serves.any() {
            return (None, Vec::new());
        }
        let agent = options.agent.as_ref().or(snmp.socket.as_ref());
        let agent = match agent.map_or(Ok(AgentAddress::default()), |text| text.parse()) {
            Ok(agent) => agent,
            Err(error) => return (None, vec![format!("snmp_socket: {error}; SNMP is off")]),
        };
        let plan = Self {
            agent,
            serves,
            traps: snmp.traps,
            global: global_facts(config, namespace),
            vrrp: vrrp::facts(config),
            check: check::facts(config),
        };
        (Some(plan), Vec::new())
    }
}

fn global_facts(config: &Config, namespace: Option<&str>) -> GlobalFacts {
    let global = &config.global_defs;
    GlobalFacts {
        router_id: global.router_id.clone().unwrap_or_else(host_name),
        smtp_server: global.smtp_server.as_ref().and_then(smtp_server),
        smtp_timeout_s: global.smtp_connect_timeout.as_secs(),
        email_from: global.notification_email_from.clone(),
        emails: global.notification_email.clone(),
        email_faults: !global.no_email_faults,
        smtp_alert: global.smtp_alert,
        smtp_alert_vrrp: global.smtp_alert_vrrp,
        smtp_alert_checker: global.smtp_alert_checker,
        linkbeat_polling: config.linkbeat_use_polling,
        lvs_flush: global.lvs_flush,
        lvs_flush_on_stop: global.lvs_flush_on_stop,
        namespace: namespace.map(str::to_owned),
        dbus: global.dbus.enable,
        dynamic_interfaces: global.dynamic_interfaces != DynamicInterfaces::No,
        v3_checksum_as_v2: global.v3_checksum_as_v2,
    }
}

fn smtp_server(server: &SmtpServer) -> Option<SocketAddr> {
    Some(SocketAddr::new(server.host.parse().ok()?, server.port))
}

fn host_name() -> String {
    let name = nix::unistd::gethostname().unwrap_or_default();
    name.to_string_lossy().into_owned()
}
