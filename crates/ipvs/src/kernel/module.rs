//! Loading `ip_vs`, its schedulers and persistence engines.

use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Loading a module takes milliseconds; a process that hangs longer than this is given up.
const LIMIT: Duration = Duration::from_secs(10);
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// Loads modules that are not there yet. Needs `CAP_SYS_MODULE`; waits for `modprobe`, 10 s at most for each.
///
/// The kernel loads a scheduler by itself when a service wants it. But Linux 6.1 does that under the lock of IPVS, and stands
/// still for good when a network namespace is taken down meanwhile and the module has something to do in each namespace
/// (`lblc`, `lblcr`). What fails here is left to the kernel, which says so when the service is made; so is the absence of
/// IPVS itself, which whoever opens it reports.
pub fn load_modules<'a>(names: impl IntoIterator<Item = &'a str>) {
    let names: Vec<&str> = names.into_iter().collect();
    if names.is_empty() {
        return;
    }
    if !has_ipvs() {
        load("ip_vs");
        if !has_ipvs() {
            return;
        }
    }
    for name in names {
        if !Path::new("/sys/module").join(name).exists() {
            tracing::debug!("{}", load(name));
        }
    }
}

fn has_ipvs() -> bool {
    Path::new("/proc/net/ip_vs").exists()
}

/// Runs `modprobe` for a module. Returns in words what came of it.
pub(super) fn load(name: &str) -> String {
    // The program that the kernel itself would call; services often have no /sbin in their PATH.
    let configured = std::fs::read_to_string("/proc/sys/kernel/modprobe").unwrap_or_default();
    let program = match configured.trim() {
        "" => "modprobe",
        program => program,
    };
    match run(program, name) {
        Ok(said) => format!("{program} {name}: {said}"),
        Err(error) => format!("{program} {name}: {error}"),
    }
}

fn run(program: &str, name: &str) -> std::io::Result<String> {
    let mut child = Command::new(program)
        .arg(name)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    let start = Instant::now();
    while child.try_wait()?.is_none() {
        if start.elapsed() > LIMIT {
            child.kill()?;
            child.wait()?;
            return Ok(format!("no end within {} s", LIMIT.as_secs()));
        }
        thread::sleep(POLL_INTERVAL);
    }
    let output = child.wait_with_output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    Ok(match said.trim() {
        "" => output.status.to_string(),
        said => said.replace('\n', "; "),
    })
}
