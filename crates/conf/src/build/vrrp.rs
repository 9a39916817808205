//! `vrrp_instance`: what is written, then what it means.

use super::argument::set;
use super::global::{GarpWritten, version};
use super::{Builder, Item};
use crate::config::{
    AddressFamily, Authentication, InitialState, Notify, TrackInterface, UnicastPeer, VirtualAddress, VrrpInstance,
    VrrpVersion,
};
use crate::diagnostic::{Diagnostic, findings};
use crate::grammar::Word;
use crate::keywords::Context;
use crate::source::{Span, Spanned};
use std::net::IpAddr;
use std::time::Duration;

/// The owner of the addresses.
const OWNER: u8 = 255;
/// Adverts count their addresses in one byte.
const MOST_ADDRESSES: usize = 255;

/// An instance as it is written.
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
    track_interface: Vec<TrackInterface>,
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
            if !self.addressing(&mut draft, &item) && !garp(&mut draft, &item) {
                self.instance_setting(&mut draft, item);
            }
        }
        if let Some(instance) = self.resolve_instance(draft) {
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
            track_interface: Vec::new(),
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
                    let Some(address) = self.virtual_address(&line) else {
                        continue;
                    };
                    if self.same_family(draft, *address.address, address.address.span) {
                        self.push_address(&draft.name, &mut draft.virtual_ipaddress, address);
                    }
                }
            }
            "virtual_ipaddress_excluded" => {
                for line in self.lines(item.node) {
                    let Some(address) = self.virtual_address(&line) else {
                        continue;
                    };
                    self.push_address(&draft.name, &mut draft.virtual_ipaddress_excluded, address);
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

    fn push_address(&mut self, instance: &str, list: &mut Vec<VirtualAddress>, address: VirtualAddress) {
        let same = |known: &&VirtualAddress| {
            (known.address, known.prefix_length, &known.dev) == (address.address, address.prefix_length, &address.dev)
        };
        if let Some(first) = list.iter().find(same) {
            let message = format!(
                "{} is given twice in vrrp_instance {instance}; the second line is ignored",
                address.address
            );
            let first = first.address.span;
            self.report(
                Diagnostic::new(findings::DUPLICATE_VIP, message, Some(address.address.span))
                    .note("the first is here", Some(first)),
            );
        } else {
            list.push(address);
        }
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
            "track_interface" => self.track_interfaces(item.node, &mut draft.track_interface),
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

/// From here on: what is written becomes what it means.
impl Builder<'_> {
    fn resolve_instance(&mut self, mut draft: Draft) -> Option<VrrpInstance> {
        self.refuse_unsupported(&draft)?;
        let interface = self.required_interface(&draft)?;
        let virtual_router_id = self.required_vrid(&draft)?;
        let family = draft.family.map_or(AddressFamily::Inet, |(family, _)| family);
        let version = self.resolve_version(&draft, family);
        self.check_addresses(&mut draft, version)?;
        self.check_unicast(&mut draft);
        let (state, priority) = resolve_state(&draft);
        let (nopreempt, preempt_delay) = self.resolve_preemption(&draft, state, priority);
        self.check_owner_tracking(&mut draft, priority);
        let advert_int = self.resolve_advert_int(&draft, version);
        let authentication = self.resolve_authentication(&draft, version);
        let global = &self.global.global_defs;
        let group = match family {
            AddressFamily::Inet => IpAddr::V4(global.vrrp_mcast_group4),
            AddressFamily::Inet6 => IpAddr::V6(global.vrrp_mcast_group6),
        };
        if self.global.vrrp_min_garp {
            if !draft.garp_written.delay {
                draft.garp.master_delay = Duration::ZERO;
            }
            if !draft.garp_written.repeat {
                draft.garp.master_repeat = 1;
            }
        }
        for address in draft
            .virtual_ipaddress
            .iter_mut()
            .chain(&mut draft.virtual_ipaddress_excluded)
        {
            if address.dev.is_empty() {
                address.dev = interface.clone();
            }
        }
        let garp = draft.garp;
        Some(VrrpInstance {
            name: draft.name,
            state,
            interface,
            virtual_router_id,
            priority,
            version,
            family,
            advert_int,
            authentication,
            nopreempt,
            preempt_delay,
            virtual_ipaddress: draft.virtual_ipaddress,
            virtual_ipaddress_excluded: draft.virtual_ipaddress_excluded,
            source_address: draft.source_address,
            mcast_dst_ip: draft.mcast_dst_ip.map_or(group, |address| address.value),
            unicast_peer: draft.unicast_peer,
            unicast_ttl: draft.unicast_ttl.map_or(255, |ttl| ttl.value),
            check_unicast_src: draft.check_unicast_src,
            dont_track_primary: draft.dont_track_primary,
            track_interface: draft.track_interface,
            down_timer_adverts: draft.down_timer_adverts,
            higher_prio_send_advert: draft.higher_prio_send_advert,
            lower_prio_no_advert: draft.lower_prio_no_advert,
            skip_check_adv_addr: draft.skip_check_adv_addr,
            accept: true,
            garp_master_delay: garp.master_delay,
            garp_master_repeat: garp.master_repeat,
            garp_master_refresh: garp.master_refresh,
            garp_master_refresh_repeat: garp.master_refresh_repeat,
            garp_lower_prio_delay: garp.lower_prio_delay.unwrap_or(garp.master_delay),
            garp_lower_prio_repeat: garp.lower_prio_repeat.unwrap_or(garp.master_repeat),
            notify: draft.notify,
        })
    }

    /// Without its authentication an instance would fight its peers for the addresses.
    fn refuse_unsupported(&mut self, draft: &Draft) -> Option<()> {
        let ah = draft
            .authentication
            .as_ref()
            .and_then(|it| it.kind)
            .filter(|kind| **kind == "AH");
        let (what, span) = match (ah, draft.auth_hmac) {
            (Some(kind), _) => ("auth_type AH", kind.span),
            (None, Some(span)) => ("auth_hmac", span),
            (None, None) => return Some(()),
        };
        let message = format!("{what} is not supported yet; vrrp_instance {} is left out", draft.name);
        self.report(Diagnostic::new(findings::NOT_SUPPORTED, message, Some(span)));
        None
    }

    fn required_interface(&mut self, draft: &Draft) -> Option<Spanned<String>> {
        if draft.interface.is_none() {
            let message = format!("vrrp_instance {} has no interface; it is left out", draft.name);
            let diagnostic = Diagnostic::new(findings::NO_INTERFACE, message, Some(draft.name.span));
            self.report(diagnostic.hint("interface eth0"));
        }
        draft.interface.clone()
    }

    fn required_vrid(&mut self, draft: &Draft) -> Option<Spanned<u8>> {
        if draft.virtual_router_id.is_none() {
            let message = format!("vrrp_instance {} has no virtual_router_id; it is left out", draft.name);
            let diagnostic = Diagnostic::new(findings::NO_VRID, message, Some(draft.name.span));
            self.report(diagnostic.hint("virtual_router_id 1 to 255, the same on all routers of the group"));
        }
        draft.virtual_router_id
    }

    fn resolve_version(&mut self, draft: &Draft, family: AddressFamily) -> VrrpVersion {
        match draft.version {
            Some(version) if draft.native_ipv6 && *version == VrrpVersion::V2 => {
                let message = format!(
                    "native_ipv6 means version 3 in vrrp_instance {}; version 2 is ignored",
                    draft.name
                );
                self.report(Diagnostic::new(findings::VERSION_CONFLICT, message, Some(version.span)));
                VrrpVersion::V3
            }
            Some(version) => *version,
            None if family == AddressFamily::Inet6 => VrrpVersion::V3,
            None => self.global.global_defs.vrrp_version,
        }
    }

    fn check_addresses(&mut self, draft: &mut Draft, version: VrrpVersion) -> Option<()> {
        let span = Some(draft.name.span);
        if draft.virtual_ipaddress.is_empty() && !draft.no_virtual_ipaddress {
            let hint = "virtual_ipaddress { 192.0.2.1/24 }";
            if version == VrrpVersion::V3 {
                let message = format!(
                    "vrrp_instance {} has no virtual address, which VRRPv3 needs; it is left out",
                    draft.name
                );
                self.report(Diagnostic::new(findings::NO_VIP_V3, message, span).hint(hint));
                return None;
            }
            let message = format!("vrrp_instance {} has no virtual address", draft.name);
            self.report(Diagnostic::new(findings::NO_VIP, message, span).hint(hint));
        }
        if draft.virtual_ipaddress.len() > MOST_ADDRESSES {
            let surplus = draft.virtual_ipaddress.split_off(MOST_ADDRESSES);
            let message = format!(
                "vrrp_instance {} has more than {MOST_ADDRESSES} virtual addresses; {} are moved to virtual_ipaddress_excluded",
                draft.name,
                surplus.len()
            );
            self.report(Diagnostic::new(findings::TOO_MANY_VIPS, message, span));
            draft.virtual_ipaddress_excluded.splice(0..0, surplus);
        }
        Some(())
    }

    fn check_unicast(&mut self, draft: &mut Draft) {
        if draft.unicast_peer.is_empty() {
            if let Some(ttl) = draft.unicast_ttl.take() {
                let message = format!(
                    "vrrp_instance {} has no unicast_peer; unicast_ttl is ignored",
                    draft.name
                );
                self.report(Diagnostic::new(findings::UNICAST_WITHOUT_PEER, message, Some(ttl.span)));
            }
            if let Some(span) = draft.unicast {
                let message = format!("vrrp_instance {} has no unicast_peer; it uses multicast", draft.name);
                self.report(
                    Diagnostic::new(findings::UNICAST_MULTICAST_FALLBACK, message, Some(span))
                        .hint("write unicast_peer { ADDRESS }, or mcast_src_ip in place of unicast_src_ip"),
                );
            }
        } else if let Some(address) = draft.mcast_dst_ip.take() {
            let message = format!(
                "vrrp_instance {} has unicast peers; mcast_dst_ip is ignored",
                draft.name
            );
            self.report(Diagnostic::new(
                findings::MULTICAST_CONFLICT,
                message,
                Some(address.span),
            ));
        }
    }

    fn resolve_preemption(&mut self, draft: &Draft, state: InitialState, priority: u8) -> (bool, Duration) {
        let mut nopreempt = draft.nopreempt;
        let reason = match (priority, state) {
            (OWNER, _) => Some("priority 255"),
            (_, InitialState::Master) => Some("state MASTER"),
            _ => None,
        };
        if let (Some(span), Some(reason)) = (nopreempt, reason) {
            let message = format!(
                "nopreempt cannot go with {reason} in vrrp_instance {}; it is ignored",
                draft.name
            );
            self.report(
                Diagnostic::new(findings::NOPREEMPT_CONFLICT, message, Some(span))
                    .hint("write state BACKUP and a priority below 255 on all routers of the group"),
            );
            nopreempt = None;
        }
        let mut delay = draft.preempt_delay.unwrap_or_default();
        let reason = match (nopreempt, state) {
            (Some(_), _) => Some("nopreempt"),
            (None, InitialState::Master) => Some("state MASTER"),
            _ => None,
        };
        if let (true, Some(reason)) = (*delay > Duration::ZERO, reason) {
            let message = format!(
                "preempt_delay does nothing with {reason} in vrrp_instance {}",
                draft.name
            );
            self.report(Diagnostic::new(
                findings::PREEMPT_DELAY_CONFLICT,
                message,
                Some(delay.span),
            ));
            delay.value = Duration::ZERO;
        }
        (nopreempt.is_some(), delay.value)
    }

    /// The owner's priority never changes.
    fn check_owner_tracking(&mut self, draft: &mut Draft, priority: u8) {
        if priority != OWNER {
            return;
        }
        let weighted = draft.track_interface.iter().filter(|track| track.weight != 0);
        for track in weighted.cloned().collect::<Vec<_>>() {
            let message = format!(
                "Priority 255 never changes; tracking {} with a weight is ignored in {}",
                track.name, draft.name
            );
            self.report(Diagnostic::new(
                findings::TRACKING_WEIGHT,
                message,
                Some(track.name.span),
            ));
        }
        draft.track_interface.retain(|track| track.weight == 0);
    }

    fn resolve_advert_int(&mut self, draft: &Draft, version: VrrpVersion) -> Duration {
        let Some(written) = draft.advert_int else {
            return Duration::from_secs(1);
        };
        let (unit, most) = match version {
            VrrpVersion::V2 => (1000, 255_000),
            VrrpVersion::V3 => (10, 40_950),
        };
        let milliseconds = u64::try_from(written.as_micros().div_ceil(1000)).unwrap_or(u64::MAX);
        let rounded = (milliseconds.saturating_add(unit / 2) / unit * unit).clamp(unit, most);
        let rounded = Duration::from_millis(rounded);
        if rounded != *written {
            let (finding, rule) = match version {
                VrrpVersion::V2 => (findings::ADVERT_INT_FRACTION, "whole seconds"),
                VrrpVersion::V3 => (findings::ADVERT_INT_RANGE, "hundredths of seconds up to 40.95"),
            };
            let message = format!(
                "VRRP version {} counts {rule}; {rounded:?} is used",
                if unit == 10 { 3 } else { 2 }
            );
            self.report(
                Diagnostic::new(finding, message, Some(written.span))
                    .maybe_hint((version == VrrpVersion::V2).then(|| "write version 3 for shorter times".to_owned())),
            );
        }
        rounded
    }

    fn resolve_authentication(&mut self, draft: &Draft, version: VrrpVersion) -> Option<Authentication> {
        let it = draft.authentication.as_ref()?;
        if version == VrrpVersion::V3 {
            let message = format!(
                "VRRP version 3 has no authentication; it is ignored in vrrp_instance {}",
                draft.name
            );
            self.report(Diagnostic::new(findings::AUTHENTICATION_V3, message, Some(it.span)));
            return None;
        }
        let (Some(_), Some(password)) = (&it.kind, &it.password) else {
            let missing = if it.kind.is_none() { "auth_type" } else { "auth_pass" };
            let message = format!(
                "The authentication of vrrp_instance {} lacks {missing}; there is none",
                draft.name
            );
            self.report(
                Diagnostic::new(findings::AUTHENTICATION_INCOMPLETE, message, Some(it.span))
                    .hint("write auth_type PASS and auth_pass on two lines"),
            );
            return None;
        };
        let mut bytes = [0; 8];
        for (byte, written) in bytes.iter_mut().zip(password.bytes()) {
            *byte = written;
        }
        if password.len() > bytes.len() {
            let message = format!("auth_pass has {} bytes; only the first 8 count", password.len());
            self.report(Diagnostic::new(
                findings::PASSWORD_TOO_LONG,
                message,
                Some(password.span),
            ));
        }
        Some(Authentication::Pass(bytes))
    }

    /// Two instances must not answer for one virtual router.
    pub(super) fn finish_instances(&mut self) {
        let key = |it: &VrrpInstance| {
            let mut destinations: Vec<IpAddr> = it.unicast_peer.iter().map(|peer| *peer.address).collect();
            if destinations.is_empty() {
                destinations.push(it.mcast_dst_ip);
            }
            destinations.sort_unstable();
            (
                it.interface.value.clone(),
                it.family,
                *it.virtual_router_id,
                destinations,
            )
        };
        let mut seen = std::collections::HashMap::new();
        let instances = std::mem::take(&mut self.config.vrrp_instances);
        for instance in instances {
            match seen.entry(key(&instance)) {
                std::collections::hash_map::Entry::Vacant(entry) => {
                    entry.insert((instance.name.clone(), instance.virtual_router_id.span));
                    self.config.vrrp_instances.push(instance);
                }
                std::collections::hash_map::Entry::Occupied(entry) => {
                    let (first, span) = entry.get();
                    let message = format!(
                        "{} and {first} both use virtual_router_id {} on interface {}; {} is left out",
                        instance.name, instance.virtual_router_id, instance.interface, instance.name
                    );
                    self.diagnostics.push(
                        Diagnostic::new(findings::DUPLICATE_VRID, message, Some(instance.virtual_router_id.span))
                            .note(format!("{first} uses it here"), Some(*span)),
                    );
                }
            }
        }
    }
}

fn resolve_state(draft: &Draft) -> (InitialState, u8) {
    let written = draft.state.map(|state| state.value);
    let priority = draft.priority.unwrap_or(if written == Some(InitialState::Master) {
        OWNER
    } else {
        100
    });
    let state = written.unwrap_or(if priority == OWNER {
        InitialState::Master
    } else {
        InitialState::Backup
    });
    (state, priority)
}
