//! A virtual server at run time: who is up, whether that is enough, and what the table of its services is.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use holdfast_ipvs::table::{Destination, DestinationKey, Family, Forwarding, Service, ServiceEntry, ServiceKey};
use holdfast_time::Timestamp;

use super::check::Check;
use super::outbox::Outbox;
use super::recovery::Recovery;
use crate::action::{Cause, Notification, Pool};
use crate::messages::{Member, Message, Quorum};
use crate::settings;

/// A virtual server at run time.
#[derive(Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(super) struct VirtualServer {
    pub(super) name: Arc<str>,
    pub(super) services: Vec<ServiceKey>,
    pub(super) service: Service,
    pub(super) quorum: u32,
    pub(super) hysteresis: u32,
    /// Addresses of packets that come by the mark of a service.
    pub(super) marked_addresses: Vec<IpAddr>,
    pub(super) ha_suspend: bool,
    pub(super) omega: bool,
    pub(super) sorry_server: Option<SorryServer>,
    pub(super) real_servers: Vec<RealServer>,
    /// Sum of the weights of the real servers that are up.
    pub(super) live_weight: u64,
    pub(super) quorum_up: bool,
    /// Its checks rest: none of its addresses is on this host.
    pub(super) suspended: bool,
    /// The kernel had services of it already before this process began.
    pub(super) adopted: bool,
    /// Its sorry server had the clients already before this process began.
    pub(super) sorry_adopted: bool,
}

/// A sorry server.
#[derive(Debug)]
pub(super) struct SorryServer {
    pub(super) name: Arc<str>,
    pub(super) key: DestinationKey,
    pub(super) destination: Destination,
    pub(super) inhibit: bool,
}

/// A real server at run time.
#[derive(Debug)]
pub(super) struct RealServer {
    pub(super) name: Arc<str>,
    pub(super) key: DestinationKey,
    pub(super) destination: Destination,
    pub(super) inhibit: bool,
    pub(super) checks: Vec<Check>,
    pub(super) recovery: Recovery,
    /// When the machine looks at its recovery again.
    pub(super) wake: Option<Timestamp>,
    /// The weight that was last spoken of.
    pub(super) told_weight: u32,
    pub(super) up: bool,
    /// When it went up or down.
    pub(super) since: Timestamp,
    /// Its first state has been notified, or need not be.
    pub(super) first_state_told: bool,
}

impl RealServer {
    /// Whether none of its checks is failed.
    pub(super) fn passes(&self) -> bool {
        self.checks.iter().all(|check| check.standing.up)
    }

    /// Whether it takes part: its checks pass, and it is not held down.
    pub(super) fn takes_part(&self) -> bool {
        self.passes() && self.recovery.held_until().is_none()
    }

    /// The weight that it has in the table while it is up.
    pub(super) fn weight_in_table(&self) -> u32 {
        self.recovery.share(self.weight())
    }

    /// Its whole weight: the configured one, the difference that each of its checks asks for, and what files add; 0 to 2147483647, as
    /// IPVS takes it. It is 0 while an agent wants no new clients.
    pub(super) fn weight(&self) -> u32 {
        if self.drains() {
            return 0;
        }
        let configured = i64::from(self.destination.weight);
        let part = |check: &Check| {
            let difference = check.asked_weight.map_or(0, |weight| i64::from(weight) - configured);
            difference.saturating_add(check.added_weight)
        };
        let sum = self.checks.iter().map(part).fold(configured, i64::saturating_add);
        let sum = sum.saturating_add(self.difference_of_agents(configured));
        u32::try_from(sum.clamp(0, i64::from(i32::MAX))).unwrap_or(0)
    }

    /// How the log says that it went up or down.
    pub(super) const fn turned(&self, member: Member) -> Message {
        let inhibit = self.inhibit;
        if self.up {
            Message::RealServerUp { member, inhibit }
        } else {
            Message::RealServerDown { member, inhibit }
        }
    }

    /// Its virtual server may not be complete yet: what that is like is filled in by [`VirtualServer::complete`].
    pub(super) fn notification(&self, virtual_server: &Arc<str>, up: bool, cause: Cause) -> Notification {
        Notification::RealServer {
            virtual_server: virtual_server.to_string(),
            real_server: self.name.to_string(),
            key: self.key,
            up,
            cause,
            pool: Pool::default(),
        }
    }
}

impl VirtualServer {
    /// A virtual server without a quorum state; its real servers are handed in apart from its other settings.
    pub(super) fn new(settings: settings::VirtualServer, name: Arc<str>, real_servers: Vec<RealServer>) -> Self {
        let sorry_server = settings.sorry_server.map(|sorry| SorryServer {
            name: sorry.name.into(),
            key: sorry.key,
            destination: sorry.destination,
            inhibit: sorry.inhibit,
        });
        let mut server = Self {
            name,
            services: settings.services,
            marked_addresses: settings.marked_addresses,
            service: settings.service,
            quorum: settings.quorum,
            hysteresis: settings.hysteresis,
            ha_suspend: settings.ha_suspend,
            omega: settings.omega,
            sorry_server,
            real_servers,
            live_weight: 0,
            quorum_up: false,
            suspended: false,
            adopted: false,
            sorry_adopted: false,
        };
        server.count_live_weight();
        server
    }

    /// Whether the sorry server has the clients.
    pub(super) const fn sorry_active(&self) -> bool {
        self.sorry_server.is_some() && !self.quorum_up
    }

    /// Takes the sum of the live weights afresh.
    pub(super) fn count_live_weight(&mut self) {
        self.live_weight = self
            .real_servers
            .iter()
            .filter(|it| it.up)
            .map(|it| u64::from(it.weight()))
            .sum();
    }

    /// The quorum state of a virtual server without a past.
    pub(super) fn quorum_at_start(&self) -> bool {
        self.live_weight >= u64::from(self.quorum) + u64::from(self.hysteresis)
    }

    /// Brings one real server up or down: log, table, notification, and then the quorum.
    pub(super) fn turn(&mut self, place: usize, up: bool, now: Timestamp, out: &mut Outbox) {
        self.set_state(place, up, now, out);
        self.evaluate_quorum(now, out);
    }

    fn set_state(&mut self, place: usize, up: bool, now: Timestamp, out: &mut Outbox) {
        let sorry_active = self.sorry_active();
        let Some(server) = self.real_servers.get_mut(place) else {
            return;
        };
        if server.up == up {
            return;
        }
        server.up = up;
        let before = std::mem::replace(&mut server.since, now);
        // Who is seen for the first time does not come back from anything.
        let has_a_past = std::mem::replace(&mut server.first_state_told, true);
        let mut hold = None;
        if !up {
            hold = server.recovery.went_down(before, now);
        } else if has_a_past {
            server.recovery.came_back(now);
        }
        server.told_weight = server.weight();
        let weight = u64::from(server.told_weight);
        self.live_weight = if up {
            self.live_weight.saturating_add(weight)
        } else {
            self.live_weight.saturating_sub(weight)
        };
        let member = Member {
            server: server.name.clone(),
            virtual_server: self.name.clone(),
        };
        out.log(server.turned(member.clone()));
        if let Some(length) = hold {
            out.log(Message::Held {
                member: member.clone(),
                length,
            });
        }
        if let Some(length) = server.recovery.slow_start() {
            let (from, to) = (server.weight_in_table(), server.weight());
            out.log(Message::SlowStart {
                member,
                from,
                to,
                length,
            });
        }
        let notification = server.notification(&self.name, up, Cause::Check);
        if !sorry_active {
            self.services_changed(out);
        }
        out.notify(self.complete(notification));
    }

    /// The time that a real server is held, or a part of its slow start, is over.
    pub(super) fn recovery_due(&mut self, place: usize, now: Timestamp, out: &mut Outbox) {
        let Some(server) = self.real_servers.get_mut(place) else {
            return;
        };
        let weight = server.weight_in_table();
        let due = server.recovery.advance(now);
        let member = Member {
            server: server.name.clone(),
            virtual_server: self.name.clone(),
        };
        let comes_back = due.released && server.takes_part() && !server.up;
        let other_weight = server.up && due.another_share && server.weight_in_table() != weight;
        if due.full_weight {
            let weight = server.weight();
            out.log(Message::FullWeight {
                member: member.clone(),
                weight,
            });
        }
        if due.released {
            out.log(Message::HoldOver {
                member,
                for_quorum: false,
            });
        }
        if other_weight && !self.sorry_active() {
            self.services_changed(out);
        }
        if comes_back {
            self.turn(place, true, now, out);
        }
    }

    /// Whether more live weight is needed for the quorum to be up, or to stay so.
    fn lacks_weight(&self) -> bool {
        let lower = u64::from(self.quorum.saturating_sub(self.hysteresis));
        let upper = u64::from(self.quorum) + u64::from(self.hysteresis);
        if self.quorum_up {
            self.live_weight == 0 || self.live_weight < lower
        } else {
            self.live_weight < upper
        }
    }

    /// Who is held down although its checks pass comes back: better one that may fail soon than none.
    fn release_for_quorum(&mut self, now: Timestamp, out: &mut Outbox) {
        for place in 0..self.real_servers.len() {
            let Some(server) = self.real_servers.get_mut(place) else {
                continue;
            };
            if server.recovery.held_until().is_some() && server.passes() {
                server.recovery.release();
                let member = Member {
                    server: server.name.clone(),
                    virtual_server: self.name.clone(),
                };
                out.log(Message::HoldOver {
                    member,
                    for_quorum: true,
                });
                self.set_state(place, true, now, out);
            }
        }
    }

    /// Gives one real server the weight that its checks ask for now: log, table, and then the quorum. True: it is another.
    pub(super) fn reweigh(&mut self, place: usize, now: Timestamp, out: &mut Outbox) -> bool {
        let Some(server) = self.real_servers.get_mut(place) else {
            return false;
        };
        let new = server.weight();
        let old = std::mem::replace(&mut server.told_weight, new);
        if old == new {
            return false;
        }
        let (name, up) = (server.name.clone(), server.up);
        out.log(Message::WeightChanged {
            member: self.member(&name),
            old,
            new,
            up,
        });
        if up {
            self.count_live_weight();
            if !self.sorry_active() {
                self.services_changed(out);
            }
            self.evaluate_quorum(now, out);
        }
        true
    }

    /// Looks whether the quorum is gained or lost with the live weight as it is now.
    pub(super) fn evaluate_quorum(&mut self, now: Timestamp, out: &mut Outbox) {
        if self.lacks_weight() {
            self.release_for_quorum(now, out);
        }
        let lacks_weight = self.lacks_weight();
        if !self.quorum_up && !lacks_weight {
            out.log(Message::QuorumGained(self.quorum_figures()));
            if let Some(sorry) = &self.sorry_server {
                out.log(Message::SorryServerDown {
                    member: self.member(&sorry.name),
                    inhibit: sorry.inhibit,
                });
                out.log(Message::PoolFilled(self.name.clone()));
                self.services_changed(out);
            }
            self.quorum_up = true;
            out.notify(self.quorum_notification(self.quorum_up, Cause::Check));
        } else if self.quorum_up && lacks_weight {
            out.log(Message::QuorumLost(self.quorum_figures()));
            self.quorum_up = false;
            self.bring_in_sorry_server(out);
            out.notify(self.quorum_notification(self.quorum_up, Cause::Check));
        }
    }

    /// Says that the quorum is down from the start, which matters only with a sorry server.
    pub(super) fn announce_quorum_down(&self, out: &mut Outbox) {
        out.log(Message::QuorumDownAtStart(self.quorum_figures()));
        self.bring_in_sorry_server(out);
        out.notify(self.quorum_notification(self.quorum_up, Cause::Start));
    }

    /// Says that the quorum is there from the start.
    pub(super) fn announce_quorum_up(&self, out: &mut Outbox) {
        out.log(Message::QuorumGained(self.quorum_figures()));
        out.notify(self.quorum_notification(self.quorum_up, Cause::Start));
    }

    /// Leaves with everything it has in the table: at a reload, or at the end. Without a cause nobody is told.
    pub(super) fn depart(&self, stopping: bool, cause: Option<Cause>, out: &mut Outbox) {
        for server in &self.real_servers {
            if server.up || server.inhibit || stopping {
                let member = self.member(&server.name);
                out.log(Message::RealServerRemoved {
                    member,
                    inhibited: server.inhibit && !server.up,
                    stopping,
                });
            }
        }
        self.services_changed(out);
        if let Some(cause) = cause {
            let mut pool = self.pool();
            for server in self.real_servers.iter().filter(|server| server.up) {
                pool.real_servers_up = pool.real_servers_up.saturating_sub(1);
                out.notify(with_pool(server.notification(&self.name, false, cause), pool));
            }
            if self.quorum_up || cause == Cause::StoppingQuietly {
                out.notify(with_pool(self.quorum_notification(false, cause), pool));
            }
        }
    }

    /// Whether its checks ought to rest while these are the addresses on this host.
    pub(super) fn wants_suspension(&self, local: &BTreeSet<IpAddr>) -> bool {
        let mut addresses = self.addresses().peekable();
        self.ha_suspend && addresses.peek().is_some() && !addresses.any(|address| local.contains(&address))
    }

    /// The addresses of its services.
    pub(super) fn addresses(&self) -> impl Iterator<Item = IpAddr> + '_ {
        let by_address = self.services.iter().filter_map(|service| match service {
            ServiceKey::Address { address, .. } => Some(*address),
            ServiceKey::Fwmark { .. } => None,
        });
        by_address.chain(self.marked_addresses.iter().copied())
    }

    fn bring_in_sorry_server(&self, out: &mut Outbox) {
        if let Some(sorry) = &self.sorry_server {
            out.log(Message::SorryServerUp {
                member: self.member(&sorry.name),
                inhibit: sorry.inhibit,
            });
            out.log(Message::PoolEmptied(self.name.clone()));
            self.services_changed(out);
        }
    }

    pub(super) fn services_changed(&self, out: &mut Outbox) {
        for key in &self.services {
            out.service_changed(*key);
        }
    }

    pub(super) fn member(&self, server: &Arc<str>) -> Member {
        Member {
            server: server.clone(),
            virtual_server: self.name.clone(),
        }
    }

    fn quorum_notification(&self, up: bool, cause: Cause) -> Notification {
        Notification::Quorum {
            virtual_server: self.name.to_string(),
            up,
            cause,
            quorum: self.quorum,
            hysteresis: self.hysteresis,
            weight: self.live_weight,
            pool: self.pool(),
        }
    }

    /// The notification with what the virtual server is like now.
    pub(super) fn complete(&self, notification: Notification) -> Notification {
        with_pool(notification, self.pool())
    }

    fn pool(&self) -> Pool {
        let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        Pool {
            protocol: self.services.iter().find_map(|service| match service {
                ServiceKey::Address { protocol, .. } => Some(*protocol),
                ServiceKey::Fwmark { .. } => None,
            }),
            real_servers: count(self.real_servers.len()),
            real_servers_up: count(self.real_servers.iter().filter(|server| server.up).count()),
        }
    }

    fn quorum_figures(&self) -> Quorum {
        Quorum {
            virtual_server: self.name.clone(),
            quorum: self.quorum,
            hysteresis: self.hysteresis,
            weight: self.live_weight,
        }
    }

    /// One of its services as it ought to be in the table now.
    pub(super) fn entry(&self, service: &ServiceKey) -> ServiceEntry {
        let mut destinations = BTreeMap::new();
        for server in &self.real_servers {
            let in_use = server.up && !self.sorry_active();
            if (in_use || server.inhibit) && fits(service, server.key, server.destination.forwarding) {
                let weight = if in_use { server.weight_in_table() } else { 0 };
                let (upper_threshold, lower_threshold) = server.thresholds();
                destinations.insert(
                    key_within(service, server.key, server.destination.forwarding),
                    Destination {
                        weight,
                        upper_threshold,
                        lower_threshold,
                        ..server.destination
                    },
                );
            }
        }
        if let Some(sorry) = &self.sorry_server
            && fits(service, sorry.key, sorry.destination.forwarding)
        {
            let key = key_within(service, sorry.key, sorry.destination.forwarding);
            if self.sorry_active() {
                destinations.insert(key, sorry.destination);
            } else if sorry.inhibit {
                // It may be one of the real servers as well: then that one's weight counts.
                destinations.entry(key).or_insert(Destination {
                    weight: 0,
                    ..sorry.destination
                });
            }
        }
        ServiceEntry {
            service: self.service.clone(),
            destinations,
        }
    }
}

fn with_pool(mut notification: Notification, now: Pool) -> Notification {
    if let Notification::RealServer { pool, .. } | Notification::Quorum { pool, .. } = &mut notification {
        *pool = now;
    }
    notification
}

/// Only a tunnel leads to a server of another family.
fn fits(service: &ServiceKey, server: DestinationKey, forwarding: Forwarding) -> bool {
    matches!(forwarding, Forwarding::Tunnel(_)) || Family::of(server.address) == service.family()
}

/// The identity of a server within one service. Only address translation can change the port: with the other ways the
/// packet arrives as it came. Services by firewall mark have no port of their own to hand on.
pub fn key_within(service: &ServiceKey, server: DestinationKey, forwarding: Forwarding) -> DestinationKey {
    let own = match service {
        ServiceKey::Fwmark { .. } => 0,
        ServiceKey::Address { port, .. } => *port,
    };
    let port = match forwarding {
        Forwarding::Masquerade if server.port != 0 => server.port,
        _ => own,
    };
    DestinationKey {
        address: server.address,
        port,
    }
}
