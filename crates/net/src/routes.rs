//! Routes as plain data.
//!
//! A route is written with the names of its interfaces ([`Route<String>`]) and becomes one with their numbers
//! ([`Route<u32>`]) when the interfaces are there: [`Route::resolve`].
#![deny(clippy::arithmetic_side_effects)]

mod encap;
mod read;
mod text;
mod write;

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::prefix::Prefix;
use crate::vrrp_socket::AddressFamily;

pub use encap::{Encap, TunnelMetadata};
pub(crate) use read::decode;

/// `RTM_NEWROUTE`
pub(crate) const NEW: u16 = 24;
/// `RTM_DELROUTE`
pub(crate) const DELETE: u16 = 25;
/// `RTM_GETROUTE`
pub(crate) const GET: u16 = 26;

/// Length of `struct rtmsg`: family, destination length, source length, tos, table, protocol, scope, type (u8 each),
/// flags u32.
const HEADER: usize = 12;
const RTA_DST: u16 = 1;
const RTA_SRC: u16 = 2;
const RTA_OIF: u16 = 4;
const RTA_GATEWAY: u16 = 5;
const RTA_PRIORITY: u16 = 6;
const RTA_PREFSRC: u16 = 7;
const RTA_METRICS: u16 = 8;
const RTA_MULTIPATH: u16 = 9;
const RTA_FLOW: u16 = 11;
const RTA_TABLE: u16 = 15;
const RTA_VIA: u16 = 18;
const RTA_PREF: u16 = 20;
const RTA_ENCAP_TYPE: u16 = 21;
const RTA_ENCAP: u16 = 22;
const RTA_EXPIRES: u16 = 23;
const RTA_TTL_PROPAGATE: u16 = 26;
const RTAX_LOCK: u16 = 1;
const RTAX_CC_ALGO: u16 = 16;
/// `RTNH_F_ONLINK`
const ONLINK: u8 = 4;
/// `RTM_F_CLONED`: a cache entry, not a route.
const CLONED: u32 = 0x200;

/// The originator that routes and rules carry unless another is given (`RTPROT_KEEPALIVED`), by which leftovers of a
/// daemon that was killed are known.
pub const ROUTING_PROTOCOL: u8 = 18;
/// `RT_TABLE_MAIN`
pub const MAIN_TABLE: u32 = 254;
/// `RTN_UNICAST`
const UNICAST: u8 = 1;
/// Metric of an IPv6 route without one.
const IPV6_METRIC: u32 = 1024;

/// A number that TCP and IP use for packets of a route, `RTAX_*` of `linux/rtnetlink.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(u16)]
pub enum RouteMetric {
    /// Path MTU in bytes.
    Mtu = 2,
    /// Largest window that is announced, in bytes.
    Window = 3,
    /// First guess of the round trip time, in eighths of a millisecond.
    Rtt = 4,
    /// First guess of its variance, in quarters of a millisecond.
    RttVariance = 5,
    /// Slow start threshold, in packets.
    SlowStartThreshold = 6,
    /// Largest congestion window, in packets.
    CongestionWindow = 7,
    /// MSS that is announced, in bytes.
    AdvertisedMss = 8,
    /// How far packets overtake each other, in packets.
    Reordering = 9,
    /// Hop limit, 0 to 255.
    HopLimit = 10,
    /// First congestion window, in packets.
    InitialCongestionWindow = 11,
    /// `RTAX_FEATURE_*`; 1 is explicit congestion notification.
    Features = 12,
    /// Smallest retransmission timeout, in milliseconds.
    MinimumRto = 13,
    /// First receive window, in packets.
    InitialReceiveWindow = 14,
    /// 1: acknowledge at once.
    QuickAck = 15,
    /// 1: TCP Fast Open without a cookie.
    FastOpenNoCookie = 17,
}

impl RouteMetric {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::Mtu,
        Self::Window,
        Self::Rtt,
        Self::RttVariance,
        Self::SlowStartThreshold,
        Self::CongestionWindow,
        Self::AdvertisedMss,
        Self::Reordering,
        Self::HopLimit,
        Self::InitialCongestionWindow,
        Self::Features,
        Self::MinimumRto,
        Self::InitialReceiveWindow,
        Self::QuickAck,
        Self::FastOpenNoCookie,
    ];

    const fn number(self) -> u16 {
        self as u16
    }

    /// Its bit in [`Route::locked`].
    pub const fn lock_bit(self) -> u32 {
        1 << self.number()
    }
}

/// How a route is put beside others for the same destination.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Placement {
    /// Not at all: there must be none.
    Alone,
    /// Before the others.
    #[default]
    First,
    /// After the others.
    Last,
}

/// One way of a route.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RoutePath<Link = u32> {
    /// The gateway, of either family.
    pub via: Option<IpAddr>,
    /// The interface.
    pub link: Option<Link>,
    /// The gateway is on the link although no address says so.
    pub onlink: bool,
    /// Share of the traffic beside other ways, 1 to 256.
    pub weight: u16,
    /// Source realm in the upper 16 bits, destination realm in the lower (IPv4); 0: none.
    pub realms: u32,
    /// The tunnel that packets enter.
    pub encap: Option<Encap>,
}

impl<Link> Default for RoutePath<Link> {
    fn default() -> Self {
        Self {
            via: None,
            link: None,
            onlink: false,
            weight: 1,
            realms: 0,
            encap: None,
        }
    }
}

/// A route, wanted or observed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Route<Link = u32> {
    /// Where it leads; of the family of the route.
    pub destination: Prefix,
    /// Packets from there only (IPv6).
    pub from: Option<Prefix>,
    /// `RTN_*`: 1 unicast, 6 blackhole, 7 unreachable, 8 prohibit, 9 throw.
    pub kind: u8,
    /// Table.
    pub table: u32,
    /// The VRF whose table it belongs in, in place of `table`.
    pub vrf: Option<Link>,
    /// `RTPROT_*`, who made it.
    pub protocol: u8,
    /// `RT_SCOPE_*`; absent: global.
    pub scope: Option<u8>,
    /// Type of service (IPv4).
    pub tos: u8,
    /// Smaller is better. Absent: 0 for IPv4, 1024 for IPv6.
    pub metric: Option<u32>,
    /// Preferred source of packets.
    pub source: Option<IpAddr>,
    /// None for what leads nowhere, one, or several.
    pub paths: Vec<RoutePath<Link>>,
    /// Numbers for TCP and IP.
    pub metrics: BTreeMap<RouteMetric, u32>,
    /// Bits of [`RouteMetric`] (and 16 for the congestion control) that the kernel does not change by what it learns.
    pub locked: u32,
    /// Congestion control algorithm.
    pub congestion_control: Option<String>,
    /// Seconds until the kernel removes it (IPv6).
    pub expires_s: Option<u32>,
    /// Router preference of RFC 4191 (IPv6): 0 medium, 1 high, 3 low.
    pub preference: Option<u8>,
    /// Copy the TTL between IP and MPLS.
    pub ttl_propagate: Option<bool>,
    /// Beside others.
    pub placement: Placement,
}

/// What is known of an interface that a route names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NamedLink {
    /// The kernel's number.
    pub index: u32,
    /// The table, if it is a VRF.
    pub vrf_table: Option<u32>,
}

impl<Link> Route<Link> {
    /// A unicast route of Holdfast's in the main table that leads nowhere yet.
    pub fn new(destination: Prefix) -> Self {
        Self {
            destination,
            from: None,
            kind: UNICAST,
            table: MAIN_TABLE,
            vrf: None,
            protocol: ROUTING_PROTOCOL,
            scope: None,
            tos: 0,
            metric: None,
            source: None,
            paths: Vec::new(),
            metrics: BTreeMap::new(),
            locked: 0,
            congestion_control: None,
            expires_s: None,
            preference: None,
            ttl_propagate: None,
            placement: Placement::default(),
        }
    }

    /// Its family.
    pub fn family(&self) -> AddressFamily {
        self.destination.family()
    }

    /// The metric as the kernel reports it.
    fn effective_metric(&self) -> u32 {
        let metric = self.metric.unwrap_or(0);
        if metric == 0 && self.family() == AddressFamily::Ipv6 {
            return IPV6_METRIC;
        }
        metric
    }

    /// Whether the kernel asks both for the same packets, wherever they lead.
    pub fn is_for_the_same_packets<Other>(&self, other: &Route<Other>) -> bool {
        let sources = |from: Option<Prefix>| from.filter(|from| from.length > 0).map(|from| from.network());
        self.destination.network() == other.destination.network()
            && sources(self.from) == sources(other.from)
            && (self.table, self.tos) == (other.table, other.tos)
            && self.effective_metric() == other.effective_metric()
    }
}

impl Route<String> {
    /// Names of the interfaces that must be there.
    pub fn links(&self) -> impl Iterator<Item = &str> {
        let paths = self.paths.iter().filter_map(|path| path.link.as_deref());
        paths.chain(self.vrf.as_deref())
    }

    /// The route with the numbers of its interfaces.
    ///
    /// # Errors
    /// What is missing, in words.
    pub fn resolve(&self, find: impl Fn(&str) -> Option<NamedLink>) -> Result<Route, String> {
        let index = |name: &String| find(name).ok_or_else(|| format!("there is no interface {name}"));
        let mut table = self.table;
        if let Some(vrf) = &self.vrf {
            table = index(vrf)?.vrf_table.ok_or_else(|| format!("{vrf} is no VRF"))?;
        }
        let resolve = |path: &RoutePath<String>| {
            Ok(RoutePath {
                via: path.via,
                link: path.link.as_ref().map(index).transpose()?.map(|link| link.index),
                onlink: path.onlink,
                weight: path.weight,
                realms: path.realms,
                encap: path.encap.clone(),
            })
        };
        Ok(Route {
            destination: self.destination,
            from: self.from,
            kind: self.kind,
            table,
            vrf: None,
            protocol: self.protocol,
            scope: self.scope,
            tos: self.tos,
            metric: self.metric,
            source: self.source,
            paths: self.paths.iter().map(resolve).collect::<Result<_, String>>()?,
            metrics: self.metrics.clone(),
            locked: self.locked,
            congestion_control: self.congestion_control.clone(),
            expires_s: self.expires_s,
            preference: self.preference,
            ttl_propagate: self.ttl_propagate,
            placement: self.placement,
        })
    }
}

impl Route {
    /// Whether `observed` is this route in the kernel's table. IPv6 reports the ways of one route one by one when it
    /// removes them: a part of the ways is enough.
    pub fn is_in_kernel_as(&self, observed: &Self) -> bool {
        self.is_for_the_same_packets(observed)
            && self.protocol == observed.protocol
            && self.kind == observed.kind
            && (!self.leads_somewhere()
                || observed
                    .paths
                    .iter()
                    .all(|found| self.paths.iter().any(|path| path.is_in_kernel_as(found))))
    }

    /// Whether packets leave this host by it.
    fn leads_somewhere(&self) -> bool {
        !self.paths.is_empty() && self.kind < 6
    }
}

impl RoutePath {
    /// What was not asked for, the kernel chooses.
    fn is_in_kernel_as(&self, observed: &Self) -> bool {
        let same_link = self.link.is_none_or(|link| observed.link == Some(link));
        same_link && self.via == observed.via
    }
}

#[cfg(test)]
mod tests;
