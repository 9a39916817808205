//! What befalls the site.

use holdfast_vrrp::Event;

use super::World;
use crate::configuration::{INTERFACES, virtual_address};
use crate::host::Queued;
use crate::network::Noise;
use crate::scenario::{Change, Trouble};
use crate::trace::Entry;
use crate::{MOST_ADDRESSES, Nanos};

impl World {
    pub(super) fn trouble(&mut self, trouble: Trouble) {
        self.trace.push(self.now, Entry::Trouble(trouble));
        self.statistics.troubles[trouble.kind()] += 1;
        match trouble {
            Trouble::Cut { segment, from, to } => {
                self.network.cuts[segment][from][to] = true;
                self.disturbed();
            }
            Trouble::Partition { segment, side } => {
                for segment in (0..2).filter(|one| segment == 2 || segment == *one) {
                    self.network.partition(segment, side);
                }
                self.disturbed();
            }
            Trouble::Mend => self.mend(),
            Trouble::Noise {
                loss,
                doubled,
                late,
                delay,
            } => {
                self.network.noise = Some(Noise {
                    loss,
                    doubled,
                    late,
                    delay,
                });
                self.disturbed();
            }
            Trouble::Quiet => {
                self.network.noise = None;
                self.disturbed();
            }
            Trouble::Stall { node, length } => {
                let host = &mut self.hosts[node];
                if host.node.is_some() {
                    if host.stalled_until == 0 {
                        host.stalled_since = self.now;
                    }
                    host.stalled_until = host.stalled_until.max(self.now + length);
                    // It may be late with its adverts and with what it puts back, and nobody can ask for more.
                    for view in &mut host.views {
                        view.last_advert = None;
                    }
                    for until in host.back_until.iter_mut().flatten().flatten() {
                        *until = host.stalled_until.max(*until);
                    }
                    self.disturbed();
                }
            }
            Trouble::Link { node, segment, up } => self.link(node, segment, up),
            Trouble::Script { node, good } => self.script(node, good),
            Trouble::Kill { node, restart } => self.end(node, restart, false),
            Trouble::Crash { node, restart } => {
                self.end(node, restart, false);
                self.hosts[node].held = Default::default();
            }
            Trouble::Stop { node, restart } => self.end(node, restart, true),
            Trouble::Reload { node, change } => {
                if self.hosts[node].node.is_some() {
                    self.disturbed();
                    self.deliver_or_queue(node, Queued::Reload(change));
                    self.disturbed();
                } else if !matches!(change, Change::Address(_)) {
                    // An address that is in no file any more when the program comes back is the driver's to find by its mark.
                    crate::configuration::apply(&mut self.hosts[node].plan, change);
                }
            }
            Trouble::Steal { node, address } => self.steal(node, address),
            Trouble::Heal => {
                self.network.noise = None;
                self.network.cuts = Default::default();
                for node in 0..self.hosts.len() {
                    for segment in 0..2 {
                        self.link(node, segment, true);
                    }
                    self.script(node, true);
                }
                self.mend();
            }
        }
    }

    fn mend(&mut self) {
        self.network.cuts = Default::default();
        self.disturbed();
        self.healed();
    }

    fn link(&mut self, node: usize, segment: usize, up: bool) {
        if self.hosts[node].links[segment] == up {
            return;
        }
        self.hosts[node].links[segment] = up;
        self.disturbed();
        let interface = INTERFACES[segment].to_owned();
        self.deliver_or_queue(node, Queued::Event(Event::LinkChanged { interface, up }));
        self.disturbed();
    }

    fn script(&mut self, node: usize, good: bool) {
        let host = &mut self.hosts[node];
        if host.script_good != good {
            host.script_good = good;
            if let Some(script) = host.plan.script {
                host.script_at = host
                    .script_at
                    .min(self.now + script.interval_ms * crate::MILLISECOND / 2);
            }
        }
    }

    fn end(&mut self, node: usize, restart: Nanos, orderly: bool) {
        if self.hosts[node].node.is_none() {
            return;
        }
        self.disturbed();
        let host = &self.hosts[node];
        if orderly && host.is_awake() {
            self.feed(node, Event::Shutdown { keep_addresses: false });
            let deadline = self.hosts[node]
                .node
                .as_ref()
                .and_then(holdfast_vrrp::Node::next_deadline);
            if deadline.is_some() {
                self.violate("a stopped node is silent", format!("n{node} waits for {deadline:?}"));
            }
            if self.hosts[node].held != <[[bool; MOST_ADDRESSES]; crate::MOST_INSTANCES]>::default() {
                self.violate("a stopped node holds no address", format!("n{node}"));
            }
        }
        let host = &mut self.hosts[node];
        for view in &mut host.views {
            if view.state == holdfast_vrrp::State::Master {
                view.left_master = self.now;
            }
            view.state = holdfast_vrrp::State::Stopped;
        }
        host.node = None;
        host.stalled_until = 0;
        host.inbox.clear();
        host.queued.clear();
        host.wake_at = Nanos::MAX;
        host.script_at = Nanos::MAX;
        host.restart_at = self.now + restart;
        self.disturbed();
    }

    fn steal(&mut self, node: usize, place: usize) {
        for instance in 0..self.hosts[node].plan.instances.len() {
            let host = &mut self.hosts[node];
            if !host.held[instance][place] {
                continue;
            }
            host.held[instance][place] = false;
            if host.node.is_none() {
                continue;
            }
            // The time runs from when the machine is told, which may be after more than one stall.
            host.back_until[instance][place] = Some(Nanos::MAX);
            let plan = &host.plan.instances[instance];
            let event = Event::AddressLost {
                interface: INTERFACES[plan.segment].to_owned(),
                address: virtual_address(instance, place, plan.ipv6),
            };
            self.deliver_or_queue(node, Queued::Event(event));
        }
    }
}
