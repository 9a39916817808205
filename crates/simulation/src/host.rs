//! One machine: clock, kernel, script, and the program on it.

use holdfast_vrrp::{Event, Node, NodeSettings, ReceivedPacket, ScriptHealth};

use crate::authentication::Memory;
use crate::conduct::View;
use crate::configuration;
use crate::scenario::{Authentication, Change, InstancePlan, NodePlan, ScriptPlan};
use crate::{MOST_ADDRESSES, MOST_INSTANCES, Nanos};

/// A packet socket holds about so many adverts; what comes when it is full is dropped.
pub const MOST_WAITING: usize = 256;

/// A clock that is never slower than the world's and gains a little.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    offset: Nanos,
    gain: u64,
}

impl Clock {
    /// A clock that shows `offset` at the start of the world and gains `gain` parts of 2^20.
    pub const fn new(offset: Nanos, gain: u64) -> Self {
        Self { offset, gain }
    }

    /// What the clock shows.
    pub const fn local(&self, world: Nanos) -> Nanos {
        self.offset + world + gained(world, self.gain)
    }

    /// The first moment at which the clock shows this or more.
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a guess that is made exact afterwards"
    )]
    pub fn world(&self, local: Nanos) -> Nanos {
        let target = local.saturating_sub(self.offset);
        if self.gain == 0 {
            return target;
        }
        let mut world = ((target as f64 / (1.0 + self.gain as f64 / 1_048_576.0)) as u64).saturating_sub(2);
        while world + gained(world, self.gain) < target {
            world += 1;
        }
        world
    }
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "less than the factor that was taken out of it"
)]
const fn gained(world: Nanos, gain: u64) -> Nanos {
    ((world as u128 * gain as u128) >> 20) as Nanos
}

/// What waits for a node that stalls, besides packets.
#[derive(Clone, Debug)]
pub enum Queued {
    /// For the machine.
    Event(Event),
    /// SIGHUP with a changed file.
    Reload(Change),
    /// The script came up or went down.
    Script(Option<bool>),
}

/// A node and its machine.
#[derive(Clone, Debug)]
pub struct Host {
    /// From 0.
    pub index: usize,
    /// The file that the running program has read.
    pub plan: NodePlan,
    /// What it means.
    pub settings: NodeSettings,
    /// The program; none while it does not run.
    pub node: Option<Node>,
    /// Its clock.
    pub clock: Clock,
    /// Carrier of each interface.
    pub links: [bool; 2],
    /// What the machine knows of it.
    pub links_told: [bool; 2],
    /// Whether the tracked command succeeds.
    pub script_good: bool,
    /// The count of its results.
    pub script: ScriptHealth,
    /// What the machine knows of it.
    pub script_told: Option<bool>,
    /// Next run of the command that could change anything.
    pub script_at: Nanos,
    /// Addresses in the kernel.
    pub held: [[bool; MOST_ADDRESSES]; MOST_INSTANCES],
    /// Until when an address that somebody removed must be back; no bound while the machine has not been told.
    pub back_until: [[Option<Nanos>; MOST_ADDRESSES]; MOST_INSTANCES],
    /// Does nothing until then; 0: does not stall.
    pub stalled_until: Nanos,
    /// When the last stall began.
    pub stalled_since: Nanos,
    /// Packets that came meanwhile.
    pub inbox: Vec<ReceivedPacket>,
    /// Everything else that came meanwhile.
    pub queued: Vec<Queued>,
    /// When it starts again.
    pub restart_at: Nanos,
    /// End of the startup delay.
    pub started_at: Nanos,
    /// All that a starting driver must say has been said.
    pub told: bool,
    /// When its next timer ends, on the world's clock.
    pub wake_at: Nanos,
    /// What authentication makes them remember.
    pub memories: [Memory; MOST_INSTANCES],
    /// The instances as seen from outside.
    pub views: [View; MOST_INSTANCES],
}

impl Host {
    /// A machine on which nothing runs yet.
    pub fn new(plan: NodePlan, offset: Nanos) -> Self {
        Self {
            index: plan.index,
            settings: configuration::settings(&plan),
            node: None,
            clock: Clock::new(offset, plan.clock_gain),
            links: [true; 2],
            links_told: [true; 2],
            script_good: true,
            script: ScriptHealth::new(1, 1, false),
            script_told: None,
            script_at: Nanos::MAX,
            held: Default::default(),
            back_until: Default::default(),
            stalled_until: 0,
            stalled_since: 0,
            inbox: Vec::new(),
            queued: Vec::new(),
            restart_at: 0,
            started_at: 0,
            told: false,
            wake_at: Nanos::MAX,
            memories: Default::default(),
            views: Default::default(),
            plan,
        }
    }

    /// An instance signs by the clock on the wall.
    pub fn needs_wall_clock(&self) -> bool {
        let signs = |instance: &InstancePlan| matches!(instance.authentication, Authentication::Hmac { .. });
        self.plan.instances.iter().any(signs)
    }

    /// Runs and does not stall.
    pub const fn is_awake(&self) -> bool {
        self.node.is_some() && self.stalled_until == 0
    }

    /// The next moment at which something happens here.
    pub fn next(&self) -> Nanos {
        if self.node.is_none() {
            return self.restart_at;
        }
        let stalled = if self.stalled_until > 0 {
            self.stalled_until
        } else {
            self.wake_at
        };
        stalled.min(self.script_at)
    }

    /// Place of the interface's instances that move together with this one.
    pub fn unit_of(&self, instance: usize) -> std::ops::Range<usize> {
        if self.plan.grouped {
            0..self.plan.instances.len()
        } else {
            instance..instance + 1
        }
    }

    /// Whether the unit says a last word when it gives way: the member that hears the better master does it for all.
    pub fn says_farewell(&self, instance: usize) -> bool {
        self.unit_of(instance)
            .all(|member| self.plan.instances[member].farewell)
    }

    fn script_of(&self, instance: usize) -> Option<ScriptPlan> {
        self.plan.script.filter(|_| self.plan.grouped || instance == 0)
    }

    /// Effective priority that an instance must have, from what its node has been told.
    pub fn priority(&self, instance: usize) -> u8 {
        let base = self.plan.instances[instance].priority;
        if base == 255 {
            return base;
        }
        let weight = match (self.script_of(instance), self.script_told) {
            (Some(script), Some(true)) => script.weight.max(0),
            (Some(script), Some(false)) => script.weight.min(0),
            _ => 0,
        };
        let plan = &self.plan.instances[instance];
        let weight = weight
            + plan.tracked_link.map_or(0, |weight| {
                if self.links_told[1 - plan.segment] {
                    weight.max(0)
                } else {
                    weight.min(0)
                }
            });
        u8::try_from((i32::from(base) + weight).clamp(1, 254)).unwrap_or(1)
    }

    /// Whether a unit must be in FAULT.
    pub fn has_fault(&self, instance: usize) -> bool {
        self.unit_of(instance).any(|member| {
            let plan = &self.plan.instances[member];
            let other_down = plan.tracked_link == Some(0) && !self.links_told[1 - plan.segment];
            let link_down = !self.links_told[plan.segment] || other_down;
            let decides = self.script_of(member).is_some_and(|script| script.weight == 0);
            link_down || decides && self.script_told == Some(false)
        })
    }

    /// Whether a unit must wait for the first result of a script.
    pub fn awaits_script(&self, instance: usize) -> bool {
        let mut unit = self.unit_of(instance);
        let decides = |member| self.script_of(member).is_some_and(|script| script.weight == 0);
        unit.any(decides) && self.script_told.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_shows_a_moment_for_the_first_time_then() {
        for gain in [0, 1, 777, 20_971] {
            let clock = Clock::new(12_345, gain);
            for local in [12_345, 12_346, 1_000_000_007, 86_400_000_000_123, 200_000_000_000_001] {
                let world = clock.world(local);
                assert!(clock.local(world) >= local);
                assert!(world == 0 || clock.local(world - 1) < local, "{gain} {local}");
            }
        }
    }
}
