//! What the machine was told of the interfaces and addresses that it depends on. It hears of differences only: a takeover
//! of a thousand addresses brings a thousand events of the kernel, and none of them is news to any instance.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use holdfast_vrrp::settings::{Family, Listener};
use holdfast_vrrp::{Event, NodeSettings};

use super::interfaces::Interfaces;

/// What is said of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Said {
    up: bool,
    ipv4: Option<IpAddr>,
    ipv6: Option<IpAddr>,
}

/// The interfaces, source addresses and sockets of some settings.
#[derive(Debug, Default)]
pub struct Watched {
    /// `None`: nothing yet
    interfaces: BTreeMap<String, Option<Said>>,
    /// Those that are configured, each with the interface of its instance
    sources: BTreeSet<(String, IpAddr)>,
    listeners: BTreeSet<Listener>,
}

impl Watched {
    /// What these settings depend on. Everything is to be told anew.
    pub fn of(settings: &NodeSettings) -> Self {
        let interfaces = settings.interfaces().into_iter();
        Self {
            interfaces: interfaces.map(|name| (name.to_owned(), None)).collect(),
            sources: settings
                .configured_sources()
                .into_iter()
                .map(|(interface, address)| (interface.to_owned(), address))
                .collect(),
            listeners: settings.listeners(),
        }
    }

    /// Everything is to be told anew.
    pub fn forget_what_was_said(&mut self) {
        self.interfaces.values_mut().for_each(|said| *said = None);
    }

    /// The sockets that are needed.
    pub fn listeners(&self) -> &BTreeSet<Listener> {
        &self.listeners
    }

    /// Sources that instances are told to send from, with their interfaces.
    pub fn sources(&self) -> Vec<(String, IpAddr)> {
        self.sources.iter().cloned().collect()
    }

    /// Whether instances send from this address because they are told to.
    pub fn is_source(&self, address: IpAddr) -> bool {
        self.sources.iter().any(|(_, source)| *source == address)
    }

    /// All interfaces.
    pub fn names(&self) -> Vec<String> {
        self.interfaces.keys().cloned().collect()
    }

    /// What the machine must be told of an interface, if anything; `up` says whether it counts as up.
    pub fn news(&mut self, name: &str, up: impl FnOnce() -> bool, interfaces: &Interfaces) -> Vec<Event> {
        let Some(said) = self.interfaces.get_mut(name) else {
            return Vec::new();
        };
        let now = Said {
            up: up(),
            ipv4: interfaces.source_address(name, Family::Ipv4),
            ipv6: interfaces.source_address(name, Family::Ipv6),
        };
        let before = said.replace(now);
        let mut news = Vec::new();
        let interface = || name.to_owned();
        if before.is_none_or(|before| before.up != now.up) {
            news.push(Event::LinkChanged {
                interface: interface(),
                up: now.up,
            });
        }
        for (family, address, before) in [
            (Family::Ipv4, now.ipv4, before.map(|before| before.ipv4)),
            (Family::Ipv6, now.ipv6, before.map(|before| before.ipv6)),
        ] {
            if before != Some(address) {
                news.push(Event::SourceAddress {
                    interface: interface(),
                    family,
                    address,
                });
            }
        }
        news
    }
}

#[cfg(test)]
mod tests {
    use holdfast_net::{InterfaceAddress, Link};
    use holdfast_vrrp::InstanceSettings;

    use super::*;

    fn link(up: bool) -> Link {
        Link {
            index: 2,
            name: "eth0".into(),
            flags: if up { 0x41 } else { 0x1 },
            mtu: 1500,
            mac: None,
            kind: None,
            parent: None,
            mode: None,
            vrf_table: None,
            master: None,
        }
    }

    /// An address that is not marked as ours.
    fn address(text: &str) -> InterfaceAddress {
        InterfaceAddress {
            protocol: 0,
            ..InterfaceAddress::new(2, text.parse().unwrap(), 24)
        }
    }

    #[test]
    fn only_differences_are_told_and_only_of_what_is_watched() {
        let settings = NodeSettings {
            instances: vec![InstanceSettings::new("VI_1", "eth0", 51)],
            ..NodeSettings::default()
        };
        let mut watched = Watched::of(&settings);
        let mut interfaces = Interfaces::default();
        interfaces.link_changed(link(true));
        assert_eq!(
            watched.news("eth0", || interfaces.is_up("eth0"), &interfaces).len(),
            3,
            "all is news at first"
        );
        assert_eq!(watched.news("eth0", || interfaces.is_up("eth0"), &interfaces), []);
        assert_eq!(watched.news("eth1", || interfaces.is_up("eth1"), &interfaces), []);

        interfaces.address_added(&address("192.0.2.1"));
        let news = Event::SourceAddress {
            interface: "eth0".into(),
            family: Family::Ipv4,
            address: Some(address("192.0.2.1").address),
        };
        assert_eq!(watched.news("eth0", || interfaces.is_up("eth0"), &interfaces), [news]);
        interfaces.address_added(&address("192.0.2.9"));
        assert_eq!(
            watched.news("eth0", || interfaces.is_up("eth0"), &interfaces),
            [],
            "the first one is the source"
        );
        interfaces.link_changed(link(false));
        let news = Event::LinkChanged {
            interface: "eth0".into(),
            up: false,
        };
        assert_eq!(watched.news("eth0", || interfaces.is_up("eth0"), &interfaces), [news]);
        assert_eq!(
            Watched::of(&settings)
                .news("eth0", || interfaces.is_up("eth0"), &interfaces)
                .len(),
            3,
            "and after a reload"
        );
    }
}
