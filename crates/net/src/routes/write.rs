//! Routes as requests.

use super::{
    DELETE, HEADER, NEW, ONLINK, Placement, RTA_DST, RTA_ENCAP, RTA_ENCAP_TYPE, RTA_EXPIRES, RTA_FLOW, RTA_GATEWAY,
    RTA_METRICS, RTA_MULTIPATH, RTA_OIF, RTA_PREF, RTA_PREFSRC, RTA_PRIORITY, RTA_SRC, RTA_TABLE, RTA_TTL_PROPAGATE,
    RTA_VIA, RTAX_CC_ALGO, RTAX_LOCK, Route, RouteMetric, RoutePath,
};
use crate::changes::{Change, Entry};
use crate::netlink::{APPEND, CREATE, EXCLUSIVE, RequestWriter};
use crate::prefix::{family_number, octets};
use crate::vrrp_socket::AddressFamily;

/// `NLA_F_NESTED`
const NESTED: u16 = 0x8000;
/// `RT_SCOPE_NOWHERE`: any scope, when a route is removed.
const ANY_SCOPE: u8 = 255;
/// Ways of one route that fit into one attribute, with room for a tunnel each.
const MOST_PATHS: usize = 256;

impl Entry for Route {
    fn operation(change: Change) -> &'static str {
        match change {
            Change::Add => "add route",
            Change::Remove => "remove route",
        }
    }

    fn kind_and_flags(&self, change: Change) -> (u16, u16) {
        match change {
            Change::Add => {
                let placement = match self.placement {
                    Placement::Alone => EXCLUSIVE,
                    Placement::First => 0,
                    Placement::Last => APPEND,
                };
                (NEW, CREATE | placement)
            }
            Change::Remove => (DELETE, 0),
        }
    }

    fn is_already_so(&self, change: Change, errno: i32) -> bool {
        match change {
            // Where a route must stand alone, another one is in its place perhaps.
            Change::Add => errno == libc::EEXIST && self.placement != Placement::Alone,
            // An interface that is gone has taken its routes along.
            Change::Remove => matches!(errno, libc::ESRCH | libc::ENODEV),
        }
    }

    fn check(&self) -> Result<(), &'static str> {
        if !self.destination.is_sound() || self.from.is_some_and(|from| !from.is_sound()) {
            return Err("the prefix is longer than the address");
        }
        if self.from.is_some_and(|from| from.family() != self.family())
            || self
                .source
                .is_some_and(|source| source.is_ipv4() != self.destination.address.is_ipv4())
        {
            return Err("an address is of another family");
        }
        let goes_over_ipv4 = |path: &RoutePath| path.via.is_some_and(|via| via.is_ipv4());
        if self.family() == AddressFamily::Ipv6 && self.paths.iter().any(goes_over_ipv4) {
            return Err("an IPv6 route cannot go over an IPv4 gateway");
        }
        if self.paths.len() > MOST_PATHS || self.paths.iter().any(|path| !(1..=256).contains(&path.weight)) {
            return Err("too many ways, or a weight that is not 1 to 256");
        }
        if self.vrf.is_some() {
            return Err("its VRF has not been looked up");
        }
        Ok(())
    }

    fn write(&self, change: Change, body: &mut RequestWriter) {
        let scope = match change {
            Change::Add => self.scope.unwrap_or(0),
            Change::Remove => self.scope.unwrap_or(ANY_SCOPE),
        };
        let only_path = match self.paths.as_slice() {
            [path] => Some(path),
            _ => None,
        };
        let flags = only_path.map_or(0, RoutePath::flags);
        let mut header = vec![
            family_number(self.family()),
            self.destination.length,
            self.from.map_or(0, |from| from.length),
            self.tos,
            u8::try_from(self.table).unwrap_or(0),
            self.protocol,
            scope,
            self.kind,
        ];
        header.extend(u32::from(flags).to_ne_bytes());
        debug_assert_eq!(header.len(), HEADER);
        body.fixed(&header);
        if self.table > u32::from(u8::MAX) {
            body.attribute(RTA_TABLE, &self.table.to_ne_bytes());
        }
        if self.destination.length > 0 {
            body.attribute(RTA_DST, &octets(self.destination.network().address));
        }
        if let Some(from) = self.from.filter(|from| from.length > 0) {
            body.attribute(RTA_SRC, &octets(from.network().address));
        }
        if let Some(source) = self.source {
            body.attribute(RTA_PREFSRC, &octets(source));
        }
        for (kind, number) in [(RTA_PRIORITY, self.metric), (RTA_EXPIRES, self.expires_s)] {
            if let Some(number) = number {
                body.attribute(kind, &number.to_ne_bytes());
            }
        }
        if let Some(preference) = self.preference {
            body.attribute(RTA_PREF, &[preference]);
        }
        if let Some(propagate) = self.ttl_propagate {
            body.attribute(RTA_TTL_PROPAGATE, &[u8::from(propagate)]);
        }
        match only_path {
            Some(path) => {
                if let Some(link) = path.link {
                    body.attribute(RTA_OIF, &link.to_ne_bytes());
                }
                path.write(self.family(), body);
            }
            None if !self.paths.is_empty() => body.attribute(RTA_MULTIPATH, &self.ways()),
            None => {}
        }
        let metrics = self.metrics();
        if !metrics.is_empty() {
            body.attribute(RTA_METRICS, &metrics);
        }
    }
}

impl Route {
    /// A `struct rtnexthop` (length u16, flags u8, weight less one u8, interface u32) and attributes for each way.
    fn ways(&self) -> Vec<u8> {
        let mut ways = Vec::new();
        for path in &self.paths {
            let mut attributes = RequestWriter::default();
            path.write(self.family(), &mut attributes);
            let length = attributes.bytes().len().saturating_add(8);
            ways.extend(u16::try_from(length).unwrap_or(u16::MAX).to_ne_bytes());
            ways.extend([
                path.flags(),
                u8::try_from(path.weight.saturating_sub(1)).unwrap_or(u8::MAX),
            ]);
            ways.extend(path.link.unwrap_or(0).to_ne_bytes());
            ways.extend(attributes.bytes());
        }
        ways
    }

    /// What is inside `RTA_METRICS`.
    fn metrics(&self) -> Vec<u8> {
        let mut inner = RequestWriter::default();
        if self.locked != 0 {
            inner.attribute(RTAX_LOCK, &self.locked.to_ne_bytes());
        }
        for metric in RouteMetric::ALL {
            if let Some(value) = self.metrics.get(&metric) {
                inner.attribute(metric.number(), &value.to_ne_bytes());
            }
        }
        if let Some(name) = &self.congestion_control {
            // The kernel takes it without a closing zero, too.
            inner.attribute(RTAX_CC_ALGO, name.as_bytes());
        }
        inner.bytes().to_vec()
    }
}

impl RoutePath {
    const fn flags(&self) -> u8 {
        if self.onlink { ONLINK } else { 0 }
    }

    /// All but the interface.
    fn write(&self, family: AddressFamily, body: &mut RequestWriter) {
        match self.via {
            Some(via) if via.is_ipv4() == (family == AddressFamily::Ipv4) => {
                body.attribute(RTA_GATEWAY, &octets(via));
            }
            Some(via) => {
                // struct rtvia: family u16 and the address.
                let mut value = u16::from(family_number(AddressFamily::Ipv6)).to_ne_bytes().to_vec();
                value.extend(octets(via));
                body.attribute(RTA_VIA, &value);
            }
            None => {}
        }
        if self.realms != 0 {
            body.attribute(RTA_FLOW, &self.realms.to_ne_bytes());
        }
        if let Some(encap) = &self.encap {
            body.attribute(RTA_ENCAP | NESTED, encap.write().bytes());
            body.attribute(RTA_ENCAP_TYPE, &encap.number().to_ne_bytes());
        }
    }
}
