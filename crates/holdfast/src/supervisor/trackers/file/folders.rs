//! inotify on the directories that lead to tracked files.
#![allow(unsafe_code)]

use std::ffi::OsString;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::path::{Component, Path, PathBuf};

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

/// More symbolic links than this on one way lead nowhere, as for the kernel.
const MOST_LINKS: usize = 40;

/// A name on the way to a file, in the directory in which it stands. Another file may take the name.
type Step = (PathBuf, OsString);

/// The directories on the way to the files: a file that is replaced is another one, its name stays; and a symbolic link may be
/// turned to another directory.
pub(super) struct Folders {
    inotify: AsyncFd<Descriptor>,
    watches: Vec<(WatchDescriptor, PathBuf)>,
    /// By file, what its number depends on
    ways: Vec<(PathBuf, Vec<Step>)>,
}

impl Folders {
    pub(super) fn new() -> std::io::Result<Self> {
        let inotify = Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC)?;
        Ok(Self {
            // SAFETY: `Descriptor` owns the descriptor and never gives it away or replaces it; `AsyncFd` forgets it
            // before it drops its owner.
            inotify: unsafe { AsyncFd::register(Descriptor(inotify)) }?,
            watches: Vec::new(),
            ways: Vec::new(),
        })
    }

    /// Watches the directories that are not watched yet, and no longer those that nothing depends on. True if there was a new one.
    pub(super) fn add(&mut self, files: &[&Path]) -> bool {
        let ways = || {
            files
                .iter()
                .map(|file| ((*file).to_owned(), way_to(file)))
                .collect::<Vec<_>>()
        };
        let mut gained = false;
        // What is turned while we look is looked at again; who does nothing else all day is caught up with later.
        for _ in 0..MOST_LINKS {
            self.ways = ways();
            gained |= self.watch_ways();
            if self.ways == ways() {
                break;
            }
        }
        let needed = |folder: &PathBuf| self.ways.iter().flat_map(|(_, way)| way).any(|(it, _)| it == folder);
        self.watches.retain(|(watch, folder)| {
            let needed = needed(folder);
            if !needed {
                let _ = self.inotify.get_ref().0.rm_watch(*watch);
            }
            needed
        });
        gained
    }

    fn watch_ways(&mut self) -> bool {
        let before = self.watches.len();
        for (folder, _) in self.ways.iter().flat_map(|(_, way)| way) {
            let is_watched = self.watches.iter().any(|(_, watched)| watched == folder);
            if !is_watched && let Ok(watch) = self.inotify.get_ref().0.add_watch(folder, CHANGES) {
                self.watches.push((watch, folder.clone()));
            }
        }
        self.watches.len() > before
    }

    /// Whether everything that the number in a file depends on is watched.
    pub(super) fn has_way_to(&self, file: &Path) -> bool {
        let is_watched = |(folder, _): &Step| self.watches.iter().any(|(_, watched)| watched == folder);
        let mut ways = self.ways.iter().filter(|(it, _)| it == file);
        ways.all(|(_, way)| way.iter().all(is_watched))
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
        let ways = self.ways.iter().filter(|(it, _)| it == file);
        let steps: Vec<&Step> = ways.flat_map(|(_, way)| way).collect();
        events.iter().any(|event| {
            let folders = self.watches.iter().filter(|(watch, _)| *watch == event.wd);
            let mut touched = folders.flat_map(|(_, folder)| steps.iter().filter(move |(it, _)| it == folder));
            event.mask.contains(AddWatchFlags::IN_Q_OVERFLOW)
                || touched.any(|(_, name)| event.name.as_ref() == Some(name))
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

/// The names that decide what is found under a path: each symbolic link on the way, and the end of it, or the first name that is
/// not there. Directories are without links.
fn way_to(path: &Path) -> Vec<Step> {
    let mut way = Vec::new();
    let mut folder = PathBuf::from("/");
    let mut rest: Vec<OsString> = names(path);
    let mut links = 0;
    while let Some(name) = rest.pop() {
        if name == ".." {
            folder.pop();
            continue;
        }
        let here = folder.join(&name);
        let target = std::fs::read_link(&here).ok();
        if target.is_some() || rest.is_empty() || !here.is_dir() {
            way.push((folder.clone(), name));
        }
        match target {
            Some(_) if links == MOST_LINKS => break,
            Some(target) => {
                links += 1;
                if target.is_absolute() {
                    folder = PathBuf::from("/");
                }
                rest.extend(names(&target));
            }
            None if here.is_dir() => folder = here,
            None => break,
        }
    }
    way
}

/// The names in a path, the last one first.
fn names(path: &Path) -> Vec<OsString> {
    let names = path.components().rev().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::Prefix(_) | Component::RootDir | Component::CurDir => None,
    });
    names.collect()
}
