//! What all nodes together must come to.
//!
//! The graph in which agreement may be expected: node `j` reaches node `i` for a virtual router when both links are up,
//! nothing cuts packets from `j` to `i`, and `i` accepts what `j` sends (version, interval and password of version 2,
//! unicast or multicast). It need not be symmetric. While this graph, the nodes that run, their scripts and their files stay
//! the same and no packet is lost, all must be settled after
//!
//! ```text
//! D = adverts * longest interval + skew  (Master_Down_Interval at its longest; skew is at most the interval, or 1 s)
//! A = longest interval, P = longest preempt_delay, n nodes
//! sides that are whole:  2 (D + A) + P      the old master is missed, and its place taken, within D; a better node hears
//!                                           the new one within A, waits P, and takes over within D; within A of that the
//!                                           worse one has heard it
//! one-way holes:         (n + 1) (D + A + P)  each node may have to wait for the next better one to settle first
//! ```
//!
//! plus what packets under way need. Clocks of nodes only gain, so each of these lengths is shorter in the world. Why it
//! ends: a master leaves only for a better one, so the best of those that become master at all stays; those that hear it
//! follow; and so on among the rest.
//!
//! Then must hold, and no state may change any more:
//! - who is able (runs, no fault) and is not master hears a master that it must accept: there are never no masters;
//! - of two masters the worse one does not hear the better one: one master on each side that is whole;
//! - no address is held on two nodes that hear each other;
//! - the clients that hear the one master know that it has the addresses.

use holdfast_vrrp::State;

use crate::authentication::fits;
use crate::host::Host;
use crate::scenario::{Authentication, InstancePlan, NodePlan};
use crate::trace::Entry;
use crate::world::World;
use crate::{MILLISECOND, MOST_ADDRESSES, MOST_INSTANCES, Nanos, SECOND};

/// `garp_master_delay`.
const SECOND_BURST_AFTER: Nanos = 5 * SECOND;

/// Since when all is calm, and what is to be checked when.
#[derive(Clone, Debug)]
pub struct Calm {
    /// The last disturbance.
    pub since: Nanos,
    settle_at: Nanos,
    healing_at: Nanos,
    silence_at: Nanos,
    /// How many masters each instance had when all cuts were mended.
    healing: [usize; MOST_INSTANCES],
    /// The nodes have been found in agreement, and nothing has disturbed them since.
    pub is_settled: bool,
    /// Longest interval, most adverts, longest delay that any node has had.
    longest_interval: Nanos,
    most_adverts: u64,
    longest_delay: Nanos,
}

impl Default for Calm {
    fn default() -> Self {
        Self {
            since: 0,
            settle_at: Nanos::MAX,
            healing_at: Nanos::MAX,
            silence_at: Nanos::MAX,
            healing: [0; MOST_INSTANCES],
            is_settled: false,
            longest_interval: 0,
            most_adverts: 0,
            longest_delay: 0,
        }
    }
}

impl Calm {
    /// When something is to be checked.
    pub fn next(&self) -> Nanos {
        self.settle_at.min(self.healing_at).min(self.silence_at)
    }

    /// A node runs with this file from now on. A longer interval may be remembered after it is gone from all files.
    pub fn note_plan(&mut self, plan: &NodePlan) {
        for instance in &plan.instances {
            self.longest_interval = self.longest_interval.max(instance.interval_ms * MILLISECOND);
            self.most_adverts = self.most_adverts.max(instance.adverts.into());
            self.longest_delay = self.longest_delay.max(instance.preempt_delay_ms * MILLISECOND);
        }
    }

    /// `Master_Down_Interval` at its longest.
    fn master_down(&self) -> Nanos {
        self.most_adverts * self.longest_interval + self.longest_interval.max(SECOND)
    }
}

/// Whether the other instance takes the one's adverts for its own virtual router.
fn is_compatible(one: &InstancePlan, other: &InstancePlan) -> bool {
    let same_words =
        (one.version, one.ipv6, one.vrid, one.unicast) == (other.version, other.ipv6, other.vrid, other.unicast);
    let same_terms = one.version == 3 || one.interval_ms == other.interval_ms;
    same_words && same_terms && fits(one.authentication, other.authentication)
}

impl World {
    /// Something happened that the election has to settle.
    pub(crate) fn disturbed(&mut self) {
        self.disturbed_at(self.now);
    }

    /// As [`Self::disturbed`], at a moment that may lie ahead.
    pub(crate) fn disturbed_at(&mut self, at: Nanos) {
        let calm = &mut self.calm;
        calm.is_settled = false;
        calm.healing_at = Nanos::MAX;
        calm.silence_at = Nanos::MAX;
        calm.since = calm.since.max(at).max(self.last_arrival);
        for host in &self.hosts {
            if host.node.is_some() {
                calm.since = calm.since.max(host.started_at);
            }
        }
        // With an authentication header all count together. Who is not heard does not count on, and is not believed when he
        // is heard again: nothing can be said while some hear others and are not heard.
        let (is_whole, counts) = (self.has_whole_sides(), self.counts_together());
        if self.network.noise.is_some() || (counts && !(is_whole && self.counts_in_whole_sides())) {
            self.calm.settle_at = Nanos::MAX;
            return;
        }
        // A node that was started again is not believed before it has heard how far the others have counted.
        let more = u64::from(counts) * (self.calm.master_down() + self.calm.longest_interval);
        let length = self.settling_time(is_whole) + more;
        self.calm.settle_at = self.calm.since + length;
    }

    fn settling_time(&self, is_whole: bool) -> Nanos {
        let calm = &self.calm;
        let (down, interval, delay) = (calm.master_down(), calm.longest_interval, calm.longest_delay);
        let length = if is_whole {
            2 * (down + interval) + delay
        } else {
            (self.hosts.len() as u64 + 1) * (down + interval + delay)
        };
        length + 20 * self.network.delay
    }

    fn counts_together(&self) -> bool {
        let mut instances = self.hosts.iter().flat_map(|host| &host.plan.instances);
        instances.any(|instance| matches!(instance.authentication, Authentication::Ah(_)))
    }

    /// Whether packets of `from` reach `to` and count there.
    fn reaches(&self, from: usize, to: usize, instance: usize) -> bool {
        let (one, other) = (&self.hosts[from], &self.hosts[to]);
        self.is_open(from, to, instance)
            && is_compatible(&one.plan.instances[instance], &other.plan.instances[instance])
    }

    /// Whether packets of `from` reach `to`, whatever is in them.
    fn is_open(&self, from: usize, to: usize, instance: usize) -> bool {
        let (one, other) = (&self.hosts[from], &self.hosts[to]);
        let segment = one.plan.instances[instance].segment;
        one.links[segment] && other.links[segment] && !self.network.cuts[segment][from][to]
    }

    /// Every virtual router's graph consists of sides in which each node hears each other one, and members of a group have
    /// the same sides.
    fn has_whole_sides(&self) -> bool {
        self.is_whole(|from, to, instance| self.reaches(from, to, instance))
    }

    /// The same for who counts on with whom by the authentication header, which is looked at before the interval.
    fn counts_in_whole_sides(&self) -> bool {
        self.is_whole(|from, to, instance| {
            let (one, other) = (&self.hosts[from], &self.hosts[to]);
            let (sender, receiver) = (&one.plan.instances[instance], &other.plan.instances[instance]);
            self.is_open(from, to, instance)
                && sender.version == receiver.version
                && fits(sender.authentication, receiver.authentication)
        })
    }

    fn is_whole(&self, reaches: impl Fn(usize, usize, usize) -> bool) -> bool {
        let count = self.hosts.len();
        let grouped = self.hosts.iter().any(|host| host.plan.grouped);
        let instances = self.hosts[0].plan.instances.len();
        let reaches = |from: usize, to: usize, instance: usize| from == to || reaches(from, to, instance);
        for instance in 0..instances {
            for one in 0..count {
                for other in 0..count {
                    let open = reaches(one, other, instance);
                    if open != reaches(other, one, instance) || grouped && open != reaches(one, other, 0) {
                        return false;
                    }
                    let same_side =
                        (0..count).all(|third| reaches(one, third, instance) == reaches(other, third, instance));
                    if open && !same_side {
                        return false;
                    }
                }
            }
        }
        true
    }

    /// All cuts were mended: where two masters hear each other now, clients must be right within one interval.
    pub(crate) fn healed(&mut self) {
        let now = self.now;
        let is_quiet = self.network.noise.is_none()
            && self.calm.since == now.max(self.last_arrival)
            && self.last_arrival <= now + 2 * self.network.delay
            && self.hosts.iter().all(|host| host.node.is_none() || host.is_awake());
        // Who heard the other one all the time, through a one-way hole, announces with growing gaps, and again when the other
        // one has been silent for as long as a backup would wait.
        let views = self.hosts.iter().flat_map(|host| &host.views);
        let is_old = |at: Nanos| at + self.calm.master_down() < now;
        let is_new_conflict = views.filter_map(|view| view.last_conflict).all(is_old);
        if !is_quiet || !is_new_conflict || !self.has_whole_sides() {
            return;
        }
        let masters = |instance: usize| {
            (0..self.hosts.len())
                .filter(|index| self.is_master(*index, instance))
                .count()
        };
        self.calm.healing = std::array::from_fn(masters);
        if self.calm.healing.iter().any(|masters| *masters > 1) {
            let intervals = self.hosts.iter().flat_map(|host| &host.plan.instances);
            let longest = intervals.map(|instance| instance.interval_ms).max().unwrap_or(0) * MILLISECOND;
            self.calm.healing_at = self.calm.since + longest + 8 * self.network.delay;
            // One interval until the loser hears the winner, and one and a quarter until the winner misses the loser.
            self.calm.silence_at = self.calm.since + longest * 9 / 4 + 8 * self.network.delay;
        }
    }

    fn is_master(&self, index: usize, instance: usize) -> bool {
        let host = &self.hosts[index];
        host.is_awake() && host.views[instance].state == State::Master
    }

    fn is_able(&self, index: usize, instance: usize) -> bool {
        let host = &self.hosts[index];
        host.is_awake() && matches!(host.views[instance].state, State::Backup | State::Master)
    }

    /// What the election orders nodes by.
    fn rank(&self, index: usize, instance: usize) -> (u8, usize) {
        (self.hosts[index].priority(instance), index)
    }

    pub(crate) fn check_agreement(&mut self) {
        let healing_due = self.calm.healing_at <= self.now;
        if healing_due {
            self.calm.healing_at = Nanos::MAX;
        }
        let silence_due = self.calm.silence_at <= self.now;
        if silence_due {
            self.calm.silence_at = Nanos::MAX;
        }
        for instance in 0..self.hosts[0].plan.instances.len() {
            let masters = self.calm.healing[instance];
            if (healing_due && masters > 1) || (silence_due && masters == 2) {
                self.check_healing(instance, silence_due);
            }
        }
        if self.calm.settle_at <= self.now {
            self.calm.settle_at = Nanos::MAX;
            for index in 0..self.hosts.len() {
                self.check_host(index);
            }
            let instances = self.hosts[0].plan.instances.len();
            for instance in 0..instances {
                self.check_masters(instance);
                self.check_holders(instance);
                self.check_clients(instance);
            }
            self.calm.is_settled = true;
            self.statistics.agreements += 1;
            self.trace.push(self.now, Entry::Settled);
        }
    }

    fn check_host(&mut self, index: usize) {
        let now = self.now;
        let host = &mut self.hosts[index];
        if host.is_awake() {
            let states = host.check_states(host.clock.local(now));
            let kernel = host.check_kernel(now);
            if let Err(problem) = states.and(kernel) {
                self.violate("a settled node is as it should be", format!("n{index}: {problem}"));
            }
        }
    }

    fn check_masters(&mut self, instance: usize) {
        let count = self.hosts.len();
        let unit: Vec<usize> = self.hosts[0].unit_of(instance).collect();
        for index in 0..count {
            if !self.is_able(index, instance) {
                continue;
            }
            let host: &Host = &self.hosts[index];
            let own = host.priority(instance);
            let is_accepted = |other: usize, member: usize| {
                let worse = self.hosts[other].priority(member) < own;
                self.is_master(other, member)
                    && self.reaches(other, index, member)
                    && (!worse || host.plan.instances[member].nopreempt)
            };
            let is_better = |other: usize, member: usize| {
                self.is_master(other, member)
                    && self.reaches(other, index, member)
                    && self.rank(other, member) > self.rank(index, member)
            };
            let others = || (0..count).filter(|other| *other != index);
            let any = |test: &dyn Fn(usize, usize) -> bool| {
                others().any(|other| unit.iter().any(|member| test(other, *member)))
            };
            let (follows, betters) = (any(&is_accepted), any(&is_better));
            let is_master = self.is_master(index, instance);
            let name = format!("n{index} VI_{}", instance + 1);
            if is_master && betters {
                self.violate(
                    "one master on each side",
                    format!("{name} hears a better master and goes on"),
                );
            } else if !is_master && !follows {
                self.violate("never no master", format!("{name} hears no master and is not one"));
            }
        }
    }

    fn check_holders(&mut self, instance: usize) {
        let count = self.hosts.len();
        for one in 0..count {
            for other in one + 1..count {
                let both_awake = self.hosts[one].is_awake() && self.hosts[other].is_awake();
                if !both_awake || !self.reaches(one, other, instance) || !self.reaches(other, one, instance) {
                    continue;
                }
                for place in 0..MOST_ADDRESSES {
                    if self.hosts[one].held[instance][place] && self.hosts[other].held[instance][place] {
                        let detail = format!("address {place} of VI_{} on n{one} and n{other}", instance + 1);
                        self.violate("an address is on one node of a side", detail);
                    }
                }
            }
        }
    }

    /// The one master that a client hears.
    fn master_of_client(&self, client: usize, instance: usize) -> Option<usize> {
        let segment = self.hosts[0].plan.instances[instance].segment;
        let mut heard = (0..self.hosts.len()).filter(|index| {
            self.is_master(*index, instance)
                && self.hosts[*index].links[segment]
                && !self.network.cuts[segment][*index][client]
        });
        let master = heard.next()?;
        heard.next().is_none().then_some(master)
    }

    /// A client may be wrong only if nobody could tell it: the master became master while the client was cut off, and met no
    /// other master since.
    fn check_clients(&mut self, instance: usize) {
        let since = self.calm.since;
        for client in 0..self.hosts.len() {
            let Some(master) = self.master_of_client(client, instance) else {
                continue;
            };
            let host = &self.hosts[master];
            let plan = &host.plan.instances[instance];
            let view = &host.views[instance];
            let refreshed =
                plan.refresh_s > 0 && self.now > since.max(view.became_master) + (plan.refresh_s + 6) * SECOND;
            for place in (0..MOST_ADDRESSES).filter(|place| plan.addresses[*place] && host.held[instance][*place]) {
                let known = self.network.caches[instance][place][client];
                if known == Some(master) {
                    continue;
                }
                let gave_way = known.is_some_and(|former| {
                    self.hosts[former].views[instance].left_master >= since
                        && self.hosts[former].node.is_some()
                        && self.hosts[former].says_farewell(instance)
                        && self.hosts[former]
                            .unit_of(instance)
                            .all(|member| self.reaches(former, master, member) && self.reaches(master, former, member))
                });
                // Who leaves without a word, or with one that the master does not hear, may have announced itself last: then
                // the second burst puts it right.
                let left_silently = known.is_some_and(|former| {
                    let host = &self.hosts[former];
                    let is_heard = host
                        .unit_of(instance)
                        .all(|member| self.reaches(former, master, member));
                    host.views[instance].left_master >= view.became_master
                        && !(is_heard && host.says_farewell(instance))
                });
                let is_new = view.became_master >= since
                    && (!left_silently || self.now > view.became_master + SECOND_BURST_AFTER + SECOND);
                let reminded = self.announced_twice(master, instance, known);
                if is_new || refreshed || gave_way || reminded {
                    let detail = format!(
                        "the client beside n{client} takes {known:?} for address {place} of VI_{}, master is n{master}",
                        instance + 1
                    );
                    self.violate("clients follow the master", detail);
                    return;
                }
            }
        }
    }

    /// The second burst of a master was heard by all that hear it now, and the one that a client knows had left before.
    fn announced_twice(&self, master: usize, instance: usize, known: Option<usize>) -> bool {
        let host = &self.hosts[master];
        let view = &host.views[instance];
        // A clock gains two percent at most.
        let earliest = view.became_master + SECOND_BURST_AFTER * 49 / 50;
        // Each burst of a conflict begins the wait for the second one anew; the last one comes when the rival is gone.
        let conflicts = host
            .unit_of(instance)
            .filter_map(|member| host.views[member].last_conflict);
        let last_burst = conflicts.map(|at| at + self.calm.master_down()).max().unwrap_or(0);
        let latest = view.became_master.max(last_burst) + SECOND_BURST_AFTER + SECOND;
        let had_left = known.is_none_or(|former| self.hosts[former].views[instance].left_master < earliest);
        earliest > self.calm.since && latest < self.now && had_left
    }

    /// One interval after two masters could hear each other again. Who leaves silently is excused until the other one must
    /// have missed him, and for good if he was not heard: that clients follow then too is checked when all is settled.
    fn check_healing(&mut self, instance: usize, silently: bool) {
        let since = self.calm.since;
        let excused = self.hosts.iter().any(|host| {
            let view = &host.views[instance];
            let has_heard = view.last_conflict.is_some_and(|at| at >= since);
            let may_be_unheard = silently && view.state == State::Master && !has_heard;
            may_be_unheard || (!silently && !host.says_farewell(instance)) || view.became_master > since
        });
        if excused {
            return;
        }
        let lost = self
            .hosts
            .iter()
            .any(|host| host.node.is_some() && host.views[instance].left_master >= since);
        if !lost {
            return;
        }
        self.statistics.healings += 1;
        for client in 0..self.hosts.len() {
            let Some(master) = self.master_of_client(client, instance) else {
                continue;
            };
            let addresses = self.hosts[master].plan.instances[instance].addresses;
            for place in (0..MOST_ADDRESSES).filter(|place| addresses[*place]) {
                let known = self.network.caches[instance][place][client];
                let former_met = known.is_some_and(|former| {
                    former != master
                        && self.hosts[former].views[instance].left_master >= since
                        && self.reaches(former, master, instance)
                });
                if former_met {
                    let detail = format!(
                        "the client beside n{client} takes {known:?} for address {place} of VI_{}, master is n{master}",
                        instance + 1
                    );
                    self.violate("clients are right one interval after a partition heals", detail);
                    return;
                }
            }
        }
    }
}
