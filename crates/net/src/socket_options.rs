//! Socket options that neither `socket2` nor `nix` has, and those of both with one error form.
#![allow(unsafe_code)]

use std::io;
use std::mem::size_of;
use std::net::Ipv4Addr;
use std::os::fd::RawFd;

use libc::c_int;

/// `setsockopt` with a plain value of C.
fn set<T: Copy>(descriptor: RawFd, level: c_int, name: c_int, value: &T) -> io::Result<()> {
    let length = libc::socklen_t::try_from(size_of::<T>()).unwrap_or(0);
    // SAFETY: the pointer and the length describe `value`, which the kernel only reads, during the call.
    let result = unsafe { libc::setsockopt(descriptor, level, name, std::ptr::from_ref(value).cast(), length) };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Any option that takes an `int`.
pub(crate) fn set_number(descriptor: RawFd, level: c_int, name: c_int, value: c_int) -> io::Result<()> {
    set(descriptor, level, name, &value)
}

/// Receives and sends through this interface only. By index, so that a rename in between can not mislead it.
pub(crate) fn bind_to_interface(descriptor: RawFd, index: u32) -> io::Result<()> {
    /// `asm-generic/socket.h`, Linux 5.1; not in the `libc` crate for every target.
    const SO_BINDTOIFINDEX: c_int = 62;
    set(descriptor, libc::SOL_SOCKET, SO_BINDTOIFINDEX, &index)
}

/// Sends IPv4 multicast through this interface.
pub(crate) fn send_ipv4_multicast_through(descriptor: RawFd, index: u32) -> io::Result<()> {
    let any = libc::in_addr {
        s_addr: u32::from(Ipv4Addr::UNSPECIFIED),
    };
    let interface = libc::ip_mreqn {
        imr_multiaddr: any,
        imr_address: any,
        imr_ifindex: c_int::try_from(index).map_err(|_| io::Error::from_raw_os_error(libc::ENODEV))?,
    };
    set(descriptor, libc::IPPROTO_IP, libc::IP_MULTICAST_IF, &interface)
}

/// Room for what was not read yet. The limit of the system (`rmem_max`) holds only for those who lack `CAP_NET_ADMIN`.
pub(crate) fn set_receive_buffer(descriptor: RawFd, bytes: usize) -> io::Result<()> {
    set_buffer(descriptor, libc::SO_RCVBUFFORCE, libc::SO_RCVBUF, bytes)
}

/// As [`set_receive_buffer`], within the limit of the system whoever asks.
pub(crate) fn set_limited_receive_buffer(descriptor: RawFd, bytes: usize) -> io::Result<()> {
    let bytes = c_int::try_from(bytes).unwrap_or(c_int::MAX);
    set_number(descriptor, libc::SOL_SOCKET, libc::SO_RCVBUF, bytes)
}

/// Room for what was not sent yet, as [`set_receive_buffer`].
pub(crate) fn set_send_buffer(descriptor: RawFd, bytes: usize) -> io::Result<()> {
    set_buffer(descriptor, libc::SO_SNDBUFFORCE, libc::SO_SNDBUF, bytes)
}

fn set_buffer(descriptor: RawFd, forced: c_int, limited: c_int, bytes: usize) -> io::Result<()> {
    let bytes = c_int::try_from(bytes).unwrap_or(c_int::MAX);
    set_number(descriptor, libc::SOL_SOCKET, forced, bytes)
        .or_else(|_| set_number(descriptor, libc::SOL_SOCKET, limited, bytes))
}

/// What the kernel made of the receive buffer's size, in its own reckoning (twice what was asked for).
pub(crate) fn receive_buffer(descriptor: RawFd) -> io::Result<usize> {
    let mut bytes: c_int = 0;
    let mut length = libc::socklen_t::try_from(size_of::<c_int>()).unwrap_or(0);
    // SAFETY: the kernel writes at most `length` bytes to `bytes`, and a length to `length`; both outlive the call.
    let result = unsafe {
        libc::getsockopt(
            descriptor,
            libc::SOL_SOCKET,
            libc::SO_RCVBUF,
            std::ptr::from_mut(&mut bytes).cast(),
            &raw mut length,
        )
    };
    if result == 0 {
        Ok(usize::try_from(bytes).unwrap_or(0))
    } else {
        Err(io::Error::last_os_error())
    }
}
