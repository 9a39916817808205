//! What the driver knows of the host's interfaces and addresses, kept up to date from the monitor's events.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use holdfast_net::{ADDRESS_PROTOCOL, AddressFlags, InterfaceAddress, Link, MacAddress, NamedLink, NetError, Requests};
use holdfast_vrrp::settings::Family;
use holdfast_vrrp::{Node, NodeSettings, SourcePlace};

/// Interfaces and addresses by the kernel's number of the interface.
#[derive(Debug, Default)]
pub struct Interfaces {
    links: BTreeMap<u32, Link>,
    /// In the kernel's order: the first one is the interface's own.
    addresses: Vec<InterfaceAddress>,
    /// Virtual addresses of the configuration, never a source address.
    virtual_addresses: HashSet<IpAddr>,
    /// Static addresses of the configuration: an interface's own, though we put them there.
    static_addresses: BTreeSet<IpAddr>,
    /// Removals of ours whose event has not come yet.
    removed_by_us: Vec<(u32, IpAddr)>,
    /// Interfaces of our own, by name.
    own: BTreeMap<String, StandIn>,
    /// Of interfaces that are polled, whether the driver says that they have a link
    polled: BTreeMap<String, bool>,
}

/// What an interface of our own has from the one that it stands on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StandIn {
    /// The interface below: its carrier counts
    pub base: String,
    /// Packets leave with the IPv4 address of the interface below, and with a link-local address that we gave
    pub takes_sources: bool,
}

impl Interfaces {
    /// Reads everything.
    pub async fn dump(requests: &mut Requests) -> Result<Self, NetError> {
        let links = requests.links().await?;
        let addresses = requests.addresses().await?;
        Ok(Self {
            links: links.into_iter().map(|link| (link.index, link)).collect(),
            addresses,
            ..Self::default()
        })
    }

    /// Takes over what was read again.
    pub fn read_again(&mut self, read: Self) {
        self.links = read.links;
        self.addresses = read.addresses;
        self.removed_by_us.clear();
    }

    /// Addresses of these settings do not count as an interface's own.
    pub fn set_virtual_addresses(&mut self, settings: &NodeSettings) {
        self.virtual_addresses = settings
            .instances
            .iter()
            .filter(|instance| !instance.is_owner())
            .flat_map(|instance| instance.held_addresses().map(|held| held.address))
            .collect();
    }

    /// These are not virtual.
    pub fn set_static_addresses(&mut self, addresses: BTreeSet<IpAddr>) {
        self.static_addresses = addresses;
    }

    /// What stands on all interfaces, each with the address, for whoever asks for many.
    pub fn addresses_present(&self) -> HashSet<(u32, IpAddr)> {
        let place = |address: &InterfaceAddress| (address.interface_index, address.address);
        self.addresses.iter().map(place).collect()
    }

    /// Addresses that belong to interfaces themselves: the first IPv4 address and the usable link-local IPv6 address of each.
    pub fn own_addresses(&self) -> BTreeMap<u32, (Option<Ipv4Addr>, Option<Ipv6Addr>)> {
        let mut own: BTreeMap<u32, (Option<Ipv4Addr>, Option<Ipv6Addr>)> = BTreeMap::new();
        let ours = |address: &&InterfaceAddress| {
            self.virtual_addresses.contains(&address.address)
                || (address.protocol == ADDRESS_PROTOCOL && !self.static_addresses.contains(&address.address))
        };
        for address in self.addresses.iter().filter(|address| !ours(address)) {
            let (v4, v6) = own.entry(address.interface_index).or_default();
            match address.address {
                IpAddr::V4(address) => *v4 = v4.or(Some(address)),
                IpAddr::V6(link_local) if link_local.is_unicast_link_local() && is_usable(address.flags) => {
                    *v6 = v6.or(Some(link_local));
                }
                IpAddr::V6(_) => {}
            }
        }
        own
    }

    /// What a route must know of an interface.
    pub fn named_link(&self, name: &str) -> Option<NamedLink> {
        self.link(name).map(|link| NamedLink {
            index: link.index,
            vrf_table: link.vrf_table,
        })
    }

    /// Whose mark an address carries, if it is there.
    pub fn protocol_of(&self, interface: &str, address: IpAddr, prefix_length: u8) -> Option<u8> {
        let index = self.index_of(interface)?;
        let is_it = |known: &&InterfaceAddress| {
            (known.interface_index, known.address, known.prefix_length) == (index, address, prefix_length)
        };
        self.addresses.iter().find(is_it).map(|known| known.protocol)
    }

    /// Virtual addresses of this machine that are not on their interface, whoever should hold them.
    pub fn missing_virtual_addresses(&self, node: &Node) -> Vec<(String, IpAddr)> {
        let present: HashSet<(u32, IpAddr)> = self
            .addresses
            .iter()
            .map(|address| (address.interface_index, address.address))
            .collect();
        let is_missing = |(interface, address): &(&str, IpAddr)| {
            let index = self.index_of(interface);
            !index.is_some_and(|index| present.contains(&(index, *address)))
        };
        node.virtual_addresses()
            .filter(is_missing)
            .map(|(interface, address)| (interface.to_owned(), address))
            .collect()
    }

    /// The interfaces of our own.
    pub fn set_own(&mut self, own: BTreeMap<String, StandIn>) {
        self.own = own;
    }

    /// Reads links and addresses again; what else is known stays.
    pub async fn refresh(&mut self, requests: &mut Requests) -> Result<(), NetError> {
        let read = Self::dump(requests).await?;
        self.links = read.links;
        self.addresses = read.addresses;
        Ok(())
    }

    /// Whether an interface exists, is switched on and has a carrier. One of our own has that of the interface below,
    /// which the kernel tells it a moment later.
    pub fn is_up(&self, name: &str) -> bool {
        match self.own.get(name) {
            Some(own) => {
                self.link(name).is_some_and(Link::is_administratively_up)
                    && self.link(&own.base).is_some_and(Link::is_up)
                    && self.has_polled_link(&own.base)
            }
            None => self.link(name).is_some_and(Link::is_up) && self.has_polled_link(name),
        }
    }

    fn has_polled_link(&self, name: &str) -> bool {
        self.polled.get(name).copied().unwrap_or(true)
    }

    /// What the drivers of these say of their links; all others are believed what the kernel says.
    pub fn set_polled(&mut self, polled: BTreeMap<String, bool>) {
        self.polled = polled;
    }

    /// What a driver says of its link now.
    pub fn set_polled_one(&mut self, name: &str, up: bool) {
        if let Some(polled) = self.polled.get_mut(name) {
            *polled = up;
        }
    }

    /// The interface that one of our own stands on, or the interface itself.
    pub fn below<'a>(&'a self, name: &'a str) -> &'a str {
        self.own.get(name).map_or(name, |own| own.base.as_str())
    }

    /// All links.
    pub fn links(&self) -> impl Iterator<Item = &Link> {
        self.links.values()
    }

    /// Whether the address is on the interface with this number.
    pub fn has_address(&self, index: u32, wanted: IpAddr) -> bool {
        let mut addresses = self.addresses.iter();
        addresses.any(|address| address.interface_index == index && address.address == wanted)
    }

    /// A link-local address of an interface that is not a virtual one.
    pub fn link_local_of(&self, index: u32) -> Option<Ipv6Addr> {
        let own = |address: &&InterfaceAddress| address.protocol != ADDRESS_PROTOCOL;
        self.link_locals(index).filter(own).find_map(ipv6_of)
    }

    /// A link-local address of an interface of our own, where those that we gave count.
    pub fn own_link_local_of(&self, index: u32) -> Option<Ipv6Addr> {
        self.link_locals(index).find_map(ipv6_of)
    }

    fn link_locals(&self, index: u32) -> impl Iterator<Item = &InterfaceAddress> {
        self.addresses.iter().filter(move |address| {
            address.interface_index == index
                && ipv6_of(address).is_some_and(|address| address.is_unicast_link_local())
                && is_usable(address.flags)
                && !self.virtual_addresses.contains(&address.address)
        })
    }

    /// The kernel's number of an interface.
    pub fn index_of(&self, name: &str) -> Option<u32> {
        self.link(name).map(|link| link.index)
    }

    /// The name of an interface.
    pub fn name_of(&self, index: u32) -> Option<&str> {
        self.links.get(&index).map(|link| link.name.as_str())
    }

    /// The longest packet of an interface in bytes, link header excluded.
    pub fn mtu_of(&self, name: &str) -> Option<u32> {
        self.link(name).map(|link| link.mtu)
    }

    /// Number and hardware address of an interface that has one.
    pub fn hardware(&self, name: &str) -> Option<(u32, MacAddress)> {
        let link = self.link(name)?;
        Some((link.index, link.mac?))
    }

    /// The interface below a VMAC, or the interface itself: whose gaps between announcements count.
    pub fn physical<'a>(&'a self, name: &'a str) -> &'a str {
        let stands_on_one = |link: &&Link| matches!(link.kind.as_deref(), Some("macvlan" | "ipvlan"));
        let below = self.link(name).filter(stands_on_one).and_then(|link| link.parent);
        below.and_then(|index| self.name_of(index)).unwrap_or(name)
    }

    /// The address that adverts leave from: the first IPv4 address, or a usable link-local IPv6 address.
    pub fn source_address(&self, name: &str, family: Family) -> Option<IpAddr> {
        if let Some(own) = self.own.get(name).filter(|own| own.takes_sources) {
            return match family {
                Family::Ipv4 => self.source_address(&own.base, family),
                Family::Ipv6 => self.own_link_local_of(self.index_of(name)?).map(IpAddr::V6),
            };
        }
        let index = self.index_of(name)?;
        let own = self.addresses.iter().filter(|address| {
            address.interface_index == index
                && (address.protocol != ADDRESS_PROTOCOL || self.static_addresses.contains(&address.address))
                && !self.virtual_addresses.contains(&address.address)
        });
        own.filter(|address| match (address.address, family) {
            (IpAddr::V4(_), Family::Ipv4) => true,
            (IpAddr::V6(v6), Family::Ipv6) => v6.is_unicast_link_local() && is_usable(address.flags),
            _ => false,
        })
        .map(|address| address.address)
        .next()
    }

    /// Where an address is, seen from an interface or the one below it.
    pub fn place_of(&self, address: IpAddr, interface: &str) -> SourcePlace {
        let indexes = [interface, self.physical(interface)].map(|name| self.index_of(name));
        let has_it = |known: &&InterfaceAddress| known.address == address && is_usable(known.flags);
        let mut places = self.addresses.iter().filter(has_it).peekable();
        if places.peek().is_none() {
            return SourcePlace::Absent;
        }
        if places.any(|known| indexes.contains(&Some(known.interface_index))) {
            SourcePlace::OnInterface
        } else {
            SourcePlace::Elsewhere
        }
    }

    /// An interface appeared or changed.
    pub fn link_changed(&mut self, link: Link) {
        self.links.insert(link.index, link);
    }

    /// An interface went away with its addresses.
    pub fn link_removed(&mut self, index: u32) {
        self.links.remove(&index);
        self.addresses.retain(|address| address.interface_index != index);
    }

    /// An address appeared or changed.
    pub fn address_added(&mut self, address: &InterfaceAddress) {
        let mut address = address.clone();
        // What the kernel says where there is no label takes memory with thousands of addresses.
        if address.label.as_deref() == self.name_of(address.interface_index) {
            address.label = None;
        }
        match self.addresses.iter_mut().find(|known| known.is_same_address(&address)) {
            Some(known) => *known = address,
            None => self.addresses.push(address),
        }
    }

    /// An address went away.
    pub fn address_removed(&mut self, address: &InterfaceAddress) {
        self.addresses.retain(|known| !known.is_same_address(address));
    }

    /// We removed an address; the event of it will come.
    pub fn removed_by_us(&mut self, address: &InterfaceAddress) {
        self.address_removed(address);
        self.removed_by_us.push((address.interface_index, address.address));
    }

    /// Whether a removal that was just reported is the one we made ourselves. Each of ours is reported once.
    pub fn was_our_removal(&mut self, address: &InterfaceAddress) -> bool {
        let key = (address.interface_index, address.address);
        let position = self.removed_by_us.iter().position(|removed| *removed == key);
        position.is_some_and(|position| {
            self.removed_by_us.swap_remove(position);
            true
        })
    }

    /// The number of the VRF that an interface belongs to.
    pub fn vrf_of(&self, link: &Link) -> Option<u32> {
        let is_vrf = |master: &u32| self.links.get(master).is_some_and(|master| master.vrf_table.is_some());
        link.master.filter(is_vrf)
    }

    /// A link by its name.
    pub fn link(&self, name: &str) -> Option<&Link> {
        self.links.values().find(|link| link.name == name)
    }
}

const fn ipv6_of(address: &InterfaceAddress) -> Option<Ipv6Addr> {
    match address.address {
        IpAddr::V4(_) => None,
        IpAddr::V6(address) => Some(address),
    }
}

/// Neither still being checked for duplicates nor found to be one.
fn is_usable(flags: AddressFlags) -> bool {
    !flags.contains(AddressFlags::TENTATIVE) && !flags.contains(AddressFlags::DADFAILED)
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdfast_vrrp::{InstanceSettings, VirtualAddress};

    fn link(index: u32, name: &str) -> Link {
        Link {
            index,
            name: name.into(),
            flags: 0x41,
            mac: Some(MacAddress([2, 0, 0, 0, 0, 1])),
            mtu: 1500,
            kind: None,
            parent: None,
            mode: None,
            vrf_table: None,
            master: None,
        }
    }

    fn address(index: u32, text: &str, prefix_length: u8, protocol: u8) -> InterfaceAddress {
        InterfaceAddress {
            protocol,
            flags: AddressFlags::NONE,
            ..InterfaceAddress::new(index, text.parse().unwrap(), prefix_length)
        }
    }

    fn settings() -> NodeSettings {
        let mut instance = InstanceSettings::new("VI_1", "eth0", 51);
        instance
            .addresses
            .push(VirtualAddress::new("192.0.2.200".parse().unwrap(), 32));
        NodeSettings {
            instances: vec![instance],
            ..NodeSettings::default()
        }
    }

    fn interfaces(addresses: &[InterfaceAddress]) -> Interfaces {
        let mut interfaces = Interfaces {
            addresses: addresses.to_vec(),
            ..Interfaces::default()
        };
        interfaces.link_changed(link(2, "eth0"));
        interfaces.set_virtual_addresses(&settings());
        interfaces
    }

    #[test]
    fn a_virtual_address_is_never_the_source() {
        let own = address(2, "192.0.2.1", 24, 0);
        let interfaces = interfaces(&[address(2, "192.0.2.200", 32, 0), own.clone()]);
        assert_eq!(interfaces.source_address("eth0", Family::Ipv4), Some(own.address));
        assert_eq!(interfaces.source_address("eth1", Family::Ipv4), None);
    }

    #[test]
    fn a_source_may_be_here_elsewhere_or_nowhere() {
        let own = address(2, "192.0.2.1", 24, 0);
        let interfaces = interfaces(std::slice::from_ref(&own));
        assert_eq!(interfaces.place_of(own.address, "eth0"), SourcePlace::OnInterface);
        assert_eq!(interfaces.place_of(own.address, "eth1"), SourcePlace::Elsewhere);
        let other = "192.0.2.2".parse().unwrap();
        assert_eq!(interfaces.place_of(other, "eth0"), SourcePlace::Absent);
    }

    #[test]
    fn ipv6_needs_a_link_local_address_that_is_not_tentative() {
        let mut tentative = address(2, "fe80::1", 64, 0);
        tentative.flags = AddressFlags::TENTATIVE;
        let mut interfaces = interfaces(&[address(2, "2001:db8::1", 64, 0), tentative.clone()]);
        assert_eq!(interfaces.source_address("eth0", Family::Ipv6), None);
        tentative.flags = AddressFlags::PERMANENT;
        interfaces.address_added(&tentative);
        assert_eq!(interfaces.source_address("eth0", Family::Ipv6), Some(tentative.address));
    }

    #[test]
    fn a_macvlan_counts_as_the_interface_below_and_a_veth_does_not() {
        let mut interfaces = interfaces(&[]);
        for (index, name, kind) in [(3, "vrrp.51", "macvlan"), (4, "veth1", "veth")] {
            interfaces.link_changed(Link {
                kind: Some(kind.into()),
                parent: Some(2),
                ..link(index, name)
            });
        }
        assert_eq!(interfaces.physical("vrrp.51"), "eth0");
        assert_eq!(interfaces.physical("veth1"), "veth1");
        assert_eq!(interfaces.physical("absent"), "absent");
    }

    #[test]
    fn a_removal_of_ours_is_recognised_once() {
        let mut interfaces = interfaces(&[]);
        let six = address(2, "2001:db8::200", 128, ADDRESS_PROTOCOL);
        interfaces.removed_by_us(&six);
        assert!(interfaces.was_our_removal(&six));
        assert!(
            !interfaces.was_our_removal(&six),
            "the second removal was somebody else's"
        );
    }
}
