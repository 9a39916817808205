//! `vrrp_instance`: what is written.

mod resolve;

use super::argument::set;
use super::global::{GarpWritten, version};
use super::track::Tracking;
use super::{Builder, Item};
use crate::config::{AddressFamily, InitialState, Notify, UnicastPeer, VirtualAddress, VrrpVersion};
use crate::diagnostic::{Diagnostic, findings};
use crate::grammar::Word;
use crate::keywords::Context;
use crate::source::{Span, Spanned};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::time::Duration;

/// An instance as it is written.
#[allow(clippy::struct_excessive_bools)] // one field for one keyword
pub(super) struct Draft {
    name: Spanned<String>,
    state: Option<Spanned<InitialState>>,
    interface: Option<Spanned<String>>,
    virtual_router_id: Option<Spanned<u8>>,
    priority: Option<u8>,
    version: Option<Spanned<VrrpVersion>>,
    native_ipv6: bool,
    /// The first thing with a family decides it.
    family: Option<(AddressFamily, Span)>,
    advert_int: Option<Spanned<Duration>>,
    authentication: Option<AuthenticationDraft>,
    auth_hmac: Option<Span>,
    nopreempt: Option<Span>,
    preempt_delay: Option<Spanned<Duration>>,
    /// All addresses below, with their prefix lengths, and where they were written.
    addresses: HashMap<(IpAddr, u8), Span>,
    virtual_ipaddress: Vec<VirtualAddress>,
    virtual_ipaddress_excluded: Vec<VirtualAddress>,
    no_virtual_ipaddress: bool,
    source_address: Option<Spanned<IpAddr>>,
    /// `unicast_src_ip` was written.
    unicast: Option<Span>,
    mcast_dst_ip: Option<Spanned<IpAddr>>,
    unicast_peer: Vec<UnicastPeer>,
    unicast_ttl: Option<Spanned<u8>>,
    check_unicast_src: bool,
    dont_track_primary: bool,
    tracking: Tracking,
    down_timer_adverts: u8,
    higher_prio_send_advert: bool,
    lower_prio_no_advert: bool,
    skip_check_adv_addr: bool,
    garp: Garp,
    garp_written: GarpWritten,
    notify: Notify,
}

/// `auth_type` and `auth_pass`.
struct AuthenticationDraft {
    kind: Option<Spanned<&'static str>>,
    password: Option<Spanned<String>>,
    span: Span,
}

struct Garp {
    master_delay: Duration,
    master_repeat: u32,
    master_refresh: Duration,
    master_refresh_repeat: u32,
    lower_prio_delay: Option<Duration>,
    lower_prio_repeat: Option<u32>,
}

impl<'a> Builder<'a> {
    pub(super) fn vrrp_instance(&mut self, block: &Item<'_>) {
        let Some(name) = self.block_name(block) else { return };
        let mut draft = self.new_draft(name);
        for item in self.items(block.node, Context::VrrpInstance) {
            let known = self.addressing(&mut draft, &item)
                || garp(&mut draft, &item)
                || self.track_list(&mut draft.tracking, &item);
            if !known {
                self.instance_setting(&mut draft, item);
            }
        }
        if let Some(mut instance) = self.resolve_instance(draft) {
            instance.virtual_ipaddress.shrink_to_fit();
            self.config.vrrp_instances.push(instance);
        }
    }

    /// keepalived copies these defaults when the block begins.
    fn new_draft(&self, name: Spanned<String>) -> Draft {
        let global = &self.global.global_defs;
        Draft {
            name,
            state: None,
            interface: None,
            virtual_router_id: None,
            priority: None,
            version: None,
            native_ipv6: false,
            family: None,
            advert_int: None,
            authentication: None,
            auth_hmac: None,
            nopreempt: None,
            preempt_delay: None,
            addresses: HashMap::new(),
            virtual_ipaddress: Vec::new(),
            virtual_ipaddress_excluded: Vec::new(),
            no_virtual_ipaddress: false,
            source_address: None,
            unicast: None,
            mcast_dst_ip: None,
            unicast_peer: Vec::new(),
            unicast_ttl: None,
            check_unicast_src: global.vrrp_check_unicast_src,
            dont_track_primary: false,
            tracking: Tracking::default(),
            down_timer_adverts: global.vrrp_down_timer_adverts,
            higher_prio_send_advert: global.vrrp_higher_prio_send_advert,
            lower_prio_no_advert: global.vrrp_lower_prio_no_advert,
            skip_check_adv_addr: global.vrrp_skip_check_adv_addr,
            garp: Garp {
                master_delay: global.vrrp_garp_master_delay,
                master_repeat: global.vrrp_garp_master_repeat,
                master_refresh: global.vrrp_garp_master_refresh,
                master_refresh_repeat: global.vrrp_garp_master_refresh_repeat,
                lower_prio_delay: global.vrrp_garp_lower_prio_delay,
                lower_prio_repeat: global.vrrp_garp_lower_prio_repeat,
            },
            garp_written: self.global.garp_written,
            notify: Notify::default(),
        }
    }

    /// Keywords with addresses, which must all be of one family.
    fn addressing(&mut self, draft: &mut Draft, item: &Item<'_>) -> bool {
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

    fn instance_setting(&mut self, draft: &mut Draft, item: Item<'_>) {
        let span = item.span;
        let argument = &item.argument;
        match item.keyword.name {
            "state" => {
                let state = argument.one_of().map(|word| {
                    if word == "MASTER" {
                        InitialState::Master
                    } else {
                        InitialState::Backup
                    }
                });
                draft.state = state.map(|state| Spanned::new(state, span));
            }
            "interface" => self.interface(draft, &item),
            "virtual_router_id" => draft.virtual_router_id = argument.number().map(|id| Spanned::new(id, span)),
            "priority" => draft.priority = argument.number(),
            "version" => draft.version = version(argument.number()).map(|it| Spanned::new(it, span)),
            "advert_int" => draft.advert_int = argument.duration().map(|it| Spanned::new(it, span)),
            "authentication" => self.authentication(draft, &item),
            "auth_hmac" => draft.auth_hmac = Some(span),
            "nopreempt" => draft.nopreempt = Some(span),
            "preempt" => draft.nopreempt = None,
            "preempt_delay" => draft.preempt_delay = argument.duration().map(|it| Spanned::new(it, span)),
            "no_virtual_ipaddress" => draft.no_virtual_ipaddress = true,
            "unicast_ttl" => draft.unicast_ttl = argument.number().map(|ttl| Spanned::new(ttl, span)),
            "check_unicast_src" => draft.check_unicast_src = true,
            "dont_track_primary" => draft.dont_track_primary = true,
            "down_timer_adverts" => set(&mut draft.down_timer_adverts, argument.number()),
            "higher_prio_send_advert" => set(&mut draft.higher_prio_send_advert, argument.bool()),
            "lower_prio_no_advert" => set(&mut draft.lower_prio_no_advert, argument.bool()),
            "skip_check_adv_addr" => set(&mut draft.skip_check_adv_addr, argument.bool()),
            _ => self.notify(&mut draft.notify, item),
        }
    }

    pub(super) fn notify(&mut self, notify: &mut Notify, item: Item<'_>) {
        let target = match item.keyword.name {
            "notify_master" => &mut notify.notify_master,
            "notify_backup" => &mut notify.notify_backup,
            "notify_fault" => &mut notify.notify_fault,
            "notify_stop" => &mut notify.notify_stop,
            "notify_master_rx_lower_pri" => &mut notify.notify_master_rx_lower_pri,
            "notify" => &mut notify.notify,
            _ => return,
        };
        self.set_script(target, item);
    }

    fn interface(&mut self, draft: &mut Draft, item: &Item<'_>) {
        let Some(word) = item.word(1) else { return };
        if word.text.len() > 15 {
            let message = format!("'{}' is no interface: a name has at most 15 bytes", word.text);
            self.invalid(findings::INVALID_VALUE, message, word).send(self);
        } else if word.text == "lo" {
            let message = "VRRP cannot run on the loopback interface; it is ignored".to_owned();
            self.invalid(findings::INVALID_VALUE, message, word)
                .hint("name the interface of the peers")
                .send(self);
        } else {
            draft.interface = Some(self.spanned(word));
        }
    }

    fn authentication(&mut self, draft: &mut Draft, block: &Item<'_>) {
        let mut it = AuthenticationDraft {
            kind: None,
            password: None,
            span: block.span,
        };
        for item in self.items(block.node, Context::Authentication) {
            match item.keyword.name {
                "auth_type" => it.kind = item.argument.one_of().map(|kind| Spanned::new(kind, item.span)),
                "auth_pass" => it.password = item.word(1).map(|word| self.spanned(word)),
                _ => {}
            }
        }
        draft.authentication = Some(it);
    }
}

fn garp(draft: &mut Draft, item: &Item<'_>) -> bool {
    let garp = &mut draft.garp;
    let argument = &item.argument;
    match item.keyword.name {
        "garp_master_delay" => {
            draft.garp_written.delay = true;
            set(&mut garp.master_delay, argument.duration());
        }
        "garp_master_repeat" => {
            draft.garp_written.repeat = true;
            set(&mut garp.master_repeat, argument.number());
        }
        "garp_master_refresh" => set(&mut garp.master_refresh, argument.duration()),
        "garp_master_refresh_repeat" => set(&mut garp.master_refresh_repeat, argument.number()),
        "garp_lower_prio_delay" => garp.lower_prio_delay = argument.duration(),
        "garp_lower_prio_repeat" => garp.lower_prio_repeat = argument.number(),
        _ => return false,
    }
    true
}
