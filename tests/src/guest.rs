//! A guest: Debian's kernel in an emulated machine that shows the host's files and forgets what is written to them.
//!
//! It boots in about two seconds, runs one command and is gone. The root is the host's root, read only, under an
//! overlay in memory: a binary built on the host is there under its own path. A second share carries the command in
//! and its output and exit status out.

mod initramfs;
mod kernel;
mod tsc;

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

pub use kernel::Kernel;

/// Set to `1` in the environment of everything that runs in a guest.
pub const GUEST_VARIABLE: &str = "HOLDFAST_GUEST";

/// How long a boot may take before it is given up. Two seconds are usual; a busy machine needs several times that.
const BOOT_LIMIT: Duration = Duration::from_secs(25);
const BOOT_ATTEMPTS: u32 = 4;
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// A command to run in a guest of its own.
#[derive(Debug, Clone)]
pub struct GuestCommand {
    /// Program and arguments, by their paths on the host.
    pub argv: Vec<String>,
    /// Kernel modules to load before it starts.
    pub modules: Vec<String>,
    /// Added to the guest's short environment.
    pub environment: Vec<(String, String)>,
    /// Where the command starts.
    pub directory: PathBuf,
    /// How long the command may run once the guest is up.
    pub time_limit: Duration,
}

/// What became of a [`GuestCommand`].
#[derive(Debug, Clone, Copy)]
pub struct GuestReport {
    /// Exit status as a shell gives it (128 + signal for a command that was killed).
    pub status: i32,
    /// From the start of the emulator to the first line of the guest's own script.
    pub boot: Duration,
    /// From there to the exit status.
    pub run: Duration,
}

impl GuestCommand {
    /// The command `argv` in the current directory, for ten minutes at most.
    pub fn new<S: Into<String>>(argv: impl IntoIterator<Item = S>) -> Result<Self> {
        Ok(Self {
            argv: argv.into_iter().map(Into::into).collect(),
            modules: Vec::new(),
            environment: Vec::new(),
            directory: std::env::current_dir().context("the current directory")?,
            time_limit: Duration::from_mins(10),
        })
    }

    /// Boots a guest, runs the command in it and copies its output to `output` as it comes.
    ///
    /// A guest that does not come up is started again, up to four times.
    pub fn run(&self, output: &mut dyn Write) -> Result<GuestReport> {
        let cache = cache_directory()?;
        let kernel = Kernel::cached(&cache)?;
        let initramfs = initramfs::build(&kernel, &cache)?;
        for attempt in 1..=BOOT_ATTEMPTS {
            let share = Share::new(&cache)?;
            fs::write(share.path("start"), self.script())?;
            let guest = Guest::boot(&kernel, &initramfs, &share)?;
            match guest.wait_for_boot(&share)? {
                Some(boot) => {
                    let (status, run) = guest.wait_for_end(&share, output, self.time_limit)?;
                    return Ok(GuestReport { status, boot, run });
                }
                None if attempt < BOOT_ATTEMPTS => {
                    let said = share.console();
                    writeln!(
                        output,
                        "guest: attempt {attempt} did not come up, starting another; it said:\n{said}"
                    )?;
                }
                None => bail!(
                    "no guest came up in {BOOT_ATTEMPTS} attempts; its console said:\n{}",
                    share.console()
                ),
            }
        }
        bail!("no attempt to boot a guest was made")
    }

    /// What the guest runs as its first process once the host's root is in place.
    fn script(&self) -> String {
        let export = |(name, value): &(String, String)| format!("export {name}={}\n", shell_quoted(value));
        let environment: String = self.environment.iter().map(export).collect();
        let modprobe: Vec<String> = self
            .modules
            .iter()
            .map(|name| format!("modprobe {}\n", shell_quoted(name)))
            .collect();
        let command: Vec<String> = self.argv.iter().map(|word| shell_quoted(word)).collect();
        // A subshell, so that a command that cannot be found or kills its shell still leaves a status behind.
        format!(
            "#!/bin/sh
: > {SHARE_IN_GUEST}/started
export {GUEST_VARIABLE}=1
{modprobe}{environment}cd {directory}
( {command} ) < /dev/null > {SHARE_IN_GUEST}/output 2>&1
echo $? > {SHARE_IN_GUEST}/status.new
mv {SHARE_IN_GUEST}/status.new {SHARE_IN_GUEST}/status
exec sleep infinity
",
            directory = shell_quoted(&self.directory.to_string_lossy()),
            command = command.join(" "),
            modprobe = modprobe.concat(),
        )
    }
}

/// Whether this process runs in a guest.
pub fn is_guest() -> bool {
    std::env::var_os(GUEST_VARIABLE).is_some_and(|value| value == "1")
}

/// Where things that take long to make are kept: `bed` in the target directory.
pub fn cache_directory() -> Result<PathBuf> {
    let target = match std::env::var_os("CARGO_TARGET_DIR") {
        Some(directory) => PathBuf::from(directory),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../target"),
    };
    let cache = target.join("bed");
    fs::create_dir_all(&cache).with_context(|| format!("creating {}", cache.display()))?;
    cache
        .canonicalize()
        .with_context(|| format!("finding {}", cache.display()))
}

/// Where [`Share`] is mounted in the guest.
const SHARE_IN_GUEST: &str = "/run/share";

/// A directory of the host that the guest can write to; removed when dropped.
struct Share(PathBuf);

impl Share {
    fn new(cache: &Path) -> Result<Self> {
        use std::sync::atomic::{AtomicU32, Ordering};
        static SERIAL: AtomicU32 = AtomicU32::new(0);
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        let directory = cache.join(format!("guest-{}-{serial}", std::process::id()));
        fs::create_dir_all(&directory).with_context(|| format!("creating {}", directory.display()))?;
        Ok(Self(directory))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn console(&self) -> String {
        fs::read(self.path("console"))
            .map_or_else(|e| e.to_string(), |text| String::from_utf8_lossy(&text).into_owned())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        // Nothing sensible is left to do when this fails; the directory is in the cache and harmless.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What the guest's kernel is told.
fn kernel_line(kernel: &Kernel) -> Result<String> {
    let khz = tsc::khz()?;
    // Without a known rate the kernel measures the TSC against a timer that this machine lacks, and hangs at
    // random. HZ is 250, so a jiffy has 4 times the kilohertz of cycles.
    Ok(format!(
        "console=ttyS0 quiet loglevel=3 panic=-1 oops=panic mitigations=off random.trust_cpu=on \
         cryptomgr.notests audit=0 apparmor=0 selinux=0 tsc=reliable nowatchdog rcupdate.rcu_expedited=1 \
         tsc_early_khz={khz} lpj={} modules_from={}",
        khz * 4,
        kernel.modules_root.display()
    ))
}

/// The emulator, not started yet.
fn emulator(kernel: &Kernel, initramfs: &Path, share: &Share) -> Result<Command> {
    let mut command = Command::new("qemu-system-x86_64");
    command
        .args([
            "-M",
            "microvm,rtc=on",
            "-accel",
            "tcg,thread=multi,tb-size=256",
            "-cpu",
            "max",
        ])
        .args([
            "-smp",
            "2",
            "-m",
            "2048",
            "-nodefaults",
            "-no-user-config",
            "-no-reboot",
            "-display",
            "none",
        ])
        .args(["-serial", &format!("file:{}", share.path("console").display())])
        .args([
            "-kernel".as_ref(),
            kernel.vmlinux.as_os_str(),
            "-initrd".as_ref(),
            initramfs.as_os_str(),
        ])
        .args(["-append", &kernel_line(kernel)?])
        .args([
            "-fsdev",
            "local,id=root,path=/,security_model=none,readonly=on,multidevs=remap",
        ])
        .args(["-device", "virtio-9p-device,fsdev=root,mount_tag=hostroot"])
        .args([
            "-fsdev",
            &format!(
                "local,id=share,path={},security_model=none,multidevs=remap",
                share.0.display()
            ),
        ])
        .args(["-device", "virtio-9p-device,fsdev=share,mount_tag=share"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(File::create(share.path("emulator"))?);
    Ok(command)
}

/// A running emulator; killed when dropped.
struct Guest {
    emulator: Child,
    since: Instant,
}

impl Guest {
    fn boot(kernel: &Kernel, initramfs: &Path, share: &Share) -> Result<Self> {
        let mut command = emulator(kernel, initramfs, share)?;
        die_with_starter(&mut command);
        let emulator = command
            .spawn()
            .context("starting qemu-system-x86_64 (Debian package qemu-system-x86)")?;
        Ok(Self {
            emulator,
            since: Instant::now(),
        })
    }

    /// How long the boot took; `None` when it was given up.
    fn wait_for_boot(&self, share: &Share) -> Result<Option<Duration>> {
        let started = share.path("started");
        while self.since.elapsed() < BOOT_LIMIT {
            if started.exists() {
                return Ok(Some(self.since.elapsed()));
            }
            if !is_running(&self.emulator) {
                let said = fs::read_to_string(share.path("emulator")).unwrap_or_default();
                bail!(
                    "the emulator ended before the guest was up: {said}\nconsole:\n{}",
                    share.console()
                );
            }
            std::thread::sleep(POLL_INTERVAL);
        }
        Ok(None)
    }

    /// Copies output until the exit status is there.
    fn wait_for_end(&self, share: &Share, output: &mut dyn Write, limit: Duration) -> Result<(i32, Duration)> {
        let since = Instant::now();
        let mut tail = Tail::new(share.path("output"));
        loop {
            let status = fs::read_to_string(share.path("status")).ok();
            tail.copy(output)?;
            if let Some(status) = status {
                let status = status.trim().parse().context("exit status from the guest")?;
                return Ok((status, since.elapsed()));
            }
            if !is_running(&self.emulator) {
                bail!("the guest died; its console said:\n{}", share.console());
            }
            if since.elapsed() > limit {
                bail!(
                    "the command did not end within {} s; the console said:\n{}",
                    limit.as_secs(),
                    share.console()
                );
            }
            std::thread::sleep(POLL_INTERVAL);
        }
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        // Both fail only when the emulator is already gone.
        let _ = self.emulator.kill();
        let _ = self.emulator.wait();
    }
}

/// Looks without reaping, so that `Child` stays the only one who waits.
fn is_running(child: &Child) -> bool {
    use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
    let pid = nix::unistd::Pid::from_raw(child.id().cast_signed());
    let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    matches!(waitid(Id::Pid(pid), flags), Ok(WaitStatus::StillAlive))
}

/// Makes the kernel kill what `command` starts when the starting thread ends, even by `SIGKILL`.
#[allow(unsafe_code)]
pub(crate) fn die_with_starter(command: &mut Command) {
    let starter = std::process::id();
    let set_up = move || {
        nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL)?;
        // The starter may have died before the line above: then nobody would send the signal.
        if nix::unistd::getppid().as_raw().cast_unsigned() != starter {
            return Err(std::io::Error::other("the starter is gone"));
        }
        Ok(())
    };
    // SAFETY: prctl and getppid are async-signal-safe, and the closure allocates nothing on its good path.
    unsafe {
        command.pre_exec(set_up);
    }
}

/// Follows a file that another machine writes.
struct Tail {
    path: PathBuf,
    file: Option<File>,
}

impl Tail {
    fn new(path: PathBuf) -> Self {
        Self { path, file: None }
    }

    fn copy(&mut self, output: &mut dyn Write) -> Result<()> {
        if self.file.is_none() {
            self.file = File::open(&self.path).ok();
        }
        let Some(file) = &mut self.file else { return Ok(()) };
        let mut news = Vec::new();
        file.read_to_end(&mut news).context("reading the guest's output")?;
        output.write_all(&news)?;
        output.flush()?;
        Ok(())
    }
}

fn shell_quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}
