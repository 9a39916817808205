//! VRRP instances and groups.

use super::Value::{Address, Block, Bool, Entry, Flag, Integer, OneOf, OptionalInteger, Script, Seconds, Text, Word};
use super::{Context, Keyword, keyword};

/// `vrrp_instance`.
#[rustfmt::skip] // one row, one line
pub(super) const VRRP_INSTANCE: &[Keyword] = &[
    keyword("use_vmac", Text, "[[name] IF] [MAC] [netlink_notify_msg] [group G]   (the word name: 2.3+)", "off; name PREFIX.VRID", "send/receive adverts and hold VIPs on a macvlan with the virtual router MAC"),
    keyword("use_vmac_addr", Flag, "", "off", "addresses configured on other interfaces than the instance interface get a VMAC too"),
    keyword("vmac_xmit_base", Flag, "", "off", "send and receive adverts on the underlying interface"),
    keyword("use_ipvlan", Text, "[[name] IF] [ADDR[/LEN]] [bridge|private|vepa] [group G]   (the word name: 2.3+)", "off; mode bridge", "send and receive adverts on an L2 ipvlan"),
    keyword("unicast_peer", Block(Context::UnicastPeer), "{ ADDR [min_ttl N] [max_ttl N] }", "multicast", "send adverts to these peers instead of multicast"),
    keyword("unicast_fault_no_peer", Flag, "", "off", "without unicast peers go to FAULT instead of multicast"),
    keyword("check_unicast_src", Flag, "", "vrrp_check_unicast_src", "accept adverts only from configured peers"),
    keyword("old_unicast_checksum", Text, "[never]", "auto", "bare: send/accept the pre-1.3.6 checksum for v3 unicast"),
    keyword("native_ipv6", Flag, "", "", "set IPv6 and VRRP version 3"),
    keyword("state", OneOf(&["MASTER", "BACKUP"]), "MASTER|BACKUP", "BACKUP (MASTER when priority 255)", "wanted initial state"),
    keyword("interface", Word, "IFNAME", "required", "interface for adverts"),
    keyword("vrf", Word, "IFNAME", "none", "VRF for unicast without interface"),
    keyword("dont_track_primary", Flag, "", "off", "ignore link faults of the instance interface"),
    keyword("track_interface", Block(Context::TrackInterface), "{ NAME [weight W [reverse|noreverse]] }", "", "objects tracked by the instance"),
    keyword("track_script", Block(Context::TrackScript), "{ NAME [weight W [reverse|noreverse]] }", "", "objects tracked by the instance"),
    keyword("track_file", Block(Context::TrackFile), "{ NAME [weight W [reverse|noreverse]] }", "", "objects tracked by the instance"),
    keyword("track_process", Block(Context::TrackFile), "{ NAME [weight W [reverse|noreverse]] }", "", "objects tracked by the instance"),
    keyword("track_bfd", Block(Context::TrackScript), "{ NAME [weight W [reverse|noreverse]] }", "", "objects tracked by the instance"),
    keyword("mcast_src_ip", Address, "ADDR", "first address of interface", "source address of adverts"),
    keyword("unicast_src_ip", Address, "ADDR", "first address of interface", "same variable as mcast_src_ip, also marks the instance as unicast"),
    keyword("mcast_dst_ip", Address, "ADDR", "vrrp_mcast_group4/6", "multicast destination of this instance"),
    keyword("track_src_ip", Flag, "", "off", "FAULT while the source address is not on the interface"),
    keyword("virtual_router_id", Integer(1, 255), "1-255", "required", "VRID, unique per interface/family/destination"),
    keyword("unicast_ttl", Integer(0, 255), "0-255", "255 (multicast always 255)", "TTL of unicast adverts"),
    keyword("version", Integer(2, 3), "2|3", "vrrp_version; IPv6 forces 3", "VRRP version"),
    keyword("priority", Integer(1, 255), "1-255", "100; 255 when state MASTER and no priority", "base priority"),
    keyword("advert_int", Seconds(10_000, 255_000_000), "SECONDS", "1", "advertisement interval"),
    keyword("virtual_ipaddress", Block(Context::VirtualIpaddress), "{ address lines }", "", "addresses held by the MASTER and sent in adverts"),
    keyword("virtual_ipaddress_excluded", Block(Context::VirtualIpaddress), "{ address lines }", "", "addresses held by the MASTER but not in adverts"),
    keyword("no_virtual_ipaddress", Flag, "", "off", "no warning/error about missing VIPs").since("2.3"),
    keyword("promote_secondaries", Flag, "", "off", "set net.ipv4.conf.IF.promote_secondaries"),
    keyword("linkbeat_use_polling", Flag, "", "", "poll link of the interface").deprecated("linkbeat_interfaces"),
    keyword("v3_checksum_as_v2", Bool, "[BOOL]", "global v3_checksum_as_v2", "v3 IPv4 checksum without pseudo header").since("2.3"),
    keyword("virtual_routes", Block(Context::VirtualRoutes), "{ route lines }", "", "routes present while MASTER"),
    keyword("virtual_rules", Block(Context::VirtualRules), "{ rule lines }", "", "rules present while MASTER"),
    keyword("accept", Flag, "", "on unless strict mode", "MASTER accepts packets addressed to the VIPs"),
    keyword("no_accept", Flag, "", "off", "MASTER drops packets addressed to the VIPs"),
    keyword("skip_check_adv_addr", Bool, "[BOOL]", "vrrp_skip_check_adv_addr", "do not compare the address list if the advert comes from the known master"),
    keyword("strict_mode", Bool, "[BOOL]", "vrrp_strict", "enforce RFC behaviour"),
    keyword("preempt", Flag, "", "on", "take over from a lower priority master"),
    keyword("nopreempt", Flag, "", "off", "a recovered higher priority router stays BACKUP"),
    keyword("preempt_delay", Seconds(0, 1_000_000_000), "SECONDS", "0", "wait before preempting a lower priority master"),
    keyword("debug", Integer(0, 4), "0-4", "0", "debug level"),
    keyword("notify_backup", Script, "\"CMD ARGS\" [USER [GROUP]]", "none", "run on entering BACKUP"),
    keyword("notify_master", Script, "\"CMD ARGS\" [USER [GROUP]]", "none", "run on entering MASTER"),
    keyword("notify_fault", Script, "\"CMD ARGS\" [USER [GROUP]]", "none", "run on entering FAULT"),
    keyword("notify_stop", Script, "\"CMD ARGS\" [USER [GROUP]]", "none", "run at shutdown"),
    keyword("notify_deleted", Script, "[\"CMD ARGS\" [USER [GROUP]]]", "none", "report removal by a reload as state DELETED"),
    keyword("notify", Script, "\"CMD ARGS\" [USER [GROUP]]", "none", "run on every state change with 4 extra arguments: INSTANCE|GROUP name STATE priority"),
    keyword("notify_master_rx_lower_pri", Script, "\"CMD ARGS\" [USER [GROUP]]", "none", "run when a MASTER receives an advert of lower priority"),
    keyword("smtp_alert", Bool, "[BOOL]", "smtp_alert_vrrp, else smtp_alert, else off", "mail on state change"),
    keyword("notify_priority_changes", Bool, "[BOOL]", "vrrp_notify_priority_changes", "write MASTER_PRIORITY/BACKUP_PRIORITY lines to the FIFOs when the effective priority changes"),
    keyword("lvs_sync_daemon_interface", Word, "IFNAME", "", "IPVS sync daemon bound to this instance").deprecated("lvs_sync_daemon"),
    keyword("garp_master_delay", Integer(0, 4_294), "SECONDS", "5", "time from becoming MASTER to the second GARP burst"),
    keyword("garp_master_repeat", Integer(1, 4_294_967_295), "N", "5", "messages per burst"),
    keyword("garp_master_refresh", Integer(0, 4_294_967_295), "SECONDS", "0 (off)", "repeat GARP every so many seconds while MASTER"),
    keyword("garp_master_refresh_repeat", Integer(1, 4_294_967_295), "N", "1", "messages per refresh"),
    keyword("garp_lower_prio_delay", Integer(0, 4_294), "SECONDS", "garp_master_delay", "delay of the second burst after a lower priority advert"),
    keyword("garp_lower_prio_repeat", Integer(0, 2_147_483_647), "N", "garp_master_repeat", "messages per burst after a lower priority advert"),
    keyword("down_timer_adverts", Integer(1, 100), "N", "3", "adverts missed before the master is declared down"),
    keyword("timer_expired_backup", OptionalInteger(1, 254), "[N]", "off; bare = 254", "if this MASTER was itself not scheduled for 3 adverts + skew of priority N since its last advert, it goes BACKUP instead of carrying on").since("2.3"),
    keyword("thread_timer_expired", OptionalInteger(1, 254), "[N]", "", "alias of timer_expired_backup").deprecated("timer_expired_backup").since("2.3"),
    keyword("garp_extra_if", Text, "[all] SECONDS", "vrrp_garp_extra_if", "for VMACs send GARP for each VIP also from other interfaces at this interval"),
    keyword("vmac_garp_intvl", Text, "[all] SECONDS", "", "alias of garp_extra_if").deprecated("garp_extra_if"),
    keyword("lower_prio_no_advert", Bool, "[BOOL]", "vrrp_lower_prio_no_advert", "MASTER does not answer a lower priority advert at once"),
    keyword("higher_prio_send_advert", Bool, "[BOOL]", "vrrp_higher_prio_send_advert", "MASTER receiving a higher priority advert sends one more advert before going BACKUP"),
    keyword("owner_ignore_adverts", Bool, "[BOOL]", "vrrp_owner_ignore_adverts", "address owner ignores all adverts").since("2.3"),
    keyword("kernel_rx_buf_size", Integer(0, 4_294_967_295), "BYTES", "from vrrp_rx_bufs_policy", "SO_RCVBUF of the instance socket"),
    keyword("authentication", Block(Context::Authentication), "{ }", "none", "legacy authentication block"),
    keyword("auth_hmac", Block(Context::AuthHmac), "{ }", "none", "HMAC-SHA256 trailer on adverts").since("2.3"),
];

/// `authentication`.
#[rustfmt::skip] // one row, one line
pub(super) const AUTHENTICATION: &[Keyword] = &[
    keyword("auth_type", OneOf(&["PASS", "AH"]), "PASS|AH", "none", "PASS = 8 byte clear text, AH = IPsec AH HMAC-MD5-96"),
    keyword("auth_pass", Word, "STRING", "none", "shared secret, zero padded"),
];

/// `auth_hmac`.
#[rustfmt::skip] // one row, one line
pub(super) const AUTH_HMAC: &[Keyword] = &[
    keyword("key", Word, "ID ASCII|hex:DIGITS|file:PATH", "none", "one key").since("2.3"),
    keyword("active_key", Integer(1, 255), "ID", "none", "key used for sending").since("2.3"),
    keyword("time_window", Integer(1, 300), "SECONDS", "3 x advert_int, limited to 5-300", "accepted clock difference").since("2.3"),
    keyword("anti_replay", OneOf(&["time", "monotonic"]), "time|monotonic", "time", "replay check by wall clock window or by increasing counter").since("2.3"),
    keyword("mode", OneOf(&["enforce", "permissive", "receive-only"]), "enforce|permissive|receive-only", "enforce", "enforce drops unauthenticated adverts, permissive accepts them, receive-only checks but does not send the trailer").since("2.3"),
];

/// A line of `unicast_peer`.
#[rustfmt::skip] // one row, one line
pub(super) const UNICAST_PEER: &[Keyword] = &[
    keyword("ADDR", Entry, "[min_ttl N] [max_ttl N]", "0 255", "peer"),
    keyword("min_ttl", Integer(0, 255), "N", "0", "drop adverts from this peer with smaller TTL"),
    keyword("max_ttl", Integer(0, 255), "N", "255", "drop adverts from this peer with larger TTL"),
];

/// `vrrp_sync_group`.
#[rustfmt::skip] // one row, one line
pub(super) const VRRP_SYNC_GROUP: &[Keyword] = &[
    keyword("group", Block(Context::Names), "{ INSTANCE... }", "", "members"),
    keyword("track_interface", Block(Context::TrackInterface), "{ NAME [weight W [reverse|noreverse]] }", "", "objects tracked by the group"),
    keyword("track_script", Block(Context::TrackScript), "{ NAME [weight W [reverse|noreverse]] }", "", "objects tracked by the group"),
    keyword("track_file", Block(Context::TrackFile), "{ NAME [weight W [reverse|noreverse]] }", "", "objects tracked by the group"),
    keyword("track_process", Block(Context::TrackFile), "{ NAME [weight W [reverse|noreverse]] }", "", "objects tracked by the group"),
    keyword("track_bfd", Block(Context::TrackScript), "{ NAME [weight W [reverse|noreverse]] }", "", "objects tracked by the group"),
    keyword("notify_backup", Script, "\"CMD ARGS\" [USER [GROUP]]", "none", "run on entering BACKUP"),
    keyword("notify_master", Script, "\"CMD ARGS\" [USER [GROUP]]", "none", "run on entering MASTER"),
    keyword("notify_fault", Script, "\"CMD ARGS\" [USER [GROUP]]", "none", "run on entering FAULT"),
    keyword("notify_stop", Script, "\"CMD ARGS\" [USER [GROUP]]", "none", "run at shutdown"),
    keyword("notify", Script, "\"CMD ARGS\" [USER [GROUP]]", "none", "run on every state change with 4 extra arguments: INSTANCE|GROUP name STATE priority"),
    keyword("smtp_alert", Bool, "[BOOL]", "smtp_alert_vrrp, else smtp_alert, else off", "mail on group state change"),
    keyword("global_tracking", Flag, "", "", "alias of sync_group_tracking_weight").deprecated("sync_group_tracking_weight"),
    keyword("sync_group_tracking_weight", Flag, "", "off", "allow weighted trackers: those of the group act on every member, those of a member on that member only"),
    keyword("notify_priority_changes", Bool, "[BOOL]", "vrrp_notify_priority_changes", "default of notify_priority_changes for the members"),
];
