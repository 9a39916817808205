//! VRRP, what VRRP tracks, and routes and rules.

use super::cases::{Part, examples, probes};

pub const PART: Part = Part {
    blocks: &[
        "bfd_instance",
        "garp_group",
        "interface_up_down_delays",
        "linkbeat_interfaces",
        "static_ipaddress",
        "static_routes",
        "static_rules",
        "track_file",
        "track_group",
        "vrrp_instance",
        "vrrp_script",
        "vrrp_sync_group",
        "vrrp_track_file",
        "vrrp_track_process",
    ],
    top: &[
        "linkbeat_use_polling",
        "track_group",
        "static_ipaddress",
        "static_routes",
        "static_rules",
        "vrrp_sync_group",
        "garp_group",
        "linkbeat_interfaces",
        "interface_up_down_delays",
        "vrrp_instance",
        "vrrp_script",
        "vrrp_track_process",
        "track_file",
        "vrrp_track_file",
        "bfd_instance",
    ],
    differences: &[
        (
            "vrrp_script",
            "script",
            "*",
            "which programs there are is a matter of the host: the daemon and `check --host`",
        ),
        (
            "vrrp_script",
            "user",
            "*",
            "which users there are is a matter of the host: the daemon and `check --host`",
        ),
    ],
    // Deprecated words, and words for MPLS, which it does not support.
    counted: &[
        ("static_routes", "as"),
        ("static_routes", "gw"),
        ("static_routes", "or"),
        ("static_routes/nexthop", "as"),
        ("vrrp_instance", "linkbeat_use_polling"),
        ("vrrp_instance", "lvs_sync_daemon_interface"),
        ("vrrp_instance", "thread_timer_expired"),
        ("vrrp_instance", "vmac_garp_intvl"),
        ("vrrp_instance/virtual_routes", "as"),
        ("vrrp_instance/virtual_routes", "gw"),
        ("vrrp_instance/virtual_routes", "or"),
        ("vrrp_instance/virtual_routes/nexthop", "as"),
        ("vrrp_sync_group", "global_tracking"),
    ],
};

#[test]
fn examples_are_accepted() {
    let Some(cases) = examples() else { return };
    let cases = PART.of(cases);
    assert!(cases.len() > 300, "{}", cases.len());
    PART.ensure_agreement(&cases);
}

#[test]
fn arguments_are_judged_as_keepalived_judges_them() {
    let Some(cases) = probes() else { return };
    let cases = PART.of(cases);
    assert!(cases.len() > 600, "{}", cases.len());
    PART.ensure_agreement(&cases);
}
