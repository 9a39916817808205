//! `use_vmac`, `use_ipvlan` and what goes with them.

use super::Draft;
use crate::build::route::names::Names;
use crate::build::{Builder, Item};
use crate::config::{AddressFamily, Ipvlan, IpvlanMode, VirtualAddress, Vmac, VmacAddress, VrrpInstance};
use crate::diagnostic::{Diagnostic, findings};
use crate::grammar::Word;
use crate::source::{Span, Spanned};
use std::net::IpAddr;

/// What RFC 5798 section 7.3 keeps for virtual routers; the next octet is the VRID.
const VIRTUAL: [[u8; 5]; 2] = [[0, 0, 0x5e, 0, 1], [0, 0, 0x5e, 0, 2]];
/// `IFNAMSIZ` without the zero at the end.
const LONGEST_NAME: usize = 15;

impl<'a> Builder<'a> {
    /// `[[name] IF] [MAC] [netlink_notify_msg] [group G]`.
    pub(super) fn use_vmac(&mut self, draft: &mut Draft, item: &Item<'a>) {
        let mut vmac = draft.vmac.take().map_or_else(Vmac::default, |vmac| vmac.value);
        let mut words = item.words.iter().skip(1).copied();
        while let Some(word) = words.next() {
            match word.text {
                "netlink_notify_msg" => vmac.netlink_notify_msg = true,
                "group" => vmac.group = self.interface_group(word, words.next()).or(vmac.group),
                "name" => {
                    if let Some(name) = self.named_interface(word, words.next()) {
                        self.own_interface(&mut vmac.name, name);
                    }
                }
                text if text.contains(':') => {
                    if let Some(address) = self.vmac_address(word) {
                        vmac.address = address;
                    }
                }
                _ => self.own_interface(&mut vmac.name, word),
            }
        }
        draft.vmac = Some(Spanned::new(vmac, item.span));
    }

    /// `[[name] IF] [ADDR[/LEN]] [bridge|private|vepa] [group G]`.
    pub(super) fn use_ipvlan(&mut self, draft: &mut Draft, item: &Item<'a>) {
        if let Some(first) = &draft.ipvlan {
            let first = first.span;
            let message = "use_ipvlan is given twice; the second one is ignored";
            self.report(
                Diagnostic::new(findings::GIVEN_TWICE, message, Some(item.span)).note("the first is here", Some(first)),
            );
            return;
        }
        let mut ipvlan = Ipvlan::default();
        let mut words = item.words.iter().skip(1).copied();
        while let Some(word) = words.next() {
            match word.text {
                "bridge" => ipvlan.mode = IpvlanMode::Bridge,
                "private" => ipvlan.mode = IpvlanMode::Private,
                "vepa" => ipvlan.mode = IpvlanMode::Vepa,
                "group" => ipvlan.group = self.interface_group(word, words.next()).or(ipvlan.group),
                "name" => {
                    if let Some(name) = self.named_interface(word, words.next()) {
                        self.own_interface(&mut ipvlan.name, name);
                    }
                }
                text => match text.split('/').next().map(str::parse::<IpAddr>) {
                    Some(Ok(address)) => ipvlan.address = Some(self.ipvlan_address(word, address)),
                    _ => self.own_interface(&mut ipvlan.name, word),
                },
            }
        }
        draft.ipvlan = Some(Spanned::new(ipvlan, item.span));
    }

    fn ipvlan_address(&mut self, word: Word<'a>, address: IpAddr) -> (IpAddr, u8) {
        let full = if address.is_ipv4() { 32 } else { 128 };
        let length = word.text.split_once('/').map(|(_, length)| length);
        (
            address,
            length.map_or(full, |length| self.prefix_length(word, length, full)),
        )
    }

    fn named_interface(&mut self, option: Word<'a>, name: Option<Word<'a>>) -> Option<Word<'a>> {
        if name.is_none() {
            let message = "'name' lacks the name of the interface".to_owned();
            self.invalid(findings::MISSING_ARGUMENT, message, option).send(self);
        }
        name
    }

    fn own_interface(&mut self, target: &mut Option<Spanned<String>>, name: Word<'a>) {
        let valid = (1..=LONGEST_NAME).contains(&name.text.len()) && !name.text.contains('/');
        if !valid {
            let message = format!("'{}' is no name for an interface; it is ignored", name.text);
            self.invalid(findings::INVALID_VALUE, message, name).send(self);
        } else if let Some(first) = target {
            let message = format!("The interface is named {first} already; '{}' is ignored", name.text);
            self.invalid(findings::GIVEN_TWICE, message, name).send(self);
        } else if let Some(user) = self.user_of_interface(name.text) {
            let message = format!("'{}' is the interface of {user}; the name is ignored", name.text);
            self.invalid(findings::VMAC_CONFLICT, message, name).send(self);
        } else {
            *target = Some(self.spanned(name));
        }
    }

    /// The instance above whose own interface has this name.
    fn user_of_interface(&self, name: &str) -> Option<&str> {
        let uses = |instance: &&VrrpInstance| {
            let vmac = instance.use_vmac.as_ref().and_then(|vmac| vmac.name.as_ref());
            let ipvlan = instance.use_ipvlan.as_ref().and_then(|ipvlan| ipvlan.name.as_ref());
            vmac.into_iter().chain(ipvlan).any(|used| used.value == name)
        };
        let found = self.config.vrrp_instances.iter().find(uses);
        found.map(|instance| instance.name.value.as_str())
    }

    fn interface_group(&mut self, option: Word<'a>, group: Option<Word<'a>>) -> Option<u32> {
        let Some(group) = group else {
            let message = "'group' lacks its name".to_owned();
            self.invalid(findings::MISSING_ARGUMENT, message, option).send(self);
            return None;
        };
        let number = self.number_of(Names::Group, group.text);
        if number.is_none() {
            let message = format!("'{}' is no group of interfaces; it is ignored", group.text);
            self.invalid(findings::INVALID_VALUE, message, group)
                .hint(Names::Group.hint())
                .send(self);
        }
        number
    }

    fn vmac_address(&mut self, word: Word<'a>) -> Option<VmacAddress> {
        let octets: Option<Vec<u8>> = word
            .text
            .split(':')
            .map(|octet| u8::from_str_radix(octet, 16).ok())
            .collect();
        let octets = octets.unwrap_or_default();
        let is_multicast = octets.first().is_some_and(|first| first & 1 == 1);
        let is_virtual = VIRTUAL.iter().any(|prefix| octets.starts_with(prefix));
        let address = match (
            <[u8; 5]>::try_from(octets.as_slice()),
            <[u8; 6]>::try_from(octets.as_slice()),
        ) {
            (Ok(prefix), _) => Some(VmacAddress::Prefix(prefix)),
            (_, Ok(octets)) => Some(VmacAddress::Fixed(octets)),
            _ => None,
        };
        let reason = if address.is_none() {
            "has neither five nor six octets"
        } else if is_multicast {
            "is a multicast address"
        } else if is_virtual {
            "is kept for virtual routers, which need no address here"
        } else {
            return address;
        };
        let message = format!("{} {reason}; it is ignored", word.text);
        self.invalid(findings::VMAC_ADDRESS, message, word).send(self);
        None
    }

    /// What the interfaces of an instance need, and what cannot go with them.
    pub(super) fn check_vmac(&mut self, draft: &mut Draft, family: AddressFamily) {
        self.check_own_interface(draft);
        self.check_ipvlan(draft, family);
        if draft.vmac.is_some() {
            self.check_address_vmacs(draft, family);
        }
    }

    fn vmac_conflict(&mut self, message: String, span: Span) {
        self.report(Diagnostic::new(findings::VMAC_CONFLICT, message, Some(span)));
    }

    /// `use_vmac` and `vmac_xmit_base`.
    fn check_own_interface(&mut self, draft: &mut Draft) {
        let unicast = !draft.unicast_peer.is_empty();
        if draft.interface.is_none()
            && let Some(vmac) = draft.vmac.take_if(|_| unicast)
        {
            let message = format!("vrrp_instance {} has no interface; use_vmac is ignored", draft.name);
            self.vmac_conflict(message, vmac.span);
        }
        match (&draft.vmac, draft.vmac_xmit_base) {
            (None, Some(span)) if draft.ipvlan.is_none() => {
                let message = format!(
                    "vrrp_instance {} has no use_vmac; vmac_xmit_base is ignored",
                    draft.name
                );
                self.vmac_conflict(message, span);
                draft.vmac_xmit_base = None;
            }
            (Some(vmac), None) if unicast => {
                let message = format!("Unicast adverts of {} need vmac_xmit_base, which is set", draft.name);
                self.vmac_conflict(message, vmac.span);
                draft.vmac_xmit_base = Some(vmac.span);
            }
            _ => {}
        }
    }

    /// `use_ipvlan`.
    fn check_ipvlan(&mut self, draft: &mut Draft, family: AddressFamily) {
        let name = &draft.name;
        let Some(ipvlan) = draft.ipvlan.as_mut() else { return };
        let is_other = |(address, _): &mut (IpAddr, _)| AddressFamily::of(*address) != family;
        if let Some((address, _)) = ipvlan.value.address.take_if(is_other) {
            let message = format!("{address} is not of the family of {name}; it is ignored");
            self.vmac_conflict(message, ipvlan.span);
        }
        if family == AddressFamily::Inet && ipvlan.address.is_none() && draft.source_address.is_none() {
            let message = format!("use_ipvlan of {name} needs a source address; without one the instance is in FAULT");
            self.vmac_conflict(message, ipvlan.span);
        }
    }

    /// `use_vmac` of addresses, of which those on the instance's own VMAC have no need. One of the other family cannot be
    /// there: its hardware address is another one.
    fn check_address_vmacs(&mut self, draft: &mut Draft, family: AddressFamily) {
        let addresses = draft
            .virtual_ipaddress
            .iter_mut()
            .chain(&mut draft.virtual_ipaddress_excluded);
        let is_of_family = |address: &VirtualAddress| AddressFamily::of(address.address.value) == family;
        for address in addresses.filter(|address| address.use_vmac && is_of_family(address)) {
            if address.dev.is_empty() || draft.interface.as_ref().is_some_and(|own| *own == address.dev) {
                address.use_vmac = false;
                let message = format!(
                    "{} uses a VMAC for all its addresses; that of {} is ignored",
                    draft.name, address.address
                );
                self.vmac_conflict(message, address.address.span);
            }
        }
    }
}
