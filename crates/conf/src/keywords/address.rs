//! Lines of addresses.

use super::Value::{Entry, Flag, Word};
use super::{Keyword, keyword};

/// A line of `virtual_ipaddress`.
#[rustfmt::skip] // one row, one line
pub(super) const ADDRESS: &[Keyword] = &[
    keyword("ADDR[/LEN]", Entry, "[OPTIONS...]", "LEN 32 / 128", "one address per line, must be the first word"),
    keyword("dev", Word, "IFNAME", "instance interface (static: default_interface)", "interface for the address"),
    keyword("scope", Word, "NAME|N", "global", "address scope"),
    keyword("broadcast", Word, "ADDR|+|-", "none", "broadcast address"),
    keyword("brd", Word, "ADDR|+|-", "", "alias of broadcast").alias("broadcast"),
    keyword("label", Word, "NAME", "none", "address label"),
    keyword("peer", Word, "ADDR", "none", "point to point peer address"),
    keyword("home", Flag, "", "off", "IFA_F_HOMEADDRESS"),
    keyword("-nodad", Flag, "", "nodad set for VIPs", "do duplicate address detection: clears the default IFA_F_NODAD"),
    keyword("mngtmpaddr", Flag, "", "off", "IFA_F_MANAGETEMPADDR"),
    keyword("noprefixroute", Flag, "", "off", "IFA_F_NOPREFIXROUTE: no connected route"),
    keyword("autojoin", Flag, "", "off", "IFA_F_MCAUTOJOIN: join the multicast group"),
    keyword("no_track", Flag, "", "off", "do not go to FAULT / re-add when the address or its interface disappears"),
    keyword("preferred_lft", Word, "SECONDS|forever", "forever; IPv6 /128: 0", "preferred lifetime"),
    keyword("use_vmac", Flag, "", "off", "put this address on its own VMAC interface over dev"),
];

/// A line of `static_ipaddress`.
#[rustfmt::skip] // one row, one line
pub(super) const STATIC_ADDRESS: &[Keyword] = &[
    keyword("ADDR[/LEN]", Entry, "[OPTIONS...]", "LEN 32 / 128", "one address per line, must be the first word"),
    keyword("dev", Word, "IFNAME", "instance interface (static: default_interface)", "interface for the address"),
    keyword("scope", Word, "NAME|N", "global", "address scope"),
    keyword("broadcast", Word, "ADDR|+|-", "none", "broadcast address"),
    keyword("brd", Word, "ADDR|+|-", "", "alias of broadcast").alias("broadcast"),
    keyword("label", Word, "NAME", "none", "address label"),
    keyword("peer", Word, "ADDR", "none", "point to point peer address"),
    keyword("home", Flag, "", "off", "IFA_F_HOMEADDRESS"),
    keyword("-nodad", Flag, "", "nodad set for VIPs", "do duplicate address detection: clears the default IFA_F_NODAD"),
    keyword("mngtmpaddr", Flag, "", "off", "IFA_F_MANAGETEMPADDR"),
    keyword("noprefixroute", Flag, "", "off", "IFA_F_NOPREFIXROUTE: no connected route"),
    keyword("autojoin", Flag, "", "off", "IFA_F_MCAUTOJOIN: join the multicast group"),
    keyword("no_track", Flag, "", "off", "do not go to FAULT / re-add when the address or its interface disappears"),
    keyword("preferred_lft", Word, "SECONDS|forever", "forever; IPv6 /128: 0", "preferred lifetime"),
    keyword("track_group", Word, "NAME", "none", "withdraw the address while no instance of the group is MASTER-capable"),
];
