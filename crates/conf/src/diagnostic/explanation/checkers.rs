//! 0620–0689: settings of single checkers.

use super::super::findings;
use super::{Explanation, page};

#[rustfmt::skip] // one finding, one paragraph
pub(super) const PAGES: &[Explanation] = &[
    page(findings::BAD_REGEX,
        "regex takes one word, which is read as a shell would read it: blanks end it, a backslash keeps the character after it. A pattern with blanks or backslashes stands in quotes, with each backslash twice. The line is ignored.",
        "virtual_server 192.0.2.1 80 {\n    lb_algo rr\n    lb_kind NAT\n    protocol TCP\n    real_server 192.0.2.11 80 {\n        HTTP_GET {\n            url {\n                path /\n                regex all is well\n            }\n        }\n    }\n}\n",
        "virtual_server 192.0.2.1 80 {\n    lb_algo rr\n    lb_kind NAT\n    protocol TCP\n    real_server 192.0.2.11 80 {\n        HTTP_GET {\n            url {\n                path /\n                regex \"all is well\"\n            }\n        }\n    }\n}\n"),
    page(findings::DOUBTFUL_REGEX,
        "A setting of a regular expression does nothing: the option is unknown, the number is none, or the url has no regex. keepalived is silent about it.",
        "virtual_server 192.0.2.1 80 {\n    lb_algo rr\n    lb_kind NAT\n    protocol TCP\n    real_server 192.0.2.11 80 {\n        HTTP_GET {\n            url {\n                path /\n                regex up\n                regex_options caselesss\n            }\n        }\n    }\n}\n",
        "virtual_server 192.0.2.1 80 {\n    lb_algo rr\n    lb_kind NAT\n    protocol TCP\n    real_server 192.0.2.11 80 {\n        HTTP_GET {\n            url {\n                path /\n                regex up\n                regex_options caseless\n            }\n        }\n    }\n}\n"),
    page(findings::NO_MISC_PATH,
        "A MISC_CHECK without a command checks nothing. It is left out, and the server counts as up as far as this check goes.",
        "virtual_server 192.0.2.1 80 {\n    lb_algo rr\n    lb_kind NAT\n    protocol TCP\n    real_server 192.0.2.11 80 {\n        MISC_CHECK {\n            misc_timeout 5\n        }\n    }\n}\n",
        "global_defs {\n    enable_script_security\n}\nvirtual_server 192.0.2.1 80 {\n    lb_algo rr\n    lb_kind NAT\n    protocol TCP\n    real_server 192.0.2.11 80 {\n        MISC_CHECK {\n            misc_path \"/usr/local/bin/check 192.0.2.11\"\n            misc_timeout 5\n        }\n    }\n}\n"),
    page(findings::NO_TRACK_FILE,
        "A FILE_CHECK without a track_file follows nothing. It is left out.",
        "virtual_server 192.0.2.1 80 {\n    lb_algo rr\n    lb_kind NAT\n    protocol TCP\n    real_server 192.0.2.11 80 {\n        FILE_CHECK {\n            weight 2\n        }\n    }\n}\n",
        "track_file load {\n    file /run/load\n}\nvirtual_server 192.0.2.1 80 {\n    lb_algo rr\n    lb_kind NAT\n    protocol TCP\n    real_server 192.0.2.11 80 {\n        FILE_CHECK {\n            track_file load\n            weight 2\n        }\n    }\n}\n"),
    page(findings::NO_BFD_NAME,
        "A BFD_CHECK without a name follows no session. It is left out.",
        "virtual_server 192.0.2.1 80 {\n    lb_algo rr\n    lb_kind NAT\n    protocol TCP\n    real_server 192.0.2.11 80 {\n        BFD_CHECK {\n        }\n    }\n}\n",
        "bfd_instance one {\n    neighbor_ip 192.0.2.11\n}\nvirtual_server 192.0.2.1 80 {\n    lb_algo rr\n    lb_kind NAT\n    protocol TCP\n    real_server 192.0.2.11 80 {\n        BFD_CHECK {\n            name one\n        }\n    }\n}\n"),
    page(findings::UNKNOWN_BFD,
        "A BFD_CHECK names a session that is not defined above it, or one that only VRRP follows. The check is left out.",
        "virtual_server 192.0.2.1 80 {\n    lb_algo rr\n    lb_kind NAT\n    protocol TCP\n    real_server 192.0.2.11 80 {\n        BFD_CHECK {\n            name two\n        }\n    }\n}\nbfd_instance two {\n    neighbor_ip 192.0.2.11\n}\n",
        "bfd_instance two {\n    neighbor_ip 192.0.2.11\n}\nvirtual_server 192.0.2.1 80 {\n    lb_algo rr\n    lb_kind NAT\n    protocol TCP\n    real_server 192.0.2.11 80 {\n        BFD_CHECK {\n            name two\n        }\n    }\n}\n"),
];
