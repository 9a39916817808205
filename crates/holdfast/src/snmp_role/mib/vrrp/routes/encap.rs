//! Lightweight tunnels of routes and next hops.

use std::net::IpAddr;

use holdfast_agentx::Value;
use holdfast_conf::config::Encap;

use super::address;

/// What is said of a tunnel over IP of either version.
#[derive(Default)]
struct Tunnel {
    id: Option<u64>,
    destination: Option<IpAddr>,
    source: Option<IpAddr>,
    tos: Option<u8>,
    ttl: Option<u8>,
    flags: Option<u16>,
}

fn tunnel(encap: &Encap) -> Tunnel {
    match encap {
        Encap::Ip(of) => Tunnel {
            id: of.id,
            destination: of.dst.map(IpAddr::V4),
            source: of.src.map(IpAddr::V4),
            tos: of.tos,
            ttl: of.ttl,
            flags: of.flags,
        },
        Encap::Ip6(of) => Tunnel {
            id: of.id,
            destination: of.dst.map(IpAddr::V6),
            source: of.src.map(IpAddr::V6),
            tos: of.tos,
            ttl: of.ttl,
            flags: of.flags,
        },
        Encap::Mpls(_) | Encap::Ila(_) => Tunnel::default(),
    }
}

/// `EncapType`
#[expect(clippy::unnecessary_wraps, reason = "as the other columns")]
pub(super) fn kind(encap: &Encap) -> Option<Value> {
    Some(Value::Integer(match encap {
        Encap::Mpls(_) => 1,
        Encap::Ip(_) => 2,
        Encap::Ila(_) => 3,
        Encap::Ip6(_) => 4,
    }))
}

pub(super) fn labels(encap: &Encap) -> Option<Value> {
    let Encap::Mpls(labels) = encap else { return None };
    let labels: Vec<String> = labels.iter().map(ToString::to_string).collect();
    Some(Value::text(labels.join("/")))
}

pub(super) fn id(encap: &Encap) -> Option<Value> {
    tunnel(encap).id.map(Value::Counter64)
}

pub(super) fn destination(encap: &Encap) -> Option<Value> {
    tunnel(encap).destination.map(address)
}

pub(super) fn source(encap: &Encap) -> Option<Value> {
    tunnel(encap).source.map(address)
}

pub(super) fn tos(encap: &Encap) -> Option<Value> {
    tunnel(encap).tos.map(Value::gauge)
}

pub(super) fn ttl(encap: &Encap) -> Option<Value> {
    tunnel(encap).ttl.map(Value::gauge)
}

pub(super) fn flags(encap: &Encap) -> Option<Value> {
    tunnel(encap).flags.map(Value::gauge)
}

pub(super) fn locator(encap: &Encap) -> Option<Value> {
    match encap {
        Encap::Ila(locator) => Some(Value::Counter64(*locator)),
        _ => None,
    }
}
