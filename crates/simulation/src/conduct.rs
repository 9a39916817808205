//! What one node may do and must do, whatever the network does to it: RFC 3768 and RFC 9568 section 6.4, and the
//! promises of the machine about the order of its actions.
//!
//! A [`View`] follows an instance from outside, by what reaches it and what it reports. From these follow the earliest
//! and the latest moment at which a backup may become master:
//!
//! ```text
//! Master_Down_Interval = adverts * Master_Adver_Interval + Skew_Time
//! Skew_Time            = (256 - priority) / 256 seconds                    version 2
//!                        (256 - priority) / 256 * Master_Adver_Interval    version 3
//! ```
//!
//! The wait begins anew with each advert that the backup must accept. When the priority or the settings change during a
//! wait, anything between the shortest and the longest of the lengths is right.

use holdfast_vrrp::{ReceivedPacket, State};

use crate::authentication::{vrrp_of, wall_clock};
use crate::configuration::{node_of, place_of};
use crate::host::Host;
use crate::scenario::InstancePlan;
use crate::{MILLISECOND, MOST_ADDRESSES, Nanos, SECOND};

/// Most adverts in an interval: after a stall a node answers all that came meanwhile.
const MOST_ADVERTS: u32 = 1_000;

/// A running wait of a backup, on its own clock.
#[derive(Clone, Copy, Debug)]
pub struct Wait {
    kind: Kind,
    since: Nanos,
    shortest: Nanos,
    longest: Nanos,
    /// After a stall it does not end before this moment; two, because it may have ended before the stall.
    earliest_end: Nanos,
    latest_end: Nanos,
}

impl Wait {
    fn earliest(&self) -> Nanos {
        (self.since + self.shortest).max(self.earliest_end)
    }

    fn latest(&self) -> Nanos {
        (self.since + self.longest).max(self.latest_end)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    MasterDown,
    Skew,
}

/// An instance as seen from outside.
#[derive(Clone, Copy, Debug)]
pub struct View {
    /// Last state reported.
    pub state: State,
    /// Backup only.
    pub wait: Option<Wait>,
    /// End of `preempt_delay`, on the node's clock.
    preempt_at: Option<Nanos>,
    /// `Master_Adver_Interval`.
    master_interval: Nanos,
    /// A master has been heard, and is followed.
    follows: bool,
    /// When a master sent its last advert, on its own clock.
    pub last_advert: Option<Nanos>,
    /// Adverts that it has sent since this moment on its own clock.
    burst: (Nanos, u32),
    /// On the world's clock.
    pub became_master: Nanos,
    /// On the world's clock.
    pub left_master: Nanos,
    /// When a master last heard a worse one, on the world's clock.
    pub last_conflict: Option<Nanos>,
}

impl Default for View {
    fn default() -> Self {
        Self {
            state: State::Init,
            wait: None,
            preempt_at: None,
            master_interval: 0,
            follows: false,
            last_advert: None,
            burst: (0, 0),
            became_master: 0,
            left_master: 0,
            last_conflict: None,
        }
    }
}

/// The fields of an advert, read without the machine's own reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advert {
    /// Version.
    pub version: u8,
    /// Virtual router.
    pub vrid: u8,
    /// Priority.
    pub priority: u8,
    /// Addresses listed.
    pub count: u8,
    /// Interval.
    pub interval: Nanos,
}

impl Advert {
    /// Reads what follows the IP header.
    pub fn read(bytes: &[u8]) -> Self {
        let version = bytes[0] >> 4;
        let interval = if version == 2 {
            u64::from(bytes[5]) * SECOND
        } else {
            (u64::from(bytes[4] & 0xf) << 8 | u64::from(bytes[5])) * 10 * MILLISECOND
        };
        Self {
            version,
            vrid: bytes[1],
            priority: bytes[2],
            count: bytes[3],
            interval,
        }
    }
}

/// The instance of a host that a packet is for.
pub fn addressee(host: &Host, packet: &ReceivedPacket) -> Option<usize> {
    let vrid = vrrp_of(packet)[1];
    let ipv6 = packet.source.is_ipv6();
    host.plan
        .instances
        .iter()
        .position(|instance| instance.vrid == vrid && instance.ipv6 == ipv6)
}

/// Whether an instance must take a packet for an advert of its virtual router.
fn accepts(instance: &InstancePlan, packet: &ReceivedPacket, advert: &Advert) -> bool {
    if packet.destination.is_multicast() == instance.unicast {
        return false;
    }
    advert.version == 3 || advert.interval == instance.interval_ms * MILLISECOND
}

impl Host {
    fn interval(&self, instance: usize) -> Nanos {
        self.plan.instances[instance].interval_ms * MILLISECOND
    }

    fn interval_of_master(&self, instance: usize) -> Nanos {
        if self.plan.instances[instance].version == 2 {
            self.interval(instance)
        } else {
            self.views[instance].master_interval
        }
    }

    fn length(&self, instance: usize, kind: Kind) -> Nanos {
        let plan = &self.plan.instances[instance];
        let interval = self.interval_of_master(instance);
        let unit = if plan.version == 2 { SECOND } else { interval };
        let skew = unit * (256 - u64::from(self.priority(instance))) / 256;
        match kind {
            Kind::MasterDown => interval * u64::from(plan.adverts) + skew,
            Kind::Skew => skew,
        }
    }

    fn begin_wait(&mut self, instance: usize, kind: Kind, now: Nanos) {
        let length = self.length(instance, kind);
        self.views[instance].wait = Some(Wait {
            kind,
            since: now,
            shortest: length,
            longest: length,
            earliest_end: 0,
            latest_end: 0,
        });
    }

    /// Takes notice of other settings or another priority.
    pub fn settings_changed(&mut self, delay_changed: bool) {
        for instance in 0..self.plan.instances.len() {
            if delay_changed {
                self.views[instance].preempt_at = None;
            }
            if self.views[instance].state != State::Backup {
                self.views[instance].master_interval = self.interval(instance);
            }
            if let Some(wait) = self.views[instance].wait {
                let length = self.length(instance, wait.kind);
                self.views[instance].wait = Some(Wait {
                    shortest: wait.shortest.min(length),
                    longest: wait.longest.max(length),
                    ..wait
                });
            }
        }
    }

    /// A packet is about to be handed to the machine, at `now` on the node's clock and `world` on the world's.
    pub fn about_to_hear(&mut self, packet: &ReceivedPacket, now: Nanos, world: Nanos) {
        let Some(instance) = addressee(self, packet) else {
            return;
        };
        let advert = Advert::read(vrrp_of(packet));
        let plan = &self.plan.instances[instance];
        let listens = matches!(self.views[instance].state, State::Backup | State::Master);
        if !listens || advert.version != plan.version {
            return;
        }
        let from = node_of(packet.source);
        let passes = self.memories[instance].passes(plan, packet, from, wall_clock(world, self.index));
        if !passes || !accepts(plan, packet, &advert) {
            return;
        }
        let learnt = if advert.version == 3 {
            advert.interval
        } else {
            plan.interval_ms * MILLISECOND
        };
        let own = self.priority(instance);
        let (preempt, delay) = (!plan.nopreempt, plan.preempt_delay_ms * MILLISECOND);
        let view = &mut self.views[instance];
        match view.state {
            State::Backup if advert.priority == 0 => self.begin_wait(instance, Kind::Skew, now),
            State::Backup => {
                if advert.priority >= own {
                    view.preempt_at = None;
                } else if preempt {
                    // While the delay runs the worse master is left alone.
                    let over = delay == 0 || now >= *view.preempt_at.get_or_insert(now + delay);
                    if over {
                        return;
                    }
                }
                view.master_interval = learnt;
                view.follows = true;
                self.begin_wait(instance, Kind::MasterDown, now);
            }
            State::Master if advert.priority > 0 => {
                let theirs = (advert.priority, node_of(packet.source));
                if theirs > (own, self.index) {
                    view.master_interval = learnt;
                    view.follows = true;
                } else {
                    view.last_conflict = Some(world);
                }
            }
            _ => {}
        }
    }

    /// The machine is told that it stood still. Where an advert may have been missed, a backup listens once more.
    pub fn stalled(&mut self, length: Nanos, now: Nanos) {
        let since = self.clock.local(self.stalled_since);
        for instance in 0..self.plan.instances.len() {
            let interval = self.interval_of_master(instance);
            let earliest_end = now + interval + self.length(instance, Kind::Skew);
            let view = &mut self.views[instance];
            if length < interval || !view.follows {
                continue;
            }
            if let Some(wait) = view.wait.as_mut().filter(|wait| wait.kind == Kind::MasterDown) {
                if wait.earliest() > since {
                    wait.earliest_end = earliest_end;
                }
                if wait.latest() > since {
                    wait.latest_end = earliest_end;
                }
            }
        }
    }

    /// An instance reports a new state. What must not be is returned.
    pub fn moved(&mut self, instance: usize, from: State, to: State, now: Nanos, world: Nanos) -> Result<(), String> {
        let known = self.views[instance].state;
        if known != from {
            return Err(format!("leaves {from}, but it was in {known}"));
        }
        let plan = &self.plan.instances[instance];
        let by_right = plan.priority == 255 && plan.state_master;
        if to == State::Master && !(matches!(from, State::Init | State::Fault) && by_right) {
            let since = self.earliest(instance);
            if from != State::Backup || since.is_none_or(|earliest| now < earliest) {
                return Err(format!(
                    "becomes master from {from} at {now}, allowed at {since:?}: {:?}",
                    self.views[instance]
                ));
            }
        }
        let own = self.interval(instance);
        let view = &mut self.views[instance];
        view.state = to;
        view.preempt_at = None;
        view.wait = None;
        match to {
            State::Master => {
                view.follows = false;
                view.became_master = world;
                view.master_interval = own;
                view.last_conflict = None;
            }
            State::Backup => {
                if from != State::Master {
                    view.master_interval = own;
                    view.follows = false;
                }
                self.begin_wait(instance, Kind::MasterDown, now);
            }
            _ => view.follows = false,
        }
        if from == State::Master {
            self.views[instance].left_master = world;
            self.views[instance].last_advert = None;
        }
        Ok(())
    }

    /// The earliest moment for an instance to become master: its own wait and that of its group are over.
    fn earliest(&self, instance: usize) -> Option<Nanos> {
        let ends = self.unit_of(instance).map(|member| {
            // A member may have reported before this one.
            if self.views[member].state == State::Master {
                return Some(0);
            }
            self.views[member].wait.as_ref().map(Wait::earliest)
        });
        ends.collect::<Option<Vec<_>>>()?.into_iter().max()
    }

    /// The latest moment at which the machine must want to be woken, with what for.
    pub fn latest(&self) -> Option<(Nanos, usize)> {
        let count = self.plan.instances.len();
        let of_instance = |instance: usize| {
            let view = &self.views[instance];
            match view.state {
                State::Master => Some((view.last_advert? + self.interval(instance), instance)),
                State::Backup => {
                    let mut latest = 0;
                    for member in self.unit_of(instance) {
                        latest = latest.max(self.views[member].wait?.latest());
                    }
                    Some((latest, instance))
                }
                _ => None,
            }
        };
        (0..count).filter_map(of_instance).min()
    }

    /// An advert that the machine sends must say what is true now.
    pub fn check_advert(&self, instance: usize, bytes: &[u8], ttl: u8) -> Result<Advert, String> {
        let plan = &self.plan.instances[instance];
        let advert = Advert::read(bytes);
        let own = self.priority(instance);
        if advert.priority != own && advert.priority != 0 {
            return Err(format!("sends priority {}, but has {own}", advert.priority));
        }
        // The last word of one that gives way says the interval of the better one.
        let view = &self.views[instance];
        let interval = if view.state == State::Master && view.follows {
            self.interval_of_master(instance)
        } else {
            self.interval(instance)
        };
        if (advert.version, advert.vrid, advert.interval) != (plan.version, plan.vrid, interval) {
            return Err(format!("{advert:?} is not what is configured: {plan:?}"));
        }
        if ttl != 255 {
            return Err(format!("sends with TTL {ttl}"));
        }
        let size = if plan.ipv6 { 16 } else { 4 };
        let mut listed = [false; MOST_ADDRESSES];
        for bytes in bytes[8..].chunks_exact(size).take(usize::from(advert.count)) {
            let address = <[u8; 4]>::try_from(bytes).map_or_else(
                |_| <[u8; 16]>::try_from(bytes).unwrap_or_default().into(),
                std::net::IpAddr::from,
            );
            match place_of(address) {
                Some((owner, place)) if owner == instance => listed[place] = true,
                _ => return Err(format!("lists {address}")),
            }
        }
        let mut configured = plan.addresses;
        configured[MOST_ADDRESSES - 1] = false;
        if listed != configured {
            return Err(format!("lists {listed:?}, configured is {configured:?}"));
        }
        Ok(advert)
    }

    /// Notes that an instance has sent an advert. Answers to others come on top of one in each interval, but not without end.
    pub fn sent(&mut self, instance: usize, now: Nanos) -> Result<(), String> {
        let interval = self.interval(instance);
        let view = &mut self.views[instance];
        view.last_advert = Some(now);
        if now > view.burst.0 + interval {
            view.burst = (now, 0);
        }
        view.burst.1 += 1;
        if view.burst.1 > MOST_ADVERTS {
            return Err(format!("sends {} adverts in an interval", view.burst.1));
        }
        Ok(())
    }

    /// The states that the instances must be in by what the node has been told.
    pub fn check_states(&self, now: Nanos) -> Result<(), String> {
        if !self.told || now <= self.clock.local(self.started_at) {
            return Ok(());
        }
        for instance in 0..self.plan.instances.len() {
            let state = self.views[instance].state;
            let fault = self.has_fault(instance);
            let right = match state {
                State::Backup | State::Master => !fault,
                State::Fault => fault || self.awaits_script(instance),
                State::Init => self.awaits_script(instance) && !fault,
                State::Stopped => true,
                State::Deleted => false,
            };
            if !right {
                return Err(format!("VI_{} is in {state}, fault: {fault}", instance + 1));
            }
            let differs = |member: usize| self.views[member].state != state;
            if self.unit_of(instance).any(differs) {
                return Err(format!("members of the group differ: {:?}", self.views));
            }
        }
        Ok(())
    }

    /// The kernel must have the addresses of the masters and no others.
    pub fn check_kernel(&mut self, world: Nanos) -> Result<(), String> {
        for (instance, plan) in self.plan.instances.iter().enumerate() {
            let state = self.views[instance].state;
            // What a killed predecessor left is gone as soon as the machine knows its interfaces.
            if state == State::Init && !self.told {
                continue;
            }
            for place in 0..MOST_ADDRESSES {
                let wanted = state == State::Master && plan.addresses[place];
                let held = self.held[instance][place];
                if held || !wanted {
                    self.back_until[instance][place] = None;
                }
                let excused = self.back_until[instance][place].is_some_and(|until| world <= until);
                if held != wanted && !excused {
                    let is = if held { "is" } else { "is not" };
                    return Err(format!(
                        "address {place} of VI_{} {is} in the kernel in {state}",
                        instance + 1
                    ));
                }
            }
        }
        Ok(())
    }
}
