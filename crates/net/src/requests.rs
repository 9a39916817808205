//! Questions to the kernel and changes of its tables, answered one by one.

use crate::address::InterfaceAddress;
use crate::error::NetError;
use crate::link::Link;

/// What became of one change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Applied {
    /// The kernel made the change.
    Changed,
    /// There was nothing to change: the address to add was there, the one to remove was not.
    AlreadySo,
}

/// One change of a batch: done, or why not.
pub type Outcome = Result<Applied, NetError>;

/// The request socket.
#[derive(Debug)]
pub struct Requests {
    port: u32,
}

impl Requests {
    /// Opens the socket in the network namespace of the calling thread. Must be called within a runtime.
    pub fn open() -> Result<Self, NetError> {
        todo!()
    }

    /// The netlink port of this socket, by which [`NetworkEvent`](crate::NetworkEvent)s of our own making can be told from others.
    pub fn port(&self) -> u32 {
        self.port
    }

    /// All interfaces.
    pub async fn links(&mut self) -> Result<Vec<Link>, NetError> {
        todo!()
    }

    /// All addresses of both families on all interfaces.
    pub async fn addresses(&mut self) -> Result<Vec<InterfaceAddress>, NetError> {
        todo!()
    }

    /// Adds addresses in as few writes as possible; one outcome for each, in the same order. An address that is there
    /// already is left as it is.
    pub async fn add_addresses(&mut self, addresses: &[InterfaceAddress]) -> Vec<Outcome> {
        let _ = addresses;
        todo!()
    }

    /// Removes addresses in as few writes as possible; one outcome for each, in the same order. Addresses on an
    /// interface that no longer exists are gone as well and count as [`Applied::AlreadySo`].
    pub async fn remove_addresses(&mut self, addresses: &[InterfaceAddress]) -> Vec<Outcome> {
        let _ = addresses;
        todo!()
    }
}
