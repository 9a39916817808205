//! What happens to the machine.

use std::net::IpAddr;

use holdfast_ipvs::table::Table;

use serde::{Deserialize, Serialize};

use crate::probe::Outcome;
use crate::settings::Settings;

/// The identity of a running check, or of a probe that several checks share; never used twice by one machine, and kept over a
/// reload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CheckerId(pub u64);

/// The number of a probe within its check: an answer to an older one is not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Generation(pub u64);

/// Everything that can happen to the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A moment that [`next_deadline`](crate::Health::next_deadline) named has come.
    Deadline,
    /// A probe that [`StartProbe`](crate::Action::StartProbe) asked for is over.
    ProbeDone {
        /// The check
        checker: CheckerId,
        /// The probe's number
        generation: Generation,
        /// What came of it
        outcome: Outcome,
    },
    /// A BFD session came up or went down, or a process that starts hears how it stands.
    SessionChanged {
        /// Name of the session
        session: String,
        /// Whether it is up
        up: bool,
    },
    /// The number in a tracked file changed.
    FileChanged {
        /// Name of the `track_file` block
        file: String,
        /// The number; 0 for a file that is absent or holds none
        number: i64,
    },
    /// A local address came or went; at the start the driver reports every one that is there.
    AddressChanged {
        /// The address
        address: IpAddr,
        /// Whether it is on this host now
        present: bool,
    },
    /// The configuration has been read again.
    Reload(Settings),
    /// The kernel's table as a restarted process finds it, handed in right after the start and before anything else:
    /// real servers that were down when the last process ended stay down until they are probed.
    Adopt(Table),
    /// The end: no more probes; notifications of virtual servers with `omega`.
    Shutdown,
}
