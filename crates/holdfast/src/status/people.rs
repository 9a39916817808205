//! The state as `holdfast status` shows it.

use std::fmt::Write as _;
use std::time::UNIX_EPOCH;

use super::{
    BfdSessionStatus, BfdStatus, CheckerStatus, RealServerStatus, RoleStatus, SnmpStatus, Status, TrackersStatus,
    VrrpStatus,
};

// Writing to a String cannot fail, so what it returns is not looked at.

impl Status {
    /// The state in a form for people.
    pub fn for_people(&self) -> String {
        let mut text = String::new();
        let _ = writeln!(
            text,
            "holdfast {}, pid {}, {}",
            self.version,
            self.pid,
            self.configuration.file.display()
        );
        if let Some(refused) = &self.configuration.refused {
            let _ = writeln!(text, "last reload REFUSED, the earlier configuration goes on:");
            for message in &refused.messages {
                let _ = writeln!(text, "  {message}");
            }
        }
        if let Some(vrrp) = &self.vrrp {
            let _ = writeln!(text, "\nvrrp: {}", vrrp.process());
            vrrp.report.for_people(&mut text);
        }
        self.trackers.for_people(&mut text);
        if let Some(checker) = &self.checker {
            let _ = writeln!(text, "\nchecker: {}", checker.process());
            checker.report.for_people(&mut text);
        }
        if let Some(bfd) = &self.bfd {
            let _ = writeln!(text, "\nbfd: {}", bfd.process());
            bfd.report.for_people(&mut text);
        }
        if let Some(snmp) = &self.snmp {
            let _ = writeln!(text, "\nsnmp: {}", snmp.process());
            snmp.report.for_people(&mut text);
        }
        text
    }
}

impl<T> RoleStatus<T> {
    fn process(&self) -> String {
        let pid = self
            .pid
            .map_or_else(|| "being restarted".to_owned(), |pid| format!("pid {pid}"));
        match self.restarts {
            0 => pid,
            restarts => format!("{pid}, restarted {restarts} times"),
        }
    }
}

impl VrrpStatus {
    fn for_people(&self, text: &mut String) {
        for instance in &self.instances {
            let _ = writeln!(
                text,
                "  {:<16} {:<6} vrid {:<3} {:<8} priority {} of {}, master {}: {}",
                instance.name,
                instance.state,
                instance.vrid,
                instance.interface,
                instance.effective_priority,
                instance.base_priority,
                instance
                    .master_address
                    .map_or_else(|| "-".to_owned(), |address| address.to_string()),
                instance.reason,
            );
            if instance.in_conflict || instance.conflicts > 0 {
                let now = if instance.in_conflict { ", one of them NOW" } else { "" };
                let _ = writeln!(
                    text,
                    "  {:<16} heard a second master {} times{now}",
                    "", instance.conflicts
                );
            }
        }
        let _ = writeln!(text, "  timing: {}", self.timing.lateness);
        if let Some(last) = &self.timing.last_stall {
            let _ = writeln!(
                text,
                "  stalls: {}, the last at {} s after 1970: {}",
                self.timing.stalls, last.at_s, last.what
            );
        }
    }
}

impl SnmpStatus {
    fn for_people(&self, text: &mut String) {
        let state = match (self.connected, &self.error) {
            (true, _) => "connected",
            (false, Some(error)) => error,
            (false, None) => "not connected",
        };
        let _ = writeln!(text, "  master agent {}: {state}", self.agent);
    }
}

impl TrackersStatus {
    fn for_people(&self, text: &mut String) {
        if !self.scripts.is_empty() || !self.files.is_empty() || !self.processes.is_empty() {
            text.push_str("\ntracked:\n");
        }
        for script in &self.scripts {
            let (state, why) = match (&script.disabled, script.up) {
                (Some(reason), _) => ("DISABLED", Some(reason)),
                (None, Some(true)) => ("up", script.last.as_ref()),
                (None, Some(false)) => ("DOWN", script.last.as_ref()),
                (None, None) => ("no result", script.last.as_ref()),
            };
            let why = why.map_or("", String::as_str);
            let _ = writeln!(text, "  script {:<16} {state:<9} {why}", script.name);
        }
        for process in &self.processes {
            let state = match (&process.disabled, process.up) {
                (Some(_), _) => "DISABLED",
                (None, Some(true)) => "up",
                (None, Some(false)) => "DOWN",
                (None, None) => "no result",
            };
            let count = || format!("processes: {}", process.count);
            let why = process.disabled.clone().unwrap_or_else(count);
            let _ = writeln!(text, "  process {:<15} {state:<9} {why}", process.name);
        }
        for file in &self.files {
            let _ = match &file.disabled {
                Some(reason) => writeln!(text, "  file   {:<16} DISABLED  {reason}", file.name),
                None => writeln!(
                    text,
                    "  file   {:<16} {:<9} {}",
                    file.name,
                    file.value,
                    file.path.display()
                ),
            };
        }
    }
}

impl RealServerStatus {
    /// What is not as usual.
    fn remark(&self) -> String {
        let mut remarks: Vec<String> = self.reason.iter().cloned().collect();
        if let Some(until) = self.held_until_s {
            let now = UNIX_EPOCH.elapsed().map_or(until, |since| since.as_secs());
            remarks.push(format!(
                "held down for {} s, it went down too often",
                until.saturating_sub(now)
            ));
        }
        if let Some(weight) = self.full_weight {
            remarks.push(format!("slow start to weight {weight}"));
        }
        remarks.join("; ")
    }
}

impl CheckerStatus {
    fn for_people(&self, text: &mut String) {
        if let Some(error) = &self.ipvs_error {
            let _ = writeln!(text, "  IPVS: {error}");
        }
        for daemon in &self.sync_daemons {
            let _ = writeln!(text, "  connection sync: {daemon}");
        }
        if let Some(error) = &self.sync_error {
            let _ = writeln!(text, "  connection sync: {error}");
        }
        for service in &self.virtual_servers {
            let quorum = if service.quorum_up { "up" } else { "QUORUM LOST" };
            let _ = writeln!(text, "  {} {quorum}", service.name);
            for server in &service.real_servers {
                let _ = writeln!(
                    text,
                    "    {:<28} {:<4} weight {:<5} {}",
                    server.name,
                    if server.up { "up" } else { "DOWN" },
                    server.weight,
                    server.remark(),
                );
            }
        }
    }
}

impl BfdStatus {
    fn for_people(&self, text: &mut String) {
        for session in &self.sessions {
            let _ = writeln!(
                text,
                "  {:<16} {:<9} neighbor {} {}, {}",
                session.name,
                session.state,
                session.neighbor,
                session.remote_state,
                session.times(),
            );
        }
    }
}

impl BfdSessionStatus {
    /// The times in force, or why the session is not up.
    fn times(&self) -> String {
        if self.state != "Up" {
            return self.diagnostic.clone();
        }
        let milliseconds = |length: Option<u64>| {
            length.map_or_else(|| "-".to_owned(), |us| format!("{}.{:03} ms", us / 1000, us % 1000))
        };
        format!(
            "sends every {}, detects a failure after {}",
            milliseconds(self.transmit_interval_us),
            milliseconds(self.detection_time_us),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::{FileStatus, ProcessStatus, ScriptStatus};
    use super::*;

    #[test]
    fn a_tracker_that_does_not_run_is_not_shown_as_one_that_passes() {
        let script = |name: &str, up, last: Option<&str>, disabled: Option<&str>| ScriptStatus {
            name: name.into(),
            up,
            last: last.map(Into::into),
            disabled: disabled.map(Into::into),
        };
        let scripts = vec![
            script("good", Some(true), Some("succeeded"), None),
            script("bad", Some(false), Some("timed out"), None),
            script("open", None, None, Some("anybody can change it")),
            script("new", None, None, None),
        ];
        let file = FileStatus {
            name: "value".into(),
            path: "/run/value".into(),
            value: -60,
            disabled: None,
        };
        let process = ProcessStatus {
            name: "web".into(),
            up: Some(false),
            count: 1,
            disabled: None,
        };
        let unseen = ProcessStatus {
            name: "db".into(),
            disabled: Some("no process events".into()),
            ..ProcessStatus::default()
        };
        let status = Status {
            trackers: TrackersStatus {
                scripts,
                files: vec![file],
                processes: vec![process, unseen],
            },
            ..Status::default()
        };
        let shown = status.for_people();
        let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>().join(" ");
        let lines: Vec<String> = shown.lines().map(words).collect();
        for line in [
            "script good up succeeded",
            "script bad DOWN timed out",
            "script open DISABLED anybody can change it",
            "script new no result",
            "file value -60 /run/value",
            "process web DOWN processes: 1",
            "process db DISABLED no process events",
        ] {
            assert!(lines.iter().any(|shown| shown == line), "{line}: {shown}");
        }
    }

    #[test]
    fn a_real_server_shows_its_slow_start_and_its_hold() {
        let real_server = RealServerStatus {
            name: "rs".into(),
            up: true,
            weight: 19,
            full_weight: Some(100),
            ..RealServerStatus::default()
        };
        let held = RealServerStatus {
            name: "held".into(),
            reason: Some("TCP_CHECK: refused".into()),
            held_until_s: Some(0),
            ..RealServerStatus::default()
        };
        assert_eq!(real_server.remark(), "slow start to weight 100");
        assert_eq!(
            held.remark(),
            "TCP_CHECK: refused; held down for 0 s, it went down too often"
        );
    }

    #[test]
    fn a_session_shows_its_times_or_why_it_is_not_up() {
        let session = |name: &str, state: &str, diagnostic: &str| BfdSessionStatus {
            name: name.into(),
            neighbor: "192.0.2.9".into(),
            state: state.into(),
            diagnostic: diagnostic.into(),
            remote_state: "Up".into(),
            transmit_interval_us: Some(50_000),
            detection_time_us: Some(250_500),
            ..BfdSessionStatus::default()
        };
        let report = BfdStatus {
            sessions: vec![
                session("a", "Up", "No Diagnostic"),
                session("b", "Down", "Control Detection Time Expired"),
            ],
        };
        let mut text = String::new();
        report.for_people(&mut text);
        let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>().join(" ");
        assert_eq!(
            text.lines().map(words).collect::<Vec<_>>(),
            [
                "a Up neighbor 192.0.2.9 Up, sends every 50.000 ms, detects a failure after 250.500 ms",
                "b Down neighbor 192.0.2.9 Up, Control Detection Time Expired",
            ]
        );
    }
}
