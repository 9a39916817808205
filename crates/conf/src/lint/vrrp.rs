//! Advice on `vrrp_instance` and `vrrp_sync_group`.
//!
//! Said when a file is read, and therefore not here: nopreempt with state MASTER (HF0413), a password of more than
//! eight bytes (HF0412), a `virtual_router_id` used twice (HF0404), no virtual address (HF0405, HF0406), weights that
//! the owner or a sync group ignores (HF0419), unicast settings that mean multicast (HF0423).

use super::{Lint, Pass};
use crate::config::{InitialState, VirtualAddress, VrrpInstance, VrrpSyncGroup, VrrpVersion};
use crate::diagnostic::{Diagnostic, findings};
use crate::host::Host;
use std::collections::HashMap;
use std::net::IpAddr;

/// The owner of the addresses.
const OWNER: u8 = 255;

pub(super) const LINTS: &[Lint] = &[
    Lint {
        finding: findings::PRIORITY_OWNER,
        explanation: "In VRRP priority 255 says that the virtual addresses belong to this host anyway (RFC 9568 \
            section 5.2.4). Such a router becomes master at once when it starts, takes the addresses from every other \
            master, cannot use nopreempt, and no tracked script or interface lowers its priority. It is also what \
            `state MASTER` means where no priority is written. Two routers with 255 fight for ever. Unless the \
            addresses really are the host's own, write a priority from 1 to 254 on every router.",
    },
    Lint {
        finding: findings::VRID_SHARED,
        explanation: "Two instances on one interface have the same virtual_router_id and are told apart only by where \
            their adverts go: to different unicast peers, or to different multicast groups. This works, but logs, \
            packet captures and other routers show one number for two things, and it breaks as soon as one of them \
            falls back to the common multicast group. There are 255 numbers on each link; take another one.",
    },
    Lint {
        finding: findings::VRID_BOTH_FAMILIES,
        explanation: "IPv4 and IPv6 instances have separate numbers, so one virtual_router_id for both is legal and \
            often meant: one router for both families. Logs and captures then need the family to tell them apart, and \
            with virtual MAC addresses each family has its own prefix. Switch this advice off where it is meant.",
    },
    Lint {
        finding: findings::UNICAST_SELF,
        explanation: "The instance lists its own source address as a peer. It would send adverts to itself, and the \
            real peer may be missing from the list. One common file for all routers is better written with \
            conditions: `@router1 unicast_peer ...`.",
    },
    Lint {
        finding: findings::GROUP_ADVERT_INT,
        explanation: "The instances of a sync group change state together, but a router is missed only after three \
            times its own advert_int. With different intervals the group waits for the slowest one on a takeover and \
            follows the fastest one on a loss. Give all instances of a group the same advert_int.",
    },
    Lint {
        finding: findings::PRIORITY_LIMIT,
        explanation: "The priority of an instance and the weights of everything it tracks are added up, and the sum \
            is limited to 1 to 254. When the sum leaves that range, several different states of the trackers give \
            the same priority, and the election falls to the larger address. Choose priority and weights so that \
            all sums stay inside.",
    },
    Lint {
        finding: findings::NOPREEMPT_WEIGHT,
        explanation: "A tracker with a weight moves the priority and relies on a router of higher priority to take \
            over. A backup with nopreempt does not take over while it hears any master, so a master whose check \
            fails stays master. Use weight 0 (which means FAULT: the master gives up by itself), or drop nopreempt. \
            All routers of a group usually have the same file, so this is said for each instance with both.",
    },
    Lint {
        finding: findings::NO_CONFLICT_REPAIR,
        explanation: "After two routers were master at the same time, for example because a switch lost adverts, the \
            neighbours' ARP caches may still point to the one that lost. The winner never changed state, so it \
            announces nothing new by itself. With garp_lower_prio_repeat 0 and no garp_master_refresh the caches \
            stay wrong until they expire, which takes hours on some switches. Leave garp_lower_prio_repeat at its \
            default, or set garp_master_refresh 60.",
    },
    Lint {
        finding: findings::FIRST_NOT_LINK_LOCAL,
        explanation: "For IPv6 the first address of a virtual router must be link-local (RFC 9568 section 5.2.9), so \
            that hosts can use it as their router. Other implementations may reject adverts whose first address is \
            global. For a plain service address between two Holdfast or keepalived routers it does no harm.",
    },
    Lint {
        finding: findings::HOST_PREFIX,
        explanation: "An address without a prefix length becomes a /32 (IPv6: /128). It works for receiving, but it \
            stands beside the network of its interface instead of in it, and it is found under a different prefix \
            length than the interface's own addresses. If the network's own length is meant, write it; if not, write \
            /32, and this advice ends.",
    },
    Lint {
        finding: findings::SOURCE_ABSENT,
        explanation: "unicast_src_ip or mcast_src_ip names an address that no interface of this host has now. \
            The instance waits in FAULT until the address appears. Often the file was copied from the peer, and its \
            unicast_src_ip and unicast_peer still have to be swapped.",
    },
    Lint {
        finding: findings::GROUP_STATE,
        explanation: "A sync group has one state, yet its instances are told to begin as MASTER and as BACKUP. The \
            group starts when the slowest of them is ready; write the same state for all of them.",
    },
    Lint {
        finding: findings::GROUP_PREEMPTION,
        explanation: "Some instances of a sync group have nopreempt and some do not. The group moves as one, so the \
            instances without nopreempt cannot pre-empt until the others would, and the others are pre-empted along \
            with them. Write nopreempt for all instances of the group, or for none.",
    },
];

pub(super) fn look(pass: &mut Pass<'_>) {
    let config = pass.config;
    for instance in &config.vrrp_instances {
        owner(pass, instance);
        unicast_self(pass, instance);
        weights(pass, instance);
        conflict_repair(pass, instance);
        link_local(pass, instance);
        if let Some(host) = pass.host {
            source_address(pass, instance, host);
            prefix_lengths(pass, instance, host);
        }
    }
    router_ids(pass, &config.vrrp_instances);
    for group in &config.vrrp_sync_groups {
        sync_group(pass, group);
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
    if silent && !instance.virtual_ipaddress.is_empty() {
        let message = format!(
            "vrrp_instance {} announces nothing after it met a second master: neighbours may keep the loser's address",
            instance.name
        );
        pass.advise(
            Diagnostic::new(findings::NO_CONFLICT_REPAIR, message, Some(instance.name.span))
                .hint("garp_lower_prio_repeat 1 or more, or garp_master_refresh 60"),
        );
    }
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
    let mut seen: HashMap<(&str, u8), Vec<&VrrpInstance>> = HashMap::new();
    for instance in instances {
        let link = (instance.interface.as_str(), *instance.virtual_router_id);
        let others = seen.entry(link).or_default();
        let same_family = others.iter().find(|other| other.family == instance.family);
        if let Some(other) = same_family.or(others.first()) {
            router_id(pass, other, instance);
        }
        others.push(instance);
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

fn sync_group(pass: &mut Pass<'_>, group: &VrrpSyncGroup) {
    let instances = &pass.config.vrrp_instances;
    let members = group.group.iter();
    let members: Vec<&VrrpInstance> = members
        .filter_map(|name| instances.iter().find(|instance| instance.name == *name))
        .collect();
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
