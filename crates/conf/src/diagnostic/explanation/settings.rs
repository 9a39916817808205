//! 0540–0589: global settings.

use super::super::findings;
use super::{Explanation, page};

#[rustfmt::skip] // one finding, one paragraph
pub(super) const PAGES: &[Explanation] = &[
    page(findings::NAME_TOO_LONG,
        "The kernel keeps fewer bytes of this name. The message says whether it is cut or the line is ignored.",
        "global_defs {\n    process_name a_name_of_more_than_15\n}\n",
        "global_defs {\n    process_name holdfast\n}\n"),
    page(findings::CONTRADICTION,
        "Words on the line exclude each other. The message says what holds.",
        "", ""),
    page(findings::OLD_FORM,
        "The line is written as old versions took it. It is understood, and the hint has the form of today.",
        "", ""),
    page(findings::SAME_CHAINS,
        "Incoming and outgoing packets need a chain each.",
        "", ""),
    page(findings::MULTICAST_SCOPE,
        "Adverts are for the own link. A group of a wider scope is used as written, but routers may carry it further.",
        "global_defs {\n    vrrp_mcast_group6 ff05::12\n}\n",
        "global_defs {\n    vrrp_mcast_group6 ff02::12\n}\n"),
    page(findings::MASK_WITH_HOLES,
        "A mask for persistence_granularity groups clients by their network, so its ones stand on the left. keepalived takes any mask, also 24, which it reads as 0.0.0.24. Clients are not grouped.",
        "virtual_server 198.51.100.1 80 {\n    lb_algo rr\n    lb_kind NAT\n    protocol TCP\n    persistence_granularity 255.0.255.0\n    real_server 192.0.2.10 80 {\n    }\n}\n",
        "virtual_server 198.51.100.1 80 {\n    lb_algo rr\n    lb_kind NAT\n    protocol TCP\n    persistence_granularity 255.255.255.0\n    real_server 192.0.2.10 80 {\n    }\n}\n"),
    page(findings::DONE_WITH_NFTABLES,
        "Packets are filtered with nftables only. vrrp_iptables makes the table keepalived of nftables, unless nftables names another one; \
        with one chain nothing that leaves is dropped, as with keepalived. Chains and sets of these names are not used: rules around them can go.",
        "global_defs {\n    vrrp_iptables INPUT\n}\n",
        "global_defs {\n    nftables\n}\n"),
    page(findings::EMPTY_LIST,
        "The block is there to name somebody, and is empty. Leave it out, or fill it.",
        "global_defs {\n    notification_email {\n    }\n}\n",
        "global_defs {\n    notification_email {\n        admin@example.org\n    }\n}\n"),
];
