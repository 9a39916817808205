//! State files on request: the VRRP process says what there is to see, and the supervisor, which may, writes it down.

use super::Supervisor;
use crate::ipc::ToVrrp;
use crate::snapshot::VrrpSnapshot;
use crate::state_files::StateFile;

/// Who wants a file.
#[derive(Debug, Clone, Copy)]
pub enum Asker {
    /// Nobody who hears whether it was written
    Signal,
    /// Somebody on D-Bus waits for it under this number
    Dbus(u64),
}

/// Files for which the VRRP process has been asked, by the numbers of the questions.
#[derive(Debug, Default)]
pub struct WantedFiles {
    asked: u64,
    waiting: Vec<(u64, StateFile, Asker)>,
}

impl Supervisor {
    /// Somebody wants a file.
    pub(super) fn want_state_file(&mut self, file: StateFile, asker: Asker) {
        let outcome = match (file, &self.vrrp) {
            (StateFile::Data, _) => {
                Err("keepalived.data is not yet written; `holdfast status` shows the state".to_owned())
            }
            (StateFile::Timers, _) => {
                Err("there is no list of timers; `holdfast status` shows how punctual they are".to_owned())
            }
            (_, None) => Err("there is no VRRP process".to_owned()),
            (_, Some(vrrp)) => {
                self.wanted_files.asked += 1;
                let number = self.wanted_files.asked;
                vrrp.send(&ToVrrp::ShowForFile {
                    number,
                    clears_counters: file == StateFile::StatsClear,
                });
                self.wanted_files.waiting.push((number, file, asker));
                return;
            }
        };
        self.end_of_wish(asker, outcome);
    }

    /// The VRRP process has answered.
    pub(super) fn write_state_file(&mut self, number: u64, snapshot: &VrrpSnapshot) {
        let waiting = &mut self.wanted_files.waiting;
        let Some(place) = waiting.iter().position(|(waiting, ..)| *waiting == number) else {
            return;
        };
        let (_, file, asker) = waiting.swap_remove(place);
        let outcome = self
            .configuration
            .state_files
            .write(file, snapshot, &self.trackers.status());
        self.end_of_wish(asker, outcome.map_err(|error| format!("{error:#}")));
    }

    /// The VRRP process that was asked is gone.
    pub(super) fn forget_wanted_files(&mut self) {
        for (_, _, asker) in std::mem::take(&mut self.wanted_files.waiting) {
            self.end_of_wish(asker, Err("the VRRP process died".to_owned()));
        }
    }

    fn end_of_wish(&self, asker: Asker, outcome: Result<(), String>) {
        if let Err(reason) = &outcome {
            tracing::warn!("{reason}");
        }
        if let Asker::Dbus(number) = asker {
            self.tell_dbus_of_end(number, outcome);
        }
    }
}
