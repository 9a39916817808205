//! Listening to the adverts of very many virtual routers: when each was heard, and its longest pause. Nothing else is
//! kept, so that minutes with ten thousand adverts a second fit into memory.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use anyhow::Result;

use crate::network::Network;
use crate::node::Node;
use crate::onlooker::{Packet, watch_packets};

/// What was heard of one virtual router from one node.
#[derive(Debug, Clone, Copy)]
pub struct Beat {
    /// The first advert.
    pub first: SystemTime,
    /// The last advert.
    pub last: SystemTime,
    /// How many there were.
    pub count: u64,
    /// The longest time from one advert to the next.
    pub longest_pause: Duration,
    /// Whether the last one had priority 0.
    pub resigned: bool,
}

/// A virtual router: the number of its LAN, in the order in which LANs were plugged into, and the VRID.
pub type Router = (usize, u8);

#[derive(Debug, Default)]
struct Heard {
    beats: HashMap<String, HashMap<Router, Beat>>,
    announced: HashMap<String, HashMap<IpAddr, SystemTime>>,
}

/// Listens at all ports of a network.
#[derive(Debug)]
pub struct Pulse {
    heard: Arc<Mutex<Heard>>,
    done: Arc<AtomicBool>,
}

impl Pulse {
    /// Listens at the ports that are plugged in by now.
    pub fn of(network: &Network) -> Result<Self> {
        let heard = Arc::new(Mutex::new(Heard::default()));
        let done = Arc::new(AtomicBool::new(false));
        let shared = Arc::clone(&heard);
        let lans = lans_of_ports(network);
        watch_packets(network, Arc::clone(&done), move |arrival| {
            let mut heard = lock(&shared);
            match arrival.packet {
                Packet::Advert(advert) => {
                    let lan = lans.get(&arrival.port).copied().unwrap_or_default();
                    heard.advert(arrival.node, (lan, advert.vrid), arrival.when, &advert);
                }
                Packet::Announcement(address) => {
                    heard.announcements(arrival.node).entry(address).or_insert(arrival.when);
                }
            }
        })?;
        Ok(Self { heard, done })
    }

    /// Forgets everything.
    pub fn clear(&self) {
        *lock(&self.heard) = Heard::default();
    }

    /// What was heard of each virtual router from a node.
    pub fn beats(&self, node: &Node) -> HashMap<Router, Beat> {
        lock(&self.heard).beats.get(node.name()).cloned().unwrap_or_default()
    }

    /// How many virtual routers were heard from a node.
    pub fn count(&self, node: &Node) -> usize {
        lock(&self.heard).beats.get(node.name()).map_or(0, HashMap::len)
    }

    /// How many virtual routers a node has resigned from with its last word.
    pub fn resigned(&self, node: &Node) -> usize {
        let heard = lock(&self.heard);
        let beats = heard.beats.get(node.name()).into_iter().flat_map(HashMap::values);
        beats.filter(|beat| beat.resigned).count()
    }

    /// When a node first announced each address.
    pub fn announced(&self, node: &Node) -> HashMap<IpAddr, SystemTime> {
        lock(&self.heard)
            .announced
            .get(node.name())
            .cloned()
            .unwrap_or_default()
    }
}

impl Drop for Pulse {
    fn drop(&mut self) {
        self.done.store(true, Ordering::Relaxed);
    }
}

impl Heard {
    fn advert(&mut self, node: &str, router: Router, when: SystemTime, advert: &crate::onlooker::Advert) {
        if !self.beats.contains_key(node) {
            self.beats.insert(node.to_owned(), HashMap::new());
        }
        let Some(beats) = self.beats.get_mut(node) else { return };
        let beat = beats.entry(router).or_insert(Beat {
            first: when,
            last: when,
            count: 0,
            longest_pause: Duration::ZERO,
            resigned: false,
        });
        let pause = when.duration_since(beat.last).unwrap_or_default();
        beat.longest_pause = beat.longest_pause.max(pause);
        beat.last = when;
        beat.count += 1;
        beat.resigned = advert.priority == 0;
    }

    fn announcements(&mut self, node: &str) -> &mut HashMap<IpAddr, SystemTime> {
        self.announced.entry(node.to_owned()).or_default()
    }
}

/// By the number of the port in the switch.
fn lans_of_ports(network: &Network) -> HashMap<usize, usize> {
    let mut lans: Vec<String> = Vec::new();
    let mut of_ports = HashMap::new();
    for port in network.ports() {
        let lan = lans.iter().position(|lan| *lan == port.lan).unwrap_or_else(|| {
            lans.push(port.lan.clone());
            lans.len() - 1
        });
        of_ports.insert(port.index as usize, lan);
    }
    of_ports
}

fn lock(heard: &Mutex<Heard>) -> MutexGuard<'_, Heard> {
    // What a panic left half done is one packet's entry.
    heard.lock().unwrap_or_else(PoisonError::into_inner)
}
