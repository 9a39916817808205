//! SNMP: net-snmp's master agent in a node, walks over it, and a receiver of traps.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::node::{Node, Process};
use crate::wait;

/// What stands after `snmp_socket` in a configuration for an [`Agent`].
pub const AGENT_SOCKET: &str = "unix:/run/agentx";

/// KEEPALIVED-MIB.
pub const KEEPALIVED: &str = ".1.3.6.1.4.1.9586.100.5";

/// snmpd reads files and asks the kernel for all that it knows itself before it answers.
const START_LIMIT: Duration = Duration::from_secs(30);

const CONFIGURATION: &str = "rwcommunity public 127.0.0.1
agentaddress udp:127.0.0.1:161
master agentx
agentXSocket unix:/run/agentx
agentXTimeout 10
agentXRetries 1
trap2sink 127.0.0.1:162 public
";

/// snmpd in a node; it ends with the node.
#[derive(Debug)]
pub struct Agent<'a> {
    node: &'a Node,
    process: Process,
}

impl<'a> Agent<'a> {
    /// Starts it, and waits until it answers.
    pub fn start(node: &'a Node) -> Result<Self> {
        fs::write(node.path("/run/snmpd.conf"), CONFIGURATION)?;
        let process = node.start(net_snmp(
            "snmpd",
            "/run/snmpd.conf",
            &["-f", "-Lo", "-p", "/run/snmpd.pid"],
        ))?;
        let agent = Self { node, process };
        // A question that nobody hears is asked again only when its time is over.
        let started = |it: &Process| it.log_text().contains("NET-SNMP version");
        let outcome = wait::until("snmpd", START_LIMIT, || started(&agent.process));
        outcome.with_context(|| agent.process.log_text())?;
        Ok(agent)
    }

    /// Its process.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// All objects at or below `root`: each with its type and value in net-snmp's words, in the order of the walk.
    pub fn walk(&self, root: &str) -> Result<Vec<(String, String)>> {
        self.ask("snmpwalk", &[root])
    }

    /// The same in large portions.
    pub fn bulk_walk(&self, root: &str) -> Result<Vec<(String, String)>> {
        self.ask("snmpbulkwalk", &["-Cr50", root])
    }

    /// Sets an object: a letter for the type (`i`: an integer), and the value.
    pub fn set(&self, object: &str, kind: &str, value: &str) -> Result<Vec<(String, String)>> {
        self.ask("snmpset", &[object, kind, value])
    }

    fn ask(&self, program: &str, arguments: &[&str]) -> Result<Vec<(String, String)>> {
        // Numbers instead of names, each object on a line, however long.
        let common = [
            "-v2c",
            "-cpublic",
            "-t20",
            "-r1",
            "-Onet",
            "-m",
            "",
            "udp:127.0.0.1:161",
        ];
        let said = self.node.run(program, &[&common, arguments].concat())?;
        Ok(objects(&said))
    }
}

/// The objects in what `snmpwalk` printed. A text may have several lines.
fn objects(said: &str) -> Vec<(String, String)> {
    let mut objects: Vec<(String, String)> = Vec::new();
    for line in said.lines() {
        let object = line.split_once(" = ").filter(|(oid, _)| oid.starts_with(".1."));
        match (object, objects.last_mut()) {
            (Some((_, value)), _) if value.starts_with("No ") => {}
            (Some((oid, value)), _) => objects.push((oid.to_owned(), value.to_owned())),
            (None, Some((_, value))) => {
                value.push('\n');
                value.push_str(line);
            }
            (None, None) => {}
        }
    }
    objects
}

/// What two walks do not share, line by line: `-` only in the first one, `+` only in the second one.
pub fn difference(first: &[(String, String)], second: &[(String, String)]) -> Vec<String> {
    let by_object = |walk: &[(String, String)]| walk.iter().cloned().collect::<BTreeMap<_, _>>();
    let (ours, theirs) = (by_object(first), by_object(second));
    let missing = first
        .iter()
        .filter(|(oid, value)| theirs.get(oid) != Some(value))
        .map(|(oid, value)| format!("-{oid} = {value}"));
    let more = second
        .iter()
        .filter(|(oid, value)| ours.get(oid) != Some(value))
        .map(|(oid, value)| format!("+{oid} = {value}"));
    missing.chain(more).collect()
}

/// snmptrapd in a node; it ends with the node.
#[derive(Debug)]
pub struct TrapReceiver {
    process: Process,
}

impl TrapReceiver {
    /// Starts it where the [`Agent`] of the same node sends traps to.
    pub fn start(node: &Node) -> Result<Self> {
        fs::write(node.path("/run/snmptrapd.conf"), "disableAuthorization yes\n")?;
        let options = [
            "-f",
            "-Lo",
            "-n",
            "-Onet",
            "-p",
            "/run/snmptrapd.pid",
            "-F",
            "%V|%v\n",
            "udp:127.0.0.1:162",
        ];
        let process = node.start(net_snmp("snmptrapd", "/run/snmptrapd.conf", &options))?;
        let started = |it: &Process| it.log_text().contains("NET-SNMP version");
        wait::until("snmptrapd", START_LIMIT, || started(&process)).with_context(|| process.log_text())?;
        Ok(Self { process })
    }

    /// What each trap so far said: its objects with type and value. The first is the time the agent has been up, the second
    /// which trap it is.
    pub fn traps(&self) -> Vec<Vec<(String, String)>> {
        let lines = self.process.log().all().into_iter().map(|line| line.text);
        let traps = lines.filter(|line| line.starts_with(".1.3.6.1.2.1.1.3.0 = "));
        traps.map(|line| line.split('|').flat_map(objects).collect()).collect()
    }

    /// Everything it said.
    pub fn log_text(&self) -> String {
        self.process.log_text()
    }
}

/// A program of net-snmp that reads this configuration only, and keeps what it remembers in the node.
fn net_snmp(program: &str, configuration: &str, options: &[&str]) -> Command {
    let mut command = Command::new(format!("/usr/sbin/{program}"));
    command
        .env("SNMP_PERSISTENT_DIR", "/run/snmp")
        .env("MIBS", "")
        .args(["-C", "-c", configuration])
        .args(options);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_several_lines_is_one_object() {
        let said = ".1.3.1 = INTEGER: 1\n.1.3.2 = STRING: \"a\nb\"\n.1.3.3 = No more variables left in this MIB View\n";
        let pair = |oid: &str, value: &str| (oid.to_owned(), value.to_owned());
        assert_eq!(
            objects(said),
            [pair(".1.3.1", "INTEGER: 1"), pair(".1.3.2", "STRING: \"a\nb\"")]
        );
    }

    #[test]
    fn differences_are_told_apart() {
        let walk = |lines: &[(&str, &str)]| -> Vec<(String, String)> {
            lines
                .iter()
                .map(|(oid, value)| ((*oid).to_owned(), (*value).to_owned()))
                .collect()
        };
        let (first, second) = (
            walk(&[(".1.1", "a"), (".1.2", "b")]),
            walk(&[(".1.1", "a"), (".1.2", "c"), (".1.3", "d")]),
        );
        assert_eq!(difference(&first, &first), [""; 0]);
        assert_eq!(difference(&first, &second), ["-.1.2 = b", "+.1.2 = c", "+.1.3 = d"]);
    }
}
