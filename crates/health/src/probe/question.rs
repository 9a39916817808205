//! What the checks other than `HTTP_GET` ask, and what they expect of the answer.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Connection;

/// `MISC_CHECK`: a command whose exit status tells.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct MiscProbe {
    /// The command with its user, as whoever runs it knows it.
    pub script: String,
    /// How long it may run.
    pub timeout: Duration,
    /// `misc_dynamic`: exit status 2–255 is a success, with that weight less 2.
    pub dynamic: bool,
}

/// `FILE_CHECK`: the number in a file.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FileProbe {
    /// Name of the `track_file` block.
    pub file: String,
    /// The number times this is added to the weight of the server; 0: any number but 0 is a failure.
    pub weight: i32,
    /// The other way round.
    pub reverse: bool,
}

impl FileProbe {
    /// What a number means: how much it adds to the weight.
    ///
    /// # Errors
    /// A number that is a failure.
    pub fn judge(&self, number: i64) -> Result<i64, i64> {
        let weight = match (self.weight, self.reverse) {
            (0, reverse) => return if (number == 0) == reverse { Err(number) } else { Ok(0) },
            (weight, false) => i64::from(weight),
            (weight, true) => -i64::from(weight),
        };
        let sum = number.saturating_mul(weight);
        // keepalived's sign of a fault: the smallest number that it counts with.
        if sum <= i64::from(i32::MIN) {
            Err(number)
        } else {
            Ok(sum)
        }
    }
}

impl MiscProbe {
    /// What an exit status means: the weight that it asks for, if any, or a failure.
    ///
    /// # Errors
    /// A status that is a failure.
    pub fn judge(&self, status: i32) -> Result<Option<u32>, i32> {
        match u32::try_from(status) {
            Ok(0) => Ok(None),
            Ok(dynamic @ 2..=255) if self.dynamic => Ok(Some(dynamic - 2)),
            _ => Err(status),
        }
    }
}

/// `SMTP_CHECK`: greeting, `HELO`, `QUIT`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SmtpProbe {
    /// Where to connect to, and how.
    pub connection: Connection,
    /// The name in `HELO`.
    pub helo_name: String,
}

/// `DNS_CHECK`: one query that a name server answers without an error.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DnsProbe {
    /// Where to send the query, and how.
    pub connection: Connection,
    /// The type of records (QTYPE).
    pub query_type: DnsType,
    /// The name that is asked for, without a dot at its end; empty: the root.
    pub name: String,
}

/// Types of resource records, with their numbers (RFC 1035 section 3.2.2, RFC 3596, RFC 4034).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names of the types")]
#[repr(u16)]
pub enum DnsType {
    A = 1,
    Ns = 2,
    Cname = 5,
    Soa = 6,
    Mx = 15,
    Txt = 16,
    Aaaa = 28,
    Rrsig = 46,
    Dnskey = 48,
}

impl DnsType {
    /// The number on the wire.
    pub const fn code(self) -> u16 {
        self as u16
    }
}

/// `UDP_CHECK`: a datagram that is not refused, or that is answered.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct UdpProbe {
    /// Where to send the datagram, and how.
    pub connection: Connection,
    /// What is sent.
    pub payload: Vec<u8>,
    /// What must come back; `None`: nothing has to.
    pub reply: Option<UdpReply>,
}

/// An answer that a `UDP_CHECK` needs.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum UdpReply {
    /// Any.
    Any,
    /// One like this.
    Like {
        /// How it begins. Of an answer that is shorter, only the bytes that are there are compared.
        beginning: Vec<MaskedByte>,
        /// The fewest bytes.
        min_length: u16,
        /// The most bytes.
        max_length: u16,
    },
}

/// A byte of which some bits may be anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct MaskedByte {
    /// Its value where it counts.
    pub value: u8,
    /// Which bits count.
    pub mask: u8,
}

impl MaskedByte {
    /// Whether a byte is as it should be.
    pub const fn matches(self, byte: u8) -> bool {
        (byte ^ self.value) & self.mask == 0
    }
}

/// `PING_CHECK`: an echo request is answered.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PingProbe {
    /// Whom to ask, and how; the port means nothing, and `bind_port` is the identifier of the request when it is not 0.
    pub connection: Connection,
}
