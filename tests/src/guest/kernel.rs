//! Debian's kernel and its modules, fetched into the cache and unpacked once. Nothing is installed.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// The package that always depends on Debian's current kernel.
const META_PACKAGE: &str = "linux-image-amd64";

/// A kernel that a guest can boot.
#[derive(Debug, Clone)]
pub struct Kernel {
    /// As `uname -r` says it.
    pub version: String,
    /// The unpacked ELF image: boots 2.7 s sooner than the compressed one.
    pub vmlinux: PathBuf,
    /// The directory that holds a directory of modules for [`Kernel::version`].
    pub modules_root: PathBuf,
}

impl Kernel {
    /// The kernel in the cache; when there is none, fetches the Debian package and unpacks it.
    ///
    /// # Errors
    /// No apt, no network and nothing in the cache; or a kernel compressed in an unknown way.
    pub fn cached(cache: &Path) -> Result<Self> {
        let home = cache.join("kernel");
        if !home.exists() {
            // Made beside and renamed, so that a broken attempt is never taken for a kernel and two of us at once
            // do no harm.
            let attempt = cache.join(format!("kernel-{}", std::process::id()));
            let made = make(&attempt);
            if made.is_ok() && fs::rename(&attempt, &home).is_ok() {
                return Self::found_in(&home);
            }
            let _ = fs::remove_dir_all(&attempt);
            made.context("preparing a kernel for guests")?;
        }
        Self::found_in(&home)
    }

    fn found_in(home: &Path) -> Result<Self> {
        let modules_root = home.join("lib/modules");
        let version = only_entry(&modules_root)?;
        Ok(Self {
            version,
            vmlinux: home.join("vmlinux"),
            modules_root,
        })
    }

    /// The directory of modules of this version.
    pub fn modules(&self) -> PathBuf {
        self.modules_root.join(&self.version)
    }
}

fn make(home: &Path) -> Result<()> {
    fs::create_dir_all(home)?;
    eprintln!("bed: fetching Debian's kernel package for guests (about 70 MB, once; it is not installed)");
    let package = download(home)?;
    run(Command::new("dpkg-deb").arg("-x").arg(&package).arg(home))?;
    fs::remove_file(&package)?;
    let version = only_entry(&home.join("lib/modules"))?;
    // The package leaves this to its installation.
    run(Command::new("depmod").arg("-b").arg(home).arg(&version))?;
    let image = fs::read(home.join(format!("boot/vmlinuz-{version}"))).context("the kernel image")?;
    unpack(&image, &home.join("vmlinux"))
}

/// Downloads the newest kernel package; refreshes apt's lists once when they lead nowhere.
fn download(home: &Path) -> Result<PathBuf> {
    if try_download(home).is_err() {
        run(Command::new("apt-get").args(["update", "-qq"]))?;
        try_download(home)?;
    }
    let found = fs::read_dir(home)?.filter_map(|entry| entry.ok().map(|entry| entry.path()));
    found
        .into_iter()
        .find(|path| path.extension().is_some_and(|end| end == "deb"))
        .context("apt-get left no package")
}

fn try_download(home: &Path) -> Result<()> {
    let depends = Command::new("apt-cache")
        .args(["depends", META_PACKAGE])
        .output()
        .context("apt-cache")?;
    let depends = String::from_utf8_lossy(&depends.stdout).into_owned();
    let package = depends
        .lines()
        .filter_map(|line| line.trim().strip_prefix("Depends: "))
        .find(|package| package.starts_with("linux-image-"))
        .with_context(|| format!("apt knows no {META_PACKAGE}"))?;
    run(Command::new("apt-get")
        .args(["download", "-qq", package])
        .current_dir(home)
        .stderr(Stdio::null()))
}

/// Takes the ELF image out of a bzImage (Linux boot protocol: setup sectors at 0x1f1, payload offset and length at
/// 0x248 and 0x24c).
fn unpack(image: &[u8], vmlinux: &Path) -> Result<()> {
    let word = |at: usize| -> Result<usize> {
        let bytes = image.get(at..at + 4).context("the kernel image is too short")?;
        Ok(u32::from_le_bytes(bytes.try_into()?) as usize)
    };
    let setup_sectors = match image.get(0x1f1) {
        Some(0) => 4,
        Some(&sectors) => usize::from(sectors),
        None => bail!("the kernel image is too short"),
    };
    let start = (setup_sectors + 1) * 512 + word(0x248)?;
    let payload = image
        .get(start..start + word(0x24c)?)
        .context("the kernel image is cut off")?;
    let tool: &[&str] = match payload {
        [0xfd, b'7', b'z', b'X', b'Z', ..] => &["xz", "-dc", "--single-stream"],
        [0x1f, 0x8b, ..] => &["gzip", "-dc"],
        [0x28, 0xb5, 0x2f, 0xfd, ..] => &["zstd", "-dc"],
        _ => bail!("the kernel is compressed in a way not known here"),
    };
    let [program, arguments @ ..] = tool else {
        bail!("no tool to unpack with")
    };
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(File::create(vmlinux)?)
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| format!("starting {program}"))?;
    let mut feed = child.stdin.take().context("a pipe to the unpacker")?;
    // The payload ends with its length, which the tool may refuse; what counts is the image that comes out.
    let _ = feed.write_all(payload);
    drop(feed);
    child.wait()?;
    let made = fs::read(vmlinux)?;
    if !made.starts_with(b"\x7fELF") {
        bail!("{program} made no ELF image out of the kernel");
    }
    Ok(())
}

fn run(command: &mut Command) -> Result<()> {
    let status = command
        .stdin(Stdio::null())
        .status()
        .with_context(|| format!("starting {command:?}"))?;
    if !status.success() {
        bail!("{command:?} failed: {status}");
    }
    Ok(())
}

fn only_entry(directory: &Path) -> Result<String> {
    let mut entries = fs::read_dir(directory).with_context(|| format!("reading {}", directory.display()))?;
    let entry = entries
        .next()
        .with_context(|| format!("{} is empty", directory.display()))??;
    entry
        .file_name()
        .into_string()
        .ok()
        .context("a kernel version that is not text")
}
