//! The bytes of large files: most of them stand in the text anyway, so while it is worked on only the others are kept.

use super::Text;
use crate::source::{FileId, SourceMap};
use std::ops::Range;

/// Smaller files are not worth it.
const LEAST_BYTES: usize = 1 << 16;

/// Files whose bytes are partly in the text only.
#[derive(Debug, Default)]
pub(crate) struct Lent(Vec<LentFile>);

/// One of them, beginning to end.
#[derive(Debug)]
pub(super) struct LentFile {
    file: FileId,
    parts: Vec<Part>,
    /// What is not in the text, or not as it was written.
    rest: Vec<u8>,
}

/// The next bytes of a file.
#[derive(Debug)]
enum Part {
    /// They are in the text.
    Text(Range<u32>),
    /// So many of the rest.
    Rest(usize),
}

impl Lent {
    /// Keeps what is needed to make the content again.
    ///
    /// # Errors
    /// Gives the content back when it is not worth it.
    pub(super) fn take(&mut self, lent: LentFile, content: Vec<u8>) -> Result<(), Vec<u8>> {
        if content.len() < LEAST_BYTES {
            return Err(content);
        }
        self.0.push(lent);
        Ok(())
    }

    /// Gives the files their content again.
    pub(crate) fn give_back(self, text: &Text, sources: &mut SourceMap) {
        for LentFile { file, parts, rest } in self.0 {
            let mut rest = rest.as_slice();
            let mut content = Vec::with_capacity(parts.iter().map(Part::bytes).sum());
            for part in parts {
                match part {
                    Part::Text(range) => content.extend_from_slice(text.get(range).as_bytes()),
                    Part::Rest(bytes) => {
                        let (own, after) = rest.split_at_checked(bytes).unwrap_or_default();
                        content.extend_from_slice(own);
                        rest = after;
                    }
                }
            }
            sources.put_content(file, content);
        }
    }
}

impl LentFile {
    pub(super) fn new(file: FileId) -> Self {
        Self {
            file,
            parts: Vec::new(),
            rest: Vec::new(),
        }
    }

    /// The next bytes are these of the text.
    pub(super) fn in_text(&mut self, range: Range<u32>) {
        match self.parts.last_mut() {
            Some(Part::Text(last)) if last.end == range.start => last.end = range.end,
            _ => self.parts.push(Part::Text(range)),
        }
    }

    /// The next bytes are these.
    pub(super) fn not_in_text(&mut self, bytes: &[u8]) {
        self.rest.extend_from_slice(bytes);
        match self.parts.last_mut() {
            Some(Part::Rest(last)) => *last += bytes.len(),
            _ => self.parts.push(Part::Rest(bytes.len())),
        }
    }
}

impl Part {
    fn bytes(&self) -> usize {
        match self {
            Self::Text(range) => range.len(),
            Self::Rest(bytes) => *bytes,
        }
    }
}
