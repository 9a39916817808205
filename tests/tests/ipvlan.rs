//! `use_ipvlan`: keepalived and Holdfast make the same of hosts that look the same. In a guest, started by
//! `cargo xtask test guest`: not every kernel has ipvlan.

use anyhow::Result;
use bed::alike::{instance, is_as_with_keepalived};
use bed::site;

#[test]
#[ignore = "needs a guest: cargo xtask test guest"]
fn ipvlans() -> Result<()> {
    site::load_module("ipvlan")?;
    let configuration = format!(
        "{}{}",
        instance("V4", 51, "use_ipvlan 192.0.2.7/24", "192.0.2.200/24"),
        instance("V6", 51, "use_ipvlan private", "fe80::200\n        fd00::200/64")
    );
    let expected = [
        // One mode for all over an interface: that of the last one.
        "vrrp.51: over eth0 address 02:00:00:00:00:00 kind ipvlan mode l2 flags private",
        "IPv4 192.0.2.7 > 224.0.0.18",
    ];
    is_as_with_keepalived(&configuration, &["192.0.2.200", "fe80::200", "fd00::200"], &expected)
}
