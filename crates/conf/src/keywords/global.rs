//! `global_defs`.

use super::Value::{Block, Bool, Flag, Integer, Ipv4, Ipv6, OptionalInteger, Script, Seconds, Text, Word};
use super::{Context, Keyword, MAX_MICROSECONDS, keyword};

/// `global_defs`.
pub(super) const GLOBAL_DEFS: &[Keyword] = &[
    keyword(
        "process_names",
        Flag,
        "",
        "all processes keep argv name",
        "set comm names keepalived_vrrp, keepalived_lvs, keepalived_bfd for children",
    )
    .not_yet(),
    keyword("process_name", Word, "NAME", "keepalived", "comm name of the parent").not_yet(),
    keyword(
        "vrrp_process_name",
        Word,
        "NAME",
        "keepalived",
        "comm name of the VRRP child",
    )
    .not_yet(),
    keyword(
        "checker_process_name",
        Word,
        "NAME",
        "keepalived",
        "comm name of the checker child",
    )
    .not_yet(),
    keyword(
        "bfd_process_name",
        Word,
        "NAME",
        "keepalived",
        "comm name of the BFD child",
    )
    .not_yet(),
    keyword("lvs_process_name", Word, "NAME", "", "alias of checker_process_name").alias("checker_process_name"),
    keyword(
        "use_symlink_paths",
        Bool,
        "[BOOL]",
        "false",
        "execute scripts by the configured path instead of the symlink-resolved path",
    )
    .not_yet()
    .since("2.3"),
    keyword(
        "set_supplementary_groups",
        Bool,
        "[BOOL]",
        "false",
        "load supplementary groups of the script user when running scripts",
    )
    .not_yet()
    .since("2.3"),
    keyword(
        "router_id",
        Word,
        "STRING",
        "local host name",
        "name used in mail subjects and SNMP",
    ),
    keyword(
        "notification_email_from",
        Word,
        "ADDR",
        "user@hostname if smtp_server is set",
        "From address of alerts",
    ),
    keyword(
        "smtp_server",
        Word,
        "HOST|IP [PORT]",
        "none; port 25",
        "relay used for alerts",
    ),
    keyword(
        "smtp_helo_name",
        Text,
        "NAME",
        "local host name",
        "name sent in HELO/EHLO of alert mail",
    ),
    keyword(
        "smtp_connect_timeout",
        Integer(0, 4_294),
        "SECONDS",
        "30",
        "timeout of the alert SMTP connection",
    ),
    keyword(
        "notification_email",
        Block(Context::Names),
        "{ ADDR... }",
        "none",
        "recipients of alerts",
    ),
    keyword(
        "smtp_alert",
        Bool,
        "[BOOL]",
        "unset",
        "default of smtp_alert for all VRRP and checker objects",
    ),
    keyword(
        "smtp_alert_vrrp",
        Bool,
        "[BOOL]",
        "unset",
        "default of smtp_alert for VRRP, beats smtp_alert",
    )
    .not_yet(),
    keyword(
        "smtp_alert_checker",
        Bool,
        "[BOOL]",
        "unset",
        "default of smtp_alert for virtual/real servers, beats smtp_alert",
    )
    .not_yet(),
    keyword(
        "checker_log_all_failures",
        Bool,
        "[BOOL]",
        "false",
        "log every failed check, not only state changes",
    ),
    keyword(
        "startup_script",
        Script,
        "\"CMD\" [USER [GROUP]]",
        "none",
        "command the parent runs before the children are started",
    )
    .not_yet(),
    keyword(
        "startup_script_timeout",
        Integer(1, 1_000),
        "SECONDS",
        "10",
        "kill startup_script after this time",
    )
    .not_yet(),
    keyword(
        "shutdown_script",
        Script,
        "\"CMD\" [USER [GROUP]]",
        "none",
        "command the parent runs after the children have ended",
    )
    .not_yet(),
    keyword(
        "shutdown_script_timeout",
        Integer(1, 1_000),
        "SECONDS",
        "10",
        "kill shutdown_script after this time",
    )
    .not_yet(),
    keyword(
        "max_auto_priority",
        OptionalInteger(-1, 99),
        "[N]",
        "0 (only used when a loop is late)",
        "highest SCHED_RR priority a late child may raise itself to",
    )
    .not_yet(),
    keyword(
        "min_auto_priority_delay",
        Integer(1, 10_000_000),
        "MICROSECONDS",
        "1000000",
        "lateness that triggers the automatic priority rise",
    )
    .not_yet(),
    keyword(
        "dynamic_interfaces",
        Text,
        "[allow_if_changes]",
        "off",
        "allow configured interfaces that do not exist",
    )
    .not_yet(),
    keyword("no_email_faults", Flag, "", "off", "send no mail for FAULT transitions").not_yet(),
    keyword(
        "default_interface",
        Word,
        "IFNAME",
        "eth0",
        "interface for static addresses without dev",
    ),
    keyword(
        "disable_local_igmp",
        Flag,
        "",
        "off",
        "turn off IGMP/MLD reports for link-local groups",
    )
    .not_yet(),
    keyword(
        "v3_checksum_as_v2",
        Flag,
        "",
        "false",
        "default of the instance option v3_checksum_as_v2",
    )
    .not_yet()
    .since("2.3"),
    keyword(
        "lvs_timeouts",
        Text,
        "[tcp N] [tcpfin N] [udp N]",
        "kernel",
        "IPVS connection timeouts",
    )
    .not_yet(),
    keyword(
        "lvs_sync_daemon",
        Word,
        "IF [[inst] VI] [id N] [maxlen N] [port N] [ttl N] [group ADDR]",
        "off; id = VRID of VI, kernel defaults",
        "run IPVS connection sync master/backup following VI",
    )
    .not_yet(),
    keyword("lvs_flush", Flag, "", "off", "flush the whole IPVS table at start"),
    keyword(
        "lvs_flush_on_stop",
        Text,
        "[VS]",
        "off",
        "at stop flush the whole IPVS table or only delete virtual services without removing each RS first",
    )
    .not_yet(),
    keyword("lvs_flush_onstop", Text, "[VS]", "", "alias of lvs_flush_on_stop")
        .alias("lvs_flush_on_stop")
        .not_yet(),
    keyword(
        "vrrp_mcast_group4",
        Ipv4,
        "IPV4",
        "224.0.0.18",
        "destination group for IPv4 adverts",
    ),
    keyword(
        "vrrp_mcast_group6",
        Ipv6,
        "IPV6",
        "ff02::12",
        "destination group for IPv6 adverts",
    ),
    keyword(
        "vrrp_garp_master_delay",
        Integer(0, 4_294),
        "SECONDS",
        "5",
        "default of the instance option garp_master_delay",
    ),
    keyword(
        "vrrp_garp_master_repeat",
        Integer(1, 4_294_967_295),
        "N",
        "5",
        "default of the instance option garp_master_repeat",
    ),
    keyword(
        "vrrp_garp_master_refresh",
        Integer(0, 4_294_967_295),
        "SECONDS",
        "0 (off)",
        "default of the instance option garp_master_refresh",
    ),
    keyword(
        "vrrp_garp_master_refresh_repeat",
        Integer(1, 4_294_967_295),
        "N",
        "1",
        "default of the instance option garp_master_refresh_repeat",
    ),
    keyword(
        "vrrp_garp_lower_prio_delay",
        Integer(0, 4_294),
        "SECONDS",
        "= garp_master_delay",
        "default of the instance option garp_lower_prio_delay",
    ),
    keyword(
        "vrrp_garp_lower_prio_repeat",
        Integer(0, 2_147_483_647),
        "N",
        "= garp_master_repeat",
        "default of the instance option garp_lower_prio_repeat",
    ),
    keyword(
        "vrrp_down_timer_adverts",
        Integer(1, 100),
        "N",
        "3",
        "default of the instance option down_timer_adverts",
    ),
    keyword(
        "vrrp_garp_interval",
        Seconds(1, MAX_MICROSECONDS),
        "SECONDS",
        "0",
        "minimum gap between two gratuitous ARPs on one interface",
    ),
    keyword(
        "vrrp_gna_interval",
        Seconds(1, MAX_MICROSECONDS),
        "SECONDS",
        "0",
        "minimum gap between two unsolicited NAs on one interface",
    ),
    keyword(
        "vrrp_min_garp",
        Bool,
        "[BOOL]",
        "false",
        "where still default: garp repeat 1, delay 0, refresh 0, refresh repeat 0",
    ),
    keyword(
        "vrrp_garp_extra_if",
        Text,
        "[all] SECONDS",
        "0 (off)",
        "default of the instance option garp_extra_if",
    )
    .not_yet(),
    keyword(
        "vrrp_vmac_garp_intvl",
        Text,
        "[all] SECONDS",
        "",
        "alias of vrrp_garp_extra_if",
    )
    .deprecated("vrrp_garp_extra_if"),
    keyword(
        "vrrp_lower_prio_no_advert",
        Bool,
        "[BOOL]",
        "false",
        "default of the instance option lower_prio_no_advert",
    ),
    keyword(
        "vrrp_higher_prio_send_advert",
        Bool,
        "[BOOL]",
        "false",
        "default of the instance option higher_prio_send_advert",
    ),
    keyword(
        "vrrp_version",
        Integer(2, 3),
        "2|3",
        "2",
        "default of the instance option version",
    ),
    keyword(
        "vrrp_iptables",
        Text,
        "[INCHAIN [OUTCHAIN]]",
        "off; bare = INPUT OUTPUT",
        "use iptables for no_accept blocking",
    )
    .not_yet(),
    keyword(
        "vrrp_ipsets",
        Text,
        "[ADDR [ADDR6 [IF6 [IGMP [MLD [ND]]]]]]",
        "keepalived, keepalived6, keepalived_if6, keepalived_igmp, keepalived_mld, keepalived_nd",
        "ipset names for iptables mode",
    )
    .not_yet(),
    keyword(
        "nftables",
        Text,
        "[TABLE]",
        "off; bare = keepalived",
        "use nftables table TABLE for no_accept, VMAC and IGMP filtering",
    )
    .not_yet(),
    keyword(
        "nftables_priority",
        Integer(-2_147_483_648, 2_147_483_647),
        "N",
        "-1",
        "hook priority of the nftables base chains",
    )
    .not_yet(),
    keyword(
        "nftables_ifindex",
        Flag,
        "",
        "off",
        "use interface index instead of name in rules",
    )
    .not_yet(),
    keyword(
        "vrrp_check_unicast_src",
        Flag,
        "",
        "off",
        "accept unicast adverts only from configured peers, default for all instances",
    ),
    keyword(
        "vrrp_skip_check_adv_addr",
        Bool,
        "[BOOL]",
        "false",
        "default of the instance option skip_check_adv_addr",
    ),
    keyword(
        "vrrp_strict",
        Bool,
        "[BOOL]",
        "false",
        "default of the instance option strict_mode",
    )
    .not_yet(),
    keyword(
        "vrrp_priority",
        Integer(-20, 19),
        "NICE",
        "0",
        "nice value of the VRRP child",
    )
    .not_yet(),
    keyword("vrrp_no_swap", Flag, "", "off", "mlockall the VRRP child").not_yet(),
    keyword(
        "vrrp_rt_priority",
        Integer(1, 99),
        "N",
        "off",
        "run the VRRP child SCHED_RR with priority N",
    )
    .not_yet(),
    keyword(
        "vrrp_cpu_affinity",
        Text,
        "CPU...",
        "all",
        "pin the VRRP child to these cpus",
    )
    .not_yet(),
    keyword(
        "vrrp_rlimit_rttime",
        Integer(1, 4_294_967_295),
        "MICROSECONDS",
        "10000",
        "RLIMIT_RTTIME of the VRRP child",
    )
    .not_yet(),
    keyword(
        "vrrp_rlimit_rtime",
        Integer(1, 4_294_967_295),
        "MICROSECONDS",
        "",
        "alias of vrrp_rlimit_rttime",
    )
    .alias("vrrp_rlimit_rttime"),
    keyword(
        "checker_priority",
        Integer(-20, 19),
        "NICE",
        "0",
        "nice value of the checker child",
    )
    .not_yet(),
    keyword("checker_no_swap", Flag, "", "off", "mlockall the checker child").not_yet(),
    keyword(
        "checker_rt_priority",
        Integer(1, 99),
        "N",
        "off",
        "run the checker child SCHED_RR with priority N",
    )
    .not_yet(),
    keyword(
        "checker_cpu_affinity",
        Text,
        "CPU...",
        "all",
        "pin the checker child to these cpus",
    )
    .not_yet(),
    keyword(
        "checker_rlimit_rttime",
        Integer(1, 4_294_967_295),
        "MICROSECONDS",
        "10000",
        "RLIMIT_RTTIME of the checker child",
    )
    .not_yet(),
    keyword(
        "checker_rlimit_rtime",
        Integer(1, 4_294_967_295),
        "MICROSECONDS",
        "",
        "alias of checker_rlimit_rttime",
    )
    .alias("checker_rlimit_rttime"),
    keyword(
        "bfd_priority",
        Integer(-20, 19),
        "NICE",
        "0",
        "nice value of the BFD child",
    )
    .not_yet(),
    keyword("bfd_no_swap", Flag, "", "off", "mlockall the BFD child").not_yet(),
    keyword(
        "bfd_rt_priority",
        Integer(1, 99),
        "N",
        "off",
        "run the BFD child SCHED_RR with priority N",
    )
    .not_yet(),
    keyword(
        "bfd_cpu_affinity",
        Text,
        "CPU...",
        "all",
        "pin the BFD child to these cpus",
    )
    .not_yet(),
    keyword(
        "bfd_rlimit_rttime",
        Integer(1, 4_294_967_295),
        "MICROSECONDS",
        "10000",
        "RLIMIT_RTTIME of the BFD child",
    )
    .not_yet(),
    keyword(
        "bfd_rlimit_rtime",
        Integer(1, 4_294_967_295),
        "MICROSECONDS",
        "",
        "alias of bfd_rlimit_rttime",
    )
    .alias("bfd_rlimit_rttime"),
    keyword(
        "nftables_ipvs",
        Text,
        "[TABLE]",
        "off; bare = keepalived_ipvs",
        "map addresses of a virtual_server_group to one fwmark through nftables",
    )
    .not_yet(),
    keyword(
        "nftables_ipvs_priority",
        Integer(-2_147_483_648, 2_147_483_647),
        "N",
        "-1",
        "hook priority of that table",
    )
    .not_yet(),
    keyword(
        "nftables_ipvs_start_fwmark",
        Integer(1, 4_294_967_295),
        "N",
        "1000",
        "first fwmark keepalived may allocate",
    )
    .not_yet(),
    keyword(
        "nftables_counters",
        Flag,
        "",
        "off",
        "add counters to the nftables rules",
    )
    .not_yet(),
    keyword(
        "notify_fifo",
        Word,
        "PATH [USER [GROUP]]",
        "none",
        "write all state change lines to this FIFO",
    )
    .not_yet(),
    keyword(
        "notify_fifo_script",
        Script,
        "\"CMD\" [USER [GROUP]]",
        "none",
        "command started with the FIFO path as last argument, reads the all FIFO",
    )
    .not_yet(),
    keyword(
        "vrrp_notify_fifo",
        Word,
        "PATH [USER [GROUP]]",
        "none",
        "write VRRP state change lines to this FIFO",
    )
    .not_yet(),
    keyword(
        "vrrp_notify_fifo_script",
        Script,
        "\"CMD\" [USER [GROUP]]",
        "none",
        "command started with the FIFO path as last argument, reads the VRRP FIFO",
    )
    .not_yet(),
    keyword(
        "lvs_notify_fifo",
        Word,
        "PATH [USER [GROUP]]",
        "none",
        "write LVS state change lines to this FIFO",
    )
    .not_yet(),
    keyword(
        "lvs_notify_fifo_script",
        Script,
        "\"CMD\" [USER [GROUP]]",
        "none",
        "command started with the FIFO path as last argument, reads the LVS FIFO",
    )
    .not_yet(),
    keyword(
        "vrrp_notify_priority_changes",
        Bool,
        "[BOOL]",
        "false",
        "default of notify_priority_changes",
    )
    .not_yet(),
    keyword(
        "fifo_write_vrrp_states_on_reload",
        Flag,
        "",
        "off",
        "after a reload write the state of every instance/group to the FIFOs again",
    )
    .not_yet(),
    keyword(
        "snmp_socket",
        Word,
        "TRANSPORT",
        "unix:/var/agentx/master",
        "AgentX master socket",
    )
    .not_yet(),
    keyword("enable_traps", Flag, "", "off", "send SNMP traps").not_yet(),
    keyword(
        "enable_snmp_vrrp",
        Flag,
        "",
        "off (on with -x)",
        "SNMP: keepalived VRRP MIB",
    )
    .not_yet(),
    keyword("enable_snmp_keepalived", Flag, "", "", "alias of enable_snmp_vrrp")
        .alias("enable_snmp_vrrp")
        .not_yet(),
    keyword(
        "enable_snmp_rfc",
        Flag,
        "",
        "off (on with -x)",
        "SNMP: RFC2787 and RFC6527 MIBs",
    )
    .not_yet(),
    keyword("enable_snmp_rfcv2", Flag, "", "off (on with -x)", "SNMP: RFC2787 MIB").not_yet(),
    keyword("enable_snmp_rfcv3", Flag, "", "off (on with -x)", "SNMP: RFC6527 MIB").not_yet(),
    keyword(
        "enable_snmp_checker",
        Flag,
        "",
        "off (on with -x)",
        "SNMP: keepalived checker MIB",
    )
    .not_yet(),
    keyword(
        "snmp_vs_stats_update_interval",
        Seconds(1_000, 30_000_000),
        "SECONDS",
        "5",
        "age after which virtual server IPVS statistics are refreshed for SNMP",
    )
    .not_yet()
    .since("2.3"),
    keyword(
        "snmp_rs_stats_update_interval",
        Seconds(1_000, 30_000_000),
        "SECONDS",
        "= vs interval",
        "same for real servers",
    )
    .not_yet()
    .since("2.3"),
    keyword("enable_dbus", Flag, "", "off", "enable the DBus service").not_yet(),
    keyword(
        "dbus_service_name",
        Word,
        "NAME",
        "org.keepalived.Vrrp1",
        "DBus well-known name",
    )
    .not_yet(),
    keyword(
        "dbus_no_interface_name",
        Word,
        "NAME",
        "none",
        "name used in DBus paths for instances without an interface",
    )
    .not_yet()
    .since("2.3"),
    keyword(
        "script_user",
        Word,
        "USER [GROUP]",
        "keepalived_script if it exists, else the uid of keepalived",
        "default user for scripts",
    ),
    keyword(
        "enable_script_security",
        Flag,
        "",
        "off",
        "refuse scripts that run as root and whose path or any parent directory is writable by a non-root user",
    ),
    keyword(
        "vrrp_netlink_cmd_rcv_bufs",
        Integer(0, 4_294_967_295),
        "BYTES",
        "kernel default (monitor/process sockets: doubled automatically on overrun)",
        "receive buffer of the VRRP netlink command socket",
    )
    .not_yet(),
    keyword(
        "vrrp_netlink_cmd_rcv_bufs_force",
        Bool,
        "[BOOL]",
        "false",
        "use SO_RCVBUFFORCE for the VRRP netlink command socket",
    )
    .not_yet(),
    keyword(
        "vrrp_netlink_monitor_rcv_bufs",
        Integer(0, 4_294_967_295),
        "BYTES",
        "kernel default (monitor/process sockets: doubled automatically on overrun)",
        "receive buffer of the VRRP netlink monitor socket",
    )
    .not_yet(),
    keyword(
        "vrrp_netlink_monitor_rcv_bufs_force",
        Bool,
        "[BOOL]",
        "false",
        "use SO_RCVBUFFORCE for the VRRP netlink monitor socket",
    )
    .not_yet(),
    keyword(
        "process_monitor_rcv_bufs",
        Integer(0, 4_294_967_295),
        "BYTES",
        "kernel default (monitor/process sockets: doubled automatically on overrun)",
        "receive buffer of the process event socket",
    )
    .not_yet(),
    keyword(
        "process_monitor_rcv_bufs_force",
        Bool,
        "[BOOL]",
        "false",
        "use SO_RCVBUFFORCE for the process event socket",
    )
    .not_yet(),
    keyword(
        "lvs_netlink_cmd_rcv_bufs",
        Integer(0, 4_294_967_295),
        "BYTES",
        "kernel default (monitor/process sockets: doubled automatically on overrun)",
        "receive buffer of the checker netlink command socket",
    )
    .not_yet(),
    keyword(
        "lvs_netlink_cmd_rcv_bufs_force",
        Bool,
        "[BOOL]",
        "false",
        "use SO_RCVBUFFORCE for the checker netlink command socket",
    )
    .not_yet(),
    keyword(
        "lvs_netlink_monitor_rcv_bufs",
        Integer(0, 4_294_967_295),
        "BYTES",
        "kernel default (monitor/process sockets: doubled automatically on overrun)",
        "receive buffer of the checker netlink monitor socket",
    )
    .not_yet(),
    keyword(
        "lvs_netlink_monitor_rcv_bufs_force",
        Bool,
        "[BOOL]",
        "false",
        "use SO_RCVBUFFORCE for the checker netlink monitor socket",
    )
    .not_yet(),
    keyword(
        "rs_init_notifies",
        Bool,
        "[BOOL]",
        "false",
        "run notify scripts/FIFO for real servers at their first state decision",
    )
    .not_yet(),
    keyword(
        "no_checker_emails",
        Bool,
        "[BOOL]",
        "false",
        "no mail for real server changes caused by start/reload",
    )
    .not_yet(),
    keyword(
        "vrrp_rx_bufs_policy",
        Text,
        "MTU|ADVERT|BYTES ...",
        "none",
        "how the VRRP socket receive buffer is sized",
    )
    .not_yet(),
    keyword(
        "vrrp_rx_bufs_multiplier",
        Integer(1, 2_147_483_647),
        "N",
        "3",
        "multiplier for the MTU/ADVERT policy",
    )
    .not_yet(),
    keyword(
        "vrrp_startup_delay",
        Seconds(1_000, MAX_MICROSECONDS),
        "SECONDS",
        "0",
        "delay before VRRP instances start",
    ),
    keyword(
        "vrrp_delay_after_boot",
        Seconds(1_000, MAX_MICROSECONDS),
        "SECONDS",
        "0",
        "delay VRRP until system uptime reaches this",
    )
    .not_yet()
    .since("2.3"),
    keyword(
        "log_unknown_vrids",
        Flag,
        "",
        "off",
        "log adverts for VRIDs that are not configured",
    )
    .not_yet(),
    keyword(
        "vrrp_owner_ignore_adverts",
        Bool,
        "[BOOL]",
        "false",
        "default of owner_ignore_adverts",
    )
    .not_yet()
    .since("2.3"),
    keyword(
        "vmac_prefix",
        Word,
        "NAME",
        "vrrp",
        "name prefix of VMAC interfaces without explicit name",
    )
    .not_yet(),
    keyword(
        "vmac_addr_prefix",
        Word,
        "NAME",
        "= vmac_prefix",
        "name prefix of VMACs created by use_vmac_addr / use_vmac on an address",
    )
    .not_yet(),
    keyword(
        "umask",
        Text,
        "NUMBER | BIT[|BIT...]",
        "0177 (IXUSR|IRWXG|IRWXO)",
        "umask for created files",
    )
    .not_yet(),
    keyword(
        "random_seed",
        Integer(0, 4_294_967_295),
        "N",
        "time",
        "seed of ${_RANDOM}",
    )
    .not_yet(),
    keyword(
        "reload_check_config",
        Text,
        "[LOGFILE]",
        "off; bare = /dev/null",
        "on reload first run a config test with output to LOGFILE",
    )
    .not_yet(),
    keyword(
        "reload_time_file",
        Word,
        "PATH",
        "none",
        "file with a time at which to reload",
    )
    .not_yet(),
    keyword(
        "reload_repeat",
        Flag,
        "",
        "off",
        "with reload_time_file: do not remove the file, reload every day",
    )
    .not_yet(),
    keyword(
        "reload_file",
        Text,
        "[PATH]",
        "off; bare = /run/keepalived.reload (or in the pid directory)",
        "file created while a reload is in progress and removed afterwards",
    )
    .not_yet(),
    keyword(
        "include_check",
        Text,
        "[WORD] [+WORD|-WORD ...]",
        "none",
        "checks applied to plain include lines from here on",
    )
    .not_yet(),
    keyword(
        "config_save_dir",
        Word,
        "DIR",
        "none",
        "keep a copy of the parsed configuration here after start/reload",
    )
    .not_yet(),
    keyword(
        "tmp_config_directory",
        Word,
        "DIR",
        "memfd or runtime dir",
        "where the consolidated configuration copy is written",
    )
    .not_yet(),
    keyword(
        "data_use_instance",
        Bool,
        "[BOOL]",
        "false",
        "insert .NETNS_INSTANCE before the extension of the state dump files",
    )
    .not_yet(),
    keyword("json_version", Word, "1|2", "1", "schema version of the JSON dump")
        .not_yet()
        .since("2.3"),
    keyword(
        "iproute_usr_dir",
        Word,
        "PATH",
        "compiled in (/usr/share/iproute2 or /usr/lib/iproute2)",
        "vendor directory of rt_tables, rt_scopes, rt_dsfield, rt_realms, group, rt_protos",
    )
    .not_yet()
    .since("2.3"),
    keyword(
        "iproute_etc_dir",
        Word,
        "PATH",
        "/etc/iproute2",
        "administrator directory for the same files",
    )
    .not_yet()
    .since("2.3"),
    keyword(
        "state_dump_file",
        Word,
        "PATH",
        "TMPDIR or /tmp",
        "name of the SIGUSR1 dump: leading / = absolute, else under TMPDIR",
    )
    .not_yet()
    .since("2.3"),
    keyword(
        "stats_dump_file",
        Word,
        "PATH",
        "TMPDIR or /tmp",
        "meant to replace /tmp/keepalived.stats",
    )
    .not_yet()
    .since("2.3"),
    keyword(
        "json_dump_file",
        Word,
        "PATH",
        "TMPDIR or /tmp",
        "meant to replace /tmp/keepalived.json",
    )
    .not_yet()
    .since("2.3"),
];
