//! `track_file`: the number in a file, read again whenever the file was written, replaced or removed.

mod folders;

use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use holdfast_conf::config::InitFile;
use tokio::sync::mpsc;

use self::folders::Folders;

/// More than any number takes.
const LONGEST_NUMBER: u64 = 64;

/// How often a directory that went away is looked for.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// Reads the number at the start of a file; 0 for a file that is absent, cannot be read or begins with something else.
pub fn read(path: &Path) -> i64 {
    let mut text = Vec::new();
    // Nobody shall make us wait by putting a pipe there.
    let opened = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path);
    let _ = opened.and_then(|file| file.take(LONGEST_NUMBER).read_to_end(&mut text));
    number_at_start(&text)
}

/// As C's `strtol` sees it: white space, a sign, digits. What is too large counts as the largest.
fn number_at_start(text: &[u8]) -> i64 {
    let text = text.trim_ascii_start();
    let (negative, digits) = match text.split_first() {
        Some((b'-', rest)) => (true, rest),
        Some((b'+', rest)) => (false, rest),
        _ => (false, text),
    };
    let digits = digits.iter().take_while(|byte| byte.is_ascii_digit());
    let size = digits.fold(0_i64, |size, digit| {
        size.saturating_mul(10).saturating_add(i64::from(digit - b'0'))
    });
    if negative { -size } else { size }
}

/// Writes the first number, for `init_file`.
pub fn initialise(path: &Path, init: InitFile) {
    let mut options = OpenOptions::new();
    options
        .write(true)
        .mode(0o644)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK);
    if init.overwrite {
        options.create(true).truncate(true);
    } else {
        options.create_new(true);
    }
    match options.open(path).and_then(|mut file| writeln!(file, "{}", init.value)) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
        Err(error) => tracing::error!("init_file: cannot write {}: {error}", path.display()),
    }
}

/// A file that is watched.
#[derive(Debug)]
pub struct Watched {
    /// Name of the block
    pub name: String,
    /// The file
    pub path: PathBuf,
    /// The number when it was last read
    pub value: i64,
}

/// Reports every change of a number until `stop` is closed.
pub async fn watch(mut files: Vec<Watched>, mut stop: mpsc::Receiver<()>, report: impl Fn(String, i64)) {
    let mut folders = match Folders::new() {
        Ok(folders) => Some(folders),
        Err(error) => return tracing::error!("tracked files cannot be watched: {error}"),
    };
    while let Some(watching) = &mut folders {
        let paths: Vec<&Path> = files.iter().map(|file| file.path.as_path()).collect();
        let gained = watching.add(&paths);
        let all_watched = files.iter().all(|file| watching.has_way_to(&file.path));
        if gained || !all_watched {
            // What happened before the directory was watched, or since it went away.
            read_again(&mut files, |_| true, &report);
        }
        let events = tokio::select! {
            _ = stop.recv() => return,
            events = watching.changes() => events,
            () = tokio::time::sleep(RETRY_INTERVAL), if !all_watched => continue,
        };
        match events {
            Ok(events) => {
                read_again(&mut files, |file| watching.is_touched(&file.path, &events), &report);
                watching.forget_gone(&events);
            }
            Err(error) => {
                tracing::error!("tracked files are no longer watched: {error}");
                folders = None;
            }
        }
    }
}

fn read_again(files: &mut [Watched], is_due: impl Fn(&Watched) -> bool, report: impl Fn(String, i64)) {
    for file in files.iter_mut().filter(|file| is_due(file)) {
        let value = read(&file.path);
        if value != file.value {
            file.value = value;
            report(file.name.clone(), value);
        }
    }
}

#[cfg(test)]
mod tests;
