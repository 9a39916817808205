//! Netlink messages and their attributes as bytes (`netlink(7)`, `rtnetlink(7)`), and the socket options of both
//! sockets.
//!
//! The socket is neli's; the bytes are our own, for two reasons: a batch is many messages in one write, which neli
//! does not do, and neli's readers subtract lengths from the kernel without a check.
#![deny(clippy::arithmetic_side_effects)]

use std::ffi::CStr;
use std::io;

use neli::consts::socket::{Msg, NlFamily};
use neli::socket::NlSocket;
use neli::utils::Groups;

use crate::error::NetError;

/// Larger than any message of the kernel that we ask for (it fills dumps up to 32 KiB).
pub(crate) const BUFFER_BYTES: usize = 32 * 1024;

/// `NLMSG_ERROR`: an answer, good or bad.
pub(crate) const ERROR: u16 = 2;
/// `NLMSG_DONE`: the end of a dump.
pub(crate) const DONE: u16 = 3;

/// `NLM_F_REQUEST`
pub(crate) const REQUEST: u16 = 0x1;
/// `NLM_F_ACK`
pub(crate) const ACK: u16 = 0x4;
/// `NLM_F_DUMP_INTR`
pub(crate) const DUMP_INTERRUPTED: u16 = 0x10;
/// `NLM_F_DUMP`
pub(crate) const DUMP: u16 = 0x300;
/// `NLM_F_EXCL`
pub(crate) const EXCLUSIVE: u16 = 0x200;
/// `NLM_F_CREATE`
pub(crate) const CREATE: u16 = 0x400;
/// `NLM_F_APPEND`
pub(crate) const APPEND: u16 = 0x800;
/// `NLM_F_CAPPED`, on answers: the request is not repeated in full.
const CAPPED: u16 = 0x100;
/// `NLM_F_ACK_TLVS`, on answers: attributes follow.
const ACK_ATTRIBUTES: u16 = 0x200;
/// `NLMSGERR_ATTR_MSG`
const ERROR_TEXT: u16 = 1;
/// `NLA_F_NESTED`
const NESTED: u16 = 0x8000;
/// The two top bits of an attribute's type are flags.
const ATTRIBUTE_TYPE: u16 = 0x3fff;

const HEADER: usize = 16;
const ALIGNMENT: usize = 4;

/// A message as it came from the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Message<'a> {
    pub(crate) kind: u16,
    pub(crate) flags: u16,
    pub(crate) sequence: u32,
    pub(crate) port: u32,
    pub(crate) payload: &'a [u8],
}

/// The messages of one datagram; ends at the first one whose length does not fit.
pub(crate) fn messages(mut bytes: &[u8]) -> impl Iterator<Item = Message<'_>> {
    std::iter::from_fn(move || {
        let length = usize::try_from(number(bytes)?).ok()?;
        let message = bytes.get(..length)?;
        let (header, payload) = message.split_first_chunk::<HEADER>()?;
        bytes = skip(bytes, length);
        let [_, _, _, _, kind_low, kind_high, flags_low, flags_high, rest @ ..] = header;
        let (sequence, port) = rest.split_first_chunk::<4>()?;
        Some(Message {
            kind: u16::from_ne_bytes([*kind_low, *kind_high]),
            flags: u16::from_ne_bytes([*flags_low, *flags_high]),
            sequence: u32::from_ne_bytes(*sequence),
            port: number(port)?,
            payload,
        })
    })
}

/// Type and value of each attribute; ends at the first one whose length does not fit.
pub(crate) fn attributes(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let (header, _) = bytes.split_first_chunk::<4>()?;
        let [length_low, length_high, kind_low, kind_high] = *header;
        let length = usize::from(u16::from_ne_bytes([length_low, length_high]));
        let value = bytes.get(4..length)?;
        bytes = skip(bytes, length);
        Some((u16::from_ne_bytes([kind_low, kind_high]) & ATTRIBUTE_TYPE, value))
    })
}

/// What follows `length` bytes and their padding; the last message may lack its padding.
fn skip(bytes: &[u8], length: usize) -> &[u8] {
    length
        .checked_next_multiple_of(ALIGNMENT)
        .and_then(|padded| bytes.get(padded..))
        .unwrap_or_default()
}

/// A 32-bit number in the machine's own byte order at the start of `bytes`.
pub(crate) fn number(bytes: &[u8]) -> Option<u32> {
    bytes.first_chunk::<4>().map(|bytes| u32::from_ne_bytes(*bytes))
}

/// A string that ends at its first zero byte.
pub(crate) fn text(bytes: &[u8]) -> String {
    let text = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(text).into_owned()
}

/// The kernel's verdict in an [`ERROR`] or [`DONE`] message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// Zero: done.
    pub(crate) errno: i32,
    /// The kernel's own words.
    pub(crate) reason: Option<String>,
}

impl Verdict {
    pub(crate) fn read(message: &Message<'_>) -> Option<Self> {
        let (errno, rest) = message.payload.split_first_chunk::<4>()?;
        let attributes_at = match message.kind {
            // The header of the request stands in between, and unless capped the whole request.
            ERROR if message.flags & CAPPED != 0 => HEADER,
            ERROR => usize::try_from(number(rest)?)
                .ok()?
                .checked_next_multiple_of(ALIGNMENT)?,
            _ => 0,
        };
        let reason = (message.flags & ACK_ATTRIBUTES != 0)
            .then(|| rest.get(attributes_at..).unwrap_or_default())
            .and_then(|bytes| attributes(bytes).find(|(kind, _)| *kind == ERROR_TEXT))
            .map(|(_, value)| text(value));
        Some(Self {
            errno: i32::from_ne_bytes(*errno).saturating_neg(),
            reason,
        })
    }
}

/// Writes requests one behind the other.
#[derive(Debug, Default)]
pub(crate) struct RequestWriter {
    bytes: Vec<u8>,
}

impl RequestWriter {
    /// Appends a message whose payload `body` writes.
    pub(crate) fn message(&mut self, kind: u16, flags: u16, sequence: u32, body: impl FnOnce(&mut Self)) {
        let start = self.bytes.len();
        self.bytes.extend([0; 4]);
        self.bytes.extend(kind.to_ne_bytes());
        self.bytes.extend(flags.to_ne_bytes());
        self.bytes.extend(sequence.to_ne_bytes());
        self.bytes.extend([0; 4]);
        body(self);
        let length = u32::try_from(self.bytes.len().saturating_sub(start)).unwrap_or(u32::MAX);
        if let Some(field) = self.bytes.get_mut(start..).and_then(<[u8]>::first_chunk_mut) {
            *field = length.to_ne_bytes();
        }
        self.pad();
    }

    /// Asks for an answer to the message that begins here, whatever becomes of it. Without that the kernel answers only when
    /// it refuses.
    pub(crate) fn ask_for_answer(&mut self, start: usize) {
        let flags = self.bytes.get_mut(start.saturating_add(6)..);
        if let Some(flags) = flags.and_then(<[u8]>::first_chunk_mut::<2>) {
            *flags = (u16::from_ne_bytes(*flags) | ACK).to_ne_bytes();
        }
    }

    /// Appends plain bytes: the fixed part of a payload.
    pub(crate) fn fixed(&mut self, bytes: &[u8]) {
        self.bytes.extend(bytes);
        self.pad();
    }

    /// Appends an attribute. Values here are addresses, numbers and names: far below the limit of 64 KiB.
    pub(crate) fn attribute(&mut self, kind: u16, value: &[u8]) {
        let length = u16::try_from(value.len().saturating_add(4)).unwrap_or(u16::MAX);
        self.bytes.extend(length.to_ne_bytes());
        self.bytes.extend(kind.to_ne_bytes());
        self.bytes.extend(value);
        self.pad();
    }

    /// Appends an attribute that holds the attributes that `body` writes.
    pub(crate) fn nested(&mut self, kind: u16, body: impl FnOnce(&mut Self)) {
        let start = self.bytes.len();
        self.attribute(kind | NESTED, &[]);
        body(self);
        let length = u16::try_from(self.bytes.len().saturating_sub(start)).unwrap_or(u16::MAX);
        if let Some(field) = self.bytes.get_mut(start..).and_then(<[u8]>::first_chunk_mut) {
            *field = length.to_ne_bytes();
        }
    }

    /// Appends a string with its closing zero.
    pub(crate) fn text_attribute(&mut self, kind: u16, value: &CStr) {
        self.attribute(kind, value.to_bytes_with_nul());
    }

    /// Appends a string that was checked to have no zero inside, with a closing one.
    pub(crate) fn name_attribute(&mut self, kind: u16, value: &str) {
        self.attribute(kind, &[value.as_bytes(), &[0]].concat());
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(ALIGNMENT), 0);
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// A non-blocking rtnetlink socket that listens to no group yet.
pub(crate) fn open(object: &'static str) -> Result<NlSocket, NetError> {
    open_family(NlFamily::Route, object)
}

/// A non-blocking socket of any netlink family, that listens to no group yet.
pub(crate) fn open_family(family: NlFamily, object: &'static str) -> Result<NlSocket, NetError> {
    let socket = NlSocket::connect(family, None, Groups::empty()).map_err(NetError::system("open", object))?;
    socket.nonblock().map_err(NetError::system("set up", object))?;
    Ok(socket)
}

/// Receives one datagram into `buffer` and returns its length. A datagram that did not fit is an error: half of a
/// message is worth nothing.
pub(crate) fn receive(socket: &NlSocket, buffer: &mut [u8]) -> io::Result<usize> {
    let (length, _) = socket.recv(&mut *buffer, Msg::TRUNC)?;
    if length > buffer.len() {
        return Err(io::Error::from_raw_os_error(libc::EMSGSIZE));
    }
    Ok(length)
}

#[cfg(test)]
mod tests;
