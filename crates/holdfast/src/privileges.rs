//! What a child process gives up once it runs: everything its role does not need.
//!
//! VRRP keeps the network capabilities; the checker and BFD, which talk to others they must not trust, also give up root.

use anyhow::Context;
use caps::{CapSet, Capability, CapsHashSet};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::unistd::{Gid, Uid, setgroups, setresgid, setresuid};

/// `nobody` where the account has its usual number.
const UNPRIVILEGED_ID: u32 = 65534;

/// In a child's environment: it is going to lock its memory, and keeps the right to do so (`*_no_swap`).
pub const LOCKS_MEMORY_VARIABLE: &str = "HOLDFAST_LOCKS_MEMORY";

/// Keeps the capabilities of the VRRP process: raw sockets and addresses.
pub fn confine_vrrp() -> anyhow::Result<()> {
    keep_capabilities(&[Capability::CAP_NET_ADMIN, Capability::CAP_NET_RAW])
}

/// As many open files as the system allows: each probe is a socket.
pub fn allow_many_files() -> anyhow::Result<()> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).context("cannot read the limit of open files")?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).context("cannot raise the limit of open files")
}

/// Makes the checker an unprivileged user that may still change the IPVS table and mark its packets.
pub fn confine_checker() -> anyhow::Result<()> {
    let kept = [
        Capability::CAP_NET_ADMIN,
        Capability::CAP_NET_RAW,
        Capability::CAP_NET_BIND_SERVICE,
    ];
    give_up_root()?;
    keep_capabilities(&kept)
}

/// Makes the BFD process an unprivileged user without any rights: its ports need none.
pub fn confine_bfd() -> anyhow::Result<()> {
    give_up_root()?;
    keep_capabilities(&[])
}

/// Makes the SNMP process an unprivileged user without any rights: the supervisor opens the master agent's socket for it.
pub fn confine_snmp() -> anyhow::Result<()> {
    give_up_root()?;
    keep_capabilities(&[])
}

/// Makes the D-Bus process an unprivileged user without any rights: its socket is connected.
pub fn confine_dbus() -> anyhow::Result<()> {
    give_up_root()?;
    keep_capabilities(&[])
}

/// Becomes an unprivileged user that still has its capabilities.
fn give_up_root() -> anyhow::Result<()> {
    if Uid::effective().is_root() {
        caps::securebits::set_keepcaps(true).context("cannot keep capabilities")?;
        let (user, group) = (Uid::from_raw(UNPRIVILEGED_ID), Gid::from_raw(UNPRIVILEGED_ID));
        setgroups(&[]).context("cannot give up supplementary groups")?;
        setresgid(group, group, group).context("cannot give up the root group")?;
        setresuid(user, user, user).context("cannot give up the root user")?;
    }
    Ok(())
}

/// Drops every capability that is not in `kept`, for good.
fn keep_capabilities(kept: &[Capability]) -> anyhow::Result<()> {
    let permitted = caps::read(None, CapSet::Permitted).context("cannot read capabilities")?;
    let lock = std::env::var_os(LOCKS_MEMORY_VARIABLE).map(|_| Capability::CAP_IPC_LOCK);
    let kept: CapsHashSet = kept
        .iter()
        .copied()
        .chain(lock)
        .filter(|capability| permitted.contains(capability))
        .collect();
    // Who has given up root has them, but they are not in force; the bounding set is narrowed with one that is.
    caps::set(None, CapSet::Effective, &permitted).context("cannot use capabilities")?;
    for capability in caps::all() {
        // Only a process with CAP_SETPCAP may narrow the bounding set; without it there is nothing to narrow from.
        if !kept.contains(&capability) && permitted.contains(&Capability::CAP_SETPCAP) {
            let _ = caps::drop(None, CapSet::Bounding, capability);
        }
    }
    caps::set(None, CapSet::Inheritable, &CapsHashSet::new()).context("cannot drop capabilities")?;
    // The effective set must never be larger than the permitted one, so it shrinks first.
    caps::set(None, CapSet::Effective, &kept).context("cannot drop capabilities")?;
    caps::set(None, CapSet::Permitted, &kept).context("cannot drop capabilities")
}
