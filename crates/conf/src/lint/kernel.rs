//! Settings of the kernel that decide what becomes of clients when their server is dead, and of packets at all.
//!
//! `holdfast check --host` advises on them, and the daemon warns at its start: the kernel's values are seen by whoever calls.

use crate::config::{AddressFamily, Config, ForwardingMethod, Protocol, RealServer, VirtualServer};
use crate::diagnostic::findings::{self, Finding};
use crate::source::Span;

/// Where the settings of IPVS are.
const VS: &str = "net.ipv4.vs.";
const EXPIRE_NODEST_CONN: &str = "net.ipv4.vs.expire_nodest_conn";
const CONN_REUSE_MODE: &str = "net.ipv4.vs.conn_reuse_mode";
const FORWARD: &str = "net.ipv4.ip_forward";
const FORWARD_IPV6: &str = "net.ipv6.conf.all.forwarding";

/// A value of the kernel's that loses clients of this configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Concern {
    /// The advice
    pub finding: Finding,
    /// All of these settings have these values: then it is so
    pub conditions: Vec<(&'static str, &'static str)>,
    /// What becomes of whom
    pub message: String,
    /// What to write or to set
    pub remedy: String,
    /// The virtual servers that it is about, the first one first
    pub places: Vec<Span>,
}

/// What there would be to say, if the kernel's values were such.
pub fn concerns(config: &Config) -> Vec<Concern> {
    let mut all = vec![
        of(config, findings::UDP_NO_EXPIRY, is_udp_with_removal),
        of(config, findings::TCP_NO_EXPIRY, is_tcp_with_removal),
        of(config, findings::REUSED_PORT, is_tcp_with_weight_0),
        of(config, findings::NAT_NO_FORWARDING, |server| {
            is_nat(server, AddressFamily::Inet)
        }),
        of(config, findings::NAT_NO_FORWARDING_IPV6, |server| {
            is_nat(server, AddressFamily::Inet6)
        }),
    ];
    all.retain(|it| !it.places.is_empty());
    all
}

/// The value that the file gives a setting of the kernel (`lvs_sysctl`).
pub(super) fn set_by<'a>(config: &'a Config, sysctl: &str) -> Option<&'a str> {
    let name = sysctl.strip_prefix(VS)?;
    let set = config.global_defs.lvs_sysctls.iter().find(|it| it.name.value == name)?;
    Some(&set.value)
}

fn of(config: &Config, finding: Finding, is_so: impl Fn(&VirtualServer) -> bool) -> Concern {
    let concerned: Vec<&VirtualServer> = config.virtual_servers.iter().filter(|it| is_so(it)).collect();
    let name = concerned.first().map_or(String::new(), |it| it.name.to_string());
    let (conditions, message, remedy): (Vec<_>, _, _) = match finding.code.0 {
        829 => (
            vec![(EXPIRE_NODEST_CONN, "0")],
            format!(
                "virtual_server {name} is UDP: clients of a removed server are dropped until their entries time out"
            ),
            "lvs_sysctl expire_nodest_conn 1",
        ),
        836 => (
            vec![(EXPIRE_NODEST_CONN, "0")],
            format!(
                "Clients of a server that is removed from virtual_server {name} are dropped without a word until they give up, \
                 and so is a new connection from the same port"
            ),
            "lvs_sysctl expire_nodest_conn 1",
        ),
        833 => (
            vec![(CONN_REUSE_MODE, "0"), (EXPIRE_NODEST_CONN, "0")],
            format!(
                "A client of virtual_server {name} that uses a port again is sent to the server that it had, even a dead one that \
                 inhibit_on_failure keeps at weight 0"
            ),
            "lvs_sysctl conn_reuse_mode 1, or lvs_sysctl expire_nodest_conn 1",
        ),
        834 => (
            vec![(FORWARD, "0")],
            format!(
                "virtual_server {name} is NAT, and this host forwards no packets: answers of its servers reach nobody"
            ),
            "sysctl -w net.ipv4.ip_forward=1",
        ),
        _ => (
            vec![(FORWARD_IPV6, "0")],
            format!(
                "virtual_server {name} is NAT over IPv6, and this host forwards no packets: answers of its servers reach nobody"
            ),
            "sysctl -w net.ipv6.conf.all.forwarding=1",
        ),
    };
    Concern {
        finding,
        conditions,
        message,
        remedy: remedy.to_owned(),
        places: concerned.iter().map(|it| it.name.span).collect(),
    }
}

/// Some server leaves the table when its checks fail.
fn has_removal(server: &VirtualServer) -> bool {
    let removed = |real: &RealServer| !real.checkers.is_empty() && !real.inhibit_on_failure;
    server.real_servers.iter().any(removed)
}

fn is_udp_with_removal(server: &VirtualServer) -> bool {
    server.protocol == Some(Protocol::Udp) && !server.ops && has_removal(server)
}

fn is_tcp_with_removal(server: &VirtualServer) -> bool {
    server.protocol != Some(Protocol::Udp) && has_removal(server)
}

fn is_tcp_with_weight_0(server: &VirtualServer) -> bool {
    let kept = |real: &RealServer| !real.checkers.is_empty() && real.inhibit_on_failure;
    server.protocol != Some(Protocol::Udp) && server.real_servers.iter().any(kept)
}

fn is_nat(server: &VirtualServer, family: AddressFamily) -> bool {
    let of_family =
        |real: &RealServer| real.lvs_method == ForwardingMethod::Nat && AddressFamily::of(real.address.value) == family;
    // A server on the director itself needs no forwarding.
    let elsewhere = |real: &RealServer| !real.address.value.is_loopback();
    server
        .real_servers
        .iter()
        .any(|real| of_family(real) && elsewhere(real))
}
