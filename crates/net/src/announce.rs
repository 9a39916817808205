//! Telling the neighbours where an address now is.
#![deny(clippy::arithmetic_side_effects)]

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::AsRawFd;

use socket2::{Domain, Socket, Type};

use crate::error::NetError;
use crate::link::MacAddress;
use crate::message_batch::{OutgoingPacket, frames_through, send_batch};
use crate::socket_options::set_send_buffer;

const OBJECT: &str = "the packet socket for announcements";
/// Room for some five thousand announcements on an interface that sends slowly.
const SEND_BUFFER_BYTES: usize = 2 * 1024 * 1024;

const ETHERTYPE_IPV4: [u8; 2] = [0x08, 0x00];
const ETHERTYPE_ARP: [u8; 2] = [0x08, 0x06];
const ETHERTYPE_IPV6: [u8; 2] = [0x86, 0xdd];
const BROADCAST: MacAddress = MacAddress([0xff; 6]);
/// Where Ethernet carries packets for [`ALL_NODES`] (RFC 2464 section 7).
const ALL_NODES_MAC: MacAddress = MacAddress([0x33, 0x33, 0, 0, 0, 1]);
/// `ff02::1`
const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
const ICMPV6: u8 = 58;
/// Routers discard neighbour discovery with any other hop limit (RFC 4861 section 7.1.2).
const HOP_LIMIT: u8 = 255;

/// One announcement to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutgoingAnnouncement {
    /// The interface to send it through.
    pub interface_index: u32,
    /// Where the address is.
    pub mac: MacAddress,
    /// The address.
    pub address: IpAddr,
}

/// Sends gratuitous ARP requests (RFC 5227 section 3) and unsolicited neighbour advertisements (RFC 4861 section
/// 7.2.6).
#[derive(Debug)]
pub struct Announcer {
    socket: Socket,
}

impl Announcer {
    /// Opens the packet socket; it serves all interfaces of the calling thread's network namespace and receives
    /// nothing. Needs `CAP_NET_RAW`.
    pub fn open() -> Result<Self, NetError> {
        // Protocol 0: no frame is ever queued for this socket.
        let socket = Socket::new(Domain::PACKET, Type::RAW.nonblocking().cloexec(), None)
            .map_err(NetError::system("open", OBJECT))?;
        set_send_buffer(socket.as_raw_fd(), SEND_BUFFER_BYTES).map_err(NetError::system("set up", OBJECT))?;
        Ok(Self { socket })
    }

    /// Announces that `addresses` are at `mac` on this interface, each once; see [`announce_all`](Self::announce_all).
    pub fn announce(&self, interface_index: u32, mac: MacAddress, addresses: &[IpAddr]) -> Vec<Result<(), NetError>> {
        let announcements: Vec<_> = addresses
            .iter()
            .map(|address| OutgoingAnnouncement {
                interface_index,
                mac,
                address: *address,
            })
            .collect();
        self.announce_all(&announcements)
    }

    /// Sends announcements, whatever their interfaces, all in as few system calls as possible; one outcome for each, in
    /// the same order. Never waits: what does not fit into the send buffer is an error of that address.
    pub fn announce_all(&self, announcements: &[OutgoingAnnouncement]) -> Vec<Result<(), NetError>> {
        let mut routers = BTreeMap::new();
        let packets: Vec<_> = announcements
            .iter()
            .map(|announcement| {
                let index = announcement.interface_index;
                let is_router =
                    announcement.address.is_ipv6() && *routers.entry(index).or_insert_with(|| forwards_ipv6(index));
                frames_through(index)
                    .map(|destination| (destination, frame(announcement.mac, announcement.address, is_router)))
            })
            .collect();
        let outgoing: Vec<_> = packets
            .iter()
            .flatten()
            .map(|(destination, frame)| OutgoingPacket {
                destination: destination.clone(),
                data: frame,
                control: Vec::new(),
            })
            .collect();
        let mut results = send_batch(self.socket.as_raw_fd(), &outgoing).into_iter();
        packets
            .iter()
            .zip(announcements)
            .map(|(packet, announcement)| {
                let sent = packet.is_ok().then(|| results.next()).flatten();
                let failed = |source| NetError::System {
                    operation: "announce",
                    object: format!("{} on interface {}", announcement.address, announcement.interface_index),
                    source,
                };
                sent.unwrap_or_else(|| Err(io::Error::from_raw_os_error(libc::ENODEV)))
                    .map_err(failed)
            })
            .collect()
    }
}

/// Whether this host forwards IPv6 that comes in on the interface, and so has to call itself a router (RFC 4861
/// section 4.4). An interface that has no such setting (any more) does not forward.
fn forwards_ipv6(interface_index: u32) -> bool {
    let Ok(name) = nix::net::if_::if_indextoname(interface_index) else {
        return false;
    };
    let setting = format!("/proc/sys/net/ipv6/conf/{}/forwarding", name.to_string_lossy());
    std::fs::read_to_string(setting).is_ok_and(|value| !matches!(value.trim(), "" | "0"))
}

fn frame(mac: MacAddress, address: IpAddr, is_router: bool) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => gratuitous_arp(mac, address),
        IpAddr::V6(address) => neighbour_advertisement(mac, address, is_router),
    }
}

fn ethernet(destination: MacAddress, source: MacAddress, ethertype: [u8; 2]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(86);
    frame.extend(destination.0);
    frame.extend(source.0);
    frame.extend(ethertype);
    frame
}

/// ARP announcement (RFC 826, RFC 5227 section 3): a broadcast request in which sender and target are the announced
/// address. The target's hardware address means nothing in a request; it is keepalived's, so that what filters and
/// switches make of such frames does not change with the daemon.
fn gratuitous_arp(mac: MacAddress, address: Ipv4Addr) -> Vec<u8> {
    const HARDWARE_ETHERNET: [u8; 2] = [0, 1];
    const LENGTHS: [u8; 2] = [6, 4];
    const REQUEST: [u8; 2] = [0, 1];
    let mut frame = ethernet(BROADCAST, mac, ETHERTYPE_ARP);
    frame.extend(HARDWARE_ETHERNET);
    frame.extend(ETHERTYPE_IPV4);
    frame.extend(LENGTHS);
    frame.extend(REQUEST);
    frame.extend(mac.0);
    frame.extend(address.octets());
    frame.extend(BROADCAST.0);
    frame.extend(address.octets());
    frame
}

/// Unsolicited neighbour advertisement to all nodes (RFC 4861 sections 4.4, 7.2.6), from the announced address
/// itself, with the override flag so that caches change at once.
fn neighbour_advertisement(mac: MacAddress, address: Ipv6Addr, is_router: bool) -> Vec<u8> {
    const NEIGHBOUR_ADVERTISEMENT: u8 = 136;
    const ROUTER: u8 = 0x80;
    const OVERRIDE: u8 = 0x20;
    const CHECKSUM_AT: usize = 2;
    /// Type "target link-layer address", length in units of eight bytes.
    const TARGET_LINK_LAYER_ADDRESS: [u8; 2] = [2, 1];
    /// Type, code, checksum, flags and reserved: 8; target: 16; option: 8.
    const MESSAGE_BYTES: u8 = 32;

    let flags = if is_router { ROUTER | OVERRIDE } else { OVERRIDE };
    let mut message = vec![NEIGHBOUR_ADVERTISEMENT, 0, 0, 0, flags, 0, 0, 0];
    message.extend(address.octets());
    message.extend(TARGET_LINK_LAYER_ADDRESS);
    message.extend(mac.0);
    let checksum = icmpv6_checksum(address, ALL_NODES, &message);
    if let Some(field) = message.get_mut(CHECKSUM_AT..).and_then(<[u8]>::first_chunk_mut) {
        *field = checksum.to_be_bytes();
    }

    let mut frame = ethernet(ALL_NODES_MAC, mac, ETHERTYPE_IPV6);
    // Version 6, no traffic class, no flow label.
    frame.extend([0x60, 0, 0, 0]);
    frame.extend([0, MESSAGE_BYTES, ICMPV6, HOP_LIMIT]);
    frame.extend(address.octets());
    frame.extend(ALL_NODES.octets());
    frame.extend(message);
    frame
}

/// Over the pseudo header of RFC 8200 section 8.1 and the message, whose checksum field is zero.
fn icmpv6_checksum(source: Ipv6Addr, destination: Ipv6Addr, message: &[u8]) -> u16 {
    let mut bytes = Vec::with_capacity(message.len().saturating_add(40));
    bytes.extend(source.octets());
    bytes.extend(destination.octets());
    bytes.extend(u32::try_from(message.len()).unwrap_or(u32::MAX).to_be_bytes());
    bytes.extend([0, 0, 0, ICMPV6]);
    bytes.extend(message);
    !internet_sum(&bytes)
}

/// One's complement sum of 16-bit words (RFC 1071).
fn internet_sum(bytes: &[u8]) -> u16 {
    let words = bytes.chunks(2).map(|pair| match pair {
        [high, low] => u16::from_be_bytes([*high, *low]),
        [high] => u16::from_be_bytes([*high, 0]),
        _ => 0,
    });
    words.fold(0, |sum: u16, word| {
        let (sum, carry) = sum.overflowing_add(word);
        sum.wrapping_add(u16::from(carry))
    })
}

#[cfg(test)]
mod tests;
