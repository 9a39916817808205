//! The form that `ipvsadm -Ln` and `ipvsadm-save -n` print.

use std::fmt::Write as _;
use std::net::IpAddr;

use crate::statistics::{DestinationStatistics, Info, Statistics};
use crate::table::{
    Destination, DestinationKey, Family, Forwarding, Protocol, Service, ServiceEntry, ServiceFlags, ServiceKey, Table,
    Tunnel, TunnelChecksum,
};

/// What `ipvsadm -Ln` prints.
pub fn list(table: &Table, statistics: &Statistics, info: &Info) -> String {
    let (major, minor, patch) = info.version;
    let mut text = format!(
        "IP Virtual Server version {major}.{minor}.{patch} (size={})\n",
        info.connection_table_size
    );
    text.push_str("Prot LocalAddress:Port Scheduler Flags\n");
    text.push_str("  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn\n");
    for (key, entry) in in_order(table) {
        push_listed_service(&mut text, key, &entry.service);
        let counted = statistics.services.get(key);
        for (key, destination) in &entry.destinations {
            let counted = counted
                .and_then(|service| service.destinations.get(key))
                .copied()
                .unwrap_or_default();
            push_listed_destination(&mut text, key, destination, &counted);
        }
    }
    text
}

/// What `ipvsadm-save -n` prints: options of `ipvsadm`, one line for each service and destination.
///
/// Thresholds are told as well, which `ipvsadm-save` 1.31 forgets; `ipvsadm-restore` takes them. A local
/// destination is told as direct routing, which has the same effect there; one past IPVS is left out, no option asks for it.
pub fn save(table: &Table) -> String {
    let mut text = String::new();
    for (key, entry) in in_order(table) {
        push_saved_service(&mut text, key, &entry.service);
        for (server, destination) in &entry.destinations {
            push_saved_destination(&mut text, key, server, destination);
        }
    }
    text
}

/// As `ipvsadm` sorts: firewall marks last, IPv4 before IPv6, then protocol, address and port.
fn in_order(table: &Table) -> Vec<(&ServiceKey, &ServiceEntry)> {
    let mut services: Vec<_> = table.services.iter().collect();
    services.sort_by_key(|(key, _)| match **key {
        ServiceKey::Address { .. } => (0, key.family(), **key),
        ServiceKey::Fwmark { mark, .. } => (mark, key.family(), **key),
    });
    services
}

/// `192.0.2.1:80`, `[2001:db8::1]:80`
fn endpoint(address: IpAddr, port: u16) -> String {
    match address {
        IpAddr::V4(address) => format!("{address}:{port}"),
        IpAddr::V6(address) => format!("[{address}]:{port}"),
    }
}

// Writing to a String cannot fail, so what `write!` returns is dropped in this file.

fn push_listed_service(text: &mut String, key: &ServiceKey, service: &Service) {
    let _ = match *key {
        ServiceKey::Address {
            protocol,
            address,
            port,
        } => {
            let protocol = protocol.to_string().to_uppercase();
            write!(text, "{protocol:<4} {}", endpoint(address, port))
        }
        ServiceKey::Fwmark {
            family: Family::Inet,
            mark,
        } => write!(text, "FWM  {mark}"),
        ServiceKey::Fwmark {
            family: Family::Inet6,
            mark,
        } => write!(text, "FWM  {mark} IPv6"),
    };
    let _ = write!(text, " {}", service.scheduler);
    let flags = scheduler_flags(service);
    if !flags.is_empty() {
        let _ = write!(text, " ({flags})");
    }
    if let Some(timeout_s) = service.persistence_timeout_s {
        let _ = write!(text, " persistent {timeout_s}");
        if let Some(mask) = mask(key.family(), service.persistence_prefix_len) {
            let _ = write!(text, " mask {mask}");
        }
        if let Some(engine) = &service.persistence_engine {
            let _ = write!(text, " pe {engine}");
        }
    }
    if service.flags.0 & ServiceFlags::ONE_PACKET != 0 {
        text.push_str(" ops");
    }
    text.push('\n');
}

fn push_listed_destination(
    text: &mut String,
    key: &DestinationKey,
    destination: &Destination,
    counted: &DestinationStatistics,
) {
    let forwarding = match destination.forwarding {
        Forwarding::Masquerade => "Masq",
        Forwarding::Route => "Route",
        Forwarding::Tunnel(_) => "Tunnel",
        Forwarding::Local => "Local",
        Forwarding::Bypass => "Bypass",
    };
    let _ = writeln!(
        text,
        "  -> {:<28} {forwarding:<7} {:<6} {:<10} {:<10}",
        endpoint(key.address, key.port),
        destination.weight,
        counted.active_connections,
        counted.inactive_connections
    );
}

fn push_saved_service(text: &mut String, key: &ServiceKey, service: &Service) {
    let _ = write!(text, "-A {} -s {}", service_option(key), service.scheduler);
    if let Some(timeout_s) = service.persistence_timeout_s {
        let _ = write!(text, " -p {timeout_s}");
        if let Some(mask) = mask(key.family(), service.persistence_prefix_len) {
            let _ = write!(text, " -M {mask}");
        }
        if let Some(engine) = &service.persistence_engine {
            let _ = write!(text, " --pe {engine}");
        }
    }
    if service.flags.0 & ServiceFlags::ONE_PACKET != 0 {
        text.push_str(" -o");
    }
    let flags = scheduler_flags(service);
    if !flags.is_empty() {
        let _ = write!(text, " -b {flags}");
    }
    text.push('\n');
}

fn push_saved_destination(text: &mut String, service: &ServiceKey, key: &DestinationKey, destination: &Destination) {
    let method = match destination.forwarding {
        Forwarding::Masquerade => "-m",
        Forwarding::Route | Forwarding::Local => "-g",
        Forwarding::Tunnel(_) => "-i",
        Forwarding::Bypass => return,
    };
    let _ = write!(
        text,
        "-a {} -r {} {method} -w {}",
        service_option(service),
        endpoint(key.address, key.port),
        destination.weight
    );
    if let Forwarding::Tunnel(tunnel) = destination.forwarding {
        push_tunnel_options(text, tunnel);
    }
    if destination.upper_threshold != 0 {
        let _ = write!(text, " -x {}", destination.upper_threshold);
    }
    if destination.lower_threshold != 0 {
        let _ = write!(text, " -y {}", destination.lower_threshold);
    }
    text.push('\n');
}

fn push_tunnel_options(text: &mut String, tunnel: Tunnel) {
    let checksum = match tunnel {
        Tunnel::Ipip => {
            text.push_str(" --tun-type ipip");
            return;
        }
        Tunnel::Gue { port, checksum } => {
            let _ = write!(text, " --tun-type gue --tun-port {port}");
            checksum
        }
        Tunnel::Gre { checksum } => {
            text.push_str(" --tun-type gre");
            checksum
        }
    };
    text.push_str(match checksum {
        TunnelChecksum::None => " --tun-nocsum",
        TunnelChecksum::Full => " --tun-csum",
        TunnelChecksum::Remote => " --tun-remcsum",
    });
}

/// `-t 192.0.2.1:80`, `-f 5 -6`
fn service_option(key: &ServiceKey) -> String {
    match *key {
        ServiceKey::Address {
            protocol,
            address,
            port,
        } => {
            let option = match protocol {
                Protocol::Tcp => "-t",
                Protocol::Udp => "-u",
                Protocol::Sctp => "--sctp-service",
            };
            format!("{option} {}", endpoint(address, port))
        }
        ServiceKey::Fwmark {
            family: Family::Inet,
            mark,
        } => format!("-f {mark}"),
        ServiceKey::Fwmark {
            family: Family::Inet6,
            mark,
        } => format!("-f {mark} -6"),
    }
}

/// The names of the flags that concern the scheduler, comma between.
fn scheduler_flags(service: &Service) -> String {
    let names = match service.scheduler.as_str() {
        "sh" => ["sh-fallback", "sh-port", "flag-3"],
        "mh" => ["mh-fallback", "mh-port", "flag-3"],
        _ => ["flag-1", "flag-2", "flag-3"],
    };
    let bits = [ServiceFlags::SCHED1, ServiceFlags::SCHED2, ServiceFlags::SCHED3];
    let set = names
        .into_iter()
        .zip(bits)
        .filter(|(_, bit)| service.flags.0 & bit != 0);
    set.map(|(name, _)| name).collect::<Vec<_>>().join(",")
}

/// `255.255.255.0` or, for IPv6, `64`; `None`: every client for itself.
fn mask(family: Family, prefix_len: u8) -> Option<String> {
    match (family, prefix_len) {
        (Family::Inet, 32) | (Family::Inet6, 128) => None,
        (Family::Inet, _) => {
            let host_bits = 32_u32.saturating_sub(u32::from(prefix_len));
            Some(std::net::Ipv4Addr::from(u32::MAX.checked_shl(host_bits).unwrap_or(0)).to_string())
        }
        (Family::Inet6, _) => Some(prefix_len.to_string()),
    }
}

#[cfg(test)]
mod tests;
