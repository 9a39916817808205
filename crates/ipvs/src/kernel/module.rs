//! Loading `ip_vs`.

use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Loading a module takes milliseconds; a process that hangs longer than this is given up.
const LIMIT: Duration = Duration::from_secs(10);
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// Runs `modprobe ip_vs`. Returns in words what came of it.
pub(super) fn load() -> String {
    // The program that the kernel itself would call; services often have no /sbin in their PATH.
    let configured = std::fs::read_to_string("/proc/sys/kernel/modprobe").unwrap_or_default();
    let program = match configured.trim() {
        "" => "modprobe",
        program => program,
    };
    match run(program) {
        Ok(said) => format!("{program} ip_vs: {said}"),
        Err(error) => format!("{program} ip_vs: {error}"),
    }
}

fn run(program: &str) -> std::io::Result<String> {
    let mut child = Command::new(program)
        .arg("ip_vs")
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
