//! What instances watch: scripts, processes, files, interfaces, BFD.

use super::Value::{Address, Block, Bool, Entry, Flag, Integer, Milliseconds, Script, Seconds, Text, Weight, Word};
use super::{Context, Keyword, keyword};

/// A line of `track_interface`.
#[rustfmt::skip] // one row, one line
pub(super) const TRACK_INTERFACE: &[Keyword] = &[
    keyword("NAME", Entry, "[weight W [reverse|noreverse]]", "", "tracked object"),
    keyword("weight", Weight(253), "W [reverse|noreverse]", "weight of the object (interface: 0)", "override the weight here"),
    keyword("reverse", Flag, "", "off", "act as if the state of the object were inverted"),
];

/// A line of `track_script` and `track_bfd`.
#[rustfmt::skip] // one row, one line
pub(super) const TRACK_SCRIPT: &[Keyword] = &[
    keyword("NAME", Entry, "[weight W [reverse|noreverse]]", "", "tracked object"),
    keyword("weight", Weight(253), "W [reverse|noreverse]", "weight of the object (interface: 0)", "override the weight here"),
    keyword("reverse", Flag, "", "off", "act as if the state of the object were inverted"),
    keyword("noreverse", Flag, "", "on", "cancel a reverse given on the object"),
];

/// A line of `track_file` and `track_process`.
#[rustfmt::skip] // one row, one line
pub(super) const TRACK_FILE: &[Keyword] = &[
    keyword("NAME", Entry, "[weight W [reverse|noreverse]]", "", "tracked object"),
    keyword("weight", Weight(254), "W [reverse|noreverse]", "weight of the object (interface: 0)", "override the weight here"),
    keyword("reverse", Flag, "", "off", "act as if the state of the object were inverted"),
    keyword("noreverse", Flag, "", "on", "cancel a reverse given on the object"),
];

/// `vrrp_script`.
#[rustfmt::skip] // one row, one line
pub(super) const VRRP_SCRIPT: &[Keyword] = &[
    keyword("script", Script, "\"CMD ARGS\"", "required", "command to run"),
    keyword("interval", Seconds(1_000, 4_294_967_000_000), "SECONDS", "1", "time between runs"),
    keyword("timeout", Seconds(1_000, 4_294_967_000_000), "SECONDS", "= interval", "SIGTERM after this, SIGKILL 2 s later"),
    keyword("weight", Weight(253), "W [reverse]", "0", "default weight"),
    keyword("rise", Integer(1, 2_147_483_647), "N", "1", "successes needed to be up"),
    keyword("fall", Integer(1, 2_147_483_647), "N", "1", "failures needed to be down"),
    keyword("user", Word, "USER [GROUP]", "script_user", "user to run as"),
    keyword("init_fail", Flag, "", "off", "assume failed until the first run succeeds"),
];

/// `vrrp_track_process`.
#[rustfmt::skip] // one row, one line
pub(super) const VRRP_TRACK_PROCESS: &[Keyword] = &[
    keyword("process", Word, "PATH|NAME [ARGS...]", "required", "without ARGS/param_match/full_command: exact match with the comm name"),
    keyword("param_match", Text, "[initial|partial]", "exact when ARGS given", "how ARGS are compared: exactly; initial: the last one may be longer; partial: further ones may follow"),
    keyword("weight", Weight(254), "W [reverse]", "0", "default weight"),
    keyword("quorum", Integer(1, 65_535), "N", "1", "processes needed"),
    keyword("quorum_max", Integer(0, 65_535), "N", "unlimited", "more processes than this is a failure"),
    keyword("delay", Seconds(1, 3_600_000_000), "SECONDS", "0", "set terminate_delay and fork_delay"),
    keyword("terminate_delay", Seconds(1, 3_600_000_000), "SECONDS", "0", "wait before treating the quorum as lost"),
    keyword("fork_delay", Seconds(1, 3_600_000_000), "SECONDS", "0", "wait before treating the quorum as gained"),
    keyword("full_command", Flag, "", "off", "compare argv[0] of the command line instead of the comm name"),
];

/// The block `track_file`.
#[rustfmt::skip] // one row, one line
pub(super) const TRACK_FILE_BLOCK: &[Keyword] = &[
    keyword("file", Word, "PATH", "required", "file holding an integer"),
    keyword("weight", Weight(254), "W [reverse]", "1", "multiplier of the content"),
    keyword("init_file", Text, "[VALUE] [overwrite]", "no creation; VALUE 0", "create the file with VALUE"),
];

/// `track_group`.
#[rustfmt::skip] // one row, one line
pub(super) const TRACK_GROUP: &[Keyword] = &[
    keyword("group", Block(Context::Names), "{ INSTANCE... }", "", "members"),
];

/// `garp_group`.
#[rustfmt::skip] // one row, one line
pub(super) const GARP_GROUP: &[Keyword] = &[
    keyword("garp_interval", Seconds(0, 4_294_967_295), "SECONDS", "none", "gap between gratuitous ARPs over all interfaces of the group"),
    keyword("gna_interval", Seconds(0, 4_294_967_295), "SECONDS", "none", "gap between unsolicited NAs"),
    keyword("interface", Word, "IFNAME", "", "add an interface"),
    keyword("interfaces", Block(Context::Names), "{ IFNAME... }", "", "add several interfaces"),
];

/// A line of `linkbeat_interfaces`.
#[rustfmt::skip] // one row, one line
pub(super) const LINKBEAT_INTERFACES: &[Keyword] = &[
    keyword("IFNAME", Entry, "[MII|ETHTOOL|IOCTL]", "best method that works", "polled interface, method forced by the word"),
];

/// A line of `interface_up_down_delays`.
#[rustfmt::skip] // one row, one line
pub(super) const INTERFACE_UP_DOWN_DELAYS: &[Keyword] = &[
    keyword("IFNAME", Entry, "DOWN [UP]", "UP 0", "down and up debounce in seconds"),
];

/// `bfd_instance`.
#[rustfmt::skip] // one row, one line
pub(super) const BFD_INSTANCE: &[Keyword] = &[
    keyword("source_ip", Address, "ADDR", "any", "local address"),
    keyword("neighbor_ip", Address, "ADDR", "required", "remote address"),
    keyword("neighbour_ip", Address, "ADDR", "", "alias of neighbor_ip").alias("neighbor_ip"),
    keyword("min_rx", Milliseconds(1_000, 4_294_967_000), "MS", "10", "required min receive interval"),
    keyword("min_tx", Milliseconds(1_000, 4_294_967_000), "MS", "10", "desired min transmit interval"),
    keyword("idle_tx", Milliseconds(1_000_000, 4_294_967_000), "MS", "1000", "transmit interval while the session is not up"),
    keyword("multiplier", Integer(1, 255), "N", "5", "detection multiplier"),
    keyword("passive", Flag, "", "off", "do not send until a packet is received"),
    keyword("ttl", Integer(1, 255), "N", "255 IPv4, 64 IPv6", "TTL/hop limit of sent packets"),
    keyword("hoplimit", Integer(1, 255), "N", "", "alias of ttl").alias("ttl"),
    keyword("max_hops", Integer(-1, 255), "N", "0", "drop packets whose TTL shows more than N hops"),
    keyword("multihop", Bool, "[BOOL]", "false", "use UDP port 4784 instead of 3784").since("2.3"),
    keyword("weight", Weight(253), "W [reverse]", "0", "default weight for track_bfd"),
    keyword("vrrp", Flag, "", "both", "deliver events to VRRP"),
    keyword("checker", Flag, "", "both", "deliver events to the checker process"),
];
