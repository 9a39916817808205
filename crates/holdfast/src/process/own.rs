//! What a child does to itself: its name, its memory, its limit of time at a real-time priority. It tells the supervisor
//! when it comes too late.

use std::ffi::CString;
use std::path::Path;
use std::time::Duration;

use holdfast_time::Timestamp;

use super::ProcessSettings;
use super::scheduler::{limit_realtime, lock_memory};

/// This process and how it runs.
#[derive(Debug, Default)]
pub struct OwnProcess {
    settings: ProcessSettings,
}

impl OwnProcess {
    /// Runs like this from now on.
    pub fn adopt(&mut self, settings: ProcessSettings) {
        let former = std::mem::replace(&mut self.settings, settings);
        let settings = &self.settings;
        if settings.name != former.name {
            take_name(settings.name.as_deref());
        }
        if settings.locks_memory != former.locks_memory
            && let Err(error) = lock_memory(settings.locks_memory)
        {
            tracing::error!("cannot keep the memory of this process from being swapped out (*_no_swap): {error}");
        }
        super::pause::warn_after(settings.realtime_limit / 2);
        if settings.is_realtime()
            && let Err(error) = limit_realtime(0, settings.realtime_limit)
        {
            tracing::error!("cannot change the real-time limit of this process (*_rlimit_rttime): {error}");
        }
    }

    /// The timer that was set to `due` rang. `Some`: so late that the supervisor has to know.
    pub fn timer_rang(&self, due: Option<Timestamp>, now: Timestamp) -> Option<Duration> {
        let lateness = now.since(due?);
        let auto = self.settings.auto_priority?;
        (lateness >= auto.lateness).then_some(lateness)
    }
}

/// Shows `name` in `ps`; `None`: the name of the command. The kernel cuts it to 15 bytes.
pub fn take_name(name: Option<&str>) {
    let command = std::env::args_os().next().unwrap_or_default();
    let name = match name {
        Some(name) => name.as_bytes(),
        None => Path::new(&command).file_name().unwrap_or_default().as_encoded_bytes(),
    };
    if let Ok(name) = CString::new(name) {
        // A process without a proper name works as well.
        let _ = nix::sys::prctl::set_name(&name);
    }
}

#[cfg(test)]
mod tests {
    use super::super::AutoPriority;
    use super::*;

    #[test]
    fn lateness_is_told_from_the_configured_delay_on() {
        let at = |ms| Timestamp::ZERO + Duration::from_millis(ms);
        let mut process = OwnProcess::default();
        assert_eq!(process.timer_rang(Some(at(0)), at(9_000)), None);
        process.settings.auto_priority = Some(AutoPriority {
            highest: 9,
            lateness: Duration::from_millis(100),
        });
        assert_eq!(process.timer_rang(Some(at(50)), at(149)), None);
        assert_eq!(
            process.timer_rang(Some(at(50)), at(150)),
            Some(Duration::from_millis(100))
        );
        assert_eq!(process.timer_rang(None, at(150)), None);
    }
}
