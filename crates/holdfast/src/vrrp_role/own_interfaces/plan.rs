//! Which interfaces the settings ask for, and the settings with these in the place of those below.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv6Addr};

use holdfast_net::{IpvlanMode, Link, LinkMode, MacAddress, OwnLinkKind};
use holdfast_vrrp::settings::{self, Family, InstanceSettings, OwnInterfaceKind, TrackedInterface};
use holdfast_vrrp::{NodeSettings, VirtualAddress};

use super::naming::{self, Wanted};

/// An interface of our own as it shall be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// Its name
    pub name: String,
    /// The interface below
    pub base: String,
    /// Macvlan or ipvlan
    pub kind: OwnLinkKind,
    /// Its group
    pub group: Option<u32>,
    /// IPv4 is spoken on it
    pub ipv4: bool,
    /// IPv6 is spoken on it; otherwise it is switched off there
    pub ipv6: bool,
    /// The link-local address that it has for sending, if any
    pub link_local: LinkLocal,
    /// Its own address with the length of its prefix
    pub address: Option<(IpAddr, u8)>,
    /// Other programs are told of it once more when it is ready
    pub notify: bool,
    /// The instance that it was first wanted for
    pub instance: String,
}

/// Where a link-local address comes from. Adverts need one that no other router has, so the virtual hardware address,
/// which all routers share, is no source of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkLocal {
    /// It needs none
    None,
    /// That of the interface below, or what follows from its hardware address
    OfBase,
    /// The configured source of the adverts
    Given(Ipv6Addr),
}

impl Planned {
    /// Whether a link is this one, over the interface with this number.
    pub fn is(&self, link: &Link, base: u32) -> bool {
        self.can_become(link, base) && self.mac().is_none_or(|mac| link.mac == Some(mac))
    }

    /// Whether a link is this one but for its hardware address.
    pub fn can_become(&self, link: &Link, base: u32) -> bool {
        let mode = match self.kind {
            OwnLinkKind::Macvlan { .. } => LinkMode::MacvlanPrivate,
            OwnLinkKind::Ipvlan { mode } => LinkMode::IpvlanL2(mode),
        };
        link.parent == Some(base) && link.mode == Some(mode)
    }

    /// The hardware address of a macvlan.
    pub const fn mac(&self) -> Option<MacAddress> {
        match self.kind {
            OwnLinkKind::Macvlan { mac } => Some(mac),
            OwnLinkKind::Ipvlan { .. } => None,
        }
    }

    /// Two macvlans over one interface cannot have the same hardware address: whoever wants that shares one.
    fn is_shared_with(&self, base: &str, kind: OwnLinkKind) -> bool {
        matches!(kind, OwnLinkKind::Macvlan { .. }) && self.kind == kind && self.base == base
    }
}

/// What the settings ask for.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// In configured order
    pub interfaces: Vec<Planned>,
    /// What has to be said: configured names that belong to something else
    pub complaints: Vec<String>,
}

impl Plan {
    /// Plans the interfaces on a host with these links, and puts them into the settings.
    pub fn make(settings: &NodeSettings, links: &[&Link]) -> (Self, NodeSettings) {
        let mut planner = Planner {
            links,
            assigned: BTreeSet::new(),
            plan: Self::default(),
        };
        let mut resolved = settings.clone();
        // All names of instances first: those of addresses come after them, as with keepalived.
        for instance in &mut resolved.instances {
            planner.resolve(instance);
        }
        planner.plan.share_ipvlan_modes();
        (planner.plan, resolved)
    }

    /// The kernel has one mode for all ipvlans over an interface: that of the one made last.
    fn share_ipvlan_modes(&mut self) {
        let mut modes = BTreeMap::new();
        for planned in self.interfaces.iter_mut().rev() {
            if matches!(planned.kind, OwnLinkKind::Ipvlan { .. }) {
                planned.kind = *modes.entry(planned.base.clone()).or_insert(planned.kind);
            }
        }
    }
}

struct Planner<'a> {
    links: &'a [&'a Link],
    assigned: BTreeSet<String>,
    plan: Plan,
}

impl Planner<'_> {
    fn resolve(&mut self, instance: &mut InstanceSettings) {
        let base = instance.interface.clone();
        let own = instance.own_interface.take();
        let own_name = own.as_ref().map(|own| self.own_interface(instance, own));
        // Addresses stay below an ipvlan, which has the same hardware address.
        let is_vmac = |own: &settings::OwnInterface| matches!(own.kind, OwnInterfaceKind::Vmac { .. });
        let holder = own_name.as_deref().filter(|_| own.as_deref().is_some_and(is_vmac));
        let mut made = BTreeSet::new();
        let mut addresses = std::mem::take(&mut instance.addresses);
        let mut excluded = std::mem::take(&mut instance.excluded);
        for address in addresses.iter_mut().chain(&mut excluded) {
            made.extend(self.place(instance, &base, own.as_deref(), holder, address));
        }
        (instance.addresses, instance.excluded) = (addresses, excluded);
        if let (Some(own), Some(name)) = (own, own_name) {
            if let OwnInterfaceKind::Ipvlan { address, .. } = own.kind {
                instance.source = instance.source.or(address.map(|(address, _)| address));
            }
            if !own.transmit_on_base {
                track_base(instance, base.clone());
                instance.interface.clone_from(&name);
            }
            made.insert(name);
        }
        // The interface of an address is named where it is not the instance's own one, which may be another one now.
        let interface = &instance.interface;
        for held in instance.addresses.iter_mut().chain(&mut instance.excluded) {
            let at = held.interface.get_or_insert_with(|| base.clone());
            if at == interface {
                held.interface = None;
            }
        }
        let announced = instance.extra_announcements.as_ref().map(|extra| {
            let held = instance.held_addresses().filter_map(|held| held.interface.clone());
            held.filter(|name| extra.all || made.contains(name)).collect()
        });
        if let (Some(extra), Some(interfaces)) = (&mut instance.extra_announcements, announced) {
            extra.interfaces = interfaces;
        }
    }

    /// Puts an address onto its interface, which is `holder` where the instance has a macvlan; the name of one that is made for
    /// it.
    fn place(
        &mut self,
        instance: &InstanceSettings,
        base: &str,
        own: Option<&settings::OwnInterface>,
        holder: Option<&str>,
        address: &mut VirtualAddress,
    ) -> Option<String> {
        let below = address.interface.clone().unwrap_or_else(|| base.to_owned());
        let family = Family::of(address.address);
        let Some(vmac) = address.vmac.take() else {
            if let Some(name) = holder.filter(|_| below == base && family == instance.family) {
                address.interface = Some(name.to_owned());
            }
            return None;
        };
        let on_base = own.is_some_and(|own| own.transmit_on_base);
        let planned = Planned {
            name: String::new(),
            base: below,
            kind: OwnLinkKind::Macvlan {
                mac: MacAddress(vmac.mac),
            },
            group: None,
            ipv4: family == Family::Ipv4,
            ipv6: family == Family::Ipv6,
            link_local: match family {
                Family::Ipv6 if !on_base => LinkLocal::OfBase,
                _ => LinkLocal::None,
            },
            address: None,
            notify: false,
            instance: instance.name.clone(),
        };
        let name = self.add(planned, None, &vmac.prefix, instance.vrid, family);
        address.interface = Some(name.clone());
        Some(name)
    }

    fn own_interface(&mut self, instance: &InstanceSettings, own: &settings::OwnInterface) -> String {
        let has_ipv6 = instance.held_addresses().any(|held| held.address.is_ipv6());
        let (kind, address, notify) = match own.kind {
            OwnInterfaceKind::Vmac { mac, notify } => (OwnLinkKind::Macvlan { mac: MacAddress(mac) }, None, notify),
            OwnInterfaceKind::Ipvlan { mode, address } => {
                let mode = match mode {
                    settings::IpvlanMode::Bridge => IpvlanMode::Bridge,
                    settings::IpvlanMode::Private => IpvlanMode::Private,
                    settings::IpvlanMode::Vepa => IpvlanMode::Vepa,
                };
                (OwnLinkKind::Ipvlan { mode }, address, false)
            }
        };
        let needs_link_local =
            instance.family == Family::Ipv6 && !own.transmit_on_base && matches!(kind, OwnLinkKind::Macvlan { .. });
        let planned = Planned {
            name: String::new(),
            base: instance.interface.clone(),
            kind,
            group: own.group,
            ipv4: instance.family == Family::Ipv4,
            ipv6: instance.family == Family::Ipv6 || has_ipv6,
            link_local: match instance.source {
                _ if !needs_link_local => LinkLocal::None,
                Some(IpAddr::V6(source)) => LinkLocal::Given(source),
                _ => LinkLocal::OfBase,
            },
            address,
            notify,
            instance: instance.name.clone(),
        };
        self.add(
            planned,
            own.name.as_deref(),
            &own.prefix,
            instance.vrid,
            instance.family,
        )
    }

    /// Adds an interface to the plan, or to one that is the same; its name.
    fn add(&mut self, planned: Planned, name: Option<&str>, prefix: &str, vrid: u8, family: Family) -> String {
        let same = |known: &&mut Planned| known.is_shared_with(&planned.base, planned.kind);
        if let Some(known) = self.plan.interfaces.iter_mut().find(same) {
            known.ipv4 |= planned.ipv4;
            known.ipv6 |= planned.ipv6;
            if known.link_local == LinkLocal::None {
                known.link_local = planned.link_local;
            }
            return known.name.clone();
        }
        let base = self
            .links
            .iter()
            .find(|link| link.name == planned.base)
            .map(|link| link.index);
        let wanted = Wanted {
            name,
            prefix,
            vrid,
            is_ipv6: family == Family::Ipv6,
            fits: &|link| base.is_some_and(|base| planned.is(link, base)),
            can_fit: &|link| base.is_some_and(|base| planned.can_become(link, base)),
            takes_any_name: matches!(planned.kind, OwnLinkKind::Macvlan { .. }),
        };
        let chosen = naming::choose(&wanted, self.links, &self.assigned);
        let (instance, asked) = (&planned.instance, name.unwrap_or(prefix));
        let name = match chosen {
            Some(chosen) => {
                if chosen.configured_is_taken {
                    let complaint = format!("({instance}) there is another interface {asked}; using {}", chosen.name);
                    self.plan.complaints.push(complaint);
                }
                chosen.name
            }
            None => asked.to_owned(),
        };
        self.assigned.insert(name.clone());
        self.plan.interfaces.push(Planned {
            name: name.clone(),
            ..planned
        });
        name
    }
}

/// The interface below is tracked too, as it was before it had another one above it.
fn track_base(instance: &mut InstanceSettings, base: String) {
    let known = instance
        .tracked_interfaces
        .iter()
        .any(|tracked| tracked.interface == base);
    if instance.track_primary && !known {
        instance.tracked_interfaces.push(TrackedInterface {
            interface: base,
            weight: 0,
            reverse: false,
        });
    }
}

#[cfg(test)]
mod tests;
