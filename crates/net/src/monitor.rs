//! What changes on links and addresses, as it happens.

use crate::address::InterfaceAddress;
use crate::error::NetError;
use crate::link::Link;

/// A change that the kernel told us of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NetworkEvent {
    /// An interface appeared, or anything about it changed; the same state may be reported repeatedly.
    LinkChanged(Link),
    /// An interface went away, and all of its addresses with it.
    LinkRemoved {
        /// Its number.
        index: u32,
        /// Its last name.
        name: String,
    },
    /// An address was added, or its flags or lifetimes changed (IPv6: also when it leaves the tentative state).
    AddressAdded {
        /// The address as it is now.
        address: InterfaceAddress,
        /// Netlink port of who asked for it, see [`Requests::port`](crate::Requests::port); 0: not known (always so for IPv6) or the kernel.
        changed_by: u32,
    },
    /// An address was removed.
    AddressRemoved {
        /// The address as it was.
        address: InterfaceAddress,
        /// Netlink port of who asked for it; 0: not known (always so for IPv6) or the kernel.
        changed_by: u32,
    },
    /// The kernel had more events than the buffer holds and dropped some: dump links and addresses and compare.
    Lost,
}

/// The event socket: links and addresses of both families in the network namespace in which it was opened.
#[derive(Debug)]
pub struct Monitor {
    lost: u64,
}

impl Monitor {
    /// Opens the socket. What happens after this returns will be reported: open first, dump afterwards.
    /// Must be called within a runtime.
    pub fn open() -> Result<Self, NetError> {
        todo!()
    }

    /// Waits until something happens and returns it, oldest first, never empty. Bounded work per call. Cancel safe.
    pub async fn next(&mut self) -> Result<Vec<NetworkEvent>, NetError> {
        todo!()
    }

    /// How many times events were lost so far.
    pub fn lost_count(&self) -> u64 {
        self.lost
    }
}
