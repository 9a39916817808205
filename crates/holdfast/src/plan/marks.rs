//! `nftables_ipvs`: the addresses of a group share one firewall mark, and one IPVS service stands for all of them.
//!
//! A mark is given to each group and protocol, in the order of the file, and kept as long as the daemon knows the group: a
//! service that gets another mark is another service, and its clients would lose their servers.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use holdfast_conf::config::{self, AddressFamily, Config, VirtualServerName};
use holdfast_ipvs::table::{Family, Protocol, ServiceKey};
use serde::{Deserialize, Serialize};

use super::health::ipvs_protocol;
use super::mark_ranges::{MarkRange, Ranges};

/// The mark of a group for one protocol.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct GroupMark {
    /// The `virtual_server_group`
    pub group: String,
    /// The protocol of its virtual server
    pub protocol: Protocol,
    /// Never 0
    pub mark: u32,
}

/// What the tables of nftables have to say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarkSettings {
    /// `nftables_ipvs`: the name of the tables
    pub table: String,
    /// `nftables_ipvs_priority` of the chains
    pub priority: i32,
    /// `nftables_counters`: each element counts
    pub counters: bool,
    /// Packets and their marks; no two overlap
    pub ranges: Vec<MarkRange>,
}

/// The marks of a configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Marks {
    /// `nftables_ipvs_start_fwmark`: the first mark that may be given
    start: u32,
    /// Marks that the file itself names
    taken: BTreeSet<u32>,
    /// Those that were given
    groups: Vec<GroupMark>,
}

impl Marks {
    /// Gives marks to the groups of the file; to none without `nftables_ipvs`.
    pub fn give(config: &Config) -> Self {
        let settings = &config.global_defs.nftables_ipvs;
        let mut marks = Self {
            start: settings.start_fwmark,
            taken: config.virtual_servers.iter().flat_map(named_marks).collect(),
            groups: Vec::new(),
        };
        if settings.table.is_some() {
            for (group, protocol) in config.virtual_servers.iter().filter_map(marked_group) {
                if marks.of(group, protocol).is_none() {
                    marks.groups.push(GroupMark {
                        group: group.to_owned(),
                        protocol,
                        mark: 0,
                    });
                }
            }
            marks.fill(&[]);
        }
        marks
    }

    /// The marks in the order in which they were given.
    pub fn groups(&self) -> &[GroupMark] {
        &self.groups
    }

    /// Gives each group the mark that it had, as far as nobody else has it now. The answer leads from marks that were given so
    /// far to others.
    pub fn keep(&mut self, former: &[GroupMark]) -> BTreeMap<u32, u32> {
        let given: Vec<u32> = self.groups.iter().map(|group| group.mark).collect();
        self.fill(former);
        let new = self.groups.iter().map(|group| group.mark);
        given.into_iter().zip(new).filter(|(old, new)| old != new).collect()
    }

    fn fill(&mut self, former: &[GroupMark]) {
        let had = |group: &GroupMark| {
            let same = |it: &&GroupMark| it.group == group.group && it.protocol == group.protocol;
            former.iter().find(same).map(|it| it.mark)
        };
        let mut used = self.taken.clone();
        for group in &mut self.groups {
            // One below the first that may be given belongs to somebody else now.
            group.mark = had(group)
                .filter(|mark| *mark >= self.start && used.insert(*mark))
                .unwrap_or(0);
        }
        let mut next = self.start.max(1);
        for group in self.groups.iter_mut().filter(|group| group.mark == 0) {
            while !used.insert(next) {
                // From the last one on to the first: there are more marks than groups.
                next = next.checked_add(1).unwrap_or(1);
            }
            group.mark = next;
        }
    }

    fn of(&self, group: &str, protocol: Protocol) -> Option<u32> {
        let found = self
            .groups
            .iter()
            .find(|it| it.group == group && it.protocol == protocol)?;
        Some(found.mark)
    }

    /// The services that stand for this virtual server instead of those by address; `None`: it keeps them.
    pub fn services(&self, server: &config::VirtualServer) -> Option<Vec<ServiceKey>> {
        let (group, protocol) = marked_group(server)?;
        let mark = self.of(group, protocol)?;
        let families: BTreeSet<Family> = addresses(server).map(|(address, _)| Family::of(address)).collect();
        let service = |family| ServiceKey::Fwmark { family, mark };
        Some(families.into_iter().map(service).collect())
    }

    /// What the tables have to say.
    pub fn settings(&self, config: &Config) -> Option<MarkSettings> {
        let global = &config.global_defs;
        let table = global.nftables_ipvs.table.clone()?;
        let mut ranges = Ranges::default();
        // A mark goes before an address with IPVS, so what is a service of its own must not get one.
        for server in &config.virtual_servers {
            if let (None, Some(protocol)) = (self.services(server), server.protocol) {
                for (address, port) in addresses(server) {
                    ranges.spare(ipvs_protocol(protocol), address, port);
                }
            }
        }
        for server in &config.virtual_servers {
            let given = marked_group(server).and_then(|(group, protocol)| Some((protocol, self.of(group, protocol)?)));
            if let Some((protocol, mark)) = given {
                for (address, port) in addresses(server) {
                    ranges.mark(protocol, address, port, mark);
                }
            }
        }
        Some(MarkSettings {
            table,
            priority: global.nftables_ipvs.priority,
            counters: global.nftables.counters,
            ranges: ranges.resolve(),
        })
    }
}

impl MarkSettings {
    /// Other marks in the place of those that were given.
    pub fn replace(&mut self, others: &BTreeMap<u32, u32>) {
        for range in &mut self.ranges {
            range.mark = others.get(&range.mark).copied().unwrap_or(range.mark);
        }
    }
}

/// A group of addresses alone, and its protocol. A group with marks of its own stays as it is, as with keepalived.
fn marked_group(server: &config::VirtualServer) -> Option<(&str, Protocol)> {
    let VirtualServerName::Group(name) = &server.name.value else {
        return None;
    };
    let by_address = named_marks(server).next().is_none() && !server.services.is_empty();
    by_address.then_some((name.as_str(), ipvs_protocol(server.protocol?)))
}

fn named_marks(server: &config::VirtualServer) -> impl Iterator<Item = u32> + '_ {
    server.services.iter().filter_map(|service| match service {
        config::Service::Fwmark(mark, AddressFamily::Inet | AddressFamily::Inet6) => Some(*mark),
        config::Service::Address(..) => None,
    })
}

/// The addresses and ports that a virtual server stands for.
pub fn addresses(server: &config::VirtualServer) -> impl Iterator<Item = (IpAddr, u16)> + '_ {
    server.services.iter().filter_map(|service| match service {
        config::Service::Address(address, port) => Some((*address, *port)),
        config::Service::Fwmark(..) => None,
    })
}

#[cfg(test)]
mod tests;
