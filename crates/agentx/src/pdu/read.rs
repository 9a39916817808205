//! From bytes to packets.

use super::{
    Body, CloseReason, Content, HEADER_LENGTH, Header, LONGEST_PAYLOAD, Pdu, PduError, Registration, Response,
    SearchRange, VarBind,
};
use crate::oid::Oid;
use crate::value::Value;

const INSTANCE_REGISTRATION: u8 = 0x01;
const NON_DEFAULT_CONTEXT: u8 = 0x08;
const NETWORK_BYTE_ORDER: u8 = 0x10;

/// RFC 2741 section 5.1.
const MOST_PARTS: u8 = 128;

/// Kind and flags of a packet, whose header is read already.
#[derive(Clone, Copy)]
pub(super) struct Start {
    kind: u8,
    flags: u8,
    header: Header,
}

/// A whole packet.
pub(super) fn packet(bytes: &[u8]) -> Result<Pdu, PduError> {
    let (first, rest) = bytes.split_first_chunk::<HEADER_LENGTH>().ok_or(PduError::TooShort)?;
    let (start, payload) = header(first)?;
    let mut reader = Reader {
        bytes: rest.get(..payload).ok_or(PduError::TooShort)?,
        big_endian: start.header.big_endian,
    };
    if rest.len() > payload {
        return Err(PduError::TooLong);
    }
    // RFC 2741 section 6.1.1 names kinds that have none; net-snmp sends one with those, too.
    let has_context = start.flags & NON_DEFAULT_CONTEXT != 0;
    let context = has_context.then(|| reader.octets()).transpose()?;
    let body = reader.body(start)?;
    if !reader.bytes.is_empty() {
        return Err(PduError::TooLong);
    }
    Ok(Pdu {
        header: start.header,
        context,
        body,
    })
}

/// A header, and how long the payload behind it is.
pub(super) fn header(bytes: &[u8; HEADER_LENGTH]) -> Result<(Start, usize), PduError> {
    let [version, kind, flags, _, numbers @ ..] = bytes;
    if *version != 1 {
        return Err(PduError::Version(*version));
    }
    let mut reader = Reader {
        bytes: numbers,
        big_endian: flags & NETWORK_BYTE_ORDER != 0,
    };
    let header = Header {
        session: reader.u32()?,
        transaction: reader.u32()?,
        packet: reader.u32()?,
        big_endian: reader.big_endian,
    };
    let payload = reader.u32()?;
    let length = usize::try_from(payload)
        .ok()
        .filter(|length| *length <= LONGEST_PAYLOAD);
    let length = length.ok_or(PduError::Payload(payload))?;
    let start = Start {
        kind: *kind,
        flags: *flags,
        header,
    };
    Ok((start, length))
}

struct Reader<'a> {
    bytes: &'a [u8],
    big_endian: bool,
}

impl Reader<'_> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], PduError> {
        let (first, rest) = self.bytes.split_first_chunk::<N>().ok_or(PduError::TooShort)?;
        self.bytes = rest;
        Ok(*first)
    }

    fn u16(&mut self) -> Result<u16, PduError> {
        let bytes = self.array()?;
        Ok(if self.big_endian {
            u16::from_be_bytes(bytes)
        } else {
            u16::from_le_bytes(bytes)
        })
    }

    fn u32(&mut self) -> Result<u32, PduError> {
        let bytes = self.array()?;
        Ok(if self.big_endian {
            u32::from_be_bytes(bytes)
        } else {
            u32::from_le_bytes(bytes)
        })
    }

    fn u64(&mut self) -> Result<u64, PduError> {
        let bytes = self.array()?;
        Ok(if self.big_endian {
            u64::from_be_bytes(bytes)
        } else {
            u64::from_le_bytes(bytes)
        })
    }

    fn octets(&mut self) -> Result<Vec<u8>, PduError> {
        let length = usize::try_from(self.u32()?).map_err(|_| PduError::TooShort)?;
        let padded = length.checked_next_multiple_of(4).ok_or(PduError::TooShort)?;
        let (octets, rest) = self.bytes.split_at_checked(padded).ok_or(PduError::TooShort)?;
        self.bytes = rest;
        Ok(octets.get(..length).ok_or(PduError::TooShort)?.to_vec())
    }

    /// An object identifier, and whether it counts itself where a range begins with it.
    fn oid(&mut self) -> Result<(Oid, bool), PduError> {
        let [count, prefix, include, _] = self.array()?;
        let prefix = (prefix != 0).then(|| [1, 3, 6, 1, u32::from(prefix)]);
        let mut parts = prefix.map_or_else(Vec::new, Vec::from);
        // As many as it says, and not more than there are bytes for.
        for _ in 0..count {
            parts.push(self.u32()?);
        }
        if parts.len() > usize::from(MOST_PARTS) {
            return Err(PduError::Oid);
        }
        Ok((Oid::new(&parts), include != 0))
    }

    fn range(&mut self) -> Result<SearchRange, PduError> {
        let (start, include) = self.oid()?;
        let (end, _) = self.oid()?;
        Ok(SearchRange { start, include, end })
    }

    fn var_bind(&mut self) -> Result<VarBind, PduError> {
        let kind = self.u16()?;
        let _reserved = self.u16()?;
        let (name, _) = self.oid()?;
        let content = match kind {
            2 => Content::Value(Value::Integer(self.u32()?.cast_signed())),
            4 => Content::Value(Value::OctetString(self.octets()?)),
            5 => Content::Null,
            6 => Content::Value(Value::ObjectIdentifier(self.oid()?.0)),
            64 => {
                let octets = self.octets()?;
                let address = octets.try_into().map_err(|_| PduError::ValueLength)?;
                Content::Value(Value::IpAddress(address))
            }
            65 => Content::Value(Value::Counter32(self.u32()?)),
            66 => Content::Value(Value::Gauge32(self.u32()?)),
            67 => Content::Value(Value::TimeTicks(self.u32()?)),
            68 => Content::Value(Value::Opaque(self.octets()?)),
            70 => Content::Value(Value::Counter64(self.u64()?)),
            128 => Content::NoSuchObject,
            129 => Content::NoSuchInstance,
            130 => Content::EndOfMibView,
            other => return Err(PduError::ValueType(other)),
        };
        Ok(VarBind { name, content })
    }

    /// All that is left of the payload.
    fn rest<T>(&mut self, one: fn(&mut Self) -> Result<T, PduError>) -> Result<Vec<T>, PduError> {
        let mut all = Vec::new();
        while !self.bytes.is_empty() {
            all.push(one(self)?);
        }
        Ok(all)
    }

    fn registration(&mut self, start: Start) -> Result<Registration, PduError> {
        let [timeout_s, priority, range_part, _] = self.array()?;
        let (subtree, _) = self.oid()?;
        let range_end = (range_part != 0).then(|| self.u32()).transpose()?;
        Ok(Registration {
            timeout_s,
            priority,
            range_part,
            subtree,
            range_end,
            is_instance: start.flags & INSTANCE_REGISTRATION != 0,
        })
    }

    fn close_reason(&mut self) -> Result<CloseReason, PduError> {
        let [reason, ..] = self.array::<4>()?;
        Ok(match reason {
            2 => CloseReason::ParseError,
            3 => CloseReason::ProtocolError,
            4 => CloseReason::Timeouts,
            5 => CloseReason::Shutdown,
            6 => CloseReason::ByManager,
            // 1, and what later versions may add.
            _ => CloseReason::Other,
        })
    }

    fn response(&mut self) -> Result<Response, PduError> {
        Ok(Response {
            up_time: self.u32()?,
            error: self.u16()?,
            index: self.u16()?,
            objects: self.rest(Self::var_bind)?,
        })
    }

    fn body(&mut self, start: Start) -> Result<Body, PduError> {
        Ok(match start.kind {
            1 => {
                let [timeout_s, ..] = self.array::<4>()?;
                Body::Open {
                    timeout_s,
                    id: self.oid()?.0,
                    description: self.octets()?,
                }
            }
            2 => Body::Close(self.close_reason()?),
            3 => Body::Register(self.registration(start)?),
            4 => Body::Unregister(self.registration(start)?),
            5 => Body::Get(self.rest(Self::range)?),
            6 => Body::GetNext(self.rest(Self::range)?),
            7 => Body::GetBulk {
                non_repeaters: self.u16()?,
                max_repetitions: self.u16()?,
                ranges: self.rest(Self::range)?,
            },
            8 => Body::TestSet(self.rest(Self::var_bind)?),
            9 => Body::CommitSet,
            10 => Body::UndoSet,
            11 => Body::CleanupSet,
            12 => Body::Notify(self.rest(Self::var_bind)?),
            13 => Body::Ping,
            14 => Body::IndexAllocate(self.rest(Self::var_bind)?),
            15 => Body::IndexDeallocate(self.rest(Self::var_bind)?),
            16 => Body::AddAgentCaps {
                id: self.oid()?.0,
                description: self.octets()?,
            },
            17 => Body::RemoveAgentCaps(self.oid()?.0),
            18 => Body::Response(self.response()?),
            other => return Err(PduError::Kind(other)),
        })
    }
}
