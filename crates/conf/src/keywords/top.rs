//! What stands outside all blocks.

use super::Value::{Block, Flag, Integer, Text, Word};
use super::{Context, Keyword, keyword};

/// The top level.
#[rustfmt::skip] // one row, one line
pub(super) const TOP: &[Keyword] = &[
    keyword("linkbeat_use_polling", Flag, "", "off", "poll MII/ethtool/ioctl for link state of all interfaces instead of netlink only"),
    keyword("net_namespace", Word, "NAME", "none (current namespace)", "run in network namespace NAME"),
    keyword("net_namespace_ipvs", Text, "[NAME]", "same as net_namespace", "namespace in which IPVS is configured"),
    keyword("namespace_with_ipsets", Flag, "", "off", "keep using ipsets although a net namespace is configured"),
    keyword("use_pid_dir", Flag, "", "off", "pid files in /run/keepalived/ instead of /run/"),
    keyword("instance", Word, "NAME", "none", "instance name: implies use_pid_dir, prefix of pid files, syslog ident suffix, ${_INSTANCE} is NOT this"),
    keyword("child_wait_time", Integer(0, 4_294_967_295), "SECONDS", "5", "how long the parent waits for children to end at shutdown before SIGKILL"),
    keyword("global_defs", Block(Context::GlobalDefs), "{ }", "", "global settings"),
    keyword("track_group", Block(Context::TrackGroup), "NAME { }", "", "named set of VRRP instances whose state gates static addresses/routes/rules"),
    keyword("static_ipaddress", Block(Context::StaticIpaddress), "{ lines }", "", "addresses installed at start, removed at stop"),
    keyword("static_routes", Block(Context::StaticRoutes), "{ lines }", "", "routes installed at start"),
    keyword("static_rules", Block(Context::StaticRules), "{ lines }", "", "policy rules installed at start"),
    keyword("vrrp_sync_group", Block(Context::VrrpSyncGroup), "NAME { }", "", "instances that change state together"),
    keyword("garp_group", Block(Context::GarpGroup), "{ }", "", "rate limit of gratuitous ARP / NA per set of physical interfaces"),
    keyword("linkbeat_interfaces", Block(Context::LinkbeatInterfaces), "{ IF [MII|ETHTOOL|IOCTL] }", "", "interfaces whose link state is polled"),
    keyword("interface_up_down_delays", Block(Context::InterfaceUpDownDelays), "{ IF DOWN [UP] }", "0 0", "debounce of interface down/up events, seconds"),
    keyword("vrrp_instance", Block(Context::VrrpInstance), "NAME { }", "", "one VRRP virtual router"),
    keyword("vrrp_script", Block(Context::VrrpScript), "NAME { }", "", "periodic script, must precede the instances that track it"),
    keyword("vrrp_track_process", Block(Context::VrrpTrackProcess), "NAME { }", "", "monitor number of running processes"),
    keyword("track_file", Block(Context::TrackFileBlock), "NAME { }", "", "file whose integer content is a tracker value"),
    keyword("vrrp_track_file", Block(Context::TrackFileBlock), "NAME { }", "", "alias of track_file").alias("track_file"),
    keyword("bfd_instance", Block(Context::BfdInstance), "NAME { }", "", "one BFD session"),
    keyword("SSL", Block(Context::Ssl), "{ }", "", "client certificate settings for all SSL_GET checkers"),
    keyword("virtual_server_group", Block(Context::VirtualServerGroup), "NAME { lines }", "", "set of addresses/ranges/fwmarks sharing one virtual_server"),
    keyword("virtual_server", Block(Context::VirtualServer), "IPADDR [PORT] | fwmark MARK | group NAME { }", "", "IPVS service"),
];
