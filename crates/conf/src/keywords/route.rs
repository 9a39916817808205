//! Lines of routes and rules.

use super::Value::{Address, Entry, Flag, Integer, Text, Word};
use super::{Keyword, keyword};

/// A line of `virtual_routes`.
#[rustfmt::skip] // one row, one line
pub(super) const ROUTE: &[Keyword] = &[
    keyword("PREFIX", Entry, "[to] [TYPE] DEST|default", "type unicast", "destination").not_yet(),
    keyword("to", Text, "[TYPE] PREFIX", "", "optional word before the destination").not_yet(),
    keyword("TYPE", Entry, "PREFIX", "unicast", "route type before the destination").not_yet(),
    keyword("inet", Flag, "", "from addresses", "force IPv4").not_yet(),
    keyword("inet6", Flag, "", "from addresses", "force IPv6").not_yet(),
    keyword("src", Address, "ADDR", "none", "preferred source").not_yet(),
    keyword("as", Text, "[to] ADDR", "none", "not supported").not_yet(),
    keyword("via", Text, "[inet|inet6] ADDR", "none", "next hop").not_yet(),
    keyword("gw", Text, "[inet|inet6] ADDR", "", "alias of via").alias("via").not_yet(),
    keyword("from", Word, "PREFIX", "none", "source prefix").not_yet(),
    keyword("tos", Word, "NAME|N", "0", "type of service").not_yet(),
    keyword("dsfield", Word, "NAME|N", "", "alias of tos").alias("tos").not_yet(),
    keyword("table", Word, "NAME|N", "main", "routing table").not_yet(),
    keyword("protocol", Word, "NAME|N", "18 (keepalived)", "originator tag").not_yet(),
    keyword("scope", Word, "NAME|N", "kernel", "route scope").not_yet(),
    keyword("metric", Integer(0, 4_294_967_295), "N", "0", "route priority").not_yet(),
    keyword("priority", Integer(0, 4_294_967_295), "N", "", "alias of metric").not_yet(),
    keyword("preference", Integer(0, 4_294_967_295), "N", "", "alias of metric").not_yet(),
    keyword("dev", Word, "IFNAME", "none", "output interface").not_yet(),
    keyword("oif", Word, "IFNAME", "", "alias of dev").not_yet(),
    keyword("onlink", Flag, "", "off", "RTNH_F_ONLINK").not_yet(),
    keyword("encap", Word, "TYPE ARGS", "none", "lightweight tunnel").not_yet(),
    keyword("expires", Integer(0, 4_294_967_295), "SECONDS", "none", "route lifetime").not_yet(),
    keyword("mtu", Text, "[lock] N", "0", "path MTU").not_yet(),
    keyword("hoplimit", Integer(0, 255), "N", "0", "hop limit metric").not_yet(),
    keyword("advmss", Text, "[lock] N", "0", "advertised MSS").not_yet(),
    keyword("rtt", Text, "[lock] TIME", "0", "initial rtt").not_yet(),
    keyword("rttvar", Text, "[lock] TIME", "0", "initial rtt variance").not_yet(),
    keyword("reordering", Text, "[lock] N", "0", "reordering metric").not_yet(),
    keyword("window", Integer(0, 4_294_967_295), "N", "0", "window clamp").not_yet(),
    keyword("cwnd", Text, "[lock] N", "0", "congestion window clamp").not_yet(),
    keyword("ssthresh", Text, "[lock] N", "0", "slow start threshold").not_yet(),
    keyword("realms", Text, "[SRC/]DST", "0", "routing realms").not_yet(),
    keyword("rto_min", Text, "[lock] TIME", "0", "minimum RTO").not_yet(),
    keyword("initcwnd", Integer(0, 4_294_967_295), "N", "0", "initial congestion window").not_yet(),
    keyword("initrwnd", Integer(0, 4_294_967_295), "N", "0", "initial receive window").not_yet(),
    keyword("features", Word, "ecn", "none", "route features").not_yet(),
    keyword("quickack", Word, "0|1", "0", "quick ack").not_yet(),
    keyword("congctl", Text, "[lock] NAME", "none", "congestion control algorithm").not_yet(),
    keyword("pref", Word, "low|medium|high|N", "none", "router preference").not_yet(),
    keyword("ttl-propagate", Word, "enabled|disabled", "unset", "MPLS ttl propagation").not_yet(),
    keyword("fastopen_no_cookie", Word, "0|1", "0", "TCP fast open without cookie").not_yet(),
    keyword("add", Flag, "", "", "netlink create with NLM_F_EXCL as ip route add").not_yet(),
    keyword("prepend", Flag, "", "this", "netlink create without EXCL/APPEND").not_yet(),
    keyword("append", Flag, "", "", "netlink create with NLM_F_APPEND").not_yet(),
    keyword("or", Word, "ADDR", "", "second next hop").not_yet(),
    keyword("nexthop", Text, "[via ...] [dev ...] ...", "", "multipath next hop").not_yet(),
    keyword("no_track", Flag, "", "off", "do not monitor or reinstate the route, may use another protocol").not_yet(),
    keyword("vrf", Word, "IFNAME", "none", "use the table of that VRF").not_yet(),
];

/// After `nexthop` on a route line.
#[rustfmt::skip] // one row, one line
pub(super) const NEXTHOP: &[Keyword] = &[
    keyword("via", Text, "[inet|inet6] ADDR", "none", "gateway").not_yet(),
    keyword("dev", Word, "IFNAME", "none", "output interface").not_yet(),
    keyword("weight", Integer(1, 256), "N", "1", "multipath weight").not_yet(),
    keyword("onlink", Flag, "", "off", "RTNH_F_ONLINK").not_yet(),
    keyword("encap", Word, "TYPE ARGS", "none", "encapsulation for this hop").not_yet(),
    keyword("realms", Text, "[SRC/]DST", "0", "realms of this hop").not_yet(),
    keyword("as", Text, "[to] ADDR", "", "not supported").not_yet(),
];

/// After `encap` on a route line.
#[rustfmt::skip] // one row, one line
pub(super) const ENCAP: &[Keyword] = &[
    keyword("ip", Text, "[id N] [dst IPV4] [src IPV4] [tos N] [ttl N] [flags N]", "", "IPv4 metadata tunnel").not_yet(),
    keyword("ip6", Text, "[id N] [dst IPV6] [src IPV6] [tc N] [hoplimit N] [flags N]", "", "IPv6 metadata tunnel").not_yet(),
    keyword("mpls", Text, "LABEL[/LABEL...]", "", "push MPLS labels").not_yet(),
    keyword("ila", Word, "LOCATOR", "", "identifier locator addressing").not_yet(),
];

/// A line of `virtual_rules`.
#[rustfmt::skip] // one row, one line
pub(super) const RULE: &[Keyword] = &[
    keyword("inet", Flag, "", "from addresses", "force IPv4").not_yet(),
    keyword("inet6", Flag, "", "from addresses", "force IPv6").not_yet(),
    keyword("from", Word, "PREFIX", "any", "source selector").not_yet(),
    keyword("to", Word, "PREFIX", "any", "destination selector").not_yet(),
    keyword("table", Word, "NAME|N", "", "action: look up this table").not_yet(),
    keyword("lookup", Word, "NAME|N", "", "alias of table").alias("table").not_yet(),
    keyword("not", Flag, "", "off", "invert the match").not_yet(),
    keyword("preference", Integer(0, 4_294_967_295), "N", "auto from 16384 downwards, per family", "rule priority").not_yet(),
    keyword("order", Word, "N", "", "alias of preference").not_yet(),
    keyword("priority", Word, "N", "", "alias of preference").not_yet(),
    keyword("tos", Word, "NAME|N", "0", "tos selector").not_yet(),
    keyword("dsfield", Word, "NAME|N", "", "alias of tos").alias("tos").not_yet(),
    keyword("fwmark", Word, "N[/MASK]", "", "mark selector").not_yet(),
    keyword("realms", Text, "[SRC/]DST", "", "realms of the result").not_yet(),
    keyword("suppress_prefixlength", Integer(0, 2_147_483_647), "N", "", "ignore results with prefix length <= N").not_yet(),
    keyword("sup_pl", Integer(0, 2_147_483_647), "N", "", "alias of suppress_prefixlength").alias("suppress_prefixlength").not_yet(),
    keyword("suppress_ifgroup", Word, "NAME|N", "", "ignore results through that interface group").not_yet(),
    keyword("sup_group", Word, "NAME|N", "", "alias of suppress_ifgroup").alias("suppress_ifgroup").not_yet(),
    keyword("dev", Word, "IFNAME", "any", "input interface selector").not_yet(),
    keyword("iif", Word, "IFNAME", "", "alias of dev").alias("dev").not_yet(),
    keyword("oif", Word, "IFNAME", "any", "output interface selector").not_yet(),
    keyword("tunnel-id", Word, "N", "", "tunnel id selector").not_yet(),
    keyword("uidrange", Word, "A-B", "", "uid selector").not_yet(),
    keyword("l3mdev", Flag, "", "", "action: table of the l3 master device").not_yet(),
    keyword("protocol", Integer(0, 255), "N", "18 (keepalived)", "originator tag").not_yet(),
    keyword("ipproto", Word, "NAME|N", "any", "layer 4 protocol selector").not_yet(),
    keyword("sport", Word, "A-B", "any", "source port range").not_yet(),
    keyword("dport", Word, "A-B", "any", "destination port range").not_yet(),
    keyword("no_track", Flag, "", "off", "do not monitor/reinstate").not_yet(),
    keyword("type", Word, "ACTION", "", "optional filler").not_yet(),
    keyword("goto", Word, "N", "", "action: continue at rule N").not_yet(),
    keyword("nop", Flag, "", "", "action: nothing").not_yet(),
    keyword("blackhole", Flag, "", "", "action: drop silently").not_yet(),
    keyword("unreachable", Flag, "", "", "action: ICMP unreachable").not_yet(),
    keyword("prohibit", Flag, "", "", "action: ICMP prohibited").not_yet(),
];

/// What only `static_routes` adds.
#[rustfmt::skip] // one row, one line
pub(super) const STATIC_ROUTE_TRACK: &[Keyword] = &[
    keyword("track_group", Word, "NAME", "none", "tie the route to the instances of the group").not_yet(),
];

/// What only `static_rules` adds.
#[rustfmt::skip] // one row, one line
pub(super) const STATIC_RULE_TRACK: &[Keyword] = &[
    keyword("track_group", Word, "NAME", "none", "tie the rule to the instances of the group").not_yet(),
];
