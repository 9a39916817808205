//! The state as `holdfast status` shows it.

use std::fmt::Write as _;

use super::{CheckerStatus, RoleStatus, Status, TrackersStatus, VrrpStatus};

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
        }
    }
}

impl TrackersStatus {
    fn for_people(&self, text: &mut String) {
        if !self.scripts.is_empty() || !self.files.is_empty() {
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

impl CheckerStatus {
    fn for_people(&self, text: &mut String) {
        if let Some(error) = &self.ipvs_error {
            let _ = writeln!(text, "  IPVS: {error}");
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
                    server.reason.as_deref().unwrap_or_default(),
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{FileStatus, ScriptStatus};
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
        let status = Status {
            trackers: TrackersStatus {
                scripts,
                files: vec![file],
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
        ] {
            assert!(lines.iter().any(|shown| shown == line), "{line}: {shown}");
        }
    }
}
