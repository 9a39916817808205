//! Names, priorities and buffers of processes.
#![deny(clippy::arithmetic_side_effects)]

use crate::build::argument::set;
use crate::build::{Argument, Builder, Item};
use crate::config::{Process, ReceiveBuffer, VrrpRxBufsPolicy};
use crate::diagnostic::{Diagnostic, findings};
use std::time::Duration;

/// Bytes that the kernel keeps of the name of a process or of a persistence engine.
const NAME_BYTES: usize = 15;

/// CPUs that any kernel can have.
const MOST_CPUS: i64 = 8_192;

impl Builder<'_> {
    pub(super) fn process_setting(&mut self, item: &Item<'_>) -> bool {
        let processes = &mut self.global.global_defs.processes;
        match item.keyword.name {
            "process_names" => processes.process_names = true,
            "process_name" => {
                let name = self.short_name(item);
                self.global.global_defs.processes.process_name = name;
            }
            // A bare keyword means the highest priority.
            "max_auto_priority" if item.argument == Argument::None => processes.max_auto_priority = 99,
            "max_auto_priority" => set(&mut processes.max_auto_priority, item.argument.number()),
            "min_auto_priority_delay" => set(
                &mut processes.min_auto_priority_delay,
                item.argument.number().map(Duration::from_micros),
            ),
            name => match name.split_once('_') {
                Some((child @ ("vrrp" | "checker" | "bfd"), setting)) => {
                    return self.child_setting(child, setting, item);
                }
                _ => return false,
            },
        }
        true
    }

    /// A setting that the three children have: `vrrp_priority`, `checker_priority`, `bfd_priority`.
    fn child_setting(&mut self, child: &str, setting: &str, item: &Item<'_>) -> bool {
        let argument = &item.argument;
        match setting {
            "process_name" => {
                let name = self.short_name(item);
                self.child(child).process_name = name;
            }
            "priority" => set(&mut self.child(child).priority, argument.number()),
            "no_swap" => self.child(child).no_swap = true,
            "rt_priority" => self.child(child).rt_priority = argument.number(),
            "cpu_affinity" => {
                let cpus = self.cpus(item);
                self.child(child).cpu_affinity = cpus;
            }
            "rlimit_rttime" => set(
                &mut self.child(child).rlimit_rttime,
                argument.number().map(Duration::from_micros),
            ),
            _ => return false,
        }
        true
    }

    fn child(&mut self, name: &str) -> &mut Process {
        let processes = &mut self.global.global_defs.processes;
        match name {
            "vrrp" => &mut processes.vrrp,
            "checker" => &mut processes.checker,
            _ => &mut processes.bfd,
        }
    }

    /// A name that the kernel cuts.
    pub(in crate::build) fn short_name(&mut self, item: &Item<'_>) -> Option<String> {
        let word = item.word(1)?;
        let mut end = NAME_BYTES.min(word.text.len());
        while !word.text.is_char_boundary(end) {
            end = end.saturating_sub(1);
        }
        let (kept, cut) = word.text.split_at(end);
        if !cut.is_empty() {
            let message = format!("'{}' has more than {NAME_BYTES} bytes; '{kept}' is used", word.text);
            self.invalid(findings::NAME_TOO_LONG, message, word).send(self);
        }
        Some(kept.to_owned())
    }

    /// None when one of them is wrong: half a set would surprise.
    fn cpus(&mut self, item: &Item<'_>) -> Vec<u32> {
        let mut cpus = Vec::new();
        for word in item.words.iter().skip(1) {
            let cpu = self.integer(item.keyword.name, *word, 0, MOST_CPUS.saturating_sub(1));
            let Some(cpu) = cpu.and_then(|cpu| u32::try_from(cpu).ok()) else {
                return Vec::new();
            };
            cpus.push(cpu);
        }
        cpus
    }

    pub(super) fn buffer_setting(&mut self, item: &Item<'_>) -> bool {
        let buffers = &mut self.global.global_defs.receive_buffers;
        let (name, force) = match item.keyword.name.strip_suffix("_force") {
            Some(name) => (name, true),
            None => (item.keyword.name, false),
        };
        let buffer: &mut ReceiveBuffer = match name {
            "vrrp_netlink_cmd_rcv_bufs" => &mut buffers.vrrp_netlink_cmd,
            "vrrp_netlink_monitor_rcv_bufs" => &mut buffers.vrrp_netlink_monitor,
            "process_monitor_rcv_bufs" => &mut buffers.process_monitor,
            "lvs_netlink_cmd_rcv_bufs" => &mut buffers.lvs_netlink_cmd,
            "lvs_netlink_monitor_rcv_bufs" => &mut buffers.lvs_netlink_monitor,
            "vrrp_rx_bufs_policy" => {
                self.rx_bufs_policy(item);
                return true;
            }
            "vrrp_rx_bufs_multiplier" => {
                buffers.vrrp_rx_bufs_multiplier = item.argument.number();
                return true;
            }
            _ => return false,
        };
        if force {
            set(&mut buffer.force, item.argument.bool());
        } else {
            // 0 is how a file says: the kernel's.
            buffer.bytes = item.argument.number().filter(|bytes| *bytes != 0);
        }
        true
    }

    /// `MTU`, `ADVERT` or a number of bytes. A number beats a word, and `MTU` beats `ADVERT`.
    fn rx_bufs_policy(&mut self, item: &Item<'_>) {
        let mut policy = None;
        for word in item.words.iter().skip(1) {
            let next = match word.text.to_ascii_uppercase().as_str() {
                "MTU" => VrrpRxBufsPolicy::Mtu,
                "ADVERT" => VrrpRxBufsPolicy::Advert,
                _ => {
                    let bytes = self.integer(item.keyword.name, *word, 0, i64::from(u32::MAX));
                    match bytes.and_then(|bytes| u32::try_from(bytes).ok()) {
                        Some(bytes) => VrrpRxBufsPolicy::Bytes(bytes),
                        None => continue,
                    }
                }
            };
            let Some(former) = policy.replace(next) else { continue };
            policy = Some(stronger(former, next));
            let message = "Only one of MTU, ADVERT and a number of bytes can hold: a number first, then MTU";
            let span = word.span(self.text);
            self.report(Diagnostic::new(findings::CONTRADICTION, message, Some(span)));
        }
        self.global.global_defs.receive_buffers.vrrp_rx_bufs_policy = policy;
    }
}

fn stronger(former: VrrpRxBufsPolicy, next: VrrpRxBufsPolicy) -> VrrpRxBufsPolicy {
    use VrrpRxBufsPolicy::{Advert, Bytes, Mtu};
    match (former, next) {
        (Bytes(_), _) => former,
        (_, Bytes(_)) => next,
        (Mtu, _) | (_, Mtu) => Mtu,
        (Advert, Advert) => Advert,
    }
}
