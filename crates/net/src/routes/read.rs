//! Routes as the kernel reports them.

use std::net::IpAddr;

use super::{
    CLONED, HEADER, ONLINK, RTA_DST, RTA_ENCAP, RTA_ENCAP_TYPE, RTA_FLOW, RTA_GATEWAY, RTA_METRICS, RTA_MULTIPATH,
    RTA_OIF, RTA_PREF, RTA_PREFSRC, RTA_PRIORITY, RTA_SRC, RTA_TABLE, RTA_TTL_PROPAGATE, RTA_VIA, RTAX_CC_ALGO,
    RTAX_LOCK, Route, RouteMetric, RoutePath,
};
use crate::netlink::{Message, attributes, number, text};
use crate::prefix::{Prefix, family_of_number, ip_address};
use crate::routes::Encap;

/// Length of `struct rtnexthop`.
const WAY: usize = 8;
const ALIGNMENT: usize = 4;

/// The route in a [`super::NEW`] or [`super::DELETE`] message; nothing for cache entries and other families.
pub(crate) fn decode(message: &Message<'_>) -> Option<Route> {
    let (header, rest) = message.payload.split_first_chunk::<HEADER>()?;
    let [
        family,
        destination_length,
        source_length,
        tos,
        table,
        protocol,
        scope,
        kind,
        flags @ ..,
    ] = header;
    let all = Prefix::all(family_of_number(*family)?);
    let flags = number(flags)?;
    if flags & CLONED != 0 {
        return None;
    }
    let mut route = Route {
        kind: *kind,
        table: u32::from(*table),
        protocol: *protocol,
        scope: Some(*scope),
        tos: *tos,
        ..Route::new(Prefix {
            length: *destination_length,
            ..all
        })
    };
    for (kind, value) in attributes(rest) {
        match kind {
            RTA_DST => route.destination.address = ip_address(value)?,
            RTA_SRC => {
                route.from = ip_address(value).map(|address| Prefix {
                    address,
                    length: *source_length,
                });
            }
            RTA_PREFSRC => route.source = ip_address(value),
            RTA_TABLE => route.table = number(value)?,
            RTA_PRIORITY => route.metric = number(value),
            RTA_PREF => route.preference = value.first().copied(),
            RTA_TTL_PROPAGATE => route.ttl_propagate = value.first().map(|propagate| *propagate != 0),
            RTA_METRICS => read_metrics(value, &mut route),
            RTA_MULTIPATH => route.paths = ways(value),
            _ => {}
        }
    }
    if route.paths.is_empty() {
        let mut path = read_path(rest);
        path.onlink = flags & u32::from(ONLINK) != 0;
        if path != RoutePath::default() {
            route.paths.push(path);
        }
    }
    Some(route)
}

fn read_path(bytes: &[u8]) -> RoutePath {
    let mut path = RoutePath::default();
    let (mut encap_kind, mut encap) = (0, None);
    for (kind, value) in attributes(bytes) {
        match kind {
            RTA_OIF => path.link = number(value),
            RTA_GATEWAY => path.via = ip_address(value),
            RTA_VIA => path.via = via(value),
            RTA_FLOW => path.realms = number(value).unwrap_or(0),
            RTA_ENCAP_TYPE => {
                encap_kind = <[u8; 2]>::try_from(value).map_or(0, u16::from_ne_bytes);
            }
            RTA_ENCAP => encap = Some(value),
            _ => {}
        }
    }
    path.encap = encap.and_then(|encap| Encap::read(encap_kind, encap));
    path
}

/// A gateway of any family: the family's number in 16 bits, then the address.
fn via(value: &[u8]) -> Option<IpAddr> {
    ip_address(value.get(2..)?)
}

fn ways(mut bytes: &[u8]) -> Vec<RoutePath> {
    let mut ways = Vec::new();
    while let Some((header, _)) = bytes.split_first_chunk::<WAY>() {
        let [length_low, length_high, flags, weight, link @ ..] = header;
        let length = usize::from(u16::from_ne_bytes([*length_low, *length_high]));
        let Some(attributes) = bytes.get(WAY..length) else {
            break;
        };
        ways.push(RoutePath {
            link: number(link),
            onlink: flags & ONLINK != 0,
            weight: u16::from(*weight).saturating_add(1),
            ..read_path(attributes)
        });
        let next = length.checked_next_multiple_of(ALIGNMENT);
        bytes = next.and_then(|next| bytes.get(next..)).unwrap_or_default();
    }
    ways
}

fn read_metrics(bytes: &[u8], route: &mut Route) {
    for (kind, value) in attributes(bytes) {
        match kind {
            RTAX_LOCK => route.locked = number(value).unwrap_or(0),
            RTAX_CC_ALGO => route.congestion_control = Some(text(value)),
            _ => {
                let metric = RouteMetric::ALL.into_iter().find(|metric| metric.number() == kind);
                if let (Some(metric), Some(value)) = (metric, number(value)) {
                    route.metrics.insert(metric, value);
                }
            }
        }
    }
}
