//! The address watcher: rtnetlink's groups for IPv4 and IPv6 addresses.

#![deny(clippy::arithmetic_side_effects)]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use anyhow::{Context, Result};
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, setsockopt, socket, sockopt,
};
use nix::sys::time::TimeVal;

use super::{AddressChange, READ_LIMIT};
use crate::node::Node;
use crate::wait::Record;

/// `RTMGRP_IPV4_IFADDR` and `RTMGRP_IPV6_IFADDR` of linux/rtnetlink.h.
const GROUPS: u32 = 0x10 | 0x100;
const NEW_ADDRESS: u16 = 20;
const DELETED_ADDRESS: u16 = 21;
const MESSAGE_HEADER: usize = 16;
/// `struct ifaddrmsg`.
const ADDRESS_HEADER: usize = 8;
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;

pub(super) fn watch(node: &Node, changes: Arc<Record<AddressChange>>, done: Arc<AtomicBool>) -> Result<()> {
    let socket = node.within(open)?.context("a netlink socket")?;
    let watch = move || {
        let mut buffer = vec![0; 32 * 1024];
        while !done.load(Ordering::Relaxed) {
            let Ok(length) = recv(socket.as_raw_fd(), &mut buffer, MsgFlags::empty()) else {
                continue;
            };
            let when = SystemTime::now();
            let mut rest = buffer.get(..length).unwrap_or_default();
            while let Some((kind, body, after)) = next_message(rest) {
                rest = after;
                if let (NEW_ADDRESS | DELETED_ADDRESS, Some(address)) = (kind, read_address(body)) {
                    changes.push(AddressChange {
                        when,
                        address,
                        added: kind == NEW_ADDRESS,
                    });
                }
            }
        }
    };
    std::thread::Builder::new().name("addresses".into()).spawn(watch)?;
    Ok(())
}

fn open() -> nix::Result<OwnedFd> {
    let flags = SockFlag::SOCK_CLOEXEC;
    let socket = socket(AddressFamily::Netlink, SockType::Raw, flags, SockProtocol::NetlinkRoute)?;
    let limit = TimeVal::new(0, READ_LIMIT.subsec_micros().into());
    setsockopt(&socket, sockopt::ReceiveTimeout, &limit)?;
    bind(socket.as_raw_fd(), &NetlinkAddr::new(0, GROUPS))?;
    Ok(socket)
}

/// Kind and body of the first message, and the bytes behind it.
fn next_message(bytes: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let length = u32::from_ne_bytes(*bytes.first_chunk()?) as usize;
    let kind = u16::from_ne_bytes(*bytes.get(4..)?.first_chunk()?);
    let body = bytes.get(MESSAGE_HEADER..length)?;
    Some((kind, body, bytes.get(length.next_multiple_of(4)..).unwrap_or_default()))
}

/// The interface's own address: `IFA_LOCAL`, which IPv6 does without.
fn read_address(body: &[u8]) -> Option<IpAddr> {
    let mut attributes = body.get(ADDRESS_HEADER..)?;
    let mut address = None;
    while let (Some(length), Some(kind)) = (attributes.first_chunk::<2>(), attributes.get(2..4)) {
        let length = usize::from(u16::from_ne_bytes(*length));
        let kind = u16::from_ne_bytes(*kind.first_chunk()?);
        let value = attributes.get(4..length)?;
        match kind {
            IFA_LOCAL => return read_ip(value),
            IFA_ADDRESS => address = read_ip(value),
            _ => {}
        }
        attributes = attributes.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    address
}

fn read_ip(bytes: &[u8]) -> Option<IpAddr> {
    if let Ok(bytes) = <[u8; 4]>::try_from(bytes) {
        return Some(Ipv4Addr::from(bytes).into());
    }
    <[u8; 16]>::try_from(bytes)
        .ok()
        .map(|bytes| Ipv6Addr::from(bytes).into())
}
