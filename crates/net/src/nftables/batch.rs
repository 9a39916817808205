//! Changes that belong together.

use super::DataType;
use super::expression::{Expression, LIST_ELEMENT, number, text, value_of};
use crate::netlink::{self, RequestWriter};

const SUBSYSTEM: u16 = 10 << 8;
const NEW_TABLE: u16 = SUBSYSTEM;
pub(super) const DELETE_TABLE: u16 = SUBSYSTEM | 2;
const NEW_CHAIN: u16 = SUBSYSTEM | 3;
const NEW_RULE: u16 = SUBSYSTEM | 6;
const NEW_SET: u16 = SUBSYSTEM | 9;
const NEW_ELEMENTS: u16 = SUBSYSTEM | 0xc;
const DELETE_ELEMENTS: u16 = SUBSYSTEM | 0xe;
/// `NFNL_MSG_BATCH_BEGIN`, `NFNL_MSG_BATCH_END`; in their header stands what the batch is for.
const BATCH_BEGIN: u16 = 16;
const BATCH_END: u16 = 17;
const BATCH_FOR_NFTABLES: u16 = 10;
/// `NLM_F_APPEND`
const APPEND: u16 = 0x800;
/// The list of elements in one message must not exceed 64 KiB; an element has less than 120 bytes.
const ELEMENTS_AT_ONCE: usize = 500;

/// The family of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TableFamily {
    /// `ip`
    Ip,
    /// `ip6`
    Ip6,
    /// `inet`
    Inet,
}

impl TableFamily {
    const fn number(self) -> u8 {
        match self {
            Self::Inet => 1,
            Self::Ip => 2,
            Self::Ip6 => 10,
        }
    }

    /// `None`: a family that we have no tables of.
    pub(super) const fn of(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Inet),
            2 => Some(Self::Ip),
            10 => Some(Self::Ip6),
            _ => None,
        }
    }
}

/// The name of a table.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Table {
    /// Its family.
    pub family: TableFamily,
    /// At most 255 bytes.
    pub name: String,
}

/// Where a base chain hooks into the way of packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Hook {
    /// `prerouting`
    Prerouting,
    /// `input`
    Input,
    /// `output`
    Output,
}

impl Hook {
    const fn number(self) -> u32 {
        match self {
            Self::Prerouting => 0,
            Self::Input => 1,
            Self::Output => 3,
        }
    }
}

/// A chain of rules, of type `filter` and with the policy `accept` if it hooks in somewhere.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Chain {
    /// Its name.
    pub name: String,
    /// Where it hooks in and with which priority; absent: others jump or go to it.
    pub hook: Option<(Hook, i32)>,
}

/// What sets can be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SetFlags {
    /// Its elements never change while rules use it.
    pub constant: bool,
    /// Keys are intervals.
    pub interval: bool,
}

/// A set, or a map if it has data.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Set {
    /// Its name.
    pub name: String,
    /// What the keys are.
    pub key: DataType,
    /// Bytes of a key; each part of a key of several is filled up to four bytes.
    pub key_bytes: u32,
    /// What a map leads to, and its bytes.
    pub data: Option<(DataType, u32)>,
    /// What it can be.
    pub flags: SetFlags,
    /// Bytes of each part of a key of several whose parts are intervals of their own (Linux 5.6 and later); else empty.
    pub interval_parts: Vec<u32>,
    /// Each element counts packets and bytes (Linux 5.7 and later).
    pub counters: bool,
    /// Number of the set within its batch, different from those of others there.
    pub id: u32,
}

impl Set {
    /// What the kernel only keeps for `nft`: the order of bytes, without which it shows numbers back to front.
    fn notes_for_nft(&self) -> Vec<u8> {
        const KEY_BYTE_ORDER: u8 = 0;
        const DATA_BYTE_ORDER: u8 = 1;
        let mut notes = Vec::with_capacity(12);
        let mut note = |kind: u8, of: DataType| {
            notes.extend([kind, 4]);
            notes.extend(of.byte_order().to_ne_bytes());
        };
        note(KEY_BYTE_ORDER, self.key);
        if let Some((data, _)) = self.data {
            note(DATA_BYTE_ORDER, data);
        }
        notes
    }

    fn encode_parts(&self, parts: &mut RequestWriter) {
        for bytes in &self.interval_parts {
            parts.nested(LIST_ELEMENT, |part| number(part, 1, *bytes));
        }
    }
}

/// An element of a set, or of a map.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Element {
    /// The key.
    pub key: Vec<u8>,
    /// The data, in maps.
    pub data: Option<Vec<u8>>,
    /// The key is where an interval ends, and does not belong to it any more.
    pub is_interval_end: bool,
    /// The last key, in sets whose parts are intervals ([`Set::interval_parts`]).
    pub last_key: Option<Vec<u8>>,
}

impl Element {
    /// An element of a set.
    pub fn of_set(key: Vec<u8>) -> Self {
        Self {
            key,
            data: None,
            is_interval_end: false,
            last_key: None,
        }
    }

    /// An element of a map.
    pub fn of_map(key: Vec<u8>, data: Vec<u8>) -> Self {
        Self {
            key,
            data: Some(data),
            is_interval_end: false,
            last_key: None,
        }
    }

    /// An element of a map from intervals, part by part: both keys belong to it.
    pub fn of_interval_map(first: Vec<u8>, last: Vec<u8>, data: Vec<u8>) -> Self {
        Self {
            last_key: Some(last),
            ..Self::of_map(first, data)
        }
    }
}

/// Changes that the kernel makes together or not at all, in this order.
#[derive(Debug, Default)]
pub struct Batch {
    writer: RequestWriter,
    /// Messages so far; each has its place as its number, from 1.
    count: u32,
}

impl Batch {
    /// Whether nothing is to be done.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Makes a table; one that is there is fine.
    pub fn add_table(&mut self, table: &Table) {
        self.message(NEW_TABLE, netlink::CREATE, table.family, |body| {
            text(body, 1, &table.name);
        });
    }

    /// Deletes a table with everything in it, whether it is there or not.
    pub fn remove_table(&mut self, table: &Table) {
        self.add_table(table);
        self.message(DELETE_TABLE, 0, table.family, |body| text(body, 1, &table.name));
    }

    /// Makes a chain; the same one that is there already is fine.
    pub fn add_chain(&mut self, table: &Table, chain: &Chain) {
        const POLICY_ACCEPT: u32 = 1;
        self.message(NEW_CHAIN, netlink::CREATE, table.family, |body| {
            text(body, 1, &table.name);
            text(body, 3, &chain.name);
            if let Some((hook, priority)) = chain.hook {
                body.nested(4, |at| {
                    number(at, 1, hook.number());
                    at.attribute(2, &priority.to_be_bytes());
                });
                number(body, 5, POLICY_ACCEPT);
                text(body, 7, "filter");
            }
        });
    }

    /// Makes a set or map; the same one that is there already is fine.
    pub fn add_set(&mut self, table: &Table, set: &Set) {
        const CONSTANT: u32 = 2;
        const INTERVAL: u32 = 4;
        const MAP: u32 = 8;
        const CONCATENATED: u32 = 0x80;
        let of_parts = !set.interval_parts.is_empty();
        let flags = [
            (set.flags.constant, CONSTANT),
            (set.flags.interval || of_parts, INTERVAL),
            (set.data.is_some(), MAP),
            (of_parts, CONCATENATED),
        ];
        let flags = flags
            .into_iter()
            .filter(|(set, _)| *set)
            .fold(0, |all, (_, flag)| all | flag);
        self.message(NEW_SET, netlink::CREATE, table.family, |body| {
            text(body, 1, &table.name);
            text(body, 2, &set.name);
            number(body, 3, flags);
            number(body, 4, set.key.0);
            number(body, 5, set.key_bytes);
            if let Some((data, bytes)) = set.data {
                number(body, 6, data.0);
                number(body, 7, bytes);
            }
            if of_parts {
                body.nested(9, |description| description.nested(2, |parts| set.encode_parts(parts)));
            }
            number(body, 10, set.id);
            body.attribute(13, &set.notes_for_nft());
            if set.counters {
                body.nested(17, |expression| text(expression, 1, "counter"));
            }
        });
    }

    /// Adds elements; those that are there are fine.
    pub fn add_elements(&mut self, table: &Table, set: &str, elements: &[Element]) {
        self.elements(NEW_ELEMENTS, netlink::CREATE, table, set, elements);
    }

    /// Removes elements. One that is not there is an error, and then nothing of the batch happens.
    pub fn remove_elements(&mut self, table: &Table, set: &str, elements: &[Element]) {
        self.elements(DELETE_ELEMENTS, 0, table, set, elements);
    }

    fn elements(&mut self, kind: u16, flags: u16, table: &Table, set: &str, elements: &[Element]) {
        for elements in elements.chunks(ELEMENTS_AT_ONCE) {
            self.message(kind, flags, table.family, |body| {
                text(body, 1, &table.name);
                text(body, 2, set);
                body.nested(3, |list| {
                    for element in elements {
                        list.nested(LIST_ELEMENT, |body| element.encode(body));
                    }
                });
            });
        }
    }

    /// Appends a rule to a chain. Whatever it names must be there or come earlier in the batch.
    pub fn add_rule(&mut self, table: &Table, chain: &str, expressions: &[Expression]) {
        self.message(NEW_RULE, netlink::CREATE | APPEND, table.family, |body| {
            text(body, 1, &table.name);
            text(body, 2, chain);
            body.nested(4, |list| {
                for expression in expressions {
                    expression.encode(list);
                }
            });
        });
    }

    fn message(&mut self, kind: u16, flags: u16, family: TableFamily, body: impl FnOnce(&mut RequestWriter)) {
        if self.is_empty() {
            self.boundary(BATCH_BEGIN);
        }
        self.count = self.count.saturating_add(1);
        let flags = netlink::REQUEST | netlink::ACK | flags;
        self.writer.message(kind, flags, self.count, |writer| {
            writer.fixed(&[family.number(), 0, 0, 0]);
            body(writer);
        });
    }

    fn boundary(&mut self, kind: u16) {
        let [high, low] = BATCH_FOR_NFTABLES.to_be_bytes();
        // Its own number is 0, which no change has.
        self.writer
            .message(kind, netlink::REQUEST, 0, |writer| writer.fixed(&[0, 0, high, low]));
    }

    /// The bytes to send, and how many answers come.
    pub(super) fn finish(mut self) -> (RequestWriter, u32) {
        self.boundary(BATCH_END);
        (self.writer, self.count)
    }
}

impl Element {
    fn encode(&self, body: &mut RequestWriter) {
        const INTERVAL_END: u32 = 1;
        value_of(body, 1, &self.key);
        if let Some(data) = &self.data {
            value_of(body, 2, data);
        }
        if self.is_interval_end {
            number(body, 3, INTERVAL_END);
        }
        if let Some(last) = &self.last_key {
            value_of(body, 10, last);
        }
    }
}
