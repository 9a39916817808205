//! What a director asks of IPVS, seen on the netlink monitor device of its node.

#![deny(clippy::arithmetic_side_effects)]

mod request;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use socket2::{Socket, Type};

use crate::node::Node;
use crate::packet_socket;
use crate::wait::Record;

pub use request::Request;

/// The device, in the director's node.
const MONITOR: &str = "nlmon0";

const READ_LIMIT: Duration = Duration::from_millis(200);

/// linux/genetlink.h and linux/netlink.h.
const CONTROLLER: u16 = 16;
const FAMILY_ID: u16 = 1;
const FAMILY_NAME: u16 = 2;
const REQUEST: u16 = 1;
const MESSAGE_HEADER: usize = 16;
const GENERIC_HEADER: usize = 4;

/// A change of the IPVS table that somebody asked for (`IPVS_CMD_*` of `linux/ip_vs.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// A virtual service comes.
    NewService,
    /// A virtual service is edited.
    SetService,
    /// A virtual service goes, with its destinations.
    DelService,
    /// A real server comes.
    NewDest,
    /// A real server is edited.
    SetDest,
    /// A real server goes.
    DelDest,
    /// Everything goes.
    Flush,
}

impl Change {
    fn from_command(command: u8) -> Option<Self> {
        Some(match command {
            1 => Self::NewService,
            2 => Self::SetService,
            3 => Self::DelService,
            5 => Self::NewDest,
            6 => Self::SetDest,
            7 => Self::DelDest,
            17 => Self::Flush,
            _ => return None,
        })
    }
}

/// Records the changes that anybody in a node asks of IPVS.
#[derive(Debug)]
pub struct Trace {
    requests: Arc<Record<(SystemTime, Request)>>,
    done: Arc<AtomicBool>,
}

impl Trace {
    /// Listens in `node`; must begin before the director does, to learn IPVS's number from its first question.
    pub fn of(node: &Node) -> Result<Self> {
        node.ip(&[
            format!("link add {MONITOR} type nlmon"),
            format!("link set {MONITOR} up"),
        ])?;
        let socket = node.within(open)?.context("a socket on the netlink monitor")?;
        let requests = Arc::new(Record::new());
        let done = Arc::new(AtomicBool::new(false));
        let (record, stop) = (Arc::clone(&requests), Arc::clone(&done));
        let listen = move || {
            let mut ipvs = None;
            let mut buffer = vec![0; 128 * 1024];
            while !stop.load(Ordering::Relaxed) {
                let Ok(length) = std::io::Read::read(&mut &socket, &mut buffer) else {
                    continue;
                };
                let when = SystemTime::now();
                let mut rest = buffer.get(..length).unwrap_or_default();
                while let Some((message, after)) = next_message(rest) {
                    rest = after;
                    if message.kind == CONTROLLER {
                        ipvs = ipvs.or_else(|| ipvs_number(message.attributes));
                    } else if Some(message.kind) == ipvs && message.flags & REQUEST != 0 {
                        let change = Change::from_command(message.command);
                        record.extend(change.map(|change| (when, Request::read(change, message.attributes))));
                    }
                }
            }
        };
        std::thread::Builder::new().name("trace".into()).spawn(listen)?;
        Ok(Self { requests, done })
    }

    /// The changes asked for at or after `since`.
    pub fn since(&self, since: SystemTime) -> Vec<Change> {
        self.requests_since(since)
            .into_iter()
            .map(|request| request.change)
            .collect()
    }

    /// The same with what they are about.
    pub fn requests_since(&self, since: SystemTime) -> Vec<Request> {
        self.requests
            .all()
            .into_iter()
            .filter(|(when, _)| *when >= since)
            .map(|(_, request)| request)
            .collect()
    }
}

impl Drop for Trace {
    fn drop(&mut self) {
        self.done.store(true, Ordering::Relaxed);
    }
}

/// Opens a socket that reads whole netlink messages of the generic family.
fn open() -> Result<Socket> {
    // The monitor gives each packet its netlink family as protocol, and BPF has that at a magic offset.
    let protocol = (libc::SKF_AD_OFF + libc::SKF_AD_PROTOCOL).cast_unsigned();
    let filter = [
        (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, protocol),
        (
            libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K,
            0,
            1,
            libc::NETLINK_GENERIC.cast_unsigned(),
        ),
        (libc::BPF_RET | libc::BPF_K, 0, 0, u32::MAX),
        (libc::BPF_RET | libc::BPF_K, 0, 0, 0),
    ];
    let interface = nix::net::if_::if_nametoindex(MONITOR)?;
    Ok(packet_socket::open(Type::DGRAM, interface, &filter, READ_LIMIT)?)
}

struct Message<'a> {
    kind: u16,
    flags: u16,
    command: u8,
    attributes: &'a [u8],
}

fn next_message(bytes: &[u8]) -> Option<(Message<'_>, &[u8])> {
    let length = u32::from_ne_bytes(*bytes.first_chunk()?) as usize;
    let kind = u16::from_ne_bytes(*bytes.get(4..)?.first_chunk()?);
    let flags = u16::from_ne_bytes(*bytes.get(6..)?.first_chunk()?);
    let body = bytes.get(MESSAGE_HEADER..length)?;
    let command = body.first().copied().unwrap_or_default();
    let attributes = body.get(GENERIC_HEADER..).unwrap_or_default();
    let rest = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    Some((
        Message {
            kind,
            flags,
            command,
            attributes,
        },
        rest,
    ))
}

/// The number of the family called IPVS, from the controller's answer about it.
fn ipvs_number(mut attributes: &[u8]) -> Option<u16> {
    let (mut number, mut is_ipvs) = (None, false);
    while let Some(head) = attributes.first_chunk::<4>() {
        let [l0, l1, k0, k1] = *head;
        let length = usize::from(u16::from_ne_bytes([l0, l1]));
        let value = attributes.get(4..length)?;
        match u16::from_ne_bytes([k0, k1]) {
            FAMILY_ID => number = value.first_chunk().map(|bytes| u16::from_ne_bytes(*bytes)),
            FAMILY_NAME => is_ipvs = value.starts_with(b"IPVS\0"),
            _ => {}
        }
        attributes = attributes.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    number.filter(|_| is_ipvs)
}
