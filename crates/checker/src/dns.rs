//! `DNS_CHECK`: one query over UDP that is answered without an error (RFC 1035 section 4.1). What the answer says does
//! not matter.
#![deny(clippy::arithmetic_side_effects)]

use holdfast_health::probe::{DnsProbe, DnsType, Failure, Verdict};

use crate::datagram::{Datagrams, wait};
use crate::progress::Progress;
use crate::random;

const HEADER_BYTES: usize = 12;

/// The longest label (RFC 1035 section 2.3.4).
const LABEL_BYTES: usize = 63;

/// The bits of the header's second word: it is a response, recursion is desired, the error.
const RESPONSE: u8 = 0x80;
const RECURSION_DESIRED: u8 = 0x01;
const RCODE: u8 = 0x0f;

/// Asks, and waits for the answer.
pub(crate) async fn ask(probe: &DnsProbe, progress: &mut Progress) -> Result<(), Verdict> {
    let connection = &probe.connection;
    let socket = Datagrams::udp(connection)?;
    let id = random::sixteen_bits();
    let query = query(id, probe.query_type, &probe.name);
    socket.send(&query, connection, progress).await?;
    let answer = socket.answer(vec![0; HEADER_BYTES], |packet| judge(id, packet));
    wait(answer, connection, progress).await?.map_err(Verdict::Failure)
}

/// The query: a header, and one question of class IN. `name` has labels of at most 63 bytes, as the language checks.
fn query(id: u16, query_type: DnsType, name: &str) -> Vec<u8> {
    const ONE: [u8; 2] = [0, 1];
    const NONE: [u8; 2] = [0, 0];
    const CLASS_IN: [u8; 2] = [0, 1];
    let mut query = Vec::with_capacity(HEADER_BYTES);
    query.extend(id.to_be_bytes());
    query.extend([RECURSION_DESIRED, 0]);
    query.extend([ONE, NONE, NONE, NONE].as_flattened());
    for label in name.split('.').filter(|label| !label.is_empty()) {
        let before = query.len();
        query.push(0);
        query.extend(label.bytes().take(LABEL_BYTES));
        let length = query.len().saturating_sub(before).saturating_sub(1);
        if let Some(octet) = query.get_mut(before) {
            *octet = u8::try_from(length).unwrap_or(0);
        }
    }
    query.push(0);
    query.extend(query_type.code().to_be_bytes());
    query.extend(CLASS_IN);
    query
}

/// What a packet says; `None`: it is no answer to the query with this number, and the answer may still come.
pub fn judge(id: u16, packet: &[u8]) -> Option<Result<(), Failure>> {
    let [id_high, id_low, flags, more_flags, _, _, _, _, _, _, _, _, ..] = packet else {
        return None;
    };
    if u16::from_be_bytes([*id_high, *id_low]) != id || flags & RESPONSE == 0 {
        return None;
    }
    Some(match more_flags & RCODE {
        0 => Ok(()),
        code => Err(Failure::DnsError(code)),
    })
}

#[cfg(test)]
mod tests;
