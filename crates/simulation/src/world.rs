//! The event loop: whatever is due next happens next.

mod actions;
mod troubles;

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use holdfast_time::{Duration, Timestamp};
use holdfast_vrrp::settings::Family;
use holdfast_vrrp::{Event, Node, ReceivedPacket, ScriptHealth};

use crate::agreement::Calm;
use crate::authentication::vrrp_of;
use crate::conduct::{Advert, addressee};
use crate::configuration::{self, INTERFACES, SCRIPT, node_of};
use crate::host::{Host, MOST_WAITING, Queued};
use crate::network::Network;
use crate::random::Random;
use crate::scenario::{Change, Scenario};
use crate::statistics::Statistics;
use crate::trace::{Entry, Trace};
use crate::{MILLISECOND, Nanos, SECOND, Violation};

/// The machine puts a removed address back within 64 s, and the wait for the next time is no longer.
const BACK_WITHIN: Nanos = 66 * SECOND;

/// A site, alive.
#[derive(Debug)]
pub struct World {
    /// The world's clock.
    pub now: Nanos,
    /// The nodes.
    pub hosts: Vec<Host>,
    /// What joins them.
    pub network: Network,
    /// Since when nothing has disturbed the election, and what has been checked since.
    pub calm: Calm,
    /// The last events.
    pub trace: Trace,
    /// What was done.
    pub statistics: Statistics,
    /// The first invariant that did not hold.
    pub violation: Option<Violation>,
    /// When the last packet under way arrives.
    pub last_arrival: Nanos,
    random: Random,
    air: BinaryHeap<Reverse<(Nanos, u64, usize)>>,
    flights: Vec<Option<(usize, ReceivedPacket)>>,
    free: Vec<usize>,
    sent: u64,
}

impl World {
    /// The site of a scenario, before its first moment.
    pub fn new(scenario: &Scenario) -> Self {
        let mut random = Random::new(!scenario.seed);
        let mut host = |plan: &crate::scenario::NodePlan| {
            // Clocks that started at other times, and nodes that are switched on one after the other.
            let mut host = Host::new(plan.clone(), random.below(1 << 50));
            host.restart_at = random.below(plan.instances[0].interval_ms * MILLISECOND * 4);
            host
        };
        let hosts = scenario.nodes.iter().map(&mut host).collect();
        Self {
            now: 0,
            hosts,
            network: Network::new(scenario.delay),
            calm: Calm::default(),
            trace: Trace::default(),
            statistics: Statistics::default(),
            violation: None,
            last_arrival: 0,
            random,
            air: BinaryHeap::new(),
            flights: Vec::new(),
            free: Vec::new(),
            sent: 0,
        }
    }

    /// Lives through the scenario, to its end or to the first invariant that does not hold.
    pub fn run(&mut self, scenario: &Scenario) {
        let mut troubles = scenario.troubles.iter().peekable();
        while self.violation.is_none() {
            let trouble_at = troubles.peek().map_or(Nanos::MAX, |(at, _)| *at);
            let arrival = self.air.peek().map_or(Nanos::MAX, |Reverse((at, ..))| *at);
            let hosts = self.hosts.iter().map(Host::next).min().unwrap_or(Nanos::MAX);
            let next = hosts.min(arrival).min(trouble_at).min(self.calm.next());
            if next > scenario.end {
                break;
            }
            self.now = self.now.max(next);
            // The driver's promise: what has arrived is handed in before a timer is believed.
            if arrival <= self.now {
                self.arrive();
            }
            if hosts <= self.now {
                for index in 0..self.hosts.len() {
                    self.attend(index);
                }
            }
            while let Some((_, trouble)) = troubles.next_if(|(at, _)| *at <= self.now) {
                self.trouble(*trouble);
            }
            if self.calm.next() <= self.now {
                self.check_agreement();
            }
        }
        let time = u128::from(self.now) * self.hosts.len() as u128;
        self.statistics.node_time[scenario.class] += time;
        self.statistics.seeds = 1;
    }

    /// Notes that an invariant does not hold.
    pub fn violate(&mut self, invariant: &'static str, detail: String) {
        if self.violation.is_none() {
            self.violation = Some(Violation {
                invariant,
                detail,
                at: self.now,
            });
        }
    }

    fn arrive(&mut self) {
        while let Some(Reverse((at, _, slot))) = self.air.peek().copied() {
            if at > self.now {
                break;
            }
            self.air.pop();
            self.free.push(slot);
            if let Some((to, packet)) = self.flights[slot].take() {
                self.receive(to, packet);
            }
        }
    }

    fn receive(&mut self, to: usize, packet: ReceivedPacket) {
        let host = &mut self.hosts[to];
        if host.node.is_none() || !host.links[configuration::segment_of(&packet.interface)] {
            return;
        }
        if host.stalled_until == 0 {
            self.hear(to, packet);
        } else if host.inbox.len() < MOST_WAITING {
            host.inbox.push(packet);
        }
    }

    fn hear(&mut self, to: usize, packet: ReceivedPacket) {
        let host = &mut self.hosts[to];
        let entry = Entry::Heard {
            node: to,
            from: node_of(packet.source),
            instance: addressee(host, &packet).unwrap_or(usize::MAX - 1),
            priority: Advert::read(vrrp_of(&packet)).priority,
        };
        self.trace.push(self.now, entry);
        self.statistics.packets += 1;
        host.about_to_hear(&packet, host.clock.local(self.now), self.now);
        self.feed(to, Event::Received(packet));
    }

    /// Does what is due at one host.
    fn attend(&mut self, index: usize) {
        let now = self.now;
        let host = &self.hosts[index];
        if host.node.is_none() {
            if host.restart_at <= now {
                self.boot(index);
            }
            return;
        }
        if host.script_at <= now {
            self.run_script(index);
        }
        let host = &self.hosts[index];
        if host.stalled_until > 0 {
            if host.stalled_until <= now {
                self.resume(index);
            }
        } else if host.wake_at <= now {
            self.wake(index);
        }
    }

    fn wake(&mut self, index: usize) {
        self.feed(index, Event::DeadlineReached);
        let host = &self.hosts[index];
        let deadline = host.node.as_ref().and_then(Node::next_deadline);
        if deadline.is_some_and(|deadline| deadline.as_nanos() <= host.clock.local(self.now)) {
            self.violate("a timer that has fired is over", format!("n{index}: {deadline:?}"));
        }
    }

    /// A stall is over: packets first, then timers, then everything else.
    fn resume(&mut self, index: usize) {
        self.disturbed();
        self.hosts[index].stalled_until = 0;
        self.trace.push(self.now, Entry::Resumed(index));
        for packet in std::mem::take(&mut self.hosts[index].inbox) {
            self.hear(index, packet);
        }
        let host = &self.hosts[index];
        if host.wake_at <= self.now {
            self.tell_stall(index);
            self.wake(index);
        }
        for queued in std::mem::take(&mut self.hosts[index].queued) {
            self.deliver(index, queued);
        }
        self.disturbed();
    }

    /// A deadline that is very late means that the machine stood still: the driver says so before it says the deadline.
    fn tell_stall(&mut self, index: usize) {
        let host = &self.hosts[index];
        let Some(deadline) = host.node.as_ref().and_then(Node::next_deadline) else {
            return;
        };
        let now = host.clock.local(self.now);
        let length = now.saturating_sub(deadline.as_nanos());
        let intervals = host.plan.instances.iter().map(|instance| instance.interval_ms);
        let threshold = intervals.min().unwrap_or(0).clamp(50, 500) * MILLISECOND;
        if length >= threshold {
            self.hosts[index].stalled(length, now);
            let length = Duration::from_nanos(length);
            self.feed(index, Event::Stalled { length });
        }
    }

    /// Hands in something at once, or when the stall is over.
    pub(crate) fn deliver_or_queue(&mut self, index: usize, queued: Queued) {
        let host = &mut self.hosts[index];
        if host.node.is_none() {
            return;
        }
        if host.stalled_until > 0 {
            host.queued.push(queued);
        } else {
            self.deliver(index, queued);
        }
    }

    fn deliver(&mut self, index: usize, queued: Queued) {
        match queued {
            Queued::Event(event) => {
                if let Event::LinkChanged { interface, up } = &event {
                    let host = &mut self.hosts[index];
                    host.links_told[configuration::segment_of(interface)] = *up;
                    host.settings_changed(false);
                }
                if let Event::AddressLost { address, .. } = &event
                    && let Some((instance, place)) = configuration::place_of(*address)
                    && let Some(until) = &mut self.hosts[index].back_until[instance][place]
                {
                    *until = self.now + BACK_WITHIN;
                }
                self.feed(index, event);
            }
            Queued::Reload(change) => self.reload(index, change),
            Queued::Script(up) => {
                let host = &mut self.hosts[index];
                host.script_told = up;
                host.settings_changed(false);
                self.trace.push(self.now, Entry::Script { node: index, up });
                let script = SCRIPT.to_owned();
                self.feed(index, Event::ScriptResult { script, up });
            }
        }
        self.review(index);
    }

    fn reload(&mut self, index: usize, change: Change) {
        let host = &mut self.hosts[index];
        configuration::apply(&mut host.plan, change);
        host.settings = configuration::settings(&host.plan);
        host.settings_changed(false);
        let settings = Box::new(host.settings.clone());
        self.feed(index, Event::Reload(settings));
        self.tell_interfaces(index);
        self.calm.note_plan(&self.hosts[index].plan);
    }

    fn boot(&mut self, index: usize) {
        self.trace.push(self.now, Entry::Started(index));
        self.disturbed();
        let host = &mut self.hosts[index];
        let now = host.clock.local(self.now);
        host.restart_at = Nanos::MAX;
        host.settings = configuration::settings(&host.plan);
        host.node = Some(Node::new(Timestamp::from_nanos(now), host.settings.clone()));
        let delay = host.plan.startup_delay_s * crate::SECOND;
        host.started_at = host.clock.world(now + delay);
        host.views = Default::default();
        host.memories = Default::default();
        host.told = false;
        host.script_told = None;
        host.links_told = host.links;
        if let Some(script) = host.plan.script {
            host.script = ScriptHealth::new(script.rise, script.fall, false);
            host.script_at = self.now + script.interval_ms * MILLISECOND / 10;
        }
        host.settings_changed(false);
        self.tell_interfaces(index);
        self.hosts[index].told = true;
        let outcome = self.hosts[index].check_kernel(self.now);
        self.expect("who has not begun holds no address", index, outcome);
        self.calm.note_plan(&self.hosts[index].plan);
        let started_at = self.hosts[index].started_at;
        self.disturbed_at(started_at);
        self.review(index);
    }

    fn tell_interfaces(&mut self, index: usize) {
        let names: Vec<&str> = INTERFACES
            .into_iter()
            .filter(|name| self.hosts[index].settings.interfaces().contains(name))
            .collect();
        for interface in names {
            let segment = configuration::segment_of(interface);
            let up = self.hosts[index].links_told[segment];
            let interface = interface.to_owned();
            for (family, ipv6) in [(Family::Ipv4, false), (Family::Ipv6, true)] {
                let address = Some(configuration::source(segment, index, ipv6));
                let interface = interface.clone();
                self.feed(
                    index,
                    Event::SourceAddress {
                        interface,
                        family,
                        address,
                    },
                );
            }
            self.feed(index, Event::LinkChanged { interface, up });
        }
    }

    /// A run of the tracked command has ended. The next one is planned while it could change anything.
    fn run_script(&mut self, index: usize) {
        let now = self.now;
        let host = &mut self.hosts[index];
        let Some(script) = host.plan.script else {
            host.script_at = Nanos::MAX;
            return;
        };
        let changed = host.script.record(host.script_good);
        let up = host.script.up();
        host.script_at = if up == Some(host.script_good) {
            Nanos::MAX
        } else {
            now + script.interval_ms * MILLISECOND
        };
        if changed {
            self.disturbed();
            self.deliver_or_queue(index, Queued::Script(up));
            self.disturbed();
        }
    }
}
