//! `virtual_server` and `real_server`.

use super::{AddressFamily, Checker, Script};
use crate::source::{Span, Spanned};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

/// What stands after `virtual_server`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum VirtualServerName {
    /// An address and a port; 0 is any port.
    Address(IpAddr, u16),
    /// `fwmark MARK`.
    Fwmark(u32),
    /// `group NAME`.
    Group(String),
}

impl fmt::Display for VirtualServerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address, port) => write!(f, "[{address}]:{port}"),
            Self::Fwmark(mark) => write!(f, "FWM {mark}"),
            Self::Group(name) => write!(f, "group {name}"),
        }
    }
}

/// One IPVS service. With [`VirtualServer::protocol`] it is what the kernel knows a service by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Service {
    /// An address and a port; port 0 is any port.
    Address(IpAddr, u16),
    /// A firewall mark and the family of the packets.
    Fwmark(u32, AddressFamily),
}

/// The layer 4 protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

/// `lb_algo`: how IPVS chooses a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names of the kernel's schedulers")]
pub enum Scheduler {
    Rr,
    Wrr,
    Lc,
    Wlc,
    Lblc,
    Lblcr,
    Sh,
    Mh,
    Dh,
    Fo,
    Ovf,
    Sed,
    Nq,
    Twos,
}

impl Scheduler {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::Rr,
        Self::Wrr,
        Self::Lc,
        Self::Wlc,
        Self::Lblc,
        Self::Lblcr,
        Self::Sh,
        Self::Mh,
        Self::Dh,
        Self::Fo,
        Self::Ovf,
        Self::Sed,
        Self::Nq,
        Self::Twos,
    ];

    /// The kernel's name, which is also the one in the file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rr => "rr",
            Self::Wrr => "wrr",
            Self::Lc => "lc",
            Self::Wlc => "wlc",
            Self::Lblc => "lblc",
            Self::Lblcr => "lblcr",
            Self::Sh => "sh",
            Self::Mh => "mh",
            Self::Dh => "dh",
            Self::Fo => "fo",
            Self::Ovf => "ovf",
            Self::Sed => "sed",
            Self::Nq => "nq",
            Self::Twos => "twos",
        }
    }
}

/// The flags of a service. `sh-port` and `mh-port` are the kernel's `flag_2`, `sh-fallback` and `mh-fallback` its
/// `flag_1`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SchedulerFlags {
    /// `flag-1`, `sh-fallback`, `mh-fallback`.
    pub flag_1: bool,
    /// `flag-2`, `sh-port`, `mh-port`.
    pub flag_2: bool,
    /// `flag-3`.
    pub flag_3: bool,
}

/// `lb_kind`: how packets reach a real server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ForwardingMethod {
    /// Masquerading.
    Nat,
    /// Direct routing.
    Dr,
    /// Tunnelling.
    Tun(Tunnel),
}

impl ForwardingMethod {
    /// Does the server get packets with the port of the service, whatever is written?
    pub fn keeps_port(self) -> bool {
        !matches!(self, Self::Nat)
    }
}

/// `TUN [type KIND] [CHECKSUM]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Tunnel {
    /// `type`.
    pub kind: TunnelKind,
    /// `nocsum`, `csum` or `remcsum`.
    pub checksum: TunnelChecksum,
}

/// `type` of a tunnel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum TunnelKind {
    /// IP in IP.
    #[default]
    Ipip,
    /// Generic UDP encapsulation.
    Gue {
        /// UDP port of the real server.
        port: u16,
    },
    /// GRE.
    Gre,
}

/// The checksum of a GUE or GRE tunnel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum TunnelChecksum {
    /// `nocsum`.
    #[default]
    None,
    /// `csum`.
    Checksum,
    /// `remcsum`: remote checksum offload (GUE).
    Remote,
}

/// One `virtual_server_group` block as it is written, whoever uses it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VirtualServerGroup {
    /// Its name.
    pub name: String,
    /// Its lines, in their order.
    pub entries: Vec<GroupEntry>,
}

/// A line of a `virtual_server_group`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum GroupEntry {
    /// `fwmark MARK [inet|inet6]`.
    Fwmark {
        /// The mark.
        mark: u32,
        /// `None`: it follows the real servers.
        family: Option<AddressFamily>,
    },
    /// `ADDRESS [PORT]`, `ADDRESS-LAST [PORT]` or `ADDRESS/LENGTH [PORT]`.
    Addresses {
        /// The first address.
        first: IpAddr,
        /// The last one, of the same family and not before the first; often the same.
        last: IpAddr,
        /// 0: any port.
        port: u16,
    },
}

/// What checks inherit where they say nothing themselves: what a block and those around it say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckDefaults {
    /// `retry`; `None`: the default of the check's kind.
    pub retry: Option<u32>,
    /// `delay_before_retry`; `None`: the default of the check's kind.
    pub delay_before_retry: Option<Duration>,
    /// `warmup`; `None`: as `delay_loop`.
    pub warmup: Option<Duration>,
    /// `connect_timeout`. Default 5 s.
    pub connect_timeout: Duration,
    /// `delay_loop`. Default 60 s.
    pub delay_loop: Duration,
    /// `alpha`.
    pub alpha: bool,
}

/// One `virtual_server` block.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VirtualServer {
    /// What the block is called in the file.
    pub name: Spanned<VirtualServerName>,
    /// The services it means: one for an address, all entries of a group, a mark once per family.
    pub services: Vec<Service>,
    /// `None` for services by firewall mark alone.
    pub protocol: Option<Protocol>,
    /// `lb_algo`. Default `wlc`.
    pub lb_algo: Scheduler,
    /// The scheduler's flags.
    pub flags: SchedulerFlags,
    /// One packet scheduling (UDP).
    pub ops: bool,
    /// `lb_kind`. Default NAT.
    pub lb_kind: ForwardingMethod,
    /// How long a client stays with its server; `None`: not persistent.
    pub persistence_timeout: Option<Duration>,
    /// Prefix length by which clients are grouped: 32 or 128 by default.
    pub persistence_granularity: u8,
    /// `sip`, for example; at most 15 bytes.
    pub persistence_engine: Option<String>,
    /// What the checks of all its servers inherit.
    pub check_defaults: CheckDefaults,
    /// Time between checks. Default 60 s.
    pub delay_loop: Duration,
    /// Checkers run only while an address of the service is on this host.
    pub ha_suspend: bool,
    /// Real servers are down until their checks succeed.
    pub alpha: bool,
    /// At the end run `quorum_down` and `notify_down`.
    pub omega: bool,
    /// The weight of living servers that is needed. At least 1 and at most their sum.
    pub quorum: u32,
    /// Up at `quorum + hysteresis`, down below `quorum - hysteresis`. Less than `quorum`.
    pub hysteresis: u32,
    /// Run when the quorum is gained.
    pub quorum_up: Option<Box<Script>>,
    /// Run when the quorum is lost.
    pub quorum_down: Option<Box<Script>>,
    /// The weight of real servers that name none. Default 1.
    pub weight: u32,
    /// `inhibit_on_failure` of real servers that do not say.
    pub inhibit_on_failure: bool,
    /// Default `Host` of HTTP checks.
    pub virtualhost: Option<String>,
    /// Mail about the quorum. Default `smtp_alert_checker`, else `smtp_alert` of `global_defs`, else off.
    pub smtp_alert: bool,
    /// The name in SNMP.
    pub snmp_name: Option<String>,
    /// Serves while the quorum is lost.
    pub sorry_server: Option<SorryServer>,
    /// The backends; never empty.
    pub real_servers: Vec<RealServer>,
}

/// `sorry_server ADDR [PORT]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SorryServer {
    /// Its address.
    pub address: Spanned<IpAddr>,
    /// Its port; `None`: the port of the service.
    pub port: Option<u16>,
    /// The port that is written, also where DR and TUN keep the port of the service.
    pub written_port: Option<u16>,
    /// `sorry_server_lvs_method`. Default `lb_kind`.
    pub lvs_method: ForwardingMethod,
    /// `sorry_server_inhibit`: stays in the table at weight 0 while unused.
    pub inhibit: bool,
}

/// One `real_server` block.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RealServer {
    /// Its address.
    pub address: Spanned<IpAddr>,
    /// Its port; `None`: the port of the service (always so with DR and TUN).
    pub port: Option<u16>,
    /// The port that is written, also where DR and TUN keep the port of the service.
    pub written_port: Option<u16>,
    /// How packets reach it. Default `lb_kind`.
    pub lvs_method: ForwardingMethod,
    /// 0–2147483647. Default 1.
    pub weight: u32,
    /// On failure the weight becomes 0 and the server stays in the table.
    pub inhibit_on_failure: bool,
    /// Upper connection threshold; 0: none.
    pub uthreshold: u32,
    /// Lower connection threshold; 0: none.
    pub lthreshold: u32,
    /// Run when it comes up.
    pub notify_up: Option<Box<Script>>,
    /// Run when it goes down.
    pub notify_down: Option<Box<Script>>,
    /// Mail about it. Default `smtp_alert_checker`, else `smtp_alert` of `global_defs`, else on.
    pub smtp_alert: bool,
    /// The name in SNMP.
    pub snmp_name: Option<String>,
    /// What its checks inherit.
    pub check_defaults: CheckDefaults,
    /// Default `Host` of its HTTP checks; `None`: that of the virtual server.
    pub virtualhost: Option<String>,
    /// How it comes back.
    pub recovery: Recovery,
    /// All must succeed; none: always up.
    pub checkers: Vec<Checker>,
    /// The block's head.
    pub span: Span,
}

impl PartialEq for RealServer {
    fn eq(&self, other: &Self) -> bool {
        let parts = |it: &Self| {
            (
                (it.address, it.port, it.lvs_method, it.weight),
                (it.inhibit_on_failure, it.uthreshold, it.lthreshold, it.smtp_alert),
            )
        };
        parts(self) == parts(other)
            && (&self.notify_up, &self.notify_down) == (&other.notify_up, &other.notify_down)
            && (&self.snmp_name, self.written_port) == (&other.snmp_name, other.written_port)
            && (&self.check_defaults, &self.virtualhost) == (&other.check_defaults, &other.virtualhost)
            && self.recovery == other.recovery
            && self.checkers == other.checkers
    }
}

/// How a real server comes back after it was down. By default at once, with its whole weight.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recovery {
    /// In this time the weight rises from a tenth to the whole. Default 0: at once.
    pub slow_start: Duration,
    /// Going down so often within `flap_window` begins a hold. Default 0: never.
    pub flap_threshold: u32,
    /// Default 300 s.
    pub flap_window: Duration,
    /// How long the first hold is; each that follows soon is twice as long. Default 60 s.
    pub flap_hold: Duration,
    /// The longest hold. Default 900 s.
    pub flap_hold_max: Duration,
}

impl Default for Recovery {
    fn default() -> Self {
        Self {
            slow_start: Duration::ZERO,
            flap_threshold: 0,
            flap_window: Duration::from_mins(5),
            flap_hold: Duration::from_mins(1),
            flap_hold_max: Duration::from_mins(15),
        }
    }
}
