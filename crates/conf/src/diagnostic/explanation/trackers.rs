//! 0430–0489: what instances track.

use super::super::findings;
use super::{Explanation, page};

#[rustfmt::skip] // one finding, one paragraph
pub(super) const PAGES: &[Explanation] = &[
    page(findings::SHADOWED,
        "Two blocks of this kind have the same name. The first keeps it; the second is read and never used.",
        "vrrp_script chk {\n    script /bin/true\n}\nvrrp_script chk {\n    script /bin/false\n}\n",
        "vrrp_script chk {\n    script /bin/true\n}\n"),
    page(findings::UNKNOWN_TRACKER,
        "The name is not defined above this line. As in keepalived, vrrp_script, track_file and their like stand before the instances that track them. The line is ignored, and nothing is tracked by it.",
        "vrrp_instance A {\n    track_script {\n        chk\n    }\n}\n",
        "vrrp_script chk {\n    script /bin/true\n}\nvrrp_instance A {\n    track_script {\n        chk\n    }\n}\n"),
    page(findings::INCOMPLETE_TRACKER,
        "A block that says what to track lacks the one thing that it needs: the command of a script, the file, the process. It is left out, and what tracks it does so no more.",
        "vrrp_script chk {\n    interval 2\n}\n",
        "vrrp_script chk {\n    script /bin/true\n    interval 2\n}\n"),
    page(findings::UNUSED_SCRIPT,
        "A vrrp_script runs only for the instances and groups that track it. This one is tracked by none.",
        "vrrp_script chk {\n    script /bin/true\n}\n",
        ""),
    page(findings::INCOMPLETE_BFD,
        "A BFD session runs between this host and one neighbour, and neighbor_ip names it. The block is left out.",
        "bfd_instance b {\n}\n",
        "bfd_instance b {\n    neighbor_ip 192.0.2.200\n}\n"),
    page(findings::DUPLICATE_SESSION,
        "Packets of a BFD session are told apart by their addresses at first, so two sessions cannot share them. The second is left out.",
        "bfd_instance b {\n    neighbor_ip 192.0.2.200\n}\nbfd_instance c {\n    neighbor_ip 192.0.2.200\n}\n",
        "bfd_instance b {\n    neighbor_ip 192.0.2.200\n}\nbfd_instance c {\n    neighbor_ip 192.0.2.201\n}\n"),
    page(findings::TRACKED_TWICE,
        "A sync group tracks for all its members. When a member tracks the same by itself, one of the two weights would be lost; the message says which one counts.",
        "", ""),
    page(findings::SLOW_SESSION,
        "BFD is there to notice a loss within parts of a second. With intervals this long VRRP itself is as quick.",
        "", ""),
];
