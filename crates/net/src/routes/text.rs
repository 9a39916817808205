//! A route in words, much as `ip route` writes it. Nothing is left out: two routes with the same words are the same.

use std::fmt;

use super::encap::option;
use super::{Placement, Route, RouteMetric, RoutePath, UNICAST};

impl RouteMetric {
    /// The word for it in a configuration and in `ip route`.
    pub const fn keyword(self) -> &'static str {
        match self {
            Self::Mtu => "mtu",
            Self::Window => "window",
            Self::Rtt => "rtt",
            Self::RttVariance => "rttvar",
            Self::SlowStartThreshold => "ssthresh",
            Self::CongestionWindow => "cwnd",
            Self::AdvertisedMss => "advmss",
            Self::Reordering => "reordering",
            Self::HopLimit => "hoplimit",
            Self::InitialCongestionWindow => "initcwnd",
            Self::Features => "features",
            Self::MinimumRto => "rto_min",
            Self::InitialReceiveWindow => "initrwnd",
            Self::QuickAck => "quickack",
            Self::FastOpenNoCookie => "fastopen_no_cookie",
        }
    }
}

/// The type of a route, as in `blackhole`.
fn kind_name(kind: u8) -> Option<&'static str> {
    const NAMES: [&str; 11] = [
        "unspec",
        "unicast",
        "local",
        "broadcast",
        "anycast",
        "multicast",
        "blackhole",
        "unreachable",
        "prohibit",
        "throw",
        "nat",
    ];
    NAMES.get(usize::from(kind)).copied()
}

impl<Link: fmt::Display> fmt::Display for Route<Link> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match kind_name(self.kind) {
            _ if self.kind == UNICAST => {}
            Some(name) => write!(f, "{name} ")?,
            None => write!(f, "type {} ", self.kind)?,
        }
        write!(f, "{}", self.destination)?;
        option(f, "from", self.from.as_ref())?;
        if let [path] = self.paths.as_slice() {
            path.show(f)?;
        }
        option(f, "src", self.source.as_ref())?;
        option(
            f,
            "table",
            Some(&self.table).filter(|table| **table != super::MAIN_TABLE),
        )?;
        option(f, "vrf", self.vrf.as_ref())?;
        option(
            f,
            "proto",
            Some(&self.protocol).filter(|protocol| **protocol != super::ROUTING_PROTOCOL),
        )?;
        option(f, "scope", self.scope.as_ref())?;
        option(f, "tos", Some(&self.tos).filter(|tos| **tos != 0))?;
        option(f, "metric", self.metric.as_ref())?;
        for (metric, value) in &self.metrics {
            let lock = if self.locked & metric.lock_bit() == 0 {
                ""
            } else {
                "lock "
            };
            write!(f, " {} {lock}{value}", metric.keyword())?;
        }
        option(f, "congctl", self.congestion_control.as_ref())?;
        if self.locked & (1 << super::RTAX_CC_ALGO) != 0 {
            f.write_str(" lock")?;
        }
        option(f, "expires", self.expires_s.as_ref())?;
        option(f, "pref", self.preference.as_ref())?;
        option(f, "ttl-propagate", self.ttl_propagate.as_ref())?;
        match self.placement {
            Placement::Alone => f.write_str(" add")?,
            Placement::First => {}
            Placement::Last => f.write_str(" append")?,
        }
        if self.paths.len() > 1 {
            for path in &self.paths {
                f.write_str(" nexthop")?;
                path.show(f)?;
            }
        }
        Ok(())
    }
}

impl<Link: fmt::Display> RoutePath<Link> {
    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        option(f, "encap", self.encap.as_ref())?;
        option(f, "via", self.via.as_ref())?;
        option(f, "dev", self.link.as_ref())?;
        option(f, "weight", Some(&self.weight).filter(|weight| **weight != 1))?;
        if self.realms != 0 {
            write!(f, " realms {}/{}", self.realms >> 16, self.realms & 0xffff)?;
        }
        if self.onlink {
            f.write_str(" onlink")?;
        }
        Ok(())
    }
}
