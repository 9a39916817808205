//! What the D-Bus service shows: its name, and an object for each instance.

use std::collections::{BTreeMap, BTreeSet};

use holdfast_conf::config::Config;
use holdfast_vrrp::settings::{Family, NodeSettings};
use serde::{Deserialize, Serialize};

/// keepalived's name on the bus.
const SERVICE_NAME: &str = "org.keepalived.Vrrp1";

/// Stands in paths for the interface that an instance does not have.
const NO_INTERFACE: &str = "none";

/// Above all instances.
const INSTANCES: &str = "/org/keepalived/Vrrp1/Instance";

/// The service and its objects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DbusPlan {
    /// `dbus_service_name`
    pub service_name: String,
    /// Every instance, in the order of the configuration
    pub instances: Vec<DbusInstance>,
}

/// The object of an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DbusInstance {
    /// Name of the `vrrp_instance`
    pub name: String,
    /// Its path
    pub path: String,
}

impl DbusPlan {
    /// What the file wants, and what there is to say about it. `None`: no service. `vrrp`: the settings that come of the same
    /// file, with the interfaces that it names.
    pub fn from_config(config: &Config, vrrp: &NodeSettings) -> (Option<Self>, Vec<String>) {
        let dbus = &config.global_defs.dbus;
        if !dbus.enable {
            return (None, Vec::new());
        }
        let no_interface = dbus.no_interface_name.as_deref().unwrap_or(NO_INTERFACE);
        // One with a VRF alone has no interface, and the settings have the VRF in its place.
        let without_interface: BTreeSet<&str> = config
            .vrrp_instances
            .iter()
            .filter(|instance| instance.vrf.is_some())
            .map(|instance| instance.name.as_str())
            .collect();
        let mut messages = Vec::new();
        let mut taken: BTreeMap<String, &str> = BTreeMap::new();
        let mut instances = Vec::new();
        for instance in &vrrp.instances {
            let has_none = without_interface.contains(instance.name.as_str());
            let interface = if has_none { no_interface } else { &instance.interface };
            let path = path(interface, instance.vrid, instance.family);
            if let Some(first) = taken.get(&path) {
                messages.push(format!(
                    "D-Bus knows no difference between the interfaces of {first} and {}, which have the same \
                     virtual_router_id: {} has no object there",
                    instance.name, instance.name
                ));
                continue;
            }
            taken.insert(path.clone(), &instance.name);
            instances.push(DbusInstance {
                name: instance.name.clone(),
                path,
            });
        }
        let service_name = dbus.service_name.clone().unwrap_or_else(|| SERVICE_NAME.to_owned());
        let plan = Self {
            service_name,
            instances,
        };
        (Some(plan), messages)
    }
}

fn path(interface: &str, vrid: u8, family: Family) -> String {
    // Nothing else is allowed in a path.
    let allowed = |letter: char| if letter.is_ascii_alphanumeric() { letter } else { '_' };
    let interface: String = interface.chars().map(allowed).collect();
    let family = match family {
        Family::Ipv4 => "IPv4",
        Family::Ipv6 => "IPv6",
    };
    format!("{INSTANCES}/{interface}/{vrid}/{family}")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use holdfast_conf::{LoadOptions, MemoryLoader};

    use super::*;
    use crate::plan::trackers::TrackerTable;

    fn plan(global: &str, instances: &[(&str, &str, &str)]) -> (Option<DbusPlan>, Vec<String>) {
        let mut text = format!("global_defs {{\n{global}\n}}\n");
        for (name, interface, address) in instances {
            text += format!(
                "vrrp_instance {name} {{\n{interface}\nvirtual_router_id 7\npriority 100\n\
                 virtual_ipaddress {{\n{address} dev eth9\n}}\n}}\n"
            )
            .as_str();
        }
        let loader = MemoryLoader::new().with("/k.conf", text);
        let config = holdfast_conf::load(&loader, Path::new("/k.conf"), &LoadOptions::default()).config;
        let (trackers, _) = TrackerTable::from_config(&config);
        DbusPlan::from_config(&config, &crate::plan::vrrp::node_settings(&config, &trackers))
    }

    #[test]
    fn there_is_no_service_unless_it_is_asked_for() {
        let (plan, messages) = plan("dbus_service_name org.example", &[("A", "interface eth0", "192.0.2.1")]);
        assert_eq!((plan, messages), (None, Vec::new()));
    }

    /// Paths as keepalived 2.2.7 was seen to make them.
    #[test]
    fn an_object_is_where_keepalived_s_is() {
        let (plan, messages) = plan(
            "enable_dbus",
            &[
                ("A", "interface eth0.10", "192.0.2.1"),
                ("B", "interface br-lan", "192.0.2.2"),
                ("C", "interface eth0.10", "fe80::1"),
                ("V", "interface eth1\nuse_vmac vrrp.7", "192.0.2.3"),
            ],
        );
        let plan = plan.unwrap();
        assert_eq!(plan.service_name, "org.keepalived.Vrrp1");
        let paths: Vec<&str> = plan.instances.iter().map(|it| it.path.as_str()).collect();
        assert_eq!(
            paths,
            [
                "/org/keepalived/Vrrp1/Instance/eth0_10/7/IPv4",
                "/org/keepalived/Vrrp1/Instance/br_lan/7/IPv4",
                "/org/keepalived/Vrrp1/Instance/eth0_10/7/IPv6",
                "/org/keepalived/Vrrp1/Instance/eth1/7/IPv4",
            ]
        );
        assert!(messages.is_empty());
    }

    #[test]
    fn who_has_no_interface_is_below_the_name_for_that() {
        let vrf = "vrf red\nunicast_src_ip 192.0.2.9\nunicast_peer {\n192.0.2.8\n}";
        let of = |global| {
            let (plan, _) = plan(global, &[("A", vrf, "192.0.2.1")]);
            plan.unwrap().instances[0].path.clone()
        };
        assert_eq!(of("enable_dbus"), "/org/keepalived/Vrrp1/Instance/none/7/IPv4");
        assert_eq!(
            of("enable_dbus\ndbus_no_interface_name no-if"),
            "/org/keepalived/Vrrp1/Instance/no_if/7/IPv4"
        );
    }

    #[test]
    fn the_second_with_a_path_is_left_out_and_said() {
        let (plan, messages) = plan(
            "enable_dbus\ndbus_service_name org.example.Vrrp1",
            &[
                ("A", "interface eth0.1", "192.0.2.1"),
                ("B", "interface eth0_1", "192.0.2.2"),
            ],
        );
        let plan = plan.unwrap();
        assert_eq!(plan.service_name, "org.example.Vrrp1");
        assert_eq!(plan.instances.len(), 1);
        assert!(messages[0].contains("A and B"), "{messages:?}");
    }
}
