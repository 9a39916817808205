//! What `/proc` says of processes.

use std::fs::File;
use std::io::Read;

use super::table::{Identity, Needs};

/// The name of a process is at most 15 bytes, and what comes before and after it is a number and a letter.
const STATUS_BYTES: u64 = 64;

/// Hands in every process that has not ended.
pub fn all(needs: Needs, mut take: impl FnMut(u32, Identity)) {
    let folder = match std::fs::read_dir("/proc") {
        Ok(folder) => folder,
        Err(error) => return tracing::error!("cannot read /proc: {error}"),
    };
    for entry in folder.flatten() {
        let pid = entry.file_name().to_str().and_then(|name| name.parse().ok());
        if let Some((pid, identity)) = pid.and_then(|pid| Some((pid, one(pid, needs)?))) {
            take(pid, identity);
        }
    }
}

/// One process, unless it has ended. The command line is read only where it decides: a process that was swapped out would
/// have to come back for it.
pub fn one(pid: u32, needs: Needs) -> Option<Identity> {
    let mut identity = Identity::default();
    if needs.name {
        let status = beginning(pid, "stat", STATUS_BYTES)?;
        identity.name = name_of_living(&status)?.to_vec();
    }
    if needs.command_line > 0 {
        // One that has ended has an empty one.
        identity.command_line = beginning(pid, "cmdline", u64::try_from(needs.command_line).ok()?)?;
    }
    Some(identity)
}

fn beginning(pid: u32, file: &str, bytes: u64) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    let file = File::open(format!("/proc/{pid}/{file}")).ok()?;
    file.take(bytes).read_to_end(&mut text).ok()?;
    Some(text)
}

/// From `PID (NAME) STATE ...`, where the name may hold anything.
fn name_of_living(status: &[u8]) -> Option<&[u8]> {
    let begin = status.iter().position(|byte| *byte == b'(')?.checked_add(1)?;
    let end = status.iter().rposition(|byte| *byte == b')')?;
    let state = status.get(end..)?.get(2)?;
    let ended = matches!(state, b'Z' | b'X' | b'x');
    (!ended).then(|| status.get(begin..end)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_may_hold_anything_and_those_who_ended_have_none() {
        assert_eq!(name_of_living(b"12 (sleep) S 1 12"), Some(&b"sleep"[..]));
        assert_eq!(name_of_living(b"12 (a) b (c) R 1 12"), Some(&b"a) b (c"[..]));
        assert_eq!(name_of_living(b"12 (sleep) Z 1 12"), None);
        for cut in [&b""[..], b"12", b"12 (", b"12 (a", b"12 (a)", b"12 )a( S"] {
            assert_eq!(name_of_living(cut), None, "{cut:?}");
        }
    }

    #[test]
    fn this_process_is_found() {
        let needs = Needs {
            name: true,
            command_line: 4096,
        };
        let own = std::process::id();
        let identity = one(own, needs).unwrap();
        assert_eq!(identity.command_line, std::fs::read("/proc/self/cmdline").unwrap());
        let mut found = false;
        all(needs, |pid, _| found |= pid == own);
        assert!(found);
        assert_eq!(one(u32::MAX, needs), None);
    }
}
