//! Virtual servers and their real servers.

use super::Value::{Block, Bool, Entry, Flag, Integer, OneOf, OneWord, OptionalInteger, Script, Seconds, Text, Word};
use super::{Context, Keyword, MAX_MICROSECONDS, keyword};

/// A line of `virtual_server_group`.
#[rustfmt::skip] // one row, one line
pub(super) const VIRTUAL_SERVER_GROUP: &[Keyword] = &[
    keyword("ADDR", Entry, "[-END|/LEN] [PORT]", "port 0", "address, range or prefix"),
    keyword("fwmark", Word, "N [inet|inet6]", "family of the real servers", "firewall mark entry"),
];

/// `virtual_server`.
#[rustfmt::skip] // one row, one line
pub(super) const VIRTUAL_SERVER: &[Keyword] = &[
    keyword("ip_family", OneOf(&["inet", "inet6"]), "inet|inet6", "from address / real servers", "family of a fwmark service"),
    keyword("retry", Integer(1, 4_294_967_295), "N", "checker default", "default retry of all checkers of the service"),
    keyword("delay_before_retry", Seconds(0, MAX_MICROSECONDS), "SECONDS", "checker default", "default delay_before_retry"),
    keyword("warmup", Seconds(0, MAX_MICROSECONDS), "SECONDS", "delay_loop", "default warmup"),
    keyword("connect_timeout", Seconds(1, 4_294_967_295), "SECONDS", "5", "default connect_timeout"),
    keyword("delay_loop", Seconds(1, MAX_MICROSECONDS), "SECONDS", "60", "default delay_loop"),
    keyword("rise", Integer(1, 4_294_967_295), "N", "1", "default rise").extension(),
    keyword("jitter", Integer(0, 50), "PERCENT", "0", "default jitter").extension(),
    keyword("check_timeout", Seconds(1, MAX_MICROSECONDS), "SECONDS", "connect_timeout for each phase", "default check_timeout").extension(),
    keyword("inhibit_on_failure", Flag, "", "off", "default inhibit_on_failure"),
    keyword("lb_algo", OneOf(&["rr", "wrr", "lc", "wlc", "lblc", "lblcr", "sh", "mh", "dh", "fo", "ovf", "sed", "nq", "twos"]), "NAME", "wlc (with error)", "scheduler"),
    keyword("lvs_sched", OneOf(&["rr", "wrr", "lc", "wlc", "lblc", "lblcr", "sh", "mh", "dh", "fo", "ovf", "sed", "nq", "twos"]), "NAME", "", "alias of lb_algo").alias("lb_algo"),
    keyword("hashed", Flag, "", "", "accepted for compatibility, has no effect"),
    keyword("ops", Flag, "", "off", "one packet scheduling"),
    keyword("flag-1", Flag, "", "off", "raw scheduler flag 1"),
    keyword("flag-2", Flag, "", "off", "raw scheduler flag 2"),
    keyword("flag-3", Flag, "", "off", "raw scheduler flag 3"),
    keyword("sh-port", Flag, "", "off", "include the source port in the hash"),
    keyword("sh-fallback", Flag, "", "off", "use another server when the hashed one is unavailable"),
    keyword("mh-port", Flag, "", "off", "include the source port in the hash"),
    keyword("mh-fallback", Flag, "", "off", "use another server when the hashed one is unavailable"),
    keyword("lb_kind", Text, "NAT | DR | TUN [type ipip|gue port N|gre] [nocsum|csum|remcsum]", "NAT (with error)", "forwarding method of following real/sorry servers"),
    keyword("lvs_method", Text, "NAT | DR | TUN [type ipip|gue port N|gre] [nocsum|csum|remcsum]", "", "alias of lb_kind").alias("lb_kind"),
    keyword("persistence_engine", Word, "NAME", "none", "persistence engine"),
    keyword("persistence_timeout", OptionalInteger(1, 2_678_400), "[SECONDS]", "off; bare = 360", "client persistence"),
    keyword("persistence_granularity", Word, "NETMASK|PREFIXLEN", "255.255.255.255 / 128", "client grouping"),
    keyword("protocol", Word, "TCP|UDP|SCTP", "UDP (with error); none for fwmark", "layer 4 protocol"),
    keyword("ha_suspend", Flag, "", "off", "checkers run only while the service address is on this host"),
    keyword("smtp_alert", Bool, "[BOOL]", "smtp_alert_checker, else smtp_alert, else off", "mail on quorum changes"),
    keyword("virtualhost", Word, "NAME", "none", "default Host header for HTTP_GET/SSL_GET"),
    keyword("snmp_name", OneWord, "NAME", "none", "name in the SNMP MIB"),
    keyword("alpha", Flag, "", "off", "real servers start down"),
    keyword("omega", Flag, "", "off", "at shutdown run quorum_down / notify_down and mails for the removed servers"),
    keyword("quorum_up", Script, "\"CMD\" [USER [GROUP]]", "none", "run when quorum is gained"),
    keyword("quorum_down", Script, "\"CMD\" [USER [GROUP]]", "none", "run when quorum is lost"),
    keyword("quorum", Integer(1, 4_294_967_295), "N", "1", "minimum weight of live servers"),
    keyword("hysteresis", Integer(0, 4_294_967_295), "N", "0", "up at quorum+hysteresis, down below quorum-hysteresis"),
    keyword("weight", Integer(1, 2_147_483_647), "N", "1", "default weight of real servers"),
    keyword("slow_start", Seconds(0, MAX_MICROSECONDS), "SECONDS", "0", "default slow_start").extension(),
    keyword("flap_threshold", Integer(0, 4_294_967_295), "N", "0", "default flap_threshold").extension(),
    keyword("flap_window", Seconds(1, MAX_MICROSECONDS), "SECONDS", "300", "default flap_window").extension(),
    keyword("flap_hold", Seconds(1, MAX_MICROSECONDS), "SECONDS", "60", "default flap_hold").extension(),
    keyword("flap_hold_max", Seconds(1, MAX_MICROSECONDS), "SECONDS", "900", "default flap_hold_max").extension(),
    keyword("sorry_server", Word, "ADDR [PORT]", "none; port of the service", "server used while quorum is lost"),
    keyword("sorry_server_inhibit", Flag, "", "off", "keep sorry server in the table with weight 0 when unused"),
    keyword("sorry_server_lvs_method", Text, "NAT | DR | TUN [type ipip|gue port N|gre] [nocsum|csum|remcsum]", "lb_kind", "forwarding method of the sorry server"),
    keyword("real_server", Block(Context::RealServer), "ADDR [PORT] { }", "port of the service", "backend"),
];

/// `real_server`.
#[rustfmt::skip] // one row, one line
pub(super) const REAL_SERVER: &[Keyword] = &[
    keyword("weight", Integer(0, 2_147_483_647), "N", "virtual_server weight", "initial weight"),
    keyword("lvs_method", Text, "NAT | DR | TUN [type ipip|gue port N|gre] [nocsum|csum|remcsum]", "lb_kind", "forwarding method of this server"),
    keyword("uthreshold", Integer(0, 4_294_967_295), "N", "0 (off)", "IPVS upper connection threshold"),
    keyword("lthreshold", Integer(0, 4_294_967_295), "N", "0", "IPVS lower connection threshold"),
    keyword("inhibit_on_failure", Bool, "[BOOL]", "virtual_server inhibit_on_failure", "on failure set weight 0 instead of removing"),
    keyword("slow_start", Seconds(0, MAX_MICROSECONDS), "SECONDS", "virtual_server slow_start, else 0", "after being down the weight rises from a tenth to the whole in this time").extension(),
    keyword("flap_threshold", Integer(0, 4_294_967_295), "N", "virtual_server flap_threshold, else 0", "going down so often within flap_window begins a hold; 0: never").extension(),
    keyword("flap_window", Seconds(1, MAX_MICROSECONDS), "SECONDS", "virtual_server flap_window, else 300", "time in which going down is counted, and without it is forgotten").extension(),
    keyword("flap_hold", Seconds(1, MAX_MICROSECONDS), "SECONDS", "virtual_server flap_hold, else 60", "how long it stays down after flapping; twice as long each time that it goes on").extension(),
    keyword("flap_hold_max", Seconds(1, MAX_MICROSECONDS), "SECONDS", "virtual_server flap_hold_max, else 900", "longest hold").extension(),
    keyword("notify_up", Script, "\"CMD\" [USER [GROUP]]", "none", "run when the server comes up"),
    keyword("notify_down", Script, "\"CMD\" [USER [GROUP]]", "none", "run when the server goes down"),
    keyword("alpha", Bool, "[BOOL]", "virtual_server alpha", "default alpha of the checkers"),
    keyword("retry", Integer(1, 4_294_967_295), "N", "virtual_server retry", "default of checkers"),
    keyword("delay_before_retry", Seconds(0, MAX_MICROSECONDS), "SECONDS", "virtual_server", "default of checkers"),
    keyword("warmup", Seconds(0, MAX_MICROSECONDS), "SECONDS", "virtual_server", "default of checkers"),
    keyword("connect_timeout", Seconds(1, 4_294_967_295), "SECONDS", "virtual_server", "default of checkers"),
    keyword("delay_loop", Seconds(1, MAX_MICROSECONDS), "SECONDS", "virtual_server", "default of checkers"),
    keyword("rise", Integer(1, 4_294_967_295), "N", "virtual_server", "default of checkers").extension(),
    keyword("jitter", Integer(0, 50), "PERCENT", "virtual_server", "default of checkers").extension(),
    keyword("check_timeout", Seconds(1, MAX_MICROSECONDS), "SECONDS", "virtual_server", "default of checkers").extension(),
    keyword("smtp_alert", Bool, "[BOOL]", "smtp_alert_checker, else smtp_alert, else on", "mail on real server up/down"),
    keyword("virtualhost", Word, "NAME", "virtual_server virtualhost", "default Host header"),
    keyword("snmp_name", OneWord, "NAME", "none", "name in the SNMP MIB"),
    keyword("HTTP_GET", Block(Context::HttpGet), "{ }", "", "GET one or more URLs over HTTP"),
    keyword("SSL_GET", Block(Context::SslGet), "{ }", "", "as HTTP_GET over TLS"),
    keyword("TCP_CHECK", Block(Context::TcpCheck), "{ }", "", "TCP connect"),
    keyword("SMTP_CHECK", Block(Context::SmtpCheck), "{ }", "", "SMTP HELO dialogue"),
    keyword("DNS_CHECK", Block(Context::DnsCheck), "{ }", "", "DNS query over UDP"),
    keyword("MISC_CHECK", Block(Context::MiscCheck), "{ }", "", "external command"),
    keyword("PING_CHECK", Block(Context::PingCheck), "{ }", "", "ICMP echo"),
    keyword("UDP_CHECK", Block(Context::UdpCheck), "{ }", "", "UDP datagram"),
    keyword("GRPC_CHECK", Block(Context::GrpcCheck), "{ }", "", "ask a gRPC health service").extension(),
    keyword("BFD_CHECK", Block(Context::BfdCheck), "{ }", "", "follow a bfd_instance"),
    keyword("FILE_CHECK", Block(Context::FileCheck), "{ }", "", "follow a track_file"),
    keyword("EXPECT_CHECK", Block(Context::ExpectCheck), "{ }", "", "dialogue over TCP or TLS: steps in their order").extension(),
    keyword("AGENT_CHECK", Block(Context::AgentCheck), "{ }", "", "agent beside the server, as HAProxy's agent-check").extension(),
];

/// `SSL`.
#[rustfmt::skip] // one row, one line
pub(super) const SSL: &[Keyword] = &[
    keyword("password", Word, "TEXT", "none", "pass phrase of the key file"),
    keyword("ca", Word, "FILE", "none", "CA bundle"),
    keyword("certificate", Word, "FILE", "none", "client certificate"),
    keyword("key", Word, "FILE", "none", "client private key"),
];
