//! `vrrpRouteTable` and `vrrpRouteNextHopTable`: static routes under the number 0, then those of each instance.

mod encap;

use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use holdfast_agentx::{Column, Table, Tree, Value};
use holdfast_conf::config::{Metric, NextHop, Route};
use holdfast_vrrp::RoutingKind;

use super::super::context::{Context, InstanceRow, column};
use super::super::number;
use super::{destination_realm, root, scope, source_realm};
use crate::plan::routing::StaticEntry;
use crate::plan::snmp::vrrp::RouteFacts;

/// `RTPROT_KEEPALIVED`
pub(super) const OUR_PROTOCOL: u8 = 18;

/// `RT_TABLE_MAIN`
const MAIN_TABLE: u32 = 254;

/// A route, whosever it is.
struct Row {
    context: Rc<Context>,
    /// `None`: it is static
    instance: Option<Rc<InstanceRow>>,
    place: usize,
}

/// One of the ways of a route.
struct HopRow {
    route: Rc<Row>,
    place: usize,
}

impl Row {
    fn facts(&self) -> Option<&RouteFacts> {
        let routes = match &self.instance {
            None => &self.context.facts().static_routes,
            Some(row) => &row.facts()?.routes,
        };
        routes.get(self.place)
    }

    fn route(&self) -> Option<&Route> {
        self.facts().map(|facts| &facts.route)
    }

    fn is_set(&self) -> Option<bool> {
        let text = &self.facts()?.text;
        Some(match &self.instance {
            Some(row) => row.has_routing(RoutingKind::Route, text),
            None => is_static_set(&self.context, RoutingKind::Route, text),
        })
    }

    /// The number of its interface, while that is there.
    fn interface_index(&self) -> Option<Value> {
        let dev = self.route()?.dev.as_ref()?;
        Some(Value::integer(self.context.index_of(dev.as_str())))
    }
}

impl HopRow {
    fn hop(&self) -> Option<&NextHop> {
        self.route.route()?.nexthops.get(self.place)
    }
}

/// A static route or rule is in the kernel, as far as we know.
pub(super) fn is_static_set(context: &Context, kind: RoutingKind, text: &str) -> bool {
    let is_it = |entry: &StaticEntry| matches!(entry, StaticEntry::Routing(of, known) if *of == kind && known == text);
    context.live.statics.iter().any(|(entry, there)| *there && is_it(entry))
}

/// `RouteType` of `RTN_*`.
fn route_type(route: &Route) -> Value {
    Value::Integer(match route.kind {
        _ if !route.nexthops.is_empty() => 2,
        6 => 3,
        4 => 4,
        5 => 5,
        3 => 6,
        7 => 7,
        8 => 8,
        9 => 9,
        10 => 10,
        11 => 11,
        _ => 1,
    })
}

/// The only other gateway, if that is how the route is written.
fn secondary_gateway(route: &Route) -> Option<Value> {
    match route.nexthops.as_slice() {
        [hop] if hop.encap.is_none() => hop.via.map(Value::inet_address),
        _ => None,
    }
}

/// `PrefType` of `ICMPV6_ROUTER_PREF_*`.
fn preference(route: &Route) -> Option<Value> {
    Some(Value::Integer(match route.pref? {
        3 => 1,
        0 => 2,
        1 => 3,
        _ => return None,
    }))
}

/// The protocol of a route, of which `unspec` is 1: one that is tracked has keepalived's, others what is written.
fn protocol(route: &Route) -> Option<Value> {
    let said = !route.no_track || route.protocol != OUR_PROTOCOL;
    said.then(|| Value::integer(i32::from(route.protocol) + 1))
}

fn gauge<T: TryInto<u32>>(number: Option<T>) -> Option<Value> {
    number.map(Value::gauge)
}

fn metric(metric: Option<Metric<u32>>) -> Option<Value> {
    metric.map(|metric| Value::Gauge32(metric.value))
}

fn milliseconds(metric: Option<Metric<Duration>>) -> Option<Value> {
    metric.map(|metric| Value::gauge(metric.value.as_millis()))
}

fn lock<T>(metric: Option<Metric<T>>) -> Option<Value> {
    metric.map(|metric| Value::truth(metric.lock))
}

const ROUTES: &[Column<Row>] = &[
    column(2, |row| {
        Some(Value::inet_address_type(row.route()?.destination.address))
    }),
    column(3, |row| Some(Value::inet_address(row.route()?.destination.address))),
    column(4, |row| Some(Value::gauge(row.route()?.destination.length))),
    column(5, |row| row.route()?.via.map(Value::inet_address)),
    column(6, |row| secondary_gateway(row.route()?)),
    column(7, |row| row.route()?.src.map(Value::inet_address)),
    column(8, |row| Some(Value::Gauge32(row.route()?.metric.unwrap_or(0)))),
    column(9, |row| Some(scope(row.route()?.scope.unwrap_or(0)))),
    column(10, |row| Some(route_type(row.route()?))),
    column(11, Row::interface_index),
    column(12, |row| row.route()?.dev.as_ref().map(|dev| Value::text(dev.as_str()))),
    column(13, |row| Some(Value::Gauge32(row.route()?.table.unwrap_or(MAIN_TABLE)))),
    column(14, |row| row.is_set().map(Value::truth)),
    column(15, |row| {
        row.route()?.from.map(|from| Value::inet_address(from.address))
    }),
    column(16, |row| row.route()?.from.map(|from| Value::gauge(from.length))),
    column(17, |row| gauge(Some(row.route()?.tos).filter(|tos| *tos != 0))),
    column(18, |row| protocol(row.route()?)),
    column(19, |row| Some(Value::truth(row.route()?.ecn))),
    column(20, |row| Some(Value::truth(row.route()?.quickack.unwrap_or(false)))),
    column(21, |row| row.route()?.expires.map(Value::integer)),
    column(22, |row| metric(row.route()?.mtu)),
    column(23, |row| lock(row.route()?.mtu)),
    column(24, |row| gauge(row.route()?.hoplimit)),
    column(25, |row| metric(row.route()?.advmss)),
    column(26, |row| lock(row.route()?.advmss)),
    column(27, |row| milliseconds(row.route()?.rtt)),
    column(28, |row| lock(row.route()?.rtt)),
    column(29, |row| milliseconds(row.route()?.rttvar)),
    column(30, |row| lock(row.route()?.rttvar)),
    column(31, |row| metric(row.route()?.reordering)),
    column(32, |row| lock(row.route()?.reordering)),
    column(33, |row| gauge(row.route()?.window)),
    column(34, |row| metric(row.route()?.cwnd)),
    column(35, |row| lock(row.route()?.cwnd)),
    column(36, |row| metric(row.route()?.ssthresh)),
    column(37, |row| lock(row.route()?.ssthresh)),
    column(38, |row| milliseconds(row.route()?.rto_min)),
    column(39, |row| lock(row.route()?.rto_min)),
    column(40, |row| gauge(row.route()?.initcwnd)),
    column(41, |row| gauge(row.route()?.initrwnd)),
    column(42, |row| row.route()?.congctl.as_ref().map(Value::text)),
    column(43, |row| preference(row.route()?)),
    column(44, |row| destination_realm(row.route()?.realms)),
    column(45, |row| source_realm(row.route()?.realms)),
    column(46, |row| encap::kind(row.route()?.encap.as_ref()?)),
    column(47, |row| encap::labels(row.route()?.encap.as_ref()?)),
    column(48, |row| encap::id(row.route()?.encap.as_ref()?)),
    column(49, |row| encap::destination(row.route()?.encap.as_ref()?)),
    column(50, |row| encap::source(row.route()?.encap.as_ref()?)),
    column(51, |row| encap::tos(row.route()?.encap.as_ref()?)),
    column(52, |row| encap::ttl(row.route()?.encap.as_ref()?)),
    column(53, |row| encap::flags(row.route()?.encap.as_ref()?)),
    column(54, |row| encap::locator(row.route()?.encap.as_ref()?)),
    column(55, |row| row.route()?.fastopen_no_cookie.map(Value::truth)),
];

const HOPS: &[Column<HopRow>] = &[
    column(2, |row| row.hop()?.via.map(Value::inet_address_type)),
    column(3, |row| row.hop()?.via.map(Value::inet_address)),
    column(4, |row| {
        let dev = row.hop()?.dev.as_ref()?;
        Some(Value::integer(row.route.context.index_of(dev.as_str())))
    }),
    column(5, |row| row.hop()?.dev.as_ref().map(|dev| Value::text(dev.as_str()))),
    column(6, |row| gauge(row.hop()?.weight)),
    column(7, |row| Some(Value::truth(row.hop()?.onlink))),
    column(8, |row| destination_realm(row.hop()?.realms)),
    column(9, |row| source_realm(row.hop()?.realms)),
    column(10, |row| encap::kind(row.hop()?.encap.as_ref()?)),
    column(11, |row| encap::labels(row.hop()?.encap.as_ref()?)),
    column(12, |row| encap::id(row.hop()?.encap.as_ref()?)),
    column(13, |row| encap::destination(row.hop()?.encap.as_ref()?)),
    column(14, |row| encap::source(row.hop()?.encap.as_ref()?)),
    column(15, |row| encap::tos(row.hop()?.encap.as_ref()?)),
    column(16, |row| encap::ttl(row.hop()?.encap.as_ref()?)),
    column(17, |row| encap::flags(row.hop()?.encap.as_ref()?)),
    column(18, |row| encap::locator(row.hop()?.encap.as_ref()?)),
];

pub(super) fn add(tree: &mut Tree, context: &Rc<Context>) {
    let mut routes = Table::new(root().with(&[7, 1]), ROUTES);
    let mut hops = Table::new(root().with(&[11, 1]), HOPS);
    let of_instances = context.instances().map(Rc::new);
    let owners = std::iter::once(None).chain(of_instances.map(Some));
    for (owner, instance) in (0..).zip(owners) {
        let count = match &instance {
            None => context.facts().static_routes.len(),
            Some(row) => row.facts().map_or(0, |facts| facts.routes.len()),
        };
        for place in 0..count {
            let row = || Row {
                context: Rc::clone(context),
                instance: instance.clone(),
                place,
            };
            let shared = Rc::new(row());
            for hop in 0..shared.route().map_or(0, |route| route.nexthops.len()) {
                let row = HopRow {
                    route: Rc::clone(&shared),
                    place: hop,
                };
                hops.insert([owner, number(place), number(hop)], row);
            }
            routes.insert([owner, number(place)], row());
        }
    }
    tree.add_table(routes);
    tree.add_table(hops);
}

/// An address of a tunnel.
fn address(address: impl Into<IpAddr>) -> Value {
    Value::inet_address(address.into())
}
