//! Where files come from: the file system, or memory in tests.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

/// What a path leads to, symbolic links followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// An ordinary file.
    Regular {
        /// Anyone may execute it, so it is a program and not a configuration.
        executable: bool,
    },
    /// A directory.
    Directory,
    /// A device, socket or FIFO.
    Other,
}

/// Reads files. The crate reads nothing that it did not get through this.
pub trait Loader {
    /// All bytes of a file.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// What the path leads to; an error when it leads nowhere.
    fn kind(&self, path: &Path) -> io::Result<FileKind>;

    /// The names in a directory, in any order.
    fn list(&self, directory: &Path) -> io::Result<Vec<OsString>>;
}

/// Reads the file system.
#[derive(Clone, Copy, Debug, Default)]
pub struct FileLoader;

impl Loader for FileLoader {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        std::fs::read(path)
    }

    fn kind(&self, path: &Path) -> io::Result<FileKind> {
        use std::os::unix::fs::PermissionsExt;
        let metadata = std::fs::metadata(path)?;
        Ok(if metadata.is_file() {
            FileKind::Regular {
                executable: metadata.permissions().mode() & 0o111 != 0,
            }
        } else if metadata.is_dir() {
            FileKind::Directory
        } else {
            FileKind::Other
        })
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<OsString>> {
        std::fs::read_dir(directory)?
            .map(|entry| entry.map(|entry| entry.file_name()))
            .collect()
    }
}

/// Files in memory, for tests and for text that never was a file.
#[derive(Clone, Debug, Default)]
pub struct MemoryLoader {
    files: BTreeMap<PathBuf, (Vec<u8>, bool)>,
}

impl MemoryLoader {
    /// No files yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// With one more file.
    #[must_use]
    pub fn with(mut self, path: impl Into<PathBuf>, content: impl Into<Vec<u8>>) -> Self {
        self.files.insert(path.into(), (content.into(), false));
        self
    }

    /// With one more file that anyone may execute.
    #[must_use]
    pub fn with_executable(mut self, path: impl Into<PathBuf>, content: impl Into<Vec<u8>>) -> Self {
        self.files.insert(path.into(), (content.into(), true));
        self
    }
}

impl Loader for MemoryLoader {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.files
            .get(path)
            .map(|(content, _)| content.clone())
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn kind(&self, path: &Path) -> io::Result<FileKind> {
        if let Some((_, executable)) = self.files.get(path) {
            return Ok(FileKind::Regular {
                executable: *executable,
            });
        }
        if self.files.keys().any(|file| file.starts_with(path)) {
            return Ok(FileKind::Directory);
        }
        Err(io::ErrorKind::NotFound.into())
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<OsString>> {
        let mut names: Vec<OsString> = self
            .files
            .keys()
            .filter_map(|file| file.strip_prefix(directory).ok()?.components().next())
            .map(|name| name.as_os_str().to_owned())
            .collect();
        names.dedup();
        if names.is_empty() {
            Err(io::ErrorKind::NotFound.into())
        } else {
            Ok(names)
        }
    }
}
