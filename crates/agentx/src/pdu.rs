//! AgentX packets (RFC 2741 section 6).
#![deny(clippy::arithmetic_side_effects)]

mod read;
mod write;

use crate::oid::Oid;
use crate::value::Value;

/// Bytes of a header.
pub const HEADER_LENGTH: usize = 20;

/// More than any packet of a master agent takes: what a manager asks for fits into a datagram.
pub const LONGEST_PAYLOAD: usize = 256 * 1024;

/// Why bytes are no AgentX packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PduError {
    /// Fewer bytes than it says it has
    #[error("it ends too early")]
    TooShort,
    /// Bytes behind its end
    #[error("it has bytes behind its end")]
    TooLong,
    /// A version other than 1
    #[error("version {0}, not 1")]
    Version(u8),
    /// A kind that RFC 2741 does not know
    #[error("unknown kind {0}")]
    Kind(u8),
    /// A payload that is larger than any sensible one
    #[error("a payload of {0} bytes")]
    Payload(u32),
    /// A type of value that RFC 2741 does not know
    #[error("unknown type of value {0}")]
    ValueType(u16),
    /// A value of a length that its type does not have
    #[error("a value of a wrong length")]
    ValueLength,
    /// An object identifier of more than 128 parts
    #[error("an object identifier that is too long")]
    Oid,
}

/// Which conversation a packet belongs to, and how its numbers are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Header {
    /// The session; 0 until it is open
    pub session: u32,
    /// The manager's request that it belongs to
    pub transaction: u32,
    /// The request that it is, or answers
    pub packet: u32,
    /// Numbers begin with their most significant byte
    pub big_endian: bool,
}

/// A packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pdu {
    /// Which conversation it belongs to
    pub header: Header,
    /// The context of SNMP; `None`: the usual one
    pub context: Option<Vec<u8>>,
    /// What it says
    pub body: Body,
}

/// What a packet says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// A subagent comes
    Open {
        /// After so many seconds without an answer its objects count as out of order; 0: as the master likes
        timeout_s: u8,
        /// What kind of subagent it is
        id: Oid,
        /// The same in words
        description: Vec<u8>,
    },
    /// A session ends
    Close(CloseReason),
    /// A subagent answers for a subtree
    Register(Registration),
    /// It does not any more
    Unregister(Registration),
    /// Values of objects
    Get(Vec<SearchRange>),
    /// Objects behind others
    GetNext(Vec<SearchRange>),
    /// Many objects behind others
    GetBulk {
        /// Of the first so many ranges only one object each
        non_repeaters: u16,
        /// Of the others so many
        max_repetitions: u16,
        /// Where to look
        ranges: Vec<SearchRange>,
    },
    /// Could these be set?
    TestSet(Vec<VarBind>),
    /// Set them
    CommitSet,
    /// Set them back
    UndoSet,
    /// That was all about setting them
    CleanupSet,
    /// A trap
    Notify(Vec<VarBind>),
    /// Is there somebody?
    Ping,
    /// Numbers of rows that only one subagent has
    IndexAllocate(Vec<VarBind>),
    /// They are free again
    IndexDeallocate(Vec<VarBind>),
    /// A line for the list of what the agent serves
    AddAgentCaps {
        /// What is served
        id: Oid,
        /// In words
        description: Vec<u8>,
    },
    /// The line goes
    RemoveAgentCaps(Oid),
    /// An answer
    Response(Response),
}

/// Why a session ends (RFC 2741 section 6.2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum CloseReason {
    /// For none of the others
    Other = 1,
    /// Packets were not understood
    ParseError = 2,
    /// Packets broke the rules
    ProtocolError = 3,
    /// Too many requests without an answer
    Timeouts = 4,
    /// It comes to its end
    Shutdown = 5,
    /// A manager wants it
    ByManager = 6,
}

/// A subtree that a subagent answers for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// For these objects alone; 0: as for the session
    pub timeout_s: u8,
    /// Of several for one object the lowest number is asked; usually 127
    pub priority: u8,
    /// Which part of the identifier counts through a range; 0: none
    pub range_part: u8,
    /// The root
    pub subtree: Oid,
    /// The last number of the range, if there is one
    pub range_end: Option<u32>,
    /// It is one object, not a subtree
    pub is_instance: bool,
}

/// Where to look for an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchRange {
    /// From here
    pub start: Oid,
    /// `start` counts, too
    pub include: bool,
    /// Up to here, which does not count; empty: without an end
    pub end: Oid,
}

/// An object with what there is to say of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VarBind {
    /// Which
    pub name: Oid,
    /// What
    pub content: Content,
}

/// What there is to say of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Its value
    Value(Value),
    /// Nothing yet
    Null,
    /// There is no such kind of object
    NoSuchObject,
    /// There is not this one
    NoSuchInstance,
    /// There is none behind it
    EndOfMibView,
}

/// An answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Response {
    /// How long the agent has been running, hundredths of a second; 0 from a subagent
    pub up_time: u32,
    /// 0, or what is wrong, with the numbers of SNMP and of RFC 2741 section 6.2.16
    pub error: u16,
    /// With which object, counted from 1
    pub index: u16,
    /// The answers
    pub objects: Vec<VarBind>,
}

/// Numbers of what is wrong that are only AgentX's.
pub mod error {
    /// No session is opened
    pub const OPEN_FAILED: u16 = 256;
    /// There is no such session
    pub const NOT_OPEN: u16 = 257;
    /// There is no such context
    pub const UNSUPPORTED_CONTEXT: u16 = 262;
    /// Somebody else answers for the subtree
    pub const DUPLICATE_REGISTRATION: u16 = 263;
    /// A packet was not understood
    pub const PARSE_ERROR: u16 = 266;
    /// The master agent does not want to
    pub const REQUEST_DENIED: u16 = 267;
    /// Something else
    pub const PROCESSING_ERROR: u16 = 268;
}

/// What is wrong, in words.
pub fn error_text(error: u16) -> String {
    let text = match error {
        5 => "general error",
        error::OPEN_FAILED => "no session is opened",
        error::NOT_OPEN => "there is no such session",
        error::UNSUPPORTED_CONTEXT => "there is no such context",
        error::DUPLICATE_REGISTRATION => "another subagent answers for it",
        error::PARSE_ERROR => "a packet was not understood",
        error::REQUEST_DENIED => "the master agent does not want to",
        error::PROCESSING_ERROR => "the master agent could not process it",
        other => return format!("error {other}"),
    };
    text.to_owned()
}

impl Pdu {
    /// Reads a packet that `bytes` hold whole.
    pub fn decode(bytes: &[u8]) -> Result<Self, PduError> {
        read::packet(bytes)
    }

    /// The packet's bytes.
    pub fn encode(&self) -> Vec<u8> {
        write::packet(self)
    }
}

/// How many bytes the packet takes that `bytes` begin with; `None`: it takes more to know.
pub fn length_of(bytes: &[u8]) -> Result<Option<usize>, PduError> {
    let Some(header) = bytes.first_chunk::<HEADER_LENGTH>() else {
        return Ok(None);
    };
    let (_, payload) = read::header(header)?;
    Ok(Some(HEADER_LENGTH.saturating_add(payload)))
}
