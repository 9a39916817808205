//! 0200–0299: blocks and braces.

use super::super::findings;
use super::{Explanation, page};

#[rustfmt::skip] // one finding, one paragraph
pub(super) const PAGES: &[Explanation] = &[
    page(findings::MISSING_CLOSE,
        "A block is opened and never closed. The message shows where the } was probably meant: before a keyword that belongs outside, or at the end. The next block of the top level is read as if it were there.",
        "vrrp_instance A {\n    virtual_ipaddress {\n        192.0.2.1\n}\n",
        "vrrp_instance A {\n    virtual_ipaddress {\n        192.0.2.1\n    }\n}\n"),
    page(findings::EXTRA_CLOSE,
        "A } stands where no block is open. It is ignored; often a { is missing above it.",
        "vrrp_instance A {\n    state BACKUP\n}\n}\n",
        "vrrp_instance A {\n    state BACKUP\n}\n"),
    page(findings::EARLY_CLOSE,
        "There is one } too many, and keywords of the block that it closes follow. It is ignored, so that those keywords keep their meaning.",
        "vrrp_instance A {\n    state BACKUP\n}\n    virtual_router_id 51\n}\n",
        "vrrp_instance A {\n    state BACKUP\n    virtual_router_id 51\n}\n"),
    page(findings::UNEXPECTED_OPEN,
        "A { follows something that has no block. It is ignored, with the } that belongs to it.",
        "vrrp_instance A {\n    state BACKUP {\n    }\n}\n",
        "vrrp_instance A {\n    state BACKUP\n}\n"),
    page(findings::MISSING_OPEN,
        "A keyword that has a block is not followed by {. When the next lines look like its block, they are read so.",
        "vrrp_instance A\n    state BACKUP\n}\n",
        "vrrp_instance A {\n    state BACKUP\n}\n"),
    page(findings::NESTING_LIMIT,
        "Blocks stand in blocks deeper than any keyword has them. What is deeper is ignored.",
        "", ""),
];
