//! Netlink framing: requests with nested attributes out, messages and attributes in. No IO, no IPVS.
//!
//! Numbers and layout: RFC 3549 section 2.3.2, `linux/netlink.h`, `linux/genetlink.h`. All integers are in host order unless a
//! name says `be`; everything is padded to 4 bytes.

#![deny(clippy::arithmetic_side_effects)]

/// `NLM_F_REQUEST`
pub(crate) const REQUEST: u16 = 0x1;
/// `NLM_F_ACK`
pub(crate) const ACK: u16 = 0x4;
/// `NLM_F_DUMP`
pub(crate) const DUMP: u16 = 0x300;
/// `NLM_F_DUMP_INTR`: the table changed while it was dumped
pub(crate) const DUMP_INTERRUPTED: u16 = 0x10;
/// `NLM_F_CAPPED`: the acknowledgement quotes only the header of the request
const CAPPED: u16 = 0x100;
/// `NLM_F_ACK_TLVS`: attributes follow in the acknowledgement
const ACK_ATTRIBUTES: u16 = 0x200;

/// `NLMSG_ERROR`, which is also the acknowledgement
pub(crate) const ERROR: u16 = 2;
/// `NLMSG_DONE`
pub(crate) const DONE: u16 = 3;

/// `NLMSGERR_ATTR_MSG`
const ERROR_TEXT: u16 = 1;
/// `NLA_F_NESTED`
const NESTED: u16 = 0x8000;
/// `NLA_TYPE_MASK`
const KIND_MASK: u16 = 0x3fff;
const MESSAGE_HEADER_LEN: usize = 16;
const ATTRIBUTE_HEADER_LEN: usize = 4;

/// Why bytes are not a netlink message.
pub(crate) type Malformed = &'static str;

/// Header fields of a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head {
    /// Family number
    pub(crate) kind: u16,
    /// `NLM_F_*`
    pub(crate) flags: u16,
    pub(crate) sequence: u32,
    /// Command of the generic netlink family
    pub(crate) command: u8,
    /// Version of the generic netlink family
    pub(crate) version: u8,
}

/// Appends a generic netlink request to `bytes`, which holds whole messages only.
pub(crate) fn push_request(bytes: &mut Vec<u8>, head: Head, fill: impl FnOnce(&mut Attributes<'_>)) {
    let start = bytes.len();
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(&head.kind.to_ne_bytes());
    bytes.extend_from_slice(&head.flags.to_ne_bytes());
    bytes.extend_from_slice(&head.sequence.to_ne_bytes());
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(&[head.command, head.version, 0, 0]);
    fill(&mut Attributes { bytes });
    let length = u32::try_from(bytes.len().saturating_sub(start)).unwrap_or(u32::MAX);
    if let Some(field) = bytes.get_mut(start..).and_then(<[u8]>::first_chunk_mut) {
        *field = length.to_ne_bytes();
    }
}

/// Writes attributes to the end of a request.
#[derive(Debug)]
pub(crate) struct Attributes<'a> {
    bytes: &'a mut Vec<u8>,
}

impl Attributes<'_> {
    pub(crate) fn u8(&mut self, kind: u16, value: u8) {
        self.bytes(kind, &[value]);
    }

    pub(crate) fn u16(&mut self, kind: u16, value: u16) {
        self.bytes(kind, &value.to_ne_bytes());
    }

    pub(crate) fn be16(&mut self, kind: u16, value: u16) {
        self.bytes(kind, &value.to_be_bytes());
    }

    pub(crate) fn u32(&mut self, kind: u16, value: u32) {
        self.bytes(kind, &value.to_ne_bytes());
    }

    /// With the zero byte at the end that the kernel wants. The caller keeps names short.
    pub(crate) fn string(&mut self, kind: u16, value: &str) {
        self.wrap(kind, |inner| {
            inner.bytes.extend_from_slice(value.as_bytes());
            inner.bytes.push(0);
        });
    }

    pub(crate) fn bytes(&mut self, kind: u16, value: &[u8]) {
        self.wrap(kind, |inner| inner.bytes.extend_from_slice(value));
    }

    pub(crate) fn nest(&mut self, kind: u16, fill: impl FnOnce(&mut Attributes<'_>)) {
        self.wrap(kind | NESTED, fill);
    }

    /// Header, what `fill` writes, padding.
    fn wrap(&mut self, kind: u16, fill: impl FnOnce(&mut Attributes<'_>)) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&[0; 2]);
        self.bytes.extend_from_slice(&kind.to_ne_bytes());
        fill(&mut Attributes { bytes: self.bytes });
        let length = u16::try_from(self.bytes.len().saturating_sub(start)).unwrap_or(u16::MAX);
        if let Some(field) = self.bytes.get_mut(start..).and_then(<[u8]>::first_chunk_mut) {
            *field = length.to_ne_bytes();
        }
        let padded = self.bytes.len().next_multiple_of(4);
        self.bytes.resize(padded, 0);
    }
}

/// A message that came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Message<'a> {
    pub(crate) kind: u16,
    pub(crate) flags: u16,
    pub(crate) sequence: u32,
    pub(crate) payload: &'a [u8],
}

/// The messages of one datagram. Ends after the first one that is malformed.
pub(crate) fn messages(datagram: &[u8]) -> impl Iterator<Item = Result<Message<'_>, Malformed>> {
    let mut rest = datagram;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let taken = take_message(rest);
        rest = taken.map_or(&[], |(_, rest)| rest);
        Some(taken.map(|(message, _)| message).ok_or("length of a message"))
    })
}

fn take_message(bytes: &[u8]) -> Option<(Message<'_>, &[u8])> {
    let header: &[u8; MESSAGE_HEADER_LEN] = bytes.first_chunk()?;
    let [l0, l1, l2, l3, k0, k1, f0, f1, s0, s1, s2, s3, ..] = *header;
    let length = usize::try_from(u32::from_ne_bytes([l0, l1, l2, l3])).ok()?;
    let payload = bytes.get(MESSAGE_HEADER_LEN..length)?;
    let rest = bytes.get(length.checked_next_multiple_of(4)?..).unwrap_or_default();
    let message = Message {
        kind: u16::from_ne_bytes([k0, k1]),
        flags: u16::from_ne_bytes([f0, f1]),
        sequence: u32::from_ne_bytes([s0, s1, s2, s3]),
        payload,
    };
    Some((message, rest))
}

impl<'a> Message<'a> {
    /// The command and the attributes of a generic netlink message.
    pub(crate) fn generic(&self) -> Result<(u8, &'a [u8]), Malformed> {
        let (header, attributes) = self
            .payload
            .split_first_chunk::<4>()
            .ok_or("generic netlink header is short")?;
        let [command, ..] = *header;
        Ok((command, attributes))
    }

    /// The verdict in an [`ERROR`] or [`DONE`] message.
    pub(crate) fn verdict(&self) -> Result<Verdict, Malformed> {
        // A dump of older kernels may end without a number.
        let Some((number, rest)) = self.payload.split_first_chunk::<4>() else {
            return if self.kind == DONE {
                Ok(Verdict::default())
            } else {
                Err("acknowledgement is short")
            };
        };
        let errno = i32::from_ne_bytes(*number).checked_neg().ok_or("error number")?;
        let text = if self.flags & ACK_ATTRIBUTES == 0 {
            None
        } else {
            self.verdict_text(rest)
        };
        Ok(Verdict { errno, text })
    }

    /// The kernel's words; what is malformed there is not worth losing the error number for.
    fn verdict_text(&self, quoted: &[u8]) -> Option<String> {
        let attributes_at = match (self.kind, self.flags & CAPPED) {
            (DONE, _) => 0,
            (_, 0) => {
                let length: &[u8; 4] = quoted.first_chunk()?;
                usize::try_from(u32::from_ne_bytes(*length))
                    .ok()?
                    .checked_next_multiple_of(4)?
            }
            _ => MESSAGE_HEADER_LEN,
        };
        let (_, text) = attributes(quoted.get(attributes_at..)?)
            .filter_map(Result::ok)
            .find(|(kind, _)| *kind == ERROR_TEXT)?;
        Some(string(text))
    }
}

/// What the kernel says to a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// 0: done
    pub(crate) errno: i32,
    /// Its own words, when it has some
    pub(crate) text: Option<String>,
}

/// The attributes in a payload, as number without flag bits and content. Ends after the first one that is malformed.
pub(crate) fn attributes(payload: &[u8]) -> impl Iterator<Item = Result<(u16, &[u8]), Malformed>> {
    let mut rest = payload;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let taken = take_attribute(rest);
        rest = taken.map_or(&[], |(_, rest)| rest);
        Some(taken.map(|(attribute, _)| attribute).ok_or("length of an attribute"))
    })
}

#[expect(clippy::type_complexity, reason = "an attribute and what follows it, used once")]
fn take_attribute(bytes: &[u8]) -> Option<((u16, &[u8]), &[u8])> {
    let [l0, l1, k0, k1]: [u8; ATTRIBUTE_HEADER_LEN] = *bytes.first_chunk()?;
    let length = usize::from(u16::from_ne_bytes([l0, l1]));
    let content = bytes.get(ATTRIBUTE_HEADER_LEN..length)?;
    let rest = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    Some(((u16::from_ne_bytes([k0, k1]) & KIND_MASK, content), rest))
}

/// Text up to its zero byte.
pub(crate) fn string(content: &[u8]) -> String {
    let end = content.iter().position(|byte| *byte == 0).unwrap_or(content.len());
    String::from_utf8_lossy(content.get(..end).unwrap_or_default()).into_owned()
}

#[cfg(test)]
mod tests;
