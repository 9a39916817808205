//! Tables that somebody removes, as it happens: `nft flush ruleset` takes those of others along.

use std::io;
use std::os::fd::AsRawFd;

use neli::consts::socket::NlFamily;
use neli::socket::NlSocket;
use neli::utils::Groups;

use super::batch::DELETE_TABLE;
use super::{Table, TableFamily};
use crate::error::NetError;
use crate::netlink::{self, Message, attributes, text};
use crate::readiness::Readiness;
use crate::receive_buffer::ReceiveBuffer;

const OBJECT: &str = "the nftables event socket";
/// `NFNLGRP_NFTABLES`
const GROUP: u32 = 7;
/// Other people's changes of thousands of elements come along; what does not fit is said as [`TableEvent::Lost`].
const RECEIVE_BUFFER: ReceiveBuffer = ReceiveBuffer {
    bytes: 1024 * 1024,
    force: true,
};
/// Datagrams taken per wake-up.
const BATCH: usize = 64;

/// What became of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TableEvent {
    /// It is not there any more.
    Removed {
        /// Which one.
        table: Table,
        /// Netlink port of who removed it, see [`super::Nftables::port`].
        changed_by: u32,
    },
    /// The kernel had more events than the buffer holds: any table may be gone.
    Lost,
}

/// The event socket of nftables in the network namespace in which it was opened.
#[derive(Debug)]
pub struct TableWatch {
    socket: Readiness<NlSocket>,
    buffer: Box<[u8]>,
}

impl TableWatch {
    /// Opens the socket. Must be called within a runtime.
    pub fn open() -> Result<Self, NetError> {
        let socket = netlink::open_family(NlFamily::Netfilter, OBJECT)?;
        RECEIVE_BUFFER
            .apply(socket.as_raw_fd())
            .and_then(|_| socket.add_mcast_membership(Groups::new_groups(&[GROUP])))
            .map_err(NetError::system("set up", OBJECT))?;
        Ok(Self {
            socket: Readiness::new(socket, OBJECT)?,
            buffer: vec![0; netlink::BUFFER_BYTES].into(),
        })
    }

    /// Waits until something happens. Empty if it was nothing of interest here. Cancel safe.
    pub async fn next(&mut self) -> Result<Vec<TableEvent>, NetError> {
        let Self { socket, buffer } = self;
        let events = socket.read(|socket| receive(socket, buffer)).await;
        events.map_err(NetError::system("read", OBJECT))
    }
}

/// Up to [`BATCH`] datagrams; `WouldBlock` only if there was none.
fn receive(socket: &NlSocket, buffer: &mut [u8]) -> io::Result<Vec<TableEvent>> {
    let mut events = Vec::new();
    for round in 0..BATCH {
        match netlink::receive(socket, buffer) {
            Ok(length) => {
                let messages = netlink::messages(buffer.get(..length).unwrap_or_default());
                events.extend(messages.filter_map(|message| decode(&message)));
            }
            Err(error) if matches!(error.raw_os_error(), Some(libc::ENOBUFS | libc::EMSGSIZE)) => {
                events.push(TableEvent::Lost);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && round > 0 => break,
            Err(error) => return Err(error),
        }
    }
    Ok(events)
}

pub(super) fn decode(message: &Message<'_>) -> Option<TableEvent> {
    const NAME: u16 = 1;
    if message.kind != DELETE_TABLE {
        return None;
    }
    let (header, rest) = message.payload.split_first_chunk::<4>()?;
    let [family, ..] = *header;
    let name = attributes(rest).find(|(kind, _)| *kind == NAME)?.1;
    let table = Table {
        family: TableFamily::of(family)?,
        name: text(name),
    };
    Some(TableEvent::Removed {
        table,
        changed_by: message.port,
    })
}
