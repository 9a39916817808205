//! The generic netlink socket. The only place of this crate that talks to the system.

#![allow(unsafe_code)]

use std::fmt::Debug;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

use nix::sys::socket::sockopt::RcvBufForce;
use nix::sys::socket::{MsgFlags, recv, setsockopt};
use socket2::{Domain, Protocol, Socket, Type};

/// Room for the acknowledgements of a whole batch: the kernel counts each as about 1 KiB.
const RECEIVE_BUFFER_BYTES: usize = 1 << 20;
/// The kernel's parts of a dump are 32 KiB at most.
const DATAGRAM_BYTES: usize = 64 << 10;

/// Sends datagrams of netlink messages and receives them; a test can stand in for the kernel.
pub(super) trait Channel: Debug + Send {
    /// Hands over one datagram. The kernel works through it before this returns.
    fn send(&mut self, datagram: &[u8]) -> io::Result<()>;

    /// The next datagram of the answer; [`io::ErrorKind::WouldBlock`] when none comes in time, `ENOBUFS` when the kernel had
    /// to drop some.
    fn receive(&mut self) -> io::Result<&[u8]>;
}

/// A socket of `NETLINK_GENERIC` in the network namespace of the thread that opened it.
#[derive(Debug)]
pub(super) struct GenericNetlink {
    socket: Socket,
    buffer: Vec<u8>,
}

impl GenericNetlink {
    /// A socket that waits at most `limit` for anything.
    pub(super) fn open(limit: Duration) -> io::Result<Self> {
        let socket = Socket::new(
            Domain::from(libc::AF_NETLINK),
            Type::RAW,
            Some(Protocol::from(libc::NETLINK_GENERIC)),
        )?;
        socket.set_read_timeout(Some(limit))?;
        socket.set_write_timeout(Some(limit))?;
        // Forcing it needs CAP_NET_ADMIN, as does every change of the table.
        if setsockopt(&socket, RcvBufForce, &RECEIVE_BUFFER_BYTES).is_err() {
            socket.set_recv_buffer_size(RECEIVE_BUFFER_BYTES)?;
        }
        set_netlink_option(&socket, libc::NETLINK_EXT_ACK)?;
        set_netlink_option(&socket, libc::NETLINK_CAP_ACK)?;
        set_netlink_option(&socket, libc::NETLINK_GET_STRICT_CHK)?;
        Ok(Self {
            socket,
            buffer: vec![0; DATAGRAM_BYTES],
        })
    }
}

impl Channel for GenericNetlink {
    fn send(&mut self, datagram: &[u8]) -> io::Result<()> {
        loop {
            match self.socket.send(datagram) {
                Ok(sent) if sent == datagram.len() => return Ok(()),
                Ok(_) => return Err(io::ErrorKind::WriteZero.into()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn receive(&mut self) -> io::Result<&[u8]> {
        loop {
            // MSG_TRUNC: the true length, so that a datagram that did not fit is noticed.
            match recv(self.socket.as_raw_fd(), &mut self.buffer, MsgFlags::MSG_TRUNC) {
                Ok(length) => {
                    let error =
                        || io::Error::new(io::ErrorKind::InvalidData, "netlink datagram longer than the buffer");
                    return self.buffer.get(..length).ok_or_else(error);
                }
                Err(nix::errno::Errno::EINTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
    }
}

/// Switches an option of `SOL_NETLINK` on.
fn set_netlink_option(socket: &Socket, option: libc::c_int) -> io::Result<()> {
    let on: libc::c_int = 1;
    let length = libc::socklen_t::try_from(size_of_val(&on)).map_err(io::Error::other)?;
    // SAFETY: the descriptor is open as long as `socket` is borrowed, and the pointer and length are those of a live `c_int`.
    let result = unsafe {
        libc::setsockopt(
            socket.as_fd().as_raw_fd(),
            libc::SOL_NETLINK,
            option,
            (&raw const on).cast(),
            length,
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}
