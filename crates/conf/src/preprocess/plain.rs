//! Most lines have no comment, definition or condition: they are taken as they are, many at once.

use super::KEEPALIVED_LINE_BYTES;
use super::line::BLANKS;
use memchr::memmem;

/// Bytes that are looked at together.
const BLOCK: usize = 64;
/// Bytes that are taken together, more or less.
const MOST: usize = 1 << 20;

/// Words that mean something before blocks are known: the include family with `include_check`, and `random_seed`.
const WORDS: [&str; 2] = ["include", "random_seed"];

/// Bytes that mean something, or may.
const fn is_special(byte: u8) -> bool {
    matches!(byte, 0 | b'"' | b'#' | b'!' | b'$' | b'@' | b'~' | 0x80..)
}

/// The lines of a file, plain or not.
pub(super) struct PlainLines<'a> {
    content: &'a [u8],
    /// The next line begins here.
    at: usize,
    /// No byte from `at` to here is special.
    special: usize,
    /// The words that change how text is read.
    words: [Occurrences<'a>; 2],
}

/// Where a word occurs.
struct Occurrences<'a> {
    next: usize,
    all: memmem::FindIter<'a, 'static>,
}

impl<'a> Occurrences<'a> {
    fn of(word: &'static str, content: &'a [u8]) -> Self {
        let mut occurrences = Self {
            next: 0,
            all: memmem::find_iter(content, word.as_bytes()),
        };
        occurrences.next = occurrences.all.next().unwrap_or(content.len());
        occurrences
    }

    /// The first one at a place or after it. The places only grow.
    fn at_or_after(&mut self, at: usize, content: &[u8]) -> usize {
        if self.next < at {
            self.next = self.all.find(|next| *next >= at).unwrap_or(content.len());
        }
        self.next
    }
}

impl<'a> PlainLines<'a> {
    pub(super) fn new(content: &'a [u8]) -> Self {
        let mut lines = Self {
            content,
            at: 0,
            special: 0,
            words: WORDS.map(|word| Occurrences::of(word, content)),
        };
        lines.special = lines.next_special();
        lines
    }

    /// One line without its end, and with it; `None` at the end of the file.
    pub(super) fn take_line(&mut self) -> Option<(&'a [u8], &'a [u8])> {
        let rest = Some(self.rest()).filter(|rest| !rest.is_empty())?;
        let length = memchr::memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
        let whole = rest.get(..length)?;
        self.at += length;
        let bytes = whole.strip_suffix(b"\n").unwrap_or(whole);
        Some((bytes.strip_suffix(b"\r").unwrap_or(bytes), whole))
    }

    /// What was not taken.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.content.get(self.at..).unwrap_or_default()
    }

    /// All plain lines up to one that is not, each ended by a newline, and how many they are; `None` when the next one is
    /// none.
    pub(super) fn take_plain(&mut self) -> Option<(&'a str, u32)> {
        let start = self.at;
        let mut count: u32 = 0;
        while self.at - start < MOST
            && let Some(length) = self.content.get(self.at..).and_then(|rest| memchr::memchr(b'\n', rest))
            && self.is_plain(self.at + length)
        {
            self.at += length + 1;
            count = count.saturating_add(1);
        }
        let bytes = self.content.get(start..self.at).filter(|bytes| !bytes.is_empty())?;
        // Only ASCII is plain.
        Some((std::str::from_utf8(bytes).ok()?, count))
    }

    /// Is the line from `at` to `end` plain?
    fn is_plain(&mut self, end: usize) -> bool {
        if end - self.at > KEEPALIVED_LINE_BYTES {
            return false;
        }
        let (at, content) = (self.at, self.content);
        if self.words.iter_mut().any(|word| word.at_or_after(at, content) < end) {
            return false;
        }
        if self.special < self.at {
            self.special = self.next_special();
        }
        self.special >= end || self.content.get(self.at..end).is_some_and(is_harmless)
    }

    fn next_special(&self) -> usize {
        let rest = self.content.get(self.at..).unwrap_or_default();
        let mut at = self.at;
        for block in rest.chunks(BLOCK) {
            // Without an early end, so that the processor looks at all bytes of the block at once.
            if block.iter().fold(false, |found, byte| found | is_special(*byte)) {
                return at + block.iter().position(|byte| is_special(*byte)).unwrap_or(0);
            }
            at += BLOCK;
        }
        self.content.len()
    }
}

/// Is there nothing but a comment on a line?
pub(super) fn is_comment(line: &[u8]) -> bool {
    matches!(first_byte(line), Some(b'#' | b'!'))
}

fn first_byte(line: &[u8]) -> Option<u8> {
    line.iter().copied().find(|byte| !BLANKS.contains(&char::from(*byte)))
}

/// Is a line plain although it has special bytes? Quotes in pairs are, and `@` and `~` that do not begin it.
fn is_harmless(line: &[u8]) -> bool {
    if matches!(first_byte(line), Some(b'@' | b'~')) {
        return false;
    }
    let mut quotes = 0usize;
    for byte in line {
        match byte {
            b'"' => quotes += 1,
            0 | b'#' | b'!' | b'$' | 0x80.. => return false,
            _ => {}
        }
    }
    quotes.is_multiple_of(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines as they are taken: plain ones together, others alone.
    fn taken(content: &str) -> Vec<(bool, String)> {
        let mut lines = PlainLines::new(content.as_bytes());
        let mut taken = Vec::new();
        loop {
            if let Some((plain, count)) = lines.take_plain() {
                assert_eq!(plain.lines().count(), count as usize);
                taken.extend(plain.lines().map(|line| (true, line.to_owned())));
            } else if let Some((line, _)) = lines.take_line() {
                taken.push((false, String::from_utf8_lossy(line).into_owned()));
            } else {
                return taken;
            }
        }
    }

    #[test]
    fn lines_that_mean_more_than_they_say_are_not_plain() {
        let long = "x".repeat(KEEPALIVED_LINE_BYTES + 1);
        for (line, plain) in [
            ("vrrp_instance V {", true),
            ("", true),
            ("\t interface eth0@if7~", true),
            ("notify_master \"/bin/true a\"", true),
            ("a\\", true),
            ("a \"b", false),
            ("# a", false),
            ("a ! b", false),
            ("a $B", false),
            (" @lb1 a", false),
            ("~SEQ(A,1) a", false),
            ("  include x", false),
            ("a é", false),
            ("a \0", false),
            (long.as_str(), false),
        ] {
            let content = format!("first 1\n{line}\nlast 1\n");
            let expected = [("first 1", true), (line, plain), ("last 1", true)];
            let expected: Vec<_> = expected.map(|(line, plain)| (plain, line.to_owned())).into();
            assert_eq!(taken(&content), expected);
        }
    }

    #[test]
    fn the_last_line_needs_no_end() {
        assert_eq!(taken("a\nb"), [(true, "a".to_owned()), (false, "b".to_owned())]);
        assert_eq!(taken(""), []);
    }
}
