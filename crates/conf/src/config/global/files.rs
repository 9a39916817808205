//! Files that are written, and how the configuration is read again.

use serde::{Deserialize, Serialize};

/// Files and directories.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Files {
    /// `umask` of files that are made; `None`: 0177.
    pub umask: Option<u16>,
    /// `config_save_dir`: gets a copy of the configuration after each start and reload.
    pub config_save_dir: Option<String>,
    /// `tmp_config_directory`.
    pub tmp_config_directory: Option<String>,
    /// `data_use_instance`: dumps have the names of namespace and instance in theirs.
    pub data_use_instance: bool,
    /// `state_dump_file`.
    pub state_dump_file: Option<String>,
    /// `stats_dump_file`.
    pub stats_dump_file: Option<String>,
    /// `json_dump_file`.
    pub json_dump_file: Option<String>,
    /// `json_version` of that dump, 1 or 2; `None`: 1.
    pub json_version: Option<u8>,
    /// `iproute_usr_dir`: names of tables, scopes and the like, from the distribution.
    pub iproute_usr_dir: Option<String>,
    /// `iproute_etc_dir`: the same from the administrator; `None`: `/etc/iproute2`.
    pub iproute_etc_dir: Option<String>,
}

/// How a reload comes about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reload {
    /// `reload_check_config`: the file that a test before the reload writes to, `/dev/null` when none is given;
    /// `None`: no test.
    pub check_config: Option<String>,
    /// `reload_time_file`: holds the time of the next reload.
    pub time_file: Option<String>,
    /// `reload_repeat`: that file stays, for the next day.
    pub repeat: bool,
    /// `reload_file`: is there while a reload goes on.
    pub file: Option<ReloadFile>,
}

/// `reload_file [PATH]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReloadFile {
    /// `keepalived.reload` beside the pid file.
    Default,
    /// Another file.
    Path(String),
}
