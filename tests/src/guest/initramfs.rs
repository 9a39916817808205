//! The guest's first files: a static busybox, the modules that reach the host's root, and the script that goes there.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::{Kernel, SHARE_IN_GUEST};

/// What the kernel needs before it sees the host's files; their dependencies are added.
const MODULES: [&str; 4] = ["virtio_mmio", "9pnet_virtio", "9p", "overlay"];

/// Writes the archive into the cache and returns its path. Takes some milliseconds, so it is made for each guest anew.
pub(super) fn build(kernel: &Kernel, cache: &Path) -> Result<PathBuf> {
    let mut archive = Archive::default();
    for directory in ["bin", "dev", "lower", "modules", "overlay", "proc", "root"] {
        archive.add(directory, 0o040_755, (0, 0), &[]);
    }
    archive.add("dev/console", 0o020_600, (5, 1), &[]);
    archive.add("dev/null", 0o020_666, (1, 3), &[]);
    archive.add("bin/busybox", 0o100_755, (0, 0), &busybox()?);
    let mut names = Vec::new();
    for path in with_dependencies(kernel)? {
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .context("a module without a name")?;
        let name = name.split_once(".ko").map_or(name, |(name, _)| name).to_owned();
        archive.add(&format!("modules/{name}.ko"), 0o100_644, (0, 0), &module(&path)?);
        names.push(name);
    }
    archive.add("init", 0o100_755, (0, 0), init_script(&names).as_bytes());
    let path = cache.join(format!("initramfs-{}", std::process::id()));
    let mut file = fs::File::create(&path).with_context(|| format!("creating {}", path.display()))?;
    file.write_all(&archive.finish())?;
    let home = cache.join("initramfs");
    fs::rename(&path, &home)?;
    Ok(home)
}

fn init_script(modules: &[String]) -> String {
    format!(
        "#!/bin/busybox sh
fail() {{ echo \"init: $1 failed\"; exit 1; }}
busybox mount -t proc proc /proc
for module in {}; do busybox insmod /modules/$module.ko || fail \"insmod $module\"; done
busybox mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144,ro,cache=loose hostroot /lower || fail 'host root'
busybox mount -t tmpfs -o mode=755 tmpfs /overlay || fail tmpfs
busybox mkdir /overlay/upper /overlay/work
busybox mount -t overlay -o lowerdir=/lower,upperdir=/overlay/upper,workdir=/overlay/work overlay /root || fail overlay
for word in $(busybox cat /proc/cmdline); do case $word in modules_from=*) from=${{word#modules_from=}};; esac; done
busybox mkdir -p /root/lib/modules
busybox mount --bind /lower$from /root/lib/modules || fail 'binding the modules'
busybox umount /proc
busybox mount -t proc proc /root/proc
busybox mount -t sysfs sysfs /root/sys
busybox mount -t devtmpfs devtmpfs /root/dev
busybox mkdir -p /root/dev/pts /root/dev/shm
busybox mount -t devpts devpts /root/dev/pts
busybox mount -t tmpfs -o mode=1777 tmpfs /root/dev/shm
busybox mount -t tmpfs -o mode=755 tmpfs /root/run
busybox mkdir /root{SHARE_IN_GUEST} /root/run/lock
busybox mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144,cache=none share /root{SHARE_IN_GUEST} || fail share
busybox mount --make-rshared /root
busybox ip link set lo up
busybox hostname guest
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8
exec busybox switch_root /root /bin/sh {SHARE_IN_GUEST}/start
",
        modules.join(" ")
    )
}

fn busybox() -> Result<Vec<u8>> {
    let candidates = ["/bin/busybox", "/usr/bin/busybox"];
    let bytes = candidates.iter().find_map(|path| fs::read(path).ok());
    let bytes = bytes.context("no busybox (Debian package busybox-static)")?;
    // The guest has no C library yet. A dynamic program names its loader.
    if bytes.windows(7).any(|window| window == b"/ld-lin") {
        bail!("busybox is not static (Debian package busybox-static)");
    }
    Ok(bytes)
}

/// The modules in the order in which they can be loaded, from `modules.dep`; what is built in has no file.
fn with_dependencies(kernel: &Kernel) -> Result<Vec<PathBuf>> {
    let home = kernel.modules();
    let dep = fs::read_to_string(home.join("modules.dep")).context("modules.dep")?;
    let mut order: Vec<&str> = Vec::new();
    for wanted in MODULES {
        let file = format!("/{wanted}.ko");
        let Some((path, needs)) = dep.lines().filter_map(|line| line.split_once(':')).find(|(path, _)| {
            path.split_once(&file)
                .is_some_and(|(_, rest)| rest.is_empty() || rest.starts_with('.'))
        }) else {
            continue;
        };
        // Each line lists what must be there, the nearest first.
        for path in needs.split_whitespace().rev().chain([path]) {
            if !order.contains(&path) {
                order.push(path);
            }
        }
    }
    Ok(order.into_iter().map(|path| home.join(path)).collect())
}

fn module(path: &Path) -> Result<Vec<u8>> {
    let unpacker = match path.extension().and_then(|end| end.to_str()) {
        Some("ko") => return fs::read(path).with_context(|| format!("reading {}", path.display())),
        Some("xz") => "xz",
        Some("zst") => "zstd",
        _ => bail!("{} is compressed in a way not known here", path.display()),
    };
    let output = Command::new(unpacker)
        .arg("-dc")
        .arg(path)
        .output()
        .with_context(|| format!("starting {unpacker}"))?;
    if !output.status.success() {
        bail!("{unpacker} cannot read {}", path.display());
    }
    Ok(output.stdout)
}

/// A cpio archive in the "newc" form (kernel: Documentation/driver-api/early-userspace/buffer-format.rst).
#[derive(Default)]
struct Archive {
    bytes: Vec<u8>,
    inode: u32,
}

impl Archive {
    fn add(&mut self, name: &str, mode: u32, (major, minor): (u32, u32), content: &[u8]) {
        self.inode += 1;
        // Magic, then thirteen numbers: inode, mode, uid, gid, links, time, size, device, device of a node, length of
        // the name, checksum (unused).
        let numbers = [
            self.inode,
            mode,
            0,
            0,
            1,
            0,
            length(content),
            0,
            0,
            major,
            minor,
            length(name.as_bytes()) + 1,
            0,
        ];
        self.bytes.extend_from_slice(b"070701");
        for number in numbers {
            self.bytes.extend_from_slice(format!("{number:08x}").as_bytes());
        }
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.push(0);
        self.align();
        self.bytes.extend_from_slice(content);
        self.align();
    }

    fn align(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }

    fn finish(mut self) -> Vec<u8> {
        self.add("TRAILER!!!", 0, (0, 0), &[]);
        self.bytes
    }
}

/// Lengths in the archive have 32 bits; ours are a few megabytes.
fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}
