//! Sync daemons and connection timeouts in attributes.

use std::net::IpAddr;

use super::{array, inside, ne16, ne32};
use crate::netlink::{Attributes, Malformed, attributes, string};
use crate::sync::{SyncDaemon, SyncRole, Timeouts};

/// `IPVS_CMD_ATTR_*`
mod outer {
    pub(super) const DAEMON: u16 = 3;
    pub(super) const TIMEOUT_TCP: u16 = 4;
    pub(super) const TIMEOUT_TCP_FIN: u16 = 5;
    pub(super) const TIMEOUT_UDP: u16 = 6;
}

/// `IPVS_DAEMON_ATTR_*`
mod daemon {
    pub(super) const STATE: u16 = 1;
    pub(super) const MCAST_IFN: u16 = 2;
    pub(super) const SYNC_ID: u16 = 3;
    pub(super) const SYNC_MAXLEN: u16 = 4;
    pub(super) const MCAST_GROUP: u16 = 5;
    pub(super) const MCAST_GROUP6: u16 = 6;
    pub(super) const MCAST_PORT: u16 = 7;
    pub(super) const MCAST_TTL: u16 = 8;
}

/// `IP_VS_STATE_*`
const fn role_number(role: SyncRole) -> u32 {
    match role {
        SyncRole::Master => 1,
        SyncRole::Backup => 2,
    }
}

pub(crate) fn put_sync_daemon(request: &mut Attributes<'_>, wanted: &SyncDaemon) {
    request.nest(outer::DAEMON, |nest| {
        nest.u32(daemon::STATE, role_number(wanted.role));
        nest.string(daemon::MCAST_IFN, &wanted.interface);
        nest.u32(daemon::SYNC_ID, u32::from(wanted.id));
        if let Some(max_len) = wanted.max_len {
            nest.u16(daemon::SYNC_MAXLEN, max_len);
        }
        match wanted.group {
            Some(IpAddr::V4(group)) => nest.bytes(daemon::MCAST_GROUP, &group.octets()),
            Some(IpAddr::V6(group)) => nest.bytes(daemon::MCAST_GROUP6, &group.octets()),
            None => {}
        }
        if let Some(port) = wanted.port {
            nest.u16(daemon::MCAST_PORT, port);
        }
        if let Some(ttl) = wanted.ttl {
            nest.u8(daemon::MCAST_TTL, ttl);
        }
    });
}

/// What names a daemon that is to stop.
pub(crate) fn put_sync_role(request: &mut Attributes<'_>, role: SyncRole) {
    request.nest(outer::DAEMON, |nest| nest.u32(daemon::STATE, role_number(role)));
}

/// The daemon in a message; `None`: of a role that we have no name for.
pub(crate) fn get_sync_daemon(message: &[u8]) -> Result<Option<SyncDaemon>, Malformed> {
    let (mut role, mut interface, mut id) = (None, None, None);
    let (mut max_len, mut port, mut ttl, mut group) = (None, None, None, None);
    for attribute in attributes(inside(message, outer::DAEMON)?) {
        let (kind, content) = attribute?;
        match kind {
            daemon::STATE => role = Some(ne32(content)?),
            daemon::MCAST_IFN => interface = Some(string(content)),
            daemon::SYNC_ID => id = Some(ne32(content)?),
            daemon::SYNC_MAXLEN => max_len = Some(ne16(content)?),
            daemon::MCAST_GROUP => group = Some(IpAddr::from(array::<4>(content)?)),
            daemon::MCAST_GROUP6 => group = Some(IpAddr::from(array::<16>(content)?)),
            daemon::MCAST_PORT => port = Some(ne16(content)?),
            daemon::MCAST_TTL => ttl = Some(u8::from_ne_bytes(array(content)?)),
            _ => {}
        }
    }
    let role = match role.ok_or("sync daemon without role")? {
        1 => SyncRole::Master,
        2 => SyncRole::Backup,
        _ => return Ok(None),
    };
    let id = u8::try_from(id.ok_or("sync daemon without number")?).map_err(|_| "number of a sync daemon")?;
    let interface = interface.ok_or("sync daemon without interface")?;
    Ok(Some(SyncDaemon {
        role,
        interface,
        id,
        max_len,
        port,
        ttl,
        group,
    }))
}

pub(crate) fn put_timeouts(request: &mut Attributes<'_>, timeouts: &Timeouts) {
    request.u32(outer::TIMEOUT_TCP, timeouts.tcp_s);
    request.u32(outer::TIMEOUT_TCP_FIN, timeouts.tcp_fin_s);
    request.u32(outer::TIMEOUT_UDP, timeouts.udp_s);
}

pub(crate) fn get_timeouts(message: &[u8]) -> Result<Timeouts, Malformed> {
    let mut timeouts = Timeouts::default();
    for attribute in attributes(message) {
        match attribute? {
            (outer::TIMEOUT_TCP, content) => timeouts.tcp_s = ne32(content)?,
            (outer::TIMEOUT_TCP_FIN, content) => timeouts.tcp_fin_s = ne32(content)?,
            (outer::TIMEOUT_UDP, content) => timeouts.udp_s = ne32(content)?,
            _ => {}
        }
    }
    Ok(timeouts)
}
