//! Other settings, the same state.
//!
//! What a thing is decides what it keeps: a virtual server its name or one of its services, a real server its address
//! and port, a check its probe with all parameters. Weights, thresholds and times are settings of a thing, not part of
//! what it is.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;

use holdfast_ipvs::table::{DestinationKey, ServiceKey, Table};
use holdfast_time::Timestamp;

use super::check::{Check, Next, Standing};
use super::outbox::Outbox;
use super::pool::{RealServer, VirtualServer};
use super::recovery::Recovery;
use super::schedule::Deadlines;
use super::sharing::align;
use super::{Health, Place, told};
use crate::action::{Action, Cause, Notification};
use crate::event::{CheckerId, Generation};
use crate::messages::{Member, Message};
use crate::probe::{Probe, Source};
use crate::settings::{self, Settings};

/// What is to be said about a change of settings, in the order of the promise: logs, table, notifications, quorum.
#[derive(Default)]
pub(super) struct Report {
    logs: Outbox,
    notifications: Vec<Notification>,
    quorum: Outbox,
    /// Virtual servers without a past, by position.
    fresh: Vec<usize>,
}

/// The virtual servers of the settings until now.
struct Former {
    servers: Vec<Option<VirtualServer>>,
    /// A group has a virtual server for each protocol, all of the same name.
    by_name: HashMap<Arc<str>, Vec<usize>>,
    by_service: BTreeMap<ServiceKey, usize>,
    /// Names that the new settings have too: their state is not for anybody else.
    kept_names: HashSet<String>,
}

impl Former {
    fn take(&mut self, settings: &settings::VirtualServer) -> Option<VirtualServer> {
        let named = self.by_name.get(settings.name.as_str()).into_iter().flatten();
        let named = named.filter(|place| self.servers.get(**place).is_some_and(Option::is_some));
        let shares_service = |place: &&usize| {
            let mut services = settings.services.iter();
            services.any(|key| self.by_service.get(key) == Some(*place))
        };
        let by_name = named.clone().find(shares_service).or_else(|| named.clone().next());
        let by_service = settings
            .services
            .iter()
            .filter_map(|key| self.by_service.get(key))
            .find(|place| {
                let former = self.servers.get(**place).and_then(Option::as_ref);
                former.is_some_and(|it| !self.kept_names.contains(&*it.name))
            });
        let place = by_name.or(by_service);
        self.servers.get_mut(*place?)?.take()
    }
}

impl Health {
    pub(super) fn reload(&mut self, now: Timestamp, settings: Settings) {
        let before = self.wanted();
        let mut report = self.replace_settings(now, settings);
        let after = self.wanted();
        self.out.append_words(report.logs);
        for key in changed_services(&before, &after) {
            self.out.service_changed(key);
        }
        for notification in report.notifications {
            self.out.notify(notification);
        }
        for server in report.fresh.iter().filter_map(|place| self.servers.get(*place)) {
            server.start(self.notify_first_state, &mut report.quorum);
        }
        self.out.append_words(report.quorum);
    }

    /// Puts these settings in the place of the old ones and keeps all state that still belongs to something.
    pub(super) fn replace_settings(&mut self, now: Timestamp, settings: Settings) -> Report {
        let mut report = Report::default();
        let servers = std::mem::take(&mut self.servers);
        let mut by_name: HashMap<Arc<str>, Vec<usize>> = HashMap::new();
        for (place, server) in servers.iter().enumerate() {
            by_name.entry(server.name.clone()).or_default().push(place);
        }
        let by_service = std::mem::take(&mut self.owners);
        let kept_names = settings.virtual_servers.iter().map(|it| it.name.clone()).collect();
        let servers = servers.into_iter().map(Some).collect();
        let mut former = Former {
            servers,
            by_name,
            by_service,
            kept_names,
        };
        self.notify_first_state = settings.notify_first_state;
        self.tell_managers_of_the_end = settings.tell_managers_of_the_end;
        self.share_checks = settings.share_checks;
        let files = settings.files.into_iter();
        self.words
            .extend(files.map(|(file, number)| (Source::File(file), number)));
        for (place, mut server) in settings.virtual_servers.into_iter().enumerate() {
            let known = former.take(&server);
            self.claim_services(place, &mut server, &mut report.logs);
            if known.is_none() {
                report.fresh.push(place);
            }
            let told = report.notifications.len();
            let server = self.renew(now, server, known, &mut report);
            report.complete(told, &server);
            self.servers.push(server);
        }
        for server in former.servers.into_iter().flatten() {
            report.virtual_server_gone(&server);
        }
        if self.share_checks {
            align(&mut self.servers);
        }
        self.index(now);
        self.drop_abandoned_probes(&mut report.logs);
        report
    }

    /// Gives a virtual server those of its services that nobody before it in the file has.
    fn claim_services(&mut self, place: usize, server: &mut settings::VirtualServer, logs: &mut Outbox) {
        let name: Arc<str> = server.name.as_str().into();
        server.services.retain(|key| {
            let owner = *self.owners.entry(*key).or_insert(place);
            if owner != place {
                let owner = self
                    .servers
                    .get(owner)
                    .map_or_else(|| name.clone(), |it| it.name.clone());
                logs.log(Message::DuplicateService {
                    service: *key,
                    owner,
                    other: name.clone(),
                });
            }
            owner == place
        });
    }

    fn renew(
        &mut self,
        now: Timestamp,
        mut settings: settings::VirtualServer,
        known: Option<VirtualServer>,
        report: &mut Report,
    ) -> VirtualServer {
        let name: Arc<str> = settings.name.as_str().into();
        let past = known.as_ref().map(|it| (it.quorum_up, it.sorry_active(), it.suspended));
        let first_new = CheckerId(self.next_id);
        let mut known_servers = FormerServers::new(known.map_or_else(Vec::new, |it| it.real_servers), &settings);
        let mut real_servers = Vec::with_capacity(settings.real_servers.len());
        for server in std::mem::take(&mut settings.real_servers) {
            let known = known_servers.take(&server);
            let member = Member {
                server: server.name.as_str().into(),
                virtual_server: name.clone(),
            };
            let is_new_here = known.is_none() && past.is_some();
            let server = self.renew_real_server(now, server, known, &member, report);
            if is_new_here && server.up {
                report.logs.log(Message::RealServerUp {
                    member,
                    inhibit: server.inhibit,
                });
            }
            real_servers.push(server);
        }
        let mut gone: Vec<_> = known_servers.by_key.into_values().collect();
        gone.sort_by_key(|server| server.key);
        for server in gone {
            report.real_server_gone(&server, &name);
        }
        let mut server = VirtualServer::new(settings, name, real_servers);
        server.suspended = server.wants_suspension(&self.local);
        if server.suspended {
            report.rest(&mut server);
        }
        if let Some((quorum_up, sorry_was_active, was_suspended)) = past {
            let first = if server.suspended == was_suspended {
                first_new
            } else {
                CheckerId(0)
            };
            server.announce(first, &mut report.logs);
            server.quorum_up = quorum_up;
            server.evaluate_quorum(now, &mut report.quorum);
            if !quorum_up && !sorry_was_active && server.sorry_active() {
                server.announce_quorum_down(&mut report.quorum);
            }
        } else {
            server.quorum_up = server.quorum_at_start();
        }
        server
    }

    fn renew_real_server(
        &mut self,
        now: Timestamp,
        settings: settings::RealServer,
        known: Option<RealServer>,
        member: &Member,
        report: &mut Report,
    ) -> RealServer {
        let (was_up, since, first_state_told, old_weight, mut known_checks, recovery) = match known {
            Some(mut it) => {
                it.recovery.configure(settings.recovery, now);
                (
                    Some(it.up),
                    it.since,
                    it.first_state_told,
                    Some(it.told_weight),
                    it.checks,
                    it.recovery,
                )
            }
            None => (None, now, false, None, Vec::new(), Recovery::new(settings.recovery)),
        };
        let checks: Vec<_> = settings
            .checkers
            .into_iter()
            .map(|checker| {
                let found = known_checks.iter().position(|it| it.settings.probe == checker.probe);
                if let Some(place) = found {
                    Self::renew_check(now, checker, known_checks.swap_remove(place))
                } else {
                    // A new check says nothing against a server that is known to be up.
                    let up = !checker.alpha || was_up == Some(true);
                    self.new_check(now, checker, up)
                }
            })
            .collect();
        report.forget_probes(&known_checks);
        let mut server = RealServer {
            name: member.server.clone(),
            key: settings.key,
            destination: settings.destination,
            inhibit: settings.inhibit_on_failure,
            checks,
            recovery,
            wake: None,
            told_weight: 0,
            up: false,
            since,
            first_state_told,
        };
        server.up = server.takes_part();
        server.told_weight = server.weight();
        // A new server was never said to weigh anything else.
        let old = old_weight.unwrap_or(server.told_weight);
        let (new, up) = (server.told_weight, server.up);
        if old != new {
            report.logs.log(Message::WeightChanged {
                member: member.clone(),
                old,
                new,
                up,
            });
        }
        if was_up.is_some_and(|was_up| was_up != up) {
            server.since = now;
            if up {
                server.recovery.came_back(now);
            } else {
                server.recovery.taken_down();
            }
            report.logs.log(server.turned(member.clone()));
            report
                .notifications
                .push(server.notification(&member.virtual_server, up, Cause::Reload));
        }
        server
    }

    fn new_check(&mut self, now: Timestamp, settings: settings::Checker, up: bool) -> Check {
        let id = CheckerId(self.next_id);
        self.next_id += 1;
        let mut standing = Standing::new(up);
        let source = settings.probe.source();
        let asks = source.is_none();
        let mut added_weight = 0;
        if let Some(word) = source.and_then(|source| self.words.get(&source)) {
            let judged = told::judge(&settings.probe, *word);
            standing = Standing::adopted(judged.is_ok());
            added_weight = judged.unwrap_or(0);
        }
        let origin = if asks {
            now + self.spread.next(settings.warmup)
        } else {
            now
        };
        let agent = matches!(settings.probe, Probe::Agent(_)).then(Box::default);
        Check {
            id,
            settings,
            standing,
            origin,
            salt: self.spread.salt(id),
            wake: asks.then_some(origin),
            in_flight: false,
            shared_probe: None,
            generation: Generation::default(),
            last: None,
            asked_weight: None,
            added_weight,
            agent,
        }
    }

    /// Other settings for a known check. Its next probe is not put off, and not made at once either.
    fn renew_check(now: Timestamp, settings: settings::Checker, mut check: Check) -> Check {
        let regular = check.settings.delay_loop == settings.delay_loop;
        check.settings = settings;
        if !regular && !check.in_flight {
            check.origin = check.wake.map_or(now, |wake| wake.min(now + check.settings.delay_loop));
            check.wake = check.wake.map(|_| check.origin);
        }
        check
    }

    /// Makes the indexes anew from the virtual servers.
    fn index(&mut self, now: Timestamp) {
        self.watchers.clear();
        self.places.clear();
        self.deadlines = Deadlines::default();
        self.recoveries = Deadlines::default();
        for (virtual_server, server) in self.servers.iter_mut().enumerate() {
            if server.ha_suspend {
                for address in server.addresses() {
                    let watchers = self.watchers.entry(address).or_default();
                    if watchers.last() != Some(&virtual_server) {
                        watchers.push(virtual_server);
                    }
                }
            }
            let suspended = server.suspended;
            for (real_server, real) in server.real_servers.iter_mut().enumerate() {
                for (place, check) in real.checks.iter_mut().enumerate() {
                    self.places.insert(
                        check.id,
                        Place {
                            virtual_server,
                            real_server,
                            check: place,
                        },
                    );
                    if !suspended && check.wake.is_none() && check.asks() {
                        check.wake = Some(check.due(Next::Loop, now));
                    }
                    self.deadlines.set(check.id, None, check.wake);
                }
                real.wake = None;
            }
        }
        for virtual_server in 0..self.servers.len() {
            self.await_recoveries(virtual_server);
        }
    }
}

/// The real servers of a virtual server until now.
#[derive(Default)]
struct FormerServers {
    by_key: HashMap<DestinationKey, RealServer>,
    /// Behind a firewall mark: those that are not named any more.
    unnamed: HashMap<IpAddr, BTreeSet<DestinationKey>>,
}

impl FormerServers {
    fn new(former: Vec<RealServer>, settings: &settings::VirtualServer) -> Self {
        let by_key: HashMap<_, _> = former.into_iter().map(|it| (it.key, it)).collect();
        let is_mark = |key: &ServiceKey| matches!(key, ServiceKey::Fwmark { .. });
        let mut unnamed: HashMap<IpAddr, BTreeSet<DestinationKey>> = HashMap::new();
        if settings.services.iter().all(is_mark) {
            let named: HashSet<DestinationKey> = settings.real_servers.iter().map(|it| it.key).collect();
            for key in by_key.keys().filter(|key| !named.contains(*key)) {
                unnamed.entry(key.address).or_default().insert(*key);
            }
        }
        Self { by_key, unnamed }
    }

    /// The past of a real server. Behind a firewall mark its port comes and goes with the method (NAT needs one), and it is
    /// the same server; for a service with an address another port is another server.
    fn take(&mut self, server: &settings::RealServer) -> Option<RealServer> {
        if let Some(former) = self.by_key.remove(&server.key) {
            return Some(former);
        }
        let unnamed = self.unnamed.get_mut(&server.key.address)?;
        let was_it = |key: &&DestinationKey| {
            let former = self.by_key.get(*key);
            (key.port == 0 || server.key.port == 0)
                && former.is_some_and(|former| former.destination.forwarding != server.destination.forwarding)
        };
        let former = unnamed.iter().find(was_it).copied()?;
        unnamed.remove(&former);
        self.by_key.remove(&former)
    }
}

impl Report {
    /// At the start there is nothing else to report: no past, and no table.
    pub(super) fn first_words(self) -> Outbox {
        self.logs
    }

    /// A virtual server is complete: what was said of its real servers since then, says what it is like now.
    fn complete(&mut self, since: usize, server: &VirtualServer) {
        for notification in self.notifications.iter_mut().skip(since) {
            *notification = server.complete(notification.clone());
        }
    }

    fn virtual_server_gone(&mut self, server: &VirtualServer) {
        self.logs.log(Message::VirtualServerGone(server.name.clone()));
        let mut departure = Outbox::default();
        server.depart(false, Some(Cause::Removed), &mut departure);
        while let Some(action) = departure.next() {
            match action {
                Action::Notify(notification) => self.notifications.push(notification),
                other => self.logs.push(other),
            }
        }
        for real_server in &server.real_servers {
            self.forget_probes(&real_server.checks);
        }
    }

    fn real_server_gone(&mut self, server: &RealServer, virtual_server: &Arc<str>) {
        let member = Member {
            server: server.name.clone(),
            virtual_server: virtual_server.clone(),
        };
        self.logs.log(Message::RealServerGone(member.clone()));
        if server.up || server.inhibit {
            let inhibited = server.inhibit && !server.up;
            self.logs.log(Message::RealServerRemoved {
                member,
                inhibited,
                stopping: false,
            });
        }
        if server.up {
            self.notifications
                .push(server.notification(virtual_server, false, Cause::Removed));
        }
        self.forget_probes(&server.checks);
    }

    /// Lets the checks of a virtual server rest.
    fn rest(&mut self, server: &mut VirtualServer) {
        for real_server in &mut server.real_servers {
            self.forget_probes(&real_server.checks);
            for check in &mut real_server.checks {
                check.in_flight = false;
                check.shared_probe = None;
                check.wake = None;
            }
        }
    }

    fn forget_probes(&mut self, checks: &[Check]) {
        // Others may wait for a shared one.
        for check in checks
            .iter()
            .filter(|check| check.in_flight && check.shared_probe.is_none())
        {
            self.logs.push(Action::ForgetProbe(check.id));
        }
    }
}

/// The services that differ between two tables, in the order of their keys.
fn changed_services(before: &Table, after: &Table) -> Vec<ServiceKey> {
    let all: BTreeSet<_> = before.services.keys().chain(after.services.keys()).collect();
    all.into_iter()
        .filter(|key| before.services.get(key) != after.services.get(key))
        .copied()
        .collect()
}
