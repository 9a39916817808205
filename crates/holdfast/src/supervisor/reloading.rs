//! What comes with a reload: the file that is there meanwhile, the test before it, and the moment at which it is due.

mod moment;

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use holdfast_conf::config::{Reload, ReloadFile};
use tokio::process::Command;

use self::moment::Moment;
use crate::places::Places;

/// How often the file with the time of the next reload, and the clock, are looked at: the clock may be set at any time.
const LOOK: Duration = Duration::from_secs(1);

/// A file that is there while a reload goes on (`reload_file`). Dropping it removes the file.
#[derive(Debug)]
pub struct Marker(PathBuf);

impl Marker {
    /// Makes the file, if one is wanted.
    pub fn set(reload: &Reload, places: &Places) -> Option<Self> {
        let path = match reload.file.as_ref()? {
            ReloadFile::Default => places.reload.clone(),
            ReloadFile::Path(path) => PathBuf::from(path),
        };
        let made = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o666)
            .custom_flags(libc::O_NOFOLLOW)
            .open(&path);
        match made {
            Ok(_) => Some(Self(path)),
            Err(error) => {
                tracing::error!("cannot make the reload_file {}: {error}", path.display());
                None
            }
        }
    }
}

impl Drop for Marker {
    fn drop(&mut self) {
        // Somebody else may have removed it.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Tests the configuration as `-t` does, when that is wanted (`reload_check_config`). `Some`: why there must be no reload.
pub async fn refusal(reload: &Reload) -> Option<String> {
    let log = reload.check_config.as_ref()?;
    // The same program with the same command line: it finds the same file.
    let mut test = Command::new("/proc/self/exe");
    test.args(std::env::args_os().skip(1))
        .arg(format!("--config-test={log}"));
    match test.status().await {
        Ok(status) if status.success() => None,
        Ok(status) => Some(format!(
            "the configuration test before the reload (reload_check_config) failed with {status}: see {log}"
        )),
        Err(error) => Some(format!(
            "the configuration test before the reload (reload_check_config) cannot be run: {error}"
        )),
    }
}

/// Reloads at a time that a file says (`reload_time_file`).
#[derive(Debug, Default)]
pub struct Timetable {
    file: Option<PathBuf>,
    repeat: bool,
    /// What the file said when it was last read
    text: String,
    due: Option<SystemTime>,
}

impl Timetable {
    /// Goes by this file from now on.
    pub fn configure(&mut self, reload: &Reload) {
        let file = reload.time_file.as_ref().map(PathBuf::from);
        self.repeat = reload.repeat;
        if file != self.file {
            *self = Self {
                file,
                repeat: reload.repeat,
                ..Self::default()
            };
        }
    }

    /// Waits until a reload is due; for ever without a file. Can be cancelled without loss.
    pub async fn due(&mut self) {
        let Some(file) = self.file.clone() else {
            return std::future::pending().await;
        };
        loop {
            if self.look(&file, SystemTime::now()) {
                return;
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Looks at the file and the clock. True: it is time; what the file said has been done.
    fn look(&mut self, file: &Path, now: SystemTime) -> bool {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        if text != self.text {
            self.read(&text, now);
            self.text = text;
        }
        if self.due.is_none_or(|due| now < due) {
            return false;
        }
        self.due = None;
        if self.repeat {
            // A time of day comes again tomorrow; a date does not.
            self.due = Moment::parse(&self.text).and_then(|moment| moment.next(now + LOOK));
        } else if let Err(error) = std::fs::remove_file(file) {
            tracing::error!("cannot remove the reload_time_file {}: {error}", file.display());
        } else {
            self.text.clear();
        }
        true
    }

    fn read(&mut self, text: &str, now: SystemTime) {
        let before = self.due.take();
        let text = text.trim();
        if text.is_empty() {
            if before.is_some() {
                tracing::info!("The reload that was scheduled is cancelled");
            }
            return;
        }
        let Some(moment) = Moment::parse(text) else {
            tracing::warn!(
                "reload_time_file: '{text}' is no time; write HH:MM:SS or YYYY-MM-DD HH:MM:SS, with Z behind it for UTC"
            );
            return;
        };
        self.due = moment.next(now);
        if self.due.is_some() {
            tracing::info!("Reload scheduled for {text}");
        } else {
            tracing::warn!("Reload time {text} is in the past - ignoring");
        }
    }
}

#[cfg(test)]
mod tests;
