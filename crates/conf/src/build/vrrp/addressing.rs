//! The addresses of an instance, which must all be of one family.

use super::Draft;
use crate::build::{Builder, Item};
use crate::config::{AddressFamily, VirtualAddress};
use crate::diagnostic::{Diagnostic, findings};
use crate::grammar::Word;
use crate::keywords::Context;
use crate::source::{Span, Spanned};
use std::collections::hash_map::Entry;
use std::net::IpAddr;

impl<'a> Builder<'a> {
    /// Keywords with addresses, which must all be of one family.
    pub(super) fn addressing(&mut self, draft: &mut Draft, item: &Item<'_>) -> bool {
        let span = item.span;
        let address = item.argument.address();
        match item.keyword.name {
            "virtual_ipaddress" => {
                for line in self.lines(item.node) {
                    let Some(address) = self.virtual_address(&line, Context::VirtualIpaddress) else {
                        continue;
                    };
                    if self.same_family(draft, *address.address, address.address.span) && self.is_new(draft, &address) {
                        draft.virtual_ipaddress.push(address);
                    }
                }
            }
            "virtual_ipaddress_excluded" => {
                for line in self.lines(item.node) {
                    let Some(address) = self.virtual_address(&line, Context::VirtualIpaddress) else {
                        continue;
                    };
                    if self.is_new(draft, &address) {
                        draft.virtual_ipaddress_excluded.push(address);
                    }
                }
            }
            "unicast_peer" => {
                draft.unicast.get_or_insert(span);
                for line in self.lines(item.node) {
                    self.unicast_peer(draft, &line);
                }
            }
            "mcast_src_ip" | "unicast_src_ip" => {
                if item.keyword.name == "unicast_src_ip" {
                    draft.unicast.get_or_insert(span);
                }
                if let Some(address) = address.filter(|address| self.same_family(draft, *address, span)) {
                    draft.source_address = Some(Spanned::new(address, span));
                }
            }
            "mcast_dst_ip" => {
                if let Some(address) = address.filter(|address| self.same_family(draft, *address, span)) {
                    self.multicast_destination(draft, item, address);
                }
            }
            "native_ipv6" => {
                draft.native_ipv6 = true;
                self.fix_family(draft, AddressFamily::Inet6, span, "native_ipv6");
            }
            _ => return false,
        }
        true
    }

    /// True unless the instance has the address already, which is said.
    fn is_new(&mut self, draft: &mut Draft, address: &VirtualAddress) -> bool {
        let place = address.address.span;
        let first = match draft.addresses.entry((*address.address, address.prefix_length)) {
            Entry::Vacant(entry) => {
                entry.insert(place);
                return true;
            }
            Entry::Occupied(first) => *first.get(),
        };
        let message = format!(
            "{} is given twice in vrrp_instance {}; the second line is ignored",
            address.address, draft.name
        );
        self.report(
            Diagnostic::new(findings::DUPLICATE_VIP, message, Some(place)).note("the first is here", Some(first)),
        );
        false
    }

    fn unicast_peer(&mut self, draft: &mut Draft, line: &[Word<'a>]) {
        let Some(peer) = self.peer_line(line) else { return };
        if !self.same_family(draft, *peer.address, peer.address.span) {
            return;
        }
        if let Some(first) = draft.unicast_peer.iter().find(|known| known.address == peer.address) {
            let message = format!("The peer {} is given twice; the second line is ignored", peer.address);
            let first = first.address.span;
            self.report(
                Diagnostic::new(findings::GIVEN_TWICE, message, Some(peer.address.span))
                    .note("the first is here", Some(first)),
            );
            return;
        }
        draft.check_unicast_src |= peer.min_ttl != 0 || peer.max_ttl != 255;
        draft.unicast_peer.push(peer);
    }

    fn multicast_destination(&mut self, draft: &mut Draft, item: &Item<'_>, address: IpAddr) {
        let valid = match address {
            IpAddr::V4(address) => address.is_multicast(),
            // Any flags, but the scope of the link.
            IpAddr::V6(address) => {
                address.is_multicast() && address.octets().get(1).is_some_and(|scope| scope & 0xf == 2)
            }
        };
        if valid {
            draft.mcast_dst_ip = Some(Spanned::new(address, item.span));
        } else if let Some(word) = item.word(1) {
            let message = format!("{address} is not a multicast address; 'mcast_dst_ip' is ignored");
            self.invalid(findings::INVALID_ADDRESS, message, word)
                .hint("224.0.0.18, or ff02::12")
                .send(self);
        }
    }

    fn same_family(&mut self, draft: &mut Draft, address: IpAddr, span: Span) -> bool {
        self.fix_family(draft, AddressFamily::of(address), span, &address.to_string())
    }

    fn fix_family(&mut self, draft: &mut Draft, family: AddressFamily, span: Span, what: &str) -> bool {
        let (first, first_span) = *draft.family.get_or_insert((family, span));
        if first == family {
            return true;
        }
        let (this, that) = if first == AddressFamily::Inet {
            ("IPv4", "IPv6")
        } else {
            ("IPv6", "IPv4")
        };
        let message = format!(
            "{what} is {that}, but the addresses of vrrp_instance {} are {this}; it is ignored",
            draft.name
        );
        self.report(
            Diagnostic::new(findings::FAMILY_MISMATCH, message, Some(span))
                .note(format!("{this} since here"), Some(first_span))
                .hint("write it in virtual_ipaddress_excluded, or in an instance of its own"),
        );
        false
    }
}
