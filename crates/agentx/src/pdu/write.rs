//! From packets to bytes.

use super::{Body, Content, HEADER_LENGTH, Pdu, Registration, SearchRange, VarBind};
use crate::oid::Oid;
use crate::value::Value;

const INSTANCE_REGISTRATION: u8 = 0x01;
const NON_DEFAULT_CONTEXT: u8 = 0x08;
const NETWORK_BYTE_ORDER: u8 = 0x10;

/// A whole packet.
pub(super) fn packet(pdu: &Pdu) -> Vec<u8> {
    let header = &pdu.header;
    let mut payload = Writer {
        bytes: Vec::new(),
        big_endian: header.big_endian,
    };
    if let Some(context) = &pdu.context {
        payload.octets(context);
    }
    payload.body(&pdu.body);
    let mut flags = 0;
    if pdu.context.is_some() {
        flags |= NON_DEFAULT_CONTEXT;
    }
    if header.big_endian {
        flags |= NETWORK_BYTE_ORDER;
    }
    if let Body::Register(registration) | Body::Unregister(registration) = &pdu.body
        && registration.is_instance
    {
        flags |= INSTANCE_REGISTRATION;
    }
    let mut all = Writer {
        bytes: Vec::with_capacity(HEADER_LENGTH.saturating_add(payload.bytes.len())),
        big_endian: header.big_endian,
    };
    all.bytes.extend([1, kind(&pdu.body), flags, 0]);
    for number in [header.session, header.transaction, header.packet] {
        all.u32(number);
    }
    all.length(payload.bytes.len());
    all.bytes.extend(payload.bytes);
    all.bytes
}

fn kind(body: &Body) -> u8 {
    match body {
        Body::Open { .. } => 1,
        Body::Close(_) => 2,
        Body::Register(_) => 3,
        Body::Unregister(_) => 4,
        Body::Get(_) => 5,
        Body::GetNext(_) => 6,
        Body::GetBulk { .. } => 7,
        Body::TestSet(_) => 8,
        Body::CommitSet => 9,
        Body::UndoSet => 10,
        Body::CleanupSet => 11,
        Body::Notify(_) => 12,
        Body::Ping => 13,
        Body::IndexAllocate(_) => 14,
        Body::IndexDeallocate(_) => 15,
        Body::AddAgentCaps { .. } => 16,
        Body::RemoveAgentCaps(_) => 17,
        Body::Response(_) => 18,
    }
}

struct Writer {
    bytes: Vec<u8>,
    big_endian: bool,
}

impl Writer {
    fn u16(&mut self, number: u16) {
        self.bytes.extend(if self.big_endian {
            number.to_be_bytes()
        } else {
            number.to_le_bytes()
        });
    }

    fn u32(&mut self, number: u32) {
        self.bytes.extend(if self.big_endian {
            number.to_be_bytes()
        } else {
            number.to_le_bytes()
        });
    }

    fn u64(&mut self, number: u64) {
        self.bytes.extend(if self.big_endian {
            number.to_be_bytes()
        } else {
            number.to_le_bytes()
        });
    }

    fn length(&mut self, length: usize) {
        self.u32(u32::try_from(length).unwrap_or(u32::MAX));
    }

    fn octets(&mut self, octets: &[u8]) {
        self.length(octets.len());
        self.bytes.extend_from_slice(octets);
        let padded = self.bytes.len().next_multiple_of(4);
        self.bytes.resize(padded, 0);
    }

    fn oid(&mut self, oid: &Oid, include: bool) {
        let short = match oid.parts() {
            [1, 3, 6, 1, prefix, rest @ ..] => u8::try_from(*prefix).ok().filter(|prefix| *prefix != 0).zip(Some(rest)),
            _ => None,
        };
        let (prefix, parts) = short.unwrap_or((0, oid.parts()));
        // There are never more than 128.
        let count = u8::try_from(parts.len()).unwrap_or(u8::MAX);
        self.bytes.extend([count, prefix, u8::from(include), 0]);
        for part in parts {
            self.u32(*part);
        }
    }

    fn ranges(&mut self, ranges: &[SearchRange]) {
        for range in ranges {
            self.oid(&range.start, range.include);
            self.oid(&range.end, false);
        }
    }

    fn var_binds(&mut self, objects: &[VarBind]) {
        for object in objects {
            self.u16(type_of(&object.content));
            self.u16(0);
            self.oid(&object.name, false);
            if let Content::Value(value) = &object.content {
                self.value(value);
            }
        }
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::Integer(number) => self.u32(number.cast_unsigned()),
            Value::OctetString(octets) | Value::Opaque(octets) => self.octets(octets),
            Value::ObjectIdentifier(oid) => self.oid(oid, false),
            Value::IpAddress(address) => self.octets(address),
            Value::Counter32(number) | Value::Gauge32(number) | Value::TimeTicks(number) => self.u32(*number),
            Value::Counter64(number) => self.u64(*number),
        }
    }

    fn registration(&mut self, registration: &Registration) {
        let range_part = if registration.range_end.is_some() {
            registration.range_part
        } else {
            0
        };
        self.bytes
            .extend([registration.timeout_s, registration.priority, range_part, 0]);
        self.oid(&registration.subtree, false);
        if let Some(end) = registration.range_end.filter(|_| range_part != 0) {
            self.u32(end);
        }
    }

    fn body(&mut self, body: &Body) {
        match body {
            Body::Open {
                timeout_s,
                id,
                description,
            } => {
                self.bytes.extend([*timeout_s, 0, 0, 0]);
                self.oid(id, false);
                self.octets(description);
            }
            Body::Close(reason) => self.bytes.extend([*reason as u8, 0, 0, 0]),
            Body::Register(registration) | Body::Unregister(registration) => self.registration(registration),
            Body::Get(ranges) | Body::GetNext(ranges) => self.ranges(ranges),
            Body::GetBulk {
                non_repeaters,
                max_repetitions,
                ranges,
            } => {
                self.u16(*non_repeaters);
                self.u16(*max_repetitions);
                self.ranges(ranges);
            }
            Body::TestSet(objects)
            | Body::Notify(objects)
            | Body::IndexAllocate(objects)
            | Body::IndexDeallocate(objects) => self.var_binds(objects),
            Body::CommitSet | Body::UndoSet | Body::CleanupSet | Body::Ping => {}
            Body::AddAgentCaps { id, description } => {
                self.oid(id, false);
                self.octets(description);
            }
            Body::RemoveAgentCaps(id) => self.oid(id, false),
            Body::Response(response) => {
                self.u32(response.up_time);
                self.u16(response.error);
                self.u16(response.index);
                self.var_binds(&response.objects);
            }
        }
    }
}

fn type_of(content: &Content) -> u16 {
    match content {
        Content::Value(Value::Integer(_)) => 2,
        Content::Value(Value::OctetString(_)) => 4,
        Content::Null => 5,
        Content::Value(Value::ObjectIdentifier(_)) => 6,
        Content::Value(Value::IpAddress(_)) => 64,
        Content::Value(Value::Counter32(_)) => 65,
        Content::Value(Value::Gauge32(_)) => 66,
        Content::Value(Value::TimeTicks(_)) => 67,
        Content::Value(Value::Opaque(_)) => 68,
        Content::Value(Value::Counter64(_)) => 70,
        Content::NoSuchObject => 128,
        Content::NoSuchInstance => 129,
        Content::EndOfMibView => 130,
    }
}
