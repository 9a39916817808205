//! Scripts: who may run them, how they run, and in which order those run that are told of changes.
//!
//! The scripts of one instance, group or server run one after another in the order of its changes, so that the last
//! one to finish belongs to the last state (keepalived runs them all at once, in no order). Different subjects run
//! side by side, and nothing else ever waits for a script.

mod identity;
mod security;

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

pub use identity::{Identity, default_identity};
pub use security::check_path;

/// A script that runs longer is said to do so; it is never killed, as keepalived never kills it.
const SLOW_AFTER: Duration = Duration::from_mins(1);

/// A command with its arguments and the user it runs as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// Program and arguments
    pub argv: Vec<OsString>,
    /// The file that is executed; `None`: the one that the first of `argv` names
    pub program: Option<PathBuf>,
    /// Who runs it
    pub identity: Identity,
}

impl Script {
    /// A command whose file is found by its first word.
    pub fn new(argv: Vec<OsString>, identity: Identity) -> Self {
        Self {
            argv,
            program: None,
            identity,
        }
    }
}

/// What a script speaks for; the scripts of one subject keep their order.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A VRRP instance
    Instance(String),
    /// A sync group
    Group(String),
    /// A virtual server with its real servers
    VirtualServer(String),
}

/// Runs scripts.
#[derive(Debug, Default)]
pub struct Runner {
    queues: HashMap<Subject, mpsc::UnboundedSender<Script>>,
    workers: JoinSet<()>,
}

impl Runner {
    /// Queues a script behind the earlier ones of the same subject.
    pub fn run(&mut self, subject: Subject, script: Script) {
        let script = match self.queues.get(&subject) {
            Some(queue) => match queue.send(script) {
                Ok(()) => return,
                Err(returned) => returned.0,
            },
            None => script,
        };
        let (queue, scripts) = mpsc::unbounded_channel();
        // The receiver is alive: it is in our hands.
        let _ = queue.send(script);
        self.queues.insert(subject, queue);
        self.workers.spawn(run_in_order(scripts));
    }

    /// Waits for all scripts at most this long, then leaves them to themselves.
    pub async fn finish(mut self, limit: Duration) {
        self.queues.clear();
        let all = async { while self.workers.join_next().await.is_some() {} };
        if tokio::time::timeout(limit, all).await.is_err() {
            tracing::warn!("scripts still run after {} ms; not waiting for them", limit.as_millis());
            self.workers.detach_all();
        }
    }
}

async fn run_in_order(mut scripts: mpsc::UnboundedReceiver<Script>) {
    while let Some(script) = scripts.recv().await {
        let name = script
            .argv
            .first()
            .map(|program| program.to_string_lossy().into_owned())
            .unwrap_or_default();
        match start(&script) {
            Ok(child) => report(&name, wait(&name, child).await),
            Err(error) => tracing::error!("script {name} cannot be run: {error}"),
        }
    }
}

async fn wait(name: &str, mut child: Child) -> std::io::Result<ExitStatus> {
    if let Ok(ended) = tokio::time::timeout(SLOW_AFTER, child.wait()).await {
        return ended;
    }
    tracing::warn!(
        "script {name} has been running for {} s; later ones of the same subject wait",
        SLOW_AFTER.as_secs()
    );
    child.wait().await
}

fn report(name: &str, ended: std::io::Result<ExitStatus>) {
    match ended {
        Ok(status) if status.success() => tracing::debug!("script {name} succeeded"),
        Ok(status) => tracing::warn!("script {name} failed: {status}"),
        Err(error) => tracing::error!("script {name} cannot be waited for: {error}"),
    }
}

/// Starts a script in its own process group, without our descriptors, and without what could change its program.
pub fn start(script: &Script) -> std::io::Result<Child> {
    match spawn(script) {
        // A text without an interpreter line is the shell's business.
        Err(error) if error.raw_os_error() == Some(libc::ENOEXEC) => {
            let mut by_shell = script.clone();
            if let (Some(name), Some(program)) = (by_shell.argv.first_mut(), by_shell.program.take()) {
                *name = program.into();
            }
            by_shell.argv.insert(0, "/bin/sh".into());
            spawn(&by_shell)
        }
        outcome => outcome,
    }
}

fn spawn(script: &Script) -> std::io::Result<Child> {
    let Some((name, arguments)) = script.argv.split_first() else {
        return Err(std::io::Error::other("no command"));
    };
    let mut command = Command::new(script.program.as_deref().unwrap_or(Path::new(name)));
    command
        .arg0(name)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .env_remove("IFS")
        .env_remove("LD_PRELOAD")
        .env_remove("LD_LIBRARY_PATH");
    script.identity.apply(&mut command);
    command.spawn()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_of_one_subject_run_in_order() {
        let folder = std::env::temp_dir().join(format!("holdfast-scripts-test-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let log = folder.join("log");
        let script = |text: &str| Script::new(vec!["/bin/sh".into(), "-c".into(), text.into()], Identity::current());
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
            .block_on(async {
                let mut runner = Runner::default();
                // The first is the slowest: unordered execution would log it last.
                for (pause, word) in [("sleep 0.2; ", "MASTER"), ("", "BACKUP"), ("", "MASTER")] {
                    let text = format!("{pause}echo {word} >> {}", log.display());
                    runner.run(Subject::Instance("VI_1".into()), script(&text));
                }
                runner.finish(Duration::from_secs(10)).await;
            });
        assert_eq!(std::fs::read_to_string(&log).unwrap(), "MASTER\nBACKUP\nMASTER\n");
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_script_has_the_groups_of_its_user_as_asked() {
        if !nix::unistd::Uid::effective().is_root() {
            println!("only root can become somebody else");
            return;
        }
        let path = std::env::temp_dir().join(format!("holdfast-groups-test-{}", std::process::id()));
        // A user with groups of its own, if there is one on this host; else they are the same either way.
        let groups = std::fs::read_to_string("/etc/group").unwrap();
        let member = groups
            .lines()
            .find_map(|line| line.rsplit(':').next()?.split(',').next());
        let user = member.filter(|name| !name.is_empty()).unwrap_or("daemon");
        let identity = Identity::look_up(user, None).unwrap();
        let all = nix::unistd::getgrouplist(
            &std::ffi::CString::new(user).unwrap(),
            nix::unistd::Gid::from_raw(identity.gid),
        );
        let all: Vec<u32> = all.unwrap().into_iter().map(nix::unistd::Gid::as_raw).collect();
        std::fs::write(&path, "").unwrap();
        std::os::unix::fs::chown(&path, Some(identity.uid), None).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let groups_of = |identity: Identity| {
            let text = format!("id -G > {}", path.display());
            let script = Script::new(vec!["/bin/sh".into(), "-c".into(), text.into()], identity);
            let ended = runtime.block_on(async { start(&script).unwrap().wait().await });
            assert!(ended.unwrap().success());
            let text = std::fs::read_to_string(&path).unwrap();
            let mut groups: Vec<u32> = text.split_whitespace().map(|id| id.parse().unwrap()).collect();
            groups.sort_unstable();
            groups
        };
        assert_eq!(groups_of(identity.clone()), [identity.gid]);
        let mut expected = all;
        expected.sort_unstable();
        expected.dedup();
        assert_eq!(groups_of(identity.with_supplementary_groups().unwrap()), expected);
        std::fs::remove_file(&path).unwrap();
    }
}
