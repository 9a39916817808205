//! The configuration as the daemon uses it: defaults, inheritance and cross checks applied.
//!
//! Every field has the name of its keyword. Two configurations are equal when they mean the same; positions do not
//! count, so that a reload sees only real changes.
#![allow(clippy::struct_excessive_bools)] // one field for one keyword

mod authentication;
mod bfd;
mod checker;
mod daemon;
mod global;
mod link;
mod route;
mod track;
mod virtual_server;
mod vmac;
mod vrrp;

pub use authentication::{AntiReplay, AuthHmac, Authentication, HmacKey, HmacMode, HmacSecret};
pub use bfd::BfdInstance;
pub use checker::{
    AgentCheck, BfdCheck, Bind, Checker, CheckerKind, DnsCheck, DnsType, ExpectCheck, ExpectStep, FileCheck, GrpcCheck,
    Header, HttpGet, HttpProtocol, MiscCheck, RegexOption, ReplyByte, SmtpCheck, Sni, SslGet, Tls, UdpCheck, Url,
    UrlRegex, Verify,
};
pub use daemon::{Daemon, IpvsNamespace, Ssl};
pub use global::{
    Dbus, DynamicInterfaces, Files, GarpExtraIf, GlobalDefs, LvsFlushOnStop, LvsSyncDaemon, LvsSysctl, LvsTimeouts,
    Nftables, NftablesIpvs, NotifyFifo, Process, Processes, ReceiveBuffer, ReceiveBuffers, Reload, ReloadFile,
    SmtpServer, Snmp, VrrpIpsets, VrrpIptables, VrrpRxBufsPolicy,
};
pub use link::{GarpGroup, InterfaceDelays, LinkbeatInterface, LinkbeatMethod};
pub use route::{Encap, Metric, NextHop, Prefix, Route, RouteCreation, Rule, RuleAction, TunnelMetadata};
pub use track::{InitFile, ParamMatch, TrackFile, TrackGroup, Tracked, VrrpScript, VrrpTrackProcess};
pub use virtual_server::{
    CheckDefaults, ForwardingMethod, GroupEntry, Protocol, RealServer, Recovery, Scheduler, SchedulerFlags, Service,
    SorryServer, Tunnel, TunnelChecksum, TunnelKind, VirtualServer, VirtualServerGroup, VirtualServerName,
};
pub use vmac::{Ipvlan, IpvlanMode, Vmac, VmacAddress};
pub use vrrp::{
    InitialState, Notify, NotifyDeleted, OldUnicastChecksum, UnicastPeer, VirtualAddress, VrrpInstance, VrrpSyncGroup,
    VrrpVersion,
};

use crate::source::Span;
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::net::IpAddr;

/// Everything that the files say.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// What stands outside all blocks.
    pub daemon: Daemon,
    /// The `SSL` block.
    pub ssl: Option<Ssl>,
    /// The `global_defs` blocks, added up.
    pub global_defs: GlobalDefs,
    /// The usable `vrrp_instance` blocks in the order of the file.
    pub vrrp_instances: Vec<VrrpInstance>,
    /// The usable `vrrp_sync_group` blocks.
    pub vrrp_sync_groups: Vec<VrrpSyncGroup>,
    /// The usable `vrrp_script` blocks.
    pub vrrp_scripts: Vec<VrrpScript>,
    /// The usable `vrrp_track_process` blocks.
    pub vrrp_track_processes: Vec<VrrpTrackProcess>,
    /// The usable `track_file` blocks.
    pub track_files: Vec<TrackFile>,
    /// The usable `bfd_instance` blocks.
    pub bfd_instances: Vec<BfdInstance>,
    /// The usable `track_group` blocks.
    pub track_groups: Vec<TrackGroup>,
    /// The lines of `static_ipaddress`.
    pub static_ipaddress: Vec<VirtualAddress>,
    /// The lines of `static_routes`.
    pub static_routes: Vec<Route>,
    /// The lines of `static_rules`.
    pub static_rules: Vec<Rule>,
    /// The usable `garp_group` blocks.
    pub garp_groups: Vec<GarpGroup>,
    /// The lines of `linkbeat_interfaces`.
    pub linkbeat_interfaces: Vec<LinkbeatInterface>,
    /// `linkbeat_use_polling`: the links of all interfaces are polled.
    pub linkbeat_use_polling: bool,
    /// The lines of `interface_up_down_delays`.
    pub interface_up_down_delays: Vec<InterfaceDelays>,
    /// The usable `virtual_server_group` blocks.
    pub virtual_server_groups: Vec<VirtualServerGroup>,
    /// The usable `virtual_server` blocks.
    pub virtual_servers: Vec<VirtualServer>,
    /// Keywords that were read and known, but do nothing yet. Each was also warned about.
    pub not_in_effect: Vec<NotInEffect>,
}

/// A keyword that is known but does nothing yet.
#[derive(Clone, Debug, Eq, Serialize, Deserialize)]
pub struct NotInEffect {
    /// The keyword.
    pub keyword: String,
    /// The block around it; empty at the top level.
    pub context: String,
    /// Where.
    pub span: Span,
}

impl PartialEq for NotInEffect {
    fn eq(&self, other: &Self) -> bool {
        self.keyword == other.keyword && self.context == other.context
    }
}

/// IPv4 or IPv6.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum AddressFamily {
    /// IPv4.
    #[default]
    Inet,
    /// IPv6.
    Inet6,
}

impl AddressFamily {
    /// The family of an address.
    pub fn of(address: IpAddr) -> Self {
        if address.is_ipv4() { Self::Inet } else { Self::Inet6 }
    }
}

/// A command to run: its words, split like a shell would, and who runs it.
#[derive(Clone, Debug, Eq, Serialize, Deserialize)]
pub struct Script {
    /// The program and its arguments; never empty.
    pub argv: Vec<OsString>,
    /// User name; `None`: `script_user` of `global_defs`, else the daemon's default.
    pub user: Option<String>,
    /// Group name; `None`: the group of the user.
    pub group: Option<String>,
    /// Where the command was written.
    pub span: Span,
}

impl PartialEq for Script {
    fn eq(&self, other: &Self) -> bool {
        self.argv == other.argv && self.user == other.user && self.group == other.group
    }
}

/// Whom scripts run as: `script_user USER [GROUP]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScriptUser {
    /// User name.
    pub user: String,
    /// Group name; `None`: the group of the user.
    pub group: Option<String>,
}
