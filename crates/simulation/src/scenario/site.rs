//! What a site is made of: what all nodes have in common, and what differs from node to node.

use super::{Authentication, HmacMode, InstancePlan, NodePlan, ScriptPlan};
use crate::MOST_NODES;
use crate::random::Random;

const FIRST_VRID: u8 = 51;

/// The nodes of a site whose common advertisement interval is this.
pub(super) fn nodes(random: &mut Random, interval_ms: u64) -> Vec<NodePlan> {
    let count = 2 + random.weighted(&[50, 30, 10, 10]);
    assert!(count <= MOST_NODES);
    // One instance, two of their own, or a group of two.
    let kind = random.weighted(&[55, 15, 30]);
    let common: Vec<InstancePlan> = (0..=usize::from(kind > 0))
        .map(|place| common_settings(random, interval_ms, place, kind == 2))
        .collect();
    // One that starts as master does not know how far the others have counted.
    let counts = common
        .iter()
        .any(|common| matches!(common.authentication, Authentication::Ah(_)));
    let all_nopreempt = random.percent(20);
    let preempt_delay_ms = if random.percent(15) {
        (interval_ms * random.between(1, 8)).clamp(1, 900_000)
    } else {
        0
    };
    let script = random.percent(35).then(|| script(random, interval_ms));
    let owner = random.percent(8).then(|| random.index(count));
    let equal = random.percent(12);
    let mixed = random.percent(15).then(|| random.index(count));
    let drifting = random.percent(50);
    let mut nodes = Vec::new();
    for index in 0..count {
        let own_nopreempt = random.percent(8);
        let own_priority = random.between(1, 254);
        let priority = match owner {
            Some(owner) if owner == index => 255,
            _ if equal => 100,
            _ => u8::try_from(own_priority).unwrap_or(100),
        };
        let nopreempt = (all_nopreempt || own_nopreempt) && priority != 255;
        let state_master = (priority == 255 || (!nopreempt && preempt_delay_ms == 0 && random.percent(20))) && !counts;
        let mut instances: Vec<InstancePlan> = common
            .iter()
            .map(|common| InstancePlan {
                priority,
                nopreempt,
                state_master,
                preempt_delay_ms: if nopreempt || state_master { 0 } else { preempt_delay_ms },
                // The weight of an owner's tracker would be refused.
                tracked_link: common
                    .tracked_link
                    .map(|weight| if priority == 255 { 0 } else { weight }),
                ..common.clone()
            })
            .collect();
        if mixed == Some(index) {
            differ(random, &mut instances, interval_ms);
        }
        let script = script.map(|script| ScriptPlan {
            weight: if priority == 255 { 0 } else { script.weight },
            ..script
        });
        nodes.push(NodePlan {
            index,
            count,
            instances,
            grouped: kind == 2,
            script,
            startup_delay_s: if random.percent(8) { random.between(1, 5) } else { 0 },
            // Two percent: far worse than any crystal, and less than what three intervals forgive.
            clock_gain: if drifting { random.below(20_972) } else { 0 },
        });
    }
    nodes
}

fn common_settings(random: &mut Random, interval_ms: u64, place: usize, grouped: bool) -> InstancePlan {
    let whole_seconds = interval_ms.is_multiple_of(1_000);
    let version = if whole_seconds && random.percent(45) { 2 } else { 3 };
    let unicast = random.percent(30);
    let mut addresses = [true, random.percent(40), random.percent(20), random.percent(20)];
    if random.percent(2) {
        // Only what is not advertised.
        addresses = [false, false, false, true];
    }
    InstancePlan {
        segment: if grouped { place } else { 0 },
        vrid: FIRST_VRID + u8::try_from(place).unwrap_or(0),
        version,
        ipv6: version == 3 && random.percent(40),
        unicast,
        check_source: unicast && random.percent(50),
        authentication: authentication(random, version),
        interval_ms,
        adverts: if random.percent(15) {
            random.pick(&[2, 4, 5, 10])
        } else {
            3
        },
        priority: 100,
        state_master: false,
        nopreempt: false,
        preempt_delay_ms: 0,
        refresh_s: if random.percent(25) {
            (interval_ms * 5).div_ceil(1_000).max(1)
        } else {
            0
        },
        farewell: !random.percent(10),
        silent_to_worse: random.percent(10),
        // Members of a group would go different ways.
        tracked_link: (!grouped && random.percent(20)).then(|| random.pick(&[0, 30, -30, 200, -200])),
        addresses,
    }
}

fn authentication(random: &mut Random, version: u8) -> Authentication {
    let of_version = u64::from(version == 2);
    match random.weighted(&[60, 30 * of_version, 15 * of_version, 15]) {
        0 => Authentication::None,
        1 => Authentication::Pass("secret"),
        2 => Authentication::Ah("secret"),
        _ => Authentication::Hmac {
            mode: random.pick(&[HmacMode::Enforce, HmacMode::Enforce, HmacMode::Permissive]),
            monotonic: random.percent(50),
        },
    }
}

fn script(random: &mut Random, interval_ms: u64) -> ScriptPlan {
    ScriptPlan {
        weight: random.pick(&[0, 0, 20, -20, 60, -100, 253, -253]),
        rise: u32::try_from(random.between(1, 3)).unwrap_or(1),
        fall: u32::try_from(random.between(1, 3)).unwrap_or(1),
        interval_ms: interval_ms.max(100),
    }
}

/// One node of the site has another file than the others: a rolling change that stopped half-way.
fn differ(random: &mut Random, instances: &mut [InstancePlan], interval_ms: u64) {
    match random.below(5) {
        0 => {
            for instance in instances.iter_mut() {
                let other = if instance.version == 3 && !instance.ipv6 && interval_ms.is_multiple_of(1_000) {
                    2
                } else {
                    3
                };
                if !matches!(instance.authentication, Authentication::Hmac { .. }) {
                    instance.authentication = Authentication::None;
                }
                instance.version = other;
            }
        }
        1 => {
            for instance in instances.iter_mut() {
                let longest = if instance.version == 2 { 255_000 } else { 40_000 };
                instance.interval_ms = (interval_ms * random.pick(&[2, 4])).min(longest);
            }
        }
        2 => {
            for instance in instances.iter_mut() {
                instance.addresses[1] = !instance.addresses[1];
            }
        }
        3 => {
            for instance in instances.iter_mut() {
                instance.unicast = !instance.unicast;
                instance.check_source = false;
            }
        }
        _ => {
            for instance in instances.iter_mut() {
                instance.authentication = match instance.authentication {
                    Authentication::Hmac { mode, monotonic } => Authentication::Hmac {
                        mode: match mode {
                            HmacMode::Enforce => random.pick(&[HmacMode::Permissive, HmacMode::ReceiveOnly]),
                            HmacMode::Permissive | HmacMode::ReceiveOnly => HmacMode::Enforce,
                        },
                        monotonic,
                    },
                    Authentication::None | Authentication::Pass(_) if instance.version == 2 => {
                        random.pick(&[Authentication::None, Authentication::Pass("other")])
                    }
                    _ => Authentication::None,
                };
            }
        }
    }
}
