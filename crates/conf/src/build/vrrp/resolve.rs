//! `vrrp_instance`: what it means.

use super::super::Builder;
use super::super::track::Kind;
use super::Draft;
use crate::config::{AddressFamily, Authentication, InitialState, VrrpInstance, VrrpVersion};
use crate::diagnostic::{Diagnostic, findings};
use crate::source::Spanned;
use std::collections::{HashMap, hash_map};
use std::net::IpAddr;
use std::time::Duration;

/// The owner of the addresses.
const OWNER: u8 = 255;
/// Adverts count their addresses in one byte.
const MOST_ADDRESSES: usize = 255;

impl Builder<'_> {
    pub(in crate::build) fn resolve_instance(&mut self, mut draft: Draft) -> Option<VrrpInstance> {
        self.refuse_unsupported(&draft)?;
        let interface = self.required_interface(&draft)?;
        let virtual_router_id = self.required_vrid(&draft)?;
        let family = draft.family.map_or(AddressFamily::Inet, |(family, _)| family);
        let version = self.resolve_version(&draft, family);
        self.check_addresses(&mut draft, version)?;
        self.check_unicast(&mut draft);
        let (state, priority) = resolve_state(&draft);
        let (nopreempt, preempt_delay) = self.resolve_preemption(&draft, state, priority);
        if priority == OWNER {
            let name = draft.name.value.clone();
            self.drop_weights(&mut draft.tracking, &name);
        }
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
            track_interface: draft.tracking.take(Kind::Interface),
            track_script: draft.tracking.take(Kind::Script),
            track_file: draft.tracking.take(Kind::File),
            track_process: draft.tracking.take(Kind::Process),
            track_bfd: draft.tracking.take(Kind::Bfd),
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
