//! `vrrp_instance`: what it means.

use super::super::Builder;
use super::super::track::Kind;
use super::{Draft, Garp, OWNER};
use crate::config::{AddressFamily, AuthHmac, Authentication, InitialState, VrrpInstance, VrrpVersion};
use crate::diagnostic::{Diagnostic, findings};
use crate::source::Spanned;
use std::collections::{HashMap, hash_map};
use std::net::IpAddr;
use std::time::Duration;

/// Adverts count their addresses in one byte.
const MOST_ADDRESSES: usize = 255;

impl Builder<'_> {
    pub(in crate::build) fn resolve_instance(&mut self, mut draft: Draft) -> Option<VrrpInstance> {
        let decided = self.decide(&mut draft)?;
        Some(decided.with(draft))
    }

    /// Checks how the keywords of an instance go together. The order is that in which things are said.
    fn decide(&mut self, draft: &mut Draft) -> Option<Decided> {
        let interface = self.required_interface(draft)?;
        let virtual_router_id = self.required_vrid(draft)?;
        let family = draft.family.map_or(AddressFamily::Inet, |(family, _)| family);
        let version = self.resolve_version(draft, family);
        let (mut state, priority) = resolve_state(draft);
        self.check_strict(draft, version, &mut state, priority);
        self.check_addresses(draft, version)?;
        self.check_unicast(draft);
        self.check_vmac(draft, family);
        let advert_int = self.resolve_advert_int(draft, version);
        let auth_hmac = self.resolve_auth_hmac(draft, advert_int);
        let authentication = self.resolve_authentication(draft, version, family, &mut state);
        let (nopreempt, preempt_delay) = self.resolve_preemption(draft, state, priority);
        let timer_expired_backup = self.resolve_timer_expired(draft, nopreempt);
        let owner_ignore_adverts = self.resolve_owner(draft, priority);
        self.check_tracking(draft, &interface, priority);
        place_addresses(draft, &interface);
        Some(Decided {
            interface,
            virtual_router_id,
            family,
            version,
            state,
            priority,
            advert_int,
            auth_hmac,
            authentication,
            nopreempt,
            preempt_delay,
            timer_expired_backup,
            owner_ignore_adverts,
            mcast_dst_ip: self.resolve_multicast_group(draft, family),
            garp: self.resolve_garp(draft),
        })
    }

    fn resolve_multicast_group(&self, draft: &Draft, family: AddressFamily) -> IpAddr {
        let global = &self.global.global_defs;
        match (&draft.mcast_dst_ip, family) {
            (Some(written), _) => written.value,
            (None, AddressFamily::Inet) => IpAddr::V4(global.vrrp_mcast_group4),
            (None, AddressFamily::Inet6) => IpAddr::V6(global.vrrp_mcast_group6),
        }
    }

    /// `vrrp_min_garp` holds where nothing else is written.
    fn resolve_garp(&self, draft: &Draft) -> Garp {
        let mut garp = draft.garp;
        if self.global.vrrp_min_garp {
            if !draft.garp_written.delay {
                garp.master_delay = Duration::ZERO;
            }
            if !draft.garp_written.repeat {
                garp.master_repeat = 1;
            }
        }
        garp
    }

    fn check_tracking(&mut self, draft: &mut Draft, interface: &Spanned<String>, priority: u8) {
        draft.tracking.list(Kind::Interface).retain(|track| {
            let own = track.name == *interface;
            if own {
                let message = format!("{interface} is the interface of the instance, which needs no track_interface");
                self.diagnostics
                    .push(Diagnostic::new(findings::OWN_INTERFACE, message, Some(track.name.span)));
            }
            !own
        });
        if priority == OWNER {
            let name = draft.name.value.clone();
            self.drop_weights(&mut draft.tracking, &name);
        }
    }

    fn resolve_timer_expired(&mut self, draft: &Draft, nopreempt: bool) -> Option<u8> {
        let written = draft.timer_expired_backup?;
        if !nopreempt {
            let message = format!(
                "timer_expired_backup of vrrp_instance {} needs nopreempt; it is ignored",
                draft.name
            );
            self.report(Diagnostic::new(findings::TIMER_EXPIRED, message, Some(written.span)));
            return None;
        }
        Some(*written)
    }

    /// In strict mode owners do not look at adverts; others always do.
    fn resolve_owner(&mut self, draft: &Draft, priority: u8) -> bool {
        let is_written = draft.is_written("owner_ignore_adverts");
        let mut wrong = |what: &str| {
            if is_written {
                let message = format!("{what} in vrrp_instance {}", draft.name);
                let span = draft.span_of("owner_ignore_adverts");
                self.diagnostics
                    .push(Diagnostic::new(findings::OWNER_ADVERTS, message, Some(span)));
            }
        };
        match (priority == OWNER, draft.owner_ignore_adverts) {
            (false, true) => wrong("Only an owner can ignore adverts; owner_ignore_adverts is ignored"),
            (true, false) if draft.strict() => wrong("An owner ignores adverts in strict mode, which it does"),
            _ => {}
        }
        priority == OWNER && (draft.owner_ignore_adverts || draft.strict())
    }

    fn required_interface(&mut self, draft: &Draft) -> Option<Spanned<String>> {
        let interface = draft.interface.as_ref().or(draft.vrf.as_ref());
        if interface.is_none() {
            let message = format!("vrrp_instance {} has no interface; it is left out", draft.name);
            let diagnostic = Diagnostic::new(findings::NO_INTERFACE, message, Some(draft.name.span));
            self.report(diagnostic.hint("interface eth0"));
        }
        interface.cloned()
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
            if version == VrrpVersion::V3 || draft.strict() {
                let message = format!(
                    "vrrp_instance {} has no virtual address, which VRRPv3 and strict mode need; it is left out",
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
            if let Some(span) = draft.unicast.filter(|_| !draft.unicast_fault_no_peer) {
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

    fn resolve_advert_int(&mut self, draft: &Draft, version: VrrpVersion) -> Duration {
        let Some(written) = draft.advert_int else {
            return Duration::from_secs(1);
        };
        let (unit, most) = match version {
            VrrpVersion::V2 => (1000, 255_000),
            VrrpVersion::V3 => (10, 40_950),
        };
        let milliseconds = u64::try_from(written.as_micros().div_ceil(1000)).unwrap_or(u64::MAX);
        let units = milliseconds
            .saturating_add(unit / 2)
            .checked_div(unit)
            .unwrap_or_default();
        let rounded = units.saturating_mul(unit).clamp(unit, most);
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

    /// Two instances must not answer for one virtual router.
    pub(in crate::build) fn finish_instances(&mut self) {
        let mut instances = std::mem::take(&mut self.config.vrrp_instances);
        let mut seen = HashMap::with_capacity(instances.len());
        let mut kept = Vec::with_capacity(instances.len());
        for instance in &instances {
            let (name, id) = (&instance.name, instance.virtual_router_id);
            match seen.entry(virtual_router(instance)) {
                hash_map::Entry::Vacant(entry) => {
                    entry.insert(instance);
                    kept.push(true);
                }
                hash_map::Entry::Occupied(entry) => {
                    let first = entry.get();
                    let message = format!(
                        "{name} and {} both use virtual_router_id {id} on interface {}; {name} is left out",
                        first.name, instance.interface
                    );
                    self.diagnostics
                        .push(Diagnostic::new(findings::DUPLICATE_VRID, message, Some(id.span)).note(
                            format!("{} uses it here", first.name),
                            Some(first.virtual_router_id.span),
                        ));
                    kept.push(false);
                }
            }
        }
        drop(seen);
        let mut kept = kept.into_iter();
        instances.retain(|_| kept.next().unwrap_or(true));
        self.config.vrrp_instances = instances;
    }
}

/// What tells virtual routers apart on the wire. The peers are sorted; without any it is the multicast group.
fn virtual_router(instance: &VrrpInstance) -> (&str, AddressFamily, u8, Option<IpAddr>, Vec<IpAddr>) {
    let mut peers: Vec<IpAddr> = instance.unicast_peer.iter().map(|peer| *peer.address).collect();
    peers.sort_unstable();
    let group = peers.is_empty().then_some(instance.mcast_dst_ip);
    (
        &instance.interface.value,
        instance.family,
        *instance.virtual_router_id,
        group,
        peers,
    )
}

/// What follows from several keywords of an instance, or from those of others.
struct Decided {
    interface: Spanned<String>,
    virtual_router_id: Spanned<u8>,
    family: AddressFamily,
    version: VrrpVersion,
    state: InitialState,
    priority: u8,
    advert_int: Duration,
    auth_hmac: Option<AuthHmac>,
    authentication: Option<Authentication>,
    nopreempt: bool,
    preempt_delay: Duration,
    timer_expired_backup: Option<u8>,
    owner_ignore_adverts: bool,
    mcast_dst_ip: IpAddr,
    garp: Garp,
}

impl Decided {
    /// The instance; all else holds as it is written.
    fn with(self, mut draft: Draft) -> VrrpInstance {
        let garp = self.garp;
        let is_strict = draft.strict();
        VrrpInstance {
            name: draft.name,
            state: self.state,
            interface: self.interface,
            virtual_router_id: self.virtual_router_id,
            priority: self.priority,
            version: self.version,
            family: self.family,
            advert_int: self.advert_int,
            authentication: self.authentication,
            auth_hmac: self.auth_hmac,
            nopreempt: self.nopreempt,
            preempt_delay: self.preempt_delay,
            virtual_ipaddress: draft.virtual_ipaddress,
            virtual_ipaddress_excluded: draft.virtual_ipaddress_excluded,
            source_address: draft.source_address,
            mcast_dst_ip: self.mcast_dst_ip,
            unicast_peer: draft.unicast_peer,
            unicast_ttl: draft.unicast_ttl.map_or(255, |ttl| ttl.value),
            unicast_fault_no_peer: draft.unicast_fault_no_peer,
            old_unicast_checksum: draft.old_unicast_checksum,
            check_unicast_src: draft.check_unicast_src,
            dont_track_primary: draft.dont_track_primary,
            track_interface: draft.tracking.take(Kind::Interface),
            track_script: draft.tracking.take(Kind::Script),
            track_file: draft.tracking.take(Kind::File),
            track_process: draft.tracking.take(Kind::Process),
            track_bfd: draft.tracking.take(Kind::Bfd),
            down_timer_adverts: draft.down_timer_adverts,
            higher_prio_send_advert: draft.higher_prio_send_advert,
            lower_prio_no_advert: draft.lower_prio_no_advert,
            skip_check_adv_addr: draft.skip_check_adv_addr,
            accept: draft.accept.unwrap_or(!is_strict),
            strict_mode: draft.strict_mode,
            owner_ignore_adverts: self.owner_ignore_adverts,
            track_src_ip: draft.track_src_ip,
            use_vmac: draft.vmac.map(|vmac| vmac.value),
            use_vmac_addr: draft.use_vmac_addr,
            vmac_xmit_base: draft.vmac_xmit_base.is_some(),
            use_ipvlan: draft.ipvlan.map(|ipvlan| ipvlan.value),
            vrf: draft.vrf,
            promote_secondaries: draft.promote_secondaries,
            linkbeat_use_polling: draft.linkbeat_use_polling,
            v3_checksum_as_v2: draft.v3_checksum_as_v2,
            virtual_routes: draft.virtual_routes,
            virtual_rules: draft.virtual_rules,
            debug: draft.debug,
            smtp_alert: draft.smtp_alert,
            notify_priority_changes: draft.notify_priority_changes,
            lvs_sync_daemon_interface: draft.lvs_sync_daemon_interface,
            timer_expired_backup: self.timer_expired_backup,
            garp_extra_if: draft.garp_extra_if.filter(|extra| !extra.interval.is_zero()),
            kernel_rx_buf_size: draft.kernel_rx_buf_size,
            garp_master_delay: garp.master_delay,
            garp_master_repeat: garp.master_repeat,
            garp_master_refresh: garp.master_refresh,
            garp_master_refresh_repeat: garp.master_refresh_repeat,
            garp_lower_prio_delay: garp.lower_prio_delay.unwrap_or(garp.master_delay),
            garp_lower_prio_repeat: garp.lower_prio_repeat.unwrap_or(garp.master_repeat),
            notify: draft.notify,
        }
    }
}

/// Addresses without `dev` are on the interface of the instance.
fn place_addresses(draft: &mut Draft, interface: &Spanned<String>) {
    let addresses = draft.virtual_ipaddress.iter_mut();
    for address in addresses.chain(&mut draft.virtual_ipaddress_excluded) {
        if address.dev.is_empty() {
            address.dev = interface.clone();
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
