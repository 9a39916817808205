//! Sockets, with all that the configuration says of them.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use holdfast_health::probe::{Connection, Failure, NotTried, Phase, Verdict};
use libc::{ECONNABORTED, ECONNREFUSED, ECONNRESET, EHOSTDOWN, EHOSTUNREACH, ENETDOWN, ENETUNREACH, EPIPE, ETIMEDOUT};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use tokio::net::TcpStream;

use crate::progress::Progress;

/// Opens a TCP connection.
///
/// What goes wrong on this host (no socket, an address that is not ours) says nothing about the server and is
/// [`Verdict::NotTried`]. What the network or the server answers is a failure.
pub(crate) async fn connect(connection: &Connection, progress: &mut Progress) -> Result<TcpStream, Verdict> {
    let socket = socket(connection, Type::STREAM, Protocol::TCP)?;
    let stream =
        TcpStream::from_std(socket.into()).map_err(|error| not_tried(NotTried::Socket { errno: errno(&error) }))?;
    // The socket becomes writable when the handshake is over, whichever way it ended.
    progress
        .within(Phase::Connecting, connection.timeout, stream.writable())
        .await?
        .and_then(|()| stream.take_error())
        .and_then(|error| error.map_or(Ok(()), Err))
        .map_err(|error| broken(&error, Phase::Connecting))?;
    Ok(stream)
}

/// A socket that is bound as the configuration says, and connected or (TCP) on its way to be.
pub(crate) fn socket(connection: &Connection, kind: Type, protocol: Protocol) -> Result<Socket, Verdict> {
    let socket = open(connection.address, kind, protocol)
        .map_err(|error| not_tried(NotTried::Socket { errno: errno(&error) }))?;
    bind(&socket, connection).map_err(|error| not_tried(NotTried::Bind { errno: errno(&error) }))?;
    let target = SockAddr::from(SocketAddr::new(connection.address, connection.port));
    match socket.connect(&target) {
        Ok(()) => Ok(socket),
        Err(error) if error.raw_os_error() == Some(libc::EINPROGRESS) => Ok(socket),
        Err(error) => Err(refused_at_once(&error)),
    }
}

fn open(address: IpAddr, kind: Type, protocol: Protocol) -> io::Result<Socket> {
    let domain = Domain::for_address(SocketAddr::new(address, 0));
    Socket::new(domain, kind.nonblocking(), Some(protocol))
}

fn bind(socket: &Socket, connection: &Connection) -> io::Result<()> {
    if connection.mark != 0 {
        socket.set_mark(connection.mark)?;
    }
    if let Some(interface) = &connection.bind_interface {
        socket.bind_device(Some(interface.as_bytes()))?;
    }
    let any = match connection.address {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    if connection.bind_address.is_some() || connection.bind_port != 0 {
        // A fixed source port is still in TIME_WAIT from the last check.
        socket.set_reuse_address(connection.bind_port != 0)?;
        let source = SocketAddr::new(connection.bind_address.unwrap_or(any), connection.bind_port);
        socket.bind(&SockAddr::from(source))?;
    }
    Ok(())
}

/// An error that `connect` gave without waiting: only some of these come from the network.
fn refused_at_once(error: &io::Error) -> Verdict {
    match errno(error) {
        ENETDOWN | ENETUNREACH | ECONNABORTED | ECONNRESET | ETIMEDOUT | ECONNREFUSED | EHOSTDOWN | EHOSTUNREACH => {
            broken(error, Phase::Connecting)
        }
        errno => not_tried(NotTried::Socket { errno }),
    }
}

/// An error of a connection that is being opened or is open.
pub(crate) fn broken(error: &io::Error, phase: Phase) -> Verdict {
    Verdict::Failure(match errno(error) {
        ECONNREFUSED => Failure::Refused,
        ECONNRESET | ECONNABORTED | EPIPE => Failure::Reset(phase),
        ETIMEDOUT => Failure::Timeout(phase),
        ENETDOWN | ENETUNREACH | EHOSTDOWN | EHOSTUNREACH => Failure::Unreachable,
        errno => Failure::Connection { phase, errno },
    })
}

const fn not_tried(reason: NotTried) -> Verdict {
    Verdict::NotTried(reason)
}

fn errno(error: &io::Error) -> i32 {
    error.raw_os_error().unwrap_or(0)
}
