//! Addresses, routes and rules in keepalived's words and order, as its JSON has them.

use std::ffi::OsString;
use std::fmt::Display;
use std::net::IpAddr;
use std::time::Duration;

use holdfast_conf::config::{Encap, Metric, NextHop, Prefix, Route, RouteCreation, Rule, RuleAction, VirtualAddress};

/// The protocol of routes that keepalived makes (`RTPROT_KEEPALIVED`).
const OWN_PROTOCOL: u8 = 18;

/// Words with blanks between them.
#[derive(Default)]
struct Line(String);

impl Line {
    fn word(&mut self, word: impl Display) {
        if !self.0.is_empty() {
            self.0.push(' ');
        }
        self.0.push_str(&word.to_string());
    }

    fn pair(&mut self, name: &str, value: impl Display) {
        self.word(name);
        self.word(value);
    }

    fn flag(&mut self, name: &str, set: bool) {
        if set {
            self.word(name);
        }
    }

    fn maybe(&mut self, name: &str, value: Option<impl Display>) {
        if let Some(value) = value {
            self.pair(name, value);
        }
    }

    fn metric<T: Copy, D: Display>(&mut self, name: &str, metric: Option<Metric<T>>, show: impl Fn(T) -> D) {
        if let Some(metric) = metric {
            self.word(name);
            self.flag("lock", metric.lock);
            self.word(show(metric.value));
        }
    }
}

/// The command of a script: each word in quotes.
pub fn command(argv: &[OsString]) -> String {
    let mut line = Line::default();
    for word in argv {
        line.word(format!("'{}'", word.to_string_lossy()));
    }
    line.0
}

/// A virtual address. `interface`: the one that it belongs on, which may be one of our own over `dev`.
pub fn address(address: &VirtualAddress, interface: &str, is_set: bool) -> String {
    let mut line = Line::default();
    let is_ipv6 = address.address.value.is_ipv6();
    let whole = if is_ipv6 { 128 } else { 32 };
    // One with a peer is shown without its length.
    if address.peer.is_some() || address.prefix_length == whole {
        line.word(address.address.value);
    } else {
        line.word(format!("{}/{}", address.address.value, address.prefix_length));
    }
    line.maybe("brd", address.broadcast);
    if interface == address.dev.value {
        line.pair("dev", interface);
    } else {
        line.pair("dev", format!("{interface}@{}", address.dev.value));
    }
    match address.scope {
        0 => line.pair("scope", "global"),
        200 => line.pair("scope", "site"),
        253 => line.pair("scope", "link"),
        254 => line.pair("scope", "host"),
        255 => line.pair("scope", "nowhere"),
        number => line.pair("scope", number),
    }
    line.maybe("label", address.label.as_ref());
    if let Some(peer) = address.peer {
        let length = if peer.is_ipv6() { 128 } else { address.prefix_length };
        line.pair("peer", format!("{peer}/{length}"));
    }
    line.flag("home", address.home);
    line.flag("-nodad", is_ipv6 && !address.nodad);
    line.flag("mngtmpaddr", address.mngtmpaddr);
    line.flag("noprefixroute", address.noprefixroute);
    line.flag("autojoin", address.autojoin);
    line.flag("no_track", address.no_track);
    if is_ipv6 {
        match address.preferred_lft {
            None => line.pair("preferred_lft", "forever"),
            Some(0) => line.word("deprecated"),
            Some(seconds) => line.pair("preferred_lft", seconds),
        }
    }
    line.flag("set", is_set);
    line.0
}

/// A virtual route.
pub fn route(route: &Route) -> String {
    let mut line = Line::default();
    line.word(match route.creation {
        RouteCreation::Add => "add",
        RouteCreation::Prepend => "prepend",
        RouteCreation::Append => "append",
    });
    if let Some(kind) = kind_of_route(route.kind) {
        line.word(kind);
    }
    line.word(prefix(&route.destination));
    line.maybe("src", route.src);
    line.maybe("from", route.from.as_ref().map(prefix));
    line.maybe("tos", Some(route.tos).filter(|tos| *tos != 0));
    if let Some(tunnel) = &route.encap {
        encap(&mut line, tunnel);
    }
    if let Some(via) = route.via {
        gateway(&mut line, via);
    }
    line.maybe("dev", route.dev.as_ref());
    line.maybe("table", route.table);
    // Who writes no_track wants no mark; a route without an interface, which cannot be tracked, has it.
    let is_untracked = route.no_track && route.dev.is_some() && route.protocol == OWN_PROTOCOL;
    line.maybe(
        "proto",
        Some(route.protocol).filter(|protocol| *protocol != 0 && !is_untracked),
    );
    line.maybe("scope", route.scope);
    line.maybe("metric", route.metric.filter(|metric| *metric != 0));
    line.flag("onlink", route.onlink);
    settings_of_route(&mut line, route);
    for hop in &route.nexthops {
        nexthop(&mut line, hop);
    }
    line.flag("no_track", route.no_track);
    line.0
}

fn settings_of_route(line: &mut Line, route: &Route) {
    line.maybe("expires", route.expires.map(|seconds| format!("{seconds}sec")));
    realms(line, route.realms);
    if let Some(name) = &route.congctl {
        line.word("congctl");
        line.flag("lock", route.congctl_lock);
        line.word(name);
    }
    line.metric("rtt", route.rtt, time);
    line.metric("rttvar", route.rttvar, time);
    line.metric("rto_min", route.rto_min, time);
    line.flag("features ecn", route.ecn);
    line.metric("mtu", route.mtu, |value| value);
    line.maybe("window", route.window);
    line.metric("ssthresh", route.ssthresh, |value| value);
    line.metric("cwnd", route.cwnd, |value| value);
    line.metric("advmss", route.advmss, |value| value);
    line.metric("reordering", route.reordering, |value| value);
    line.maybe("hoplimit", route.hoplimit);
    line.maybe("initcwnd", route.initcwnd);
    line.maybe("initrwnd", route.initrwnd);
    line.maybe("quickack", route.quickack.map(u8::from));
    line.maybe("fastopen_no_cookie", route.fastopen_no_cookie.map(u8::from));
    let switch = |on| if on { "enabled" } else { "disabled" };
    line.maybe("ttl-propagate", route.ttl_propagate.map(switch));
    line.maybe(
        "pref",
        route.pref.map(|preference| match preference {
            1 => "high",
            3 => "low",
            _ => "medium",
        }),
    );
}

fn nexthop(line: &mut Line, hop: &NextHop) {
    line.word("nexthop");
    if let Some(via) = hop.via {
        gateway(line, via);
    }
    line.maybe("dev", hop.dev.as_ref());
    line.maybe("weight", hop.weight);
    line.flag("onlink", hop.onlink);
    realms(line, hop.realms);
    if let Some(tunnel) = &hop.encap {
        encap(line, tunnel);
    }
}

fn gateway(line: &mut Line, via: IpAddr) {
    let family = if via.is_ipv6() { "inet6" } else { "inet" };
    line.word("via");
    line.pair(family, via);
}

/// One realm is that of the destination.
fn realms(line: &mut Line, realms: Option<u32>) {
    match realms.map(|realms| (realms >> 16, realms & 0xffff)) {
        None => {}
        Some((0, destination)) => line.pair("realm", destination),
        Some((source, destination)) => line.pair("realms", format!("{source}/{destination}")),
    }
}

fn encap(line: &mut Line, tunnel: &Encap) {
    line.word("encap");
    match tunnel {
        Encap::Ip(it) => {
            line.word("ip");
            line.maybe("id", it.id);
            line.maybe("dst", it.dst);
            line.maybe("src", it.src);
            line.maybe("tos", it.tos);
            line.maybe("ttl", it.ttl);
            line.maybe("flags", it.flags.map(|flags| format!("0x{flags:x}")));
        }
        Encap::Ip6(it) => {
            line.word("ip6");
            line.maybe("id", it.id);
            line.maybe("dst", it.dst);
            line.maybe("src", it.src);
            line.maybe("tc", it.tos);
            line.maybe("hoplimit", it.ttl);
            line.maybe("flags", it.flags.map(|flags| format!("0x{flags:x}")));
        }
        Encap::Mpls(labels) => {
            let labels: Vec<String> = labels.iter().map(u32::to_string).collect();
            line.pair("mpls", labels.join("/"));
        }
        // As its bytes lie in memory.
        Encap::Ila(locator) => line.pair("ila", u64::from_ne_bytes(locator.to_be_bytes())),
    }
}

fn time(time: Duration) -> String {
    let ms = time.as_millis();
    if ms.is_multiple_of(1000) {
        format!("{}s", time.as_secs())
    } else {
        format!("{ms}ms")
    }
}

/// rtnetlink(7); unicast is not said.
fn kind_of_route(kind: u8) -> Option<&'static str> {
    Some(match kind {
        2 => "local",
        3 => "broadcast",
        4 => "anycast",
        5 => "multicast",
        6 => "blackhole",
        7 => "unreachable",
        8 => "prohibit",
        9 => "throw",
        10 => "nat",
        11 => "xresolve",
        _ => return None,
    })
}

fn prefix(prefix: &Prefix) -> String {
    let whole = if prefix.address.is_ipv6() { 128 } else { 32 };
    if prefix.length == whole {
        prefix.address.to_string()
    } else {
        format!("{}/{}", prefix.address, prefix.length)
    }
}

/// A virtual rule.
pub fn rule(rule: &Rule) -> String {
    let mut line = Line::default();
    line.flag("not", rule.not);
    match &rule.from {
        Some(from) => line.pair("from", prefix(from)),
        None => line.pair("from", "all"),
    }
    line.maybe("to", rule.to.as_ref().map(prefix));
    line.pair("priority", rule.preference);
    line.pair("tos", format!("0x{:x}", rule.tos.unwrap_or_default()));
    line.maybe(
        "fwmark",
        rule.fwmark.map(|(mark, mask)| match mask {
            u32::MAX => format!("0x{mark:x}"),
            _ => format!("0x{mark:x}/0x{mask:x}"),
        }),
    );
    line.maybe("iif", rule.iif.as_ref());
    line.maybe("oif", rule.oif.as_ref());
    line.maybe("suppress_prefixlen", rule.suppress_prefixlength);
    line.maybe("suppress_ifgroup", rule.suppress_ifgroup);
    line.maybe("tunnel-id", rule.tunnel_id);
    let range = |(first, last): (u32, u32)| format!("{first}-{last}");
    line.maybe("uidrange", rule.uidrange.map(range));
    line.flag("l3mdev", rule.action == RuleAction::L3mdev);
    line.maybe("protocol", Some(rule.protocol).filter(|protocol| *protocol != 0));
    line.maybe("ipproto", rule.ipproto);
    let ports = |(first, last): (u16, u16)| format!("{first}-{last}");
    line.maybe("sport", rule.sport.map(ports));
    line.maybe("dport", rule.dport.map(ports));
    let realms = |realms: u32| format!("{}/{}", realms >> 16, realms & 0xffff);
    line.maybe("realms", rule.realms.map(realms));
    match rule.action {
        RuleAction::Table(table) => line.pair("lookup", table),
        RuleAction::L3mdev => line.pair("lookup", 0),
        RuleAction::Goto(preference) => line.pair("goto", preference),
        RuleAction::Nop => line.word("nop"),
        RuleAction::Blackhole => line.pair("type", "blackhole"),
        RuleAction::Unreachable => line.pair("type", "unreachable"),
        RuleAction::Prohibit => line.pair("type", "prohibit"),
    }
    line.flag("no_track", rule.no_track);
    line.0
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use holdfast_conf::config::{Config, VrrpInstance};
    use holdfast_conf::{LoadOptions, MemoryLoader};

    use super::*;

    fn instance(block: &str, lines: &str) -> VrrpInstance {
        let text = format!(
            "vrrp_instance A {{\ninterface eth0\nvirtual_router_id 7\npriority 100\n\
             virtual_ipaddress {{\n192.0.2.9\n}}\n{block} {{\n{lines}\n}}\n}}\n"
        );
        let loader = MemoryLoader::new().with("/k.conf", text);
        let config: Config = holdfast_conf::load(&loader, Path::new("/k.conf"), &LoadOptions::default()).config;
        config.vrrp_instances.into_iter().next().unwrap()
    }

    /// Each line of a configuration, and what keepalived was seen to write of it: 2.4.3, of routes without an interface 2.2.7.
    fn check(block: &str, pairs: &[(&str, &str)], shown: impl Fn(&VrrpInstance) -> Option<String>) {
        for (line, expected) in pairs {
            let instance = instance(block, line);
            assert_eq!(shown(&instance).as_deref(), Some(*expected), "{line}");
        }
    }

    #[test]
    fn addresses_read_as_keepalived_s() {
        let pairs = [
            (
                "192.0.2.200/24 brd 192.0.2.255 dev eth0 scope global label eth0:1",
                "192.0.2.200/24 brd 192.0.2.255 dev eth0 scope global label eth0:1 set",
            ),
            (
                "192.0.2.201/32 dev eth1 scope link no_track",
                "192.0.2.201 dev eth1 scope link no_track set",
            ),
            (
                "192.0.2.205/24 dev eth0 noprefixroute scope host",
                "192.0.2.205/24 dev eth0 scope host noprefixroute set",
            ),
            (
                "192.0.2.207/24 dev eth0 scope 77 preferred_lft 0",
                "192.0.2.207/24 dev eth0 scope 77 set",
            ),
            (
                "192.0.2.203 peer 192.0.2.204 dev eth1",
                "192.0.2.203 dev eth1 scope global peer 192.0.2.204/32 set",
            ),
            (
                "2001:db8::1/64 home mngtmpaddr noprefixroute",
                "2001:db8::1/64 dev eth0 scope global home mngtmpaddr noprefixroute preferred_lft forever set",
            ),
            ("2001:db8::5/128", "2001:db8::5 dev eth0 scope global deprecated set"),
            (
                "2001:db8::6/64 -nodad preferred_lft 40",
                "2001:db8::6/64 dev eth0 scope global -nodad preferred_lft 40 set",
            ),
            (
                "2001:db8::1/64 autojoin no_track noprefixroute home -nodad",
                "2001:db8::1/64 dev eth0 scope global home -nodad noprefixroute autojoin no_track preferred_lft forever set",
            ),
            (
                "2001:db8::7 peer 2001:db8::8 dev eth1",
                "2001:db8::7 dev eth1 scope global peer 2001:db8::8/128 deprecated set",
            ),
        ];
        check("virtual_ipaddress_excluded", &pairs, |instance| {
            let it = instance.virtual_ipaddress_excluded.first()?;
            Some(address(it, &it.dev.value, true))
        });
        let instance = instance("virtual_ipaddress_excluded", "198.51.100.200/24");
        let it = &instance.virtual_ipaddress_excluded[0];
        assert_eq!(
            address(it, "vrrp.77", false),
            "198.51.100.200/24 dev vrrp.77@eth0 scope global"
        );
    }

    #[test]
    fn routes_read_as_keepalived_s() {
        let pairs = [
            (
                "203.0.113.0/24 via 192.0.2.254 dev eth0",
                "prepend 203.0.113.0/24 via inet 192.0.2.254 dev eth0 proto 18",
            ),
            (
                "default via 192.0.2.253 metric 50 table 100",
                "prepend 0.0.0.0/0 via inet 192.0.2.253 table 100 proto 18 metric 50 no_track",
            ),
            (
                "203.0.117.0/24 via 192.0.2.251 dev eth0 onlink no_track",
                "prepend 203.0.117.0/24 via inet 192.0.2.251 dev eth0 onlink no_track",
            ),
            (
                "2001:db8:5::/64 via 2001:db8::77 dev eth0 pref high",
                "prepend 2001:db8:5::/64 via inet6 2001:db8::77 dev eth0 proto 18 pref high",
            ),
            (
                "add 203.0.118.0/24 via 192.0.2.252 dev eth0",
                "add 203.0.118.0/24 via inet 192.0.2.252 dev eth0 proto 18",
            ),
            (
                "append 203.0.119.0/24 via 192.0.2.252 dev eth0",
                "append 203.0.119.0/24 via inet 192.0.2.252 dev eth0 proto 18",
            ),
            (
                "203.0.120.0/24 dev eth1 scope link",
                "prepend 203.0.120.0/24 dev eth1 proto 18 scope 253",
            ),
            (
                "blackhole 203.0.114.0/24",
                "prepend blackhole 203.0.114.0/24 proto 18 no_track",
            ),
            (
                "unreachable 203.0.119.0/24 metric 6",
                "prepend unreachable 203.0.119.0/24 proto 18 metric 6 no_track",
            ),
            (
                "192.0.5.0/24 src 192.0.2.1 via 192.0.2.254 dev eth0 table 50 metric 10 scope global tos 0x10",
                "prepend 192.0.5.0/24 src 192.0.2.1 tos 16 via inet 192.0.2.254 dev eth0 table 50 proto 18 scope 0 metric 10",
            ),
            (
                "2001:db8:5::/64 from 2001:db8:6::/64 via 2001:db8::77 dev eth0 expires 300 hoplimit 7",
                "prepend 2001:db8:5::/64 from 2001:db8:6::/64 via inet6 2001:db8::77 dev eth0 proto 18 expires 300sec hoplimit 7",
            ),
            (
                "203.0.117.0/24 dev eth0 encap ip id 5 dst 192.0.2.77 src 192.0.2.1 tos 1 ttl 2 flags 3",
                "prepend 203.0.117.0/24 encap ip id 5 dst 192.0.2.77 src 192.0.2.1 tos 1 ttl 2 flags 0x3 dev eth0 proto 18",
            ),
            (
                "2001:db8:7::/64 encap ila 1:2:3:4 via 2001:db8::77 dev eth0",
                "prepend 2001:db8:7::/64 encap ila 288233674720149760 via inet6 2001:db8::77 dev eth0 proto 18",
            ),
            (
                "2001:db8:8::/64 encap ip6 id 5 dst 2001:db8::1 src 2001:db8::2 tc 1 hoplimit 2 flags 3 dev eth0",
                "prepend 2001:db8:8::/64 encap ip6 id 5 dst 2001:db8::1 src 2001:db8::2 tc 1 hoplimit 2 flags 0x3 dev eth0 proto 18",
            ),
            (
                "203.0.116.0/24 nexthop via 192.0.2.250 dev eth0 weight 3 nexthop via 198.51.100.9 dev eth1 weight 4 onlink no_track",
                "prepend 203.0.116.0/24 proto 18 nexthop via inet 192.0.2.250 dev eth0 weight 3 nexthop via inet 198.51.100.9 dev eth1 weight 4 onlink no_track",
            ),
            (
                "203.0.121.0/24 dev eth0 ttl-propagate enabled quickack 0",
                "prepend 203.0.121.0/24 dev eth0 proto 18 quickack 0 ttl-propagate enabled",
            ),
            (
                "203.0.122.0/24 dev eth0 ttl-propagate disabled scope 200 realms 4",
                "prepend 203.0.122.0/24 dev eth0 proto 18 scope 200 realm 4 ttl-propagate disabled",
            ),
            (
                "203.0.115.0/24 dev eth1 mtu 1400 advmss lock 1200 rtt 1600 rttvar 1200 window 5 cwnd 6 ssthresh 7 reordering 4 initcwnd 10 initrwnd 11 quickack 1 realms 3/4 hoplimit 9 features ecn congctl cubic rto_min 250 fastopen_no_cookie 1",
                "prepend 203.0.115.0/24 dev eth1 proto 18 realms 3/4 congctl cubic rtt 200ms rttvar 300ms rto_min 250ms features ecn mtu 1400 window 5 ssthresh 7 cwnd 6 advmss lock 1200 reordering 4 hoplimit 9 initcwnd 10 initrwnd 11 quickack 1 fastopen_no_cookie 1",
            ),
        ];
        check("virtual_routes", &pairs, |instance| {
            instance.virtual_routes.first().map(route)
        });
    }

    #[test]
    fn rules_read_as_keepalived_s() {
        let pairs = [
            (
                "from 192.0.2.0/24 to 203.0.113.0/24 table 100 priority 500 fwmark 0x5/0xff tos 0x10 realms 3/4 dev eth0 oif eth1",
                "from 192.0.2.0/24 to 203.0.113.0/24 priority 500 tos 0x10 fwmark 0x5/0xff iif eth0 oif eth1 protocol 18 realms 3/4 lookup 100",
            ),
            (
                "from all table main",
                "from 0.0.0.0/0 priority 16384 tos 0x0 protocol 18 lookup 254",
            ),
            (
                "not from 192.0.2.7 lookup 101 suppress_prefixlength 5 suppress_ifgroup 3",
                "not from 192.0.2.7 priority 16384 tos 0x0 suppress_prefixlen 5 suppress_ifgroup 3 protocol 18 lookup 101",
            ),
            (
                "to 192.0.2.9 blackhole priority 9",
                "from all to 192.0.2.9 priority 9 tos 0x0 protocol 18 type blackhole",
            ),
            (
                "from 192.0.2.10 goto 30000 priority 600",
                "from 192.0.2.10 priority 600 tos 0x0 protocol 18 goto 30000",
            ),
            (
                "from 192.0.2.11 nop priority 601 no_track",
                "from 192.0.2.11 priority 601 tos 0x0 nop no_track",
            ),
            (
                "iif eth0 ipproto tcp sport 10-20 dport 30-30 uidrange 5-6 realms 5 table 7 priority 700",
                "from all priority 700 tos 0x0 iif eth0 uidrange 5-6 protocol 18 ipproto 6 sport 10-20 dport 30-30 realms 0/5 lookup 7",
            ),
            (
                "tunnel-id 5 table 8 priority 3",
                "from all priority 3 tos 0x0 tunnel-id 5 protocol 18 lookup 8",
            ),
            (
                "iif eth0 l3mdev priority 4",
                "from all priority 4 tos 0x0 iif eth0 l3mdev protocol 18 lookup 0",
            ),
            (
                "from all to 192.0.2.9 prohibit priority 10 tos 4",
                "from 0.0.0.0/0 to 192.0.2.9 priority 10 tos 0x4 protocol 18 type prohibit",
            ),
        ];
        check("virtual_rules", &pairs, |instance| {
            instance.virtual_rules.first().map(rule)
        });
    }

    #[test]
    fn each_word_of_a_command_is_in_quotes() {
        let argv = ["/run/n.sh", "b", "two words"].map(OsString::from);
        assert_eq!(command(&argv), "'/run/n.sh' 'b' 'two words'");
    }
}
