//! IPVS in generic netlink attributes: our types to requests, the kernel's messages to our types. No IO.
//!
//! Numbers: `linux/ip_vs.h`. Addresses always take 16 bytes, ports are big-endian.

#![deny(clippy::arithmetic_side_effects)]

pub(crate) mod sync;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::netlink::{Attributes, Malformed, attributes, string};
use crate::statistics::{Counters, DestinationStatistics, Info};
use crate::table::{
    Destination, DestinationKey, Family, Forwarding, Protocol, Service, ServiceFlags, ServiceKey, Tunnel,
    TunnelChecksum,
};

/// Version of the generic netlink family `IPVS`
pub(crate) const VERSION: u8 = 1;

/// `IPVS_CMD_*`
pub(crate) mod command {
    pub(crate) const NEW_SERVICE: u8 = 1;
    pub(crate) const SET_SERVICE: u8 = 2;
    pub(crate) const DEL_SERVICE: u8 = 3;
    pub(crate) const GET_SERVICE: u8 = 4;
    pub(crate) const NEW_DEST: u8 = 5;
    pub(crate) const SET_DEST: u8 = 6;
    pub(crate) const DEL_DEST: u8 = 7;
    pub(crate) const GET_DEST: u8 = 8;
    pub(crate) const NEW_DAEMON: u8 = 9;
    pub(crate) const DEL_DAEMON: u8 = 10;
    pub(crate) const GET_DAEMON: u8 = 11;
    pub(crate) const SET_CONFIG: u8 = 12;
    pub(crate) const GET_CONFIG: u8 = 13;
    pub(crate) const GET_INFO: u8 = 15;
    pub(crate) const FLUSH: u8 = 17;
}

/// `IPVS_CMD_ATTR_*`
mod outer {
    pub(super) const SERVICE: u16 = 1;
    pub(super) const DEST: u16 = 2;
}

/// `IPVS_SVC_ATTR_*`
mod service {
    pub(super) const AF: u16 = 1;
    pub(super) const PROTOCOL: u16 = 2;
    pub(super) const ADDR: u16 = 3;
    pub(super) const PORT: u16 = 4;
    pub(super) const FWMARK: u16 = 5;
    pub(super) const SCHED_NAME: u16 = 6;
    pub(super) const FLAGS: u16 = 7;
    pub(super) const TIMEOUT: u16 = 8;
    pub(super) const NETMASK: u16 = 9;
    pub(super) const PE_NAME: u16 = 11;
    pub(super) const STATS64: u16 = 12;
}

/// `IPVS_DEST_ATTR_*`
mod dest {
    pub(super) const ADDR: u16 = 1;
    pub(super) const PORT: u16 = 2;
    pub(super) const FWD_METHOD: u16 = 3;
    pub(super) const WEIGHT: u16 = 4;
    pub(super) const U_THRESH: u16 = 5;
    pub(super) const L_THRESH: u16 = 6;
    pub(super) const ACTIVE_CONNS: u16 = 7;
    pub(super) const INACT_CONNS: u16 = 8;
    pub(super) const PERSIST_CONNS: u16 = 9;
    pub(super) const ADDR_FAMILY: u16 = 11;
    pub(super) const STATS64: u16 = 12;
    pub(super) const TUN_TYPE: u16 = 13;
    pub(super) const TUN_PORT: u16 = 14;
    pub(super) const TUN_FLAGS: u16 = 15;
}

/// `IP_VS_CONN_F_*`, the forwarding methods
mod forward {
    pub(super) const MASK: u32 = 0x7;
    pub(super) const MASQ: u32 = 0;
    pub(super) const LOCALNODE: u32 = 1;
    pub(super) const TUNNEL: u32 = 2;
    pub(super) const DROUTE: u32 = 3;
    pub(super) const BYPASS: u32 = 4;
}

/// `IP_VS_CONN_F_TUNNEL_TYPE_*`
mod tunnel {
    pub(super) const IPIP: u8 = 0;
    pub(super) const GUE: u8 = 1;
    pub(super) const GRE: u8 = 2;
}

/// `IP_VS_TUNNEL_ENCAP_FLAG_*`
mod encapsulation {
    pub(super) const NOCSUM: u16 = 0;
    pub(super) const CSUM: u16 = 1;
    pub(super) const REMCSUM: u16 = 2;
}

const AF_INET: u16 = 2;
const AF_INET6: u16 = 10;

const fn family_number(family: Family) -> u16 {
    match family {
        Family::Inet => AF_INET,
        Family::Inet6 => AF_INET6,
    }
}

const fn protocol_number(protocol: Protocol) -> u16 {
    match protocol {
        Protocol::Tcp => 6,
        Protocol::Udp => 17,
        Protocol::Sctp => 132,
    }
}

fn address_bytes(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, d] = address.octets();
            [a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        }
        IpAddr::V6(address) => address.octets(),
    }
}

/// A service, with its settings where the command wants them.
pub(crate) fn put_service(request: &mut Attributes<'_>, key: &ServiceKey, settings: Option<&Service>) {
    request.nest(outer::SERVICE, |nest| {
        nest.u16(service::AF, family_number(key.family()));
        match *key {
            ServiceKey::Address {
                protocol,
                address,
                port,
            } => {
                nest.u16(service::PROTOCOL, protocol_number(protocol));
                nest.bytes(service::ADDR, &address_bytes(address));
                nest.be16(service::PORT, port);
            }
            ServiceKey::Fwmark { mark, .. } => nest.u32(service::FWMARK, mark),
        }
        if let Some(settings) = settings {
            put_service_settings(nest, key.family(), settings);
        }
    });
}

fn put_service_settings(nest: &mut Attributes<'_>, family: Family, settings: &Service) {
    nest.string(service::SCHED_NAME, &settings.scheduler);
    let persistent = if settings.persistence_timeout_s.is_some() {
        ServiceFlags::PERSISTENT
    } else {
        0
    };
    let flags = settings.flags.0 & !ServiceFlags::HASHED | persistent;
    // The mask says which flags are ours to set: all but the one that the kernel keeps for itself.
    let mask = !ServiceFlags::HASHED;
    nest.bytes(service::FLAGS, [flags.to_ne_bytes(), mask.to_ne_bytes()].as_flattened());
    nest.u32(service::TIMEOUT, settings.persistence_timeout_s.unwrap_or(0));
    match family {
        Family::Inet => nest.bytes(
            service::NETMASK,
            &mask_of(settings.persistence_prefix_len).to_be_bytes(),
        ),
        Family::Inet6 => nest.u32(service::NETMASK, u32::from(settings.persistence_prefix_len)),
    }
    if let Some(engine) = &settings.persistence_engine {
        nest.string(service::PE_NAME, engine);
    }
}

/// `24` → `255.255.255.0`
fn mask_of(prefix_len: u8) -> u32 {
    let host_bits = 32_u32.saturating_sub(u32::from(prefix_len));
    u32::MAX.checked_shl(host_bits).unwrap_or(0)
}

/// A destination, with its settings where the command wants them.
pub(crate) fn put_destination(request: &mut Attributes<'_>, key: &DestinationKey, settings: Option<&Destination>) {
    request.nest(outer::DEST, |nest| {
        nest.u16(dest::ADDR_FAMILY, family_number(Family::of(key.address)));
        nest.bytes(dest::ADDR, &address_bytes(key.address));
        nest.be16(dest::PORT, key.port);
        if let Some(settings) = settings {
            nest.u32(dest::FWD_METHOD, forwarding_number(settings.forwarding));
            nest.u32(dest::WEIGHT, settings.weight);
            nest.u32(dest::U_THRESH, settings.upper_threshold);
            nest.u32(dest::L_THRESH, settings.lower_threshold);
            // What is left out is 0 for the kernel (IPIP), also at an edit; kernels before 5.3 know only that.
            if let Forwarding::Tunnel(kind) = settings.forwarding {
                put_tunnel(nest, kind);
            }
        }
    });
}

fn put_tunnel(nest: &mut Attributes<'_>, kind: Tunnel) {
    match kind {
        Tunnel::Ipip => {}
        Tunnel::Gue { port, checksum } => {
            nest.u8(dest::TUN_TYPE, tunnel::GUE);
            nest.be16(dest::TUN_PORT, port);
            nest.u16(dest::TUN_FLAGS, checksum_number(checksum));
        }
        Tunnel::Gre { checksum } => {
            nest.u8(dest::TUN_TYPE, tunnel::GRE);
            nest.u16(dest::TUN_FLAGS, checksum_number(checksum));
        }
    }
}

const fn forwarding_number(forwarding: Forwarding) -> u32 {
    match forwarding {
        Forwarding::Masquerade => forward::MASQ,
        Forwarding::Local => forward::LOCALNODE,
        Forwarding::Tunnel(_) => forward::TUNNEL,
        Forwarding::Route => forward::DROUTE,
        Forwarding::Bypass => forward::BYPASS,
    }
}

const fn checksum_number(checksum: TunnelChecksum) -> u16 {
    match checksum {
        TunnelChecksum::None => encapsulation::NOCSUM,
        TunnelChecksum::Full => encapsulation::CSUM,
        TunnelChecksum::Remote => encapsulation::REMCSUM,
    }
}

/// A service as the kernel reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ObservedService {
    pub(crate) key: ServiceKey,
    pub(crate) service: Service,
    pub(crate) counters: Counters,
}

/// The service in a message; `None`: one of a kind that we have no name for, which only somebody else can have made.
pub(crate) fn get_service(message: &[u8]) -> Result<Option<ObservedService>, Malformed> {
    let nest = inside(message, outer::SERVICE)?;
    let Some(key) = get_service_key(nest)? else {
        return Ok(None);
    };
    let service = get_service_settings(nest, key.family())?;
    let mut counters = Counters::default();
    for attribute in attributes(nest) {
        if let (service::STATS64, content) = attribute? {
            counters = get_counters(content)?;
        }
    }
    Ok(Some(ObservedService { key, service, counters }))
}

fn get_service_key(nest: &[u8]) -> Result<Option<ServiceKey>, Malformed> {
    let (mut family, mut protocol, mut address, mut port, mut mark) = (None, None, None, None, None);
    for attribute in attributes(nest) {
        let (kind, content) = attribute?;
        match kind {
            service::AF => family = Some(ne16(content)?),
            service::PROTOCOL => protocol = Some(ne16(content)?),
            service::ADDR => address = Some(content),
            service::PORT => port = Some(be16(content)?),
            service::FWMARK => mark = Some(ne32(content)?),
            _ => {}
        }
    }
    let family = match family.ok_or("service without family")? {
        AF_INET => Family::Inet,
        AF_INET6 => Family::Inet6,
        _ => return Ok(None),
    };
    if let Some(mark) = mark {
        return Ok(Some(ServiceKey::Fwmark { family, mark }));
    }
    let protocol = match protocol.ok_or("service without protocol")? {
        6 => Protocol::Tcp,
        17 => Protocol::Udp,
        132 => Protocol::Sctp,
        _ => return Ok(None),
    };
    let address = get_address(family, address.ok_or("service without address")?)?;
    let port = port.ok_or("service without port")?;
    Ok(Some(ServiceKey::Address {
        protocol,
        address,
        port,
    }))
}

fn get_service_settings(nest: &[u8], family: Family) -> Result<Service, Malformed> {
    let (mut scheduler, mut flags, mut timeout, mut netmask, mut engine) = (None, None, None, None, None);
    for attribute in attributes(nest) {
        let (kind, content) = attribute?;
        match kind {
            service::SCHED_NAME => scheduler = Some(string(content)),
            service::FLAGS => flags = Some(ne32(content)?),
            service::TIMEOUT => timeout = Some(ne32(content)?),
            service::NETMASK => netmask = Some(array::<4>(content)?),
            service::PE_NAME => engine = Some(string(content)),
            _ => {}
        }
    }
    let flags = flags.ok_or("service without flags")?;
    let timeout = timeout.ok_or("service without timeout")?;
    let netmask = netmask.ok_or("service without mask")?;
    let persistent = flags & ServiceFlags::PERSISTENT != 0;
    Ok(Service {
        scheduler: scheduler.ok_or("service without scheduler")?,
        flags: ServiceFlags(flags & !(ServiceFlags::HASHED | ServiceFlags::PERSISTENT)),
        persistence_timeout_s: persistent.then_some(timeout),
        persistence_prefix_len: match family {
            Family::Inet => u8::try_from(u32::from_be_bytes(netmask).leading_ones()).unwrap_or(32),
            Family::Inet6 => u8::try_from(u32::from_ne_bytes(netmask)).map_err(|_| "prefix length of a service")?,
        },
        persistence_engine: engine.filter(|engine| !engine.is_empty()),
    })
}

/// A destination as the kernel reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ObservedDestination {
    pub(crate) key: DestinationKey,
    pub(crate) destination: Destination,
    pub(crate) statistics: DestinationStatistics,
}

/// The destination in a message about a service of `service_family`; `None`: one of a kind that we have no name for.
pub(crate) fn get_destination(
    message: &[u8],
    service_family: Family,
) -> Result<Option<ObservedDestination>, Malformed> {
    let (mut family, mut address, mut port, mut method, mut weight) = (service_family, None, None, None, None);
    let (mut upper_threshold, mut lower_threshold) = (0, 0);
    let (mut tunnel_kind, mut tunnel_port, mut tunnel_flags) = (tunnel::IPIP, 0, 0);
    let nest = inside(message, outer::DEST)?;
    for attribute in attributes(nest) {
        let (kind, content) = attribute?;
        match kind {
            // Kernels before 3.18 know no destinations of another family and do not say it.
            dest::ADDR_FAMILY => {
                family = match ne16(content)? {
                    AF_INET => Family::Inet,
                    AF_INET6 => Family::Inet6,
                    _ => return Ok(None),
                }
            }
            dest::ADDR => address = Some(content),
            dest::PORT => port = Some(be16(content)?),
            dest::FWD_METHOD => method = Some(ne32(content)? & forward::MASK),
            dest::WEIGHT => weight = Some(ne32(content)?),
            dest::U_THRESH => upper_threshold = ne32(content)?,
            dest::L_THRESH => lower_threshold = ne32(content)?,
            dest::TUN_TYPE => tunnel_kind = u8::from_ne_bytes(array(content)?),
            dest::TUN_PORT => tunnel_port = be16(content)?,
            dest::TUN_FLAGS => tunnel_flags = ne16(content)?,
            _ => {}
        }
    }
    let address = get_address(family, address.ok_or("destination without address")?)?;
    let forwarding = match method.ok_or("destination without forwarding method")? {
        forward::MASQ => Forwarding::Masquerade,
        forward::LOCALNODE => Forwarding::Local,
        forward::TUNNEL => match get_tunnel(tunnel_kind, tunnel_port, tunnel_flags) {
            Some(kind) => Forwarding::Tunnel(kind),
            None => return Ok(None),
        },
        forward::DROUTE => Forwarding::Route,
        forward::BYPASS => Forwarding::Bypass,
        _ => return Ok(None),
    };
    Ok(Some(ObservedDestination {
        key: DestinationKey {
            address,
            port: port.ok_or("destination without port")?,
        },
        destination: Destination {
            forwarding,
            weight: weight.ok_or("destination without weight")?,
            upper_threshold,
            lower_threshold,
        },
        statistics: get_destination_statistics(nest)?,
    }))
}

fn get_destination_statistics(nest: &[u8]) -> Result<DestinationStatistics, Malformed> {
    let mut statistics = DestinationStatistics::default();
    for attribute in attributes(nest) {
        let (kind, content) = attribute?;
        match kind {
            dest::ACTIVE_CONNS => statistics.active_connections = ne32(content)?,
            dest::INACT_CONNS => statistics.inactive_connections = ne32(content)?,
            dest::PERSIST_CONNS => statistics.persistent_connections = ne32(content)?,
            dest::STATS64 => statistics.counters = get_counters(content)?,
            _ => {}
        }
    }
    Ok(statistics)
}

const fn get_tunnel(kind: u8, port: u16, flags: u16) -> Option<Tunnel> {
    let checksum = if flags & encapsulation::REMCSUM != 0 {
        TunnelChecksum::Remote
    } else if flags & encapsulation::CSUM != 0 {
        TunnelChecksum::Full
    } else {
        TunnelChecksum::None
    };
    match kind {
        tunnel::IPIP => Some(Tunnel::Ipip),
        tunnel::GUE => Some(Tunnel::Gue { port, checksum }),
        tunnel::GRE => Some(Tunnel::Gre { checksum }),
        _ => None,
    }
}

fn get_counters(content: &[u8]) -> Result<Counters, Malformed> {
    let mut counters = Counters::default();
    for attribute in attributes(content) {
        let (kind, content) = attribute?;
        let counter = match kind {
            1 => &mut counters.connections,
            2 => &mut counters.packets_in,
            3 => &mut counters.packets_out,
            4 => &mut counters.bytes_in,
            5 => &mut counters.bytes_out,
            6 => &mut counters.connections_per_s,
            7 => &mut counters.packets_in_per_s,
            8 => &mut counters.packets_out_per_s,
            9 => &mut counters.bytes_in_per_s,
            10 => &mut counters.bytes_out_per_s,
            _ => continue,
        };
        *counter = u64::from_ne_bytes(array(content)?);
    }
    Ok(counters)
}

/// The answer to `GET_INFO`.
pub(crate) fn get_info(message: &[u8]) -> Result<Info, Malformed> {
    let (mut version, mut connection_table_size) = (None, None);
    for attribute in attributes(message) {
        match attribute? {
            (1, content) => version = Some(ne32(content)?),
            (2, content) => connection_table_size = Some(ne32(content)?),
            _ => {}
        }
    }
    let [_, major, minor, patch] = version.ok_or("info without version")?.to_be_bytes();
    Ok(Info {
        version: (major, minor, patch),
        connection_table_size: connection_table_size.ok_or("info without table size")?,
    })
}

/// The generic netlink controller, which knows the number of the family.
pub(crate) mod controller {
    use super::{Attributes, Malformed, attributes, ne16};

    /// `GENL_ID_CTRL`
    pub(crate) const KIND: u16 = 0x10;
    /// Version of the family `nlctrl`
    pub(crate) const VERSION: u8 = 2;
    /// `CTRL_CMD_GETFAMILY`
    pub(crate) const GET_FAMILY: u8 = 3;
    const FAMILY_ID: u16 = 1;
    const FAMILY_NAME: u16 = 2;

    pub(crate) fn put_family_name(request: &mut Attributes<'_>, name: &str) {
        request.string(FAMILY_NAME, name);
    }

    pub(crate) fn get_family_id(message: &[u8]) -> Result<u16, Malformed> {
        for attribute in attributes(message) {
            if let (FAMILY_ID, content) = attribute? {
                return ne16(content);
            }
        }
        Err("family without number")
    }
}

/// The content of the one nest in a message.
fn inside(message: &[u8], nest: u16) -> Result<&[u8], Malformed> {
    for attribute in attributes(message) {
        let (kind, content) = attribute?;
        if kind == nest {
            return Ok(content);
        }
    }
    Err("message without its nest")
}

fn get_address(family: Family, content: &[u8]) -> Result<IpAddr, Malformed> {
    let octets = array::<16>(content)?;
    let [a, b, c, d, ..] = octets;
    Ok(match family {
        Family::Inet => Ipv4Addr::from([a, b, c, d]).into(),
        Family::Inet6 => Ipv6Addr::from(octets).into(),
    })
}

/// The first `N` bytes.
fn array<const N: usize>(content: &[u8]) -> Result<[u8; N], Malformed> {
    content.first_chunk().copied().ok_or("attribute is short")
}

fn ne16(content: &[u8]) -> Result<u16, Malformed> {
    Ok(u16::from_ne_bytes(array(content)?))
}

fn be16(content: &[u8]) -> Result<u16, Malformed> {
    Ok(u16::from_be_bytes(array(content)?))
}

fn ne32(content: &[u8]) -> Result<u32, Malformed> {
    Ok(u32::from_ne_bytes(array(content)?))
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod any_answer;
