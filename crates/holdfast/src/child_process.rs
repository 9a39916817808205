//! What a child process does before its role begins.

use std::ffi::CString;
use std::path::Path;

use crate::signals;

/// Takes the supervisor's name, so that `ps` shows it, and leaves the supervisor's signals to it. Call within the runtime.
pub fn settle_in() -> anyhow::Result<()> {
    take_supervisors_name();
    signals::leave_to_supervisor()
}

/// We were started as `/proc/self/exe`, and would be called `exe`.
fn take_supervisors_name() {
    let command = std::env::args_os().next().unwrap_or_default();
    let name = Path::new(&command).file_name().unwrap_or_default();
    if let Ok(name) = CString::new(name.as_encoded_bytes()) {
        // The kernel cuts it to 15 bytes. A process without a proper name works as well.
        let _ = nix::sys::prctl::set_name(&name);
    }
}
