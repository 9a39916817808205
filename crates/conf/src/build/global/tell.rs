//! FIFOs, SNMP and D-Bus.

use crate::build::argument::set;
use crate::build::{Builder, Item};
use crate::config::{NotifyFifo, ScriptUser};

impl<'a> Builder<'a> {
    pub(super) fn fifo_setting(&mut self, item: Item<'a>) -> Option<Item<'a>> {
        let name = item.keyword.name;
        let fifo = name.strip_suffix("_script").unwrap_or(name);
        if !matches!(fifo, "notify_fifo" | "vrrp_notify_fifo" | "lvs_notify_fifo") {
            return Some(item);
        }
        if fifo == name {
            self.fifo_path(&item);
        } else {
            let mut script = self.fifo(fifo).script.take();
            self.set_script(&mut script, item);
            self.fifo(fifo).script = script;
        }
        None
    }

    fn fifo(&mut self, name: &str) -> &mut NotifyFifo {
        let global = &mut self.global.global_defs;
        match name {
            "notify_fifo" => &mut global.notify_fifo,
            "vrrp_notify_fifo" => &mut global.vrrp_notify_fifo,
            _ => &mut global.lvs_notify_fifo,
        }
    }

    fn fifo_path(&mut self, item: &Item<'_>) {
        if !self.is_first(item) {
            return;
        }
        let path = item.word(1).map(|word| self.spanned(word));
        let owner = item.word(2).map(|user| ScriptUser {
            user: user.text.to_owned(),
            group: item.word(3).map(|group| group.text.to_owned()),
        });
        let fifo = self.fifo(item.keyword.name);
        (fifo.path, fifo.owner) = (path, owner);
    }

    pub(super) fn snmp_setting(&mut self, item: &Item<'_>) -> bool {
        let (name, argument) = (item.keyword.name, &item.argument);
        if name == "snmp_socket" && !self.is_first(item) {
            return true;
        }
        let global = &mut self.global.global_defs;
        let (snmp, dbus) = (&mut global.snmp, &mut global.dbus);
        match name {
            "snmp_socket" => snmp.socket = argument.string(),
            "enable_traps" => snmp.traps = true,
            "enable_snmp_vrrp" => snmp.vrrp = true,
            "enable_snmp_rfc" => (snmp.rfcv2, snmp.rfcv3) = (true, true),
            "enable_snmp_rfcv2" => snmp.rfcv2 = true,
            "enable_snmp_rfcv3" => snmp.rfcv3 = true,
            "enable_snmp_checker" => snmp.checker = true,
            "snmp_vs_stats_update_interval" => set(&mut snmp.vs_stats_update_interval, argument.duration()),
            "snmp_rs_stats_update_interval" => snmp.rs_stats_update_interval = argument.duration(),
            "enable_dbus" => dbus.enable = true,
            "dbus_service_name" => dbus.service_name = argument.string(),
            "dbus_no_interface_name" => dbus.no_interface_name = argument.string(),
            _ => return false,
        }
        true
    }
}
