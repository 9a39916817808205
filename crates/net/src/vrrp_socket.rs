//! VRRP packets to and from the wire.
#![deny(clippy::arithmetic_side_effects)]

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use libc::{IPPROTO_IP, IPPROTO_IPV6};
use socket2::{Domain, InterfaceIndexOrAddress, Protocol, Socket, Type};

use crate::control::{self, PacketInfo};
use crate::error::NetError;
use crate::message_batch::{BATCH, OutgoingPacket, RawPacket, receive_batch, send_batch};
use crate::readiness::{Readiness, Taken};
use crate::socket_options::{bind_to_interface, send_ipv4_multicast_through, set_number, set_receive_buffer};

/// VRRP's number among the IP protocols (RFC 9568 section 5.1.1.4).
const IPPROTO_VRRP: u8 = 112;
/// The authentication header's (RFC 2402 section 2).
const IPPROTO_AH: u8 = 51;
/// What a VRRP router sends with, and must find on receipt from a group (RFC 9568 sections 5.1.1.3, 5.1.2.3).
const TTL: u32 = 255;
/// Internetwork control, as keepalived marks its packets.
const TYPE_OF_SERVICE: u32 = 0xc0;
/// `TC_PRIO_CONTROL` of `linux/pkt_sched.h`: adverts leave before what else is queued on the interface.
const PRIORITY: u32 = 7;
/// More than fit into the default receive buffer.
const DRAINED_BATCHES: usize = 64;

/// IPv4 or IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub enum AddressFamily {
    /// IPv4
    Ipv4,
    /// IPv6
    Ipv6,
}

/// How a virtual router reaches its peers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum VrrpSocketMode {
    /// To a group: 224.0.0.18 or `ff02::12` unless configured otherwise. The group's family is the socket's.
    Multicast {
        /// The group to join and listen to.
        group: IpAddr,
    },
    /// To each peer by its address. The socket is bound to no address, so it can be opened before the address exists.
    Unicast {
        /// The family of the peers.
        family: AddressFamily,
    },
}

/// What to open.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct VrrpSocketSettings {
    /// The interface to which the socket is bound; absent only for unicast peers that may be reached over any.
    pub interface_index: Option<u32>,
    /// Multicast with its group, or unicast.
    pub mode: VrrpSocketMode,
    /// Room in bytes for packets that were not read yet; absent: the system's default.
    pub receive_buffer_bytes: Option<usize>,
    /// Packets of the authentication header (protocol 51) in the place of plain ones (112), IPv4 only. They are sent with the
    /// IPv4 header that they bring along, because it is authenticated as well.
    pub authenticated: bool,
}

/// A packet with IP protocol 112 or 51 as it came in. Nothing behind the IP header has been looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivedPacket {
    /// Where it came in.
    pub interface_index: u32,
    /// The sender's address in the IP header.
    pub source: IpAddr,
    /// The group, or the address of ours it was sent to.
    pub destination: IpAddr,
    /// TTL or hop limit on arrival.
    pub ttl: u8,
    /// The VRRP packet, or the authentication header with it: what follows the IP header up to the IP length.
    pub payload: Vec<u8>,
    /// The IPv4 header, from a socket for authenticated packets.
    pub ip_header: Option<Vec<u8>>,
}

/// A raw socket for one interface, family and mode. It serves all virtual routers there: every packet with protocol
/// 112 that arrives there is delivered once, whatever its VRID, unicast packets to multicast sockets too (a peer with
/// the other mode is for the machine to notice). Own multicast packets do not come back.
#[derive(Debug)]
pub struct VrrpSocket {
    settings: VrrpSocketSettings,
    name: String,
    socket: Readiness<Socket>,
    malformed: AtomicU64,
}

/// One VRRP packet to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutgoingVrrpPacket<'a> {
    /// An address of this host.
    pub source: IpAddr,
    /// The group or a peer, same family.
    pub destination: IpAddr,
    /// TTL or hop limit, at least 1.
    pub ttl: u8,
    /// The VRRP packet, checksum included, without IP header; on a socket for authenticated packets the whole packet.
    pub packet: &'a [u8],
}

impl VrrpSocket {
    /// Opens, binds and, for multicast, joins the group. Must be called within a runtime; needs `CAP_NET_RAW`.
    pub fn open(settings: &VrrpSocketSettings) -> Result<Self, NetError> {
        let name = settings.to_string();
        let socket = open_socket(settings).map_err(NetError::system("open", name.clone()))?;
        let socket = Readiness::new(socket, name.clone())?;
        let opened = Self {
            settings: settings.clone(),
            name,
            socket,
            malformed: AtomicU64::new(0),
        };
        opened.drain()?;
        Ok(opened)
    }

    /// What was opened.
    pub fn settings(&self) -> &VrrpSocketSettings {
        &self.settings
    }

    /// Sends one VRRP packet (without IP header, checksum included) from `source`, an address of this host, with this
    /// TTL or hop limit. Never waits.
    pub fn send(&self, source: IpAddr, destination: IpAddr, ttl: u8, packet: &[u8]) -> Result<(), NetError> {
        self.send_many(&[OutgoingVrrpPacket {
            source,
            destination,
            ttl,
            packet,
        }])
        .pop()
        .unwrap_or(Ok(()))
    }

    /// Sends all packets in one system call, never waiting; one result for each, in the same order.
    pub fn send_many(&self, packets: &[OutgoingVrrpPacket<'_>]) -> Vec<Result<(), NetError>> {
        let family = self.settings.mode.family();
        let fits = |packet: &OutgoingVrrpPacket<'_>| {
            AddressFamily::of(packet.source) == family && AddressFamily::of(packet.destination) == family
        };
        let interface_index = self.settings.interface_index.unwrap_or(0);
        let outgoing: Vec<_> = packets
            .iter()
            .filter(|packet| fits(packet))
            .map(|packet| OutgoingPacket {
                destination: destination(packet.destination, interface_index).into(),
                data: packet.packet,
                control: control::sending_from(packet.source, interface_index, packet.ttl),
            })
            .collect();
        let mut sent = send_batch(self.socket.get().as_raw_fd(), &outgoing).into_iter();
        packets
            .iter()
            .map(|packet| {
                let object = || format!("from {} to {} on the {}", packet.source, packet.destination, self.name);
                let unfit = || NetError::Unfit {
                    operation: "send",
                    object: object(),
                    detail: "address of another family",
                };
                match fits(packet).then(|| sent.next()).flatten() {
                    Some(result) => result.map_err(|source| NetError::System {
                        operation: "send",
                        object: object(),
                        source,
                    }),
                    None => Err(unfit()),
                }
            })
            .collect()
    }

    /// Waits for packets and takes those that are there, oldest first, 32 at most. Empty if none of those was for this
    /// socket or sound. Cancel safe.
    pub async fn receive(&self) -> Result<Vec<ReceivedPacket>, NetError> {
        let packets = self.socket.take(|socket| self.take_batch(socket)).await;
        packets.map_err(NetError::system("receive on", self.name.clone()))
    }

    /// As [`receive`](Self::receive), for one task that waits for several sockets (`std::future::poll_fn`): poll all of
    /// them each time. Only the task that polled last is woken.
    pub fn poll_receive(&self, context: &mut Context<'_>) -> Poll<Result<Vec<ReceivedPacket>, NetError>> {
        let packets = ready!(self.socket.poll_take(context, |socket| self.take_batch(socket)));
        Poll::Ready(packets.map_err(NetError::system("receive on", self.name.clone())))
    }

    /// Packets that are there already, 32 at most, without waiting; may be empty. For the rule "drain the socket
    /// before a due timer".
    pub fn receive_now(&self) -> Result<Vec<ReceivedPacket>, NetError> {
        match self.take_batch(self.socket.get()) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Vec::new()),
            Ok(Taken::All(packets) | Taken::Some(packets)) => Ok(packets),
            Err(error) => Err(NetError::system("receive on", self.name.clone())(error)),
        }
    }

    /// How many packets had no sound IP header or were longer than any VRRP packet, and were dropped.
    pub fn malformed_count(&self) -> u64 {
        self.malformed.load(Ordering::Relaxed)
    }

    /// Between its creation and its binding the socket heard every interface. What it heard is thrown away; that took
    /// microseconds, so there are few.
    fn drain(&self) -> Result<(), NetError> {
        for _ in 0..DRAINED_BATCHES {
            match receive_batch(self.socket.get().as_raw_fd(), |_| {}) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(NetError::system("open", self.name.clone())(error)),
            }
        }
        Ok(())
    }

    fn take_batch(&self, socket: &Socket) -> io::Result<Taken<Vec<ReceivedPacket>>> {
        let mut packets = Vec::new();
        let count = receive_batch(socket.as_raw_fd(), |raw| match read_packet(&self.settings, &raw) {
            Some(packet) if self.settings.mode.is_for(packet.destination) => packets.push(packet),
            Some(_) => {}
            None => {
                self.malformed.fetch_add(1, Ordering::Relaxed);
            }
        })?;
        Ok(if count < BATCH {
            Taken::All(packets)
        } else {
            Taken::Some(packets)
        })
    }
}

impl AddressFamily {
    /// The family of an address.
    pub const fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::Ipv4,
            IpAddr::V6(_) => Self::Ipv6,
        }
    }
}

impl VrrpSocketMode {
    /// The family of the group or the peers.
    pub const fn family(&self) -> AddressFamily {
        match self {
            Self::Multicast { group } => AddressFamily::of(*group),
            Self::Unicast { family } => *family,
        }
    }

    /// Whether a packet to this destination is for sockets of this mode: not if it went to a group they have not
    /// joined.
    fn is_for(&self, destination: IpAddr) -> bool {
        match self {
            Self::Multicast { group } => !destination.is_multicast() || destination == *group,
            Self::Unicast { .. } => !destination.is_multicast(),
        }
    }
}

/// As in `VRRP socket for 224.0.0.18 on interface 3`.
impl fmt::Display for VrrpSocketSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.authenticated {
            write!(f, "authenticated ")?;
        }
        match self.mode {
            VrrpSocketMode::Multicast { group } => write!(f, "VRRP socket for {group}")?,
            VrrpSocketMode::Unicast {
                family: AddressFamily::Ipv4,
            } => write!(f, "VRRP socket for IPv4 unicast")?,
            VrrpSocketMode::Unicast {
                family: AddressFamily::Ipv6,
            } => write!(f, "VRRP socket for IPv6 unicast")?,
        }
        match self.interface_index {
            Some(index) => write!(f, " on interface {index}"),
            None => write!(f, " on any interface"),
        }
    }
}

fn open_socket(settings: &VrrpSocketSettings) -> io::Result<Socket> {
    let domain = match settings.mode.family() {
        AddressFamily::Ipv4 => Domain::IPV4,
        AddressFamily::Ipv6 => Domain::IPV6,
    };
    let kind = Type::RAW.nonblocking().cloexec();
    let socket = Socket::new(domain, kind, Some(Protocol::from(i32::from(protocol(settings)))))?;
    if let Some(index) = settings.interface_index {
        bind_to_interface(socket.as_raw_fd(), index)?;
    }
    if let Some(bytes) = settings.receive_buffer_bytes {
        set_receive_buffer(socket.as_raw_fd(), bytes)?;
    }
    match settings.mode.family() {
        AddressFamily::Ipv4 => set_up_ipv4(&socket)?,
        AddressFamily::Ipv6 => set_up_ipv6(&socket)?,
    }
    if settings.authenticated {
        socket.set_header_included_v4(true)?;
    }
    if let VrrpSocketMode::Multicast { group } = settings.mode {
        // Without an interface the kernel would choose one by its routes.
        let index = settings
            .interface_index
            .ok_or_else(|| io::Error::from_raw_os_error(libc::ENODEV))?;
        join(&socket, group, index)?;
    }
    // Last, because setting the type of service changes it.
    socket.set_priority(PRIORITY)?;
    Ok(socket)
}

const fn protocol(settings: &VrrpSocketSettings) -> u8 {
    if settings.authenticated {
        IPPROTO_AH
    } else {
        IPPROTO_VRRP
    }
}

fn set_up_ipv4(socket: &Socket) -> io::Result<()> {
    // Otherwise the socket would hear every group that anybody on this host has joined. The option of the same name for
    // IPv6 has no effect on a raw socket without a local address; `is_for` does its work there.
    socket.set_multicast_all_v4(false)?;
    socket.set_multicast_loop_v4(false)?;
    socket.set_multicast_ttl_v4(TTL)?;
    socket.set_ttl_v4(TTL)?;
    socket.set_tos_v4(TYPE_OF_SERVICE)?;
    // As keepalived: without "don't fragment", so that a narrow path to a unicast peer does not silence us.
    set_number(
        socket.as_raw_fd(),
        IPPROTO_IP,
        libc::IP_MTU_DISCOVER,
        libc::IP_PMTUDISC_DONT,
    )?;
    set_number(socket.as_raw_fd(), IPPROTO_IP, libc::IP_PKTINFO, 1)
}

fn set_up_ipv6(socket: &Socket) -> io::Result<()> {
    socket.set_multicast_loop_v6(false)?;
    socket.set_multicast_hops_v6(TTL)?;
    socket.set_unicast_hops_v6(TTL)?;
    let traffic_class = i32::try_from(TYPE_OF_SERVICE).unwrap_or(0);
    set_number(socket.as_raw_fd(), IPPROTO_IPV6, libc::IPV6_TCLASS, traffic_class)?;
    set_number(socket.as_raw_fd(), IPPROTO_IPV6, libc::IPV6_RECVHOPLIMIT, 1)?;
    set_number(socket.as_raw_fd(), IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, 1)
}

fn join(socket: &Socket, group: IpAddr, interface_index: u32) -> io::Result<()> {
    match group {
        IpAddr::V4(group) => {
            send_ipv4_multicast_through(socket.as_raw_fd(), interface_index)?;
            socket.join_multicast_v4_n(&group, &InterfaceIndexOrAddress::Index(interface_index))
        }
        IpAddr::V6(group) => {
            socket.set_multicast_if_v6(interface_index)?;
            socket.join_multicast_v6(&group, interface_index)
        }
    }
}

fn destination(address: IpAddr, interface_index: u32) -> SocketAddr {
    match address {
        IpAddr::V4(address) => SocketAddrV4::new(address, 0).into(),
        // Link-local addresses mean something only together with their interface; for others it is ignored.
        IpAddr::V6(address) => SocketAddrV6::new(address, 0, 0, interface_index).into(),
    }
}

/// What the kernel handed over as a packet; nothing if lengths or control messages are not as they must be.
fn read_packet(settings: &VrrpSocketSettings, raw: &RawPacket<'_>) -> Option<ReceivedPacket> {
    if raw.truncated {
        return None;
    }
    let info = PacketInfo::read(raw.control);
    let interface_index = info.interface_index?;
    match settings.mode.family() {
        AddressFamily::Ipv4 => {
            let Ipv4Packet {
                source,
                destination,
                ttl,
                header,
                payload,
            } = Ipv4Packet::read(raw.data, protocol(settings))?;
            let payload = payload.to_vec();
            Some(ReceivedPacket {
                ip_header: settings.authenticated.then(|| header.to_vec()),
                interface_index,
                source: source.into(),
                destination: destination.into(),
                ttl,
                payload,
            })
        }
        AddressFamily::Ipv6 => Some(ReceivedPacket {
            interface_index,
            source: raw.sender?.ip(),
            destination: info.destination?.into(),
            ttl: info.hop_limit?,
            payload: raw.data.to_vec(),
            ip_header: None,
        }),
    }
}

/// An IPv4 packet as a raw socket delivers it, header first (RFC 791 section 3.1). The kernel has verified the
/// header's checksum.
#[derive(Debug, PartialEq, Eq)]
struct Ipv4Packet<'a> {
    source: Ipv4Addr,
    destination: Ipv4Addr,
    ttl: u8,
    /// With its options.
    header: &'a [u8],
    payload: &'a [u8],
}

impl<'a> Ipv4Packet<'a> {
    fn read(bytes: &'a [u8], expected_protocol: u8) -> Option<Self> {
        let (header, _) = bytes.split_first_chunk::<20>()?;
        let [
            version_and_length,
            _,
            total_high,
            total_low,
            _,
            _,
            _,
            _,
            ttl,
            protocol,
            _,
            _,
            addresses @ ..,
        ] = header;
        let header_bytes = usize::from(version_and_length & 0x0f).checked_mul(4)?;
        let total_bytes = usize::from(u16::from_be_bytes([*total_high, *total_low]));
        if version_and_length >> 4 != 4 || header_bytes < header.len() || *protocol != expected_protocol {
            return None;
        }
        let (source, destination) = addresses.split_first_chunk::<4>()?;
        Some(Self {
            source: Ipv4Addr::from(*source),
            destination: Ipv4Addr::from(*destination.first_chunk::<4>()?),
            ttl: *ttl,
            header: bytes.get(..header_bytes)?,
            // Behind the total length there may be the padding of a short Ethernet frame.
            payload: bytes.get(header_bytes..total_bytes)?,
        })
    }
}

#[cfg(test)]
mod tests;
