//! The state files that keepalived writes when a signal, or somebody on D-Bus, asks for them.

mod json;
mod stats;
mod words;

use std::fmt;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use holdfast_conf::config::Config;
use holdfast_vrrp::settings::NodeSettings;
use serde::{Deserialize, Serialize};

use self::json::JsonPlan;

use crate::snapshot::VrrpSnapshot;
use crate::status::TrackersStatus;

/// Where they are when nothing else is said.
const USUAL_FOLDER: &str = "/tmp";
const STATS: &str = "keepalived.stats";
const JSON: &str = "keepalived.json";

/// A file, and what happens besides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum StateFile {
    /// The whole state, for people
    Data,
    /// Statistics
    Stats,
    /// Statistics, which begin at zero afterwards
    StatsClear,
    /// Everything, for programs
    Json,
    /// The timers, for those who look for faults in keepalived
    Timers,
}

impl fmt::Display for StateFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Data => "Printing VRRP data",
            Self::Stats => "Printing VRRP stats",
            Self::StatsClear => "Printing and clearing VRRP stats",
            Self::Json => "Printing VRRP as json",
            Self::Timers => "Printing timers",
        })
    }
}

/// Where they are, and what the configuration says in them.
#[derive(Debug, Clone, PartialEq)]
pub struct StateFilePlan {
    stats: PathBuf,
    json: PathBuf,
    content: JsonPlan,
}

impl StateFilePlan {
    /// Where the file and the environment want them.
    pub fn from_config(config: &Config, vrrp: &NodeSettings) -> Self {
        let folder = std::env::var_os("TMPDIR")
            .map(PathBuf::from)
            .filter(|path| path.is_absolute());
        let folder = folder.unwrap_or_else(|| PathBuf::from(USUAL_FOLDER));
        let files = &config.global_defs.files;
        Self {
            stats: place(&folder, files.stats_dump_file.as_deref(), STATS),
            json: place(&folder, files.json_dump_file.as_deref(), JSON),
            content: JsonPlan::from_config(config, vrrp),
        }
    }

    /// Writes a file that shows this.
    pub fn write(&self, file: StateFile, snapshot: &VrrpSnapshot, trackers: &TrackersStatus) -> anyhow::Result<()> {
        match file {
            StateFile::Stats | StateFile::StatsClear => write(&self.stats, &stats::text(&snapshot.node)),
            StateFile::Json => match self.content.text(snapshot, trackers)? {
                Some(text) => write(&self.json, &text),
                None => Ok(()),
            },
            StateFile::Data | StateFile::Timers => Ok(()),
        }
    }
}

/// `asked` begins with a slash, or is below the folder; a slash at its end: the usual name in there.
fn place(folder: &Path, asked: Option<&str>, usual: &str) -> PathBuf {
    match asked {
        None => folder.join(usual),
        Some(asked) if asked.ends_with('/') => folder.join(asked).join(usual),
        Some(asked) => folder.join(asked),
    }
}

/// Readers see the former file or the whole new one. Those who wait until a file of this name has been written and closed hear of
/// it as well: it is closed after it has got its name.
fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    // Some readers delete whatever else begins with the name.
    let new = folder.join(format!(".holdfast-{}", std::process::id()));
    let cannot = || format!("cannot write {}", path.display());
    // Of an earlier try; nobody's link is followed.
    let _ = std::fs::remove_file(&new);
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o666)
        .open(&new)
        .with_context(cannot)?;
    let outcome = file
        .write_all(text.as_bytes())
        .and_then(|()| std::fs::rename(&new, path));
    if outcome.is_err() {
        let _ = std::fs::remove_file(&new);
    }
    drop(file);
    outcome.with_context(cannot)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_below_the_folder_and_a_path_is_a_path() {
        let at = |asked| place(Path::new("/tmp"), asked, STATS);
        assert_eq!(at(None), Path::new("/tmp/keepalived.stats"));
        assert_eq!(at(Some("mine.stats")), Path::new("/tmp/mine.stats"));
        assert_eq!(at(Some("sub/")), Path::new("/tmp/sub/keepalived.stats"));
        assert_eq!(at(Some("/run/x.stats")), Path::new("/run/x.stats"));
        assert_eq!(at(Some("/run/")), Path::new("/run/keepalived.stats"));
    }

    #[test]
    fn a_link_in_its_place_is_replaced_and_never_followed() {
        let folder = std::env::temp_dir().join(format!("holdfast-state-files-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let (path, victim) = (folder.join("x.stats"), folder.join("victim"));
        std::fs::write(&victim, "mine").unwrap();
        std::os::unix::fs::symlink(&victim, &path).unwrap();
        for text in ["first\n", "second\n"] {
            write(&path, text).unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
        assert_eq!(std::fs::read_to_string(&victim).unwrap(), "mine");
        let left: Vec<_> = std::fs::read_dir(&folder).unwrap().collect();
        assert_eq!(left.len(), 2, "{left:?}");
        assert!(write(&folder.join("absent/x.stats"), "").is_err());
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
