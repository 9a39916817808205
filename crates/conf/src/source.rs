//! Files, and positions in them that survive includes and expansions.

mod loader;
mod map;

pub use loader::{FileKind, FileLoader, Loader, MemoryLoader};
pub use map::{ExpansionId, FileId, SourceMap, Span, Spanned};
