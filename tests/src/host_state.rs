//! What a director makes of its host: interfaces, addresses, settings of the kernel and packet filters, as lines of text
//! that two programs can be compared by.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::node::Node;

/// Folders of settings that belong to interfaces.
const SETTINGS: [&str; 2] = ["ipv4/conf", "ipv6/conf"];

/// Settings that count something, or that follow from others.
const NO_SETTINGS: [&str; 3] = ["mc_forwarding", "stable_secret", "mtu"];

/// The state of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostState {
    interfaces: BTreeSet<String>,
    filters: Vec<String>,
    /// By path below `/proc/sys/net`.
    settings: BTreeMap<String, String>,
}

impl HostState {
    /// The state of a node now.
    pub fn of(node: &Node) -> Result<Self> {
        let links = json(node, &["-d", "-j", "link"])?;
        let mut interfaces: BTreeSet<String> = links.iter().map(link_line).collect();
        for link in json(node, &["-j", "address"])? {
            let name = word(&link, "ifname");
            let addresses = link
                .get("addr_info")
                .and_then(Value::as_array)
                .cloned()
                .unwrap_or_default();
            interfaces.extend(addresses.iter().map(|address| address_line(&name, address)));
        }
        let filters = node.run("nft", &["list", "ruleset"])?;
        Ok(Self {
            interfaces,
            filters: sorted_tables(&filters),
            settings: node.within(settings)??,
        })
    }

    /// What is different from an earlier state. Of interfaces that were not there before those settings are told that are
    /// not the ones that the kernel gives to new interfaces.
    pub fn changes_since(&self, before: &Self) -> Vec<String> {
        let gone = before
            .interfaces
            .difference(&self.interfaces)
            .map(|line| format!("- {line}"));
        let come = self
            .interfaces
            .difference(&before.interfaces)
            .map(|line| format!("+ {line}"));
        let settings = self.settings.iter().filter_map(|(path, value)| {
            let former = before
                .settings
                .get(path)
                .or_else(|| before.settings.get(&of_new_interfaces(path)?));
            (former != Some(value)).then(|| format!("{path} = {value}"))
        });
        let changes = gone.chain(come).chain(settings);
        if self.filters == before.filters {
            changes.collect()
        } else {
            changes.chain(self.filters.iter().cloned()).collect()
        }
    }

    /// Whether an interface is there that is called so.
    pub fn has_interface(&self, name: &str) -> bool {
        self.interfaces
            .iter()
            .any(|line| line.starts_with(&format!("{name}: ")))
    }
}

/// The path of the same setting of `default`.
fn of_new_interfaces(path: &str) -> Option<String> {
    let (rest, setting) = path.rsplit_once('/')?;
    let (folder, _) = rest.rsplit_once('/')?;
    Some(format!("{folder}/default/{setting}"))
}

fn json(node: &Node, arguments: &[&str]) -> Result<Vec<Value>> {
    let text = node.run("ip", arguments)?;
    serde_json::from_str(&text).with_context(|| format!("what ip {arguments:?} says: {text}"))
}

fn word(value: &Value, key: &str) -> String {
    match value.get(key) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => "-".to_owned(),
        Some(other) => other.to_string(),
    }
}

fn link_line(link: &Value) -> String {
    let none = Value::Null;
    let info = link.get("linkinfo").unwrap_or(&none);
    let data = info.get("info_data").unwrap_or(&none);
    let flags = link.get("flags").map(Value::to_string).unwrap_or_default();
    format!(
        "{}: over {} address {} kind {} mode {} flags {} group {} link-local addresses {} {}",
        word(link, "ifname"),
        word(link, "link"),
        word(link, "address"),
        word(info, "info_kind"),
        word(data, "mode"),
        ["private", "vepa", "bridge"]
            .into_iter()
            .find(|flag| data.get(flag).is_some())
            .unwrap_or("-"),
        word(link, "group"),
        word(link, "inet6_addr_gen_mode"),
        if flags.contains("\"UP\"") { "up" } else { "down" },
    )
}

fn address_line(interface: &str, address: &Value) -> String {
    format!(
        "{interface}: {}/{} peer {} broadcast {} scope {} label {} nodad {} preferred {}",
        word(address, "local"),
        word(address, "prefixlen"),
        word(address, "address"),
        word(address, "broadcast"),
        word(address, "scope"),
        word(address, "label"),
        word(address, "nodad"),
        word(address, "preferred_life_time"),
    )
}

/// The lines of all tables, whichever was made first.
fn sorted_tables(ruleset: &str) -> Vec<String> {
    let mut tables: Vec<&str> = ruleset.split_inclusive("\n}\n").collect();
    tables.sort_unstable();
    tables
        .iter()
        .flat_map(|table| table.lines())
        .map(without_numbers)
        .collect()
}

/// What only rules contain that are there for reports and solicitations of the kernel's own.
const BY_THE_KERNEL: [&str; 2] = [" dup to ", "nd-router-solicit"];

/// Of counters only whether anything was counted. Where only the kernel's own packets count, which it sends when its random
/// timers say so, not even that.
fn without_numbers(line: &str) -> String {
    let Some((before, rest)) = line.split_once("counter packets ") else {
        return line.to_owned();
    };
    let (packets, rest) = rest.split_once(" bytes ").unwrap_or((rest, ""));
    let counted = if BY_THE_KERNEL.iter().any(|part| before.contains(part)) {
        "whatever"
    } else if packets == "0" {
        "nothing"
    } else {
        "something"
    };
    let verdict = rest.split_once(' ').map_or("", |(_, verdict)| verdict);
    format!("{before}counter of {counted} {verdict}")
}

fn settings() -> Result<BTreeMap<String, String>> {
    let root = Path::new("/proc/sys/net");
    let mut found = BTreeMap::new();
    for folder in SETTINGS {
        for interface in fs::read_dir(root.join(folder))? {
            for file in fs::read_dir(interface?.path())? {
                let path: PathBuf = file?.path();
                let is_counted = path
                    .file_name()
                    .is_some_and(|name| NO_SETTINGS.iter().any(|not| name == *not));
                if let (false, Ok(value)) = (is_counted, fs::read_to_string(&path)) {
                    let name = path.strip_prefix(root)?.to_string_lossy().into_owned();
                    found.insert(name, value.trim().to_owned());
                }
            }
        }
    }
    let reports = "ipv4/igmp_link_local_mcast_reports";
    let value = fs::read_to_string(root.join(reports))?;
    found.insert(reports.to_owned(), value.trim().to_owned());
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_told_from_unused_ones_only() {
        let counted = without_numbers("\tip saddr @vips counter packets 7 bytes 91 drop");
        assert_eq!(counted, "\tip saddr @vips counter of something drop");
        let unused = without_numbers("\tip saddr @vips counter packets 0 bytes 0 goto elsewhere");
        assert_eq!(unused, "\tip saddr @vips counter of nothing goto elsewhere");
        for packets in [0, 2] {
            let kernels = format!("\tip protocol igmp dup to ip daddr counter packets {packets} bytes 80 drop");
            assert_eq!(
                without_numbers(&kernels),
                "\tip protocol igmp dup to ip daddr counter of whatever drop"
            );
        }
        assert_eq!(without_numbers("\tset vips {"), "\tset vips {");
    }

    #[test]
    fn a_new_interface_is_measured_by_the_defaults() {
        let path = of_new_interfaces("ipv4/conf/vrrp.51/rp_filter");
        assert_eq!(path.as_deref(), Some("ipv4/conf/default/rp_filter"));
    }
}
