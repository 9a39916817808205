//! Questions and answers of one packet.

use std::future::Future;
use std::io::{self, Read};
use std::net::IpAddr;

use holdfast_health::probe::{Connection, NotTried, Phase, Verdict};
use nix::sys::socket::{setsockopt, sockopt};
use socket2::{Protocol, SockRef, Socket, Type};
use tokio::io::Interest;
use tokio::net::UdpSocket;

use crate::connect::{broken, socket};
use crate::progress::Progress;

/// A socket that is connected to its server: packets of others do not come in.
#[derive(Debug)]
pub(crate) struct Datagrams(UdpSocket);

impl Datagrams {
    /// UDP. ICMP errors of every kind come in, too: unreachable hosts as well as ports.
    pub(crate) fn udp(connection: &Connection) -> Result<Self, Verdict> {
        let socket = socket(connection, Type::DGRAM, Protocol::UDP)?;
        match connection.address {
            IpAddr::V4(_) => setsockopt(&socket, sockopt::Ipv4RecvErr, &true),
            IpAddr::V6(_) => setsockopt(&socket, sockopt::Ipv6RecvErr, &true),
        }
        .map_err(|error| Verdict::NotTried(NotTried::Socket { errno: error as i32 }))?;
        Self::new(socket)
    }

    /// ICMP of the address's family, raw.
    pub(crate) fn icmp(connection: &Connection) -> Result<Self, Verdict> {
        let protocol = match connection.address {
            IpAddr::V4(_) => Protocol::ICMPV4,
            IpAddr::V6(_) => Protocol::ICMPV6,
        };
        // ICMP has no ports: a raw socket would take one for a protocol.
        let connection = Connection {
            port: 0,
            bind_port: 0,
            ..connection.clone()
        };
        Self::new(socket(&connection, Type::RAW, protocol)?)
    }

    fn new(socket: Socket) -> Result<Self, Verdict> {
        // Tokio has no other type for packets; that of the socket makes no difference to it.
        UdpSocket::from_std(socket.into()).map(Self).map_err(|error| {
            Verdict::NotTried(NotTried::Socket {
                errno: error.raw_os_error().unwrap_or(0),
            })
        })
    }

    /// Sends one packet.
    pub(crate) async fn send(
        &self,
        packet: &[u8],
        connection: &Connection,
        progress: &mut Progress,
    ) -> Result<(), Verdict> {
        let sending = self.0.send(packet);
        let sent = progress.within(Phase::Sending, connection.timeout, sending).await?;
        sent.map(drop).map_err(|error| broken(&error, Phase::Sending))
    }

    /// The next packet, cut to the buffer's length; or the error that the network reports.
    async fn receive(&self, buffer: &mut [u8]) -> io::Result<usize> {
        // A socket with nothing but an error is not readable.
        let interest = Interest::READABLE | Interest::ERROR;
        let receive = || (&*SockRef::from(&self.0)).read(buffer);
        self.0.async_io(interest, receive).await
    }

    /// The next packet that `judge` takes for an answer, with what it says of it. `buffer` is as long as is worth looking at.
    pub(crate) async fn answer<T>(
        &self,
        mut buffer: Vec<u8>,
        mut judge: impl FnMut(&[u8]) -> Option<T>,
    ) -> Result<T, Verdict> {
        loop {
            let length = self
                .receive(&mut buffer)
                .await
                .map_err(|error| broken(&error, Phase::Reading))?;
            if let Some(judgement) = buffer.get(..length).and_then(&mut judge) {
                return Ok(judgement);
            }
        }
    }
}

/// Waits for an answer in one time limit, however many packets that are none come in between.
pub(crate) async fn wait<T>(
    answer: impl Future<Output = Result<T, Verdict>>,
    connection: &Connection,
    progress: &mut Progress,
) -> Result<T, Verdict> {
    progress.within(Phase::Reading, connection.timeout, answer).await?
}
