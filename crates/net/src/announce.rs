//! Telling the neighbours where an address now is.

use std::net::IpAddr;

use crate::error::NetError;
use crate::link::MacAddress;

/// Sends gratuitous ARP requests (RFC 5227 section 3) and unsolicited neighbour advertisements (RFC 4861 section 7.2.6).
#[derive(Debug)]
pub struct Announcer {}

impl Announcer {
    /// Opens the packet socket; it serves all interfaces and receives nothing. Needs `CAP_NET_RAW`.
    pub fn open() -> Result<Self, NetError> {
        todo!()
    }

    /// Announces that `addresses` are at `mac` on this interface, each once, all in as few system calls as possible; one outcome for each, in the
    /// same order. Never waits: what does not fit into the send buffer is an error of that address.
    pub fn announce(&self, interface_index: u32, mac: MacAddress, addresses: &[IpAddr]) -> Vec<Result<(), NetError>> {
        let _ = (interface_index, mac, addresses);
        todo!()
    }
}
