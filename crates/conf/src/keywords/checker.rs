//! Checkers.

use super::Value::{Address, Block, Bool, Flag, Integer, OneOf, Script, Seconds, Text, Word};
use super::{Context, Keyword, MAX_MICROSECONDS, keyword};

/// Every checker.
#[rustfmt::skip] // one row, one line
pub(super) const TIMING: &[Keyword] = &[
    keyword("warmup", Seconds(0, MAX_MICROSECONDS), "SECONDS", "delay_loop", "first check is delayed by a random time up to this"),
    keyword("delay_loop", Seconds(1, MAX_MICROSECONDS), "SECONDS", "real_server delay_loop", "time between checks"),
    keyword("rise", Integer(1, 4_294_967_295), "N", "real_server rise, else 1", "successes in a row, delay_before_retry apart, before a failed check passes").extension(),
    keyword("jitter", Integer(0, 50), "PERCENT", "real_server jitter, else 0", "each regular check is put off by a random time up to this part of delay_loop").extension(),
    keyword("alpha", Bool, "[BOOL]", "real_server alpha", "start in failed state"),
    keyword("log_all_failures", Bool, "[BOOL]", "checker_log_all_failures", "log every failed attempt"),
];

/// Every checker that connects to something.
#[rustfmt::skip] // one row, one line
pub(super) const CONNECT: &[Keyword] = &[
    keyword("connect_ip", Address, "ADDR", "real server address", "address to check"),
    keyword("connect_port", Integer(1, 65_535), "N", "real server port", "port to check"),
    keyword("bindto", Address, "ADDR", "any", "source address"),
    keyword("bind_port", Integer(1, 65_535), "N", "any", "source port"),
    keyword("bind_if", Word, "IFNAME", "none", "bind to interface"),
    keyword("connect_timeout", Seconds(1, 4_294_967_295), "SECONDS", "real_server connect_timeout", "timeout of one attempt"),
    keyword("check_timeout", Seconds(1, MAX_MICROSECONDS), "SECONDS", "real_server check_timeout, else connect_timeout for each phase", "time limit of one attempt as a whole").extension(),
    keyword("fwmark", Integer(0, 4_294_967_295), "N", "0", "SO_MARK of check packets"),
];

/// `HTTP_GET` and `SSL_GET`.
#[rustfmt::skip] // one row, one line
pub(super) const HTTP: &[Keyword] = &[
    keyword("retry", Integer(0, 4_294_967_295), "N", "1", "extra attempts before the server is declared failed"),
    keyword("delay_before_retry", Seconds(0, MAX_MICROSECONDS), "SECONDS", "3", "time between attempts after a failure"),
    keyword("nb_get_retry", Integer(0, 4_294_967_295), "N", "", "alias of retry").deprecated("retry"),
    keyword("virtualhost", Word, "NAME", "real_server virtualhost", "Host header"),
    keyword("http_protocol", OneOf(&["1.0", "1.0C", "1.0c", "1.1", "2"]), "1.0|1.0C|1.0c|1.1|2", "1.0", "request version: 1.0 no Connection header, 1.0C adds Connection: close, 1.1 with Connection: close, 2 (Holdfast only) HTTP/2: over TLS by ALPN, else from the first byte on"),
    keyword("enable_sni", Bool, "[BOOL]", "false", "send SNI with the virtualhost"),
    keyword("sni_name", Text, "[NAME]", "none", "send SNI with NAME").since("2.3"),
    keyword("fast_recovery", Bool, "[BOOL]", "false", "after a failure recheck all URLs without waiting delay_loop between them"),
    keyword("header", Text, "\"NAME: VALUE\"", "none", "field of the header of every request, may be repeated; Host and User-Agent take the place of the usual ones").extension(),
];

/// The block inside `HTTP_GET`.
#[rustfmt::skip] // one row, one line
pub(super) const HTTP_URL: &[Keyword] = &[
    keyword("url", Block(Context::Url), "{ }", "required", "URL to fetch"),
];

/// What `SSL_GET` adds.
#[rustfmt::skip] // one row, one line
pub(super) const SSL_GET: &[Keyword] = &[
    keyword("tls_compliant", Bool, "[BOOL]", "false", "require a proper TLS close_notify at end of data").since("2.3"),
    keyword("tls_verify", Bool, "[BOOL]", "false", "the server's certificate must be valid and for its name").extension(),
    keyword("tls_verify_name", Word, "NAME", "name in SNI, else virtualhost, else address", "name or address that the certificate must be for").extension(),
    keyword("url", Block(Context::SslUrl), "{ }", "required", "URL to fetch"),
];

/// `url`.
#[rustfmt::skip] // one row, one line
pub(super) const URL: &[Keyword] = &[
    keyword("path", Word, "STRING", "required", "request target"),
    keyword("digest", Word, "HEX", "none", "expected MD5 of the body"),
    keyword("status_code", Text, "N|N-M ...", "200-299", "accepted status codes, may be repeated"),
    keyword("virtualhost", Word, "NAME", "checker virtualhost", "Host header of this url"),
    keyword("regex", Word, "PATTERN", "none", "body must match"),
    keyword("regex_no_match", Flag, "", "off", "success when the pattern does not match"),
    keyword("regex_options", Text, "OPT...", "none", "PCRE2 compile options"),
    keyword("regex_min_offset", Text, "N", "0", "match must not start before this byte of the body"),
    keyword("regex_max_offset", Text, "N", "none", "match must start at or before this byte"),
    keyword("regex_stack", Text, "START MAX", "pcre2 default", "JIT stack size"),
    keyword("method", Word, "METHOD", "GET, with a body POST", "method of the request").extension(),
    keyword("header", Text, "\"NAME: VALUE\"", "those of the checker", "field of the header, may be repeated; takes the place of the checker's of that name").extension(),
    keyword("body", Text, "\"TEXT\"", "none", "body of the request; \\n, \\\" and \\xHH as in a command").extension(),
];

/// What `url` of `SSL_GET` adds.
#[rustfmt::skip] // one row, one line
pub(super) const SSL_URL: &[Keyword] = &[
    keyword("tls_compliant", Bool, "[BOOL]", "checker tls_compliant", "as for the checker, this url only").since("2.3"),
];

/// TLS of checkers that keepalived does not have; in `SSL_GET` the same words mean the same.
#[rustfmt::skip] // one row, one line
pub(super) const TLS: &[Keyword] = &[
    keyword("enable_sni", Bool, "[BOOL]", "false", "send SNI with the name of the server that is asked").extension(),
    keyword("sni_name", Text, "[NAME]", "none", "send SNI with NAME").extension(),
    keyword("tls_verify", Bool, "[BOOL]", "false", "the server's certificate must be valid and for its name").extension(),
    keyword("tls_verify_name", Word, "NAME", "name in SNI, else name of the server, else address", "name or address that the certificate must be for").extension(),
];

/// What `GRPC_CHECK` adds.
#[rustfmt::skip] // one row, one line
pub(super) const GRPC_CHECK: &[Keyword] = &[
    keyword("retry", Integer(0, 4_294_967_295), "N", "1", "extra attempts before the server is declared failed"),
    keyword("delay_before_retry", Seconds(0, MAX_MICROSECONDS), "SECONDS", "1", "time between attempts after a failure"),
    keyword("service", Word, "NAME", "the server as a whole", "service that is asked about (grpc.health.v1)").extension(),
    keyword("authority", Word, "NAME[:PORT]", "real_server virtualhost, else address and port", "name of the server (:authority)").extension(),
    keyword("header", Text, "\"NAME: VALUE\"", "none", "metadata of the call, may be repeated").extension(),
    keyword("tls", Bool, "[BOOL]", "false", "over TLS, HTTP/2 by ALPN; else HTTP/2 from the first byte on").extension(),
];

/// What `TCP_CHECK` adds.
#[rustfmt::skip] // one row, one line
pub(super) const TCP_CHECK: &[Keyword] = &[
    keyword("retry", Integer(0, 4_294_967_295), "N", "1", "extra attempts before the server is declared failed"),
    keyword("delay_before_retry", Seconds(0, MAX_MICROSECONDS), "SECONDS", "1", "time between attempts after a failure"),
];

/// What `SMTP_CHECK` adds.
#[rustfmt::skip] // one row, one line
pub(super) const SMTP_CHECK: &[Keyword] = &[
    keyword("retry", Integer(0, 4_294_967_295), "N", "1", "extra attempts before the server is declared failed"),
    keyword("delay_before_retry", Seconds(0, MAX_MICROSECONDS), "SECONDS", "1", "time between attempts after a failure"),
    keyword("helo_name", Word, "NAME", "smtpchecker.keepalived.org", "HELO argument"),
    keyword("host", Block(Context::SmtpHost), "{ }", "", "deprecated extra host"),
];

/// What `SMTP_CHECK/host` adds.
#[rustfmt::skip] // one row, one line
pub(super) const SMTP_HOST: &[Keyword] = &[
    keyword("retry", Integer(0, 4_294_967_295), "N", "1", "extra attempts before the server is declared failed"),
    keyword("delay_before_retry", Seconds(0, MAX_MICROSECONDS), "SECONDS", "1", "time between attempts after a failure"),
];

/// What `DNS_CHECK` adds.
#[rustfmt::skip] // one row, one line
pub(super) const DNS_CHECK: &[Keyword] = &[
    keyword("retry", Integer(0, 4_294_967_295), "N", "3", "extra attempts before the server is declared failed"),
    keyword("delay_before_retry", Seconds(0, MAX_MICROSECONDS), "SECONDS", "delay_loop", "time between attempts after a failure"),
    keyword("type", Word, "A|NS|CNAME|SOA|MX|TXT|AAAA|RRSIG|DNSKEY", "SOA", "query type"),
    keyword("name", Word, "DOMAIN", ". (root)", "query name"),
];

/// What `PING_CHECK` adds.
#[rustfmt::skip] // one row, one line
pub(super) const PING_CHECK: &[Keyword] = &[
    keyword("retry", Integer(0, 4_294_967_295), "N", "1", "extra attempts before the server is declared failed"),
    keyword("delay_before_retry", Seconds(0, MAX_MICROSECONDS), "SECONDS", "1", "time between attempts after a failure"),
];

/// What `UDP_CHECK` adds.
#[rustfmt::skip] // one row, one line
pub(super) const UDP_CHECK: &[Keyword] = &[
    keyword("retry", Integer(0, 4_294_967_295), "N", "1", "extra attempts before the server is declared failed"),
    keyword("delay_before_retry", Seconds(0, MAX_MICROSECONDS), "SECONDS", "1", "time between attempts after a failure"),
    keyword("payload", Word, "HEX", "32 bytes starting with ASCII keepalived check", "datagram to send"),
    keyword("require_reply", Text, "[HEX]", "no reply needed", "fail without a reply"),
    keyword("min_reply_length", Integer(0, 65_535), "N", "0", "minimum reply length"),
    keyword("max_reply_length", Integer(0, 65_535), "N", "255", "maximum reply length"),
];

/// What `MISC_CHECK` adds.
#[rustfmt::skip] // one row, one line
pub(super) const MISC_CHECK: &[Keyword] = &[
    keyword("retry", Integer(0, 4_294_967_295), "N", "0", "extra attempts before the server is declared failed"),
    keyword("delay_before_retry", Seconds(0, MAX_MICROSECONDS), "SECONDS", "1", "time between attempts after a failure"),
    keyword("misc_path", Script, "\"CMD ARGS\"", "required", "command"),
    keyword("misc_timeout", Integer(0, 4_294), "SECONDS", "delay_loop of the virtual_server", "SIGTERM, 2 s later SIGKILL"),
    keyword("misc_dynamic", Flag, "", "off", "exit 2-255 = success with weight set to exit-2"),
    keyword("user", Word, "USER [GROUP]", "script_user", "user to run as"),
];

/// `BFD_CHECK`.
#[rustfmt::skip] // one row, one line
pub(super) const BFD_CHECK: &[Keyword] = &[
    keyword("name", Word, "BFD", "required", "session to follow"),
    keyword("alpha", Bool, "[BOOL]", "real_server alpha", "start in failed state"),
];

/// `FILE_CHECK`.
#[rustfmt::skip] // one row, one line
pub(super) const FILE_CHECK: &[Keyword] = &[
    keyword("track_file", Word, "NAME", "required", "file to follow"),
    keyword("weight", Word, "W [reverse|noreverse]", "weight of the track_file", "multiplier of the content added to the server weight"),
];

/// What `EXPECT_CHECK` adds.
#[rustfmt::skip] // one row, one line
pub(super) const EXPECT_CHECK: &[Keyword] = &[
    keyword("retry", Integer(0, 4_294_967_295), "N", "1", "extra attempts before the server is declared failed"),
    keyword("delay_before_retry", Seconds(0, MAX_MICROSECONDS), "SECONDS", "1", "time between attempts after a failure"),
    keyword("tls", Bool, "[BOOL]", "false", "TLS from the first byte, with the SSL block as for SSL_GET").extension(),
    keyword("sni_name", Word, "NAME", "none", "send SNI with NAME").extension(),
    keyword("tls_verify", Bool, "[BOOL]", "false", "the server's certificate must be valid and for its name").extension(),
    keyword("tls_verify_name", Word, "NAME", "name in SNI, else address", "name or address that the certificate must be for").extension(),
    keyword("send", Text, "\"TEXT\"", "none", "step: send this; escapes are \\r \\n \\t \\0 \\\\ \\xHH").extension(),
    keyword("send_hex", Text, "HEX...", "none", "step: send these bytes").extension(),
    keyword("expect", Text, "\"TEXT\"", "none", "step: wait until what came, and no step has taken yet, contains this; take it up to its end").extension(),
    keyword("expect_start", Text, "\"TEXT\"", "none", "step: what came, and no step has taken yet, begins with this; anything else is a failure at once").extension(),
    keyword("expect_hex", Text, "HEX...", "none", "step: as expect_start, in bytes; x is a digit that may be anything").extension(),
    keyword("expect_regex", Text, "\"PATTERN\" [OPT...]", "none", "step: as expect, for a match of a PCRE2 pattern, whose backslashes are written once; options as in regex_options").extension(),
    keyword("starttls", Flag, "", "none", "step: from here on TLS").extension(),
];

/// What `AGENT_CHECK` adds.
#[rustfmt::skip] // one row, one line
pub(super) const AGENT_CHECK: &[Keyword] = &[
    keyword("retry", Integer(0, 4_294_967_295), "N", "1", "extra attempts before the server is declared failed; a word of the agent counts at once"),
    keyword("delay_before_retry", Seconds(0, MAX_MICROSECONDS), "SECONDS", "1", "time between attempts after a failure"),
    keyword("send", Text, "\"TEXT\"", "none", "what the agent is sent first; escapes as in EXPECT_CHECK").extension(),
    keyword("keep_if_unreachable", Bool, "[BOOL]", "false", "an agent that does not answer changes nothing, as with HAProxy; else that is a failure").extension(),
];
