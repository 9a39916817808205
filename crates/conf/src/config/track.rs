//! What instances watch: interfaces, scripts, processes, files and BFD sessions.

use super::Script;
use crate::source::Spanned;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A line of `track_interface`, `track_script`, `track_file`, `track_process` or `track_bfd`, with the weight of the
/// tracked object where the line has none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tracked {
    /// The interface, or the name of the block that defines the object.
    pub name: Spanned<String>,
    /// 0: FAULT while the object is down. Else what it adds to the priority: a positive weight while it is up, a
    /// negative one while it is down. For a file, what its number is multiplied with; 0: FAULT while that is not 0.
    /// −253 to 253, for files and processes −254 to 254.
    pub weight: i16,
    /// Down counts as up and up as down.
    pub reverse: bool,
}

/// `vrrp_script`: a command whose exit status tells whether something works.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VrrpScript {
    /// The name of the block.
    pub name: Spanned<String>,
    /// The command, with `user` of the block. A command `</path` only asks whether the file can be opened.
    pub script: Script,
    /// From one start to the next, whole milliseconds, at least 1 ms, default 1 s.
    pub interval: Duration,
    /// SIGTERM after this, SIGKILL two seconds later, and a failure; default `interval`.
    pub timeout: Duration,
    /// Default weight of a line that tracks it, −253 to 253.
    pub weight: i16,
    /// Default direction of a line that tracks it.
    pub reverse: bool,
    /// Successes needed to be up, at least 1.
    pub rise: u32,
    /// Failures needed to be down, at least 1.
    pub fall: u32,
    /// Down until the first success. keepalived forgets it as soon as a line tracks the script.
    pub init_fail: bool,
}

/// How the arguments of a process are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ParamMatch {
    /// All arguments, exactly.
    #[default]
    Exact,
    /// These arguments, the last of which may be longer; further ones may follow.
    Initial,
    /// The first arguments, each exactly; further ones may follow.
    Partial,
}

/// `vrrp_track_process`: are there enough processes of a program?
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VrrpTrackProcess {
    /// The name of the block.
    pub name: Spanned<String>,
    /// The program: its first 15 bytes are compared with the `comm` name, or all of it with `argv[0]`, see
    /// [`Self::full_command`].
    pub process: String,
    /// Arguments that the process must have; none when only the program counts.
    pub arguments: Vec<String>,
    /// How the arguments are compared; `None`: not at all. Exact without arguments means that the process has none.
    pub param_match: Option<ParamMatch>,
    /// Compare `argv[0]` of the command line, not the `comm` name: `full_command`, or implied by arguments or
    /// `param_match`.
    pub full_command: bool,
    /// Default weight of a line that tracks it, −254 to 254.
    pub weight: i16,
    /// Default direction of a line that tracks it.
    pub reverse: bool,
    /// Processes needed, 1–65535, default 1.
    pub quorum: u32,
    /// More processes than this are a failure, 0–65535; `None`: any number is fine. 0: the process must not run.
    pub quorum_max: Option<u32>,
    /// Wait before the quorum counts as lost, up to an hour.
    pub terminate_delay: Duration,
    /// Wait before the quorum counts as gained, up to an hour.
    pub fork_delay: Duration,
}

/// `init_file`: the file is written when the daemon starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InitFile {
    /// What is written, default 0.
    pub value: i64,
    /// Also when there is a file.
    pub overwrite: bool,
}

/// `track_file`: a file that holds a number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackFile {
    /// The name of the block.
    pub name: Spanned<String>,
    /// The file, an absolute path.
    pub file: Spanned<String>,
    /// Default weight of a line that tracks it, −254 to 254, default 1.
    pub weight: i16,
    /// Default direction of a line that tracks it.
    pub reverse: bool,
    /// Written at start; `None`: the file is only read.
    pub init_file: Option<InitFile>,
}

/// `track_group`: instances whose state gates static addresses, routes and rules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackGroup {
    /// The name of the block, unique.
    pub name: Spanned<String>,
    /// Names of instances that exist; never empty.
    pub group: Vec<Spanned<String>>,
}
