//! The command line: keepalived's options under their own names, and Holdfast's own commands beside them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{ArgAction, Parser, Subcommand};
use clap_complete::Shell;
use holdfast_conf::lint::Allow;

use crate::file_mask;
use crate::fmt::FmtArguments;
use crate::genhash::GenhashArguments;

/// Where keepalived looks for its configuration, so that Holdfast can take its place.
const DEFAULT_CONFIG_FILE: &str = "/etc/keepalived/keepalived.conf";

/// VRRP director and IPVS load balancer that reads keepalived.conf.
#[derive(Debug, Clone, Parser)]
#[command(
    name = "holdfast",
    disable_version_flag = true,
    args_conflicts_with_subcommands = true,
    args_override_self = true
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
    /// Run without the BFD process
    #[arg(short = 'B', long = "no_bfd")]
    pub no_bfd: bool,
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
    /// Pid file of the supervisor; default: /run/keepalived.pid, or in /run/keepalived as the file says
    #[arg(short = 'p', long = "pid", value_name = "FILE")]
    pub pid_file: Option<PathBuf>,
    /// Pid file of the VRRP process; default: vrrp.pid in the same directory
    #[arg(short = 'r', long = "vrrp_pid", value_name = "FILE")]
    pub vrrp_pid_file: Option<PathBuf>,
    /// Pid file of the checker process; default: checkers.pid in the same directory
    #[arg(short = 'c', long = "checkers_pid", value_name = "FILE")]
    pub checker_pid_file: Option<PathBuf>,
    /// Pid file of the BFD process; default: bfd.pid in the same directory
    #[arg(short = 'b', long = "bfd_pid", value_name = "FILE")]
    pub bfd_pid_file: Option<PathBuf>,
    /// Mask of permissions of new files; more than `umask` in the file
    #[arg(short = 'u', long = "umask", value_name = "NUMBER", value_parser = file_mask::parse)]
    pub umask: Option<u16>,
    /// The name that `@ID` lines and `${_INSTANCE}` compare with; default: host name up to its first dot
    #[arg(short = 'i', long = "config-id", value_name = "ID")]
    pub config_id: Option<String>,
    /// Network namespace to run in; more than `net_namespace` in the file
    #[arg(short = 's', long = "namespace", value_name = "NAME")]
    pub namespace: Option<String>,
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
    /// Serve all MIBs over SNMP
    #[arg(short = 'x', long = "snmp")]
    pub snmp: bool,
    /// Where the SNMP master agent listens; more than `snmp_socket` in the file; default: `unix:/var/agentx/master`
    #[arg(short = 'A', long = "snmp-agent-socket", value_name = "SOCKET")]
    pub snmp_agent_socket: Option<String>,
    /// Options of keepalived that do nothing here yet
    #[command(flatten)]
    pub not_in_effect: NotInEffect,
    /// Commands of Holdfast's own
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Options of keepalived that are taken, so that its service files work, and named in a warning, because they do nothing yet.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Taken, but not yet in effect")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an independent switch of keepalived's command line"
)]
#[expect(clippy::option_option, reason = "an option, and its own optional value")]
pub struct NotInEffect {
    /// Start every process even without work for it
    #[arg(long = "all")]
    all: bool,
    /// Log to a file
    #[arg(short = 'g', long = "log-file", value_name = "FILE", num_args = 0..=1, require_equals = true)]
    log_file: Option<Option<PathBuf>>,
    /// Flush the log file on every line
    #[arg(long = "flush-log-file")]
    flush_log_file: bool,
    /// Remove addresses on a transition caused by a signal
    #[arg(short = 'X', long = "release-vips")]
    release_vips: bool,
    /// Log the configuration as it was understood
    #[arg(short = 'd', long = "dump-conf")]
    dump_conf: bool,
    /// Log all address changes
    #[arg(short = 'a', long = "address-monitoring")]
    address_monitoring: bool,
    /// Allow core files
    #[arg(short = 'm', long = "core-dump")]
    core_dump: bool,
    /// Pattern of core files
    #[arg(short = 'M', long = "core-dump-pattern", value_name = "PATTERN", num_args = 0..=1, require_equals = true)]
    core_dump_pattern: Option<Option<String>>,
    /// All checks of includes
    #[arg(short = 'e', long = "all-config")]
    all_config: bool,
}

impl NotInEffect {
    /// The options that were given.
    pub fn given(&self) -> Vec<&'static str> {
        let options = [
            (self.all, "--all"),
            (self.log_file.is_some(), "--log-file"),
            (self.flush_log_file, "--flush-log-file"),
            (self.release_vips, "--release-vips"),
            (self.dump_conf, "--dump-conf"),
            (self.address_monitoring, "--address-monitoring"),
            (self.core_dump, "--core-dump"),
            (self.core_dump_pattern.is_some(), "--core-dump-pattern"),
            (self.all_config, "--all-config"),
        ];
        options
            .into_iter()
            .filter(|(given, _)| *given)
            .map(|(_, name)| name)
            .collect()
    }
}

/// What Holdfast can do that keepalived's command line has no word for.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Check a configuration file and show what is wrong with it, and why
    Check(CheckArguments),
    /// Explain a keyword, or a finding such as HF0300
    Explain {
        /// Keyword or code
        topic: String,
    },
    /// Print a script that completes options, keywords and codes in a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print what a configuration says once includes, definitions, conditions and sequences are worked out
    Print {
        /// The file
        #[arg(default_value = DEFAULT_CONFIG_FILE)]
        file: PathBuf,
        /// The name that `@ID` lines and `${_INSTANCE}` compare with
        #[arg(short = 'i', long)]
        config_id: Option<String>,
    },
    /// Lay out configuration files anew; what they mean stays the same
    Fmt(FmtArguments),
    /// Fetch a page and print its MD5 for `digest`; also by -T or --genhash as the first option,
    /// or under the name genhash
    Genhash(GenhashArguments),
    /// Show the state of a running daemon
    Status {
        /// Pid file of the supervisor; its status file lies beside it
        #[arg(short = 'p', long = "pid", default_value = "/run/keepalived.pid")]
        pid_file: PathBuf,
    },
}

/// What `holdfast check` is asked for.
#[derive(Debug, Clone, clap::Args)]
pub struct CheckArguments {
    /// The file
    #[arg(default_value = DEFAULT_CONFIG_FILE)]
    pub file: PathBuf,
    /// The name that `@ID` lines and `${_INSTANCE}` compare with
    #[arg(short = 'i', long)]
    pub config_id: Option<String>,
    /// Check against this host, too: interfaces, addresses, scripts, users, sysctls
    #[arg(long)]
    pub host: bool,
    /// Advice not to give, such as HF0823, or all
    #[arg(long, value_name = "CODE")]
    pub allow: Vec<Allow>,
    /// For people or for programs
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// How `holdfast check` shows what it found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Drawn, coloured on a terminal
    Text,
    /// JSON
    Json,
}

impl Arguments {
    /// Reads the command line. Usage errors end the process with status 1, as keepalived's do.
    pub fn from_command_line() -> Self {
        let arguments = name_genhash(std::env::args_os().map(attach_getopt_value).collect());
        match Self::try_parse_from(arguments) {
            Ok(arguments) => arguments,
            Err(error) => {
                // A terminal that is gone is no reason to fail differently.
                let _ = error.print();
                std::process::exit(i32::from(error.use_stderr()));
            }
        }
    }
}

/// The status file that belongs to a supervisor's pid file.
pub fn status_file_of(pid_file: &Path) -> PathBuf {
    pid_file.with_extension("status.json")
}

/// getopt lets an optional value hang on its letter (`-tFILE`); clap wants `-t=FILE`.
fn attach_getopt_value(argument: OsString) -> OsString {
    let attached = argument.to_str().and_then(|text| {
        let (letter, value) = text.split_at_checked(2)?;
        (["-t", "-g", "-M"].contains(&letter) && !value.is_empty() && !value.starts_with('='))
            .then_some((letter, value))
    });
    match attached {
        Some((letter, value)) => format!("{letter}={value}").into(),
        None => argument,
    }
}

/// keepalived is genhash when `-T` comes first, or when it is started under that name.
fn name_genhash(mut arguments: Vec<OsString>) -> Vec<OsString> {
    let word = || OsString::from("genhash");
    let is_option = |argument: &OsString| argument == "-T" || argument == "--genhash";
    if let Some(first) = arguments.get_mut(1).filter(|first| is_option(first)) {
        *first = word();
    } else if let Some(program) = arguments.first()
        && Path::new(program).file_name() == Some(&word())
    {
        arguments.insert(1, word());
    }
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Arguments, clap::Error> {
        let words = line.split_whitespace().map(OsString::from);
        Arguments::try_parse_from(name_genhash(words.map(attach_getopt_value).collect()))
    }

    #[test]
    fn keepalived_command_lines_are_understood() {
        let arguments = parse("holdfast -nlD -f /tmp/k.conf -p /tmp/p -r /tmp/r -c /tmp/c").unwrap();
        assert!(arguments.foreground && arguments.log_console && arguments.log_detail == 1);
        assert_eq!(arguments.config_file, PathBuf::from("/tmp/k.conf"));
        assert_eq!(arguments.pid_file, Some(PathBuf::from("/tmp/p")));
        assert_eq!(status_file_of(Path::new("/tmp/p")), PathBuf::from("/tmp/p.status.json"));

        // Neutron's and VyOS's ways to start it.
        let neutron = parse("keepalived -P -f /var/x/keepalived.conf -p /var/x.pid -r /var/x.pid-vrrp -D").unwrap();
        assert!(neutron.vrrp_only && !neutron.foreground);
        assert_eq!(neutron.vrrp_pid_file, Some(PathBuf::from("/var/x.pid-vrrp")));
        let vyos = parse("keepalived --use-file /run/k.conf --pid /run/k.pid --dont-fork").unwrap();
        assert!(vyos.foreground);
        assert_eq!(vyos.pid_file, Some(PathBuf::from("/run/k.pid")));
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
    fn options_without_effect_are_taken_and_named() {
        // Vyatta's way to start it; `--snmp` and `-x` are the same, and twice is once.
        let vyatta = parse("keepalived --snmp --log-facility=7 --log-detail --dump-conf -x --release-vips").unwrap();
        assert_eq!(vyatta.not_in_effect.given(), ["--release-vips", "--dump-conf"]);
        assert!(vyatta.snmp);
        let given = parse("keepalived -n -x -A tcp:127.0.0.1:705 -d -M -u 022").unwrap();
        assert_eq!(given.umask, Some(0o22));
        assert_eq!(given.snmp_agent_socket.as_deref(), Some("tcp:127.0.0.1:705"));
        let given = given.not_in_effect.given();
        assert_eq!(given, ["--dump-conf", "--core-dump-pattern"]);
    }

    #[test]
    fn genhash_has_three_names() {
        for line in [
            "holdfast genhash -s 192.0.2.1 -p 80 -u / -t5",
            "keepalived -T -s 192.0.2.1 -p 80 -u /",
            "keepalived --genhash -s 2001:db8::1 -p 443 -u / -S -I -V www.example.org -P 1.0c -m 7 -v",
            "/usr/bin/genhash --server 192.0.2.1 --port 80 --url / --port 81 --protocol 1.0C",
        ] {
            let command = parse(line).unwrap().command;
            assert!(matches!(command, Some(Command::Genhash(_))), "{line}");
        }
        for line in [
            "genhash",
            "genhash -s localhost -p 80 -u /",
            "genhash -s 192.0.2.1 -p 0 -u /",
            "genhash -s 192.0.2.1 -p 80",
            "genhash -s 192.0.2.1 -p 80 -u / -P 2",
            "genhash -s 192.0.2.1 -p 80 -u / -m 0x10",
            "genhash -s 192.0.2.1 -p 80 -u / -t 0",
            "genhash -s 192.0.2.1 -p 80 -u / more",
            "holdfast -n -T -s 192.0.2.1 -p 80 -u /",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }

    #[test]
    fn usage_errors_are_errors() {
        assert!(parse("holdfast --no-such-option").is_err());
        assert!(parse("holdfast -f").is_err());
        assert!(parse("holdfast -u 01777").is_err());
    }
}
