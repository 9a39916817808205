//! Packet filters and names of VMAC interfaces.

use crate::build::argument::set;
use crate::build::{Builder, Item};
use crate::config::{VrrpIpsets, VrrpIptables};
use crate::diagnostic::{Diagnostic, findings};

/// Longest names that the kernel takes, with room for what keepalived's own chains add.
const CHAIN_BYTES: usize = 27;
/// Longest name of a set or table.
const SET_BYTES: usize = 30;

impl Builder<'_> {
    pub(super) fn firewall_setting(&mut self, item: &Item<'_>) -> bool {
        let global = &mut self.global.global_defs;
        match item.keyword.name {
            "vrrp_iptables" => {
                self.done_with_nftables(item, "the chains of iptables are not used");
                self.iptables(item);
            }
            "vrrp_ipsets" => {
                self.done_with_nftables(item, "sets of these names are not used");
                self.ipsets(item);
            }
            "nftables" => {
                if let Some(table) = self.table(item, "keepalived") {
                    self.global.global_defs.nftables.table = Some(table);
                }
            }
            "nftables_priority" => set(&mut global.nftables.priority, item.argument.number()),
            "nftables_ifindex" => global.nftables.ifindex = true,
            "nftables_counters" => global.nftables.counters = true,
            "nftables_ipvs" => {
                if let Some(table) = self.table(item, "keepalived_ipvs") {
                    self.global.global_defs.nftables_ipvs.table = Some(table);
                }
            }
            "nftables_ipvs_priority" => set(&mut global.nftables_ipvs.priority, item.argument.number()),
            "nftables_ipvs_start_fwmark" => set(&mut global.nftables_ipvs.start_fwmark, item.argument.number()),
            "vmac_prefix" | "vmac_addr_prefix" => self.vmac_prefix(item),
            _ => return false,
        }
        true
    }

    fn vmac_prefix(&mut self, item: &Item<'_>) {
        if !self.is_first(item) {
            return;
        }
        let global = &mut self.global.global_defs;
        let prefix = match item.keyword.name {
            "vmac_prefix" => &mut global.vmac_prefix,
            _ => &mut global.vmac_addr_prefix,
        };
        *prefix = item.argument.string();
    }

    /// The name of a table, when it is the first and not too long.
    fn table(&mut self, item: &Item<'_>, default: &str) -> Option<String> {
        if !self.is_first(item) {
            return None;
        }
        match self.short_names(item, SET_BYTES)?.into_iter().next() {
            Some(name) => Some(name),
            None => Some(default.to_owned()),
        }
    }

    /// The words after the keyword, unless one is too long.
    fn short_names(&mut self, item: &Item<'_>, most: usize) -> Option<Vec<String>> {
        let words = item.words.get(1..).unwrap_or_default();
        if let Some(long) = words.iter().find(|word| word.text.len() > most) {
            let message = format!("'{}' has more than {most} bytes; the line is ignored", long.text);
            self.invalid(findings::NAME_TOO_LONG, message, *long).send(self);
            return None;
        }
        Some(words.iter().map(|word| word.text.to_owned()).collect())
    }

    pub(in crate::build) fn done_with_nftables(&mut self, item: &Item<'_>, what: &str) {
        let message = format!("Packets are filtered with nftables; {what}");
        self.report(Diagnostic::new(findings::DONE_WITH_NFTABLES, message, Some(item.span)).hint("nftables [TABLE]"));
    }

    fn iptables(&mut self, item: &Item<'_>) {
        if !self.is_first(item) {
            return;
        }
        let Some(names) = self.short_names(item, CHAIN_BYTES) else {
            return;
        };
        let mut names = names.into_iter();
        let chains = match (names.next(), names.next()) {
            (None, _) => VrrpIptables {
                input: "INPUT".to_owned(),
                output: Some("OUTPUT".to_owned()),
            },
            (Some(input), output) => VrrpIptables { input, output },
        };
        if chains.output.as_ref() == Some(&chains.input) {
            let message = "vrrp_iptables needs two different chains; iptables is not used";
            self.report(Diagnostic::new(findings::SAME_CHAINS, message, Some(item.span)));
            return;
        }
        self.global.global_defs.vrrp_iptables = Some(chains);
    }

    fn ipsets(&mut self, item: &Item<'_>) {
        let Some(names) = self.short_names(item, SET_BYTES) else {
            return;
        };
        let different = names
            .iter()
            .enumerate()
            .all(|(at, name)| !name.is_empty() && !names.iter().skip(at + 1).any(|other| other == name));
        if !different {
            let message = "vrrp_ipsets needs names that are all different; the default names are used";
            self.report(Diagnostic::new(findings::CONTRADICTION, message, Some(item.span)));
            return;
        }
        self.global.global_defs.vrrp_ipsets = Some(if names.is_empty() {
            VrrpIpsets::Off
        } else {
            VrrpIpsets::Named(names)
        });
    }
}
