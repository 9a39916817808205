//! The packet watcher: one socket sees what enters the switch at any port.

#![deny(clippy::arithmetic_side_effects)]

use std::collections::HashMap;
use std::io::IoSliceMut;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use nix::sys::socket::{ControlMessageOwned, LinkAddr, MsgFlags, recvmsg, setsockopt, sockopt};
use socket2::{Socket, Type};

use super::{Advert, Packet, READ_LIMIT};
use crate::network::Network;
use crate::packet_socket::{self, Instruction};

pub(crate) const ETHERNET_HEADER: usize = 14;
pub(crate) const IPV6_HEADER: usize = 40;
pub(crate) const ARP: u16 = 0x0806;
pub(crate) const IPV4: u16 = 0x0800;
pub(crate) const IPV6: u16 = 0x86dd;
pub(crate) const VRRP: u8 = 112;
/// In front of VRRP with `auth_type AH` (RFC 2338 section 5.3.6.3).
pub(crate) const AUTHENTICATION_HEADER: u8 = 51;
pub(crate) const ICMPV6: u8 = 58;
const NEIGHBOUR_ADVERTISEMENT: u8 = 136;
/// RFC 4861 section 4.4: set in answers to a solicitation.
const SOLICITED: u8 = 0x40;
/// `SKF_AD_OFF + SKF_AD_PKTTYPE` of linux/filter.h: where a filter finds which way a packet goes.
const PACKET_TYPE: u32 = 0xffff_f004;

/// A packet that came into the switch from a node.
pub(crate) struct Arrival<'a> {
    /// The kernel's time stamp.
    pub(crate) when: SystemTime,
    /// The node at the port.
    pub(crate) node: &'a str,
    /// The port's number in the switch.
    pub(crate) port: usize,
    /// What it is.
    pub(crate) packet: Packet,
    /// All its bytes.
    pub(crate) frame: &'a [u8],
}

/// Shows `see` everything that comes in from the ports that are plugged in by now, in a thread of its own, until `done`.
pub(crate) fn watch(
    network: &Network,
    done: Arc<AtomicBool>,
    mut see: impl FnMut(Arrival<'_>) + Send + 'static,
) -> Result<()> {
    let nodes: HashMap<usize, String> = network
        .ports()
        .into_iter()
        .map(|port| (port.index as usize, port.node))
        .collect();
    let socket = network.switch().within(open)?.context("a packet socket")?;
    let watch = move || {
        let mut buffer = [0; 2048];
        while !done.load(Ordering::Relaxed) {
            receive(&socket, &mut buffer, &nodes, &mut see);
        }
    };
    std::thread::Builder::new().name("onlooker".into()).spawn(watch)?;
    Ok(())
}

fn open() -> std::io::Result<Socket> {
    let socket = packet_socket::open(Type::RAW, 0, &filter(), READ_LIMIT)?;
    setsockopt(&socket, sockopt::ReceiveTimestampns, &true)?;
    Ok(socket)
}

/// Keeps what comes in of ARP, VRRP over both families and ICMP for IPv6; load tests send a lot of everything else.
fn filter() -> [Instruction; 14] {
    let load = |size: u32, offset: u32| (size | libc::BPF_LD | libc::BPF_ABS, 0, 0, offset);
    let equal =
        |value: u32, then: u8, otherwise: u8| (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, then, otherwise, value);
    let give = |length: u32| (libc::BPF_RET | libc::BPF_K, 0, 0, length);
    [
        load(libc::BPF_B, PACKET_TYPE),
        equal(libc::PACKET_OUTGOING.into(), 10, 0),
        load(libc::BPF_H, 12),
        equal(ARP.into(), 9, 0),
        equal(IPV4.into(), 0, 3),
        load(libc::BPF_B, 23),
        equal(VRRP.into(), 6, 0),
        equal(AUTHENTICATION_HEADER.into(), 5, 4),
        equal(IPV6.into(), 0, 3),
        load(libc::BPF_B, 20),
        equal(VRRP.into(), 2, 0),
        equal(ICMPV6.into(), 1, 0),
        give(0),
        give(0xffff),
    ]
}

/// Shows the next packet, if it came in from a port.
fn receive(
    socket: &Socket,
    buffer: &mut [u8],
    nodes: &HashMap<usize, String>,
    see: &mut impl FnMut(Arrival<'_>),
) -> Option<()> {
    let mut control = nix::cmsg_space!(libc::timespec);
    let mut parts = [IoSliceMut::new(buffer)];
    let message = recvmsg::<LinkAddr>(socket.as_raw_fd(), &mut parts, Some(&mut control), MsgFlags::empty()).ok()?;
    let when = message.cmsgs().ok()?.find_map(|item| match item {
        ControlMessageOwned::ScmTimestampns(stamp) => {
            let length = Duration::new(stamp.tv_sec().try_into().ok()?, stamp.tv_nsec().try_into().ok()?);
            SystemTime::UNIX_EPOCH.checked_add(length)
        }
        _ => None,
    })?;
    // The bridge itself is an interface, too, and sees packets a second time.
    let (length, port) = (message.bytes, message.address?.ifindex());
    let node = nodes.get(&port)?;
    let frame = buffer.get(..length)?;
    let packet = read_frame(frame)?;
    see(Arrival {
        when,
        node,
        port,
        packet,
        frame,
    });
    Some(())
}

fn read_frame(frame: &[u8]) -> Option<Packet> {
    let kind = u16::from_be_bytes(*frame.get(12..)?.first_chunk()?);
    let packet = frame.get(ETHERNET_HEADER..)?;
    match kind {
        ARP => {
            let sender: Ipv4Addr = (*packet.get(14..)?.first_chunk::<4>()?).into();
            let target: Ipv4Addr = (*packet.get(24..)?.first_chunk::<4>()?).into();
            // RFC 5227 section 3: an announcement has the same address twice.
            (sender == target).then_some(Packet::Announcement(sender.into()))
        }
        IPV4 => {
            let header_length = usize::from(packet.first()? & 0x0f).checked_mul(4)?;
            let source: Ipv4Addr = (*packet.get(12..)?.first_chunk::<4>()?).into();
            let destination: Ipv4Addr = (*packet.get(16..)?.first_chunk::<4>()?).into();
            let mut payload = packet.get(header_length..)?;
            if *packet.get(9)? == AUTHENTICATION_HEADER {
                // RFC 4302 section 2.2: in words of four bytes, two of which do not count.
                let words = usize::from(*payload.get(1)?).checked_add(2)?;
                payload = payload.get(words.checked_mul(4)?..)?;
            }
            read_advert(payload, source.into(), destination.into())
        }
        IPV6 => {
            let source: Ipv6Addr = (*packet.get(8..)?.first_chunk::<16>()?).into();
            let destination: Ipv6Addr = (*packet.get(24..)?.first_chunk::<16>()?).into();
            let payload = packet.get(IPV6_HEADER..)?;
            if *packet.get(6)? == VRRP {
                return read_advert(payload, source.into(), destination.into());
            }
            let target: Ipv6Addr = (*payload.get(8..)?.first_chunk::<16>()?).into();
            let unsolicited = *payload.first()? == NEIGHBOUR_ADVERTISEMENT && *payload.get(4)? & SOLICITED == 0;
            unsolicited.then_some(Packet::Announcement(target.into()))
        }
        _ => None,
    }
}

/// RFC 9568 section 5.1 and RFC 3768 section 5.1: the first bytes are the same in both versions.
fn read_advert(bytes: &[u8], source: IpAddr, destination: IpAddr) -> Option<Packet> {
    let &[first, vrid, priority, ..] = bytes else {
        return None;
    };
    Some(Packet::Advert(Advert {
        version: first >> 4,
        vrid,
        priority,
        source,
        destination,
    }))
}
