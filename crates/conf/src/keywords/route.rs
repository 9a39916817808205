//! Lines of routes and rules.

use super::Value::{Address, Entry, Flag, Integer, Text, Word};
use super::{Keyword, keyword};

/// A line of `virtual_routes`.
#[rustfmt::skip] // one row, one line
pub(super) const ROUTE: &[Keyword] = &[
    keyword("PREFIX", Entry, "[to] [TYPE] DEST|default", "type unicast", "destination"),
    keyword("to", Text, "[TYPE] PREFIX", "", "optional word before the destination"),
    keyword("TYPE", Entry, "PREFIX", "unicast", "route type before the destination"),
    keyword("inet", Flag, "", "from addresses", "force IPv4"),
    keyword("inet6", Flag, "", "from addresses", "force IPv6"),
    keyword("src", Address, "ADDR", "none", "preferred source"),
    keyword("as", Text, "[to] ADDR", "none", "not supported"),
    keyword("via", Text, "[inet|inet6] ADDR", "none", "next hop"),
    keyword("gw", Text, "[inet|inet6] ADDR", "", "alias of via").alias("via"),
    keyword("from", Word, "PREFIX", "none", "source prefix"),
    keyword("tos", Word, "NAME|N", "0", "type of service"),
    keyword("dsfield", Word, "NAME|N", "", "alias of tos").alias("tos"),
    keyword("table", Word, "NAME|N", "main", "routing table"),
    keyword("protocol", Word, "NAME|N", "18 (keepalived)", "originator tag"),
    keyword("scope", Word, "NAME|N", "kernel", "route scope"),
    keyword("metric", Integer(0, 4_294_967_295), "N", "0", "route priority"),
    keyword("priority", Integer(0, 4_294_967_295), "N", "", "alias of metric"),
    keyword("preference", Integer(0, 4_294_967_295), "N", "", "alias of metric"),
    keyword("dev", Word, "IFNAME", "none", "output interface"),
    keyword("oif", Word, "IFNAME", "", "alias of dev"),
    keyword("onlink", Flag, "", "off", "RTNH_F_ONLINK"),
    keyword("encap", Word, "TYPE ARGS", "none", "lightweight tunnel"),
    keyword("expires", Integer(0, 4_294_967_295), "SECONDS", "none", "route lifetime"),
    keyword("mtu", Text, "[lock] N", "0", "path MTU"),
    keyword("hoplimit", Integer(0, 255), "N", "0", "hop limit metric"),
    keyword("advmss", Text, "[lock] N", "0", "advertised MSS"),
    keyword("rtt", Text, "[lock] TIME", "0", "initial rtt"),
    keyword("rttvar", Text, "[lock] TIME", "0", "initial rtt variance"),
    keyword("reordering", Text, "[lock] N", "0", "reordering metric"),
    keyword("window", Integer(0, 4_294_967_295), "N", "0", "window clamp"),
    keyword("cwnd", Text, "[lock] N", "0", "congestion window clamp"),
    keyword("ssthresh", Text, "[lock] N", "0", "slow start threshold"),
    keyword("realms", Text, "[SRC/]DST", "0", "routing realms"),
    keyword("rto_min", Text, "[lock] TIME", "0", "minimum RTO"),
    keyword("initcwnd", Integer(0, 4_294_967_295), "N", "0", "initial congestion window"),
    keyword("initrwnd", Integer(0, 4_294_967_295), "N", "0", "initial receive window"),
    keyword("features", Word, "ecn", "none", "route features"),
    keyword("quickack", Word, "0|1", "0", "quick ack"),
    keyword("congctl", Text, "[lock] NAME", "none", "congestion control algorithm"),
    keyword("pref", Word, "low|medium|high|N", "none", "router preference"),
    keyword("ttl-propagate", Word, "enabled|disabled", "unset", "MPLS ttl propagation"),
    keyword("fastopen_no_cookie", Word, "0|1", "0", "TCP fast open without cookie"),
    keyword("add", Flag, "", "", "netlink create with NLM_F_EXCL as ip route add"),
    keyword("prepend", Flag, "", "this", "netlink create without EXCL/APPEND"),
    keyword("append", Flag, "", "", "netlink create with NLM_F_APPEND"),
    keyword("or", Word, "ADDR", "", "second next hop"),
    keyword("nexthop", Text, "[via ...] [dev ...] ...", "", "multipath next hop"),
    keyword("no_track", Flag, "", "off", "do not monitor or reinstate the route, may use another protocol"),
    keyword("vrf", Word, "IFNAME", "none", "use the table of that VRF"),
];

/// After `nexthop` on a route line.
#[rustfmt::skip] // one row, one line
pub(super) const NEXTHOP: &[Keyword] = &[
    keyword("via", Text, "[inet|inet6] ADDR", "none", "gateway"),
    keyword("dev", Word, "IFNAME", "none", "output interface"),
    keyword("weight", Integer(1, 256), "N", "1", "multipath weight"),
    keyword("onlink", Flag, "", "off", "RTNH_F_ONLINK"),
    keyword("encap", Word, "TYPE ARGS", "none", "encapsulation for this hop"),
    keyword("realms", Text, "[SRC/]DST", "0", "realms of this hop"),
    keyword("as", Text, "[to] ADDR", "", "not supported"),
];

/// After `encap` on a route line.
#[rustfmt::skip] // one row, one line
pub(super) const ENCAP: &[Keyword] = &[
    keyword("ip", Text, "[id N] [dst IPV4] [src IPV4] [tos N] [ttl N] [flags N]", "", "IPv4 metadata tunnel"),
    keyword("ip6", Text, "[id N] [dst IPV6] [src IPV6] [tc N] [hoplimit N] [flags N]", "", "IPv6 metadata tunnel"),
    keyword("mpls", Text, "LABEL[/LABEL...]", "", "push MPLS labels"),
    keyword("ila", Word, "LOCATOR", "", "identifier locator addressing"),
];

/// A line of `virtual_rules`.
#[rustfmt::skip] // one row, one line
pub(super) const RULE: &[Keyword] = &[
    keyword("inet", Flag, "", "from addresses", "force IPv4"),
    keyword("inet6", Flag, "", "from addresses", "force IPv6"),
    keyword("from", Word, "PREFIX", "any", "source selector"),
    keyword("to", Word, "PREFIX", "any", "destination selector"),
    keyword("table", Word, "NAME|N", "", "action: look up this table"),
    keyword("lookup", Word, "NAME|N", "", "alias of table").alias("table"),
    keyword("not", Flag, "", "off", "invert the match"),
    keyword("preference", Integer(0, 4_294_967_295), "N", "auto from 16384 downwards, per family", "rule priority"),
    keyword("order", Word, "N", "", "alias of preference"),
    keyword("priority", Word, "N", "", "alias of preference"),
    keyword("tos", Word, "NAME|N", "0", "tos selector"),
    keyword("dsfield", Word, "NAME|N", "", "alias of tos").alias("tos"),
    keyword("fwmark", Word, "N[/MASK]", "", "mark selector"),
    keyword("realms", Text, "[SRC/]DST", "", "realms of the result"),
    keyword("suppress_prefixlength", Integer(0, 2_147_483_647), "N", "", "ignore results with prefix length <= N"),
    keyword("sup_pl", Integer(0, 2_147_483_647), "N", "", "alias of suppress_prefixlength").alias("suppress_prefixlength"),
    keyword("suppress_ifgroup", Word, "NAME|N", "", "ignore results through that interface group"),
    keyword("sup_group", Word, "NAME|N", "", "alias of suppress_ifgroup").alias("suppress_ifgroup"),
    keyword("dev", Word, "IFNAME", "any", "input interface selector"),
    keyword("iif", Word, "IFNAME", "", "alias of dev").alias("dev"),
    keyword("oif", Word, "IFNAME", "any", "output interface selector"),
    keyword("tunnel-id", Word, "N", "", "tunnel id selector"),
    keyword("uidrange", Word, "A-B", "", "uid selector"),
    keyword("l3mdev", Flag, "", "", "action: table of the l3 master device"),
    keyword("protocol", Integer(0, 255), "N", "18 (keepalived)", "originator tag"),
    keyword("ipproto", Word, "NAME|N", "any", "layer 4 protocol selector"),
    keyword("sport", Word, "A-B", "any", "source port range"),
    keyword("dport", Word, "A-B", "any", "destination port range"),
    keyword("no_track", Flag, "", "off", "do not monitor/reinstate"),
    keyword("type", Word, "ACTION", "", "optional filler"),
    keyword("goto", Word, "N", "", "action: continue at rule N"),
    keyword("nop", Flag, "", "", "action: nothing"),
    keyword("blackhole", Flag, "", "", "action: drop silently"),
    keyword("unreachable", Flag, "", "", "action: ICMP unreachable"),
    keyword("prohibit", Flag, "", "", "action: ICMP prohibited"),
];

/// What only `static_routes` adds.
#[rustfmt::skip] // one row, one line
pub(super) const STATIC_ROUTE_TRACK: &[Keyword] = &[
    keyword("track_group", Word, "NAME", "none", "tie the route to the instances of the group"),
];

/// What only `static_rules` adds.
#[rustfmt::skip] // one row, one line
pub(super) const STATIC_RULE_TRACK: &[Keyword] = &[
    keyword("track_group", Word, "NAME", "none", "tie the rule to the instances of the group"),
];
