//! The VRRP sockets that the settings need: one for each interface, family and mode.

use std::collections::{BTreeMap, BTreeSet};
use std::future::poll_fn;
use std::task::Poll;

use holdfast_net::{AddressFamily, OutgoingVrrpPacket, ReceivedPacket, VrrpSocket, VrrpSocketMode, VrrpSocketSettings};
use holdfast_vrrp::settings::{Family, Listener};

use super::batch::Advert;
use super::interfaces::Interfaces;
use crate::plan::buffers::SocketBuffer;

/// Batches read from one socket before a due timer is believed: enough for 255 virtual routers several times over.
const MOST_BATCHES: usize = 32;

/// Open sockets by what they are for.
#[derive(Debug, Default)]
pub struct Sockets {
    open: BTreeMap<Listener, VrrpSocket>,
    /// Receive buffers other than the kernel's default.
    buffers: BTreeMap<Listener, SocketBuffer>,
    /// Said once, until it works.
    failing: BTreeSet<Listener>,
}

impl Sockets {
    /// Which sockets shall have another receive buffer than the kernel's default.
    pub fn set_buffers(&mut self, buffers: Vec<(Listener, SocketBuffer)>) {
        self.buffers = buffers.into_iter().collect();
    }

    /// Opens what is needed and can be opened, closes the rest. An interface that is not there yet is tried again when it comes.
    pub fn open_as_needed(&mut self, needed: &BTreeSet<Listener>, interfaces: &Interfaces) {
        let buffers = &self.buffers;
        self.open.retain(|listener, socket| {
            let is = socket.settings();
            needed.contains(listener)
                && is.interface_index == interfaces.index_of(&listener.interface)
                && is.receive_buffer_bytes == buffer_of(buffers, listener, interfaces)
        });
        for listener in needed {
            if self.open.contains_key(listener) {
                continue;
            }
            let Some(index) = interfaces.index_of(&listener.interface) else {
                self.complain(listener, "there is no such interface; waiting for it");
                continue;
            };
            let buffer = buffer_of(&self.buffers, listener, interfaces);
            match VrrpSocket::open(&settings(listener, index, buffer)) {
                Ok(socket) => {
                    self.failing.remove(listener);
                    self.open.insert(listener.clone(), socket);
                }
                Err(error) => self.complain(listener, &error.to_string()),
            }
        }
    }

    fn complain(&mut self, listener: &Listener, why: &str) {
        if self.failing.insert(listener.clone()) {
            tracing::error!("cannot listen to VRRP on {}: {why}", listener.interface);
        }
    }

    /// Waits for packets on any socket. Can be cancelled without loss.
    pub async fn receive(&self) -> Vec<ReceivedPacket> {
        poll_fn(|context| {
            let mut packets = Vec::new();
            // A socket that answered, be it with nothing, wakes nobody until it is asked again.
            let mut answered = false;
            for (listener, socket) in &self.open {
                let Poll::Ready(outcome) = socket.poll_receive(context) else {
                    continue;
                };
                answered = true;
                match outcome {
                    Ok(arrived) => packets.extend(self.once_each(listener, arrived)),
                    Err(error) => tracing::warn!("{error}"),
                }
            }
            if answered { Poll::Ready(packets) } else { Poll::Pending }
        })
        .await
    }

    /// Packets that wait already; whoever floods us cannot hold us up for longer than a few batches.
    pub fn receive_now(&self) -> Vec<ReceivedPacket> {
        let mut packets = Vec::new();
        for (listener, socket) in &self.open {
            for _ in 0..MOST_BATCHES {
                match socket.receive_now() {
                    Ok(waiting) if waiting.is_empty() => break,
                    Ok(waiting) => packets.extend(self.once_each(listener, waiting)),
                    Err(error) => {
                        tracing::warn!("{error}");
                        break;
                    }
                }
            }
        }
        packets
    }

    /// The kernel gives a unicast packet to every socket of an interface, whichever groups they have joined. It is heard by
    /// one of them: an advert that came twice would count twice. What came in for a VRF came in at one of its interfaces; the
    /// instance knows the VRF.
    fn once_each(
        &self,
        listener: &Listener,
        packets: Vec<ReceivedPacket>,
    ) -> impl Iterator<Item = ReceivedPacket> + use<> {
        let hears_unicast = is_first_of_its_path(self.open.keys(), listener);
        let bound_to = self
            .open
            .get(listener)
            .and_then(|socket| socket.settings().interface_index);
        packets
            .into_iter()
            .filter(move |packet| hears_unicast || packet.destination.is_multicast())
            .map(move |packet| ReceivedPacket {
                interface_index: bound_to.unwrap_or(packet.interface_index),
                ..packet
            })
    }

    /// Sends adverts, all that leave by one socket in one system call.
    pub fn send(&self, adverts: &[Advert]) {
        let mut by_socket: BTreeMap<Listener, Vec<OutgoingVrrpPacket<'_>>> = BTreeMap::new();
        for advert in adverts {
            let packet = OutgoingVrrpPacket {
                source: advert.source,
                destination: advert.destination,
                ttl: advert.ttl,
                packet: &advert.bytes,
            };
            by_socket.entry(listener_of(advert)).or_default().push(packet);
        }
        for (listener, packets) in by_socket {
            // A socket that could not be opened has been complained about.
            let Some(socket) = self.open.get(&listener) else {
                continue;
            };
            for outcome in socket.send_many(&packets) {
                if let Err(error) = outcome {
                    tracing::warn!("{error}");
                }
            }
        }
    }
}

fn listener_of(advert: &Advert) -> Listener {
    Listener {
        interface: advert.interface.clone(),
        family: Family::of(advert.destination),
        group: advert.destination.is_multicast().then_some(advert.destination),
        authenticated: advert.authenticated,
    }
}

fn buffer_of(
    buffers: &BTreeMap<Listener, SocketBuffer>,
    listener: &Listener,
    interfaces: &Interfaces,
) -> Option<usize> {
    let mtu = interfaces.mtu_of(&listener.interface).unwrap_or(0);
    buffers.get(listener).map(|buffer| buffer.size(mtu))
}

fn settings(listener: &Listener, index: u32, receive_buffer_bytes: Option<usize>) -> VrrpSocketSettings {
    VrrpSocketSettings {
        interface_index: Some(index),
        mode: match listener.group {
            Some(group) => VrrpSocketMode::Multicast { group },
            None => VrrpSocketMode::Unicast {
                family: match listener.family {
                    Family::Ipv4 => AddressFamily::Ipv4,
                    Family::Ipv6 => AddressFamily::Ipv6,
                },
            },
        },
        receive_buffer_bytes,
        authenticated: listener.authenticated,
    }
}

/// Whether no other of these listeners, which are in order, hears the same unicast packets.
fn is_first_of_its_path<'a>(mut all: impl Iterator<Item = &'a Listener>, listener: &Listener) -> bool {
    let same_path = |other: &&Listener| {
        other.interface == listener.interface
            && other.family == listener.family
            && other.authenticated == listener.authenticated
    };
    all.find(same_path) == Some(listener)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_socket_of_each_path_hears_unicast() {
        let listener = |interface: &str, group: Option<[u8; 4]>, authenticated| Listener {
            interface: interface.to_owned(),
            family: Family::Ipv4,
            group: group.map(Into::into),
            authenticated,
        };
        let all: BTreeSet<Listener> = [
            listener("eth0", None, false),
            listener("eth0", Some([224, 0, 0, 18]), false),
            listener("eth0", Some([224, 0, 0, 18]), true),
            listener("eth1", Some([224, 0, 0, 18]), false),
            listener("eth1", Some([224, 0, 0, 19]), false),
        ]
        .into();
        let hearing: Vec<&Listener> = all.iter().filter(|it| is_first_of_its_path(all.iter(), it)).collect();
        let expected = [
            listener("eth0", None, false),
            listener("eth0", Some([224, 0, 0, 18]), true),
            listener("eth1", Some([224, 0, 0, 18]), false),
        ];
        assert_eq!(hearing, expected.iter().collect::<Vec<_>>());
    }
}
