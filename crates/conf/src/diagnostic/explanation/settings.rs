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
];
