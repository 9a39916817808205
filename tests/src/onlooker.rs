//! Watching from outside what directors do: packets with the kernel's time stamps, and addresses as they come and go.

mod addresses;
mod packets;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use anyhow::Result;

use crate::network::Network;
use crate::node::Node;
use crate::wait::Record;

pub(crate) use addresses::{attribute, hear, read_ip};
pub(crate) use packets::{
    ARP, AUTHENTICATION_HEADER, ETHERNET_HEADER, ICMPV6, IPV4, IPV6, IPV6_HEADER, VRRP, watch as watch_packets,
};

/// How long a watcher may take to notice that it is not wanted any more.
const READ_LIMIT: Duration = Duration::from_millis(200);

/// A VRRP advertisement on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advert {
    /// 2 or 3.
    pub version: u8,
    /// Virtual router number.
    pub vrid: u8,
    /// 0 means that the master gives up.
    pub priority: u8,
    /// Sender's address.
    pub source: IpAddr,
    /// The group, or a peer.
    pub destination: IpAddr,
}

/// What an onlooker tells from others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Packet {
    /// VRRP.
    Advert(Advert),
    /// A gratuitous ARP (sender and target are the same) or an unsolicited neighbour advertisement for an address.
    Announcement(IpAddr),
}

/// A packet that somebody saw.
#[derive(Debug, Clone)]
pub struct Sighting {
    /// The kernel's time stamp.
    pub when: SystemTime,
    /// The node that sent it, whatever addresses the packet claims.
    pub node: String,
    /// What it was.
    pub packet: Packet,
    /// All its bytes, link header included.
    pub frame: Arc<[u8]>,
}

impl Sighting {
    /// The advert, when it is one.
    pub fn advert(&self) -> Option<&Advert> {
        match &self.packet {
            Packet::Advert(advert) => Some(advert),
            Packet::Announcement(_) => None,
        }
    }

    /// Whether `node` sent an advert with a priority that `wanted` accepts.
    pub fn is_advert_of(&self, node: &Node, wanted: impl Fn(u8) -> bool) -> bool {
        self.node == node.name() && self.advert().is_some_and(|advert| wanted(advert.priority))
    }
}

/// Watches all ports of a network for VRRP and for announcements of addresses.
#[derive(Debug)]
pub struct Onlooker {
    seen: Arc<Record<Sighting>>,
    done: Arc<AtomicBool>,
}

impl Onlooker {
    /// Watches the ports that are plugged in by now.
    pub fn of(network: &Network) -> Result<Self> {
        let seen = Arc::new(Record::new());
        let done = Arc::new(AtomicBool::new(false));
        let record = Arc::clone(&seen);
        packets::watch(network, Arc::clone(&done), move |arrival| {
            record.push(Sighting {
                when: arrival.when,
                node: arrival.node.to_owned(),
                packet: arrival.packet,
                frame: arrival.frame.into(),
            });
        })?;
        Ok(Self { seen, done })
    }

    /// Everything seen up to now, in order.
    pub fn sightings(&self) -> Vec<Sighting> {
        self.seen.all()
    }

    /// Adverts seen since a moment.
    pub fn adverts_since(&self, since: SystemTime) -> Vec<(Sighting, Advert)> {
        let seen = self.seen.all().into_iter().filter(|sighting| sighting.when >= since);
        seen.filter_map(|sighting| sighting.advert().cloned().map(|advert| (sighting, advert)))
            .collect()
    }

    /// The first packet since `since` that `wanted` accepts.
    pub fn wait_for(
        &self,
        what: &str,
        since: SystemTime,
        bound: Duration,
        wanted: impl Fn(&Sighting) -> bool,
    ) -> Result<Sighting> {
        self.seen
            .wait_for(what, bound, |sighting| sighting.when >= since && wanted(sighting))
    }

    /// The last advert of `node` before a moment.
    pub fn last_advert_before(&self, node: &Node, moment: SystemTime) -> Option<SystemTime> {
        let seen = self.seen.all().into_iter();
        seen.filter(|sighting| sighting.when <= moment && sighting.is_advert_of(node, |_| true))
            .map(|sighting| sighting.when)
            .next_back()
    }
}

impl Drop for Onlooker {
    fn drop(&mut self) {
        self.done.store(true, Ordering::Relaxed);
    }
}

/// An address that came or went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressChange {
    /// When we heard of it.
    pub when: SystemTime,
    /// The address.
    pub address: IpAddr,
    /// Whether it came.
    pub added: bool,
}

/// Hears of every change of a node's addresses.
#[derive(Debug)]
pub struct AddressWatch {
    changes: Arc<Record<AddressChange>>,
    done: Arc<AtomicBool>,
}

impl AddressWatch {
    /// Watches one node.
    pub fn of(node: &Node) -> Result<Self> {
        let changes = Arc::new(Record::new());
        let done = Arc::new(AtomicBool::new(false));
        addresses::watch(node, Arc::clone(&changes), Arc::clone(&done))?;
        Ok(Self { changes, done })
    }

    /// Every change up to now, in order.
    pub fn changes(&self) -> Vec<AddressChange> {
        self.changes.all()
    }

    /// Waits until any address came (or went) at or after `since`.
    pub fn wait_for_any(&self, added: bool, since: SystemTime, bound: Duration) -> Result<AddressChange> {
        let what = format!("an address to {}", if added { "come" } else { "go" });
        let wanted = |change: &AddressChange| change.added == added && change.when >= since;
        self.changes.wait_for(&what, bound, wanted)
    }

    /// Waits until `address` came (or went) at or after `since`.
    pub fn wait_for(&self, address: IpAddr, added: bool, since: SystemTime, bound: Duration) -> Result<SystemTime> {
        let what = format!("{address} to {}", if added { "come" } else { "go" });
        let wanted =
            |change: &AddressChange| change.address == address && change.added == added && change.when >= since;
        Ok(self.changes.wait_for(&what, bound, wanted)?.when)
    }
}

impl Drop for AddressWatch {
    fn drop(&mut self) {
        self.done.store(true, Ordering::Relaxed);
    }
}
