//! 0850–0899: the file and the host it is for.

use super::super::findings;
use super::{Explanation, page};

#[rustfmt::skip] // one finding, one paragraph
pub(super) const PAGES: &[Explanation] = &[
    page(findings::INTERFACE_ABSENT,
        "This host has no interface of that name now. Holdfast waits for it; until it comes, the instance is in FAULT.",
        "", ""),
    page(findings::INTERFACE_UNUSABLE,
        "The setting needs the interface when the daemon starts, and this host does not have it.",
        "", ""),
    page(findings::SCRIPT_MISSING,
        "The program of a script does not exist on this host or may not be executed. Changes of state go on without a notify script; a server that a missing script should check is not checked by it.",
        "", ""),
    page(findings::TRACKER_MISSING,
        "The program of a vrrp_script does not exist on this host. Nothing is known through it, so it is not run.",
        "", ""),
    page(findings::SCRIPT_USER_UNKNOWN,
        "This host does not know the user or the group that a script is to run as. The script is not run: it must not run as somebody else.",
        "", ""),
    page(findings::UNKNOWN_LINT,
        "A lint_off line names no code of a piece of advice. Errors and warnings cannot be switched off.",
        "", ""),
];
