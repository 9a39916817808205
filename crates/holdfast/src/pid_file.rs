//! Pid files: the decimal pid and a newline, locked for as long as the daemon lives.
//!
//! The lock, not the number, says whether a daemon runs: a number may belong to anybody by now.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use nix::fcntl::{Flock, FlockArg};

/// A pid file of ours. Dropping it removes the file.
#[derive(Debug)]
pub struct PidFile {
    path: PathBuf,
    _locked: Flock<File>,
}

impl PidFile {
    /// Takes the pid file for `pid`.
    ///
    /// Fails when another process holds it, or when it cannot be written.
    pub fn take(path: &Path, pid: u32) -> anyhow::Result<Self> {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            make_folders(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        }
        let file = OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(false)
            .mode(0o644)
            .custom_flags(nix::libc::O_NOFOLLOW)
            .open(path)
            .with_context(|| format!("cannot open pid file {}", path.display()))?;
        let mut locked = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(locked) => locked,
            Err((_, nix::errno::Errno::EWOULDBLOCK)) => {
                bail!("daemon is already running: pid file {} is locked by it", path.display())
            }
            Err((_, errno)) => bail!("cannot lock pid file {}: {errno}", path.display()),
        };
        // Whatever the daemon's mask is: everybody may read it.
        locked
            .set_permissions(PermissionsExt::from_mode(0o644))
            .with_context(|| format!("cannot change {}", path.display()))?;
        write_pid(&mut locked, pid).with_context(|| format!("cannot write pid file {}", path.display()))?;
        Ok(Self {
            path: path.to_owned(),
            _locked: locked,
        })
    }
}

/// Makes directories that everybody may enter, whatever the daemon's mask is.
fn make_folders(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    if let Some(parent) = folder.parent() {
        make_folders(parent)?;
    }
    std::fs::create_dir(folder)?;
    std::fs::set_permissions(folder, PermissionsExt::from_mode(0o755))
}

fn write_pid(file: &mut File, pid: u32) -> io::Result<()> {
    file.set_len(0)?;
    writeln!(file, "{pid}")
}

impl Drop for PidFile {
    fn drop(&mut self) {
        // Whoever removed it before us did our work.
        let _ = std::fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_daemon_is_refused_and_a_stale_file_is_taken_over() {
        let path = std::env::temp_dir().join(format!("holdfast-pid-file-test-{}", std::process::id()));
        std::fs::write(&path, "999999\n").unwrap();
        let held = PidFile::take(&path, 4711).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "4711\n");
        let refused = PidFile::take(&path, 4712).unwrap_err();
        assert!(refused.to_string().contains("already running"), "{refused}");
        drop(held);
        assert!(!path.exists());
    }
}
