//! The site of a seed and what befalls it.

mod site;

use crate::random::Random;
use crate::{MILLISECOND, MOST_ADDRESSES, Nanos, SECOND};

/// Advertisement intervals, in milliseconds: the classes that figures are given for.
pub const INTERVALS_MS: [u64; 8] = [10, 100, 500, 1_000, 2_000, 5_000, 10_000, 40_000];

/// Of so many scenarios each class has its share.
const CLASS_WEIGHTS: [u64; 8] = [6, 10, 12, 30, 12, 12, 10, 8];

/// One virtual router on one node, as it will stand in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "switches of the configuration, one field each"
)]
pub struct InstancePlan {
    /// 0 is `eth0`, 1 is `eth1`.
    pub segment: usize,
    /// `virtual_router_id`.
    pub vrid: u8,
    /// `version`.
    pub version: u8,
    /// IPv6, else IPv4.
    pub ipv6: bool,
    /// `unicast_peer` with all other nodes, else multicast.
    pub unicast: bool,
    /// `check_unicast_src`.
    pub check_source: bool,
    /// How adverts are authenticated.
    pub authentication: Authentication,
    /// `advert_int` in milliseconds.
    pub interval_ms: u64,
    /// `down_timer_adverts`.
    pub adverts: u8,
    /// `priority`.
    pub priority: u8,
    /// `state MASTER`.
    pub state_master: bool,
    /// `nopreempt`.
    pub nopreempt: bool,
    /// `preempt_delay` in milliseconds; 0: none.
    pub preempt_delay_ms: u64,
    /// `garp_master_refresh` in seconds; 0: none.
    pub refresh_s: u64,
    /// `higher_prio_send_advert`.
    pub farewell: bool,
    /// `lower_prio_no_advert`.
    pub silent_to_worse: bool,
    /// `track_interface` of the other segment's interface, with this weight; 0: its loss is a fault.
    pub tracked_link: Option<i32>,
    /// Which of the addresses; the last one is `virtual_ipaddress_excluded`.
    pub addresses: [bool; MOST_ADDRESSES],
}

/// How adverts are authenticated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authentication {
    /// Not at all.
    None,
    /// `auth_type PASS`, version 2 only.
    Pass(&'static str),
    /// `auth_type AH`, version 2 only.
    Ah(&'static str),
    /// `auth_hmac`.
    Hmac {
        /// `mode`.
        mode: HmacMode,
        /// `anti_replay monotonic`, else `time`.
        monotonic: bool,
    },
}

/// `mode` of `auth_hmac`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HmacMode {
    /// Sign, and refuse what is not signed.
    Enforce,
    /// Sign, and take both.
    Permissive,
    /// Do not sign, and take both.
    ReceiveOnly,
}

/// `vrrp_script`, tracked by the group or by the first instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScriptPlan {
    /// 0: its failure is a fault.
    pub weight: i32,
    /// `rise`.
    pub rise: u32,
    /// `fall`.
    pub fall: u32,
    /// `interval` in milliseconds.
    pub interval_ms: u64,
}

/// One node, as its file will say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodePlan {
    /// Which node this is, from 0.
    pub index: usize,
    /// How many nodes there are.
    pub count: usize,
    /// The virtual routers.
    pub instances: Vec<InstancePlan>,
    /// All instances are members of one `vrrp_sync_group`.
    pub grouped: bool,
    /// The tracked script.
    pub script: Option<ScriptPlan>,
    /// `vrrp_startup_delay` in seconds; 0: none.
    pub startup_delay_s: u64,
    /// The clock gains so many parts of 2^20.
    pub clock_gain: u64,
}

/// What a reload changes in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Another `priority` in all instances.
    Priority(u8),
    /// Another `advert_int` in all instances, in milliseconds.
    Interval(u64),
    /// This address comes or goes in all instances.
    Address(usize),
    /// `nopreempt` comes or goes.
    Preempt,
    /// Nothing: SIGHUP with the same file.
    Nothing,
}

/// What can befall a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// On a segment one node's packets no longer reach another one.
    Cut {
        /// Segment.
        segment: usize,
        /// Who is not heard.
        from: usize,
        /// By whom.
        to: usize,
    },
    /// The segment falls into two sides: nodes whose bit is set, and the others. Two: both segments.
    Partition {
        /// Segment, or 2 for both.
        segment: usize,
        /// One bit for each node.
        side: u8,
    },
    /// All cuts are mended.
    Mend,
    /// Packets are lost, doubled, and late.
    Noise {
        /// Lost, in percent.
        loss: u8,
        /// Doubled, in percent.
        doubled: u8,
        /// Late, in percent.
        late: u8,
        /// How late at most.
        delay: Nanos,
    },
    /// The noise ends.
    Quiet,
    /// A node does nothing for a while, then gets everything at once.
    Stall {
        /// Node.
        node: usize,
        /// How long.
        length: Nanos,
    },
    /// An interface loses or gets its carrier.
    Link {
        /// Node.
        node: usize,
        /// Segment of the interface.
        segment: usize,
        /// Up.
        up: bool,
    },
    /// The tracked command begins to fail or to succeed.
    Script {
        /// Node.
        node: usize,
        /// Succeeds.
        good: bool,
    },
    /// `kill -9` of everything: the addresses stay until the restart.
    Kill {
        /// Node.
        node: usize,
        /// Until it starts again.
        restart: Nanos,
    },
    /// Power fails: the addresses are gone.
    Crash {
        /// Node.
        node: usize,
        /// Until it starts again.
        restart: Nanos,
    },
    /// An orderly stop.
    Stop {
        /// Node.
        node: usize,
        /// Until it starts again.
        restart: Nanos,
    },
    /// SIGHUP.
    Reload {
        /// Node.
        node: usize,
        /// What changed in the file.
        change: Change,
    },
    /// Somebody removes a virtual address from an interface.
    Steal {
        /// Node.
        node: usize,
        /// Which address of each instance.
        address: usize,
    },
    /// Everything is well again: cuts, noise, links, scripts.
    Heal,
}

impl Trouble {
    /// Names for the figures.
    pub const NAMES: [&'static str; 14] = [
        "one-way cut",
        "partition",
        "mend",
        "noise",
        "quiet",
        "stall",
        "link",
        "script",
        "kill -9",
        "power loss",
        "stop",
        "reload",
        "address removed",
        "heal",
    ];

    /// Place in [`Self::NAMES`].
    pub const fn kind(&self) -> usize {
        match self {
            Self::Cut { .. } => 0,
            Self::Partition { .. } => 1,
            Self::Mend => 2,
            Self::Noise { .. } => 3,
            Self::Quiet => 4,
            Self::Stall { .. } => 5,
            Self::Link { .. } => 6,
            Self::Script { .. } => 7,
            Self::Kill { .. } => 8,
            Self::Crash { .. } => 9,
            Self::Stop { .. } => 10,
            Self::Reload { .. } => 11,
            Self::Steal { .. } => 12,
            Self::Heal => 13,
        }
    }
}

/// A site and its troubles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scenario {
    /// Where it comes from.
    pub seed: u64,
    /// Place in [`INTERVALS_MS`].
    pub class: usize,
    /// The nodes.
    pub nodes: Vec<NodePlan>,
    /// When each trouble comes, in order.
    pub troubles: Vec<(Nanos, Trouble)>,
    /// Nothing happens after this.
    pub end: Nanos,
    /// Packets take so long at least, and twice as long at most, while the network is well.
    pub delay: Nanos,
}

impl Scenario {
    /// The scenario of a seed.
    pub fn of(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let class = random.weighted(&CLASS_WEIGHTS);
        let nodes = site::nodes(&mut random, INTERVALS_MS[class]);
        let mut scenario = Self {
            seed,
            class,
            nodes,
            troubles: Vec::new(),
            end: 0,
            // A tenth of the interval: three adverts lost in a row are then a loss, not a delay.
            delay: random.between(20_000, (INTERVALS_MS[class] * MILLISECOND / 20).min(5 * MILLISECOND)),
        };
        scenario.add_troubles(&mut random);
        scenario
    }

    /// The longest interval of the site at its start, the unit that all lengths of the scenario are drawn in.
    fn unit(&self) -> Nanos {
        let intervals = self.nodes.iter().flat_map(|node| &node.instances);
        intervals
            .map(|instance| instance.interval_ms * MILLISECOND)
            .max()
            .unwrap_or(SECOND)
    }

    /// Storms, each followed by a time in which nothing new happens: sometimes all is mended before, sometimes not.
    fn add_troubles(&mut self, random: &mut Random) {
        let unit = self.unit();
        // Enough for the election to settle, see `agreement`; what a startup delay adds is small beside it.
        let settle = 16 * unit + 10 * SECOND.min(unit * 10);
        let mut now = random.between(0, settle);
        for _ in 0..random.between(3, 6) {
            let mean_gap = unit * random.pick(&[1, 3, 10, 30, 60]) / 10;
            for _ in 0..random.between(1, 12) {
                now += random.below(2 * mean_gap) + 1;
                let trouble = self.trouble(random);
                self.troubles.push((now, trouble));
            }
            now += random.below(3 * unit) + 1;
            let mended = match random.below(10) {
                0..=5 => Trouble::Heal,
                6..=8 => Trouble::Quiet,
                _ => Trouble::Mend,
            };
            self.troubles.push((now, mended));
            let calm = unit * random.pick(&[4, 40, 400]);
            now += settle * random.between(1, 3) + random.below(calm);
        }
        self.troubles.push((now, Trouble::Heal));
        self.end = now + 4 * settle + random.below(unit * 200);
    }

    fn trouble(&self, random: &mut Random) -> Trouble {
        let unit = self.unit();
        let node = random.index(self.nodes.len());
        let segment = random.index(2);
        let longest = unit * random.pick(&[1, 5, 20]);
        let restart = random.below(longest) + MILLISECOND;
        match random.weighted(&[8, 10, 5, 6, 3, 14, 14, 10, 6, 4, 6, 10, 3, 6]) {
            0 => Trouble::Cut {
                segment,
                from: node,
                to: (node + random.index(self.nodes.len() - 1) + 1) % self.nodes.len(),
            },
            1 => Trouble::Partition {
                segment: random.pick(&[0, 1, 2, 2, 2]),
                side: u8::try_from(random.between(1, (1 << self.nodes.len()) - 2)).unwrap_or(1),
            },
            2 => Trouble::Mend,
            3 => Trouble::Noise {
                loss: random.pick(&[1, 5, 20, 50, 90]),
                doubled: random.pick(&[0, 0, 10, 50]),
                late: random.pick(&[0, 10, 50]),
                delay: random.below(unit * 4) + 1,
            },
            4 => Trouble::Quiet,
            5 => Trouble::Stall { node, length: restart },
            6 => Trouble::Link {
                node,
                segment,
                up: random.percent(50),
            },
            7 => Trouble::Script {
                node,
                good: random.percent(50),
            },
            8 => Trouble::Kill { node, restart },
            9 => Trouble::Crash { node, restart },
            10 => Trouble::Stop { node, restart },
            11 => Trouble::Reload {
                node,
                change: self.change(random, node),
            },
            12 => Trouble::Steal {
                node,
                address: random.index(MOST_ADDRESSES),
            },
            _ => Trouble::Heal,
        }
    }

    fn change(&self, random: &mut Random, node: usize) -> Change {
        let instance = &self.nodes[node].instances[0];
        // More than one owner is a mistake that the RFC does not know; and an owner stays one.
        let is_owner = instance.priority == 255;
        match random.below(5) {
            0 if !is_owner => Change::Priority(u8::try_from(random.between(1, 254)).unwrap_or(1)),
            1 => {
                let factor = random.pick(&[1, 2, 3]);
                let shortest = if instance.version == 2 { 1_000 } else { 10 };
                let longest = if instance.version == 2 { 255_000 } else { 40_000 };
                Change::Interval((INTERVALS_MS[self.class] * factor).clamp(shortest, longest))
            }
            2 => Change::Address(random.index(MOST_ADDRESSES)),
            3 => Change::Preempt,
            _ => Change::Nothing,
        }
    }
}
