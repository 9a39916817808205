//! A host that uses virtual addresses, and whom its kernel takes to have them: its ARP and neighbour caches, as they change.

use std::net::{IpAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};

use crate::node::Node;
use crate::onlooker::{attribute, hear, read_ip};
use crate::wait::Record;

/// From one packet to the next; each makes the kernel look at its cache.
const TRAFFIC_INTERVAL: Duration = Duration::from_millis(300);

/// The discard service (RFC 863), which nobody here offers: no answer tells the kernel that it is right.
const PORT: u16 = 9;

/// `RTMGRP_NEIGH` of linux/rtnetlink.h.
const GROUP: u32 = 0x4;
const NEW_NEIGHBOUR: u16 = 28;
const DELETED_NEIGHBOUR: u16 = 29;
/// `struct ndmsg`, and where the state is in it.
const NEIGHBOUR_HEADER: usize = 12;
const STATE_AT: usize = 8;
/// `NUD_INCOMPLETE` and `NUD_FAILED`: there is no Ethernet address, whatever is told.
const UNKNOWN: u16 = 0x01 | 0x20;
const NDA_DST: u16 = 1;
const NDA_LLADDR: u16 = 2;

/// Watches the caches of a node that sends to some addresses all the time.
#[derive(Debug)]
pub struct Neighbours {
    changes: Arc<Record<Entry>>,
    done: Arc<AtomicBool>,
}

/// From when on the cache has had what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Of which address.
    pub address: IpAddr,
    /// When the kernel told of it.
    pub since: SystemTime,
    /// The Ethernet address as `ip` writes it; `None` while the kernel knows none.
    pub mac: Option<String>,
}

impl Neighbours {
    /// Begins to send and to watch.
    pub fn of(node: &Node, addresses: &[IpAddr]) -> Result<Self> {
        let (changes, done) = (Arc::new(Record::new()), Arc::new(AtomicBool::new(false)));
        let record = Arc::clone(&changes);
        hear(node, GROUP, Arc::clone(&done), move |when, kind, body| {
            record.extend(entry(when, kind, body));
        })?;
        let mut sockets = Vec::new();
        for address in addresses {
            let any = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
            let socket = node.within(move || UdpSocket::bind(any))?.context("a socket")?;
            sockets.push((socket, *address));
        }
        let stop = Arc::clone(&done);
        let send = move || {
            while !stop.load(Ordering::Relaxed) {
                for (socket, address) in &sockets {
                    // While nobody answers, the kernel says that the host cannot be reached.
                    let _ = socket.send_to(b"?", (*address, PORT));
                }
                std::thread::sleep(TRAFFIC_INTERVAL);
            }
        };
        std::thread::Builder::new().name("traffic".into()).spawn(send)?;
        Ok(Self { changes, done })
    }

    /// What the cache has had for an address, in order, without repetitions.
    pub fn history(&self, address: IpAddr) -> Vec<Entry> {
        let mut history: Vec<Entry> = Vec::new();
        for entry in self.changes.all().into_iter().filter(|entry| entry.address == address) {
            if history.last().is_none_or(|last| last.mac != entry.mac) {
                history.push(entry);
            }
        }
        history
    }

    /// What it has now.
    pub fn now(&self, address: IpAddr) -> Option<String> {
        self.history(address).pop()?.mac
    }

    /// How long after `since` the cache still had, or had again, something else than `mac`; `None` if it has it now.
    pub fn wrong_after(&self, address: IpAddr, mac: &str, since: SystemTime) -> Option<Duration> {
        let history = self.history(address);
        let last = history.last().filter(|last| last.mac.as_deref() == Some(mac))?;
        Some(last.since.duration_since(since).unwrap_or_default())
    }
}

impl Drop for Neighbours {
    fn drop(&mut self) {
        self.done.store(true, Ordering::Relaxed);
    }
}

fn entry(when: SystemTime, kind: u16, body: &[u8]) -> Option<Entry> {
    let attributes = body.get(NEIGHBOUR_HEADER..)?;
    let state = u16::from_ne_bytes(*body.get(STATE_AT..)?.first_chunk()?);
    let known = match kind {
        NEW_NEIGHBOUR => state & UNKNOWN == 0,
        DELETED_NEIGHBOUR => false,
        _ => return None,
    };
    let digits = |bytes: &[u8]| {
        bytes
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<Vec<_>>()
            .join(":")
    };
    Some(Entry {
        since: when,
        address: read_ip(attribute(attributes, NDA_DST)?)?,
        mac: attribute(attributes, NDA_LLADDR).filter(|_| known).map(digits),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `struct ndmsg` with a state, the address 192.0.2.200 and an Ethernet address.
    fn body(state: u16) -> Vec<u8> {
        let mut body = vec![2, 0, 0, 0, 2, 0, 0, 0];
        body.extend(state.to_ne_bytes());
        body.extend([0, 1]);
        body.extend([8_u16, NDA_DST].map(u16::to_ne_bytes).concat());
        body.extend([192, 0, 2, 200]);
        body.extend([10_u16, NDA_LLADDR].map(u16::to_ne_bytes).concat());
        body.extend([2, 0, 0, 0, 0, 1, 0, 0]);
        body
    }

    #[test]
    fn what_the_kernel_knows_is_told() {
        const STALE: u16 = 4;
        const FAILED: u16 = 0x20;
        let mac = |kind, state| entry(SystemTime::UNIX_EPOCH, kind, &body(state)).unwrap().mac;
        assert_eq!(mac(NEW_NEIGHBOUR, STALE).unwrap(), "02:00:00:00:00:01");
        assert_eq!(mac(NEW_NEIGHBOUR, FAILED), None);
        assert_eq!(mac(DELETED_NEIGHBOUR, STALE), None);
        assert_eq!(entry(SystemTime::UNIX_EPOCH, 16, &body(STALE)), None);
    }
}
