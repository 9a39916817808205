//! Settings of `use_vmac`, `use_ipvlan`, `garp_extra_if` and the packet filters.

use std::collections::BTreeSet;
use std::net::IpAddr;

use holdfast_conf::config::{self, AddressFamily, GlobalDefs, VmacAddress};
use holdfast_vrrp::settings::{
    AddressVmac, ExtraAnnouncements, IpvlanMode, OwnInterface, OwnInterfaceKind, PacketFilterSettings,
};

const DEFAULT_PREFIX: &str = "vrrp";

/// The interface that an instance makes for itself. With both keywords `use_ipvlan` counts, as with keepalived.
pub fn own_interface(instance: &config::VrrpInstance, global: &GlobalDefs) -> Option<OwnInterface> {
    let of = |name: &Option<holdfast_conf::source::Spanned<String>>, group, kind| OwnInterface {
        name: name.as_ref().map(|name| name.value.clone()),
        prefix: prefix(global).to_owned(),
        kind,
        group,
        transmit_on_base: instance.vmac_xmit_base,
    };
    if let Some(ipvlan) = &instance.use_ipvlan {
        let kind = OwnInterfaceKind::Ipvlan {
            mode: match ipvlan.mode {
                config::IpvlanMode::Bridge => IpvlanMode::Bridge,
                config::IpvlanMode::Private => IpvlanMode::Private,
                config::IpvlanMode::Vepa => IpvlanMode::Vepa,
            },
            address: ipvlan.address,
        };
        return Some(of(&ipvlan.name, ipvlan.group, kind));
    }
    let vmac = instance.use_vmac.as_ref()?;
    let kind = OwnInterfaceKind::Vmac {
        mac: hardware_address(instance, instance.family),
        notify: vmac.netlink_notify_msg,
    };
    Some(of(&vmac.name, vmac.group, kind))
}

/// The macvlan of an address: asked for by itself, or by `use_vmac_addr` where the address is on another interface than
/// the instance or of another family.
pub fn address_vmac(
    instance: &config::VrrpInstance,
    address: &config::VirtualAddress,
    global: &GlobalDefs,
) -> Option<AddressVmac> {
    let family = match address.address.value {
        IpAddr::V4(_) => AddressFamily::Inet,
        IpAddr::V6(_) => AddressFamily::Inet6,
    };
    let is_elsewhere = address.dev.value != instance.interface.value || family != instance.family;
    (address.use_vmac || instance.use_vmac_addr && is_elsewhere).then(|| AddressVmac {
        prefix: global.vmac_addr_prefix.as_deref().unwrap_or(prefix(global)).to_owned(),
        mac: hardware_address(instance, family),
    })
}

/// `garp_extra_if`.
pub fn extra_announcements(instance: &config::VrrpInstance) -> Option<ExtraAnnouncements> {
    instance.garp_extra_if.map(|extra| ExtraAnnouncements {
        interval: extra.interval,
        all: extra.all,
        interfaces: BTreeSet::new(),
    })
}

/// `nftables`; what is said for iptables is done with nftables.
pub fn packet_filter(global: &GlobalDefs) -> PacketFilterSettings {
    let defaults = PacketFilterSettings::default();
    let iptables = global
        .vrrp_iptables
        .as_ref()
        .filter(|_| global.nftables.table.is_none());
    PacketFilterSettings {
        table: global.nftables.table.clone().unwrap_or(defaults.table),
        priority: global.nftables.priority,
        counters: global.nftables.counters,
        ifindex: global.nftables.ifindex,
        drop_output: iptables.is_none_or(|chains| chains.output.is_some()),
    }
}

fn prefix(global: &GlobalDefs) -> &str {
    global.vmac_prefix.as_deref().unwrap_or(DEFAULT_PREFIX)
}

/// RFC 5798 section 7.3, unless configured otherwise.
fn hardware_address(instance: &config::VrrpInstance, family: AddressFamily) -> [u8; 6] {
    let vrid = instance.virtual_router_id.value;
    match instance.use_vmac.as_ref().map(|vmac| vmac.address).unwrap_or_default() {
        VmacAddress::Fixed(octets) => octets,
        VmacAddress::Prefix(octets) => with_last(octets, vrid),
        VmacAddress::Virtual => {
            let of_family = match family {
                AddressFamily::Inet => 1,
                AddressFamily::Inet6 => 2,
            };
            with_last([0, 0, 0x5e, 0, of_family], vrid)
        }
    }
}

fn with_last(first: [u8; 5], last: u8) -> [u8; 6] {
    let mut octets = [last; 6];
    for (to, from) in octets.iter_mut().zip(first) {
        *to = from;
    }
    octets
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use holdfast_conf::{LoadOptions, MemoryLoader};
    use holdfast_vrrp::NodeSettings;

    use super::super::trackers::TrackerTable;
    use super::super::vrrp::node_settings;
    use super::*;

    fn settings(global: &str, body: &str, addresses: &str) -> NodeSettings {
        let text = format!(
            "global_defs {{\n{global}\n}}\nvrrp_instance VI {{\ninterface eth0\nvirtual_router_id 51\n{body}\n\
             virtual_ipaddress {{\n{addresses}\n}}\n}}\n"
        );
        let loader = MemoryLoader::new().with("/k.conf", text);
        let config = holdfast_conf::load(&loader, Path::new("/k.conf"), &LoadOptions::default()).config;
        node_settings(&config, &TrackerTable::from_config(&config).0)
    }

    fn mac_of(settings: &NodeSettings) -> [u8; 6] {
        match settings.instances[0].own_interface.as_ref().unwrap().kind {
            OwnInterfaceKind::Vmac { mac, .. } => mac,
            OwnInterfaceKind::Ipvlan { .. } => panic!("an ipvlan"),
        }
    }

    #[test]
    fn hardware_addresses_follow_the_family_or_what_is_written() {
        let ipv4 = settings("", "use_vmac", "192.0.2.1/24");
        assert_eq!(mac_of(&ipv4), [0, 0, 0x5e, 0, 1, 51]);
        let ipv6 = settings("", "use_vmac", "fe80::1");
        assert_eq!(mac_of(&ipv6), [0, 0, 0x5e, 0, 2, 51]);
        let five = settings("", "use_vmac 02:11:22:33:44", "192.0.2.1/24");
        assert_eq!(mac_of(&five), [2, 0x11, 0x22, 0x33, 0x44, 51]);
        let six = settings("", "use_vmac vr9 02:11:22:33:44:55 group 7", "192.0.2.1/24");
        assert_eq!(mac_of(&six), [2, 0x11, 0x22, 0x33, 0x44, 0x55]);
        let own = six.instances[0].own_interface.as_ref().unwrap();
        assert_eq!((own.name.as_deref(), own.group), (Some("vr9"), Some(7)));
    }

    #[test]
    fn addresses_elsewhere_get_a_macvlan_when_asked_for() {
        let addresses = "192.0.2.1/24\n198.51.100.1/24 dev eth1\n198.51.100.2/24 dev eth1 use_vmac";
        let vmacs = |settings: &NodeSettings| -> Vec<bool> {
            let held = settings.instances[0].held_addresses();
            held.map(|held| held.vmac.is_some()).collect()
        };
        assert_eq!(vmacs(&settings("", "", addresses)), [false, false, true]);
        let all = settings("vmac_addr_prefix va", "use_vmac_addr", addresses);
        assert_eq!(vmacs(&all), [false, true, true]);
        let vmac = all.instances[0].addresses[1].vmac.as_ref().unwrap();
        assert_eq!((vmac.prefix.as_str(), vmac.mac), ("va", [0, 0, 0x5e, 0, 1, 51]));
        let other_family = "use_vmac_addr\nvirtual_ipaddress_excluded {\n2001:db8::1/64\n}";
        let both = settings("", other_family, "192.0.2.1/24");
        assert_eq!(
            both.instances[0].excluded[0].vmac.as_ref().unwrap().mac,
            [0, 0, 0x5e, 0, 2, 51]
        );
    }

    #[test]
    fn what_is_written_for_iptables_is_done_with_nftables() {
        let filter = |global: &str| settings(global, "no_accept", "192.0.2.1/24").packet_filter;
        assert_eq!(filter(""), PacketFilterSettings::default());
        assert_eq!(filter("vrrp_iptables"), PacketFilterSettings::default());
        assert!(!filter("vrrp_iptables INPUT").drop_output);
        let own = filter("nftables tab\nnftables_priority -5\nnftables_counters\nnftables_ifindex");
        assert_eq!((own.table.as_str(), own.priority), ("tab", -5));
        assert!(own.counters && own.ifindex && own.drop_output);
    }
}
