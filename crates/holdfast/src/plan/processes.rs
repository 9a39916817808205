//! `vrrp_track_process`: which processes count, and how many it takes.

use std::collections::HashSet;

use holdfast_conf::config::{Config, ParamMatch, VrrpTrackProcess};
use holdfast_vrrp::QuorumLimits;

/// The kernel keeps so many bytes of a name.
const LONGEST_NAME: usize = 15;

/// One `vrrp_track_process`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessTracker {
    /// Name of the block
    pub name: String,
    /// Which processes count
    pub program: Program,
    /// How many it takes
    pub limits: QuorumLimits,
    /// Why they cannot be watched
    pub disabled: Option<String>,
}

/// The room for events of the kernel that were not read yet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EventBuffer {
    /// `process_monitor_rcv_bufs`; `None`: the kernel's default
    pub bytes: Option<u32>,
    /// `process_monitor_rcv_bufs_force`: beyond the kernel's limit
    pub force: bool,
}

/// What a process must be to count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Program {
    /// Its name in `/proc/PID/comm`
    Name(Vec<u8>),
    /// Its command line
    Command {
        /// The first word of it
        program: Vec<u8>,
        /// The further ones, each with a zero behind it, and how they are compared; `None`: they do not matter
        arguments: Option<(Vec<u8>, ParamMatch)>,
    },
}

impl Program {
    fn of(process: &VrrpTrackProcess) -> Self {
        let program = process.process.clone().into_bytes();
        if !process.full_command {
            let mut name = program;
            name.truncate(LONGEST_NAME);
            return Self::Name(name);
        }
        let with_zero = |argument: &String| [argument.as_bytes(), &[0]].concat();
        let arguments: Vec<u8> = process.arguments.iter().flat_map(with_zero).collect();
        Self::Command {
            program,
            arguments: process.param_match.map(|how| (arguments, how)),
        }
    }

    /// Whether a process with this name counts; `None`: the name does not decide.
    pub fn has_name(&self, name: &[u8]) -> Option<bool> {
        match self {
            Self::Name(own) => Some(own == name),
            Self::Command { .. } => None,
        }
    }

    /// Whether a process with this command line (`/proc/PID/cmdline`) counts; `None`: it does not decide.
    pub fn has_command_line(&self, line: &[u8]) -> Option<bool> {
        let Self::Command { program, arguments } = self else {
            return None;
        };
        let rest = match line.strip_prefix(program.as_slice()) {
            Some([0, rest @ ..]) => rest,
            // A process may write over its command line.
            Some([]) => &[],
            _ => return Some(false),
        };
        Some(match arguments {
            None => true,
            Some((own, ParamMatch::Exact)) => own == rest,
            Some((own, ParamMatch::Partial)) => rest.starts_with(own),
            Some((own, ParamMatch::Initial)) => rest.starts_with(own.strip_suffix(&[0]).unwrap_or(own)),
        })
    }

    /// Bytes of a command line that decide.
    pub fn deciding_bytes(&self) -> usize {
        match self {
            Self::Name(_) => 0,
            Self::Command { program, arguments } => {
                let arguments = arguments.as_ref().map_or(0, |(arguments, _)| arguments.len());
                // The zero between them, and one byte more to see that there is more.
                program.len() + arguments + 2
            }
        }
    }
}

/// The processes that an instance or a group tracks.
pub fn from_config(config: &Config) -> Vec<ProcessTracker> {
    let by_instances = config
        .vrrp_instances
        .iter()
        .flat_map(|instance| &instance.track_process);
    let by_groups = config.vrrp_sync_groups.iter().flat_map(|group| &group.track_process);
    let in_use: HashSet<&str> = by_instances
        .chain(by_groups)
        .map(|tracked| tracked.name.as_str())
        .collect();
    let blocks = config.vrrp_track_processes.iter();
    blocks
        .filter(|block| in_use.contains(block.name.as_str()))
        .map(|block| ProcessTracker {
            name: block.name.value.clone(),
            program: Program::of(block),
            limits: QuorumLimits {
                least: block.quorum,
                most: block.quorum_max,
                fork_delay: block.fork_delay,
                terminate_delay: block.terminate_delay,
            },
            disabled: None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use holdfast_conf::{LoadOptions, MemoryLoader};

    use super::*;

    /// What a block with these lines matches.
    fn program(lines: &str) -> Program {
        let text = format!(
            "vrrp_track_process web {{\n{lines}\n}}\nvrrp_track_process unused {{\nprocess unused\n}}\n\
             vrrp_instance VI_1 {{\ninterface eth0\nvirtual_router_id 51\npriority 100\ntrack_process {{\nweb\n}}\n\
             virtual_ipaddress {{\n192.0.2.200/24\n}}\n}}\n"
        );
        let loader = MemoryLoader::new().with("/k.conf", text);
        let config = holdfast_conf::load(&loader, Path::new("/k.conf"), &LoadOptions::default()).config;
        let [tracker] = from_config(&config).try_into().unwrap();
        tracker.program
    }

    fn counts(lines: &str, command_lines: &[&str]) -> Vec<bool> {
        let program = program(lines);
        let lines = command_lines.iter();
        lines
            .map(|line| program.has_command_line(line.as_bytes()).unwrap())
            .collect()
    }

    #[test]
    fn a_bare_name_is_that_of_the_kernel_which_is_short() {
        let short = program("process nginx");
        assert_eq!(
            (short.has_name(b"nginx"), short.has_name(b"nginx2")),
            (Some(true), Some(false))
        );
        assert_eq!(short.has_command_line(b"nginx\0"), None);
        assert_eq!(
            program("process a-very-long-name-of-a-program").has_name(b"a-very-long-nam"),
            Some(true)
        );
    }

    #[test]
    fn a_full_command_is_the_first_word_whatever_follows() {
        let lines = ["/bin/a\0", "/bin/a\0-b\0", "/bin/ab\0", "/bin/a", "", "/bin/a -b\0"];
        assert_eq!(
            counts("process /bin/a\nfull_command", &lines),
            [true, true, false, true, false, false]
        );
    }

    /// As keepalived compares (its manual, `param_match`).
    #[test]
    fn arguments_are_compared_exactly_or_as_far_as_they_go() {
        let lines = ["a\0", "a\0-b\0", "a\0-b\0-c\0", "a\0-bx\0", "a\0-c\0-b\0"];
        assert_eq!(counts("process a -b", &lines), [false, true, false, false, false]);
        assert_eq!(
            counts("process a -b\nparam_match partial", &lines),
            [false, true, true, false, false]
        );
        assert_eq!(
            counts("process a -b\nparam_match initial", &lines),
            [false, true, true, true, false]
        );
        assert_eq!(
            counts("process a\nparam_match", &lines),
            [true, false, false, false, false]
        );
        assert_eq!(counts("process a\nparam_match partial", &lines), [true; 5]);
    }

    #[test]
    fn a_byte_more_than_decides_is_read() {
        let line = b"a\0-b\0-c\0";
        let exact = program("process a -b");
        let read = &line[..exact.deciding_bytes()];
        assert_eq!(exact.has_command_line(read), Some(false));
    }
}
