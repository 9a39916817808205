//! Advice on `vrrp_instance` and `vrrp_sync_group`.
//!
//! Said when a file is read, and therefore not here: nopreempt with state MASTER (HF0413), a password of more than
//! eight bytes (HF0412), a `virtual_router_id` used twice (HF0404), no virtual address (HF0405, HF0406), weights that
//! the owner or a sync group ignores (HF0419), unicast settings that mean multicast (HF0423).

use super::Pass;
use crate::config::{InitialState, VirtualAddress, VrrpInstance, VrrpSyncGroup, VrrpVersion};
use crate::diagnostic::{Diagnostic, findings};
use crate::host::Host;
use crate::source::{Span, Spanned};
use std::collections::HashMap;
use std::net::IpAddr;

/// The owner of the addresses.
const OWNER: u8 = 255;

pub(super) fn look(pass: &mut Pass<'_>) {
    let config = pass.config;
    for instance in &config.vrrp_instances {
        owner(pass, instance);
        unicast_self(pass, instance);
        weights(pass, instance);
        conflict_repair(pass, instance);
        link_local(pass, instance);
        duplicate_detection(pass, instance);
        if let Some(host) = pass.host {
            source_address(pass, instance, host);
            prefix_lengths(pass, instance, host);
        }
    }
    router_ids(pass, &config.vrrp_instances);
    let instances = config.vrrp_instances.iter();
    let instances = instances.map(|instance| (instance.name.as_str(), instance)).collect();
    for group in &config.vrrp_sync_groups {
        sync_group(pass, group, &instances);
    }
}

fn owner(pass: &mut Pass<'_>, instance: &VrrpInstance) {
    if instance.priority != OWNER {
        return;
    }
    let message = format!(
        "vrrp_instance {} has priority 255: it takes its addresses from every other master, and nothing lowers it",
        instance.name
    );
    let mut advice = Diagnostic::new(findings::PRIORITY_OWNER, message, Some(instance.name.span))
        .hint("write priority 1 to 254, unless the addresses are the host's own");
    if instance.state == InitialState::Master {
        advice = advice.note("state MASTER without a priority means 255", None);
    }
    pass.advise(advice);
}

fn unicast_self(pass: &mut Pass<'_>, instance: &VrrpInstance) {
    let own = |address: IpAddr| instance.source_address.is_some_and(|source| *source == address);
    for peer in instance.unicast_peer.iter().filter(|peer| own(*peer.address)) {
        let message = format!(
            "{} is the source address of vrrp_instance {} and one of its peers",
            peer.address, instance.name
        );
        pass.advise(
            Diagnostic::new(findings::UNICAST_SELF, message, Some(peer.address.span))
                .hint("list only the other routers"),
        );
    }
}

fn weights(pass: &mut Pass<'_>, instance: &VrrpInstance) {
    let weights: Vec<i32> = tracked(instance).map(i32::from).filter(|weight| *weight != 0).collect();
    if weights.is_empty() || instance.priority == OWNER {
        return;
    }
    let base = i32::from(instance.priority);
    let best = weights
        .iter()
        .filter(|weight| **weight > 0)
        .fold(base, |sum, weight| sum.saturating_add(*weight));
    let worst = weights
        .iter()
        .filter(|weight| **weight < 0)
        .fold(base, |sum, weight| sum.saturating_add(*weight));
    let span = Some(instance.name.span);
    if best > 254 || worst < 1 {
        let message = format!(
            "The priority of vrrp_instance {} would be from {worst} to {best}; it is limited to 1 to 254",
            instance.name
        );
        pass.advise(
            Diagnostic::new(findings::PRIORITY_LIMIT, message, span)
                .hint("choose priority and weights so that every sum is from 1 to 254"),
        );
    }
    if instance.nopreempt {
        let message = format!(
            "vrrp_instance {} has nopreempt: a master whose weight falls stays master",
            instance.name
        );
        pass.advise(
            Diagnostic::new(findings::NOPREEMPT_WEIGHT, message, span)
                .hint("track with weight 0, so that the master gives up by itself, or drop nopreempt"),
        );
    }
}

/// The weights of everything that an instance tracks, but of files, whose numbers nobody knows.
fn tracked(instance: &VrrpInstance) -> impl Iterator<Item = i16> {
    let lists = [
        &instance.track_interface,
        &instance.track_script,
        &instance.track_process,
        &instance.track_bfd,
    ];
    lists.into_iter().flatten().map(|track| track.weight)
}

fn conflict_repair(pass: &mut Pass<'_>, instance: &VrrpInstance) {
    let silent = instance.garp_lower_prio_repeat == 0 && instance.garp_master_refresh.is_zero();
    if !silent || instance.virtual_ipaddress.is_empty() {
        return;
    }
    let message = format!(
        "vrrp_instance {} announces nothing after it met a second master: neighbours may keep the loser's address",
        instance.name
    );
    let advice = Diagnostic::new(findings::NO_CONFLICT_REPAIR, message, Some(instance.name.span));
    pass.advise(if instance.strict_mode {
        advice
            .note("strict mode means garp_lower_prio_repeat 0", None)
            .hint("garp_master_refresh 60, or strict_mode off")
    } else {
        advice.hint("garp_lower_prio_repeat 1 or more, or garp_master_refresh 60")
    });
}

fn link_local(pass: &mut Pass<'_>, instance: &VrrpInstance) {
    let Some(first) = instance.virtual_ipaddress.first() else {
        return;
    };
    let IpAddr::V6(address) = *first.address else { return };
    if instance.version == VrrpVersion::V3 && !address.is_unicast_link_local() {
        let message = format!("The first address of vrrp_instance {} is not link-local", instance.name);
        pass.advise(
            Diagnostic::new(findings::FIRST_NOT_LINK_LOCAL, message, Some(first.address.span))
                .hint("begin with an address such as fe80::1/64"),
        );
    }
}

fn duplicate_detection(pass: &mut Pass<'_>, instance: &VrrpInstance) {
    let addresses = instance.virtual_ipaddress.iter();
    let addresses = addresses.chain(&instance.virtual_ipaddress_excluded);
    let checked = addresses.filter(|address| address.address.is_ipv6() && !address.nodad);
    let places: Vec<Span> = checked.map(|address| address.address.span).collect();
    let message = format!(
        "Duplicate address detection keeps this address of vrrp_instance {} unusable for a second or more",
        instance.name
    );
    let hint = "leave -nodad out: VRRP itself sees to it that one router has the address";
    pass.advise_once(findings::DUPLICATE_DETECTION, &places, message, hint);
}

fn source_address(pass: &mut Pass<'_>, instance: &VrrpInstance, host: &dyn Host) {
    let Some(source) = instance.source_address else { return };
    if host.addresses().iter().any(|it| it.address == *source) {
        return;
    }
    let message = format!(
        "This host does not have {source}, the source address of vrrp_instance {}",
        instance.name
    );
    let mut advice = Diagnostic::new(findings::SOURCE_ABSENT, message, Some(source.span));
    let peer = instance
        .unicast_peer
        .iter()
        .find(|peer| host.addresses().iter().any(|it| it.address == *peer.address));
    if let Some(peer) = peer {
        advice = advice
            .note("but it has this peer's address", Some(peer.address.span))
            .hint("this may be the other router's file");
    }
    pass.advise(advice);
}

fn prefix_lengths(pass: &mut Pass<'_>, instance: &VrrpInstance, host: &dyn Host) {
    let addresses = instance.virtual_ipaddress.iter();
    for address in addresses.chain(&instance.virtual_ipaddress_excluded) {
        if let Some(network) = larger_network(address, host).filter(|_| !has_prefix_length(pass, address)) {
            let message = format!(
                "{} has no prefix length and becomes a /{}; the network of {} is a /{network}",
                address.address, address.prefix_length, address.dev
            );
            pass.advise(
                Diagnostic::new(findings::HOST_PREFIX, message, Some(address.address.span)).hint(format!(
                    "write {0}/{network}, or {0}/{1} if that is meant",
                    *address.address, address.prefix_length
                )),
            );
        }
    }
}

/// The prefix length of the network on its interface that an address belongs to, when that is no single address.
fn larger_network(address: &VirtualAddress, host: &dyn Host) -> Option<u8> {
    let full = if address.address.is_ipv4() { 32 } else { 128 };
    let around = |length: u8, it: IpAddr| match (it, *address.address) {
        (IpAddr::V4(a), IpAddr::V4(b)) => same_bits(u128::from(a.to_bits()), u128::from(b.to_bits()), 32, length),
        (IpAddr::V6(a), IpAddr::V6(b)) => same_bits(a.to_bits(), b.to_bits(), 128, length),
        _ => false,
    };
    let networks = host.addresses().iter().filter(|it| it.interface == *address.dev);
    networks
        .filter(|it| address.prefix_length == full && it.prefix_length < full && it.address != *address.address)
        .find(|it| around(it.prefix_length, it.address))
        .map(|it| it.prefix_length)
}

/// Do two addresses of `width` bits begin with the same `length` bits?
fn same_bits(a: u128, b: u128, width: u32, length: u8) -> bool {
    let rest = width.saturating_sub(u32::from(length));
    (a ^ b).checked_shr(rest).unwrap_or(0) == 0
}

/// Is the prefix length written? Where a definition put the address nobody can tell, and nothing is said.
fn has_prefix_length(pass: &Pass<'_>, address: &VirtualAddress) -> bool {
    let span = address.address.span;
    let line = pass.sources.line(span.file, span.line).unwrap_or_default();
    let start = usize::try_from(span.column).unwrap_or(usize::MAX).saturating_sub(1);
    let word = line.get(start..).unwrap_or_default();
    let mut word = word.iter().take_while(|byte| !byte.is_ascii_whitespace());
    span.expansion.is_some() || word.any(|byte| *byte == b'/' || *byte == b'$')
}

fn router_ids(pass: &mut Pass<'_>, instances: &[VrrpInstance]) {
    // The first of each family.
    let mut seen: HashMap<(&str, u8), Vec<&VrrpInstance>> = HashMap::new();
    for instance in instances {
        let link = (instance.interface.as_str(), *instance.virtual_router_id);
        let firsts = seen.entry(link).or_default();
        let same_family = firsts.iter().find(|first| first.family == instance.family);
        if let Some(first) = same_family.or(firsts.first()) {
            router_id(pass, first, instance);
        }
        if same_family.is_none() {
            firsts.push(instance);
        }
    }
}

fn router_id(pass: &mut Pass<'_>, first: &VrrpInstance, second: &VrrpInstance) {
    let (finding, how) = if first.family == second.family {
        (findings::VRID_SHARED, "their adverts only go to different places")
    } else {
        (findings::VRID_BOTH_FAMILIES, "one is IPv4, the other IPv6")
    };
    let message = format!(
        "vrrp_instance {} and {} both have virtual_router_id {} on {}: {how}",
        first.name, second.name, *second.virtual_router_id, second.interface
    );
    pass.advise(
        Diagnostic::new(finding, message, Some(second.virtual_router_id.span))
            .note("the first is here", Some(first.virtual_router_id.span)),
    );
}

fn sync_group(pass: &mut Pass<'_>, group: &VrrpSyncGroup, instances: &HashMap<&str, &VrrpInstance>) {
    let member = |name: &Spanned<String>| instances.get(name.as_str()).copied();
    let members: Vec<&VrrpInstance> = group.group.iter().filter_map(member).collect();
    let Some((first, others)) = members.split_first() else {
        return;
    };
    for member in others {
        if member.advert_int != first.advert_int {
            let message = format!(
                "vrrp_sync_group {}: {} sends adverts every {:?}, {} every {:?}",
                group.name, member.name, member.advert_int, first.name, first.advert_int
            );
            differs(pass, findings::GROUP_ADVERT_INT, message, first, member);
        }
        if member.state != first.state {
            let message = format!(
                "vrrp_sync_group {}: {} and {} differ in state, though they always change together",
                group.name, member.name, first.name
            );
            differs(pass, findings::GROUP_STATE, message, first, member);
        }
        if member.nopreempt != first.nopreempt {
            let message = format!(
                "vrrp_sync_group {}: only one of {} and {} has nopreempt, though they always change together",
                group.name, member.name, first.name
            );
            differs(pass, findings::GROUP_PREEMPTION, message, first, member);
        }
    }
}

fn differs(
    pass: &mut Pass<'_>,
    finding: findings::Finding,
    message: String,
    first: &VrrpInstance,
    member: &VrrpInstance,
) {
    pass.advise(
        Diagnostic::new(finding, message, Some(member.name.span))
            .note(format!("{} is here", first.name), Some(first.name.span))
            .hint("write the same for all instances of the group"),
    );
}
