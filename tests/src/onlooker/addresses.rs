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
    hear(node, GROUPS, done, move |when, kind, body| {
        if let (NEW_ADDRESS | DELETED_ADDRESS, Some(address)) = (kind, read_address(body)) {
            changes.push(AddressChange {
                when,
                address,
                added: kind == NEW_ADDRESS,
            });
        }
    })
}

/// Hears what a node's kernel tells some groups (`RTMGRP_*`), from now on until `done`: when it came, its kind and its body.
pub(crate) fn hear(
    node: &Node,
    groups: u32,
    done: Arc<AtomicBool>,
    tell: impl Fn(SystemTime, u16, &[u8]) + Send + 'static,
) -> Result<()> {
    let socket = node.within(move || open(groups))?.context("a netlink socket")?;
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
                tell(when, kind, body);
            }
        }
    };
    std::thread::Builder::new().name("netlink".into()).spawn(watch)?;
    Ok(())
}

fn open(groups: u32) -> nix::Result<OwnedFd> {
    let flags = SockFlag::SOCK_CLOEXEC;
    let socket = socket(AddressFamily::Netlink, SockType::Raw, flags, SockProtocol::NetlinkRoute)?;
    let limit = TimeVal::new(0, READ_LIMIT.subsec_micros().into());
    setsockopt(&socket, sockopt::ReceiveTimeout, &limit)?;
    bind(socket.as_raw_fd(), &NetlinkAddr::new(0, groups))?;
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
    let attributes = body.get(ADDRESS_HEADER..)?;
    let address = attribute(attributes, IFA_LOCAL).or_else(|| attribute(attributes, IFA_ADDRESS));
    read_ip(address?)
}

/// The value of the first attribute of a kind.
pub(crate) fn attribute(mut attributes: &[u8], wanted: u16) -> Option<&[u8]> {
    while let (Some(length), Some(kind)) = (attributes.first_chunk::<2>(), attributes.get(2..4)) {
        let length = usize::from(u16::from_ne_bytes(*length));
        let value = attributes.get(4..length)?;
        if u16::from_ne_bytes(*kind.first_chunk()?) == wanted {
            return Some(value);
        }
        attributes = attributes.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    None
}

pub(crate) fn read_ip(bytes: &[u8]) -> Option<IpAddr> {
    if let Ok(bytes) = <[u8; 4]>::try_from(bytes) {
        return Some(Ipv4Addr::from(bytes).into());
    }
    <[u8; 16]>::try_from(bytes)
        .ok()
        .map(|bytes| Ipv6Addr::from(bytes).into())
}
