//! The sites that are checked: one virtual router.

use holdfast_simulation::configuration;
use holdfast_simulation::scenario::{Authentication, InstancePlan, NodePlan};
use holdfast_vrrp::NodeSettings;

/// What the nodes have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Version 3, an advert each second.
    Preempt,
    /// Version 2, an advert each other second.
    Version2,
    /// `nopreempt` on all nodes.
    NoPreempt,
    /// `preempt_delay 2` on all nodes.
    Delay,
    /// All have the same priority.
    Equal,
}

impl Kind {
    pub(crate) const ALL: [Self; 5] = [Self::Preempt, Self::Version2, Self::NoPreempt, Self::Delay, Self::Equal];

    /// `advert_int`, in seconds: in version 2 it is not the unit of the skew.
    pub(crate) const fn interval_s(self) -> u64 {
        match self {
            Self::Version2 => 2,
            _ => 1,
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Preempt => "preempt",
            Self::Version2 => "version 2",
            Self::NoPreempt => "nopreempt",
            Self::Delay => "preempt_delay",
            Self::Equal => "equal priorities",
        }
    }
}

/// A higher node has a higher priority, unless all are equal, and a higher address.
pub(crate) fn site(nodes: usize, kind: Kind) -> Vec<NodeSettings> {
    let priorities = match kind {
        Kind::Equal => [100; 3],
        _ => [100, 150, 200],
    };
    let plan = |index: usize| NodePlan {
        index,
        count: nodes,
        instances: vec![InstancePlan {
            segment: 0,
            vrid: 51,
            version: if kind == Kind::Version2 { 2 } else { 3 },
            ipv6: false,
            unicast: false,
            check_source: false,
            authentication: Authentication::None,
            interval_ms: kind.interval_s() * 1_000,
            adverts: 3,
            priority: priorities[index],
            state_master: false,
            nopreempt: kind == Kind::NoPreempt,
            preempt_delay_ms: if kind == Kind::Delay { 2_000 } else { 0 },
            refresh_s: 0,
            farewell: true,
            silent_to_worse: false,
            tracked_link: None,
            addresses: [true, false, false, false],
        }],
        grouped: false,
        script: None,
        startup_delay_s: 0,
        clock_gain: 0,
    };
    (0..nodes).map(|index| configuration::settings(&plan(index))).collect()
}
