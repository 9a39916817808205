//! The Debian packages that tests need, installed when they are missing and we may.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

/// A program (or a file by its whole path), the package it comes in, and what for.
struct Need {
    program: &'static str,
    package: &'static str,
    purpose: &'static str,
}

const fn need(program: &'static str, package: &'static str, purpose: &'static str) -> Need {
    Need {
        program,
        package,
        purpose,
    }
}

/// What the build needs besides Rust and a C compiler.
pub(crate) const BUILD: Needs = Needs(&[
    need("/usr/include/openssl/ssl.h", "libssl-dev", "TLS of checks"),
    need("pkg-config", "pkg-config", "where OpenSSL is"),
]);

/// What tests with peers need.
pub(crate) const PEERS: Needs = Needs(&[
    need("keepalived", "keepalived", "the peer on the wire"),
    need("ip", "iproute2", "networks between nodes"),
    need("nft", "nftables", "packet filters as users see them"),
    need("dbus-daemon", "dbus", "a bus of its own for each case"),
    need("dbus-send", "dbus", "somebody who calls over it"),
    need("openssl", "openssl", "certificates, and a server over TLS"),
    need("snmpwalk", "snmp", "managers of networks"),
    need("snmpd", "snmpd", "the agent that they ask"),
    need("snmptrapd", "snmptrapd", "who is told of traps"),
    need("redis-server", "redis-server", "a real server"),
    need("mariadbd", "mariadb-server-core", "a data base"),
    need("pg_createcluster", "postgresql", "another data base"),
    need("/usr/lib/dovecot/imap", "dovecot-imapd", "mail boxes"),
    need("/usr/lib/dovecot/pop3", "dovecot-pop3d", "mail boxes, the other way"),
    need("slapd", "slapd", "a directory"),
]);

/// What tests in a guest need.
pub(crate) const GUEST: Needs = Needs(&[
    need("keepalived", "keepalived", "the first director in every case"),
    need("ip", "iproute2", "networks between nodes"),
    need("ipvsadm", "ipvsadm", "the IPVS table as users see it"),
    need("nginx", "nginx-light", "real servers"),
    need(
        "/usr/lib/python3/dist-packages/grpc/__init__.py",
        "python3-grpcio",
        "a real server of gRPC",
    ),
    need("openssl", "openssl", "certificates, and a server over TLS"),
    need("redis-server", "redis-server", "a real server"),
    need("slapd", "slapd", "a directory"),
    need("snmpd", "snmpd", "a master agent of SNMP"),
    need("snmptrapd", "snmptrapd", "a receiver of traps"),
    need("snmpwalk", "snmp", "a manager"),
    need("smtpd", "opensmtpd", "a real mail server"),
    need("unbound", "unbound", "a real name server"),
    need("qemu-system-x86_64", "qemu-system-x86", "the guest's machine"),
    need("busybox", "busybox-static", "the guest's first program"),
    need("modprobe", "kmod", "the guest's modules"),
    need("xz", "xz-utils", "unpacking the guest's kernel"),
]);

/// A list of programs that must be there.
pub(crate) struct Needs(&'static [Need]);

impl Needs {
    /// Installs what is missing, saying what and why.
    ///
    /// # Errors
    /// Something is missing and we are not root, or apt cannot install it.
    pub(crate) fn install(&self) -> Result<()> {
        let missing: Vec<_> = self.0.iter().filter(|need| find(need.program).is_none()).collect();
        if missing.is_empty() {
            return Ok(());
        }
        for need in &missing {
            println!(
                "missing: {} (Debian package {}): {}",
                need.program, need.package, need.purpose
            );
        }
        let packages: Vec<_> = missing.iter().map(|need| need.package).collect();
        let command = format!("apt-get install --no-install-recommends {}", packages.join(" "));
        ensure!(
            bed::node::is_root(),
            "not root, so nothing is installed; as root: {command}"
        );
        ensure!(
            find("apt-get").is_some(),
            "no apt-get here; install these in your system's way: {}",
            packages.join(" ")
        );
        println!("installing, without starting any service: {command}");
        let _no_services = ServicesStayDown::new()?;
        if apt_get_install(&packages).is_err() {
            // The lists may be missing, or name versions that are gone.
            apt_get(&["update", "-qq"])?;
            apt_get_install(&packages)?;
        }
        let still: Vec<_> = missing
            .iter()
            .filter(|need| find(need.program).is_none())
            .map(|need| need.program)
            .collect();
        ensure!(still.is_empty(), "installed, and still missing: {}", still.join(" "));
        Ok(())
    }
}

/// Looks where root's programs are, too, whoever we are.
fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let system = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"].map(PathBuf::from);
    std::env::split_paths(&path)
        .chain(system)
        .map(|directory| directory.join(program))
        .find(|path| path.is_file())
}

fn apt_get_install(packages: &[&str]) -> Result<()> {
    apt_get(&[&["install", "-y", "-qq", "--no-install-recommends"], packages].concat())
}

fn apt_get(arguments: &[&str]) -> Result<()> {
    let mut command = Command::new("apt-get");
    command
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null());
    let status = command.status().context("starting apt-get")?;
    if !status.success() {
        bail!("apt-get {} failed: {status}", arguments.join(" "));
    }
    Ok(())
}

/// Keeps packages from starting their services while it lives, by Debian's `policy-rc.d`; then restores what was there.
struct ServicesStayDown {
    former: Option<PathBuf>,
}

const POLICY: &str = "/usr/sbin/policy-rc.d";

impl ServicesStayDown {
    fn new() -> Result<Self> {
        use std::os::unix::fs::PermissionsExt;
        let policy = Path::new(POLICY);
        let former = policy.exists().then(|| policy.with_extension("d.before-xtask"));
        if let Some(former) = &former {
            fs::rename(policy, former).with_context(|| format!("setting {POLICY} aside"))?;
        }
        let guard = Self { former };
        // 101 forbids; and it forbids nothing any more should we be killed before we can take it away.
        let text = format!("#!/bin/sh\n[ -d /proc/{} ] && exit 101\nexit 0\n", std::process::id());
        fs::write(policy, text).with_context(|| format!("writing {POLICY}"))?;
        fs::set_permissions(policy, fs::Permissions::from_mode(0o755))?;
        Ok(guard)
    }
}

impl Drop for ServicesStayDown {
    fn drop(&mut self) {
        let outcome = match &self.former {
            Some(former) => fs::rename(former, POLICY),
            None => fs::remove_file(POLICY),
        };
        if let Err(problem) = outcome {
            eprintln!("{POLICY} could not be restored: {problem}");
        }
    }
}
