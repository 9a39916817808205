//! What the configuration says about virtual and real servers.

use std::net::IpAddr;
use std::time::Duration;

use holdfast_conf::config::{
    self, AddressFamily, CheckDefaults, Config, ForwardingMethod, GroupEntry, Protocol, Scheduler, SchedulerFlags,
    Script, Service, VirtualServerName,
};
use holdfast_ipvs::table::DestinationKey;
use serde::{Deserialize, Serialize};

use crate::plan::health::virtual_server_name;
use crate::plan::ipvs::sync;

/// All that does not change until the next reload.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckFacts {
    /// `virtual_server_group` blocks in the order of the file
    pub groups: Vec<GroupFacts>,
    /// `virtual_server` blocks in the order of the file
    pub virtual_servers: Vec<VirtualServerFacts>,
    /// `lvs_sync_daemon`
    pub sync_daemon: Option<SyncDaemonFacts>,
    /// `lvs_timeouts`
    pub timeouts: TimeoutFacts,
}

/// One `virtual_server_group`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupFacts {
    /// Its name
    pub name: String,
    /// Its lines: first the firewall marks, then the addresses, each in the order of the file
    pub members: Vec<GroupEntry>,
}

/// One `virtual_server`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a keyword of its own")]
pub struct VirtualServerFacts {
    /// Its name in notifications
    pub name: String,
    /// What it is called in the file
    pub subject: VirtualServerName,
    /// The family of its services; `None`: both
    pub family: Option<AddressFamily>,
    /// `None`: of firewall marks alone
    pub protocol: Option<Protocol>,
    /// `lb_algo`
    pub scheduler: Scheduler,
    /// Its flags
    pub flags: SchedulerFlags,
    /// `ops`
    pub ops: bool,
    /// `lb_kind`
    pub forwarding: ForwardingMethod,
    /// `virtualhost`
    pub virtualhost: Option<String>,
    /// `persistence_timeout`, s; 0: not persistent
    pub persistence_timeout_s: u64,
    /// `persistence_granularity`: the length of the prefix by which clients are grouped
    pub granularity: u8,
    /// `retry` and the like
    pub check_defaults: CheckDefaults,
    /// `ha_suspend`
    pub ha_suspend: bool,
    /// `omega`
    pub omega: bool,
    /// `quorum`
    pub quorum: u32,
    /// `hysteresis`
    pub hysteresis: u32,
    /// `quorum_up`
    pub quorum_up: Option<CommandFacts>,
    /// `quorum_down`
    pub quorum_down: Option<CommandFacts>,
    /// `inhibit_on_failure`
    pub inhibit_on_failure: bool,
    /// `weight`
    pub weight: u32,
    /// `smtp_alert`
    pub smtp_alert: bool,
    /// `snmp_name`
    pub snmp_name: Option<String>,
    /// `sorry_server`
    pub sorry_server: Option<SorryServerFacts>,
    /// `real_server` blocks in the order of the file
    pub real_servers: Vec<RealServerFacts>,
}

/// One `sorry_server`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SorryServerFacts {
    /// Its address
    pub address: IpAddr,
    /// Its port; 0: none of its own
    pub port: u16,
    /// How packets reach it
    pub forwarding: ForwardingMethod,
}

/// One `real_server`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RealServerFacts {
    /// Its identity in notifications
    pub key: DestinationKey,
    /// Its port; 0: none of its own
    pub port: u16,
    /// `lvs_method`
    pub forwarding: ForwardingMethod,
    /// `uthreshold`; 0: none
    pub upper_threshold: u32,
    /// `lthreshold`; 0: none
    pub lower_threshold: u32,
    /// `inhibit_on_failure`
    pub inhibit_on_failure: bool,
    /// `notify_up`
    pub notify_up: Option<CommandFacts>,
    /// `notify_down`
    pub notify_down: Option<CommandFacts>,
    /// `virtualhost` of its own
    pub virtualhost: Option<String>,
    /// `retry` and the like
    pub check_defaults: CheckDefaults,
    /// `smtp_alert`
    pub smtp_alert: bool,
    /// `snmp_name`
    pub snmp_name: Option<String>,
}

/// A command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandFacts {
    /// Its words, each in quotes
    pub text: String,
    /// The program
    pub path: String,
}

/// `lvs_sync_daemon`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncDaemonFacts {
    /// Its interface
    pub interface: String,
    /// The instance that it follows
    pub instance: Option<String>,
    /// Its number
    pub id: u8,
    /// Bytes of a message at most; 0: the kernel's default
    pub max_len: u16,
    /// UDP port; 0: the kernel's default
    pub port: u16,
    /// TTL; 0: the kernel's default
    pub ttl: u8,
    /// Multicast group; `None`: the kernel's default
    pub group: Option<IpAddr>,
}

/// `lvs_timeouts`, s; 0: the kernel's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeoutFacts {
    /// `tcp`
    pub tcp_s: u64,
    /// `tcpfin`
    pub tcp_fin_s: u64,
    /// `udp`
    pub udp_s: u64,
}

/// What there is to say.
pub(super) fn facts(config: &Config) -> CheckFacts {
    let timeouts = &config.global_defs.lvs_timeouts;
    let seconds = |time: Option<Duration>| time.unwrap_or_default().as_secs();
    CheckFacts {
        groups: config.virtual_server_groups.iter().map(group).collect(),
        virtual_servers: config.virtual_servers.iter().map(virtual_server).collect(),
        sync_daemon: sync(config).map(|sync| SyncDaemonFacts {
            interface: sync.daemon.interface,
            instance: sync.instance,
            id: sync.daemon.id,
            max_len: sync.daemon.max_len.unwrap_or(0),
            port: sync.daemon.port.unwrap_or(0),
            ttl: sync.daemon.ttl.unwrap_or(0),
            group: sync.daemon.group,
        }),
        timeouts: TimeoutFacts {
            tcp_s: seconds(timeouts.tcp),
            tcp_fin_s: seconds(timeouts.tcpfin),
            udp_s: seconds(timeouts.udp),
        },
    }
}

fn group(group: &config::VirtualServerGroup) -> GroupFacts {
    let mut members = group.entries.clone();
    members.sort_by_key(|member| matches!(member, GroupEntry::Addresses { .. }));
    GroupFacts {
        name: group.name.clone(),
        members,
    }
}

fn virtual_server(server: &config::VirtualServer) -> VirtualServerFacts {
    VirtualServerFacts {
        name: virtual_server_name(server),
        subject: server.name.value.clone(),
        family: family(server),
        protocol: server.protocol,
        scheduler: server.lb_algo,
        flags: server.flags,
        ops: server.ops,
        forwarding: server.lb_kind,
        virtualhost: server.virtualhost.clone(),
        persistence_timeout_s: server.persistence_timeout.unwrap_or_default().as_secs(),
        granularity: server.persistence_granularity,
        check_defaults: server.check_defaults.clone(),
        ha_suspend: server.ha_suspend,
        omega: server.omega,
        quorum: server.quorum,
        hysteresis: server.hysteresis,
        quorum_up: server.quorum_up.as_deref().map(command),
        quorum_down: server.quorum_down.as_deref().map(command),
        inhibit_on_failure: server.inhibit_on_failure,
        weight: server.weight,
        smtp_alert: server.smtp_alert,
        snmp_name: server.snmp_name.clone(),
        sorry_server: server.sorry_server.map(|sorry| SorryServerFacts {
            address: sorry.address.value,
            port: port(server, sorry.written_port, sorry.lvs_method, false),
            forwarding: sorry.lvs_method,
        }),
        real_servers: server
            .real_servers
            .iter()
            .map(|real| real_server(server, real))
            .collect(),
    }
}

fn real_server(server: &config::VirtualServer, real: &config::RealServer) -> RealServerFacts {
    RealServerFacts {
        key: DestinationKey {
            address: real.address.value,
            port: real.port.unwrap_or(0),
        },
        port: port(server, real.written_port, real.lvs_method, true),
        forwarding: real.lvs_method,
        upper_threshold: real.uthreshold,
        lower_threshold: real.lthreshold,
        inhibit_on_failure: real.inhibit_on_failure,
        notify_up: real.notify_up.as_deref().map(command),
        notify_down: real.notify_down.as_deref().map(command),
        virtualhost: real.virtualhost.clone(),
        check_defaults: real.check_defaults.clone(),
        smtp_alert: real.smtp_alert,
        snmp_name: real.snmp_name.clone(),
    }
}

/// The port that keepalived shows: the written one, unless the service has one and the packets keep it. A server without one has
/// that of the service too, but for a sorry server behind NAT.
fn port(server: &config::VirtualServer, written: Option<u16>, method: ForwardingMethod, is_real_server: bool) -> u16 {
    match server.name.value {
        VirtualServerName::Address(_, port) if method.keeps_port() => port,
        VirtualServerName::Address(_, port) if is_real_server => written.unwrap_or(port),
        VirtualServerName::Fwmark(_) if method.keeps_port() => 0,
        _ => written.unwrap_or(0),
    }
}

/// A mark for packets of both families is IPv4 for keepalived.
fn family(server: &config::VirtualServer) -> Option<AddressFamily> {
    let mut families = server.services.iter().map(|service| match service {
        Service::Address(address, _) => AddressFamily::of(*address),
        Service::Fwmark(_, family) => *family,
    });
    let first = families.next()?;
    if families.all(|family| family == first) {
        return Some(first);
    }
    matches!(server.name.value, VirtualServerName::Fwmark(_)).then_some(AddressFamily::Inet)
}

/// As keepalived shows commands: a first word that begins with `<` or `>` is a redirection and has no quotes.
fn command(script: &Script) -> CommandFacts {
    let words: Vec<_> = script.argv.iter().map(|word| word.to_string_lossy()).collect();
    let quoted = words.iter().enumerate().map(|(place, word)| {
        if place == 0 && word.starts_with(['<', '>']) {
            word.to_string()
        } else {
            format!("'{word}'")
        }
    });
    CommandFacts {
        text: quoted.collect::<Vec<_>>().join(" "),
        path: words.first().map(ToString::to_string).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests;
