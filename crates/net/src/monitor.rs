//! What changes on links and addresses, and what goes away of routes and rules, as it happens.
#![deny(clippy::arithmetic_side_effects)]

use std::io;
use std::os::fd::AsRawFd;

use neli::socket::NlSocket;
use neli::utils::Groups;

use crate::address::{self, InterfaceAddress};
use crate::error::NetError;
use crate::link::{self, Link};
use crate::netlink::{self, Message};
use crate::readiness::Readiness;
use crate::receive_buffer::ReceiveBuffer;
use crate::routes::{self, Route};
use crate::rules::{self, Rule};

const OBJECT: &str = "the netlink event socket";
/// Room for some two thousand events (the kernel doubles it, and an event takes about a kilobyte).
const RECEIVE_BUFFER: ReceiveBuffer = ReceiveBuffer {
    bytes: 1024 * 1024,
    force: true,
};
/// Datagrams taken per wake-up, so that a storm of events does not keep the driver from its timers.
const BATCH: usize = 64;
/// `RTNLGRP_LINK`, `RTNLGRP_IPV4_IFADDR`, `RTNLGRP_IPV6_IFADDR`
const GROUPS: [u32; 3] = [1, 5, 9];
/// `RTNLGRP_IPV4_ROUTE`, `RTNLGRP_IPV4_RULE`, `RTNLGRP_IPV6_ROUTE`, `RTNLGRP_IPV6_RULE`
const ROUTING_GROUPS: [u32; 4] = [7, 8, 11, 19];

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
        /// Netlink port of who asked for it, see [`Requests::port`](crate::Requests::port); 0: the kernel, or not known
        /// (always so for IPv6).
        changed_by: u32,
    },
    /// An address was removed.
    AddressRemoved {
        /// The address as it was.
        address: InterfaceAddress,
        /// Netlink port of who asked for it; 0: the kernel, or not known (always so for IPv6).
        changed_by: u32,
    },
    /// A route was removed. The kernel says nothing of IPv4 routes that go with their interface or their source address.
    RouteRemoved {
        /// The route as it was; of several IPv6 ways perhaps only one.
        route: Route,
        /// Netlink port of who asked for it; 0: the kernel.
        changed_by: u32,
    },
    /// A policy routing rule was removed.
    RuleRemoved {
        /// The rule as it was.
        rule: Rule,
        /// Netlink port of who asked for it; 0: the kernel.
        changed_by: u32,
    },
    /// The kernel had more events than the buffer holds and dropped some: dump links and addresses and compare.
    Lost,
}

/// The event socket: links and addresses of both families in the network namespace in which it was opened.
#[derive(Debug)]
pub struct Monitor {
    socket: Readiness<NlSocket>,
    buffer: Box<[u8]>,
    lost: u64,
}

impl Monitor {
    /// Opens the socket. What happens after this returns will be reported: open first, dump afterwards.
    /// Must be called within a runtime.
    pub fn open() -> Result<Self, NetError> {
        let socket = netlink::open(OBJECT)?;
        RECEIVE_BUFFER
            .apply(socket.as_raw_fd())
            .and_then(|_| socket.add_mcast_membership(Groups::new_groups(&GROUPS)))
            .map_err(NetError::system("set up", OBJECT))?;
        let socket = Readiness::new(socket, OBJECT)?;
        Ok(Self {
            socket,
            buffer: vec![0; netlink::BUFFER_BYTES].into(),
            lost: 0,
        })
    }

    /// Room for events; `None`: 1 MiB. How much it got.
    pub fn set_receive_buffer(&self, wanted: Option<ReceiveBuffer>) -> Result<usize, NetError> {
        let buffer = wanted.unwrap_or(RECEIVE_BUFFER);
        buffer
            .apply(self.socket.get().as_raw_fd())
            .map_err(NetError::system("set up", OBJECT))
    }

    /// Also reports removed routes and rules from now on, or no longer. A router's table can change thousands of times a
    /// second: only who has routes or rules of its own should ask for this.
    pub fn watch_routing(&mut self, watch: bool) -> Result<(), NetError> {
        let groups = Groups::new_groups(&ROUTING_GROUPS);
        let socket = self.socket.get();
        if watch {
            socket.add_mcast_membership(groups)
        } else {
            socket.drop_mcast_membership(groups)
        }
        .map_err(NetError::system("set up", OBJECT))
    }

    /// Waits until something happens and returns it, oldest first, a bounded number. Empty if it was nothing of
    /// interest here. Cancel safe.
    pub async fn next(&mut self) -> Result<Vec<NetworkEvent>, NetError> {
        let Self { socket, buffer, lost } = self;
        let events = socket
            .read(|socket| receive(socket, buffer))
            .await
            .map_err(NetError::system("read", OBJECT))?;
        if events.last() == Some(&NetworkEvent::Lost) {
            *lost = lost.saturating_add(1);
            tracing::warn!(
                times = *lost,
                "the kernel dropped network events, its tables have to be read again"
            );
        }
        Ok(events)
    }

    /// How many times events were lost so far.
    pub fn lost_count(&self) -> u64 {
        self.lost
    }
}

/// Up to [`BATCH`] datagrams; `WouldBlock` only if there was none.
fn receive(socket: &NlSocket, buffer: &mut [u8]) -> io::Result<Vec<NetworkEvent>> {
    let mut events = Vec::new();
    for round in 0..BATCH {
        match netlink::receive(socket, buffer) {
            Ok(length) => {
                events.extend(netlink::messages(buffer.get(..length).unwrap_or_default()).filter_map(|m| decode(&m)));
            }
            Err(error) if is_loss(&error) => {
                drain(socket, buffer);
                events.push(NetworkEvent::Lost);
                break;
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && round > 0 => break,
            Err(error) => return Err(error),
        }
    }
    Ok(events)
}

/// Dropped by the kernel, or too long for our buffer, which comes to the same.
fn is_loss(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOBUFS | libc::EMSGSIZE))
}

/// Throws away what is older than the dump that the caller will make now. It ends: after an overrun the kernel queues
/// nothing, and reports no further overrun, until all has been read.
fn drain(socket: &NlSocket, buffer: &mut [u8]) {
    loop {
        match netlink::receive(socket, buffer) {
            Ok(_) => {}
            Err(error) if is_loss(&error) => {}
            Err(_) => break,
        }
    }
}

fn decode(message: &Message<'_>) -> Option<NetworkEvent> {
    let changed_by = message.port;
    match message.kind {
        link::NEW => link::decode(message).map(NetworkEvent::LinkChanged),
        link::DELETE => link::decode(message).map(|Link { index, name, .. }| NetworkEvent::LinkRemoved { index, name }),
        address::NEW => address::decode(message).map(|address| NetworkEvent::AddressAdded { address, changed_by }),
        address::DELETE => address::decode(message).map(|address| NetworkEvent::AddressRemoved { address, changed_by }),
        routes::DELETE => routes::decode(message).map(|route| NetworkEvent::RouteRemoved { route, changed_by }),
        rules::DELETE => rules::decode(message).map(|rule| NetworkEvent::RuleRemoved { rule, changed_by }),
        _ => None,
    }
}

#[cfg(test)]
mod any_message;
