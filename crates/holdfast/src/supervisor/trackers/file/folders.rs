//! inotify on the directories that tracked files are in.
#![allow(unsafe_code)]

use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::path::{Path, PathBuf};

use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, InotifyEvent, WatchDescriptor};
use tokio::io::unix::AsyncFd;

/// What is watched for in a directory. A file that is being written is not read before it is closed.
const CHANGES: AddWatchFlags = AddWatchFlags::IN_CLOSE_WRITE
    .union(AddWatchFlags::IN_CREATE)
    .union(AddWatchFlags::IN_MOVE)
    .union(AddWatchFlags::IN_DELETE)
    .union(AddWatchFlags::IN_DELETE_SELF)
    .union(AddWatchFlags::IN_MOVE_SELF)
    .union(AddWatchFlags::IN_ONLYDIR);

struct Descriptor(Inotify);

impl AsRawFd for Descriptor {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_fd().as_raw_fd()
    }
}

/// The directories of the files, as far as they are there: a file that is replaced is another one, its name stays.
pub(super) struct Folders {
    inotify: AsyncFd<Descriptor>,
    watches: Vec<(WatchDescriptor, PathBuf)>,
}

impl Folders {
    pub(super) fn new() -> std::io::Result<Self> {
        let inotify = Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC)?;
        Ok(Self {
            // SAFETY: `Descriptor` owns the descriptor and never gives it away or replaces it; `AsyncFd` forgets it
            // before it drops its owner.
            inotify: unsafe { AsyncFd::register(Descriptor(inotify)) }?,
            watches: Vec::new(),
        })
    }

    /// Watches the directories that are not watched yet. True if there was one.
    pub(super) fn add<'a>(&mut self, files: impl Iterator<Item = &'a Path>) -> bool {
        let before = self.watches.len();
        for file in files {
            if let (false, Some(folder)) = (self.has_folder_of(file), file.parent())
                && let Ok(watch) = self.inotify.get_ref().0.add_watch(folder, CHANGES)
            {
                self.watches.push((watch, folder.to_owned()));
            }
        }
        self.watches.len() > before
    }

    pub(super) fn has_folder_of(&self, file: &Path) -> bool {
        self.watches
            .iter()
            .any(|(_, folder)| Some(folder.as_path()) == file.parent())
    }

    /// The next events.
    pub(super) async fn changes(&self) -> std::io::Result<Vec<InotifyEvent>> {
        loop {
            let mut ready = self.inotify.readable().await?;
            if let Ok(events) = ready.try_io(|inotify| Ok(inotify.get_ref().0.read_events()?)) {
                return events;
            }
        }
    }

    /// Whether one of the events is about a file.
    pub(super) fn is_touched(&self, file: &Path, events: &[InotifyEvent]) -> bool {
        events.iter().any(|event| {
            let is_named = event.name.as_deref() == file.file_name();
            let in_folder = |(watch, folder): &(WatchDescriptor, PathBuf)| {
                *watch == event.wd && Some(folder.as_path()) == file.parent()
            };
            event.mask.contains(AddWatchFlags::IN_Q_OVERFLOW) || is_named && self.watches.iter().any(in_folder)
        })
    }

    /// Directories that were removed or renamed are looked for again by their names.
    pub(super) fn forget_gone(&mut self, events: &[InotifyEvent]) {
        for event in events {
            if event.mask.contains(AddWatchFlags::IN_MOVE_SELF) {
                // The kernel then says IN_IGNORED.
                let _ = self.inotify.get_ref().0.rm_watch(event.wd);
            }
            if event.mask.contains(AddWatchFlags::IN_IGNORED) {
                self.watches.retain(|(watch, _)| *watch != event.wd);
            }
        }
    }
}
