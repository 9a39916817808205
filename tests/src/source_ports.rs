//! Source ports of a node's clients, in sequence.
//!
//! The kernel chooses ports at random places and soon takes one again, whereas IPVS remembers each connection for a
//! minute or two. A SYN from a port whose last connection went to a server that refused it goes to the same server once
//! more (with direct routing the director never sees the refusal, and the entry stays in `SYN_RECV`), although the server
//! is out of the table by now. Clients in the world come from many addresses and hardly ever meet that; one client with
//! 14,000 ports does.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicU16, Ordering};

use socket2::{Domain, Socket, Type};

/// Below what the kernel gives to those who do not ask for a port (`net.ipv4.ip_local_port_range`), so that both keep
/// out of each other's way.
const FIRST: u16 = 1024;
const COUNT: u16 = 32768 - FIRST;

/// The ports of one node: none comes again before all others have been used.
#[derive(Debug, Default)]
pub(crate) struct SourcePorts {
    used: AtomicU16,
}

impl SourcePorts {
    fn next(&self) -> u16 {
        let wrap = |used: u16| Some((used + 1) % COUNT);
        let used = self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, wrap);
        FIRST + used.unwrap_or_default()
    }

    /// A TCP socket for a connection to `target`, bound to the next port that is free, and that port. It belongs to the
    /// network of the calling thread.
    pub(crate) fn bound_socket(&self, target: SocketAddr) -> std::io::Result<(Socket, u16)> {
        let any: IpAddr = match target {
            SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let mut left = COUNT;
        loop {
            let socket = Socket::new(Domain::for_address(target), Type::STREAM, None)?;
            let port = self.next();
            left -= 1;
            match socket.bind(&SocketAddr::new(any, port).into()) {
                Ok(()) => return Ok((socket, port)),
                Err(error) if error.kind() == std::io::ErrorKind::AddrInUse && left > 0 => {}
                Err(error) => return Err(error),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_come_again_after_all_others() {
        let ports = SourcePorts::default();
        let all: std::collections::BTreeSet<_> = (0..COUNT).map(|_| ports.next()).collect();
        assert_eq!(all.len(), usize::from(COUNT));
        assert_eq!(
            (all.first(), all.last(), ports.next()),
            (Some(&1024), Some(&32767), 1024)
        );
    }
}
