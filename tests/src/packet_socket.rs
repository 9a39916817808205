//! Opening a packet socket: the one system call that no library here makes.

#![allow(unsafe_code)]

use std::io;
use std::os::fd::AsRawFd;
use std::time::Duration;

use nix::sys::socket::{setsockopt, sockopt};
use socket2::{Domain, SockFilter, Socket, Type};

/// An instruction of a classic BPF program: code, jump if true, jump if false, operand.
pub(crate) type Instruction = (u32, u8, u8, u32);

const RECEIVE_BUFFER_BYTES: usize = 32 << 20;

/// A socket in the calling thread's network that sees everything that `filter` lets pass, in and out, on one
/// interface (or on all, when it is 0). `kind` says whether link headers come along (`RAW`) or not (`DGRAM`).
pub(crate) fn open(kind: Type, interface: u32, filter: &[Instruction], read_limit: Duration) -> io::Result<Socket> {
    // With protocol 0 it hears nothing until the filter is there.
    let socket = Socket::new(Domain::PACKET, kind, None)?;
    let instruction = |&(code, jt, jf, k): &Instruction| SockFilter::new(u16::try_from(code).unwrap_or(0), jt, jf, k);
    socket.attach_filter(&filter.iter().map(instruction).collect::<Vec<_>>())?;
    socket.set_read_timeout(Some(read_limit))?;
    // Not bounded by the system's limit: whoever watches thousands of packets a second may have to wait for a processor.
    setsockopt(&socket, sockopt::RcvBufForce, &RECEIVE_BUFFER_BYTES)?;
    // SAFETY: all bytes zero is a valid `sockaddr_ll`.
    let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
    address.sll_family = u16::try_from(libc::AF_PACKET).unwrap_or(0);
    address.sll_protocol = u16::try_from(libc::ETH_P_ALL).unwrap_or(0).to_be();
    address.sll_ifindex = interface.cast_signed();
    let length = libc::socklen_t::try_from(size_of::<libc::sockaddr_ll>()).unwrap_or(0);
    // SAFETY: the pointer and the length describe `address`, which outlives the call.
    match unsafe { libc::bind(socket.as_raw_fd(), (&raw const address).cast(), length) } {
        0 => Ok(socket),
        _ => Err(io::Error::last_os_error()),
    }
}
