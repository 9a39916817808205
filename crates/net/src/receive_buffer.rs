//! How much the kernel keeps for a socket that has not read it yet.

use std::io;
use std::os::fd::RawFd;

use crate::socket_options;

/// Room for what was not read yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReceiveBuffer {
    /// In bytes, as `SO_RCVBUF` takes it; the kernel doubles it for its own needs.
    pub bytes: usize,
    /// Beyond the limit of the system (`net.core.rmem_max`). Needs `CAP_NET_ADMIN`; without it the limit holds.
    pub force: bool,
}

impl ReceiveBuffer {
    /// Gives a socket this room; how much it got, in the same reckoning.
    pub(crate) fn apply(self, descriptor: RawFd) -> io::Result<usize> {
        if self.force {
            socket_options::set_receive_buffer(descriptor, self.bytes)?;
        } else {
            socket_options::set_limited_receive_buffer(descriptor, self.bytes)?;
        }
        Ok(socket_options::receive_buffer(descriptor)? / 2)
    }
}
