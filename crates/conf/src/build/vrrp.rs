//! `vrrp_instance`: what is written.
#![deny(clippy::arithmetic_side_effects)]

mod addressing;
mod authentication;
mod resolve;
mod settings;
mod strict;
mod vmac;

use super::argument::set;
use super::global::GarpWritten;
use super::track::Tracking;
use super::{Builder, Item};
use crate::config::{
    AddressFamily, GarpExtraIf, InitialState, Ipvlan, Notify, OldUnicastChecksum, Route, Rule, UnicastPeer,
    VirtualAddress, Vmac, VrrpVersion,
};
use crate::keywords::Context;
use crate::source::{Span, Spanned};
use authentication::{AuthHmacDraft, AuthenticationDraft};
use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

/// An instance as it is written.
#[allow(clippy::struct_excessive_bools)] // one field for one keyword
pub(super) struct Draft {
    name: Spanned<String>,
    state: Option<Spanned<InitialState>>,
    interface: Option<Spanned<String>>,
    vrf: Option<Spanned<String>>,
    vmac: Option<Spanned<Vmac>>,
    use_vmac_addr: bool,
    vmac_xmit_base: Option<Span>,
    ipvlan: Option<Spanned<Ipvlan>>,
    virtual_router_id: Option<Spanned<u8>>,
    priority: Option<u8>,
    version: Option<Spanned<VrrpVersion>>,
    native_ipv6: bool,
    /// The first thing with a family decides it.
    family: Option<(AddressFamily, Span)>,
    advert_int: Option<Spanned<Duration>>,
    authentication: Option<AuthenticationDraft>,
    auth_hmac: Option<AuthHmacDraft>,
    nopreempt: Option<Span>,
    preempt_delay: Option<Spanned<Duration>>,
    /// All addresses below, with their prefix lengths, and where they were written.
    addresses: HashMap<(IpAddr, u8), Span>,
    virtual_ipaddress: Vec<VirtualAddress>,
    virtual_ipaddress_excluded: Vec<VirtualAddress>,
    no_virtual_ipaddress: bool,
    source_address: Option<Spanned<IpAddr>>,
    /// Where a keyword of unicast was written first.
    unicast: Option<Span>,
    unicast_fault_no_peer: bool,
    old_unicast_checksum: Option<OldUnicastChecksum>,
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
    accept: Option<bool>,
    strict_mode: bool,
    track_src_ip: bool,
    promote_secondaries: bool,
    linkbeat_use_polling: bool,
    v3_checksum_as_v2: bool,
    virtual_routes: Vec<Route>,
    virtual_rules: Vec<Rule>,
    debug: u8,
    smtp_alert: Option<bool>,
    notify_priority_changes: Option<bool>,
    lvs_sync_daemon_interface: Option<Spanned<String>>,
    timer_expired_backup: Option<Spanned<u8>>,
    garp_extra_if: Option<GarpExtraIf>,
    owner_ignore_adverts: bool,
    kernel_rx_buf_size: Option<u32>,
    /// Where each keyword stands.
    places: Vec<(&'static str, Span)>,
}

impl Draft {
    fn strict(&self) -> bool {
        self.strict_mode
    }

    fn place(&self, keyword: &str) -> Option<Span> {
        let mut places = self.places.iter().rev();
        places.find(|(name, _)| *name == keyword).map(|(_, span)| *span)
    }

    /// Was it written here, or does it come from `global_defs`?
    fn is_written(&self, keyword: &str) -> bool {
        self.place(keyword).is_some()
    }

    /// Where it stands, or the name of the instance when it comes from elsewhere.
    fn span_of(&self, keyword: &str) -> Span {
        self.place(keyword).unwrap_or(self.name.span)
    }
}

/// The owner of the addresses.
const OWNER: u8 = 255;

#[derive(Clone, Copy)]
struct Garp {
    master_delay: Duration,
    master_repeat: u32,
    master_refresh: Duration,
    master_refresh_repeat: u32,
    lower_prio_delay: Option<Duration>,
    lower_prio_repeat: Option<u32>,
}

impl<'a> Builder<'a> {
    pub(super) fn vrrp_instance(&mut self, block: &Item<'a>) {
        let Some(name) = self.block_name(block) else { return };
        let mut draft = self.new_draft(name);
        for item in self.items(block.node, Context::VrrpInstance) {
            draft.places.push((item.keyword.name, item.span));
            let known = self.addressing(&mut draft, &item)
                || self.own_interfaces(&mut draft, &item)
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
            vrf: None,
            vmac: None,
            use_vmac_addr: false,
            vmac_xmit_base: None,
            ipvlan: None,
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
            unicast_fault_no_peer: false,
            old_unicast_checksum: None,
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
            accept: None,
            strict_mode: global.vrrp_strict,
            track_src_ip: false,
            promote_secondaries: false,
            linkbeat_use_polling: false,
            v3_checksum_as_v2: global.v3_checksum_as_v2,
            virtual_routes: Vec::new(),
            virtual_rules: Vec::new(),
            debug: 0,
            smtp_alert: None,
            notify_priority_changes: None,
            lvs_sync_daemon_interface: None,
            timer_expired_backup: None,
            garp_extra_if: global.vrrp_garp_extra_if,
            owner_ignore_adverts: global.vrrp_owner_ignore_adverts,
            kernel_rx_buf_size: None,
            places: Vec::new(),
        }
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
