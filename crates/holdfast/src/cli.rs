//! The command line: keepalived's options under their own names, and Holdfast's own commands beside them.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{ArgAction, Parser, Subcommand};

/// Where keepalived looks for its configuration, so that Holdfast can take its place.
const DEFAULT_CONFIG_FILE: &str = "/etc/keepalived/keepalived.conf";

/// VRRP director and IPVS load balancer that reads keepalived.conf.
#[derive(Debug, Clone, Parser)]
#[command(
    name = "holdfast",
    disable_version_flag = true,
    args_conflicts_with_subcommands = true
)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an independent switch of keepalived's command line"
)]
pub struct Arguments {
    /// Configuration file
    #[arg(short = 'f', long = "use-file", value_name = "FILE", default_value = DEFAULT_CONFIG_FILE)]
    pub config_file: PathBuf,
    /// Run without the checker process
    #[arg(short = 'P', long = "vrrp")]
    pub vrrp_only: bool,
    /// Run without the VRRP process
    #[arg(short = 'C', long = "check")]
    pub checker_only: bool,
    /// Log to standard error as well
    #[arg(short = 'l', long = "log-console")]
    pub log_console: bool,
    /// Detailed log; twice: more detail
    #[arg(short = 'D', long = "log-detail", action = ArgAction::Count)]
    pub log_detail: u8,
    /// Syslog facility: 0 to 7, local0 to local7, user or daemon
    #[arg(short = 'S', long = "log-facility", value_name = "FACILITY")]
    pub log_facility: Option<String>,
    /// Do not log to syslog
    #[arg(short = 'G', long = "no-syslog")]
    pub no_syslog: bool,
    /// Keep virtual addresses when stopping
    #[arg(short = 'V', long = "dont-release-vrrp")]
    pub keep_addresses: bool,
    /// Keep the IPVS table when stopping
    #[arg(short = 'I', long = "dont-release-ipvs")]
    pub keep_ipvs: bool,
    /// Stop when a child process dies, instead of restarting it
    #[arg(short = 'R', long = "dont-respawn")]
    pub dont_respawn: bool,
    /// Stay in the foreground
    #[arg(short = 'n', long = "dont-fork")]
    pub foreground: bool,
    /// Log the configuration as it was understood
    #[arg(short = 'd', long = "dump-conf")]
    pub dump_conf: bool,
    /// Pid file of the supervisor
    #[arg(
        short = 'p',
        long = "pid",
        value_name = "FILE",
        default_value = "/run/keepalived.pid"
    )]
    pub pid_file: PathBuf,
    /// Pid file of the VRRP process
    #[arg(short = 'r', long = "vrrp_pid", value_name = "FILE", default_value = "/run/vrrp.pid")]
    pub vrrp_pid_file: PathBuf,
    /// Pid file of the checker process
    #[arg(
        short = 'c',
        long = "checkers_pid",
        value_name = "FILE",
        default_value = "/run/checkers.pid"
    )]
    pub checker_pid_file: PathBuf,
    /// The name that `@ID` lines and `${_INSTANCE}` compare with; default: host name up to its first dot
    #[arg(short = 'i', long = "config-id", value_name = "ID")]
    pub config_id: Option<String>,
    /// Ignore SIGINT
    #[arg(long = "ignore-sigint")]
    pub ignore_sigint: bool,
    /// Check the configuration and exit; messages go to FILE if one is attached
    #[arg(short = 't', long = "config-test", value_name = "FILE", num_args = 0..=1, require_equals = true)]
    #[expect(clippy::option_option, reason = "the option, and its own optional value")]
    pub config_test: Option<Option<PathBuf>>,
    /// Print the version and exit
    #[arg(short = 'v', long = "version")]
    pub version: bool,
    /// Commands of Holdfast's own
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What Holdfast can do that keepalived's command line has no word for.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Check a configuration file and show what is wrong with it, and why
    Check {
        /// The file
        #[arg(default_value = DEFAULT_CONFIG_FILE)]
        file: PathBuf,
        /// The name that `@ID` lines and `${_INSTANCE}` compare with
        #[arg(short = 'i', long)]
        config_id: Option<String>,
    },
    /// Show the state of a running daemon
    Status {
        /// Pid file of the supervisor; its status file lies beside it
        #[arg(short = 'p', long = "pid", default_value = "/run/keepalived.pid")]
        pid_file: PathBuf,
    },
}

impl Arguments {
    /// Reads the command line. Usage errors end the process with status 1, as keepalived's do.
    pub fn from_command_line() -> Self {
        let arguments = std::env::args_os().map(attach_getopt_value);
        match Self::try_parse_from(arguments) {
            Ok(arguments) => arguments,
            Err(error) => {
                // A terminal that is gone is no reason to fail differently.
                let _ = error.print();
                std::process::exit(i32::from(error.use_stderr()));
            }
        }
    }

    /// Where the supervisor writes the state of the daemon: beside its pid file.
    pub fn status_file(&self) -> PathBuf {
        status_file_of(&self.pid_file)
    }
}

/// The status file that belongs to a supervisor's pid file.
pub fn status_file_of(pid_file: &std::path::Path) -> PathBuf {
    pid_file.with_extension("status.json")
}

/// getopt lets an optional value hang on its letter (`-tFILE`); clap wants `-t=FILE`.
fn attach_getopt_value(argument: OsString) -> OsString {
    match argument.to_str().and_then(|text| text.strip_prefix("-t")) {
        Some(file) if !file.is_empty() && !file.starts_with('=') => format!("-t={file}").into(),
        _ => argument,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Arguments, clap::Error> {
        Arguments::try_parse_from(line.split_whitespace().map(OsString::from).map(attach_getopt_value))
    }

    #[test]
    fn keepalived_command_lines_are_understood() {
        let arguments = parse("holdfast -nlD -f /tmp/k.conf -p /tmp/p -r /tmp/r -c /tmp/c").unwrap();
        assert!(arguments.foreground && arguments.log_console && arguments.log_detail == 1);
        assert_eq!(arguments.config_file, PathBuf::from("/tmp/k.conf"));
        assert_eq!(arguments.status_file(), PathBuf::from("/tmp/p.status.json"));

        // Neutron's and VyOS's ways to start it.
        let neutron = parse("keepalived -P -f /var/x/keepalived.conf -p /var/x.pid -r /var/x.pid-vrrp -D").unwrap();
        assert!(neutron.vrrp_only && !neutron.foreground);
        assert_eq!(neutron.vrrp_pid_file, PathBuf::from("/var/x.pid-vrrp"));
        let vyos = parse("keepalived --use-file /run/k.conf --pid /run/k.pid --dont-fork").unwrap();
        assert!(vyos.foreground);
        assert_eq!(vyos.pid_file, PathBuf::from("/run/k.pid"));
    }

    #[test]
    fn config_test_takes_an_attached_file_only() {
        assert_eq!(parse("holdfast -t -f x").unwrap().config_test, Some(None));
        assert_eq!(
            parse("holdfast -t/tmp/log -f x").unwrap().config_test,
            Some(Some("/tmp/log".into()))
        );
        assert_eq!(
            parse("holdfast --config-test=/tmp/log").unwrap().config_test,
            Some(Some("/tmp/log".into()))
        );
        // Puppet's validation command.
        assert_eq!(
            parse("keepalived -l -t -f /tmp/fragment").unwrap().config_test,
            Some(None)
        );
    }

    #[test]
    fn usage_errors_are_errors() {
        assert!(parse("holdfast --no-such-option").is_err());
        assert!(parse("holdfast -f").is_err());
    }
}
