//! What floats besides addresses, and what stands still: virtual routes and rules, and static addresses, routes and rules.

use std::collections::{BTreeMap, BTreeSet};

use holdfast_conf::config::{self, AddressFamily, Config};
use holdfast_net::{
    Encap, MAIN_TABLE, Placement, Prefix, Route, RouteMetric, RoutePath, Rule, RuleAction, TunnelMetadata,
};
use holdfast_vrrp::settings::RoutingEntry;
use holdfast_vrrp::{RoutingKind, VirtualAddress};
use serde::{Deserialize, Serialize};

/// Bit of `RTAX_LOCK` for the congestion control algorithm.
const CONGESTION_CONTROL_LOCK: u32 = 1 << 16;
/// `RTAX_FEATURE_ECN`
const ECN: u32 = 1;

/// Everything that the VRRP process may put into the kernel's tables besides virtual addresses.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoutingPlan {
    /// What the machine's routes and the static ones are, by their words
    pub routes: BTreeMap<String, Route<String>>,
    /// What the machine's rules and the static ones are, by their words
    pub rules: BTreeMap<String, Rule>,
    /// `static_ipaddress`, `static_routes` and `static_rules`, in the order in which they are put in
    pub statics: Vec<StaticObject>,
    /// Interfaces on which the kernel shall keep the other addresses of a network when the first one goes
    pub promoted: BTreeSet<String>,
    /// Somebody must be told when a route or a rule goes away
    pub watched: bool,
}

/// An address, a route or a rule that is there while the daemon runs, whoever is master.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StaticObject {
    /// What it is
    pub entry: StaticEntry,
    /// Interfaces that it is on or leads over
    pub interfaces: BTreeSet<String>,
    /// Put it back when it is gone; off with `no_track`
    pub track: bool,
}

/// What a static object is, and which one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum StaticEntry {
    /// An address
    Address {
        /// Where
        interface: String,
        /// Which
        address: VirtualAddress,
    },
    /// A route or a rule by its words
    Routing(RoutingKind, String),
}

impl std::fmt::Display for StaticEntry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Address { interface, address } => {
                write!(f, "address {}/{} dev {interface}", address.address, address.prefix_len)
            }
            Self::Routing(kind, text) => write!(f, "{kind} {text}"),
        }
    }
}

/// The plan for everything in the file.
pub fn routing_plan(config: &Config) -> RoutingPlan {
    let instances = || config.vrrp_instances.iter();
    let virtual_routes = instances().flat_map(|instance| &instance.virtual_routes);
    let virtual_rules = instances().flat_map(|instance| &instance.virtual_rules);
    let routes: Vec<&config::Route> = virtual_routes.chain(&config.static_routes).collect();
    let rules: Vec<&config::Rule> = virtual_rules.chain(&config.static_rules).collect();
    let addresses = config.static_ipaddress.iter().map(static_address);
    let static_routes = config.static_routes.iter().map(|line| StaticObject {
        interfaces: route(line).links().map(str::to_owned).collect(),
        entry: StaticEntry::Routing(RoutingKind::Route, route(line).to_string()),
        track: !line.no_track,
    });
    let static_rules = config.static_rules.iter().map(|line| StaticObject {
        interfaces: rule(line).links().map(str::to_owned).collect(),
        entry: StaticEntry::Routing(RoutingKind::Rule, rule(line).to_string()),
        track: !line.no_track,
    });
    let mut seen = BTreeSet::new();
    let statics = addresses.chain(static_routes).chain(static_rules);
    let promoting = instances().filter(|instance| instance.promote_secondaries);
    RoutingPlan {
        promoted: promoting.map(|instance| instance.interface.value.clone()).collect(),
        watched: routes.iter().any(|line| !line.no_track) || rules.iter().any(|line| !line.no_track),
        statics: statics.filter(|object| seen.insert(object.entry.clone())).collect(),
        routes: routes.into_iter().map(route).map(|it| (it.to_string(), it)).collect(),
        rules: rules.into_iter().map(rule).map(|it| (it.to_string(), it)).collect(),
    }
}

/// Routes of an instance as the election knows them.
pub fn route_entries(lines: &[config::Route]) -> Vec<RoutingEntry> {
    unique(lines.iter().map(|line| {
        let route = route(line);
        // As in keepalived it is `dev` that is tracked; next hops may fail one by one.
        let interfaces = line.dev.iter().map(|dev| dev.value.clone()).collect();
        RoutingEntry {
            text: route.to_string(),
            interfaces,
            track: !line.no_track,
        }
    }))
}

/// Rules of an instance as the election knows them.
pub fn rule_entries(lines: &[config::Rule]) -> Vec<RoutingEntry> {
    unique(lines.iter().map(|line| {
        let rule = rule(line);
        RoutingEntry {
            text: rule.to_string(),
            interfaces: rule.links().map(str::to_owned).collect(),
            track: !line.no_track,
        }
    }))
}

fn unique(entries: impl Iterator<Item = RoutingEntry>) -> Vec<RoutingEntry> {
    let mut seen = BTreeSet::new();
    entries.filter(|entry| seen.insert(entry.text.clone())).collect()
}

/// Interfaces of static objects whose `track_group` has this instance: their loss is a fault of the instance.
pub fn interfaces_of_statics(config: &Config, instance: &str) -> Vec<String> {
    let has_it = |group: &str| {
        let mut groups = config.track_groups.iter().filter(|block| block.name.value == group);
        groups.any(|block| block.group.iter().any(|member| member.value == instance))
    };
    let addresses = config.static_ipaddress.iter();
    let addresses = addresses.map(|line| (line.track_group.as_ref(), line.no_track, Some(&line.dev)));
    let routes = config.static_routes.iter();
    let routes = routes.map(|line| (line.track_group.as_ref(), line.no_track, line.dev.as_ref()));
    let rules = config.static_rules.iter();
    let rules = rules.map(|line| (line.track_group.as_ref(), line.no_track, line.iif.as_ref()));
    let tracked = addresses
        .chain(routes)
        .chain(rules)
        .filter(|(group, no_track, _)| !no_track && group.is_some_and(|group| has_it(&group.value)));
    let names: BTreeSet<String> = tracked
        .filter_map(|(_, _, interface)| interface.map(|interface| interface.value.clone()))
        .collect();
    names.into_iter().collect()
}

fn static_address(line: &config::VirtualAddress) -> StaticObject {
    let address = super::vrrp::virtual_address(&line.dev.value, line);
    StaticObject {
        interfaces: BTreeSet::from([line.dev.value.clone()]),
        track: address.track,
        entry: StaticEntry::Address {
            interface: line.dev.value.clone(),
            // Whether it is tracked makes no other address.
            address: VirtualAddress { track: true, ..address },
        },
    }
}

fn prefix(prefix: config::Prefix) -> Prefix {
    Prefix {
        address: prefix.address,
        length: prefix.length,
    }
}

fn route(line: &config::Route) -> Route<String> {
    let paths = if line.nexthops.is_empty() {
        let path = RoutePath {
            via: line.via,
            link: line.dev.as_ref().map(|dev| dev.value.clone()),
            onlink: line.onlink,
            weight: 1,
            realms: line.realms.unwrap_or(0),
            encap: line.encap.as_ref().map(encap),
        };
        if path == RoutePath::default() {
            Vec::new()
        } else {
            vec![path]
        }
    } else {
        line.nexthops.iter().map(|hop| next_hop(hop, line)).collect()
    };
    let (metrics, locked) = metrics(line);
    Route {
        from: line.from.map(prefix),
        kind: line.kind,
        table: line.table.filter(|table| *table != 0).unwrap_or(MAIN_TABLE),
        vrf: line.vrf.as_ref().map(|vrf| vrf.value.clone()),
        protocol: line.protocol,
        scope: line.scope,
        tos: line.tos,
        metric: line.metric,
        source: line.src,
        paths,
        metrics,
        locked,
        congestion_control: line.congctl.clone(),
        expires_s: line.expires,
        preference: line.pref,
        ttl_propagate: line.ttl_propagate,
        placement: match line.creation {
            config::RouteCreation::Add => Placement::Alone,
            config::RouteCreation::Prepend => Placement::First,
            config::RouteCreation::Append => Placement::Last,
        },
        ..Route::new(prefix(line.destination))
    }
}

fn next_hop(hop: &config::NextHop, line: &config::Route) -> RoutePath<String> {
    RoutePath {
        via: hop.via,
        link: hop.dev.as_ref().map(|dev| dev.value.clone()),
        onlink: hop.onlink,
        weight: hop.weight.unwrap_or(1),
        realms: hop.realms.or(line.realms).unwrap_or(0),
        encap: hop.encap.as_ref().map(encap),
    }
}

/// Numbers of TCP and IP in the kernel's units, and which of them are locked.
fn metrics(line: &config::Route) -> (BTreeMap<RouteMetric, u32>, u32) {
    use RouteMetric as Kind;
    let parts = |time: std::time::Duration, parts: u128| {
        let counted = time.as_micros().saturating_mul(parts) / 1000;
        u32::try_from(counted).unwrap_or(u32::MAX)
    };
    let timed = |metric: Option<config::Metric<std::time::Duration>>, count: u128| {
        metric.map(|metric| (parts(metric.value, count), metric.lock))
    };
    let plain = |metric: Option<config::Metric<u32>>| metric.map(|metric| (metric.value, metric.lock));
    let unlocked = |number: Option<u32>| number.map(|number| (number, false));
    let numbers = [
        (Kind::Mtu, plain(line.mtu)),
        (Kind::Window, unlocked(line.window)),
        (Kind::Rtt, timed(line.rtt, 8)),
        (Kind::RttVariance, timed(line.rttvar, 4)),
        (Kind::SlowStartThreshold, plain(line.ssthresh)),
        (Kind::CongestionWindow, plain(line.cwnd)),
        (Kind::AdvertisedMss, plain(line.advmss)),
        (Kind::Reordering, plain(line.reordering)),
        (Kind::HopLimit, unlocked(line.hoplimit.map(u32::from))),
        (Kind::InitialCongestionWindow, unlocked(line.initcwnd)),
        (Kind::Features, unlocked(line.ecn.then_some(ECN))),
        (Kind::MinimumRto, timed(line.rto_min, 1)),
        (Kind::InitialReceiveWindow, unlocked(line.initrwnd)),
        (Kind::QuickAck, unlocked(line.quickack.map(u32::from))),
        (Kind::FastOpenNoCookie, unlocked(line.fastopen_no_cookie.map(u32::from))),
    ];
    let mut metrics = BTreeMap::new();
    let mut locked = 0;
    for (kind, number) in numbers {
        if let Some((value, lock)) = number {
            metrics.insert(kind, value);
            if lock {
                locked |= kind.lock_bit();
            }
        }
    }
    if line.congctl.is_some() && line.congctl_lock {
        locked |= CONGESTION_CONTROL_LOCK;
    }
    (metrics, locked)
}

fn encap(encap: &config::Encap) -> Encap {
    fn tunnel<Address: Copy>(tunnel: &config::TunnelMetadata<Address>) -> TunnelMetadata<Address> {
        TunnelMetadata {
            id: tunnel.id,
            dst: tunnel.dst,
            src: tunnel.src,
            tos: tunnel.tos,
            ttl: tunnel.ttl,
            flags: tunnel.flags,
        }
    }
    match encap {
        config::Encap::Ip(metadata) => Encap::Ip(tunnel(metadata)),
        config::Encap::Ip6(metadata) => Encap::Ip6(tunnel(metadata)),
        config::Encap::Mpls(labels) => Encap::Mpls(labels.clone()),
        config::Encap::Ila(locator) => Encap::Ila(*locator),
    }
}

fn rule(line: &config::Rule) -> Rule {
    let family = match line.family {
        AddressFamily::Inet => holdfast_net::AddressFamily::Ipv4,
        AddressFamily::Inet6 => holdfast_net::AddressFamily::Ipv6,
    };
    let action = match line.action {
        config::RuleAction::Table(table) => RuleAction::Table(table),
        config::RuleAction::L3mdev => RuleAction::L3Master,
        config::RuleAction::Goto(target) => RuleAction::Goto(target),
        config::RuleAction::Nop => RuleAction::Nop,
        config::RuleAction::Blackhole => RuleAction::Blackhole,
        config::RuleAction::Unreachable => RuleAction::Unreachable,
        config::RuleAction::Prohibit => RuleAction::Prohibit,
    };
    Rule {
        inverted: line.not,
        from: line.from.map(prefix),
        to: line.to.map(prefix),
        tos: line.tos.unwrap_or(0),
        mark: line.fwmark,
        realms: line.realms.unwrap_or(0),
        suppress_prefix_length: line.suppress_prefixlength,
        suppress_interface_group: line.suppress_ifgroup,
        input_interface: line.iif.as_ref().map(|name| name.value.clone()),
        output_interface: line.oif.as_ref().map(|name| name.value.clone()),
        tunnel_id: line.tunnel_id.unwrap_or(0),
        users: line.uidrange,
        protocol: line.protocol,
        ip_protocol: line.ipproto.unwrap_or(0),
        source_ports: line.sport,
        destination_ports: line.dport,
        ..Rule::new(family, line.preference, action)
    }
}
