//! What rules are made of (`linux/netfilter/nf_tables.h`).

use crate::netlink::RequestWriter;

/// `NFTA_LIST_ELEM`
pub(super) const LIST_ELEMENT: u16 = 1;
/// `NFTA_DATA_VALUE`
const DATA_VALUE: u16 = 1;
/// `NFTA_DATA_VERDICT`
const DATA_VERDICT: u16 = 2;
/// Verdicts of nftables itself are negative.
const CODE_JUMP: i32 = -3;
const CODE_GOTO: i32 = -4;
const CODE_RETURN: i32 = -5;

/// A place for up to 16 bytes while a rule is worked on. What is longer runs on into the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Register(u32);

impl Register {
    /// The first of four registers of 16 bytes.
    pub const FIRST: Self = Self(1);
    /// The second one.
    pub const SECOND: Self = Self(2);
    /// The third one.
    pub const THIRD: Self = Self(3);
    const VERDICT: Self = Self(0);

    /// One of 16 registers of four bytes each, 0 to 15: the same places, cut finer, for keys of several short parts.
    pub const fn word(number: u32) -> Self {
        /// `NFT_REG32_00`
        const FIRST_WORD: u32 = 8;
        Self(FIRST_WORD.saturating_add(number))
    }
}

/// Where in a packet bytes are counted from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PayloadBase {
    /// The IP header.
    Network,
    /// What follows the IP headers.
    Transport,
}

/// How a register compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// Equal.
    Equal,
    /// Not equal.
    NotEqual,
}

/// What is known about a packet beside its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MetaKey {
    /// `mark`, 4 bytes.
    Mark,
    /// `iif`, 4 bytes.
    InputIndex,
    /// `oif`, 4 bytes.
    OutputIndex,
    /// `iifname`, 16 bytes.
    InputName,
    /// `oifname`, 16 bytes.
    OutputName,
    /// `l4proto`, 1 byte.
    TransportProtocol,
    /// `oifkind`, 16 bytes: the kind of the driver, as in `ip link`.
    OutputKind,
}

impl MetaKey {
    const fn number(self) -> u32 {
        match self {
            Self::Mark => 3,
            Self::InputIndex => 4,
            Self::OutputIndex => 5,
            Self::InputName => 6,
            Self::OutputName => 7,
            Self::TransportProtocol => 16,
            Self::OutputKind => 27,
        }
    }
}

/// How a rule ends.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// `drop`
    Drop,
    /// `accept`
    Accept,
    /// `return`
    Return,
    /// `goto CHAIN`
    Goto(String),
    /// `jump CHAIN`
    Jump(String),
}

/// One step of a rule. A rule goes on to the next step only when this one holds.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Expression {
    /// Loads bytes of the packet.
    Payload {
        /// Where the offset counts from.
        base: PayloadBase,
        /// First byte.
        offset: u32,
        /// Number of bytes.
        length: u32,
        /// Where to put them.
        to: Register,
    },
    /// Loads something known about the packet.
    Meta {
        /// What.
        key: MetaKey,
        /// Where to put it.
        to: Register,
    },
    /// Sets something known about the packet.
    SetMeta {
        /// What.
        key: MetaKey,
        /// Where it comes from.
        from: Register,
    },
    /// Compares with a constant.
    Compare {
        /// What to compare.
        from: Register,
        /// How.
        how: Comparison,
        /// With these bytes.
        value: Vec<u8>,
    },
    /// Masks the bytes in a register, in place.
    Mask {
        /// Which register.
        register: Register,
        /// As many bytes as count.
        mask: Vec<u8>,
    },
    /// Is in a set; with `to`, is in a map, whose data goes there.
    Lookup {
        /// Name of the set or map, in the same table.
        set: String,
        /// The key.
        from: Register,
        /// Where the data goes, of maps.
        to: Option<Register>,
    },
    /// Counts packets and bytes.
    Counter,
    /// Sends a copy to an address over an interface; only in tables of one family of IP.
    Duplicate {
        /// Where the address is.
        address: Register,
        /// Where the number of the interface is.
        interface: Register,
    },
    /// Ends.
    Verdict(Verdict),
}

impl Expression {
    /// Bytes of the IP header.
    pub const fn network(offset: u32, length: u32, to: Register) -> Self {
        Self::Payload {
            base: PayloadBase::Network,
            offset,
            length,
            to,
        }
    }

    /// Is equal to these bytes.
    pub fn equal(from: Register, value: &[u8]) -> Self {
        Self::Compare {
            from,
            how: Comparison::Equal,
            value: value.to_vec(),
        }
    }

    /// Is in a set.
    pub fn is_in(set: &str, from: Register) -> Self {
        Self::Lookup {
            set: set.to_owned(),
            from,
            to: None,
        }
    }

    const fn name(&self) -> &'static str {
        match self {
            Self::Payload { .. } => "payload",
            Self::Meta { .. } | Self::SetMeta { .. } => "meta",
            Self::Compare { .. } => "cmp",
            Self::Mask { .. } => "bitwise",
            Self::Lookup { .. } => "lookup",
            Self::Counter => "counter",
            Self::Duplicate { .. } => "dup",
            Self::Verdict(_) => "immediate",
        }
    }

    /// Appends this step to the list of a rule.
    pub(super) fn encode(&self, list: &mut RequestWriter) {
        const NAME: u16 = 1;
        const DATA: u16 = 2;
        list.nested(LIST_ELEMENT, |element| {
            text(element, NAME, self.name());
            element.nested(DATA, |data| self.encode_data(data));
        });
    }

    fn encode_data(&self, data: &mut RequestWriter) {
        match self {
            Self::Payload {
                base,
                offset,
                length,
                to,
            } => {
                let base = match base {
                    PayloadBase::Network => 1,
                    PayloadBase::Transport => 2,
                };
                numbers(data, &[(1, to.0), (2, base), (3, *offset), (4, *length)]);
            }
            Self::Meta { key, to } => numbers(data, &[(2, key.number()), (1, to.0)]),
            Self::SetMeta { key, from } => numbers(data, &[(2, key.number()), (3, from.0)]),
            Self::Compare { from, how, value } => {
                let how = match how {
                    Comparison::Equal => 0,
                    Comparison::NotEqual => 1,
                };
                numbers(data, &[(1, from.0), (2, how)]);
                value_of(data, 3, value);
            }
            Self::Mask { register, mask } => {
                let length = u32::try_from(mask.len()).unwrap_or(u32::MAX);
                numbers(data, &[(1, register.0), (2, register.0), (3, length)]);
                value_of(data, 4, mask);
                value_of(data, 5, &vec![0; mask.len()]);
            }
            Self::Lookup { set, from, to } => {
                text(data, 1, set);
                number(data, 2, from.0);
                if let Some(to) = to {
                    number(data, 3, to.0);
                }
            }
            Self::Counter => {
                data.attribute(1, &0_u64.to_be_bytes());
                data.attribute(2, &0_u64.to_be_bytes());
            }
            Self::Duplicate { address, interface } => numbers(data, &[(1, address.0), (2, interface.0)]),
            Self::Verdict(verdict) => {
                number(data, 1, Register::VERDICT.0);
                data.nested(2, |value| verdict.encode(value));
            }
        }
    }
}

impl Verdict {
    fn encode(&self, value: &mut RequestWriter) {
        let (code, chain) = match self {
            Self::Drop => (0, None),
            Self::Accept => (1, None),
            Self::Return => (CODE_RETURN, None),
            Self::Goto(chain) => (CODE_GOTO, Some(chain)),
            Self::Jump(chain) => (CODE_JUMP, Some(chain)),
        };
        value.nested(DATA_VERDICT, |verdict| {
            verdict.attribute(1, &code.to_be_bytes());
            if let Some(chain) = chain {
                text(verdict, 2, chain);
            }
        });
    }
}

/// Numbers of nftables are in network order.
pub(super) fn number(writer: &mut RequestWriter, kind: u16, value: u32) {
    writer.attribute(kind, &value.to_be_bytes());
}

fn numbers(writer: &mut RequestWriter, values: &[(u16, u32)]) {
    for (kind, value) in values {
        number(writer, *kind, *value);
    }
}

/// A string with its closing zero.
pub(super) fn text(writer: &mut RequestWriter, kind: u16, value: &str) {
    let mut bytes = value.as_bytes().to_vec();
    bytes.push(0);
    writer.attribute(kind, &bytes);
}

/// Plain bytes as `NFTA_DATA_VALUE` within an attribute.
pub(super) fn value_of(writer: &mut RequestWriter, kind: u16, value: &[u8]) {
    writer.nested(kind, |data| data.attribute(DATA_VALUE, value));
}
