//! What a machine wants done is done, and looked at.

use std::cmp::Reverse;
use std::net::IpAddr;

use holdfast_time::{Duration, Timestamp};
use holdfast_vrrp::{Action, Event, Node, NotifyState, ReceivedPacket, State, Subject};

use super::World;
use crate::authentication::{IP_HEADER_LEN, vrrp_in, wall_clock};
use crate::configuration::{instance_of, node_of, place_of, segment_of};
use crate::trace::Entry;
use crate::{MOST_INSTANCES, Nanos};

/// When in a row of actions each kind came first and last, for one instance. Counted from 1.
#[derive(Clone, Copy, Debug, Default)]
struct Order {
    before: Option<State>,
    advert: u32,
    last_advert: u32,
    resigned: u32,
    added: u32,
    removed: u32,
    announced: u32,
    moved: Option<(State, State, u32)>,
    notified: Option<(NotifyState, u32)>,
}

impl World {
    /// Hands in an event and does all that follows from it.
    pub(crate) fn feed(&mut self, index: usize, event: Event) {
        let host = &mut self.hosts[index];
        let needs_wall_clock = host.needs_wall_clock();
        let Some(node) = &mut host.node else { return };
        let now = host.clock.local(self.now);
        if needs_wall_clock {
            let since_1970 = Duration::from_nanos(wall_clock(self.now, index));
            node.handle(Timestamp::from_nanos(now), Event::WallClock { since_1970 });
        }
        node.handle(Timestamp::from_nanos(now), event);
        let mut orders = [Order::default(); MOST_INSTANCES];
        let (mut number, mut moved, mut touched) = (0, false, false);
        while let Some(action) = self.hosts[index].node.as_mut().and_then(Node::next_action) {
            number += 1;
            match action {
                Action::SendAdvertisement { ref instance, .. } => {
                    let instance = instance_of(instance);
                    let order = &mut orders[instance];
                    order.before.get_or_insert(self.hosts[index].views[instance].state);
                    order.last_advert = number;
                    if order.advert == 0 {
                        order.advert = number;
                    }
                    if self.send(index, instance, action, now) == 0 {
                        order.resigned = number;
                    }
                }
                Action::AddAddresses {
                    instance, addresses, ..
                } => {
                    orders[instance_of(&instance)].added = number;
                    touched = true;
                    self.hold(index, addresses.iter().map(|held| held.address), true);
                }
                Action::RemoveAddresses {
                    instance, addresses, ..
                } => {
                    orders[instance_of(&instance)].removed = number;
                    touched = true;
                    self.hold(index, addresses.iter().map(|held| held.address), false);
                }
                Action::Announce {
                    instance,
                    interface,
                    addresses,
                    count,
                } => {
                    let instance = instance_of(&instance);
                    orders[instance].announced = number;
                    self.announce(index, instance, segment_of(&interface), &addresses, count);
                }
                Action::Transition {
                    instance,
                    from,
                    to,
                    priority,
                    ..
                } => {
                    let instance = instance_of(&instance);
                    orders[instance].moved = Some((from, to, number));
                    moved = true;
                    self.moved(index, instance, from, to, priority);
                }
                Action::Notify {
                    subject: Subject::Instance,
                    name,
                    state,
                    ..
                } => {
                    let order = &mut orders[instance_of(&name)];
                    if !matches!(state, NotifyState::MasterRxLowerPri) {
                        order.notified = Some((state, number));
                    }
                }
                _ => {}
            }
        }
        for (instance, order) in orders.iter().enumerate() {
            self.check_order(index, instance, order);
        }
        if moved || touched {
            let outcome = self.hosts[index].check_kernel(self.now);
            self.expect("the kernel has a master's addresses and no others", index, outcome);
        }
        if moved {
            self.review(index);
        }
        self.plan_wake(index);
    }

    pub(super) fn expect(&mut self, invariant: &'static str, index: usize, outcome: Result<(), String>) {
        if let Err(problem) = outcome {
            self.violate(invariant, format!("n{index}: {problem}"));
        }
    }

    /// Looks whether the states fit what the node has been told.
    pub(super) fn review(&mut self, index: usize) {
        let host = &self.hosts[index];
        if host.is_awake() {
            let outcome = host.check_states(host.clock.local(self.now));
            self.expect("faults and groups: each member is where it belongs", index, outcome);
        }
    }

    fn plan_wake(&mut self, index: usize) {
        let host = &mut self.hosts[index];
        let Some(node) = &host.node else { return };
        let deadline = node.next_deadline().map(Timestamp::as_nanos);
        host.wake_at = deadline.map_or(Nanos::MAX, |deadline| host.clock.world(deadline));
        if let Some((latest, instance)) = host.latest()
            && deadline.is_none_or(|deadline| deadline > latest)
        {
            let view = host.views[instance];
            let detail = format!(
                "n{index} VI_{}: wakes at {deadline:?}, not by {latest}: {view:?}",
                instance + 1
            );
            self.violate("a backup takes over, and a master advertises, in time", detail);
        }
    }

    fn send(&mut self, index: usize, instance: usize, action: Action, now: Nanos) -> u8 {
        let Action::SendAdvertisement {
            interface,
            source,
            destinations,
            ttl,
            bytes,
            authenticated,
            ..
        } = action
        else {
            return 0;
        };
        let host = &mut self.hosts[index];
        let advert = match host.check_advert(instance, vrrp_in(&bytes, authenticated), ttl) {
            Ok(advert) => advert,
            Err(problem) => {
                self.violate(
                    "an advert says what is true",
                    format!("n{index} VI_{}: {problem}", instance + 1),
                );
                return 1;
            }
        };
        let outcome = host.sent(instance, now);
        host.memories[instance].sent(&bytes, authenticated);
        let (ip_header, bytes) = bytes.split_at(if authenticated { IP_HEADER_LEN } else { 0 });
        let link = host.links[segment_of(&interface)];
        let entry = Entry::Sent {
            node: index,
            instance,
            priority: advert.priority,
        };
        self.trace.push(self.now, entry);
        if link {
            for destination in destinations {
                if destination.is_multicast() {
                    for to in (0..self.hosts.len()).filter(|to| *to != index) {
                        self.fly(index, to, (&interface, source, destination, ttl), ip_header, bytes);
                    }
                } else {
                    self.fly(
                        index,
                        node_of(destination),
                        (&interface, source, destination, ttl),
                        ip_header,
                        bytes,
                    );
                }
            }
        }
        self.expect("no storm of adverts", index, outcome);
        advert.priority
    }

    fn fly(&mut self, from: usize, to: usize, header: (&str, IpAddr, IpAddr, u8), ip_header: &[u8], bytes: &[u8]) {
        let (interface, source, destination, ttl) = header;
        if self.network.cuts[segment_of(interface)][from][to] {
            return;
        }
        for delay in self.network.copies(&mut self.random).into_iter().flatten() {
            let packet = ReceivedPacket {
                interface: interface.to_owned(),
                source,
                destination,
                ttl,
                payload: bytes.to_vec(),
                authenticated_ip_header: (!ip_header.is_empty()).then(|| ip_header.to_vec()),
            };
            let slot = self.free.pop().unwrap_or_else(|| {
                self.flights.push(None);
                self.flights.len() - 1
            });
            self.flights[slot] = Some((to, packet));
            self.sent += 1;
            let at = self.now + delay;
            self.last_arrival = self.last_arrival.max(at);
            self.air.push(Reverse((at, self.sent, slot)));
        }
    }

    fn hold(&mut self, index: usize, addresses: impl Iterator<Item = IpAddr>, held: bool) {
        for (instance, place) in addresses.filter_map(place_of) {
            self.hosts[index].held[instance][place] = held;
        }
    }

    fn announce(&mut self, index: usize, instance: usize, segment: usize, addresses: &[IpAddr], count: u32) {
        let entry = Entry::Announced { node: index, instance };
        self.trace.push(self.now, entry);
        if !self.hosts[index].links[segment] {
            return;
        }
        let clients = self.hosts.len();
        for place in addresses.iter().copied().filter_map(place_of) {
            // Of an address that somebody has just removed the machine may not know yet.
            let host = &self.hosts[index];
            if !host.held[place.0][place.1] && host.back_until[place.0][place.1].is_none() {
                let detail = format!("n{index} VI_{} address {}", place.0 + 1, place.1);
                self.violate("nobody announces what it does not hold", detail);
            }
            self.network
                .announce(&mut self.random, index, segment, place, count, clients);
        }
    }

    fn moved(&mut self, index: usize, instance: usize, from: State, to: State, priority: u8) {
        let entry = Entry::Moved {
            node: index,
            instance,
            from,
            to,
        };
        self.trace.push(self.now, entry);
        self.statistics.transitions += 1;
        let world = self.now;
        let host = &mut self.hosts[index];
        let own = host.priority(instance);
        let now = host.clock.local(world);
        let outcome = host.moved(instance, from, to, now, world);
        self.expect("a state is left when the RFC says so", index, outcome);
        if priority != own {
            self.violate(
                "reports say what is true",
                format!("n{index} reports priority {priority} for {own}"),
            );
        }
        if self.calm.is_settled {
            let detail = format!("n{index} VI_{} {from} -> {to}", instance + 1);
            self.violate("without trouble nothing moves", detail);
        }
    }

    /// Actions come in the promised order, and only from those who may.
    fn check_order(&mut self, index: usize, instance: usize, order: &Order) {
        let view = &self.hosts[index].views[instance];
        let mut wrong = |invariant: &'static str| {
            let detail = format!("n{index} VI_{}: {order:?}", instance + 1);
            self.violation.get_or_insert(crate::Violation {
                invariant,
                detail,
                at: self.now,
            });
        };
        if order.advert > 0 && order.before != Some(State::Master) && view.state != State::Master {
            wrong("only a master sends adverts");
        }
        let Some((from, to, moved)) = order.moved else {
            if order.resigned > 0 {
                wrong("only who leaves resigns");
            }
            return;
        };
        if to == State::Master {
            let in_order = [order.advert, order.added, order.announced, moved];
            if in_order[0] == 0 || !in_order.is_sorted_by(|one, next| one < next) {
                wrong("becoming master: advert, addresses, announcement, report");
            }
        }
        if from == State::Master {
            let resigns = to != State::Backup;
            if resigns != (order.resigned > 0) {
                wrong("who leaves for good resigns, who gives way does not");
            }
            if order.removed == 0 || order.last_advert > order.removed || order.removed > moved {
                wrong("leaving: advert, addresses, report");
            }
        }
        let notified = match to {
            State::Master => NotifyState::Master,
            State::Backup => NotifyState::Backup,
            State::Fault => NotifyState::Fault,
            State::Stopped => NotifyState::Stop,
            State::Init | State::Deleted => return,
        };
        if order.notified.is_none_or(|(state, at)| state != notified || at < moved) {
            wrong("a change of state is notified, after everything else");
        }
    }
}
