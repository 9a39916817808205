//! The crate against the real kernel, in anonymous network namespaces that vanish with the thread that made them.
//! Runs as root with `ip` (iproute2); says so and passes where it can not.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod addresses;
mod announcements;
mod events;
mod hosts;
mod nftables;
mod own_links;
mod vrrp_sockets;
