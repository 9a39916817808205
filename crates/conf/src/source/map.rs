//! Spans, and the files they point into.
#![deny(clippy::arithmetic_side_effects)]

use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// One reading of a file. A file that is included twice has two ids.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FileId(pub u32);

/// One use of a definition or sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ExpansionId(pub u32);

/// A piece of one line of a file. What a definition or sequence put there has the span of its use, and
/// `expansion` leads to where the text was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Span {
    /// The file.
    pub file: FileId,
    /// Line, from 1; 0 when the place is the file as a whole.
    pub line: u32,
    /// First byte in the line, from 1.
    pub column: u32,
    /// Bytes; 0 marks the place before `column`.
    pub length: u32,
    /// Set when the text came out of a definition or sequence.
    pub expansion: Option<ExpansionId>,
}

/// A value and where it was written. Two are equal when their values are: moving a line changes nothing.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Where it was written.
    pub span: Span,
}

impl<T> Spanned<T> {
    /// A value at a place.
    pub fn new(value: T, span: Span) -> Self {
        Self { value, span }
    }
}

impl<T: PartialEq> PartialEq for Spanned<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T: Eq> Eq for Spanned<T> {}

impl<T: fmt::Debug> fmt::Debug for Spanned<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

impl<T: fmt::Display> fmt::Display for Spanned<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

impl<T> Deref for Spanned<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for Spanned<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

/// All files that were read, with what includes and expansions made of them.
#[derive(Clone, Debug, Default)]
pub struct SourceMap {
    files: Vec<SourceFile>,
    expansions: Vec<Expansion>,
}

#[derive(Clone, Debug)]
struct SourceFile {
    path: PathBuf,
    content: Vec<u8>,
    /// Found out when the first line is shown: mostly there is nothing to show.
    line_starts: OnceLock<Vec<u32>>,
    included_at: Option<Span>,
}

impl SourceFile {
    /// Where a line (from 0) begins.
    fn line_start(&self, line: usize) -> Option<usize> {
        let starts = self.line_starts.get_or_init(|| {
            let ends = memchr::memchr_iter(b'\n', &self.content);
            let starts = ends.map(|end| u32::try_from(end.saturating_add(1)).unwrap_or(u32::MAX));
            std::iter::once(0).chain(starts).collect()
        });
        starts.get(line).and_then(|start| usize::try_from(*start).ok())
    }
}

#[derive(Clone, Debug)]
struct Expansion {
    name: String,
    defined_at: Span,
}

impl SourceMap {
    /// The path of a file as the include line, or the caller of [`crate::load`], wrote it.
    pub fn path(&self, file: FileId) -> Option<&Path> {
        self.file(file).map(|file| file.path.as_path())
    }

    /// All files in the order of reading.
    pub fn files(&self) -> impl Iterator<Item = (FileId, &Path)> {
        (0..).map(FileId).zip(self.files.iter().map(|file| file.path.as_path()))
    }

    /// The include line that brought the file in; `None` for the main file.
    pub fn included_at(&self, file: FileId) -> Option<Span> {
        self.file(file)?.included_at
    }

    /// The name of what was expanded, and where it was defined.
    pub fn expansion(&self, id: ExpansionId) -> Option<(&str, Span)> {
        let expansion = self.expansions.get(usize::try_from(id.0).ok()?)?;
        Some((&expansion.name, expansion.defined_at))
    }

    /// The bytes of a line (from 1) without its end.
    pub fn line(&self, file: FileId, line: u32) -> Option<&[u8]> {
        let file = self.file(file)?;
        let index = usize::try_from(line).ok()?.checked_sub(1)?;
        let start = file.line_start(index)?;
        let end = index.checked_add(1).and_then(|next| file.line_start(next));
        let bytes = file.content.get(start..end.unwrap_or(file.content.len()))?;
        let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        Some(bytes.strip_suffix(b"\r").unwrap_or(bytes))
    }

    /// The bytes that a span covers.
    pub fn text(&self, span: Span) -> Option<&[u8]> {
        let start = usize::try_from(span.column).ok()?.checked_sub(1)?;
        let end = start.checked_add(usize::try_from(span.length).ok()?)?;
        self.line(span.file, span.line)?.get(start..end)
    }

    /// The column in characters, from 1, as editors count it.
    pub fn character_column(&self, span: Span) -> usize {
        let before = span.column.saturating_sub(1) as usize;
        let line = self.line(span.file, span.line).unwrap_or_default();
        String::from_utf8_lossy(line.get(..before).unwrap_or(line))
            .chars()
            .count()
            .saturating_add(1)
    }

    pub(crate) fn file_count(&self) -> usize {
        self.files.len()
    }

    pub(crate) fn add_file(&mut self, path: PathBuf, content: Vec<u8>, included_at: Option<Span>) -> FileId {
        let id = FileId(u32::try_from(self.files.len()).unwrap_or(u32::MAX));
        self.files.push(SourceFile {
            path,
            content,
            line_starts: OnceLock::new(),
            included_at,
        });
        id
    }

    /// Takes the bytes out for reading while the map goes on growing; [`Self::put_content`] brings them back.
    pub(crate) fn take_content(&mut self, id: FileId) -> Vec<u8> {
        self.file_mut(id)
            .map(|file| std::mem::take(&mut file.content))
            .unwrap_or_default()
    }

    pub(crate) fn put_content(&mut self, id: FileId, content: Vec<u8>) {
        if let Some(file) = self.file_mut(id) {
            file.content = content;
        }
    }

    pub(crate) fn add_expansion(&mut self, name: &str, defined_at: Span) -> ExpansionId {
        let id = ExpansionId(u32::try_from(self.expansions.len()).unwrap_or(u32::MAX));
        self.expansions.push(Expansion {
            name: name.to_owned(),
            defined_at,
        });
        id
    }

    fn file_mut(&mut self, id: FileId) -> Option<&mut SourceFile> {
        self.files.get_mut(usize::try_from(id.0).ok()?)
    }

    fn file(&self, id: FileId) -> Option<&SourceFile> {
        self.files.get(usize::try_from(id.0).ok()?)
    }
}
