//! How the processes run: names, priorities, memory, processors.

use std::time::Duration;

use holdfast_conf::config::{Config, Process, Processes};

use crate::process::{AutoPriority, ProcessSettings};

/// Names that `process_names` gives.
const VRRP_NAME: &str = "keepalived_vrrp";
const CHECKER_NAME: &str = "keepalived_lvs";
const BFD_NAME: &str = "keepalived_bfd";
const SNMP_NAME: &str = "keepalived_snmp";

/// keepalived's smallest `*_rlimit_rttime`, so that half of it is something.
const SHORTEST_REALTIME: Duration = Duration::from_micros(2);

/// How all processes run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProcessTable {
    /// `process_name`: that of the supervisor
    pub supervisor_name: Option<String>,
    /// `vrrp_*`
    pub vrrp: ProcessSettings,
    /// `checker_*`
    pub checker: ProcessSettings,
    /// `bfd_*`
    pub bfd: ProcessSettings,
    /// The SNMP process, which no keyword is about
    pub snmp: ProcessSettings,
}

impl ProcessTable {
    /// How the file wants them to run.
    pub fn from_config(config: &Config) -> Self {
        let all = &config.global_defs.processes;
        Self {
            supervisor_name: all.process_name.clone(),
            vrrp: settings(all, &all.vrrp, VRRP_NAME),
            checker: settings(all, &all.checker, CHECKER_NAME),
            bfd: settings(all, &all.bfd, BFD_NAME),
            snmp: ProcessSettings {
                name: all.process_names.then(|| SNMP_NAME.to_owned()),
                ..ProcessSettings::default()
            },
        }
    }
}

fn settings(all: &Processes, process: &Process, usual_name: &str) -> ProcessSettings {
    let usual_name = all.process_names.then(|| usual_name.to_owned());
    // 0 and -1: never.
    let highest = u8::try_from(all.max_auto_priority).ok().filter(|highest| *highest > 0);
    ProcessSettings {
        name: process.process_name.clone().or(usual_name),
        nice: process.priority,
        locks_memory: process.no_swap,
        realtime_priority: process.rt_priority,
        cpus: process.cpu_affinity.clone(),
        realtime_limit: process.rlimit_rttime.max(SHORTEST_REALTIME),
        auto_priority: highest.map(|highest| AutoPriority {
            highest,
            lateness: all.min_auto_priority_delay,
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use holdfast_conf::{LoadOptions, MemoryLoader};

    use super::*;

    fn plan(text: &str) -> ProcessTable {
        let loader = MemoryLoader::new().with("/k.conf", format!("global_defs {{\n{text}\n}}\n"));
        let read = holdfast_conf::load(&loader, Path::new("/k.conf"), &LoadOptions::default());
        ProcessTable::from_config(&read.config)
    }

    #[test]
    fn without_a_word_about_them_processes_run_as_they_are_started() {
        assert_eq!(plan(""), ProcessTable::default());
        for off in ["max_auto_priority -1", "max_auto_priority 0"] {
            assert_eq!(plan(off), ProcessTable::default(), "{off}");
        }
    }

    #[test]
    fn a_name_of_its_own_beats_the_usual_one() {
        let table = plan("process_names\nprocess_name parent\nvrrp_process_name mine");
        let name = |settings: &ProcessSettings| settings.name.clone().unwrap_or_default();
        assert_eq!(table.supervisor_name.as_deref(), Some("parent"));
        assert_eq!(
            [&table.vrrp, &table.checker, &table.bfd].map(name),
            ["mine", "keepalived_lvs", "keepalived_bfd"]
        );
    }

    #[test]
    fn every_keyword_arrives() {
        let table = plan(
            "checker_priority -3\nchecker_no_swap\nchecker_rt_priority 7\nchecker_cpu_affinity 0 1\n\
             checker_rlimit_rttime 20000\nmax_auto_priority 30\nmin_auto_priority_delay 5000\nbfd_rlimit_rtime 1",
        );
        let auto_priority = Some(AutoPriority {
            highest: 30,
            lateness: Duration::from_millis(5),
        });
        let expected = ProcessSettings {
            name: None,
            nice: -3,
            locks_memory: true,
            realtime_priority: Some(7),
            cpus: vec![0, 1],
            realtime_limit: Duration::from_millis(20),
            auto_priority,
        };
        assert_eq!(table.checker, expected);
        assert_eq!(table.bfd.realtime_limit, SHORTEST_REALTIME);
        assert_eq!(
            plan("max_auto_priority").vrrp.auto_priority.map(|auto| auto.highest),
            Some(99)
        );
    }
}
