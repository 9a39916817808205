//! Messages of `grpc.health.v1`, and how gRPC puts them into a stream: a byte that tells whether it is compressed, four bytes of
//! length, the message.
#![deny(clippy::arithmetic_side_effects)]

use holdfast_health::probe::GrpcFailure;

/// A message that is longer than this many bytes is cut off. An answer has two; a server may add fields that nobody knows yet.
pub const MESSAGE_LIMIT: usize = 1024;

/// Flag and length.
const PREFIX_LENGTH: usize = 5;

/// `service` of `HealthCheckRequest`, `status` of `HealthCheckResponse`.
const FIRST_FIELD: u64 = 1;

/// Wire types of protocol buffers.
const VARINT: u64 = 0;
const FIXED_64: u64 = 1;
const LENGTH_DELIMITED: u64 = 2;
const FIXED_32: u64 = 5;

/// The request for the health of a service, with its prefix.
pub(super) fn request(service: &str) -> Vec<u8> {
    let mut message = Vec::new();
    // An empty string is the default, which is not written.
    if !service.is_empty() {
        message.push(u8::try_from(FIRST_FIELD << 3 | LENGTH_DELIMITED).unwrap_or(0));
        put_varint(&mut message, service.len());
        message.extend_from_slice(service.as_bytes());
    }
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
    let mut framed = vec![0];
    framed.extend_from_slice(&length.to_be_bytes());
    framed.append(&mut message);
    framed
}

fn put_varint(bytes: &mut Vec<u8>, mut value: usize) {
    while let Ok(high @ 0x80..) = u64::try_from(value) {
        bytes.push(u8::try_from(high & 0x7f).unwrap_or(0) | 0x80);
        value >>= 7;
    }
    bytes.push(u8::try_from(value).unwrap_or(0));
}

/// Reads the one message of an answer piece by piece.
#[derive(Clone, Debug, Default)]
pub struct Reader {
    bytes: Vec<u8>,
}

impl Reader {
    /// Takes in the next piece.
    ///
    /// # Errors
    /// The answer is known to fail: nothing that may follow can mend it.
    pub fn push(&mut self, piece: &[u8]) -> Result<(), GrpcFailure> {
        let before = self.bytes.len();
        // Nothing beyond the limit is kept, not even for a moment: one byte more than a whole message tells that there is more.
        let most = PREFIX_LENGTH.saturating_add(MESSAGE_LIMIT).saturating_add(1);
        self.bytes.extend(piece.iter().take(most.saturating_sub(before)));
        match self.bytes.first() {
            None | Some(0) => {}
            Some(1) => return Err(GrpcFailure::Compressed),
            Some(_) => return Err(GrpcFailure::BadMessage),
        }
        let Some(length) = self.length() else { return Ok(()) };
        if length > MESSAGE_LIMIT {
            return Err(GrpcFailure::MessageTooLong(MESSAGE_LIMIT));
        }
        if self.bytes.len() > PREFIX_LENGTH.saturating_add(length) {
            return Err(GrpcFailure::ManyMessages);
        }
        Ok(())
    }

    /// The answer has ended: the `ServingStatus` in it.
    ///
    /// # Errors
    /// There is none.
    pub fn finish(&self) -> Result<u64, GrpcFailure> {
        if self.bytes.is_empty() {
            return Err(GrpcFailure::NoMessage);
        }
        let message = self.bytes.get(PREFIX_LENGTH..).unwrap_or_default();
        match self.length() {
            Some(length) if length == message.len() => serving_status(message).ok_or(GrpcFailure::BadMessage),
            _ => Err(GrpcFailure::MessageUnfinished),
        }
    }

    /// What the prefix says, once it is there.
    fn length(&self) -> Option<usize> {
        let [_, length @ ..] = self.bytes.first_chunk::<PREFIX_LENGTH>()?;
        usize::try_from(u32::from_be_bytes(*length)).ok()
    }
}

/// The status in a `HealthCheckResponse`; a field that is absent is 0, of one that comes twice the last counts, and others are
/// skipped.
fn serving_status(mut message: &[u8]) -> Option<u64> {
    let mut status = 0;
    while !message.is_empty() {
        let key = take_varint(&mut message)?;
        match (key >> 3, key & 7) {
            (0, _) => return None,
            (FIRST_FIELD, VARINT) => status = take_varint(&mut message)?,
            (_, VARINT) => drop(take_varint(&mut message)?),
            (_, FIXED_64) => message = message.get(8..)?,
            (_, LENGTH_DELIMITED) => {
                let length = usize::try_from(take_varint(&mut message)?).ok()?;
                message = message.get(length..)?;
            }
            (_, FIXED_32) => message = message.get(4..)?,
            _ => return None,
        }
    }
    Some(status)
}

/// Seven bits a byte, the lowest first, at most ten bytes.
fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for place in 0..10_u32 {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        let bits = u64::from(byte & 0x7f);
        // The tenth byte has room for one bit only; as protocol buffers do, what is above is lost.
        value |= bits.checked_shl(place.saturating_mul(7)).unwrap_or(0);
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pieces: &[&[u8]]) -> Result<u64, GrpcFailure> {
        let mut reader = Reader::default();
        for piece in pieces {
            reader.push(piece)?;
        }
        reader.finish()
    }

    /// By `protoc --encode` for `HealthCheckRequest`.
    #[test]
    fn requests_are_protocol_buffers() {
        assert_eq!(request(""), [0, 0, 0, 0, 0]);
        assert_eq!(request("ab"), [0, 0, 0, 0, 4, 0x0a, 2, b'a', b'b']);
        let long = request(&"s".repeat(300));
        assert_eq!(long.get(..8), Some(&[0, 0, 0, 1, 47, 0x0a, 0xac, 0x02][..]));
        assert_eq!(long.len(), 308);
    }

    #[test]
    fn one_message_in_any_pieces() {
        for status in 0..=3 {
            let whole = [0, 0, 0, 0, 2, 8, status];
            assert_eq!(read(&[&whole]), Ok(u64::from(status)));
            let pieces: Vec<&[u8]> = whole.chunks(1).collect();
            assert_eq!(read(&pieces), Ok(u64::from(status)));
        }
        assert_eq!(read(&[&[0, 0, 0, 0, 0]]), Ok(0), "the default is not written");
    }

    #[test]
    fn what_nobody_knows_is_skipped() {
        let message = [
            0x10, 0xff, 0x01, 0x1a, 2, 9, 9, 0x25, 1, 2, 3, 4, 0x29, 1, 2, 3, 4, 5, 6, 7, 8, 8, 2, 8, 1,
        ];
        let prefix = [0, 0, 0, 0, u8::try_from(message.len()).unwrap()];
        assert_eq!(read(&[&prefix, &message]), Ok(1), "the last status counts");
        let mut long = vec![0, 0, 0, 3, 0xe8, 8, 1, 0x12, 0xe3, 0x07];
        long.resize(1005, 0);
        assert_eq!(read(&[&long]), Ok(1), "a thousand bytes");
    }

    #[test]
    fn what_is_no_answer_fails() {
        use GrpcFailure::{BadMessage, Compressed, ManyMessages, MessageTooLong, MessageUnfinished, NoMessage};
        for (bytes, expected) in [
            (&b""[..], NoMessage),
            (&[0, 0, 0, 0], MessageUnfinished),
            (&[0, 0, 0, 0, 2, 8], MessageUnfinished),
            (&[1, 0, 0, 0, 2, 8, 1], Compressed),
            (&[2, 0, 0, 0, 2, 8, 1], BadMessage),
            (b"HTTP/1.1 200 OK", BadMessage),
            (&[0, 0, 0, 0, 2, 8, 1, 0], ManyMessages),
            (&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0], ManyMessages),
            (&[0, 0, 0, 4, 1], MessageTooLong(1024)),
            (&[0, 0xff, 0xff, 0xff, 0xff], MessageTooLong(1024)),
            (&[0, 0, 0, 0, 1, 8], BadMessage),
            (&[0, 0, 0, 0, 2, 8, 0x80], BadMessage),
            (&[0, 0, 0, 0, 2, 0, 1], BadMessage),
            (&[0, 0, 0, 0, 2, 0x0b, 1], BadMessage),
            (&[0, 0, 0, 0, 3, 0x12, 5, 1], BadMessage),
            (
                &[0, 0, 0, 0, 11, 8, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255],
                BadMessage,
            ),
        ] {
            assert_eq!(read(&[bytes]), Err(expected), "{bytes:?}");
        }
        assert_eq!(
            read(&[&[0, 0, 0, 0, 11, 8, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1]]),
            Ok(u64::MAX)
        );
    }
}
