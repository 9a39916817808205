//! A look at the sockets of another process, which `/proc` tells next to nothing of.

#![allow(unsafe_code)]

use std::fs;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

use anyhow::{Context, Result};
use nix::unistd::Pid;
use socket2::{Domain, Protocol, Socket, Type};

/// The receive buffers of the raw sockets that a process has for an IP protocol, in bytes as the kernel reckons: twice what was
/// asked for.
pub fn receive_buffers_of_raw(process: Pid, domain: Domain, protocol: u8) -> Result<Vec<usize>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(format!("/proc/{process}/fd")).with_context(|| format!("sockets of {process}"))? {
        let entry = entry?;
        let is_socket = fs::read_link(entry.path()).is_ok_and(|target| target.to_string_lossy().starts_with("socket:"));
        let Some(descriptor) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        if !is_socket {
            continue;
        }
        let socket = Socket::from(copy(process, descriptor)?);
        let is_wanted = socket.domain()? == domain
            && socket.r#type()? == Type::RAW
            && socket.protocol()? == Some(Protocol::from(i32::from(protocol)));
        if is_wanted {
            found.push(socket.recv_buffer_size()?);
        }
    }
    Ok(found)
}

/// A descriptor of ours for what a descriptor of another process stands for.
fn copy(process: Pid, descriptor: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: both calls take numbers only and return a new descriptor, which nobody else owns, or an error.
    unsafe {
        let process = owned(libc::syscall(libc::SYS_pidfd_open, process.as_raw(), 0))?;
        owned(libc::syscall(libc::SYS_pidfd_getfd, process.as_raw_fd(), descriptor, 0))
    }
}

/// # Safety
/// `result` must be a new descriptor, or negative.
unsafe fn owned(result: libc::c_long) -> io::Result<OwnedFd> {
    match RawFd::try_from(result) {
        // SAFETY: the caller vouches for it.
        Ok(descriptor) if descriptor >= 0 => Ok(unsafe { OwnedFd::from_raw_fd(descriptor) }),
        _ => Err(io::Error::last_os_error()),
    }
}
