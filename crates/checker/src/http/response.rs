//! The answer to a `GET`, taken in as it arrives.
//!
//! Everything that keepalived takes for an answer is one here, however odd: the first line needs a word, a space, three
//! digits and a space; the header ends with the first empty line after CR LF; the rest is the body, as it is on the wire
//! (chunk framing included) up to `Content-Length` if there is a usable one.
#![deny(clippy::arithmetic_side_effects)]

use holdfast_health::probe::{Failure, Url};

use super::body::{Answer, Body};

/// A header that is longer than this many bytes is cut off.
pub const HEADER_LIMIT: usize = 64 * 1024;

const END_OF_HEADER: &[u8] = b"\r\n\r\n";

/// Reads an answer piece by piece. It keeps the header only, and of the body a running digest.
#[derive(Debug)]
pub struct Reader<'a> {
    url: &'a Url,
    keeps: bool,
    state: State,
}

#[derive(Debug)]
enum State {
    /// The header so far.
    Header(Vec<u8>),
    Body(Box<Body>),
}

impl<'a> Reader<'a> {
    /// A reader for the answer to this URL.
    pub const fn new(url: &'a Url) -> Self {
        Self {
            url,
            keeps: false,
            state: State::Header(Vec::new()),
        }
    }

    /// A reader that hands out the answer at the end.
    pub fn keeping(url: &'a Url) -> Self {
        Self {
            keeps: true,
            ..Self::new(url)
        }
    }

    /// What the answer is held against.
    pub const fn url(&self) -> &'a Url {
        self.url
    }

    /// Whether the answer is handed out at the end.
    pub(crate) const fn keeps(&self) -> bool {
        self.keeps
    }

    /// Takes in the next piece.
    ///
    /// # Errors
    /// The answer is known to fail: nothing that may follow can mend it.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        match &mut self.state {
            State::Body(body) => body.push(bytes),
            State::Header(header) => {
                // The end may lie across two pieces.
                let search_from = header.len().saturating_sub(END_OF_HEADER.len().saturating_sub(1));
                // Nothing beyond the limit is kept, not even for a moment.
                let room = HEADER_LIMIT.saturating_sub(header.len());
                let (kept, _) = bytes.split_at_checked(room).unwrap_or((bytes, &[]));
                let before = header.len();
                header.extend_from_slice(kept);
                let Some(end) = find_end(header, search_from) else {
                    return if kept.len() < bytes.len() {
                        Err(Failure::HeaderTooLong(HEADER_LIMIT))
                    } else {
                        Ok(())
                    };
                };
                header.truncate(end);
                let mut body = open_body(self.url, header, self.keeps)?;
                let rest = bytes.get(end.saturating_sub(before)..).unwrap_or_default();
                body.push(rest)?;
                self.state = State::Body(Box::new(body));
                Ok(())
            }
        }
    }

    /// Whether the header is complete.
    pub const fn has_header(&self) -> bool {
        matches!(self.state, State::Body(_))
    }

    /// The connection has ended. The answer, if it was kept.
    ///
    /// # Errors
    /// The answer is not the expected one.
    pub fn finish(self) -> Result<Option<Answer>, Failure> {
        match self.state {
            State::Header(header) if header.is_empty() => Err(Failure::NoAnswer),
            State::Header(header) if status_code(&header).is_none() => Err(Failure::NoStatusLine),
            State::Header(_) => Err(Failure::HeaderUnfinished),
            State::Body(body) => body.compare(self.url),
        }
    }
}

/// Looks at the whole header; a wrong status needs no body.
fn open_body(url: &Url, header: &[u8], keeps: bool) -> Result<Body, Failure> {
    let code = status_code(header).ok_or(Failure::NoStatusLine)?;
    Body::open(url, code, keeps.then(|| header.to_vec()), content_length(header))
}

/// The position after the first empty line.
fn find_end(header: &[u8], search_from: usize) -> Option<usize> {
    let tail = header.get(search_from..)?;
    let found = tail
        .windows(END_OF_HEADER.len())
        .position(|window| window == END_OF_HEADER)?;
    search_from.checked_add(found)?.checked_add(END_OF_HEADER.len())
}

/// The three digits after the first word, if a space follows them. The word may be `HTTP/1.1`, `HTTP/2`, `ICY` or
/// anything else.
fn status_code(header: &[u8]) -> Option<u16> {
    let end_of_word = header.iter().position(|byte| matches!(byte, b' ' | b'\r' | b'\n'))?;
    let (_, rest) = header.split_at_checked(end_of_word)?;
    let [b' ', digits @ .., b' '] = rest.get(..5)? else {
        return None;
    };
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// The number after the first `Content-Length:`, as keepalived finds it: in just these letters, but anywhere in the
/// header, so in `X-Content-Length:` too. A digest in a configuration was made with this rule (by genhash), so it must be
/// compared with it. `None` also if no line end follows the number.
fn content_length(header: &[u8]) -> Option<u64> {
    const NAME: &[u8] = b"Content-Length:";
    let found = header.windows(NAME.len()).position(|window| window == NAME)?;
    let value = header.get(found.checked_add(NAME.len())?..)?.trim_ascii_start();
    let end = value.iter().position(|byte| !byte.is_ascii_digit())?;
    let (digits, rest) = value.split_at_checked(end)?;
    if !matches!(rest.first(), Some(b'\r' | b'\n')) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests;
