//! What was observed of a run, as lines that can be compared with those of another run.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::{Duration, SystemTime};

use anyhow::Result;

use crate::dissect;
use crate::node::Node;
use crate::onlooker::{Packet, Sighting};
use crate::wait::seconds_between;

/// Announcements with no longer pause between them belong together.
const SAME_BURST: Duration = Duration::from_millis(600);

/// Everything observed of a run.
#[derive(Debug, Clone, Default)]
pub struct Transcript {
    /// States, packets, addresses.
    pub lines: Vec<String>,
    /// How long each step took from the act to the first advert of the new master, where there is a new one.
    pub times: Vec<Option<Duration>>,
    /// For how long the machine stood still in each step.
    pub stalls: Vec<Duration>,
    /// What the directors said, for people.
    pub logs: String,
}

impl fmt::Display for Transcript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.lines {
            writeln!(f, "{line}")?;
        }
        writeln!(f, "times: {:?}", self.times)
    }
}

impl Transcript {
    /// Each node's adverts for each virtual router: the first, and each that is not like the one before.
    pub fn add_adverts(&mut self, seen: &[Sighting]) {
        let mut sequences: BTreeMap<(String, u8), Vec<String>> = BTreeMap::new();
        for sighting in seen.iter().filter(|sighting| sighting.advert().is_some()) {
            let key = (
                sighting.node.clone(),
                dissect::vrid_of(&sighting.frame).unwrap_or_default(),
            );
            let text = dissect::describe(&sighting.frame).unwrap_or_else(|| "cannot be read".to_owned());
            let sequence = sequences.entry(key).or_default();
            if sequence.last() != Some(&text) {
                sequence.push(text);
            }
        }
        for ((node, vrid), sequence) in sequences {
            for (number, text) in sequence.iter().enumerate() {
                self.lines
                    .push(format!("advert of {node}, vrid {vrid}, {}: {text}", number + 1));
            }
        }
    }

    /// Which announcements each node has sent; with `counts`, how many in each burst, and when after the node's first.
    pub fn add_announcements(&mut self, seen: &[Sighting], counts: bool) {
        let mut times: BTreeMap<(String, String), Vec<SystemTime>> = BTreeMap::new();
        for sighting in seen {
            // What goes to one host is a kernel's answer to somebody else's announcement.
            let to_all = sighting.frame.first().is_some_and(|first| first & 1 == 1);
            if let (Packet::Announcement(_), true) = (&sighting.packet, to_all) {
                let text = dissect::describe(&sighting.frame).unwrap_or_else(|| "cannot be read".to_owned());
                times
                    .entry((sighting.node.clone(), text))
                    .or_default()
                    .push(sighting.when);
            }
        }
        for ((node, text), times) in times {
            let bursts = if counts { bursts(&times) } else { String::new() };
            self.lines.push(format!("announcement of {node}: {text}{bursts}"));
        }
    }

    /// The addresses on all interfaces of a node.
    pub fn add_addresses(&mut self, node: &Node, after: &str) -> Result<()> {
        let listing = node.run("ip", &["-oneline", "address", "show"])?;
        let lines: BTreeSet<String> = listing.lines().filter_map(address_line).collect();
        for line in lines {
            self.lines.push(format!("after {after}: {} has {line}", node.name()));
        }
        Ok(())
    }

    /// The routes and rules of a node that the kernel did not make.
    pub fn add_routing(&mut self, node: &Node, after: &str) -> Result<()> {
        for family in ["-4", "-6"] {
            let routes = node.run("ip", &[family, "-N", "-oneline", "route", "show", "table", "all"])?;
            let rules = node.run("ip", &[family, "-N", "-oneline", "rule", "show"])?;
            // 2 is RTPROT_KERNEL.
            let routes = routes.lines().filter(|line| !line.contains("proto 2 "));
            let lines: BTreeSet<&str> = routes.chain(rules.lines()).map(str::trim_end).collect();
            let lines = lines
                .into_iter()
                .map(|line| format!("after {after}: {} has {line}", node.name()));
            self.lines.extend(lines);
        }
        Ok(())
    }

    /// The states of all instances, as the log names them. How it is spelt, and whether it says that a state is the first
    /// one, depends on what the instance had to wait for.
    pub fn add_states(&mut self, node: &str, logs: &[String]) {
        let mut states: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for line in logs.iter().flat_map(|log| log.lines()) {
            let entering = line
                .split_once(") Entering ")
                .or_else(|| line.split_once(") entering "));
            if let Some((before, after)) = entering
                && let Some((_, instance)) = before.rsplit_once('(')
                && let Some(state) = after.split_whitespace().next()
            {
                let states = states.entry(instance).or_default();
                // One line tells the cause, another one the state.
                if state != "FAULT" || states.last() != Some(&state) {
                    states.push(state);
                }
            }
        }
        for (instance, states) in states {
            self.lines
                .push(format!("states of {node}, {instance}: {}", states.join(", ")));
        }
    }
}

/// `5 after 0 s, 5 after 5 s`: moments to the second, which is what they are configured in.
fn bursts(times: &[SystemTime]) -> String {
    let Some(first) = times.first() else {
        return String::new();
    };
    let mut bursts: Vec<(SystemTime, SystemTime, usize)> = Vec::new();
    for when in times {
        match bursts.last_mut() {
            Some((_, last, count)) if seconds_between(*last, *when) <= SAME_BURST.as_secs_f64() => {
                *last = *when;
                *count += 1;
            }
            _ => bursts.push((*when, *when, 1)),
        }
    }
    let told = bursts
        .iter()
        .map(|(begin, _, count)| format!("{count} after {:.0} s", seconds_between(*first, *begin)));
    format!(" ({})", told.collect::<Vec<_>>().join(", "))
}

/// An address as `ip -oneline` shows it, without the number of the interface and the mark of who put it there; `None` for
/// those that the kernel made itself.
fn address_line(line: &str) -> Option<String> {
    let mut words: Vec<&str> = line.split_whitespace().skip(1).filter(|word| *word != "\\").collect();
    if let Some(at) = words.iter().position(|word| *word == "proto") {
        words.drain(at..(at + 2).min(words.len()));
    }
    let made_by_kernel = words.iter().any(|word| word.starts_with("127.") || *word == "::1/128");
    (!made_by_kernel).then(|| words.join(" ").replace('\\', ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_and_numbers_are_not_compared() {
        let line = "7: eth0    inet 192.0.2.200/24 scope global secondary proto 112 eth0\\       valid_lft forever \
                    preferred_lft forever";
        assert_eq!(
            address_line(line).unwrap(),
            "eth0 inet 192.0.2.200/24 scope global secondary eth0 valid_lft forever preferred_lft forever"
        );
        assert_eq!(address_line("1: lo    inet 127.0.0.1/8 scope host lo\\"), None);
    }

    #[test]
    fn bursts_are_counted() {
        let at = |milliseconds| SystemTime::UNIX_EPOCH + Duration::from_millis(milliseconds);
        let times: Vec<_> = [0, 1, 300, 5_100, 5_101].into_iter().map(at).collect();
        assert_eq!(bursts(&times), " (3 after 0 s, 2 after 5 s)");
    }

    #[test]
    fn states_come_from_the_log() {
        let mut transcript = Transcript::default();
        let log = "Sat Nov 21 05:00:00 2026: (VI_1) Entering BACKUP STATE (init)\nx\n(VI_1) Entering MASTER STATE\n\
                   (VI_1) entering FAULT state (reason)\n(VI_1) Entering FAULT STATE\n";
        transcript.add_states("first", &[log.to_owned()]);
        assert_eq!(transcript.lines, ["states of first, VI_1: BACKUP, MASTER, FAULT"]);
    }
}
