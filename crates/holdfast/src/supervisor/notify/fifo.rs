//! FIFOs that every change is written to, a line each, and the scripts that read them.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, chown};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use holdfast_health::action::Notification;
use nix::errno::Errno;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::{Pid, Uid};
use tokio::process::Child;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::file_mask;
use crate::ipc::VrrpNotification;
use crate::plan::notify::FifoPlan;
use crate::scripts::{self, Script};
use crate::status::VrrpStatus;

/// Permissions of a new FIFO, of which the daemon's mask takes away.
const MODE: u32 = 0o644;

/// From the end of a reader to its next start, at first.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// The longest such pause; a reader that lived as long begins anew.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// How long a reader may go on after the last line before it is asked to end.
const LAST_LINES_LIMIT: Duration = Duration::from_millis(500);

/// An open FIFO. Dropping it ends its reader, and removes the file if it was made by us.
#[derive(Debug)]
pub struct Fifo {
    plan: FifoPlan,
    file: File,
    _removed: Option<Removed>,
    /// Lines that nobody made room for, since the last one that was written
    dropped: u64,
    reader: Option<Reader>,
}

/// A file that goes with this.
#[derive(Debug)]
struct Removed(PathBuf);

impl Drop for Removed {
    fn drop(&mut self) {
        // It may have been removed by somebody else.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// The script that reads a FIFO. Dropping it ends the script.
#[derive(Debug)]
struct Reader {
    running: mpsc::Sender<()>,
    task: JoinHandle<()>,
}

impl Fifo {
    /// Opens a FIFO, makes it first where there is none, and starts its reader.
    ///
    /// Fails for a file that is no FIFO or belongs to a stranger.
    pub fn open(plan: FifoPlan) -> anyhow::Result<Self> {
        let removed = make(&plan)?.then(|| Removed(plan.path.clone()));
        // For reading, too: so it opens without a reader, and none is missed when it goes.
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(libc::O_NONBLOCK | libc::O_NOFOLLOW | libc::O_CLOEXEC)
            .open(&plan.path)
            .context("cannot open it")?;
        judge(&file.metadata()?, &plan)?;
        let reader = plan.reader.clone().map(|script| {
            let (running, stop) = mpsc::channel(1);
            Reader {
                running,
                task: tokio::spawn(keep_running(script, stop)),
            }
        });
        Ok(Self {
            plan,
            file,
            _removed: removed,
            dropped: 0,
            reader,
        })
    }

    /// Lets the reader take what is written, ends it, and removes what we made.
    pub async fn close(self) {
        let Self {
            file,
            reader,
            _removed: removed,
            ..
        } = self;
        // A reader that has read all finds the end.
        drop(file);
        if let Some(Reader { running, task }) = reader {
            drop(running);
            // It cannot fail: nothing aborts it.
            let _ = task.await;
        }
        drop(removed);
    }

    /// What it was opened for.
    pub fn plan(&self) -> &FifoPlan {
        &self.plan
    }

    /// Writes a line in one piece, or drops it when the FIFO is full.
    pub fn write(&mut self, line: &str) {
        let path = self.plan.path.display();
        // One call: the kernel takes a line shorter than PIPE_BUF as a whole or not at all.
        match nix::unistd::write(&self.file, line.as_bytes()) {
            Ok(_) => {
                if self.dropped > 0 {
                    tracing::warn!("FIFO {path} is read again; {} lines were lost", self.dropped);
                    self.dropped = 0;
                }
            }
            Err(error) => {
                if self.dropped == 0 {
                    if error == Errno::EAGAIN {
                        tracing::warn!("FIFO {path} is full: lines are lost until it is read");
                    } else {
                        tracing::error!("cannot write to FIFO {path}: {error}");
                    }
                }
                self.dropped += 1;
            }
        }
    }
}

/// Makes the FIFO where nothing is. True: it was made.
fn make(plan: &FifoPlan) -> anyhow::Result<bool> {
    match nix::unistd::mkfifo(&plan.path, file_mask::left_of(MODE)) {
        Ok(()) => {
            if let Err(error) = chown(&plan.path, Some(plan.owner.uid), Some(plan.owner.gid)) {
                let _ = std::fs::remove_file(&plan.path);
                return Err(error).context("cannot give it to its owner");
            }
            Ok(true)
        }
        Err(Errno::EEXIST) => {
            let found = Path::symlink_metadata(&plan.path).context("cannot look at it")?;
            judge(&found, plan).map(|()| false)
        }
        Err(error) => Err(error).context("cannot make it"),
    }
}

fn judge(found: &std::fs::Metadata, plan: &FifoPlan) -> anyhow::Result<()> {
    if !found.file_type().is_fifo() {
        bail!("it exists and is no FIFO");
    }
    if found.uid() != Uid::effective().as_raw() && found.uid() != plan.owner.uid {
        bail!("it exists and belongs to user {}", found.uid());
    }
    Ok(())
}

/// Runs the reader until `stop` is closed; one that ends is started again after a pause.
async fn keep_running(script: Script, mut stop: mpsc::Receiver<()>) {
    let name = script.argv.first().map(|name| name.to_string_lossy().into_owned());
    let name = name.unwrap_or_default();
    let mut pause = FIRST_PAUSE;
    loop {
        let started = Instant::now();
        match scripts::start(&script) {
            Ok(mut child) => {
                let ended = tokio::select! {
                    ended = child.wait() => ended,
                    _ = stop.recv() => return end(child).await,
                };
                match ended {
                    Ok(status) => tracing::warn!("FIFO script {name} ended: {status}; it is started again"),
                    Err(error) => tracing::error!("FIFO script {name} cannot be waited for: {error}"),
                }
            }
            Err(error) => tracing::error!("FIFO script {name} cannot be run: {error}"),
        }
        if started.elapsed() >= LONGEST_PAUSE {
            pause = FIRST_PAUSE;
        }
        tokio::select! {
            _ = stop.recv() => return,
            () = tokio::time::sleep(pause) => {}
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

async fn end(mut child: Child) {
    if tokio::time::timeout(LAST_LINES_LIMIT, child.wait()).await.is_ok() {
        return;
    }
    if let Some(Ok(group)) = child.id().map(i32::try_from) {
        // It may have ended this moment.
        let _ = killpg(Pid::from_raw(group), Signal::SIGTERM);
    }
}

/// `INSTANCE "VI_1" MASTER 107`.
pub fn vrrp_line(change: &VrrpNotification) -> String {
    let kind = if change.is_group { "GROUP" } else { "INSTANCE" };
    format!("{kind} \"{}\" {} {}\n", change.name, change.state, change.priority)
}

/// `VS [192.0.2.80]:tcp:80 UP`, `RS [192.0.2.81]:tcp:80 [192.0.2.80]:tcp:80 DOWN`; nothing of single checks.
pub fn checker_line(change: &Notification) -> Option<String> {
    let word = |up: bool| if up { "UP" } else { "DOWN" };
    match change {
        Notification::RealServer {
            virtual_server,
            real_server,
            up,
            ..
        } => Some(format!("RS {real_server} {virtual_server} {}\n", word(*up))),
        Notification::Quorum { virtual_server, up, .. } => Some(format!("VS {virtual_server} {}\n", word(*up))),
        Notification::Check { .. } => None,
    }
}

/// Everybody's state as a change of it would be told.
pub fn states(report: &VrrpStatus) -> Vec<VrrpNotification> {
    let told = |state: &str| matches!(state, "MASTER" | "BACKUP" | "FAULT");
    let instances = report.instances.iter().map(|instance| VrrpNotification {
        is_group: false,
        name: instance.name.clone(),
        state: instance.state.clone(),
        priority: instance.effective_priority,
    });
    let groups = report.groups.iter().map(|group| VrrpNotification {
        is_group: true,
        name: group.name.clone(),
        state: group.state.clone(),
        priority: 0,
    });
    instances.chain(groups).filter(|change| told(&change.state)).collect()
}

#[cfg(test)]
mod tests;
