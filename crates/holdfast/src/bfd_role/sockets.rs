//! The BFD sockets that the settings need: one to listen for each family and port, one to send for each session.

use std::collections::{BTreeMap, BTreeSet};
use std::future::poll_fn;
use std::net::{IpAddr, SocketAddr};
use std::task::Poll;

use holdfast_bfd::{InstanceSettings, NodeSettings, ReceivedPacket};
use holdfast_net::{AddressFamily, BfdListener, BfdSender, NetError, ReceivedDatagram};

/// Batches read from one socket before a due timer is believed.
const MOST_BATCHES: usize = 32;

/// First of the ports to send from (RFC 5881 section 4).
const FIRST_PORT: u16 = 49152;

/// Where packets come in: family and port.
type Entrance = (AddressFamily, u16);

/// Open sockets.
#[derive(Debug, Default)]
pub struct Sockets {
    listeners: BTreeMap<Entrance, BfdListener>,
    senders: BTreeMap<String, BfdSender>,
    /// Where the search for the next port begins.
    next_port: u16,
    /// What cannot be opened, said once, until it works.
    failing: BTreeSet<String>,
    /// Sessions whose packets are not taken, said once, until they are.
    unsent: BTreeSet<String>,
}

impl Sockets {
    /// Begins somewhere in the range, so that a restart does not come back from the same ports.
    pub fn new(seed: u64) -> Self {
        let offset = u16::try_from(seed % u64::from(u16::MAX - FIRST_PORT)).unwrap_or(0);
        Self {
            next_port: FIRST_PORT.saturating_add(offset),
            ..Self::default()
        }
    }

    /// Opens what is needed and can be opened, closes the rest. Returns each session with whether it can send.
    pub fn open_as_needed(&mut self, settings: &NodeSettings) -> Vec<(String, bool)> {
        let entrances: BTreeSet<Entrance> = settings.instances.iter().map(entrance).collect();
        self.listeners.retain(|entrance, _| entrances.contains(entrance));
        for (family, port) in entrances {
            if !self.listeners.contains_key(&(family, port)) {
                let opened = BfdListener::open(family, port);
                if let Some(listener) = self.opened(format!("{family:?} {port}"), opened) {
                    self.listeners.insert((family, port), listener);
                }
            }
        }
        let wanted: BTreeMap<&str, &InstanceSettings> =
            settings.instances.iter().map(|it| (it.name.as_str(), it)).collect();
        self.senders.retain(|name, sender| {
            wanted
                .get(name.as_str())
                .is_some_and(|instance| instance.source == sender.source())
        });
        let able = |instance: &InstanceSettings| (instance.name.clone(), self.open_sender(instance));
        settings.instances.iter().map(able).collect()
    }

    fn open_sender(&mut self, instance: &InstanceSettings) -> bool {
        if self.senders.contains_key(&instance.name) {
            return true;
        }
        let family = AddressFamily::of(instance.neighbor);
        let opened = BfdSender::open(family, instance.source, self.next_port);
        let Some(sender) = self.opened(instance.name.clone(), opened) else {
            return false;
        };
        self.next_port = sender.port().checked_add(1).unwrap_or(FIRST_PORT);
        self.senders.insert(instance.name.clone(), sender);
        true
    }

    fn opened<T>(&mut self, what: String, outcome: Result<T, NetError>) -> Option<T> {
        match outcome {
            Ok(opened) => {
                self.failing.remove(&what);
                Some(opened)
            }
            Err(error) => {
                if self.failing.insert(what) {
                    tracing::error!("{error}; trying again every second");
                }
                None
            }
        }
    }

    /// Whether something could not be opened.
    pub fn is_incomplete(&self) -> bool {
        !self.failing.is_empty()
    }

    /// Forgets complaints about what is no longer needed.
    pub fn forget_complaints(&mut self) {
        self.failing.clear();
        self.unsent.clear();
    }

    /// Sends one packet.
    pub fn send(&mut self, session: &str, destination: IpAddr, port: u16, ttl: u8, bytes: &[u8]) {
        // A socket that could not be opened has been complained about.
        let Some(sender) = self.senders.get_mut(session) else {
            return;
        };
        match sender.send(SocketAddr::new(destination, port), ttl, bytes) {
            Ok(()) => {
                self.unsent.remove(session);
            }
            Err(error) => {
                if self.unsent.insert(session.to_owned()) {
                    tracing::warn!("({session}) {error}");
                }
            }
        }
    }

    /// Waits for packets on any socket. Can be cancelled without loss.
    pub async fn receive(&self) -> Vec<ReceivedPacket> {
        poll_fn(|context| {
            let mut packets = Vec::new();
            // A socket that answered, be it with nothing, wakes nobody until it is asked again.
            let mut answered = false;
            for ((_, port), listener) in &self.listeners {
                let Poll::Ready(outcome) = listener.poll_receive(context) else {
                    continue;
                };
                answered = true;
                take(outcome, *port, &mut packets);
            }
            if answered { Poll::Ready(packets) } else { Poll::Pending }
        })
        .await
    }

    /// Packets that wait already; whoever floods us cannot hold us up for longer than a few batches.
    pub fn receive_now(&self) -> Vec<ReceivedPacket> {
        let mut packets = Vec::new();
        for ((_, port), listener) in &self.listeners {
            for _ in 0..MOST_BATCHES {
                if take(listener.receive_now(), *port, &mut packets) == 0 {
                    break;
                }
            }
        }
        packets
    }
}

fn entrance(instance: &InstanceSettings) -> Entrance {
    (AddressFamily::of(instance.neighbor), instance.port())
}

/// Adds what came in; how much that was.
fn take(arrived: Result<Vec<ReceivedDatagram>, NetError>, port: u16, packets: &mut Vec<ReceivedPacket>) -> usize {
    match arrived {
        Ok(arrived) => {
            let count = arrived.len();
            packets.extend(arrived.into_iter().map(|datagram| for_machine(datagram, port)));
            count
        }
        Err(error) => {
            tracing::warn!("{error}");
            0
        }
    }
}

fn for_machine(datagram: ReceivedDatagram, destination_port: u16) -> ReceivedPacket {
    ReceivedPacket {
        source: datagram.source.ip(),
        destination: datagram.destination,
        source_port: datagram.source.port(),
        destination_port,
        ttl: datagram.ttl,
        payload: datagram.payload,
    }
}
