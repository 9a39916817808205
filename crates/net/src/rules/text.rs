//! A rule in words, much as `ip rule` writes it. Nothing is left out: two rules with the same words are the same.

use std::fmt;

use super::{Rule, RuleAction};
use crate::prefix::Prefix;
use crate::routes::ROUTING_PROTOCOL;
use crate::vrrp_socket::AddressFamily;

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.preference)?;
        if self.family == AddressFamily::Ipv6 {
            f.write_str(" inet6")?;
        }
        if self.inverted {
            f.write_str(" not")?;
        }
        match self.from {
            Some(from) => write!(f, " from {from}")?,
            None => f.write_str(" from all")?,
        }
        if let Some(to) = self.to.filter(|to| *to != Prefix::all(self.family)) {
            write!(f, " to {to}")?;
        }
        if self.tos != 0 {
            write!(f, " tos {:#x}", self.tos)?;
        }
        match self.mark {
            Some((mark, u32::MAX)) => write!(f, " fwmark {mark:#x}")?,
            Some((mark, bits)) => write!(f, " fwmark {mark:#x}/{bits:#x}")?,
            None => {}
        }
        for (word, name) in [("iif", &self.input_interface), ("oif", &self.output_interface)] {
            if let Some(name) = name {
                write!(f, " {word} {name}")?;
            }
        }
        if self.tunnel_id != 0 {
            write!(f, " tun_id {}", self.tunnel_id)?;
        }
        if let Some((first, last)) = self.users {
            write!(f, " uidrange {first}-{last}")?;
        }
        if self.ip_protocol != 0 {
            write!(f, " ipproto {}", self.ip_protocol)?;
        }
        for (word, ports) in [("sport", self.source_ports), ("dport", self.destination_ports)] {
            if let Some((first, last)) = ports {
                write!(f, " {word} {first}-{last}")?;
            }
        }
        match self.action {
            RuleAction::Table(table) => write!(f, " lookup {table}"),
            RuleAction::L3Master => f.write_str(" lookup [l3mdev-table]"),
            RuleAction::Goto(target) => write!(f, " goto {target}"),
            RuleAction::Nop => f.write_str(" nop"),
            RuleAction::Blackhole => f.write_str(" blackhole"),
            RuleAction::Unreachable => f.write_str(" unreachable"),
            RuleAction::Prohibit => f.write_str(" prohibit"),
        }?;
        if let Some(length) = self.suppress_prefix_length {
            write!(f, " suppress_prefixlength {length}")?;
        }
        if let Some(group) = self.suppress_interface_group {
            write!(f, " suppress_ifgroup {group}")?;
        }
        if self.realms != 0 {
            write!(f, " realms {}/{}", self.realms >> 16, self.realms & 0xffff)?;
        }
        if self.protocol != ROUTING_PROTOCOL {
            write!(f, " proto {}", self.protocol)?;
        }
        Ok(())
    }
}
