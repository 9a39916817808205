//! BFD packets to and from the wire (RFC 5881 section 4, RFC 5883 section 5).
#![deny(clippy::arithmetic_side_effects)]

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::os::fd::AsRawFd;
use std::task::{Context, Poll, ready};

use libc::{IPPROTO_IP, IPPROTO_IPV6};
use socket2::{Domain, Protocol, Socket, Type};

use crate::AddressFamily;
use crate::control::PacketInfo;
use crate::error::NetError;
use crate::message_batch::{RawPacket, receive_batch};
use crate::readiness::Readiness;
use crate::socket_options::set_number;

/// Internetwork control: a session must not go down because a link is full.
const TYPE_OF_SERVICE: u32 = 0xc0;

/// UDP source ports of sessions (RFC 5881 section 4).
const SOURCE_PORTS: RangeInclusive<u16> = 49152..=65535;

/// A UDP packet as it came in. Nothing of its payload has been looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivedDatagram {
    /// The sender's address and port.
    pub source: SocketAddr,
    /// The address of ours that it was sent to.
    pub destination: IpAddr,
    /// TTL or hop limit on arrival.
    pub ttl: u8,
    /// What follows the UDP header.
    pub payload: Vec<u8>,
}

/// Hears all BFD packets of one family that are sent to one port.
#[derive(Debug)]
pub struct BfdListener {
    name: String,
    socket: Readiness<Socket>,
}

impl BfdListener {
    /// Opens and binds. Must be called within a runtime; needs no rights.
    pub fn open(family: AddressFamily, port: u16) -> Result<Self, NetError> {
        let name = format!("BFD port {port} for {}", family_name(family));
        let socket = listening(family, port).map_err(NetError::system("open", name.clone()))?;
        let socket = Readiness::new(socket, name.clone())?;
        Ok(Self { name, socket })
    }

    /// Takes packets that are there, oldest first, 32 at most, or has the task woken when there are some. For one task that
    /// waits for several listeners: poll all of them each time. May be empty.
    pub fn poll_receive(&self, context: &mut Context<'_>) -> Poll<Result<Vec<ReceivedDatagram>, NetError>> {
        let packets = ready!(self.socket.poll_read(context, take_batch));
        Poll::Ready(packets.map_err(NetError::system("receive on", self.name.clone())))
    }

    /// Packets that are there already, 32 at most, without waiting; may be empty. For the rule "drain the socket before a
    /// due timer".
    pub fn receive_now(&self) -> Result<Vec<ReceivedDatagram>, NetError> {
        match take_batch(self.socket.get()) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Vec::new()),
            result => result.map_err(NetError::system("receive on", self.name.clone())),
        }
    }
}

/// Sends the packets of one session, always from the same port.
#[derive(Debug)]
pub struct BfdSender {
    socket: Socket,
    source: Option<IpAddr>,
    port: u16,
    ttl: Option<u8>,
}

impl BfdSender {
    /// Opens and binds to the first free source port from `preferred_port` on, round the range of RFC 5881.
    ///
    /// Fails when `source` is no address of this host, or no port is free.
    pub fn open(family: AddressFamily, source: Option<IpAddr>, preferred_port: u16) -> Result<Self, NetError> {
        let from = source.unwrap_or(unspecified(family));
        let object = || format!("BFD socket from {from}");
        let socket = udp_socket(family).map_err(NetError::system("open", object()))?;
        let (first, last) = (*SOURCE_PORTS.start(), *SOURCE_PORTS.end());
        let preferred = preferred_port.clamp(first, last);
        for port in (preferred..=last).chain(first..preferred) {
            match socket.bind(&SocketAddr::new(from, port).into()) {
                Ok(()) => {
                    return Ok(Self {
                        socket,
                        source,
                        port,
                        ttl: None,
                    });
                }
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
                Err(error) => return Err(NetError::system("open", object())(error)),
            }
        }
        Err(NetError::system("open", object())(io::Error::from_raw_os_error(
            libc::EADDRINUSE,
        )))
    }

    /// The address that packets leave from; `None`: the kernel chooses.
    pub fn source(&self) -> Option<IpAddr> {
        self.source
    }

    /// The port that packets leave from.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Sends one packet with this TTL or hop limit. Never waits.
    pub fn send(&mut self, destination: SocketAddr, ttl: u8, payload: &[u8]) -> Result<(), NetError> {
        self.try_send(destination, ttl, payload)
            .map_err(NetError::system("send", format!("BFD packet to {destination}")))
    }

    fn try_send(&mut self, destination: SocketAddr, ttl: u8, payload: &[u8]) -> io::Result<()> {
        if self.ttl != Some(ttl) {
            match destination {
                SocketAddr::V4(_) => self.socket.set_ttl_v4(u32::from(ttl))?,
                SocketAddr::V6(_) => self.socket.set_unicast_hops_v6(u32::from(ttl))?,
            }
            self.ttl = Some(ttl);
        }
        self.socket.send_to(payload, &destination.into()).map(drop)
    }
}

fn family_name(family: AddressFamily) -> &'static str {
    match family {
        AddressFamily::Ipv4 => "IPv4",
        AddressFamily::Ipv6 => "IPv6",
    }
}

fn unspecified(family: AddressFamily) -> IpAddr {
    match family {
        AddressFamily::Ipv4 => Ipv4Addr::UNSPECIFIED.into(),
        AddressFamily::Ipv6 => Ipv6Addr::UNSPECIFIED.into(),
    }
}

fn udp_socket(family: AddressFamily) -> io::Result<Socket> {
    let domain = match family {
        AddressFamily::Ipv4 => Domain::IPV4,
        AddressFamily::Ipv6 => Domain::IPV6,
    };
    let socket = Socket::new(domain, Type::DGRAM.nonblocking().cloexec(), Some(Protocol::UDP))?;
    match family {
        AddressFamily::Ipv4 => socket.set_tos_v4(TYPE_OF_SERVICE)?,
        AddressFamily::Ipv6 => {
            socket.set_only_v6(true)?;
            let traffic_class = i32::try_from(TYPE_OF_SERVICE).unwrap_or(0);
            set_number(socket.as_raw_fd(), IPPROTO_IPV6, libc::IPV6_TCLASS, traffic_class)?;
        }
    }
    Ok(socket)
}

fn listening(family: AddressFamily, port: u16) -> io::Result<Socket> {
    let socket = udp_socket(family)?;
    let options = match family {
        AddressFamily::Ipv4 => [(IPPROTO_IP, libc::IP_PKTINFO), (IPPROTO_IP, libc::IP_RECVTTL)],
        AddressFamily::Ipv6 => [
            (IPPROTO_IPV6, libc::IPV6_RECVPKTINFO),
            (IPPROTO_IPV6, libc::IPV6_RECVHOPLIMIT),
        ],
    };
    // Before it is bound: no packet may come in without its TTL.
    for (level, option) in options {
        set_number(socket.as_raw_fd(), level, option, 1)?;
    }
    socket.bind(&SocketAddr::new(unspecified(family), port).into())?;
    Ok(socket)
}

fn take_batch(socket: &Socket) -> io::Result<Vec<ReceivedDatagram>> {
    let mut packets = Vec::new();
    receive_batch(socket.as_raw_fd(), |raw| packets.extend(read_packet(&raw)))?;
    Ok(packets)
}

/// What the kernel handed over as a packet; nothing if it was longer than any BFD packet or says too little about itself.
fn read_packet(raw: &RawPacket<'_>) -> Option<ReceivedDatagram> {
    if raw.truncated {
        return None;
    }
    let info = PacketInfo::read(raw.control);
    let destination = info
        .destination_v4
        .map(IpAddr::from)
        .or(info.destination.map(IpAddr::from));
    Some(ReceivedDatagram {
        source: raw.sender?,
        destination: destination?,
        ttl: info.hop_limit?,
        payload: raw.data.to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::future::poll_fn;
    use std::time::Duration;

    async fn arrives(listener: &BfdListener) -> Vec<ReceivedDatagram> {
        let arrival = poll_fn(|context| listener.poll_receive(context));
        tokio::time::timeout(Duration::from_secs(10), arrival)
            .await
            .unwrap()
            .unwrap()
    }

    /// The port of BFD may be taken on the machine that runs this; any other does as well.
    async fn exchange(family: AddressFamily, local: &str) {
        let local: IpAddr = local.parse().unwrap();
        let taken = BfdSender::open(family, Some(local), 50_000).unwrap();
        let listener =
            (40_000..41_000).find_map(|port| BfdListener::open(family, port).ok().map(|listener| (listener, port)));
        let (listener, port) = listener.unwrap();
        let mut sender = BfdSender::open(family, Some(local), taken.port()).unwrap();
        assert_ne!(sender.port(), taken.port(), "each session has a port of its own");
        for ttl in [255, 254] {
            sender.send(SocketAddr::new(local, port), ttl, &[1, 2, 3]).unwrap();
            let expected = ReceivedDatagram {
                source: SocketAddr::new(local, sender.port()),
                destination: local,
                ttl,
                payload: vec![1, 2, 3],
            };
            assert_eq!(arrives(&listener).await, [expected]);
        }
        assert_eq!(listener.receive_now().unwrap(), []);
    }

    #[tokio::test]
    async fn a_packet_arrives_with_its_addresses_port_and_ttl() {
        exchange(AddressFamily::Ipv4, "127.0.0.1").await;
    }

    #[tokio::test]
    async fn over_ipv6_too() {
        exchange(AddressFamily::Ipv6, "::1").await;
    }

    #[test]
    fn the_search_for_a_port_goes_round_the_range() {
        let local = Some(IpAddr::from(Ipv4Addr::LOCALHOST));
        let last = BfdSender::open(AddressFamily::Ipv4, local, 65535).unwrap();
        let next = BfdSender::open(AddressFamily::Ipv4, local, 65535).unwrap();
        assert!(SOURCE_PORTS.contains(&last.port()) && SOURCE_PORTS.contains(&next.port()));
        assert_ne!(last.port(), next.port());
    }

    #[test]
    fn an_address_of_somebody_else_is_an_error() {
        let stranger: IpAddr = "192.0.2.77".parse().unwrap();
        let error = BfdSender::open(AddressFamily::Ipv4, Some(stranger), 50_000).unwrap_err();
        assert!(error.to_string().contains("192.0.2.77"), "{error}");
    }
}
