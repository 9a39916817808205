//! The programs of this package. `holdfast` is what people start; it finds the programs of its child processes beside itself.
//!
//! They are separate so that no process has more in memory than it needs: TLS only where real servers are checked, the
//! language of the configuration only where it is read. What is not there cannot be attacked either.

use std::fs::File;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context;
use holdfast_checker::tls::Identity;
use nix::fcntl::{FcntlArg, fcntl};

use crate::genhash::GenhashArguments;
use crate::role::Role;

/// The first word of the command line when the program of the checks makes a digest.
pub const GENHASH_WORD: &str = "genhash";

/// Its first word when it looks at what it would show of itself over TLS.
pub const IDENTITY_WORD: &str = "identity";

/// Where packages may put the programs that people do not start.
const FOLDERS: [&str; 2] = ["", "../libexec/holdfast"];

/// A child finds its end of everything under numbers below this one.
const FIRST_DESCRIPTOR: i32 = 64;

/// The programs of the children, held open: when a new version is installed meanwhile, both ends of a channel still speak
/// alike.
#[derive(Debug)]
pub struct Programs {
    vrrp: OwnedFd,
    checker: OwnedFd,
}

impl Programs {
    /// Finds them. All must be there, so that none is missed when it is needed.
    pub fn open() -> anyhow::Result<Self> {
        Ok(Self {
            vrrp: open(Role::Vrrp)?,
            checker: open(Role::Checker)?,
        })
    }

    /// The path of a role's program; good for a child of ours, too.
    pub fn path(&self, role: Role) -> PathBuf {
        let descriptor = match role {
            Role::Vrrp | Role::Bfd => &self.vrrp,
            Role::Checker => &self.checker,
        };
        format!("/proc/self/fd/{}", descriptor.as_raw_fd()).into()
    }
}

impl Programs {
    /// What keeps TLS sessions from being opened with this, if anything does. The program of the checks knows: it alone has
    /// OpenSSL.
    pub fn problem_of(&self, identity: &Identity) -> Option<String> {
        let ask = || -> anyhow::Result<Option<String>> {
            let mut asked = Command::new(self.path(Role::Checker))
                .arg(IDENTITY_WORD)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()?;
            if let Some(input) = asked.stdin.take() {
                serde_json::to_writer(input, identity)?;
            }
            Ok(serde_json::from_slice(&asked.wait_with_output()?.stdout)?)
        };
        ask().unwrap_or_else(|error| Some(format!("what the files hold cannot be checked: {error:#}")))
    }
}

/// Answers [`Programs::problem_of`].
pub fn tell_problem() -> anyhow::Result<()> {
    let identity: Identity = serde_json::from_reader(std::io::stdin())?;
    serde_json::to_writer(std::io::stdout(), &identity.problem())?;
    Ok(())
}

/// Goes on as the program of the checks. Returns only when that cannot be.
pub fn become_genhash(asked: &GenhashArguments) -> anyhow::Error {
    let begun = || -> anyhow::Result<std::io::Error> {
        let asked = serde_json::to_string(asked)?;
        Ok(Command::new(find(Role::Checker)?).args([GENHASH_WORD, &asked]).exec())
    };
    begun().map_or_else(|error| error, anyhow::Error::from)
}

fn open(role: Role) -> anyhow::Result<OwnedFd> {
    let path = find(role)?;
    let cannot = || format!("cannot open {}", path.display());
    let file = File::options()
        .read(true)
        .custom_flags(libc::O_PATH)
        .open(&path)
        .with_context(cannot)?;
    let number = fcntl(&file, FcntlArg::F_DUPFD_CLOEXEC(FIRST_DESCRIPTOR)).with_context(cannot)?;
    Ok(owned(number))
}

#[expect(unsafe_code, reason = "a descriptor that only a number was returned of")]
fn owned(number: i32) -> OwnedFd {
    // SAFETY: the descriptor was just made, and nobody else knows it.
    unsafe { OwnedFd::from_raw_fd(number) }
}

fn find(role: Role) -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe().context("cannot find this program's file")?;
    let folder = own.parent().unwrap_or(Path::new("/"));
    let name = role.program();
    let candidates = FOLDERS.map(|beside| folder.join(beside).join(name));
    candidates.into_iter().find(|path| path.is_file()).with_context(|| {
        format!(
            "{name} is missing: it belongs in {} or {}",
            folder.display(),
            folder.join("../libexec/holdfast").display()
        )
    })
}
